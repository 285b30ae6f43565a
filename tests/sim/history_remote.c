/* SPDX-License-Identifier: ISC */
/* History as dom0's tools ask for it, over a vchan. */
#include "history_test.h"

#include "remote.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <hv/time.h>

#define OK(call) ck_assert_int_eq((call), 0)

static struct host *host;
static struct remote_client *client;
static struct remote_frame frame;

static void setup(void)
{
    host = host_create(&(struct host_config){.control = true});
    client = remote_open(host);
}

static void teardown(void)
{
    remote_close(client);
    host_pass(host, 5 * HV_SEC);
    host_destroy(host);
}

static uint64_t newest(void)
{
    struct remote_request request;

    remote_begin(client, &request, CONTROL_T_STORE_LOG, CONTROL_REQUEST);
    control_put_number(&request.writer, CONTROL_F_LIMIT, 1);
    remote_send(client, &request);
    ck_assert(remote_take(client, &frame));
    uint64_t number = remote_number(&frame, CONTROL_F_VERSION);
    struct remote_frame end;
    ck_assert(remote_take(client, &end));
    ck_assert_int_eq(end.header.kind, CONTROL_END);
    return number;
}

static void ask_versions(uint16_t type, uint64_t from, uint64_t to, const char *path)
{
    struct remote_request request;

    remote_begin(client, &request, type, CONTROL_REQUEST);
    if (type == CONTROL_T_STORE_DIFF) {
        control_put_number(&request.writer, CONTROL_F_FROM, from);
        control_put_number(&request.writer, CONTROL_F_TO, to);
    } else if (from) {
        control_put_number(&request.writer, CONTROL_F_VERSION, from);
    }
    if (path != NULL)
        control_put_string(&request.writer, CONTROL_F_PATH, path);
    remote_send(client, &request);
}

static void expect_bytes(uint16_t tag, const char *text)
{
    struct control_field field;
    bool found = control_find(&frame.fields, tag, &field);

    ck_assert_int_eq(found, text != NULL);
    if (found) {
        ck_assert_uint_eq(field.length, strlen(text));
        ck_assert(memcmp(field.value, text, field.length) == 0);
    }
}

static void expect_node(const char *path, const char *kind, const char *old_perms,
                        const char *new_perms, const char *old_value, const char *new_value)
{
    ck_assert(remote_take(client, &frame));
    ck_assert_int_eq(frame.header.kind, CONTROL_ITEM);
    expect_bytes(CONTROL_F_PATH, path);
    expect_bytes(CONTROL_F_KIND, kind);
    expect_bytes(CONTROL_F_OLD_PERMS, old_perms);
    expect_bytes(CONTROL_F_NEW_PERMS, new_perms);
    expect_bytes(CONTROL_F_OLD_VALUE, old_value);
    expect_bytes(CONTROL_F_NEW_VALUE, new_value);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_MORE), UINT64_MAX);
}

static void expect_end(void)
{
    ck_assert(remote_take(client, &frame));
    ck_assert_int_eq(frame.header.kind, CONTROL_END);
}

static void expect_error(int number, const char *words)
{
    ck_assert(remote_take(client, &frame));
    ck_assert_int_eq(frame.header.kind, CONTROL_ERROR);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_ERRNO), (uint64_t)number);
    ck_assert_msg(strstr(remote_text(&frame, CONTROL_F_TEXT), words) != NULL, "%s",
                  remote_text(&frame, CONTROL_F_TEXT));
}

START_TEST(diff_show_and_rollback)
{
    uint64_t before, after;

    OK(client_write(host->dom0, 0, "/a/one", "1"));
    OK(client_write(host->dom0, 0, "/a/two", "2"));
    OK(client_write(host->dom0, 0, "/a/three", "3"));
    before = newest();
    ck_assert_str_eq(remote_text(&frame, CONTROL_F_OPERATION), "WRITE");
    ck_assert_str_eq(remote_text(&frame, CONTROL_F_PATH), "/a/three");
    ck_assert_str_eq(remote_text(&frame, CONTROL_F_KIND), "request");
    OK(client_rm(host->dom0, 0, "/a/one"));
    OK(client_write(host->dom0, 0, "/a/two", "22"));
    OK(client_set_perms(host->dom0, 0, "/a/three", "n0|r9"));
    OK(client_mkdir(host->dom0, 0, "/a/four"));
    after = newest();

    ask_versions(CONTROL_T_STORE_DIFF, before, after, NULL);
    expect_node("/a/two", "changed", NULL, NULL, "2", "22");
    expect_node("/a/three", "changed", "n0", "n0,r9!", NULL, NULL);
    expect_node("/a/four", "added", NULL, "n0", NULL, "");
    expect_node("/a/one", "removed", "n0", NULL, "1", NULL);
    expect_end();
    ask_versions(CONTROL_T_STORE_DIFF, after, before, "/a/two");
    expect_node("/a/two", "changed", NULL, NULL, "22", "2");
    expect_end();
    ask_versions(CONTROL_T_STORE_DIFF, after, after, "/");
    expect_end();

    ask_versions(CONTROL_T_STORE_SHOW, before, 0, "/a");
    expect_node("/a", NULL, NULL, "n0", NULL, "");
    expect_node("/a/one", NULL, NULL, "n0", NULL, "1");
    expect_node("/a/two", NULL, NULL, "n0", NULL, "2");
    expect_node("/a/three", NULL, NULL, "n0", NULL, "3");
    expect_end();

    ask_versions(CONTROL_T_STORE_ROLLBACK, before, 0, "/a");
    ck_assert(remote_take(client, &frame));
    ck_assert_int_eq(frame.header.kind, CONTROL_REPLY);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_VERSION), after + 1);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_COUNT), 4);
    ask_versions(CONTROL_T_STORE_DIFF, before, after + 1, "/");
    expect_end();
    ck_assert_str_eq(client_value(host->dom0, 0, "/a/one"), "1");
    OK(client_rm(host->dom0, 0, "/a"));
}
END_TEST

