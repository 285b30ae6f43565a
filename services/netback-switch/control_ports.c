/* SPDX-License-Identifier: ISC */
/* SWITCH_PORTS and SWITCH_STATS: ports in the order of their numbers, one item each. */
#include <errno.h>
#include <string.h>

#include "control.h"
#include "forward.h"

struct ports_stream {
    struct control_stream stream;
    struct vswitch *vswitch;
    void (*put)(const struct port *port, struct control_writer *item);
    uint64_t domid, vif; /* UINT64_MAX: all */
    unsigned next;
};

static void put_identity(const struct port *port, struct control_writer *item)
{
    control_put_number(item, CONTROL_F_PORT_NUMBER, port->number);
    control_put_number(item, CONTROL_F_DOMID, port->device.domid);
    control_put_number(item, CONTROL_F_VIF, port->device.devid);
    if (port->guest[0])
        control_put_string(item, CONTROL_F_GUEST, port->guest);
    if (port->identified)
        control_put_bytes(item, CONTROL_F_UUID, port->uuid, sizeof(port->uuid));
    if (port->bridge)
        control_put_string(item, CONTROL_F_BRIDGE_NAME, port->bridge->name);
}

/* --- PORTS --------------------------------------------------------------------------------------
 */

static const char *state_of(const struct port *port)
{
    if (!port->connected)
        return "waiting";
    if (port->policy.hold)
        return "held";
    if (port->policy.lock == RULES_LOCK_DISABLED)
        return "disabled";
    return forward_blocked_until(port) ? "blocked" : "connected";
}

static void put_limit(struct control_writer *item, const struct limit *limit, uint16_t rate,
                      uint16_t burst)
{
    if (!limit->rate)
        return;
    control_put_number(item, rate, limit->rate);
    control_put_number(item, burst, limit->burst);
}

static void put_rates(const struct port *port, struct control_writer *item)
{
    put_limit(item, &port->rate_in, CONTROL_F_RATE_IN, CONTROL_F_BURST_IN);
    put_limit(item, &port->rate_out, CONTROL_F_RATE_OUT, CONTROL_F_BURST_OUT);
    put_limit(item, &port->storm[STORM_BROADCAST], CONTROL_F_BROADCAST, CONTROL_F_BROADCAST_BURST);
    put_limit(item, &port->storm[STORM_MULTICAST], CONTROL_F_MULTICAST, CONTROL_F_MULTICAST_BURST);
    put_limit(item, &port->storm[STORM_UNKNOWN], CONTROL_F_UNKNOWN, CONTROL_F_UNKNOWN_BURST);
}

static void put_prefix(struct control_writer *item, uint16_t tag, const struct rules_prefix *prefix,
                       size_t size)
{
    uint8_t bytes[17];

    memcpy(bytes, prefix->address, size);
    bytes[size] = prefix->length;
    control_put_bytes(item, tag, bytes, size + 1);
}

static void put_addresses(const struct policy *policy, struct control_writer *item)
{
    control_open_group(item, CONTROL_F_SOURCE);
    for (unsigned i = 0; i < policy->mac_count; i++)
        control_put_bytes(item, CONTROL_F_MAC, policy->macs[i], sizeof(policy->macs[i]));
    for (unsigned i = 0; i < policy->ipv4_count; i++)
        put_prefix(item, CONTROL_F_IPV4, &policy->ipv4[i], 4);
    for (unsigned i = 0; i < policy->ipv6_count; i++)
        put_prefix(item, CONTROL_F_IPV6, &policy->ipv6[i], 16);
    control_close_group(item);
}

static void put_netif(const struct port *port, struct control_writer *item)
{
    const struct netif_config *config = &port->netif.config;

    if (!port->connected)
        return;
    control_put_number(item, CONTROL_F_QUEUES, port->netif.queue_count);
    control_put_format(item, CONTROL_F_FEATURES, "%s%s%s%s%s%s%s", config->sg ? "sg " : "",
                       config->gso_tcpv4 ? "gso4 " : "", config->gso_tcpv6 ? "gso6 " : "",
                       config->no_csum_offload ? "" : "csum ", config->ipv6_csum ? "csum6 " : "",
                       config->multicast_control ? "mcast " : "",
                       config->has_control ? "ctrl " : "");
}

