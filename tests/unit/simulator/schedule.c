/* SPDX-License-Identifier: ISC */
/* The scheduler, virtual time, hv_wait(), and that equal seeds give equal runs. */
#include "tests/unit/simulator/host.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define PARTIES 6U
#define LOG     4000U

/** Domains that chatter at random over channels between all of them. */
struct chatter {
    struct sim *sim;
    struct party {
        struct chatter *chatter;
        struct hv *hv;
        evtchn_port_t ports[PARTIES];
    } party[PARTIES];
    uint64_t log[LOG]; /**< who was stepped, when, with which port pending */
    unsigned logged;
};

static uint64_t chatter_step(void *context)
{
    struct party *self = context;
    struct chatter *chatter = self->chatter;
    evtchn_port_t port = hv_evtchn_next(self->hv);

    if (chatter->logged < LOG)
        chatter->log[chatter->logged++] =
            hv_now(self->hv) << 24 ^ (uint64_t)hv_domid(self->hv) << 16 ^ port;
    unsigned peer = (unsigned)sim_random(chatter->sim, PARTIES);
    hv_evtchn_send(self->hv, self->ports[peer]);
    switch (sim_random(chatter->sim, 3)) {
    case 0:
        return 0;
    case 1:
        return hv_now(self->hv) + sim_random(chatter->sim, 50000);
    default:
        return HV_NEVER;
    }
}

static struct chatter *chatter_run(uint64_t seed, uint64_t *trace)
{
    struct chatter *chatter = calloc(1, sizeof(*chatter));

    chatter->sim = sim_create(seed);
    for (unsigned i = 0; i < PARTIES; i++) {
        chatter->party[i].chatter = chatter;
        chatter->party[i].hv = make_domain(chatter->sim, (domid_t)(i + 1));
    }
    for (unsigned i = 0; i < PARTIES; i++) {
        for (unsigned j = 0; j < i; j++)
            make_channel(chatter->party[i].hv, chatter->party[j].hv, &chatter->party[i].ports[j],
                         &chatter->party[j].ports[i]);
        sim_set_actor(chatter->party[i].hv, chatter_step, &chatter->party[i]);
    }
    sim_set_faults(chatter->sim, &(struct sim_faults){.spurious = 3000, .delayed_event = 10000});
    sim_run(chatter->sim, HV_NEVER, LOG);
    *trace = sim_trace(chatter->sim);
    sim_destroy(chatter->sim);
    return chatter;
}

START_TEST(equal_seeds_equal_runs)
{
    uint64_t trace[3];
    struct chatter *a = chatter_run(42, &trace[0]), *b = chatter_run(42, &trace[1]);
    struct chatter *c = chatter_run(43, &trace[2]);

    ck_assert_uint_gt(a->logged, LOG / 2);
    ck_assert_uint_eq(a->logged, b->logged);
    ck_assert_mem_eq(a->log, b->log, sizeof(a->log));
    ck_assert_uint_eq(trace[0], trace[1]);
    ck_assert_int_ne(memcmp(a->log, c->log, sizeof(a->log)), 0);
    ck_assert_uint_ne(trace[0], trace[2]);
    free(a);
    free(b);
    free(c);
}
END_TEST

static uint64_t always_busy(void *context)
{
    return 0;
}

#define OWNERS 40U

/** A run whose order of events hangs on the order in which a dying domain's maps go. */
static uint64_t many_zombies(void)
{
    struct sim *sim = sim_create(9);
    struct hv *user = make_domain(sim, 100);
    evtchn_port_t port;

    for (unsigned i = 0; i < OWNERS; i++) {
        struct hv *owner = make_domain(sim, (domid_t)i);
        grant_ref_t ref;
        void *address;
        make_grant(owner, 100, 'a', &ref);
        ck_assert_int_eq(hv_grant_map(user, (domid_t)i, &ref, 1, false, &address), 0);
        sim_domain_destroy(owner);
    }
    for (unsigned i = 0; i < OWNERS; i++)
        ck_assert_int_eq(hv_evtchn_alloc_unbound(make_domain(sim, (domid_t)(200 + i)), 0, &port),
                         0);
    sim_domain_destroy(user);
    struct hv *busy = make_domain(sim, 300);
    sim_set_faults(sim, &(struct sim_faults){.spurious = 65535});
    sim_set_actor(busy, always_busy, NULL);
    sim_run(sim, 0, 100);
    uint64_t trace = sim_trace(sim);
    sim_destroy(sim);
    return trace;
}

