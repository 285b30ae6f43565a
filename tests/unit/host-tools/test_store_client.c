/* SPDX-License-Identifier: ISC */
/** @file The XenStore client: its requests on the wire, and answers that are late or wrong. */
#include "control_service.h"
#include "report.h"
#include "service_nodes.h"
#include "store_client.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct store_client client;
static int server;

static void setup(void)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    client = (struct store_client){.fd = fds[0], .timeout_ms = 2000};
    server = fds[1];
}

static void teardown(void)
{
    store_close(&client);
    close(server);
}

/* Put an answer into the socket before the request is made: the client's next id is known. */
static void answer(uint32_t type, uint32_t id, const void *body, uint32_t len)
{
    const struct xsd_sockmsg msg = {.type = type, .req_id = id, .len = len};

    ck_assert_int_eq(write(server, &msg, sizeof(msg)), sizeof(msg));
    if (len)
        ck_assert_int_eq(write(server, body, len), (ssize_t)len);
}

static void take_request(struct xsd_sockmsg *msg, char *body)
{
    ck_assert_int_eq(read(server, msg, sizeof(*msg)), sizeof(*msg));
    ck_assert_uint_le(msg->len, XENSTORE_PAYLOAD_MAX);
    ck_assert_int_eq(recv(server, body, msg->len, MSG_WAITALL), (ssize_t)msg->len);
}

START_TEST(write_and_read)
{
    char body[XENSTORE_PAYLOAD_MAX], value[8];
    struct xsd_sockmsg msg;

    answer(XS_WRITE, 1, "OK", 3);
    ck_assert_int_eq(store_write(&client, "/a", "xy"), 0);
    take_request(&msg, body);
    ck_assert_uint_eq(msg.type, XS_WRITE);
    ck_assert_uint_eq(msg.tx_id, 0);
    ck_assert_uint_eq(msg.len, 5);
    ck_assert_mem_eq(body, "/a\0xy", 5);

    answer(XS_READ, 2, "xy", 2);
    ck_assert_int_eq(store_read(&client, "/a", value, sizeof(value)), 0);
    ck_assert_str_eq(value, "xy");
    take_request(&msg, body);
    ck_assert_uint_eq(msg.len, 3);

    answer(XS_READ, 3, "12345678", 8);
    ck_assert_int_eq(store_read(&client, "/a", value, sizeof(value)), -ENOBUFS);
}
END_TEST

START_TEST(errors_of_the_store)
{
    answer(XS_ERROR, 1, "EACCES", 7);
    ck_assert_int_eq(store_write(&client, "/a", "x"), -EACCES);
    answer(XS_ERROR, 2, "EPERM", 6);
    ck_assert_int_eq(store_remove(&client, "/a"), -EPERM);
    answer(XS_ERROR, 3, "EQUOTA", 7); /* not in the protocol's table */
    ck_assert_int_eq(store_write(&client, "/a", "x"), -EIO);
    answer(XS_ERROR, 4, "EPERM", 5); /* without its end */
    ck_assert_int_eq(store_write(&client, "/a", "x"), -EIO);
}
END_TEST

START_TEST(too_long)
{
    static char value[XENSTORE_PAYLOAD_MAX + 1];
    char reply[XENSTORE_PAYLOAD_MAX];
    size_t len;

    memset(value, 'v', XENSTORE_PAYLOAD_MAX - 2);
    ck_assert_int_eq(store_write(&client, "/a", value), -E2BIG);
    ck_assert_int_eq(store_request(&client, XS_READ, value, sizeof(value), reply, &len), -E2BIG);
}
END_TEST

START_TEST(no_answer_ends_in_time)
{
    uint64_t start = report_now_ns(), took;

    client.timeout_ms = 100;
    ck_assert_int_eq(store_write(&client, "/a", "x"), -ETIMEDOUT);
    took = report_now_ns() - start;
    ck_assert_uint_ge(took, 100000000u);
    ck_assert_uint_lt(took, 1500000000u);
}
END_TEST

