/* SPDX-License-Identifier: ISC */
/* When flows begin and end, and who began them: services/monitor/expiry.h, tcp.h, engine.h. */
#include <string.h>

#include "play.h"

#define CLIENT 0x0a000001U
#define SERVER 0x0a000002U

static struct play *play;

static void setup(void)
{
    play = play_make(1024, true);
}

static void teardown(void)
{
    play_end(play);
}

static void pass(uint64_t ns)
{
    play->now += ns;
}

/* A segment of CLIENT (or of SERVER, @back) between ports 4000 and 80. */
static void segment(bool back, uint8_t flags, uint32_t sequence, uint32_t acknowledgment,
                    unsigned payload)
{
    play_give(play, &(struct play_frame){.family = 4,
                                         .protocol = 6,
                                         .source = back ? SERVER : CLIENT,
                                         .destination = back ? CLIENT : SERVER,
                                         .from = back ? 80 : 4000,
                                         .to = back ? 4000 : 80,
                                         .flags = flags,
                                         .sequence = sequence,
                                         .acknowledgment = acknowledgment,
                                         .payload = payload});
}

static const struct flow *the_flow(void)
{
    const struct flow *flow = play_find(play, CLIENT, 4000);

    ck_assert_uint_eq(play_live(play), 1);
    ck_assert_ptr_nonnull(flow);
    return flow;
}

/* -- timeouts */

START_TEST(test_silence_ends_a_flow_at_its_next_frame)
{
    play_udp(play, 0, 1, 2, 3, 4);
    pass(60 * PLAY_SECOND - 1);
    play_udp(play, 0, 1, 2, 3, 4);
    ck_assert_uint_eq(play->ended_count, 0);
    pass(60 * PLAY_SECOND);
    play_udp(play, 0, 2, 1, 4, 3);
    ck_assert_uint_eq(play->ended_count, 1);
    ck_assert_uint_eq(play_last(play)->end, FLOW_IDLE);
    ck_assert_uint_eq(play_last(play)->side[0].frames, 2);
    ck_assert_uint_eq(play_last(play)->first, PLAY_START);
    ck_assert_uint_eq(play_last(play)->last, PLAY_START + 60 * PLAY_SECOND - 1);
    /* The one that has begun has the other for its first side. */
    ck_assert_ptr_nonnull(play_find(play, 2, 4));
}
END_TEST

START_TEST(test_silence_ends_a_flow_without_frames)
{
    play_udp(play, 0, 1, 2, 3, 4);
    play_wait(play, 60 * PLAY_SECOND - 1);
    ck_assert_uint_eq(play->ended_count, 0);
    play_wait(play, 1200 * PLAY_SECOND / 1000);
    ck_assert_uint_eq(play->ended_count, 1);
    ck_assert_uint_eq(play_last(play)->end, FLOW_IDLE);
    ck_assert_uint_eq(play_live(play), 0);
}
END_TEST

START_TEST(test_other_frames_end_a_flow_too)
{
    play_udp(play, 0, 1, 2, 3, 4);
    for (unsigned i = 0; i < 130; i++) {
        pass(PLAY_SECOND / 2);
        play_udp(play, 0, 5, 6, 7, 8);
    }
    ck_assert_uint_eq(play->ended_count, 1);
    ck_assert_uint_eq(play_last(play)->key.port[0], 3);
}
END_TEST

START_TEST(test_a_long_flow_is_reported_and_goes_on)
{
    uint64_t frames = 0;

    for (unsigned i = 0; i < 700; i++) {
        play_udp(play, 0, 1, 2, 3, 4);
        pass(PLAY_SECOND);
    }
    ck_assert_uint_eq(play->ended_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_uint_eq(play->ended[i].end, FLOW_ACTIVE);
        ck_assert_uint_eq(play->ended[i].first, PLAY_START + frames * PLAY_SECOND);
        frames += play->ended[i].side[0].frames;
    }
    ck_assert_uint_ge(frames, 598);
    ck_assert_uint_le(frames, 602);
    ck_assert_uint_eq(play_live(play), 1);
    ck_assert_uint_eq(play_find(play, 1, 3)->side[0].frames, 700 - frames);
    ck_assert_uint_eq(play_find(play, 1, 3)->reports, 2);
    ck_assert_uint_eq(play_counters(play).flows_created, 1);
}
END_TEST

