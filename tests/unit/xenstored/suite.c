/* SPDX-License-Identifier: ISC */
#include "store.h"

Suite *unit_suite(void)
{
    Suite *suite = suite_create("xenstored");

    suite_add_tcase(suite, wire_cases());
    suite_add_tcase(suite, path_cases());
    suite_add_tcase(suite, perms_cases());
    suite_add_tcase(suite, quota_cases());
    suite_add_tcase(suite, children_cases());
    suite_add_tcase(suite, tree_cases());
    suite_add_tcase(suite, watch_cases());
    return suite;
}
