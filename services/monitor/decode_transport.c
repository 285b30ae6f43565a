/* SPDX-License-Identifier: ISC */
/* Transport headers that are rare, or cut short. */
#include "decode_cursor.h"

#define SCTP_SIZE 12U
#define DCCP_SIZE 12U
#define ICMP_SIZE 8U

static enum decode_result tcp_cut(const struct cursor *cursor, const uint8_t *tcp,
                                  struct decoded *decoded)
{
    if (rest(cursor) >= TCP_SIZE && seen(cursor) >= 14)
        return tcp_rest(cursor, tcp, decoded);
    if (seen(cursor) >= 4)
        set_ports(tcp, decoded);
    if (seen(cursor) >= 8)
        decoded->sequence = u32(tcp + 4);
    if (seen(cursor) >= 12)
        decoded->acknowledgment = u32(tcp + 8);
    if (rest(cursor) >= TCP_SIZE)
        return DECODE_SHORT;
    /* The smallest fragment has 8 bytes (RFC 791), which is legal, if nothing good (RFC 1858). */
    if (!decoded->more || rest(cursor) < 8)
        return DECODE_MALFORMED;
    if (seen(cursor) >= 14)
        decoded->tcp_flags = tcp[13];
    return seen(cursor) < 4 ? DECODE_SHORT : DECODE_OK;
}

/* Of those that begin with ports and have nothing else to tell: @size of the header, @carries if
 * what follows is payload. */
static enum decode_result ports_only(const struct cursor *cursor, uint32_t size, bool carries,
                                     struct decoded *decoded)
{
    if (seen(cursor) < 4)
        return missing(cursor, size);
    set_ports(cursor->frame + cursor->at, decoded);
    if (rest(cursor) < size) /* which a first fragment may be (RFC 791) */
        return decoded->more && rest(cursor) >= 8 ? DECODE_OK : DECODE_MALFORMED;
    if (carries)
        set_payload(cursor, size, rest(cursor) - size, decoded);
    return DECODE_OK;
}

/* Requests that are answered by a message with their identifier: the answer's type is returned, and
 * of an answer the request's; else -1. */
static int icmp_pair(bool v6, uint8_t type, bool *reply)
{
    *reply = false;
    if (v6) {
        *reply = type == 129;
        return type == 128 ? 129 : type == 129 ? 128 : -1;
    }
    switch (type) {
    case 8: /* echo */
        return 0;
    case 13: /* timestamp, */
    case 15: /* information, */
    case 17: /* address mask */
        return type + 1;
    case 0:
        *reply = true;
        return 8;
    case 14:
    case 16:
    case 18:
        *reply = true;
        return type - 1;
    default:
        return -1;
    }
}

static enum decode_result icmp(const struct cursor *cursor, bool v6, struct decoded *decoded)
{
    const uint8_t *header = cursor->frame + cursor->at;
    bool reply;
    int other;

    if (seen(cursor) < 2)
        return missing(cursor, ICMP_SIZE);
    decoded->icmp_type = header[0];
    decoded->icmp_code = header[1];
    if (rest(cursor) < 4) /* with the checksum; a body is not in all of ICMPv6's */
        return DECODE_MALFORMED;
    other = icmp_pair(v6, header[0], &reply);
    if (other < 0) {
        decoded->destination_port = u16(header);
        decoded->ports = true;
        return DECODE_OK;
    }
    if (seen(cursor) < 6)
        return missing(cursor, ICMP_SIZE);
    decoded->icmp_reply = reply;
    decoded->source_port = u16(header + 4);
    decoded->destination_port = (uint16_t)((reply ? other : header[0]) << 8 | header[1]);
    if (reply) {
        decoded->source_port = decoded->destination_port;
        decoded->destination_port = u16(header + 4);
    }
    decoded->ports = true;
    return rest(cursor) < ICMP_SIZE ? DECODE_MALFORMED : DECODE_OK;
}

enum decode_result decode_transport(const struct cursor *cursor, struct decoded *decoded)
{
    switch (decoded->protocol) {
    case PROTOCOL_TCP:
        return tcp_cut(cursor, cursor->frame + cursor->at, decoded);
    case PROTOCOL_UDP:
        return ports_only(cursor, UDP_SIZE, true, decoded);
    case PROTOCOL_UDPLITE:
        return ports_only(cursor, UDP_SIZE, true, decoded);
    case PROTOCOL_SCTP:
        return ports_only(cursor, SCTP_SIZE, true, decoded);
    case PROTOCOL_DCCP:
        return ports_only(cursor, DCCP_SIZE, false, decoded);
    case PROTOCOL_ICMP:
        return decoded->family == DECODE_IPV4 ? icmp(cursor, false, decoded) : DECODE_OK;
    case PROTOCOL_ICMPV6:
        return decoded->family == DECODE_IPV6 ? icmp(cursor, true, decoded) : DECODE_OK;
    default:
        return DECODE_OK;
    }
}
