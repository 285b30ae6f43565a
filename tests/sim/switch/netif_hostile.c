/* SPDX-License-Identifier: ISC */
/* Frontends that do what no frontend does: one vif ends, or one frame is refused, and that is all.
   The numbers are those of Xen's security advisories. */
#include "netif_cases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static const struct frontend_config plain = {.buffers = 32};
static const struct frontend_config two = {.queues = 2, .split = true, .buffers = 32};

/** The vif was ended, once, and for that; what the owner does with it is nothing. */
static void check_failed(struct echo *echo, const char *why)
{
    struct netif_frame frame;
    unsigned works;
    int reason;

    echo_run(echo);
    ck_assert_uint_eq(echo->failed, 1);
    ck_assert_str_eq(echo->why, why);
    works = echo->works;
    for (unsigned i = 0; i < echo->netif.queue_count; i++) {
        struct netif_queue *queue = echo->netif.queue[i];

        frontend_kick(&echo->frontend->queue[i]);
        ck_assert_int_eq(netif_take(queue, &frame, &reason), NETIF_FAILED);
        ck_assert_uint_eq(netif_buffers(queue, 300), 0);
        ck_assert(!netif_tx_arm(queue) && !netif_rx_arm(queue));
        ck_assert_uint_eq(echo_publish(queue), 0);
    }
    echo_run(echo);
    ck_assert_uint_eq(echo->works, works);
    ck_assert_uint_eq(echo->failed, 1);
    netif_fail(&echo->netif, "again");
    ck_assert_uint_eq(echo->failed, 1);
}

/* Indices out of distance end the vif; nothing is read through them. */
START_TEST(xsa_39_request_index_far_ahead)
{
    static const uint32_t off[] = {257, 300, 0x80000000U, 0xffffffffU, 0xffffff00U};
    struct frontend_config config = plain;

    config.start = _i % 2 ? 0xffffffc0U : 0;
    struct echo *echo = echo_create(1, config);
    struct frontend_queue *queue = &echo->frontend->queue[0];
    echo_start(echo);
    for (unsigned i = 0; i < 5; i++)
        echo_alive(echo);
    if (_i / 2 % 2) {
        /* the RX ring's, seen once a buffer is needed that is not known of */
        queue->buffers = 0;
        queue->rx->req_prod = queue->rx->rsp_prod + off[_i / 4];
        queue->rx_published = queue->rx->req_prod;
        for (unsigned i = 0; i < 40; i++)
            ck_assert(frontend_send_bytes(echo->frontend, echo_bytes(60), 60));
        check_failed(echo, "the RX ring's req_prod is out of distance");
    } else {
        queue->tx->req_prod = queue->tx->rsp_prod + off[_i / 4];
        frontend_kick(queue);
        check_failed(echo, "the TX ring's req_prod is out of distance");
    }
    queue->deaf = true;
    echo_destroy(echo);
}
END_TEST

/* A ring may be full, to the last slot. */
START_TEST(xsa_39_ring_quite_full)
{
    struct echo *echo = echo_create(2, plain);
    struct frontend_queue *queue = &echo->frontend->queue[0];

    echo_start(echo);
    queue->buffers = 256;
    echo_run(echo);
    frontend_poll(echo->frontend);
    ck_assert_uint_eq(queue->rx_req - queue->rx_rsp, 256);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 256; i++)
            ck_assert(
                frontend_write(queue, &(struct frontend_tx){.data = echo_bytes(60), .length = 60}));
        ck_assert_uint_eq(frontend_room(queue), 0);
        frontend_publish(queue);
        echo_run(echo);
        ck_assert_uint_eq(queue->tx_okay, 256 * (round + 1));
    }
    echo_destroy(echo);
}
END_TEST

START_TEST(xsa_39_connect_out_of_distance)
{
    struct echo *echo = echo_create(3, two);
    struct frontend_queue *queue = &echo->frontend->queue[1];

    queue->tx->req_prod += 257;
    ck_assert_int_eq(echo_connect(echo), -EINVAL);
    queue->tx->req_prod -= 257;
    queue->rx->rsp_prod += 33;
    ck_assert_int_eq(echo_connect(echo), -EINVAL);
    queue->rx->rsp_prod -= 33;
    echo_start(echo);
    echo_alive(echo);
    echo_destroy(echo);
}
END_TEST

