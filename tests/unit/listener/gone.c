/* SPDX-License-Identifier: ISC */
/* Clients that go without a word, do not go, or never quite come. */
#include "house.h"

#include <stdlib.h>

static struct house house;

static void setup(void)
{
    house_make(&house, 2, HOUSE_SLOTS);
}

static void teardown(void)
{
    house_end(&house);
}

/* Xen tells nobody that a client has died; a second later the listener knows all the same. */
START_TEST(test_finds_the_dead)
{
    struct vchan clients[3];

    for (unsigned i = 0; i < 3; i++)
        client_join(&house, &clients[i]);
    client_vanish(&clients[1]);
    house_run(&house, HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).connected, 2);
    ck_assert_uint_eq(house_stats(&house).died, 1);
    client_echo(&house, &clients[0], 5);
    client_echo(&house, &clients[2], 5);
    client_vanish(&clients[0]);
    client_vanish(&clients[2]);
    house_run(&house, HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).died, 3);
    ck_assert_uint_eq(house_stats(&house).free, HOUSE_SLOTS);

    /* That those who had their slots before died is not held against the next. */
    for (unsigned i = 0; i < 3; i++)
        client_join(&house, &clients[i]);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(vchan_close(&clients[i]), 0);
    house_settle(&house);
    ck_assert_uint_eq(house_stats(&house).connected, 0);
    ck_assert_uint_eq(house_stats(&house).died, 3);
}
END_TEST

/* As soon where the only slot is in use and nothing is published. */
START_TEST(test_finds_the_only_one_dead)
{
    struct vchan v;

    house_end(&house);
    house_make(&house, 2, 1);
    client_join(&house, &v);
    client_vanish(&v);
    house_run(&house, HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).died, 1);
    ck_assert(house.notice.present);
}
END_TEST

/* One that has connected and died before the service looked was a client, too. */
START_TEST(test_dead_on_arrival)
{
    struct vchan v;

    ck_assert_int_eq(client_connect(&house, &v), 0);
    client_vanish(&v);
    house_run(&house, 2 * HV_SEC);
    ck_assert_uint_eq(house_stats(&house).accepted, 1);
    ck_assert_uint_eq(house_stats(&house).died, 1);
    client_join(&house, &v);
    ck_assert_int_eq(vchan_close(&v), 0);
}
END_TEST

/* The clients' domain goes with all of them, and another comes under its number. */
START_TEST(test_the_domain_dies)
{
    struct vchan clients[HOUSE_SLOTS];
    struct vchan v;

    for (unsigned i = 0; i < HOUSE_SLOTS; i++)
        client_join(&house, &clients[i]);
    sim_domain_destroy(house.client);
    house.client = sim_domain_create(house.sim, &(struct sim_domain_config){.domid = HOUSE_CLIENT});
    ck_assert_ptr_nonnull(house.client);
    house_run(&house, HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).died, HOUSE_SLOTS);
    client_join(&house, &v);
    client_echo(&house, &v, 33);
    ck_assert_int_eq(vchan_close(&v), 0);

    /* Nor does a domain that only had the numbers leave anything behind. */
    (void)client_bind(&house);
    (void)client_map(&house);
    sim_domain_destroy(house.client);
    house.client = sim_domain_create(house.sim, &(struct sim_domain_config){.domid = HOUSE_CLIENT});
    house_run(&house, 5 * HV_SEC);
    client_join(&house, &v);
    ck_assert_uint_eq(house_stats(&house).abandoned, 0);
    ck_assert_int_eq(vchan_close(&v), 0);
}
END_TEST

