/* SPDX-License-Identifier: ISC */
#include "common.h"

Suite *unit_suite(void)
{
    Suite *suite = suite_create("common");

    suite_add_tcase(suite, hash_cases());
    suite_add_tcase(suite, journal_cases());
    suite_add_tcase(suite, list_cases());
    suite_add_tcase(suite, log_cases());
    suite_add_tcase(suite, loop_cases());
    suite_add_tcase(suite, watchdog_cases());
    return suite;
}