/* The vif fails deep within the owner's loop over its queue. Nothing goes on in it, and the owner
   ends it afterwards. */
START_TEST(xsa_90_failing_within_the_loop)
{
    struct echo *echo = echo_create(4, two);
    struct frontend_extra odd = {.type = 99};
    struct frontend_tx good = {.data = echo_bytes(60), .length = 60}, bad = good;

    bad.extra = &odd;
    bad.extras = 1;
    echo_start(echo);
    for (unsigned i = 0; i < 6; i++)
        ck_assert(frontend_write(&echo->frontend->queue[0], i == 3 ? &bad : &good));
    frontend_publish(&echo->frontend->queue[0]);
    ck_assert(frontend_send(echo->frontend, 1, &good));
    check_failed(echo, "an extra info of unknown type");
    ck_assert_uint_le(echo->frames, 4);
    echo_destroy(echo);
}
END_TEST

/** Rewrites the fields of requests, indices among them, at each access of the victim. */
struct rewriter {
    struct echo *echo;
    struct unit_random random;
    unsigned chance;
    bool indices;
};

static void rewrite(void *context, struct hv *victim, const void *address, size_t length)
{
    struct rewriter *rewriter = context;
    struct frontend_queue *queue = &rewriter->echo->frontend->queue[0];
    static const uint16_t values[] = {0, 1, 13, 14, 4095, 4096, 4097, 0x7fff, 0xffff};
    unsigned slot = (unsigned)unit_random(&rewriter->random, FRONTEND_SLOTS);
    unsigned field = 2 + (unsigned)unit_random(&rewriter->random, 4);
    uint16_t value = values[unit_random(&rewriter->random, 9)];
    struct frontend_ring *ring = unit_random(&rewriter->random, 2) ? queue->tx : queue->rx;

    if (victim != rewriter->echo->hv || unit_random(&rewriter->random, rewriter->chance))
        return;
    if (field == 3) /* flags, kept below unknown extra infos mostly */
        value &= 7;
    memcpy(queue->tx->slots + slot * 12 + field * 2, &value, 2);
    if (!rewriter->indices)
        return;
    switch (unit_random(&rewriter->random, 4)) {
    case 0:
        ring->rsp_prod = (uint32_t)unit_random(&rewriter->random, 1U << 20);
        break;
    case 1:
        ring->rsp_event = (uint32_t)unit_random(&rewriter->random, 1U << 20);
        break;
    case 2:
        ring->req_event = (uint32_t)unit_random(&rewriter->random, 1U << 20);
        break;
    }
}

/* What netif_take() gives out is sound (the echo asserts it of each frame), whatever is written to
   the slots between any two of its loads. */
START_TEST(xsa_155_slots_rewritten)
{
    struct echo *echo = echo_create((uint64_t)_i, plain);
    struct rewriter rewriter = {
        .echo = echo, .random = {.state = (uint64_t)_i}, .chance = 3, .indices = _i % 2};
    struct frontend_queue *queue = &echo->frontend->queue[0];

    echo_start(echo);
    queue->deaf = true;
    sim_set_adversary(echo->sim, rewrite, &rewriter);
    for (unsigned round = 0; round < 200 && echo->failed == 0; round++) {
        for (unsigned i = 0; i < 12; i++) {
            struct frontend_tx_request request = {.gref = (uint32_t)(i + round),
                                                  .flags = i % 3 == 0 ? TX_MORE_DATA : 0,
                                                  .id = (uint16_t)i,
                                                  .size = (uint16_t)(i * 700)};

            frontend_write_raw(queue, &request);
        }
        frontend_publish(queue);
        frontend_kick(queue);
        echo_run(echo);
        queue->tx_rsp = queue->tx_req;
        memset(queue->tx_slot, 0, sizeof(queue->tx_slot));
    }
    ck_assert_uint_gt(echo->frames + echo->bad + echo->failed, 10);
    queue->tx_rsp = queue->tx_req;
    echo_destroy(echo);
}
END_TEST

