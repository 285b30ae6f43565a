/* SPDX-License-Identifier: ISC */
/* Peers that write what they like into what is shared, at any time. */
#include "pair.h"

/** @v has caught its peer lying: it says so whatever it is asked, and whatever the peer does. */
static void check_broken(struct vchan *v)
{
    uint8_t data[8] = {0};

    ck_assert_int_eq(vchan_readable(v, 1), -EPROTO);
    ck_assert_int_eq(vchan_writable(v, 1), -EPROTO);
    ck_assert_int_eq(vchan_read(v, data, sizeof(data)), -EPROTO);
    ck_assert_int_eq(vchan_write(v, data, sizeof(data)), -EPROTO);
    ck_assert_int_eq(vchan_state(v), VCHAN_BROKEN);
    ck_assert(!vchan_peer_gone(v));
}

static uint32_t *peer_prod(struct pair *pair, const struct vchan *v)
{
    return v->server ? &pair_head(pair)->left_prod : &pair_head(pair)->right_prod;
}

static uint32_t *peer_cons(struct pair *pair, const struct vchan *v)
{
    return v->server ? &pair_head(pair)->right_cons : &pair_head(pair)->left_cons;
}

/** The tests below are of the server for even indices, of the client for odd ones. */
static struct vchan *victim_of(struct pair *pair, int index)
{
    return index % 2 == 0 ? &pair->server : &pair->client;
}

START_TEST(index_lies)
{
    static const int64_t wrong[] = {2049, 4096, 0x7fffffff, 0x80000000, -1, -2048};
    uint8_t data[8] = {0};

    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        for (unsigned how = 0; how < 4; how++) {
            struct pair pair;
            pair_make(&pair, 1, 10, 11);
            struct vchan *v = victim_of(&pair, _i);
            uint32_t *index = how < 2 ? peer_prod(&pair, v) : peer_cons(&pair, v);
            uint32_t right = *index;
            /* What it has read is behind what we have written, by the size of the ring at most. */
            *index = right + (uint32_t)(how < 2 ? wrong[i] : -wrong[i]);
            int rc = how == 0   ? vchan_readable(v, 1)
                     : how == 1 ? vchan_read(v, data, 8)
                     : how == 2 ? vchan_writable(v, 1)
                                : vchan_write(v, data, 8);
            ck_assert_int_eq(rc, -EPROTO);
            *index = right;
            check_broken(v);
            pair_destroy(&pair);
        }
    }
}
END_TEST

struct flip {
    uint32_t *index, value;
    unsigned loads; /* of the index, before it lies */
};

static void flip_index(void *context, struct hv *victim, const void *address, size_t length)
{
    struct flip *flip = context;

    /* The victim may see the page elsewhere. */
    if (address && ((uintptr_t)address - (uintptr_t)flip->index) % HV_PAGE_SIZE == 0 &&
        flip->loads-- == 0)
        *flip->index = flip->value;
}

/** It lies only when it is looked at the second time, after the request for an event. */
START_TEST(index_lies_later)
{
    struct pair pair;
    uint8_t data[8];

    pair_make(&pair, 1, 10, 11);
    struct vchan *v = victim_of(&pair, _i);
    struct flip flip = {.index = peer_prod(&pair, v), .value = 3000, .loads = 1};
    sim_set_adversary(pair.sim, flip_index, &flip);
    ck_assert_int_eq(vchan_read(v, data, 8), -EPROTO);
    sim_set_adversary(pair.sim, NULL, NULL);
    check_broken(v);
    pair_destroy(&pair);
}
END_TEST

/** What is ours in the shared page is written and never read. */
START_TEST(own_fields_are_not_believed)
{
    struct pair pair;
    uint8_t data[8] = "abcdefg";

    pair_make(&pair, 1, 12, 13);
    struct pair_head *head = pair_head(&pair);
    struct vchan *v = victim_of(&pair, _i), *peer = v->server ? &pair.client : &pair.server;
    ck_assert_int_eq(vchan_write(peer, data, 8), 8);
    head->left_order = head->right_order = 20;
    memset(head->grants, 0xff, 3 * sizeof(head->grants[0]));
    if (v->server)
        head->left_cons = head->right_prod = 0x12345678;
    else
        head->right_cons = head->left_prod = 0x12345678;
    ck_assert_int_eq(vchan_read(v, data, 5), 5);
    ck_assert_mem_eq(data, "abcde", 5);
    ck_assert_int_eq(vchan_write(v, "answer", 6), 6);
    ck_assert_uint_eq(v->server ? head->left_cons : head->right_cons, 5);
    ck_assert_uint_eq(v->server ? head->right_prod : head->left_prod, 6);
    ck_assert_int_eq(vchan_read(v, data, 8), 3);
    ck_assert_int_eq(vchan_writable(v, 1), (v->server ? 8192 : 4096) - 6);
    pair_destroy(&pair);
}
END_TEST

