/* SPDX-License-Identifier: ISC */
/**
 * @file hv/hv.h
 * The contract between a service and the hypervisor under it: start, end, waiting, randomness.
 *
 * A service is written against the headers of this folder and nothing else. Each function takes the
 * domain it acts for as a `struct hv *`, and is resolved at link time: `hv/xen` makes an image that
 * runs as a Xen domain, `hv/sim` puts many domains into one process. Nothing here blocks but
 * hv_wait(), and nothing here may be called from more than one thread.
 *
 * Errors are returned as negative errno values. -EAGAIN always means "try again later"; every other
 * value is final for the same arguments.
 */
#ifndef HV_HV_H
#define HV_HV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One domain, as the platform knows it. Opaque to services. */
struct hv;

/** Xen's domain number (xen/include/public/xen.h). */
typedef uint16_t domid_t;

#define HV_DOMID_FIRST_RESERVED 0x7ff0U /**< domids from here on name no real domain */

#define HV_PAGE_SIZE 4096U

/** A deadline that never comes. */
#define HV_NEVER UINT64_MAX

#define HV_MUST_CHECK __attribute__((warn_unused_result))

/**
 * Data that is written during start-up only. hv_seal() makes it read-only.
 * On a platform without page tables of its own it is ordinary data.
 */
#define HV_RO_AFTER_INIT __attribute__((section(".data.ro_after_init")))

/** Why a domain ends; the values are Xen's SHUTDOWN_* (xen/include/public/sched.h). */
enum hv_exit_reason {
    HV_EXIT_POWEROFF = 0,
    HV_EXIT_REBOOT = 1,
    HV_EXIT_CRASH = 3,
    HV_EXIT_WATCHDOG = 4, /**< Xen's verdict: see hv_watchdog(); nobody gives it to hv_exit() */
};

/** The longest time that hv_watchdog() takes, in seconds. */
#define HV_WATCHDOG_MAX 3600U

/**
 * The image's entry point, supplied by the main file of a service and called once by the platform
 * with interrupts off, memory mapped and the console usable. Returning is a power-off.
 */
void hv_main(struct hv *hv);

/** This domain's own number. */
domid_t hv_domid(const struct hv *hv);

/** The command line the domain was built with; "" where there was none. Lives as long as @hv. */
const char *hv_cmdline(const struct hv *hv);

/**
 * What the toolstack loaded beside the image, a boot module: its bytes, read-only, and how many in
 * *@size. NULL and 0 where there is none. Whoever built this domain wrote them, and may only have
 * passed on what a stranger wrote: they are to be checked. Lives as long as @hv.
 */
const void *hv_module(const struct hv *hv, size_t *size);

/**
 * Sleep until an event channel is pending (see hv_evtchn_next()) or @deadline, in the clock of
 * hv_now(), has passed. Returns at once if either is so already. May return early without a cause;
 * never sleeps past an event that arrived before or during the call.
 */
void hv_wait(struct hv *hv, uint64_t deadline);

/**
 * End start-up: data marked HV_RO_AFTER_INIT, page tables and descriptor tables become read-only.
 * To be called once, before the first byte of another domain is read.
 */
void hv_seal(struct hv *hv);

/**
 * Have this domain ended, as HV_EXIT_WATCHDOG, unless the call is repeated within @seconds (1 to
 * HV_WATCHDOG_MAX): each call begins the time anew. 0: never. Xen counts the time of the host, in
 * which the domain may be paused, too. SCHEDOP_watchdog (xen/include/public/sched.h), of which a
 * domain has two; this takes one. 0, -EINVAL: out of range, or -ENOSPC: Xen has none left.
 */
HV_MUST_CHECK int hv_watchdog(struct hv *hv, uint32_t seconds);

/** Fill @len bytes at @buf with random bytes that no other domain can predict. */
void hv_random(struct hv *hv, void *buf, size_t len);

/** End this domain. In the simulator: the calling actor is never stepped again. */
_Noreturn void hv_exit(struct hv *hv, enum hv_exit_reason reason);

/**
 * Our own invariant is broken: print the message, registers and a backtrace, and crash the domain.
 * Never reachable by what another domain does.
 */
_Noreturn void hv_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** An invariant of our own, checked in every build. */
#define HV_ASSERT(condition)                                                                       \
    ((condition) ? (void)0                                                                         \
                 : hv_panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition))

#endif
