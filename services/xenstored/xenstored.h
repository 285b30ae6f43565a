/* SPDX-License-Identifier: ISC */
/**
 * @file xenstored.h
 * The XenStore service as its main files and tests see it: make it, attach rings, step it.
 *
 * Protocol: docs/misc/xenstore.txt and docs/misc/xenstore-ring.txt of Xen. All clients, dom0
 * included, speak over a ring of one page (struct xenstore_domain_interface of
 * xen/include/public/io/xs_wire.h).
 */
#ifndef XENSTORED_XENSTORED_H
#define XENSTORED_XENSTORED_H

#include <hv/domain.h>
#include <hv/evtchn.h>
#include <hv/gnttab.h>
#include <hv/hv.h>

struct xenstored;

/** How the service is set up; zero means the default where one is named. */
struct xenstored_config {
    domid_t priv_domid;   /**< the domain with all rights, beside our own: 0 on stock hosts */
    unsigned arena_pages; /**< all the memory it will ever use; 0: the largest run that is free */
    unsigned history;     /**< versions of the tree to keep (history.h); 0: 256 */
    bool no_history;      /**< keep none */
    size_t log_size;      /**< bytes that log lines are kept in; 0: 32 KiB */
    bool control;         /**< listen for control clients of the privileged domain */
    unsigned clients;     /**< of these at a time; 0: 16 */
    const char *version;  /**< what they are told is the program's; lives as long as the service */
    void *reserved;       /**< guarded pages for the journal, but for the first, which is writable;
                               NULL: none is written */
    unsigned reserved_pages;
    bool no_virq; /**< do not bind VIRQ_DOM_EXC (a test without domain deaths) */
};

/**
 * Make the service on @hv: takes its memory, binds VIRQ_DOM_EXC, creates the initial tree.
 * NULL with the cause on the console if memory or the virq is not to be had.
 */
struct xenstored *xenstored_create(struct hv *hv, const struct xenstored_config *config);

/** End the domain where it does not come back to its loop for @seconds: watchdog_start(). */
HV_MUST_CHECK int xenstored_watch(struct xenstored *xs, uint32_t seconds);

/** The image is sealed (hv_seal()): control clients shall be told so. */
void xenstored_sealed(struct xenstored *xs);

/** Release every ring, port and page. Only tests end a service so. */
void xenstored_destroy(struct xenstored *xs);

/** Forget all versions of the tree but the current one, and give back what they hold. */
void xenstored_forget_history(struct xenstored *xs);

/**
 * Attach a ring of @domid's: map its grant @ref, bind its port @remote_port. The ring of a domain
 * is attached once by start-up (dom0) or INTRODUCE; a second ring of the privileged domain is an
 * independent connection of its own, as a socket of a daemon would be (xenstored-local).
 * Returns 0, or a negative errno value with nothing attached.
 */
HV_MUST_CHECK int xenstored_attach(struct xenstored *xs, domid_t domid, grant_ref_t ref,
                                   evtchn_port_t remote_port);

/**
 * The same for a ring that a predecessor of our domid has served: nothing in it is touched, and
 * what came into it meanwhile is served.
 */
HV_MUST_CHECK int xenstored_adopt(struct xenstored *xs, domid_t domid, grant_ref_t ref,
                                  evtchn_port_t remote_port);

/**
 * Take the place of a predecessor, whose state is the @size bytes at @state, aligned to 8: its
 * reserved pages (recovery.h), or a stream (migration.h). All rings are adopted, the control
 * domain's included. What became of the domains meanwhile is looked up. -EINVAL: it is no such
 * state, and nothing was touched, or the control domain's ring is not in it; -ENOMEM. With another
 * error the control domain's ring could not be adopted.
 */
HV_MUST_CHECK int xenstored_take_over(struct xenstored *xs, const void *state, size_t size);

/** Drop the extra connection that xenstored_attach() made with @remote_port. */
void xenstored_detach(struct xenstored *xs, domid_t domid, evtchn_port_t remote_port);

/**
 * Handle pending events and serve requests, a bounded amount of work. Returns 0 if there is more to
 * do at once, else the deadline for hv_wait() (the signature of sim_step_fn but for the type).
 */
uint64_t xenstored_step(struct xenstored *xs);

#endif
