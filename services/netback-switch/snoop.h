/* SPDX-License-Identifier: ISC */
/**
 * @file snoop.h
 * IGMP and MLD snooping: which ports asked for which multicast group (RFC 4541; IGMPv1-v3: RFC
 * 1112, 2236, 3376; MLDv1/v2: RFC 2710, 3810).
 *
 * A table of fixed size with a keyed hash and a share for each port, as fdb.h. Ports that a querier
 * or a multicast router (PIM hello, RFC 4286 advertisements) was seen at get all multicast and all
 * reports. Groups that are link local (224.0.0.0/24, ff02::1, ...), and everything while no querier
 * was heard for its lifetime, are flooded: snooping must never lose what would else arrive.
 */
#ifndef SWITCH_SNOOP_H
#define SWITCH_SNOOP_H

#include "common/arena.h"
#include "common/hash.h"

#include "packet.h"

/** A set of ports by number. */
#define SNOOP_PORTS 256U
struct port_set {
    uint64_t bits[SNOOP_PORTS / 64];
};

struct snoop;

struct snoop_config {
    unsigned groups;   /**< entries of the table, a power of 2 */
    unsigned per_port; /**< groups one port may be in */
};

struct snoop *snoop_create(struct arena *arena, const struct snoop_config *config,
                           const struct hash_key *key);
void snoop_destroy(struct snoop *snoop);

enum snoop_verdict {
    SNOOP_DATA,    /**< no IGMP, MLD or PIM: forward by snoop_ports() if multicast */
    SNOOP_REPORT,  /**< to router ports only (snoop_routers()) */
    SNOOP_FLOOD,   /**< a query, or something else that all shall see */
    SNOOP_INVALID, /**< malformed (checksum, length, hop limit): drop it */
};

/**
 * A frame that @packet describes came in by @port. The message must be in the snapshot; where its
 * tail is not (a long IGMPv3 report), what is in it is learned and the group records that are cut
 * off make their groups flooded for their lifetime.
 */
enum snoop_verdict snoop_frame(struct snoop *snoop, uint16_t bridge, uint16_t vid, uint16_t port,
                               const struct packet *packet, uint64_t now);

/** Who gets the multicast frame @packet. False: everybody does (flood). */
bool snoop_ports(const struct snoop *snoop, uint16_t bridge, uint16_t vid,
                 const struct packet *packet, uint64_t now, struct port_set *ports);

/** Ports towards routers. False: none is known (flood). */
bool snoop_routers(const struct snoop *snoop, uint16_t bridge, uint16_t vid, uint64_t now,
                   struct port_set *ports);

void snoop_forget_port(struct snoop *snoop, uint16_t port);
void snoop_forget_bridge(struct snoop *snoop, uint16_t bridge);

#endif
