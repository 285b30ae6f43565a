/* SPDX-License-Identifier: ISC */
/* What IP is in, if not straight in Ethernet, and ARP. */
#include "decode_cursor.h"

#include <string.h>

#define ARP_SIZE 28U

enum decode_result decode_arp(const struct cursor *cursor, struct decoded *decoded)
{
    const uint8_t *header = cursor->frame + cursor->at;

    decoded->family = DECODE_ARP;
    decoded->network = cursor->at;
    if (seen(cursor) < 8)
        return missing(cursor, 8);
    decoded->arp_operation = u16(header + 6);
    /* Of Ethernet or (as Linux has it, too) IEEE 802, for IPv4. */
    if ((u16(header) != 1 && u16(header) != 6) || u16(header + 2) != TYPE_IPV4)
        return DECODE_OK;
    if (header[4] != 6 || header[5] != 4)
        return DECODE_MALFORMED;
    if (seen(cursor) < ARP_SIZE)
        return missing(cursor, ARP_SIZE);
    memcpy(decoded->arp_mac, header + 8, 6);
    memcpy(decoded->source, header + 14, 4);
    memcpy(decoded->destination, header + 24, 4);
    return DECODE_OK;
}

/* Behind the tags. */
static enum decode_result tags(struct cursor *cursor, struct decoded *decoded)
{
    while (decoded->ethertype == TYPE_TAG || decoded->ethertype == TYPE_STAG ||
           decoded->ethertype == TYPE_QINQ) {
        const uint8_t *tag = cursor->frame + cursor->at;

        if (decoded->tags == DECODE_TAGS)
            return DECODE_OK;
        if (seen(cursor) < 4)
            return missing(cursor, 4);
        decoded->vid[decoded->tags++] = u16(tag) & 0xfff;
        decoded->ethertype = u16(tag + 2);
        cursor->at += 4;
    }
    return DECODE_OK;
}

/* 802.3: the cursor behind the length, which is where the type else is. */
static enum decode_result llc(struct cursor *cursor, struct decoded *decoded)
{
    const uint8_t *header = cursor->frame + cursor->at;

    end_by_claim(cursor, decoded->ethertype);
    decoded->ethertype = 0;
    if (seen(cursor) < 3)
        return missing(cursor, 3);
    decoded->ethertype = header[0];
    if (header[0] != 0xaa || header[1] != 0xaa || header[2] != 3)
        return DECODE_OK;
    if (seen(cursor) < 8)
        return missing(cursor, 8);
    /* Ethernet's types, as they are or bridged (RFC 1042, 802.1H). */
    if (header[3] != 0 || header[4] != 0 || (header[5] != 0 && header[5] != 0xf8))
        return DECODE_OK;
    decoded->ethertype = u16(header + 6);
    cursor->at += 8;
    return DECODE_OK;
}

/* These two set what follows, if it is IP. */
static enum decode_result pppoe(struct cursor *cursor, uint16_t *type)
{
    const uint8_t *header = cursor->frame + cursor->at;
    uint16_t protocol;

    if (seen(cursor) < 8)
        return missing(cursor, 8);
    if (header[0] != 0x11 || header[1] != 0)
        return DECODE_MALFORMED;
    cursor->at += 6;
    end_by_claim(cursor, u16(header + 4));
    protocol = (header[6] & 1) != 0 ? header[6] : u16(header + 6); /* compressed, RFC 1661 */
    if (seen(cursor) < 2)
        return missing(cursor, 2);
    cursor->at += (header[6] & 1) != 0 ? 1 : 2;
    *type = protocol == 0x21 ? TYPE_IPV4 : protocol == 0x57 ? TYPE_IPV6 : TYPE_PPPOE;
    return DECODE_OK;
}

static enum decode_result mpls(struct cursor *cursor, uint16_t *type)
{
    for (unsigned i = 0; i < DECODE_LABELS; i++) {
        const uint8_t *label = cursor->frame + cursor->at;

        if (seen(cursor) < 4)
            return missing(cursor, 4);
        cursor->at += 4;
        if ((label[2] & 1) == 0)
            continue;
        /* No label says what follows it; IP does by its version (RFC 4928). */
        if (seen(cursor) == 0)
            return missing(cursor, 1);
        *type = label[4] >> 4 == 4 ? TYPE_IPV4 : label[4] >> 4 == 6 ? TYPE_IPV6 : TYPE_MPLS;
        return DECODE_OK;
    }
    return DECODE_OK;
}

enum decode_result decode_link(struct cursor *cursor, uint16_t *type, struct decoded *decoded)
{
    enum decode_result result = tags(cursor, decoded);

    if (result == DECODE_OK && decoded->ethertype <= TYPE_LENGTH_MAX)
        result = llc(cursor, decoded);
    *type = decoded->ethertype;
    if (result == DECODE_OK && *type == TYPE_PPPOE)
        result = pppoe(cursor, type);
    else if (result == DECODE_OK && (*type == TYPE_MPLS || *type == TYPE_MPLS_MULTICAST))
        result = mpls(cursor, type);
    return result;
}