START_TEST(test_a_flow_with_nothing_new_is_not_reported_again)
{
    for (unsigned i = 0; i < 6; i++) {
        play_udp(play, 0, 1, 2, 3, 4);
        pass(50 * PLAY_SECOND);
    }
    play_wait(play, PLAY_SECOND);
    ck_assert_uint_eq(play->ended_count, 1);
    ck_assert_uint_eq(play_last(play)->end, FLOW_ACTIVE);
    play_wait(play, 400 * PLAY_SECOND);
    ck_assert_uint_eq(play->ended_count, 1);
    ck_assert_uint_eq(play_live(play), 0);
    ck_assert_uint_eq(play_counters(play).flows_ended[FLOW_IDLE], 1);
}
END_TEST

START_TEST(test_time_may_jump_and_go_back)
{
    for (uint16_t i = 0; i < 500; i++) {
        play_udp(play, 0, 1, 2, i, 4);
        pass(PLAY_SECOND / 10);
    }
    play_wait(play, UINT64_C(1000000) * PLAY_SECOND);
    ck_assert_uint_eq(play_live(play), 0);
    ck_assert_uint_eq(play->ended_count, 500);
    /* An older frame counts as of the newest time. */
    play->now -= 1000 * PLAY_SECOND;
    play_udp(play, 0, 1, 2, 3, 4);
    ck_assert_uint_eq(play_find(play, 1, 3)->first, play->now + 1000 * PLAY_SECOND);
    play->now = UINT64_MAX;
    play_udp(play, 0, 1, 2, 3, 4);
    ck_assert_uint_eq(play_find(play, 1, 3)->first, INT64_MAX);
}
END_TEST

START_TEST(test_work_of_a_call_is_bounded)
{
    unsigned calls = 1;

    play_end(play);
    play = play_make(20000, true);
    for (unsigned i = 0; i < 20000; i++)
        play_udp(play, 0, 1 + i, 2, 3, 4);
    play->now += 61 * PLAY_SECOND;
    while (engine_time(play->engine, play->now)) {
        ck_assert_uint_le(play->ended_count, calls * 1024);
        calls++;
    }
    ck_assert_uint_eq(play->ended_count, 20000);
    /* Frames end what is due meanwhile, a few each. */
    for (unsigned i = 0; i < 10000; i++)
        play_udp(play, 0, 1 + i, 2, 3, 4);
    play->now += 61 * PLAY_SECOND;
    play_udp(play, 0, 1, 1, 1, 1);
    ck_assert_uint_le(play->ended_count, 20004);
}
END_TEST

START_TEST(test_new_timeouts_hold_for_flows_that_are_there)
{
    struct engine_config config = play->config;

    play_udp(play, 0, 1, 2, 3, 4);
    config.idle = 5;
    engine_configure(play->engine, &config);
    play_wait(play, 6 * PLAY_SECOND);
    ck_assert_uint_eq(play->ended_count, 1);
    config.idle = 4000;
    engine_configure(play->engine, &config);
    play_udp(play, 0, 1, 2, 3, 4);
    for (unsigned i = 0; i < 100; i++)
        play_wait(play, 39 * PLAY_SECOND);
    ck_assert_uint_eq(play_live(play), 1);
    play_wait(play, 120 * PLAY_SECOND);
    ck_assert_uint_eq(play_live(play), 0);
}
END_TEST

/* -- TCP */

static void shake(void)
{
    segment(false, PLAY_SYN, 1000, 0, 0);
    pass(20000);
    segment(true, PLAY_SYN | PLAY_ACK, 9000, 1001, 0);
    pass(30000);
    segment(false, PLAY_ACK, 1001, 9001, 0);
}

