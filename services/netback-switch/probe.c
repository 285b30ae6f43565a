/* SPDX-License-Identifier: ISC */
/* What the loop guard (guard.h) says is done here: probes are sent and recognised, ports blocked.
 */
#include "engine.h"

#include <stdio.h>
#include <string.h>

#include "events.h"

static void suspect(struct forward *forward, uint16_t vid, struct port *port)
{
    if (port->forward && !port->blocked_until &&
        guard_moved(&port->forward->guard, vid, forward->now)) {
        forward->suspects.bits[port->number / 64] |= UINT64_C(1) << port->number % 64;
        engine_schedule(forward);
    }
}

void probe_moved(struct forward *forward, uint16_t vid, struct port *port, struct port *was)
{
    if (!port->bridge->rules.loop_guard)
        return;
    suspect(forward, vid, port);
    suspect(forward, vid, was);
}

/** Have a probe of @port in the burst. */
static bool add_probe(struct forward *forward, struct port *port)
{
    struct guard_port *guard = &port->forward->guard;
    struct flight *flight = burst_add(forward);

    if (!flight)
        return false;
    flight->from = NULL;
    flight->queue = NULL;
    flight->in = (struct netif_frame){.length = GUARD_PROBE};
    guard_probe(guard, forward->source, port->number, flight->header);
    flight->captured = GUARD_PROBE;
    packet_parse(&flight->packet, flight->header, GUARD_PROBE, GUARD_PROBE);
    flight->vid = guard->vid;
    flight->csum_blank = false;
    flight->gso = OFFLOAD_GSO_NONE;
    flight->group = true;
    flight->route = ROUTE_PORT;
    flight->dest = port->number;
    flight->dest_generation = port->generation;
    guard->suspected = false;
    guard->probed = forward->now;
    forward->usage.probes++;
    return true;
}

void probe_send(struct forward *forward)
{
    for (unsigned i = 0; i < SNOOP_PORTS / 64; i++) {
        uint64_t *bits = &forward->suspects.bits[i];

        for (; *bits; *bits &= *bits - 1) {
            struct port *port = forward->vswitch->ports[i * 64 + (unsigned)__builtin_ctzll(*bits)];

            if (port && port->forward && !add_probe(forward, port))
                return;
        }
    }
}

/** Tell that the port is blocked for @seconds; 0: free again. */
static void tell(struct forward *forward, const struct port *port, unsigned seconds)
{
    struct event event = {.kind = EVENT_LOOP, .reason = DROP_LOOP, .count = 1};

    if (seconds)
        snprintf(event.text, sizeof(event.text), "loop: blocked for %u s", seconds);
    else
        snprintf(event.text, sizeof(event.text), "free again");
    events_add(forward->vswitch->events, port, &event);
    log_write(forward->vswitch->log, LOG_WARNING, "port %u (vif %u of domain %u): %s", port->number,
              port->device.devid, port->device.domid, event.text);
}

/** Which of the two ends of a loop is to be blocked. NULL: neither. */
static struct port *victim(struct port *sent, struct port *back)
{
    if (sent == back)
        return back->uplink ? NULL : back;
    if (sent->uplink != back->uplink)
        return sent->uplink ? back : sent;
    return sent->connected_at > back->connected_at ? sent : back;
}

bool probe_seen(struct forward *forward, struct flight *flight)
{
    const struct packet *packet = &flight->packet;
    unsigned at = ETHER_HEADER + (packet->tagged ? ETHER_TAG : 0);
    const uint8_t *nonce;
    struct port *sent, *blocked;
    uint16_t number;

    if (flight->captured < at || !flight->from->bridge->rules.loop_guard ||
        !guard_parse(packet->ethertype, packet->data + at, flight->captured - at, &number, &nonce))
        return false;
    sent = number < SWITCH_PORTS ? forward->vswitch->ports[number] : NULL;
    if (!sent || !sent->forward || sent->bridge != flight->from->bridge ||
        memcmp(sent->forward->guard.nonce, nonce, GUARD_NONCE) != 0)
        return false; /* somebody's frame, as any other */
    forward->usage.loops++;
    blocked = victim(sent, flight->from);
    if (blocked && blocked->blocked_until <= forward->now) {
        uint64_t length = guard_block(&blocked->forward->guard, forward->now);

        blocked->blocked_until = forward->now + length;
        /* A probe that somebody keeps for later shall not be worth anything. */
        hv_random(forward->hv, sent->forward->guard.nonce, GUARD_NONCE);
        fdb_forget_port(forward->vswitch->fdb, blocked->number);
        forward->epoch++;
        tell(forward, blocked, (unsigned)(length / HV_SEC));
        if (list_empty(&forward->probe.armed) || forward->probe.deadline > blocked->blocked_until)
            timer_set(forward->vswitch->loop, &forward->probe, blocked->blocked_until);
    }
    return true;
}

void probe_expire(struct timer *timer)
{
    struct forward *forward = LIST_ENTRY(timer, struct forward, probe);
    uint64_t now = hv_now(forward->hv), next = HV_NEVER;

    for (unsigned i = 0; i < SWITCH_PORTS; i++) {
        struct port *port = forward->vswitch->ports[i];

        if (!port || !port->blocked_until)
            continue;
        if (port->blocked_until <= now) {
            port->blocked_until = 0;
            tell(forward, port, 0);
        } else if (port->blocked_until < next) {
            next = port->blocked_until;
        }
    }
    timer_set(forward->vswitch->loop, &forward->probe, next);
}

void probe_forget(struct forward *forward, struct port *port)
{
    forward->suspects.bits[port->number / 64] &= ~(UINT64_C(1) << port->number % 64);
    port->blocked_until = 0;
}
