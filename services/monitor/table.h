/* SPDX-License-Identifier: ISC */
/**
 * @file table.h
 * The table of flows: fixed memory, keyed hash, and who has to go when it is full.
 *
 * Flows lie in a pool and never move; buckets of one line of a cache lead to them: ten tags of 16
 * bits and ten numbers. A flow's bucket is told by the hash of its key, and if that is full, it is
 * the other one of the pair; a bucket counts how many of its flows are there, so that in nearly all
 * cases one line tells that a flow is new. The hash is SipHash-1-3 under a secret key: nobody can
 * make flows that fill a bucket.
 *
 * Invariants: a live flow is in exactly one bucket of its pair, in exactly one list of its
 * identity, and in one slot of the timer wheel (expiry.h); bucket.beside is how many of its own
 * flows are in the other one.
 */
#ifndef MONITOR_TABLE_H
#define MONITOR_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"

#include "flow.h"

#define TABLE_WAYS 10U
/** No flow. */
#define TABLE_NONE UINT32_MAX

struct table_bucket {
    uint16_t tag[TABLE_WAYS]; /**< 0: nothing */
    uint16_t beside;
    uint16_t reserved;
    uint32_t flow[TABLE_WAYS];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct table_bucket) == 64, "table_bucket");

/** Flows of one identity: oldest first. Those that were answered are in another list than those
 * that were not. */
struct table_list {
    uint32_t oldest, newest; /**< indices; TABLE_NONE */
};
struct table_share {
    struct table_list list[2]; /**< 1: answered */
    uint32_t flows;
};

struct table_link {
    uint32_t older, newer; /**< indices; TABLE_NONE. Of what is free: older is the next one */
};

struct table {
    struct hash_key key;
    struct flow *flows;
    struct table_link *links; /**< of flow i within its list */
    struct table_bucket *buckets;
    struct table_share *shares; /**< of each identity */
    uint64_t *live;             /**< a bit for each flow */
    uint32_t bucket_mask;
    uint32_t capacity;
    uint32_t touched; /**< flows from here on were never used, and their memory neither */
    uint32_t free;    /**< list of those that were */
    uint32_t count, highest;
    uint32_t identities;
    uint32_t fullest;  /**< identity with the most flows, nearly always */
    uint32_t compared; /**< identity that fullest was last compared with, in turns */
};

/** A key in the form that is hashed: side 0 is the one that is less. */
struct table_lookup {
    struct flow_key key;
    uint64_t hash;
    uint32_t likely; /**< the flow, as its tag says; TABLE_NONE */
    bool swapped;    /**< the frame's sender is side 1 of the key */
};

/** Bytes for @capacity flows of @identities, and make it in zeroed @memory, aligned to 64. */
size_t table_size(uint32_t capacity, uint32_t identities);
void table_begin(struct table *table, void *memory, uint32_t capacity, uint32_t identities,
                 const struct hash_key *key);

/** Hash lookup->key, which is in order. */
void table_hash(const struct table *table, struct table_lookup *lookup);

/** Have the bucket in the cache soon; and, when it is, the flow that probably is the one, which
 * lookup->likely is set to. */
static inline void table_prefetch(const struct table *table, const struct table_lookup *lookup)
{
    __builtin_prefetch(&table->buckets[lookup->hash & table->bucket_mask], 1);
}
void table_prefetch_flow(const struct table *table, struct table_lookup *lookup);

/** The flow of a key, or TABLE_NONE; lookup->likely is tried first. */
uint32_t table_find(const struct table *table, const struct table_lookup *lookup);

/** Which flow has to go, so that there is a place for @lookup's; TABLE_NONE: there is one. */
uint32_t table_victim(struct table *table, const struct table_lookup *lookup);

/** Put a flow of @lookup's key there, for which there is a place: zeroed but for key, FLOW_SWAPPED
 * and charged. @reversed: side 0 is not the sender of the frame that @lookup is of. */
uint32_t table_insert(struct table *table, const struct table_lookup *lookup, bool reversed,
                      uint16_t charged);

/** Take a flow out. */
void table_remove(struct table *table, uint32_t index);

/** Both sides have sent: it is worth more from now on. */
void table_answered(struct table *table, uint32_t index);

/** The first live flow from @index on, or TABLE_NONE. */
uint32_t table_next(const struct table *table, uint32_t index);

#endif
