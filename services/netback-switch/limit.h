/* SPDX-License-Identifier: ISC */
/**
 * @file limit.h
 * Token buckets: rates of bytes or of frames. Exact in integers over any time; never overflows.
 */
#ifndef SWITCH_LIMIT_H
#define SWITCH_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/** Zeroed: no limit. */
struct limit {
    uint64_t rate;  /**< tokens a second; 0: no limit */
    uint64_t burst; /**< tokens it can hold, at least 1 */
    uint64_t level; /**< tokens in it, may be below what a big frame takes: see limit_take() */
    int64_t debt;   /**< what frames took beyond the level */
    uint64_t then;  /**< when level was true, nanoseconds */
    uint64_t rest;  /**< of the division by a second, so that nothing is lost */
};

/** Set or change it; what is in the bucket stays, up to the new burst. A new one is full. */
void limit_set(struct limit *limit, uint64_t rate, uint64_t burst, uint64_t now);

/**
 * Take @tokens if the bucket is not in debt; a frame larger than the level is let through and paid
 * off afterwards, so that frames larger than the burst (GSO) pass and the rate holds over time.
 */
bool limit_take(struct limit *limit, uint64_t tokens, uint64_t now);

/** When limit_take() will say yes: now, or later. */
uint64_t limit_ready(const struct limit *limit, uint64_t now);

#endif
