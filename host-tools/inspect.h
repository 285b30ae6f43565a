/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/inspect.h
 * How a service is: what its record, Xen and the service itself say, for `status` and `list`.
 */
#ifndef ATOLL_INSPECT_H
#define ATOLL_INSPECT_H

#include "config.h"
#include "record.h"
#include "report.h"
#include "watch_state.h"
#include <jansson.h>

struct inspection {
    const struct service_settings *settings;
    struct record record;
    enum record_state state;
    const char *why;  /**< of an end: "crashed" */
    uint64_t cpu_ns;  /**< of Xen: processor time of the domain */
    uint64_t memory;  /**< of Xen: bytes that it has */
    int code;         /**< 0: the service has answered; else an exit code, and what follows is 0 */
    char error[512];  /**< why it has not, in one line without the command's name */
    unsigned health;  /**< enum control_health, or a number that is not known here */
    char text[256];   /**< what is wrong, "" if nothing is */
    char service[32]; /**< what it calls itself: "xenstored", "switch" */
    char version[32]; /**< the program's */
    uint64_t uptime_ns;
    uint64_t started_ns;                /**< wall clock, since 1970; 0: the service does not know */
    uint64_t memory_total, memory_used; /**< the service's own: bytes of its arena */
    uint64_t clients;
    uint64_t sealed;
    struct watch_state watch; /**< what `atoll watchd` has seen of it since the boot */
};

/**
 * Look at the service, and ask it if it runs; that takes at most @timeout_ms. 0, or an exit code
 * reported where there is nothing to look at, such as no Xen.
 */
int inspect(struct report *r, xc_interface *xch, const struct service_settings *settings,
            int timeout_ms, struct inspection *found);

/**
 * Ask the service in domain @domid, called @name, for its status, within @timeout_ms: @ref
 * inspection.code and what follows is filled in. Nothing is reported: one service of many may hang.
 */
void inspect_ask(const struct report *r, const char *name, uint32_t domid, int timeout_ms,
                 struct inspection *found);

/** Its state in a word or two: "running", "starting", "stopped", "gone", "crashed". */
const char *inspect_state(const struct inspection *found);

/** Its health in a word: "healthy", "degraded", "failing", "no answer"; "" where it does not run.
 */
const char *inspect_health(const struct inspection *found);

/** The exit code that says so: 0 healthy or degraded, ATOLL_NOT_RUNNING, ATOLL_NO_ANSWER... */
int inspect_code(const struct inspection *found);

/** All of it, for scripts; what is not known is null. NULL: no memory. */
json_t *inspect_json(const struct inspection *found);

#endif
