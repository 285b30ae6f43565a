/* SPDX-License-Identifier: ISC */
/**
 * @file snoop.h
 * IGMP and MLD snooping: which ports asked for which multicast group (RFC 4541; IGMPv1-v3: RFC
 * 1112, 2236, 3376; MLDv1/v2: RFC 2710, 3810).
 *
 * A table of fixed size with a keyed hash and a share for each port, as fdb.h. Ports that a querier
 * or a multicast router (PIM hello, RFC 4286 advertisements) was seen at get all multicast and all
 * reports. Groups that are link local (224.0.0.0/24, ff02::/16, ...), and everything while no
 * querier was heard for its lifetime, are flooded: snooping must never lose what would else arrive.
 * So, too:
 * - A querier counts from when those that it asked must have answered, and only if hosts have to
 *   answer it: a general query to all hosts, with the router alert where its version has one, that
 *   leaves them 30 s at most. It counts for 255 s at most (RFC 3376, 8.5), whatever it says of
 *   itself; what is reported lasts 260 s at least (8.4). IPv4 and IPv6 each need one.
 * - A port that could not be given a group it asked for (its share is used up, or the table is, or
 *   the snapshot ends before its report does) gets all multicast for as long as the group would
 * have lasted.
 * - Leaving takes a querier: a membership of which a host there took leave ends two of the maximum
 *   response times and a second after the query for that group, if nobody there answers, and
 *   without a query when it would have ended anyway. Queries shorten no other membership, so that
 *   no guest takes another's groups away. There is no fast leave.
 *
 * Sources are not looked at: whoever wants some of a group gets the group.
 */
#ifndef SWITCH_SNOOP_H
#define SWITCH_SNOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/hash.h"

#include "packet.h"

/** A set of ports by number. */
#define SNOOP_PORTS 256U /**< numbers are below that */
struct port_set {
    uint64_t bits[SNOOP_PORTS / 64];
};

static inline bool port_set_has(const struct port_set *ports, uint16_t port)
{
    return (ports->bits[port / 64] >> (port % 64) & 1) != 0;
}

static inline void port_set_add(struct port_set *ports, uint16_t port)
{
    ports->bits[port / 64] |= UINT64_C(1) << (port % 64);
}

static inline void port_set_remove(struct port_set *ports, uint16_t port)
{
    ports->bits[port / 64] &= ~(UINT64_C(1) << (port % 64));
}

struct snoop;

struct snoop_config {
    unsigned groups;   /**< entries of the table, a power of 2: groups, and VLANs with routers */
    unsigned members;  /**< ports in them, all counted; 0: twice as many */
    unsigned per_port; /**< groups one port may be in, and as many VLANs it may have routers in */
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
 * tail is not (a long IGMPv3 report), what is in it is learned, its checksum is taken for right,
 * and for the group records that are cut off the port gets all multicast for their lifetime. Frames
 * to one station alone are data, whatever is in them.
 */
enum snoop_verdict snoop_frame(struct snoop *snoop, uint16_t bridge, uint16_t vid, uint16_t port,
                               const struct packet *packet, uint64_t now);

/**
 * Who gets the multicast frame @packet: who asked for its group, routers, and who gets everything;
 * maybe the port it came from, too. False: everybody does (flood), and @ports is empty.
 */
bool snoop_ports(const struct snoop *snoop, uint16_t bridge, uint16_t vid,
                 const struct packet *packet, uint64_t now, struct port_set *ports);

/** Ports towards routers, of either family. False: none is known (flood). */
bool snoop_routers(const struct snoop *snoop, uint16_t bridge, uint16_t vid, uint64_t now,
                   struct port_set *ports);

/**
 * @port came to @bridge: who is behind it may have asked long ago. It gets everything for the time
 * of a membership.
 */
void snoop_new_port(struct snoop *snoop, uint16_t bridge, uint16_t port, uint64_t now);

/**
 * Is it known that no querier or router is behind @port? Then its queries are flooded, but count
 * for nothing. To be set where they do not reach everybody (isolated ports): who is not asked does
 * not answer. A new port's is false.
 */
void snoop_set_host(struct snoop *snoop, uint16_t port, bool host);

/** All that was learned of it, and what snoop_set_host() said. */
void snoop_forget_port(struct snoop *snoop, uint16_t port);
void snoop_forget_bridge(struct snoop *snoop, uint16_t bridge);

/** Free what is over, of the next SNOOP_STEP memberships; for a timer. */
#define SNOOP_STEP 64U
void snoop_age(struct snoop *snoop, uint64_t now);

struct snoop_usage {
    unsigned groups, members; /**< with those that are over and were not yet come across */
    uint64_t reports, leaves, queries;
    uint64_t invalid; /**< SNOOP_INVALID was said */
    uint64_t full;    /**< a port was given everything instead of a group */
};
void snoop_usage(const struct snoop *snoop, struct snoop_usage *usage);

#endif
