/* SPDX-License-Identifier: ISC */
/** @file extcap_local.c atoll-extcap with a monitor of its own inside, for Wireshark to run. */
#include "extcap.h"
#include "fake_capture.h"
#include <check.h>
#include <stdlib.h>

static int count, result;
static char **arguments;

/* The monitor's checks want a test around them. */
START_TEST(runs)
{
    fake_begin(fake_capture_frame);
    result = extcap_main(count, arguments);
    fake_end();
}
END_TEST

int main(int argc, char *argv[])
{
    TCase *tcase = tcase_create("extcap");
    Suite *suite = suite_create("extcap");
    SRunner *runner;
    int failed;

    count = argc;
    arguments = argv;
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, runs);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : result;
}
