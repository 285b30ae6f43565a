/* SPDX-License-Identifier: ISC */
/* Shutdown, death, zombies, and domids that are used again. */
#include "tests/unit/simulator/host.h"

#include <signal.h>

static bool info_of(struct hv *hv, domid_t domid, struct hv_domain_info *info)
{
    return hv_domain_info(hv, domid, info) == 0 && info->domid == domid;
}

START_TEST(shutdown_is_told)
{
    struct sim *sim = sim_create(1);
    evtchn_port_t virq, mine, theirs;
    struct hv *watcher = make_watcher(sim, 0, &virq), *hv = make_domain(sim, 5);
    struct hv_domain_info info;

    make_channel(watcher, hv, &mine, &theirs);
    ck_assert(info_of(watcher, 5, &info) && !info.shutdown && !info.dying);
    sim_domain_shutdown(hv, HV_EXIT_CRASH);
    ck_assert_uint_eq(hv_evtchn_next(watcher), virq);
    ck_assert(info_of(watcher, 5, &info) && info.shutdown && !info.dying);
    ck_assert_uint_eq(info.shutdown_reason, HV_EXIT_CRASH);
    sim_domain_shutdown(hv, HV_EXIT_POWEROFF); /* it is down already */
    ck_assert_uint_eq(hv_evtchn_next(watcher), 0);
    ck_assert(info_of(watcher, 5, &info) && info.shutdown_reason == HV_EXIT_CRASH);
    ck_assert_int_eq(hv_evtchn_send(hv, theirs), 0); /* its ports are still there */
    ck_assert_uint_eq(hv_evtchn_next(watcher), mine);
    sim_destroy(sim);
}
END_TEST

START_TEST(zombie_until_unmapped)
{
    struct sim *sim = sim_create(1);
    evtchn_port_t virq;
    struct hv *watcher = make_watcher(sim, 0, &virq), *hv = make_domain(sim, 5);
    struct hv_domain_info info;
    grant_ref_t refs[2];
    void *one, *two, *none;

    make_grant(hv, 0, 'a', &refs[0]);
    make_grant(hv, 0, 'b', &refs[1]);
    ck_assert_int_eq(hv_grant_map(watcher, 5, refs, 2, false, &one), 0);
    ck_assert_int_eq(hv_grant_map(watcher, 5, &refs[1], 1, true, &two), 0);
    sim_domain_destroy(hv);
    ck_assert_uint_eq(hv_evtchn_next(watcher), virq);
    ck_assert(info_of(watcher, 5, &info) && info.dying);
    ck_assert_ptr_null(sim_domain_create(sim, &(struct sim_domain_config){.domid = 5}));

    ((char *)one)[HV_PAGE_SIZE] = 'B';
    ck_assert_int_eq(*(volatile char *)two, 'B');
    ck_assert_int_eq(hv_grant_map(watcher, 5, refs, 1, false, &none), -EINVAL);
    struct hv_copy copy = {.source = {.foreign = true, .domid = 5, .ref = refs[0]},
                           .dest = {.address = one},
                           .length = 1};
    ck_assert_int_eq(hv_grant_copy(watcher, &copy, 1), 0);
    ck_assert_int_eq(copy.status, -EINVAL);

    ck_assert_int_eq(hv_grant_unmap(watcher, one, 2), 0);
    ck_assert_uint_eq(hv_evtchn_next(watcher), 0);
    ck_assert_int_eq(*(char *)two, 'B');
    ck_assert(info_of(watcher, 5, &info) && info.dying);
    ck_assert_int_eq(hv_grant_unmap(watcher, two, 1), 0);
    ck_assert_uint_eq(hv_evtchn_next(watcher), virq); /* again, now that it is gone */
    ck_assert(!info_of(watcher, 5, &info));
    ck_assert_int_eq(hv_grant_map(watcher, 5, refs, 1, false, &none), -ESRCH);
    ck_assert_ptr_nonnull(sim_domain_create(sim, &(struct sim_domain_config){.domid = 5}));
    sim_destroy(sim);
}
END_TEST

START_TEST(death_unmaps)
{
    struct sim *sim = sim_create(1);
    struct hv *owner = make_domain(sim, 1), *user = make_domain(sim, 2);
    grant_ref_t ref;
    void *address;

    make_grant(owner, 2, 'a', &ref);
    ck_assert_int_eq(hv_grant_map(user, 1, &ref, 1, false, &address), 0);
    ck_assert_int_eq(hv_grant_revoke(owner, ref), -EAGAIN);
    sim_domain_destroy(user);
    ck_assert_int_eq(hv_grant_revoke(owner, ref), 0);
    sim_destroy(sim);
}
END_TEST

