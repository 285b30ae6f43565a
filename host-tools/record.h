/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/record.h
 * What `atoll start` wrote down of a service's domain, in RECORD_DIR/NAME.json (a tmpfs: gone with
 * the boot). It is how a service is found without XenStore; Xen says whether that domain is still
 * the one recorded (its UUID), and how it is.
 */
#ifndef ATOLL_RECORD_H
#define ATOLL_RECORD_H

#include "report.h"
#include <stdbool.h>
#include <stdint.h>
#include <xenctrl.h>

#define RECORD_DIR "/var/run/atoll"

struct record {
    char service[32];
    uint32_t domid;
    uint8_t handle[16];
    uint64_t started; /**< wall clock, seconds since 1970 */
    uint32_t memory_mb;
    uint64_t console_gfn;
    uint32_t console_port; /**< the domain's */
    uint32_t
        store_port; /**< of its XenStore ring; for the store itself: dom0's, given by --event */
    char kernel[256];
    char cmdline[512];
};

/** Write it, whole or not at all (rename). 0 or an exit code with the cause reported. */
int record_write(struct report *r, const struct record *record);

/** Remove it; that there is none is no error. */
void record_remove(const char *service);

/** How a service is, as far as Xen knows. */
enum record_state {
    RECORD_NONE,     /**< never started since the boot, or stopped */
    RECORD_STARTING, /**< its domain is being built */
    RECORD_RUNS,
    RECORD_ENDED, /**< the domain is still there but has shut down or crashed */
    RECORD_GONE,  /**< recorded, and the domain is not there any more */
};

/**
 * Look the service up: its record, compared with Xen. The store's domain is found by Xen's flag
 * where there is no record (started by init-xenstore-domain); what is not known is 0 then. @why is
 * a word for an end
 * ("crashed"), "" otherwise. 0 or an exit code with the cause reported.
 */
int record_find(struct report *r, xc_interface *xch, const char *service, bool store_domain,
                struct record *record, enum record_state *state, const char **why);

#endif
