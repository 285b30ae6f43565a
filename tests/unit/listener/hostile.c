/* SPDX-License-Identifier: ISC */
/* Clients that write what they like into the pages they share. */
#include "house.h"

static struct house house;

static void setup(void)
{
    house_make(&house, 4, HOUSE_SLOTS);
}

static void teardown(void)
{
    sim_set_adversary(house.sim, NULL, NULL);
    house_end(&house);
}

static void put32(uint8_t *head, unsigned offset, uint32_t value)
{
    memcpy(head + offset, &value, sizeof(value));
}

/* A ring that nobody can connect to any more is closed, and another is published. */
START_TEST(test_spoils_the_published_ring)
{
    evtchn_port_t port = client_bind(&house);
    uint8_t *head = client_map(&house);
    struct vchan v;

    head[HEAD_CLI_LIVE] = 77;
    ck_assert_int_eq(hv_evtchn_send(house.client, port), 0);
    house_settle(&house);
    ck_assert_uint_eq(house_stats(&house).abandoned, 1);
    ck_assert_uint_eq(house_stats(&house).draining, 1);
    client_join(&house, &v);
    client_echo(&house, &v, 10);
    ck_assert_int_eq(hv_evtchn_close(house.client, port), 0);
    ck_assert_int_eq(hv_grant_unmap(house.client, head, 1), 0);

    /* Without the port nobody hears of it at once. */
    head = client_map(&house);
    head[HEAD_CLI_LIVE] = 77;
    house_run(&house, 2 * HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).abandoned, 2);
    ck_assert_int_eq(vchan_close(&v), 0);
    ck_assert_int_eq(hv_grant_unmap(house.client, head, 1), 0);
    house_run(&house, HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).free, HOUSE_SLOTS);
    ck_assert_uint_eq(house_stats(&house).accepted, 1);
}
END_TEST

/* A client that says it has connected, and has not bound the port, is as good as dead. */
START_TEST(test_connects_without_the_port)
{
    uint8_t *head = client_map(&house);

    head[HEAD_CLI_LIVE] = 1;
    house_run(&house, 3 * HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).accepted, 1);
    ck_assert_uint_eq(house_stats(&house).died, 1);
    ck_assert_uint_eq(house_stats(&house).draining, 1);
    ck_assert_int_eq(hv_grant_unmap(house.client, head, 1), 0);
    house_run(&house, HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).free, HOUSE_SLOTS);
}
END_TEST

/* Whoever breaks the protocol is disconnected, and nobody else is. */
START_TEST(test_breaks_the_protocol)
{
    static const struct {
        unsigned offset;
        uint32_t value;
        bool byte;
    } lies[] = {
        {HEAD_CLI_LIVE, 2, true},          {HEAD_CLI_LIVE, 255, true},
        {HEAD_LEFT_PROD, 4097, false},     {HEAD_LEFT_PROD, UINT32_MAX, false},
        {HEAD_RIGHT_CONS, 0x1000u, false},
    };
    struct vchan good, bad;
    unsigned count = sizeof(lies) / sizeof(lies[0]);

    client_join(&house, &good);
    for (unsigned i = 0; i < count; i++) {
        client_join(&house, &bad);
        if (lies[i].offset == HEAD_RIGHT_CONS)
            ck_assert_int_eq(vchan_write(&bad, "x", 1), 1);
        if (lies[i].byte)
            bad.head[lies[i].offset] = (uint8_t)lies[i].value;
        else
            put32(bad.head, lies[i].offset, lies[i].value);
        ck_assert_int_eq(hv_evtchn_send(house.client, bad.port), 0);
        house_settle(&house);
        ck_assert_uint_eq(house_stats(&house).broken, i + 1);
        ck_assert_uint_eq(house_stats(&house).connected, 1);
        ck_assert_int_eq(vchan_close(&bad), 0);
        client_echo(&house, &good, 10);
        house_run(&house, HV_SEC);
    }
    ck_assert_uint_eq(house_stats(&house).died, 0);
    ck_assert_int_eq(vchan_close(&good), 0);
}
END_TEST

/* What is wrong without any event is found when the clients are asked after. */
START_TEST(test_breaks_it_silently)
{
    struct vchan v;

    client_join(&house, &v);
    v.head[HEAD_CLI_LIVE] = 99;
    house_run(&house, HV_SEC + HV_MSEC);
    ck_assert_uint_eq(house_stats(&house).broken, 1);
    ck_assert_uint_eq(house_stats(&house).connected, 0);
    ck_assert_int_eq(vchan_close(&v), 0);
}
END_TEST

static struct vchan *target;

/* Between any two looks of the service's something else is in the page. */
static void rewrite(void *context, struct hv *victim, const void *address, size_t length)
{
    struct sim *sim = context;

    if (victim != house.service || !target->head || sim_random(sim, 4))
        return;
    if (sim_random(sim, 2))
        target->head[HEAD_CLI_LIVE] = (uint8_t)sim_random(sim, 4);
    else
        put32(target->head, (unsigned)sim_random(sim, 6) * 4, (uint32_t)sim_random(sim, 6000));
}

