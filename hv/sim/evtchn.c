/* SPDX-License-Identifier: ISC */
/*
 * Event channels, as xen/common/event_channel.c and event_2l.c behave: the lowest free port is
 * taken, a bound port raises an event at the end that binds (the other end hears nothing), closing
 * leaves the other end unbound for the closer's domid.
 */
#include "hv/sim/host.h"

#include <errno.h>
#include <stdlib.h>

static struct sim_port *port_of(struct hv *hv, evtchn_port_t port)
{
    if (port == 0 || port >= HV_EVTCHN_PORTS || !(hv->open[port / 64] >> port % 64 & 1))
        return NULL;
    return &hv->ports[port / 64][port % 64];
}

static void update_active(struct hv *hv, unsigned word)
{
    uint64_t bit = UINT64_C(1) << word;

    if (hv->pending[word] & ~hv->mask[word])
        hv->active |= bit;
    else
        hv->active &= ~bit;
}

/** Take the lowest free port, unmasked and not pending. 0: none is free. */
static evtchn_port_t take_port(struct hv *hv)
{
    if (hv->full == UINT64_MAX)
        return 0;

    unsigned word = (unsigned)__builtin_ctzll(~hv->full);
    unsigned bit = (unsigned)__builtin_ctzll(~hv->open[word]);
    if (!hv->ports[word])
        hv->ports[word] = sim_calloc(64, sizeof(struct sim_port));
    hv->open[word] |= UINT64_C(1) << bit;
    if (hv->open[word] == UINT64_MAX)
        hv->full |= UINT64_C(1) << word;
    hv->mask[word] &= ~(UINT64_C(1) << bit);
    hv->usage.ports++;
    return word * 64 + bit;
}

static void release_port(struct hv *hv, evtchn_port_t port)
{
    unsigned word = port / 64;
    uint64_t bit = UINT64_C(1) << port % 64;

    hv->ports[word][port % 64] = (struct sim_port){.state = SIM_PORT_FREE};
    hv->open[word] &= ~bit;
    hv->full &= ~(UINT64_C(1) << word);
    hv->pending[word] &= ~bit;
    update_active(hv, word);
    hv->usage.ports--;
}

void sim_signal_now(struct hv *hv, evtchn_port_t port)
{
    unsigned word = port / 64;
    uint64_t bit = UINT64_C(1) << port % 64;

    sim_trace_add(hv->sim, (uint64_t)hv->domid << 32 | port);
    hv->pending[word] |= bit;
    if (hv->mask[word] & bit)
        return;
    hv->active |= UINT64_C(1) << word;
    sim_make_ready(hv);
}

/** Set @port pending, or hold the event back where the faults say so. */
void sim_signal(struct hv *hv, evtchn_port_t port)
{
    struct sim *sim = hv->sim;

    if (__builtin_expect(!sim_chance(sim, sim->faults.delayed_event), 1)) {
        sim_signal_now(hv, port);
        return;
    }
    sim->held = sim_grow(sim->held, sim->held_count, &sim->held_room, sizeof(*sim->held));
    sim->held[sim->held_count++] = (struct sim_held){
        .domid = hv->domid,
        .serial = hv->serial,
        .port = port,
        .steps = 1 + (unsigned)sim_random(sim, 8),
    };
}

void sim_release_held(struct sim *sim, bool all)
{
    unsigned kept = 0, count = sim->held_count;

    for (unsigned i = 0; i < count; i++) {
        struct sim_held held = sim->held[i];
        if (!all && --held.steps != 0) {
            sim->held[kept++] = held;
            continue;
        }
        struct hv *hv = sim_lookup(sim, held.domid);
        if (hv && hv->serial == held.serial && port_of(hv, held.port))
            sim_signal_now(hv, held.port);
    }
    sim->held_count = kept;
}

void sim_spurious(struct sim *sim)
{
    if (sim->domain_count == 0 || !sim_chance(sim, sim->faults.spurious))
        return;
    struct hv *hv = sim->domains[sim_random(sim, sim->domain_count)];
    if (hv->usage.ports == 0 || hv->dying)
        return;

    /* The first open port from a random one on. */
    evtchn_port_t from = (evtchn_port_t)sim_random(sim, HV_EVTCHN_PORTS);
    for (unsigned i = 0; i < HV_EVTCHN_PORTS; i++) {
        evtchn_port_t port = (from + i) % HV_EVTCHN_PORTS;
        if (port_of(hv, port)) {
            sim_signal_now(hv, port);
            return;
        }
    }
}

void sim_raise_dom_exc(struct sim *sim)
{
    struct hv *handler = sim->dom_exc_handler;

    if (handler && handler->virq_dom_exc != 0)
        sim_signal(handler, handler->virq_dom_exc);
}

static void close_port(struct hv *hv, evtchn_port_t port, const struct sim_port *chn)
{
    if (chn->state == SIM_PORT_INTERDOMAIN) {
        struct sim_port *other = port_of(chn->remote, chn->remote_port);
        HV_ASSERT(other && other->state == SIM_PORT_INTERDOMAIN && other->remote == hv &&
                  other->remote_port == port);
        *other = (struct sim_port){.state = SIM_PORT_UNBOUND, .remote_domid = hv->domid};
    } else if (chn->state == SIM_PORT_VIRQ) {
        hv->virq_dom_exc = 0;
    }
    release_port(hv, port);
}