START_TEST(live_bytes)
{
    uint8_t data[8];

    for (unsigned value = 0; value < 256; value++) {
        struct pair pair;
        pair_make(&pair, 1, 12, 12);
        struct pair_head *head = pair_head(&pair);
        struct vchan *v = victim_of(&pair, _i);
        uint8_t *live = v->server ? &head->cli_live : &head->srv_live;

        ck_assert_int_eq(vchan_state(v), VCHAN_OPEN);
        *live = (uint8_t)value;
        if (value == 0) {
            ck_assert_int_eq(vchan_state(v), VCHAN_ENDED);
            *live = 1; /* too late */
            ck_assert_int_eq(vchan_state(v), VCHAN_ENDED);
            ck_assert(vchan_peer_gone(v));
            ck_assert_int_eq(vchan_read(v, data, 8), -EPIPE);
            ck_assert_int_eq(vchan_write(v, data, 8), -EPIPE);
        } else if (value == 1) {
            ck_assert_int_eq(vchan_state(v), VCHAN_OPEN);
        } else {
            if (value & 1)
                ck_assert_int_eq(vchan_state(v), VCHAN_BROKEN);
            else
                ck_assert_int_eq(vchan_write(v, data, 8), -EPROTO);
            *live = 1;
            check_broken(v);
        }
        pair_destroy(&pair);
    }
}
END_TEST

/** Nobody has connected, but somebody writes into the page. */
START_TEST(live_before_connecting)
{
    struct pair pair;

    pair_create(&pair, 1, 12, 12);
    for (unsigned value = 0; value < 4; value++) {
        ck_assert_int_eq(vchan_server_open(&pair.server, pair.server_hv, 0, 12, 12, pair.pages), 0);
        ck_assert_int_eq(vchan_state(&pair.server), VCHAN_WAITING);
        ck_assert_int_eq(vchan_write(&pair.server, "hello", 5), 5); /* for whoever comes */
        pair_head(&pair)->cli_live = (uint8_t)value;
        static const enum vchan_state states[] = {VCHAN_ENDED, VCHAN_OPEN, VCHAN_WAITING,
                                                  VCHAN_BROKEN};
        ck_assert_int_eq(vchan_state(&pair.server), states[value]);
        ck_assert_int_eq(vchan_peer_gone(&pair.server), value <= 1); /* the port is not bound */
        ck_assert_int_eq(vchan_close(&pair.server), 0);
    }
    pair_destroy(&pair);
}
END_TEST

/** A hostile server: what it shares is refused before it is used, and nothing of it stays. */
START_TEST(server_shares_no_vchan)
{
    struct pair pair;

    pair_create(&pair, 1, 12, 13);
    for (unsigned left = 0; left < 40; left++) {
        for (unsigned right = 0; right < 40; right++) {
            ck_assert_int_eq(vchan_server_open(&pair.server, pair.server_hv, 0, 12, 13, pair.pages),
                             0);
            pair_head(&pair)->left_order = (uint16_t)(left == 39 ? 0xffff : left);
            pair_head(&pair)->right_order = (uint16_t)(right == 39 ? 0x800c : right);
            int rc = vchan_client_open(&pair.client, pair.client_hv, PAIR_SERVER,
                                       pair.server.ring_ref, pair.server.port);
            unsigned pages = left == 39 || right == 39 ? 0 : vchan_pages(left, right);
            /* Of larger rings the list of grants has not enough that are good. */
            ck_assert_int_eq(rc, pages == 0 ? -EPROTO : pages > 4 ? -EINVAL : 0);
            if (rc != 0)
                ck_assert_uint_eq(pair_head(&pair)->cli_live, 2);
            else
                ck_assert_int_eq(vchan_close(&pair.client), 0);
            ck_assert_int_eq(vchan_close(&pair.server), 0);
            pair_check_empty(&pair);
        }
    }
    pair.client.hv = NULL;
    pair_destroy(&pair);
}
END_TEST

START_TEST(server_grants_nonsense)
{
    struct pair pair;

    pair_create(&pair, 1, 13, 13);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(vchan_server_open(&pair.server, pair.server_hv, 0, 13, 13, pair.pages), 0);
        uint32_t *grants = pair_head(&pair)->grants;
        grants[i] = UINT32_MAX;
        ck_assert_int_eq(vchan_client_open(&pair.client, pair.client_hv, PAIR_SERVER,
                                           pair.server.ring_ref, pair.server.port),
                         -EINVAL);
        ck_assert_int_eq(vchan_close(&pair.server), 0);
        pair_check_empty(&pair);
    }
    ck_assert_int_eq(vchan_server_open(&pair.server, pair.server_hv, 0, 13, 13, pair.pages), 0);
    ck_assert_int_eq(
        vchan_client_open(&pair.client, pair.client_hv, PAIR_SERVER, 4000, pair.server.port),
        -EINVAL); /* no such page; the port is left for another try */
    /* All the same page, the head's at that: ours are addresses within it, and copies. */
    for (unsigned i = 0; i < 4; i++)
        pair_head(&pair)->grants[i] = pair.server.ring_ref;
    ck_assert_int_eq(vchan_client_open(&pair.client, pair.client_hv, PAIR_SERVER,
                                       pair.server.ring_ref, pair.server.port),
                     0);
    uint8_t data[8192] = {0};
    ck_assert_int_ge(vchan_write(&pair.client, data, sizeof(data)), -EPROTO);
    (void)vchan_read(&pair.client, data, sizeof(data));
    pair_destroy(&pair);
}
END_TEST

