/* SPDX-License-Identifier: ISC */
/**
 * @file history_test.h
 * What the files of history-test have in common.
 */
#ifndef TESTS_SIM_HISTORY_TEST_H
#define TESTS_SIM_HISTORY_TEST_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

TCase *history_plays(void);
TCase *history_remote(void);

/** The @nth allocation of the service from now on fails. */
void history_test_fail(uint64_t nth);

/** Has it? No allocation fails any more. */
bool history_test_struck(void);

#endif
