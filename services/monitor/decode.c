/* SPDX-License-Identifier: ISC */
/*
 * Most frames are of a few kinds, which are decoded as a whole at their fixed offsets (at the end
 * of this file). Over any other a cursor goes: headers move it on and, by the lengths they claim,
 * its end towards it.
 */
#include "decode_cursor.h"

#include <string.h>

/* The header's length is that of the datagram: 0 if it does not fit (a jumbogram, RFC 2675), and
 * more than there is in a first fragment. */
static inline enum decode_result udp_rest(const struct cursor *cursor, const uint8_t *udp,
                                          struct decoded *decoded)
{
    uint32_t length = u16(udp + 4);

    set_ports(udp, decoded);
    if ((length == 0 && decoded->family == DECODE_IPV6) || (decoded->more && length > rest(cursor)))
        length = rest(cursor);
    if (unlikely(length < UDP_SIZE || length > rest(cursor)))
        return DECODE_MALFORMED;
    set_payload(cursor, UDP_SIZE, length - UDP_SIZE, decoded);
    return DECODE_OK;
}

static inline enum decode_result transport(const struct cursor *cursor, struct decoded *decoded)
{
    const uint8_t *header = cursor->frame + cursor->at;

    decoded->transport = cursor->at;
    if (likely(decoded->protocol == PROTOCOL_TCP && seen(cursor) >= TCP_SIZE))
        return tcp_rest(cursor, header, decoded);
    if (likely(decoded->protocol == PROTOCOL_UDP && seen(cursor) >= UDP_SIZE))
        return udp_rest(cursor, header, decoded);
    return decode_transport(cursor, decoded);
}

/* -- IP */

/* Behind the authentication header at the cursor, whose successor is @next then. */
static enum decode_result skip_ah(struct cursor *cursor, uint8_t *next)
{
    const uint8_t *header = cursor->frame + cursor->at;
    uint32_t size;

    if (seen(cursor) < 12)
        return missing(cursor, 12);
    size = (header[1] + 2U) * 4;
    if (size < 12)
        return DECODE_MALFORMED;
    if (seen(cursor) < size)
        return missing(cursor, size);
    *next = header[0];
    cursor->at += size;
    return DECODE_OK;
}

/* A part of a datagram that begins @at bytes in it, the cursor at its data. */
static enum decode_result fragment(const struct cursor *cursor, uint32_t at, bool more, uint32_t id,
                                   struct decoded *decoded)
{
    decoded->fragment = true;
    decoded->fragment_at = (uint16_t)at;
    decoded->more = more;
    decoded->fragment_id = id;
    decoded->fragment_length =
        (uint16_t)(rest(cursor) < DATAGRAM_MAX ? rest(cursor) : DATAGRAM_MAX);
    return at + rest(cursor) > DATAGRAM_MAX ? DECODE_MALFORMED : DECODE_OK;
}

/* All of IPv4 that is not usual, the cursor behind the header: @flags are those of fragments, and
 * their offset. */
static enum decode_result ipv4_other(struct cursor *cursor, const uint8_t *ip, uint16_t flags,
                                     struct decoded *decoded)
{
    enum decode_result result = DECODE_OK;

    if ((flags & 0x3fff) != 0)
        result =
            fragment(cursor, (flags & 0x1fffU) * 8, (flags & 0x2000) != 0, u16(ip + 4), decoded);
    if (result != DECODE_OK || decoded->fragment_at != 0)
        return result;
    if (decoded->protocol == PROTOCOL_AH)
        result = skip_ah(cursor, &decoded->protocol);
    return result != DECODE_OK ? result : transport(cursor, decoded);
}

static inline enum decode_result ipv4(struct cursor *cursor, struct decoded *decoded)
{
    const uint8_t *ip = cursor->frame + cursor->at;
    uint32_t size, total;
    uint16_t flags;

    decoded->family = DECODE_IPV4;
    decoded->network = cursor->at;
    if (unlikely(seen(cursor) < IPV4_SIZE))
        return missing(cursor, IPV4_SIZE);
    size = (ip[0] & 15U) * 4;
    total = u16(ip + 2);
    flags = u16(ip + 6);
    decoded->tos = ip[1];
    decoded->ttl = ip[8];
    decoded->protocol = ip[9];
    memcpy(decoded->source, ip + 12, 4);
    memcpy(decoded->destination, ip + 16, 4);
    if (unlikely(ip[0] >> 4 != 4 || size < IPV4_SIZE || (total < size && total != 0)))
        return DECODE_MALFORMED;
    decoded->ip_length = end_by_claim(cursor, total != 0 ? total : rest(cursor));
    if (unlikely(seen(cursor) < size))
        return missing(cursor, size);
    cursor->at += size;
    if (unlikely((flags & 0x3fff) != 0 || decoded->protocol == PROTOCOL_AH))
        return ipv4_other(cursor, ip, flags, decoded);
    return transport(cursor, decoded);
}

