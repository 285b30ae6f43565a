/* SPDX-License-Identifier: ISC */
/**
 * @file random.h
 * Random operations of random domains on model and service (or the model alone).
 */
#ifndef TESTS_SIM_RANDOM_H
#define TESTS_SIM_RANDOM_H

#include "twin.h"

/** What a run may do beside requests. */
struct random_options {
    uint64_t seed;
    unsigned steps;
    bool host_events; /**< domains come, go, are released; connections of dom0 come and go */
    bool dom0_only;   /**< no guest speaks */
    bool print;       /**< each step on stderr */
    void (*each)(struct twin *twin, void *context); /**< after each step; NULL: nothing */
    void *context;
};

/** Do @options->steps random steps; fails the running test at the first difference. */
void random_run(struct twin *twin, const struct random_options *options);

#endif
