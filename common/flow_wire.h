/* SPDX-License-Identifier: ISC */
/**
 * @file flow_wire.h
 * A flow as it leaves the monitor's engine: lists, the stream of ended flows, files' results all
 * have this one form, and dom0's tools make tables, JSON, IPFIX and NetFlow of it. Little endian; a
 * record's strings lie behind it.
 */
#ifndef COMMON_FLOW_WIRE_H
#define COMMON_FLOW_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_VERSION 1U

/** The longest record, strings included: several fit a frame of the control protocol. */
#define FLOW_RECORD_MAX 768U

#define FLOW_IDENTIFIED 1U /**< uuid is known */
#define FLOW_UPLINK     2U

struct flow_record_side {
    uint64_t frames, bytes; /**< bytes of frames, without FCS */
    uint64_t ip_bytes;
    uint8_t address[16]; /**< IPv4: the first 4 */
    uint8_t uuid[16];    /**< of the guest; zeros with dom0 and where unknown */
    uint16_t port;
    uint16_t domid; /**< 0xffff: the port is not known */
    uint16_t vif;
    uint8_t mac[6];
    uint8_t tcp_flags, tos;
    uint8_t flags; /**< FLOW_IDENTIFIED, FLOW_UPLINK */
    uint8_t reserved;
};

struct flow_record {
    uint16_t length; /**< of all, strings included; a multiple of 8 */
    uint8_t version; /**< FLOW_VERSION */
    uint8_t family;  /**< 4, 6, 1: ARP, 0: neither */
    uint8_t protocol;
    uint8_t end;          /**< IPFIX flowEndReason; 0: it goes on */
    uint8_t application;  /**< 0, 1 DNS, 2 TLS, 3 HTTP */
    uint8_t answers;      /**< DNS: addresses in @ref answer */
    uint64_t first, last; /**< nanoseconds since 1970 */
    uint32_t rtt;         /**< microseconds; 0: not seen */
    uint16_t vid[2];      /**< outer, inner */
    uint16_t ethertype;
    uint16_t type, code; /**< of the application */
    uint8_t answer_family[4];
    uint8_t guest_length[2]; /**< of the strings, in this order: guest of side 0, of side 1, */
    uint8_t bridge_length;   /**< bridge, */
    uint8_t name_length;     /**< the application's name, */
    uint8_t detail_length;   /**< its detail */
    uint8_t reserved[5];
    uint8_t answer[4][16];
    struct flow_record_side side[2]; /**< 0: who began */
};
_Static_assert(sizeof(struct flow_record_side) == 72, "flow_record_side");
_Static_assert(sizeof(struct flow_record) == 264, "flow_record");

/** A record whose strings were checked, for readers. Not NUL-terminated. */
struct flow_view {
    struct flow_record record; /**< a copy, aligned */
    const char *guest[2], *bridge, *name, *detail;
};

/** Take the record at @data: its length, or 0 if it is none (then do not go on). */
size_t flow_view(const uint8_t *data, size_t length, struct flow_view *view);

#endif
