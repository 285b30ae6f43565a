/* SPDX-License-Identifier: ISC */
#include "flow_filter.h"
#include "flow_text.h"
#include "values.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { IPV4 = 4, IPV6 = 6, ARP = 1 };

void flow_filter_init(struct flow_filter *filter)
{
    memset(filter, 0, sizeof(*filter));
    filter->guest_domid = UINT32_MAX;
    filter->protocol = filter->vlan = -1;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The usual form, 8-4-4-4-12. */
static bool parse_uuid(const char *text, uint8_t uuid[16])
{
    if (strlen(text) != 36)
        return false;
    for (unsigned i = 0, at = 0; i < 16; i++, at += 2) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-')
            return false;
        if (hex(text[at]) < 0 || hex(text[at + 1]) < 0)
            return false;
        uuid[i] = (uint8_t)(hex(text[at]) << 4 | hex(text[at + 1]));
    }
    return true;
}

const char *flow_filter_guest(struct flow_filter *filter, const char *value)
{
    if (!*value)
        return "a guest's name, NAME/VIF, uuid or domid";
    filter->guest = value;
    filter->guest_is_uuid = parse_uuid(value, filter->uuid);
    if (!value_number(value, 0, VALUE_DOMID_LIMIT - 1, &filter->guest_domid))
        filter->guest_domid = UINT32_MAX;
    if (strcmp(value, "dom0") == 0)
        filter->guest_domid = 0;
    return NULL;
}

const char *flow_filter_host(struct flow_filter *filter, const char *value)
{
    static const char wanted[] = "an address, ADDRESS or ADDRESS/LENGTH";
    const char *slash = strchr(value, '/');
    char address[INET6_ADDRSTRLEN];
    size_t length = slash ? (size_t)(slash - value) : strlen(value);
    uint32_t bits;

    if (length >= sizeof(address))
        return wanted;
    memcpy(address, value, length);
    address[length] = '\0';
    memset(filter->host, 0, sizeof(filter->host));
    if (inet_pton(AF_INET, address, filter->host) == 1)
        filter->host_family = IPV4;
    else if (inet_pton(AF_INET6, address, filter->host) == 1)
        filter->host_family = IPV6;
    else
        return wanted;
    bits = filter->host_family == IPV4 ? 32 : 128;
    if (slash && !value_number(slash + 1, 0, bits, &bits))
        return wanted;
    filter->host_bits = (uint8_t)bits;
    return NULL;
}

const char *flow_filter_port(struct flow_filter *filter, const char *value)
{
    static const char wanted[] = "a port, 0 to 65535, or FIRST-LAST";
    const char *dash = strchr(value, '-');
    char first[8];
    const size_t length = dash ? (size_t)(dash - value) : strlen(value);
    uint32_t low, high;

    if (length >= sizeof(first))
        return wanted;
    memcpy(first, value, length);
    first[length] = '\0';
    if (!value_number(first, 0, 65535, &low))
        return wanted;
    high = low;
    if (dash && !value_number(dash + 1, low, 65535, &high))
        return wanted;
    filter->ports = true;
    filter->port_first = (uint16_t)low;
    filter->port_last = (uint16_t)high;
    return NULL;
}

const char *flow_filter_protocol(struct flow_filter *filter, const char *value)
{
    filter->arp = strcasecmp(value, "arp") == 0;
    filter->icmp = strcasecmp(value, "icmp") == 0;
    filter->protocol = -1;
    if (filter->arp || filter->icmp)
        return NULL;
    filter->protocol = (int16_t)flow_protocol_number(value);
    return filter->protocol < 0 ? "tcp, udp, icmp, icmp6, sctp..., arp or a number, 0 to 255"
                                : NULL;
}

const char *flow_filter_vlan(struct flow_filter *filter, const char *value)
{
    uint32_t vlan;

    if (!value_number(value, 0, 4094, &vlan))
        return "a VLAN, 1 to 4094, or 0: none";
    filter->vlan = (int16_t)vlan;
    return NULL;
}

