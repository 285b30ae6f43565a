/* SPDX-License-Identifier: ISC */
/*
 * Streams both ways between two actors that sleep whenever a call was short, as they may. The other
 * actor also steps in between any two accesses of shared memory: whoever asks to be told too late,
 * or tells too early, leaves both asleep, and the stream does not end.
 */
#include "pair.h"

#define CHUNK_MAX 6000U

struct end {
    struct vchan *v;
    struct unit_random random;
    uint64_t sent, received, total;
    unsigned chunk; /**< bytes of a call at most: of small ones many are not short */
    unsigned steps;
};

struct stream {
    struct end server, client;
    unsigned interleave; /**< how often the other steps in, in parts of 256 */
    struct unit_random random;
};

/** Write until a call is short. */
static void send_some(struct end *end)
{
    uint8_t data[CHUNK_MAX];

    while (end->sent < end->total) {
        size_t length = 1 + unit_random(&end->random, end->chunk);
        if (length > end->total - end->sent)
            length = end->total - end->sent;
        pair_fill(data, length, end->sent);
        int count = vchan_write(end->v, data, length);
        ck_assert_int_ge(count, 0);
        end->sent += (unsigned)count;
        if ((size_t)count < length)
            break;
    }
}

static void receive_some(struct end *end)
{
    uint8_t data[CHUNK_MAX];

    while (end->received < end->total) {
        size_t length = 1 + unit_random(&end->random, end->chunk);
        if (length > end->total - end->received)
            length = end->total - end->received;
        int count = vchan_read(end->v, data, length);
        ck_assert_int_ge(count, 0);
        pair_check(data, (size_t)count, end->received);
        end->received += (unsigned)count;
        if ((size_t)count < length)
            break;
    }
}

static uint64_t end_step(void *context)
{
    struct end *end = context;

    end->steps++;
    while (hv_evtchn_next(end->v->hv) != 0)
        ;
    send_some(end);
    receive_some(end);
    return HV_NEVER; /* each ended with a call that was short, or for good */
}

static void step_in(void *context, struct hv *victim, const void *address, size_t length)
{
    struct stream *stream = context;

    if (unit_random(&stream->random, 256) < stream->interleave)
        (void)end_step(victim == stream->server.v->hv ? &stream->client : &stream->server);
}

/** Run the streams to their ends. @start: where the indices begin. */
static void run(struct pair *pair, uint64_t seed, uint32_t start, unsigned interleave,
                unsigned chunk, uint64_t total)
{
    struct stream stream = {
        .server = {.v = &pair->server, .random = {seed}, .total = total, .chunk = chunk},
        .client = {.v = &pair->client, .random = {seed + 1}, .total = total, .chunk = chunk},
        .interleave = interleave,
        .random = {seed + 2},
    };
    struct pair_head *head = pair_head(pair);

    ck_assert_int_eq(vchan_server_open(&pair->server, pair->server_hv, PAIR_CLIENT,
                                       pair->left_order, pair->right_order, pair->pages),
                     0);
    /* As a server that has served others before leaves it: the client goes on from there. */
    head->left_cons = head->left_prod = head->right_cons = head->right_prod = start;
    pair->server.read.own = pair->server.write.own = start;
    ck_assert_int_eq(vchan_client_open(&pair->client, pair->client_hv, PAIR_SERVER,
                                       pair->server.ring_ref, pair->server.port),
                     0);
    sim_set_actor(pair->server_hv, end_step, &stream.server);
    sim_set_actor(pair->client_hv, end_step, &stream.client);
    sim_set_adversary(pair->sim, step_in, &stream);
    sim_run(pair->sim, HV_NEVER, 10000000);
    sim_set_adversary(pair->sim, NULL, NULL);
    sim_set_actor(pair->server_hv, NULL, NULL);
    sim_set_actor(pair->client_hv, NULL, NULL);
    ck_assert_uint_eq(stream.server.sent, total);
    ck_assert_uint_eq(stream.server.received, total);
    ck_assert_uint_eq(stream.client.sent, total);
    ck_assert_uint_eq(stream.client.received, total);
    ck_assert_uint_eq(head->left_prod, (uint32_t)(start + total));
    ck_assert_uint_eq(head->right_cons, (uint32_t)(start + total));
}

static const unsigned some_orders[] = {10, 11, 12, 13, 16};
#define SOME_ORDERS (sizeof(some_orders) / sizeof(some_orders[0]))

