/* SPDX-License-Identifier: ISC */
/* common/store.h and a XenStore that lies, errs, or says nothing. */
#include "fake_store.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static struct fake fake;

static void setup(void)
{
    fake_create(&fake, UINT32_MAX - 40);
}

static void teardown(void)
{
    fake_destroy(&fake);
}

static struct fate *ask(void)
{
    struct fate *fate = fake_fate(&fake);

    fate->taken = true;
    ck_assert_int_eq(store_read(fake.store, 0, "a", fake_reply, fate), 0);
    ck_assert_uint_eq(fate->told, 0);
    fake_run(&fake, 0);
    return fate;
}

static struct fate *ask_batch(void)
{
    const struct store_change changes[] = {{STORE_WRITE, "a", "1", 1}, {STORE_MKDIR, "b", NULL, 0}};
    struct fate *fate = fake_fate(&fake);

    fate->taken = true;
    ck_assert_int_eq(store_batch(fake.store, changes, 2, fake_reply, fate), 0);
    fake_run(&fake, 0);
    return fate;
}

/* The connection is over: @fate was told, and nobody is taken in any more. */
static void expect_over(const struct fate *fate)
{
    struct fate other = {0};

    if (fate != NULL) {
        ck_assert_uint_eq(fate->told, 1);
        ck_assert_int_eq(fate->error, -EPIPE);
    }
    ck_assert(!store_alive(fake.store));
    ck_assert_int_eq(store_error(fake.store), -EPIPE);
    ck_assert_int_eq(store_read(fake.store, 0, "a", fake_reply, &other), -EPIPE);
    ck_assert_int_eq(store_batch(fake.store, &(struct store_change){STORE_MKDIR, "b", NULL, 0}, 1,
                                 fake_reply, &other),
                     -EPIPE);
    ck_assert_int_eq(fake_watch(&fake, FAKE_WATCHES - 1), -EPIPE);
    ck_assert_int_eq(store_rendezvous(fake.store)
                         ->publish(store_rendezvous(fake.store), "x", 0, 1, 1, NULL, NULL),
                     -EPIPE);
    fake_run(&fake, 100 * SECOND);
    ck_assert_uint_eq(other.told, 0);
}

static struct wire_message take(uint32_t type)
{
    struct wire_message message;

    ck_assert(fake_take(&fake, &message));
    ck_assert_uint_eq(message.type, type);
    return message;
}

/* What is fair, so that the other cases show something. */
START_TEST(test_fair)
{
    struct fate *first = ask(), *second = ask();
    struct wire_message one = take(WIRE_READ), two = take(WIRE_READ);

    ck_assert(one.req_id != two.req_id);
    fake_send(&fake, WIRE_READ, one.req_id, "x", 1);
    ck_assert_str_eq(first->data, "x");
    ck_assert_uint_eq(second->told, 0);
    fake_send(&fake, WIRE_ERROR, two.req_id, "ENOENT", 7);
    ck_assert_int_eq(second->error, -ENOENT);
    ck_assert(store_alive(fake.store));
}
END_TEST

START_TEST(test_wild_indices)
{
    static const uint32_t wild[] = {1025, 4096, 0x7fffffff, 0x80000000, 0xffffffff};
    struct fate *fate = ask();
    struct wire_message message = take(WIRE_READ);
    const uint32_t answer[4] = {WIRE_READ, message.req_id, 0, 0};

    /* What is there would do, were it not for the index. */
    if (_i < 5)
        fake_put(&fake, answer, sizeof(answer));
    if (_i < 5)
        fake.ring->rsp_prod = fake.ring->rsp_cons + wild[_i];
    else
        fake.ring->req_cons = fake.ring->req_prod - wild[_i - 5];
    hv_evtchn_send(fake.xenstore, fake.xenstore_port);
    if (_i >= 5) {
        struct fate *next = fake_fate(&fake);

        next->taken = store_read(fake.store, 0, "a", fake_reply, next) == 0;
    }
    fake_run(&fake, 0);
    expect_over(fate);
}
END_TEST

/* The indices that count are ours: what stands in the page of them is not read again. */
START_TEST(test_our_indices_rewritten)
{
    struct fate *fate = ask();
    struct wire_message message = take(WIRE_READ);
    uint32_t prod = fake.ring->req_prod, cons = fake.ring->rsp_cons;

    fake.ring->req_prod = prod + 77;
    fake.ring->rsp_cons = cons - 99;
    fake_send(&fake, WIRE_READ, message.req_id, "x", 1);
    ck_assert_uint_eq(fate->told, 1);
    ck_assert_int_eq(fate->error, 0);
    ck_assert_uint_eq(fake.ring->rsp_cons, cons + 17);
    (void)ask();
    ck_assert_uint_eq(fake.ring->req_prod, prod + 18);
}
END_TEST

