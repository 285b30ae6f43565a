/* SPDX-License-Identifier: ISC */
/* hv.h, time.h, console.h, domain.h. */
#include "tests/conformance/suite.h"

static void case_identity(struct suite *s)
{
    CHECK(s, hv_domid(s->hv) < HV_DOMID_FIRST_RESERVED);
    CHECK(s, hv_cmdline(s->hv) != NULL);
    CHECK(s, hv_cmdline(s->hv) == hv_cmdline(s->hv));
}

static void case_time_monotonic(struct suite *s)
{
    uint64_t last = hv_now(s->hv);

    for (unsigned i = 0; i < 10000; i++) {
        uint64_t now = hv_now(s->hv);
        CHECK(s, now >= last);
        last = now;
    }
}

static void case_time_wallclock(struct suite *s)
{
    uint64_t wall = hv_wallclock(s->hv), now = hv_now(s->hv);

    CHECK(s, wall > UINT64_C(1577836800) * HV_SEC); /* 2020 */
    CHECK(s, wall < UINT64_C(4102444800) * HV_SEC); /* 2100: else the unit is wrong */
    suite_sleep(s, 20 * HV_MSEC);
    uint64_t wall_passed = hv_wallclock(s->hv) - wall, passed = hv_now(s->hv) - now;
    CHECK(s, wall_passed + HV_SEC > passed);
    CHECK(s, wall_passed < passed + HV_SEC);
}

static void case_wait_past_deadline(struct suite *s)
{
    uint64_t start = hv_now(s->hv);

    hv_wait(s->hv, 0);
    hv_wait(s->hv, start);
    CHECK(s, hv_now(s->hv) - start < 2 * HV_SEC);
}

static void case_wait_deadline(struct suite *s)
{
    static const uint64_t lengths[] = {1, 1000, HV_MSEC, 7 * HV_MSEC, 50 * HV_MSEC};

    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint64_t end = hv_now(s->hv) + lengths[i];
        unsigned wakes = 0;
        while (hv_now(s->hv) < end) {
            hv_wait(s->hv, end);
            suite_drain(s);
            CHECK(s, ++wakes < 100); /* it sleeps, rather than return at once each time */
        }
        CHECK(s, hv_now(s->hv) < end + 5 * HV_SEC);
    }
}

static void case_wait_many_deadlines(struct suite *s)
{
    for (unsigned i = 0; i < 200; i++) {
        uint64_t start = hv_now(s->hv);
        suite_sleep(s, 100000);
        CHECK(s, hv_now(s->hv) - start >= 100000);
        CHECK(s, hv_now(s->hv) - start < 2 * HV_SEC); /* else a wake-up was lost */
    }
}

static void case_wait_pending(struct suite *s)
{
    struct suite_pair pair;

    CHECK(s, suite_pair_open(s, &pair));
    uint64_t start = hv_now(s->hv);
    CHECK_EQ(s, hv_evtchn_send(s->hv, pair.a), 0);
    hv_wait(s->hv, HV_NEVER);
    hv_wait(s->hv, start + 60 * HV_SEC); /* it stays pending until it is taken */
    CHECK(s, hv_now(s->hv) - start < 10 * HV_SEC);
    CHECK_EQ(s, hv_evtchn_next(s->hv), pair.b);
    CHECK(s, suite_pair_close(s, &pair));
}

static void case_wait_masked(struct suite *s)
{
    struct suite_pair pair;
    unsigned wakes = 0;

    CHECK(s, suite_pair_open(s, &pair));
    hv_evtchn_mask(s->hv, pair.b);
    CHECK_EQ(s, hv_evtchn_send(s->hv, pair.a), 0);
    uint64_t end = hv_now(s->hv) + 20 * HV_MSEC;
    while (hv_now(s->hv) < end) {
        hv_wait(s->hv, end);
        CHECK_EQ(s, hv_evtchn_next(s->hv), 0);
        CHECK(s, ++wakes < 100); /* what is masked does not wake us */
    }
    hv_evtchn_unmask(s->hv, pair.b);
    hv_wait(s->hv, HV_NEVER);
    CHECK_EQ(s, hv_evtchn_next(s->hv), pair.b);
    CHECK(s, suite_pair_close(s, &pair));
}