START_TEST(addresses_do_not_matter)
{
    uint64_t trace = many_zombies();

    for (unsigned i = 1; i < 20; i++) {
        ck_assert_ptr_ne(
            mmap(NULL, i * HV_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            MAP_FAILED);
        ck_assert_uint_eq(many_zombies(), trace);
    }
}
END_TEST

/** Notes that it was stepped, and waits as it is told to. */
struct sleeper {
    struct hv *hv;
    unsigned steps;
    uint64_t deadline; /**< to return */
    uint64_t last;     /**< when it was stepped last */
    bool drain;
};

static uint64_t sleeper_step(void *context)
{
    struct sleeper *sleeper = context;

    sleeper->steps++;
    sleeper->last = hv_now(sleeper->hv);
    while (sleeper->drain && hv_evtchn_next(sleeper->hv) != 0)
        ;
    return sleeper->deadline;
}

static void make_sleeper(struct sim *sim, domid_t domid, uint64_t deadline, struct sleeper *sleeper)
{
    *sleeper = (struct sleeper){.hv = make_domain(sim, domid), .deadline = deadline, .drain = true};
    sim_set_actor(sleeper->hv, sleeper_step, sleeper);
}

START_TEST(every_order_comes_up)
{
    bool first[3] = {false};

    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim *sim = sim_create(seed);
        struct sleeper sleepers[3];
        for (unsigned i = 0; i < 3; i++)
            make_sleeper(sim, (domid_t)i, HV_NEVER, &sleepers[i]);
        ck_assert_uint_eq(sim_run(sim, HV_NEVER, 1), 1);
        for (unsigned i = 0; i < 3; i++)
            first[i] |= sleepers[i].steps == 1;
        ck_assert_uint_eq(sim_run(sim, HV_NEVER, 100), 2);
        sim_destroy(sim);
    }
    ck_assert(first[0] && first[1] && first[2]);
}
END_TEST

START_TEST(stepped_for_events_only)
{
    struct sim *sim = sim_create(1);
    struct hv *other = make_domain(sim, 9);
    struct sleeper sleeper;
    evtchn_port_t mine, theirs;

    make_sleeper(sim, 1, HV_NEVER, &sleeper);
    make_channel(other, sleeper.hv, &theirs, &mine);
    ck_assert_uint_eq(sim_run(sim, HV_NEVER, 100), 1); /* the first step is free */
    ck_assert_uint_eq(sim_run(sim, HV_NEVER, 100), 0);
    ck_assert_int_eq(hv_evtchn_send(other, theirs), 0);
    ck_assert_int_eq(hv_evtchn_send(other, theirs), 0);
    ck_assert_uint_eq(sim_run(sim, HV_NEVER, 100), 1);

    hv_evtchn_mask(sleeper.hv, mine);
    ck_assert_int_eq(hv_evtchn_send(other, theirs), 0);
    ck_assert_uint_eq(sim_run(sim, HV_NEVER, 100), 0);
    hv_evtchn_unmask(sleeper.hv, mine);
    ck_assert_uint_eq(sim_run(sim, HV_NEVER, 100), 1);

    sleeper.drain = false; /* what is not taken keeps it running, as hv_wait() would return */
    ck_assert_int_eq(hv_evtchn_send(other, theirs), 0);
    ck_assert_uint_eq(sim_run(sim, HV_NEVER, 100), 100);

    sim_domain_shutdown(sleeper.hv, HV_EXIT_POWEROFF);
    ck_assert_uint_eq(sim_run(sim, HV_NEVER, 100), 0);
    ck_assert_int_eq(hv_evtchn_send(other, theirs), 0);
    ck_assert_uint_eq(sim_run(sim, HV_NEVER, 100), 0);
    sim_destroy(sim);
}
END_TEST

START_TEST(deadlines_in_order)
{
    struct sim *sim = sim_create(5);
    struct sleeper sleepers[20];
    uint64_t start = sim_now(sim);

    for (unsigned i = 0; i < 20; i++)
        make_sleeper(sim, (domid_t)i, start + (1 + i * 7 % 20) * HV_MSEC, &sleepers[i]);
    ck_assert_uint_eq(sim_run(sim, start + HV_MSEC / 2, 1000), 20);
    ck_assert_uint_eq(sim_now(sim), start + HV_MSEC / 2);
    for (unsigned i = 0; i < 20; i++)
        sleepers[i].deadline += 100 * HV_MSEC; /* for its next return */
    for (unsigned tick = 1; tick <= 20; tick++) {
        ck_assert_uint_eq(sim_run(sim, start + tick * HV_MSEC + HV_MSEC / 2, 1000), 1);
        for (unsigned i = 0; i < 20; i++)
            ck_assert_uint_eq(sleepers[i].steps, 1 + (1 + i * 7 % 20 <= tick));
    }
    for (unsigned i = 0; i < 20; i++) {
        uint64_t due = start + (1 + i * 7 % 20) * HV_MSEC;
        ck_assert(sleepers[i].last >= due && sleepers[i].last < due + HV_MSEC / 10);
    }

    /* A domain that goes takes its deadline along. */
    sim_domain_destroy(sleepers[3].hv);
    sim_set_actor(sleepers[4].hv, NULL, NULL);
    for (unsigned i = 0; i < 20; i++)
        sleepers[i].deadline = HV_NEVER;
    ck_assert_uint_eq(sim_run(sim, HV_NEVER, 1000), 18);
    sim_destroy(sim);
}
END_TEST

