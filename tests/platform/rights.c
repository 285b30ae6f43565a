/* SPDX-License-Identifier: ISC */
/*
 * What a service domain may do to others: nothing. Started as a service is (`atoll start`), this
 * image asks Xen for everything that would reach into another domain, for each of the domains
 * "victims=0,3,5" of its command line, and wants to be refused: for want of rights, not because the
 * request makes no sense. "rights: N passed, M failed" is its last word. First it
 * does some of it to itself, which shows that the requests are well formed.
 */
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/gnttab.h>
#include <hv/hv.h>
#include <hv/memory.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define __XEN_TOOLS__
#include "hv/xen/hypercall.h"
#include <xen/domctl.h>
#include <xen/hvm/params.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

#define MAPPED_REFS 64U
#define TRIED_PORTS 64U
#define VICTIMS     8U
#define LIBXL_GFN   0x100U /* a frame that every domain has */

struct rights {
    struct hv *hv;
    unsigned passed, failed;
    uint8_t *page; /* what operations name of ours */
    uint8_t *op;   /* a page for arguments: Xen reads them by virtual address */
};

__attribute__((format(printf, 2, 3))) static void say(struct hv *hv, const char *format, ...)
{
    char line[160];
    va_list list;

    va_start(list, format);
    int length = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    hv_console_write(hv, line, length < (int)sizeof line ? (size_t)length : sizeof line - 1);
}

