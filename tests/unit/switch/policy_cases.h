/* SPDX-License-Identifier: ISC */
/**
 * @file policy_cases.h
 * Frames that a port may want to send, and what becomes of each by the port's mode: "passes", or
 * the name of the drop reason.
 */
#ifndef TESTS_UNIT_SWITCH_POLICY_CASES_H
#define TESTS_UNIT_SWITCH_POLICY_CASES_H

#include "frames.h"

/**
 * The port is 02:00:00:00:00:02 with 10.0.0.2, 10.0.1.0/24 and 2001:db8::2; the MAC's link-local
 * address is fe80::ff:fe00:2.
 */
struct policy_case {
    const char *what;
    void (*make)(struct frame *frame);
    const char *locked;
    const char *guarded; /**< unlocked, and may be no DHCP server */
    const char *router;  /**< locked, and may be one; NULL: as locked */
};

#define POLICY_ROUTER(frame, by_locked, by_guarded, by_router)                                     \
    {                                                                                              \
        .what = #frame, .make = (frame), .locked = (by_locked), .guarded = (by_guarded),           \
        .router = (by_router)                                                                      \
    }
#define POLICY_CASE(frame, by_locked, by_guarded) POLICY_ROUTER(frame, by_locked, by_guarded, NULL)

/** With Ethernet, DHCP and ARP; with neighbour discovery, routers and multicast listeners. */
extern const struct policy_case policy_ipv4_cases[], policy_ipv6_cases[];
extern const int policy_ipv4_case_count, policy_ipv6_case_count;

/** Put @size bytes at @at. */
static inline void frame_put(struct frame *frame, size_t at, const void *bytes, size_t size)
{
    memcpy(frame->bytes + at, bytes, size);
}

#endif
