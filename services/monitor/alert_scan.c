/* SPDX-License-Identifier: ISC */
/*
 * Scans: one host tries many ports of another, or one port of many hosts, and few of them answer.
 * Floods: SYNs to a service that stay without SYN-ACK. How many different ones there were is
 * estimated by linear counting (Whang, Vander-Zanden, Taylor, 1990) in a map keyed against
 * collisions.
 */
#include <stdio.h>
#include <string.h>

#include "alert_state.h"

#define SECOND  UINT64_C(1000000000)
#define TCP     6U
#define UDP     17U
#define ICMP    1U
#define ICMPV6  58U
#define SYN_ACK (DECODE_TCP_SYN | DECODE_TCP_ACK)

#define ECHO_REQUEST  8U
#define ECHO_REQUEST6 128U

static unsigned set_of(uint64_t key)
{
    return (unsigned)(key >> 32) % ALERT_SHARED;
}

/* The place of @key, which stays with its owner for the window, or NULL; with @make the least of
 * all is given up for it. */
static struct alert_scan *find_scan(struct alert_scan set[ALERT_WAYS], uint64_t key, uint64_t now,
                                    uint64_t window, bool make)
{
    struct alert_scan *least = &set[0];

    for (unsigned i = 0; i < ALERT_WAYS; i++) {
        struct alert_scan *scan = &set[i];

        if (scan->key == key && now < scan->since + window)
            return scan;
        if (scan->key == key || now >= scan->since + window)
            *scan = (struct alert_scan){0}; /* over */
        if (scan->bits < least->bits)
            least = scan;
    }
    if (!make)
        return NULL;
    *least = (struct alert_scan){.key = key, .since = now};
    return least;
}

static void mark(struct alert_scan *scan, uint64_t hash, uint16_t port)
{
    const unsigned bit = hash % ALERT_SCAN_BITS;
    const uint64_t mask = UINT64_C(1) << bit % 64;

    if (scan->bits == 0 && scan->answered == 0)
        scan->lowest = scan->highest = port;
    if (port < scan->lowest)
        scan->lowest = port;
    if (port > scan->highest)
        scan->highest = port;
    if (scan->map[bit / 64] & mask)
        return;
    scan->map[bit / 64] |= mask;
    scan->bits++;
}

/* It answered: it is no longer of those that were tried in vain. */
static void unmark(struct alert_scan *scan, uint64_t hash)
{
    const unsigned bit = hash % ALERT_SCAN_BITS;
    const uint64_t mask = UINT64_C(1) << bit % 64;

    if (!(scan->map[bit / 64] & mask))
        return;
    scan->map[bit / 64] &= ~mask;
    scan->bits--;
    scan->answered++;
}

/* Two scans' keys: who tries whom, and who tries which port. */
struct keys {
    uint64_t ports, hosts;
};

static struct keys keys_of(const struct alerts *alerts, const uint8_t *source,
                           const uint8_t *destination, uint16_t port, uint8_t protocol,
                           uint16_t lan)
{
    const uint64_t more = (uint64_t)lan << 32 | (uint64_t)protocol << 16;

    return (struct keys){.ports = alert_key(alerts, source, destination, more),
                         .hosts = alert_key(alerts, source, NULL, more | port | UINT64_C(1) << 63)};
}

/* Where a host that tries has its places. */
static struct alert_scan *set_ports(struct alerts *alerts, uint16_t identity, bool many,
                                    uint64_t key)
{
    struct alert_port *port = alert_port(alerts, identity, many);

    return port ? port->ports : alerts->shared_ports[set_of(key)];
}

static struct alert_scan *set_hosts(struct alerts *alerts, uint16_t identity, bool many,
                                    uint64_t key)
{
    struct alert_port *port = alert_port(alerts, identity, many);

    return port ? port->hosts : alerts->shared_hosts[set_of(key)];
}

static const char *protocol_name(uint8_t protocol)
{
    return protocol == TCP ? "TCP" : protocol == UDP ? "UDP" : "ICMP";
}

static void tell_scan(struct alerts *alerts, const struct alert_frame *frame,
                      struct alert_scan *scan, enum alert_kind kind, uint32_t limit)
{
    struct alert alert = alert_of(kind, 4, frame);
    const unsigned long long took = (frame->now - scan->since) / 100000000;
    const char *what = protocol_name(alert.protocol);
    char source[ALERT_TEXT], destination[ALERT_TEXT], mac[ALERT_TEXT], hosts[32];

