/* SPDX-License-Identifier: ISC */
/**
 * @file netif_control.h
 * The control ring of a vif, what its frontend set by it, and to which of its queues a frame goes.
 *
 * Windows uses it for receive side scaling: a Toeplitz hash over addresses and ports, with the
 * frontend's key, looked up in the frontend's table of queues. What was set is not kept when this
 * domain's successor takes the vif over: the frontend is then served as one that set nothing, which
 * is allowed at any time (it must take any frame on any queue).
 *
 * Sources: xen/include/public/io/netif.h, "Control messages"; Microsoft, "RSS hashing types" and
 * "Verifying the RSS hash calculation".
 */
#ifndef SWITCH_NETIF_CONTROL_H
#define SWITCH_NETIF_CONTROL_H

#include "netif.h"
#include "packet.h"

#define NETIF_HASH_KEY     40U  /**< bytes of key at most */
#define NETIF_HASH_MAPPING 128U /**< entries of the table at most */

/**
 * To which queue @netif shall be given @packet, below its queue_count. *@hash: what to say in an
 * extra info with it; its type is 0 where the frontend did not ask for hashes, or for none of such
 * packets.
 *
 * With hashes: the table's entry at the hash modulo the table's size, or without a table the hash
 * modulo the number of queues; a packet without a hash is one with the hash 0. Without: by
 * addresses, protocol and ports with a key of our own (fragments: by addresses alone), so that a
 * flow stays on its queue, whichever queue its sender uses, and flows spread evenly.
 */
unsigned netif_select(const struct netif *netif, const struct packet *packet,
                      struct netif_hash *hash);

/** Requests answered on @netif's control ring so far. */
uint64_t netif_control_requests(const struct netif *netif);

#endif
