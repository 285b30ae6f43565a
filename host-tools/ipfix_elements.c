/* SPDX-License-Identifier: ISC */
#include "ipfix_elements.h"
#include "ipfix.h"
#include <string.h>

#define PROTOCOL_ICMP   1
#define PROTOCOL_ICMPV6 58

#define APPLICATION_HTTP 3

/* As the monitor cuts them; a record fits the shortest message in any case. */
#define METHOD_MAX 48U
#define HOST_MAX   128U

static const char *const application_names[] = {"", "dns", "tls", "http"};

static void add(struct ipfix_template *t, uint16_t id, uint16_t length)
{
    t->elements[t->count++] = (struct ipfix_element){.id = id, .length = length};
}

static void add_reverse(struct ipfix_template *t, uint16_t id, uint16_t length)
{
    add(t, id, length);
    t->elements[t->count - 1].reverse = true;
}

static void add_ip(struct ipfix_template *t, bool ipv6)
{
    add(t, ipv6 ? IE_SOURCE_IPV6 : IE_SOURCE_IPV4, ipv6 ? 16 : 4);
    add(t, ipv6 ? IE_DESTINATION_IPV6 : IE_DESTINATION_IPV4, ipv6 ? 16 : 4);
    add(t, IE_SOURCE_PORT, 2);
    add(t, IE_DESTINATION_PORT, 2);
    add(t, IE_PROTOCOL, 1);
    add(t, IE_TOS, 1);
    /* One byte of two: the flags past FIN to CWR are not kept (RFC 7125, reduced size). */
    add(t, IE_TCP_FLAGS, 1);
    add(t, ipv6 ? IE_ICMP_IPV6 : IE_ICMP_IPV4, 2);
    add(t, IE_OCTETS, 8);
}

static void add_reverses(struct ipfix_template *t, bool ip)
{
    if (ip) {
        add_reverse(t, IE_OCTETS, 8);
        add_reverse(t, IE_TOS, 1);
        add_reverse(t, IE_TCP_FLAGS, 1);
    }
    add_reverse(t, IE_PACKETS, 8);
    add_reverse(t, IE_LAYER2_OCTETS, 8);
    add(t, IE_BIFLOW_DIRECTION, 1);
}

void ipfix_flow_template(struct ipfix_template *t, uint16_t id, bool netflow9)
{
    const bool biflow = id >= IPFIX_T_IPV4 + IPFIX_T_BIFLOW;
    const uint16_t kind = biflow ? (uint16_t)(id - IPFIX_T_BIFLOW) : id;
    const bool named = kind == IPFIX_T_IPV4_NAMED || kind == IPFIX_T_IPV6_NAMED;

    memset(t, 0, sizeof(*t));
    t->id = id;
    if (kind == IPFIX_T_LAYER2)
        add(t, IE_ETHERTYPE, 2);
    else
        add_ip(t, kind == IPFIX_T_IPV6 || kind == IPFIX_T_IPV6_NAMED);
    add(t, IE_PACKETS, 8);
    add(t, IE_LAYER2_OCTETS, 8);
    add(t, netflow9 ? IE_FIRST_SWITCHED : IE_START_MS, netflow9 ? 4 : 8);
    add(t, netflow9 ? IE_LAST_SWITCHED : IE_END_MS, netflow9 ? 4 : 8);
    add(t, IE_END_REASON, 1);
    add(t, IE_SOURCE_MAC, 6);
    add(t, IE_DESTINATION_MAC, 6);
    add(t, IE_VLAN, 2);
    if (!netflow9) {
        add(t, IE_DOT1Q_VLAN, 2);
        add(t, IE_DOT1Q_CUSTOMER_VLAN, 2);
    }
    add(t, IE_INGRESS, 4);
    add(t, IE_EGRESS, 4);
    if (biflow)
        add_reverses(t, kind != IPFIX_T_LAYER2);
    if (named) {
        add(t, IE_APPLICATION_NAME, IPFIX_VARIABLE);
        add(t, IE_HTTP_METHOD, IPFIX_VARIABLE);
        add(t, IE_HTTP_HOST, IPFIX_VARIABLE);
    }
}

static uint8_t *room(struct ipfix_writer *w, size_t length)
{
    uint8_t *at = w->data + w->used;

    if (w->full || length > w->size - w->used) {
        w->full = true;
        return NULL;
    }
    w->used += length;
    return at;
}

void ipfix_put(struct ipfix_writer *w, uint64_t value, size_t length)
{
    uint8_t *at = room(w, length);

    for (size_t i = length; at && i > 0; i--, value >>= 8)
        at[i - 1] = (uint8_t)value;
}

void ipfix_put_bytes(struct ipfix_writer *w, const void *data, size_t length)
{
    uint8_t *at = room(w, length);

    if (at && length)
        memcpy(at, data, length);
}

void ipfix_put_text(struct ipfix_writer *w, const char *text, size_t length, size_t fixed)
{
    const size_t max = fixed ? fixed : 254;
    const size_t used = length < max ? length : max;
    uint8_t *at;

    if (!fixed)
        ipfix_put(w, used, 1);
    at = room(w, fixed ? fixed : used);
    if (!at)
        return;
    for (size_t i = 0; i < used; i++)
        at[i] = text[i] < ' ' || text[i] > '~' ? '?' : (uint8_t)text[i];
    memset(at + used, 0, fixed ? fixed - used : 0);
}

