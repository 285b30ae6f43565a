/* SPDX-License-Identifier: ISC */
/**
 * @file scenario.h
 * Short plays in text, with every message that must come out: what the protocol means, by example.
 * They are played on the model alone and on model and service together.
 *
 * A line is one of
 *   boot N | introduce N | guest N (both) | release N | shutdown N | kill N | reconnect N |
 *   attach N | detach N (connection 32 + N of dom0's)
 *   WHO[.SLOT] TYPE PAYLOAD         a request of connection WHO; '|' stands for NUL; SLOT names the
 *                                   transaction, 'x' one that does not exist
 * each followed, if its messages are checked, by " => " and all of them as "TO TYPE PAYLOAD",
 * separated by "; ".
 */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

struct scenario {
    const char *name;
    const char *const *lines; /**< ends with NULL */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

/** Play one; fails the running test where it goes wrong. */
void scenario_play(const struct scenario *scenario, bool with_service);

#endif