static void say_goodbye(void)
{
    segment(false, PLAY_FIN | PLAY_ACK, 1001, 9001, 10);
    segment(true, PLAY_FIN | PLAY_ACK, 9001, 1012, 0);
    segment(false, PLAY_ACK, 1012, 9002, 0);
}

START_TEST(test_the_round_trip_is_of_the_handshake)
{
    shake();
    ck_assert_uint_eq(the_flow()->rtt, 50);
    segment(false, PLAY_ACK, 1001, 9001, 10);
    ck_assert_uint_eq(the_flow()->rtt, 50);
}
END_TEST

START_TEST(test_a_repeated_handshake_tells_no_round_trip)
{
    segment(false, PLAY_SYN, 1000, 0, 0);
    pass(PLAY_SECOND);
    if (_i == 0)
        segment(false, PLAY_SYN, 1000, 0, 0);
    segment(true, PLAY_SYN | PLAY_ACK, 9000, 1001, 0);
    if (_i == 1)
        segment(true, PLAY_SYN | PLAY_ACK, 9000, 1001, 0);
    segment(false, PLAY_ACK, 1001, 9001, 0);
    ck_assert_uint_eq(the_flow()->rtt, 0);
}
END_TEST

START_TEST(test_tcp_ends_when_both_fins_are_acknowledged)
{
    shake();
    say_goodbye();
    play_wait(play, 4 * PLAY_SECOND);
    ck_assert_uint_eq(play_live(play), 1);
    play_wait(play, 2 * PLAY_SECOND);
    ck_assert_uint_eq(play->ended_count, 1);
    ck_assert_uint_eq(play_last(play)->end, FLOW_TCP_END);
    ck_assert_uint_eq(play_last(play)->side[0].tcp_flags, PLAY_SYN | PLAY_ACK | PLAY_FIN);
}
END_TEST

START_TEST(test_half_a_goodbye_is_no_end)
{
    shake();
    segment(false, PLAY_FIN | PLAY_ACK, 1001, 9001, 10);
    segment(true, PLAY_ACK, 9001, 1012, 0);
    if (_i == 1) /* the other FIN, but acknowledged only up to before it */
        segment(true, PLAY_FIN | PLAY_ACK, 9001, 1012, 5);
    segment(false, PLAY_ACK, 1012, 9006, 0);
    play_wait(play, 10 * PLAY_SECOND);
    ck_assert_uint_eq(play_live(play), 1);
}
END_TEST

START_TEST(test_a_reset_ends_at_once)
{
    shake();
    segment(true, PLAY_RST, 9001, 0, 0);
    play_wait(play, 6 * PLAY_SECOND);
    ck_assert_uint_eq(play_last(play)->end, FLOW_TCP_END);
}
END_TEST

START_TEST(test_a_new_syn_begins_another)
{
    shake();
    say_goodbye();
    segment(false, PLAY_SYN, 1000, 0, 0); /* an old one again */
    ck_assert_uint_eq(play->ended_count, 0);
    segment(false, PLAY_SYN, 70000, 0, 0);
    ck_assert_uint_eq(play->ended_count, 1);
    ck_assert_uint_eq(play_last(play)->end, FLOW_TCP_END);
    ck_assert_uint_eq(play_last(play)->side[0].frames, 5);
    ck_assert_uint_eq(the_flow()->side[0].frames, 1);
}
END_TEST

START_TEST(test_a_syn_within_a_conversation_begins_nothing)
{
    shake();
    segment(false, PLAY_SYN, 70000, 0, 0);
    segment(true, PLAY_ACK, 9001, 1001, 0);
    ck_assert_uint_eq(the_flow()->side[0].frames, 3);
}
END_TEST

START_TEST(test_what_has_ended_does_not_count_as_forced)
{
    shake();
    say_goodbye();
    engine_flush(play->engine);
    ck_assert_uint_eq(play_last(play)->end, FLOW_TCP_END);
    play_udp(play, 0, 1, 2, 3, 4);
    engine_flush(play->engine);
    ck_assert_uint_eq(play_last(play)->end, FLOW_FORCED);
}
END_TEST

/* -- who began */

