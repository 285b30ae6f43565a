/* SPDX-License-Identifier: ISC */
/**
 * @file flow.h
 * A flow: a conversation is one, both directions joined. Times in nanoseconds since 1970, as the
 * frames have them. table.h keeps them, expiry.h ends them.
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

/**
 * What tells two flows apart; unused bytes are 0, so that it is compared as bytes. In struct flow,
 * side 0 is who began; in struct lookup it is the one that is less.
 *
 * IP: addresses, ports (decode.h says which of ICMP; 0 of a fragment whose first was not seen) and
 * protocol. ARP: the protocol addresses, and as protocol the operation of the request (1, also of
 * its reply). All else: the MACs as addresses, and the Ethertype.
 */
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
    uint8_t mac[6];    /**< it sent from; until it has sent: the destination of the other's first */
    uint8_t tcp_flags; /**< all that were seen, or-ed */
    uint8_t tos;       /**< of the first frame */
};

/** Names and such that were seen in a flow; application.h fills it. NULL in most flows. */
struct flow_application;

/** Three lines of a cache: to find it takes the first, to count one more. */
struct flow {
    struct flow_key key; /**< side 0: who began */
    uint64_t last;
    struct flow_application *application;
    struct flow_side side[2]; /**< what was counted since it was last reported */
    uint64_t first;           /**< of the frames that were counted since it was last reported */
    uint32_t rtt;             /**< microseconds from SYN to the ACK of its SYN-ACK; 0: not seen */
    uint16_t reports;         /**< how often it was given out as still going on (active timeout) */
    uint8_t end;              /**< enum flow_end */
    /* The rest is of the engine alone. */
    uint8_t state;         /**< FLOW_* below */
    uint32_t start[2];     /**< TCP: initial sequence numbers */
    uint32_t fin[2];       /**< TCP: sequence number behind the FIN */
    uint32_t syn_time;     /**< microseconds, modulo 2^32 */
    uint32_t newer, older; /**< in its slot of the timer wheel: expiry.h */
    uint16_t charged;      /**< identity of the port whose share of the table it takes */
    uint8_t tcp;           /**< TCP_* of tcp.h */
    uint8_t probes;        /**< payloads that were looked at for names */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct flow) == 192, "flow");

/** flow.state */
#define FLOW_SWAPPED  0x01U /**< side 0 is side 1 of the key as it is hashed */
#define FLOW_ANSWERED 0x02U /**< both sides have sent */
#define FLOW_CLOSED   0x04U /**< TCP is at its end */

#endif
