/* SPDX-License-Identifier: ISC */
#include "alert.h"

#include <stdio.h>
#include <string.h>

#include "alert_state.h"

#define SECOND UINT64_C(1000000000)

/* Alerts in a second of all who share ports. */
#define BURST_MAX 32U

/* A rate is unusual in comparison with this many minutes of before, at least. */
#define MINUTES_LEARNED 10U
#define USUAL_WEIGHT    16U

/* A MAC that is on two ports within this time is no guest that came back or moved. */
#define MOVED_AGE (10 * SECOND)

static const char *const names[ALERT_KINDS] = {
    [ALERT_PORT_SCAN] = "port-scan",     [ALERT_HOST_SCAN] = "host-scan",
    [ALERT_SYN_FLOOD] = "syn-flood",     [ALERT_ARP_SPOOFING] = "arp-spoofing",
    [ALERT_ND_SPOOFING] = "nd-spoofing", [ALERT_DHCP_SERVER] = "dhcp-server",
    [ALERT_MAC_MOVED] = "mac-moved",     [ALERT_RATE] = "rate",
};

const char *alert_name(enum alert_kind kind)
{
    return (unsigned)kind < ALERT_KINDS ? names[kind] : "";
}

/* --- limits ----------------------------------------------------------------------------------- */

void alert_limits_default(struct alert_limits *limits)
{
    *limits = (struct alert_limits){.scan_ports = 100,
                                    .scan_hosts = 100,
                                    .window = 10,
                                    .syn_flood = 500,
                                    .spoofing = 1,
                                    .dhcp_server = 1,
                                    .mac_moved = 1,
                                    .rate_factor = 8,
                                    .rate_floor = 1250000,
                                    .again = 300};
}

const char *alert_limits_wrong(const struct alert_limits *limits)
{
    if (limits->scan_ports > ALERT_SCAN_MAX)
        return "scan_ports";
    if (limits->scan_hosts > ALERT_SCAN_MAX)
        return "scan_hosts";
    if (limits->window == 0 || limits->window > 3600)
        return "window";
    if (limits->spoofing > 1)
        return "spoofing";
    if (limits->dhcp_server > 1)
        return "dhcp_server";
    if (limits->mac_moved > 1)
        return "mac_moved";
    if (limits->rate_factor == 1 || limits->rate_factor > 1000)
        return "rate_factor";
    if (limits->again > 86400)
        return "again";
    return NULL;
}

/* Bits that are set in a map, as expected, when @distinct things were put in: linear counting
 * (Whang and others, 1990), the expectation made step by step in integers. */
static uint64_t one_more(uint64_t set)
{
    return set + (((uint64_t)ALERT_SCAN_BITS << 16) - set) / ALERT_SCAN_BITS;
}

static uint32_t bits_of(uint32_t distinct)
{
    uint64_t set = 0; /* times 2^16 */

    for (uint32_t i = 0; i < distinct; i++)
        set = one_more(set);
    return (uint32_t)((set + 32768) >> 16);
}

uint32_t alert_distinct(uint32_t bits)
{
    uint64_t set = 0;
    uint32_t distinct = 0;

    while ((set + 32768) >> 16 < bits && distinct < ALERT_SCAN_BITS * 8) {
        set = one_more(set);
        distinct++;
    }
    return distinct;
}

/* --- making it -------------------------------------------------------------------------------- */