START_TEST(test_a_syn_ack_tells_who_began)
{
    segment(true, PLAY_SYN | PLAY_ACK, 9000, 1001, 0);
    ck_assert_uint_eq(the_flow()->side[1].frames, 1);
    ck_assert_uint_eq(the_flow()->side[0].frames, 0);
    segment(false, PLAY_ACK, 1001, 9001, 0);
    ck_assert_uint_eq(the_flow()->side[0].frames, 1);
}
END_TEST

START_TEST(test_the_first_frame_tells_who_began)
{
    const struct flow *flow;

    /* Either order of addresses. */
    play_udp(play, 0, _i ? 9 : 1, 5, 1000, 53);
    play_udp(play, 0, 5, _i ? 9 : 1, 53, 1000);
    play_udp(play, 0, 5, _i ? 9 : 1, 53, 1000);
    flow = play_find(play, _i ? 9 : 1, 1000);
    ck_assert_ptr_nonnull(flow);
    ck_assert_uint_eq(flow->side[0].frames, 1);
    ck_assert_uint_eq(flow->side[1].frames, 2);
    ck_assert_uint_eq(flow->side[1].bytes, 2 * (14 + 20 + 8 + 10));
    ck_assert_uint_eq(flow->side[1].ip_bytes, 2 * (20 + 8 + 10));
    ck_assert_uint_eq(flow->side[0].mac[5], _i ? 9 : 1);
    ck_assert_uint_eq(flow->side[1].mac[5], 5);
}
END_TEST

START_TEST(test_a_reply_is_of_who_asked)
{
    const struct play_frame arp = {.family = 1, .source = 2, .destination = 1, .from = 2};
    const struct play_frame echo = {
        .family = 4, .protocol = 1, .source = 2, .destination = 1, .from = 0, .to = 77};
    const struct flow *flow;

    play_give(play, &arp);
    flow = play_find(play, 1, 0);
    ck_assert_ptr_nonnull(flow);
    ck_assert_uint_eq(flow->key.protocol, 1);
    ck_assert_uint_eq(flow->side[1].frames, 1);
    play_give(play, &(struct play_frame){.family = 1, .source = 1, .destination = 2, .from = 1});
    ck_assert_uint_eq(flow->side[0].frames, 1);
    engine_flush(play->engine);
    /* InARP's reply (RFC 2390) has the even number behind an even one. */
    play_give(play, &(struct play_frame){.family = 1, .source = 2, .destination = 1, .from = 9});
    play_give(play, &(struct play_frame){.family = 1, .source = 1, .destination = 2, .from = 8});
    ck_assert_uint_eq(play_live(play), 1);
    flow = play_find(play, 1, 0);
    ck_assert_ptr_nonnull(flow);
    ck_assert_uint_eq(flow->key.protocol, 8);
    ck_assert_uint_eq(flow->side[0].frames, 1);
    ck_assert_uint_eq(flow->side[1].frames, 1);
    engine_flush(play->engine);
    play_give(play, &echo);
    flow = play_find(play, 1, 77);
    if (!flow)
        flow = play_find(play, 1, 0x0800);
    ck_assert_ptr_nonnull(flow);
    ck_assert_uint_eq(flow->side[1].frames, 1);
}
END_TEST

START_TEST(test_lan_and_vlan_tell_flows_apart)
{
    struct play_frame frame = {.family = 4, .protocol = 17, .source = 1, .destination = 2};

    for (uint16_t vid = 0; vid < 3; vid++) {
        frame.vid = vid;
        play_give(play, &frame);
    }
    ck_assert_uint_eq(play_live(play), 3);
}
END_TEST

START_TEST(test_frames_that_are_none_are_counted)
{
    const uint8_t data[13] = {0};
    const struct engine_frame frame = {
        .time = play->now, .data = data, .captured = 13, .length = 1000};

    engine_frames(play->engine, &frame, 1);
    play->given++;
    ck_assert_uint_eq(play_counters(play).flows_refused, 1);
    ck_assert_uint_eq(play_counters(play).results[DECODE_NOT_ETHERNET], 1);
    ck_assert_uint_eq(play_counters(play).bytes, 1000);
    ck_assert_uint_eq(play_live(play), 0);
}
END_TEST