static void put_port(const struct port *port, struct control_writer *item)
{
    uint64_t blocked = forward_blocked_until(port), now = hv_now(port->vswitch->hv);

    control_open_group(item, CONTROL_F_PORT);
    put_identity(port, item);
    control_put_string(item, CONTROL_F_STATE, state_of(port));
    control_put_number(item, CONTROL_F_MATCHED, port->rules != NULL);
    if (port->mac_set)
        control_put_bytes(item, CONTROL_F_MAC, port->mac, sizeof(port->mac));
    rules_put_vlan(item, &port->vlan);
    control_put_number(item, CONTROL_F_LOCK, port->policy.lock);
    put_rates(port, item);
    control_put_number(item, CONTROL_F_ISOLATED, port->isolated);
    control_put_number(item, CONTROL_F_DHCP_SERVER, port->policy.dhcp_server);
    control_put_number(item, CONTROL_F_UPLINK, port->uplink);
    control_put_number(item, CONTROL_F_FDB_ENTRIES,
                       fdb_port_entries(port->vswitch->fdb, port->number));
    control_put_number(item, CONTROL_F_FDB_LIMIT, port->fdb_limit);
    put_netif(port, item);
    if (blocked > now)
        control_put_number(item, CONTROL_F_BLOCKED, blocked - now);
    if (port->policy.lock == RULES_LOCK_LOCKED)
        put_addresses(&port->policy, item);
    control_close_group(item);
}

/* --- STATS --------------------------------------------------------------------------------------
 */

static void put_counters(const struct port *port, struct control_writer *item)
{
    const struct port_counters *counters = &port->counters;
    const struct {
        uint16_t tag;
        uint64_t value;
    } numbers[] = {
        {CONTROL_F_FRAMES_IN, counters->in_frames},
        {CONTROL_F_BYTES_IN, counters->in_bytes},
        {CONTROL_F_MULTICAST_IN, counters->in_multicast},
        {CONTROL_F_BROADCAST_IN, counters->in_broadcast},
        {CONTROL_F_GSO_IN, counters->in_gso},
        {CONTROL_F_FRAMES_OUT, counters->out_frames},
        {CONTROL_F_BYTES_OUT, counters->out_bytes},
        {CONTROL_F_MULTICAST_OUT, counters->out_multicast},
        {CONTROL_F_BROADCAST_OUT, counters->out_broadcast},
        {CONTROL_F_GSO_OUT, counters->out_gso},
        {CONTROL_F_COPIES, counters->copies},
        {CONTROL_F_COPY_BYTES, counters->copy_bytes},
        {CONTROL_F_PAYLOAD_COPIES, counters->payload_copies},
        {CONTROL_F_NOTIFICATIONS, counters->notifications},
        {CONTROL_F_KICKS, counters->kicks},
        {CONTROL_F_CHECKSUMS, counters->checksums},
        {CONTROL_F_SEGMENTS, counters->segments},
        {CONTROL_F_WAITED, counters->waited},
        {CONTROL_F_CONNECTS, counters->connects},
        {CONTROL_F_FDB_ENTRIES, fdb_port_entries(port->vswitch->fdb, port->number)},
    };

    put_identity(port, item);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        control_put_number(item, numbers[i].tag, numbers[i].value);
    for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++) {
        if (!counters->drops[reason])
            continue;
        control_open_group(item, CONTROL_F_DROP);
        control_put_string(item, CONTROL_F_REASON, drop_name((enum drop_reason)reason));
        control_put_number(item, CONTROL_F_COUNT, counters->drops[reason]);
        control_close_group(item);
    }
}

/* --- the stream ---------------------------------------------------------------------------------
 */

static bool asked_for(const struct ports_stream *ports, const struct port *port)
{
    return port && (ports->domid == UINT64_MAX || ports->domid == port->device.domid) &&
           (ports->vif == UINT64_MAX || ports->vif == port->device.devid);
}

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct ports_stream *ports = LIST_ENTRY(stream, struct ports_stream, stream);

    while (ports->next < SWITCH_PORTS && !asked_for(ports, ports->vswitch->ports[ports->next]))
        ports->next++;
    if (ports->next == SWITCH_PORTS)
        return CONTROL_FILL_END;
    ports->put(ports->vswitch->ports[ports->next++], item);
    return CONTROL_FILL_FRAME;
}

static void release(struct control_stream *stream)
{
    struct ports_stream *ports = LIST_ENTRY(stream, struct ports_stream, stream);

    arena_free(ports->vswitch->arena, ports, sizeof(*ports));
}

static int start(void *context, struct control_request *request,
                 void (*put)(const struct port *port, struct control_writer *item))
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    struct vswitch *vswitch = control_vswitch(context);
    struct ports_stream *ports = arena_zalloc(vswitch->arena, sizeof(*ports));
    int error;

    if (!ports)
        return -ENOMEM;
    ports->vswitch = vswitch;
    ports->put = put;
    ports->domid = control_number(&request->fields, CONTROL_F_DOMID, UINT64_MAX);
    ports->vif = control_number(&request->fields, CONTROL_F_VIF, UINT64_MAX);
    error = control_stream_start(request, &ports->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    arena_free(vswitch->arena, ports, sizeof(*ports));
    return error;
}

int control_ports(void *context, struct control_request *request, struct control_writer *reply)
{
    (void)reply;
    return start(context, request, put_port);
}

int control_stats(void *context, struct control_request *request, struct control_writer *reply)
{
    (void)reply;
    return start(context, request, put_counters);
}
