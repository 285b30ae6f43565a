/* SPDX-License-Identifier: ISC */
/** @file The command lines of stop, status and their like: what is read and what is refused. */
#include "command_line.h"
#include "exit_codes.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct command_usage usage = {
    .name = "stop", .options = "ft", .services_min = 1, .services_max = 2, .help = "the help\n"};
static const struct command_usage none = {
    .name = "list", .options = "jN", .services_max = 0, .help = "the help\n"};

static struct command_line line;
static char said[1024];

static int parse(const struct command_usage *what, const char *text)
{
    static char words[512];
    char *argv[16] = {NULL}, *save = NULL;
    FILE *err = fmemopen(said, sizeof(said), "w");
    int argc = 0, rc;

    memset(said, 0, sizeof(said));
    snprintf(words, sizeof(words), "%s %s", what->name, text);
    for (char *w = strtok_r(words, " ", &save); w && argc < 15; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    rc = command_parse(what, argc, argv, &line, err);
    line.services = NULL; /* in argv, which ends with this function */
    fclose(err);
    return rc;
}

static void refused(const struct command_usage *what, const char *text, const char *word)
{
    ck_assert_msg(parse(what, text) == ATOLL_USAGE, "\"%s\" was taken", text);
    ck_assert_msg(strstr(said, word) != NULL, "\"%s\": \"%s\" does not say \"%s\"", text, said,
                  word);
    ck_assert_ptr_nonnull(strstr(said, "--help"));
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
}

START_TEST(taken)
{
    ck_assert_int_eq(parse(&usage, "--force monitor -t 5 -vv switch"), 0);
    ck_assert(line.force && !line.json && !line.names && !line.help);
    ck_assert_uint_eq(line.timeout_s, 5);
    ck_assert_uint_eq(line.verbose, 2);
    ck_assert_int_eq(line.count, 2);
    ck_assert_int_eq(parse(&usage, "monitor"), 0);
    ck_assert(!line.force);
    ck_assert_uint_eq(line.timeout_s, 0);
    ck_assert_int_eq(parse(&none, "--json --names"), 0);
    ck_assert(line.json && line.names);
    ck_assert_int_eq(parse(&none, ""), 0);
    ck_assert_int_eq(line.count, 0);
}
END_TEST

START_TEST(wrong_words)
{
    refused(&usage, "", "stop: which service?");
    refused(&usage, "a b c", "not also c");
    refused(&none, "a", "takes no service, not a");
    refused(&usage, "a --nonsense", "no option --nonsense");
    refused(&usage, "a -x", "no option -x");
    /* Options of other commands. */
    refused(&usage, "a --json", "no option --json");
    refused(&usage, "a -j", "no option -j");
    refused(&none, "--force", "no option --force");
    refused(&none, "-t 5", "no option -t");
    refused(&usage, "a --timeout", "missing after --timeout");
    refused(&usage, "a --timeout 0", "--timeout takes");
    refused(&usage, "a -t 3601", "not 3601");
    refused(&usage, "a -t -1", "--timeout takes");
}
END_TEST

START_TEST(help_needs_no_service)
{
    ck_assert_int_eq(parse(&usage, "--help"), 0);
    ck_assert(line.help);
    ck_assert_int_eq(parse(&usage, "a b c -h"), 0);
    ck_assert(line.help);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command line");
    TCase *tc = tcase_create("command line");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, taken);
    tcase_add_test(tc, wrong_words);
    tcase_add_test(tc, help_needs_no_service);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
