/* SPDX-License-Identifier: ISC */
/* evtchn.h, with both ends of each channel in the own domain. */
#include "tests/conformance/suite.h"

#define NO_DOMAIN 0x7feeU /**< a domid that no host of ours has */

static void case_alloc(struct suite *s)
{
    evtchn_port_t a, b;

    CHECK_EQ(s, hv_evtchn_alloc_unbound(s->hv, hv_domid(s->hv), &a), 0);
    CHECK_EQ(s, hv_evtchn_alloc_unbound(s->hv, NO_DOMAIN, &b), 0);
    CHECK(s, a != b);
    CHECK(s, a > 0 && a < HV_EVTCHN_PORTS && b > 0 && b < HV_EVTCHN_PORTS);
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    CHECK_EQ(s, hv_evtchn_send(s->hv, a), 0); /* nobody at the other end: no error */
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    CHECK_EQ(s, hv_evtchn_close(s->hv, a), 0);
    CHECK_EQ(s, hv_evtchn_close(s->hv, b), 0);
}

static void case_bind(struct suite *s)
{
    evtchn_port_t a, b, c;

    CHECK_EQ(s, hv_evtchn_alloc_unbound(s->hv, hv_domid(s->hv), &a), 0);
    CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, hv_domid(s->hv), a, &b), 0);
    CHECK(s, b != a && b > 0 && b < HV_EVTCHN_PORTS);
    CHECK_EQ(s, hv_evtchn_next(s->hv), b); /* binding raises an event here, and only here */
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, hv_domid(s->hv), a, &c), -EINVAL);
    CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, hv_domid(s->hv), b, &c), -EINVAL);
    CHECK_EQ(s, hv_evtchn_close(s->hv, b), 0);
    CHECK_EQ(s, hv_evtchn_close(s->hv, a), 0);
}

static void case_send(struct suite *s)
{
    struct suite_pair pair;

    CHECK(s, suite_pair_open(s, &pair));
    CHECK_EQ(s, hv_evtchn_send(s->hv, pair.a), 0);
    CHECK_EQ(s, hv_evtchn_next(s->hv), pair.b);
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    CHECK_EQ(s, hv_evtchn_send(s->hv, pair.b), 0);
    CHECK_EQ(s, hv_evtchn_next(s->hv), pair.a);
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    CHECK(s, suite_pair_close(s, &pair));
}

static void case_coalesce(struct suite *s)
{
    struct suite_pair pair;

    CHECK(s, suite_pair_open(s, &pair));
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(s, hv_evtchn_send(s->hv, pair.a), 0);
    CHECK_EQ(s, hv_evtchn_next(s->hv), pair.b);
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    CHECK(s, suite_pair_close(s, &pair));
}

/** An event that comes while its port is being handled is a new one. */
static void case_edge_while_handled(struct suite *s)
{
    struct suite_pair pair;

    CHECK(s, suite_pair_open(s, &pair));
    CHECK_EQ(s, hv_evtchn_send(s->hv, pair.a), 0);
    for (unsigned i = 0; i < 100; i++) {
        CHECK_EQ(s, hv_evtchn_next(s->hv), pair.b);
        CHECK_EQ(s, hv_evtchn_send(s->hv, pair.a), 0);
    }
    CHECK_EQ(s, hv_evtchn_next(s->hv), pair.b);
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    CHECK(s, suite_pair_close(s, &pair));
}

static void case_mask(struct suite *s)
{
    struct suite_pair pair;

    CHECK(s, suite_pair_open(s, &pair));
    hv_evtchn_mask(s->hv, pair.b);
    CHECK_EQ(s, hv_evtchn_send(s->hv, pair.a), 0);
    CHECK_EQ(s, hv_evtchn_send(s->hv, pair.a), 0);
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    hv_evtchn_unmask(s->hv, pair.b);
    CHECK_EQ(s, hv_evtchn_next(s->hv), pair.b);
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);

    CHECK_EQ(s, hv_evtchn_send(s->hv, pair.a), 0); /* masked when it is pending already */
    hv_evtchn_mask(s->hv, pair.b);
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    hv_evtchn_unmask(s->hv, pair.b);
    CHECK_EQ(s, hv_evtchn_next(s->hv), pair.b);

    hv_evtchn_mask(s->hv, pair.b); /* nothing came: unmasking raises nothing */
    hv_evtchn_mask(s->hv, pair.b);
    hv_evtchn_unmask(s->hv, pair.b);
    hv_evtchn_unmask(s->hv, pair.b);
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    CHECK(s, suite_pair_close(s, &pair));
}

