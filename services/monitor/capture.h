/* SPDX-License-Identifier: ISC */
/**
 * @file capture.h
 * Frames for dom0's tools: up to CAPTURES_MAX captures at a time, each with a filter of its own
 * (filter.h) and CAPTURE_BUFFER bytes for what is not fetched yet. What finds no room is counted. A
 * capture's stream is one of common/mirror_wire.h, whose ports have the engine's numbers.
 */
#ifndef MONITOR_CAPTURE_H
#define MONITOR_CAPTURE_H

#include "common/arena.h"
#include "common/control_server.h"

#include "feed.h"

#define CAPTURES_MAX   4U
#define CAPTURE_BUFFER (512U * 1024U)

struct captures;

/** @clock: of the feeds, the wall clock of hv_now() 0. NULL: no memory. */
struct captures *captures_create(struct arena *arena, const struct engine *engine,
                                 const uint64_t *clock);
void captures_destroy(struct captures *captures);

/** Is there any? */
bool captures_any(const struct captures *captures);
/** Give them frames; only worth calling if there is any. */
void captures_frames(struct captures *captures, const struct feed_burst *burst);
/** A port is somebody else's from now on, or (@gone) nobody's. */
void captures_port(struct captures *captures, uint16_t port, bool gone);
/** Frames were lost before anybody could look at them. */
void captures_lost(struct captures *captures, uint64_t frames);

struct captures_usage {
    unsigned open;
    uint64_t begun, frames, bytes, lost; /**< so far; lost: that found no room */
};
void captures_usage(const struct captures *captures, struct captures_usage *usage);

/** The handler of CONTROL_T_MONITOR_CAPTURE. */
int captures_handle(struct captures *captures, struct control_request *request);

#endif