START_TEST(test_answer_to_nothing)
{
    fake_send(&fake, WIRE_READ, 1, "x", 1);
    expect_over(NULL);
}
END_TEST

START_TEST(test_answer_to_something_else)
{
    struct fate *fate = ask();
    struct wire_message message = take(WIRE_READ);

    if (_i == 0)
        fake_send(&fake, WIRE_READ, message.req_id + 1, "x", 1);
    else if (_i == 1)
        fake_send(&fake, WIRE_WRITE, message.req_id, "x", 1);
    else
        fake_send(&fake, 0xffffffff, message.req_id, "x", 1);
    expect_over(fate);
}
END_TEST

/* An answer to a request of which XenStore has seen a part only. */
START_TEST(test_answer_too_early)
{
    static const char value[3000];
    struct fate *fate = fake_fate(&fake);

    fate->taken = true;
    ck_assert_int_eq(store_write(fake.store, 0, "a", value, sizeof(value), fake_reply, fate), 0);
    fake_run(&fake, 0);
    uint32_t id;
    for (unsigned i = 0; i < 4; i++)
        ((uint8_t *)&id)[i] = fake.ring->req[(fake.ring->req_cons + 4 + i) % WIRE_RING_SIZE];
    fake_send(&fake, WIRE_WRITE, id, "OK", 3);
    expect_over(fate);
}
END_TEST

START_TEST(test_oversize)
{
    struct fate *fate = ask();
    struct wire_message message = take(WIRE_READ);
    const uint32_t header[4] = {WIRE_READ, message.req_id, 0, _i == 0 ? 4097 : 0xffffffff};

    fake_put(&fake, header, sizeof(header));
    fake_run(&fake, 0);
    expect_over(fate);
}
END_TEST

START_TEST(test_greatest_message)
{
    static char value[WIRE_PAYLOAD_MAX];
    struct fate *fate = ask(), *less;
    struct wire_message message = take(WIRE_READ);

    memset(value, 'v', sizeof(value));
    fake_send(&fake, WIRE_READ, message.req_id, value, sizeof(value));
    ck_assert_uint_eq(fate->told, 1);
    ck_assert_uint_eq(fate->length, sizeof(value));
    ck_assert_int_eq(memcmp(fate->data, value, sizeof(value)), 0);
    less = ask(); /* nothing of it is behind the next one */
    message = take(WIRE_READ);
    fake_send(&fake, WIRE_READ, message.req_id, "x", 1);
    ck_assert_uint_eq(less->told, 1);
}
END_TEST

START_TEST(test_one_byte_at_a_time)
{
    struct fate *fate = ask();
    struct wire_message message = take(WIRE_READ);
    const uint32_t header[4] = {WIRE_READ, message.req_id, 0, 3};

    for (unsigned i = 0; i < 16; i++) {
        fake_put(&fake, (const uint8_t *)header + i, 1);
        fake_run(&fake, 1000);
    }
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(fate->told, 0);
        fake_put(&fake, &"abc"[i], 1);
        fake_run(&fake, 1000);
    }
    ck_assert_str_eq(fate->data, "abc");
}
END_TEST

START_TEST(test_error_names)
{
    static const struct {
        const char *payload;
        size_t length;
        int error;
    } cases[] = {
        {"EAGAIN", 7, -EAGAIN}, {"EQUOTA", 7, -EINVAL},  {"", 0, -EINVAL},
        {"ENOENT", 6, -ENOENT}, {"ENOENTX", 7, -EINVAL}, {"\0\0\0", 3, -EINVAL},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fate *fate = ask();
        struct wire_message message = take(WIRE_READ);

        fake_send(&fake, WIRE_ERROR, message.req_id, cases[i].payload, cases[i].length);
        ck_assert_uint_eq(fate->told, 1);
        ck_assert_int_eq(fate->error, cases[i].error);
        ck_assert_uint_eq(fate->length, 0);
    }
}
END_TEST