/* rsp_prod, rsp_event and req_event are written by the guest: only it has the damage. */
START_TEST(xsa_155_our_indices_rewritten)
{
    struct echo *echo = echo_create(6, plain);
    struct frontend_queue *queue = &echo->frontend->queue[0];

    echo_start(echo);
    for (unsigned i = 0; i < 200; i++) {
        uint32_t odd = i * 0x9e3779b9U;

        queue->tx->rsp_prod = queue->rx->rsp_prod = odd;
        queue->tx->req_event = queue->rx->req_event = odd >> 3;
        queue->tx->rsp_event = queue->rx->rsp_event = odd >> 5;
        ck_assert(
            frontend_write(queue, &(struct frontend_tx){.data = echo_bytes(60), .length = 60}));
        queue->deaf = true;
        frontend_publish(queue);
        frontend_kick(queue);
        echo_run(echo);
        queue->deaf = false;
        struct frontend_rx *frame = frontend_receive(echo->frontend);
        ck_assert(frame != NULL);
        free(frame);
    }
    ck_assert_uint_eq(queue->tx_okay, 200);
    echo_alive(echo);
    echo_destroy(echo);
}
END_TEST

/* Each byte of a response is ours, and says something. */
START_TEST(xsa_216_no_stale_bytes_in_responses)
{
    struct echo *echo = echo_create(7, plain);
    struct frontend_queue *queue = &echo->frontend->queue[0];
    struct frontend_tx tx = {.data = echo_bytes(5000), .length = 5000, .gso = 1, .mss = 0x1234};
    uint8_t before[FRONTEND_SLOTS * 12];

    echo_start(echo);
    echo->give = (struct netif_hash){.type = 1, .value = 0x01020304};
    memset(echo->netif.queue[0]->tx, 0xcc, sizeof(echo->netif.queue[0]->tx));
    ck_assert(frontend_write(queue, &tx));
    queue->deaf = true;
    memcpy(before, queue->tx->slots, sizeof(before));
    uint16_t id[2], rx_id[4];
    memcpy(&id[0], before + 8, 2);
    memcpy(&id[1], before + 24 + 8, 2);
    for (unsigned i = 0; i < 4; i++)
        rx_id[i] = queue->rx_slot[i].id;
    frontend_publish(queue);
    echo_run(echo);

    const uint8_t tx_expected[3][4] = {{(uint8_t)id[0], (uint8_t)(id[0] >> 8), 0, 0},
                                       {1, 0, 1, 0},
                                       {(uint8_t)id[1], (uint8_t)(id[1] >> 8), 0, 0}};
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_mem_eq(queue->tx->slots + i * 12, tx_expected[i], 4);
        /* a response has four bytes; behind them are the guest's own */
        ck_assert_mem_eq(queue->tx->slots + i * 12 + 4, before + i * 12 + 4, 8);
    }
    ck_assert_mem_eq(queue->tx->slots + 36, before + 36, sizeof(before) - 36);
    const uint8_t rx_expected[4][8] = {
        {(uint8_t)rx_id[0], (uint8_t)(rx_id[0] >> 8), 0, 0, 4 | 8, 0, 0x00, 0x10},
        {1, 1, 0x34, 0x12, 1, 0, 0, 0},
        {4, 0, 0, 1, 4, 3, 2, 1},
        {(uint8_t)rx_id[3], (uint8_t)(rx_id[3] >> 8), 0, 0, 0, 0, 904 & 255, 904 >> 8}};
    ck_assert_mem_eq(queue->rx->slots, rx_expected, sizeof(rx_expected));
    queue->deaf = false;
    frontend_poll(echo->frontend);
    echo_destroy(echo);
}
END_TEST

