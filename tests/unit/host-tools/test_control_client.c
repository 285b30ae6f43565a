/* SPDX-License-Identifier: ISC */
/** @file The control client against a service that answers, hangs, lies, refuses and dies. */
#include "control_client.h"
#include "fake_service.h"
#include "interrupt.h"
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static struct report report;
static char *said;
static size_t said_len;
static FILE *out;
static struct control_client *client;

static uint64_t elapsed(void)
{
    return sim_now(fake.sim) - fake.start;
}

static void begin(fake_frame_fn *frame)
{
    out = open_memstream(&said, &said_len);
    report_init(&report, "stats", out, 0);
    fake_begin(frame);
}

static int connect_within(int timeout_ms)
{
    return control_client_open_domain(&report, "fake", FAKE_DOMID, timeout_ms, &client);
}

static void connect_now(void)
{
    ck_assert_int_eq(connect_within(CONTROL_TIMEOUT_MS), 0);
}

/* What was reported: one line that no terminal obeys, or nothing. */
static void end(const char *expected)
{
    control_client_close(client);
    client = NULL;
    fake_end();
    fclose(out);
    for (size_t i = 0; i < said_len; i++)
        ck_assert_msg((said[i] >= ' ' && said[i] <= '~') || i + 1 == said_len, "said: %s", said);
    if (expected)
        ck_assert_msg(strstr(said, expected) != NULL, "said: %s", said);
    else
        ck_assert_str_eq(said, "");
    free(said);
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void good(struct fake *f, const struct control_header *header,
                 const struct control_reader *fields)
{
    struct control_header other = *header;
    struct control_writer *w;

    if (header->kind == CONTROL_CANCEL) {
        fake_answer(header, CONTROL_END);
        fake_send();
        return;
    }
    /* What the client did not ask for, and what only a newer version knows. */
    other.id += 7;
    fake_answer(&other, CONTROL_REPLY);
    fake_send();
    fake_answer(header, (enum control_kind)99);
    fake_send();
    if (header->type == CONTROL_T_STATUS) {
        w = fake_answer(header, CONTROL_REPLY);
        control_put_number(w, CONTROL_F_UPTIME, 77);
        fake_send();
        return;
    }
    for (unsigned i = 0; i < 300; i++) {
        w = fake_answer(header, CONTROL_ITEM);
        control_put_number(w, CONTROL_F_SEQUENCE, i);
        control_put_format(w, CONTROL_F_TEXT, "%0*u", 3 * (int)i, i);
        fake_send();
    }
    if (control_number(fields, CONTROL_F_FOLLOW, 0))
        return;
    fake_answer(header, CONTROL_END);
    fake_send();
}

static void check_status(void)
{
    struct control_answer answer;

    ck_assert_int_eq(control_client_call(client, CONTROL_T_STATUS, &answer), 0);
    ck_assert_uint_eq(control_number(&answer.fields, CONTROL_F_UPTIME, 0), 77);
}

static void check_stream(bool to_its_end)
{
    struct control_answer answer;

    for (unsigned i = 0; i < 300; i++) {
        ck_assert_int_eq(control_client_next(client, 1000, &answer), 0);
        ck_assert_int_eq(answer.kind, CONTROL_ITEM);
        ck_assert_uint_eq(control_number(&answer.fields, CONTROL_F_SEQUENCE, 999), i);
    }
    if (!to_its_end)
        return;
    ck_assert_int_eq(control_client_next(client, 1000, &answer), 0);
    ck_assert_int_eq(answer.kind, CONTROL_END);
}

START_TEST(asks)
{
    begin(good);
    connect_now();
    ck_assert_str_eq(control_client_peer(client)->service, "fa?ke");
    ck_assert_str_eq(control_client_peer(client)->version, "1.2");
    ck_assert_uint_eq(control_client_peer(client)->domid, FAKE_DOMID);
    ck_assert(control_client_knows(client, CONTROL_T_STATUS));
    ck_assert(!control_client_knows(client, CONTROL_T_STOP));
    check_status();
    control_client_begin(client, CONTROL_T_LOGS);
    ck_assert_int_eq(control_client_send(client), 0);
    check_stream(true);
    check_status();
    end(NULL);
}
END_TEST

/* However the bytes are cut: each frame is put together. */
START_TEST(pieces)
{
    begin(good);
    fake.piece = 1 + (size_t)_i;
    connect_now();
    check_status();
    control_client_begin(client, CONTROL_T_LOGS);
    ck_assert_int_eq(control_client_send(client), 0);
    check_stream(true);
    end(NULL);
}
END_TEST

START_TEST(cancel)
{
    begin(good);
    connect_now();
    control_put_number(control_client_begin(client, CONTROL_T_LOGS), CONTROL_F_FOLLOW, 1);
    ck_assert_int_eq(control_client_send(client), 0);
    check_stream(false);
    control_client_cancel(client);
    check_status();
    /* In the midst, with items on their way. */
    control_put_number(control_client_begin(client, CONTROL_T_LOGS), CONTROL_F_FOLLOW, 1);
    ck_assert_int_eq(control_client_send(client), 0);
    control_client_cancel(client);
    ck_assert_uint_eq(fake.out_len, 0);
    check_status();
    end(NULL);
}
END_TEST

/* --- finding it --------------------------------------------------------------------------------
 */

/* All rings are in use for a while. */
START_TEST(waits_for_a_ring)
{
    begin(good);
    fake.publish_at = fake.start + 3 * SECOND;
    connect_now();
    ck_assert_uint_ge(elapsed(), 3 * SECOND);
    ck_assert_uint_lt(elapsed(), 3 * SECOND + SECOND / 5);
    ck_assert_uint_lt(fake.asked, 80);
    check_status();
    end(NULL);
}
END_TEST

START_TEST(no_ring_in_time)
{
    begin(good);
    fake.publish_at = HV_NEVER;
    ck_assert_int_eq(connect_within(2000), ATOLL_NO_ANSWER);
    ck_assert_uint_ge(elapsed(), 2 * SECOND);
    ck_assert_uint_lt(elapsed(), 2 * SECOND + SECOND / 10);
    end("fake (domain 5) has offered no connection within 2.0 s (nothing published)");
}
END_TEST

/* Another client was faster: the port is bound already. */
START_TEST(others_are_faster)
{
    begin(good);
    fake.wrong_numbers = 20;
    connect_now();
    ck_assert_uint_eq(fake.connections, 1);
    check_status();
    end(NULL);
}
END_TEST

/* What is published stays taken: the reason is told. */
START_TEST(taken_and_published)
{
    struct control_client *first;

    begin(good);
    connect_now();
    first = client;
    fake.publish_taken = true;
    ck_assert_int_eq(connect_within(500), ATOLL_NO_ANSWER);
    client = first;
    end("no connection within 0.5 s (Invalid argument)");
}
END_TEST

/* Others are before us, and one after the other connects: longer than we would wait for any. */
START_TEST(waits_its_turn)
{
    begin(good);
    fake.queue_until = fake.start + 8 * SECOND;
    fake.queue_pace = SECOND;
    ck_assert_int_eq(connect_within(2000), 0);
    ck_assert_uint_ge(elapsed(), 8 * SECOND);
    ck_assert_uint_lt(elapsed(), 8 * SECOND + SECOND / 2);
    ck_assert_uint_le(fake.asked, 2);
    check_status();
    end(NULL);
}
END_TEST

/* Who has the turn was stopped: a courtesy is no reason to fail. */
START_TEST(turn_is_not_given)
{
    begin(good);
    fake.queue_until = HV_NEVER;
    ck_assert_int_eq(connect_within(2000), 0);
    ck_assert_uint_ge(elapsed(), SECOND - SECOND / 100);
    ck_assert_uint_lt(elapsed(), SECOND + SECOND / 2);
    check_status();
    end(NULL);
}
END_TEST

/* Others connect for ever and we do not: that has an end, too. */
START_TEST(turn_never_comes)
{
    begin(good);
    fake.queue_until = HV_NEVER;
    fake.queue_pace = SECOND / 4;
    fake.publish_at = HV_NEVER;
    ck_assert_int_eq(connect_within(2000), ATOLL_NO_ANSWER);
    ck_assert_uint_lt(elapsed(), 25 * SECOND);
    end("has offered no connection");
}
END_TEST

START_TEST(store_is_dead)
{
    begin(good);
    fake.numbers_error = -ETIMEDOUT;
    ck_assert_int_eq(connect_within(5000), ATOLL_NO_ANSWER);
    ck_assert_uint_lt(elapsed(), 6 * SECOND);
    end("XenStore does not answer");
}
END_TEST

START_TEST(store_is_missing)
{
    static const struct {
        int error, code;
        const char *words;
    } cases[] = {
        {-ENODEV, ATOLL_NO_XEN, "/dev/xen/xenbus"},
        {-EACCES, ATOLL_NO_RIGHTS, "run it as root"},
    };

    begin(good);
    fake.numbers_error = cases[_i].error;
    ck_assert_int_eq(connect_within(5000), cases[_i].code);
    ck_assert_uint_lt(elapsed(), SECOND);
    end(cases[_i].words);
}
END_TEST

START_TEST(domain_has_ended)
{
    begin(good);
    fake.publish_at = HV_NEVER;
    fake.end = "crashed";
    ck_assert_int_eq(connect_within(5000), ATOLL_NOT_RUNNING);
    end("fake (domain 5) crashed");
}
END_TEST

START_TEST(hung_up_for_ever)
{
    begin(good);
    fake.hang_up = UINT32_MAX;
    ck_assert_int_eq(connect_within(10000), ATOLL_FAILURE);
    ck_assert_uint_eq(fake.connections, 5);
    end("has closed the connection");
}
END_TEST

START_TEST(hung_up_at_hello)
{
    begin(good);
    fake.hang_up = 3;
    connect_now();
    ck_assert_uint_eq(fake.connections, 4);
    check_status();
    end(NULL);
}
END_TEST

/* --- trouble ------------------------------------------------------------------------------------
 */

static void hangs(struct fake *f, const struct control_header *header,
                  const struct control_reader *fields)
{
}

START_TEST(hangs_at_hello)
{
    begin(hangs);
    fake.no_hello = true;
    ck_assert_int_eq(connect_within(4000), ATOLL_NO_ANSWER);
    ck_assert_uint_lt(elapsed(), 5 * SECOND);
    end("has not answered within 4.0 s");
}
END_TEST

START_TEST(hangs_later)
{
    struct control_answer answer;

    begin(hangs);
    connect_now();
    ck_assert_int_eq(control_client_call(client, CONTROL_T_STATUS, &answer), ATOLL_NO_ANSWER);
    ck_assert_uint_lt(elapsed(), 11 * SECOND);
    end("has not answered within 10.0 s");
}
END_TEST

/* It does not read either: a request that does not fit into the ring must not wait for ever. */
START_TEST(does_not_read)
{
    static char data[20000];
    int rc;

    begin(hangs);
    connect_now();
    sim_set_actor(fake.service_hv, NULL, NULL);
    control_client_begin(client, CONTROL_T_STORE_LOAD);
    rc = control_client_send(client);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(control_client_upload(client, data, sizeof(data)), ATOLL_NO_ANSWER);
    ck_assert_uint_lt(elapsed(), 12 * SECOND);
    end("has not answered");
}
END_TEST

static void refuses(struct fake *f, const struct control_header *header,
                    const struct control_reader *fields)
{
    struct control_writer *w = fake_answer(header, CONTROL_ERROR);

    if (header->type == CONTROL_T_STATUS) {
        control_put_number(w, CONTROL_F_ERRNO, EBUSY);
        control_put_string(w, CONTROL_F_TEXT, "\033]0;pwned\007 no\nroom\xff");
    } else {
        control_put_number(w, CONTROL_F_ERRNO, header->type == CONTROL_T_LOGS ? ENOSYS : EINVAL);
    }
    fake_send();
}

START_TEST(refused)
{
    struct control_answer answer;

    begin(refuses);
    connect_now();
    ck_assert_int_eq(control_client_call(client, CONTROL_T_STATUS, &answer), ATOLL_REFUSED);
    end("atoll: stats: fake refused: \\x1b]0;pwned\\x07 no\\x0aroom\\xff\n");

    begin(refuses);
    connect_now();
    ck_assert_int_eq(control_client_call(client, CONTROL_T_LOGS, &answer), ATOLL_UNSUPPORTED);
    end("does not know this request\n");

    /* It has said in HELLO that it does not. */
    begin(refuses);
    connect_now();
    ck_assert_int_eq(control_client_call(client, CONTROL_T_STOP, &answer), ATOLL_UNSUPPORTED);
    end("does not know this request");
}
END_TEST

/* Frames that break the protocol, after HELLO. */
static void lies(struct fake *f, const struct control_header *header,
                 const struct control_reader *fields)
{
    static const uint8_t huge[12] = {0xff, 0xff, 0xff, 0xff, 2, 0, 2, 0, 2};
    static const uint8_t small[12] = {11, 0, 0, 0, 2, 0, 2, 0, 2};
    static const uint8_t field[16] = {16, 0, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 8, 0, 100, 0};
    static const uint8_t *const all[] = {huge, small, field};
    static const size_t sizes[] = {sizeof(huge), sizeof(small), sizeof(field)};

    fake_write(all[f->wrong_numbers], sizes[f->wrong_numbers]);
    f->wrong_numbers = 0;
}

START_TEST(lying_frames)
{
    struct control_answer answer;

    begin(lies);
    connect_now();
    fake.wrong_numbers = (unsigned)_i;
    ck_assert_int_eq(control_client_call(client, CONTROL_T_STATUS, &answer), ATOLL_FAILURE);
    ck_assert_int_eq(control_client_call(client, CONTROL_T_STATUS, &answer), ATOLL_FAILURE);
    control_client_close(client);
    client = NULL;
    fake_end();
    fclose(out);
    ck_assert_ptr_nonnull(strstr(said, "breaks the control protocol"));
    free(said);
}
END_TEST

static void lies_of_its_index(struct fake *f, const struct control_header *header,
                              const struct control_reader *fields)
{
    *f->v.write.prod += 100000;
    hv_evtchn_send(f->service_hv, f->v.port);
}

START_TEST(lying_index)
{
    struct control_answer answer;

    begin(lies_of_its_index);
    connect_now();
    ck_assert_int_eq(control_client_call(client, CONTROL_T_STATUS, &answer), ATOLL_FAILURE);
    end("breaks the control protocol");
}
END_TEST

static void item_for_a_reply(struct fake *f, const struct control_header *header,
                             const struct control_reader *fields)
{
    fake_answer(header, CONTROL_ITEM);
    fake_send();
}

START_TEST(wrong_kind)
{
    struct control_answer answer;

    begin(item_for_a_reply);
    connect_now();
    ck_assert_int_eq(control_client_call(client, CONTROL_T_STATUS, &answer), ATOLL_FAILURE);
    end("breaks the control protocol");

    begin(item_for_a_reply);
    fake.no_hello = true;
    ck_assert_int_eq(connect_within(1000), ATOLL_FAILURE);
    end("breaks the control protocol");
}
END_TEST

/* Its domain crashes and stays: nobody raises an event, and the vchan looks as if all were well. */
static void crashes(struct fake *f, const struct control_header *header,
                    const struct control_reader *fields)
{
    fake_answer(header, CONTROL_ITEM);
    fake_send();
    f->end = "crashed";
}

START_TEST(crashes_midway)
{
    struct control_answer answer;
    uint64_t start;

    begin(crashes);
    connect_now();
    control_client_begin(client, CONTROL_T_LOGS);
    ck_assert_int_eq(control_client_send(client), 0);
    ck_assert_int_eq(control_client_next(client, -1, &answer), 0);
    start = elapsed();
    ck_assert_int_eq(control_client_next(client, -1, &answer), ATOLL_NOT_RUNNING);
    ck_assert_uint_lt(elapsed() - start, 3 * SECOND);
    end("fake (domain 5) crashed before it had answered");
}
END_TEST

/* Its domain is destroyed: the port's other end is gone. */
START_TEST(destroyed_midway)
{
    struct control_answer answer;
    struct sim_usage usage;

    begin(hangs);
    connect_now();
    control_client_begin(client, CONTROL_T_LOGS);
    ck_assert_int_eq(control_client_send(client), 0);
    sim_domain_destroy(fake.service_hv);
    ck_assert_int_eq(control_client_next(client, -1, &answer), ATOLL_FAILURE);
    ck_assert_uint_lt(elapsed(), 4 * SECOND);
    control_client_close(client);
    sim_usage(fake.client_hv, &usage);
    ck_assert_uint_eq(usage.ports + usage.mappings, 0);
    sim_destroy(fake.sim);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(said, "has closed the connection"));
    free(said);
}
END_TEST

