/* SPDX-License-Identifier: ISC */
/**
 * @file control_suite.h
 * The parts of control-test, one TCase a file.
 */
#ifndef TESTS_SIM_CONTROL_SUITE_H
#define TESTS_SIM_CONTROL_SUITE_H

#include "remote.h"

#include <check.h>

/** A host whose service listens for control clients. */
struct host *control_start(void);

/** End it, after the rings of clients that are gone are free again. */
void control_finish(struct host *host);

TCase *control_basic_case(void);   /**< control_test.c: publishing, STATUS, STOP */
TCase *control_store_case(void);   /**< control_store.c: statistics, quotas */
TCase *control_trace_case(void);   /**< control_trace.c */
TCase *control_hostile_case(void); /**< control_hostile.c */

#endif
