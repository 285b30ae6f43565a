/* SPDX-License-Identifier: ISC */
/** @file Which mirrors feed which service, and what becomes of those whose reader does not run. */
#include "feeds.h"
#include "rules_names.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char file[] = "{\"mirrors\": {\n"
                           "  \"all\": {\"client\": \"monitor\", \"direction\": \"ingress\"},\n"
                           "  \"dom0s\": {},\n"
                           "  \"named\": {\"client\": \"dom0\"},\n"
                           "  \"number\": {\"client\": 12},\n"
                           "  \"ids\": {\"client\": \"ids\"}\n"
                           "}}";

static struct feeds_list collect(const char *text, const char *service, uint32_t domid)
{
    struct feeds_list list = {.count = 0};
    json_t *json = json_loads(text, 0, NULL);

    ck_assert_ptr_nonnull(json);
    feeds_add(&list, json, 5, service, domid);
    json_decref(json);
    return list;
}

START_TEST(mirrors_of_a_service)
{
    struct feeds_list list = collect(file, "monitor", 12);

    ck_assert_uint_eq(list.count, 2);
    ck_assert_str_eq(list.text[0], "5 all");
    ck_assert_str_eq(list.text[1], "5 number");
    list = collect(file, "ids", 13);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.text[0], "5 ids");
    ck_assert_uint_eq(collect(file, "dom", 99).count, 0);
    ck_assert_uint_eq(collect("{}", "monitor", 12).count, 0);
    ck_assert_uint_eq(collect("{\"mirrors\": 7}", "monitor", 12).count, 0);
    ck_assert_uint_eq(collect("{\"mirrors\": {\"a\": 1}}", "monitor", 12).count, 0);
}
END_TEST

START_TEST(no_more_than_there_is_room_for)
{
    struct feeds_list list = {.count = 0};
    json_t *json = json_loads(file, 0, NULL);

    for (unsigned i = 0; i < 10; i++)
        feeds_add(&list, json, i, "ids", 13);
    ck_assert_uint_eq(list.count, FEEDS_OF_SERVICE);
    ck_assert_uint_eq(list.left_out, 10 - FEEDS_OF_SERVICE);
    ck_assert_str_eq(list.text[7], "7 ids");
    json_decref(json);
}
END_TEST

static bool runs;

static int service(const struct config *services, const char *name, uint16_t *domid)
{
    (void)services;
    if (strcmp(name, "monitor") != 0 && strcmp(name, "ids") != 0)
        return -ENOENT;
    *domid = 44;
    return runs ? 0 : RULES_ABSENT;
}

/* A mirror is left out while its reader does not run, and the rules are others when it does. */
START_TEST(readers_that_do_not_run)
{
    struct rules *rules[2] = {rules_create(), rules_create()};
    json_t *domains[2];
    struct rules_error error;

    for (unsigned i = 0; i < 2; i++) {
        struct rules_names names;

        runs = i == 1;
        rules_names_init(&names);
        names.service = service;
        ck_assert_int_eq(rules_file_parse(file, strlen(file), &names.resolver, rules[i], &error),
                         0);
        domains[i] = json_incref(names.domains);
        rules_names_free(&names);
    }
    ck_assert_uint_eq(rules[0]->mirror_count, 3);
    ck_assert_str_eq(rules[0]->mirrors[0].name, "dom0s");
    ck_assert_uint_eq(rules[0]->mirrors[0].direction, RULES_BOTH);
    ck_assert_uint_eq(rules[0]->mirrors[2].client, 12);
    ck_assert_uint_eq(rules[1]->mirror_count, 5);
    ck_assert_str_eq(rules[1]->mirrors[0].name, "all");
    ck_assert_uint_eq(rules[1]->mirrors[0].client, 44);
    ck_assert_int_eq(json_equal(domains[0], domains[1]), 0);
    for (unsigned i = 0; i < 2; i++) {
        json_decref(domains[i]);
        rules_release(rules[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("feeds");
    TCase *cases = tcase_create("feeds");
    SRunner *runner;
    int failed;

    tcase_add_test(cases, mirrors_of_a_service);
    tcase_add_test(cases, no_more_than_there_is_room_for);
    tcase_add_test(cases, readers_that_do_not_run);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
