/* SPDX-License-Identifier: ISC */
/* Frames whose receiver has no buffer just now: how long they wait, and whose patience it costs. */
#include "engine.h"

#include <string.h>

/* A receiver that lets frames wait longer than that... */
#define LONG (FORWARD_WAIT / 5)
/* ...may do so that often, and that often again in a second; then it is stalled. So one that posts
 * a buffer now and then cannot hold its senders up for ever. */
#define PATIENCE       8U
#define PATIENCE_AGAIN 4U

static void stall(struct forward *forward, struct port *port)
{
    struct forward_port *own = port->forward;

    if (own->stalled_until <= forward->now)
        forward->usage.stalls++;
    own->stalled_until = forward->now + FORWARD_STALL;
}

void wait_dropped(struct forward *forward, struct port *port)
{
    if (port->forward->stalled_until > forward->now)
        stall(forward, port);
}

enum drop_reason wait_add(struct forward *forward, struct flight *flight, struct port *to,
                          struct forward_queue *queue, unsigned needed)
{
    struct forward_queue *sender = engine_queue(flight->from, flight->queue);
    struct list *entry = list_first(&forward->free);
    struct waiter *waiter;

    if (to->forward->stalled_until > forward->now)
        return DROP_STALLED;
    if (!entry || needed > NETIF_RING_SLOTS ||
        sender->waiting_from + flight->in.requests > FORWARD_WAITING ||
        queue->waiting_for >= FORWARD_WAITING)
        return DROP_NO_BUFFER;
    list_remove(entry);
    waiter = LIST_ENTRY(entry, struct waiter, queued);
    waiter->to = to;
    waiter->receiver = queue;
    waiter->since = forward->now;
    waiter->needed = needed;
    waiter->flight = *flight;
    memcpy(waiter->header, flight->header, flight->captured);
    waiter->flight.header = waiter->header;
    list_append(&queue->waiters, &waiter->queued);
    list_append(&forward->due, &waiter->due);
    queue->waiting_for++;
    sender->waiting_from += flight->in.requests;
    flight->waits = true;
    forward->usage.waited++;
    to->counters.waited++;
    if (forward->waiting++ == 0)
        timer_set(forward->vswitch->loop, &forward->wait, waiter->since + FORWARD_WAIT);
    if (netif_rx_arm(queue->rings))
        wait_posted(forward, queue);
    return DROP_NONE;
}

/** Out of all lists; its flight is the caller's to deal with until the next wait_add(). */
static void release(struct forward *forward, struct waiter *waiter)
{
    struct flight *flight = &waiter->flight;

    list_remove(&waiter->queued);
    list_remove(&waiter->due);
    list_append(&forward->free, &waiter->queued);
    waiter->receiver->waiting_for--;
    engine_queue(flight->from, flight->queue)->waiting_from -= flight->in.requests;
    forward->waiting--;
}

/** It goes no further: answer its sender. */
static void abandon(struct forward *forward, struct waiter *waiter, struct port *port,
                    enum drop_reason reason)
{
    struct flight *flight = &waiter->flight;

    release(forward, waiter);
    engine_drop(forward, port, flight, reason);
    netif_done(flight->queue, &flight->in, false);
    engine_touch(forward, engine_queue(flight->from, flight->queue));
}

void wait_posted(struct forward *forward, struct forward_queue *queue)
{
    if (queue->waiting_for == 0 || !list_empty(&queue->retry))
        return;
    list_append(&forward->retry, &queue->retry);
    engine_schedule(forward);
}

/** Put @waiter into the burst. */
static bool resume(struct forward *forward, struct waiter *waiter)
{
    struct flight *flight = burst_add(forward);
    uint8_t *header, *forms;

    if (!flight)
        return false;
    header = flight->header;
    forms = flight->forms;
    *flight = waiter->flight;
    flight->header = header;
    flight->forms = forms;
    memcpy(header, waiter->header, flight->captured);
    flight->packet.data = header;
    flight->formed = 0;
    flight->waits = false;
    flight->waited = true;
    flight->mirror = 0;
    flight->whole = NULL;
    release(forward, waiter);
    return true;
}

void wait_resume(struct forward *forward)
{
    struct list *entry;

    while ((entry = list_first(&forward->retry))) {
        struct forward_queue *queue = LIST_ENTRY(entry, struct forward_queue, retry);
        struct forward_port *port = queue->port;
        unsigned taken = 0;

        list_for_each_safe (item, after, &queue->waiters) {
            struct waiter *waiter = LIST_ENTRY(item, struct waiter, queued);
            bool slow = forward->now - waiter->since > LONG;

            if (netif_buffers(queue->rings, taken + waiter->needed) < taken + waiter->needed)
                break;
            taken += waiter->needed;
            if (!resume(forward, waiter))
                return;
            if (slow) {
                if (port->patience.rate == 0)
                    limit_set(&port->patience, PATIENCE_AGAIN, PATIENCE, forward->now);
                if (!limit_take(&port->patience, 1, forward->now))
                    stall(forward, port->port);
            }
        }
        list_remove(&queue->retry);
        if (queue->waiting_for && netif_rx_arm(queue->rings)) {
            /* Posted meanwhile: the next turn looks. More than a ring is never there. */
            engine_schedule(forward);
            wait_posted(forward, queue);
            return;
        }
    }
}

void wait_expire(struct timer *timer)
{
    struct forward *forward = LIST_ENTRY(timer, struct forward, wait);
    struct list *entry;

    forward->now = hv_now(forward->hv);
    while ((entry = list_first(&forward->due))) {
        struct waiter *waiter = LIST_ENTRY(entry, struct waiter, due);
        struct port *to = waiter->to;

        if (waiter->since + FORWARD_WAIT > forward->now)
            break;
        forward->usage.expired++;
        stall(forward, to);
        /* Nobody waits for it any more. */
        for (unsigned i = 0; i < to->forward->queues; i++) {
            struct forward_queue *queue = &to->forward->queue[i];

            list_remove(&queue->retry);
            while ((entry = list_first(&queue->waiters)))
                abandon(forward, LIST_ENTRY(entry, struct waiter, queued), to, DROP_NO_BUFFER);
        }
    }
    if (entry)
        timer_set(forward->vswitch->loop, timer,
                  LIST_ENTRY(entry, struct waiter, due)->since + FORWARD_WAIT);
    engine_push(forward);
}

void wait_forget(struct forward *forward, struct port *port)
{
    list_for_each_safe (item, after, &forward->due) {
        struct waiter *waiter = LIST_ENTRY(item, struct waiter, due);

        if (waiter->to == port || waiter->flight.from == port)
            abandon(forward, waiter, waiter->flight.from, DROP_NO_PORT);
    }
    for (unsigned i = 0; i < port->forward->queues; i++)
        list_remove(&port->forward->queue[i].retry);
}