static void case_close(struct suite *s)
{
    struct suite_pair pair;
    evtchn_port_t again;

    CHECK(s, suite_pair_open(s, &pair));
    CHECK_EQ(s, hv_evtchn_send(s->hv, pair.a), 0);
    CHECK_EQ(s, hv_evtchn_close(s->hv, pair.b), 0);
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    CHECK_EQ(s, hv_evtchn_close(s->hv, pair.b), -EINVAL);
    CHECK_EQ(s, hv_evtchn_send(s->hv, pair.b), -EINVAL);

    /* The other end is unbound now, for the domain that closed: bind it again. */
    CHECK_EQ(s, hv_evtchn_send(s->hv, pair.a), 0);
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, hv_domid(s->hv), pair.a, &again), 0);
    CHECK_EQ(s, hv_evtchn_next(s->hv), again);
    CHECK_EQ(s, hv_evtchn_send(s->hv, pair.a), 0);
    CHECK_EQ(s, hv_evtchn_next(s->hv), again);
    CHECK_EQ(s, hv_evtchn_close(s->hv, pair.a), 0);
    CHECK_EQ(s, hv_evtchn_send(s->hv, again), 0);
    CHECK_EQ(s, hv_evtchn_close(s->hv, again), 0);
}

/** Whether somebody is at the other end, seen from either. */
static void case_bound(struct suite *s)
{
    evtchn_port_t a, b;

    CHECK_EQ(s, hv_evtchn_alloc_unbound(s->hv, hv_domid(s->hv), &a), 0);
    CHECK_EQ(s, hv_evtchn_bound(s->hv, a), 0);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, hv_domid(s->hv), a, &b), 0);
        CHECK_EQ(s, hv_evtchn_bound(s->hv, a), 1);
        CHECK_EQ(s, hv_evtchn_bound(s->hv, b), 1);
        CHECK_EQ(s, hv_evtchn_close(s->hv, b), 0);
        CHECK_EQ(s, hv_evtchn_bound(s->hv, b), -EINVAL);
        CHECK_EQ(s, hv_evtchn_bound(s->hv, a), 0);
    }
    CHECK_EQ(s, hv_evtchn_close(s->hv, a), 0);
    CHECK_EQ(s, hv_evtchn_bound(s->hv, a), -EINVAL);
}

/** A port is handed out clean, whatever was done to its number before. */
static void case_reuse(struct suite *s)
{
    evtchn_port_t a, b;

    CHECK_EQ(s, hv_evtchn_alloc_unbound(s->hv, hv_domid(s->hv), &a), 0);
    for (unsigned i = 0; i < 20; i++) {
        CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, hv_domid(s->hv), a, &b), 0);
        CHECK_EQ(s, hv_evtchn_next(s->hv), b);
        hv_evtchn_mask(s->hv, b);
        CHECK_EQ(s, hv_evtchn_send(s->hv, a), 0);
        CHECK_EQ(s, hv_evtchn_close(s->hv, b), 0);
        CHECK_EQ(s, hv_evtchn_alloc_unbound(s->hv, hv_domid(s->hv), &b), 0);
        CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
        CHECK_EQ(s, hv_evtchn_close(s->hv, b), 0);
    }
    CHECK_EQ(s, hv_evtchn_close(s->hv, a), 0);
}