/* No answer at all; a part of one; answers to others only; events only. */
START_TEST(test_silence)
{
    struct fate *fate = ask(), *batch = ask_batch();
    struct wire_message message = take(WIRE_READ);
    const uint32_t header[4] = {WIRE_READ, message.req_id, 0, 3};

    ck_assert_int_eq(fake_watch(&fake, 0), 0);
    if (_i == 1)
        fake_put(&fake, header, 9);
    for (unsigned seconds = 0; seconds < 29; seconds++) {
        if (_i == 2)
            fake_send(&fake, WIRE_WATCH_EVENT, 0, "w\0001", 4);
        fake_run(&fake, SECOND);
        ck_assert_uint_eq(fate->told, 0);
    }
    fake_run(&fake, 2 * SECOND);
    expect_over(fate);
    ck_assert_int_eq(batch->error, -EPIPE);
    ck_assert_uint_eq(fake.watches[0].over, 1);
}
END_TEST

/* Slow, but an answer every 20 s: each has its own time. Nothing is due, and all is quiet. */
START_TEST(test_slow)
{
    struct fate *fates[5];

    for (unsigned i = 0; i < 5; i++)
        fates[i] = ask();
    for (unsigned i = 0; i < 5; i++) {
        struct wire_message message = take(WIRE_READ);

        fake_run(&fake, 20 * SECOND);
        fake_send(&fake, WIRE_READ, message.req_id, "x", 1);
        ck_assert_int_eq(fates[i]->error, 0);
        ck_assert_uint_eq(fates[i]->told, 1);
    }
    fake_run(&fake, 1000 * SECOND);
    ck_assert(store_alive(fake.store));
}
END_TEST

START_TEST(test_ring_error)
{
    struct fate *fate = ask();

    fake.ring->error = 1 + (uint32_t)_i;
    hv_evtchn_send(fake.xenstore, fake.xenstore_port);
    fake_run(&fake, 0);
    expect_over(fate);
}
END_TEST

START_TEST(test_bad_events)
{
    static const struct {
        const char *payload;
        size_t length;
    } bad[] = {{"w", 1},    {"w", 2},   {"w\0001", 3}, {"", 0},
               {"w\0x", 4}, {"w\0", 3}, {"w\0-1", 5},  {"w\00099999999999", 14},
               {"w/x", 3}};

    ck_assert_int_eq(fake_watch(&fake, 0), 0);
    struct wire_message watch = take(WIRE_WATCH);
    ck_assert_str_eq((char *)watch.payload + 2, "1");
    fake_send(&fake, WIRE_WATCH, watch.req_id, "OK", 3);
    fake_send(&fake, WIRE_WATCH_EVENT, 0, "w/x\0001", 6);
    ck_assert_uint_eq(fake.watches[0].fired, 1);
    fake_send(&fake, WIRE_WATCH_EVENT, 0, "w/x\0002", 6);      /* of a watch that may have been */
    fake_send(&fake, WIRE_WATCH_EVENT, 0, "w/x\0001\0001", 8); /* more of a newer version */
    ck_assert_uint_eq(fake.watches[0].fired, 2);
    ck_assert(store_alive(fake.store));
    fake_send(&fake, WIRE_WATCH_EVENT, 0, bad[_i].payload, bad[_i].length);
    ck_assert_uint_eq(fake.watches[0].fired, 2);
    ck_assert_uint_eq(fake.watches[0].over, 1);
    expect_over(NULL);
}
END_TEST

/* What TRANSACTION_START answers is no number: nothing is sent in it. */
START_TEST(test_bad_transaction)
{
    static const char *const numbers[] = {"0", "", "x", "4294967296", "-1"};
    struct fate *batch = ask_batch();
    struct wire_message start = take(WIRE_TRANSACTION_START), next;

    fake_send(&fake, WIRE_TRANSACTION_START, start.req_id, numbers[_i], strlen(numbers[_i]) + 1);
    ck_assert_uint_eq(batch->told, 1);
    ck_assert_int_eq(batch->error, -EIO);
    ck_assert(!fake_take(&fake, &next));
}
END_TEST

/* A change fails: the transaction is ended without effect, whatever that answers. */
START_TEST(test_batch_is_aborted)
{
    struct fate *batch = ask_batch(), *second = ask_batch();
    struct wire_message message = take(WIRE_TRANSACTION_START), next;

    ck_assert(!fake_take(&fake, &next)); /* one after the other */
    fake_send(&fake, WIRE_TRANSACTION_START, message.req_id, "7", 2);
    message = take(WIRE_WRITE);
    ck_assert_uint_eq(message.tx_id, 7);
    next = take(WIRE_MKDIR);
    ck_assert_uint_eq(next.tx_id, 7);
    fake_send(&fake, WIRE_ERROR, message.req_id, "ENOSPC", 7);
    ck_assert(!fake_take(&fake, &message)); /* not before all are answered */
    fake_send(&fake, WIRE_MKDIR, next.req_id, "OK", 3);
    message = take(WIRE_TRANSACTION_END);
    ck_assert_str_eq((char *)message.payload, "F");
    ck_assert_uint_eq(message.tx_id, 7);
    ck_assert_uint_eq(batch->told, 0);
    fake_send(&fake, WIRE_ERROR, message.req_id, "EIO", 4);
    ck_assert_int_eq(batch->error, -ENOSPC);
    ck_assert_uint_eq(second->told, 0);
    take(WIRE_TRANSACTION_START);
}
END_TEST