/* A client that keeps its pages mapped keeps its slot, at one look a second; others go on. */
START_TEST(test_never_unmaps)
{
    struct vchan stuck, v;
    struct sim_usage before, after;
    uint64_t steps;

    client_join(&house, &stuck);
    sim_usage(house.service, &before);
    house_disconnect(&house, 0);
    ck_assert_uint_eq(house_stats(&house).draining, 1);
    steps = house.steps;
    house_run(&house, 100 * HV_SEC);
    ck_assert_uint_le(house.steps - steps, 100 + 16);
    sim_usage(house.service, &after);
    ck_assert_uint_eq(after.grants, before.grants);
    ck_assert_uint_eq(after.ports, before.ports - 1);
    for (unsigned i = 0; i < 10; i++) {
        client_join(&house, &v);
        client_echo(&house, &v, 50);
        ck_assert_int_eq(vchan_close(&v), 0);
        house_settle(&house);
    }

    /* The rings are its last, but one at a time: three are enough to be without any. */
    ck_assert_int_eq(vchan_state(&stuck), VCHAN_ENDED);
    ck_assert_int_eq(vchan_close(&stuck), 0);
    house_run(&house, HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).draining, 0);
    ck_assert_uint_eq(house_stats(&house).free, HOUSE_SLOTS);
}
END_TEST

/* All slots may be kept so: clients wait, and the first that is unmapped is published. */
START_TEST(test_all_slots_drain)
{
    struct vchan stuck[HOUSE_SLOTS], v;

    for (unsigned i = 0; i < HOUSE_SLOTS; i++) {
        client_join(&house, &stuck[i]);
        house_disconnect(&house, i);
    }
    house_run(&house, 10 * HV_SEC);
    ck_assert(!house.notice.present);
    ck_assert_uint_eq(house_stats(&house).draining, HOUSE_SLOTS);
    ck_assert_int_eq(vchan_close(&stuck[2]), 0);
    house_run(&house, HV_SEC + HV_MSEC);
    ck_assert(house.notice.present);
    ck_assert_uint_eq(house_stats(&house).draining, HOUSE_SLOTS - 1);
    client_join(&house, &v);
    for (unsigned i = 0; i < HOUSE_SLOTS; i++)
        if (i != 2)
            ck_assert_int_eq(vchan_close(&stuck[i]), 0);
    ck_assert_int_eq(vchan_close(&v), 0);
    house_run(&house, HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).free, HOUSE_SLOTS);
}
END_TEST

/* The end of the listener leaves to a client what it maps, and no more. */
START_TEST(test_ends_while_mapped)
{
    struct vchan stuck, v;
    struct sim_usage usage;

    client_join(&house, &stuck);
    client_join(&house, &v);
    ck_assert_int_eq(vchan_close(&v), 0);
    listener_destroy(house.listener);
    sim_usage(house.service, &usage);
    ck_assert_uint_eq(usage.pages, listener_pages(&house.config) / HOUSE_SLOTS);
    ck_assert_uint_eq(usage.ports, 0);
    ck_assert(!house.notice.present);
    ck_assert_int_eq(vchan_state(&stuck), VCHAN_ENDED);
    ck_assert_int_eq(vchan_close(&stuck), 0);
    ck_assert_uint_eq(house.connects, house.disconnects);
    sim_destroy(house.sim);
    free(house.listener);
    house_make(&house, 2, HOUSE_SLOTS);
}
END_TEST

/* A slot that is unmapped soon after is free soon after. */
START_TEST(test_drains_soon)
{
    struct vchan v;

    client_join(&house, &v);
    house_disconnect(&house, 0);
    house_run(&house, 3 * HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).draining, 1);
    ck_assert_int_eq(vchan_close(&v), 0);
    house_run(&house, 3 * HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).draining, 0);
}
END_TEST

/*
 * A client that binds the port and hangs keeps it from the others for at least 2 s and at most 4 s,
 * whether the listener wakes for it alone or has clients to look at.
 */
