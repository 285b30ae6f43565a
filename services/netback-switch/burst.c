/* SPDX-License-Identifier: ISC */
/* Frames and their first bytes out of the rings. */
#include "engine.h"

#include <string.h>

/* With fewer bytes than that in its first slot a frame's headers are in several: 54 is Ethernet,
 * IPv4 and TCP. */
#define HEADERS_MIN 54U

/* Looks at queues for one burst. */
#define PASSES 1024U

struct flight *burst_add(struct forward *forward)
{
    unsigned index = forward->count;
    struct flight *flight = &forward->flights[index];

    if (index == FORWARD_BURST)
        return NULL;
    forward->count++;
    flight->header = forward->headers + (size_t)index * PACKET_HEADER_MAX;
    flight->forms = forward->forms + (size_t)index * ENGINE_CELL;
    flight->formed = 0;
    flight->captured = 0;
    flight->vid = 0;
    flight->ops = 0;
    flight->bad = flight->waits = flight->waited = flight->filled = false;
    flight->route = ROUTE_NONE;
    flight->mirror = 0;
    flight->whole = NULL;
    return flight;
}

void burst_ready(struct forward *forward, struct forward_queue *queue)
{
    struct forward_port *port = queue->port;

    queue->ready = true;
    if (list_empty(&port->ready)) {
        list_append(&forward->ready, &port->ready);
        engine_schedule(forward);
    }
}

void burst_forget(struct forward *forward, struct forward_port *port)
{
    list_remove(&port->ready);
    /* Frames that the last turn left. Those to it find another generation, or no port. */
    for (unsigned i = forward->next; i < forward->count; i++) {
        struct flight *flight = &forward->flights[i];

        if (flight->from != port->port)
            continue;
        engine_drop(forward, port->port, flight, DROP_NO_PORT);
        netif_done(flight->queue, &flight->in, false);
        engine_touch(forward, engine_queue(port->port, flight->queue));
        flight->from = NULL;
        flight->queue = NULL;
        flight->route = ROUTE_NONE;
        flight->mirror = 0;
    }
}

/** Plan to copy the bytes of @flight from what is captured up to @end into its snapshot. */
static inline void gather(struct forward *forward, struct flight *flight, unsigned end)
{
    uintptr_t at = (uintptr_t)flight->header;
    uint16_t page = (uint16_t)(at % HV_PAGE_SIZE);
    unsigned skip = flight->captured;

    flight->first_op = (uint16_t)forward->ops;
    for (unsigned i = 0; flight->captured < end; i++) {
        const struct netif_slot *slot = &flight->in.slot[i];
        unsigned length = slot->length;
        struct hv_copy *copy;

        if (skip >= length) {
            skip -= length;
            continue;
        }
        length -= skip;
        if (length > end - flight->captured)
            length = end - flight->captured;
        copy = &forward->copies[forward->ops++];
        copy->source.foreign = true;
        copy->source.domid = flight->from->netif.config.domid;
        copy->source.ref = slot->ref;
        copy->source.offset = (uint16_t)(slot->offset + skip);
        copy->dest.foreign = false;
        copy->dest.address = flight->header - page;
        copy->dest.offset = (uint16_t)(page + flight->captured);
        copy->length = (uint16_t)length;
        flight->captured = (uint16_t)(flight->captured + length);
        skip = 0;
    }
    flight->ops = (uint16_t)(forward->ops - flight->first_op);
}

/** Take note of how the copies of @flight went. False: one failed. */
static inline bool gathered(struct forward *forward, struct flight *flight)
{
    struct port_counters *counters = &flight->from->counters;
    const struct hv_copy *copy = &forward->copies[flight->first_op];
    bool whole = true;

    counters->copies += flight->ops;
    for (unsigned i = 0; i < flight->ops; i++) {
        counters->copy_bytes += copy[i].length;
        forward->vswitch->totals.copy_bytes += copy[i].length;
        whole = whole && copy[i].status == 0;
    }
    flight->ops = 0;
    return whole;
}

/** May a frame be taken from the port now? Else its timer tells when. */
static bool within_rate(struct forward *forward, struct forward_port *port)
{
    const struct limit *limit = &port->port->rate_in;
    uint64_t ready;

    if (limit->rate == 0)
        return true;
    ready = limit_ready(limit, forward->now);
    if (ready <= forward->now)
        return true;
    timer_set(forward->vswitch->loop, &port->rate, ready);
    return false;
}

/**
 * Take some frames from @queue. False: no more are to be taken from its port in this round, for it
 * has reached its rate or is broken.
 */
