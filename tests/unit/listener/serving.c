/* SPDX-License-Identifier: ISC */
/* Clients that behave: they connect, talk and close, alone and in numbers. */
#include "house.h"

#include <stdlib.h>

static struct house house;

static void setup(void)
{
    house_make(&house, 1, HOUSE_SLOTS);
}

static void teardown(void)
{
    house_end(&house);
}

/* One ring is shared and published from the start, and takes what was announced. */
START_TEST(test_offers_one_ring)
{
    struct listener_stats stats = house_stats(&house);
    struct sim_usage usage;

    ck_assert(house.notice.present);
    ck_assert_uint_eq(house.notice.publishes, 1);
    ck_assert_uint_eq(stats.free, HOUSE_SLOTS);
    sim_usage(house.service, &usage);
    ck_assert_uint_eq(usage.pages, listener_pages(&house.config));
    ck_assert_uint_eq(usage.pages, HOUSE_SLOTS * 4);
    ck_assert_uint_eq(usage.ports, 1);
    ck_assert_uint_eq(usage.grants, 4);
}
END_TEST

/* A client takes the ring, and by the time the service knows of it the next is published. */
START_TEST(test_accepts_and_offers_the_next)
{
    struct vchan clients[2];
    evtchn_port_t port = house.notice.port;

    client_join(&house, &clients[0]);
    ck_assert_uint_eq(house.notice.publishes, 2);
    ck_assert_uint_ne(house.notice.port, port);
    client_join(&house, &clients[1]);
    client_echo(&house, &clients[0], 100);
    client_echo(&house, &clients[1], 200);
    client_echo(&house, &clients[0], 50);
    ck_assert_uint_eq(house_stats(&house).connected, 2);

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(vchan_close(&clients[i]), 0);
    house_settle(&house);
    ck_assert_uint_eq(house_stats(&house).connected, 0);
    ck_assert_uint_eq(house_stats(&house).free, HOUSE_SLOTS);
    ck_assert_uint_eq(house_stats(&house).died, 0);
}
END_TEST

/* Whoever closes may come again at once, as often as it likes. */
START_TEST(test_reconnects_at_once)
{
    struct vchan v;

    for (unsigned i = 0; i < 300; i++) {
        client_join(&house, &v);
        client_echo(&house, &v, 10);
        ck_assert_int_eq(vchan_close(&v), 0);
    }
    house_settle(&house);
    ck_assert_uint_eq(house_stats(&house).accepted, 300);
    ck_assert_uint_eq(house_stats(&house).free, HOUSE_SLOTS);
    ck_assert_uint_eq(house_stats(&house).exhausted, 0);
}
END_TEST

/* Of two that read the same numbers one gets the ring, and the other the next. */
START_TEST(test_two_race_for_one_ring)
{
    struct notice read = house.notice;
    struct vchan first, second;

    ck_assert_int_eq(client_connect(&house, &first), 0);
    ck_assert_int_eq(client_connect(&house, &second), -EINVAL);
    house_settle(&house);
    ck_assert_int_eq(
        vchan_client_open(&second, house.client, HOUSE_SERVICE, read.ring_ref, read.port), -EINVAL);
    client_join(&house, &second);
    client_echo(&house, &first, 20);
    client_echo(&house, &second, 20);
    ck_assert_int_eq(vchan_close(&first), 0);
    ck_assert_int_eq(vchan_close(&second), 0);
}
END_TEST

/* With all rings in use nothing is published, until one is free again. */
START_TEST(test_exhaustion)
{
    struct vchan clients[HOUSE_SLOTS], other;

    for (unsigned i = 0; i < HOUSE_SLOTS; i++) {
        ck_assert(house.notice.present);
        ck_assert_uint_eq(house_stats(&house).exhausted, 0);
        client_join(&house, &clients[i]);
    }
    for (unsigned round = 1; round < 4; round++) {
        ck_assert(!house.notice.present);
        ck_assert_uint_eq(house.notice.withdrawals, round);
        ck_assert_uint_eq(house_stats(&house).exhausted, round);
        ck_assert_int_eq(client_connect(&house, &other), -ENOENT);
        ck_assert_int_eq(vchan_close(&clients[round]), 0);
        house_settle(&house);
        ck_assert_uint_eq(house_stats(&house).free, 1);
        client_join(&house, &clients[round]);
    }
    for (unsigned i = 0; i < HOUSE_SLOTS; i++)
        ck_assert_int_eq(vchan_close(&clients[i]), 0);
    house_settle(&house);
    client_join(&house, &other);
    ck_assert_int_eq(vchan_close(&other), 0);
}
END_TEST

