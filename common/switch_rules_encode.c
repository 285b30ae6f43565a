/* SPDX-License-Identifier: ISC */
#include "common/switch_rules.h"

#include <string.h>

/* As many ranges as take less room than the bitmap. */
#define BITMAP_BYTES 512U
#define RANGES_MAX   (BITMAP_BYTES / 4 - 1)

static bool has_vid(const uint64_t allowed[64], unsigned vid)
{
    return allowed[vid / 64] >> vid % 64 & 1;
}

/* How many bytes the ranges of @allowed took; BITMAP_BYTES: they did not fit. */
static size_t put_ranges(const uint64_t allowed[64], uint8_t *bytes)
{
    size_t used = 0;

    for (unsigned first = 0; first < 4096; first++) {
        unsigned last = first;

        if (!has_vid(allowed, first))
            continue;
        while (last + 1 < 4096 && has_vid(allowed, last + 1))
            last++;
        if (used == RANGES_MAX * 4)
            return BITMAP_BYTES;
        bytes[used++] = (uint8_t)first;
        bytes[used++] = (uint8_t)(first >> 8);
        bytes[used++] = (uint8_t)last;
        bytes[used++] = (uint8_t)(last >> 8);
        first = last;
    }
    return used;
}

static void put_vlans(struct control_writer *writer, const uint64_t allowed[64])
{
    uint8_t bytes[BITMAP_BYTES];
    size_t length = put_ranges(allowed, bytes);

    for (unsigned i = 0; length == BITMAP_BYTES && i < BITMAP_BYTES; i++)
        bytes[i] = (uint8_t)(allowed[i / 8] >> i % 8 * 8);
    control_put_bytes(writer, CONTROL_F_VLANS, bytes, length);
}

void rules_put_vlan(struct control_writer *writer, const struct rules_vlan *vlan)
{
    control_put_number(writer, CONTROL_F_VLAN_MODE, vlan->mode);
    if (vlan->pvid != 0)
        control_put_number(writer, CONTROL_F_PVID, vlan->pvid);
    if (vlan->pvid_tagged)
        control_put_number(writer, CONTROL_F_PVID_TAGGED, 1);
    if (vlan->mode == RULES_VLAN_TRUNK)
        put_vlans(writer, vlan->allowed);
}

/* Only what is said. */
static void put_number(struct control_writer *writer, uint16_t tag, uint64_t value)
{
    if (value != 0)
        control_put_number(writer, tag, value);
}

static void put_string(struct control_writer *writer, uint16_t tag, const char *text)
{
    if (text[0] != '\0')
        control_put_string(writer, tag, text);
}

static void put_rate(struct control_writer *writer, const struct rules_rate *rate,
                     uint16_t rate_tag, uint16_t burst_tag)
{
    if (!rate->set)
        return;
    control_put_number(writer, rate_tag, rate->rate);
    put_number(writer, burst_tag, rate->burst);
}

static void put_storm(struct control_writer *writer, const struct rules_rate *broadcast,
                      const struct rules_rate *multicast, const struct rules_rate *unknown)
{
    put_rate(writer, broadcast, CONTROL_F_BROADCAST, CONTROL_F_BROADCAST_BURST);
    put_rate(writer, multicast, CONTROL_F_MULTICAST, CONTROL_F_MULTICAST_BURST);
    put_rate(writer, unknown, CONTROL_F_UNKNOWN, CONTROL_F_UNKNOWN_BURST);
}

static void put_prefix(struct control_writer *writer, uint16_t tag,
                       const struct rules_prefix *prefix, size_t size)
{
    uint8_t bytes[17];

    memcpy(bytes, prefix->address, size);
    bytes[size] = prefix->length;
    control_put_bytes(writer, tag, bytes, size + 1);
}

void rules_put_port(struct control_writer *writer, const struct rules_port *port)
{
    control_put_bytes(writer, CONTROL_F_UUID, port->uuid, sizeof(port->uuid));
    control_put_number(writer, CONTROL_F_VIF, port->vif);
    put_string(writer, CONTROL_F_NAME, port->name);
    put_string(writer, CONTROL_F_BRIDGE_NAME, port->bridge);
    if (port->vlan_set)
        rules_put_vlan(writer, &port->vlan);
    put_number(writer, CONTROL_F_LOCK, port->lock);
    for (unsigned i = 0; i < port->mac_count; i++)
        control_put_bytes(writer, CONTROL_F_MAC, port->macs[i], sizeof(port->macs[i]));
    for (unsigned i = 0; i < port->ipv4_count; i++)
        put_prefix(writer, CONTROL_F_IPV4, &port->ipv4[i], 4);
    for (unsigned i = 0; i < port->ipv6_count; i++)
        put_prefix(writer, CONTROL_F_IPV6, &port->ipv6[i], 16);
    put_rate(writer, &port->rate_in, CONTROL_F_RATE_IN, CONTROL_F_BURST_IN);
    put_rate(writer, &port->rate_out, CONTROL_F_RATE_OUT, CONTROL_F_BURST_OUT);
    put_storm(writer, &port->broadcast, &port->multicast, &port->unknown);
    put_number(writer, CONTROL_F_ISOLATED, port->isolated);
    if (port->dhcp_server_set)
        control_put_number(writer, CONTROL_F_DHCP_SERVER, port->dhcp_server);
    if (port->uplink_set)
        control_put_number(writer, CONTROL_F_UPLINK, port->uplink);
    put_number(writer, CONTROL_F_FDB_LIMIT, port->fdb_limit);
}