START_TEST(two_deaths_one_event)
{
    struct sim *sim = sim_create(1);
    evtchn_port_t virq;
    struct hv *watcher = make_watcher(sim, 0, &virq);

    sim_domain_destroy(make_domain(sim, 1));
    sim_domain_destroy(make_domain(sim, 2));
    ck_assert_uint_eq(hv_evtchn_next(watcher), virq);
    ck_assert_uint_eq(hv_evtchn_next(watcher), 0);
    ck_assert_int_eq(hv_evtchn_close(watcher, virq), 0);
    sim_domain_destroy(make_domain(sim, 3)); /* nobody listens: the event is lost */
    ck_assert_int_eq(hv_evtchn_bind_virq(watcher, HV_VIRQ_DOM_EXC, &virq), 0);
    ck_assert_uint_eq(hv_evtchn_next(watcher), 0);
    sim_destroy(sim);
}
END_TEST

START_TEST(one_handler_of_deaths)
{
    struct sim *sim = sim_create(1);
    evtchn_port_t first_virq, second_virq, port;
    struct hv *first = make_watcher(sim, 0, &first_virq), *plain = make_domain(sim, 1);
    struct hv_domain_info info;

    ck_assert_int_eq(hv_evtchn_bind_virq(plain, HV_VIRQ_DOM_EXC, &port), -EBUSY);
    ck_assert_int_eq(hv_domain_info(plain, 0, &info), -EPERM);
    struct hv *second = make_watcher(sim, 2, &second_virq); /* the toolstack gives it the role */
    sim_domain_destroy(plain);
    ck_assert_uint_eq(hv_evtchn_next(second), second_virq);
    ck_assert_uint_eq(hv_evtchn_next(first), 0);
    sim_domain_destroy(second);
    ck_assert_int_eq(hv_domain_info(first, 2, &info), -ESRCH);
    sim_destroy(sim);
}
END_TEST

START_TEST(a_port_outlives_its_peer)
{
    struct sim *sim = sim_create(1);
    struct hv *hv = make_domain(sim, 1), *peer = make_domain(sim, 5);
    evtchn_port_t mine, theirs, again;

    make_channel(hv, peer, &mine, &theirs);
    ck_assert_int_eq(hv_evtchn_send(peer, theirs), 0);
    sim_domain_destroy(peer);
    ck_assert_uint_eq(hv_evtchn_next(hv), mine); /* sent before it died */
    ck_assert_int_eq(hv_evtchn_send(hv, mine), 0);

    /* Unbound now, for that domid: a stranger cannot bind it, a successor can. */
    struct hv *stranger = make_domain(sim, 6);
    ck_assert_int_eq(hv_evtchn_bind_interdomain(stranger, 1, mine, &again), -EINVAL);
    struct hv *successor = make_domain(sim, 5);
    ck_assert_int_eq(hv_evtchn_bind_interdomain(successor, 1, mine, &again), 0);
    ck_assert_uint_eq(hv_evtchn_next(successor), again);
    ck_assert_uint_eq(hv_evtchn_next(hv), 0); /* binding is not heard at this end */
    ck_assert_int_eq(hv_evtchn_send(hv, mine), 0);
    ck_assert_uint_eq(hv_evtchn_next(successor), again);
    ck_assert_int_eq(hv_evtchn_send(successor, again), 0);
    ck_assert_uint_eq(hv_evtchn_next(hv), mine);
    sim_destroy(sim);
}
END_TEST

START_TEST(a_grant_outlives_its_peer)
{
    struct sim *sim = sim_create(1);
    struct hv *owner = make_domain(sim, 1), *peer = make_domain(sim, 5);
    grant_ref_t ref;
    void *address;

    make_grant(owner, 5, 'a', &ref);
    sim_domain_destroy(peer);
    peer = make_domain(sim, 5); /* grants name domids, not domains */
    ck_assert_int_eq(hv_grant_map(peer, 1, &ref, 1, false, &address), 0);
    ck_assert_int_eq(*(char *)address, 'a');
    sim_destroy(sim);
}
END_TEST

START_TEST(handles_tell_lives_apart)
{
    struct sim *sim = sim_create(1);
    evtchn_port_t virq;
    struct hv *watcher = make_watcher(sim, 0, &virq);
    struct hv_domain_info info;
    struct hv *hv = sim_domain_create(sim, &(struct sim_domain_config){.domid = 5, .handle = {1}});

    ck_assert(info_of(watcher, 5, &info) && info.handle[0] == 1);
    sim_domain_set_handle(hv, (const uint8_t[16]){2});
    ck_assert(info_of(watcher, 5, &info) && info.handle[0] == 2);
    sim_domain_destroy(hv);
    sim_domain_create(sim, &(struct sim_domain_config){.domid = 5, .handle = {3}});
    ck_assert(info_of(watcher, 5, &info) && info.handle[0] == 3 && !info.dying);
    sim_destroy(sim);
}
END_TEST

