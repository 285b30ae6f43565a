/* SPDX-License-Identifier: ISC */
/**
 * @file domain.h
 * The domains: known, introduced, shut down, dead, and what they may use.
 */
#ifndef XENSTORED_DOMAIN_H
#define XENSTORED_DOMAIN_H

#include "state.h"

/** A domain may cause this many conflicts at once (oxenstored's figure). */
#define DOMAIN_CREDIT 5

/** The domain if XenStore knows it. */
struct domain *domain_find(const struct xenstored *xs, domid_t domid);

/** The known domain with the lowest number that is at least @first; NULL: there is none. */
struct domain *domain_from(const struct xenstored *xs, uint32_t first);

/**
 * The domain, made known if the hypervisor has it. NULL: there is no such domain (*@error -ENOENT)
 * or no memory (-ENOMEM).
 */
struct domain *domain_get(struct xenstored *xs, domid_t domid, int *error);

/** Make the domain known whatever the hypervisor says. NULL without memory. */
struct domain *domain_create(struct xenstored *xs, domid_t domid);

/**
 * INTRODUCE: map its ring, bind its port, tell the watchers. For a domain that is introduced
 * already, bind the port anew; in both cases its connection starts afresh. -EINVAL, -ENOMEM, ...
 */
HV_MUST_CHECK int domain_introduce(struct xenstored *xs, domid_t domid, evtchn_port_t port);

/** RELEASE, and the end of a dead domain: disconnect it, remove what it owns, tell the watchers. */
void domain_release(struct xenstored *xs, struct domain *domain);

/** VIRQ_DOM_EXC: look at every known domain for one that shut down or died. */
void domain_check_all(struct xenstored *xs);

/** Count nodes and bytes that came to belong to @domid or ceased to (tree_account_fn). */
void domain_account(void *xs, domid_t domid, int nodes, long bytes);

/** Make what a tried transaction would add to each domain count, or forget it. */
void domain_pending_commit(struct xenstored *xs);
void domain_pending_forget(struct xenstored *xs);

/** Add to (or take from) the memory that counts against the domain. */
void domain_add_memory(struct xenstored *xs, struct domain *domain, long bytes);

/** Record the new use of what is counted elsewhere. */
void domain_set_usage(struct domain *domain, enum quota quota, uint32_t value);

/**
 * Would @value of @quota be more than the domain may have? Counts the refusal if so. Never for a
 * privileged connection.
 */
bool domain_over_quota(const struct connection *connection, enum quota quota, uint64_t value);

/**
 * May the connection's domain not use @bytes more? Not more than its quota; and, so that no number
 * of greedy domains takes the memory of others, not more than half of what is free above a reserve.
 * In the reserve, only domains of modest use may grow; its last quarter is the control domain's
 * alone. Older versions of the tree are given up before anybody is refused. Counts the refusal.
 */
bool domain_over_memory(struct xenstored *xs, const struct connection *connection, uint64_t bytes);

/** Nodes and bytes of the domain as the work under way sees them. */
uint64_t domain_nodes(const struct xenstored *xs, const struct domain *domain);
uint64_t domain_memory(const struct xenstored *xs, const struct domain *domain);

/** Memory that is not for every domain: see domain_over_memory(). */
static inline size_t domain_reserve(const struct xenstored *xs)
{
    return xs->arena_pages * (HV_PAGE_SIZE / 4UL);
}

/** Is it the control domain or our own, which no quota limits? */
bool domain_unlimited(const struct xenstored *xs, domid_t domid);

/** How much of the quota it may have; 0: it has no limit. */
uint32_t domain_limit(const struct xenstored *xs, const struct domain *domain, enum quota quota);

/** Take a conflict from the domain's credit. */
void domain_charge_conflict(struct xenstored *xs, domid_t domid);

/** 0 if the domain may be served, else the time at which it may be again. */
uint64_t domain_stalled_until(struct xenstored *xs, struct domain *domain);

/** Free every record; all connections are gone. */
void domain_destroy_all(struct xenstored *xs);

#endif