/* A byte now and then must not stretch the limit: it is one for the whole answer. */
START_TEST(trickle_ends_in_time)
{
    const uint64_t start = report_now_ns();
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const struct xsd_sockmsg msg = {.type = XS_WRITE, .req_id = 1, .len = 3};

        for (size_t i = 0; i < sizeof(msg) - 1; i++) {
            if (write(server, (const char *)&msg + i, 1) != 1)
                break;
            usleep(60000);
        }
        _exit(0);
    }
    client.timeout_ms = 200;
    ck_assert_int_eq(store_write(&client, "/a", "x"), -ETIMEDOUT);
    ck_assert_uint_lt(report_now_ns() - start, 700000000u);
    waitpid(child, NULL, 0);
}
END_TEST

START_TEST(lies)
{
    answer(XS_WRITE, 9, "OK", 3); /* another request's id */
    ck_assert_int_eq(store_write(&client, "/a", "x"), -EPROTO);
    teardown();
    setup();
    answer(XS_READ, 1, "OK", 3); /* another type */
    ck_assert_int_eq(store_write(&client, "/a", "x"), -EPROTO);
    teardown();
    setup();
    const struct xsd_sockmsg huge = {.type = XS_WRITE, .req_id = 1, .len = UINT32_MAX};

    ck_assert_int_eq(write(server, &huge, sizeof(huge)), sizeof(huge));
    ck_assert_int_eq(store_write(&client, "/a", "x"), -EPROTO);
    teardown();
    setup();
    ck_assert_int_eq(write(server, &huge, 5), 5); /* gone in the midst */
    shutdown(server, SHUT_WR);
    ck_assert_int_eq(store_write(&client, "/a", "x"), -EPROTO);
}
END_TEST

/* All nodes of a service, its console left to atoll. */
START_TEST(nodes_of_a_service)
{
    static const char *const expected[][2] = {
        {"/local/domain/7/domid", "7"},
        {"/local/domain/7/name", "xenstored"},
        {"/local/domain/7/memory/target", "8192"},
        {"/local/domain/7/memory/static-max", "8192"},
        {"/libxl/7/type", "pvh"},
        {"/local/domain/0/backend/console/7/0/frontend-id", "7"},
        {"/local/domain/0/backend/console/7/0/frontend", "/local/domain/7/console"},
        {"/local/domain/0/backend/console/7/0/online", "1"},
        {"/local/domain/0/backend/console/7/0/state", "1"},
        {"/local/domain/0/backend/console/7/0/protocol", "vt100"},
        {"/local/domain/7/console/backend", "/local/domain/0/backend/console/7/0"},
        {"/local/domain/7/console/backend-id", "0"},
        {"/local/domain/7/console/limit", "1048576"},
        {"/local/domain/7/console/type", "atoll"},
        {"/local/domain/7/console/output", "pty"},
        {"/local/domain/7/console/tty", ""},
        {"/local/domain/7/console/port", "3"},
        {"/local/domain/7/console/ring-ref", "1044479"},
    };
    const size_t count = sizeof(expected) / sizeof(expected[0]);
    const struct service_nodes nodes = {
        .domid = 7, .name = "xenstored", .memory_mb = 8, .console_port = 3, .console_gfn = 0xfefff};
    char body[XENSTORE_PAYLOAD_MAX], path[128];
    struct xsd_sockmsg msg;

    for (uint32_t i = 1; i <= count; i++)
        answer(XS_WRITE, i, "OK", 3);
    ck_assert_int_eq(service_nodes_write(&client, &nodes, path, sizeof(path)), 0);
    for (size_t i = 0; i < count; i++) {
        const size_t path_len = strlen(expected[i][0]) + 1, value_len = strlen(expected[i][1]);

        take_request(&msg, body);
        ck_assert_str_eq(body, expected[i][0]);
        ck_assert_uint_eq(msg.len, path_len + value_len);
        ck_assert_mem_eq(body + path_len, expected[i][1], value_len);
    }

    answer(XS_WRITE, (uint32_t)count + 1, "OK", 3);
    answer(XS_ERROR, (uint32_t)count + 2, "ENOSPC", 7);
    ck_assert_int_eq(service_nodes_write(&client, &nodes, path, sizeof(path)), -ENOSPC);
    ck_assert_str_eq(path, "/local/domain/7/name");
}
END_TEST

