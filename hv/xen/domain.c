/* SPDX-License-Identifier: ISC */
/* This domain's own number and pages, and what the hypervisor says of other domains. */
#include "platform.h"

#include <errno.h>
#include <string.h>

#include <xen/hvm/params.h>

#include "arch.h"
#include "hypercall.h"

/*
 * XEN_DOMCTL_getdomaininfo as this platform uses it. The interface has no stable layout, but from
 * Xen 4.14 (version 0x12) to 4.22 (0x18) the fields up to the handle stand where they are here
 * (xen/include/public/domctl.h of each branch); what follows them differs and is not looked at.
 */
struct domctl_getdomaininfo {
    uint32_t command;
    uint32_t interface_version;
    domid_t domain;
    uint16_t pad[3];
    union {
        struct {
            domid_t domain;
            uint16_t pad;
            uint32_t flags;
            uint64_t pages_and_time[7];
            uint32_t vcpus, max_vcpu_id, ssidref;
            uint8_t handle[16];
        } info;
        uint8_t size[256]; /**< at least what any version writes back */
    } u;
};

_Static_assert(offsetof(struct domctl_getdomaininfo, u.info.handle) == 16 + 76, "as in domctl.h");

#define DOMCTL_GETDOMAININFO 5U
#define DOMINF_DYING         (1U << 0)
#define DOMINF_SHUTDOWN      (1U << 2)
#define DOMINF_REASON_SHIFT  16
#define DOMINF_REASON_MASK   255U

/** XEN_DOMCTL_INTERFACE_VERSION of Xen 4.17, then 4.18, 4.19 to 4.21, 4.22, 4.16, 4.15, 4.14. */
static const uint8_t domctl_versions[] = {0x15, 0x16, 0x17, 0x18, 0x14, 0x13, 0x12};

static int getdomaininfo(uint32_t version, domid_t first, struct domctl_getdomaininfo *domctl)
{
    memset(domctl, 0, sizeof *domctl);
    domctl->command = DOMCTL_GETDOMAININFO;
    domctl->interface_version = version;
    domctl->domain = first;
    return hypercall_domctl(domctl);
}

/** Xen answers EACCES to a version that it does not speak, whatever the rights of the caller. */
static uint32_t domctl_probe(void)
{
    struct domctl_getdomaininfo domctl;

    for (size_t i = 0; i < sizeof domctl_versions; i++) {
        int rc = getdomaininfo(domctl_versions[i], 0, &domctl);

        if (rc != -EACCES && rc != -ENOSYS) {
            return domctl_versions[i];
        }
    }
    return 0;
}

/** Without the identification leaf: a port that we make tells who we are, in its status. */
static domid_t domid_by_port(struct hv *hv)
{
    struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct evtchn_status status = {.dom = DOMID_SELF};
    struct evtchn_close close;
    int rc = hypercall_event_channel_op(EVTCHNOP_alloc_unbound, &alloc);

    if (rc == 0) {
        status.port = close.port = alloc.port;
        rc = hypercall_event_channel_op(EVTCHNOP_status, &status);
        (void)hypercall_event_channel_op(EVTCHNOP_close, &close);
    }
    if (rc != 0) {
        hv_panic("cannot find out our own domain number: error %d", -rc);
    }
    return status.u.unbound.dom;
}

void domain_init(struct hv *hv, const struct boot_info *boot)
{
    if (!arch_domid(&hv->domid)) {
        hv->domid = domid_by_port(hv);
    }
    hv->domctl_version = domctl_probe();
    hv->store_port = (evtchn_port_t)hvm_param_get(HVM_PARAM_STORE_EVTCHN);
    if (boot->store_pfn != 0 && hv->store_port != 0) {
        hv->store = (void *)(uintptr_t)(boot->store_pfn * HV_PAGE_SIZE);
        hv_evtchn_unmask(hv, hv->store_port);
    }
}

int hv_domain_info(struct hv *hv, domid_t first, struct hv_domain_info *info)
{
    struct domctl_getdomaininfo domctl;
    int rc;

    if (first >= HV_DOMID_FIRST_RESERVED) {
        return -ESRCH;
    }
    if (hv->domctl_version == 0) {
        return -ENOSYS;
    }
    rc = getdomaininfo(hv->domctl_version, first, &domctl);
    if (rc != 0) {
        return rc == -ESRCH || rc == -EPERM ? rc : -EPERM;
    }
    info->domid = domctl.u.info.domain;
    info->dying = (domctl.u.info.flags & DOMINF_DYING) != 0;
    info->shutdown = (domctl.u.info.flags & DOMINF_SHUTDOWN) != 0;
    info->shutdown_reason = domctl.u.info.flags >> DOMINF_REASON_SHIFT & DOMINF_REASON_MASK;
    memcpy(info->handle, domctl.u.info.handle, sizeof info->handle);
    return 0;
}

int hv_store_ring(struct hv *hv, void **page, evtchn_port_t *port)
{
    if (hv->store == NULL) {
        return -ENOENT;
    }
    *page = hv->store;
    *port = hv->store_port;
    return 0;
}
