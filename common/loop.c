/* SPDX-License-Identifier: ISC */
#include "common/loop.h"

void loop_init(struct loop *loop, struct hv *hv)
{
    *loop = (struct loop){.hv = hv};
    list_init(&loop->timers);
}

void loop_port_add(struct loop *loop, struct loop_port *entry, evtchn_port_t port,
                   loop_port_fn *handle)
{
    HV_ASSERT(port > 0 && port < HV_EVTCHN_PORTS && !loop->ports[port]);
    *entry = (struct loop_port){.port = port, .handle = handle};
    loop->ports[port] = entry;
}

void loop_port_remove(struct loop *loop, struct loop_port *entry)
{
    if (!entry->port)
        return;
    HV_ASSERT(loop->ports[entry->port] == entry);
    loop->ports[entry->port] = NULL;
    entry->port = 0;
}

void timer_init(struct timer *timer, timer_fn *expire)
{
    *timer = (struct timer){.expire = expire};
    list_init(&timer->armed);
}

void timer_set(struct loop *loop, struct timer *timer, uint64_t deadline)
{
    struct list *before = &loop->timers;
    uint64_t now;

    list_remove(&timer->armed);
    if (deadline == HV_NEVER)
        return;
    /* A deadline in the past is put behind what is due already, or it would starve that. */
    now = hv_now(loop->hv);
    timer->deadline = deadline < now ? now : deadline;
    while (before->prev != &loop->timers &&
           LIST_ENTRY(before->prev, struct timer, armed)->deadline > timer->deadline)
        before = before->prev;
    list_append(before, &timer->armed);
}

void timer_cancel(struct timer *timer)
{
    list_remove(&timer->armed);
}

void loop_wake(struct loop *loop)
{
    loop->woken = true;
}

bool loop_dispatch(struct loop *loop, evtchn_port_t port)
{
    struct loop_port *entry = port < HV_EVTCHN_PORTS ? loop->ports[port] : NULL;

    if (!entry)
        return false;
    entry->handle(entry);
    return true;
}

/** The timer that is due first, if it is due at @now. */
static struct timer *due(struct loop *loop, uint64_t now)
{
    struct list *first = list_first(&loop->timers);
    struct timer *timer = first ? LIST_ENTRY(first, struct timer, armed) : NULL;

    return timer && timer->deadline <= now ? timer : NULL;
}

uint64_t loop_timers(struct loop *loop)
{
    unsigned count = 0;
    struct timer *timer;
    uint64_t now;

    if (list_empty(&loop->timers))
        return loop_next(loop);
    now = hv_now(loop->hv);
    /* As many as are due now: one that is armed again for now waits for the next round. */
    list_for_each (item, &loop->timers) {
        if (LIST_ENTRY(item, struct timer, armed)->deadline > now)
            break;
        count++;
    }
    for (; count && (timer = due(loop, now)); count--) {
        list_remove(&timer->armed);
        timer->expire(timer);
    }

    if (due(loop, hv_now(loop->hv))) {
        loop->woken = false;
        return 0;
    }
    return loop_next(loop);
}

uint64_t loop_next(struct loop *loop)
{
    if (loop->woken) {
        loop->woken = false;
        return 0;
    }
    if (list_empty(&loop->timers))
        return HV_NEVER;
    return LIST_ENTRY(loop->timers.next, struct timer, armed)->deadline;
}

uint64_t loop_step(struct loop *loop)
{
    uint64_t handled[HV_EVTCHN_PORTS / 64] = {0};
    evtchn_port_t port = loop->again;
    uint64_t deadline;

    loop->again = 0;
    if (!port)
        port = hv_evtchn_next(loop->hv);
    for (; port; port = hv_evtchn_next(loop->hv)) {
        uint64_t bit = UINT64_C(1) << port % 64;

        if (handled[port / 64] & bit) {
            /* Its pending bit is taken already, so that the next step has to begin with it. */
            loop->again = port;
            break;
        }
        handled[port / 64] |= bit;
        loop_dispatch(loop, port);
    }

    deadline = loop_timers(loop);
    return loop->again ? 0 : deadline;
}