struct rewriter {
    struct pair *pair;
    struct unit_random random;
    bool calm;
};

/** Write something wrong, or nearly right, into one of the fields; at any access of the victim's.
 */
static void rewrite(void *context, struct hv *victim, const void *address, size_t length)
{
    struct rewriter *rewriter = context;
    struct pair_head *head = pair_head(rewriter->pair);
    uint32_t *index[] = {&head->left_cons, &head->left_prod, &head->right_cons, &head->right_prod};
    uint8_t *byte[] = {&head->cli_live, &head->srv_live, &head->cli_notify, &head->srv_notify};
    uint64_t what = unit_random(&rewriter->random, rewriter->calm ? 40 : 13);

    if (what < 4)
        *index[what] += (uint32_t)unit_random(&rewriter->random, 40);
    else if (what < 6)
        *index[unit_random(&rewriter->random, 4)] =
            (uint32_t)unit_random(&rewriter->random, 1U << 12);
    else if (what < 8)
        *byte[2 + what % 2] = (uint8_t)unit_random(&rewriter->random, 256);
    else if (what == 8)
        *byte[unit_random(&rewriter->random, 2)] = (uint8_t)unit_random(&rewriter->random, 3);
    else if (what == 9)
        head->left_order = head->right_order = (uint16_t)unit_random(&rewriter->random, 40);
    else if (what == 10)
        head->grants[unit_random(&rewriter->random, 3)] =
            (uint32_t)unit_random(&rewriter->random, 99);
}

/** Whatever is rewritten: results within their bounds, no byte elsewhere touched, all given back.
 */
START_TEST(rewritten_at_any_load)
{
    static const unsigned orders[][2] = {{10, 11}, {11, 12}, {12, 13}, {13, 10}};
    uint8_t data[3000];

    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct pair pair;
        const unsigned *order = orders[seed % 4];
        unsigned broken = 0, ended = 0;

        pair_create(&pair, seed, order[0], order[1]);
        struct rewriter rewriter = {.pair = &pair, .random = {seed}, .calm = seed % 3 != 0};
        struct vchan *v = victim_of(&pair, _i);
        ck_assert_int_eq(
            vchan_server_open(&pair.server, pair.server_hv, 0, order[0], order[1], pair.pages), 0);
        if (!v->server && seed % 2 == 0) /* while it connects, too */
            sim_set_adversary(pair.sim, rewrite, &rewriter);
        int rc = vchan_client_open(&pair.client, pair.client_hv, PAIR_SERVER, pair.server.ring_ref,
                                   pair.server.port);
        if (rc != 0) {
            ck_assert(rc == -EPROTO || rc == -EINVAL);
            pair.client.hv = NULL;
        }
        sim_set_adversary(pair.sim, rewrite, &rewriter);
        for (unsigned i = 0; i < 60 && rc == 0; i++) {
            size_t length = unit_random(&rewriter.random, sizeof(data));
            bool reading = unit_random(&rewriter.random, 2) == 0;
            int count = reading ? vchan_read(v, data, length) : vchan_write(v, data, length);
            ck_assert_int_le(count, (int)length);
            ck_assert_int_le(count, (int)(reading ? v->read.size : v->write.size));
            ck_assert(count >= 0 || count == -EPROTO || count == -EPIPE);
            ck_assert(broken == 0 || count == -EPROTO);
            ck_assert(ended == 0 || reading || count < 0);
            broken += count == -EPROTO;
            ended += count == -EPIPE;
            (void)vchan_state(v);
            ck_assert(!vchan_peer_gone(v) || v->ended);
        }
        sim_set_adversary(pair.sim, NULL, NULL);
        pair_destroy(&pair); /* revokes by what it knows, not by what the page says */
    }
}
END_TEST

TCase *hostile_cases(void)
{
    TCase *cases = tcase_create("hostile");

    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, index_lies, 0, 2);
    tcase_add_loop_test(cases, index_lies_later, 0, 2);
    tcase_add_loop_test(cases, own_fields_are_not_believed, 0, 2);
    tcase_add_loop_test(cases, live_bytes, 0, 2);
    tcase_add_test(cases, live_before_connecting);
    tcase_add_test(cases, server_shares_no_vchan);
    tcase_add_test(cases, server_grants_nonsense);
    tcase_add_loop_test(cases, rewritten_at_any_load, 0, 2);
    return cases;
}
