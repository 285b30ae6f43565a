/* SPDX-License-Identifier: ISC */
#include "expiry.h"

/* Empty slots, sixteen of which share a line, are passed over so many at a step. */
#define EMPTY_A_STEP 32U

void expiry_create(struct expiry *expiry, struct flow *flows)
{
    *expiry = (struct expiry){.flows = flows};
}

static uint64_t nanoseconds(uint32_t seconds)
{
    return (seconds ? seconds : 1) * UINT64_C(1000000000);
}

void expiry_configure(struct expiry *expiry, uint32_t idle, uint32_t active, uint32_t closed)
{
    expiry->idle = nanoseconds(idle);
    expiry->active = nanoseconds(active);
    expiry->closed = nanoseconds(closed);
    expiry->soonest = expiry->idle < expiry->closed ? expiry->idle : expiry->closed;
}

void expiry_insert(struct expiry *expiry, uint32_t index)
{
    struct flow *flow = &expiry->flows[index];
    uint64_t at = expiry_deadline(expiry, flow) >> EXPIRY_SHIFT;
    uint32_t slot, *head;

    /* The slot of the hand is being emptied: nothing may come back into it. */
    if (at >= expiry->hand + EXPIRY_SLOTS)
        at = expiry->hand + EXPIRY_SLOTS - 1;
    else if (at <= expiry->hand)
        at = expiry->hand + 1;
    slot = at % EXPIRY_SLOTS;
    head = &expiry->head[slot];
    flow->older = *head;
    flow->newer = EXPIRY_FIRST | slot;
    if (*head != 0)
        expiry->flows[*head - 1].newer = index + 1;
    *head = index + 1;
}

void expiry_remove(struct expiry *expiry, uint32_t index)
{
    const struct flow *flow = &expiry->flows[index];

    if (flow->newer & EXPIRY_FIRST)
        expiry->head[flow->newer & ~EXPIRY_FIRST] = flow->older;
    else
        expiry->flows[flow->newer - 1].older = flow->older;
    if (flow->older != 0)
        expiry->flows[flow->older - 1].newer = flow->newer;
}

uint32_t expiry_next(struct expiry *expiry, uint64_t now, unsigned *steps)
{
    const uint64_t until = now >> EXPIRY_SHIFT;

    /* After a jump of the time all slots are due, each of them once. */
    if (until > EXPIRY_SLOTS && expiry->hand < until - EXPIRY_SLOTS)
        expiry->hand = until - EXPIRY_SLOTS;
    while (expiry->hand < until && *steps != 0) {
        const uint32_t head = expiry->head[expiry->hand % EXPIRY_SLOTS];

        if (head == 0) {
            *steps -= ++expiry->hand % EMPTY_A_STEP == 0;
            continue;
        }
        if (expiry_end(expiry, &expiry->flows[head - 1], now) != FLOW_LIVE)
            return head - 1;
        expiry_move(expiry, head - 1);
        --*steps;
    }
    return TABLE_NONE;
}
