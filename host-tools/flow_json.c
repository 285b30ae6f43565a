/* SPDX-License-Identifier: ISC */
#include "flow_print.h"
#include "flow_text.h"
#include "output.h"
#include <arpa/inet.h>
#include <string.h>

enum { IPV4 = 4, IPV6 = 6, ARP = 1 };

static json_t *text_json(const char *bytes, size_t length)
{
    json_t *text = json_stringn(bytes, length);

    return text ? text : output_json_bytes(bytes, length); /* not UTF-8 */
}

static void set(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
}

static void set_number(json_t *object, const char *name, uint64_t value)
{
    set(object, name, output_json_number(value));
}

static json_t *uuid_json(const uint8_t uuid[16])
{
    char text[40];
    size_t used = 0;

    for (int i = 0; i < 16; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%02x",
                                 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
    return json_string(text);
}

static json_t *mac_json(const uint8_t mac[6])
{
    char text[24];

    snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5]);
    return json_string(text);
}

static json_t *side_json(const struct flow_view *flow, unsigned side)
{
    const struct flow_record *r = &flow->record;
    const struct flow_record_side *s = &r->side[side];
    json_t *json = json_object();
    char text[64];

    if (r->family == IPV4 || r->family == IPV6 || r->family == ARP)
        set(json, "address", json_string(flow_address(flow, side, text, sizeof(text))));
    set(json, "mac", mac_json(s->mac));
    if (r->family == IPV4 || r->family == IPV6)
        set_number(json, "port", s->port);
    if (r->guest_length[side])
        set(json, "guest", text_json(flow->guest[side], r->guest_length[side]));
    if (s->flags & FLOW_IDENTIFIED)
        set(json, "uuid", uuid_json(s->uuid));
    if (s->domid != FLOW_NO_DOMID) {
        set_number(json, "domid", s->domid);
        set_number(json, "vif", s->vif);
        set(json, "uplink", json_boolean(s->flags & FLOW_UPLINK));
    }
    set_number(json, "frames", s->frames);
    set_number(json, "bytes", s->bytes);
    set_number(json, "ip-bytes", s->ip_bytes);
    if (r->protocol == 6)
        set(json, "tcp-flags", json_string(flow_tcp_flags(s->tcp_flags, text, sizeof(text))));
    set_number(json, "tos", s->tos);
    return json;
}

static json_t *answers_json(const struct flow_record *r)
{
    json_t *array = json_array();
    char text[INET6_ADDRSTRLEN];

    for (unsigned i = 0; i < r->answers && i < 4; i++) {
        if (inet_ntop(r->answer_family[i] == IPV6 ? AF_INET6 : AF_INET, r->answer[i], text,
                      sizeof(text)))
            json_array_append_new(array, json_string(text));
    }
    return array;
}

static json_t *application_json(const struct flow_view *flow)
{
    const struct flow_record *r = &flow->record;
    json_t *json = json_object();

    set(json, "kind", json_string(flow_application(r->application)));
    set(json, "name", text_json(flow->name, r->name_length));
    if (r->detail_length)
        set(json, "detail", text_json(flow->detail, r->detail_length));
    set_number(json, "type", r->type);
    set_number(json, "code", r->code);
    set(json, "answers", answers_json(r));
    return json;
}

static const char *family_name(uint8_t family)
{
    return family == IPV4 ? "ipv4" : family == IPV6 ? "ipv6" : family == ARP ? "arp" : "other";
}

json_t *flow_json(const struct flow_view *flow)
{
    const struct flow_record *r = &flow->record;
    json_t *json = json_object(), *vlans = json_array(), *sides = json_array();
    char text[32];

    set_number(json, "first", r->first);
    set_number(json, "last", r->last);
    set(json, "end", json_string(flow_end_name(r->end)));
    set(json, "family", json_string(family_name(r->family)));
    set_number(json, "ethertype", r->ethertype);
    if (r->family == IPV4 || r->family == IPV6)
        set_number(json, "protocol", r->protocol);
    set(json, "protocol-name", json_string(flow_protocol(r, text, sizeof(text))));
    for (unsigned i = 0; i < 2; i++) {
        if (r->vid[i])
            json_array_append_new(vlans, json_integer(r->vid[i]));
        json_array_append_new(sides, side_json(flow, i));
    }
    set(json, "vlans", vlans);
    if (r->bridge_length)
        set(json, "bridge", text_json(flow->bridge, r->bridge_length));
    set_number(json, "frames", flow_frames(r));
    set_number(json, "bytes", flow_bytes(r));
    if (r->rtt)
        set_number(json, "rtt", (uint64_t)r->rtt * 1000);
    set(json, "sides", sides);
    if (r->application || r->name_length)
        set(json, "application", application_json(flow));
    return json;
}

int flow_print_json(struct flow_store *store, size_t limit, FILE *out)
{
    const size_t count = limit && limit < flow_store_count(store) ? limit : flow_store_count(store);
    struct flow_view flow;

    fputs(count ? "[\n" : "[]\n", out);
    for (size_t i = 0; i < count; i++) {
        const int rc = flow_store_get(store, i, &flow);

        if (rc)
            return rc;
        output_json_bare(out, flow_json(&flow));
        fputs(i + 1 < count ? ",\n" : "\n]\n", out);
    }
    return 0;
}
