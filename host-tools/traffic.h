/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/traffic.h
 * What a report is made of: flows, summed by who, with whom, what for, and when. Bounded: what is
 * beyond the bounds is summed under "others" and counted.
 */
#ifndef ATOLL_TRAFFIC_H
#define ATOLL_TRAFFIC_H

#include "common/flow_wire.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRAFFIC_NAME 72U

/** Endpoints, names and ports that are told apart, each; flows that are kept for the plot. */
#define TRAFFIC_KEYS    65536U
#define TRAFFIC_FLOWS   2000000U
#define TRAFFIC_LARGEST 25U
#define TRAFFIC_ALERTS  200U
#define TRAFFIC_BUCKETS 120U
/** Endpoints that have a curve. */
#define TRAFFIC_CURVES 6U

/** Something that is counted under a name. */
struct traffic_entry {
    char name[TRAFFIC_NAME]; /**< NUL-terminated, else as it came */
    uint64_t bytes, frames, flows;
    uint64_t in, out; /**< of endpoints: bytes to and from them */
    uint64_t *series; /**< bytes in each bucket, of endpoints that have a curve; else NULL */
};

/** A table of them; the one at 0 is "others". */
struct traffic_table {
    struct traffic_entry *entries;
    uint32_t count, room;
    uint32_t *slots; /**< hashed; 0: free */
    uint64_t seed[2];
};

struct traffic_alert {
    uint64_t time, suppressed;
    unsigned severity; /**< syslog's */
    char kind[32], who[TRAFFIC_NAME], evidence[264];
};

/** One of the largest conversations. */
struct traffic_flow {
    uint64_t first, last, bytes[2], frames;
    char side[2][TRAFFIC_NAME], name[136];
    uint16_t port;
    uint8_t protocol, family, application;
    uint16_t ethertype;
};

/** A loss: how many of what. */
struct traffic_loss {
    const char *what;
    uint64_t count;
};
#define TRAFFIC_LOSSES 12U

/** A flow as the plot needs it. */
struct traffic_span {
    uint64_t first, last;
    uint64_t bytes;
    uint32_t side[2];
};

struct traffic {
    uint64_t since, until; /**< flows outside of this are left out; 0, UINT64_MAX: no bound */
    bool live;             /**< a monitor's: series are of its ports instead of flows */
    uint64_t first, last;  /**< of what is shown */
    uint64_t flows, frames, bytes, left_out;
    struct traffic_table who, protocols, ports, names;
    struct traffic_table guests; /**< of a monitor: its ports, with what they had since they came */
    uint64_t total[TRAFFIC_BUCKETS]; /**< bytes in each bucket, of all */
    struct traffic_span *spans;
    uint32_t span_count, span_room;
    uint64_t spans_lost;
    struct traffic_flow largest[TRAFFIC_LARGEST];
    uint32_t largest_count;
    struct traffic_alert alerts[TRAFFIC_ALERTS];
    uint32_t alert_count;
    uint64_t alerts_more; /**< older ones that found no place */
    struct traffic_loss losses[TRAFFIC_LOSSES];
    uint32_t loss_count;
    uint64_t bucket; /**< nanoseconds */
};

/** Begin. False: no memory. traffic_free() in either case. */
bool traffic_init(struct traffic *t);
void traffic_free(struct traffic *t);

/** Add a conversation. */
void traffic_add(struct traffic *t, const struct flow_view *view);

/** The entry called @name (of @length bytes), made if it is new; that of others if there is no
 * room. */
struct traffic_entry *traffic_entry(struct traffic_table *table, const char *name, size_t length);

/** Its buckets, made if it has none; NULL: no memory. */
uint64_t *traffic_series(struct traffic_entry *entry);

/** Endpoints with curves are of this table. */
const struct traffic_table *traffic_curves(const struct traffic *t);

/** A place for an alert; the newest are kept, in the order in which they came. */
struct traffic_alert *traffic_alert(struct traffic *t);

/** Something was lost; nothing to do if @count is 0. */
void traffic_lost(struct traffic *t, const char *what, uint64_t count);

/** All has come: fix the buckets and spread the flows over them (unless @ref live). */
void traffic_finish(struct traffic *t);

/** The numbers of the @max greatest entries of @table by bytes, without others; how many. */
uint32_t traffic_greatest(const struct traffic_table *table, uint32_t *numbers, uint32_t max);

/** "tcp", "icmpv6"... or its number in @text. */
const char *traffic_protocol(uint8_t family, uint8_t protocol, uint16_t ethertype, char *text,
                             size_t size);

#endif
