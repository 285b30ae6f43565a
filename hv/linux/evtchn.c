/* SPDX-License-Identifier: ISC */
/*
 * Event channels over /dev/xen/evtchn. Linux hands a pending port out once, by read(), and keeps
 * quiet about it until it is unmasked by write(): that is done when the port is handed on, so that
 * an event which arrives while it is being handled is seen again.
 */
#include "hv/linux/process.h"

#include <errno.h>
#include <stdlib.h>

static struct linux_port *port_of(struct hv *hv, evtchn_port_t port)
{
    if (port == 0 || port > LINUX_PORTS_MAX || hv->ports[port - 1].number == 0)
        return NULL;
    return &hv->ports[port - 1];
}

evtchn_port_t linux_port_number(const struct hv *hv, evtchn_port_t port)
{
    return port == 0 || port > LINUX_PORTS_MAX ? 0 : hv->ports[port - 1].number;
}

static unsigned find_number(const struct hv *hv, evtchn_port_t number)
{
    unsigned place = 0;

    while (place < LINUX_PORTS_MAX && hv->ports[place].number != number)
        place++;
    return place;
}

/** What the library's error means in the contract. */
static int bind_error(int error)
{
    switch (error) {
    case ENOMEM:
    case ENOSPC:
        return -ENOSPC;
    case ESRCH:
    case EPERM:
    case EACCES:
        return -error;
    default:
        return -EINVAL;
    }
}

int hv_evtchn_bind_interdomain(struct hv *hv, domid_t remote, evtchn_port_t remote_port,
                               evtchn_port_t *port)
{
    unsigned place = find_number(hv, 0);

    if (place == LINUX_PORTS_MAX)
        return -ENOSPC;
    int number = xenevtchn_bind_interdomain(hv->evtchn, remote, remote_port);
    if (number <= 0)
        return bind_error(errno);
    /* An event comes at once, whatever Linux makes of the one that Xen raises. */
    hv->ports[place] = (struct linux_port){.number = (evtchn_port_t)number, .pending = true};
    *port = place + 1;
    return 0;
}

int hv_evtchn_send(struct hv *hv, evtchn_port_t port)
{
    const struct linux_port *entry = port_of(hv, port);

    if (!entry)
        return -EINVAL;
    return xenevtchn_notify(hv->evtchn, entry->number) == 0 ? 0 : -errno;
}

int hv_evtchn_bound(struct hv *hv, evtchn_port_t port)
{
    const struct linux_port *entry = port_of(hv, port);

    if (!entry)
        return -EINVAL;
    if (!hv->control) {
        hv->control = xc_interface_open((xentoollog_logger *)hv->logger, NULL, 0);
        if (!hv->control)
            return -errno;
    }
    xc_evtchn_status_t status = {.dom = DOMID_SELF, .port = entry->number};
    if (xc_evtchn_status(hv->control, &status) != 0)
        return -errno;
    return status.status == EVTCHNSTAT_interdomain;
}

int hv_evtchn_close(struct hv *hv, evtchn_port_t port)
{
    struct linux_port *entry = port_of(hv, port);

    if (!entry)
        return -EINVAL;
    HV_ASSERT(xenevtchn_unbind(hv->evtchn, entry->number) == 0);
    *entry = (struct linux_port){0};
    return 0;
}

void hv_evtchn_mask(struct hv *hv, evtchn_port_t port)
{
    struct linux_port *entry = port_of(hv, port);

    if (entry)
        entry->masked = true;
}

void hv_evtchn_unmask(struct hv *hv, evtchn_port_t port)
{
    struct linux_port *entry = port_of(hv, port);

    if (entry)
        entry->masked = false;
}

void linux_port_collect(struct hv *hv)
{
    /* As many as there can be, each of which Linux tells once; what is not ours is left over from
     * a port that was closed. */
    for (unsigned i = 0; i <= LINUX_PORTS_MAX; i++) {
        int number = xenevtchn_pending(hv->evtchn);
        if (number < 0)
            break;
        unsigned place = find_number(hv, (evtchn_port_t)number);
        if (number != 0 && place < LINUX_PORTS_MAX)
            hv->ports[place].pending = true;
    }
}

unsigned linux_port_ready(const struct hv *hv)
{
    for (unsigned i = 1; i <= LINUX_PORTS_MAX; i++) {
        unsigned place = (hv->last + i) % LINUX_PORTS_MAX;
        if (hv->ports[place].pending && !hv->ports[place].masked)
            return place;
    }
    return LINUX_PORTS_MAX;
}

evtchn_port_t hv_evtchn_next(struct hv *hv)
{
    linux_port_collect(hv);

    unsigned place = linux_port_ready(hv);
    if (place == LINUX_PORTS_MAX)
        return 0;
    hv->last = place;
    hv->ports[place].pending = false;
    HV_ASSERT(xenevtchn_unmask(hv->evtchn, hv->ports[place].number) == 0);
    return place + 1;
}
