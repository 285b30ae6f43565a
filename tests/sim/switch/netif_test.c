/* SPDX-License-Identifier: ISC */
/* The rings of one vif, its frontend an honest one: whatever it sends comes back by an echo. */
#include "netif_cases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static const struct frontend_config plain = {.buffers = 32};

START_TEST(each_size)
{
    struct echo *echo = echo_create(1, plain);

    echo_start(echo);
    for (size_t length = 14; length <= 65535; length += length < 200 ? 1 : 977) {
        struct frontend_tx tx = {.data = echo_bytes(length), .length = length};

        echo_expect(echo, 0, &tx);
    }
    echo_expect(echo, 0, &(struct frontend_tx){.data = echo_bytes(65535), .length = 65535});
    ck_assert_uint_eq(echo->bad, 0);
    echo_destroy(echo);
}
END_TEST

/* However a frame is cut up, and wherever in its pages the pieces lie. */
START_TEST(each_split)
{
    struct echo *echo = echo_create(2, plain);
    struct unit_random random = {.state = 5};

    echo_start(echo);
    for (unsigned round = 0; round < 400; round++) {
        unsigned slots = 1 + (unsigned)unit_random(&random, NETIF_SLOTS_MAX);
        uint16_t split[NETIF_SLOTS_MAX], offset[NETIF_SLOTS_MAX];
        size_t length = 0;

        for (unsigned i = 0; i < slots; i++) {
            unsigned room = 65535 - (unsigned)length, most = room < 4096 ? room : 4096;

            split[i] = (uint16_t)(unit_random(&random, 4) ? unit_random(&random, most + 1)
                                                          : unit_random(&random, 3));
            offset[i] = (uint16_t)unit_random(&random, 4097U - split[i]);
            length += split[i];
        }
        if (length < 14)
            continue;
        echo_expect(echo, 0,
                    &(struct frontend_tx){.data = echo_bytes(length),
                                          .length = length,
                                          .slots = slots,
                                          .split = split,
                                          .offset = offset,
                                          .flags = (unsigned)unit_random(&random, 4)});
    }
    echo_destroy(echo);
}
END_TEST

static const struct frontend_config full = {
    .queues = 3, .split = true, .control = true, .buffers = 40, .sg = true, .gso_tcpv4 = true};

/* Indices run through 2^32, and every slot of the ring is used. */
START_TEST(indices_wrap)
{
    struct frontend_config config = plain;

    config.start = 0xffffff00U - 3 * (unsigned)_i;
    struct echo *echo = echo_create(3, config);
    echo_start(echo);
    for (unsigned i = 0; i < 400; i++) {
        size_t length = 14 + i * 37 % 9000;

        echo_expect(echo, 0, &(struct frontend_tx){.data = echo_bytes(length), .length = length});
    }
    ck_assert_uint_lt(echo->frontend->queue[0].tx->rsp_prod, 0x1000);
    echo_destroy(echo);
}
END_TEST

START_TEST(queues_by_themselves)
{
    struct echo *echo = echo_create(4, full);

    echo_start(echo);
    for (unsigned i = 0; i < 300; i++) {
        size_t length = 14 + i * 83 % 20000;

        echo_expect(echo, i % 3,
                    &(struct frontend_tx){.data = echo_bytes(length), .length = length});
    }
    echo_destroy(echo);
}
END_TEST

