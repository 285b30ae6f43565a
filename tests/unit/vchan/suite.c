/* SPDX-License-Identifier: ISC */
#include "pair.h"

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vchan");

    suite_add_tcase(suite, basic_cases());
    suite_add_tcase(suite, stream_cases());
    suite_add_tcase(suite, hostile_cases());
    suite_add_tcase(suite, life_cases());
    return suite;
}
