/* SPDX-License-Identifier: ISC */
/** @file Command lines of the commands that ask a service. */
#include "call.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct call call;

static int ran;

static int run_it(struct call *c)
{
    (void)c;
    return 0;
}

static int refuse_x(struct call *c)
{
    ran++;
    return c->argc && strcmp(c->argv[0], "x") == 0 ? call_usage(c, "not", c->argv[0]) : 0;
}

static const struct call_option own[] = {
    {"bridge", 'b', true}, {"dry-run", 0, false}, {"check", 'c', false}, {NULL, 0, false}};

static const struct call_command plain = {
    .name = "group plain",
    .options = "djn",
    .help = "the help\n",
    .args_max = 1,
    .check = refuse_x,
    .run = run_it,
};

static const struct call_command rich = {
    .name = "group rich get",
    .options = "dfijnwW",
    .own = own,
    .service = "switch",
    .help = "the help\n",
    .args_min = 1,
    .args_max = 3,
    .domids_max = 2,
    .versions = true,
    .run = run_it,
};

static int parse(const struct call_command *command, const char *line)
{
    static char words[4096];
    static char *argv[CALL_ARGUMENTS_MAX + 8];
    int argc = 0;

    snprintf(words, sizeof(words), "%s", line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    return call_parse(command, argc, argv, &call);
}

START_TEST(options_and_arguments)
{
    ck_assert_int_eq(parse(&rich, "get one -d 3 two --domid=4 -fjWv -v --interval 5 --lines 7"), 2);
    ck_assert_int_eq(parse(&rich, "get one -d 3 two --domid=4 -fjv -v --watch --interval 5 "
                                  "--lines 7 -w file -s dmz"),
                     0);
    ck_assert_int_eq(call.argc, 2);
    ck_assert_str_eq(call.argv[0], "one");
    ck_assert_str_eq(call.argv[1], "two");
    ck_assert_uint_eq(call.domid_count, 2);
    ck_assert(call.domids[0] == 3 && call.domids[1] == 4);
    ck_assert(call.follow && call.json && call.watch && call.verbose == 2);
    ck_assert(call.interval_s == 5 && call.limit == 7);
    ck_assert_str_eq(call.write, "file");
    ck_assert_str_eq(call.service, "dmz");
}
END_TEST

START_TEST(own_options)
{
    ck_assert_int_eq(parse(&rich, "get one"), 0);
    ck_assert(!call.own[0] && !call.own[1] && !call.own[2]);
    ck_assert_int_eq(parse(&rich, "get -b lan one -c"), 0);
    ck_assert_str_eq(call.own[0], "lan");
    ck_assert(!call.own[1] && call.own[2]);
    ck_assert_int_eq(parse(&rich, "get --bridge=lan --dry-run one"), 0);
    ck_assert_str_eq(call.own[0], "lan");
    ck_assert(call.own[1] && !call.own[2]);
}
END_TEST

/* "-3" is no option to who takes versions. */
START_TEST(versions)
{
    ck_assert_int_eq(parse(&rich, "get -3 -12 now"), 0);
    ck_assert_str_eq(call.argv[0], "now-3");
    ck_assert_str_eq(call.argv[1], "now-12");
    ck_assert_str_eq(call.argv[2], "now");
    ck_assert_int_eq(parse(&plain, "plain -3"), ATOLL_USAGE);
}
END_TEST

static const char *const refused_plain[] = {
    "plain -f",      "plain -b lan",    "plain --service dmz", "plain -s dmz",
    "plain one two", "plain -d 1 -d 2", "plain -d x",          "plain -d 32752",
    "plain --lines", "plain x",         "plain --json=1",
};
static const char *const refused_rich[] = {
    "get",          "get one -i 0",        "get one --dry-run=1",
    "get one -b",   "get 1 2 3 4",         "get -99999999999999999999999",
    "get one -n 0", "get -1 -2 -3 -4 -5 ", "get one -d 1 -d 2 -d 3",
};

START_TEST(refused)
{
    ck_assert_int_eq(parse(&plain, refused_plain[_i]), ATOLL_USAGE);
    if (_i < (int)(sizeof(refused_rich) / sizeof(refused_rich[0])))
        ck_assert_int_eq(parse(&rich, refused_rich[_i]), ATOLL_USAGE);
}
END_TEST

START_TEST(too_many_arguments)
{
    char line[2 * CALL_ARGUMENTS_MAX + 16] = "plain";

    for (int i = 0; i < CALL_ARGUMENTS_MAX; i++)
        strcat(line, " a");
    ck_assert_int_eq(parse(&plain, line), ATOLL_USAGE);
}
END_TEST

/* Which of them argv names: the one that is told by its help, or nobody. */
START_TEST(groups)
{
    static const struct call_summary commands[] = {{&plain, "plainly"}, {&rich, "richly"}};
    static const struct call_group group = {
        .name = "group", .intro = "All.", .tail = "", .count = 2, .commands = commands};
    static const struct {
        const char *words[4];
        int rc;
    } cases[] = {
        {{"group", NULL}, ATOLL_USAGE},
        {{"group", "--help", NULL}, ATOLL_OK},
        {{"group", "rich", NULL}, ATOLL_USAGE},
        {{"group", "rich", "--help", NULL}, ATOLL_OK},
        {{"group", "rich", "put", NULL}, ATOLL_USAGE},
        {{"group", "rich", "get", "--help"}, ATOLL_OK},
        {{"group", "plai", NULL}, ATOLL_USAGE},
        {{"group", "plainer", NULL}, ATOLL_USAGE},
        {{"group", "plain", "--help", NULL}, ATOLL_OK},
        {{"group", "plain", "x", NULL}, ATOLL_USAGE},
    };

    ran = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *argv[5] = {NULL};
        int argc = 0;

        for (; argc < 4 && cases[i].words[argc]; argc++)
            argv[argc] = strdup(cases[i].words[argc]);
        ck_assert_msg(call_group_main(&group, argc, argv) == cases[i].rc, "case %zu", i);
        for (int j = 0; j < argc; j++)
            free(argv[j]);
    }
    ck_assert_int_eq(ran, 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("call");
    TCase *tc = tcase_create("call");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, options_and_arguments);
    tcase_add_test(tc, own_options);
    tcase_add_test(tc, versions);
    tcase_add_loop_test(tc, refused, 0, sizeof(refused_plain) / sizeof(refused_plain[0]));
    tcase_add_test(tc, too_many_arguments);
    tcase_add_test(tc, groups);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