START_TEST(extra_infos_both_ways)
{
    struct echo *echo = echo_create(5, plain);
    static const struct frontend_extra hash = {.type = XTRA_HASH,
                                               .data = {1, 1, 0x78, 0x56, 0x34, 0x12}};
    static const struct frontend_extra odd = {.type = XTRA_HASH, .data = {9, 1, 1, 1, 1, 1}};
    static const struct frontend_extra other = {.type = XTRA_HASH, .data = {1, 2, 1, 1, 1, 1}};
    static const struct frontend_extra xdp = {.type = XTRA_XDP, .data = {1, 0}};
    struct frontend_extra two[2];
    struct frontend_tx tx = {.data = echo_bytes(9000), .length = 9000, .gso = 1, .mss = 1448};

    echo_start(echo);
    echo_expect(echo, 0, &tx);
    ck_assert_int_eq(echo->last.gso, OFFLOAD_GSO_TCPV4);
    ck_assert_uint_eq(echo->last.requests, 4);
    tx.gso = 2;
    tx.mss = 65535;
    tx.extra = &hash;
    tx.extras = 1;
    tx.flags = TX_CSUM_BLANK | TX_DATA_VALIDATED;
    echo_expect(echo, 0, &tx);
    ck_assert_int_eq(echo->last.gso, OFFLOAD_GSO_TCPV6);
    ck_assert_uint_eq(echo->last.hash.type, 2);
    ck_assert_uint_eq(echo->last.hash.value, 0x12345678);
    ck_assert(echo->last.csum_blank && echo->last.data_validated);
    tx.gso = 0;
    tx.mss = 0;
    two[0] = xdp;
    two[1] = odd;
    tx.extra = two;
    tx.extras = 2;
    echo_expect(echo, 0, &tx);
    ck_assert_uint_eq(echo->last.hash.type, 0);
    two[1] = other;
    echo_expect(echo, 0, &tx);
    ck_assert_uint_eq(echo->last.hash.type, 0);
    ck_assert_int_eq(echo->last.gso, OFFLOAD_GSO_NONE);

    /* To the guest: GSO and hash in one chain, then the rest of the frame. */
    echo->give = (struct netif_hash){.type = 4, .value = 0xcafe1234};
    tx = (struct frontend_tx){.data = echo_bytes(9000), .length = 9000, .gso = 2, .mss = 1000};
    ck_assert(frontend_send(echo->frontend, 0, &tx));
    echo_run(echo);
    struct frontend_rx *frame = frontend_receive(echo->frontend);
    ck_assert(frame != NULL);
    ck_assert_uint_eq(frame->slots, 3);
    ck_assert_uint_eq(frame->gso, 2);
    ck_assert_uint_eq(frame->mss, 1000);
    ck_assert_uint_eq(frame->hash_type, 3);
    ck_assert_uint_eq(frame->hash_algorithm, 1);
    ck_assert_uint_eq(frame->hash, 0xcafe1234);
    ck_assert_mem_eq(frame->data, tx.data, 9000);
    free(frame);
    echo_destroy(echo);
}
END_TEST

START_TEST(multicast_requests)
{
    struct echo *echo = echo_create(6, plain);
    struct frontend_queue *queue = &echo->frontend->queue[0];
    struct frontend_extra extra[2] = {{.type = XTRA_MCAST_ADD, .data = {1, 0, 0x5e, 0, 0, 1}},
                                      {.type = XTRA_MCAST_DEL, .data = {1, 0, 0x5e, 0, 0, 9}}};
    struct frontend_tx tx = {.data = echo_bytes(14), .length = 14, .extra = extra, .extras = 1};

    echo_start(echo);
    /* As Linux does it: a request of size 0, which is answered and no frame. */
    tx.length = 0;
    ck_assert(frontend_send(echo->frontend, 0, &tx));
    echo_run(echo);
    ck_assert_uint_eq(echo->multicasts, 1);
    ck_assert_mem_eq(echo->multicast[0], extra[0].data, 6);
    ck_assert_uint_eq(queue->tx_okay, 1);
    ck_assert_uint_eq(queue->tx_null, 1);
    /* Both in one chain, in a frame of several slots: all of it is consumed. */
    extra[1].data[5] = 1;
    tx.length = 9000;
    tx.extras = 2;
    ck_assert(frontend_send(echo->frontend, 0, &tx));
    echo_run(echo);
    ck_assert_uint_eq(echo->multicasts, 0);
    ck_assert_uint_eq(queue->tx_okay, 1 + 3);
    ck_assert_uint_eq(echo->frames, 0);
    ck_assert(frontend_receive(echo->frontend) == NULL);
    echo_alive(echo);
    echo_destroy(echo);
}
END_TEST

