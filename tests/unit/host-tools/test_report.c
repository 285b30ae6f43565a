/* SPDX-License-Identifier: ISC */
/** @file What a command tells its caller: one line, and the libraries' words only where they help.
 */
#include "report.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct report report;
static char *said;
static size_t said_len;
static FILE *out;

static void begin(unsigned verbose)
{
    out = open_memstream(&said, &said_len);
    report_init(&report, "start xenstored", out, verbose);
}

static const char *end(void)
{
    fclose(out);
    return said;
}

START_TEST(one_line)
{
    begin(0);
    report_step(&report, "created");
    ck_assert_int_eq(report_fail(&report, ATOLL_RUNNING, "domain %d serves; stop it", 3), 5);
    ck_assert_str_eq(end(), "atoll: start xenstored: domain 3 serves; stop it\n");
    free(said);
}
END_TEST

START_TEST(library_speaks_on_failure)
{
    begin(0);
    xtl_log(&report.logger, XTL_DETAIL, -1, "xc", "a detail");
    xtl_log(&report.logger, XTL_ERROR, ENOMEM, "xc", "no room\nfor it");
    ck_assert_uint_ne(report.log_len, 0);
    report_fail(&report, ATOLL_FAILURE, "failed; do this");
    ck_assert_str_eq(end(), "atoll: start xenstored: failed; do this\n"
                            "    xc: error: no room: Cannot allocate memory\n");
    free(said);
}
END_TEST

START_TEST(library_is_silent_on_success)
{
    begin(1);
    xtl_log(&report.logger, XTL_ERROR, -1, "xc", "tried, did not matter");
    report_step(&report, "created %d", 3);
    ck_assert_ptr_null(strstr(end(), "did not matter"));
    ck_assert_ptr_nonnull(strstr(said, "ms"));
    ck_assert_ptr_nonnull(strstr(said, "  created 3\n"));
    free(said);
}
END_TEST

START_TEST(library_speaks_at_once)
{
    begin(2);
    xtl_log(&report.logger, XTL_DETAIL, -1, NULL, "a detail");
    ck_assert_str_eq(end(), "    xen: detail: a detail\n");
    free(said);
}
END_TEST

/* A library that talks without end: the last lines stay, whole. */
START_TEST(log_is_bounded)
{
    char last[64];

    begin(0);
    for (int i = 0; i < 1000; i++)
        xtl_log(&report.logger, XTL_WARN, -1, "xc", "line %d of many that come", i);
    ck_assert_uint_le(report.log_len, REPORT_LOG_SIZE);
    ck_assert_uint_gt(report.log_len, REPORT_LOG_SIZE - 64);
    ck_assert_int_eq(strncmp(report.log, "    xc: warning: line ", 22), 0);
    snprintf(last, sizeof(last), "line 999 of many that come\n");
    ck_assert_mem_eq(report.log + report.log_len - strlen(last), last, strlen(last));
    end();
    free(said);
}
END_TEST

START_TEST(long_message_keeps_its_end_of_line)
{
    char text[2048];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    begin(0);
    for (int i = 0; i < 40; i++)
        xtl_log(&report.logger, XTL_ERROR, EIO, text, "%s", text);
    ck_assert_uint_le(report.log_len, REPORT_LOG_SIZE);
    ck_assert_int_eq(report.log[report.log_len - 1], '\n');
    end();
    free(said);
}
END_TEST

START_TEST(kept_report)
{
    struct report_kept kept;
    char line[32];

    begin(0);
    ck_assert(report_keep(&kept, &report));
    ck_assert_int_eq(report_fail(&kept.report, ATOLL_NO_ANSWER, "it hangs; wait\nor not"),
                     ATOLL_NO_ANSWER);
    report_kept_end(&kept, line, sizeof(line));
    ck_assert_str_eq(line, "it hangs; wait");
    /* Cut to fit, and nothing at all. */
    ck_assert(report_keep(&kept, &report));
    report_note(&kept.report, "%060d", 0);
    report_kept_end(&kept, line, 4);
    ck_assert_str_eq(line, "000");
    ck_assert(report_keep(&kept, &report));
    report_kept_end(&kept, line, sizeof(line));
    ck_assert_str_eq(line, "");
    ck_assert_str_eq(end(), "");
    free(said);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *tc = tcase_create("report");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, one_line);
    tcase_add_test(tc, library_speaks_on_failure);
    tcase_add_test(tc, library_is_silent_on_success);
    tcase_add_test(tc, library_speaks_at_once);
    tcase_add_test(tc, log_is_bounded);
    tcase_add_test(tc, long_message_keeps_its_end_of_line);
    tcase_add_test(tc, kept_report);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
