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

/* RFC 9568, section 7.3. CARP has the same. */
bool alert_is_virtual(const uint8_t mac[6])
{
    static const uint8_t vrrp[4] = {0x00, 0x00, 0x5e, 0x00};

    return memcmp(mac, vrrp, sizeof(vrrp)) == 0 && (mac[4] == 1 || mac[4] == 2);
}

/* --- who has which address -------------------------------------------------------------------- */

static bool is_held(const struct alert_host *host, uint64_t now)
{
    return host->family != 0 && now < host->seen + HELD;
}

/* How many of them are a port's; NULL: that is not known. */
static uint16_t *count_of(struct alerts *alerts, uint16_t identity)
{
    struct alert_port *port = alert_port(alerts, identity, false);

    return port ? &port->addresses : NULL;
}

static void let_go(struct alerts *alerts, struct alert_host *host)
{
    uint16_t *count = host->family ? count_of(alerts, host->identity) : NULL;

    if (count)
        --*count;
    memset(host, 0, sizeof(*host));
}

void alert_hosts_forget(struct alerts *alerts, uint16_t identity)
{
    const uint16_t *left = count_of(alerts, identity);

    /* Where they are counted, until the last one is found: most ports have few, or none. */
    for (unsigned i = 0; i < ALERT_HOSTS && (!left || *left != 0); i++) {
        for (unsigned j = 0; j < ALERT_WAYS; j++) {
            if (alerts->hosts[i][j].family && alerts->hosts[i][j].identity == identity)
                let_go(alerts, &alerts->hosts[i][j]);
        }
    }
}

void alert_hosts_age(struct alerts *alerts, uint64_t now)
{
    struct alert_host *set = alerts->hosts[alerts->aged++ % ALERT_HOSTS];

    for (unsigned i = 0; i < ALERT_WAYS; i++) {
        if (!is_held(&set[i], now))
            let_go(alerts, &set[i]);
    }
}

static struct alert_host *set_of(struct alerts *alerts, const struct alert_host *wanted)
{
    const uint64_t key =
        alert_key(alerts, wanted->address, NULL,
                  (uint64_t)wanted->family << 32 | (uint64_t)wanted->lan << 16 | wanted->vid);

    return alerts->hosts[key % ALERT_HOSTS];
}

static struct alert_host *find_host(struct alert_host *set, const struct alert_host *wanted)
{
    for (unsigned i = 0; i < ALERT_WAYS; i++) {
        if (set[i].family == wanted->family && set[i].lan == wanted->lan &&
            set[i].vid == wanted->vid && memcmp(set[i].address, wanted->address, 16) == 0)
            return &set[i];
    }
    return NULL;
}

/* Is @a the better place to give up for an address of @identity? A free one is; then one of its
 * own, then the one that was silent for longest. */
static bool is_better(const struct alert_host *a, const struct alert_host *b, uint16_t identity,
                      uint64_t now)
{
    if (is_held(a, now) != is_held(b, now))
        return !is_held(a, now);
    if ((a->identity == identity) != (b->identity == identity))
        return a->identity == identity;
    return a->seen < b->seen;
}

/* A place for one more address of @wanted's port; NULL: none. A guest that has its share gets only
 * what is its own already, and nobody a place of a port that has no more than it has: so what is
 * known of others cannot be pushed out. */
static struct alert_host *make_place(struct alerts *alerts, struct alert_host *set,
                                     const struct alert_host *wanted, bool many)
{
    const uint16_t *own = count_of(alerts, wanted->identity);
    struct alert_host *best = NULL;

    for (unsigned i = 0; i < ALERT_WAYS; i++) {
        struct alert_host *host = &set[i];
        const uint16_t *theirs = count_of(alerts, host->identity);
        const bool is_own = host->family && host->identity == wanted->identity;

        if (!is_own && !many && own && *own >= ALERT_OWN)
            continue;
        if (!is_own && is_held(host, wanted->seen) && own && theirs && *theirs <= *own)
            continue;
        if (!best || is_better(host, best, wanted->identity, wanted->seen))
            best = host;
    }
    return best;
}

