/* SPDX-License-Identifier: ISC */
/**
 * @file suite.h
 * The test cases of the control protocol, a file of tests for each.
 */
#ifndef TESTS_UNIT_CONTROL_SUITE_H
#define TESTS_UNIT_CONTROL_SUITE_H

#include "tests/unit/unit.h"

TCase *codec_cases(void);
TCase *ends_cases(void);
TCase *page_cases(void);
TCase *server_cases(void);

#endif
