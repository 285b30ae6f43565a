/* SPDX-License-Identifier: ISC */
/**
 * @file ring_client.h
 * A connection of the simulated dom0, for measurements: requests are laid into the ring, the
 * caller steps the service, the answers are taken out. A failure ends the program.
 */
#ifndef BENCH_RING_CLIENT_H
#define BENCH_RING_CLIENT_H

#include "services/xenstored/xenstored.h"

#include <xen/io/xs_wire.h>

struct ring_client {
    struct hv *dom0;
    struct xenstore_domain_interface *ring;
    grant_ref_t ref;
    evtchn_port_t port;
    uint32_t next_id;
    uint32_t have; /**< bytes of @answer */
    _Alignas(struct xsd_sockmsg) char answer[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
};

/** Make a ring in @dom0 and attach it to @xs, which runs in domain @store. */
void ring_client_open(struct ring_client *client, struct hv *dom0, domid_t store,
                      struct xenstored *xs);

/**
 * Lay a request into the ring; @payload must not be over a few hundred bytes. False: no room.
 * The service is not told.
 */
bool ring_client_put(struct ring_client *client, uint32_t type, uint32_t tx_id, const void *payload,
                     size_t length);

/** Tell the service that there are requests. */
void ring_client_notify(struct ring_client *client);

/**
 * Take the next answer. NULL: there is none yet; call again when the service was stepped. The
 * payload lies behind the header and is good until the next call. Watch
 * events are passed over. Tells the service where it waited for room.
 */
const struct xsd_sockmsg *ring_client_take(struct ring_client *client);

#endif
