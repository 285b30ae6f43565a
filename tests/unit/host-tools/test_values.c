/* SPDX-License-Identifier: ISC */
/** @file Values as people write them: numbers, names, lists of processors. */
#include "values.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define CPUS 32

static uint8_t cpus[CPUS / 8];

static uint32_t mask(const char *text)
{
    if (!value_cpus(text, cpus, CPUS))
        return 0;
    return (uint32_t)cpus[0] | (uint32_t)cpus[1] << 8 | (uint32_t)cpus[2] << 16 |
           (uint32_t)cpus[3] << 24;
}

START_TEST(processors)
{
    ck_assert_uint_eq(mask("0"), 1);
    ck_assert_uint_eq(mask("31"), 0x80000000u);
    ck_assert_uint_eq(mask("0-3,^2"), 0xb);
    ck_assert_uint_eq(mask(" 1 , 3-3\t,8-10 "), 0x70a);
    ck_assert_uint_eq(mask("^1,1"), 2);
    ck_assert_uint_eq(mask("0-31,^1-31"), 1);
}
END_TEST

START_TEST(no_processors)
{
    static const char *const wrong[] = {"",   "all",  "32",    "0-32", "3-1",        "1,",
                                        ",1", "1,,2", "^0",    "1-",   "-1",         "1 2",
                                        "^",  "0x1",  "1-2-3", "^1^2", "4294967296", "0-4294967297",
                                        "+1", "1;2",  "^ 1",   "1,^1", "1--2",       "0000000001"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!value_cpus(wrong[i], cpus, CPUS), "\"%s\" was taken", wrong[i]);
}
END_TEST

START_TEST(numbers)
{
    static const char *const wrong[] = {"",    " 1",  "1 ", "+1",         "-1",
                                        "0x1", "1e1", "6",  "99999999999"};
    uint32_t number = 0;

    ck_assert(value_number("5", 1, 5, &number) && number == 5);
    ck_assert(value_number("007", 1, 10, &number) && number == 7);
    ck_assert(value_number("4294967295", 1, UINT32_MAX, &number) && number == UINT32_MAX);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!value_number(wrong[i], 1, 5, &number), "\"%s\" was taken", wrong[i]);
    ck_assert(!value_number("4294967296", 0, UINT32_MAX, &number));
    ck_assert(!value_number("18446744073709551617", 0, UINT32_MAX, &number));
}
END_TEST

START_TEST(names)
{
    static const char *const wrong[] = {"",    "-a",  ".a",       "a b",
                                        "a/b", "a\n", "\xc3\xa4", "abcdefgh"};

    ck_assert(value_name("a", 8));
    ck_assert(value_name("0-_.+Z9", 8));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!value_name(wrong[i], 8), "\"%s\" was taken", wrong[i]);
}
END_TEST

START_TEST(printable)
{
    ck_assert(value_printable("a ~"));
    ck_assert(!value_printable("a\x7f"));
    ck_assert(!value_printable("\t"));
    ck_assert(!value_printable("\xff"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("values");
    TCase *tc = tcase_create("values");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, processors);
    tcase_add_test(tc, no_processors);
    tcase_add_test(tc, numbers);
    tcase_add_test(tc, names);
    tcase_add_test(tc, printable);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