void rules_put_bridge(struct control_writer *writer, const struct rules_bridge *bridge)
{
    control_put_string(writer, CONTROL_F_NAME, bridge->name);
    put_number(writer, CONTROL_F_AGEING, bridge->ageing);
    put_number(writer, CONTROL_F_MTU, bridge->mtu);
    put_number(writer, CONTROL_F_SNOOPING, bridge->snooping);
    put_number(writer, CONTROL_F_LOOP_GUARD, bridge->loop_guard);
    put_number(writer, CONTROL_F_LOCK, bridge->lock);
    put_storm(writer, &bridge->broadcast, &bridge->multicast, &bridge->unknown);
}

void rules_put_mirror(struct control_writer *writer, const struct rules_mirror *mirror)
{
    control_put_string(writer, CONTROL_F_NAME, mirror->name);
    put_number(writer, CONTROL_F_SNAP, mirror->snap);
    control_put_number(writer, CONTROL_F_DOMID, mirror->client);
    put_string(writer, CONTROL_F_BRIDGE_NAME, mirror->bridge);
    if (mirror->vlan_set)
        control_put_number(writer, CONTROL_F_VID, mirror->vlan);
    control_put_number(writer, CONTROL_F_DIRECTION, mirror->direction);
    for (unsigned i = 0; i < mirror->source_count; i++) {
        control_open_group(writer, CONTROL_F_SOURCE);
        control_put_bytes(writer, CONTROL_F_UUID, mirror->sources[i].uuid, 16);
        control_put_number(writer, CONTROL_F_VIF, mirror->sources[i].vif);
        control_put_number(writer, CONTROL_F_DIRECTION, mirror->sources[i].direction);
        control_close_group(writer);
    }
}

/* --- records ------------------------------------------------------------------------------------
 */

/* One after the other through the same buffer. */
struct encoder {
    struct control_writer writer;
    rules_emit_fn *emit;
    void *context;
    uint8_t record[CONTROL_FRAME_MAX];
};

static struct control_writer *begin(struct encoder *encoder, uint16_t group)
{
    control_begin(&encoder->writer, encoder->record, sizeof(encoder->record),
                  CONTROL_T_SWITCH_APPLY, CONTROL_ITEM, 0);
    control_open_group(&encoder->writer, group);
    return &encoder->writer;
}

static int end(struct encoder *encoder)
{
    size_t length = control_end(&encoder->writer);

    return encoder->emit(encoder->context, encoder->record, length);
}

static int encode_head(struct encoder *encoder, const struct rules *rules)
{
    struct control_writer *writer = begin(encoder, CONTROL_F_RULES_HEAD);

    control_put_number(writer, CONTROL_F_VERSION, RULES_VERSION);
    control_put_number(writer, CONTROL_F_GENERATION, rules->generation);
    put_string(writer, CONTROL_F_DIGEST, rules->digest);
    put_number(writer, CONTROL_F_UNKNOWN_GUESTS, rules->unknown);
    put_string(writer, CONTROL_F_DEFAULT_BRIDGE, rules->default_bridge);
    return end(encoder);
}

static int encode_tail(struct encoder *encoder, const struct rules *rules)
{
    struct control_writer *writer = begin(encoder, CONTROL_F_RULES_TAIL);

    control_put_number(writer, CONTROL_F_BRIDGES, rules->bridge_count);
    control_put_number(writer, CONTROL_F_PORTS, rules->port_count);
    control_put_number(writer, CONTROL_F_MIRRORS, rules->mirror_count);
    return end(encoder);
}

unsigned rules_records(const struct rules *rules)
{
    return rules->bridge_count + rules->port_count + rules->mirror_count + 2;
}

int rules_encode_record(const struct rules *rules, unsigned index, rules_emit_fn *emit,
                        void *context)
{
    struct encoder encoder = {.emit = emit, .context = context};

    if (index == 0)
        return encode_head(&encoder, rules);
    index--;
    if (index < rules->bridge_count) {
        rules_put_bridge(begin(&encoder, CONTROL_F_BRIDGE), &rules->bridges[index]);
        return end(&encoder);
    }
    index -= rules->bridge_count;
    if (index < rules->port_count) {
        rules_put_port(begin(&encoder, CONTROL_F_PORT), &rules->ports[index]);
        return end(&encoder);
    }
    index -= rules->port_count;
    if (index < rules->mirror_count) {
        rules_put_mirror(begin(&encoder, CONTROL_F_MIRROR), &rules->mirrors[index]);
        return end(&encoder);
    }
    return encode_tail(&encoder, rules);
}

int rules_encode(const struct rules *rules, rules_emit_fn *emit, void *context)
{
    int error = 0;

    for (unsigned i = 0; error == 0 && i < rules_records(rules); i++)
        error = rules_encode_record(rules, i, emit, context);
    return error;
}