static size_t aligned(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

size_t alerts_size(unsigned ports)
{
    return aligned(sizeof(struct alerts)) + aligned(ports * sizeof(struct alert_port));
}

struct alerts *alerts_create(void *memory, unsigned ports, const struct alert_limits *limits,
                             uint64_t key, void (*alert)(void *context, const struct alert *alert),
                             void *context)
{
    struct alerts *alerts = memory;

    alerts->key = (struct hash_key){.k0 = key, .k1 = ~key * UINT64_C(0x9e3779b97f4a7c15)};
    alerts->alert = alert;
    alerts->context = context;
    alerts->count = ports;
    alerts->ports = (void *)((uint8_t *)memory + aligned(sizeof(*alerts)));
    alerts_configure(alerts, limits);
    return alerts;
}

void alerts_configure(struct alerts *alerts, const struct alert_limits *limits)
{
    alerts->limits = *limits;
    alerts->port_bits = bits_of(limits->scan_ports);
    alerts->host_bits = bits_of(limits->scan_hosts);
}

void alerts_forget(struct alerts *alerts, uint16_t identity)
{
    alert_hosts_forget(alerts, identity);
    if (identity < alerts->count)
        memset(&alerts->ports[identity], 0, sizeof(alerts->ports[identity]));
}

uint64_t alerts_told(const struct alerts *alerts)
{
    return alerts->told;
}

uint64_t alerts_suppressed(const struct alerts *alerts)
{
    return alerts->suppressed;
}

/* --- telling ---------------------------------------------------------------------------------- */

uint64_t alert_key(const struct alerts *alerts, const void *a, const void *b, uint64_t more)
{
    uint8_t bytes[40] = {0};
    uint64_t key;

    if (a)
        memcpy(bytes, a, 16);
    if (b)
        memcpy(bytes + 16, b, 16);
    memcpy(bytes + 32, &more, 8);
    key = hash_bytes(&alerts->key, bytes, sizeof(bytes));
    return key ? key : 1;
}

/* Where it is kept when this was told last: the host's place, or the oldest of its set. */
static struct alert_told *told_of(struct alerts *alerts, const struct alert *alert, bool many,
                                  uint64_t host)
{
    struct alert_port *port = alert_port(alerts, alert->identity, many);
    struct alert_told *set, *oldest;
    uint64_t key;

    if (port)
        return &port->told[alert->kind];
    key = hash_word(&alerts->key, host ^ alert->kind);
    key += key == 0;
    set = alerts->shared_told[key % ALERT_TOLD];
    oldest = set;
    for (unsigned i = 0; i < ALERT_WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].last < oldest->last)
            oldest = &set[i];
    }
    *oldest = (struct alert_told){.key = key};
    return oldest;
}

/* Who shares a port may be many, and make up more: of all these, so many in a second. A guest's own
 * are as many as there are kinds, once in limits.again. */
static bool is_burst(struct alerts *alerts, uint64_t now)
{
    if (now >= alerts->burst_since + SECOND) {
        alerts->burst_since = now;
        alerts->burst = 0;
    }
    if (alerts->burst == BURST_MAX)
        return true;
    alerts->burst++;
    return false;
}

bool alert_due(struct alerts *alerts, struct alert *alert, bool many, uint64_t host)
{
    struct alert_told *told = told_of(alerts, alert, many, host);
    const uint64_t again = alerts->limits.again ? alerts->limits.again * SECOND : SECOND;

    if ((told->last != 0 && alert->time < told->last + again) ||
        (!alert_port(alerts, alert->identity, many) && is_burst(alerts, alert->time))) {
        told->suppressed++;
        alerts->suppressed++;
        return false;
    }
    alert->suppressed = told->suppressed;
    told->last = alert->time ? alert->time : 1;
    told->suppressed = 0;
    return true;
}

void alert_tell(struct alerts *alerts, const struct alert *alert)
{
    alerts->told++;
    if (alerts->alert)
        alerts->alert(alerts->context, alert);
}

struct alert alert_of(enum alert_kind kind, uint8_t severity, const struct alert_frame *frame)
{
    struct alert alert = {.time = frame->now,
                          .kind = (uint8_t)kind,
                          .severity = severity,
                          .identity = frame->from,
                          .family = frame->decoded->family,
                          .protocol = frame->decoded->protocol,
                          .vid = frame->vid};

    memcpy(alert.source, frame->decoded->source, 16);
    memcpy(alert.destination, frame->decoded->destination, 16);
    if (frame->captured >= 12)
        memcpy(alert.mac, frame->frame + 6, 6);
    return alert;
}

/* --- what comes ------------------------------------------------------------------------------- */

