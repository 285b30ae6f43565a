/* SPDX-License-Identifier: ISC */
/*
 * The scheduler: a set of domains with something to do, from which the seed picks, and a heap of
 * deadlines. A domain that only waits is in neither, or in the heap alone, and costs nothing.
 */
#include "hv/sim/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void sim_make_ready(struct hv *hv)
{
    struct sim *sim = hv->sim;

    if (hv->ready != SIM_NONE || !hv->step || hv->shutdown || sim->current == hv)
        return;
    hv->ready = sim->ready_count;
    sim->ready[sim->ready_count++] = hv;
}

static void make_unready(struct hv *hv)
{
    struct sim *sim = hv->sim;

    if (hv->ready == SIM_NONE)
        return;
    struct hv *last = sim->ready[--sim->ready_count];
    last->ready = hv->ready;
    sim->ready[last->ready] = last;
    hv->ready = SIM_NONE;
}

static void heap_set(struct sim *sim, uint32_t place, struct hv *hv)
{
    sim->timers[place] = hv;
    hv->timer = place;
}

/** Put @hv where it belongs, at @place or above or below it. */
static void heap_place(struct sim *sim, uint32_t place, struct hv *hv)
{
    while (place > 0 && sim->timers[(place - 1) / 2]->deadline > hv->deadline) {
        heap_set(sim, place, sim->timers[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= sim->timer_count)
            break;
        if (child + 1 < sim->timer_count &&
            sim->timers[child + 1]->deadline < sim->timers[child]->deadline)
            child++;
        if (sim->timers[child]->deadline >= hv->deadline)
            break;
        heap_set(sim, place, sim->timers[child]);
        place = child;
    }
    heap_set(sim, place, hv);
}

static void set_timer(struct hv *hv, uint64_t deadline)
{
    struct sim *sim = hv->sim;

    if (deadline == HV_NEVER) {
        if (hv->timer == SIM_NONE)
            return;
        uint32_t place = hv->timer;
        struct hv *last = sim->timers[--sim->timer_count];
        hv->timer = SIM_NONE;
        if (last != hv)
            heap_place(sim, place, last);
        return;
    }
    if (hv->timer != SIM_NONE && hv->deadline == deadline)
        return;
    hv->deadline = deadline;
    heap_place(sim, hv->timer == SIM_NONE ? sim->timer_count++ : hv->timer, hv);
}

void sim_unschedule(struct hv *hv)
{
    make_unready(hv);
    set_timer(hv, HV_NEVER);
}

void sim_set_actor(struct hv *hv, sim_step_fn *step, void *context)
{
    sim_unschedule(hv);
    hv->step = step;
    hv->context = context;
    sim_make_ready(hv); /* its first step tells what it waits for */
}

void sim_leave(struct sim *sim)
{
    sim->current = NULL;
    sim->in_adversary = false;
    longjmp(*sim->leave, 1);
}

/** Step @hv once. It may be gone afterwards. */
static void step(struct sim *sim, struct hv *hv)
{
    jmp_buf leave;

    sim->current = hv;
    sim->leave = &leave;
    sim_trace_add(sim, UINT64_C(1) << 63 | hv->domid);
    if (setjmp(leave) != 0) {
        sim->leave = NULL;
        return; /* the domain ended within its step */
    }
    uint64_t deadline = hv->step(hv->context);
    sim->current = NULL;
    sim->leave = NULL;
    if (deadline <= sim->now) {
        sim_make_ready(hv);
        deadline = HV_NEVER;
    } else if (hv->active) {
        sim_make_ready(hv);
    }
    set_timer(hv, deadline);
}

static void wake_due(struct sim *sim)
{
    while (sim->timer_count != 0 && sim->timers[0]->deadline <= sim->now) {
        struct hv *hv = sim->timers[0];
        set_timer(hv, HV_NEVER);
        sim_make_ready(hv);
    }
}

/** The watchdogs that are due end their domains; finds out when the next one is. */
static void watchdogs(struct sim *sim)
{
    uint64_t next = HV_NEVER;

    if (sim->now < sim->watchdog)
        return;
    for (unsigned i = 0; i < sim->domain_count; i++) {
        struct hv *hv = sim->domains[i];

        if (!hv->watchdog || hv->shutdown || hv->dying)
            continue;
        if (hv->watchdog <= sim->now)
            sim_domain_shutdown(hv, HV_EXIT_WATCHDOG);
        else if (hv->watchdog < next)
            next = hv->watchdog;
    }
    sim->watchdog = next;
}

int hv_watchdog(struct hv *hv, uint32_t seconds)
{
    struct sim *sim = hv->sim;

    if (seconds > HV_WATCHDOG_MAX)
        return -EINVAL;
    hv->watchdog = seconds ? sim->now + seconds * HV_SEC : 0;
    if (seconds && hv->watchdog < sim->watchdog)
        sim->watchdog = hv->watchdog;
    return 0;
}

/** Let one thing happen before @until; false: nothing does. */
static bool advance(struct sim *sim, uint64_t until, bool *stepped)
{
    uint64_t next;

    *stepped = false;
    watchdogs(sim);
    wake_due(sim);
    if (sim->ready_count == 0 && sim->held_count != 0) {
        sim_release_held(sim, true);
        return true;
    }
    if (sim->ready_count != 0) {
        struct hv *hv = sim->ready[sim_random(sim, sim->ready_count)];
        make_unready(hv);
        sim->now += SIM_STEP_TIME;
        step(sim, hv);
        *stepped = true;
        if (sim->held_count != 0)
            sim_release_held(sim, false);
        sim_spurious(sim);
        return true;
    }
    next = sim->timer_count != 0 ? sim->timers[0]->deadline : HV_NEVER;
    if (sim->watchdog < next)
        next = sim->watchdog;
    if (next == HV_NEVER || next > until)
        return false;
    sim->now = next;
    return true;
}

static void check_outside(const struct sim *sim, const char *what)
{
    if (sim->current)
        hv_panic("sim: domain %u calls %s within its step", sim->current->domid, what);
}

uint64_t sim_run(struct sim *sim, uint64_t until, uint64_t max_steps)
{
    uint64_t steps = 0;
    bool stepped;

    check_outside(sim, "sim_run");
    while (steps < max_steps) {
        if (!advance(sim, until, &stepped)) {
            if (until != HV_NEVER && until > sim->now)
                sim->now = until;
            break;
        }
        steps += stepped;
    }
    return steps;
}

void hv_wait(struct hv *hv, uint64_t deadline)
{
    struct sim *sim = hv->sim;
    bool stepped;

    check_outside(sim, "hv_wait");
    hv->usage.waits++;
    if (!hv->no_faults && sim_chance(sim, sim->faults.early_wake))
        return;
    while (hv->active == 0 && sim->now < deadline && !hv->shutdown) {
        if (advance(sim, deadline, &stepped))
            continue;
        if (deadline == HV_NEVER && !hv->shutdown)
            hv_panic("sim: domain %u waits for an event that nobody can send", hv->domid);
        sim->now = deadline;
    }
}

void hv_exit(struct hv *hv, enum hv_exit_reason reason)
{
    sim_domain_shutdown(hv, (uint8_t)reason);
    /* Not within its own step, so there is no scheduler to go back to: the program is the domain.
     */
    fflush(NULL);
    exit(reason == HV_EXIT_POWEROFF ? 0 : 1);
}
