/* SPDX-License-Identifier: ISC */
/**
 * @file watchdog.h
 * Ends the service that does not come back to its loop: a timer of the loop tells Xen each second
 * that it does (hv_watchdog()). One hypercall a second, and a wake-up where there is nothing else.
 *
 * What it finds is a handler that does not return, and a loop that is never woken again. A loop
 * that turns without getting anything done is none of its business.
 */
#ifndef COMMON_WATCHDOG_H
#define COMMON_WATCHDOG_H

#include "common/loop.h"

/** As short as a watchdog can be: it is told of a second too late at times, and counts whole ones.
 */
#define WATCHDOG_MIN 2U

/** Owned by the service; zeroed or given to watchdog_start() before use. */
struct watchdog {
    struct timer timer;
    struct loop *loop;
    uint32_t seconds; /**< 0: it is not armed */
};

/**
 * Have the domain ended if @loop is not turned for @seconds (WATCHDOG_MIN to HV_WATCHDOG_MAX); 0:
 * do nothing. A hang is seen at the earliest after @seconds - 1. 0, or a negative errno value with
 * nothing armed.
 */
HV_MUST_CHECK int watchdog_start(struct watchdog *watchdog, struct loop *loop, uint32_t seconds);

/** Disarm: what comes now may take its time. Nothing to do where it is not armed. */
void watchdog_stop(struct watchdog *watchdog);

#endif
