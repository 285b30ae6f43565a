/* SPDX-License-Identifier: ISC */
/**
 * @file common.h
 * The test cases of common/, a file of tests for each of its parts.
 */
#ifndef TESTS_UNIT_COMMON_COMMON_H
#define TESTS_UNIT_COMMON_COMMON_H

#include "tests/unit/unit.h"

TCase *hash_cases(void);
TCase *journal_cases(void);
TCase *list_cases(void);
TCase *log_cases(void);
TCase *loop_cases(void);
TCase *watchdog_cases(void);

#endif