static inline bool is_extension(uint8_t protocol)
{
    const uint64_t low = UINT64_C(1) << PROTOCOL_HOP | UINT64_C(1) << PROTOCOL_ROUTING |
                         UINT64_C(1) << PROTOCOL_FRAGMENT | UINT64_C(1) << PROTOCOL_AH |
                         UINT64_C(1) << PROTOCOL_DESTINATION;

    return protocol < 64 ? (low >> protocol & 1) != 0 : protocol == PROTOCOL_MOBILITY;
}

/* Behind the fragment header at the cursor; true: nothing else is to be looked at, for @result. */
static bool ipv6_fragment(struct cursor *cursor, struct decoded *decoded,
                          enum decode_result *result)
{
    const uint8_t *header = cursor->frame + cursor->at;
    const uint16_t field = u16(header + 2);
    const uint32_t at = field & 0xfff8U;
    const bool more = (field & 1) != 0;

    decoded->protocol = header[0];
    cursor->at += 8;
    if (at == 0 && !more) /* whole in one (RFC 6946) */
        return false;
    if (decoded->fragment)
        *result = DECODE_MALFORMED;
    else
        *result = fragment(cursor, at, more, u32(header + 4), decoded);
    if (more && rest(cursor) % 8 != 0)
        *result = DECODE_MALFORMED;
    return *result != DECODE_OK || at != 0;
}

/* Behind one extension header; true: it was one, and all is well. */
static bool ipv6_extension(struct cursor *cursor, struct decoded *decoded,
                           enum decode_result *result)
{
    const uint8_t *header = cursor->frame + cursor->at;
    uint32_t size;

    switch (decoded->protocol) {
    case PROTOCOL_HOP:
    case PROTOCOL_ROUTING:
    case PROTOCOL_DESTINATION:
    case PROTOCOL_MOBILITY:
    case PROTOCOL_FRAGMENT:
        break;
    case PROTOCOL_AH:
        *result = skip_ah(cursor, &decoded->protocol);
        return *result == DECODE_OK;
    default:
        return false;
    }
    if (seen(cursor) < 8) {
        *result = missing(cursor, 8);
        return false;
    }
    if (decoded->protocol == PROTOCOL_FRAGMENT)
        return !ipv6_fragment(cursor, decoded, result);
    if (decoded->protocol == PROTOCOL_MOBILITY && header[0] == PROTOCOL_NONE)
        return false; /* it is what the datagram is about */
    size = (header[1] + 1U) * 8;
    if (seen(cursor) < size) {
        *result = missing(cursor, size);
        return false;
    }
    decoded->protocol = header[0];
    cursor->at += size;
    return true;
}

static enum decode_result ipv6_extensions(struct cursor *cursor, struct decoded *decoded)
{
    enum decode_result result = DECODE_OK;

    for (unsigned i = 0; i < DECODE_EXTENSIONS; i++) {
        if (!ipv6_extension(cursor, decoded, &result)) {
            if (result != DECODE_OK || decoded->fragment_at != 0)
                return result;
            return transport(cursor, decoded);
        }
    }
    if (is_extension(decoded->protocol))
        return DECODE_MALFORMED;
    return transport(cursor, decoded);
}

/* How long a datagram is whose payload length is 0: empty, a jumbogram, or a large TCP segment that
 * is still to be cut (which is told from an empty one in a padded frame by being longer). */
static uint32_t ipv6_unsaid(const struct cursor *cursor, const uint8_t *ip)
{
    const uint8_t *option = ip + IPV6_SIZE;

    if (ip[6] == PROTOCOL_HOP && seen(cursor) >= IPV6_SIZE + 8 && option[2] == 0xc2 &&
        option[3] == 4) {
        const uint32_t jumbo = u32(option + 4);

        return jumbo < UINT32_MAX - IPV6_SIZE ? IPV6_SIZE + jumbo : UINT32_MAX;
    }
    return ip[6] == PROTOCOL_TCP && rest(cursor) >= IPV6_SIZE + TCP_SIZE ? rest(cursor) : IPV6_SIZE;
}

