/* SPDX-License-Identifier: ISC */
/*
 * Every read is of bytes before @ref end, the end of what may be looked at: of the snapshot first,
 * then of what IP says belongs to it.
 */
#include "packet.h"

#include <string.h>

#define TYPE_IPV4 0x0800U
#define TYPE_ARP  0x0806U
#define TYPE_TAG  0x8100U
#define TYPE_IPV6 0x86ddU
#define TYPE_STAG 0x88a8U

#define ARP_SIZE  28U
#define IPV4_SIZE 20U
#define IPV6_SIZE 40U
#define TCP_SIZE  20U
#define UDP_SIZE  8U

/* IPv6 extension headers (IANA; RFC 7045). */
enum {
    EXTENSION_HOP = 0,
    EXTENSION_ROUTING = 43,
    EXTENSION_FRAGMENT = 44,
    EXTENSION_AH = 51,
    EXTENSION_DEST = 60,
    EXTENSION_MOBILITY = 135,
    EXTENSION_HIP = 139,
    EXTENSION_SHIM6 = 140,
};

struct span {
    unsigned at, end;
};

static bool has(const struct span *span, unsigned size)
{
    return span->end - span->at >= size;
}

static bool cut(struct packet *packet)
{
    packet->truncated = true;
    return false;
}

/* Behind the tags; false if one of them is cut short. */
static bool parse_tags(struct packet *packet, struct span *span)
{
    packet->ethertype = packet_u16(packet->data + 12);
    for (unsigned tags = 0; tags < 2; tags++) {
        if (packet->ethertype != TYPE_TAG && packet->ethertype != TYPE_STAG)
            return true;
        if (tags == 1 || packet->ethertype == TYPE_STAG)
            packet->stacked = true;
        if (!has(span, ETHER_TAG))
            return cut(packet);
        if (tags == 0 && packet->ethertype == TYPE_TAG) {
            packet->tagged = true;
            packet->tci = packet_u16(packet->data + span->at);
        }
        packet->ethertype = packet_u16(packet->data + span->at + 2);
        span->at += ETHER_TAG;
    }
    return true;
}

/* IP's own length is where its packet ends, if that is before the span does. */
static void end_at(struct span *span, unsigned size)
{
    if (size != 0 && has(span, size))
        span->end = span->at + size;
}

static bool parse_ipv4(struct packet *packet, struct span *span)
{
    const uint8_t *ip = packet->data + span->at;
    unsigned size, total, fragment;

    if (!has(span, IPV4_SIZE))
        return cut(packet);
    size = (ip[0] & 15U) * 4;
    total = packet_u16(ip + 2);
    if (ip[0] >> 4 != 4 || size < IPV4_SIZE || (total != 0 && total < size))
        return false;
    packet->network = PACKET_IPV4;
    packet->network_at = (uint16_t)span->at;
    packet->protocol = ip[9];
    fragment = packet_u16(ip + 6);
    packet->fragment = (fragment & 0x1fff) != 0;
    packet->first_fragment = (fragment & 0x3fff) == 0x2000;
    end_at(span, total);
    if (!has(span, size))
        return cut(packet);
    span->at += size;
    return true;
}

/* How long the extension header at @header is, of kind @kind; 0: it is none. */
static unsigned extension_size(unsigned kind, const uint8_t *header)
{
    switch (kind) {
    case EXTENSION_HOP:
    case EXTENSION_ROUTING:
    case EXTENSION_DEST:
    case EXTENSION_MOBILITY:
    case EXTENSION_HIP:
    case EXTENSION_SHIM6:
        return (header[1] + 1U) * 8;
    case EXTENSION_FRAGMENT:
        return 8;
    case EXTENSION_AH:
        return (header[1] + 2U) * 4;
    default:
        return 0;
    }
}

static bool is_extension(unsigned kind)
{
    static const uint8_t nothing[2];

    return extension_size(kind, nothing) != 0;
}