static void hangs_up(struct fake *f, const struct control_header *header,
                     const struct control_reader *fields)
{
    fake_hang_up();
}

START_TEST(closed_midway)
{
    struct control_answer answer;

    begin(hangs_up);
    connect_now();
    ck_assert_int_eq(control_client_call(client, CONTROL_T_STATUS, &answer), ATOLL_FAILURE);
    end("has closed the connection");
}
END_TEST

/* --- interrupts ---------------------------------------------------------------------------------
 */

static void interrupts(struct fake *f, const struct control_header *header,
                       const struct control_reader *fields)
{
    if (header->kind == CONTROL_CANCEL) {
        fake_answer(header, CONTROL_END);
        fake_send();
    } else {
        raise(SIGTERM);
    }
}

static void interrupts_and_hangs(struct fake *f, const struct control_header *header,
                                 const struct control_reader *fields)
{
    if (header->kind != CONTROL_CANCEL)
        raise(SIGINT);
}

START_TEST(interrupted)
{
    struct control_answer answer;

    begin(interrupts);
    connect_now();
    control_client_begin(client, CONTROL_T_LOGS);
    ck_assert_int_eq(control_client_send(client), 0);
    ck_assert_int_eq(control_client_next(client, -1, &answer), ATOLL_INTERRUPTED);
    ck_assert_uint_lt(elapsed(), 3 * SECOND);
    control_client_cancel(client);
    end(NULL);
}
END_TEST

