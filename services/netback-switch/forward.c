/* SPDX-License-Identifier: ISC */
#include "engine.h"

#include <errno.h>
#include <string.h>

#include "events.h"
#include "mirror.h"

/* All areas, to be taken and given back in one way. Sizes over half a page are page aligned. */
#define AREAS(AREA)                                                                                \
    AREA(flights, FORWARD_BURST * sizeof(struct flight))                                           \
    AREA(headers, FORWARD_BURST *PACKET_HEADER_MAX)                                                \
    AREA(forms, FORWARD_BURST *ENGINE_CELL)                                                        \
    AREA(cells, ENGINE_CELLS *ENGINE_CELL)                                                         \
    AREA(soft, ENGINE_SOFT *ENGINE_SOFT_CHUNK)                                                     \
    AREA(waiters, FORWARD_WAITERS * sizeof(struct waiter))                                         \
    AREA(copies, HV_COPY_MAX * sizeof(struct hv_copy))                                             \
    AREA(op_delivery, HV_COPY_MAX * sizeof(uint16_t))                                              \
    AREA(delivery, ENGINE_DELIVERIES * sizeof(struct delivery))                                    \
    AREA(buffer, ENGINE_BUFFERS * sizeof(struct delivery_buffer))                                  \
    AREA(touched, SWITCH_PORTS *NETIF_QUEUES_MAX * sizeof(struct forward_queue *))

static void free_areas(struct forward *forward)
{
    struct arena *arena = forward->vswitch->arena;

#define AREA_FREE(name, size) arena_free(arena, forward->name, size);
    AREAS(AREA_FREE)
#undef AREA_FREE
    arena_free(arena, forward, sizeof(*forward));
}

static void turn(struct timer *timer);

struct forward *forward_create(struct vswitch *vswitch)
{
    struct arena *arena = vswitch->arena;
    struct forward *forward = arena_zalloc(arena, sizeof(*forward));
    bool whole = true;

    if (!forward)
        return NULL;
    forward->vswitch = vswitch;
    forward->hv = vswitch->hv;
#define AREA_ALLOC(name, size)                                                                     \
    forward->name = arena_zalloc(arena, size);                                                     \
    whole = whole && forward->name;
    AREAS(AREA_ALLOC)
#undef AREA_ALLOC
    if (!whole) {
        free_areas(forward);
        return NULL;
    }
    timer_init(&forward->turn, turn);
    timer_init(&forward->wait, wait_expire);
    timer_init(&forward->probe, probe_expire);
    list_init(&forward->ready);
    list_init(&forward->retry);
    list_init(&forward->due);
    list_init(&forward->free);
    for (unsigned i = 0; i < FORWARD_WAITERS; i++) {
        list_init(&forward->waiters[i].due);
        list_append(&forward->free, &forward->waiters[i].queued);
    }
    hv_random(forward->hv, forward->source, sizeof(forward->source));
    forward->source[0] = (uint8_t)((forward->source[0] & ~1U) | 2U); /* local, and one station's */
    return forward;
}

void forward_destroy(struct forward *forward)
{
    if (!forward)
        return;
    HV_ASSERT(list_empty(&forward->ready) && forward->waiting == 0);
    timer_cancel(&forward->turn);
    timer_cancel(&forward->wait);
    timer_cancel(&forward->probe);
    free_areas(forward);
}

/** rate_in is ready again. */
static void rate_ready(struct timer *timer)
{
    struct forward_port *port = LIST_ENTRY(timer, struct forward_port, rate);

    for (unsigned i = 0; i < port->queues; i++)
        burst_ready(port->forward, &port->queue[i]);
}

int forward_port_add(struct port *port)
{
    struct forward *forward = port->vswitch->forward;
    struct forward_port *own = arena_zalloc(port->vswitch->arena, sizeof(*own));

    if (!own)
        return -ENOMEM;
    own->port = port;
    own->forward = forward;
    own->queues = port->netif.queue_count;
    list_init(&own->ready);
    timer_init(&own->rate, rate_ready);
    hv_random(forward->hv, own->guard.nonce, sizeof(own->guard.nonce));
    for (unsigned i = 0; i < own->queues; i++) {
        struct forward_queue *queue = &own->queue[i];

        *queue = (struct forward_queue){.port = own, .rings = port->netif.queue[i]};
        list_init(&queue->waiters);
        list_init(&queue->retry);
    }
    port->forward = own;
    port->blocked_until = 0;
    forward_multicast_reset(port);
    /* What the guest sent before it was served. */
    for (unsigned i = 0; i < own->queues; i++)
        burst_ready(forward, &own->queue[i]);
    return 0;
}

void forward_port_remove(struct port *port)
{
    struct forward_port *own = port->forward;
    struct forward *forward;

    if (!own)
        return;
    forward = own->forward;
    wait_forget(forward, port);
    burst_forget(forward, own);
    probe_forget(forward, port);
    timer_cancel(&own->rate);
    engine_push(forward);
    for (unsigned i = 0; i < own->queues; i++)
        HV_ASSERT(list_empty(&own->queue[i].waiters) && list_empty(&own->queue[i].retry) &&
                  own->queue[i].waiting_from == 0 && !own->queue[i].touched);
    port->forward = NULL;
    arena_free(port->vswitch->arena, own, sizeof(*own));
}

void forward_configure(struct port *port)
{
    if (port->forward)
        rate_ready(&port->forward->rate);
}

struct forward_queue *engine_queue(const struct port *port, const struct netif_queue *rings)
{
    return &port->forward->queue[rings->index];
}