/* Responses come in the order of the requests, whatever the order in which frames are done. */
START_TEST(answers_in_order)
{
    struct echo *echo = echo_create(7, plain);
    struct frontend_queue *queue = &echo->frontend->queue[0];
    struct netif_frame frames[40];
    int why;

    ck_assert_int_eq(echo_connect(echo), 0);
    for (unsigned i = 0; i < 40; i++)
        ck_assert(frontend_write(
            queue, &(struct frontend_tx){.data = echo_bytes(5000), .length = i % 3 ? 60 : 5000}));
    frontend_publish(queue);
    for (unsigned i = 0; i < 40; i++)
        ck_assert_int_eq(netif_take(echo->netif.queue[0], &frames[i], &why), NETIF_FRAME);
    ck_assert_int_eq(netif_take(echo->netif.queue[0], &frames[0], &why), NETIF_NOTHING);
    ck_assert_uint_eq(netif_unanswered(echo->netif.queue[0]), 54);
    for (unsigned i = 40; i-- > 1;) {
        netif_done(echo->netif.queue[0], &frames[i], i % 5 == 0);
        echo_publish(echo->netif.queue[0]);
        ck_assert_uint_eq(queue->tx->rsp_prod, 0);
    }
    frames[0].first = 0;
    frames[0].requests = 2;
    netif_done(echo->netif.queue[0], &frames[0], false);
    ck_assert_uint_eq(queue->tx->rsp_prod, 0);
    ck_assert_uint_eq(echo_publish(echo->netif.queue[0]), 1);
    ck_assert_uint_eq(queue->tx->rsp_prod, 54);
    ck_assert_uint_eq(netif_unanswered(echo->netif.queue[0]), 0);
    frontend_poll(echo->frontend);
    ck_assert_uint_eq(queue->tx_error, 7 + 2);
    ck_assert_uint_eq(queue->tx_okay, 54 - 9);
    echo_destroy(echo);
}
END_TEST

/* No event is lost: both ends look only where one came, at any moment, with events held back. */
START_TEST(no_event_is_lost)
{
    struct frontend_config config = full;
    struct unit_random random = {.state = (uint64_t)_i};

    config.split = _i % 2;
    struct echo *echo = echo_create((uint64_t)_i, config);
    echo_start(echo);
    sim_set_faults(echo->sim, &(struct sim_faults){.delayed_event = 20000, .spurious = 2000});
    for (unsigned round = 0; round < 300; round++) {
        unsigned queue = (unsigned)unit_random(&random, 3);
        size_t length = 14 + unit_random(&random, unit_random(&random, 4) ? 1500 : 30000);

        for (unsigned i = 0; i < 1 + round % 5; i++) {
            if (!frontend_write(
                    &echo->frontend->queue[queue],
                    &(struct frontend_tx){.data = echo_bytes(length), .length = length}))
                break;
        }
        frontend_publish(&echo->frontend->queue[queue]);
        sim_run(echo->sim, HV_NEVER, unit_random(&random, 12));
    }
    echo_run(echo);
    for (unsigned i = 0; i < 3; i++) {
        const struct frontend_queue *queue = &echo->frontend->queue[i];

        ck_assert_uint_eq(queue->tx_rsp, queue->tx_req);
        ck_assert_uint_eq(queue->tx_error + queue->rx_errors, 0);
        ck_assert(!echo->holding[i]);
    }
    ck_assert_uint_eq(echo->frames, echo->frontend->queue[0].rx_frames +
                                        echo->frontend->queue[1].rx_frames +
                                        echo->frontend->queue[2].rx_frames);
    echo_destroy(echo);
}
END_TEST

/** Publishes one more, the moment before the backend asks for an event for it. */
static void publish_late(void *context, struct hv *victim, const void *address, size_t length)
{
    struct echo *echo = context;
    struct frontend_queue *queue = &echo->frontend->queue[0];
    const struct frontend_ring *mapped = echo->netif.queue[0]->tx_ring;
    const struct frontend_tx tx = {.data = echo_bytes(60), .length = 60};

    if (address == &mapped->req_event && queue->tx_req == 1) {
        ck_assert(frontend_write(queue, &tx));
        frontend_publish(queue);
        ck_assert_uint_eq(queue->kicks, 2); /* none of this one */
    }
}

/* The guest saw that no event was asked for; the backend has to look once more. */
START_TEST(published_while_arming)
{
    struct echo *echo = echo_create(12, (struct frontend_config){.split = true, .buffers = 4});
    struct frontend_queue *queue = &echo->frontend->queue[0];

    echo_start(echo);
    echo_run(echo);
    queue->kicks = 1; /* and another one of the first frame */
    sim_set_adversary(echo->sim, publish_late, echo);
    ck_assert(frontend_send_bytes(echo->frontend, echo_bytes(60), 60));
    echo_run(echo);
    ck_assert_uint_eq(queue->tx_req, 2);
    ck_assert_uint_eq(queue->tx_okay, 2);
    echo_destroy(echo);
}
END_TEST

