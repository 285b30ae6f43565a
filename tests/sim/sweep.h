/* SPDX-License-Identifier: ISC */
/**
 * @file sweep.h
 * Failures in the parts of sweep-test: which of the service's allocations fail.
 */
#ifndef TESTS_SIM_SWEEP_H
#define TESTS_SIM_SWEEP_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

/** From now on @many allocations fail, beginning with the @first (from 1). */
void sweep_arm(uint64_t first, unsigned many);

/** None fails any more. Did any? */
bool sweep_disarm(void);

/** sweep_control.c: the same for what control clients ask. */
TCase *sweep_control_case(void);

#endif
