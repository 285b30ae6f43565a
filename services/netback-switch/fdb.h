/* SPDX-License-Identifier: ISC */
/**
 * @file fdb.h
 * The forwarding database: behind which port an address was last seen, for each bridge and VLAN.
 *
 * One table of fixed size for all bridges, with a keyed hash, so that nobody can aim at a bucket;
 * each port may have at most its share of entries (XSA-300: no guest fills it for the others), and
 * each bridge. An entry not seen for its bridge's ageing time is as if it were not there. Looked up
 * and learned in constant time.
 */
#ifndef SWITCH_FDB_H
#define SWITCH_FDB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/hash.h"

/** Ports and bridges are known to the table by number. */
#define FDB_NO_PORT UINT16_MAX
#define FDB_BRIDGES 16U /**< numbers of bridges are below that */

struct fdb;

struct fdb_config {
    unsigned entries;  /**< of the table, a power of 2 */
    unsigned ports;    /**< port numbers are below that */
    unsigned per_port; /**< entries one port may have, unless fdb_set_port_limit() says otherwise */
    unsigned per_bridge; /**< entries the ports of one bridge may have together; 0: no such limit */
    uint64_t
        ageing; /**< nanoseconds; default for each bridge: 300 s (IEEE 802.1Q 8.8.3); 0: that */
};

/** Memory is taken here, once. NULL: there is too little. */
struct fdb *fdb_create(struct arena *arena, const struct fdb_config *config,
                       const struct hash_key *key);
void fdb_destroy(struct fdb *fdb);

enum fdb_learned {
    FDB_KNOWN,   /**< nothing new */
    FDB_NEW,     /**< a new entry */
    FDB_MOVED,   /**< it was behind another port */
    FDB_FULL,    /**< not learned: the port's, bridge's, or the table's, share is used up */
    FDB_REFUSED, /**< not learned: a group address or zero, or a static entry says otherwise */
};

/**
 * A frame from @mac came in by @port. @was: the port before, where it moved (NULL: never mind).
 * A port whose share is used up gets the slots of its own that have aged; a bridge and the table
 * get those that are among the next FDB_STEP slots, so that FDB_FULL may be said for some frames
 * more.
 */
enum fdb_learned fdb_learn(struct fdb *fdb, uint16_t bridge, uint16_t vid, const uint8_t mac[6],
                           uint16_t port, uint64_t now, uint16_t *was);

/** Behind which port @mac is, or FDB_NO_PORT. */
uint16_t fdb_lookup(const struct fdb *fdb, uint16_t bridge, uint16_t vid, const uint8_t mac[6],
                    uint64_t now);

/**
 * An entry that does not age, is not moved and counts towards nobody's share. What was learned
 * gives way to it. 0; -EINVAL: a group address or zero; -ENOSPC: all entries are static.
 */
int fdb_set_static(struct fdb *fdb, uint16_t bridge, uint16_t vid, const uint8_t mac[6],
                   uint16_t port);

/** Forget what is behind @port (static entries too), all of a bridge, or all that was learned. */
void fdb_forget_port(struct fdb *fdb, uint16_t port);
void fdb_forget_bridge(struct fdb *fdb, uint16_t bridge);
void fdb_flush(struct fdb *fdb);

void fdb_set_port_limit(struct fdb *fdb, uint16_t port, unsigned entries);
void fdb_set_ageing(struct fdb *fdb, uint16_t bridge, uint64_t ageing);

struct fdb_entry {
    uint16_t bridge, vid, port;
    uint8_t mac[6];
    bool is_static;
    uint64_t seen; /**< hv_now() of the last frame from it; 0: static */
};

/** How many slots one call looks at, at most, where the work is in pieces. */
#define FDB_STEP 64U

/**
 * The next entry at or after @at that is alive, and where to go on: for a walk that other work may
 * come between. False: the end. Looks at FDB_STEP slots at most: @found false, true returned: go
 * on at *@next.
 */
bool fdb_walk(const struct fdb *fdb, unsigned at, uint64_t now, bool *found,
              struct fdb_entry *entry, unsigned *next);

/** Free slots of what has aged, of the next FDB_STEP slots; for a timer. */
void fdb_age(struct fdb *fdb, uint64_t now);

struct fdb_usage {
    unsigned used, entries;
    uint64_t learned, moved, aged, refused_full;
};
/** @ref used counts what has aged and was not yet come across, as fdb_port_entries() does. */
void fdb_usage(const struct fdb *fdb, struct fdb_usage *usage);
/** Entries that count towards the share of @port. */
unsigned fdb_port_entries(const struct fdb *fdb, uint16_t port);

#endif
