/* SPDX-License-Identifier: ISC */
/*
 * hv_random(): a sponge over the ChaCha permutation (20 rounds, RFC 8439 without the final
 * addition), 32 bytes of rate and 32 of capacity. What comes out is overwritten in the state, so
 * that reading the state later does not give past output away.
 *
 * How good it is: with RDSEED or RDRAND (any processor since about 2015, where Xen lets it through)
 * the seed has at least 256 bits of the processor's. Without, it rests on the cycle counter around
 * hypercalls, the clocks and the boot addresses: hard to guess for another guest, but not for
 * whoever can watch this domain start to the cycle. hv_random() mixes the cycle counter in anew.
 */
#include "platform.h"

#include <string.h>

#include "arch.h"
#include "hypercall.h"

#define RATE_WORDS   8U
#define SEED_ROUNDS  8U  /* 64-bit values of the processor's generator */
#define JITTER_TURNS 32U /* hypercalls whose duration is taken */

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32 - bits);
}

static void quarter_round(uint32_t *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 7);
}

static void permute(uint32_t s[16])
{
    for (unsigned i = 0; i < 10; i++) {
        quarter_round(s, 0, 4, 8, 12);
        quarter_round(s, 1, 5, 9, 13);
        quarter_round(s, 2, 6, 10, 14);
        quarter_round(s, 3, 7, 11, 15);
        quarter_round(s, 0, 5, 10, 15);
        quarter_round(s, 1, 6, 11, 12);
        quarter_round(s, 2, 7, 8, 13);
        quarter_round(s, 3, 4, 9, 14);
    }
}

static void absorb(struct hv *hv, uint64_t value)
{
    hv->random_state[0] ^= (uint32_t)value;
    hv->random_state[1] ^= (uint32_t)(value >> 32);
    permute(hv->random_state);
}

void random_init(struct hv *hv)
{
    static const char name[33] = "Atoll hv/xen random, ChaCha v1  ";

    memcpy(&hv->random_state[RATE_WORDS], name, 32);
    for (unsigned i = 0; i < SEED_ROUNDS; i++) {
        uint64_t value;

        if (arch_random(&value)) {
            absorb(hv, value);
        }
    }
    for (unsigned i = 0; i < JITTER_TURNS; i++) {
        (void)hypercall_sched_op(SCHEDOP_yield, NULL);
        absorb(hv, arch_cycles());
    }
    absorb(hv, hv_wallclock(hv));
    absorb(hv, hv->domid);
    for (size_t i = 0; i < sizeof hv->cmdline && hv->cmdline[i] != '\0'; i++) {
        hv->random_state[i % RATE_WORDS] += (uint32_t)hv->cmdline[i] << (i % 24);
    }
    absorb(hv, arch_cycles());
}

void hv_random(struct hv *hv, void *buf, size_t len)
{
    unsigned char *out = buf;
    uint64_t value;

    absorb(hv, arch_random(&value) ? value : arch_cycles());
    while (len > 0) {
        size_t chunk = len < RATE_WORDS * 4 ? len : RATE_WORDS * 4;

        permute(hv->random_state);
        memcpy(out, hv->random_state, chunk);
        memset(hv->random_state, 0, RATE_WORDS * 4);
        out += chunk;
        len -= chunk;
    }
    permute(hv->random_state);
}