static void case_wrong_ports(struct suite *s)
{
    static const evtchn_port_t wrong[] = {0,          HV_EVTCHN_PORTS - 1, HV_EVTCHN_PORTS,
                                          0x10000005, 0x80000000,          UINT32_MAX};
    evtchn_port_t a, b;

    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_EQ(s, hv_evtchn_send(s->hv, wrong[i]), -EINVAL);
        CHECK_EQ(s, hv_evtchn_bound(s->hv, wrong[i]), -EINVAL);
        CHECK_EQ(s, hv_evtchn_close(s->hv, wrong[i]), -EINVAL);
        CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, hv_domid(s->hv), wrong[i], &b), -EINVAL);
    }
    CHECK_EQ(s, hv_evtchn_alloc_unbound(s->hv, hv_domid(s->hv), &a), 0);
    for (unsigned bit = 12; bit < 32; bit++) { /* beyond every table, but alike in the low bits */
        evtchn_port_t far = a | 1U << bit;
        CHECK_EQ(s, hv_evtchn_send(s->hv, far), -EINVAL);
        CHECK_EQ(s, hv_evtchn_bound(s->hv, far), -EINVAL);
        CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, hv_domid(s->hv), far, &b), -EINVAL);
        CHECK_EQ(s, hv_evtchn_close(s->hv, far), -EINVAL);
    }
    CHECK_EQ(s, hv_evtchn_close(s->hv, a), 0);
    CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, NO_DOMAIN, 1, &b), -ESRCH);
    CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, HV_DOMID_FIRST_RESERVED + 5, 1, &b), -ESRCH);

    CHECK_EQ(s, hv_evtchn_alloc_unbound(s->hv, NO_DOMAIN, &a), 0); /* not made for us */
    CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, hv_domid(s->hv), a, &b), -EINVAL);
    CHECK_EQ(s, hv_evtchn_close(s->hv, a), 0);
}

/** Every port there is, twice: what fails takes none. */
static void case_exhaustion(struct suite *s)
{
    evtchn_port_t *ports = hv_page_alloc(s->hv, 4), extra, *own;
    unsigned counts[2];

    CHECK(s, ports != NULL);
    for (unsigned round = 0; round < 2; round++) {
        unsigned count = 0;
        int rc;
        while ((rc = hv_evtchn_alloc_unbound(s->hv, hv_domid(s->hv), &ports[count])) == 0) {
            CHECK(s, ports[count] > 0 && ports[count] < HV_EVTCHN_PORTS);
            CHECK(s, ++count < HV_EVTCHN_PORTS);
        }
        CHECK_EQ(s, rc, -ENOSPC);
        CHECK(s, count >= 100);
        own = &ports[count / 2];
        CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, hv_domid(s->hv), *own, &extra), -ENOSPC);

        /* With one free port the bind succeeds: the refused one has spoilt nothing. */
        CHECK_EQ(s, hv_evtchn_close(s->hv, ports[--count]), 0);
        CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, hv_domid(s->hv), *own, &extra), 0);
        CHECK_EQ(s, hv_evtchn_next(s->hv), extra);
        CHECK_EQ(s, hv_evtchn_close(s->hv, extra), 0);
        counts[round] = count;
        while (count > 0)
            CHECK_EQ(s, hv_evtchn_close(s->hv, ports[--count]), 0);
    }
    CHECK_EQ(s, counts[0], counts[1]);
    hv_page_free(s->hv, ports, 4);
}

#define PAIRS 150U /* 300 ports: several words of the bitmap */

/** Each of many pending ports is handed out once, and none twice. */
static void case_many(struct suite *s)
{
    struct suite_pair *pairs = hv_page_alloc(s->hv, 1);

    CHECK(s, pairs != NULL);
    for (unsigned i = 0; i < PAIRS; i++)
        CHECK(s, suite_pair_open(s, &pairs[i]));
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = round; i < PAIRS; i += round + 1)
            CHECK_EQ(s, hv_evtchn_send(s->hv, pairs[i].a), 0);
        unsigned expected = 0, seen = 0;
        for (unsigned i = round; i < PAIRS; i += round + 1)
            expected++;
        for (evtchn_port_t port; (port = hv_evtchn_next(s->hv)) != 0; seen++) {
            unsigned i = 0;
            while (i < PAIRS && pairs[i].b != port)
                i++;
            CHECK(s, i < PAIRS && i >= round && (i - round) % (round + 1) == 0);
            CHECK(s, seen < expected);
        }
        CHECK_EQ(s, seen, expected);
    }
    for (unsigned i = 0; i < PAIRS; i++)
        CHECK(s, suite_pair_close(s, &pairs[i]));
    hv_page_free(s->hv, pairs, 1);
}

