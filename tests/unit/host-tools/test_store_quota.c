/* SPDX-License-Identifier: ISC */
/** @file A quota of a service's is raised, and only where it has to be; what fails is a note. */
#include "exit_codes.h"
#include "fake_service.h"
#include "store_quota.h"
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOMID 9u

/* What the store does. */
static struct {
    uint64_t nodes;
    bool nameless, refuse, endless, hang;
    unsigned asked, set;
} store;

static char *said;
static size_t said_len;

static void put_quota(const struct control_header *header, const char *name, uint64_t value)
{
    struct control_writer *w = fake_answer(header, CONTROL_ITEM);

    control_put_number(w, CONTROL_F_DOMID, DOMID);
    control_open_group(w, CONTROL_F_QUOTA);
    control_put_string(w, CONTROL_F_NAME, name);
    control_put_number(w, CONTROL_F_VALUE, value);
    control_close_group(w);
    fake_send();
}

static void serve(struct fake *f, const struct control_header *header,
                  const struct control_reader *fields)
{
    struct control_writer *w;
    char name[16];

    ck_assert_uint_eq(control_number(fields, CONTROL_F_DOMID, 0), DOMID);
    if (header->type == CONTROL_T_STORE_QUOTA) {
        store.asked++;
        if (store.hang)
            return;
        for (unsigned i = 0; i < (store.endless ? 1005u : 1u); i++)
            put_quota(header, "watches", 128);
        if (!store.nameless)
            put_quota(header, "nodes", store.nodes);
        put_quota(header, "memory", 5);
        fake_answer(header, CONTROL_END);
        fake_send();
        return;
    }
    ck_assert_uint_eq(header->type, CONTROL_T_STORE_SET);
    ck_assert(control_string(fields, CONTROL_F_NAME, name, sizeof(name)));
    ck_assert_str_eq(name, "nodes");
    store.set++;
    w = fake_answer(header, store.refuse ? CONTROL_ERROR : CONTROL_REPLY);
    if (store.refuse) {
        control_put_number(w, CONTROL_F_ERRNO, ENOENT);
        control_put_string(w, CONTROL_F_TEXT, "there is no domain 9");
    } else {
        store.nodes = control_number(fields, CONTROL_F_VALUE, 0);
    }
    fake_send();
}

/* As a command would: was it raised to 8000? */
static bool ask(void)
{
    struct report report;
    FILE *memory;
    bool raised;

    free(said);
    memory = open_memstream(&said, &said_len);
    report_init(&report, "start switch", memory, 0);
    fake_begin(serve);
    raised = store_quota_ask(&report, FAKE_DOMID, DOMID, "nodes", 8000);
    fake_end();
    fclose(memory);
    return raised;
}

static void setup(void)
{
    memset(&store, 0, sizeof(store));
}

START_TEST(raised_where_it_is_lower)
{
    static const uint64_t limits[] = {1, 1000, 7999};

    store.nodes = limits[_i];
    ck_assert(ask());
    ck_assert_uint_eq(store.nodes, 8000);
    ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(left_where_it_is_enough)
{
    static const uint64_t limits[] = {0, 8000, 8001, UINT64_MAX};

    store.nodes = limits[_i];
    ck_assert(!ask());
    ck_assert_uint_eq(store.asked, 1);
    ck_assert_uint_eq(store.set, 0);
    ck_assert_str_eq(said, "");
}
END_TEST

/* One line, which says what to do. */
START_TEST(failures_are_notes)
{
    store.nodes = 1000;
    store.refuse = _i == 0;
    store.nameless = _i == 1;
    store.endless = _i == 2;
    store.hang = _i == 3;
    ck_assert(!ask());
    ck_assert_uint_eq(store.nodes, 1000);
    ck_assert_msg(strstr(said, "`atoll store quota set --domid 9 nodes 8000`") != NULL, "%s", said);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    if (store.refuse)
        ck_assert_msg(strstr(said, "there is no domain 9") != NULL, "%s", said);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_quota");
    TCase *tc = tcase_create("store_quota");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, raised_where_it_is_lower, 0, 3);
    tcase_add_loop_test(tc, left_where_it_is_enough, 0, 4);
    tcase_add_loop_test(tc, failures_are_notes, 0, 4);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