/** Told in time it does nothing, nor when it is disarmed; a case that is wrong has no verdict. */
static void case_watchdog(struct suite *s)
{
    CHECK_EQ(s, hv_watchdog(s->hv, 0), 0); /* none is armed */
    CHECK_EQ(s, hv_watchdog(s->hv, HV_WATCHDOG_MAX + 1), -EINVAL);
    CHECK_EQ(s, hv_watchdog(s->hv, HV_WATCHDOG_MAX), 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(s, hv_watchdog(s->hv, 2), 0);
        suite_sleep(s, 900 * HV_MSEC);
    }
    CHECK_EQ(s, hv_watchdog(s->hv, 0), 0);
    CHECK_EQ(s, hv_watchdog(s->hv, 0), 0);
    suite_sleep(s, 2500 * HV_MSEC);
    for (unsigned i = 0; i < 20; i++) { /* none is used up */
        CHECK_EQ(s, hv_watchdog(s->hv, 30), 0);
        CHECK_EQ(s, hv_watchdog(s->hv, 0), 0);
    }
}

static void case_random(struct suite *s)
{
    unsigned char a[64], b[64];
    unsigned ones = 0;

    memset(a, 0x5a, sizeof(a));
    hv_random(s->hv, a, 0);
    hv_random(s->hv, a + 1, 13);
    CHECK_EQ(s, a[0], 0x5a);
    CHECK_EQ(s, a[14], 0x5a);
    for (unsigned i = 0; i < 64; i++) {
        hv_random(s->hv, a, sizeof(a));
        hv_random(s->hv, b, sizeof(b));
        CHECK(s, memcmp(a, b, sizeof(a)) != 0);
        CHECK(s, memcmp(a, a + 32, 32) != 0);
        for (unsigned j = 0; j < sizeof(a); j++) {
            for (unsigned bit = 0; bit < 8; bit++)
                ones += a[j] >> bit & 1;
        }
    }
    /* 32,768 bits: a standard deviation is 91. */
    CHECK(s, ones > 16384 - 1000 && ones < 16384 + 1000);
}

static void case_console_never_blocks(struct suite *s)
{
    char line[64];
    uint64_t start = hv_now(s->hv), dropped = hv_console_dropped(s->hv);

    hv_console_write(s->hv, line, 0);
    CHECK(s, hv_console_dropped(s->hv) == dropped);
    memset(line, '.', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    for (unsigned i = 0; i < 64; i++)
        hv_console_write(s->hv, line, sizeof(line));
    CHECK(s, hv_now(s->hv) - start < 5 * HV_SEC);
    uint64_t lost = hv_console_dropped(s->hv) - dropped;
    CHECK(s, lost <= 64 * (sizeof(line) + 1));
    suite_sleep(s, 300 * HV_MSEC); /* so that the verdicts have room again */
}

static void case_domain_info_refused(struct suite *s)
{
    struct hv_domain_info info;

    CHECK_EQ(s, hv_domain_info(s->hv, 0, &info), -EPERM);
}

static void case_domain_info(struct suite *s)
{
    struct hv_domain_info info;
    unsigned first = 0, seen = 0;
    bool self = false;

    for (; first < HV_DOMID_FIRST_RESERVED; seen++) {
        int rc = hv_domain_info(s->hv, (domid_t)first, &info);
        if (rc == -ESRCH)
            break;
        CHECK_EQ(s, rc, 0);
        CHECK(s, info.domid >= first); /* in order, none twice */
        CHECK(s, info.domid < HV_DOMID_FIRST_RESERVED);
        self |= info.domid == hv_domid(s->hv) && !info.dying && !info.shutdown;
        first = info.domid + 1U;
    }
    CHECK(s, self);
    CHECK(s, seen >= 1);
    CHECK_EQ(s, hv_domain_info(s->hv, hv_domid(s->hv), &info), 0);
    CHECK_EQ(s, info.domid, hv_domid(s->hv));
    CHECK_EQ(s, hv_domain_info(s->hv, HV_DOMID_FIRST_RESERVED - 1, &info), -ESRCH);
    CHECK_EQ(s, hv_domain_info(s->hv, HV_DOMID_FIRST_RESERVED, &info), -ESRCH);
}

void suite_core(struct suite *s)
{
    suite_case(s, "identity", case_identity);
    suite_case(s, "time/monotonic", case_time_monotonic);
    suite_case(s, "time/wallclock", case_time_wallclock);
    suite_case(s, "wait/past-deadline", case_wait_past_deadline);
    suite_case(s, "wait/deadline", case_wait_deadline);
    suite_case(s, "wait/many-deadlines", case_wait_many_deadlines);
    suite_case(s, "wait/pending", case_wait_pending);
    suite_case(s, "wait/masked", case_wait_masked);
    suite_case(s, "watchdog", case_watchdog);
    suite_case(s, "random", case_random);
    suite_case(s, "console/never-blocks", case_console_never_blocks);
    if (s->xs)
        suite_case(s, "domain/info", case_domain_info);
    else
        suite_case(s, "domain/info-refused", case_domain_info_refused);
}
