/* SPDX-License-Identifier: ISC */
/* Statistics add up to what clients did, quotas that are set take effect. */
#include "control_suite.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Begin a request that may be about a domain. */
static void begin(struct remote_client *client, struct remote_request *request, uint16_t type,
                  int domid)
{
    remote_begin(client, request, type, CONTROL_REQUEST);
    if (domid >= 0)
        control_put_number(&request->writer, CONTROL_F_DOMID, (uint64_t)domid);
}

/* --- statistics ---------------------------------------------------------------------------------
 */

/* The item of STORE_STATS for @domid; how many items there were. */
static unsigned find_domain(struct remote_client *client, unsigned domid,
                            struct remote_frame *found)
{
    struct remote_frame frame;
    unsigned items = 0;

    ck_assert_int_eq(remote_call(client, CONTROL_T_STORE_STATS, &frame), 0);
    for (; frame.header.kind == CONTROL_ITEM; items++) {
        if (remote_number(&frame, CONTROL_F_DOMID) == domid) {
            *found = frame;
            control_read(&found->fields, found->data, frame.header.length);
        }
        ck_assert(remote_take(client, &frame));
    }
    ck_assert_int_eq(frame.header.kind, CONTROL_END);
    return items;
}

/* The QUOTA group called @name of an item. */
static struct control_reader find_quota(const struct remote_frame *item, const char *name)
{
    struct control_reader fields = item->fields, group;
    struct control_field field;
    char text[32];

    while (control_next(&fields, &field)) {
        if (field.tag != CONTROL_F_QUOTA)
            continue;
        control_read_group(&group, &field);
        if (control_string(&group, CONTROL_F_NAME, text, sizeof(text)) && !strcmp(text, name))
            return group;
    }
    ck_abort_msg("no quota %s", name);
}

START_TEST(statistics_add_up)
{
    struct host *host = control_start();
    struct client *guest = host_guest(host, 5);
    struct remote_client *client = remote_open(host);
    struct control_reader quota;
    struct remote_frame item;
    uint64_t requests = remote_statistic(client, "store_requests", NULL);
    uint32_t tx;

    ck_assert_int_eq(client_mkdir(host->dom0, 0, "/local/domain/5"), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, "/local/domain/5", "n5"), 0);
    ck_assert_int_eq(client_write(host->dom0, 0, "/local/domain/5/name", "web"), 0);
    ck_assert_int_eq(client_watch(guest, "data", "token"), 0);
    for (unsigned i = 0; i < 7; i++) {
        char path[16];

        snprintf(path, sizeof(path), "data/%u", i);
        ck_assert_int_eq(client_write(guest, 0, path, "x"), 0);
    }
    ck_assert_int_eq(client_write_fill(guest, 0, "data/large", 'x', 2049), ENOSPC);
    ck_assert_int_eq(client_begin(guest, &tx), 0);
    requests += 3 + 1 + 7 + 1 + 1;
    ck_assert_uint_eq(remote_statistic(client, "store_requests", NULL), requests);
    ck_assert_uint_eq(remote_statistic(client, "domain_requests", "5"), 10);
    ck_assert_uint_eq(remote_statistic(client, "domain_nodes", "5"), 10);
    ck_assert_uint_eq(remote_statistic(client, "domain_events", "5"), 8);
    ck_assert_uint_eq(remote_statistic(client, "domain_transactions", "5"), 1);
    ck_assert_uint_eq(remote_statistic(client, "domain_refused", "5"), 1);
    ck_assert_uint_eq(remote_statistic(client, "store_refused", "node-size"), 1);
    ck_assert_uint_eq(remote_statistic(client, "store_domains", NULL), 3);
    ck_assert_uint_eq(remote_statistic(client, "store_connections", NULL), 2);

    ck_assert_uint_eq(find_domain(client, 5, &item), 3);
    ck_assert_str_eq(remote_text(&item, CONTROL_F_NAME), "web");
    ck_assert_uint_eq(remote_number(&item, CONTROL_F_REQUESTS), 10);
    ck_assert_uint_eq(remote_number(&item, CONTROL_F_EVENTS), 8);
    ck_assert_uint_eq(remote_number(&item, CONTROL_F_WATCHES), 1);
    ck_assert_uint_eq(remote_number(&item, CONTROL_F_NODES), 10);
    quota = find_quota(&item, "node-size");
    ck_assert_uint_eq(control_number(&quota, CONTROL_F_VALUE, 0), 2048);
    ck_assert_uint_eq(control_number(&quota, CONTROL_F_HIGHEST, 0), 2049);
    ck_assert_uint_eq(control_number(&quota, CONTROL_F_REFUSED, 0), 1);
    find_domain(client, 0, &item);
    quota = find_quota(&item, "nodes");
    ck_assert_uint_eq(control_number(&quota, CONTROL_F_VALUE, 1), 0);

    /* What was counted for a domain stays counted when it is gone. */
    host_kill(host, guest);
    ck_assert_uint_eq(find_domain(client, 5, &item), 2);
    ck_assert_uint_eq(remote_statistic(client, "store_refused", "node-size"), 1);
    ck_assert_uint_eq(remote_statistic(client, "store_requests", NULL), requests);
    remote_close(client);
    control_finish(host);
}
END_TEST

