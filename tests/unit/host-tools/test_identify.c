/* SPDX-License-Identifier: ISC */
/** @file Whose vif is it: paths, what is written, watch events and long directories. */
#include "identify.h"
#include "rules_names.h"
#include "store_client.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define U1 "4c7f3a10-5a2c-4ec1-9a43-0123456789ab"

static struct store_client client;
static int server;
static uint32_t next_id;

static void setup(void)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    client = (struct store_client){.fd = fds[0], .timeout_ms = 2000};
    server = fds[1];
    next_id = 1;
}

static void teardown(void)
{
    store_close(&client);
    close(server);
}

static void put(uint32_t type, uint32_t id, const void *body, uint32_t len)
{
    const struct xsd_sockmsg msg = {.type = type, .req_id = id, .len = len};

    ck_assert_int_eq(write(server, &msg, sizeof(msg)), sizeof(msg));
    if (len)
        ck_assert_int_eq(write(server, body, len), (ssize_t)len);
}

/* The answer of the next request, before it is made. */
static void answer(uint32_t type, const char *text)
{
    put(type, next_id++, text, (uint32_t)strlen(text) + (type == XS_READ ? 0 : 1));
}

/* The client's next request; its strings with '|' for each NUL, the last left out. */
static void expect(uint32_t type, const char *text)
{
    char body[XENSTORE_PAYLOAD_MAX + 1];
    struct xsd_sockmsg msg;

    ck_assert_int_eq(read(server, &msg, sizeof(msg)), sizeof(msg));
    ck_assert_int_eq(recv(server, body, msg.len, MSG_WAITALL), (ssize_t)msg.len);
    body[msg.len] = '\0';
    for (uint32_t i = 0; i + 1 < msg.len; i++)
        body[i] = body[i] ? body[i] : '|';
    ck_assert_str_eq(body, text);
    ck_assert_uint_eq(msg.type, type);
}

START_TEST(paths)
{
    static const struct {
        const char *path;
        bool news;
    } all[] = {
        {"/local/domain/5/backend/vif/12/3", true},
        {"/local/domain/5/backend/vif/12/3/state", true},
        {"/local/domain/5/backend/vif/12/3/frontend-id", true},
        {"/local/domain/5/backend/vif/12/3/guest-uuid", false},
        {"/local/domain/5/backend/vif/12/3/guest-name", false},
        {"/local/domain/5/backend/vif/12/3/state/x", false},
        {"/local/domain/5/backend/vif/12", false},
        {"/local/domain/5/backend/vif", false},
        {"/local/domain/5/backend/vif/12/", false},
        {"/local/domain/5/backend/vif/12/3x", false},
        {"/local/domain/5/backend/vif/-1/3", false},
        {"/local/domain/5/backend/vif/99999999999999999999/3", false},
        {"/local/domain/5/backend/vbd/12/3", false},
        {"/local/domain/", false},
        {"@introduceDomain", false},
        {"", false},
    };
    struct identify_vif vif;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        memset(&vif, 0, sizeof(vif));
        ck_assert_msg(identify_path(all[i].path, &vif) == all[i].news, "%s", all[i].path);
        if (all[i].news)
            ck_assert(vif.backend == 5 && vif.guest == 12 && vif.devid == 3);
    }
}
END_TEST

static const struct identify_vif vif = {.backend = 5, .guest = 12, .devid = 3};

#define DIR "/local/domain/5/backend/vif/12/3"

START_TEST(writes)
{
    struct identify_result result;

    answer(XS_READ, "web\t1");
    answer(XS_READ, "/vm/" U1);
    answer(XS_TRANSACTION_START, "8");
    answer(XS_READ, "12");
    answer(XS_ERROR, "ENOENT");
    answer(XS_WRITE, "OK");
    answer(XS_ERROR, "ENOENT");
    answer(XS_WRITE, "OK");
    answer(XS_TRANSACTION_END, "OK");
    ck_assert_int_eq(identify_vif(&client, &vif, &result), 0);
    ck_assert(result.written);
    ck_assert_str_eq(result.name, "web?1");
    ck_assert_str_eq(result.uuid, U1);
    expect(XS_READ, "/local/domain/12/name");
    expect(XS_READ, "/local/domain/12/vm");
    expect(XS_TRANSACTION_START, "");
    expect(XS_READ, DIR "/frontend-id");
    expect(XS_READ, DIR "/guest-name");
    expect(XS_WRITE, DIR "/guest-name|web?1");
    expect(XS_READ, DIR "/guest-uuid");
    expect(XS_WRITE, DIR "/guest-uuid|" U1);
    expect(XS_TRANSACTION_END, "T");
}
END_TEST

