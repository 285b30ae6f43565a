/* SPDX-License-Identifier: ISC */
/* The loop of a service in a simulated domain: ports, timers, and what a step returns. */
#include "common/loop.h"
#include "common.h"

#include "hv/sim/sim.h"

#define PORTS 8U

static struct sim *sim;
static struct hv *hv, *peer;
static struct loop loop;

/* A port of ours, the peer's end of it, and what its handler does. */
struct line {
    struct loop_port port;
    evtchn_port_t own, far;
    unsigned handled;
    unsigned again;        /* signals itself so often */
    struct line *removes;  /* takes that out of the loop */
    struct timer *cancels; /* disarms that */
};

static struct line lines[PORTS];

static void handle(struct loop_port *port)
{
    struct line *line = LIST_ENTRY(port, struct line, port);

    line->handled++;
    if (line->again) {
        line->again--;
        hv_evtchn_send(peer, line->far);
    }
    if (line->removes)
        loop_port_remove(&loop, &line->removes->port);
    if (line->cancels)
        timer_cancel(line->cancels);
}

/* A timer, and what is done when it is due. */
struct alarm {
    struct timer timer;
    unsigned rings, order;
    uint64_t again;        /* armed anew for then */
    unsigned times;        /* how often so */
    struct timer *cancels; /* disarms that */
};

static unsigned rung;

static void ring(struct timer *timer)
{
    struct alarm *alarm = LIST_ENTRY(timer, struct alarm, timer);

    ck_assert(list_empty(&timer->armed));
    alarm->rings++;
    alarm->order = ++rung;
    if (alarm->times) {
        alarm->times--;
        timer_set(&loop, timer, alarm->again);
    }
    if (alarm->cancels)
        timer_cancel(alarm->cancels);
}

static struct alarm alarms[4];

static void setup(void)
{
    sim = sim_create(1);
    hv = sim_domain_create(sim, &(struct sim_domain_config){.domid = 1});
    peer = sim_domain_create(sim, &(struct sim_domain_config){.domid = 2});
    loop_init(&loop, hv);
    for (unsigned i = 0; i < PORTS; i++) {
        struct line *line = &lines[i];

        *line = (struct line){0};
        ck_assert_int_eq(hv_evtchn_alloc_unbound(hv, 2, &line->own), 0);
        ck_assert_int_eq(hv_evtchn_bind_interdomain(peer, 1, line->own, &line->far), 0);
        loop_port_add(&loop, &line->port, line->own, handle);
    }
    for (unsigned i = 0; i < 4; i++) {
        alarms[i] = (struct alarm){0};
        timer_init(&alarms[i].timer, ring);
    }
    rung = 0;
}

static void teardown(void)
{
    sim_destroy(sim);
}

static void pass(uint64_t nanoseconds)
{
    sim_run(sim, sim_now(sim) + nanoseconds, 1000);
}

static void arm(struct alarm *alarm, uint64_t delay)
{
    timer_set(&loop, &alarm->timer, hv_now(hv) + delay);
}

START_TEST(test_idle)
{
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    loop_wake(&loop);
    loop_wake(&loop);
    ck_assert_uint_eq(loop_step(&loop), 0);
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
}
END_TEST

START_TEST(test_handles_what_is_pending)
{
    hv_evtchn_send(peer, lines[1].far);
    hv_evtchn_send(peer, lines[5].far);
    hv_evtchn_send(peer, lines[5].far);
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    for (unsigned i = 0; i < PORTS; i++)
        ck_assert_uint_eq(lines[i].handled, i == 1 || i == 5);
}
END_TEST

/* A port that is signalled without end has its turn once a step, and loses no event. */
START_TEST(test_each_port_once)
{
    lines[2].again = 10;
    hv_evtchn_send(peer, lines[2].far);
    hv_evtchn_send(peer, lines[3].far);
    for (unsigned step = 1; step <= 10; step++) {
        ck_assert_uint_eq(loop_step(&loop), 0);
        ck_assert_uint_eq(lines[2].handled, step);
        ck_assert_uint_eq(lines[3].handled, 1);
    }
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    ck_assert_uint_eq(lines[2].handled, 11);
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    ck_assert_uint_eq(lines[2].handled, 11);
}
END_TEST

/* Those that are not in the loop are nobody's: removed, by a handler too, or never added. */
START_TEST(test_removed_ports)
{
    struct line *first = &lines[0], *second = &lines[1];
    evtchn_port_t port = second->own;

    first->removes = second;
    hv_evtchn_send(peer, first->far);
    hv_evtchn_send(peer, second->far);
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    ck_assert_uint_eq(first->handled, 1);
    ck_assert_uint_eq(second->handled, 0);
    ck_assert_uint_eq(second->port.port, 0);
    loop_port_remove(&loop, &second->port);

    loop_port_add(&loop, &second->port, port, handle);
    first->removes = first;
    hv_evtchn_send(peer, first->far);
    hv_evtchn_send(peer, second->far);
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    ck_assert_uint_eq(first->handled, 2);
    ck_assert_uint_eq(second->handled, 1);
    hv_evtchn_send(peer, first->far);
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    ck_assert_uint_eq(first->handled, 2);
}
END_TEST

