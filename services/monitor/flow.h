/* SPDX-License-Identifier: ISC */
/**
 * @file flow.h
 * The table of flows: a conversation is one entry, both directions joined. Fixed memory, keyed
 * hash, eviction that is bounded, fair and counted; times in nanoseconds since 1970, as the frames
 * have them.
 */
#ifndef MONITOR_FLOW_H
#define MONITOR_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"

/** Why a flow ended (IPFIX flowEndReason, RFC 5102 section 5.11.3: 1 idle, 2 active, 3 end, 4
 * forced, 5 lack of resources). */
enum flow_end {
    FLOW_LIVE = 0,
    FLOW_IDLE = 1,
    FLOW_ACTIVE = 2,
    FLOW_TCP_END = 3,
    FLOW_FORCED = 4,
    FLOW_EVICTED = 5
};

/** What tells two flows apart; unused bytes are 0, so that it is compared as bytes. Side 0 and 1
 * are as of flow.side: the table stores a canonical order and remembers which is which. */
struct flow_key {
    uint8_t address[2][16];
    uint16_t port[2];
    uint16_t vid[2]; /**< outer, inner tag */
    uint8_t family, protocol;
    uint16_t lan; /**< number of the bridge the frame was on: the same addresses on two switches
                       are two conversations; of files: 0 */
    uint16_t ethertype; /**< of what is no IP: which */
    uint8_t reserved[2];
};
_Static_assert(sizeof(struct flow_key) == 48, "flow_key");

struct flow_side {
    uint64_t frames, bytes; /**< bytes: of frames, as on the wire without FCS */
    uint64_t ip_bytes;      /**< of IP datagrams, as IPFIX counts */
    uint16_t identity;      /**< of its port: engine_identity(); 0: not known */
    uint8_t mac[6];
    uint8_t tcp_flags; /**< all that were seen, or-ed */
    uint8_t tos;       /**< of the first frame */
};

/** Names and such that were seen in a flow; application.h fills it. NULL in most flows. */
struct flow_application;

struct flow {
    struct flow_key key; /**< side 0: who began */
    struct flow_side side[2];
    uint64_t first, last;
    uint64_t reported; /**< when it was last given out as still going on (active timeout); 0 */
    uint32_t rtt;      /**< microseconds from SYN to the ACK of its SYN-ACK; 0: not seen */
    uint8_t end;       /**< enum flow_end */
    struct flow_application *application;
    /* the rest is of flow.c and application.c alone */
    uint64_t syn_time;
    uint32_t next, link[2];
    uint8_t state, probes;
};

#endif