void sim_ports_close_all(struct hv *hv)
{
    for (unsigned word = 0; word < SIM_PORT_WORDS; word++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            evtchn_port_t port = word * 64 + bit;
            struct sim_port *chn = hv->open[word] == 0 ? NULL : port_of(hv, port);
            if (chn)
                close_port(hv, port, chn);
        }
        free(hv->ports[word]);
        hv->ports[word] = NULL;
    }
    HV_ASSERT(hv->usage.ports == 0 && hv->active == 0 && hv->virq_dom_exc == 0);
}

int hv_evtchn_alloc_unbound(struct hv *hv, domid_t remote, evtchn_port_t *port)
{
    if (sim_fault(hv, hv->sim->faults.evtchn_bind))
        return -ENOSPC;
    evtchn_port_t taken = take_port(hv);
    if (taken == 0)
        return -ENOSPC;
    /* Xen does not ask whether the remote domain exists: it may come later. */
    *port_of(hv, taken) = (struct sim_port){
        .state = SIM_PORT_UNBOUND,
        .remote_domid = remote == SIM_DOMID_SELF ? hv->domid : remote,
    };
    *port = taken;
    return 0;
}

int hv_evtchn_bind_interdomain(struct hv *hv, domid_t remote, evtchn_port_t remote_port,
                               evtchn_port_t *port)
{
    struct hv *other = remote == SIM_DOMID_SELF ? hv : sim_lookup(hv->sim, remote);

    if (!other)
        return -ESRCH;
    if (sim_fault(hv, hv->sim->faults.evtchn_bind) || hv->full == UINT64_MAX)
        return -ENOSPC;
    struct sim_port *far = port_of(other, remote_port);
    if (!far || far->state != SIM_PORT_UNBOUND || far->remote_domid != hv->domid)
        return -EINVAL;

    evtchn_port_t taken = take_port(hv);
    *port_of(hv, taken) = (struct sim_port){
        .state = SIM_PORT_INTERDOMAIN,
        .remote = other,
        .remote_port = remote_port,
    };
    *far = (struct sim_port){
        .state = SIM_PORT_INTERDOMAIN,
        .remote = hv,
        .remote_port = taken,
    };
    /* What the other end sent while it was unbound is lost, so the binding end looks once. */
    sim_signal_now(hv, taken);
    *port = taken;
    return 0;
}

int hv_evtchn_bind_virq(struct hv *hv, enum hv_virq virq, evtchn_port_t *port)
{
    if (virq != HV_VIRQ_DOM_EXC)
        return -EINVAL;
    if (hv->sim->dom_exc_handler != hv)
        return -EBUSY;
    if (hv->virq_dom_exc != 0)
        return -EEXIST;
    if (sim_fault(hv, hv->sim->faults.evtchn_bind))
        return -ENOSPC;
    evtchn_port_t taken = take_port(hv);
    if (taken == 0)
        return -ENOSPC;
    *port_of(hv, taken) = (struct sim_port){.state = SIM_PORT_VIRQ, .virq = (uint8_t)virq};
    hv->virq_dom_exc = taken;
    *port = taken;
    return 0;
}

int hv_evtchn_send(struct hv *hv, evtchn_port_t port)
{
    struct sim_port *chn = port_of(hv, port);

    hv->usage.sends++;
    if (!chn || chn->state == SIM_PORT_VIRQ)
        return -EINVAL;
    if (chn->state == SIM_PORT_INTERDOMAIN)
        sim_signal(chn->remote, chn->remote_port);
    return 0;
}

int hv_evtchn_bound(struct hv *hv, evtchn_port_t port)
{
    const struct sim_port *chn = port_of(hv, port);

    if (!chn)
        return -EINVAL;
    return chn->state == SIM_PORT_INTERDOMAIN;
}

int hv_evtchn_close(struct hv *hv, evtchn_port_t port)
{
    struct sim_port *chn = port_of(hv, port);

    if (!chn)
        return -EINVAL;
    close_port(hv, port, chn);
    return 0;
}

void hv_evtchn_mask(struct hv *hv, evtchn_port_t port)
{
    HV_ASSERT(port > 0 && port < HV_EVTCHN_PORTS);
    hv->mask[port / 64] |= UINT64_C(1) << port % 64;
    update_active(hv, port / 64);
}

void hv_evtchn_unmask(struct hv *hv, evtchn_port_t port)
{
    HV_ASSERT(port > 0 && port < HV_EVTCHN_PORTS);
    hv->mask[port / 64] &= ~(UINT64_C(1) << port % 64);
    update_active(hv, port / 64);
    if (hv->active)
        sim_make_ready(hv);
}

evtchn_port_t hv_evtchn_next(struct hv *hv)
{
    if (hv->active == 0)
        return 0;

    /* Above the last port in its word, then the other words, then the last word from its start. */
    unsigned word = hv->last / 64, bit = hv->last % 64;
    uint64_t above = bit == 63 ? 0 : UINT64_MAX << (bit + 1);
    uint64_t found = hv->pending[word] & ~hv->mask[word] & above;
    if (!found) {
        uint64_t later = word == 63 ? 0 : hv->active & UINT64_MAX << (word + 1);
        word = (unsigned)__builtin_ctzll(later ? later : hv->active);
        found = hv->pending[word] & ~hv->mask[word];
    }
    bit = (unsigned)__builtin_ctzll(found);
    hv->pending[word] &= ~(UINT64_C(1) << bit);
    update_active(hv, word);
    hv->last = word * 64 + bit;
    return hv->last;
}