void forward_work(void *context, struct netif_queue *rings)
{
    struct port *port = context;
    struct forward_queue *queue;

    /* An event between netif_connect() and forward_port_add(), or after the removal. */
    if (!port->forward)
        return;
    queue = engine_queue(port, rings);
    port->counters.kicks++;
    burst_ready(port->forward->forward, queue);
    wait_posted(port->forward->forward, queue);
}

void forward_multicast_reset(struct port *port)
{
    port->multicast_count = 0;
    port->multicast_lost = port->netif.inherited;
}

bool forward_multicast(void *context, const uint8_t mac[6], bool add)
{
    struct port *port = context;
    unsigned i = 0, max = sizeof(port->multicast) / sizeof(port->multicast[0]);

    while (i < port->multicast_count && memcmp(port->multicast[i], mac, 6) != 0)
        i++;
    if (add && i == port->multicast_count) {
        if (i == max)
            return false;
        memcpy(port->multicast[port->multicast_count++], mac, 6);
    } else if (!add && i < port->multicast_count) {
        memcpy(port->multicast[i], port->multicast[--port->multicast_count], 6);
    }
    return true;
}

void forward_begin(struct forward *forward)
{
    engine_schedule(forward);
}

void engine_schedule(struct forward *forward)
{
    if (list_empty(&forward->turn.armed))
        timer_set(forward->vswitch->loop, &forward->turn, 0);
}

void engine_drop(struct forward *forward, struct port *port, const struct flight *flight,
                 enum drop_reason reason)
{
    static const uint8_t unknown[6];
    const uint8_t *mac = flight->captured >= ETHER_HEADER ? flight->header + 6 : unknown;

    port->counters.drops[reason]++;
    events_drop(forward->vswitch->events, port, reason, mac, flight->vid);
}

void engine_touch(struct forward *forward, struct forward_queue *queue)
{
    if (queue->touched)
        return;
    queue->touched = true;
    forward->touched[forward->touched_count++] = queue;
}

static void count_sent(struct forward_queue *queue, unsigned sent)
{
    queue->port->port->counters.notifications += sent;
    queue->port->forward->vswitch->totals.notifications += sent;
}

/* Receivers first, all of them: a sender that has its answer will not send the frame again, so by
 * then it must be where no end of ours can take it back. */
void engine_push(struct forward *forward)
{
    for (unsigned i = 0; i < forward->touched_count; i++)
        count_sent(forward->touched[i], netif_publish_rx(forward->touched[i]->rings));
    for (unsigned i = 0; i < forward->touched_count; i++) {
        forward->touched[i]->touched = false;
        count_sent(forward->touched[i], netif_publish_tx(forward->touched[i]->rings));
    }
    forward->touched_count = 0;
}

void engine_copy(struct forward *forward)
{
    struct vswitch *vswitch = forward->vswitch;

    if (forward->ops == 0)
        return;
    forward->calls++;
    vswitch->totals.copy_calls++;
    vswitch->totals.copies += forward->ops;
    HV_ASSERT(hv_grant_copy(forward->hv, forward->copies, forward->ops) == 0);
}

/** The flights from @first on are dealt with: answer their senders. */
static void answer(struct forward *forward, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++) {
        struct flight *flight = &forward->flights[i];
        struct forward_queue *queue;

        if (!flight->queue || flight->waits)
            continue;
        queue = engine_queue(flight->from, flight->queue);
        netif_done(flight->queue, &flight->in, flight->bad);
        engine_touch(forward, queue);
    }
}

/**
 * Go on with the burst: as many frames at a time as there is private memory for those that need it,
 * which is mostly all of them.
 */
static void go_on(struct forward *forward)
{
    while (forward->next < forward->count && forward->calls < FORWARD_CALLS) {
        unsigned first = forward->next, end = first;

        forward->soft_used = 0;
        while (end < forward->count && soft_plan(forward, &forward->flights[end]))
            end++;
        HV_ASSERT(end > first);
        if (forward->ops) {
            engine_copy(forward);
            for (unsigned i = first; i < end; i++)
                soft_fetched(forward, &forward->flights[i]);
            forward->ops = 0;
        }
        unsigned done = first;
        while (done < end && (done == first || forward->calls < FORWARD_CALLS))
            plan_flight(forward, &forward->flights[done++]);
        deliver_flush(forward);
        answer(forward, first, done);
        forward->next = done;
    }
}

static void turn(struct timer *timer)
{
    struct forward *forward = LIST_ENTRY(timer, struct forward, turn);
    struct vswitch *vswitch = forward->vswitch;

    if (vswitch->awaits_rules || vswitch->awaits_ports) /* forward_begin() */
        return;
    forward->calls = 0;
    forward->usage.turns++;
    do {
        forward->now = hv_now(forward->hv);
        if (forward->next == forward->count && !burst_take(forward))
            break;
        go_on(forward);
        engine_push(forward);
    } while (forward->calls < FORWARD_CALLS);
    engine_push(forward);
    if (forward->mirrors)
        mirrors_flush(vswitch);
    if (forward->next < forward->count || !list_empty(&forward->ready) ||
        !list_empty(&forward->retry))
        engine_schedule(forward);
}

void forward_usage(const struct forward *forward, struct forward_usage *usage)
{
    *usage = forward->usage;
    usage->waiting = forward->waiting;
}

uint64_t forward_blocked_until(const struct port *port)
{
    return port->blocked_until;
}