START_TEST(interrupted_and_not_let_go)
{
    struct control_answer answer;
    uint64_t start;

    begin(interrupts_and_hangs);
    connect_now();
    control_client_begin(client, CONTROL_T_LOGS);
    ck_assert_int_eq(control_client_send(client), 0);
    ck_assert_int_eq(control_client_next(client, -1, &answer), ATOLL_INTERRUPTED);
    start = elapsed();
    control_client_cancel(client);
    ck_assert_uint_ge(elapsed() - start, 2 * SECOND);
    ck_assert_uint_lt(elapsed() - start, 3 * SECOND);
    end(NULL);
}
END_TEST

START_TEST(interrupted_while_connecting)
{
    begin(good);
    fake.publish_at = HV_NEVER;
    interrupt_install();
    raise(SIGINT);
    ck_assert_int_eq(connect_within(10000), ATOLL_INTERRUPTED);
    ck_assert_uint_lt(elapsed(), SECOND);
    end(NULL);
}
END_TEST

/* --- uploads ------------------------------------------------------------------------------------
 */

static void takes_upload(struct fake *f, const struct control_header *header,
                         const struct control_reader *fields)
{
    struct control_field data;
    struct control_writer *w;

    switch (header->kind) {
    case CONTROL_REQUEST:
        f->upload = malloc(FAKE_QUEUE);
        break;
    case CONTROL_DATA:
        ck_assert(control_find(fields, CONTROL_F_DATA, &data));
        ck_assert_uint_le(f->upload_len + data.length, FAKE_QUEUE);
        memcpy(f->upload + f->upload_len, data.value, data.length);
        f->upload_len += data.length;
        fake_answer(header, CONTROL_ITEM); /* how far it is; nobody needs it */
        fake_send();
        break;
    default:
        w = fake_answer(header, CONTROL_REPLY);
        control_put_number(w, CONTROL_F_COUNT, f->upload_len);
        fake_send();
    }
}

