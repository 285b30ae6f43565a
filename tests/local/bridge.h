/* SPDX-License-Identifier: ISC */
/**
 * @file bridge.h
 * Between Unix sockets and rings: each accepted socket becomes a connection of the simulated dom0.
 *
 * A client of the socket speaks the stream that upstream's daemons speak there, which is the same
 * as on a ring, so the bridge moves bytes and looks at none of them. Nothing is buffered outside
 * the socket and the ring: a full ring stops reading from the socket, a full socket leaves the
 * answers in the ring, where the service sees them.
 */
#ifndef LOCAL_BRIDGE_H
#define LOCAL_BRIDGE_H

#include "services/xenstored/xenstored.h"

struct bridge;

/**
 * Serve connections of @listener, a listening non-blocking socket that stays the caller's, by @xs,
 * which runs in domain @store. @dom0 grants the rings. NULL: no memory or no epoll.
 */
struct bridge *bridge_create(struct hv *dom0, domid_t store, struct xenstored *xs, int listener);

/** Close all connections. */
void bridge_destroy(struct bridge *bridge);

/**
 * Wait up to @timeout_ms (-1: for ever, 0: not at all) for the sockets, and move what can be moved
 * from them into the rings. -EINTR: a signal came. Other negative values: epoll failed for good.
 */
HV_MUST_CHECK int bridge_poll(struct bridge *bridge, int timeout_ms);

/**
 * Handle what the service has signalled to dom0: move answers to the sockets, read from a socket
 * again whose ring has room again, close what the service gave up. True if there was anything.
 */
bool bridge_handle_events(struct bridge *bridge);

#endif
