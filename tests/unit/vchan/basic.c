/* SPDX-License-Identifier: ISC */
/* Opening, bytes from end to end, what libxenvchan sees in the head page, and closing. */
#include "pair.h"

START_TEST(pages_of_orders)
{
    ck_assert_uint_eq(vchan_pages(10, 11), 1);
    ck_assert_uint_eq(vchan_pages(11, 10), 1);
    ck_assert_uint_eq(vchan_pages(11, 12), 2);
    ck_assert_uint_eq(vchan_pages(12, 12), 3);
    ck_assert_uint_eq(vchan_pages(14, 10), 5);
    ck_assert_uint_eq(vchan_pages(20, 20), VCHAN_PAGES_MAX);
    ck_assert_uint_eq(vchan_pages(11, 20), 257);
    static const unsigned bad[][2] = {{10, 10}, {11, 11}, {9, 12},         {12, 9},
                                      {21, 12}, {12, 21}, {0, 0},          {10, 20},
                                      {20, 10}, {10, 32}, {UINT32_MAX, 12}};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_uint_eq(vchan_pages(bad[i][0], bad[i][1]), 0);
}
END_TEST

/** The page that a client of libxenvchan finds; nothing of what was there before is in it. */
START_TEST(head_page_on_the_wire)
{
    struct pair pair;

    pair_create(&pair, 1, 12, 13);
    memset(pair.pages, 0xa5, pair.page_count * HV_PAGE_SIZE);
    ck_assert_int_eq(vchan_server_open(&pair.server, pair.server_hv, 0, 12, 13, pair.pages), 0);
    const struct pair_head *head = pair_head(&pair);
    ck_assert_uint_eq(head->left_cons | head->left_prod | head->right_cons | head->right_prod, 0);
    ck_assert_uint_eq(head->left_order, 12);
    ck_assert_uint_eq(head->right_order, 13);
    ck_assert_uint_eq(head->cli_live, 2);
    ck_assert_uint_eq(head->srv_live, 1);
    ck_assert_uint_eq(head->cli_notify, 1);
    ck_assert_uint_eq(head->srv_notify, 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(head->grants[i], pair.server.refs[i + 1]);
    const uint8_t *rest = (const uint8_t *)&head->grants[3];
    for (const uint8_t *end = (uint8_t *)pair.pages + pair.page_count * HV_PAGE_SIZE; rest < end;)
        ck_assert_uint_eq(*rest++, 0);

    ck_assert_int_eq(vchan_state(&pair.server), VCHAN_WAITING);
    ck_assert(!vchan_peer_gone(&pair.server));
    ck_assert_int_eq(vchan_client_open(&pair.client, pair.client_hv, PAIR_SERVER,
                                       pair.server.ring_ref, pair.server.port),
                     0);
    ck_assert_uint_eq(head->cli_live, 1);
    ck_assert_uint_eq(head->srv_notify, 1);
    ck_assert(pair_event(&pair.server)); /* the client tells that it is there */
    ck_assert_int_eq(vchan_state(&pair.server), VCHAN_OPEN);
    ck_assert_int_eq(vchan_state(&pair.client), VCHAN_OPEN);
    ck_assert(!vchan_peer_gone(&pair.server));
    ck_assert(!vchan_peer_gone(&pair.client));
    pair_destroy(&pair);
}
END_TEST

/** What each end writes lies where libxenvchan looks for it. */
START_TEST(bytes_on_the_wire)
{
    static const unsigned orders[][2] = {{10, 11}, {11, 10}, {10, 12}, {13, 11}, {12, 13}};
    uint8_t in[8];

    for (unsigned i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct pair pair;
        unsigned left = orders[i][0], right = orders[i][1];

        pair_make(&pair, 1, left, right);
        const struct pair_head *head = pair_head(&pair);
        const uint8_t *bytes = pair.pages;
        ck_assert_int_eq(vchan_write(&pair.client, "client", 6), 6);
        ck_assert_int_eq(vchan_write(&pair.server, "server!", 7), 7);
        ck_assert_uint_eq(head->left_prod, 6);
        ck_assert_uint_eq(head->right_prod, 7);
        unsigned left_at = left < 12 ? 1U << left : 4096;
        unsigned right_at = right < 12 ? 1U << right : left < 12 ? 4096 : 4096 + (1U << left);
        ck_assert_mem_eq(bytes + left_at, "client", 6);
        ck_assert_mem_eq(bytes + right_at, "server!", 7);
        ck_assert_int_eq(vchan_read(&pair.server, in, 4), 4);
        ck_assert_mem_eq(in, "clie", 4);
        ck_assert_int_eq(vchan_read(&pair.client, in, 8), 7);
        ck_assert_mem_eq(in, "server!", 7);
        ck_assert_uint_eq(head->left_cons, 4);
        ck_assert_uint_eq(head->right_cons, 7);
        ck_assert_uint_eq(pair.server.bytes_in, 4);
        ck_assert_uint_eq(pair.server.bytes_out, 7);
        ck_assert_int_eq(vchan_read(&pair.client, in, 8), 0);
        pair_destroy(&pair);
    }
}
END_TEST

START_TEST(fills_and_wraps)
{
    struct pair pair;
    uint8_t out[4096], in[4096];
    uint64_t sent = 0;

    pair_make(&pair, 1, 10, 11);
    ck_assert_int_eq(vchan_writable(&pair.client, 1), 1024);
    ck_assert_int_eq(vchan_writable(&pair.server, 1), 2048);
    for (unsigned round = 0; round < 50; round++) {
        pair_fill(out, sizeof(out), sent);
        ck_assert_int_eq(vchan_write(&pair.client, out, 333), 333);
        ck_assert_int_eq(vchan_readable(&pair.server, 1), 333);
        ck_assert_int_eq(vchan_write(&pair.client, out + 333, 4000), 1024 - 333);
        ck_assert_int_eq(vchan_write(&pair.client, out, 1), 0);
        ck_assert_int_eq(vchan_writable(&pair.client, 1), 0);
        ck_assert_int_eq(vchan_read(&pair.server, in, 24), 24);
        ck_assert_int_eq(vchan_writable(&pair.client, 1), 24);
        ck_assert_int_eq(vchan_read(&pair.server, in + 24, sizeof(in) - 24), 1000);
        pair_check(in, 1024, sent);
        sent += 1024;
        ck_assert_int_eq(vchan_write(&pair.client, out + 1024, 7),
                         7); /* out of step with the ring */
        ck_assert_int_eq(vchan_read(&pair.server, in, 100), 7);
        pair_check(in, 7, sent);
        sent += 7;
    }
    ck_assert_uint_eq(pair.server.bytes_in, sent);
    pair_destroy(&pair);
}
END_TEST

START_TEST(client_closes)
{
    struct pair pair;
    uint8_t in[8];

    pair_make(&pair, 1, 12, 12);
    ck_assert_int_eq(vchan_write(&pair.client, "last", 4), 4);
    ck_assert_int_eq(vchan_state(&pair.server), VCHAN_OPEN);
    (void)pair_event(&pair.server);
    ck_assert_int_eq(vchan_close(&pair.client), 0);
    ck_assert(pair_event(&pair.server));
    ck_assert_int_eq(vchan_state(&pair.server), VCHAN_ENDED);
    ck_assert_int_eq(vchan_write(&pair.server, "x", 1), -EPIPE);
    ck_assert_int_eq(vchan_read(&pair.server, in, 3), 3); /* what it wrote before may be read */
    ck_assert_int_eq(vchan_read(&pair.server, in, 8), 1);
    ck_assert_uint_eq(in[0], 't');
    ck_assert_int_eq(vchan_read(&pair.server, in, 8), -EPIPE);
    ck_assert_int_eq(vchan_close(&pair.server), 0);
    pair_check_empty(&pair);
    pair_open(&pair); /* the same pages for the next */
    ck_assert_int_eq(vchan_read(&pair.server, in, 8), 0);
    pair_destroy(&pair);
}
END_TEST

START_TEST(server_closes_what_is_mapped)
{
    struct pair pair;
    uint8_t in[8];

    pair_make(&pair, 1, 12, 13);
    ck_assert_int_eq(vchan_write(&pair.server, "bye", 3), 3);
    (void)pair_event(&pair.client);
    ck_assert_int_eq(vchan_close(&pair.server), -EAGAIN);
    ck_assert_int_eq(vchan_release(&pair.server), -EAGAIN);
    ck_assert(pair_event(&pair.client));
    ck_assert_int_eq(vchan_state(&pair.client), VCHAN_ENDED);
    ck_assert_int_eq(vchan_read(&pair.client, in, 8), 3);
    ck_assert_int_eq(vchan_read(&pair.client, in, 8), -EPIPE);
    ck_assert_int_eq(vchan_write(&pair.client, "x", 1), -EPIPE);
    ck_assert_int_eq(vchan_close(&pair.client), 0);
    ck_assert_int_eq(vchan_release(&pair.server), 0);
    ck_assert_int_eq(vchan_release(&pair.server), 0);
    pair_check_empty(&pair);
    pair_destroy(&pair);
}
END_TEST

/** Two clients with the same numbers: one is served, the other has touched nothing. */
START_TEST(one_client_alone)
{
    struct pair pair;
    struct vchan second;
    uint8_t in[8];

    pair_make(&pair, 1, 12, 12);
    ck_assert_int_eq(vchan_write(&pair.client, "mine", 4), 4);
    struct pair_head before = *pair_head(&pair);
    ck_assert_int_eq(vchan_client_open(&second, pair.client_hv, PAIR_SERVER, pair.server.ring_ref,
                                       pair.server.port),
                     -EINVAL);
    ck_assert_mem_eq(&before, pair_head(&pair), sizeof(before));
    ck_assert_int_eq(
        vchan_client_open(&second, pair.client_hv, 77, pair.server.ring_ref, pair.server.port),
        -ESRCH);
    ck_assert_int_eq(vchan_read(&pair.server, in, 8), 4);
    pair_destroy(&pair);
}
END_TEST

TCase *basic_cases(void)
{
    TCase *cases = tcase_create("basic");

    tcase_add_test(cases, pages_of_orders);
    tcase_add_test(cases, head_page_on_the_wire);
    tcase_add_test(cases, bytes_on_the_wire);
    tcase_add_test(cases, fills_and_wraps);
    tcase_add_test(cases, client_closes);
    tcase_add_test(cases, server_closes_what_is_mapped);
    tcase_add_test(cases, one_client_alone);
    return cases;
}
