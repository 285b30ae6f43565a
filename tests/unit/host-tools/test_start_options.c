/* SPDX-License-Identifier: ISC */
/** @file The options of `atoll start`: what is read, what is refused and in which words. */
#include "exit_codes.h"
#include "start.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGS 32

static struct start_options opt;
static char said[1024];

/* Parse "start" and the blank-separated words of @line; what was said goes to said[]. */
static int parse(const char *line)
{
    char words[512], *argv[MAX_ARGS + 1] = {NULL}, *save = NULL;
    static char start[] = "start";
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

START_TEST(defaults)
{
    ck_assert_int_eq(parse("xenstored"), 0);
    ck_assert_str_eq(opt.service, "xenstored");
    ck_assert_str_eq(opt.name, "Xenstore");
    ck_assert_ptr_nonnull(strstr(opt.kernel, "/atoll/xenstored.elf"));
    ck_assert_uint_eq(opt.memory_mb, 8);
    ck_assert_uint_eq(opt.domid, 0);
    ck_assert_ptr_null(opt.flask);
    ck_assert_str_eq(opt.param, "");
    ck_assert_uint_eq(opt.timeout_s, 10);
    ck_assert_uint_eq(opt.verbose, 0);
    ck_assert_str_eq(said, "");
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
    refused("xenstore", "no service xenstore");
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
    size_t room = sizeof(opt.param) - 2; /* a blank may come before it, the end after it */
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

    tcase_add_test(tc, defaults);
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