static bool take(struct forward *forward, struct forward_queue *queue)
{
    struct port *port = queue->port->port;

    for (unsigned i = 0; i < FORWARD_QUANTUM; i++) {
        struct flight *flight;
        int why = 0;

        if (!within_rate(forward, queue->port))
            return false;
        if (forward->ops + NETIF_SLOTS_MAX > HV_COPY_MAX)
            return true;
        flight = burst_add(forward);
        if (!flight)
            return true;
        flight->from = port;
        flight->queue = queue->rings;
        switch (netif_take(queue->rings, &flight->in, &why)) {
        case NETIF_FRAME:
            limit_take(&port->rate_in, flight->in.length, forward->now);
            forward->vswitch->totals.frames++;
            gather(forward, flight,
                   flight->in.length < PACKET_HEADER_MAX            ? flight->in.length
                   : flight->in.slot[0].length >= PACKET_HEADER_MAX ? PACKET_HEADER_MAX
                   : flight->in.slot[0].length >= HEADERS_MIN       ? flight->in.slot[0].length
                                                                    : PACKET_HEADER_MAX);
            continue;
        case NETIF_BAD:
            engine_drop(forward, port, flight, (enum drop_reason)why);
            engine_touch(forward, queue);
            forward->count--;
            continue;
        case NETIF_NOTHING:
            forward->count--;
            engine_touch(forward, queue); /* it may have answered requests for multicast control */
            queue->ready = netif_tx_arm(queue->rings);
            return true;
        case NETIF_FAILED:
            forward->count--;
            return false;
        }
    }
    return true;
}

/** Take from the ports in turn until the burst is full or nothing is there. */
static void take_all(struct forward *forward)
{
    /* Each pass takes a frame, or ends the readiness of a queue; one whose guest makes it ready
     * again and again is left for the next turn. */
    for (unsigned passes = 0; passes < PASSES && !list_empty(&forward->ready); passes++) {
        if (forward->count == FORWARD_BURST || forward->ops + NETIF_SLOTS_MAX > HV_COPY_MAX)
            break;
        struct forward_port *port =
            LIST_ENTRY(list_first(&forward->ready), struct forward_port, ready);
        bool go_on = true, more = false;

        list_remove(&port->ready);
        for (unsigned i = 0; i < port->queues; i++) {
            struct forward_queue *queue = &port->queue[(port->turn + i) % port->queues];

            if (!queue->ready)
                continue;
            port->turn = (port->turn + i + 1) % port->queues;
            go_on = take(forward, queue);
            break;
        }
        for (unsigned i = 0; i < port->queues; i++)
            more = more || port->queue[i].ready;
        if (go_on && more)
            list_append(&forward->ready, &port->ready);
    }
}

/** Look at the snapshots. Headers that go on in another slot need one more call, for all. */
static void parse(struct forward *forward, unsigned first)
{
    bool again = false;

    for (unsigned i = first; i < forward->count; i++) {
        struct flight *flight = &forward->flights[i];

        if (!flight->from)
            continue;
        if (!gathered(forward, flight)) {
            flight->bad = true;
            flight->captured = 0;
            continue;
        }
        if (packet_parse(&flight->packet, flight->header, flight->captured, flight->in.length) &&
            flight->packet.truncated && flight->captured < flight->in.length &&
            flight->captured < PACKET_HEADER_MAX)
            again = true;
    }
    if (!again)
        return;

    forward->ops = 0;
    for (unsigned i = first; i < forward->count; i++) {
        struct flight *flight = &forward->flights[i];
        unsigned end =
            flight->in.length < PACKET_HEADER_MAX ? flight->in.length : PACKET_HEADER_MAX;

        if (flight->from && !flight->bad && flight->packet.truncated && flight->captured < end &&
            forward->ops + NETIF_SLOTS_MAX <= HV_COPY_MAX)
            gather(forward, flight, end);
    }
    engine_copy(forward);
    for (unsigned i = first; i < forward->count; i++) {
        struct flight *flight = &forward->flights[i];

        if (!flight->from || flight->ops == 0)
            continue;
        flight->bad = !gathered(forward, flight);
        if (!flight->bad)
            packet_parse(&flight->packet, flight->header, flight->captured, flight->in.length);
        else
            flight->captured = 0;
    }
}

bool burst_take(struct forward *forward)
{
    unsigned first;

    forward->count = forward->next = 0;
    forward->ops = 0;
    forward->epoch++;
    forward->mirrors = false;
    for (unsigned i = 0; i < RULES_MIRRORS; i++)
        forward->mirrors = forward->mirrors || forward->vswitch->mirrors[i];
    wait_resume(forward);
    probe_send(forward);
    first = forward->count;
    take_all(forward);
    if (forward->count == 0)
        return false;
    forward->vswitch->totals.bursts++;
    engine_copy(forward);
    parse(forward, first);
    forward->ops = 0;
    for (unsigned i = first; i < forward->count; i++)
        pipeline_decide(forward, &forward->flights[i]);
    return true;
}
