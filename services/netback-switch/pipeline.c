/* SPDX-License-Identifier: ISC */
/* What is to become of a frame: decided on its snapshot alone, before anybody is given a byte. */
#include "engine.h"

#include <string.h>

#include "events.h"
#include "mirror.h"

static bool is_broadcast(const uint8_t mac[6])
{
    return (mac[0] & mac[1] & mac[2] & mac[3] & mac[4] & mac[5]) == 0xff;
}

/** 01:80:c2:00:00:00 to 0f: for the next bridge, not for those behind it (802.1Q 8.6.3). */
static bool is_reserved(const uint8_t mac[6])
{
    static const uint8_t prefix[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};

    return mac[0] == 0x01 && memcmp(mac, prefix, sizeof(prefix)) == 0 && mac[5] < 0x10;
}

/** Is it longer than the bridge lets pass? What is to be cut up is not judged by its length. */
static bool too_long(const struct flight *flight, const struct bridge *bridge)
{
    unsigned tag = flight->packet.tagged ? ETHER_TAG : 0;

    return bridge->rules.mtu && flight->gso == OFFLOAD_GSO_NONE &&
           flight->in.length > ETHER_HEADER + tag + bridge->rules.mtu;
}

/** What the sender may not do, and what nobody does. */
static enum drop_reason admit(struct forward *forward, struct flight *flight)
{
    struct port *port = flight->from;
    enum drop_reason reason;

    if (flight->bad)
        return DROP_BAD_GRANT;
    if (flight->captured < ETHER_HEADER) {
        flight->bad = true;
        return DROP_RUNT;
    }
    flight->gso = flight->in.gso;
    flight->mss = flight->in.mss;
    flight->csum_blank = flight->in.csum_blank;
    if ((flight->csum_blank || flight->gso != OFFLOAD_GSO_NONE) &&
        !offload_check(&flight->packet, flight->csum_blank, &flight->gso, flight->mss)) {
        flight->bad = true;
        return DROP_BAD_OFFLOAD;
    }
    if (too_long(flight, port->bridge))
        return DROP_OVERSIZE;
    if (port->blocked_until > forward->now)
        return DROP_LOOP;
    reason = policy_send(&port->policy, &flight->packet);
    if (reason != DROP_NONE)
        return reason;
    if (mac_is_group(packet_source(&flight->packet)))
        return DROP_SOURCE_MAC;
    if (is_reserved(packet_dest(&flight->packet)))
        return DROP_RESERVED;
    if (flight->packet.tagged && flight->captured < ETHER_HEADER + ETHER_TAG)
        return DROP_TRUNCATED;
    if (!vlan_ingress(&port->vlan, &flight->packet, &flight->vid))
        return DROP_VLAN;
    return DROP_NONE;
}

static void count_in(struct flight *flight)
{
    struct port_counters *counters = &flight->from->counters;

    counters->in_frames++;
    counters->in_bytes += flight->in.length;
    counters->in_gso += flight->in.gso != OFFLOAD_GSO_NONE;
    flight->group = flight->captured && mac_is_group(flight->header);
    if (flight->group) {
        if (is_broadcast(flight->header))
            counters->in_broadcast++;
        else
            counters->in_multicast++;
    }
}

/** An address is new at @port, or came from port @was. */
static __attribute__((noinline)) void tell(struct forward *forward, const struct flight *flight,
                                           enum fdb_learned learned, uint16_t was)
{
    struct vswitch *vswitch = forward->vswitch;
    struct port *port = flight->from;
    struct event event = {.kind = learned == FDB_MOVED ? EVENT_MAC_MOVED : EVENT_MAC_LEARNED,
                          .vid = flight->vid,
                          .from = was,
                          .count = 1};

    memcpy(event.mac, packet_source(&flight->packet), 6);
    events_add(vswitch->events, port, &event);
    /* What is remembered of this burst may be another now. */
    forward->epoch++;
    if (learned == FDB_MOVED && was < SWITCH_PORTS && vswitch->ports[was])
        probe_moved(forward, flight->vid, port, vswitch->ports[was]);
}

/** The address at @mac and a VLAN, as one number. */
static uint64_t address_key(const uint8_t mac[6], uint16_t vid)
{
    uint32_t high;
    uint16_t low;

    memcpy(&high, mac, sizeof(high));
    memcpy(&low, mac + 4, sizeof(low));
    return (uint64_t)high << 32 | (uint32_t)low << 16 | vid;
}