START_TEST(test_a_frame_without_addresses_is_of_its_macs)
{
    struct play_frame made = {.family = 4, .protocol = 17, .source = 1, .destination = 2};
    struct engine_frame frame = {.time = play->now, .length = 60};
    uint8_t data[2048];
    uint32_t cursor = 0;

    play_bytes(&made, data);
    frame.data = data;
    frame.captured = 20;
    engine_frames(play->engine, &frame, 1);
    play->given++;
    ck_assert_uint_eq(engine_next_flow(play->engine, &cursor)->key.family, 0);
    cursor = 0;
    ck_assert_uint_eq(engine_next_flow(play->engine, &cursor)->key.ethertype, 0x0800);
}
END_TEST

/* Of another version; with a header of 16 bytes; of 19 in all. */
static const uint8_t no_headers[][4] = {{0x65, 0, 0, 46}, {0x44, 0, 0, 46}, {0x45, 0, 0, 19}};

START_TEST(test_ip_without_its_header_is_of_its_macs)
{
    struct play_frame made = {.family = 4, .protocol = 17, .source = 1, .destination = 2};
    struct engine_frame frame = {.time = play->now};
    uint8_t data[2048];
    uint32_t cursor = 0;

    frame.length = frame.captured = play_bytes(&made, data);
    memcpy(data + 14, no_headers[_i], sizeof(no_headers[_i]));
    frame.data = data;
    engine_frames(play->engine, &frame, 1);
    play->given++;
    ck_assert_uint_eq(engine_next_flow(play->engine, &cursor)->key.family, 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("monitor lifetime");
    TCase *times = tcase_create("times"), *tcp = tcase_create("tcp"),
          *roles = tcase_create("roles");

    tcase_add_checked_fixture(times, setup, teardown);
    tcase_add_test(times, test_silence_ends_a_flow_at_its_next_frame);
    tcase_add_test(times, test_silence_ends_a_flow_without_frames);
    tcase_add_test(times, test_other_frames_end_a_flow_too);
    tcase_add_test(times, test_a_long_flow_is_reported_and_goes_on);
    tcase_add_test(times, test_a_flow_with_nothing_new_is_not_reported_again);
    tcase_add_test(times, test_time_may_jump_and_go_back);
    tcase_add_test(times, test_work_of_a_call_is_bounded);
    tcase_add_test(times, test_new_timeouts_hold_for_flows_that_are_there);
    suite_add_tcase(suite, times);
    tcase_add_checked_fixture(tcp, setup, teardown);
    tcase_add_test(tcp, test_the_round_trip_is_of_the_handshake);
    tcase_add_loop_test(tcp, test_a_repeated_handshake_tells_no_round_trip, 0, 2);
    tcase_add_test(tcp, test_tcp_ends_when_both_fins_are_acknowledged);
    tcase_add_loop_test(tcp, test_half_a_goodbye_is_no_end, 0, 2);
    tcase_add_test(tcp, test_a_reset_ends_at_once);
    tcase_add_test(tcp, test_a_new_syn_begins_another);
    tcase_add_test(tcp, test_a_syn_within_a_conversation_begins_nothing);
    tcase_add_test(tcp, test_what_has_ended_does_not_count_as_forced);
    suite_add_tcase(suite, tcp);
    tcase_add_checked_fixture(roles, setup, teardown);
    tcase_add_test(roles, test_a_syn_ack_tells_who_began);
    tcase_add_loop_test(roles, test_the_first_frame_tells_who_began, 0, 2);
    tcase_add_test(roles, test_a_reply_is_of_who_asked);
    tcase_add_test(roles, test_lan_and_vlan_tell_flows_apart);
    tcase_add_test(roles, test_frames_that_are_none_are_counted);
    tcase_add_test(roles, test_a_frame_without_addresses_is_of_its_macs);
    tcase_add_loop_test(roles, test_ip_without_its_header_is_of_its_macs, 0, 3);
    suite_add_tcase(suite, roles);
    return suite;
}
