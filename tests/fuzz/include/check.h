/* SPDX-License-Identifier: ISC */
/**
 * @file check.h
 * The assertions that tests/sim/host.c makes, without the Check framework: a fuzz target has one
 * way to fail, which is to abort.
 */
#ifndef TESTS_FUZZ_CHECK_H
#define TESTS_FUZZ_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ck_assert_msg(condition, ...)                                                              \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                        \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
#define ck_abort_msg(...)                     ck_assert_msg(false, __VA_ARGS__)
#define ck_assert(condition)                  ck_assert_msg(condition, "%s", #condition)
#define ck_assert_ptr_nonnull(value)          ck_assert((value) != NULL)
#define ck_assert_str_eq(left, right)         ck_assert(strcmp((left), (right)) == 0)
#define ck_assert_int_eq(left, right)         ck_assert_number(left, right, long, "%ld")
#define ck_assert_uint_eq(left, right)        ck_assert_number(left, right, unsigned long, "%lu")
#define ck_assert_uint_le(left, right)        ck_assert((left) <= (right))
#define ck_assert_mem_eq(left, right, length) ck_assert(memcmp((left), (right), (length)) == 0)
#define ck_assert_ptr_null(value)             ck_assert((value) == NULL)
#define ck_assert_number(left, right, type, format)                                                \
    do {                                                                                           \
        type left_ = (type)(left), right_ = (type)(right);                                         \
        ck_assert_msg(left_ == right_, "%s == %s: " format ", " format, #left, #right, left_,      \
                      right_);                                                                     \
    } while (0)

#endif