/* Nothing grows with what a guest sends, posts or asks for. */
START_TEST(xsa_300_bounded)
{
    struct echo *echo = echo_create(8, plain);
    struct frontend_queue *queue = &echo->frontend->queue[0];
    struct arena_usage start, now;
    struct sim_usage before, after;

    echo_start(echo);
    echo_alive(echo);
    arena_usage(echo->arena, &start);
    sim_usage(echo->hv, &before);
    queue->lazy = true;
    for (unsigned i = 0; i < 3000; i++) {
        struct frontend_tx tx = {.data = echo_bytes(1500), .length = 200 + i % 1300};

        tx.claim = i % 5 == 0 ? 5000 : 0;
        while (!frontend_send(echo->frontend, 0, &tx))
            echo_run(echo), frontend_poll(echo->frontend);
    }
    echo_run(echo);
    arena_usage(echo->arena, &now);
    sim_usage(echo->hv, &after);
    ck_assert_uint_eq(now.bytes_used, start.bytes_used);
    ck_assert_uint_eq(after.mappings, before.mappings);
    ck_assert_uint_eq(after.ports, before.ports);
    ck_assert_uint_eq(after.pages, before.pages);
    struct frontend_rx *frame;
    while ((frame = frontend_receive(echo->frontend)))
        free(frame);
    echo_destroy(echo);
}
END_TEST

/* Events without a cause: one call for each that is seen, no event back, nothing taken. */
START_TEST(xsa_332_event_storm)
{
    struct echo *echo = echo_create(9, two);
    struct sim_usage before, after;

    echo_start(echo);
    echo_alive(echo);
    sim_usage(echo->hv, &before);
    unsigned works = echo->works;
    for (unsigned i = 0; i < 10000; i++) {
        for (unsigned k = 0; k < 5; k++)
            frontend_kick(&echo->frontend->queue[k % 2]);
        sim_run(echo->sim, HV_NEVER, 1);
    }
    echo_run(echo);
    sim_usage(echo->hv, &after);
    ck_assert_uint_eq(after.sends, before.sends);
    ck_assert_uint_le(echo->works - works, 20010);
    echo_alive(echo);
    echo_destroy(echo);
}
END_TEST

/* References that work nowhere: an error for the frame, or no connection. */
START_TEST(xsa_362_367_bad_references)
{
    struct echo *echo = echo_create(10, plain);
    struct frontend_queue *queue = &echo->frontend->queue[0];
    static const uint32_t refs[] = {0, 1, 5, 511, 512, 40000, 0x7fffffff, 0xffffffff};

    echo_start(echo);
    for (unsigned i = 0; i < 8; i++) {
        struct frontend_tx_request request = {
            .gref = refs[i], .id = (uint16_t)(i * 9), .size = 60, .offset = 4000};

        frontend_write_raw(queue, &request);
        frontend_publish(queue);
        echo_run(echo);
        frontend_poll(echo->frontend);
        ck_assert_uint_eq(queue->tx_error, i + 1);
        echo_alive(echo);
    }
    ck_assert_uint_eq(echo->bad_copies, 8);

    /* As buffers: the frame is lost and the guest told so. */
    unsigned free_slots = 256 - 32;
    for (unsigned i = 0; i < 8; i++)
        frontend_post_raw(queue, (uint16_t)i, refs[i]);
    frontend_post_publish(queue);
    ck_assert_uint_gt(free_slots, 8);
    queue->buffers = 0;
    for (unsigned i = 0; i < 32 + 8; i++)
        ck_assert(frontend_send_bytes(echo->frontend, echo_bytes(60), 60));
    echo_run(echo);
    frontend_poll(echo->frontend);
    ck_assert_uint_eq(queue->rx_errors, 8);
    queue->buffers = 32;
    frontend_poll(echo->frontend);
    struct frontend_rx *frame;
    while ((frame = frontend_receive(echo->frontend)))
        free(frame);
    echo_alive(echo);
    echo_destroy(echo);
}
END_TEST

/* A frame without an end kills queue 0; then the vif is disconnected, with work for queue 1 under
   way and events pending for both. */
START_TEST(xsa_374_killed_and_disconnected)
{
    struct echo *echo = echo_create(11, two);
    struct frontend_tx_request request = {.gref = 1, .flags = TX_MORE_DATA, .size = 100};

    echo_start(echo);
    echo_alive(echo);
    ck_assert(frontend_send(echo->frontend, 1,
                            &(struct frontend_tx){.data = echo_bytes(60), .length = 60}));
    frontend_write_raw(&echo->frontend->queue[0], &request);
    frontend_publish(&echo->frontend->queue[0]);
    check_failed(echo, "a frame lacks its end");
    frontend_kick(&echo->frontend->queue[0]);
    frontend_kick(&echo->frontend->queue[1]);
    echo_disconnect(echo);
    unsigned works = echo->works;
    frontend_kick(&echo->frontend->queue[0]);
    frontend_kick(&echo->frontend->queue[1]);
    echo_run(echo);
    ck_assert_uint_eq(echo->works, works);
    echo_destroy(echo);
}
END_TEST

