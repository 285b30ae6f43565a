/* SPDX-License-Identifier: ISC */
/*
 * services/monitor/table.h by itself and within the engine: against a plain list of conversations,
 * whatever times, sizes and evictions; who has to go when it is full; walks.
 */
#include <stdlib.h>
#include <string.h>

#include "play.h"

/* -- the model: conversations in a plain array, which never ends any */

#define TALKS 512U

struct talk {
    uint8_t family, protocol;
    uint32_t low, high;
    uint16_t low_port, high_port, vid;
    uint64_t frames, bytes; /* given */
    uint64_t counted, counted_bytes;
};

struct model {
    struct talk talks[TALKS];
    unsigned count;
};

static struct talk *talk_of(struct model *model, struct talk wanted)
{
    if (wanted.low > wanted.high ||
        (wanted.low == wanted.high && wanted.low_port > wanted.high_port)) {
        const uint32_t address = wanted.low;
        const uint16_t port = wanted.low_port;

        wanted.low = wanted.high;
        wanted.low_port = wanted.high_port;
        wanted.high = address;
        wanted.high_port = port;
    }
    for (unsigned i = 0; i < model->count; i++) {
        struct talk *talk = &model->talks[i];

        if (talk->family == wanted.family && talk->protocol == wanted.protocol &&
            talk->low == wanted.low && talk->high == wanted.high &&
            talk->low_port == wanted.low_port && talk->high_port == wanted.high_port &&
            talk->vid == wanted.vid)
            return talk;
    }
    ck_assert_uint_lt(model->count, TALKS);
    model->talks[model->count] = wanted;
    return &model->talks[model->count++];
}