static bool parse_extensions(struct packet *packet, struct span *span)
{
    for (unsigned count = 0; is_extension(packet->protocol); count++) {
        const uint8_t *header = packet->data + span->at;
        unsigned size, offset;

        if (count == PACKET_EXTENSIONS || !has(span, 8))
            return cut(packet);
        size = extension_size(packet->protocol, header);
        if (!has(span, size))
            return cut(packet);
        span->at += size;
        if (packet->protocol == EXTENSION_FRAGMENT) {
            offset = packet_u16(header + 2);
            packet->fragment = offset >> 3 != 0;
            packet->first_fragment = packet->first_fragment || (offset & 0xfff9) == 1;
        }
        packet->protocol = header[0];
        if (packet->fragment)
            break;
    }
    return true;
}

static bool parse_ipv6(struct packet *packet, struct span *span)
{
    const uint8_t *ip = packet->data + span->at;
    unsigned payload;

    if (!has(span, IPV6_SIZE))
        return cut(packet);
    if (ip[0] >> 4 != 6)
        return false;
    packet->network = PACKET_IPV6;
    packet->network_at = (uint16_t)span->at;
    packet->protocol = ip[6];
    payload = packet_u16(ip + 4);
    span->at += IPV6_SIZE;
    end_at(span, payload);
    return parse_extensions(packet, span);
}

static void parse_transport(struct packet *packet, struct span *span)
{
    const uint8_t *header = packet->data + span->at;
    unsigned size;
    bool ports = false;

    switch (packet->protocol) {
    case PACKET_TCP:
        size = TCP_SIZE;
        ports = true;
        break;
    case PACKET_UDP:
        size = UDP_SIZE;
        ports = true;
        break;
    case PACKET_ICMP:
    case PACKET_IGMP:
        size = 8;
        break;
    case PACKET_ICMPV6:
        size = 4;
        break;
    default:
        size = 0;
    }
    if (!has(span, size)) {
        cut(packet);
        return;
    }
    packet->transport_at = (uint16_t)span->at;
    if (ports) {
        packet->source_port = packet_u16(header);
        packet->dest_port = packet_u16(header + 2);
    } else if (size != 0) {
        packet->icmp_type = header[0];
    }
    packet->payload_at = (uint16_t)(span->at + size);
    if (packet->protocol == PACKET_TCP) {
        size = (header[12] >> 4) * 4U;
        packet->truncated = !has(span, size);
        packet->payload_at = size < TCP_SIZE || packet->truncated ? 0 : (uint16_t)(span->at + size);
    }
}

bool packet_parse(struct packet *packet, const uint8_t *data, size_t captured, size_t length)
{
    struct span span = {ETHER_HEADER, 0};

    memset(packet, 0, sizeof(*packet));
    packet->data = data;
    packet->length = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
    if (captured > length)
        captured = length;
    packet->captured = captured < UINT16_MAX ? (uint16_t)captured : UINT16_MAX;
    if (packet->captured < ETHER_HEADER)
        return false;
    span.end = packet->captured;
    if (!parse_tags(packet, &span))
        return true;

    switch (packet->ethertype) {
    case TYPE_ARP:
        if (!has(&span, ARP_SIZE)) {
            cut(packet);
            return true;
        }
        packet->network = PACKET_ARP;
        packet->network_at = (uint16_t)span.at;
        span.at += ARP_SIZE;
        break;
    case TYPE_IPV4:
        if (parse_ipv4(packet, &span) && !packet->fragment) {
            parse_transport(packet, &span);
            return true;
        }
        break;
    case TYPE_IPV6:
        if (parse_ipv6(packet, &span) && !packet->fragment) {
            parse_transport(packet, &span);
            return true;
        }
        break;
    default:
        break;
    }
    packet->payload_at = packet->truncated ? 0 : (uint16_t)span.at;
    return true;
}

uint16_t packet_tcp_payload(const struct packet *packet)
{
    return packet->protocol == PACKET_TCP && packet->transport_at != 0 ? packet->payload_at : 0;
}
