/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/host.h
 * The Xen host as the tools see it: the hypervisor, which domain serves XenStore, and a look at a
 * service that says nothing.
 */
#ifndef ATOLL_HOST_H
#define ATOLL_HOST_H

#include "report.h"
#include <stdbool.h>
#include <stdint.h>
#include <xenctrl.h>

/** Where Xen's tools keep what lives until the next boot. */
#define HOST_RUN_DIR "/var/run/xen"

/** @ref host_find_store_domain found none. */
#define HOST_NO_DOMAIN UINT32_MAX

/** Open the hypervisor for control. 0, or an exit code with the cause reported. */
int host_open(struct report *r, xc_interface **xch);

/**
 * The domid of the domain that has Xen's flag of a XenStore domain, dead or alive, into @domid, or
 * HOST_NO_DOMAIN. 0, or an exit code with the cause reported.
 */
int host_find_store_domain(struct report *r, xc_interface *xch, uint32_t *domid);

/** As above: the domain whose UUID is @handle, or 0, which is no service's. */
int host_find_domain(struct report *r, xc_interface *xch, const uint8_t handle[16],
                     uint32_t *domid);

/**
 * The path of the socket on which a XenStore daemon serves in dom0, if one accepts connections;
 * NULL if none does. It looks where libxenstore would.
 */
const char *host_store_daemon_socket(void);

/** How a domain is. */
enum host_domain_state {
    HOST_DOMAIN_GONE,   /**< there is none, or it is being torn down */
    HOST_DOMAIN_UNBORN, /**< paused and never run: being built, or its builder was killed */
    HOST_DOMAIN_RUNS,
    HOST_DOMAIN_ENDED, /**< has shut down or crashed, and is still there */
};

/**
 * Take the lock of the command that builds the domain of @service, so that there is one at a time;
 * it is held until the process ends. 0, or an exit code with the cause reported.
 */
int host_lock(struct report *r, const char *service);

/** The same without a wait and for as long as the descriptor that it returns is open; or
 * -EWOULDBLOCK: somebody has it, or another -errno. */
int host_lock_try(const char *service);

/** The state of @domid; with HOST_DOMAIN_ENDED @reason names the kind of its end ("crashed"). */
enum host_domain_state host_domain_state(xc_interface *xch, uint32_t domid, const char **reason);

/**
 * Print what is left in the console ring of @domid (its page is @gfn), each line indented, to the
 * report's stream. What a domain wrote is shown with its control characters replaced. Without a
 * ring that can be read it prints nothing. Returns whether there was anything.
 */
bool host_show_console(struct report *r, uint32_t domid, xen_pfn_t gfn);

#endif
