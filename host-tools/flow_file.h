/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/flow_file.h
 * A capture file through the monitor's engine: what `atoll flows -r` and the benchmark are made of.
 * Classic pcap is read in large pieces and looked at where it lies; pcapng is read by libpcap.
 *
 * Link types: Ethernet; Linux cooked v1 and v2, raw IP, BSD null and loop, whose frames get an
 * Ethernet header made up (with the sender's address where there is one), but count with the bytes
 * that they have in the file. Frames of other types are counted and passed over.
 */
#ifndef ATOLL_FLOW_FILE_H
#define ATOLL_FLOW_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/flow_wire.h"
#include "services/monitor/engine.h"

/** Entries of the flow table, if the options do not say: the process stays within 64 MiB. */
#define FLOW_FILE_FLOWS 262144U

/** What is to be done with a file; all zeros is a good beginning. */
struct flow_file_options {
    uint32_t flows;                    /**< entries of the flow table; 0: FLOW_FILE_FLOWS */
    uint32_t idle, active, closed;     /**< seconds, as in engine_config; 0: its defaults */
    const struct alert_limits *limits; /**< NULL: the defaults */
    /** A flow has ended, by the file's clock or at the file's end; @flow lives until the call ends.
     * Also those that go on (record.end 2), with what was counted since they were told before. */
    void (*flow)(void *context, const struct flow_view *flow);
    void (*alert)(void *context, const struct alert *alert);
    /** Now and then (every 16 MiB): how much was read. False: stop, which is no error. */
    bool (*progress)(void *context, uint64_t bytes, uint64_t frames);
    void *context;
};

struct flow_file_result {
    struct engine_counters engine; /**< at the end, when all flows were ended */
    uint64_t size;                 /**< bytes that were read, of a pcapng: of its frames */
    uint64_t frames;               /**< in the file, those that were passed over included */
    uint64_t unknown_link;         /**< frames passed over for their link type */
    int unknown_type;              /**< one such type: LINKTYPE_* */
    uint64_t first, last;          /**< time of the first and of the last frame; ns since 1970 */
    bool cut;     /**< the file ends within a frame, or goes on with what is none: @ref error says
                       where; all before it counts */
    bool stopped; /**< by progress */
    char error[300]; /**< one line, no newline; "": none */
};

/** Run @path ("-": stdin). 0; or -1 with result.error where the file could not be read at all or
 * there is no memory. Functions and members of @options may be NULL or 0. */
int flow_file_run(const char *path, const struct flow_file_options *options,
                  struct flow_file_result *result);

#endif
