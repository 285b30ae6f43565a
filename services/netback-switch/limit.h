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
    int64_t debt;   /**< what a frame took beyond the level, which is 0 then */
    uint64_t then;  /**< when level was true, nanoseconds */
    uint64_t rest;  /**< 10^-9 tokens on top of it, so that nothing is lost; below 10^9 */
};

/**
 * Set or change it; what is in the bucket stays, up to the new burst, and so does a debt. A new one
 * is full. Rate 0: no limit; burst 0: 1.
 */
void limit_set(struct limit *limit, uint64_t rate, uint64_t burst, uint64_t now);

/**
 * Take @tokens if the bucket is not in debt; a frame larger than the level is let through and paid
 * off afterwards, so that frames larger than the burst (GSO) pass and the rate holds over time: of
 * any time no more is taken than burst + rate * time + one frame. An empty bucket is not in debt.
 */
bool limit_take(struct limit *limit, uint64_t tokens, uint64_t now);

/** When limit_take() will say yes, to the nanosecond: @now, or later. */
uint64_t limit_ready(const struct limit *limit, uint64_t now);

#endif