/* Refused is refused for want of rights or because Xen shows us nothing there. */
static void want_refused(struct rights *r, unsigned victim, const char *what, long rc)
{
    bool refused = rc == -EPERM || rc == -EACCES || rc == -ESRCH || rc == -ENOSYS;

    r->passed += refused;
    r->failed += !refused;
    if (!refused)
        say(r->hv, "FAIL domain %u: %s gives %ld\n", victim, what, rc);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void try_memory(struct rights *r, domid_t victim)
{
    struct xen_add_to_physmap_batch *batch = (void *)r->op;
    struct xen_memory_reservation *reservation = (void *)r->op;
    xen_ulong_t *index = (void *)(r->op + 1024);
    xen_pfn_t *frame = (void *)(r->op + 1032);
    int *error = (void *)(r->op + 1040);
    domid_t *domain = (void *)r->op;
    long rc;

    *index = LIBXL_GFN;
    *frame = (uintptr_t)r->page >> 12; /* the image maps its memory one to one */
    *error = 0;
    *batch = (struct xen_add_to_physmap_batch){.domid = DOMID_SELF,
                                               .space = XENMAPSPACE_gmfn_foreign,
                                               .size = 1,
                                               .u.foreign_domid = victim};
    set_xen_guest_handle(batch->idxs, index);
    set_xen_guest_handle(batch->gpfns, frame);
    set_xen_guest_handle(batch->errs, error);
    rc = hypercall_memory_op(XENMEM_add_to_physmap_batch, batch);
    want_refused(r, victim, "mapping a frame of its", rc ? rc : *error);

    *frame = LIBXL_GFN;
    *reservation = (struct xen_memory_reservation){.nr_extents = 1, .domid = victim};
    set_xen_guest_handle(reservation->extent_start, frame);
    /* Says how many frames it took: none, which is how Xen refuses this one. */
    rc = hypercall_memory_op(XENMEM_decrease_reservation, reservation);
    want_refused(r, victim, "taking memory from it", rc == 0 ? -EPERM : rc);

    *domain = victim;
    want_refused(r, victim, "asking for its size",
                 hypercall_memory_op(XENMEM_current_reservation, domain));
}

/* --- grants ----------------------------------------------------------------------------------- */

/* A reference that was not granted to us gives the caller a negative GNTST_* in each operation. */
static void want_no_grant(struct rights *r, domid_t victim, const char *what, long rc, int status)
{
    r->passed += rc == 0 && status < 0;
    r->failed += rc != 0 || status >= 0;
    if (rc != 0 || status >= 0)
        say(r->hv, "FAIL domain %u: %s gives %ld, status %d\n", victim, what, rc, status);
}

static void try_grants(struct rights *r, domid_t victim)
{
    struct gnttab_map_grant_ref *map = (void *)r->op;
    struct gnttab_copy *copy = (void *)r->op;
    struct gnttab_setup_table *setup = (void *)r->op;
    unsigned held = 0;
    long rc;

    for (grant_ref_t ref = 0; ref < MAPPED_REFS; ref++) {
        *map = (struct gnttab_map_grant_ref){
            .host_addr = (uintptr_t)r->page, .flags = GNTMAP_host_map, .ref = ref, .dom = victim};
        rc = hypercall_grant_table_op(GNTTABOP_map_grant_ref, map, 1);
        held += rc == 0 && map->status == 0;
    }
    r->passed += held == 0;
    r->failed += held != 0;
    if (held)
        say(r->hv, "FAIL domain %u: %u of its grants were mapped\n", victim, held);

    *copy = (struct gnttab_copy){.source = {.u.gmfn = LIBXL_GFN, .domid = victim},
                                 .dest = {.u.gmfn = (uintptr_t)r->page >> 12, .domid = DOMID_SELF},
                                 .len = 64};
    rc = hypercall_grant_table_op(GNTTABOP_copy, copy, 1);
    want_no_grant(r, victim, "reading a frame of its", rc, copy->status);
    *copy =
        (struct gnttab_copy){.source = {.u.gmfn = (uintptr_t)r->page >> 12, .domid = DOMID_SELF},
                             .dest = {.u.gmfn = LIBXL_GFN, .domid = victim},
                             .len = 64};
    rc = hypercall_grant_table_op(GNTTABOP_copy, copy, 1);
    want_no_grant(r, victim, "writing a frame of its", rc, copy->status);

    *setup = (struct gnttab_setup_table){.dom = victim, .nr_frames = 0};
    rc = hypercall_grant_table_op(GNTTABOP_setup_table, setup, 1);
    want_no_grant(r, victim, "its grant table", rc, setup->status);
}

/* --- events ----------------------------------------------------------------------------------- */

static void try_events(struct rights *r, domid_t victim)
{
    struct evtchn_bind_interdomain *bind = (void *)r->op;
    struct evtchn_status *status = (void *)r->op;
    struct evtchn_reset *reset = (void *)r->op;
    struct evtchn_alloc_unbound *unbound = (void *)r->op;
    unsigned bound = 0;

    for (evtchn_port_t port = 1; port < TRIED_PORTS; port++) {
        *bind = (struct evtchn_bind_interdomain){.remote_dom = victim, .remote_port = port};
        bound += hypercall_event_channel_op(EVTCHNOP_bind_interdomain, bind) == 0;
    }
    r->passed += bound == 0;
    r->failed += bound != 0;
    if (bound)
        say(r->hv, "FAIL domain %u: %u of its ports were bound\n", victim, bound);

    *status = (struct evtchn_status){.dom = victim, .port = 1};
    want_refused(r, victim, "the state of its port",
                 hypercall_event_channel_op(EVTCHNOP_status, status));
    *reset = (struct evtchn_reset){.dom = victim};
    want_refused(r, victim, "closing its ports", hypercall_event_channel_op(EVTCHNOP_reset, reset));
    *unbound = (struct evtchn_alloc_unbound){.dom = victim, .remote_dom = DOMID_SELF};
    want_refused(r, victim, "a port in its name",
                 hypercall_event_channel_op(EVTCHNOP_alloc_unbound, unbound));
}

/* --- control ---------------------------------------------------------------------------------- */

static long domctl(struct rights *r, domid_t victim, unsigned command)
{
    struct xen_domctl *op = (void *)r->op;

    memset(op, 0, sizeof(*op));
    op->cmd = command;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = victim;
    return hypercall_domctl(op);
}

static void try_control(struct rights *r, domid_t victim)
{
    static const struct {
        unsigned command;
        const char *what;
    } domctls[] = {
        {XEN_DOMCTL_getdomaininfo, "domctl getdomaininfo"},
        {XEN_DOMCTL_pausedomain, "domctl pausedomain"},
        {XEN_DOMCTL_destroydomain, "domctl destroydomain"},
        {XEN_DOMCTL_getvcpucontext, "domctl getvcpucontext"},
        {XEN_DOMCTL_max_mem, "domctl max_mem"},
        {XEN_DOMCTL_set_virq_handler, "domctl set_virq_handler"},
        {XEN_DOMCTL_settimeoffset, "domctl settimeoffset"},
    };
    struct xen_hvm_param *param = (void *)r->op;
    struct sched_remote_shutdown *shutdown = (void *)r->op;
    long rc;

    for (size_t i = 0; i < sizeof(domctls) / sizeof(*domctls); i++)
        want_refused(r, victim, domctls[i].what, domctl(r, victim, domctls[i].command));
    *param = (struct xen_hvm_param){.domid = victim, .index = HVM_PARAM_STORE_PFN};
    /* A PV domain has none, which Xen says first. */
    rc = hypercall_hvm_op(HVMOP_get_param, param);
    want_refused(r, victim, "its HVM parameters", rc == -EINVAL ? -EPERM : rc);
    *shutdown = (struct sched_remote_shutdown){.domain_id = victim, .reason = SHUTDOWN_crash};
    want_refused(r, victim, "shutting it down",
                 hypercall_sched_op(SCHEDOP_remote_shutdown, shutdown));
}

/* Of the host, not of one domain. */
static void try_host(struct rights *r)
{
    struct xen_sysctl *sysctl = (void *)r->op;
    struct xen_platform_op *platform = (void *)r->op;
    struct xen_memory_map *map = (void *)r->op;

    memset(sysctl, 0, sizeof(*sysctl));
    sysctl->cmd = XEN_SYSCTL_physinfo;
    sysctl->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    want_refused(r, DOMID_INVALID, "sysctl physinfo",
                 hypercall1(__HYPERVISOR_sysctl, (uintptr_t)sysctl));
    sysctl->cmd = XEN_SYSCTL_readconsole;
    want_refused(r, DOMID_INVALID, "sysctl readconsole",
                 hypercall1(__HYPERVISOR_sysctl, (uintptr_t)sysctl));
    memset(platform, 0, sizeof(*platform));
    platform->cmd = XENPF_get_cpuinfo;
    platform->interface_version = XENPF_INTERFACE_VERSION;
    want_refused(r, DOMID_INVALID, "platform_op",
                 hypercall1(__HYPERVISOR_platform_op, (uintptr_t)platform));
    *map = (struct xen_memory_map){.nr_entries = 1};
    set_xen_guest_handle(map->buffer, (void *)(r->op + 1024));
    want_refused(r, DOMID_INVALID, "the machine's memory map",
                 hypercall_memory_op(XENMEM_machine_memory_map, map));
}

/* On ourselves some of it is ours to do: then the requests make sense. */
static void try_self(struct rights *r)
{
    struct gnttab_copy *copy = (void *)r->op;
    struct evtchn_alloc_unbound *unbound = (void *)r->op;
    struct evtchn_status *status = (void *)r->op;
    domid_t *domain = (void *)r->op;
    evtchn_port_t port;
    bool ok;

    *domain = DOMID_SELF;
    ok = hypercall_memory_op(XENMEM_current_reservation, domain) > 0;
    *copy = (struct gnttab_copy){.source = {.u.gmfn = LIBXL_GFN, .domid = DOMID_SELF},
                                 .dest = {.u.gmfn = (uintptr_t)r->page >> 12, .domid = DOMID_SELF},
                                 .len = 64};
    ok = hypercall_grant_table_op(GNTTABOP_copy, copy, 1) == 0 && copy->status == 0 && ok;
    *unbound = (struct evtchn_alloc_unbound){.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    ok = hypercall_event_channel_op(EVTCHNOP_alloc_unbound, unbound) == 0 && ok;
    port = unbound->port;
    *status = (struct evtchn_status){.dom = DOMID_SELF, .port = port};
    ok = hypercall_event_channel_op(EVTCHNOP_status, status) == 0 &&
         status->status == EVTCHNSTAT_unbound && ok;
    r->passed += ok;
    r->failed += !ok;
    if (!ok)
        say(r->hv, "FAIL what is ours to do is refused as well\n");
}

void hv_main(struct hv *hv)
{
    struct rights r = {.hv = hv, .page = hv_page_alloc(hv, 1), .op = hv_page_alloc(hv, 1)};
    const char *word = strstr(hv_cmdline(hv), "victims=");
    unsigned tried = 0;

    if (!r.page || !r.op) {
        say(hv, "FAIL no memory\n");
        hv_exit(hv, HV_EXIT_CRASH);
    }
    try_self(&r);
    try_host(&r);
    for (const char *c = word ? word + 8 : ""; *c >= '0' && *c <= '9' && tried < VICTIMS; tried++) {
        unsigned domid = 0;

        while (*c >= '0' && *c <= '9' && domid < DOMID_FIRST_RESERVED)
            domid = domid * 10 + (unsigned)(*c++ - '0');
        c += *c == ',';
        try_memory(&r, (domid_t)domid);
        try_grants(&r, (domid_t)domid);
        try_events(&r, (domid_t)domid);
        try_control(&r, (domid_t)domid);
    }
    say(hv, "rights: %u passed, %u failed, on %u domains\n", r.passed, r.failed + (tried == 0),
        tried);
    hv_exit(hv, HV_EXIT_POWEROFF);
}