/** Ports that are signalled without end starve no other, in the same word and in others. */
static void case_round_robin(struct suite *s)
{
    struct suite_pair *pairs = hv_page_alloc(s->hv, 1);

    CHECK(s, pairs != NULL);
    for (unsigned i = 0; i < PAIRS; i++)
        CHECK(s, suite_pair_open(s, &pairs[i]));
    for (unsigned busy = 0; busy < PAIRS; busy += 37) {
        bool seen[PAIRS] = {false};
        unsigned left = PAIRS - 1;
        for (unsigned i = 0; i < PAIRS; i++)
            CHECK_EQ(s, hv_evtchn_send(s->hv, pairs[i].a), 0);
        for (unsigned turns = 0; left > 0; turns++) {
            CHECK(s, turns < 2 * PAIRS);
            evtchn_port_t port = hv_evtchn_next(s->hv);
            CHECK(s, port != 0);
            for (unsigned i = 0; i < PAIRS; i++) {
                if (pairs[i].b != port || i == busy)
                    continue;
                CHECK(s, !seen[i]);
                seen[i] = true;
                left--;
            }
            CHECK_EQ(s, hv_evtchn_send(s->hv, pairs[busy].a), 0);
        }
        suite_drain(s);
    }
    for (unsigned i = 0; i < PAIRS; i++)
        CHECK(s, suite_pair_close(s, &pairs[i]));
    hv_page_free(s->hv, pairs, 1);
}

/** One port handed out, the others left for later: a wait between them loses none. */
static void case_one_by_one(struct suite *s)
{
    struct suite_pair pairs[3];

    for (unsigned i = 0; i < 3; i++)
        CHECK(s, suite_pair_open(s, &pairs[i]));
    for (unsigned last = 0; last < 3; last++) {
        CHECK_EQ(s, hv_evtchn_send(s->hv, pairs[last].b), 0);
        CHECK_EQ(s, hv_evtchn_next(s->hv), pairs[last].a);
        for (unsigned i = 0; i < 3; i++) {
            CHECK_EQ(s, hv_evtchn_send(s->hv, pairs[i].b), 0);
            hv_wait(s->hv, hv_now(s->hv) + HV_SEC);
            CHECK_EQ(s, hv_evtchn_next(s->hv), pairs[i].a);
        }
    }
    CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
    for (unsigned i = 0; i < 3; i++)
        CHECK(s, suite_pair_close(s, &pairs[i]));
}

static void case_virq_refused(struct suite *s)
{
    evtchn_port_t port;

    /* Before Xen 4.21 the bind succeeds, and no event ever comes. */
    int rc = hv_evtchn_bind_virq(s->hv, HV_VIRQ_DOM_EXC, &port);
    CHECK(s, rc == -EBUSY || rc == 0);
    if (rc == 0)
        CHECK_EQ(s, hv_evtchn_close(s->hv, port), 0);
    CHECK_EQ(s, hv_evtchn_bind_virq(s->hv, (enum hv_virq)1000, &port), -EINVAL);
}

static void case_virq(struct suite *s)
{
    evtchn_port_t port, second;

    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(s, hv_evtchn_bind_virq(s->hv, HV_VIRQ_DOM_EXC, &port), 0);
        CHECK_EQ(s, hv_evtchn_bind_virq(s->hv, HV_VIRQ_DOM_EXC, &second), -EEXIST);
        CHECK_EQ(s, hv_evtchn_send(s->hv, port), -EINVAL);
        CHECK_EQ(s, hv_evtchn_bound(s->hv, port), 0);
        CHECK_EQ(s, hv_evtchn_close(s->hv, port), 0);
        CHECK_EQ(s, hv_evtchn_close(s->hv, port), -EINVAL);
    }
    CHECK_EQ(s, hv_evtchn_bind_virq(s->hv, (enum hv_virq)1000, &port), -EINVAL);
}

void suite_evtchn(struct suite *s)
{
    suite_case(s, "evtchn/alloc", case_alloc);
    suite_case(s, "evtchn/bind", case_bind);
    suite_case(s, "evtchn/send", case_send);
    suite_case(s, "evtchn/coalesce", case_coalesce);
    suite_case(s, "evtchn/edge-while-handled", case_edge_while_handled);
    suite_case(s, "evtchn/mask", case_mask);
    suite_case(s, "evtchn/close", case_close);
    suite_case(s, "evtchn/bound", case_bound);
    suite_case(s, "evtchn/reuse", case_reuse);
    suite_case(s, "evtchn/wrong-ports", case_wrong_ports);
    suite_case(s, "evtchn/exhaustion", case_exhaustion);
    suite_case(s, "evtchn/many", case_many);
    suite_case(s, "evtchn/round-robin", case_round_robin);
    suite_case(s, "evtchn/one-by-one", case_one_by_one);
    if (s->xs)
        suite_case(s, "evtchn/virq", case_virq);
    else
        suite_case(s, "evtchn/virq-refused", case_virq_refused);
}
