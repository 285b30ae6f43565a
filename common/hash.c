/* SPDX-License-Identifier: ISC */
#include "common/hash.h"

#include <string.h>

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static inline struct sip sip_begin(const struct hash_key *key)
{
    return (struct sip){
        .v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = key->k1 ^ UINT64_C(0x7465646279746573),
    };
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

static inline uint64_t sip_end(struct sip *s)
{
    s->v2 ^= 0xff;
    sip_round(s);
    sip_round(s);
    sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t hash_word(const struct hash_key *key, uint64_t word)
{
    struct sip s = sip_begin(key);

    sip_word(&s, word);
    sip_word(&s, UINT64_C(8) << 56);
    return sip_end(&s);
}

uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t count)
{
    struct sip s = sip_begin(key);

    for (size_t i = 0; i < count; i++)
        sip_word(&s, words[i]);
    return sip_end(&s);
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    struct sip s = sip_begin(key);
    uint64_t word;

    for (size_t left = length; left >= 8; left -= 8, bytes += 8) {
        memcpy(&word, bytes, 8);
        sip_word(&s, word);
    }

    word = (uint64_t)length << 56;
    for (unsigned i = 0; i < (length & 7); i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    sip_word(&s, word);
    return sip_end(&s);
}
