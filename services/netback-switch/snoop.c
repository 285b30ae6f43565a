/* SPDX-License-Identifier: ISC */
/*
 * What IGMP, MLD and PIM messages say. Each read is of bytes before @ref have; each length in a
 * message is checked against @ref size, the length that IP gives it.
 */
#include "snoop_message.h"

/* IGMP (RFC 3376, 4; RFC 4286) and ICMPv6 (RFC 3810, 5; RFC 4286) types. */
enum {
    IGMP_QUERY = 0x11,
    IGMP_REPORT_V1 = 0x12,
    IGMP_REPORT_V2 = 0x16,
    IGMP_LEAVE = 0x17,
    IGMP_REPORT_V3 = 0x22,
    IGMP_ROUTER = 0x30,
    MLD_QUERY = 130,
    MLD_REPORT_V1 = 131,
    MLD_DONE = 132,
    MLD_REPORT_V2 = 143,
    MLD_ROUTER = 151,
};

static const uint8_t routers4[4] = {224, 0, 0, 106}, pim4[4] = {224, 0, 0, 13};
static const uint8_t routers6[16] = {0xff, 2, [15] = 0x6a}, pim6[16] = {0xff, 2, [15] = 0xd};

static uint32_t sum(const uint8_t *bytes, unsigned size)
{
    uint32_t total = 0;

    for (unsigned i = 0; i + 1 < size; i += 2)
        total += packet_u16(bytes + i);
    return size % 2 ? total + (bytes[size - 1] << 8) : total;
}

/* RFC 1071. What the snapshot does not hold to its end passes. */
static bool checksum_right(const struct snoop_message *message, bool pseudo)
{
    uint32_t total;

    if (message->have < message->size)
        return true;
    total = sum(message->at, message->size);
    if (pseudo)
        total += sum(message->source, 32) + message->size + message->packet->protocol;
    total = (total & 0xffff) + (total >> 16);
    total = (total & 0xffff) + (total >> 16);
    return total == 0xffff;
}

/* False: IP does not say how long it is, or says more than the frame is. */
static bool find_message(struct snoop_message *message)
{
    const struct packet *packet = message->packet;
    const uint8_t *ip = packet->data + packet->network_at;
    uint32_t end;

    if (packet->network == PACKET_IPV4) {
        message->family = SNOOP_IPV4;
        message->address_size = 4;
        message->hops = ip[8];
        message->source = ip + 12;
        message->dest = ip + 16;
        end = packet_u16(ip + 2);
    } else {
        message->family = SNOOP_IPV6;
        message->address_size = 16;
        message->hops = ip[7];
        message->source = ip + 8;
        message->dest = ip + 24;
        end = packet_u16(ip + 4);
        end += end != 0 ? 40 : 0;
    }
    end += packet->network_at;
    if (packet->transport_at == 0 || end < packet->transport_at || end > packet->length)
        return false;
    message->at = packet->data + packet->transport_at;
    message->size = end - packet->transport_at;
    message->have = (packet->captured < end ? packet->captured : end) - packet->transport_at;
    return true;
}

/* The floating point of IGMPv3 and MLDv2: @value of 1 + 3 + @bits bits. */
static uint32_t decode(uint32_t value, unsigned bits)
{
    uint32_t one = UINT32_C(1) << bits;

    if (value < one << 3)
        return value;
    return ((value & (one - 1)) | one) << ((value >> bits & 7) + 3);
}

/* What follows the group in an IGMPv3 or MLDv2 query. False: that is no query's length. */
static bool read_interval(const struct snoop_message *message, unsigned at,
                          struct snoop_query *query)
{
    const uint8_t *tail = message->at + at;

    if (message->have < at + 4) {
        query->obeyed = false;
        return true;
    }
    query->interval_said = true;
    query->robustness = tail[0] & 7;
    if (query->robustness < 2)
        query->robustness = 2;
    query->interval = decode(tail[1], 4) * HV_SEC;
    query->sources = packet_u16(tail + 2) != 0;
    return message->size >= at + 4 + packet_u16(tail + 2) * message->address_size;
}

/* RFC 4286, 3: how often it says so. It is gone after three times that. */
static enum snoop_verdict router_said(const struct snoop_message *message)
{
    const uint8_t *group = message->family == SNOOP_IPV4 ? routers4 : routers6;

    if (snoop_to(message, group) && message->at[1] != 0)
        snoop_saw_router(message, 3 * message->at[1] * HV_SEC);
    return SNOOP_FLOOD;
}

/*
 * IGMP.
 */