static inline enum decode_result ipv6(struct cursor *cursor, struct decoded *decoded)
{
    const uint8_t *ip = cursor->frame + cursor->at;
    uint32_t total;

    decoded->family = DECODE_IPV6;
    decoded->network = cursor->at;
    if (unlikely(seen(cursor) < IPV6_SIZE))
        return missing(cursor, IPV6_SIZE);
    decoded->tos = (uint8_t)(u16(ip) >> 4);
    decoded->protocol = ip[6];
    decoded->ttl = ip[7];
    memcpy(decoded->source, ip + 8, 16);
    memcpy(decoded->destination, ip + 24, 16);
    if (unlikely(ip[0] >> 4 != 6))
        return DECODE_MALFORMED;
    total = IPV6_SIZE + u16(ip + 4);
    if (unlikely(total == IPV6_SIZE))
        total = ipv6_unsaid(cursor, ip);
    decoded->ip_length = end_by_claim(cursor, total);
    cursor->at += IPV6_SIZE;
    if (unlikely(is_extension(decoded->protocol)))
        return ipv6_extensions(cursor, decoded);
    return transport(cursor, decoded);
}

/* All that is not IP straight in Ethernet. */
static enum decode_result other(struct cursor *cursor, struct decoded *decoded)
{
    uint16_t type;
    enum decode_result result = decode_link(cursor, &type, decoded);

    if (result != DECODE_OK)
        return result;
    switch (type) {
    case TYPE_IPV4:
        return ipv4(cursor, decoded);
    case TYPE_IPV6:
        return ipv6(cursor, decoded);
    case TYPE_ARP:
        return decode_arp(cursor, decoded);
    default:
        return DECODE_OK;
    }
}

/* -- the usual frames: IP straight in Ethernet, TCP or UDP, headers that say nothing wrong and were
 * captured whole. Everything is inlined into decode_frame(), where offsets are constants then; what
 * is found to be something else is decoded once more, by decode_any(). */

#define USUAL static inline __attribute__((always_inline))

/* What all of them have in common; the datagram is in Ethernet straight, its transport at @at. */
USUAL void usual_fields(const uint8_t *frame, uint16_t type, uint8_t family, uint32_t at,
                        struct decoded *decoded)
{
    decoded->source_port = u16(frame + at);
    decoded->destination_port = u16(frame + at + 2);
    memset(decoded->vid, 0, sizeof(decoded->vid));
    decoded->ethertype = type;
    decoded->tags = 0;
    decoded->family = family;
    decoded->ports = true;
    decoded->fragment = decoded->more = decoded->icmp_reply = false;
    decoded->network = ETHER_SIZE;
    decoded->transport = at;
    memset(&decoded->icmp_type, 0, sizeof(*decoded) - offsetof(struct decoded, icmp_type));
}

USUAL void usual_payload(size_t captured, uint32_t payload, uint32_t length,
                         struct decoded *decoded)
{
    const size_t there = captured - payload;

    decoded->payload = payload;
    decoded->payload_length = length;
    decoded->payload_captured = there < length ? (uint32_t)there : length;
}

/* The datagram ends at @end, its TCP header is at @at. */
USUAL bool usual_tcp(const uint8_t *frame, size_t captured, uint32_t at, uint32_t end,
                     struct decoded *decoded)
{
    const uint8_t *tcp = frame + at;
    const uint32_t payload = at + (tcp[12] >> 2 & 0x3c);

    if (unlikely(payload < at + TCP_SIZE || payload > end || payload > captured))
        return false;
    decoded->tcp_flags = tcp[13];
    decoded->sequence = u32(tcp + 4);
    decoded->acknowledgment = u32(tcp + 8);
    usual_payload(captured, payload, end - payload, decoded);
    return true;
}

USUAL bool usual_udp(const uint8_t *frame, size_t captured, uint32_t at, uint32_t end,
                     struct decoded *decoded)
{
    const uint32_t length = u16(frame + at + 4);

    if (unlikely(length < UDP_SIZE || at + length > end))
        return false;
    decoded->tcp_flags = 0;
    decoded->sequence = 0;
    decoded->acknowledgment = 0;
    usual_payload(captured, at + UDP_SIZE, length - UDP_SIZE, decoded);
    return true;
}