    scan->told = true;
    alert.value = alert_distinct(scan->bits);
    alert.limit = limit;
    alert.port = kind == ALERT_HOST_SCAN ? frame->decoded->destination_port : 0;
    if (!alert_due(alerts, &alert, frame->from_many,
                   alert_key(alerts, alert.source, NULL, (uint64_t)frame->lan << 16 | kind)))
        return;
    alert_address(source, alert.family, alert.source);
    alert_address(destination, alert.family, alert.destination);
    alert_mac(mac, alert.mac);
    if (kind == ALERT_PORT_SCAN) {
        snprintf(alert.evidence, sizeof(alert.evidence),
                 "%s (%s) tried about %u %s ports of %s in vain, of %u to %u, within %llu.%llu s; "
                 "%u answered",
                 source, mac, (unsigned)alert.value, what, destination, scan->lowest, scan->highest,
                 took / 10, took % 10, scan->answered);
    } else {
        if (alert.port)
            snprintf(hosts, sizeof(hosts), "tried %s port %u of", what, alert.port);
        else
            snprintf(hosts, sizeof(hosts), "pinged");
        snprintf(alert.evidence, sizeof(alert.evidence),
                 "%s (%s) %s about %u hosts in vain, %s the last, within %llu.%llu s; %u answered",
                 source, mac, hosts, (unsigned)alert.value, destination, took / 10, took % 10,
                 scan->answered);
    }
    alert_tell(alerts, &alert);
}

static uint64_t port_hash(const struct alerts *alerts, uint16_t port)
{
    return hash_word(&alerts->key, port);
}

static uint64_t host_hash(const struct alerts *alerts, const uint8_t address[16])
{
    return alert_key(alerts, address, NULL, 0);
}

static void tried(struct alerts *alerts, const struct alert_frame *frame)
{
    const struct decoded *decoded = frame->decoded;
    const uint64_t window = alerts->limits.window * SECOND;
    const struct keys keys = keys_of(alerts, decoded->source, decoded->destination,
                                     decoded->destination_port, decoded->protocol, frame->lan);
    struct alert_scan *scan;

    if (alerts->limits.scan_ports && decoded->destination_port) {
        scan = find_scan(set_ports(alerts, frame->from, frame->from_many, keys.ports), keys.ports,
                         frame->now, window, true);
        mark(scan, port_hash(alerts, decoded->destination_port), decoded->destination_port);
        if (!scan->told && scan->bits >= alerts->port_bits)
            tell_scan(alerts, frame, scan, ALERT_PORT_SCAN, alerts->limits.scan_ports);
    }
    if (alerts->limits.scan_hosts) {
        scan = find_scan(set_hosts(alerts, frame->from, frame->from_many, keys.hosts), keys.hosts,
                         frame->now, window, true);
        mark(scan, host_hash(alerts, decoded->destination), decoded->destination_port);
        if (!scan->told && scan->bits >= alerts->host_bits)
            tell_scan(alerts, frame, scan, ALERT_HOST_SCAN, alerts->limits.scan_hosts);
    }
}

/* The other side speaks: what was tried there was no scan. */
static void answered(struct alerts *alerts, const struct alert_frame *frame)
{
    const struct decoded *decoded = frame->decoded;
    const uint64_t window = alerts->limits.window * SECOND;
    const struct keys keys = keys_of(alerts, decoded->destination, decoded->source,
                                     decoded->source_port, decoded->protocol, frame->lan);
    struct alert_scan *scan = find_scan(set_ports(alerts, frame->to, frame->to_many, keys.ports),
                                        keys.ports, frame->now, window, false);

    if (scan)
        unmark(scan, port_hash(alerts, decoded->source_port));
    scan = find_scan(set_hosts(alerts, frame->to, frame->to_many, keys.hosts), keys.hosts,
                     frame->now, window, false);
    if (scan)
        unmark(scan, host_hash(alerts, decoded->source));
}

/* An echo's port is its identifier, and its type in the other: one "port" of ping. */
static bool is_echo(const struct decoded *decoded)
{
    return (decoded->protocol == ICMP && decoded->icmp_type == ECHO_REQUEST) ||
           (decoded->protocol == ICMPV6 && decoded->icmp_type == ECHO_REQUEST6);
}

static bool is_group(const struct decoded *decoded)
{
    return decoded->family == DECODE_IPV4 ? decoded->destination[0] >= 224
                                          : decoded->destination[0] == 0xff;
}