/* Router alert: option 148 (RFC 2113). */
static bool has_alert4(const struct packet *packet)
{
    const uint8_t *ip = packet->data + packet->network_at;
    unsigned at = 20, end = (ip[0] & 15) * 4U;

    while (at + 4 <= end && ip[at] != 0) {
        if (ip[at] == 148 && ip[at + 1] == 4)
            return true;
        if (ip[at] != 1 && ip[at + 1] < 2)
            return false;
        at += ip[at] == 1 ? 1 : ip[at + 1];
    }
    return false;
}

static enum snoop_verdict igmp_query(const struct snoop_message *message)
{
    struct snoop_query query = {.group = message->at + 4};
    unsigned code = message->at[1];

    query.response = (code != 0 ? code : 100) * (HV_SEC / 10);
    query.obeyed = has_alert4(message->packet);
    if (message->size >= 12) {
        query.response = decode(code, 4) * (HV_SEC / 10);
        if (!read_interval(message, 8, &query))
            return snoop_invalid(message->snoop);
    } else if (message->size != 8) {
        return snoop_invalid(message->snoop);
    } else if (code == 0) {
        query.obeyed = true; /* IGMPv1 knows no router alert */
    }
    return snoop_queried(message, &query);
}

static enum snoop_verdict igmp(const struct snoop_message *message)
{
    uint8_t kind = message->at[0];
    const uint8_t *group = message->at + 4;

    if (!checksum_right(message, false))
        return snoop_invalid(message->snoop);
    switch (kind) {
    case IGMP_QUERY:
    case IGMP_REPORT_V1:
    case IGMP_REPORT_V2:
    case IGMP_LEAVE:
    case IGMP_REPORT_V3:
    case IGMP_ROUTER:
        if (message->hops != 1)
            return snoop_invalid(message->snoop);
        break;
    default:
        return SNOOP_FLOOD;
    }
    switch (kind) {
    case IGMP_QUERY:
        return igmp_query(message);
    case IGMP_REPORT_V1:
    case IGMP_REPORT_V2:
        return snoop_report(message, group, kind == IGMP_REPORT_V1);
    case IGMP_LEAVE:
        return snoop_left(message, group);
    case IGMP_REPORT_V3:
        return snoop_report_records(message);
    default:
        return router_said(message);
    }
}

/*
 * MLD.
 */

/* Router alert: option 5 of the hop-by-hop header (RFC 2711). */
static bool has_alert6(const struct packet *packet)
{
    const uint8_t *ip = packet->data + packet->network_at;
    unsigned at = 42, end;

    if (ip[6] != 0)
        return false;
    end = 40 + (ip[41] + 1U) * 8;
    while (at + 2 <= end) {
        if (ip[at] == 5 && ip[at + 1] == 2)
            return true;
        at += ip[at] == 0 ? 1U : 2U + ip[at + 1];
    }
    return false;
}

static bool is_unspecified(const uint8_t address[16])
{
    static const uint8_t zero[16];

    return memcmp(address, zero, sizeof(zero)) == 0;
}

static enum snoop_verdict mld_query(const struct snoop_message *message)
{
    struct snoop_query query = {.group = message->at + 8, .obeyed = has_alert6(message->packet)};
    unsigned code = packet_u16(message->at + 4);

    if (is_unspecified(message->source))
        return snoop_invalid(message->snoop);
    query.response = code * HV_MSEC;
    if (message->size >= 28) {
        query.response = decode(code, 12) * HV_MSEC;
        if (!read_interval(message, 24, &query))
            return snoop_invalid(message->snoop);
    } else if (message->size != 24) {
        return snoop_invalid(message->snoop);
    }
    return snoop_queried(message, &query);
}

static enum snoop_verdict mld(const struct snoop_message *message)
{
    uint8_t kind = message->at[0];
    bool link_local = message->source[0] == 0xfe && (message->source[1] & 0xc0) == 0x80;

    if (kind != MLD_QUERY && kind != MLD_REPORT_V1 && kind != MLD_DONE && kind != MLD_REPORT_V2 &&
        kind != MLD_ROUTER)
        return SNOOP_DATA;
    if (message->packet->first_fragment) {
        snoop_message_all(message); /* whatever it asks for */
        return SNOOP_FLOOD;
    }
    /* RFC 3590: a host that has no address yet reports from none. */
    if (!checksum_right(message, true) || message->hops != 1 ||
        !(link_local || is_unspecified(message->source)))
        return snoop_invalid(message->snoop);
    if (kind == MLD_REPORT_V2)
        return snoop_report_records(message);
    if (kind == MLD_ROUTER)
        return router_said(message);
    if (message->size < 24)
        return snoop_invalid(message->snoop);
    if (message->have < 24) { /* behind options that fill the snapshot */
        snoop_message_all(message);
        return SNOOP_FLOOD;
    }
    switch (kind) {
    case MLD_QUERY:
        return mld_query(message);
    case MLD_REPORT_V1:
        return snoop_report(message, message->at + 8, false);
    default:
        return snoop_left(message, message->at + 8);
    }
}