/* A frame waits for the buffers it needs, none of them taken before. */
START_TEST(buffers_come_late)
{
    struct echo *echo = echo_create(8, (struct frontend_config){.split = true});
    struct frontend_queue *queue = &echo->frontend->queue[0];

    echo_start(echo);
    ck_assert(frontend_send_bytes(echo->frontend, echo_bytes(12000), 12000));
    for (unsigned i = 0; i < 3; i++) {
        echo_run(echo);
        ck_assert(echo->holding[0]);
        ck_assert_uint_eq(queue->tx_rsp, 0);
        ck_assert_uint_eq(queue->rx->rsp_prod, 0);
        ck_assert_uint_eq(frontend_post(queue, 1), 1);
    }
    echo_run(echo);
    ck_assert_uint_eq(queue->rx_frames, 1);
    ck_assert_uint_eq(queue->tx_okay, 3);
    echo_destroy(echo);
}
END_TEST

/* --- taking over ------------------------------------------------------------------------------ */

/** Kills the backend at its @left-th access to shared memory. */
struct killer {
    struct echo *echo;
    unsigned left;
};

static void kill_at(void *context, struct hv *victim, const void *address, size_t length)
{
    struct killer *killer = context;

    if (victim == killer->echo->hv && --killer->left == 0)
        sim_domain_shutdown(victim, HV_EXIT_CRASH);
}

/* A backend may die at any instant under load. Its successor goes on: each request is answered once
   and in its slot (the frontend sees to it), each frame that arrives is whole. */
START_TEST(backend_dies_anywhere)
{
    struct frontend_config config = {.buffers = 64, .start = 0xffffffe0U};
    struct killer killer = {.left = (unsigned)_i + 1};
    struct echo *echo = echo_create(9, config);
    struct frontend_queue *queue = &echo->frontend->queue[0];
    struct frontend_extra mcast = {.type = XTRA_MCAST_ADD, .data = {1, 2, 3, 4, 5, 6}};
    struct frontend_rx *frame;
    unsigned came = 0;

    echo_start(echo);
    echo_run(echo);
    killer.echo = echo;
    for (unsigned i = 0; i < 30; i++) {
        size_t length = i % 4 ? 100 : 9000;
        struct frontend_tx tx = {.data = echo_bytes(9000), .length = length};

        tx.gso = i % 3 == 0;
        tx.mss = tx.gso ? 1448 : 0;
        if (i % 7 == 6) {
            tx.extra = &mcast;
            tx.extras = 1;
        }
        ck_assert(frontend_write(queue, &tx));
    }
    frontend_publish(queue);
    sim_set_adversary(echo->sim, kill_at, &killer);
    echo_run(echo);
    sim_set_adversary(echo->sim, NULL, NULL);
    echo_succeed(echo);
    echo_run(echo);
    ck_assert_msg(echo->failed == 0, "ended: %s", echo->why);
    while ((frame = frontend_receive(echo->frontend))) {
        ck_assert(frame->length == 100 || frame->length == 9000);
        free(frame);
        came++;
    }
    ck_assert_uint_eq(queue->tx_rsp, queue->tx_req);
    ck_assert_uint_eq(queue->tx_error, 0);
    /* Buffers are published before the frames in them are answered: nothing is lost but for what
       was in buffers whose responses had begun to be written, which shows; some may come twice. */
    ck_assert_uint_ge(came + queue->rx_errors, 26);
    ck_assert_uint_le(came, 2 * 26);
    echo_alive(echo);
    echo_destroy(echo);
}
END_TEST

/* It had published its responses, and died before the event. */
START_TEST(successor_notifies)
{
    struct echo *echo = echo_create(10, full);
    struct frontend_queue *queue = &echo->frontend->queue[1];

    echo_start(echo);
    echo_alive(echo);
    echo_expect(echo, 1, &(struct frontend_tx){.data = echo_bytes(60), .length = 60});
    unsigned events = queue->events, untouched = echo->frontend->queue[2].events;
    echo_succeed(echo);
    echo_run(echo);
    ck_assert_uint_eq(queue->events, events + 2);
    ck_assert_uint_eq(echo->frontend->queue[2].events, untouched);
    echo_expect(echo, 1, &(struct frontend_tx){.data = echo_bytes(60), .length = 60});
    echo_destroy(echo);
}
END_TEST