START_TEST(test_rewrites_the_page_at_any_time)
{
    struct vchan good, bad;

    client_join(&house, &good);
    target = &bad;
    for (unsigned i = 0; i < 300; i++) {
        struct listener_stats before = house_stats(&house), after;
        uint8_t data[600] = {0};

        ck_assert_int_eq(client_connect(&house, &bad), 0);
        sim_set_adversary(house.sim, rewrite, house.sim);
        for (unsigned j = 0; j < 5; j++) {
            (void)vchan_write(&bad, data, sizeof(data));
            ck_assert_int_eq(hv_evtchn_send(house.client, bad.port), 0);
            house_settle(&house);
        }
        sim_set_adversary(house.sim, NULL, NULL);
        ck_assert_int_eq(vchan_close(&bad), 0);
        client_echo(&house, &good, 64);
        house_run(&house, 3 * HV_SEC);
        after = house_stats(&house);
        ck_assert_uint_eq(after.connected, 1);
        ck_assert_uint_eq(after.draining, 0);
        /* A page that was spoilt before the service looked has had no client. */
        ck_assert_uint_eq(after.accepted + after.abandoned, before.accepted + before.abandoned + 1);
    }
    ck_assert_uint_gt(house_stats(&house).broken, 50);
    ck_assert_int_eq(vchan_close(&good), 0);
}
END_TEST

static void *guessed;

/* Map a page as soon as it is granted, and long before its reference is published. */
static void guess(void *context, struct hv *victim, const void *address, size_t length)
{
    if (guessed)
        return;
    for (grant_ref_t ref = HV_GNTTAB_FIRST; ref < HV_GNTTAB_FIRST + 8; ref++)
        if (hv_grant_map(house.client, HOUSE_SERVICE, &ref, 1, false, &guessed) == 0)
            return;
}

/* A ring that could not be made, some of which is mapped all the same, is not made anew in place.
 */
START_TEST(test_guesses_a_reference)
{
    struct vchan first, second;

    house_end(&house);
    house_create(&house, 4, 2);
    guessed = NULL;
    sim_set_adversary(house.sim, guess, NULL);
    /* Two calls for pages, one for the port, and the third grant of four. */
    sim_fail_nth(house.sim, 6);
    house_listen(&house);
    house_settle(&house);
    ck_assert_ptr_nonnull(guessed);
    ck_assert(!house.notice.present);
    ck_assert_uint_eq(house_stats(&house).draining, 1);
    sim_set_adversary(house.sim, NULL, NULL);
    house_run(&house, 60 * HV_MSEC);
    client_join(&house, &first);
    ck_assert(!house.notice.present);
    ck_assert_int_eq(hv_grant_unmap(house.client, guessed, 1), 0);
    house_run(&house, HV_SEC + HV_MSEC);
    client_join(&house, &second);
    ck_assert_int_eq(vchan_close(&first), 0);
    ck_assert_int_eq(vchan_close(&second), 0);
}
END_TEST

/* Events without end or meaning keep nobody else from being served. */
static uint64_t flood(void *context)
{
    const evtchn_port_t *ports = context;

    for (unsigned i = 0; i < 2; i++)
        (void)hv_evtchn_send(house.client, ports[i]);
    return 0;
}

START_TEST(test_floods_with_events)
{
    evtchn_port_t ports[2];
    struct vchan good, bad;
    uint64_t connects;

    client_join(&house, &good);
    client_join(&house, &bad);
    ports[0] = bad.port;
    ports[1] = client_bind(&house);
    house.patience = 200;
    sim_set_actor(house.client, flood, ports);
    for (unsigned i = 0; i < 20; i++)
        client_echo(&house, &good, 64);
    house_run(&house, 10 * HV_MSEC);
    connects = house.connects;
    ck_assert_uint_eq(connects, 2);
    ck_assert_uint_eq(house_stats(&house).connected, 2);
    sim_set_actor(house.client, NULL, NULL);
    house.patience = 1000000;
    ck_assert_int_eq(hv_evtchn_close(house.client, ports[1]), 0);
    ck_assert_int_eq(vchan_close(&bad), 0);
    ck_assert_int_eq(vchan_close(&good), 0);
}
END_TEST

TCase *hostile_cases(void)
{
    TCase *cases = tcase_create("hostile");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_spoils_the_published_ring);
    tcase_add_test(cases, test_connects_without_the_port);
    tcase_add_test(cases, test_breaks_the_protocol);
    tcase_add_test(cases, test_breaks_it_silently);
    tcase_add_test(cases, test_rewrites_the_page_at_any_time);
    tcase_add_test(cases, test_guesses_a_reference);
    tcase_add_test(cases, test_floods_with_events);
    return cases;
}