/* No event for who asked for none (a frontend counts spurious ones, and slows down). */
START_TEST(xsa_391_no_surplus_events)
{
    struct echo *echo = echo_create(12, two);
    struct frontend_queue *queue = &echo->frontend->queue[0];

    echo_start(echo);
    echo_alive(echo);
    unsigned events = queue->events;
    queue->tx->rsp_event = queue->tx_rsp + 200;
    queue->rx->rsp_event = queue->rx_rsp + 200;
    queue->lazy = true;
    for (unsigned i = 0; i < 100; i++) {
        ck_assert(frontend_send_bytes(echo->frontend, echo_bytes(60), 60));
        echo_run(echo);
        struct frontend_rx *frame = frontend_receive(echo->frontend);
        ck_assert(frame != NULL);
        free(frame);
    }
    ck_assert_uint_eq(queue->events, events);
    queue->tx->rsp_event = queue->tx_rsp + 1;
    ck_assert(frontend_send_bytes(echo->frontend, echo_bytes(60), 60));
    echo_run(echo);
    ck_assert_uint_eq(queue->events, events + 1);
    free(frontend_receive(echo->frontend));
    /* and one for a burst */
    queue->lazy = false;
    frontend_poll(echo->frontend);
    events = queue->events;
    queue->deaf = true;
    for (unsigned i = 0; i < 20; i++)
        ck_assert(
            frontend_write(queue, &(struct frontend_tx){.data = echo_bytes(60), .length = 60}));
    frontend_publish(queue);
    echo_run(echo);
    ck_assert_uint_eq(queue->events, events + 2);
    queue->deaf = false;
    frontend_poll(echo->frontend);
    echo_destroy(echo);
}
END_TEST

/* Nobody takes what arrives, or too few buffers at a time: the sender waits, no more is taken from
   it, and nothing but its own ring holds what is left. */
START_TEST(xsa_392_receiver_stops)
{
    struct echo *echo = echo_create(13, (struct frontend_config){.split = true});
    struct frontend_queue *queue = &echo->frontend->queue[0];
    struct arena_usage start, now;

    echo_start(echo);
    arena_usage(echo->arena, &start);
    frontend_post(queue, 1);
    for (unsigned i = 0; i < 50; i++)
        ck_assert(frontend_send_bytes(echo->frontend, echo_bytes(9000), 9000));
    echo_run(echo);
    ck_assert_uint_eq(echo->frames, 1);
    ck_assert_uint_eq(netif_unanswered(echo->netif.queue[0]), 3);
    arena_usage(echo->arena, &now);
    ck_assert_uint_eq(now.bytes_used, start.bytes_used);
    queue->buffers = 4;
    frontend_post(queue, 4);
    echo_run(echo);
    ck_assert_uint_eq(queue->rx_frames, 50);
    ck_assert_uint_eq(queue->tx_okay, 150);
    echo_destroy(echo);
}
END_TEST

/* A grant is revoked and its page reused the moment its response is seen: the frontend asserts that
   it can, and what comes back is what was sent. */
START_TEST(xsa_396_403_memory_after_the_response)
{
    struct echo *echo = echo_create(14, two);
    struct unit_random random = {.state = 9};

    echo_start(echo);
    for (unsigned i = 0; i < 300; i++) {
        size_t length = 14 + unit_random(&random, 5000);

        echo_expect(echo, i % 2,
                    &(struct frontend_tx){.data = echo_bytes(length), .length = length});
    }
    ck_assert_uint_eq(echo->bad_copies, 0);
    echo_destroy(echo);
}
END_TEST

