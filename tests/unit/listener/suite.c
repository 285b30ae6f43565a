/* SPDX-License-Identifier: ISC */
#include "house.h"

Suite *unit_suite(void)
{
    Suite *suite = suite_create("listener");

    suite_add_tcase(suite, serving_cases());
    suite_add_tcase(suite, gone_cases());
    suite_add_tcase(suite, rendezvous_cases());
    suite_add_tcase(suite, hostile_cases());
    suite_add_tcase(suite, random_cases());
    return suite;
}