START_TEST(test_dispatch)
{
    ck_assert(loop_dispatch(&loop, lines[4].own));
    ck_assert_uint_eq(lines[4].handled, 1);
    loop_port_remove(&loop, &lines[4].port);
    ck_assert(!loop_dispatch(&loop, lines[4].own));
    ck_assert(!loop_dispatch(&loop, 0));
    ck_assert(!loop_dispatch(&loop, HV_EVTCHN_PORTS));
    ck_assert_uint_eq(lines[4].handled, 1);
}
END_TEST

/* Soonest first, of equal ones the one armed first, none too early, and the next is told. */
START_TEST(test_timers_in_order)
{
    uint64_t start = hv_now(hv);

    arm(&alarms[0], 30);
    arm(&alarms[1], 10);
    arm(&alarms[2], 30);
    arm(&alarms[3], 20);
    ck_assert_uint_eq(loop_step(&loop), start + 10);
    pass(9);
    ck_assert_uint_eq(loop_step(&loop), start + 10);
    ck_assert_uint_eq(rung, 0);
    pass(1);
    ck_assert_uint_eq(loop_step(&loop), start + 20);
    ck_assert_uint_eq(alarms[1].order, 1);
    pass(100);
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    ck_assert_uint_eq(alarms[3].order, 2);
    ck_assert_uint_eq(alarms[0].order, 3);
    ck_assert_uint_eq(alarms[2].order, 4);
    pass(100);
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    ck_assert_uint_eq(rung, 4);
}
END_TEST

START_TEST(test_timers_set_anew)
{
    uint64_t start = hv_now(hv);

    arm(&alarms[0], 10);
    arm(&alarms[1], 20);
    arm(&alarms[0], 30);
    ck_assert_uint_eq(loop_step(&loop), start + 20);
    timer_cancel(&alarms[1].timer);
    timer_cancel(&alarms[1].timer);
    ck_assert_uint_eq(loop_step(&loop), start + 30);
    timer_set(&loop, &alarms[0].timer, HV_NEVER);
    ck_assert(list_empty(&alarms[0].timer.armed));
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    pass(100);
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    ck_assert_uint_eq(rung, 0);
}
END_TEST

/* A timer that is always due again has its turn once a step, and starves no other. */
START_TEST(test_timers_due_again)
{
    alarms[0].times = 5;
    alarms[1].times = 5;
    timer_set(&loop, &alarms[0].timer, 0);
    timer_set(&loop, &alarms[1].timer, 0);
    arm(&alarms[2], 0);
    for (unsigned step = 1; step <= 5; step++) {
        ck_assert_uint_eq(loop_step(&loop), 0);
        ck_assert_uint_eq(alarms[0].rings, step);
        ck_assert_uint_eq(alarms[1].rings, step);
        ck_assert_uint_eq(alarms[2].rings, 1);
    }
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    ck_assert_uint_eq(alarms[0].rings, 6);
}
END_TEST

/* What is due may be called off by whoever comes first. */
START_TEST(test_timers_cancelled_while_due)
{
    alarms[0].cancels = &alarms[1].timer;
    lines[0].cancels = &alarms[3].timer;
    for (unsigned i = 0; i < 4; i++)
        arm(&alarms[i], 10);
    pass(20);
    hv_evtchn_send(peer, lines[0].far);
    ck_assert_uint_eq(loop_step(&loop), HV_NEVER);
    ck_assert_uint_eq(alarms[0].rings, 1);
    ck_assert_uint_eq(alarms[1].rings, 0);
    ck_assert_uint_eq(alarms[2].rings, 1);
    ck_assert_uint_eq(alarms[3].rings, 0);
}
END_TEST

/* Against a list that is searched each time. */
START_TEST(test_many_timers)
{
    enum { COUNT = 200 };
    static struct alarm many[COUNT];
    static uint64_t deadlines[COUNT];
    struct unit_random random = {7};

    for (unsigned i = 0; i < COUNT; i++) {
        many[i] = (struct alarm){0};
        timer_init(&many[i].timer, ring);
        deadlines[i] = HV_NEVER;
    }
    for (unsigned step = 0; step < 3000; step++) {
        unsigned i = (unsigned)unit_random(&random, COUNT);
        uint64_t soonest = HV_NEVER;

        deadlines[i] =
            unit_random(&random, 5) ? hv_now(hv) + 1 + unit_random(&random, 500) : HV_NEVER;
        timer_set(&loop, &many[i].timer, deadlines[i]);
        pass(unit_random(&random, 10));
        for (i = 0; i < COUNT; i++) {
            many[i].rings = 0;
            if (deadlines[i] > hv_now(hv) && deadlines[i] < soonest)
                soonest = deadlines[i];
        }
        ck_assert_uint_eq(loop_step(&loop), soonest);
        for (i = 0; i < COUNT; i++) {
            bool due = deadlines[i] <= hv_now(hv);

            if (many[i].rings != due)
                ck_abort_msg("step %u: timer %u rang %u times", step, i, many[i].rings);
            if (due)
                deadlines[i] = HV_NEVER;
        }
    }
}
END_TEST

TCase *loop_cases(void)
{
    TCase *cases = tcase_create("loop");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_idle);
    tcase_add_test(cases, test_handles_what_is_pending);
    tcase_add_test(cases, test_each_port_once);
    tcase_add_test(cases, test_removed_ports);
    tcase_add_test(cases, test_dispatch);
    tcase_add_test(cases, test_timers_in_order);
    tcase_add_test(cases, test_timers_set_anew);
    tcase_add_test(cases, test_timers_due_again);
    tcase_add_test(cases, test_timers_cancelled_while_due);
    tcase_add_test(cases, test_many_timers);
    return cases;
}
