/* SPDX-License-Identifier: ISC */
/**
 * @file macs.h
 * Behind which port a MAC is: what the frames' senders tell. A fixed table, sets of four under a
 * keyed hash. A port that makes up MACs takes the places of its own, those that were silent for
 * long, or of the port that has more; never those of a port that has less.
 */
#ifndef MONITOR_MACS_H
#define MONITOR_MACS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"

#define MACS_WAYS 4U
#define MACS_SETS 1024U

struct mac_entry {
    uint8_t mac[6];
    uint16_t lan, vid;
    uint16_t identity; /**< 0: nothing */
    uint32_t seen;     /**< in 2^27 ns (0.13 s), modulo 2^32 */
};
_Static_assert(sizeof(struct mac_entry) == 16, "mac_entry");

struct macs {
    struct hash_key key;
    struct mac_entry (*sets)[MACS_WAYS];
    uint16_t *count; /**< entries of each identity */
};

/** Who had it before. */
struct mac_moved {
    uint16_t identity; /**< 0: nobody, or the same */
    uint64_t age;      /**< ns since its last frame there */
};

/** Bytes for @identities, and make it in zeroed @memory, aligned to 64. */
size_t macs_size(uint32_t identities);
void macs_create(struct macs *macs, void *memory, const struct hash_key *key);

/** A frame of @mac, which is no group's, came from @identity (not 0). */
struct mac_moved macs_learn(struct macs *macs, const uint8_t mac[6], uint16_t lan, uint16_t vid,
                            uint16_t identity, uint64_t now);

/** Whose port it is behind; 0: not known, or a group. */
uint16_t macs_find(const struct macs *macs, const uint8_t mac[6], uint16_t lan, uint16_t vid);

/** Nothing is behind @identity from now on. Looks at the whole table: for ports that go. */
void macs_forget(struct macs *macs, uint16_t identity);

#endif