/** Each pair of orders; the loop index names it, and the fault of the events. */
START_TEST(all_order_pairs)
{
    static const struct sim_faults faults[] = {
        {0}, {.delayed_event = 30000}, {.delayed_event = 10000, .spurious = 10000}};
    unsigned left = some_orders[(unsigned)_i / 3 / SOME_ORDERS];
    unsigned right = some_orders[(unsigned)_i / 3 % SOME_ORDERS];

    if (vchan_pages(left, right) == 0)
        return;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct pair pair;
        uint64_t total = 20 * ((UINT64_C(1) << left) + (UINT64_C(1) << right));
        if (total > 400000)
            total = 400000;

        pair_create(&pair, seed, left, right);
        sim_set_faults(pair.sim, &faults[_i % 3]);
        static const uint32_t starts[] = {0, 0xffff0000, 0x7fffff01, 12345};
        static const unsigned interleaves[] = {0, 20, 128, 255};
        run(&pair, seed * 100, starts[seed - 1], interleaves[(unsigned)_i % 4], CHUNK_MAX, total);
        pair_destroy(&pair);
    }
}
END_TEST

/** Many short streams, so that their ends, where one sleeps for good, are met often. */
START_TEST(no_lost_wake_up)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct pair pair;

        pair_create(&pair, seed, 10 + (unsigned)(seed & 1), 11 - (unsigned)(seed & 1));
        run(&pair, seed, (uint32_t)(seed * 0x10001), 40, 1 + (unsigned)seed % 4, 1500);
        pair_destroy(&pair);
    }
}
END_TEST

/** A call that was not short asks for nothing: who does not sleep is not told. */
START_TEST(no_needless_event)
{
    struct pair pair;
    uint8_t data[256] = {0};

    pair_make(&pair, 1, 12, 12);
    ck_assert_int_eq(vchan_write(&pair.client, data, 256), 256); /* the first: it asked at start */
    ck_assert(pair_event(&pair.server));
    for (unsigned i = 0; i < 20; i++) {
        ck_assert_int_eq(vchan_write(&pair.client, data, 256), 256);
        ck_assert_int_eq(vchan_read(&pair.server, data, 256), 256);
        ck_assert(!pair_event(&pair.server));
        ck_assert(!pair_event(&pair.client) || i == 0); /* its bind raises one */
    }
    ck_assert_int_eq(vchan_read(&pair.server, data, 256), 256);
    ck_assert_int_eq(vchan_read(&pair.server, data, 256), 0); /* asks, and is told once */
    ck_assert_int_eq(vchan_write(&pair.client, data, 100), 100);
    ck_assert(pair_event(&pair.server));
    ck_assert_int_eq(vchan_write(&pair.client, data, 100), 100);
    ck_assert(!pair_event(&pair.server));
    ck_assert_int_eq(vchan_readable(&pair.server, 201), 200);
    ck_assert_int_eq(vchan_write(&pair.client, data, 1), 1);
    ck_assert(pair_event(&pair.server));
    ck_assert_int_eq(vchan_state(&pair.server), VCHAN_OPEN); /* asks, too */
    ck_assert_int_eq(vchan_write(&pair.client, data, 1), 1);
    ck_assert(pair_event(&pair.server));

    ck_assert_int_eq(vchan_writable(&pair.client, 4096), 4096 - 202);
    ck_assert_int_eq(vchan_read(&pair.server, data, 1), 1);
    ck_assert(pair_event(&pair.client));
    ck_assert_int_eq(vchan_read(&pair.server, data, 1), 1);
    ck_assert(!pair_event(&pair.client));
    pair_destroy(&pair);
}
END_TEST

START_TEST(largest_rings)
{
    struct pair pair;

    pair_create(&pair, 1, 20, 20);
    run(&pair, 7, 0xfff00001, 0, CHUNK_MAX, 5000000);
    pair_destroy(&pair);
    pair_create(&pair, 1, 11, 20);
    run(&pair, 8, 0, 10, 500, 300000);
    pair_destroy(&pair);
}
END_TEST

TCase *stream_cases(void)
{
    TCase *cases = tcase_create("stream");

    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, all_order_pairs, 0, (int)(3 * SOME_ORDERS * SOME_ORDERS));
    tcase_add_test(cases, no_lost_wake_up);
    tcase_add_test(cases, no_needless_event);
    tcase_add_test(cases, largest_rings);
    return cases;
}
