/* SPDX-License-Identifier: ISC */
/**
 * @file engine.h
 * The monitor without a platform: frames in, flows, names, top talkers and alerts out. The service
 * runs it on what the switch mirrors, the host tool on files; both hand in memory, a key and time.
 *
 * One engine is one struct in the memory that its owner gave; nothing else is allocated. Time is
 * that of the frames (nanoseconds since 1970) and never goes back: a frame that is older than the
 * newest counts as of then.
 */
#ifndef MONITOR_ENGINE_H
#define MONITOR_ENGINE_H

#include "common/hash.h"

#include "alert.h"
#include "decode.h"
#include "flow.h"
#include "top.h"

struct engine;

/** Identities of ports, at most, with those that only ended flows still name. */
#define ENGINE_IDENTITIES 1024U

/** Who is behind a port. */
struct engine_identity {
    uint16_t domid, vif;
    bool identified; /**< uuid is known */
    bool uplink;
    uint8_t mac[6];
    uint8_t uuid[16];
    char bridge[32];
    char guest[64]; /**< "": not known */
};

struct engine_config {
    struct hash_key key;
    uint32_t flows;        /**< the table's entries; 16 at least */
    uint32_t applications; /**< of them, how many may have names (application.h) */
    uint32_t idle;         /**< seconds without a frame, after which a flow ends; default 60 */
    uint32_t active;       /**< seconds after which a flow that goes on is reported; default 300 */
    uint32_t closed; /**< seconds after TCP's end (both FINs acknowledged or RST); default 5 */
    bool egress;     /**< count frames at their way out instead of in */
    bool file;       /**< no ports are known; frames have no direction */
    struct alert_limits limits;
    /** A flow has ended, or (end FLOW_ACTIVE) is to be reported: @flow is valid within the call;
     * counters are those since its last report. NULL: nobody is told. */
    void (*ended)(void *context, const struct flow *flow);
    void (*alert)(void *context, const struct alert *alert);
    void *context;
};

/** Fill @config with the defaults for @memory bytes: as many flows as fit. */
void engine_defaults(struct engine_config *config, size_t memory);
/** Bytes that an engine of @config takes. */
size_t engine_size(const struct engine_config *config);
/** Make one in @memory (zeroed, aligned to 64) of @size bytes. NULL: too little. */
struct engine *engine_create(void *memory, size_t size, const struct engine_config *config);

/** One frame. */
struct engine_frame {
    uint64_t time;
    const uint8_t *data;
    uint32_t captured, length;
    uint32_t counted; /**< bytes it counts with, if its Ethernet header was made up; 0: length */
    uint16_t port;    /**< number of the switch's port; of a file: its interface */
    uint16_t vid;     /**< that the switch has put it in, if no tag says so; 0 */
    bool egress;      /**< seen on its way to the port */
};

/** Take @count frames: hashes and table lines of all are fetched ahead, so give many at once (up to
 * ENGINE_BURST go together). */
#define ENGINE_BURST 32U
void engine_frames(struct engine *engine, const struct engine_frame *frames, unsigned count);

/** A port is who; before its first frame and when it changes. NULL: it is gone. */
void engine_port(struct engine *engine, uint16_t port, const struct engine_identity *identity);

/** It is @now: end what is to end. Bounded work; true: call again soon, there is more. Frames'
 * times do it by themselves while they come. */
bool engine_time(struct engine *engine, uint64_t now);

/** End all flows (FLOW_FORCED): of a file, at its end. */
void engine_flush(struct engine *engine);

/** New limits and timeouts; flows, key, applications and functions are as they were. */
void engine_configure(struct engine *engine, const struct engine_config *config);

/** The live flow at or behind *@cursor (begin with 0), which is moved on; NULL: that was all. A
 * flow that lives through the whole walk is seen exactly once. */
const struct flow *engine_next_flow(const struct engine *engine, uint32_t *cursor);

/** Of a number in flow_side.identity or an alert. Never NULL; of 0: all zeros. */
const struct engine_identity *engine_identity(const struct engine *engine, uint16_t identity);
/** The identity of a port now; 0: none. */
uint16_t engine_port_identity(const struct engine *engine, uint16_t port);

/** Tables that live in the engine. */
const struct top *engine_top(const struct engine *engine);

struct engine_counters {
    uint64_t frames, bytes; /**< all that was given, but egress copies */
    uint64_t copies;        /**< egress copies, which are not counted twice */
    uint64_t results[DECODE_RESULTS];
    uint64_t fragments, fragments_matched; /**< later ones, and those whose first was seen */
    uint64_t flows_created, flows_live, flows_highest;
    uint64_t flows_ended[FLOW_EVICTED + 1]; /**< by reason */
    uint64_t flows_refused; /**< frames in no flow: shorter than Ethernet's header */
    uint64_t applications_live, applications_refused;
    uint64_t alerts, alerts_suppressed;
    uint64_t identities_refused;
};
void engine_counters(const struct engine *engine, struct engine_counters *counters);

#endif
