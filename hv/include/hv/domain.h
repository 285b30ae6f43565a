/* SPDX-License-Identifier: ISC */
/**
 * @file hv/domain.h
 * What the hypervisor says about other domains, and the pages the toolstack gave to this one.
 */
#ifndef HV_DOMAIN_H
#define HV_DOMAIN_H

#include <hv/evtchn.h>
#include <hv/hv.h>

/** What XEN_DOMCTL_getdomaininfo says of a domain. */
struct hv_domain_info {
    domid_t domid;
    bool dying;              /**< being torn down; its pages and ports are going */
    bool shutdown;           /**< has shut down, or crashed: see shutdown_reason */
    uint8_t shutdown_reason; /**< SHUTDOWN_* where shutdown is set */
    uint8_t handle[16];      /**< the UUID the toolstack gave it: tells a reused domid apart */
};

/**
 * The domain with the lowest number that is at least @first. -ESRCH: there is none.
 * -EPERM: this domain may not ask (it lacks the flag xs_domain). -ENOSYS: the hypervisor speaks no
 * version of the interface that this platform knows.
 */
HV_MUST_CHECK int hv_domain_info(struct hv *hv, domid_t first, struct hv_domain_info *info);

/**
 * This domain's own XenStore ring (struct xenstore_domain_interface of public/io/xs_wire.h) and its
 * port, as a client. -ENOENT: it has none. The page stays owned by the platform.
 */
HV_MUST_CHECK int hv_store_ring(struct hv *hv, void **page, evtchn_port_t *port);

#endif
