/* SPDX-License-Identifier: ISC */
/* Who is behind ports and MACs, and what each of them sent: identities.h, macs.h, top.h. */
#include <stdlib.h>
#include <string.h>

#include "services/monitor/macs.h"

#include "play.h"

static struct play *play;

static void setup(void)
{
    play = play_make(1024, false);
}

static void teardown(void)
{
    play_end(play);
}

static uint16_t of(uint16_t port)
{
    return engine_port_identity(play->engine, port);
}

/* -- identities */

START_TEST(test_a_port_is_who_it_was_said_to_be)
{
    ck_assert_uint_eq(of(7), 0);
    ck_assert_uint_eq(engine_identity(play->engine, 0)->domid, 0);
    play_port(play, 7, 42);
    ck_assert_uint_ne(of(7), 0);
    ck_assert_uint_eq(engine_identity(play->engine, of(7))->domid, 42);
    ck_assert_str_eq(engine_identity(play->engine, of(7))->bridge, "xenbr0");
    ck_assert_uint_eq(engine_identity(play->engine, UINT16_MAX)->domid, 0);
    engine_port(play->engine, 7, NULL);
    ck_assert_uint_eq(of(7), 0);
}
END_TEST

START_TEST(test_what_is_learned_of_a_guest_later_keeps_its_number)
{
    struct engine_identity who = {.domid = 3, .vif = 1, .bridge = "b"};
    uint16_t number;

    engine_port(play->engine, 1, &who);
    number = of(1);
    who.identified = true;
    who.uuid[3] = 5;
    memcpy(who.guest, "web", 4);
    engine_port(play->engine, 1, &who);
    ck_assert_uint_eq(of(1), number);
    ck_assert_str_eq(engine_identity(play->engine, number)->guest, "web");
    /* Another uuid is another guest. */
    play_udp(play, 1, 1, 2, 3, 4);
    who.uuid[3] = 6;
    engine_port(play->engine, 1, &who);
    ck_assert_uint_ne(of(1), number);
    ck_assert_uint_eq(engine_identity(play->engine, number)->uuid[3], 5);
}
END_TEST

START_TEST(test_an_uplink_is_no_guest)
{
    struct engine_identity who = {.vif = 1, .bridge = "b"};

    engine_port(play->engine, 1, &who);
    who.uplink = true;
    engine_port(play->engine, 2, &who);
    ck_assert_uint_ne(of(1), of(2));
    ck_assert(!engine_identity(play->engine, of(1))->uplink);
    ck_assert(engine_identity(play->engine, of(2))->uplink);
}
END_TEST

START_TEST(test_a_number_is_reused_when_nobody_refers_to_it)
{
    uint16_t number, seen = 0;

    play_port(play, 1, 1);
    number = of(1);
    play_udp(play, 1, 1, 2, 3, 4);
    engine_port(play->engine, 1, NULL);
    /* A flow still names it, whoever else comes. */
    for (uint16_t i = 2; i < 3000; i++) {
        play_port(play, 2, i);
        ck_assert_uint_ne(of(2), number);
        ck_assert_uint_ne(of(2), 0);
    }
    ck_assert_uint_eq(engine_identity(play->engine, number)->domid, 1);
    play_wait(play, 61 * PLAY_SECOND);
    for (uint16_t i = 3000; i < 6000; i++) {
        play_port(play, 2, i);
        seen += of(2) == number;
    }
    ck_assert_uint_gt(seen, 0);
    ck_assert_uint_eq(play_counters(play).identities_refused, 0);
}
END_TEST

START_TEST(test_too_many_identities_are_refused_and_counted)
{
    for (uint16_t i = 0; i < 1100; i++)
        play_port(play, i, (uint16_t)(i + 1));
    ck_assert_uint_eq(play_counters(play).identities_refused, 1100 - (ENGINE_IDENTITIES - 1));
    ck_assert_uint_eq(of(1099), 0);
    play_udp(play, 1099, 1, 2, 3, 4);
    ck_assert_uint_eq(play_find(play, 1, 3)->side[0].identity, 0);
    engine_port(play->engine, 0, NULL);
    play_port(play, 1099, 1100);
    ck_assert_uint_ne(of(1099), 0);
}
END_TEST