/* A change is answered by EAGAIN: the batch starts anew, and nothing of the first try counts. */
START_TEST(test_batch_change_is_tried_again)
{
    struct fate *batch = ask_batch();
    struct wire_message message;

    for (unsigned try = 0; try < 2; try++) {
        message = take(WIRE_TRANSACTION_START);
        fake_send(&fake, WIRE_TRANSACTION_START, message.req_id, try == 0 ? "7" : "8", 2);
        message = take(WIRE_WRITE);
        ck_assert_uint_eq(message.tx_id, try == 0 ? 7 : 8);
        if (try == 0)
            fake_send(&fake, WIRE_ERROR, message.req_id, "EAGAIN", 7);
        else
            fake_send(&fake, WIRE_WRITE, message.req_id, "OK", 3);
        message = take(WIRE_MKDIR);
        fake_send(&fake, WIRE_MKDIR, message.req_id, "OK", 3);
        message = take(WIRE_TRANSACTION_END);
        ck_assert_str_eq((char *)message.payload, try == 0 ? "F" : "T");
        ck_assert_uint_eq(batch->told, 0);
        fake_send(&fake, WIRE_TRANSACTION_END, message.req_id, "OK", 3);
    }
    ck_assert_uint_eq(batch->told, 1);
    ck_assert_int_eq(batch->error, 0);
}
END_TEST

/* Bytes without end: a turn of the loop has one. */
static void refill(void *context, struct hv *victim, const void *address, size_t length)
{
    static const uint32_t header[4] = {WIRE_WATCH_EVENT, 0, 0, 4};
    static uint32_t at;
    struct fake *busy = context;

    (void)victim, (void)address, (void)length;
    while (busy->ring->rsp_prod - busy->ring->rsp_cons < WIRE_RING_SIZE) {
        uint32_t offset = at++ % 20;

        busy->ring->rsp[busy->ring->rsp_prod++ % WIRE_RING_SIZE] =
            offset < 16 ? ((const uint8_t *)header)[offset] : (uint8_t) "w\0001"[offset - 16];
    }
}

START_TEST(test_endless_events)
{
    ck_assert_int_eq(fake_watch(&fake, 0), 0);
    fake_run(&fake, 0);
    sim_set_adversary(fake.sim, refill, &fake);
    hv_evtchn_send(fake.xenstore, fake.xenstore_port);
    for (unsigned i = 0; i < 20; i++) {
        unsigned before = fake.watches[0].fired;

        ck_assert_uint_eq(loop_step(&fake.loop), 0);
        ck_assert_uint_gt(fake.watches[0].fired, before);
        ck_assert_uint_le(fake.watches[0].fired - before, 130);
    }
    sim_set_adversary(fake.sim, NULL, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hostile XenStore");
    TCase *cases = tcase_create("hostile XenStore");

    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_fair);
    tcase_add_loop_test(cases, test_wild_indices, 0, 10);
    tcase_add_test(cases, test_our_indices_rewritten);
    tcase_add_test(cases, test_answer_to_nothing);
    tcase_add_loop_test(cases, test_answer_to_something_else, 0, 3);
    tcase_add_test(cases, test_answer_too_early);
    tcase_add_loop_test(cases, test_oversize, 0, 2);
    tcase_add_test(cases, test_greatest_message);
    tcase_add_test(cases, test_one_byte_at_a_time);
    tcase_add_test(cases, test_error_names);
    tcase_add_loop_test(cases, test_silence, 0, 3);
    tcase_add_test(cases, test_slow);
    tcase_add_loop_test(cases, test_ring_error, 0, 3);
    tcase_add_loop_test(cases, test_bad_events, 0, 9);
    tcase_add_loop_test(cases, test_bad_transaction, 0, 5);
    tcase_add_test(cases, test_batch_is_aborted);
    tcase_add_test(cases, test_batch_change_is_tried_again);
    tcase_add_test(cases, test_endless_events);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
