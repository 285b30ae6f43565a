/* SPDX-License-Identifier: ISC */
/*
 * A cursor goes over the frame: headers move it on and, by the lengths they claim, its end towards
 * it. The usual frames (no tag, no options, no fragment) take the path on which every test is
 * false; all else is in functions of its own.
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

enum decode_result decode_frame(const uint8_t *frame, size_t captured, size_t length,
                                struct decoded *decoded)
{
    struct cursor cursor = {.frame = frame, .at = ETHER_SIZE};
    enum decode_result result;

    memset(decoded, 0, sizeof(*decoded));
    cursor.end = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
    cursor.seen = captured < cursor.end ? (uint32_t)captured : cursor.end;
    if (unlikely(cursor.seen < ETHER_SIZE))
        return DECODE_NOT_ETHERNET;
    decoded->ethertype = u16(frame + 12);
    if (likely(decoded->ethertype == TYPE_IPV4))
        result = ipv4(&cursor, decoded);
    else if (likely(decoded->ethertype == TYPE_IPV6))
        result = ipv6(&cursor, decoded);
    else
        result = other(&cursor, decoded);
    return unlikely(cursor.overlong) ? DECODE_MALFORMED : result;
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
