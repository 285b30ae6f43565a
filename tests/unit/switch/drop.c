/* SPDX-License-Identifier: ISC */
#include "services/netback-switch/drop.h"

#include <string.h>

#include "tests/unit/unit.h"

START_TEST(each_reason_has_its_own_name)
{
    for (unsigned i = 0; i < DROP_REASON_COUNT; i++) {
        ck_assert_uint_gt(strlen(drop_meaning(i)), 10);
        ck_assert_uint_eq(strspn(drop_name(i), "abcdefghijklmnopqrstuvwxyz0123456789-"),
                          strlen(drop_name(i)));
        for (unsigned j = 0; j < i; j++)
            ck_assert_str_ne(drop_name(i), drop_name(j));
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("drop");
    TCase *reasons = tcase_create("reasons");

    tcase_add_test(reasons, each_reason_has_its_own_name);
    suite_add_tcase(suite, reasons);
    return suite;
}
