/* SPDX-License-Identifier: ISC */
/*
 * Who speaks for whom: ARP (RFC 826) and neighbour discovery (RFC 4861) that give an address to
 * another MAC while its holder is active; DHCP servers and routers where none should be.
 */
#include <stdio.h>
#include <string.h>

#include "alert_state.h"

#define SECOND UINT64_C(1000000000)

/* A holder that was silent for so long may have gone: somebody else may take over. */
#define HELD (120 * SECOND)

#define ROUTER_ADVERTISEMENT    134U
#define NEIGHBOUR_SOLICITATION  135U
#define NEIGHBOUR_ADVERTISEMENT 136U
#define SOURCE_LINK_ADDRESS     1U
#define TARGET_LINK_ADDRESS     2U
#define ND_HEADER               24U
#define ND_OPTIONS              8U /* options that are looked at */

/* Virtual routers share addresses by design: VRRP (RFC 9568, section 7.3) and CARP. */
static bool is_virtual(const uint8_t mac[6])
{
    static const uint8_t vrrp[4] = {0x00, 0x00, 0x5e, 0x00};

    return memcmp(mac, vrrp, sizeof(vrrp)) == 0 && (mac[4] == 1 || mac[4] == 2);
}

/* Where @address is kept: its place, a free one, or that which was silent for longest. */
static struct alert_host *place_of(struct alerts *alerts, uint8_t family, const uint8_t address[16],
                                   uint16_t lan, uint16_t vid)
{
    const uint64_t key =
        alert_key(alerts, address, NULL, (uint64_t)family << 32 | (uint64_t)lan << 16 | vid);
    struct alert_host *set = alerts->hosts[key % ALERT_HOSTS], *oldest = set;

    for (unsigned i = 0; i < ALERT_WAYS; i++) {
        struct alert_host *host = &set[i];

        if (host->family == family && host->lan == lan && host->vid == vid &&
            memcmp(host->address, address, 16) == 0)
            return host;
        if (host->seen < oldest->seen)
            oldest = host;
    }
    memset(oldest, 0, sizeof(*oldest));
    return oldest;
}

/* @mac says that it has @address. */
static void claims(struct alerts *alerts, const struct alert_frame *frame, enum alert_kind kind,
                   uint8_t family, const uint8_t address[16], const uint8_t mac[6])
{
    const uint16_t vid = frame->decoded->vid[0];
    struct alert_host *host = place_of(alerts, family, address, frame->lan, vid);
    const bool same = host->family && memcmp(host->mac, mac, 6) == 0;
    struct alert alert;
    char ip[ALERT_TEXT], now[ALERT_TEXT], before[ALERT_TEXT];

    if (host->family == 0 || same || frame->now >= host->seen + HELD || is_virtual(mac) ||
        is_virtual(host->mac)) {
        memcpy(host->address, address, 16);
        memcpy(host->mac, mac, 6);
        host->family = family;
        host->lan = frame->lan;
        host->vid = vid;
        host->identity = frame->from;
        host->seen = frame->now;
        return;
    }
    alert = alert_of(kind, 2, frame);
    alert.family = family;
    alert.other = host->identity;
    memcpy(alert.source, address, 16);
    memset(alert.destination, 0, 16);
    memcpy(alert.mac, mac, 6);
    memcpy(alert.mac_before, host->mac, 6);
    alert.value = (frame->now - host->seen) / 1000000;
    snprintf(alert.evidence, sizeof(alert.evidence),
             "%s says that it has %s, which %s had %llu.%llu s before", alert_mac(now, mac),
             alert_address(ip, family, address), alert_mac(before, host->mac),
             (unsigned long long)(alert.value / 1000),
             (unsigned long long)(alert.value / 100 % 10));
    alert_tell(alerts, &alert, frame->from_many, alert_key(alerts, address, NULL, kind));
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i])
            return false;
    }
    return true;
}