START_TEST(upload)
{
    static uint8_t data[500000];
    struct control_answer answer;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    begin(takes_upload);
    connect_now();
    control_client_begin(client, CONTROL_T_STORE_LOAD);
    ck_assert_int_eq(control_client_send(client), 0);
    ck_assert_int_eq(control_client_upload(client, data, 1), 0);
    ck_assert_int_eq(control_client_upload(client, data + 1, 0), 0);
    ck_assert_int_eq(control_client_upload(client, data + 1, sizeof(data) - 1), 0);
    ck_assert_int_eq(control_client_upload_end(client), 0);
    do {
        ck_assert_int_eq(control_client_next(client, 1000, &answer), 0);
    } while (answer.kind == CONTROL_ITEM);
    ck_assert_int_eq(answer.kind, CONTROL_REPLY);
    ck_assert_uint_eq(control_number(&answer.fields, CONTROL_F_COUNT, 0), sizeof(data));
    ck_assert_uint_eq(fake.upload_len, sizeof(data));
    ck_assert_mem_eq(fake.upload, data, sizeof(data));
    end(NULL);
}
END_TEST

static void refuses_upload(struct fake *f, const struct control_header *header,
                           const struct control_reader *fields)
{
    struct control_writer *w;

    if (header->kind != CONTROL_DATA || f->upload_len++ != 3)
        return;
    w = fake_answer(header, CONTROL_ERROR);
    control_put_number(w, CONTROL_F_ERRNO, EINVAL);
    control_put_string(w, CONTROL_F_TEXT, "record 3 is damaged");
    fake_send();
}