/* Random ports, flows and ends: every number that a flow has is that of who sent. */
START_TEST(test_flows_keep_their_identities)
{
    struct unit_random random = {(uint64_t)_i};
    uint16_t domids[8] = {0}, next = 1;

    play_end(play);
    play = play_make(64, false);
    for (unsigned i = 0; i < 20000; i++) {
        const uint16_t port = (uint16_t)unit_random(&random, 8);

        if (unit_random(&random, 10) == 0) {
            domids[port] = unit_random(&random, 3) ? next++ : 0;
            if (domids[port])
                play_port(play, port, domids[port]);
            else
                engine_port(play->engine, port, NULL);
        }
        /* The source address says who is meant. */
        play_udp(play, port, domids[port], 0x01000000 + (uint32_t)unit_random(&random, 50), 5, 6);
        if (unit_random(&random, 50) == 0)
            play_wait(play, 61 * PLAY_SECOND);
    }
    for (unsigned i = 0; i < play->ended_count && i < PLAY_ENDED; i++) {
        const struct flow *flow = &play->ended[i];
        const uint32_t domid = (uint32_t)flow->key.address[0][2] << 8 | flow->key.address[0][3];

        ck_assert_uint_eq(flow->side[0].identity != 0, domid != 0);
    }
    ck_assert_uint_eq(play_counters(play).identities_refused, 0);
}
END_TEST

/* -- both sides */

START_TEST(test_the_destination_is_known_by_its_mac)
{
    const struct flow *flow;

    play_port(play, 1, 1);
    play_port(play, 2, 2);
    play_udp(play, 1, 1, 2, 3, 4);
    flow = play_find(play, 1, 3);
    ck_assert_uint_eq(flow->side[0].identity, of(1));
    ck_assert_uint_eq(flow->side[1].identity, 0);
    play_udp(play, 2, 2, 9, 1, 1);
    play_udp(play, 1, 1, 2, 3, 4);
    ck_assert_uint_eq(flow->side[1].identity, of(2));
    /* And a flow that begins now knows at once. */
    play_udp(play, 1, 1, 2, 33, 4);
    ck_assert_uint_eq(play_find(play, 1, 33)->side[1].identity, of(2));
    ck_assert_uint_eq(play_find(play, 1, 33)->charged, of(1));
    /* Nobody is behind a port that is gone. */
    engine_port(play->engine, 2, NULL);
    play_udp(play, 1, 1, 2, 34, 4);
    ck_assert_uint_eq(play_find(play, 1, 34)->side[1].identity, 0);
}
END_TEST

START_TEST(test_who_never_sent_is_known_by_the_mac_of_its_vif)
{
    struct engine_identity who = {
        .domid = 9, .identified = true, .mac = {2, 0, 0, 0, 0, 7}, .bridge = "xenbr0"};
    const struct flow *flow;

    play_port(play, 1, 1);
    engine_port(play->engine, 5, &who);
    play_udp(play, 1, 1, 7, 3, 4);
    flow = play_find(play, 1, 3);
    ck_assert_uint_eq(flow->side[1].identity, of(5));
    /* Another bridge may have the same MAC. */
    memcpy(who.bridge, "other", 6);
    who.domid = 10;
    engine_port(play->engine, 6, &who);
    play_udp(play, 1, 1, 7, 33, 4);
    ck_assert_uint_eq(play_find(play, 1, 33)->side[1].identity, of(5));
    /* Who sends with it is behind it. */
    play_port(play, 2, 2);
    play_udp(play, 2, 7, 1, 5, 6);
    play_udp(play, 1, 1, 7, 34, 4);
    ck_assert_uint_eq(play_find(play, 1, 34)->side[1].identity, of(2));
}
END_TEST

START_TEST(test_copies_at_the_way_out_are_not_counted_twice)
{
    struct play_frame frame = {
        .family = 4, .protocol = 17, .source = 1, .destination = 2, .port = 1};

    play_port(play, 1, 1);
    play_port(play, 2, 2);
    play_give(play, &frame);
    frame.port = 2;
    frame.egress = true;
    play_give(play, &frame);
    ck_assert_uint_eq(play_counters(play).frames, 1);
    ck_assert_uint_eq(play_counters(play).copies, 1);
    ck_assert_uint_eq(play_find(play, 1, 0)->side[0].frames, 1);
    /* Or they alone are. */
    play->config.egress = true;
    engine_configure(play->engine, &play->config);
    play_give(play, &frame);
    ck_assert_uint_eq(play_find(play, 1, 0)->side[0].frames, 2);
    ck_assert_uint_eq(play_find(play, 1, 0)->side[1].identity, of(2));
}
END_TEST

START_TEST(test_bridges_tell_conversations_apart)
{
    struct engine_identity who = {.domid = 1, .bridge = "red"};

    engine_port(play->engine, 1, &who);
    who.domid = 2;
    memcpy(who.bridge, "blue", 5);
    engine_port(play->engine, 2, &who);
    play_udp(play, 1, 1, 2, 3, 4);
    play_udp(play, 2, 1, 2, 3, 4);
    ck_assert_uint_eq(play_live(play), 2);
    ck_assert_uint_eq(play_counters(play).flows_created, 2);
}
END_TEST