START_TEST(log_of_a_path)
{
    uint32_t tx;
    unsigned seen = 0;

    OK(client_write(host->dom0, 0, "/a/x", "1"));
    OK(client_write(host->dom0, 0, "/b", "1"));
    OK(client_begin(host->dom0, &tx));
    OK(client_write(host->dom0, tx, "/c", "1"));
    OK(client_write(host->dom0, tx, "/a/x", "2"));
    OK(client_end(host->dom0, tx, true));
    OK(client_rm(host->dom0, 0, "/b"));
    OK(client_rm(host->dom0, 0, "/a"));
    ask_versions(CONTROL_T_STORE_LOG, 0, 0, "/a/x");
    for (; remote_take(client, &frame) && frame.header.kind == CONTROL_ITEM; seen++) {
        static const char *const kinds[] = {"request", "transaction", "request"};

        ck_assert_uint_lt(seen, 3);
        ck_assert_str_eq(remote_text(&frame, CONTROL_F_KIND), kinds[seen]);
        ck_assert_uint_eq(remote_number(&frame, CONTROL_F_DOMID), 0);
        if (seen == 1)
            ck_assert_uint_eq(remote_number(&frame, CONTROL_F_COUNT), 2);
    }
    ck_assert_uint_eq(seen, 3);
    ck_assert_int_eq(frame.header.kind, CONTROL_END);
    OK(client_rm(host->dom0, 0, "/c"));
}
END_TEST

/* A node that does not fit into one frame goes on in the next. */
START_TEST(large_nodes_come_in_parts)
{
    struct control_field field;
    size_t old = 0, new = 0;
    uint64_t before;
    unsigned frames = 1;

    OK(client_write_fill(host->dom0, 0, "/long", 'x', 4000));
    before = newest();
    OK(client_write_fill(host->dom0, 0, "/long", 'y', 3900));
    ask_versions(CONTROL_T_STORE_DIFF, before, before + 1, "/");
    for (;; frames++) {
        ck_assert(remote_take(client, &frame));
        expect_bytes(CONTROL_F_PATH, "/long");
        if (control_find(&frame.fields, CONTROL_F_OLD_VALUE, &field))
            old += field.length;
        if (control_find(&frame.fields, CONTROL_F_NEW_VALUE, &field))
            new += field.length;
        if (remote_number(&frame, CONTROL_F_MORE) != 1)
            break;
    }
    ck_assert_uint_eq(old, 4000);
    ck_assert_uint_eq(new, 3900);
    ck_assert_uint_gt(frames, 1);
    expect_end();
    OK(client_rm(host->dom0, 0, "/long"));
}
END_TEST

START_TEST(what_is_not_there)
{
    ask_versions(CONTROL_T_STORE_SHOW, 4711, 0, "/");
    expect_error(ENOENT, "version 4711 is not kept");
    ask_versions(CONTROL_T_STORE_DIFF, 4711, 1, "/");
    expect_error(ENOENT, "version 4711 is not kept");
    ask_versions(CONTROL_T_STORE_ROLLBACK, 4711, 0, "/");
    expect_error(ENOENT, "version 4711 is not kept");
    ask_versions(CONTROL_T_STORE_ROLLBACK, 1, 0, NULL);
    expect_error(EINVAL, "a version and a path");
    ask_versions(CONTROL_T_STORE_SHOW, 1, 0, "/none");
    expect_error(ENOENT, "no such node");
    ask_versions(CONTROL_T_STORE_SHOW, 1, 0, "not/absolute");
    expect_error(EINVAL, "absolute path");
    ask_versions(CONTROL_T_STORE_SHOW, 1, 0, "@releaseDomain");
    expect_error(EINVAL, "absolute path");
}
END_TEST

/* A client that goes away while it reads leaves nothing behind (teardown looks). */
START_TEST(stream_of_a_client_that_dies)
{
    char path[32];

    for (unsigned i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "/n%u", i);
        OK(client_write_fill(host->dom0, 0, path, 'x', 900));
    }
    ask_versions(CONTROL_T_STORE_SHOW, 0, 0, "/");
    ck_assert(remote_take(client, &frame));
    remote_kill(client);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "/n%u", i);
        OK(client_rm(host->dom0, 0, path));
    }
    client = remote_open(host);
}
END_TEST

TCase *history_remote(void)
{
    TCase *cases = tcase_create("remote");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, diff_show_and_rollback);
    tcase_add_test(cases, log_of_a_path);
    tcase_add_test(cases, large_nodes_come_in_parts);
    tcase_add_test(cases, what_is_not_there);
    tcase_add_test(cases, stream_of_a_client_that_dies);
    return cases;
}
