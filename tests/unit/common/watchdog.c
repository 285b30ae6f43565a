/* SPDX-License-Identifier: ISC */
/* The watchdog of a service in a simulated domain: a loop that turns lives, one that hangs ends. */
#include "common/watchdog.h"
#include "common.h"

#include <errno.h>

#include "hv/sim/sim.h"

static struct sim *sim;
static struct hv *hv, *store;
static struct loop loop;
static struct watchdog watchdog;
static bool hangs;
static unsigned turns;

static uint64_t turn(void *context)
{
    (void)context;
    turns++;
    if (hangs)
        return HV_NEVER; /* nothing of the loop is done */
    return loop_step(&loop);
}

static void setup(void)
{
    sim = sim_create(1);
    store = sim_domain_create(sim, &(struct sim_domain_config){.domid = 1, .xs_domain = true});
    hv = sim_domain_create(sim, &(struct sim_domain_config){.domid = 2});
    loop_init(&loop, hv);
    watchdog = (struct watchdog){0};
    hangs = false;
    turns = 0;
    sim_set_actor(hv, turn, NULL);
}

static void teardown(void)
{
    sim_destroy(sim);
}

static bool ended(unsigned *reason)
{
    struct hv_domain_info info;

    ck_assert_int_eq(hv_domain_info(store, 2, &info), 0);
    *reason = info.shutdown ? info.shutdown_reason : 0;
    return info.shutdown;
}

static void pass(uint64_t nanoseconds)
{
    sim_run(sim, sim_now(sim) + nanoseconds, 100000);
}

START_TEST(test_idle_lives)
{
    unsigned reason;

    ck_assert_int_eq(watchdog_start(&watchdog, &loop, 2), 0);
    pass(100 * HV_SEC);
    ck_assert(!ended(&reason));
    /* An idle service is woken each second, no more often. */
    ck_assert_uint_ge(turns, 99);
    ck_assert_uint_le(turns, 103);
}
END_TEST

START_TEST(test_hang_ends)
{
    unsigned reason;

    ck_assert_int_eq(watchdog_start(&watchdog, &loop, 3), 0);
    pass(10 * HV_SEC + HV_SEC / 2);
    hangs = true;
    pass(2 * HV_SEC - HV_SEC / 4); /* nobody is ended sooner than that */
    ck_assert(!ended(&reason));
    pass(HV_SEC + HV_SEC / 2);
    ck_assert(ended(&reason));
    ck_assert_uint_eq(reason, HV_EXIT_WATCHDOG);
}
END_TEST

START_TEST(test_stopped_may_hang)
{
    unsigned reason;

    ck_assert_int_eq(watchdog_start(&watchdog, &loop, 2), 0);
    pass(5 * HV_SEC);
    watchdog_stop(&watchdog);
    watchdog_stop(&watchdog);
    hangs = true;
    pass(100 * HV_SEC);
    ck_assert(!ended(&reason));
}
END_TEST

START_TEST(test_bounds)
{
    unsigned reason;

    ck_assert_int_eq(watchdog_start(&watchdog, &loop, 0), 0);
    ck_assert_int_eq(watchdog_start(&watchdog, &loop, WATCHDOG_MIN - 1), -EINVAL);
    ck_assert_int_eq(watchdog_start(&watchdog, &loop, HV_WATCHDOG_MAX + 1), -EINVAL);
    watchdog_stop(&watchdog);
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER); /* nothing is armed */
    hangs = true;
    pass(2 * (uint64_t)HV_WATCHDOG_MAX * HV_SEC);
    ck_assert(!ended(&reason));
}
END_TEST

/* Whoever waits for nothing else is woken by the end of another. */
START_TEST(test_two_domains)
{
    struct hv *other = sim_domain_create(sim, &(struct sim_domain_config){.domid = 3});
    struct hv_domain_info info;
    unsigned reason;

    ck_assert_int_eq(watchdog_start(&watchdog, &loop, 2), 0);
    ck_assert_int_eq(hv_watchdog(other, 5), 0);
    pass(4 * HV_SEC);
    ck_assert_int_eq(hv_watchdog(other, 5), 0);
    pass(4 * HV_SEC);
    ck_assert_int_eq(hv_domain_info(store, 3, &info), 0);
    ck_assert(!info.shutdown);
    pass(2 * HV_SEC);
    ck_assert_int_eq(hv_domain_info(store, 3, &info), 0);
    ck_assert(info.shutdown && info.shutdown_reason == HV_EXIT_WATCHDOG);
    ck_assert(!ended(&reason));
}
END_TEST

TCase *watchdog_cases(void)
{
    TCase *cases = tcase_create("watchdog");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_idle_lives);
    tcase_add_test(cases, test_hang_ends);
    tcase_add_test(cases, test_stopped_may_hang);
    tcase_add_test(cases, test_bounds);
    tcase_add_test(cases, test_two_domains);
    return cases;
}
