/* SPDX-License-Identifier: ISC */
/**
 * @file expect.h
 * Assertions that hold very often.
 */
#ifndef TESTS_SIM_EXPECT_H
#define TESTS_SIM_EXPECT_H

#include <check.h>

/**
 * As ck_assert_msg(), but free where it holds: Check's own writes where it is to a file each time,
 * and the parent process takes longer for each line the more there are.
 */
#define EXPECT(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_assert_msg(false, __VA_ARGS__);                                                     \
    } while (0)

#endif