void alert_scans(struct alerts *alerts, const struct alert_frame *frame)
{
    const struct decoded *decoded = frame->decoded;

    if (frame->event == ALERT_FRAME)
        return;
    if (decoded->protocol == ICMP || decoded->protocol == ICMPV6) {
        struct decoded echo = *decoded;
        struct alert_frame as_echo = *frame;

        echo.source_port = echo.destination_port = 0;
        as_echo.decoded = &echo;
        if (frame->event == ALERT_ANSWERED)
            answered(alerts, &as_echo);
        else if (is_echo(decoded) && !is_group(decoded))
            tried(alerts, &as_echo);
        return;
    }
    if (!decoded->ports || (decoded->protocol != TCP && decoded->protocol != UDP))
        return;
    if (frame->event == ALERT_ANSWERED) {
        /* A refusal (RST) is no answer. */
        if (decoded->protocol == UDP || !(decoded->tcp_flags & DECODE_TCP_RST))
            answered(alerts, frame);
        return;
    }
    if (is_group(decoded) ||
        (decoded->protocol == TCP && (decoded->tcp_flags & (SYN_ACK | DECODE_TCP_RST)) == SYN_ACK))
        return;
    tried(alerts, frame);
}

/* --- floods ----------------------------------------------------------------------------------- */

static struct alert_syns *find_syns(struct alert_syns set[ALERT_WAYS], uint64_t key, uint64_t now,
                                    bool make)
{
    struct alert_syns *least = &set[0];

    for (unsigned i = 0; i < ALERT_WAYS; i++) {
        struct alert_syns *syns = &set[i];

        if (now >= syns->since + SECOND)
            *syns = (struct alert_syns){0}; /* over */
        if (syns->key == key)
            return syns;
        if (syns->syns < least->syns)
            least = syns;
    }
    if (!make)
        return NULL;
    *least = (struct alert_syns){.key = key, .since = now};
    return least;
}

static struct alert_syns *set_syns(struct alerts *alerts, uint16_t identity, bool many,
                                   uint64_t key)
{
    struct alert_port *port = alert_port(alerts, identity, many);

    return port ? port->syns : alerts->shared_syns[set_of(key)];
}

static void tell_flood(struct alerts *alerts, const struct alert_frame *frame,
                       struct alert_syns *syns)
{
    struct alert alert = alert_of(ALERT_SYN_FLOOD, 3, frame);
    char source[ALERT_TEXT], destination[ALERT_TEXT], mac[ALERT_TEXT];

    syns->told = true;
    alert.port = frame->decoded->destination_port;
    alert.value = syns->syns - syns->answered;
    alert.limit = alerts->limits.syn_flood;
    if (!alert_due(alerts, &alert, frame->from_many,
                   alert_key(alerts, alert.destination, NULL,
                             (uint64_t)frame->lan << 32 | (uint64_t)alert.port << 16 | alert.kind)))
        return;
    snprintf(alert.evidence, sizeof(alert.evidence),
             "%s sent %u SYNs to port %u of %s within %llu ms, of which %u were answered; the last "
             "as %s",
             alert_mac(mac, alert.mac), syns->syns, alert.port,
             alert_address(destination, alert.family, alert.destination),
             (unsigned long long)((frame->now - syns->since) / 1000000), syns->answered,
             alert_address(source, alert.family, alert.source));
    alert_tell(alerts, &alert);
}

void alert_syn_flood(struct alerts *alerts, const struct alert_frame *frame)
{
    const struct decoded *decoded = frame->decoded;
    const unsigned flags = decoded->tcp_flags & (SYN_ACK | DECODE_TCP_RST);
    struct alert_syns *syns;
    uint64_t key;

    if (!alerts->limits.syn_flood || !decoded->ports)
        return;
    if (flags == DECODE_TCP_SYN) {
        key = alert_key(alerts, decoded->destination, NULL,
                        (uint64_t)frame->lan << 16 | decoded->destination_port);
        syns =
            find_syns(set_syns(alerts, frame->from, frame->from_many, key), key, frame->now, true);
        syns->syns++;
        if (!syns->told && syns->syns > syns->answered &&
            syns->syns - syns->answered >= alerts->limits.syn_flood)
            tell_flood(alerts, frame, syns);
    } else if (flags == SYN_ACK) {
        key = alert_key(alerts, decoded->source, NULL,
                        (uint64_t)frame->lan << 16 | decoded->source_port);
        syns = find_syns(set_syns(alerts, frame->to, frame->to_many, key), key, frame->now, false);
        if (syns)
            syns->answered++;
    }
}
