/* SPDX-License-Identifier: ISC */
/* Whole frames in private memory: for receivers that cannot take them as they are, and for mirrors
 * that want more than the snapshot. */
#include "engine.h"

#include <string.h>

#include "mirror.h"

enum soft soft_needed(const struct flight *flight, const struct port *to)
{
    const struct netif_config *takes = &to->netif.config;
    bool ipv6 = flight->packet.network == PACKET_IPV6;
    bool blank = flight->csum_blank && (ipv6 ? !takes->ipv6_csum : takes->no_csum_offload);

    if (flight->gso != OFFLOAD_GSO_NONE) {
        bool cuts = flight->gso == OFFLOAD_GSO_TCPV6 ? takes->gso_tcpv6 : takes->gso_tcpv4;

        return cuts && takes->sg && !blank ? SOFT_NONE : SOFT_SEGMENTS;
    }
    return blank ? SOFT_CHECKSUM : SOFT_NONE;
}

/** Does its way to the port need the whole frame? */
static bool port_needs(const struct forward *forward, const struct flight *flight,
                       const struct port *to)
{
    if (soft_needed(flight, to) != SOFT_NONE)
        return true;
    return forward->mirrors &&
           mirror_wants(forward->vswitch, to, RULES_EGRESS, flight->vid) > flight->captured;
}

static bool needs(const struct forward *forward, const struct flight *flight)
{
    const struct vswitch *vswitch = forward->vswitch;

    if (flight->mirror > flight->captured && flight->captured < flight->in.length)
        return true;
    if (flight->route == ROUTE_PORT) {
        const struct port *to = vswitch->ports[flight->dest];

        return to && to->forward && port_needs(forward, flight, to);
    }
    if (flight->route != ROUTE_SET)
        return false;
    for (unsigned i = 0; i < SNOOP_PORTS / 64; i++) {
        for (uint64_t bits = flight->set.bits[i]; bits; bits &= bits - 1) {
            const struct port *to = vswitch->ports[i * 64 + (unsigned)__builtin_ctzll(bits)];

            if (to && to->forward && port_needs(forward, flight, to))
                return true;
        }
    }
    return false;
}

/** Copy what is behind the snapshot to @at, page by page. */
static void fetch(struct forward *forward, struct flight *flight, uint8_t *at)
{
    unsigned skip = flight->captured;

    flight->first_op = (uint16_t)forward->ops;
    for (unsigned i = 0; i < flight->in.slots; i++) {
        const struct netif_slot *slot = &flight->in.slot[i];
        unsigned done = skip < slot->length ? skip : slot->length;

        skip -= done;
        while (done < slot->length) {
            uint16_t page = (uint16_t)((uintptr_t)at % HV_PAGE_SIZE);
            unsigned length = slot->length - done;

            if (length > HV_PAGE_SIZE - page)
                length = HV_PAGE_SIZE - page;
            forward->copies[forward->ops++] = (struct hv_copy){
                .source = {.foreign = true,
                           .domid = flight->from->netif.config.domid,
                           .ref = slot->ref,
                           .offset = (uint16_t)(slot->offset + done)},
                .dest = {.address = at - page, .offset = page},
                .length = (uint16_t)length,
            };
            done += length;
            at += length;
        }
    }
    flight->ops = (uint16_t)(forward->ops - flight->first_op);
}

bool soft_plan_some(struct forward *forward, struct flight *flight)
{
    unsigned chunks;

    flight->whole = NULL;
    flight->filled = false;
    flight->ops = 0;
    if (!needs(forward, flight))
        return true;
    chunks = (ENGINE_WHOLE_AT + flight->in.length + ENGINE_SOFT_CHUNK - 1) / ENGINE_SOFT_CHUNK;
    if (forward->soft_used + chunks > ENGINE_SOFT ||
        forward->ops + 2 * NETIF_SLOTS_MAX > HV_COPY_MAX)
        return false;
    flight->whole =
        forward->soft + (size_t)forward->soft_used * ENGINE_SOFT_CHUNK + ENGINE_WHOLE_AT;
    forward->soft_used += chunks;
    memcpy(flight->whole, flight->header, flight->captured);
    fetch(forward, flight, flight->whole + flight->captured);
    return true;
}

void soft_fetched(struct forward *forward, struct flight *flight)
{
    const struct hv_copy *copy = &forward->copies[flight->first_op];

    if (!flight->whole)
        return;
    forward->usage.soft++;
    flight->from->counters.copies += flight->ops;
    for (unsigned i = 0; i < flight->ops; i++) {
        flight->from->counters.copy_bytes += copy[i].length;
        forward->vswitch->totals.copy_bytes += copy[i].length;
        if (copy[i].status != 0)
            flight->bad = true;
    }
    if (!flight->bad)
        return;
    engine_drop(forward, flight->from, flight, DROP_BAD_GRANT);
    flight->route = ROUTE_NONE;
    flight->mirror = 0;
}
