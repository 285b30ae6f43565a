/* SPDX-License-Identifier: ISC */
/**
 * @file fragment.h
 * Only the first fragment of a datagram has ports: a small table remembers them for the later ones,
 * so that all of a datagram counts in one flow. Nothing is put together.
 *
 * A set of entries is picked by a keyed hash of who sends (LAN, VLANs, source address), and there a
 * new datagram takes the place of one that is over, else of the oldest of the sender that has the
 * most: whoever sends first fragments and nothing else takes the places of its own. A sender that
 * makes up source addresses gets at everybody's, for what it is worth: later fragments follow their
 * first one within microseconds.
 *
 * Sources: RFC 791 section 3.2 (told apart by addresses, protocol, identification), RFC 8200
 * section 4.5 (by addresses and identification), RFC 1858 and 5722 (overlaps).
 */
#ifndef MONITOR_FRAGMENT_H
#define MONITOR_FRAGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"

#include "decode.h"

/** How long a datagram is remembered after its first fragment: as long as Linux waits. */
#define FRAGMENT_SECONDS 30U

struct fragments;

struct fragment_counters {
    uint64_t first;        /**< first fragments: each took an entry */
    uint64_t matched;      /**< later ones whose first was known */
    uint64_t unmatched;    /**< later ones whose first was not seen before, or forgotten */
    uint64_t repeated;     /**< first fragments of a datagram that was known already */
    uint64_t overlapping;  /**< matched ones that begin or end in what was seen before */
    uint64_t out_of_order; /**< matched ones that left a gap before them */
    uint64_t complete;     /**< datagrams all of which was seen */
    uint64_t expired;      /**< entries that were over when somebody else took them */
    uint64_t evicted;      /**< entries that were not */
};

/** Bytes for a table of @n datagrams, which is rounded up to a multiple of 8; 0 counts as 8. */
size_t fragments_size(unsigned n);

/** Make one in @memory of fragments_size(@n) bytes, aligned to 64, of any content. */
struct fragments *fragments_create(void *memory, unsigned n, const struct hash_key *key);

/**
 * A frame that decode_frame() understood, sent at @now (nanoseconds, of any beginning, never less
 * than before) on @lan. Frames that are no fragments are none of its business: look at
 * decoded.fragment first, it is cheaper. A first fragment is remembered. True: a later fragment
 * whose first one is known; ports, source_port and destination_port are as in that one now, and so
 * is protocol (behind IPv6's fragment header there may be others).
 */
bool fragments_frame(struct fragments *fragments, uint64_t now, uint16_t lan,
                     struct decoded *decoded);

const struct fragment_counters *fragments_counters(const struct fragments *fragments);

#endif
