/* SPDX-License-Identifier: ISC */
/* Faults by chance and by count; events that come late, twice or without a cause. */
#include "tests/unit/simulator/host.h"

/** All that can fail, once each in a fixed order; a bit set for each that failed. */
static unsigned do_everything(struct hv *hv, struct hv *other)
{
    unsigned failed = 0;
    grant_ref_t ref = 0;
    evtchn_port_t unbound = 0, bound = 0;
    void *address = NULL;
    char *page = hv_page_alloc(hv, 1), *own = hv_page_alloc(other, 1);

    failed |= page ? 0 : 1;
    if (own && hv_grant_access(other, hv_domid(hv), own, false, &ref) != 0)
        failed |= 2;
    if (ref) {
        if (hv_grant_map(hv, hv_domid(other), &ref, 1, false, &address) != 0)
            failed |= 4;
        else
            ck_assert_int_eq(hv_grant_unmap(hv, address, 1), 0);
        struct hv_copy copies[2];
        for (unsigned i = 0; i < 2; i++)
            copies[i] = (struct hv_copy){
                .source = {.foreign = true, .domid = hv_domid(other), .ref = ref},
                .dest = {.address = own},
                .length = 1,
            };
        ck_assert_int_eq(hv_grant_copy(hv, copies, 2), 0);
        failed |= (copies[0].status ? 8 : 0) | (copies[1].status ? 16 : 0);
        ck_assert_int_eq(hv_grant_revoke(other, ref), 0);
    }
    if (hv_evtchn_alloc_unbound(other, hv_domid(hv), &unbound) != 0)
        failed |= 32;
    if (unbound) {
        if (hv_evtchn_bind_interdomain(hv, hv_domid(other), unbound, &bound) != 0)
            failed |= 64;
        else
            ck_assert_int_eq(hv_evtchn_close(hv, bound), 0);
        ck_assert_int_eq(hv_evtchn_close(other, unbound), 0);
    }
    if (page)
        hv_page_free(hv, page, 1);
    if (own)
        hv_page_free(other, own, 1);
    else
        failed |= 128;
    return failed;
}

START_TEST(fails_the_nth_and_no_other)
{
    /* In the order of the calls above. */
    static const unsigned expected[] = {1, 128, 2, 4, 8, 16, 32, 64};
    struct sim *sim = sim_create(1);
    struct hv *hv = make_domain(sim, 1), *other = make_domain(sim, 2);

    sim_fail_nth(sim, 0);
    ck_assert_uint_eq(do_everything(hv, other), 0);
    ck_assert_uint_eq(sim_fault_points(sim), 8);
    for (unsigned n = 1; n <= 8; n++) {
        sim_fail_nth(sim, n);
        ck_assert_uint_eq(do_everything(hv, other), expected[n - 1]);
        ck_assert_uint_eq(do_everything(hv, other), 0);
        ck_assert_uint_ge(sim_fault_points(sim), n);
    }
    sim_fail_nth(sim, 0);
    ck_assert_uint_eq(do_everything(hv, other), 0);

    sim_domain_no_faults(hv);
    sim_fail_nth(sim, 0);
    ck_assert_uint_eq(do_everything(hv, other), 0);
    ck_assert_uint_eq(sim_fault_points(sim), 3); /* those of the other domain */
    sim_destroy(sim);
}
END_TEST

START_TEST(fails_by_chance)
{
    struct sim *sim = sim_create(1);
    struct hv *hv = make_domain(sim, 1), *other = make_domain(sim, 2);
    const struct {
        struct sim_faults faults;
        unsigned may_fail;
    } rows[] = {
        {{.page_alloc = 16384}, 1 | 128},
        {{.grant_map = 16384}, 4},
        {{.grant_copy = 16384}, 8 | 16},
        {{.evtchn_bind = 16384}, 32 | 64},
    };

    for (unsigned row = 0; row < 4; row++) {
        unsigned seen = 0, often = 0;
        sim_set_faults(sim, &rows[row].faults);
        for (unsigned i = 0; i < 2000; i++) {
            unsigned failed = do_everything(hv, other);
            seen |= failed;
            often += (failed & rows[row].may_fail & -rows[row].may_fail) != 0;
        }
        ck_assert_uint_eq(seen, rows[row].may_fail);
        ck_assert(often > 400 && often < 600); /* a quarter of 2,000 */
    }
    sim_set_faults(sim, &(struct sim_faults){0});
    for (unsigned i = 0; i < 100; i++)
        ck_assert_uint_eq(do_everything(hv, other), 0);
    sim_destroy(sim);
}
END_TEST

struct counter {
    struct hv *hv;
    unsigned steps, events;
    uint64_t deadline;
};

