/* SPDX-License-Identifier: ISC */
/**
 * @file recovery_test.h
 * Runs of the reference model and a service that dies (recovery_play.c), and the parts of
 * recovery-test.
 */
#ifndef TESTS_SIM_RECOVERY_TEST_H
#define TESTS_SIM_RECOVERY_TEST_H

#include "random.h"

#include <check.h>

/** One run, and what came of it. */
struct recovery_play {
    uint64_t seed;
    unsigned steps;
    uint64_t in, then, every;       /**< as in struct host_deaths */
    unsigned deaths, early;         /**< that came; of them in the first step of a successor */
    void (*arm)(struct host *host); /**< in the place of host_arm(); NULL: that */
    void (*disarm)(void);           /**< and its end; NULL: nothing */
};

/** Play it; fails the running test where the service and the model differ. */
void recovery_play(struct recovery_play *play);

/** The number in the environment variable @name. */
unsigned recovery_number(const char *name, unsigned otherwise);

/** What random runs do not meet (recovery_cases.c). */
TCase *recovery_cases(void);

/** Journals that no successor takes (recovery_refused.c). */
TCase *recovery_refused(void);

/** Deaths at chosen steps (recovery_steps.c); @one: of the seed that the environment says. */
TCase *recovery_steps(bool one);

/** What a successor knows is what its predecessor knew (recovery_same.c). */
TCase *recovery_same(bool one);

#endif