START_TEST(one_domain_can_be_asked_for)
{
    struct host *host = control_start();
    struct remote_client *client = remote_open(host);
    struct remote_request request;
    struct remote_frame frame;

    host_guest(host, 5);
    host_guest(host, 6);
    begin(client, &request, CONTROL_T_STORE_STATS, 5);
    ck_assert_int_eq(remote_ask(client, &request, &frame), 0);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_DOMID), 5);
    ck_assert(remote_take(client, &frame));
    ck_assert_int_eq(frame.header.kind, CONTROL_END);
    begin(client, &request, CONTROL_T_STORE_STATS, 8);
    ck_assert_int_eq(remote_ask(client, &request, &frame), ENOENT);
    ck_assert_str_eq(remote_text(&frame, CONTROL_F_TEXT), "XenStore does not know a domain 8");
    begin(client, &request, CONTROL_T_STORE_QUOTA, 0x7ff1);
    ck_assert_int_eq(remote_ask(client, &request, &frame), ENOENT);
    remote_close(client);
    control_finish(host);
}
END_TEST

START_TEST(names_of_domains_are_shown_in_print)
{
    struct host *host = control_start();
    struct remote_client *client = remote_open(host);
    struct remote_frame item;
    char name[1000];

    host_guest(host, 5);
    memset(name, '\xff', sizeof(name));
    memcpy(name, "a\n\x1b[2J", 6);
    name[sizeof(name) - 1] = '\0';
    ck_assert_int_eq(client_write(host->dom0, 0, "/local/domain/5/name", name), 0);
    find_domain(client, 5, &item);
    ck_assert_uint_eq(strlen(remote_text(&item, CONTROL_F_NAME)), 256);
    ck_assert_int_eq(strncmp(remote_text(&item, CONTROL_F_NAME), "a??[2J???", 9), 0);
    remote_close(client);
    control_finish(host);
}
END_TEST

/* --- quotas -------------------------------------------------------------------------------------
 */

/* The limit of @name as STORE_QUOTA tells it. */
static uint64_t quota_of(struct remote_client *client, int domid, const char *name, char kind[16])
{
    struct remote_request request;
    struct remote_frame frame;
    uint64_t value = UINT64_MAX;
    unsigned items = 0;

    begin(client, &request, CONTROL_T_STORE_QUOTA, domid);
    ck_assert_int_eq(remote_ask(client, &request, &frame), 0);
    for (; frame.header.kind == CONTROL_ITEM; items++) {
        struct control_reader group;
        struct control_field field;
        char text[32];

        ck_assert(control_find(&frame.fields, CONTROL_F_QUOTA, &field));
        control_read_group(&group, &field);
        ck_assert(control_string(&group, CONTROL_F_NAME, text, sizeof(text)));
        if (!strcmp(text, name)) {
            value = control_number(&group, CONTROL_F_VALUE, UINT64_MAX);
            ck_assert(control_string(&group, CONTROL_F_KIND, kind, 16));
        }
        ck_assert(remote_take(client, &frame));
    }
    ck_assert_uint_eq(items, 10);
    ck_assert_uint_ne(value, UINT64_MAX);
    return value;
}

/* @value -1: none. */
static int set(struct remote_client *client, int domid, const char *name, long value,
               struct remote_frame *frame)
{
    struct remote_request request;

    begin(client, &request, CONTROL_T_STORE_SET, domid);
    control_put_string(&request.writer, CONTROL_F_NAME, name);
    if (value >= 0)
        control_put_number(&request.writer, CONTROL_F_VALUE, (uint64_t)value);
    return remote_ask(client, &request, frame);
}

static void check_watches(struct client *guest, unsigned limit)
{
    char token[16];

    for (unsigned i = 0; i < limit; i++) {
        snprintf(token, sizeof(token), "%u", i);
        ck_assert_int_eq(client_watch(guest, "/x", token), 0);
    }
    ck_assert_int_eq(client_watch(guest, "/x", "one more"), ENOSPC);
    ck_assert_int_eq(client_call(guest, 0, WIRE_RESET_WATCHES, "|", NULL), 0);
}

