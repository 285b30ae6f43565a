/* SPDX-License-Identifier: ISC */
/**
 * @file suite.h
 * What the cases share. A case is a function that returns early, through a CHECK, when it fails.
 */
#ifndef CONFORMANCE_SUITE_H
#define CONFORMANCE_SUITE_H

#include "tests/conformance/conformance.h"

#include <errno.h>
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/memory.h>
#include <hv/time.h>
#include <string.h>

struct conformance_page;

struct suite {
    struct hv *hv;
    unsigned passed, failed;
    char failure[200]; /**< of the case that runs; "" while it is well */

    /* What the command line says. */
    bool xs, has_peer, has_dom0;
    domid_t peer;
    evtchn_port_t dom0_port;

    /* The second domain (two.c). */
    struct conformance_page *page;
    evtchn_port_t port;
    uint32_t sequence;
};

/** Note a failure of the running case. */
void suite_fail(struct suite *s, const char *file, int line, const char *what, long got, long want);

#define CHECK(s, condition)                                                                        \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            suite_fail(s, __FILE__, __LINE__, #condition, 0, 1);                                   \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/** @expression, shown with both values where they differ. */
#define CHECK_EQ(s, expression, expected)                                                          \
    do {                                                                                           \
        long got_ = (long)(expression), want_ = (long)(expected);                                  \
        if (got_ != want_) {                                                                       \
            suite_fail(s, __FILE__, __LINE__, #expression, got_, want_);                           \
            return;                                                                                \
        }                                                                                          \
    } while (0)

typedef void suite_case_fn(struct suite *s);

/** Run one case, and say how it went. The domain must hold no more than before. */
void suite_case(struct suite *s, const char *name, suite_case_fn *run);

/** Wait until @nanoseconds have passed, whatever wakes us. */
void suite_sleep(struct suite *s, uint64_t nanoseconds);

/** Forget all pending events. */
void suite_drain(struct suite *s);

/** A port of ours and the other end of it, in the same domain; both without a pending event. */
struct suite_pair {
    evtchn_port_t a, b;
};
/** false: it cannot be made. */
bool suite_pair_open(struct suite *s, struct suite_pair *pair);
bool suite_pair_close(struct suite *s, const struct suite_pair *pair);

/* The groups. */
void suite_core(struct suite *s);
void suite_memory(struct suite *s);
void suite_evtchn(struct suite *s);
void suite_gnttab(struct suite *s);
void suite_two(struct suite *s);
void suite_dom0(struct suite *s);

#endif
