/* SPDX-License-Identifier: ISC */
/**
 * @file ended.h
 * Flows that have ended, as records (common/flow_wire.h), for whoever exports them: the newest are
 * kept, readers have positions of their own, and one that is too slow learns how many it lost.
 */
#ifndef MONITOR_ENDED_H
#define MONITOR_ENDED_H

#include "common/arena.h"
#include "common/control_server.h"

#include "engine.h"

struct ended;

/** With @bytes for records; NULL: no memory. */
struct ended *ended_create(struct arena *arena, size_t bytes);
void ended_destroy(struct ended *ended);

/** Keep @flow; older ones give way. */
void ended_add(struct ended *ended, const struct engine *engine, const struct flow *flow);

/** Where a reader is. */
struct ended_position {
    uint64_t at;       /**< of all bytes ever kept */
    uint64_t sequence; /**< of the record there; from 1 */
};

/** Behind the newest: for who wants what is to come. */
struct ended_position ended_newest(const struct ended *ended);
/** At the record numbered @sequence, or the oldest or the newest if it is gone or to come. */
struct ended_position ended_find(const struct ended *ended, uint64_t sequence);

/**
 * The record at *@position, which is moved behind it: its length, with @lost records that the
 * reader would have had before it; 0: there is none yet. It is valid until the next ended_add().
 */
size_t ended_next(const struct ended *ended, struct ended_position *position,
                  const uint8_t **record, uint64_t *lost);

/** The handler of CONTROL_T_MONITOR_ENDED. */
int ended_handle(struct ended *ended, struct control_request *request);

#endif
