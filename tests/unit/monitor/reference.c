/* SPDX-License-Identifier: ISC */
#include "reference.h"

#include <stdlib.h>
#include <string.h>

/* The part of the frame that is looked at: from @at to @end, as far as it was captured. */
struct view {
    const uint8_t *frame;
    long long at, end, captured;
    int lied; /* a length was longer than what it is in */
    struct decoded *decoded;
};

enum { GO_ON = -1 };

/* The number in @size bytes, @offset behind the beginning of the view. Whoever reads what is not
 * there has a bug, which must be seen. */
static unsigned long field(const struct view *view, long long offset, int size)
{
    unsigned long value = 0;

    for (int i = 0; i < size; i++) {
        if (view->at + offset + i >= view->captured || view->at + offset + i >= view->end)
            abort();
        value = value * 256 + view->frame[view->at + offset + i];
    }
    return value;
}

/* GO_ON if the next @size bytes are there; else why not. */
static int want(const struct view *view, long long size)
{
    if (view->at + size > view->end)
        return DECODE_MALFORMED;
    return view->at + size > view->captured ? (int)DECODE_SHORT : GO_ON;
}

static int can_see(const struct view *view, long long size)
{
    return view->at + size <= view->captured && view->at + size <= view->end;
}

static void says_it_is(struct view *view, long long size)
{
    if (view->at + size > view->end)
        view->lied = 1;
    else
        view->end = view->at + size;
}

static void address(const struct view *view, long long offset, int size, uint8_t *out)
{
    for (int i = 0; i < size; i++)
        out[i] = (uint8_t)field(view, offset + i, 1);
}

static void payload(const struct view *view, long long header, long long length)
{
    long long there = view->captured - view->at - header;

    view->decoded->payload = (uint32_t)(view->at + header);
    view->decoded->payload_length = (uint32_t)length;
    if (there > length)
        there = length;
    view->decoded->payload_captured = there > 0 ? (uint32_t)there : 0;
}

static void ports(const struct view *view)
{
    if (!can_see(view, 4))
        return;
    view->decoded->source_port = (uint16_t)field(view, 0, 2);
    view->decoded->destination_port = (uint16_t)field(view, 2, 2);
    view->decoded->ports = true;
}

static int tcp(const struct view *view)
{
    long long rest = view->end - view->at, header = 0;

    ports(view);
    if (can_see(view, 8))
        view->decoded->sequence = (uint32_t)field(view, 4, 4);
    if (can_see(view, 12))
        view->decoded->acknowledgment = (uint32_t)field(view, 8, 4);
    if (can_see(view, 14)) {
        header = (long long)field(view, 12, 1) / 16 * 4;
        if (rest >= 20 || (view->decoded->more && rest >= 8))
            view->decoded->tcp_flags = (uint8_t)field(view, 13, 1);
    }
    if (rest < 20) {
        if (!view->decoded->more || rest < 8)
            return DECODE_MALFORMED;
        return view->decoded->ports ? DECODE_OK : DECODE_SHORT;
    }
    if (!can_see(view, 14))
        return DECODE_SHORT;
    if (header < 20 || header > rest)
        return DECODE_MALFORMED;
    payload(view, header, rest - header);
    return DECODE_OK;
}

static int udp(const struct view *view)
{
    long long rest = view->end - view->at, length;

    ports(view);
    if (rest < 8)
        return DECODE_MALFORMED;
    if (!view->decoded->ports)
        return DECODE_SHORT;
    length = rest;
    if (can_see(view, 8)) {
        length = (long long)field(view, 4, 2);
        if (length == 0 && view->decoded->family == DECODE_IPV6)
            length = rest;
        if (length > rest && view->decoded->more)
            length = rest;
    }
    if (length < 8 || length > rest)
        return DECODE_MALFORMED;
    payload(view, 8, length - 8);
    return DECODE_OK;
}

static int with_ports(const struct view *view, long long header, int carries)
{
    long long rest = view->end - view->at;

    ports(view);
    if (rest < header && !(rest >= 8 && view->decoded->more))
        return DECODE_MALFORMED;
    if (!view->decoded->ports)
        return rest < header ? DECODE_MALFORMED : DECODE_SHORT;
    if (carries && rest >= header)
        payload(view, header, rest - header);
    return DECODE_OK;
}

