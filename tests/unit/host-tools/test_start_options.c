/* SPDX-License-Identifier: ISC */
/** @file The options of `atoll start`: what is read, what is refused and in which words. */
#include "exit_codes.h"
#include "report.h"
#include "start.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGS 32

static struct start_options opt;
static struct service_settings settings;
static char said[1024];

/* Parse "start" and the blank-separated words of @line; what was said goes to said[]. */
static int parse(const char *line)
{
    char *argv[MAX_ARGS + 1] = {NULL}, *save = NULL;
    static char words[1024], start[] = "start"; /* the options point into them */
    int argc = 0, rc;
    FILE *err = fmemopen(said, sizeof(said), "w");

    memset(said, 0, sizeof(said));
    strcpy(words, line);
    argv[argc++] = start;
    for (char *w = strtok_r(words, " ", &save); w && argc < MAX_ARGS;
         w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    rc = start_parse(argc, argv, &opt, err);
    fclose(err);
    return rc;
}

static void refused(const char *line, const char *word)
{
    ck_assert_msg(parse(line) == ATOLL_USAGE, "\"%s\" was taken", line);
    ck_assert_msg(strstr(said, word) != NULL, "\"%s\": \"%s\" does not say \"%s\"", line, said,
                  word);
    ck_assert_msg(strstr(said, "--help") != NULL, "\"%s\" shows no way out", said);
    /* One line. */
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
}

static void setup(void)
{
    static char kernel[] = "/s.elf", cmdline[] = "log=8", flask[] = "a:b:c";

    settings = (struct service_settings){.name = "switch",
                                         .kernel = kernel,
                                         .cmdline = cmdline,
                                         .flask = flask,
                                         .memory_mb = 12,
                                         .domid = 7,
                                         .timeout_s = 9,
                                         .store_domain = true};
}

/* Fill in from the configuration; what was said goes to said[]. */
static int settle(void)
{
    struct report report;
    FILE *err = fmemopen(said, sizeof(said), "w");
    int rc;

    memset(said, 0, sizeof(said));
    report_init(&report, "start switch", err, 0);
    rc = start_settle(&report, &opt, &settings);
    fclose(err);
    return rc;
}

START_TEST(configuration_fills_in)
{
    ck_assert_int_eq(parse("switch"), 0);
    ck_assert_str_eq(opt.service, "switch");
    ck_assert_int_eq(settle(), 0);
    ck_assert_str_eq(opt.name, "switch");
    ck_assert_str_eq(opt.kernel, "/s.elf");
    ck_assert_str_eq(opt.cmdline, "log=8");
    ck_assert_str_eq(opt.flask, "a:b:c");
    ck_assert_uint_eq(opt.memory_mb, 12);
    ck_assert_uint_eq(opt.domid, 7);
    ck_assert_uint_eq(opt.timeout_s, 9);
    ck_assert_ptr_null(opt.cpus);
    ck_assert(opt.store_domain);
    ck_assert_str_eq(said, "");
    ck_assert_uint_eq(opt.weight, 0);
    settings.has_cpus = true;
    settings.weight = 17;
    ck_assert_int_eq(settle(), 0);
    ck_assert_ptr_eq(opt.cpus, settings.cpus);
    ck_assert_uint_eq(opt.weight, 17);
}
END_TEST

START_TEST(options_override)
{
    ck_assert_int_eq(parse("switch -k /t.elf -n x -m 3 -d 4 -f d:e:f -t 5 -p more"), 0);
    ck_assert_int_eq(settle(), 0);
    ck_assert_str_eq(opt.name, "x");
    ck_assert_str_eq(opt.kernel, "/t.elf");
    ck_assert_str_eq(opt.cmdline, "log=8 more");
    ck_assert_str_eq(opt.flask, "d:e:f");
    ck_assert_uint_eq(opt.memory_mb, 3);
    ck_assert_uint_eq(opt.domid, 4);
    ck_assert_uint_eq(opt.timeout_s, 5);
}
END_TEST

/* The watchdog of the configuration, unless a command line has one of its own. */
START_TEST(watchdog_is_handed_on)
{
    static char own[] = "log=8 watchdog=0";

    settings.watchdog_s = 7;
    ck_assert_int_eq(parse("switch -p more"), 0);
    ck_assert_int_eq(settle(), 0);
    ck_assert_str_eq(opt.cmdline, "watchdog=7 log=8 more");
    ck_assert_int_eq(parse("switch -p xwatchdog=4"), 0);
    ck_assert_int_eq(settle(), 0);
    ck_assert_str_eq(opt.cmdline, "watchdog=7 log=8 xwatchdog=4");
    ck_assert_int_eq(parse("switch -p watchdog=4"), 0);
    ck_assert_int_eq(settle(), 0);
    ck_assert_str_eq(opt.cmdline, "log=8 watchdog=4");
    settings.cmdline = own;
    ck_assert_int_eq(parse("switch"), 0);
    ck_assert_int_eq(settle(), 0);
    ck_assert_str_eq(opt.cmdline, "log=8 watchdog=0");
}
END_TEST

START_TEST(both_command_lines_are_bounded)
{
    static char most[CONFIG_CMDLINE_MAX];

    memset(most, 'x', sizeof(most) - 1);
    settings.cmdline = most;
    ck_assert_int_eq(parse("switch"), 0);
    ck_assert_int_eq(settle(), 0);
    ck_assert_int_eq(parse("switch -p y"), 0);
    ck_assert_int_eq(settle(), ATOLL_USAGE);
    ck_assert_ptr_nonnull(strstr(said, "--param"));
}
END_TEST

START_TEST(everything_given)
{
    ck_assert_int_eq(parse("--kernel /x.elf -m 32 xenstored --name store.1 --domid 5 --flask a:b:c "
                           "-p one --param two -t 3 -vv"),
                     0);
    ck_assert_str_eq(opt.kernel, "/x.elf");
    ck_assert_uint_eq(opt.memory_mb, 32);
    ck_assert_str_eq(opt.name, "store.1");
    ck_assert_uint_eq(opt.domid, 5);
    ck_assert_str_eq(opt.flask, "a:b:c");
    ck_assert_str_eq(opt.param, "one two");
    ck_assert_uint_eq(opt.timeout_s, 3);
    ck_assert_uint_eq(opt.verbose, 2);
}
END_TEST

START_TEST(limits)
{
    ck_assert_int_eq(parse("xenstored --memory 2048 --domid 32751"), 0);
    refused("xenstored --memory 2049", "2049");
    refused("xenstored --memory 0", "--memory");
    refused("xenstored --memory -1", "--memory");
    refused("xenstored --memory +8", "--memory");
    refused("xenstored --memory 8M", "8M");
    refused("xenstored --memory 99999999999999999999", "--memory");
    refused("xenstored --domid 0", "--domid");
    refused("xenstored --domid 32752", "--domid");
    refused("xenstored --timeout 0", "--timeout");
    refused("xenstored --name a/b", "a/b");
    refused("xenstored --name 0123456789012345678901234567890123456789012345678901234567890123456",
            "--name");
}
END_TEST

START_TEST(wrong_words)
{
    refused("", "which service");
    refused("xenstored --kernel /\x01", "--kernel");
    refused("xenstored xenstored", "one service");
    refused("xenstored --nonsense", "--nonsense");
    refused("xenstored -x", "-x");
    refused("xenstored --kernel", "--kernel");
    refused("xenstored -k", "-k");
}
END_TEST

START_TEST(param_is_bounded)
{
    char line[512] = "xenstored -p ";
    size_t room = sizeof(opt.param) - 1;
    size_t start = strlen(line);

    memset(line + start, 'x', room);
    line[start + room] = '\0';
    ck_assert_int_eq(parse(line), 0);
    ck_assert_uint_eq(strlen(opt.param), room);
    strcat(line, "y");
    refused(line, "--param");
    refused("xenstored -p a\tb\x7f", "printable");
}
END_TEST

START_TEST(help_needs_no_service)
{
    ck_assert_int_eq(parse("--help"), 0);
    ck_assert_int_eq(opt.help, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("start options");
    TCase *tc = tcase_create("start options");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, configuration_fills_in);
    tcase_add_test(tc, options_override);
    tcase_add_test(tc, watchdog_is_handed_on);
    tcase_add_test(tc, both_command_lines_are_bounded);
    tcase_add_test(tc, everything_given);
    tcase_add_test(tc, limits);
    tcase_add_test(tc, wrong_words);
    tcase_add_test(tc, param_is_bounded);
    tcase_add_test(tc, help_needs_no_service);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
