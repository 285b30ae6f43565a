/* SPDX-License-Identifier: ISC */
/**
 * @file loop.h
 * The one loop of a service: who handles which port, and what is due when.
 *
 * A service embeds a struct loop_port for each event channel and a struct timer for each deadline
 * in what they belong to. Handlers run to completion, may add and remove any port or timer (their
 * own included), and do a bounded amount of work. Events are edges that may be spurious: a handler
 * looks at shared state.
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <hv/evtchn.h>
#include <hv/hv.h>
#include <hv/time.h>

#include "common/list.h"

struct loop_port;
struct timer;

/** Something happened on @port, or is said to have. */
typedef void loop_port_fn(struct loop_port *port);

/** An event channel that somebody waits for. The owner keeps it until loop_port_remove(). */
struct loop_port {
    evtchn_port_t port; /**< 0: not in a loop */
    loop_port_fn *handle;
};

/** @timer is due; it is no longer armed and may be armed again. */
typedef void timer_fn(struct timer *timer);

/** A deadline. The owner keeps it until timer_cancel(). */
struct timer {
    struct list armed; /**< in loop.timers, soonest first, while armed */
    uint64_t deadline; /**< in hv_now() time */
    timer_fn *expire;
};

/** The loop. Owned by the service; zeroed and given to loop_init() before use. */
struct loop {
    struct hv *hv;
    struct loop_port *ports[HV_EVTCHN_PORTS];
    struct list timers;
    bool woken;          /**< more to do: see loop_wake() */
    evtchn_port_t again; /**< an event of it is taken and not handled yet; 0: none */
};

void loop_init(struct loop *loop, struct hv *hv);

/** Have @handle called for events of @port, which nobody else handles. Takes no ownership of it. */
void loop_port_add(struct loop *loop, struct loop_port *entry, evtchn_port_t port,
                   loop_port_fn *handle);

/** Forget it; nothing to do if it is not in the loop. The event channel stays open. */
void loop_port_remove(struct loop *loop, struct loop_port *entry);

void timer_init(struct timer *timer, timer_fn *expire);

/** Arm, or arm anew, for @deadline (hv_now() time); HV_NEVER disarms. */
void timer_set(struct loop *loop, struct timer *timer, uint64_t deadline);

/** Disarm; nothing to do if it is not armed. */
void timer_cancel(struct timer *timer);

/** There is more to do: loop_step() shall return 0 once. */
void loop_wake(struct loop *loop);

/**
 * Handle what is pending, each port at most once, then what is due. Returns 0 if there is more to
 * do at once, else the deadline for hv_wait() (as sim_step_fn).
 */
uint64_t loop_step(struct loop *loop);

/** For a service with an event loop of its own: handle one event of @port. False: nobody does. */
bool loop_dispatch(struct loop *loop, evtchn_port_t port);

/** For such a service: run the timers that are due. Returns as loop_step(). */
uint64_t loop_timers(struct loop *loop);

/** What loop_timers() would return if no timer were due yet; runs none. */
uint64_t loop_next(struct loop *loop);

#endif