/* --- connecting ------------------------------------------------------------------------------- */

START_TEST(connecting_fails_whole)
{
    struct echo *echo = echo_create(11, full);
    struct netif_config config = frontend_netif(echo->frontend), bad;

    bad = config;
    bad.queues = 0;
    ck_assert_int_eq(echo_connect_to(echo, &bad), -EINVAL);
    bad.queues = NETIF_QUEUES_MAX + 1;
    ck_assert_int_eq(echo_connect_to(echo, &bad), -EINVAL);
    bad = config;
    bad.queue[2].rx_ref = 77777;
    ck_assert_int_eq(echo_connect_to(echo, &bad), -EINVAL);
    bad = config;
    bad.queue[1].rx_port = 4000;
    ck_assert_int_eq(echo_connect_to(echo, &bad), -EINVAL);
    bad = config; /* a port that another queue has */
    bad.queue[2].rx_port = bad.queue[0].rx_port;
    ck_assert_int_eq(echo_connect_to(echo, &bad), -EINVAL);
    bad = config;
    bad.control_ref = 0;
    ck_assert_int_eq(echo_connect_to(echo, &bad), -EINVAL);
    bad = config;
    bad.control_port = 0;
    ck_assert_int_eq(echo_connect_to(echo, &bad), -EINVAL);
    bad = config;
    bad.domid = 99;
    ck_assert_int_eq(echo_connect_to(echo, &bad), -ESRCH);

    /* Each call to Xen fails once. */
    unsigned nth = 1;
    for (;; nth++) {
        sim_fail_nth(echo->sim, nth);
        int rc = echo_connect(echo);
        sim_fail_nth(echo->sim, 0);
        if (rc == 0)
            break;
        ck_assert_msg(rc == -ENOSPC || rc == -EAGAIN, "%d", rc);
    }
    ck_assert_uint_eq(nth, 1 + 2 + 6 + 1);
    echo_disconnect(echo);

    /* And there is no memory. */
    void *eaten[ECHO_ARENA_PAGES];
    unsigned count = 0;
    while ((eaten[count] = arena_alloc(echo->arena, HV_PAGE_SIZE)))
        count++;
    for (unsigned spare = 0; spare < 5; spare++) {
        ck_assert_int_eq(echo_connect(echo), -ENOMEM);
        arena_free(echo->arena, eaten[--count], HV_PAGE_SIZE);
    }
    ck_assert_int_eq(echo_connect(echo), 0);
    while (count > 0)
        arena_free(echo->arena, eaten[--count], HV_PAGE_SIZE);
    echo_disconnect(echo);
    echo_start(echo);
    echo_alive(echo);
    echo_destroy(echo);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("netif");
    TCase *frames = tcase_create("frames"), *take_over = tcase_create("taking over");
    TCase *connect = tcase_create("connecting");

    tcase_set_timeout(frames, 60);
    tcase_add_test(frames, each_size);
    tcase_add_test(frames, each_split);
    tcase_add_loop_test(frames, indices_wrap, 0, 2);
    tcase_add_test(frames, queues_by_themselves);
    tcase_add_test(frames, extra_infos_both_ways);
    tcase_add_test(frames, multicast_requests);
    tcase_add_test(frames, answers_in_order);
    tcase_add_loop_test(frames, no_event_is_lost, 0, 6);
    tcase_add_test(frames, published_while_arming);
    tcase_add_test(frames, buffers_come_late);
    suite_add_tcase(suite, frames);
    tcase_set_timeout(take_over, 60);
    tcase_add_loop_test(take_over, backend_dies_anywhere, 0, 90);
    tcase_add_test(take_over, successor_notifies);
    suite_add_tcase(suite, take_over);
    tcase_add_test(connect, connecting_fails_whole);
    suite_add_tcase(suite, connect);
    suite_add_tcase(suite, netif_hostile_case());
    suite_add_tcase(suite, netif_odd_case());
    suite_add_tcase(suite, netif_control_case());
    return suite;
}