/* Who shares a port may claim for a virtual router; a guest that does so takes somebody's place. */
static bool may_have(const struct alert_frame *frame, const struct alert_host *host,
                     const struct alert_host *claim)
{
    return memcmp(host->mac, claim->mac, 6) == 0 || !is_held(host, frame->now) ||
           (frame->from_many && alert_is_virtual(claim->mac));
}

static void tell_spoofing(struct alerts *alerts, const struct alert_frame *frame,
                          enum alert_kind kind, const struct alert_host *host,
                          const struct alert_host *claim)
{
    struct alert alert = alert_of(kind, 2, frame);
    char ip[ALERT_TEXT], now[ALERT_TEXT], before[ALERT_TEXT];

    alert.family = claim->family;
    alert.protocol = 0;
    alert.other = host->identity;
    memcpy(alert.source, claim->address, 16);
    memset(alert.destination, 0, 16);
    memcpy(alert.mac, claim->mac, 6);
    memcpy(alert.mac_before, host->mac, 6);
    alert.value = (frame->now - host->seen) / 1000000;
    if (!alert_due(alerts, &alert, frame->from_many,
                   alert_key(alerts, claim->address, NULL,
                             (uint64_t)claim->lan << 32 | (uint64_t)claim->vid << 16 | kind)))
        return;
    snprintf(alert.evidence, sizeof(alert.evidence),
             "%s says that it has %s, for which %s spoke %llu.%llu s before",
             alert_mac(now, claim->mac), alert_address(ip, claim->family, claim->address),
             alert_mac(before, host->mac), (unsigned long long)(alert.value / 1000),
             (unsigned long long)(alert.value / 100 % 10));
    alert_tell(alerts, &alert);
}

/* @mac says that it has @address. Who had it keeps it as long as it speaks. */
static void claims(struct alerts *alerts, const struct alert_frame *frame, enum alert_kind kind,
                   uint8_t family, const uint8_t address[16], const uint8_t mac[6])
{
    struct alert_host claim = {.seen = frame->now,
                               .lan = frame->lan,
                               .vid = frame->vid,
                               .identity = frame->from,
                               .family = family};
    struct alert_host *set, *host;
    uint16_t *count;

    memcpy(claim.address, address, 16);
    memcpy(claim.mac, mac, 6);
    set = set_of(alerts, &claim);
    host = find_host(set, &claim);
    if (host && !may_have(frame, host, &claim)) {
        tell_spoofing(alerts, frame, kind, host, &claim);
        return;
    }
    /* Who says the same of another port moves a MAC, which is another alert's matter. */
    if (host && is_held(host, frame->now) && memcmp(host->mac, mac, 6) == 0) {
        host->seen = frame->now;
        return;
    }
    if (!host)
        host = make_place(alerts, set, &claim, frame->from_many);
    if (!host)
        return;
    let_go(alerts, host);
    *host = claim;
    count = count_of(alerts, claim.identity);
    if (count)
        ++*count;
}

/* --- what says so ----------------------------------------------------------------------------- */

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
    if (!alert_due(alerts, &alert, frame->from_many, alert_key(alerts, alert.source, NULL, 0)))
        return;
    snprintf(alert.evidence, sizeof(alert.evidence), "%s (%s) %s",
             alert_address(source, alert.family, alert.source), alert_mac(mac, alert.mac), what);
    alert_tell(alerts, &alert);
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
    /* Clients look at their own port alone, so that a server may send from any. BOOTREPLY of RFC
     * 2131; ADVERTISE, REPLY, RECONFIGURE of RFC 8415. */
    if (decoded->family == DECODE_IPV4 && payload[0] == 2 &&
        (decoded->source_port == 67 || decoded->destination_port == 68))
        tell_server(alerts, frame, "answers as a DHCP server");
    else if (decoded->family == DECODE_IPV6 && decoded->destination_port == 546 &&
             (payload[0] == 2 || payload[0] == 7 || payload[0] == 10))
        tell_server(alerts, frame, "answers as a DHCPv6 server");
}