/* The service may end a client from within what it is told about it. */
START_TEST(test_service_disconnects)
{
    struct vchan v;

    house.greedy = true;
    for (unsigned i = 0; i < 10; i++) {
        client_join(&house, &v);
        ck_assert_int_eq(vchan_write(&v, "x", 1), 1);
        house_settle(&house);
        ck_assert_int_eq(vchan_state(&v), VCHAN_ENDED);
        ck_assert_int_eq(vchan_close(&v), 0);
        house_run(&house, 50 * HV_MSEC);
        ck_assert_uint_eq(house_stats(&house).free, HOUSE_SLOTS);
    }
    /* The first bytes are there by the time that the service hears of the client. */
    ck_assert_int_eq(client_connect(&house, &v), 0);
    ck_assert_int_eq(vchan_write(&v, "x", 1), 1);
    house_settle(&house);
    ck_assert_int_eq(vchan_state(&v), VCHAN_ENDED);
    ck_assert_uint_eq(house.connects, 11);
    ck_assert_int_eq(vchan_close(&v), 0);
    house_run(&house, HV_SEC);
}
END_TEST

/* What was written before the end is read, however slowly; then the client is gone. */
START_TEST(test_reads_what_a_client_left)
{
    uint8_t data[1000] = {0};
    struct vchan v;

    house.chunk = 7;
    client_join(&house, &v);
    ck_assert_int_eq(vchan_write(&v, data, sizeof(data)), sizeof(data));
    ck_assert_int_eq(vchan_close(&v), 0);
    house_settle(&house);
    ck_assert_uint_eq(house.read, sizeof(data));
    ck_assert_uint_eq(house_stats(&house).connected, 0);

    /* Even of one that was gone before the service heard of it. */
    ck_assert_int_eq(client_connect(&house, &v), 0);
    ck_assert_int_eq(vchan_write(&v, data, sizeof(data)), sizeof(data));
    ck_assert_int_eq(vchan_close(&v), 0);
    house_settle(&house);
    ck_assert_uint_eq(house.read, 2 * sizeof(data));
    ck_assert_uint_eq(house_stats(&house).accepted, 2);

    /* But nobody waits for a service that does not read. */
    house.chunk = 0;
    client_join(&house, &v);
    ck_assert_int_eq(vchan_write(&v, data, sizeof(data)), sizeof(data));
    ck_assert_int_eq(vchan_close(&v), 0);
    house_settle(&house);
    ck_assert_uint_eq(house_stats(&house).connected, 0);
}
END_TEST

/* Nothing that one client wrote or read is there for the next. */
START_TEST(test_hands_on_no_bytes)
{
    static const uint8_t zeroes[HV_PAGE_SIZE];
    uint8_t secret[HV_PAGE_SIZE];
    struct vchan v;

    house_end(&house);
    house_make(&house, 1, 1);
    memset(secret, 0x5a, sizeof(secret));
    for (unsigned i = 0; i < 3; i++) {
        client_join(&house, &v);
        ck_assert_uint_eq(v.read.own, 0);
        ck_assert_uint_eq(v.write.own, 0);
        ck_assert_mem_eq(v.left_map, zeroes, sizeof(zeroes));
        ck_assert_mem_eq(v.right_map, zeroes, sizeof(zeroes));
        for (unsigned j = 0; j < HV_PAGE_SIZE; j += 256)
            client_echo(&house, &v, 256);
        memset(v.left_map, 0x5a, HV_PAGE_SIZE);
        ck_assert_int_eq(vchan_close(&v), 0);
        house_settle(&house);
    }
}
END_TEST

