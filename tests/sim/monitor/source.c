/* SPDX-License-Identifier: ISC */
#include "source.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEFT_ORDER 11U

struct source *source_create(struct desk *desk, domid_t domid)
{
    struct source *source = calloc(1, sizeof(*source));

    ck_assert_ptr_nonnull(source);
    source->desk = desk;
    source->domid = domid;
    source->hv = sim_domain_create(desk->host->sim,
                                   &(struct sim_domain_config){.domid = domid, .pages = 600});
    ck_assert_ptr_nonnull(source->hv);
    sim_domain_no_faults(source->hv);
    source->clock = hv_wallclock(source->hv) - hv_now(source->hv);
    return source;
}

void source_destroy(struct source *source)
{
    sim_domain_destroy(source->hv);
    free(source);
}

static void publish(struct source *source, const char *name, const char *node, unsigned value)
{
    struct client *dom0 = source->desk->host->dom0;
    char path[128], text[16], perms[32];

    snprintf(path, sizeof(path), "/local/domain/%u/data/vchan/%u/mirror-%s/%s", source->domid,
             DESK_MONITOR, name, node);
    snprintf(text, sizeof(text), "%u", value);
    snprintf(perms, sizeof(perms), "n0|r%u", DESK_MONITOR);
    ck_assert_int_eq(client_write(dom0, 0, path, text), 0);
    ck_assert_int_eq(client_set_perms(dom0, 0, path, perms), 0);
}

void source_offer(struct source *source, const char *name, unsigned order)
{
    unsigned pages = vchan_pages(LEFT_ORDER, order);

    ck_assert(!source->offered);
    source->order = order;
    source->pages = hv_page_alloc(source->hv, pages);
    ck_assert_ptr_nonnull(source->pages);
    ck_assert_int_eq(
        vchan_server_open(&source->v, source->hv, DESK_MONITOR, LEFT_ORDER, order, source->pages),
        0);
    publish(source, name, "ring-ref", source->v.ring_ref);
    publish(source, name, "event-channel", source->v.port);
    source->offered = true;
    source->used = 0;
}

void source_close(struct source *source)
{
    int error = vchan_close(&source->v);

    for (unsigned i = 0; error && i < 5; i++) {
        desk_pass(source->desk, HV_SEC);
        error = vchan_release(&source->v);
    }
    ck_assert_int_eq(error, 0);
    hv_page_free(source->hv, source->pages, vchan_pages(LEFT_ORDER, source->order));
    source->offered = false;
}

void source_raw(struct source *source, const void *bytes, size_t length)
{
    ck_assert_uint_le(source->used + length, sizeof(source->bytes));
    memcpy(source->bytes + source->used, bytes, length);
    source->used += length;
}

static void pad(struct source *source)
{
    static const uint8_t zeros[8];

    source_raw(source, zeros, -source->used & 7);
}

void source_hello(struct source *source)
{
    const struct mirror_hello hello = {
        .record = {.length = sizeof(hello), .kind = MIRROR_HELLO},
        .version = MIRROR_VERSION,
        .snap = 65535,
        .started = source->clock,
    };

    source_raw(source, &hello, sizeof(hello));
}

void source_port(struct source *source, unsigned port, domid_t domid, const char *guest)
{
    size_t length = sizeof(struct mirror_port) + 6 + strlen(guest);
    const struct mirror_port record = {
        .record = {.length = (uint32_t)((length + 7) & ~7UL),
                   .kind = MIRROR_PORT,
                   .port = (uint16_t)port},
        .domid = domid,
        .vif = 1,
        .identified = 1,
        .mac = {2, 0, 0, 0, 0, (uint8_t)domid},
        .uuid = {0x11, [15] = (uint8_t)domid},
        .bridge_length = 6,
        .guest_length = (uint8_t)strlen(guest),
    };

    source_raw(source, &record, sizeof(record));
    source_raw(source, "xenbr0", 6);
    source_raw(source, guest, strlen(guest));
    pad(source);
}

void source_gone(struct source *source, unsigned port)
{
    const struct mirror_port record = {
        .record = {.length = sizeof(record), .kind = MIRROR_GONE, .port = (uint16_t)port}};

    source_raw(source, &record, sizeof(record));
}

void source_frame(struct source *source, unsigned port, uint8_t flags, uint32_t number,
                  size_t captured, size_t length)
{
    const struct mirror_frame_record record = {
        .record = {.length = (uint32_t)((sizeof(record) + captured + 7) & ~7UL),
                   .kind = MIRROR_FRAME,
                   .port = (uint16_t)port},
        .time = source->clock + hv_now(source->hv),
        .original = (uint32_t)length,
        .captured = (uint32_t)captured,
        .frame_flags = flags,
    };
    static uint8_t data[65536];

    memcpy(data, &number, sizeof(number));
    source_raw(source, &record, sizeof(record));
    source_raw(source, data, captured);
    pad(source);
}

void source_lost(struct source *source, uint64_t frames)
{
    const struct mirror_lost record = {
        .record = {.length = sizeof(record), .kind = MIRROR_LOST},
        .frames = frames,
    };

    source_raw(source, &record, sizeof(record));
}

size_t source_push(struct source *source)
{
    int wrote = vchan_write(&source->v, source->bytes, source->used);

    if (wrote <= 0)
        return 0;
    source->used -= (size_t)wrote;
    memmove(source->bytes, source->bytes + wrote, source->used);
    return (size_t)wrote;
}

bool source_flush(struct source *source)
{
    while (source->used) {
        if (!source_push(source) && vchan_state(&source->v) != VCHAN_OPEN) {
            source->used = 0;
            return false;
        }
        desk_run(source->desk);
    }
    desk_run(source->desk);
    return vchan_state(&source->v) == VCHAN_OPEN;
}
