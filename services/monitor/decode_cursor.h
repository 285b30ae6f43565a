/* SPDX-License-Identifier: ISC */
/**
 * @file decode_cursor.h
 * What the parts of the decoder share; nobody else needs it.
 */
#ifndef MONITOR_DECODE_CURSOR_H
#define MONITOR_DECODE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "decode.h"

#define ETHER_SIZE 14U
#define IPV4_SIZE  20U
#define IPV6_SIZE  40U
#define TCP_SIZE   20U
#define UDP_SIZE   8U

#define DATAGRAM_MAX 65535U

#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

enum {
    TYPE_LENGTH_MAX = 1500, /* up to here it is the length of an 802.3 frame */
    TYPE_IPV4 = 0x0800,
    TYPE_ARP = 0x0806,
    TYPE_TAG = 0x8100,
    TYPE_IPV6 = 0x86dd,
    TYPE_MPLS = 0x8847,
    TYPE_MPLS_MULTICAST = 0x8848,
    TYPE_PPPOE = 0x8864,
    TYPE_STAG = 0x88a8,
    TYPE_QINQ = 0x9100, /* as 802.1ad before it was one */
};

enum {
    PROTOCOL_HOP = 0,
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_DCCP = 33,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_AH = 51,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_NONE = 59,
    PROTOCOL_DESTINATION = 60,
    PROTOCOL_SCTP = 132,
    PROTOCOL_MOBILITY = 135,
    PROTOCOL_UDPLITE = 136,
};

/* at <= seen <= end: of the frame's bytes, those before @seen may be read, and those before @end
 * belong to what is being decoded. */
struct cursor {
    const uint8_t *frame;
    uint32_t at, seen, end;
    bool overlong; /* something said that it were longer than what it is in */
};

static inline uint16_t u16(const uint8_t *data)
{
    return (uint16_t)(data[0] << 8 | data[1]);
}

static inline uint32_t u32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static inline uint32_t seen(const struct cursor *cursor)
{
    return cursor->seen - cursor->at;
}

static inline uint32_t rest(const struct cursor *cursor)
{
    return cursor->end - cursor->at;
}

/* Why @size bytes cannot be read. */
static inline enum decode_result missing(const struct cursor *cursor, uint32_t size)
{
    return rest(cursor) < size ? DECODE_MALFORMED : DECODE_SHORT;
}

/* What follows is @size bytes long; it may be less than the rest, behind which is padding. */
static inline void end_after(struct cursor *cursor, uint32_t size)
{
    cursor->end = cursor->at + size;
    if (cursor->seen > cursor->end)
        cursor->seen = cursor->end;
}

/* The same of a length that a header claims; what is longer than the rest is not believed. */
static inline uint32_t end_by_claim(struct cursor *cursor, uint32_t size)
{
    if (unlikely(size > rest(cursor))) {
        cursor->overlong = true;
        return rest(cursor);
    }
    end_after(cursor, size);
    return size;
}

static inline void set_ports(const uint8_t *header, struct decoded *decoded)
{
    decoded->source_port = u16(header);
    decoded->destination_port = u16(header + 2);
    decoded->ports = true;
}

/* All behind a header of @size bytes, of which there are as many, seen or not. */
static inline void set_payload(const struct cursor *cursor, uint32_t size, uint32_t length,
                               struct decoded *decoded)
{
    const uint32_t there = seen(cursor) > size ? seen(cursor) - size : 0;

    decoded->payload = cursor->at + size;
    decoded->payload_length = length;
    decoded->payload_captured = there < length ? there : length;
}

/* The header is there up to its flags. */
static inline enum decode_result tcp_rest(const struct cursor *cursor, const uint8_t *tcp,
                                          struct decoded *decoded)
{
    const uint32_t size = (uint32_t)(tcp[12] >> 4) * 4;

    set_ports(tcp, decoded);
    decoded->sequence = u32(tcp + 4);
    decoded->acknowledgment = u32(tcp + 8);
    decoded->tcp_flags = tcp[13];
    if (unlikely(size < TCP_SIZE || size > rest(cursor)))
        return DECODE_MALFORMED;
    set_payload(cursor, size, rest(cursor) - size, decoded);
    return DECODE_OK;
}

/** Behind tags, LLC, PPPoE and MPLS labels, the cursor behind the type: it is moved to what
 * follows, and
 * *@type says what that is. */
enum decode_result decode_link(struct cursor *cursor, uint16_t *type, struct decoded *decoded);
enum decode_result decode_arp(const struct cursor *cursor, struct decoded *decoded);
/** Transport headers but whole ones of TCP and UDP. */
enum decode_result decode_transport(const struct cursor *cursor, struct decoded *decoded);

#endif
