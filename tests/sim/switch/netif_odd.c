/* SPDX-License-Identifier: ISC */
/* Odd requests that no advisory names: what is refused, what ends the vif, what is nobody's matter
   but the guest's. */
#include "netif_cases.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static const struct frontend_config plain = {.buffers = 32};

static void refused(struct echo *echo, size_t length, unsigned slots, const uint16_t *split,
                    const uint16_t *offset, unsigned claim, int reason)
{
    struct frontend_tx tx = {.data = echo_bytes(length),
                             .length = length,
                             .slots = slots,
                             .split = split,
                             .offset = offset,
                             .claim = (uint16_t)claim};

    echo_expect_bad(echo, &tx, reason);
}

START_TEST(sizes_that_contradict)
{
    struct echo *echo = echo_create(1, plain);

    echo_start(echo);
    /* beyond the page: the first slot, whose size is what the others leave; a later one */
    refused(echo, 4097, 1, (const uint16_t[]){4097}, NULL, 0, DROP_MALFORMED);
    refused(echo, 60, 1, NULL, (const uint16_t[]){4040}, 0, DROP_MALFORMED);
    refused(echo, 60, 1, NULL, (const uint16_t[]){65535}, 0, DROP_MALFORMED);
    refused(echo, 100, 2, (const uint16_t[]){60, 40}, (const uint16_t[]){0, 4057}, 0,
            DROP_MALFORMED);
    refused(echo, 100, 2, (const uint16_t[]){60, 40}, (const uint16_t[]){4037, 0}, 0,
            DROP_MALFORMED);
    refused(echo, 9000, 2, (const uint16_t[]){60, 8940}, NULL, 0, DROP_MALFORMED);
    /* more in the others than in all */
    refused(echo, 3000, 2, (const uint16_t[]){1000, 2000}, NULL, 1999, DROP_MALFORMED);
    refused(echo, 3000, 3, (const uint16_t[]){1000, 1000, 1000}, NULL, 1500, DROP_MALFORMED);
    refused(echo, 3000, 2, (const uint16_t[]){1000, 2000}, NULL, 8000, DROP_MALFORMED);
    /* 65,536 bytes, whose size is 0 in 16 bits: as buggy frontends send */
    refused(echo, 65536, 16, NULL, NULL, 0, DROP_MALFORMED);
    for (size_t length = 0; length < 14; length++)
        refused(echo, length, 1, NULL, NULL, 0, DROP_RUNT);
    refused(echo, 13, 13, (const uint16_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, NULL, 0,
            DROP_RUNT);
    /* what is just within */
    echo_expect(echo, 0,
                &(struct frontend_tx){
                    .data = echo_bytes(60), .length = 60, .offset = (const uint16_t[]){4036}});
    echo_expect(echo, 0, &(struct frontend_tx){.data = echo_bytes(14), .length = 14});
    echo_destroy(echo);
}
END_TEST

START_TEST(too_many_slots)
{
    struct echo *echo = echo_create(2, plain);
    uint16_t split[NETIF_SLOTS_FATAL];
    struct frontend_tx tx = {
        .data = echo_bytes(2000), .length = 1900, .slots = NETIF_SLOTS_MAX + 1, .split = split};

    for (unsigned i = 0; i < NETIF_SLOTS_FATAL; i++)
        split[i] = 100;
    echo_start(echo);
    echo_expect_bad(echo, &tx, DROP_TOO_MANY_SLOTS);
    echo_expect_bad(echo, &tx, DROP_TOO_MANY_SLOTS);
    tx.slots++;
    tx.length = 2000;
    ck_assert(frontend_send(echo->frontend, 0, &tx));
    echo_run(echo);
    ck_assert_uint_eq(echo->failed, 1);
    ck_assert_str_eq(echo->why, "a frame of too many slots");
    echo_destroy(echo);
}
END_TEST

START_TEST(gso_of_no_kind)
{
    struct echo *echo = echo_create(3, plain);
    struct frontend_tx tx = {.data = echo_bytes(6000), .length = 6000, .gso = 1, .mss = 0};
    struct frontend_extra none = {.type = XTRA_GSO, .data = {100, 0, 0}};

    echo_start(echo);
    echo_expect_bad(echo, &tx, DROP_BAD_OFFLOAD);
    tx.gso = 3;
    tx.mss = 1000;
    echo_expect_bad(echo, &tx, DROP_BAD_OFFLOAD);
    tx.gso = 0;
    tx.mss = 0;
    tx.extra = &none;
    tx.extras = 1;
    echo_expect_bad(echo, &tx, DROP_BAD_OFFLOAD);
    echo_destroy(echo);
}
END_TEST

/* Extra infos belong to the first slot; another one's flag is refused, not followed. */
START_TEST(extra_info_behind_a_later_slot)
{
    struct echo *echo = echo_create(4, plain);
    struct frontend_queue *queue = &echo->frontend->queue[0];
    struct frontend_tx_request first = {.flags = TX_MORE_DATA, .id = 1, .size = 120};
    struct frontend_tx_request second = {.flags = TX_EXTRA_INFO, .id = 2, .size = 60};
    void *page = frontend_page(echo->frontend, echo_bytes(120), 120, 0, true, &first.gref);

    second.gref = first.gref;
    echo_start(echo);
    frontend_write_raw(queue, &first);
    frontend_write_raw(queue, &second);
    frontend_publish(queue);
    echo_run(echo);
    ck_assert_uint_eq(echo->reasons[DROP_MALFORMED], 1);
    ck_assert_uint_eq(queue->tx_error, 2);
    echo_alive(echo);
    ck_assert(frontend_page_free(echo->frontend, page, first.gref));
    echo_destroy(echo);
}
END_TEST

START_TEST(extra_infos_that_end_the_vif)
{
    static const char *const whys[] = {
        "extra infos without end",       "a frame lacks its extra info",
        "an extra info of unknown type", "an extra info of unknown type",
        "an extra info of unknown type",
    };
    struct echo *echo = echo_create(5, plain);
    struct frontend_queue *queue = &echo->frontend->queue[0];
    struct frontend_extra extra[NETIF_EXTRAS_MAX + 1] = {{0}};
    struct frontend_tx_request lone = {.flags = TX_EXTRA_INFO, .size = 60};
    struct frontend_tx tx = {.data = echo_bytes(60), .length = 60, .extra = extra};

    for (unsigned i = 0; i <= NETIF_EXTRAS_MAX; i++)
        extra[i].type = XTRA_HASH;
    echo_start(echo);
    tx.extras = NETIF_EXTRAS_MAX;
    echo_expect(echo, 0, &tx);
    switch (_i) {
    case 0:
        tx.extras++;
        break;
    case 1:
        frontend_write_raw(queue, &lone);
        frontend_publish(queue);
        break;
    default:
        tx.extras = 1;
        extra[0].type = (uint8_t[]){0, 6, 255}[_i - 2];
        break;
    }
    if (_i != 1)
        ck_assert(frontend_send(echo->frontend, 0, &tx));
    echo_run(echo);
    ck_assert_uint_eq(echo->failed, 1);
    ck_assert_str_eq(echo->why, whys[_i]);
    echo_destroy(echo);
}
END_TEST

/* A million requests for multicast addresses: the list is as long as it may be, the rest refused.
 */
START_TEST(multicast_without_end)
{
    struct echo *echo = echo_create(6, plain);
    struct frontend_queue *queue = &echo->frontend->queue[0];
    const char *count = getenv("NETIF_MULTICASTS");
    unsigned total = count ? (unsigned)atoi(count) : 1000000;
    struct frontend_tx_request request = {.flags = TX_EXTRA_INFO};
    uint8_t extra[12] = {XTRA_MCAST_ADD, 0, 1, 0};

    echo_start(echo);
    for (unsigned i = 0; i < total;) {
        for (; frontend_room(queue) >= 2 && i < total; i++) {
            memcpy(extra + 4, &i, sizeof(i));
            request.id = (uint16_t)i;
            frontend_write_raw(queue, &request);
            frontend_write_raw(queue, extra);
        }
        frontend_publish(queue);
        echo_run(echo);
    }
    ck_assert_uint_eq(echo->multicast_calls, total);
    ck_assert_uint_eq(echo->multicasts, ECHO_MULTICAST);
    ck_assert_uint_eq(queue->tx_okay, ECHO_MULTICAST);
    ck_assert_uint_eq(queue->tx_error, total - ECHO_MULTICAST);
    ck_assert_uint_eq(queue->tx_null, total);
    echo_alive(echo);
    echo_destroy(echo);
}
END_TEST

/* Ids are the guest's business: the same one in each request comes back in each response. */
START_TEST(ids_duplicated)
{
    struct echo *echo = echo_create(7, plain);
    struct frontend_queue *queue = &echo->frontend->queue[0];
    struct frontend_tx_request request = {.id = 0xbeef, .size = 100};
    void *page = frontend_page(echo->frontend, echo_bytes(100), 100, 0, true, &request.gref);

    echo_start(echo);
    for (unsigned i = 0; i < 200; i++) {
        request.flags = i % 2 || i % 7 == 0 ? 0 : TX_MORE_DATA;
        request.size = i % 2 ? 50 : 100;
        frontend_write_raw(queue, &request);
    }
    queue->deaf = true;
    frontend_publish(queue);
    for (unsigned i = 0; i < 8; i++) {
        queue->deaf = true;
        echo_run(echo);
        for (uint32_t at = queue->tx_rsp; at != queue->tx->rsp_prod; at++)
            ck_assert_mem_eq(queue->tx->slots + at % 256 * 12, "\xef\xbe", 2);
        queue->deaf = false;
        frontend_poll(echo->frontend);
    }
    ck_assert_uint_eq(queue->tx_okay, 200);
    struct frontend_rx *frame;
    while ((frame = frontend_receive(echo->frontend)))
        free(frame);
    ck_assert(frontend_page_free(echo->frontend, page, request.gref));
    echo_destroy(echo);
}
END_TEST

/* The same buffer posted twice, one that cannot be written, one that is a ring: the guest's loss.
 */
START_TEST(buffers_of_the_wrong_kind)
{
    struct echo *echo = echo_create(8, (struct frontend_config){.buffers = 0});
    struct frontend_queue *queue = &echo->frontend->queue[0];
    grant_ref_t twice, readonly;
    void *page = frontend_page(echo->frontend, NULL, 0, 0, false, &twice);
    void *fixed = frontend_page(echo->frontend, "fixed", 6, 0, true, &readonly);

    echo_start(echo);
    frontend_post_raw(queue, 5, twice);
    frontend_post_raw(queue, 5, twice);
    frontend_post_raw(queue, 6, readonly);
    frontend_post_publish(queue);
    for (unsigned i = 0; i < 3; i++)
        ck_assert(frontend_send_bytes(echo->frontend, echo_bytes(80), 80));
    echo_run(echo);
    ck_assert_uint_eq(queue->rx_frames, 2);
    ck_assert_uint_eq(queue->rx_errors, 1);
    ck_assert_uint_eq(queue->tx_okay, 3);
    ck_assert_str_eq(fixed, "fixed");
    struct frontend_rx *frame;
    while ((frame = frontend_receive(echo->frontend)))
        free(frame);
    frontend_post(queue, 10);
    echo_alive(echo);
    ck_assert(frontend_page_free(echo->frontend, page, twice));
    ck_assert(frontend_page_free(echo->frontend, fixed, readonly));
    echo_destroy(echo);
}
END_TEST

/* A frame is written over the guest's own rings, or read from them. */
START_TEST(data_in_the_ring_page)
{
    struct echo *echo = echo_create(9, plain);
    struct frontend_queue *queue = &echo->frontend->queue[0];
    struct frontend_tx_request request = {.size = 4000};

    echo_start(echo);
    echo_alive(echo);
    request.gref = queue->tx_ref;
    frontend_write_raw(queue, &request);
    request.gref = queue->rx_ref;
    frontend_write_raw(queue, &request);
    frontend_publish(queue);
    echo_run(echo);
    ck_assert_uint_eq(queue->tx_okay, 3);
    ck_assert_uint_eq(echo->failed, 0);
    struct frontend_rx *frame;
    while ((frame = frontend_receive(echo->frontend)))
        free(frame);

    queue->buffers = 0;
    queue->deaf = true;
    for (unsigned i = 0; i < 8; i++)
        frontend_post_raw(queue, (uint16_t)i, i % 2 ? queue->rx_ref : queue->tx_ref);
    frontend_post_publish(queue);
    for (unsigned i = 0; i < 60; i++) {
        if (!frontend_write(queue, &(struct frontend_tx){.data = echo_bytes(3000), .length = 3000}))
            break;
    }
    frontend_publish(queue);
    frontend_kick(queue);
    echo_run(echo);
    frontend_kick(queue);
    echo_run(echo);
    ck_assert_uint_le(echo->failed, 1);
    echo_destroy(echo);
}
END_TEST

/* Two queues, or both rings of one, in the same pages. */
START_TEST(rings_shared)
{
    struct echo *echo = echo_create(10, (struct frontend_config){.queues = 2, .buffers = 20});
    struct netif_config config = frontend_netif(echo->frontend);

    config.queue[1].tx_ref = config.queue[0].tx_ref;
    config.queue[1].rx_ref = _i ? config.queue[0].tx_ref : config.queue[0].rx_ref;
    ck_assert_int_eq(echo_connect_to(echo, &config), 0);
    echo_act(echo);
    for (unsigned i = 0; i < 2; i++)
        echo->frontend->queue[i].deaf = true;
    for (unsigned round = 0; round < 30; round++) {
        for (unsigned i = 0; i < 5; i++)
            (void)frontend_write(&echo->frontend->queue[0],
                                 &(struct frontend_tx){.data = echo_bytes(600), .length = 600});
        frontend_publish(&echo->frontend->queue[0]);
        frontend_kick(&echo->frontend->queue[1]);
        frontend_kick(&echo->frontend->queue[0]);
        echo_run(echo);
    }
    ck_assert_uint_gt(echo->frames, 0);
    ck_assert_uint_le(echo->failed, 1);
    echo_destroy(echo);
}
END_TEST

/* The guest dies with requests under way; its pages go when the vif is disconnected. */
START_TEST(guest_dies)
{
    struct echo *echo = echo_create(11, (struct frontend_config){.queues = 2});

    echo_start(echo);
    for (unsigned i = 0; i < 20; i++)
        ck_assert(frontend_send_bytes(echo->frontend, echo_bytes(600), 600));
    sim_run(echo->sim, HV_NEVER, (uint64_t)_i);
    sim_domain_destroy(echo->guest);
    frontend_forget(echo->frontend);
    echo->frontend = NULL;
    for (unsigned i = 0; i < 2; i++)
        echo_work(echo, i);
    ck_assert_uint_eq(echo->failed, 0);
    ck_assert(sim_domain_create(echo->sim, &(struct sim_domain_config){.domid = ECHO_FRONTEND}) ==
              NULL);
    echo_disconnect(echo);
    ck_assert(sim_domain_create(echo->sim, &(struct sim_domain_config){.domid = ECHO_FRONTEND}) !=
              NULL);
    echo_destroy(echo);
}
END_TEST

TCase *netif_odd_case(void)
{
    TCase *odd = tcase_create("odd requests");

    tcase_set_timeout(odd, 60);
    tcase_add_test(odd, sizes_that_contradict);
    tcase_add_test(odd, too_many_slots);
    tcase_add_test(odd, gso_of_no_kind);
    tcase_add_test(odd, extra_info_behind_a_later_slot);
    tcase_add_loop_test(odd, extra_infos_that_end_the_vif, 0, 5);
    tcase_add_test(odd, multicast_without_end);
    tcase_add_test(odd, ids_duplicated);
    tcase_add_test(odd, buffers_of_the_wrong_kind);
    tcase_add_test(odd, data_in_the_ring_page);
    tcase_add_loop_test(odd, rings_shared, 0, 2);
    tcase_add_loop_test(odd, guest_dies, 0, 3);
    return odd;
}
