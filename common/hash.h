/* SPDX-License-Identifier: ISC */
/**
 * @file hash.h
 * SipHash, keyed: tables that a hostile domain fills must not be made to collide.
 *
 * Algorithm: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF" (2012).
 */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

/** 128 bits from hv_random(); never shown to another domain. */
struct hash_key {
    uint64_t k0, k1;
};

/** SipHash-1-3 of @length bytes at @data. */
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t length);

/** The same of one word: hash_bytes() of its 8 bytes as a little-endian machine has them, but
 * faster. For what is hashed for each frame. */
uint64_t hash_word(const struct hash_key *key, uint64_t word);

/** SipHash-1-3 of @count words without the length at their end: as good, and shorter, where no
 * input is the beginning of another (their first words tell how many there are). */
uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t count);

/** Chain two hashes into one that depends on their order; @a and @b must be keyed hashes. */
static inline uint64_t hash_chain(uint64_t a, uint64_t b)
{
    uint64_t mixed = (a ^ (b << 23 | b >> 41)) * UINT64_C(0x9e3779b97f4a7c15);
    return (mixed ^ mixed >> 31) + b;
}

#endif
