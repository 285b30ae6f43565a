/* SPDX-License-Identifier: ISC */
/**
 * @file hold.h
 * Services whose end nobody is to notice: the control domain asks that what a domain has in the
 * store outlives it, until a successor takes its place or a time is over (docs/recovery.md).
 *
 * A held domain that dies or shuts down loses its connection with watches and transactions, and
 * nothing else: nodes, entries in permissions, quotas, others' watches stay, no @releaseDomain is
 * fired, and it counts as introduced. INTRODUCE of its domid for a successor makes a connection
 * anew and fires no @introduceDomain. After the time what is usual happens.
 *
 * A successor is a domain of the same domid whose handle (UUID) is that of the held one but for the
 * last HOLD_GENERATION bytes: whoever else gets the domid inherits nothing.
 *
 * Of struct domain these are hold.c's: `hold`, seconds as asked for, 0: it is not held; and
 * `held_until`, hv_now() time at which the hold ends, 0: it lives.
 */
#ifndef XENSTORED_HOLD_H
#define XENSTORED_HOLD_H

#include "state.h"

/** The longest time that may be asked for, seconds. */
#define HOLD_MAX 3600U

/** Bytes at the end of a handle by which domains that follow each other differ. */
#define HOLD_GENERATION 4U

/** Hold @domain for @seconds after its end, from now on; 0: no more, and what is over is over. */
void hold_set(struct xenstored *xs, struct domain *domain, uint32_t seconds);

/** @domain has ended: is it held? The time begins at the first such question. */
bool hold_keeps(struct xenstored *xs, struct domain *domain);

/** Is it held, and its end was seen? Who has its domid now is not it, unless introduced. */
static inline bool hold_over(const struct domain *domain)
{
    return domain->held_until && !domain->connection;
}

/** @domain lives. */
void hold_alive(struct domain *domain);

/** May the domain with @handle, which the hypervisor has, take the place of @domain? */
bool hold_successor(const struct domain *domain, const uint8_t handle[16]);

/** Arm the timer that ends holds: by what is in xenstored.domains, as after a state is loaded. */
void hold_arm(struct xenstored *xs);

/** Make xenstored.holds. */
void hold_init(struct xenstored *xs);

/** Seconds, rounded up, that a domain which has ended is still held; 0: it lives or is not held. */
uint32_t hold_left(const struct xenstored *xs, const struct domain *domain);

#endif