START_TEST(test_binds_and_hangs)
{
    struct vchan other;

    if (_i)
        client_join(&house, &other);
    for (unsigned i = 0; i < 8; i++) {
        struct vchan v;
        evtchn_port_t port;
        uint64_t start;

        house_run(&house, i * HV_SEC / 3);
        ck_assert_uint_eq(house_stats(&house).abandoned, i);
        port = client_bind(&house);
        start = sim_now(house.sim);
        while (client_connect(&house, &v))
            house_run(&house, 10 * HV_MSEC);
        ck_assert_uint_ge(sim_now(house.sim) - start, 2 * HV_SEC);
        ck_assert_uint_le(sim_now(house.sim) - start, 4 * HV_SEC + 20 * HV_MSEC);
        ck_assert_uint_eq(house_stats(&house).abandoned, i + 1);
        house_settle(&house);
        client_echo(&house, &v, 9);
        ck_assert_int_eq(vchan_close(&v), 0);
        ck_assert_int_eq(hv_evtchn_close(house.client, port), 0);
        house_settle(&house);
        ck_assert_uint_eq(house_stats(&house).accepted, i + 1 + (unsigned)_i);
    }
    if (_i)
        ck_assert_int_eq(vchan_close(&other), 0);
}
END_TEST

/* It may do so with the page mapped, too: then that slot drains, and another is published. */
START_TEST(test_binds_maps_and_hangs)
{
    evtchn_port_t port = client_bind(&house);
    void *head = client_map(&house);

    house_run(&house, 4 * HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).abandoned, 1);
    ck_assert_uint_eq(house_stats(&house).draining, 1);
    ck_assert(house.notice.present);
    ck_assert_int_eq(hv_grant_unmap(house.client, head, 1), 0);
    ck_assert_int_eq(hv_evtchn_close(house.client, port), 0);
    house_run(&house, HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).draining, 0);
}
END_TEST

/* A client that binds the port and dies leaves it to the next, and the numbers as they are. */
START_TEST(test_binds_and_dies)
{
    struct notice before = house.notice;
    struct vchan v;

    for (unsigned i = 0; i < 20; i++) {
        evtchn_port_t port = client_bind(&house);

        house_run(&house, HV_SEC * 3 / 2);
        ck_assert_int_eq(hv_evtchn_close(house.client, port), 0);
        house_run(&house, HV_SEC * 3 / 2);
    }
    ck_assert_uint_eq(house.notice.publishes, before.publishes);
    ck_assert_uint_eq(house_stats(&house).abandoned, 0);
    client_join(&house, &v);
    ck_assert_int_eq(vchan_close(&v), 0);
}
END_TEST

/* A client that does not say that it has connected (libxenvchan before 4.14) is found, too. */
START_TEST(test_connects_without_an_event)
{
    evtchn_port_t port = client_bind(&house);
    uint8_t *head = client_map(&house);

    head[HEAD_CLI_LIVE] = 1;
    house_run(&house, 2 * HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).connected, 1);
    ck_assert_uint_eq(house_stats(&house).abandoned, 0);
    head[HEAD_CLI_LIVE] = 0;
    ck_assert_int_eq(hv_evtchn_send(house.client, port), 0);
    ck_assert_int_eq(hv_grant_unmap(house.client, head, 1), 0);
    ck_assert_int_eq(hv_evtchn_close(house.client, port), 0);
    house_settle(&house);
    ck_assert_uint_eq(house_stats(&house).connected, 0);
    ck_assert_uint_eq(house_stats(&house).died, 0);
}
END_TEST

TCase *gone_cases(void)
{
    TCase *cases = tcase_create("gone");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_finds_the_dead);
    tcase_add_test(cases, test_finds_the_only_one_dead);
    tcase_add_test(cases, test_dead_on_arrival);
    tcase_add_test(cases, test_the_domain_dies);
    tcase_add_test(cases, test_never_unmaps);
    tcase_add_test(cases, test_all_slots_drain);
    tcase_add_test(cases, test_ends_while_mapped);
    tcase_add_test(cases, test_drains_soon);
    tcase_add_loop_test(cases, test_binds_and_hangs, 0, 2);
    tcase_add_test(cases, test_binds_maps_and_hangs);
    tcase_add_test(cases, test_binds_and_dies);
    tcase_add_test(cases, test_connects_without_an_event);
    return cases;
}
