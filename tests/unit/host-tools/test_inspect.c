/* SPDX-License-Identifier: ISC */
/** @file What is said of a service: words, exit codes and JSON; and its console. */
#include "common/control.h"
#include "console_ring.h"
#include "exit_codes.h"
#include "inspect.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char kernel[] = "/k.elf";
static const struct service_settings settings = {.name = "monitor", .kernel = kernel};

static struct inspection in_state(enum record_state state)
{
    return (struct inspection){
        .settings = &settings, .state = state, .code = ATOLL_NOT_RUNNING, .why = ""};
}

static struct inspection answering(unsigned health)
{
    struct inspection found = in_state(RECORD_RUNS);

    found.code = 0;
    found.health = health;
    found.record.domid = 7;
    found.memory = 8u << 20;
    strcpy(found.version, "0.1.0");
    found.uptime_ns = 1500000000;
    return found;
}

START_TEST(codes)
{
    struct inspection found = in_state(RECORD_NONE);

    ck_assert_int_eq(inspect_code(&found), ATOLL_NOT_RUNNING);
    found = in_state(RECORD_RUNS);
    found.code = ATOLL_NO_ANSWER;
    ck_assert_int_eq(inspect_code(&found), ATOLL_NO_ANSWER);
    ck_assert_str_eq(inspect_health(&found), "no answer");
    found = answering(CONTROL_HEALTHY);
    ck_assert_int_eq(inspect_code(&found), ATOLL_OK);
    found = answering(CONTROL_DEGRADED);
    ck_assert_int_eq(inspect_code(&found), ATOLL_OK);
    found = answering(CONTROL_FAILING);
    ck_assert_int_eq(inspect_code(&found), ATOLL_FAILURE);
    found = answering(99);
    ck_assert_int_eq(inspect_code(&found), ATOLL_FAILURE);
}
END_TEST

START_TEST(states)
{
    static const char *const words[] = {"stopped", "starting", "running", "ended", "gone"};
    struct inspection found;

    for (int state = RECORD_NONE; state <= RECORD_GONE; state++) {
        found = in_state((enum record_state)state);
        ck_assert_str_eq(inspect_state(&found), words[state]);
        if (state != RECORD_RUNS)
            ck_assert_str_eq(inspect_health(&found), "");
    }
    found = in_state(RECORD_ENDED);
    found.why = "crashed";
    ck_assert_str_eq(inspect_state(&found), "crashed");
}
END_TEST

static void is_string(const json_t *json, const char *key, const char *value)
{
    const char *text = json_string_value(json_object_get(json, key));

    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, value);
}

static void is_number(const json_t *json, const char *key, json_int_t value)
{
    ck_assert(json_is_integer(json_object_get(json, key)));
    ck_assert_int_eq(json_integer_value(json_object_get(json, key)), value);
}

START_TEST(json_of_a_service_that_answers)
{
    struct inspection found = answering(CONTROL_DEGRADED);
    json_t *json;

    strcpy(found.text, "half of it is gone");
    json = inspect_json(&found);
    is_string(json, "name", "monitor");
    is_string(json, "state", "running");
    is_string(json, "health", "degraded");
    is_string(json, "text", "half of it is gone");
    is_string(json, "version", "0.1.0");
    is_string(json, "kernel", "/k.elf");
    is_number(json, "domid", 7);
    is_number(json, "memory", 8 << 20);
    is_number(json, "uptime", 1500000000);
    ck_assert(json_is_null(json_object_get(json, "started")));
    ck_assert(json_is_null(json_object_get(json, "error")));
    json_decref(json);
}
END_TEST

/* The same members always, null where there is nothing to say. */
START_TEST(json_of_others)
{
    struct inspection found = answering(CONTROL_HEALTHY);
    json_t *all = inspect_json(&found), *json;
    const char *key;
    json_t *value;

    found = in_state(RECORD_ENDED);
    found.why = "crashed";
    found.record.domid = 7;
    json = inspect_json(&found);
    json_object_foreach(all, key, value)
    {
        ck_assert_msg(json_object_get(json, key) != NULL, "no member %s", key);
    }
    is_string(json, "state", "ended");
    is_string(json, "end", "crashed");
    is_number(json, "domid", 7);
    ck_assert(json_is_null(json_object_get(json, "health")));
    ck_assert(json_is_null(json_object_get(json, "uptime")));
    json_decref(json);
    found = in_state(RECORD_RUNS);
    found.code = ATOLL_NO_ANSWER;
    strcpy(found.error, "hung");
    json = inspect_json(&found);
    is_string(json, "error", "hung");
    ck_assert(json_is_null(json_object_get(json, "health")));
    json_decref(json);
    found = in_state(RECORD_GONE);
    found.record.domid = 7;
    json = inspect_json(&found);
    ck_assert(json_is_null(json_object_get(json, "domid")));
    json_decref(json);
    json_decref(all);
}
END_TEST

static struct xencons_interface page;

/* As a service writes. */
static void write_ring(const char *text)
{
    for (; *text; text++)
        page.out[MASK_XENCONS_IDX(page.out_prod++, page.out)] = *text;
}

/* What is in the ring is shown, read before or not; then what is new; room is made for more. */
START_TEST(console_is_read)
{
    struct console_ring ring = {.domid = 1}, other = {.domid = 1};
    char out[CONSOLE_RING_SIZE];
    uint32_t lost;

    memset(&page, 0, sizeof(page));
    ck_assert_uint_eq(console_ring_take(&ring, &page, out, &lost), 0);
    write_ring("hello");
    ck_assert_uint_eq(console_ring_take(&ring, &page, out, &lost), 5);
    ck_assert_mem_eq(out, "hello", 5);
    ck_assert_uint_eq(page.out_cons, 5);
    write_ring(" again");
    ck_assert_uint_eq(console_ring_take(&ring, &page, out, &lost), 6);
    ck_assert_mem_eq(out, " again", 6);
    ck_assert_uint_eq(console_ring_take(&other, &page, out, &lost), 11);
    ck_assert_mem_eq(out, "hello again", 11);
    for (int i = 0; i < 1000; i++)
        write_ring("xyz");
    ck_assert_uint_eq(console_ring_take(&ring, &page, out, &lost), CONSOLE_RING_SIZE);
    ck_assert_uint_eq(lost, 3000 - CONSOLE_RING_SIZE);
    ck_assert_int_eq(out[CONSOLE_RING_SIZE - 1], 'z');
    /* Indices that make no sense harm nobody. */
    page.out_prod -= 7;
    ck_assert_uint_eq(console_ring_take(&ring, &page, out, &lost), CONSOLE_RING_SIZE);
    page.out_prod = 3;
    memset(&ring, 0, sizeof(ring));
    ck_assert_uint_eq(console_ring_take(&ring, &page, out, &lost), 3);
    ck_assert_uint_eq(lost, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inspect");
    TCase *tc = tcase_create("inspect");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, codes);
    tcase_add_test(tc, states);
    tcase_add_test(tc, json_of_a_service_that_answers);
    tcase_add_test(tc, json_of_others);
    tcase_add_test(tc, console_is_read);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
