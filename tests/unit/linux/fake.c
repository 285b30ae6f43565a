/* SPDX-License-Identifier: ISC */
#include "fake.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#define PAGE 4096U

struct fake fake;

static struct {
    bool bound, enabled, pending;
} port[FAKE_PORTS];

static int pipe_ends[2];
static char handle; /* all that a handle points to */

void fake_reset(void)
{
    memset(&fake, 0, sizeof(fake));
    memset(port, 0, sizeof(port));
}

static void deliver(unsigned i)
{
    uint32_t number = FAKE_NUMBER_FIRST + i;

    port[i].enabled = port[i].pending = false;
    ck_assert_int_eq(write(pipe_ends[1], &number, sizeof(number)), sizeof(number));
}

void fake_raise(uint32_t number)
{
    unsigned i = number - FAKE_NUMBER_FIRST;

    ck_assert(i < FAKE_PORTS && port[i].bound);
    port[i].pending = true;
    if (port[i].enabled)
        deliver(i);
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned flags)
{
    if (fake.evtchn_errno) {
        errno = fake.evtchn_errno;
        return NULL;
    }
    ck_assert_int_eq(pipe(pipe_ends), 0);
    fake.evtchn_open++;
    return (xenevtchn_handle *)&handle;
}

int xenevtchn_close(xenevtchn_handle *xce)
{
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    fake.evtchn_open--;
    return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
    return pipe_ends[0];
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid,
                                                     evtchn_port_t remote_port)
{
    unsigned i = 0;

    if (fake.bind_errno) {
        errno = fake.bind_errno;
        return -1;
    }
    while (port[i].bound)
        ck_assert_uint_lt(++i, FAKE_PORTS);
    port[i].bound = port[i].enabled = true;
    fake.domid = domid;
    fake.remote_port = remote_port;
    fake.ports++;
    return (int)(FAKE_NUMBER_FIRST + i);
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t number)
{
    ck_assert(port[number - FAKE_NUMBER_FIRST].bound);
    port[number - FAKE_NUMBER_FIRST].bound = false;
    fake.ports--;
    return 0;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t number)
{
    fake.notified++;
    fake.notified_last = number;
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
    uint32_t number;

    return read(pipe_ends[0], &number, sizeof(number)) == sizeof(number) ? (int)number : -1;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t number)
{
    unsigned i = number - FAKE_NUMBER_FIRST;

    ck_assert(i < FAKE_PORTS && port[i].bound);
    fake.unmasks++;
    port[i].enabled = true;
    if (port[i].pending)
        deliver(i);
    return 0;
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned flags)
{
    if (fake.gnttab_errno) {
        errno = fake.gnttab_errno;
        return NULL;
    }
    fake.gnttab_open++;
    return (xengnttab_handle *)&handle;
}

int xengnttab_close(xengnttab_handle *xgt)
{
    fake.gnttab_open--;
    return 0;
}

static void *map(uint32_t domid, uint32_t count, const uint32_t *refs, int prot)
{
    if (fake.map_errno) {
        errno = fake.map_errno;
        return NULL;
    }
    fake.domid = domid;
    fake.count = count;
    fake.prot = prot;
    for (unsigned i = 0; i < count && i < 8; i++)
        fake.refs[i] = refs[i];
    void *at = mmap(NULL, (size_t)count * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(at, MAP_FAILED);
    fake.maps++;
    return at;
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt, uint32_t count, uint32_t domid,
                                      uint32_t *refs, int prot)
{
    return map(domid, count, refs, prot);
}

void *xengnttab_map_grant_ref_notify(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot,
                                     uint32_t notify_offset, evtchn_port_t notify_port)
{
    fake.notify_offset = notify_offset;
    fake.notify_port = notify_port;
    return map(domid, 1, &ref, prot);
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start, uint32_t count)
{
    ck_assert_uint_eq(fake.gnttab_open, 1);
    fake.maps--;
    return munmap(start, (size_t)count * PAGE);
}

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild_logger,
                                unsigned flags)
{
    fake.control_open++;
    return (xc_interface *)&handle;
}

int xc_interface_close(xc_interface *xch)
{
    fake.control_open--;
    return 0;
}

int xc_evtchn_status(xc_interface *xch, xc_evtchn_status_t *status)
{
    if (fake.status_errno) {
        errno = fake.status_errno;
        return -1;
    }
    ck_assert(port[status->port - FAKE_NUMBER_FIRST].bound);
    status->status = fake.remote_bound ? EVTCHNSTAT_interdomain : EVTCHNSTAT_unbound;
    return 0;
}