static uint32_t last_bytes(const uint8_t *address, unsigned family)
{
    address += family == 6 ? 12 : family == 0 ? 2 : 0;
    return (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 | (uint32_t)address[2] << 8 |
           address[3];
}

static void count_flow(struct model *model, const struct flow *flow)
{
    struct talk *talk =
        talk_of(model, (struct talk){
                           .family = flow->key.family,
                           .protocol = flow->key.protocol,
                           .low = last_bytes(flow->key.address[0], flow->key.family),
                           .high = last_bytes(flow->key.address[1], flow->key.family),
                           .low_port = flow->key.port[0],
                           .high_port = flow->key.port[1],
                           .vid = flow->key.vid[0],
                       });

    for (unsigned i = 0; i < 2; i++) {
        talk->counted += flow->side[i].frames;
        talk->counted_bytes += flow->side[i].bytes;
    }
}

static struct play_frame random_frame(struct unit_random *random)
{
    static const uint8_t families[] = {4, 4, 4, 6, 6, 1, 0};
    static const uint8_t protocols[] = {6, 6, 17};
    static const uint8_t flags[] = {
        PLAY_ACK, PLAY_ACK, PLAY_ACK, PLAY_SYN, PLAY_SYN | PLAY_ACK, PLAY_FIN | PLAY_ACK,
        PLAY_RST, 0};
    struct play_frame frame = {
        .family = families[unit_random(random, 7)],
        .source = (uint32_t)(1 + unit_random(random, 4)),
        .destination = (uint32_t)(1 + unit_random(random, 4)),
        .vid = (uint16_t)unit_random(random, 2),
        .payload = (unsigned)unit_random(random, 100),
    };

    if (frame.family == 4 || frame.family == 6) {
        frame.protocol = protocols[unit_random(random, 3)];
        frame.from = (uint16_t)(1 + unit_random(random, 2));
        frame.to = (uint16_t)(1 + unit_random(random, 2));
        frame.flags = flags[unit_random(random, 8)];
        frame.sequence = (uint32_t)unit_random(random, 4) - 2;
        frame.acknowledgment = (uint32_t)unit_random(random, 500) - 250;
    } else if (frame.family == 1) {
        frame.from = 1;
    }
    return frame;
}

static uint64_t random_time(struct unit_random *random)
{
    switch (unit_random(random, 100)) {
    case 0:
        return unit_random(random, 700) * PLAY_SECOND;
    case 1:
    case 2:
    case 3:
        return unit_random(random, 70) * PLAY_SECOND;
    default:
        return unit_random(random, PLAY_SECOND);
    }
}

/* Flows that ended and those that live, by conversation, are what was given; at any time. */
static void compare(struct model *model, const struct play *play, unsigned *ended)
{
    const struct flow *flow;
    uint32_t cursor = 0;

    ck_assert_uint_le(play->ended_count - *ended, PLAY_ENDED);
    for (; *ended < play->ended_count; (*ended)++)
        count_flow(model, &play->ended[*ended % PLAY_ENDED]);
    struct model all = *model;
    while ((flow = engine_next_flow(play->engine, &cursor)) != NULL)
        count_flow(&all, flow);
    ck_assert_uint_eq(all.count, model->count);
    for (unsigned i = 0; i < all.count; i++) {
        ck_assert_uint_eq(all.talks[i].counted, all.talks[i].frames);
        ck_assert_uint_eq(all.talks[i].counted_bytes, all.talks[i].bytes);
    }
}

START_TEST(test_it_counts_what_a_plain_list_counts)
{
    static const uint32_t sizes[] = {16, 20, 64, 1000};
    struct unit_random random = {(uint64_t)_i};
    struct play *play = play_make(sizes[_i % 4], true);
    struct model *model = calloc(1, sizeof(*model));
    struct engine_counters counters;
    unsigned ended = 0;
    uint64_t all = 0;

    for (unsigned i = 0; i < 6000; i++) {
        const struct play_frame frame = random_frame(&random);
        struct talk *talk;
        uint8_t data[2048];
        const bool plain = frame.family == 4 || frame.family == 6;

        if (unit_random(&random, 50) == 0) {
            play_flush(play);
            play_wait(play, random_time(&random));
        } else {
            play->now += random_time(&random) / 10;
        }
        talk = talk_of(model, (struct talk){.family = frame.family,
                                            .protocol = frame.family == 1 ? 1 : frame.protocol,
                                            .low = frame.source,
                                            .high = frame.destination,
                                            .low_port = plain ? frame.from : 0,
                                            .high_port = plain ? frame.to : 0,
                                            .vid = frame.vid});
        talk->frames++;
        talk->bytes += play_bytes(&frame, data);
        play_later(play, &frame);
        if (i % 500 == 0) {
            play_flush(play);
            compare(model, play, &ended);
        }
    }
    play_flush(play);
    engine_flush(play->engine);
    compare(model, play, &ended);
    counters = play_counters(play);
    for (unsigned i = 0; i <= FLOW_EVICTED; i++)
        all += i == FLOW_ACTIVE ? 0 : counters.flows_ended[i];
    ck_assert_uint_eq(counters.flows_created, all);
    ck_assert_uint_le(counters.flows_highest, sizes[_i % 4]);
    ck_assert_uint_gt(counters.flows_ended[FLOW_IDLE], 0);
    ck_assert_uint_gt(counters.flows_ended[FLOW_TCP_END], 0);
    ck_assert(sizes[_i % 4] == 1000 || counters.flows_ended[FLOW_EVICTED] > 0);
    ck_assert_uint_eq(counters.frames, 6000);
    ck_assert_uint_eq(counters.bytes, play->bytes);
    free(model);
    play_end(play);
}
END_TEST

/* -- walks */

START_TEST(test_a_flow_that_lives_through_a_walk_is_seen_once)
{
    struct play *play = play_make(256, true);
    struct unit_random random = {1};
    unsigned seen[100] = {0}, others = 0;
    const struct flow *flow;
    uint32_t cursor = 0;

    for (unsigned i = 0; i < 1000; i++) {
        play_udp(play, 0, 1, 2, (uint16_t)(1 + i % 100), 7);
        play_udp(play, 0, 2, 1, 7, (uint16_t)(1 + i % 100));
    }
    while ((flow = engine_next_flow(play->engine, &cursor)) != NULL) {
        if (flow->key.port[1] == 7)
            seen[flow->key.port[0] - 1]++;
        else
            others++;
        /* Others come and go meanwhile, by the dozen. */
        for (unsigned i = 0; i < 20; i++)
            play_udp(play, 0, 3, 4, (uint16_t)unit_random(&random, 65536), 8);
    }
    for (unsigned i = 0; i < 100; i++)
        ck_assert_uint_eq(seen[i], 1);
    ck_assert_uint_gt(others, 0);
    ck_assert_uint_gt(play_counters(play).flows_ended[FLOW_EVICTED], 0);
    play_end(play);
}
END_TEST

/* -- who has to go */

/* 20 conversations of guests on ports 1 and 2, both ways. */
static void talk_on(struct play *play)
{
    for (uint16_t i = 0; i < 20; i++) {
        play_udp(play, 1, 1, 2, (uint16_t)(1000 + i), 53);
        play_udp(play, 2, 2, 1, 53, (uint16_t)(1000 + i));
    }
}

static void must_be_whole(struct play *play, uint64_t frames)
{
    for (uint16_t i = 0; i < 20; i++) {
        const struct flow *flow = play_find(play, 1, (uint16_t)(1000 + i));

        ck_assert_ptr_nonnull(flow);
        ck_assert_uint_eq(flow->side[0].frames, frames);
        ck_assert_uint_eq(flow->side[1].frames, frames);
    }
}

START_TEST(test_a_flood_evicts_its_own)
{
    struct play *play = play_make(256, false);
    struct unit_random random = {3};
    struct engine_counters counters;

    for (uint16_t i = 1; i <= 3; i++)
        play_port(play, i, i);
    talk_on(play);
    for (unsigned i = 0; i < 60000; i++) {
        const uint32_t source = (uint32_t)unit_random(&random, UINT32_MAX);
        const uint16_t from = (uint16_t)unit_random(&random, 65536);

        play_udp(play, 3, source, 99, from, 80);
        /* And conversations that it makes up: both sides are sent from the same port. */
        if (_i == 1)
            play_udp(play, 3, 99, source, 80, from);
    }
    counters = play_counters(play);
    ck_assert_uint_gt(counters.flows_ended[FLOW_EVICTED], 59000);
    talk_on(play);
    must_be_whole(play, 2);
    for (unsigned i = 0; i < play->ended_count && i < PLAY_ENDED; i++)
        ck_assert_uint_eq(play->ended[i].charged, engine_port_identity(play->engine, 3));
    play_end(play);
}
END_TEST

START_TEST(test_of_one_port_the_unanswered_go_first)
{
    struct play *play = play_make(256, false);

    play_port(play, 1, 1);
    play_port(play, 2, 2);
    talk_on(play);
    for (unsigned i = 0; i < 30000; i++)
        play_udp(play, 1, 1, 5 + i, 9, 9);
    talk_on(play);
    must_be_whole(play, 2);
    play_end(play);
}
END_TEST

START_TEST(test_a_second_flood_does_not_hide_behind_the_first)
{
    struct play *play = play_make(256, false);

    for (uint16_t i = 1; i <= 4; i++)
        play_port(play, i, i);
    talk_on(play);
    for (unsigned i = 0; i < 20000; i++) {
        play_udp(play, 3, 3, i, 1, 1);
        if (i > 1000)
            play_udp(play, 4, 4, i, 1, 1);
    }
    talk_on(play);
    must_be_whole(play, 2);
    play_end(play);
}
END_TEST

START_TEST(test_the_oldest_of_equals_goes)
{
    struct play *play = play_make(64, true);
    struct engine_counters counters;

    for (uint16_t i = 1; i <= 64; i++) {
        play_udp(play, 0, 1, 2, i, 53);
        play_udp(play, 0, 2, 1, 53, i);
        play->now += PLAY_SECOND / 100;
    }
    /* All but number 7 have talked since. */
    for (uint16_t i = 1; i <= 64; i++)
        if (i != 7)
            play_udp(play, 0, 1, 2, i, 53);
    play_udp(play, 0, 1, 2, 1000, 53);
    counters = play_counters(play);
    ck_assert_uint_eq(counters.flows_ended[FLOW_EVICTED], 1);
    ck_assert_uint_eq(play_last(play)->key.port[0], 7);
    ck_assert_uint_eq(counters.flows_live, 64);
    play_end(play);
}
END_TEST

START_TEST(test_what_is_over_gives_way_before_what_lives)
{
    struct play *play = play_make(64, true);

    for (uint16_t i = 1; i <= 60; i++)
        play_udp(play, 0, 1, 2, i, 53);
    play->now += 61 * PLAY_SECOND;
    for (uint16_t i = 101; i <= 160; i++)
        play_udp(play, 0, 1, 2, i, 53);
    ck_assert_uint_eq(play_counters(play).flows_ended[FLOW_EVICTED], 0);
    ck_assert_uint_ge(play_counters(play).flows_ended[FLOW_IDLE], 56);
    play_end(play);
}
END_TEST

START_TEST(test_too_little_memory_is_told)
{
    struct engine_config config = {.file = true};
    size_t size;
    void *memory;

    engine_defaults(&config, 0);
    config.flows = 100;
    size = engine_size(&config);
    memory = aligned_alloc(64, (size + 63) / 64 * 64);
    memset(memory, 0, size);
    ck_assert_ptr_null(engine_create(memory, size - 1, &config));
    ck_assert_ptr_null(engine_create(memory, 0, &config));
    ck_assert_ptr_nonnull(engine_create(memory, size, &config));
    free(memory);

    /* As many as fit, and not one more. */
    for (size_t megabytes = 8; megabytes <= 32; megabytes *= 2) {
        engine_defaults(&config, megabytes << 20);
        ck_assert_uint_le(engine_size(&config), megabytes << 20);
        ck_assert_uint_gt(config.flows, (megabytes << 20) / 300);
        config.flows += 16;
        ck_assert_uint_gt(engine_size(&config), megabytes << 20);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("monitor table");
    TCase *model = tcase_create("model"), *full = tcase_create("full");

    tcase_set_timeout(model, 60);
    tcase_add_loop_test(model, test_it_counts_what_a_plain_list_counts, 0, 8);
    tcase_add_test(model, test_a_flow_that_lives_through_a_walk_is_seen_once);
    tcase_add_test(model, test_too_little_memory_is_told);
    suite_add_tcase(suite, model);
    tcase_set_timeout(full, 60);
    tcase_add_loop_test(full, test_a_flood_evicts_its_own, 0, 2);
    tcase_add_test(full, test_of_one_port_the_unanswered_go_first);
    tcase_add_test(full, test_a_second_flood_does_not_hide_behind_the_first);
    tcase_add_test(full, test_the_oldest_of_equals_goes);
    tcase_add_test(full, test_what_is_over_gives_way_before_what_lives);
    suite_add_tcase(suite, full);
    return suite;
}