static uint64_t counter_step(void *context)
{
    struct counter *counter = context;

    counter->steps++;
    while (hv_evtchn_next(counter->hv) != 0)
        counter->events++;
    return counter->deadline;
}

START_TEST(late_events_coalesce_but_come)
{
    struct sim *sim = sim_create(3);
    struct counter counter = {.hv = make_domain(sim, 1), .deadline = HV_NEVER};
    struct counter busy = {.hv = make_domain(sim, 2), .deadline = 0};
    struct hv *sender = make_domain(sim, 3);
    evtchn_port_t mine, theirs;
    unsigned late = 0;

    make_channel(sender, counter.hv, &theirs, &mine);
    sim_set_actor(counter.hv, counter_step, &counter);
    sim_run(sim, HV_NEVER, 100);
    sim_set_faults(sim, &(struct sim_faults){.delayed_event = 65535});
    for (unsigned i = 0; i < 100; i++) {
        counter.events = 0;
        ck_assert_int_eq(hv_evtchn_send(sender, theirs), 0);
        ck_assert_int_eq(hv_evtchn_send(sender, theirs), 0);
        sim_run(sim, HV_NEVER, 100); /* all idle: held events come at once */
        ck_assert(counter.events >= 1 && counter.events <= 2);
    }
    sim_set_actor(busy.hv, counter_step, &busy);
    for (unsigned i = 0; i < 100; i++) {
        counter.events = 0;
        ck_assert_int_eq(hv_evtchn_send(sender, theirs), 0);
        sim_run(sim, HV_NEVER, 3);
        late += counter.events == 0;
        sim_run(sim, HV_NEVER, 60);
        ck_assert_uint_eq(counter.events, 1);
    }
    ck_assert_uint_gt(late, 50); /* were it not held, a quarter */

    /* An event that is held for a port or a domain that goes is gone, too. */
    ck_assert_int_eq(hv_evtchn_send(sender, theirs), 0);
    ck_assert_int_eq(hv_evtchn_close(counter.hv, mine), 0);
    counter.events = 0;
    sim_run(sim, HV_NEVER, 60);
    ck_assert_uint_eq(counter.events, 0);
    ck_assert_int_eq(hv_evtchn_bind_interdomain(counter.hv, 3, theirs, &mine), 0);
    ck_assert_int_eq(hv_evtchn_send(sender, theirs), 0);
    sim_domain_destroy(counter.hv);
    struct counter next = {.hv = make_domain(sim, 1), .deadline = HV_NEVER};
    ck_assert_int_eq(hv_evtchn_alloc_unbound(next.hv, 3, &mine), 0);
    sim_set_actor(next.hv, counter_step, &next);
    sim_run(sim, HV_NEVER, 60);
    ck_assert_uint_eq(next.events, 0);
    sim_destroy(sim);
}
END_TEST

START_TEST(spurious_events)
{
    struct sim *sim = sim_create(3);
    struct counter busy = {.hv = make_domain(sim, 1), .deadline = 0};
    struct counter quiet = {.hv = make_domain(sim, 2), .deadline = HV_NEVER};
    evtchn_port_t ports[2];

    make_channel(busy.hv, quiet.hv, &ports[0], &ports[1]);
    sim_set_actor(busy.hv, counter_step, &busy);
    sim_set_actor(quiet.hv, counter_step, &quiet);
    sim_run(sim, HV_NEVER, 1000);
    ck_assert_uint_eq(quiet.events, 0);
    ck_assert_uint_eq(quiet.steps, 1);
    sim_set_faults(sim, &(struct sim_faults){.spurious = 6554});
    sim_run(sim, HV_NEVER, 10000);
    ck_assert(quiet.events > 300 &&
              quiet.events < 700); /* a tenth of the steps, half of them here */
    sim_destroy(sim);
}
END_TEST

START_TEST(early_wakes)
{
    struct sim *sim = sim_create(3);
    struct hv *hv = make_domain(sim, 1);
    uint64_t end = sim_now(sim) + HV_SEC;
    unsigned wakes = 0;

    sim_set_faults(sim, &(struct sim_faults){.early_wake = 60000});
    for (; sim_now(sim) < end; wakes++)
        hv_wait(hv, end);
    ck_assert_uint_gt(wakes, 1);
    ck_assert_uint_eq(sim_now(sim), end);
    sim_destroy(sim);
}
END_TEST

TCase *fault_cases(void)
{
    TCase *cases = tcase_create("faults");

    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, fails_the_nth_and_no_other);
    tcase_add_test(cases, fails_by_chance);
    tcase_add_test(cases, late_events_coalesce_but_come);
    tcase_add_test(cases, spurious_events);
    tcase_add_test(cases, early_wakes);
    return cases;
}
