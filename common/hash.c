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

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    struct sip s = {
        .v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = key->k1 ^ UINT64_C(0x7465646279746573),
    };
    uint64_t word;

    for (size_t left = length; left >= 8; left -= 8, bytes += 8) {
        memcpy(&word, bytes, 8);
        s.v3 ^= word;
        sip_round(&s);
        s.v0 ^= word;
    }

    word = (uint64_t)length << 56;
    for (unsigned i = 0; i < (length & 7); i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    s.v3 ^= word;
    sip_round(&s);
    s.v0 ^= word;

    s.v2 ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
