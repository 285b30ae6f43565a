/* SPDX-License-Identifier: ISC */
#include "limit.h"

#include <hv/time.h>

static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product;

    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/*
 * What @rate gives in @elapsed, with @rest of what it gave before: whole tokens; the rest goes to
 * @rest. No product goes beyond 64 bits but that of the seconds, where it means "more than any".
 */
static uint64_t earned(uint64_t rate, uint64_t elapsed, uint64_t *rest)
{
    uint64_t seconds = elapsed / HV_SEC, part = elapsed % HV_SEC;
    uint64_t fraction = part * (rate % HV_SEC) + *rest; /* < 10^18 + 10^9 */

    *rest = fraction % HV_SEC;
    return add(multiply(seconds, rate), add(part * (rate / HV_SEC), fraction / HV_SEC));
}

/* Bring the bucket to @now. A clock that stands still, or a caller's older reading, gives nothing.
 */
static void settle(struct limit *limit, uint64_t now)
{
    uint64_t tokens;

    if (now <= limit->then)
        return;
    tokens = earned(limit->rate, now - limit->then, &limit->rest);
    limit->then = now;
    if (tokens < (uint64_t)limit->debt) {
        limit->debt -= (int64_t)tokens;
        return;
    }
    tokens -= (uint64_t)limit->debt;
    limit->debt = 0;
    if (tokens >= limit->burst - limit->level) {
        limit->level = limit->burst; /* what runs over is lost, to the last part of a token */
        limit->rest = 0;
    } else {
        limit->level += tokens;
    }
}

void limit_set(struct limit *limit, uint64_t rate, uint64_t burst, uint64_t now)
{
    if (rate == 0) {
        *limit = (struct limit){0};
        return;
    }
    if (burst == 0)
        burst = 1;
    if (limit->rate == 0) {
        *limit = (struct limit){.rate = rate, .burst = burst, .level = burst, .then = now};
        return;
    }
    settle(limit, now);
    limit->rate = rate;
    limit->burst = burst;
    if (limit->level >= burst) {
        limit->level = burst;
        limit->rest = 0;
    }
}

bool limit_take(struct limit *limit, uint64_t tokens, uint64_t now)
{
    if (limit->rate == 0)
        return true;
    settle(limit, now);
    if (limit->debt != 0)
        return false;
    if (tokens <= limit->level) {
        limit->level -= tokens;
        return true;
    }
    tokens -= limit->level;
    limit->level = 0;
    limit->debt = tokens < INT64_MAX ? (int64_t)tokens : INT64_MAX;
    return true;
}

/* The fewest nanoseconds, up to a second, in which @rate gives @tokens: at least 1, at most @rate.
 */
static uint64_t time_for(uint64_t rate, uint64_t tokens, uint64_t rest)
{
    uint64_t low = 0, high = HV_SEC;

    if (tokens <= UINT64_MAX / HV_SEC) {
        tokens = tokens * HV_SEC - rest;
        return tokens / rate + (tokens % rate != 0);
    }
    /* Beyond 18 * 10^9 tokens a second; a division of 128 bits is not there for each platform. */
    while (low < high) {
        uint64_t middle = (low + high) / 2, left = rest;

        if (earned(rate, middle, &left) >= tokens)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

uint64_t limit_ready(const struct limit *limit, uint64_t now)
{
    uint64_t debt = (uint64_t)limit->debt, seconds, ready;

    if (limit->rate == 0 || debt == 0)
        return now;
    /* So that at least one token is left for the part of a second, which is worth the rest. */
    seconds = (debt - 1) / limit->rate;
    ready = multiply(seconds, HV_SEC);
    ready = add(ready, time_for(limit->rate, debt - seconds * limit->rate, limit->rest));
    ready = add(limit->then, ready);
    return ready > now ? ready : now;
}