static void learn(struct forward *forward, const struct flight *flight)
{
    struct port *port = flight->from;
    struct forward_port *own = port->forward;
    uint64_t key = address_key(packet_source(&flight->packet), flight->vid);
    uint16_t was = FDB_NO_PORT;
    enum fdb_learned learned;

    /* Once a burst is enough, as long as nothing has changed in between. */
    if (own->learned == key && own->learned_epoch == forward->epoch)
        return;
    learned = fdb_learn(forward->vswitch->fdb, port->bridge->number, flight->vid,
                        packet_source(&flight->packet), port->number, forward->now, &was);
    if (learned == FDB_NEW || learned == FDB_MOVED)
        tell(forward, flight, learned, was);
    own->learned = key;
    own->learned_epoch = forward->epoch;
}

/** Behind which port the frame's destination is. */
static uint16_t look_up(struct forward *forward, const struct flight *flight)
{
    const struct port *port = flight->from;
    struct forward_port *own = port->forward;
    uint64_t key = address_key(packet_dest(&flight->packet), flight->vid);

    if (own->found != key || own->found_epoch != forward->epoch) {
        own->found_port = fdb_lookup(forward->vswitch->fdb, port->bridge->number, flight->vid,
                                     packet_dest(&flight->packet), forward->now);
        own->found = key;
        own->found_epoch = forward->epoch;
    }
    return own->found_port;
}

/** To all members of the bridge but the sender. */
static void flood(struct flight *flight)
{
    const struct port *port = flight->from;

    flight->set = port->bridge->members;
    flight->set.bits[port->number / 64] &= ~(UINT64_C(1) << port->number % 64);
    flight->route = ROUTE_SET;
    flight->chosen = false;
}

/** To those members of the bridge that are in @ports, too. */
static void flood_among(struct flight *flight, const struct port_set *ports)
{
    flood(flight);
    for (unsigned i = 0; i < SNOOP_PORTS / 64; i++)
        flight->set.bits[i] &= ports->bits[i];
    flight->chosen = true;
}

static enum drop_reason route_group(struct forward *forward, struct flight *flight,
                                    enum snoop_verdict verdict)
{
    struct vswitch *vswitch = forward->vswitch;
    struct port *port = flight->from;
    bool broadcast = is_broadcast(packet_dest(&flight->packet));
    struct port_set ports;

    if (!limit_take(&port->storm[broadcast ? STORM_BROADCAST : STORM_MULTICAST], 1, forward->now))
        return DROP_STORM;
    if (!broadcast && port->bridge->rules.snooping && verdict != SNOOP_FLOOD) {
        bool some = verdict == SNOOP_REPORT
                        ? snoop_routers(vswitch->snoop, port->bridge->number, flight->vid,
                                        forward->now, &ports)
                        : snoop_ports(vswitch->snoop, port->bridge->number, flight->vid,
                                      &flight->packet, forward->now, &ports);
        if (some) {
            flood_among(flight, &ports);
            return DROP_NONE;
        }
    }
    flood(flight);
    return DROP_NONE;
}

static enum drop_reason route_unicast(struct forward *forward, struct flight *flight)
{
    struct vswitch *vswitch = forward->vswitch;
    struct port *port = flight->from, *to;
    uint16_t number = look_up(forward, flight);

    to = number < SWITCH_PORTS ? vswitch->ports[number] : NULL;
    if (!to || !to->forward || to->bridge != port->bridge) {
        if (!limit_take(&port->storm[STORM_UNKNOWN], 1, forward->now))
            return DROP_STORM;
        flood(flight);
        return DROP_NONE;
    }
    if (to == port)
        return DROP_SAME_PORT;
    flight->route = ROUTE_PORT;
    flight->dest = number;
    flight->dest_generation = to->generation;
    return DROP_NONE;
}

void pipeline_decide(struct forward *forward, struct flight *flight)
{
    struct vswitch *vswitch = forward->vswitch;
    struct port *port = flight->from;
    enum snoop_verdict verdict = SNOOP_DATA;
    enum drop_reason reason;

    count_in(flight);
    reason = admit(forward, flight);
    if (reason == DROP_NONE && flight->packet.ethertype == GUARD_ETHERTYPE &&
        probe_seen(forward, flight))
        reason = DROP_LOOP;
    if (reason == DROP_NONE && port->bridge->rules.snooping)
        verdict = snoop_frame(vswitch->snoop, port->bridge->number, flight->vid, port->number,
                              &flight->packet, forward->now);
    if (verdict == SNOOP_INVALID)
        reason = DROP_MALFORMED;
    if (reason == DROP_NONE) {
        if (forward->mirrors)
            flight->mirror = mirror_wants(vswitch, port, RULES_INGRESS, flight->vid);
        learn(forward, flight);
        reason =
            flight->group ? route_group(forward, flight, verdict) : route_unicast(forward, flight);
    }
    if (reason != DROP_NONE)
        engine_drop(forward, port, flight, reason);
}