/* A directory that is gone must not come back by our writing to it. */
START_TEST(gone_meanwhile)
{
    struct identify_result result;

    answer(XS_READ, "web1");
    answer(XS_READ, "/vm/" U1);
    answer(XS_TRANSACTION_START, "8");
    answer(XS_ERROR, "ENOENT");
    answer(XS_TRANSACTION_END, "OK");
    ck_assert_int_eq(identify_vif(&client, &vif, &result), -ENOENT);
    ck_assert(!result.written);
    expect(XS_READ, "/local/domain/12/name");
    expect(XS_READ, "/local/domain/12/vm");
    expect(XS_TRANSACTION_START, "");
    expect(XS_READ, DIR "/frontend-id");
    expect(XS_TRANSACTION_END, "F");
}
END_TEST

START_TEST(as_it_was)
{
    struct identify_result result;

    answer(XS_READ, "web1");
    answer(XS_READ, "/vm/" U1);
    answer(XS_TRANSACTION_START, "8");
    answer(XS_READ, "12");
    answer(XS_READ, "web1");
    answer(XS_READ, U1);
    answer(XS_TRANSACTION_END, "OK");
    ck_assert_int_eq(identify_vif(&client, &vif, &result), 0);
    ck_assert(!result.written);
}
END_TEST

/* The uuid of nobody, and a directory that is another's. */
START_TEST(nonsense)
{
    struct identify_result result;

    answer(XS_READ, "web1");
    answer(XS_READ, "/vm/" U1 "x");
    ck_assert_int_eq(identify_vif(&client, &vif, &result), -ENOENT);
    answer(XS_READ, "web1");
    answer(XS_READ, "/vm/" U1);
    answer(XS_TRANSACTION_START, "8");
    answer(XS_READ, "13");
    answer(XS_TRANSACTION_END, "OK");
    ck_assert_int_eq(identify_vif(&client, &vif, &result), -EINVAL);
    /* dom0's is known by its domid: nobody is asked. */
    ck_assert_int_eq(identify_vif(&client, &(const struct identify_vif){.backend = 5}, &result), 0);
}
END_TEST

START_TEST(again_after_conflict)
{
    struct identify_result result;

    answer(XS_READ, "web1");
    answer(XS_READ, "/vm/" U1);
    for (int i = 0; i < 2; i++) {
        answer(XS_TRANSACTION_START, "8");
        answer(XS_READ, "12");
        answer(XS_READ, "web1");
        answer(XS_ERROR, "ENOENT");
        answer(XS_WRITE, "OK");
        answer(i ? XS_TRANSACTION_END : XS_ERROR, i ? "OK" : "EAGAIN");
    }
    ck_assert_int_eq(identify_vif(&client, &vif, &result), 0);
    ck_assert(result.written);
}
END_TEST

/* --- events -------------------------------------------------------------------------------------
 */

START_TEST(events_between_answers)
{
    struct store_event event;
    char value[16];

    put(XS_WATCH, 0, "OK", 3); /* as Linux answers */
    next_id++;
    ck_assert_int_eq(store_watch(&client, "/a", "t"), 0);
    expect(XS_WATCH, "/a|t");
    put(XS_UNWATCH, 0, "OK", 3);
    next_id++;
    ck_assert_int_eq(store_unwatch(&client, "/a", "t"), 0);
    expect(XS_UNWATCH, "/a|t");
    put(XS_WATCH_EVENT, 0, "/a\0t", 5);
    put(XS_WATCH_EVENT, 0, "/a/b\0t", 7);
    answer(XS_READ, "x");
    ck_assert_int_eq(store_read(&client, "/a", value, sizeof(value)), 0);
    ck_assert_str_eq(value, "x");
    put(XS_WATCH_EVENT, 0, "/a/c\0t", 7);
    for (char last = 'a'; last <= 'c'; last++) {
        ck_assert_int_eq(store_next_event(&client, 1000, -1, &event), 1);
        ck_assert_int_eq(event.path[strlen(event.path) - 1], last);
        ck_assert_str_eq(event.token, "t");
        store_event_free(&event);
    }
    ck_assert_int_eq(store_next_event(&client, 1, -1, &event), 0);
    ck_assert_int_eq(store_next_event(&client, 5000, server, &event), 0); /* requests wait there */
}
END_TEST

