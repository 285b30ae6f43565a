/* SPDX-License-Identifier: ISC */
#include "flow_text.h"
#include "values.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { IPV4 = 4, IPV6 = 6, ARP = 1 };

/* IANA's numbers of what is met. */
static const struct {
    uint8_t number;
    const char *name;
} protocols[] = {
    {1, "icmp"},  {2, "igmp"},  {6, "tcp"},    {17, "udp"},   {41, "ipv6"},
    {47, "gre"},  {50, "esp"},  {51, "ah"},    {58, "icmp6"}, {88, "eigrp"},
    {89, "ospf"}, {103, "pim"}, {112, "vrrp"}, {132, "sctp"}, {136, "udplite"},
};

#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

bool flow_has_ports(uint8_t protocol)
{
    return protocol == 6 || protocol == 17 || protocol == 132 || protocol == 136;
}

uint64_t flow_bytes(const struct flow_record *flow)
{
    return flow->side[0].bytes + flow->side[1].bytes;
}

uint64_t flow_frames(const struct flow_record *flow)
{
    return flow->side[0].frames + flow->side[1].frames;
}

uint64_t flow_duration(const struct flow_record *flow)
{
    return flow->last > flow->first ? flow->last - flow->first : 0;
}

static bool is_ip(const struct flow_record *flow)
{
    return flow->family == IPV4 || flow->family == IPV6;
}

const char *flow_protocol(const struct flow_record *flow, char *text, size_t size)
{
    if (flow->family == ARP) {
        snprintf(text, size, "arp");
        return text;
    }
    if (!is_ip(flow)) {
        snprintf(text, size, "0x%04x", flow->ethertype);
        return text;
    }
    snprintf(text, size, "%u", flow->protocol);
    for (size_t i = 0; i < PROTOCOLS; i++) {
        if (protocols[i].number == flow->protocol)
            snprintf(text, size, "%s", protocols[i].name);
    }
    return text;
}

int flow_protocol_number(const char *name)
{
    uint32_t number;

    for (size_t i = 0; i < PROTOCOLS; i++) {
        if (strcasecmp(protocols[i].name, name) == 0)
            return protocols[i].number;
    }
    return value_number(name, 0, 255, &number) ? (int)number : -1;
}

const char *flow_address(const struct flow_view *flow, unsigned side, char *text, size_t size)
{
    const struct flow_record_side *s = &flow->record.side[side];
    const uint8_t *mac = s->mac;
    const uint8_t family = flow->record.family;

    if ((family == IPV4 || family == ARP) && inet_ntop(AF_INET, s->address, text, (socklen_t)size))
        return text;
    if (family == IPV6 && inet_ntop(AF_INET6, s->address, text, (socklen_t)size))
        return text;
    snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
             mac[5]);
    return text;
}

const char *flow_escape(const char *bytes, size_t length, char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < length && used + 5 <= size; i++) {
        const unsigned char ch = (unsigned char)bytes[i];

        if (ch == '\\')
            used += (size_t)snprintf(text + used, size - used, "\\\\");
        else if (ch >= ' ' && ch <= '~')
            text[used++] = (char)ch;
        else
            used += (size_t)snprintf(text + used, size - used, "\\x%02x", ch);
    }
    text[used] = '\0';
    return text;
}

const char *flow_guest(const struct flow_view *flow, unsigned side, char *text, size_t size)
{
    const struct flow_record_side *s = &flow->record.side[side];

    if (s->flags & FLOW_UPLINK)
        snprintf(text, size, "uplink");
    else if (flow->record.guest_length[side])
        flow_escape(flow->guest[side], flow->record.guest_length[side], text, size);
    else if (s->domid == FLOW_NO_DOMID)
        text[0] = '\0';
    else if (s->domid == 0)
        snprintf(text, size, "dom0");
    else
        snprintf(text, size, "domain%u", s->domid);
    return text;
}

const char *flow_vif(const struct flow_view *flow, unsigned side, char *text, size_t size)
{
    const struct flow_record_side *s = &flow->record.side[side];
    size_t used;

    flow_guest(flow, side, text, size);
    used = strlen(text);
    if (used && !(s->flags & FLOW_UPLINK) && s->domid != FLOW_NO_DOMID)
        snprintf(text + used, size - used, "/%u", s->vif);
    return text;
}

/* Cut to @width, which the last character tells. */
static void cut(char *text, size_t width)
{
    if (width && strlen(text) > width) {
        text[width - 1] = '~';
        text[width] = '\0';
    }
}

const char *flow_endpoint(const struct flow_view *flow, unsigned side, size_t width, char *text,
                          size_t size)
{
    const struct flow_record *r = &flow->record;
    char vif[FLOW_TEXT], address[64], port[8] = "";
    const bool ports = is_ip(r) && flow_has_ports(r->protocol);
    const bool brackets = ports && r->family == IPV6;

    if (ports)
        snprintf(port, sizeof(port), ":%u", r->side[side].port);
    flow_vif(flow, side, vif, sizeof(vif));
    flow_address(flow, side, address, sizeof(address));
    snprintf(text, size, "%s%s%s%s%s%s", vif, vif[0] ? " " : "", brackets ? "[" : "", address,
             brackets ? "]" : "", port);
    /* Behind the uplink is everybody: there the address is what tells. */
    if (width && strlen(text) > width && r->side[side].flags & FLOW_UPLINK)
        snprintf(text, size, "%s%s%s%s", brackets ? "[" : "", address, brackets ? "]" : "", port);
    else if (width && strlen(text) > width && vif[0])
        snprintf(text, size, "%s%s", vif, port);
    cut(text, width);
    return text;
}

const char *flow_name(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    const struct flow_record *r = &flow->record;
    size_t used;

    flow_escape(flow->name, r->name_length, text, size);
    used = strlen(text);
    if (r->detail_length && used + 8 < size) {
        flow_escape(flow->detail, r->detail_length, text + used + 1, size - used - 1);
        if (!width || used + 1 + strlen(text + used + 1) <= width)
            text[used] = ' ';
    }
    cut(text, width);
    return text;
}

const char *flow_end_name(uint8_t end)
{
    static const char *const names[] = {"live", "idle", "active", "tcp-end", "forced", "evicted"};

    return end < sizeof(names) / sizeof(names[0]) ? names[end] : "other";
}

const char *flow_application(uint8_t application)
{
    static const char *const names[] = {"", "dns", "tls", "http"};

    return application < sizeof(names) / sizeof(names[0]) ? names[application] : "other";
}

const char *flow_tcp_flags(uint8_t flags, char *text, size_t size)
{
    static const char letters[] = "FSRPAUEC";
    size_t used = 0;

    for (unsigned bit = 0; bit < 8; bit++) {
        if (flags >> bit & 1 && used + 1 < size)
            text[used++] = letters[bit];
    }
    text[used] = '\0';
    return text;
}