void alerts_frame(struct alerts *alerts, const struct alert_frame *frame)
{
    const struct decoded *decoded = frame->decoded;

    if (decoded->family == DECODE_ARP) {
        alert_arp(alerts, frame);
        return;
    }
    /* Of later fragments the ports are known, but what is at their place is not a header. */
    if (decoded->family == DECODE_OTHER || decoded->fragment_at != 0)
        return;
    alert_scans(alerts, frame);
    switch (decoded->protocol) {
    case 6:
        alert_syn_flood(alerts, frame);
        break;
    case 17:
        alert_dhcp(alerts, frame);
        break;
    case 58:
        alert_icmp6(alerts, frame);
        break;
    default:
        break;
    }
}

void alerts_moved(struct alerts *alerts, uint64_t now, uint16_t identity, uint16_t before,
                  const uint8_t mac[6], uint64_t age)
{
    struct alert alert = {.time = now,
                          .kind = ALERT_MAC_MOVED,
                          .severity = 4,
                          .identity = identity,
                          .other = before,
                          .value = age / 1000000};
    char text[ALERT_TEXT];

    if (!alerts->limits.mac_moved || age > MOVED_AGE)
        return;
    memcpy(alert.mac, mac, 6);
    memcpy(alert.mac_before, mac, 6);
    /* A standby router that takes over is meant to: worth a notice, no warning. */
    if (alert_is_virtual(mac))
        alert.severity = 5;
    if (!alert_due(alerts, &alert, false, 0))
        return;
    snprintf(alert.evidence, sizeof(alert.evidence),
             "%s%s sends from this port, and sent from another one %llu ms before",
             alert_mac(text, mac), alert_is_virtual(mac) ? " (of a virtual router)" : "",
             (unsigned long long)alert.value);
    alert_tell(alerts, &alert);
}

/* --- rates ------------------------------------------------------------------------------------ */

#define RECENT (sizeof(((struct alert_port *)0)->recent) / sizeof(uint32_t))

static void look_at_rate(struct alerts *alerts, uint64_t now, uint16_t identity,
                         const struct alert_port *port)
{
    const uint64_t rate = port->lately / RECENT, usual = port->usual / USUAL_WEIGHT;
    struct alert alert = {
        .time = now, .kind = ALERT_RATE, .severity = 5, .identity = identity, .value = rate};

    if (alerts->limits.rate_factor == 0 || port->minutes < MINUTES_LEARNED ||
        rate <= alerts->limits.rate_floor || rate / alerts->limits.rate_factor <= usual)
        return;
    alert.limit = usual * alerts->limits.rate_factor;
    if (alert.limit < alerts->limits.rate_floor)
        alert.limit = alerts->limits.rate_floor;
    if (!alert_due(alerts, &alert, false, 0))
        return;
    snprintf(alert.evidence, sizeof(alert.evidence),
             "sends %llu bytes a second, over %u seconds; usual are %llu", (unsigned long long)rate,
             (unsigned)RECENT, (unsigned long long)usual);
    alert_tell(alerts, &alert);
}

void alerts_rate(struct alerts *alerts, uint64_t now, uint16_t identity, uint64_t bytes)
{
    struct alert_port *port = alert_port(alerts, identity, false);
    uint32_t *slot;

    alert_hosts_age(alerts, now);
    if (!port)
        return;
    slot = &port->recent[port->seconds % RECENT];
    if (bytes > UINT32_MAX)
        bytes = UINT32_MAX;
    port->lately += bytes - *slot;
    *slot = (uint32_t)bytes;
    port->minute_bytes += bytes;
    look_at_rate(alerts, now, identity, port);
    if (++port->seconds < 60)
        return;
    /* 60 is a multiple of the recent seconds: their slots go on in turn. */
    port->seconds = 0;
    port->usual += port->minute_bytes / 60;
    if (port->minutes == 0)
        port->usual = port->minute_bytes / 60 * USUAL_WEIGHT;
    else
        port->usual -= port->usual / (USUAL_WEIGHT + 1);
    port->minute_bytes = 0;
    if (port->minutes < UINT16_MAX)
        port->minutes++;
}