START_TEST(time_passes_under_load)
{
    struct sim *sim = sim_create(1);
    struct sleeper busy, timed;

    make_sleeper(sim, 1, 0, &busy);
    make_sleeper(sim, 2, sim_now(sim) + 100000, &timed);
    ck_assert_uint_eq(sim_run(sim, 0, 1000), 1000);
    ck_assert_uint_gt(timed.steps, 1);
    ck_assert_uint_gt(busy.steps, 100);
    sim_destroy(sim);
}
END_TEST

/** 2,000 domains that wait, with deadlines too, must not slow one that runs. */
START_TEST(idle_domains_cost_nothing)
{
    double seconds[2];

    for (unsigned idle = 0; idle < 2; idle++) {
        struct sim *sim = sim_create(1);
        struct sleeper busy, *sleepers = calloc(2000, sizeof(*sleepers));
        make_sleeper(sim, 1, 0, &busy);
        for (unsigned i = 0; i < (idle ? 2000U : 0U); i++)
            make_sleeper(sim, (domid_t)(i + 2), i % 2 ? HV_NEVER : HV_SEC * 1000000 + i,
                         &sleepers[i]);
        sim_run(sim, 0, 20000);
        busy.steps = 0;
        struct timespec start, end;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
        sim_run(sim, 0, 300000);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        ck_assert_uint_eq(busy.steps, 300000);
        seconds[idle] =
            (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
        sim_destroy(sim);
        free(sleepers);
    }
    ck_assert_double_lt(seconds[1], seconds[0] * 4 + 0.05);
}
END_TEST

START_TEST(wait_runs_the_others)
{
    struct sim *sim = sim_create(1);
    struct hv *hv = make_domain(sim, 9);
    struct sleeper sleeper;
    struct sim_usage usage;
    evtchn_port_t mine, theirs;
    uint64_t start = sim_now(sim);

    make_sleeper(sim, 1, HV_NEVER, &sleeper);
    make_channel(sleeper.hv, hv, &theirs, &mine);
    hv_wait(hv, start + HV_SEC);
    ck_assert_uint_eq(sleeper.steps, 1);
    ck_assert_uint_eq(sim_now(sim), start + HV_SEC);
    ck_assert_int_eq(hv_evtchn_send(sleeper.hv, theirs), 0);
    hv_wait(hv, HV_NEVER);
    ck_assert_uint_eq(sim_now(sim), start + HV_SEC);
    ck_assert_uint_eq(hv_evtchn_next(hv), mine);
    sim_usage(hv, &usage);
    ck_assert_uint_eq(usage.waits, 2);
    sim_destroy(sim);
}
END_TEST

START_TEST(wait_for_nothing_panics)
{
    struct sim *sim = sim_create(1);

    hv_wait(make_domain(sim, 1), HV_NEVER);
}
END_TEST

static uint64_t waits_in_step(void *context)
{
    hv_wait(context, 0);
    return HV_NEVER;
}

START_TEST(wait_within_step_panics)
{
    struct sim *sim = sim_create(1);
    struct hv *hv = make_domain(sim, 1);

    sim_set_actor(hv, waits_in_step, hv);
    sim_run(sim, 0, 1);
}
END_TEST

START_TEST(random_is_uniform)
{
    struct sim *sim = sim_create(7);
    unsigned count[10] = {0};

    for (unsigned i = 0; i < 100000; i++)
        count[sim_random(sim, 10)]++;
    for (unsigned i = 0; i < 10; i++)
        ck_assert(count[i] > 9500 && count[i] < 10500);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_uint_lt(sim_random(sim, (UINT64_C(3) << 62) + 1), (UINT64_C(3) << 62) + 1);
    ck_assert_uint_eq(sim_random(sim, 1), 0);
    sim_destroy(sim);
}
END_TEST

TCase *schedule_cases(void)
{
    TCase *cases = tcase_create("schedule");

    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, equal_seeds_equal_runs);
    tcase_add_test(cases, addresses_do_not_matter);
    tcase_add_test(cases, every_order_comes_up);
    tcase_add_test(cases, stepped_for_events_only);
    tcase_add_test(cases, deadlines_in_order);
    tcase_add_test(cases, time_passes_under_load);
    tcase_add_test(cases, idle_domains_cost_nothing);
    tcase_add_test(cases, wait_runs_the_others);
    tcase_add_test_raise_signal(cases, wait_for_nothing_panics, SIGABRT);
    tcase_add_test_raise_signal(cases, wait_within_step_panics, SIGABRT);
    tcase_add_test(cases, random_is_uniform);
    return cases;
}