START_TEST(domains_are_listed_in_order)
{
    static const domid_t domids[] = {700, 3, 0x7fef, 64, 63, 1000};
    static const domid_t order[] = {0, 3, 63, 64, 700, 1000, 0x7fef};
    struct sim *sim = sim_create(1);
    evtchn_port_t virq;
    struct hv *watcher = make_watcher(sim, 0, &virq);
    struct hv_domain_info info;
    unsigned first = 0;

    for (unsigned i = 0; i < 6; i++)
        make_domain(sim, domids[i]);
    for (unsigned i = 0; i < 7; i++) {
        ck_assert_int_eq(hv_domain_info(watcher, (domid_t)first, &info), 0);
        ck_assert_uint_eq(info.domid, order[i]);
        first = info.domid + 1U;
    }
    ck_assert_int_eq(hv_domain_info(watcher, (domid_t)first, &info), -ESRCH);
    sim_destroy(sim);
}
END_TEST

enum end { END_EXIT, END_SHUTDOWN, END_DESTROY };

struct mortal {
    struct hv *hv;
    enum end end;
    unsigned entered, left;
};

static uint64_t mortal_step(void *context)
{
    struct mortal *mortal = context;

    mortal->entered++;
    if (mortal->end == END_EXIT)
        hv_exit(mortal->hv, HV_EXIT_REBOOT);
    else if (mortal->end == END_SHUTDOWN)
        sim_domain_shutdown(mortal->hv, HV_EXIT_REBOOT);
    else
        sim_domain_destroy(mortal->hv);
    mortal->left++;
    return 0;
}

START_TEST(ends_within_a_step)
{
    struct sim *sim = sim_create(1);
    evtchn_port_t virq;
    struct hv *watcher = make_watcher(sim, 0, &virq);
    struct mortal mortal = {.hv = make_domain(sim, 5), .end = (enum end)_i};
    struct hv_domain_info info;

    sim_set_actor(mortal.hv, mortal_step, &mortal);
    ck_assert_uint_eq(sim_run(sim, HV_NEVER, 100), 1);
    ck_assert_uint_eq(sim_run(sim, HV_NEVER, 100), 0);
    ck_assert_uint_eq(mortal.entered, 1);
    ck_assert_uint_eq(mortal.left, 0);
    ck_assert_uint_eq(hv_evtchn_next(watcher), virq);
    if (mortal.end == END_DESTROY)
        ck_assert(!info_of(watcher, 5, &info));
    else
        ck_assert(info_of(watcher, 5, &info) && info.shutdown &&
                  info.shutdown_reason == HV_EXIT_REBOOT);
    sim_destroy(sim);
}
END_TEST

static uint64_t reader_step(void *context)
{
    struct mortal *mortal = context;
    uint32_t word = 0;

    mortal->entered++;
    for (unsigned i = 0; i < 10; i++)
        hv_shared_read32(mortal->hv, &word);
    mortal->left++;
    return 0;
}

static void killer(void *context, struct hv *victim, const void *address, size_t length)
{
    unsigned *fuse = context;

    if (--*fuse == 0)
        sim_domain_destroy(victim);
}

/** The adversary may kill a service at any point of its step. */
START_TEST(killed_between_two_loads)
{
    for (unsigned at = 1; at <= 25; at++) {
        struct sim *sim = sim_create(at);
        struct mortal mortal = {.hv = make_domain(sim, 5)};
        unsigned fuse = at, calls = 0;
        sim_set_actor(mortal.hv, reader_step, &mortal);
        sim_set_adversary(sim, killer, &fuse);
        sim_run(sim, HV_NEVER, 100);
        ck_assert_uint_eq(mortal.entered, (at + 9) / 10);
        ck_assert_uint_eq(mortal.left, (at - 1) / 10);

        /* The adversary is there for the next domain, too. */
        calls = fuse = 1000;
        struct hv *next = make_domain(sim, 5);
        uint32_t word = 0;
        hv_shared_read32(next, &word);
        ck_assert_uint_eq(fuse, calls - 1);
        sim_destroy(sim);
    }
}
END_TEST

START_TEST(destroyed_memory_faults)
{
    struct sim *sim = sim_create(1);
    struct hv *hv = make_domain(sim, 5);
    volatile char *page = hv_page_alloc(hv, 1);

    signal(SIGSEGV, SIG_DFL);
    page[0] = 'x';
    sim_domain_destroy(hv);
    page[0] = 'y';
}
END_TEST

TCase *death_cases(void)
{
    TCase *cases = tcase_create("death");

    tcase_add_test(cases, shutdown_is_told);
    tcase_add_test(cases, zombie_until_unmapped);
    tcase_add_test(cases, death_unmaps);
    tcase_add_test(cases, two_deaths_one_event);
    tcase_add_test(cases, one_handler_of_deaths);
    tcase_add_test(cases, a_port_outlives_its_peer);
    tcase_add_test(cases, a_grant_outlives_its_peer);
    tcase_add_test(cases, handles_tell_lives_apart);
    tcase_add_test(cases, domains_are_listed_in_order);
    tcase_add_loop_test(cases, ends_within_a_step, END_EXIT, END_DESTROY + 1);
    tcase_add_test(cases, killed_between_two_loads);
    tcase_add_test_raise_signal(cases, destroyed_memory_faults, SIGSEGV);
    return cases;
}