const char *flow_filter_name(struct flow_filter *filter, const char *value)
{
    if (!*value || strcmp(value, ".") == 0)
        return "a name, or .DOMAIN for all below it";
    filter->name = value;
    return NULL;
}

const char *flow_filter_min_bytes(struct flow_filter *filter, const char *value)
{
    static const char wanted[] = "a number of bytes, with K, M or G for powers of 1024",
                      units[] = "KMG";
    unsigned long long number;
    unsigned shift = 0;
    char *end;

    if (*value < '0' || *value > '9' || strlen(value) > 18)
        return wanted;
    number = strtoull(value, &end, 10);
    if (*end) {
        const char *unit = strchr(units, *end);

        if (!unit || end[1])
            return wanted;
        shift = 10 * (unsigned)(unit - units + 1);
    }
    if (number > UINT64_MAX >> shift)
        return wanted;
    filter->min_bytes = (uint64_t)number << shift;
    return NULL;
}

/* --- matching -----------------------------------------------------------------------------------
 */

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    const uint8_t mask = (uint8_t)(0xff00u >> bits % 8);

    if (memcmp(a, b, bits / 8) != 0)
        return false;
    return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}

static bool is_text(const char *bytes, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(bytes, text, length) == 0;
}

static bool guest_match(const struct flow_filter *filter, const struct flow_view *flow,
                        unsigned side)
{
    const struct flow_record_side *s = &flow->record.side[side];
    char text[FLOW_TEXT];

    if (filter->guest_is_uuid)
        return s->flags & FLOW_IDENTIFIED && memcmp(s->uuid, filter->uuid, 16) == 0;
    if (is_text(flow->guest[side], flow->record.guest_length[side], filter->guest))
        return true;
    if (filter->guest_domid != UINT32_MAX)
        return s->domid == filter->guest_domid;
    return strcmp(flow_vif(flow, side, text, sizeof(text)), filter->guest) == 0 ||
           strcmp(flow_guest(flow, side, text, sizeof(text)), filter->guest) == 0;
}

static bool host_match(const struct flow_filter *filter, const struct flow_record *r, unsigned side)
{
    const uint8_t family = r->family == ARP ? IPV4 : r->family;

    return family == filter->host_family &&
           same_bits(r->side[side].address, filter->host, filter->host_bits);
}

static bool port_match(const struct flow_filter *filter, const struct flow_record *r, unsigned side)
{
    return r->side[side].port >= filter->port_first && r->side[side].port <= filter->port_last;
}

static bool protocol_match(const struct flow_filter *filter, const struct flow_record *r)
{
    const bool ip = r->family == IPV4 || r->family == IPV6;

    if (filter->arp)
        return r->family == ARP;
    if (filter->icmp)
        return ip && (r->protocol == 1 || r->protocol == 58);
    return filter->protocol < 0 || (ip && r->protocol == filter->protocol);
}

static bool name_match(const char *wanted, const struct flow_view *flow)
{
    const size_t length = strlen(wanted), have = flow->record.name_length;

    if (have == length && strncasecmp(flow->name, wanted, length) == 0)
        return true;
    if (*wanted != '.')
        return false;
    if (have == length - 1 && strncasecmp(flow->name, wanted + 1, have) == 0)
        return true;
    return have > length && strncasecmp(flow->name + have - length, wanted, length) == 0;
}

bool flow_filter_match(const struct flow_filter *filter, const struct flow_view *flow)
{
    const struct flow_record *r = &flow->record;

    if (flow_bytes(r) < filter->min_bytes || !protocol_match(filter, r))
        return false;
    if (filter->host_family && !host_match(filter, r, 0) && !host_match(filter, r, 1))
        return false;
    if (filter->ports &&
        (!flow_has_ports(r->protocol) || (!port_match(filter, r, 0) && !port_match(filter, r, 1))))
        return false;
    if (filter->vlan == 0 && r->vid[0])
        return false;
    if (filter->vlan > 0 && r->vid[0] != filter->vlan && r->vid[1] != filter->vlan)
        return false;
    if (filter->name && !name_match(filter->name, flow))
        return false;
    return !filter->guest || guest_match(filter, flow, 0) || guest_match(filter, flow, 1);
}