/* -- MACs */

struct table {
    struct macs macs;
    void *memory;
};

static struct table macs_make(void)
{
    const struct hash_key key = {1, 2};
    struct table table = {.memory = aligned_alloc(64, (macs_size(64) + 63) / 64 * 64)};

    memset(table.memory, 0, macs_size(64));
    macs_create(&table.macs, table.memory, &key);
    return table;
}

static const uint8_t *mac_of(uint32_t number)
{
    static uint8_t mac[6];

    mac[0] = 2;
    memcpy(mac + 2, &number, 4);
    return mac;
}

START_TEST(test_macs_move_and_are_forgotten)
{
    struct table table = macs_make();
    struct mac_moved moved;

    moved = macs_learn(&table.macs, mac_of(1), 1, 0, 5, PLAY_START);
    ck_assert_uint_eq(moved.identity, 0);
    ck_assert_uint_eq(macs_find(&table.macs, mac_of(1), 1, 0), 5);
    ck_assert_uint_eq(macs_find(&table.macs, mac_of(1), 2, 0), 0);
    ck_assert_uint_eq(macs_find(&table.macs, mac_of(1), 1, 9), 0);
    moved = macs_learn(&table.macs, mac_of(1), 1, 0, 6, PLAY_START + 8 * PLAY_SECOND);
    ck_assert_uint_eq(moved.identity, 5);
    ck_assert_uint_ge(moved.age, 7 * PLAY_SECOND);
    ck_assert_uint_le(moved.age, 9 * PLAY_SECOND);
    ck_assert_uint_eq(macs_find(&table.macs, mac_of(1), 1, 0), 6);
    macs_forget(&table.macs, 5);
    ck_assert_uint_eq(macs_find(&table.macs, mac_of(1), 1, 0), 6);
    macs_forget(&table.macs, 6);
    ck_assert_uint_eq(macs_find(&table.macs, mac_of(1), 1, 0), 0);
    free(table.memory);
}
END_TEST

START_TEST(test_made_up_macs_take_nobodys_place)
{
    struct table table = macs_make();
    struct unit_random random = {1};

    for (uint32_t i = 0; i < 20; i++)
        macs_learn(&table.macs, mac_of(i), 1, 0, (uint16_t)(1 + i), PLAY_START);
    for (uint32_t i = 0; i < 100000; i++)
        macs_learn(&table.macs, mac_of(1000 + (uint32_t)unit_random(&random, 1U << 30)), 1, 0, 33,
                   PLAY_START + PLAY_SECOND);
    for (uint32_t i = 0; i < 20; i++)
        ck_assert_uint_eq(macs_find(&table.macs, mac_of(i), 1, 0), 1 + i);
    /* One that comes now finds a place in spite of the flood. */
    for (uint32_t i = 100; i < 140; i++) {
        macs_learn(&table.macs, mac_of(i), 1, 0, 40, PLAY_START + PLAY_SECOND);
        ck_assert_uint_eq(macs_find(&table.macs, mac_of(i), 1, 0), 40);
    }
    free(table.memory);
}
END_TEST

/* Whoever it is of: a table full of the silent is no table. */
START_TEST(test_silent_macs_give_way)
{
    struct table table = macs_make();
    struct unit_random random = {2};

    macs_learn(&table.macs, mac_of(1), 1, 0, 1, PLAY_START);
    for (uint32_t i = 0; i < 100000; i++)
        macs_learn(&table.macs, mac_of(1000 + (uint32_t)unit_random(&random, 1U << 30)), 1, 0, 33,
                   PLAY_START + 299 * PLAY_SECOND);
    ck_assert_uint_eq(macs_find(&table.macs, mac_of(1), 1, 0), 1);
    for (uint32_t i = 0; i < 100000; i++)
        macs_learn(&table.macs, mac_of(1000 + (uint32_t)unit_random(&random, 1U << 30)), 1, 0, 33,
                   PLAY_START + 302 * PLAY_SECOND);
    ck_assert_uint_eq(macs_find(&table.macs, mac_of(1), 1, 0), 0);
    free(table.memory);
}
END_TEST

/* -- totals */