START_TEST(upload_refused_midway)
{
    static uint8_t data[500000];

    begin(refuses_upload);
    connect_now();
    control_client_begin(client, CONTROL_T_STORE_LOAD);
    ck_assert_int_eq(control_client_send(client), 0);
    ck_assert_int_eq(control_client_upload(client, data, sizeof(data)), ATOLL_REFUSED);
    ck_assert_uint_lt(fake.upload_len, 20);
    end("record 3 is damaged");
}
END_TEST

static void replies_early(struct fake *f, const struct control_header *header,
                          const struct control_reader *fields)
{
    fake_answer(header, CONTROL_REPLY);
    fake_send();
}

START_TEST(upload_answered_early)
{
    static uint8_t data[100000];

    begin(replies_early);
    connect_now();
    control_client_begin(client, CONTROL_T_STORE_LOAD);
    ck_assert_int_eq(control_client_send(client), 0);
    ck_assert_int_eq(control_client_upload(client, data, sizeof(data)), ATOLL_FAILURE);
    end("breaks the control protocol");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("control_client");
    TCase *tc = tcase_create("control_client");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, asks);
    tcase_add_loop_test(tc, pieces, 0, 14);
    tcase_add_test(tc, cancel);
    tcase_add_test(tc, waits_for_a_ring);
    tcase_add_test(tc, no_ring_in_time);
    tcase_add_test(tc, others_are_faster);
    tcase_add_test(tc, taken_and_published);
    tcase_add_test(tc, waits_its_turn);
    tcase_add_test(tc, turn_is_not_given);
    tcase_add_test(tc, turn_never_comes);
    tcase_add_test(tc, store_is_dead);
    tcase_add_loop_test(tc, store_is_missing, 0, 2);
    tcase_add_test(tc, domain_has_ended);
    tcase_add_test(tc, hung_up_at_hello);
    tcase_add_test(tc, hung_up_for_ever);
    tcase_add_test(tc, hangs_at_hello);
    tcase_add_test(tc, hangs_later);
    tcase_add_test(tc, does_not_read);
    tcase_add_test(tc, refused);
    tcase_add_loop_test(tc, lying_frames, 0, 3);
    tcase_add_test(tc, lying_index);
    tcase_add_test(tc, wrong_kind);
    tcase_add_test(tc, crashes_midway);
    tcase_add_test(tc, destroyed_midway);
    tcase_add_test(tc, closed_midway);
    tcase_add_test(tc, interrupted);
    tcase_add_test(tc, interrupted_and_not_let_go);
    tcase_add_test(tc, interrupted_while_connecting);
    tcase_add_test(tc, upload);
    tcase_add_test(tc, upload_refused_midway);
    tcase_add_test(tc, upload_answered_early);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
