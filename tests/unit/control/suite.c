/* SPDX-License-Identifier: ISC */
#include "suite.h"

Suite *unit_suite(void)
{
    Suite *suite = suite_create("control");

    suite_add_tcase(suite, codec_cases());
    suite_add_tcase(suite, server_cases());
    suite_add_tcase(suite, ends_cases());
    suite_add_tcase(suite, page_cases());
    return suite;
}