/* An idle service wakes no more often than every two seconds, a busy one once a second. */
START_TEST(test_sleeps)
{
    struct vchan clients[HOUSE_SLOTS];
    uint64_t steps = house.steps;

    house_run(&house, 1000 * HV_SEC);
    ck_assert_uint_le(house.steps - steps, 501);
    for (unsigned i = 0; i < HOUSE_SLOTS; i++) {
        client_join(&house, &clients[i]);
        steps = house.steps;
        house_run(&house, 1000 * HV_SEC);
        ck_assert_uint_le(house.steps - steps, 1001);
    }
    for (unsigned i = 0; i < HOUSE_SLOTS; i++)
        ck_assert_int_eq(vchan_close(&clients[i]), 0);
}
END_TEST

START_TEST(test_refuses_bad_configurations)
{
    static const struct {
        unsigned slots, left, right;
    } bad[] = {{0, 12, 12}, {LISTENER_SLOTS_MAX + 1, 12, 12}, {1, 9, 12}, {1, 12, 21}, {1, 10, 10}};
    char name[RENDEZVOUS_PATH_MAX];
    struct house other;

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        house_create(&other, 1, bad[i].slots);
        other.config.left_order = bad[i].left;
        other.config.right_order = bad[i].right;
        ck_assert_int_eq(listener_create(other.listener, other.service, &other.loop,
                                         &other.notice.rendezvous, &other.config),
                         -EINVAL);
        ck_assert_uint_eq(listener_pages(&other.config), 0);
        free(other.listener);
        sim_destroy(other.sim);
    }

    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    house_create(&other, 1, 1);
    other.config.name = name;
    ck_assert_int_eq(listener_create(other.listener, other.service, &other.loop,
                                     &other.notice.rendezvous, &other.config),
                     -EINVAL);
    free(other.listener);
    sim_destroy(other.sim);
}
END_TEST

/* Whatever fails once: there is a listener, now or a little later, or none and nothing left. */
START_TEST(test_each_call_fails_once)
{
    uint64_t n = 0, points = 1;
    bool recovered = false;

    while (++n <= points) {
        struct house other;
        struct vchan v;

        house_create(&other, n, 2);
        sim_fail_nth(other.sim, n);
        /* Of the first calls each is for the pages of a slot. */
        if (n <= 2) {
            struct sim_usage usage;

            ck_assert_int_eq(listener_create(other.listener, other.service, &other.loop,
                                             &other.notice.rendezvous, &other.config),
                             -ENOMEM);
            sim_usage(other.service, &usage);
            ck_assert_uint_eq(usage.pages, 0);
            free(other.listener);
            sim_destroy(other.sim);
            points = n + 1;
            continue;
        }
        house_listen(&other);
        recovered |= !other.notice.present;
        house_run(&other, HV_SEC);
        client_join(&other, &v);
        house_run(&other, HV_SEC);
        ck_assert_int_eq(vchan_close(&v), 0);
        house_run(&other, HV_SEC);
        ck_assert(other.notice.present);
        points = sim_fault_points(other.sim);
        house_end(&other);
    }
    ck_assert_uint_gt(points, 10);
    ck_assert(recovered);
}
END_TEST

TCase *serving_cases(void)
{
    TCase *cases = tcase_create("serving");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_offers_one_ring);
    tcase_add_test(cases, test_accepts_and_offers_the_next);
    tcase_add_test(cases, test_reconnects_at_once);
    tcase_add_test(cases, test_two_race_for_one_ring);
    tcase_add_test(cases, test_exhaustion);
    tcase_add_test(cases, test_service_disconnects);
    tcase_add_test(cases, test_reads_what_a_client_left);
    tcase_add_test(cases, test_hands_on_no_bytes);
    tcase_add_test(cases, test_sleeps);
    tcase_add_test(cases, test_refuses_bad_configurations);
    tcase_add_test(cases, test_each_call_fails_once);
    return cases;
}
