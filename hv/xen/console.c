/* SPDX-License-Identifier: ISC */
/*
 * The console ring (xen/include/public/io/console.h). Its reader is another domain: the consumer
 * index is loaded once and its distance checked, and the producer index is our own.
 */
#include "platform.h"

#include <string.h>

#include <xen/hvm/params.h>
#include <xen/io/console.h>

#include "arch.h"

void console_init(struct hv *hv, const struct boot_info *boot)
{
    if (boot->console_pfn == 0) {
        return;
    }
    hv->console = (struct xencons_interface *)(uintptr_t)(boot->console_pfn * HV_PAGE_SIZE);
    hv->console_port = (evtchn_port_t)hvm_param_get(HVM_PARAM_CONSOLE_EVTCHN);
    hv->console_prod = hv_shared_read32(hv, &hv->console->out_prod);
}

/** Free bytes of the ring; 0 where the reader's index makes no sense. */
static uint32_t console_room(struct hv *hv)
{
    uint32_t used = hv->console_prod - hv_shared_read32(hv, &hv->console->out_cons);

    return used <= sizeof hv->console->out ? (uint32_t)sizeof hv->console->out - used : 0;
}

void console_make_room(struct hv *hv, size_t length)
{
    uint32_t size = sizeof hv->console->out, need = length < size ? (uint32_t)length : size;

    if (console_room(hv) < need) {
        hv_shared_write32(hv, &hv->console->out_cons, hv->console_prod + need - size);
    }
}

static void ring_put(struct hv *hv, char c)
{
    volatile char *out = hv->console->out;

    out[hv->console_prod++ % sizeof hv->console->out] = c;
}

static void ring_write(struct hv *hv, const char *text, size_t length)
{
    uint32_t room = console_room(hv);
    size_t i;

    for (i = 0; i < length; i++) {
        uint32_t need = text[i] == '\n' ? 2 : 1;

        if (room < need) {
            break;
        }
        if (text[i] == '\n') {
            ring_put(hv, '\r');
        }
        ring_put(hv, text[i]);
        room -= need;
    }
    hv->console_dropped += length - i;
    if (i > 0) {
        hv_shared_write32(hv, &hv->console->out_prod, hv->console_prod);
        (void)hv_evtchn_send(hv, hv->console_port);
    }
}

void hv_console_write(struct hv *hv, const char *text, size_t length)
{
    if (hv->console != NULL) {
        ring_write(hv, text, length);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        arch_debug_putc(text[i]);
    }
}

uint64_t hv_console_dropped(const struct hv *hv)
{
    return hv->console_dropped;
}
