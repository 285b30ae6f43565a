/* SPDX-License-Identifier: ISC */
/**
 * @file expiry.h
 * When flows end: a wheel of slots of half a second, which a hand goes around with the time. A flow
 * is in the slot in which it would end if it sent nothing more; a frame changes only the flow, and
 * when the hand comes by and the flow's time is later, it is put into that slot. So a flow costs a
 * look once in a timeout, whatever it sends, and nothing ever scans the table.
 */
#ifndef MONITOR_EXPIRY_H
#define MONITOR_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "flow.h"
#include "table.h"

/** 2^29 ns, 0.54 s, a slot: 9 minutes around; who has longer is looked at once in between. */
#define EXPIRY_SHIFT 29U
#define EXPIRY_SLOTS 1024U

/** flow.older is an index + 1, 0 at the end of the slot's list. So is flow.newer, but of the first
 * of a slot: this and the slot. */
#define EXPIRY_FIRST UINT32_C(0x80000000)

struct expiry {
    struct flow *flows;
    uint64_t hand;                 /**< the slot that is being emptied, counted from 1970 */
    uint64_t idle, active, closed; /**< ns */
    uint64_t soonest;              /**< the least of idle and closed */
    uint32_t head[EXPIRY_SLOTS];   /**< index + 1 */
};

/** Of @flows; timeouts in seconds, 0 counts as 1. */
void expiry_create(struct expiry *expiry, struct flow *flows);
void expiry_configure(struct expiry *expiry, uint32_t idle, uint32_t active, uint32_t closed);

/** The first time that is known; nothing is in the wheel yet. */
static inline void expiry_begin(struct expiry *expiry, uint64_t now)
{
    expiry->hand = now >> EXPIRY_SHIFT;
}

/** The time from which on a flow is over, or to be reported. */
static inline uint64_t expiry_deadline(const struct expiry *expiry, const struct flow *flow)
{
    const uint64_t silent =
        flow->last + (flow->state & FLOW_CLOSED ? expiry->closed : expiry->idle);
    const uint64_t long_ago = flow->first + expiry->active;
    /* Nothing was counted since it was reported. */
    const bool nothing = flow->side[0].frames + flow->side[1].frames == 0;

    return long_ago < silent && !nothing ? long_ago : silent;
}

/** Is it over at @now: FLOW_IDLE, FLOW_TCP_END; to be reported: FLOW_ACTIVE; else FLOW_LIVE. */
static inline enum flow_end expiry_end(const struct expiry *expiry, const struct flow *flow,
                                       uint64_t now)
{
    const uint64_t silence = now - flow->last;

    if (__builtin_expect(silence >= expiry->soonest, 0)) {
        if (flow->state & FLOW_CLOSED && silence >= expiry->closed)
            return FLOW_TCP_END;
        if (silence >= expiry->idle)
            return FLOW_IDLE;
    }
    if (__builtin_expect(now - flow->first >= expiry->active, 0) &&
        flow->side[0].frames + flow->side[1].frames != 0)
        return FLOW_ACTIVE;
    return FLOW_LIVE;
}

/** Into the wheel, out of it, and into another slot because its deadline is earlier now. */
void expiry_insert(struct expiry *expiry, uint32_t index);
void expiry_remove(struct expiry *expiry, uint32_t index);
static inline void expiry_move(struct expiry *expiry, uint32_t index)
{
    expiry_remove(expiry, index);
    expiry_insert(expiry, index);
}

/** Is anything behind the time? */
static inline bool expiry_behind(const struct expiry *expiry, uint64_t now)
{
    return expiry->hand < now >> EXPIRY_SHIFT;
}

/**
 * A flow that is over, or to be reported, at @now; TABLE_NONE: there is none, or *@steps (of which
 * each looks at a flow, or at some empty slots) are used up. It stays in its slot: the caller
 * removes it, or moves it once it is reported.
 */
uint32_t expiry_next(struct expiry *expiry, uint64_t now, unsigned *steps);

#endif