START_TEST(test_totals_are_of_both_ends)
{
    const struct top *top = engine_top(play->engine);

    play_port(play, 1, 1);
    play_port(play, 2, 2);
    play_udp(play, 2, 2, 1, 4, 3);
    for (unsigned i = 0; i < 5; i++)
        play_udp(play, 1, 1, 2, 3, 4);
    ck_assert_uint_eq(top_port(top, of(1))->frames_out, 5);
    ck_assert_uint_eq(top_port(top, of(1))->bytes_out, 5 * 52);
    ck_assert_uint_eq(top_port(top, of(2))->bytes_in, 5 * 52);
    ck_assert_uint_eq(top_port(top, of(2))->frames_out, 1);
    ck_assert_uint_eq(top_port(top, of(2))->flows, 1);
    ck_assert_uint_eq(top_port(top, of(1))->flows, 0);
    ck_assert_uint_eq(top_port(top, of(2))->class_bytes[1], 6 * 52);
    ck_assert_str_eq(top_class_name(1), "udp");
    ck_assert_ptr_null(top_port(top, 0));
}
END_TEST

START_TEST(test_rates_go_by_seconds_and_minutes)
{
    const struct top *top = engine_top(play->engine);
    uint64_t sum = 0;

    play_port(play, 1, 1);
    for (unsigned i = 0; i < 200; i++) {
        for (unsigned j = 0; j <= i % 3; j++)
            play_udp(play, 1, 1, 2, 3, 4);
        play_wait(play, PLAY_SECOND);
    }
    ck_assert_uint_eq(top_second(top, of(1), true, 0), 0);
    ck_assert_uint_eq(top_second(top, of(1), true, 1), 52 * 2);
    ck_assert_uint_eq(top_second(top, of(1), true, 2), 52 * 1);
    ck_assert_uint_eq(top_second(top, of(1), true, 3), 52 * 3);
    ck_assert_uint_eq(top_second(top, of(1), false, 3), 0);
    ck_assert_uint_eq(top_second(top, of(1), true, TOP_SECONDS), 0);
    for (unsigned i = 0; i < TOP_MINUTES; i++)
        sum += top_minute(top, of(1), true, i);
    ck_assert_uint_eq(sum, top_port(top, of(1))->bytes_out);
    /* Silence: what is older than the window is gone, whether or not frames come again. */
    play_wait(play, 115 * PLAY_SECOND);
    ck_assert_uint_eq(top_second(top, of(1), true, 116), 52 * 2);
    play_wait(play, 10 * PLAY_SECOND);
    for (unsigned i = 0; i < TOP_SECONDS; i++)
        ck_assert_uint_eq(top_second(top, of(1), true, i), 0);
    play_udp(play, 1, 1, 2, 3, 4);
    ck_assert_uint_eq(top_second(top, of(1), true, 0), 52);
    ck_assert_uint_eq(top_second(top, of(1), true, 1), 0);
    play_wait(play, 3 * 3600 * PLAY_SECOND);
    for (unsigned i = 0; i < TOP_MINUTES; i++)
        ck_assert_uint_eq(top_minute(top, of(1), true, i), 0);
    play_udp(play, 1, 1, 2, 3, 4);
    ck_assert_uint_eq(top_minute(top, of(1), true, 0), 52);
    ck_assert_uint_eq(top_minute(top, of(1), true, 119), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("monitor ports");
    TCase *who = tcase_create("who"), *macs = tcase_create("macs"), *top = tcase_create("top");

    tcase_add_checked_fixture(who, setup, teardown);
    tcase_add_test(who, test_a_port_is_who_it_was_said_to_be);
    tcase_add_test(who, test_what_is_learned_of_a_guest_later_keeps_its_number);
    tcase_add_test(who, test_an_uplink_is_no_guest);
    tcase_add_test(who, test_a_number_is_reused_when_nobody_refers_to_it);
    tcase_add_test(who, test_too_many_identities_are_refused_and_counted);
    tcase_add_loop_test(who, test_flows_keep_their_identities, 0, 3);
    tcase_add_test(who, test_the_destination_is_known_by_its_mac);
    tcase_add_test(who, test_who_never_sent_is_known_by_the_mac_of_its_vif);
    tcase_add_test(who, test_copies_at_the_way_out_are_not_counted_twice);
    tcase_add_test(who, test_bridges_tell_conversations_apart);
    suite_add_tcase(suite, who);
    tcase_add_test(macs, test_macs_move_and_are_forgotten);
    tcase_add_test(macs, test_made_up_macs_take_nobodys_place);
    tcase_add_test(macs, test_silent_macs_give_way);
    suite_add_tcase(suite, macs);
    tcase_add_checked_fixture(top, setup, teardown);
    tcase_add_test(top, test_totals_are_of_both_ends);
    tcase_add_test(top, test_rates_go_by_seconds_and_minutes);
    suite_add_tcase(suite, top);
    return suite;
}