static int icmp(const struct view *view)
{
    static const struct {
        uint8_t family, request, reply;
    } pairs[] = {{4, 8, 0}, {4, 13, 14}, {4, 15, 16}, {4, 17, 18}, {6, 128, 129}};
    struct decoded *decoded = view->decoded;
    long long rest = view->end - view->at;
    unsigned code, type;

    if (!can_see(view, 2))
        return rest < 8 ? DECODE_MALFORMED : DECODE_SHORT;
    decoded->icmp_type = (uint8_t)(type = (unsigned)field(view, 0, 1));
    decoded->icmp_code = (uint8_t)(code = (unsigned)field(view, 1, 1));
    if (rest < 4)
        return DECODE_MALFORMED;
    for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        unsigned id, what = pairs[i].request * 256U + code;

        if (pairs[i].family != decoded->family ||
            (pairs[i].request != type && pairs[i].reply != type))
            continue;
        if (!can_see(view, 6))
            return rest < 8 ? DECODE_MALFORMED : DECODE_SHORT;
        id = (unsigned)field(view, 4, 2);
        decoded->icmp_reply = pairs[i].reply == type;
        decoded->source_port = (uint16_t)(decoded->icmp_reply ? what : id);
        decoded->destination_port = (uint16_t)(decoded->icmp_reply ? id : what);
        decoded->ports = true;
        return rest < 8 ? DECODE_MALFORMED : DECODE_OK;
    }
    decoded->destination_port = (uint16_t)(type * 256 + code);
    decoded->ports = true;
    return DECODE_OK;
}

static int transport(const struct view *view)
{
    const int protocol = view->decoded->protocol, v4 = view->decoded->family == DECODE_IPV4;

    view->decoded->transport = (uint32_t)view->at;
    if (protocol == 6)
        return tcp(view);
    if (protocol == 17)
        return udp(view);
    if (protocol == 136)
        return with_ports(view, 8, 1);
    if (protocol == 132)
        return with_ports(view, 12, 1);
    if (protocol == 33)
        return with_ports(view, 12, 0);
    if ((protocol == 1 && v4) || (protocol == 58 && !v4))
        return icmp(view);
    return DECODE_OK;
}

static int ah(struct view *view)
{
    int why = want(view, 12);
    long long size;

    if (why != GO_ON)
        return why;
    size = ((long long)field(view, 1, 1) + 2) * 4;
    if (size < 12)
        return DECODE_MALFORMED;
    if ((why = want(view, size)) != GO_ON)
        return why;
    view->decoded->protocol = (uint8_t)field(view, 0, 1);
    view->at += size;
    return GO_ON;
}

static int fragment(const struct view *view, unsigned at, int more, unsigned long id)
{
    const long long size = view->end - view->at;

    view->decoded->fragment = true;
    view->decoded->more = more != 0;
    view->decoded->fragment_at = (uint16_t)at;
    view->decoded->fragment_id = (uint32_t)id;
    view->decoded->fragment_length = (uint16_t)(size > 65535 ? 65535 : size);
    if (at + size > 65535)
        return DECODE_MALFORMED;
    return at != 0 ? (int)DECODE_OK : GO_ON;
}

static int ipv4(struct view *view)
{
    struct decoded *decoded = view->decoded;
    int why = want(view, 20);
    long long header, total;
    unsigned long flags, id;

    decoded->family = DECODE_IPV4;
    decoded->network = (uint32_t)view->at;
    if (why != GO_ON)
        return why;
    header = (long long)field(view, 0, 1) % 16 * 4;
    decoded->tos = (uint8_t)field(view, 1, 1);
    total = (long long)field(view, 2, 2);
    id = field(view, 4, 2);
    flags = field(view, 6, 2);
    decoded->ttl = (uint8_t)field(view, 8, 1);
    decoded->protocol = (uint8_t)field(view, 9, 1);
    address(view, 12, 4, decoded->source);
    address(view, 16, 4, decoded->destination);
    if (field(view, 0, 1) / 16 != 4 || header < 20)
        return DECODE_MALFORMED;
    if (total == 0)
        total = view->end - view->at;
    else if (total < header)
        return DECODE_MALFORMED;
    says_it_is(view, total);
    decoded->ip_length = (uint32_t)(view->end - view->at);
    if ((why = want(view, header)) != GO_ON)
        return why;
    view->at += header;
    if (flags % 0x4000 != 0) {
        why = fragment(view, (unsigned)(flags % 0x2000) * 8, flags / 0x2000 % 2 != 0, id);
        if (why != GO_ON)
            return why;
    }
    if (decoded->protocol == 51 && (why = ah(view)) != GO_ON)
        return why;
    return transport(view);
}

