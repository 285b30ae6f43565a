/* SPDX-License-Identifier: ISC */
/**
 * @file connection.h
 * A client's ring: requests in, replies and events out.
 *
 * All state that a client can see is in its ring; both pairs of indices are read from the page each
 * time, once, and checked before use (XSA-38, XSA-155). A request that is whole in the ring is left
 * there until its answer is decided; of any other, the last part is.
 */
#ifndef XENSTORED_CONNECTION_H
#define XENSTORED_CONNECTION_H

#include "state.h"

/**
 * Map the ring that @domain grants as @ref, bind @remote_port, and make a connection of them.
 * -ENOMEM, or what mapping and binding say.
 */
HV_MUST_CHECK int connection_create(struct xenstored *xs, struct domain *domain, grant_ref_t ref,
                                    evtchn_port_t remote_port, struct connection **connection);

/**
 * A connection of @domain's without a ring, for a successor that reads of it in its predecessor's
 * journal. NULL without memory.
 */
struct connection *connection_new(struct xenstored *xs, struct domain *domain);

/** Map such a connection's ring and bind @remote_port. Nothing in the ring is touched. */
HV_MUST_CHECK int connection_map(struct xenstored *xs, struct connection *connection,
                                 grant_ref_t ref, evtchn_port_t remote_port);

/** Let a page of our own stand for a ring that cannot be mapped; the connection is broken. */
HV_MUST_CHECK int connection_lose(struct xenstored *xs, struct connection *connection);

/** Drop all that hangs on the connection, unmap and unbind. */
void connection_destroy(struct xenstored *xs, struct connection *connection);

/** Bind @remote_port in place of the present one. The connection has no port where that fails. */
HV_MUST_CHECK int connection_rebind(struct xenstored *xs, struct connection *connection,
                                    evtchn_port_t remote_port);

/**
 * Forget watches, transactions and unread messages; empty the ring. The client starts afresh
 * (INTRODUCE, and "connection state" of xenstore-ring.txt).
 */
void connection_reset(struct xenstored *xs, struct connection *connection);

/** Empty its ring: what connection_reset() leaves to be done when it is in the journal. */
void connection_finish_reset(struct xenstored *xs, struct connection *connection);

/** All that a client can have set up, but its ring. */
void connection_drop_state(struct xenstored *xs, struct connection *connection);

/** Forget what there is of a message that is not whole. */
void connection_drop_input(struct xenstored *xs, struct connection *connection);

/**
 * Take over what a predecessor had taken out of the ring of a request that is not whole: @length
 * bytes at @data. -EINVAL: that cannot be; -ENOMEM.
 */
HV_MUST_CHECK int connection_resume_input(struct xenstored *xs, struct connection *connection,
                                          const uint8_t *data, size_t length);

/** Something happened on its port. */
void connection_wake(struct xenstored *xs, struct connection *connection);

/** Serve one request of it, if there is one. True: there may be more to do at once. */
bool connection_serve(struct xenstored *xs, struct connection *connection);

/** Put what waits for it on its ring as far as there is room. */
void connection_flush(struct xenstored *xs, struct connection *connection);

/** Tell the client that its ring has changed, if it has. */
void connection_notify(struct xenstored *xs, struct connection *connection);

#endif