/* The next request has this type and these words, each with its NUL. */
static void expect_words(uint32_t type, const char *const words[])
{
    char body[XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg msg;
    size_t at = 0;

    take_request(&msg, body);
    ck_assert_uint_eq(msg.type, type);
    for (size_t i = 0; words[i]; i++) {
        ck_assert_uint_le(at + strlen(words[i]) + 1, msg.len);
        ck_assert_str_eq(body + at, words[i]);
        at += strlen(words[i]) + 1;
    }
    ck_assert_uint_eq(at, msg.len);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(introduction_of_a_service)
{
    const struct service_nodes nodes = {.domid = 7, .store_gfn = 0xfeffe, .store_port = 2};
    char path[128];

    answer(XS_ERROR, 1, "ENOENT", 7);
    answer(XS_MKDIR, 2, "OK", 3);
    answer(XS_SET_PERMS, 3, "OK", 3);
    answer(XS_MKDIR, 4, "OK", 3);
    answer(XS_SET_PERMS, 5, "OK", 3);
    answer(XS_INTRODUCE, 6, "OK", 3);
    ck_assert_int_eq(service_nodes_introduce(&client, &nodes, path, sizeof(path)), 0);
    expect_words(XS_RM, WORDS("/local/domain/7"));
    expect_words(XS_MKDIR, WORDS("/local/domain/7"));
    expect_words(XS_SET_PERMS, WORDS("/local/domain/7", "n0", "r7"));
    expect_words(XS_MKDIR, WORDS("/local/domain/7/data"));
    expect_words(XS_SET_PERMS, WORDS("/local/domain/7/data", "n7"));
    expect_words(XS_INTRODUCE, WORDS("7", "1044478", "2"));
    /* Refused: what was refused is named. */
    for (uint32_t i = 7; i <= 11; i++)
        answer(i == 7 ? XS_RM : i == 8 || i == 10 ? XS_MKDIR : XS_SET_PERMS, i, "OK", 3);
    answer(XS_ERROR, 12, "EINVAL", 7);
    ck_assert_int_eq(service_nodes_introduce(&client, &nodes, path, sizeof(path)), -EINVAL);
    ck_assert_ptr_nonnull(strstr(path, "introduction of domain 7"));
}
END_TEST

START_TEST(removal_of_a_service)
{
    answer(XS_RM, 1, "OK", 3);
    answer(XS_ERROR, 2, "ENOENT", 7);
    answer(XS_RM, 3, "OK", 3);
    ck_assert_int_eq(service_nodes_remove(&client, 7), 0);
    expect_words(XS_RM, WORDS("/local/domain/7"));
    expect_words(XS_RM, WORDS("/libxl/7"));
    expect_words(XS_RM, WORDS("/local/domain/0/backend/console/7"));
    /* An error does not keep the rest from going. */
    answer(XS_ERROR, 4, "EACCES", 7);
    answer(XS_RM, 5, "OK", 3);
    answer(XS_RM, 6, "OK", 3);
    ck_assert_int_eq(service_nodes_remove(&client, 7), -EACCES);
    expect_words(XS_RM, WORDS("/local/domain/7"));
    expect_words(XS_RM, WORDS("/libxl/7"));
    expect_words(XS_RM, WORDS("/local/domain/0/backend/console/7"));
}
END_TEST

#define EVENT_CHANNEL "/local/domain/5/data/vchan/0/control/event-channel"
#define RING_REF      "/local/domain/5/data/vchan/0/control/ring-ref"

static void expect_request(uint32_t type, uint32_t tx, const char *payload)
{
    char body[XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg msg;

    take_request(&msg, body);
    ck_assert_uint_eq(msg.type, type);
    ck_assert_uint_eq(msg.tx_id, tx);
    ck_assert_str_eq(body, payload);
}

/* Both numbers of a ring in one transaction. */
START_TEST(numbers)
{
    struct control_numbers n;

    answer(XS_READ, 1, "3", 1);
    answer(XS_TRANSACTION_START, 2, "77", 3);
    answer(XS_READ, 3, "8", 1);
    answer(XS_READ, 4, "4", 1);
    answer(XS_TRANSACTION_END, 5, "OK", 3);
    ck_assert_int_eq(control_numbers_read(&client, 5, "control", &n), 0);
    ck_assert_uint_eq(n.ring_ref, 8);
    ck_assert_uint_eq(n.port, 4);
    expect_request(XS_READ, 0, EVENT_CHANNEL);
    expect_request(XS_TRANSACTION_START, 0, "");
    expect_request(XS_READ, 77, RING_REF);
    expect_request(XS_READ, 77, EVENT_CHANNEL);
    expect_request(XS_TRANSACTION_END, 77, "F");
    /* Nothing is published: one request, no transaction. */
    answer(XS_ERROR, 6, "ENOENT", 7);
    ck_assert_int_eq(control_numbers_read(&client, 5, "control", &n), -ENOENT);
    expect_request(XS_READ, 0, EVENT_CHANNEL);
}
END_TEST

START_TEST(numbers_fail)
{
    struct control_numbers n;

    /* Withdrawn in between: the transaction is ended all the same, and the next is not in it. */
    answer(XS_READ, 1, "3", 1);
    answer(XS_TRANSACTION_START, 2, "77", 3);
    answer(XS_ERROR, 3, "ENOENT", 7);
    answer(XS_TRANSACTION_END, 4, "OK", 3);
    ck_assert_int_eq(control_numbers_read(&client, 5, "control", &n), -ENOENT);
    ck_assert_uint_eq(client.transaction, 0);
    /* Too many transactions at the moment. */
    answer(XS_READ, 5, "3", 1);
    answer(XS_ERROR, 6, "ENOSPC", 7);
    ck_assert_int_eq(control_numbers_read(&client, 5, "control", &n), -EAGAIN);
    /* No numbers. */
    answer(XS_READ, 7, "-3", 2);
    ck_assert_int_eq(control_numbers_read(&client, 5, "control", &n), -EINVAL);
    answer(XS_READ, 8, "4294967296", 10);
    ck_assert_int_eq(control_numbers_read(&client, 5, "control", &n), -EINVAL);
    answer(XS_READ, 9, "123456789012345678901234567890", 30);
    ck_assert_int_eq(control_numbers_read(&client, 5, "control", &n), -EINVAL);
}
END_TEST

START_TEST(transaction_ids)
{
    answer(XS_TRANSACTION_START, 1, "4294967295", 11);
    ck_assert_int_eq(store_begin(&client), 0);
    ck_assert_uint_eq(client.transaction, UINT32_MAX);
    answer(XS_ERROR, 2, "EAGAIN", 7);
    ck_assert_int_eq(store_end(&client, true), -EAGAIN);
    ck_assert_uint_eq(client.transaction, 0);
    answer(XS_TRANSACTION_START, 3, "0", 2);
    ck_assert_int_eq(store_begin(&client), -EPROTO);
    answer(XS_TRANSACTION_START, 4, "7x", 3);
    ck_assert_int_eq(store_begin(&client), -EPROTO);
    answer(XS_TRANSACTION_START, 5, "7", 1); /* without its end */
    ck_assert_int_eq(store_begin(&client), -EPROTO);
    answer(XS_TRANSACTION_START, 6, "4294967296", 11);
    ck_assert_int_eq(store_begin(&client), -EPROTO);
    answer(XS_TRANSACTION_START, 7, "", 0);
    ck_assert_int_eq(store_begin(&client), -EPROTO);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store client");
    TCase *tc = tcase_create("store client");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, write_and_read);
    tcase_add_test(tc, errors_of_the_store);
    tcase_add_test(tc, too_long);
    tcase_add_test(tc, no_answer_ends_in_time);
    tcase_add_test(tc, trickle_ends_in_time);
    tcase_add_test(tc, lies);
    tcase_add_test(tc, nodes_of_a_service);
    tcase_add_test(tc, introduction_of_a_service);
    tcase_add_test(tc, removal_of_a_service);
    tcase_add_test(tc, numbers);
    tcase_add_test(tc, numbers_fail);
    tcase_add_test(tc, transaction_ids);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
