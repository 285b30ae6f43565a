/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/watchd.h
 * `atoll watchd [SERVICE...]`: notices that a service has died, says why, and brings it back.
 */
#ifndef ATOLL_WATCHD_H
#define ATOLL_WATCHD_H

#include "config.h"
#include "report.h"
#include "watch.h"

/** How often Xen is asked, in milliseconds. */
#define WATCHD_POLL_MS 10

/** What the functions of a struct watch_host are given as their context. */
struct watchd {
    struct report report;
    xc_interface *xch;
    xenforeignmemory_handle *memory;
    const char *crash_dir, *state_dir;
    bool foreground; /**< the log is stderr, for a person to look at */
    int lock;        /**< of the one watchd that there is */
    struct config config;
};

/** The functions that do it on this host, for @watchd. */
struct watch_host watchd_host(struct watchd *watchd);

/** Tell systemd, where it has started us (sd_notify(3)), such as "READY=1". */
void watchd_notify(const char *what);

/** The command itself: an exit code. */
int watchd_main(int argc, char *const argv[]);

#endif