/* Headers in many slots, and as many slots as there may be with fewer bytes than headers have. */
START_TEST(xsa_423_432_headers_in_many_slots)
{
    struct echo *echo = echo_create(15, plain);
    uint16_t split[NETIF_SLOTS_MAX], offset[NETIF_SLOTS_MAX];

    echo_start(echo);
    for (unsigned slots = 14; slots <= NETIF_SLOTS_MAX; slots++) {
        for (unsigned i = 0; i < slots; i++) {
            split[i] = (uint16_t)(1 + i % 3);
            offset[i] = (uint16_t)(4096 - split[i]);
        }
        for (unsigned last = 1; last < 4096; last = last * 3 + 1) {
            size_t length = last;

            split[slots - 1] = (uint16_t)last;
            offset[slots - 1] = 0;
            for (unsigned i = 0; i + 1 < slots; i++)
                length += split[i];
            echo_expect(echo, 0,
                        &(struct frontend_tx){.data = echo_bytes(length),
                                              .length = length,
                                              .slots = slots,
                                              .split = split,
                                              .offset = offset});
        }
    }
    echo_destroy(echo);
}
END_TEST

/* An event is pending while its port is closed: nobody is called for it. */
START_TEST(xsa_441_event_while_disconnecting)
{
    struct echo *echo = echo_create(16, two);

    echo_start(echo);
    for (unsigned i = 0; i < 20; i++) {
        echo_run(echo);
        frontend_kick(&echo->frontend->queue[0]);
        frontend_kick(&echo->frontend->queue[1]);
        unsigned works = echo->works;
        echo_disconnect(echo);
        echo_run(echo);
        ck_assert_uint_eq(echo->works, works);
        ck_assert_int_eq(echo_connect(echo), 0);
        echo_run(echo);
        echo_alive(echo);
    }
    echo_destroy(echo);
}
END_TEST

/* Empty slots, first, last, all of them but one, all. */
START_TEST(xsa_448_empty_slots)
{
    struct echo *echo = echo_create(17, plain);
    uint16_t split[NETIF_SLOTS_MAX] = {0};
    struct frontend_tx tx = {.length = 300, .slots = NETIF_SLOTS_MAX, .split = split};

    echo_start(echo);
    for (unsigned at = 0; at < NETIF_SLOTS_MAX; at++) {
        memset(split, 0, sizeof(split));
        split[at] = 300;
        tx.data = echo_bytes(300);
        echo_expect(echo, 0, &tx);
        ck_assert_uint_eq(echo->last.slots, 1);
        ck_assert_uint_eq(echo->last.requests, NETIF_SLOTS_MAX);
    }
    tx.split = (const uint16_t[]){0, 150, 0, 150};
    tx.slots = 4;
    echo_expect(echo, 0, &tx);
    ck_assert_uint_eq(echo->last.slots, 2);
    tx.split = (const uint16_t[]){0, 0, 0, 0};
    tx.length = 0;
    echo_expect_bad(echo, &tx, DROP_RUNT);
    tx.slots = 1;
    echo_expect_bad(echo, &tx, DROP_RUNT);
    echo_destroy(echo);
}
END_TEST

TCase *netif_hostile_case(void)
{
    TCase *hostile = tcase_create("advisories");

    tcase_set_timeout(hostile, 60);
    tcase_add_loop_test(hostile, xsa_39_request_index_far_ahead, 0, 20);
    tcase_add_test(hostile, xsa_39_ring_quite_full);
    tcase_add_test(hostile, xsa_39_connect_out_of_distance);
    tcase_add_test(hostile, xsa_90_failing_within_the_loop);
    tcase_add_loop_test(hostile, xsa_155_slots_rewritten, 0, 20);
    tcase_add_test(hostile, xsa_155_our_indices_rewritten);
    tcase_add_test(hostile, xsa_216_no_stale_bytes_in_responses);
    tcase_add_test(hostile, xsa_300_bounded);
    tcase_add_test(hostile, xsa_332_event_storm);
    tcase_add_test(hostile, xsa_362_367_bad_references);
    tcase_add_test(hostile, xsa_374_killed_and_disconnected);
    tcase_add_test(hostile, xsa_391_no_surplus_events);
    tcase_add_test(hostile, xsa_392_receiver_stops);
    tcase_add_test(hostile, xsa_396_403_memory_after_the_response);
    tcase_add_test(hostile, xsa_423_432_headers_in_many_slots);
    tcase_add_test(hostile, xsa_441_event_while_disconnecting);
    tcase_add_test(hostile, xsa_448_empty_slots);
    return hostile;
}
