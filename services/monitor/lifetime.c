/* SPDX-License-Identifier: ISC */
/*
 * How flows begin and end: what they hold (a place in the table, a slot of the wheel, names,
 * identities) is taken and let go here.
 */
#include "engine_state.h"

#include <string.h>

#define SECOND UINT64_C(1000000000)
/* What is over ends before somebody else is evicted: steps that are spent on looking for it. */
#define STEPS_BEFORE_EVICTION 8U
/* Flows that are moved at a time once timeouts have changed. */
#define SWEPT 256U

static void application_let(struct engine *engine, struct flow *flow)
{
    const uint32_t index = (uint32_t)(flow->application - engine->applications);

    flow->application->next = engine->applications_free;
    engine->applications_free = index + 1;
    engine->applications_held[flow->charged]--;
    engine->counters.applications_live--;
    flow->application = NULL;
}

/* A port may have as many as are left for the others: one that makes up names by the million leaves
 * half of the pool. A file's frames are all of one. */
struct flow_application *engine_application(struct engine *engine, const struct flow *flow)
{
    const uint32_t total = engine->config.applications;
    const uint32_t left = total - (uint32_t)engine->counters.applications_live;
    uint32_t index = engine->applications_free;

    if (left == 0 || (!engine->config.file && engine->applications_held[flow->charged] >= left)) {
        engine->counters.applications_refused++;
        return NULL;
    }
    if (index != 0)
        engine->applications_free = engine->applications[--index].next;
    else
        index = engine->applications_touched++;
    engine->applications_held[flow->charged]++;
    engine->counters.applications_live++;
    memset(&engine->applications[index], 0, sizeof(engine->applications[index]));
    return &engine->applications[index];
}

/* Tell the owner, and begin to count anew. */
static void report(struct engine *engine, struct flow *flow, enum flow_end end)
{
    flow->end = end;
    if (engine->config.ended && flow->side[0].frames + flow->side[1].frames != 0)
        engine->config.ended(engine->config.context, flow);
    engine->counters.flows_ended[end]++;
}

void engine_end(struct engine *engine, uint32_t index, enum flow_end end)
{
    struct flow *flow = &engine->table.flows[index];

    report(engine, flow, end);
    if (end == FLOW_ACTIVE) {
        flow->end = FLOW_LIVE;
        if (flow->reports != UINT16_MAX)
            flow->reports++;
        for (unsigned i = 0; i < 2; i++)
            flow->side[i].frames = flow->side[i].bytes = flow->side[i].ip_bytes = 0;
        return;
    }
    expiry_remove(&engine->expiry, index);
    table_remove(&engine->table, index);
    if (flow->application)
        application_let(engine, flow);
    if (!engine->config.file) {
        identities_let(&engine->identities, flow->side[0].identity);
        identities_let(&engine->identities, flow->side[1].identity);
        identities_let(&engine->identities, flow->charged);
    }
}

/* End, or report and go on; from the wheel. */
static void due(struct engine *engine, uint32_t index)
{
    const enum flow_end end = expiry_end(&engine->expiry, &engine->table.flows[index], engine->now);

    engine_end(engine, index, end);
    if (end == FLOW_ACTIVE)
        expiry_move(&engine->expiry, index);
}

static bool expire(struct engine *engine, unsigned *steps)
{
    uint32_t index;

    while ((index = expiry_next(&engine->expiry, engine->now, steps)) != TABLE_NONE) {
        due(engine, index);
        --*steps;
    }
    return expiry_behind(&engine->expiry, engine->now);
}

uint32_t engine_begin(struct engine *engine, const struct table_lookup *lookup, bool reversed,
                      uint16_t charged)
{
    uint32_t victim = table_victim(&engine->table, lookup);

    if (victim != TABLE_NONE) {
        unsigned steps = STEPS_BEFORE_EVICTION;

        expire(engine, &steps);
        while ((victim = table_victim(&engine->table, lookup)) != TABLE_NONE)
            engine_end(engine, victim,
                       engine->table.flows[victim].state & FLOW_CLOSED ? FLOW_TCP_END
                                                                       : FLOW_EVICTED);
    }
    engine->counters.flows_created++;
    if (!engine->config.file)
        identities_hold(&engine->identities, charged);
    return table_insert(&engine->table, lookup, reversed, charged);
}

/* Timeouts have changed: flows move to where they belong now, some at a time. */
static bool sweep(struct engine *engine)
{
    for (unsigned i = 0; i < SWEPT && engine->sweep != TABLE_NONE; i++) {
        const uint32_t index = table_next(&engine->table, engine->sweep);

        if (index != TABLE_NONE)
            expiry_move(&engine->expiry, index);
        engine->sweep = index == TABLE_NONE ? TABLE_NONE : index + 1;
    }
    return engine->sweep != TABLE_NONE;
}

/* What each port has sent in the second that is over; one that has sent nothing has sent 0. */
static void tell_rates(struct engine *engine)
{
    for (uint16_t i = 1; i < engine->identities.touched; i++)
        if (engine->identities.slots[i].ports != 0 && !engine->identities.slots[i].who.uplink)
            alerts_rate(engine->alerts, engine->now, i, top_second(&engine->top, i, true, 1));
}

void engine_advance(struct engine *engine, uint64_t now)
{
    /* Half of what 64 bits hold, the year 2262: nothing that is added to it overflows. */
    if (now > INT64_MAX)
        now = INT64_MAX;
    if (now <= engine->now)
        return;
    if (engine->now == 0)
        expiry_begin(&engine->expiry, now);
    engine->now = now;
    if (now < engine->second_ends)
        return;
    engine->top.now = now / SECOND;
    engine->second_ends = (engine->top.now + 1) * SECOND;
    if (!engine->config.file)
        tell_rates(engine);
}

bool engine_expire(struct engine *engine, unsigned steps)
{
    bool more = engine->sweep != TABLE_NONE && sweep(engine);

    if (expiry_behind(&engine->expiry, engine->now))
        more |= expire(engine, &steps);
    return more;
}
