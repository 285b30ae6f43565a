/* SPDX-License-Identifier: ISC */
/*
 * The image: XenStore for a Xen host, started by `atoll start xenstored` or by upstream's
 * init-xenstore-domain.
 *
 * Command line: --event PORT, the port that dom0's kernel made for us (IOCTL_XENBUS_BACKEND_SETUP);
 * --priv-domid DOMID, the control domain if it is not 0; log=KIB, kept for `atoll logs`;
 * clients=N, control clients at a time; history=N, versions of the tree to keep (0: none);
 * watchdog=SECONDS (2 to 3600; 0 and the default: none), see common/watchdog.h.
 */
#include <hv/memory.h>
#include <hv/time.h>

#include <string.h>

#include "common/listener.h"
#include "common/log.h"
#include "common/state_note.h"
#include "history.h"
#include "wire.h"
#include "xenstored.h"

/* Bounds of log=KIB. */
#define LOG_KIB_MIN 4U
#define LOG_KIB_MAX 4096U

/* The number behind @name on the command line. */
static bool option(const char *cmdline, const char *name, uint32_t max, uint32_t *number)
{
    const char *found = strstr(cmdline, name);
    char text[12];
    size_t length;

    if (!found)
        return false;
    found += strlen(name);
    found += strspn(found, " =");
    length = strcspn(found, " ");
    if (length >= sizeof(text))
        return false;
    memcpy(text, found, length);
    text[length] = '\0';
    return wire_number(text, max, number);
}

/** What is in the journal (docs/recovery.md). */
#define STATE_VERSION 3U
STATE_NOTE(STATE_VERSION, STATE_VERSION, STATE_VERSION);

void hv_main(struct hv *hv)
{
    struct xenstored_config config = {.control = true, .version = ATOLL_VERSION};
    uint32_t event, priv_domid = 0, log = 0, clients = 0, history = HISTORY_DEFAULT, watchdog = 0;
    struct xenstored *xs;
    const void *state;
    size_t state_size;
    int error;

    if (!option(hv_cmdline(hv), "--event", HV_EVTCHN_PORTS - 1, &event)) {
        log_line(hv, "xenstored: no --event PORT on the command line \"%s\"", hv_cmdline(hv));
        hv_exit(hv, HV_EXIT_CRASH);
    }
    option(hv_cmdline(hv), "--priv-domid", HV_DOMID_FIRST_RESERVED - 1, &priv_domid);
    config.priv_domid = (domid_t)priv_domid;
    if (option(hv_cmdline(hv), "log=", LOG_KIB_MAX, &log) && log >= LOG_KIB_MIN)
        config.log_size = log * 1024UL;
    option(hv_cmdline(hv), "clients=", LISTENER_SLOTS_MAX, &clients);
    config.clients = clients;
    option(hv_cmdline(hv), "history=", HISTORY_MAX, &history);
    config.history = history;
    config.no_history = !history;
    config.reserved = hv_reserved(hv, &config.reserved_pages);
    option(hv_cmdline(hv), "watchdog=", HV_WATCHDOG_MAX, &watchdog);

    xs = xenstored_create(hv, &config);
    if (!xs)
        hv_exit(hv, HV_EXIT_CRASH);
    hv_seal(hv);
    xenstored_sealed(xs);
    state = hv_module(hv, &state_size);
    if (state) {
        error = xenstored_take_over(xs, state, state_size);
        if (error) {
            log_line(hv, "xenstored: cannot take the predecessor's place: error %d", -error);
            hv_exit(hv, HV_EXIT_CRASH);
        }
    } else {
        error = xenstored_attach(xs, config.priv_domid, HV_GNTTAB_XENSTORE, event);
    }
    if (error) {
        log_line(hv, "xenstored: cannot attach to domain %u, port %u: error %d", config.priv_domid,
                 event, -error);
        hv_exit(hv, HV_EXIT_CRASH);
    }
    log_line(hv, "xenstored: serving domain %u and all that it introduces", config.priv_domid);

    error = xenstored_watch(xs, watchdog);
    if (error)
        log_line(hv, "xenstored: no watchdog of %u seconds (error %d): a hang stays", watchdog,
                 -error);

    for (;;) {
        uint64_t deadline = xenstored_step(xs);

        if (deadline)
            hv_wait(hv, deadline);
    }
}
