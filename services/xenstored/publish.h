/* SPDX-License-Identifier: ISC */
/**
 * @file publish.h
 * XenStore's own way of publishing a vchan: nodes of its own tree.
 *
 * They appear as one change, with the watches on them fired, and belong to the service's own
 * domain. Clients with the right to do so may remove or overwrite them: a watch of the service's
 * own tells of that, and they are put back when the step ends.
 */
#ifndef XENSTORED_PUBLISH_H
#define XENSTORED_PUBLISH_H

#include "common/rendezvous.h"
#include "state.h"

/** Make what publishes one vchan; xs->publisher. -ENOMEM. */
HV_MUST_CHECK int publish_create(struct xenstored *xs);

/** Nothing to do if there is none. */
void publish_destroy(struct xenstored *xs);

struct rendezvous *publish_rendezvous(struct xenstored *xs);

/** Put back what others have changed, if they have. To be called when no request is under way. */
void publish_restore(struct xenstored *xs);

/** Look at them when that is next called: they may be gone without an event. */
void publish_look(struct xenstored *xs);

/** An event for @connection was dropped: was it the one that tells of such a change? */
void publish_event_dropped(struct xenstored *xs, const struct connection *connection);

#endif