/*
 * PIM: a hello, its options behind 4 bytes; option 1 says for how many seconds it holds (RFC 7761,
 * 4.9.2). Who says goodbye by a hold time of 0 is a router for as long as it said before.
 */
static void pim(const struct snoop_message *message)
{
    unsigned hold = 105, at = 4;

    if (message->have < 4 || message->at[0] != 0x20 || message->hops != 1 ||
        !snoop_to(message, message->family == SNOOP_IPV4 ? pim4 : pim6) ||
        !checksum_right(message, message->family == SNOOP_IPV6))
        return;
    while (message->have - at >= 4) {
        const uint8_t *option = message->at + at;
        unsigned size = packet_u16(option + 2);

        if (message->have - at - 4 < size)
            break;
        if (packet_u16(option) == 1 && size == 2)
            hold = packet_u16(option + 4);
        at += 4 + size;
    }
    if (hold != 0)
        snoop_saw_router(message, hold * HV_SEC);
}

enum snoop_verdict snoop_frame(struct snoop *snoop, uint16_t bridge, uint16_t vid, uint16_t port,
                               const struct packet *packet, uint64_t now)
{
    bool ipv4 = packet->network == PACKET_IPV4, ipv6 = packet->network == PACKET_IPV6;
    bool is_igmp = ipv4 && packet->protocol == PACKET_IGMP;
    bool is_mld = ipv6 && packet->protocol == PACKET_ICMPV6 && packet->transport_at != 0;
    bool is_pim = (ipv4 || ipv6) && packet->protocol == PACKET_PIM;
    struct snoop_message message = {snoop, packet, bridge, vid, port, now};

    HV_ASSERT(port < SNOOP_PORTS);
    if (!mac_is_group(packet_dest(packet)) || !(is_igmp || is_mld || is_pim))
        return SNOOP_DATA;
    if (is_igmp && (packet->fragment || packet->first_fragment)) {
        message.family = SNOOP_IPV4;
        snoop_message_all(&message); /* whatever it asks for */
        return SNOOP_FLOOD;
    }
    if (!find_message(&message))
        return is_igmp ? snoop_invalid(snoop) : is_pim ? SNOOP_FLOOD : SNOOP_DATA;
    if (is_igmp)
        return igmp(&message);
    if (is_pim) {
        pim(&message);
        return SNOOP_FLOOD;
    }
    return mld(&message);
}

/*
 * Who gets what.
 */

bool snoop_ports(const struct snoop *snoop, uint16_t bridge, uint16_t vid,
                 const struct packet *packet, uint64_t now, struct port_set *ports)
{
    const uint8_t *mac = packet_dest(packet), *group;
    const struct snoop_group *routers;
    struct snoop_key key, routers_key;

    *ports = (struct port_set){{0}};
    if (packet->network == PACKET_IPV4) {
        group = packet->data + packet->network_at + 16;
        if (mac[0] != 1 || mac[1] != 0 || mac[2] != 0x5e || group[0] >> 4 != 14 ||
            snoop_is_link_local4(group))
            return false;
        key = snoop_key4(bridge, vid, group);
        routers_key = snoop_key_routers(bridge, vid, SNOOP_IPV4);
    } else if (packet->network == PACKET_IPV6) {
        group = packet->data + packet->network_at + 24;
        if (mac[0] != 0x33 || mac[1] != 0x33 || group[0] != 0xff || snoop_is_link_local6(group))
            return false;
        key = snoop_key6(bridge, vid, group);
        routers_key = snoop_key_routers(bridge, vid, SNOOP_IPV6);
    } else {
        return false;
    }

    routers = snoop_find(snoop, &routers_key);
    if (!routers || now < routers->querier.since || now >= routers->querier.until)
        return false;
    snoop_add_group(snoop, routers, now, ports);
    snoop_add_group(snoop, snoop_find(snoop, &key), now, ports);
    snoop_add_all(snoop, bridge, now, ports);
    return true;
}

bool snoop_routers(const struct snoop *snoop, uint16_t bridge, uint16_t vid, uint64_t now,
                   struct port_set *ports)
{
    struct snoop_key key4 = snoop_key_routers(bridge, vid, SNOOP_IPV4);
    struct snoop_key key6 = snoop_key_routers(bridge, vid, SNOOP_IPV6);
    bool any;

    *ports = (struct port_set){{0}};
    any = snoop_add_group(snoop, snoop_find(snoop, &key4), now, ports);
    return snoop_add_group(snoop, snoop_find(snoop, &key6), now, ports) || any;
}