void alert_arp(struct alerts *alerts, const struct alert_frame *frame)
{
    const struct decoded *decoded = frame->decoded;

    /* A probe (RFC 5227) has no sender address yet. */
    if (!alerts->limits.spoofing || is_zero(decoded->source, 4) || decoded->arp_mac[0] & 1 ||
        decoded->arp_operation < 1 || decoded->arp_operation > 2)
        return;
    claims(alerts, frame, ALERT_ARP_SPOOFING, DECODE_IPV4, decoded->source, decoded->arp_mac);
}

/* The link-layer address in the options of @length bytes at @options; NULL: none. */
static const uint8_t *link_address(const uint8_t *options, size_t length, uint8_t type)
{
    for (unsigned i = 0; i < ND_OPTIONS && length >= 8; i++) {
        const size_t size = (size_t)options[1] * 8;

        if (size == 0 || size > length)
            return NULL;
        if (options[0] == type)
            return options + 2;
        options += size;
        length -= size;
    }
    return NULL;
}

static void tell_server(struct alerts *alerts, const struct alert_frame *frame, const char *what)
{
    struct alert alert = alert_of(ALERT_DHCP_SERVER, 3, frame);
    char source[ALERT_TEXT], mac[ALERT_TEXT];

    alert.port = frame->decoded->source_port;
    snprintf(alert.evidence, sizeof(alert.evidence), "%s (%s) %s",
             alert_address(source, alert.family, alert.source), alert_mac(mac, alert.mac), what);
    alert_tell(alerts, &alert, frame->from_many, alert_key(alerts, alert.source, NULL, 0));
}

void alert_icmp6(struct alerts *alerts, const struct alert_frame *frame)
{
    const struct decoded *decoded = frame->decoded;
    const uint8_t *message = frame->frame + decoded->transport;
    const uint8_t *mac;
    size_t length;

    if (decoded->transport == 0 || decoded->transport >= frame->captured ||
        decoded->family != DECODE_IPV6)
        return;
    if (decoded->icmp_type == ROUTER_ADVERTISEMENT) {
        /* Where there is no telling apart of ports, routers are as good as any. */
        if (alerts->limits.dhcp_server && !frame->from_many && frame->from != 0)
            tell_server(alerts, frame, "advertises itself as a router");
        return;
    }
    length = frame->captured - decoded->transport;
    /* Beyond a router's reach they are nobody's (RFC 4861, section 7.1). */
    if (!alerts->limits.spoofing || length < ND_HEADER || decoded->ttl != 255)
        return;
    if (decoded->icmp_type == NEIGHBOUR_ADVERTISEMENT) {
        mac = link_address(message + ND_HEADER, length - ND_HEADER, TARGET_LINK_ADDRESS);
        if (mac)
            claims(alerts, frame, ALERT_ND_SPOOFING, DECODE_IPV6, message + 8, mac);
    } else if (decoded->icmp_type == NEIGHBOUR_SOLICITATION && !is_zero(decoded->source, 16)) {
        mac = link_address(message + ND_HEADER, length - ND_HEADER, SOURCE_LINK_ADDRESS);
        if (mac)
            claims(alerts, frame, ALERT_ND_SPOOFING, DECODE_IPV6, decoded->source, mac);
    }
}

void alert_dhcp(struct alerts *alerts, const struct alert_frame *frame)
{
    const struct decoded *decoded = frame->decoded;
    const uint8_t *payload = frame->frame + decoded->payload;

    if (!alerts->limits.dhcp_server || frame->from_many || frame->from == 0 ||
        decoded->payload_captured < 1)
        return;
    if (decoded->source_port == 67 && payload[0] == 2) /* BOOTREPLY, RFC 2131 */
        tell_server(alerts, frame, "answers as a DHCP server");
    else if (decoded->source_port == 547 && (payload[0] == 2 || payload[0] == 7)) /* RFC 8415 */
        tell_server(alerts, frame, "answers as a DHCPv6 server");
}