START_TEST(quotas_that_are_set_take_effect)
{
    struct host *host = control_start();
    struct client *one = host_guest(host, 5), *other = host_guest(host, 6);
    struct remote_client *client = remote_open(host);
    struct remote_frame frame;
    char kind[16];

    ck_assert_uint_eq(quota_of(client, -1, "watches", kind), 128);
    ck_assert_int_eq(set(client, -1, "watches", 10, &frame), 0);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_VALUE), 10);
    ck_assert_int_eq(set(client, 5, "watches", 3, &frame), 0);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_DOMID), 5);
    ck_assert_uint_eq(quota_of(client, -1, "watches", kind), 10);
    ck_assert_str_eq(kind, "default");
    ck_assert_uint_eq(quota_of(client, 5, "watches", kind), 3);
    ck_assert_str_eq(kind, "own");
    ck_assert_uint_eq(quota_of(client, 6, "watches", kind), 10);
    ck_assert_str_eq(kind, "default");
    check_watches(one, 3);
    check_watches(other, 10);

    /* Back to what all have. */
    ck_assert_int_eq(set(client, 5, "watches", -1, &frame), 0);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_VALUE), 10);
    check_watches(one, 10);
    /* None at all. */
    ck_assert_int_eq(set(client, 6, "watches", 0, &frame), 0);
    for (unsigned i = 0; i < 200; i++) {
        char token[16];

        snprintf(token, sizeof(token), "%u", i);
        ck_assert_int_eq(client_watch(other, "/x", token), 0);
    }
    remote_close(client);
    control_finish(host);
}
END_TEST

START_TEST(what_cannot_be_set_is_said)
{
    struct host *host = control_start();
    struct remote_client *client = remote_open(host);
    struct remote_frame frame;

    ck_assert_int_eq(set(client, -1, "wishes", 3, &frame), EINVAL);
    ck_assert_str_eq(remote_text(&frame, CONTROL_F_TEXT), "there is no quota of that name");
    ck_assert_int_eq(set(client, -1, "nodes", -1, &frame), EINVAL);
    ck_assert_str_eq(remote_text(&frame, CONTROL_F_TEXT), "a default needs a value");
    ck_assert_int_eq(set(client, 9, "nodes", 7, &frame), ENOENT);
    ck_assert_str_eq(remote_text(&frame, CONTROL_F_TEXT), "there is no domain 9");
    ck_assert_int_eq(set(client, -1, "nodes", UINT32_MAX, &frame), EINVAL);
    ck_assert_int_eq(remote_call(client, CONTROL_T_STORE_SET, &frame), EINVAL);
    remote_close(client);
    control_finish(host);
}
END_TEST

/* The last line of the log. */
static void last_line(struct remote_client *client, char line[256])
{
    struct remote_request request;
    struct remote_frame frame;

    remote_begin(client, &request, CONTROL_T_LOGS, CONTROL_REQUEST);
    control_put_number(&request.writer, CONTROL_F_LIMIT, 1);
    ck_assert_int_eq(remote_ask(client, &request, &frame), 0);
    ck_assert_int_eq(frame.header.kind, CONTROL_ITEM);
    ck_assert(control_string(&frame.fields, CONTROL_F_TEXT, line, 256));
    ck_assert(remote_take(client, &frame));
    ck_assert_int_eq(frame.header.kind, CONTROL_END);
}

START_TEST(soft_memory_is_told_in_the_log)
{
    struct host *host = control_start();
    struct client *guest = host_guest(host, 5);
    struct remote_client *client = remote_open(host);
    struct remote_frame frame;
    char line[256], kind[16];

    ck_assert_int_eq(client_mkdir(host->dom0, 0, "/local/domain/5"), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, "/local/domain/5", "n5"), 0);
    ck_assert_int_eq(set(client, 5, "soft-memory", 1000, &frame), 0);
    last_line(client, line);
    ck_assert_str_eq(line, "quota soft-memory of domain 5 is now 1000");
    ck_assert_uint_eq(quota_of(client, 5, "soft-memory", kind), 1000);
    ck_assert_uint_eq(quota_of(client, -1, "soft-memory", kind), 2048 * 1024);
    ck_assert_int_eq(client_write_fill(guest, 0, "data", 'x', 1500), 0);
    last_line(client, line);
    ck_assert(strstr(line, "over its soft-memory quota of 1000") != NULL);
    remote_close(client);
    control_finish(host);
}
END_TEST

TCase *control_store_case(void)
{
    TCase *cases = tcase_create("store");

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, statistics_add_up);
    tcase_add_test(cases, one_domain_can_be_asked_for);
    tcase_add_test(cases, names_of_domains_are_shown_in_print);
    tcase_add_test(cases, quotas_that_are_set_take_effect);
    tcase_add_test(cases, what_cannot_be_set_is_said);
    tcase_add_test(cases, soft_memory_is_told_in_the_log);
    return cases;
}