/* What is asked by this type is answered by that. */
static uint16_t icmp_answer(uint8_t family, uint16_t type_code)
{
    const uint8_t type = (uint8_t)(type_code >> 8);

    if (family == 4) {
        /* Echo, and timestamp, information and address mask. */
        if (type == 8)
            return 0;
        if (type == 13 || type == 15 || type == 17)
            return (uint16_t)((type + 1) << 8);
    } else if (type == 128 || type == 133 || type == 135) {
        return (uint16_t)((type + 1) << 8); /* echo, router and neighbour solicitation */
    }
    return type_code;
}

/* The type and code of ICMP from @side; 0 for all else. The monitor keeps them as the port of who
 * was asked. */
static uint16_t icmp(const struct flow_record *r, unsigned side)
{
    const bool is = r->protocol == PROTOCOL_ICMPV6 ? r->family == 6
                                                   : r->protocol == PROTOCOL_ICMP && r->family == 4;

    if (!is)
        return 0;
    return side == 0 ? r->side[1].port : icmp_answer(r->family, r->side[1].port);
}

static uint16_t port(const struct flow_record *r, unsigned side, bool destination)
{
    if (r->protocol == PROTOCOL_ICMP || r->protocol == PROTOCOL_ICMPV6)
        return destination ? icmp(r, side) : 0;
    return r->side[destination ? !side : side].port;
}

static uint32_t switched(uint64_t time, uint64_t boot)
{
    return time < boot ? 0 : (uint32_t)((time - boot) / 1000000);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void put_text_element(struct ipfix_writer *w, uint16_t id, const struct flow_view *view)
{
    const struct flow_record *r = &view->record;
    const size_t names = sizeof(application_names) / sizeof(application_names[0]);
    const char *name = r->application < names ? application_names[r->application] : "";
    const bool http = r->application == APPLICATION_HTTP;

    if (id == IE_APPLICATION_NAME)
        ipfix_put_text(w, name, strlen(name), 0);
    else if (id == IE_HTTP_METHOD)
        ipfix_put_text(w, view->detail, !http ? 0 : least(r->detail_length, METHOD_MAX), 0);
    else
        ipfix_put_text(w, view->name, !http ? 0 : least(r->name_length, HOST_MAX), 0);
}

/* What a direction counts. */
static uint64_t side_number(const struct flow_record_side *from, uint16_t id)
{
    switch (id) {
    case IE_OCTETS:
        return from->ip_bytes;
    case IE_PACKETS:
        return from->frames;
    case IE_LAYER2_OCTETS:
        return from->bytes;
    case IE_TOS:
        return from->tos;
    default:
        return from->tcp_flags;
    }
}

static uint64_t number(const struct flow_record *r, unsigned side, uint16_t id, uint64_t boot)
{
    const struct flow_record_side *from = &r->side[side], *to = &r->side[!side];

    switch (id) {
    case IE_SOURCE_PORT:
    case IE_DESTINATION_PORT:
        return port(r, side, id == IE_DESTINATION_PORT);
    case IE_PROTOCOL:
        return r->protocol;
    case IE_ICMP_IPV4:
    case IE_ICMP_IPV6:
        return icmp(r, side);
    case IE_ETHERTYPE:
        return r->ethertype;
    case IE_START_MS:
        return r->first / 1000000;
    case IE_END_MS:
        return r->last / 1000000;
    case IE_FIRST_SWITCHED:
        return switched(r->first, boot);
    case IE_LAST_SWITCHED:
        return switched(r->last, boot);
    case IE_END_REASON:
        return r->end;
    case IE_VLAN:
    case IE_DOT1Q_VLAN:
        return r->vid[0] & 0xfff;
    case IE_DOT1Q_CUSTOMER_VLAN:
        return r->vid[1] & 0xfff;
    case IE_INGRESS:
        return ipfix_interface(from->domid, from->vif);
    case IE_EGRESS:
        return ipfix_interface(to->domid, to->vif);
    case IE_BIFLOW_DIRECTION:
        return 1; /* initiator: the source is who began */
    default:
        return side_number(from, id);
    }
}

static void put_element(struct ipfix_writer *w, const struct ipfix_element *e,
                        const struct flow_view *view, unsigned side, uint64_t boot)
{
    const struct flow_record *r = &view->record;

    if (e->reverse)
        ipfix_put(w, side_number(&r->side[!side], e->id), e->length);
    else if (e->length == IPFIX_VARIABLE)
        put_text_element(w, e->id, view);
    else if (e->id == IE_SOURCE_IPV4 || e->id == IE_SOURCE_IPV6)
        ipfix_put_bytes(w, r->side[side].address, e->length);
    else if (e->id == IE_DESTINATION_IPV4 || e->id == IE_DESTINATION_IPV6)
        ipfix_put_bytes(w, r->side[!side].address, e->length);
    else if (e->id == IE_SOURCE_MAC)
        ipfix_put_bytes(w, r->side[side].mac, e->length);
    else if (e->id == IE_DESTINATION_MAC)
        ipfix_put_bytes(w, r->side[!side].mac, e->length);
    else
        ipfix_put(w, number(r, side, e->id, boot), e->length);
}

void ipfix_put_flow(struct ipfix_writer *w, const struct ipfix_template *t,
                    const struct flow_view *view, unsigned side, uint64_t boot)
{
    for (unsigned i = 0; i < t->count; i++)
        put_element(w, &t->elements[i], view, side, boot);
}
