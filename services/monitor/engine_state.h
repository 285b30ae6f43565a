/* SPDX-License-Identifier: ISC */
/**
 * @file engine_state.h
 * What an engine is made of; for engine.c, burst.c and lifetime.c alone.
 */
#ifndef MONITOR_ENGINE_STATE_H
#define MONITOR_ENGINE_STATE_H

#include "application.h"
#include "engine.h"
#include "expiry.h"
#include "fragment.h"
#include "identities.h"
#include "macs.h"
#include "table.h"

struct engine {
    struct engine_config config;
    uint64_t now;         /**< newest time of all frames, and of engine_time() */
    uint64_t second_ends; /**< when rates are told next */
    struct table table;
    struct expiry expiry;
    struct identities identities;
    struct macs macs;
    struct top top;
    struct fragments *fragments;
    struct alerts *alerts;
    struct flow_application *applications; /**< the pool */
    uint32_t applications_free;            /**< index + 1; the rest was never used: */
    uint32_t applications_touched;
    uint32_t *applications_held; /**< of each identity that a flow is charged to */
    uint32_t sweep;              /**< flows from here on are to be moved: timeouts have changed */
    struct engine_counters counters;
    struct decoded decoded[ENGINE_BURST];
    struct table_lookup lookup[ENGINE_BURST];
};

/** How many identities it tells apart, with 0. */
static inline uint32_t engine_identities(const struct engine_config *config)
{
    return config->file ? 1 : ENGINE_IDENTITIES;
}

/* -- lifetime.c */

/** A flow that begins with a frame. @charged: whose port sent it. Makes room if there is none. */
uint32_t engine_begin(struct engine *engine, const struct table_lookup *lookup, bool reversed,
                      uint16_t charged);
/** End a flow, or report it (FLOW_ACTIVE). */
void engine_end(struct engine *engine, uint32_t index, enum flow_end end);
/** End what is over, in at most @steps; and once a second tell the rates. True: there is more. */
bool engine_expire(struct engine *engine, unsigned steps);
/** The time is @now, if that is later. */
void engine_advance(struct engine *engine, uint64_t now);
/** Room for the names of a flow; NULL: there is none, which is counted. */
struct flow_application *engine_application(struct engine *engine, const struct flow *flow);

#endif