/* Behind one extension header: GO_ON; or a result, with *@done nothing follows but a transport. */
static int extension(struct view *view, int *done)
{
    struct decoded *decoded = view->decoded;
    int why;
    long long size;

    *done = 0;
    switch (decoded->protocol) {
    case 51:
        return ah(view);
    case 44:
        if ((why = want(view, 8)) != GO_ON)
            return why;
        decoded->protocol = (uint8_t)field(view, 0, 1);
        size = (long long)field(view, 2, 2);
        view->at += 8;
        if (size / 8 == 0 && size % 2 == 0)
            return GO_ON;
        if (decoded->fragment)
            return DECODE_MALFORMED;
        view->at -= 8;
        why = (int)field(view, 4, 4);
        view->at += 8;
        why = fragment(view, (unsigned)(size / 8 * 8), size % 2 != 0, (uint32_t)why);
        if (size % 2 != 0 && (view->end - view->at) % 8 != 0)
            return DECODE_MALFORMED;
        return why;
    case 135:
        if ((why = want(view, 8)) != GO_ON)
            return why;
        if (field(view, 0, 1) == 59) {
            *done = 1;
            return GO_ON;
        }
        break;
    case 0:
    case 43:
    case 60:
        break;
    default:
        *done = 1;
        return GO_ON;
    }
    if ((why = want(view, 8)) != GO_ON)
        return why;
    size = ((long long)field(view, 1, 1) + 1) * 8;
    if ((why = want(view, size)) != GO_ON)
        return why;
    decoded->protocol = (uint8_t)field(view, 0, 1);
    view->at += size;
    return GO_ON;
}

static int ipv6(struct view *view)
{
    struct decoded *decoded = view->decoded;
    int why = want(view, 40), done = 0;
    long long total;

    decoded->family = DECODE_IPV6;
    decoded->network = (uint32_t)view->at;
    if (why != GO_ON)
        return why;
    decoded->tos = (uint8_t)(field(view, 0, 4) >> 20);
    decoded->protocol = (uint8_t)field(view, 6, 1);
    decoded->ttl = (uint8_t)field(view, 7, 1);
    address(view, 8, 16, decoded->source);
    address(view, 24, 16, decoded->destination);
    if (field(view, 0, 1) / 16 != 6)
        return DECODE_MALFORMED;
    total = 40 + (long long)field(view, 4, 2);
    if (total == 40 && decoded->protocol == 0 && can_see(view, 48) && field(view, 42, 2) == 0xc204)
        total = 40 + (long long)field(view, 44, 4);
    else if (total == 40 && decoded->protocol == 6 && view->end - view->at >= 60)
        total = view->end - view->at;
    says_it_is(view, total);
    decoded->ip_length = (uint32_t)(view->end - view->at);
    view->at += 40;
    for (unsigned count = 0; count < DECODE_EXTENSIONS; count++) {
        if ((why = extension(view, &done)) != GO_ON)
            return why;
        if (done)
            return transport(view);
    }
    if (strchr("\x2b\x2c\x33\x3c\x87", decoded->protocol)) /* 0, too: strchr() finds the end */
        return DECODE_MALFORMED;
    return transport(view);
}

static int arp(const struct view *view)
{
    int why = want(view, 8);

    view->decoded->family = DECODE_ARP;
    view->decoded->network = (uint32_t)view->at;
    if (why != GO_ON)
        return why;
    view->decoded->arp_operation = (uint16_t)field(view, 6, 2);
    if (field(view, 0, 4) != 0x00010800 && field(view, 0, 4) != 0x00060800)
        return DECODE_OK;
    if (field(view, 4, 2) != 0x0604)
        return DECODE_MALFORMED;
    if ((why = want(view, 28)) != GO_ON)
        return why;
    address(view, 8, 6, view->decoded->arp_mac);
    address(view, 14, 4, view->decoded->source);
    address(view, 24, 4, view->decoded->destination);
    return DECODE_OK;
}

static int network(struct view *view, unsigned type)
{
    switch (type) {
    case 0x0800:
        return ipv4(view);
    case 0x86dd:
        return ipv6(view);
    case 0x0806:
        return arp(view);
    default:
        return DECODE_OK;
    }
}

static int pppoe(struct view *view)
{
    int why = want(view, 8);
    unsigned long protocol;

    if (why != GO_ON)
        return why;
    if (field(view, 0, 2) != 0x1100)
        return DECODE_MALFORMED;
    protocol = field(view, 4, 2);
    view->at += 6;
    says_it_is(view, (long long)protocol);
    if ((why = want(view, 2)) != GO_ON)
        return why;
    protocol = field(view, 0, 1);
    view->at += 1;
    if (protocol % 2 == 0) {
        protocol = protocol * 256 + field(view, 0, 1);
        view->at += 1;
    }
    return network(view, protocol == 0x21 ? 0x0800 : protocol == 0x57 ? 0x86dd : 0);
}