USUAL bool usual_transport(const uint8_t *frame, size_t captured, uint8_t protocol, uint32_t at,
                           uint32_t end, struct decoded *decoded)
{
    if (protocol == PROTOCOL_TCP)
        return usual_tcp(frame, captured, at, end, decoded);
    return protocol == PROTOCOL_UDP && usual_udp(frame, captured, at, end, decoded);
}

USUAL bool usual_ipv4(const uint8_t *frame, size_t captured, size_t length, struct decoded *decoded)
{
    const uint8_t *ip = frame + ETHER_SIZE;
    const uint32_t at = ETHER_SIZE + IPV4_SIZE, end = ETHER_SIZE + u16(ip + 2);

    if (unlikely(ip[0] != 0x45 || ((ip[6] & 0x3f) | ip[7]) != 0 || end > length ||
                 !usual_transport(frame, captured, ip[9], at, end, decoded)))
        return false;
    memcpy(decoded->source, ip + 12, 4);
    memset(decoded->source + 4, 0, 12);
    memcpy(decoded->destination, ip + 16, 4);
    memset(decoded->destination + 4, 0, 12);
    decoded->ip_length = end - ETHER_SIZE;
    decoded->tos = ip[1];
    memcpy(&decoded->ttl, ip + 8, 2); /* and protocol, as in the header */
    usual_fields(frame, TYPE_IPV4, DECODE_IPV4, at, decoded);
    return true;
}
_Static_assert(offsetof(struct decoded, protocol) == offsetof(struct decoded, ttl) + 1,
               "as in IPv4");

USUAL bool usual_ipv6(const uint8_t *frame, size_t captured, size_t length, struct decoded *decoded)
{
    const uint8_t *ip = frame + ETHER_SIZE;
    const uint32_t at = ETHER_SIZE + IPV6_SIZE, end = at + u16(ip + 4);

    if (unlikely(ip[0] >> 4 != 6 || end > length || captured < at + TCP_SIZE ||
                 !usual_transport(frame, captured, ip[6], at, end, decoded)))
        return false;
    memcpy(decoded->source, ip + 8, 16);
    memcpy(decoded->destination, ip + 24, 16);
    decoded->ip_length = end - ETHER_SIZE;
    decoded->tos = (uint8_t)(u16(ip) >> 4);
    decoded->ttl = ip[7];
    decoded->protocol = ip[6];
    usual_fields(frame, TYPE_IPV6, DECODE_IPV6, at, decoded);
    return true;
}

/* -- any frame */

static __attribute__((noinline)) enum decode_result
decode_any(const uint8_t *frame, size_t captured, size_t length, struct decoded *decoded)
{
    struct cursor cursor = {.frame = frame, .at = ETHER_SIZE};
    enum decode_result result;

    /* In two: compilers make stores of what is that small, and else a string instruction. */
    memset(decoded, 0, offsetof(struct decoded, payload));
    memset(&decoded->payload, 0, sizeof(*decoded) - offsetof(struct decoded, payload));
    cursor.end = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
    cursor.seen = captured < cursor.end ? (uint32_t)captured : cursor.end;
    if (cursor.seen < ETHER_SIZE)
        return DECODE_NOT_ETHERNET;
    decoded->ethertype = u16(frame + 12);
    result = other(&cursor, decoded);
    return cursor.overlong ? DECODE_MALFORMED : result;
}

enum decode_result decode_frame(const uint8_t *restrict frame, size_t captured, size_t length,
                                struct decoded *restrict decoded)
{
    bool done = false;

    if (likely(captured >= ETHER_SIZE + IPV4_SIZE + TCP_SIZE) && likely(captured <= length)) {
        const uint16_t type = u16(frame + 12);

        if (type == TYPE_IPV4)
            done = usual_ipv4(frame, captured, length, decoded);
        else if (type == TYPE_IPV6)
            done = usual_ipv6(frame, captured, length, decoded);
    }
    return likely(done) ? DECODE_OK : decode_any(frame, captured, length, decoded);
}

const char *decode_result_name(enum decode_result result)
{
    static const char *const names[DECODE_RESULTS] = {
        [DECODE_OK] = "ok",
        [DECODE_SHORT] = "short",
        [DECODE_MALFORMED] = "malformed",
        [DECODE_NOT_ETHERNET] = "not-ethernet",
    };

    return (unsigned)result < DECODE_RESULTS ? names[result] : "unknown";
}