START_TEST(too_many_events)
{
    struct store_event event;
    unsigned count = 0;
    char value[16];

    put(XS_WATCH, next_id++, "OK", 3);
    ck_assert_int_eq(store_watch(&client, "/a", "t"), 0);
    for (unsigned i = 0; i < STORE_EVENTS_MAX + 10; i++) {
        put(XS_WATCH_EVENT, 0, "/a\0t", 5);
        if (i % 64 == 0) { /* have it taken in, before the socket is full */
            answer(XS_READ, "x");
            ck_assert_int_eq(store_read(&client, "/a", value, sizeof(value)), 0);
        }
    }
    answer(XS_READ, "x");
    ck_assert_int_eq(store_read(&client, "/a", value, sizeof(value)), 0);
    ck_assert_int_eq(store_next_event(&client, 0, -1, &event), -ENOBUFS);
    while (store_next_event(&client, 0, -1, &event) == 1) {
        store_event_free(&event);
        count++;
    }
    ck_assert_uint_eq(count, STORE_EVENTS_MAX);
}
END_TEST

START_TEST(broken_events)
{
    struct store_event event;

    put(XS_WATCH, next_id++, "OK", 3);
    ck_assert_int_eq(store_watch(&client, "/a", "t"), 0);
    if (_i == 0)
        put(XS_WATCH_EVENT, 0, "/a", 2); /* no token */
    else if (_i == 1)
        put(XS_WATCH_EVENT, 0, "", 0);
    else
        put(XS_READ, 77, "x", 1); /* nobody asked */
    ck_assert_int_eq(store_next_event(&client, 1000, -1, &event), -EPROTO);
}
END_TEST

/* Who watches nothing gets no events. */
START_TEST(unasked_events)
{
    char value[16];

    put(XS_WATCH_EVENT, 0, "/a\0t", 5);
    ck_assert_int_eq(store_read(&client, "/a", value, sizeof(value)), -EPROTO);
}
END_TEST

START_TEST(directories)
{
    char *list;
    size_t length;

    put(XS_DIRECTORY, next_id++, "1\0002\000", 4);
    ck_assert_int_eq(store_directory(&client, "/d", &list, &length), 0);
    ck_assert_uint_eq(length, 4);
    ck_assert_mem_eq(list, "1\0002\000", 4);
    free(list);
    /* In parts; changed once meanwhile. */
    answer(XS_ERROR, "E2BIG");
    put(XS_DIRECTORY_PART, next_id++, "7\0aa\0", 5);
    put(XS_DIRECTORY_PART, next_id++, "8\0bb\0", 5);
    put(XS_DIRECTORY_PART, next_id++, "8\0aa\0", 5);
    put(XS_DIRECTORY_PART, next_id++, "8\0b\0\0", 5);
    ck_assert_int_eq(store_directory(&client, "/d", &list, &length), 0);
    ck_assert_uint_eq(length, 5);
    ck_assert_mem_eq(list, "aa\0b\0", 5);
    free(list);
    expect(XS_DIRECTORY, "/d");
    expect(XS_DIRECTORY, "/d");
    expect(XS_DIRECTORY_PART, "/d|0");
    expect(XS_DIRECTORY_PART, "/d|3");
    expect(XS_DIRECTORY_PART, "/d|0");
    expect(XS_DIRECTORY_PART, "/d|3");
    /* Lies. */
    put(XS_DIRECTORY, next_id++, "1\0002", 3);
    ck_assert_int_eq(store_directory(&client, "/d", &list, &length), -EPROTO);
    ck_assert_ptr_null(list);
    answer(XS_ERROR, "E2BIG");
    put(XS_DIRECTORY_PART, next_id++, "7", 1);
    ck_assert_int_eq(store_directory(&client, "/d", &list, &length), -EPROTO);
    answer(XS_ERROR, "ENOENT");
    ck_assert_int_eq(store_directory(&client, "/d", &list, &length), -ENOENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identify");
    TCase *tc = tcase_create("identify");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, paths);
    tcase_add_test(tc, writes);
    tcase_add_test(tc, gone_meanwhile);
    tcase_add_test(tc, as_it_was);
    tcase_add_test(tc, nonsense);
    tcase_add_test(tc, again_after_conflict);
    tcase_add_test(tc, events_between_answers);
    tcase_add_test(tc, too_many_events);
    tcase_add_loop_test(tc, broken_events, 0, 3);
    tcase_add_test(tc, unasked_events);
    tcase_add_test(tc, directories);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