static int mpls(struct view *view)
{
    int why, bottom = 0;

    for (unsigned labels = 0; !bottom; labels++) {
        if (labels == DECODE_LABELS)
            return DECODE_OK;
        if ((why = want(view, 4)) != GO_ON)
            return why;
        bottom = field(view, 2, 1) % 2 != 0;
        view->at += 4;
    }
    if ((why = want(view, 1)) != GO_ON)
        return why;
    why = (int)field(view, 0, 1) / 16;
    return network(view, why == 4 ? 0x0800 : why == 6 ? 0x86dd : 0);
}

static int link_layer(struct view *view)
{
    struct decoded *decoded = view->decoded;
    unsigned type = (unsigned)field(view, -2, 2);
    int why;

    decoded->ethertype = (uint16_t)type;
    while ((type == 0x8100 || type == 0x88a8 || type == 0x9100) && decoded->tags < DECODE_TAGS) {
        if ((why = want(view, 4)) != GO_ON)
            return why;
        decoded->vid[decoded->tags++] = (uint16_t)(field(view, 0, 2) % 4096);
        decoded->ethertype = (uint16_t)(type = (unsigned)field(view, 2, 2));
        view->at += 4;
    }
    if (type <= 1500) {
        says_it_is(view, type);
        decoded->ethertype = 0;
        if ((why = want(view, 3)) != GO_ON)
            return why;
        decoded->ethertype = (uint16_t)(type = (unsigned)field(view, 0, 1));
        if (field(view, 0, 3) != 0xaaaa03)
            return DECODE_OK;
        if ((why = want(view, 8)) != GO_ON)
            return why;
        if (field(view, 3, 3) != 0 && field(view, 3, 3) != 0xf8)
            return DECODE_OK;
        decoded->ethertype = (uint16_t)(type = (unsigned)field(view, 6, 2));
        view->at += 8;
    }
    if (type == 0x8864)
        return pppoe(view);
    if (type == 0x8847 || type == 0x8848)
        return mpls(view);
    return network(view, type);
}

enum decode_result reference_decode(const uint8_t *frame, size_t captured, size_t length,
                                    struct decoded *decoded)
{
    struct view view = {frame, 14, (long long)length, (long long)captured, 0, decoded};
    int result;

    memset(decoded, 0, sizeof(*decoded));
    if (captured < 14 || length < 14)
        return DECODE_NOT_ETHERNET;
    result = link_layer(&view);
    return view.lied ? DECODE_MALFORMED : (enum decode_result)result;
}

const char *reference_difference(const struct decoded *one, const struct decoded *other)
{
#define FIELD(name)                                                                                \
    if (memcmp(&one->name, &other->name, sizeof(one->name)) != 0)                                  \
    return #name
    FIELD(source);
    FIELD(destination);
    FIELD(source_port);
    FIELD(destination_port);
    FIELD(vid);
    FIELD(ethertype);
    FIELD(tags);
    FIELD(family);
    FIELD(protocol);
    FIELD(tos);
    FIELD(ttl);
    FIELD(tcp_flags);
    FIELD(icmp_type);
    FIELD(icmp_code);
    FIELD(ports);
    FIELD(fragment);
    FIELD(more);
    FIELD(icmp_reply);
    FIELD(fragment_at);
    FIELD(arp_operation);
    FIELD(fragment_id);
    FIELD(ip_length);
    FIELD(sequence);
    FIELD(acknowledgment);
    FIELD(network);
    FIELD(transport);
    FIELD(payload);
    FIELD(payload_length);
    FIELD(payload_captured);
    FIELD(arp_mac);
    FIELD(fragment_length);
#undef FIELD
    return memcmp(one, other, sizeof(*one)) != 0 ? "padding" : NULL;
}

const char *reference_check(const uint8_t *frame, size_t captured, size_t length,
                            struct decoded *decoded, enum decode_result *result)
{
    uint8_t *copy = malloc(captured ? captured : 1);
    struct decoded expected;
    enum decode_result wanted;

    if (captured)
        memcpy(copy, frame, captured);
    memset(decoded, 0xff, sizeof(*decoded));
    *result = decode_frame(copy, captured, length, decoded);
    wanted = reference_decode(copy, captured, length, &expected);
    free(copy);
    if (*result != wanted)
        return "the result";
    return reference_difference(decoded, &expected);
}
