/* SPDX-License-Identifier: ISC */
/**
 * @file hv/evtchn.h
 * Event channels (xen/include/public/event_channel.h): one-bit signals between domains.
 *
 * The service demultiplexes in its own loop: hv_wait() sleeps, hv_evtchn_next() hands out the ports
 * that are pending, each with its pending bit already cleared, so that an event which arrives while
 * the port is being handled is seen again. Events are edges and may coalesce or be spurious: a
 * handler looks at the shared state and never counts events.
 */
#ifndef HV_EVTCHN_H
#define HV_EVTCHN_H

#include <hv/hv.h>

/** A port of this domain, 1 to HV_EVTCHN_PORTS - 1. Port 0 is never valid. */
typedef uint32_t evtchn_port_t;

/** Ports of the 2-level ABI on a 64-bit guest. */
#define HV_EVTCHN_PORTS 4096U

/** Virtual interrupts a service can bind (VIRQ_* of xen/include/public/xen.h). */
enum hv_virq {
    HV_VIRQ_DOM_EXC = 3, /**< some domain was shut down, crashed or died; needs to be its handler */
};

/**
 * Make a port that @remote can bind to; returned unmasked in @port. Xen does not ask whether
 * @remote exists: a domain that comes later under that number can bind it, too.
 * -ENOSPC: no port is free. -EPERM, -EINVAL as Xen says.
 */
HV_MUST_CHECK int hv_evtchn_alloc_unbound(struct hv *hv, domid_t remote, evtchn_port_t *port);

/**
 * Bind to @remote_port, which @remote made for this domain; the local end is returned, unmasked, in
 * @port. Xen raises an event at the local end, in case one was sent before; the remote end hears
 * nothing until hv_evtchn_send(). -ENOSPC as above; -ESRCH: no such domain; -EINVAL: @remote_port
 * is not an unbound port for this domain.
 */
HV_MUST_CHECK int hv_evtchn_bind_interdomain(struct hv *hv, domid_t remote,
                                             evtchn_port_t remote_port, evtchn_port_t *port);

/** Bind a virtual interrupt. -EEXIST: bound already. -EBUSY: another domain is its handler. */
HV_MUST_CHECK int hv_evtchn_bind_virq(struct hv *hv, enum hv_virq virq, evtchn_port_t *port);

/** Signal the other end of @port. An unbound other end is no error. -EINVAL: not a port of ours. */
int hv_evtchn_send(struct hv *hv, evtchn_port_t port);

/**
 * Is the other end of @port there (EVTCHNOP_status: interdomain)? 1: yes. 0: nobody has bound it,
 * or whoever had is gone: Xen raises no event for either. -EINVAL: not a port of ours.
 */
HV_MUST_CHECK int hv_evtchn_bound(struct hv *hv, evtchn_port_t port);

/** Close @port; a pending event of it is forgotten. -EINVAL: not a port of ours. */
int hv_evtchn_close(struct hv *hv, evtchn_port_t port);

/** Keep @port from waking hv_wait() and from being handed out. Events stay pending meanwhile. */
void hv_evtchn_mask(struct hv *hv, evtchn_port_t port);

/** Undo hv_evtchn_mask(); an event that arrived meanwhile is delivered. */
void hv_evtchn_unmask(struct hv *hv, evtchn_port_t port);

/**
 * The next port that is pending and not masked, its pending bit cleared; 0 if there is none.
 * Ports are handed out round robin, so that a port signalled without end starves no other.
 */
evtchn_port_t hv_evtchn_next(struct hv *hv);

#endif
