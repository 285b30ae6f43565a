/* SPDX-License-Identifier: ISC */
/* Chance: one generator (xoshiro256**, seeded by splitmix64), and the faults drawn from it. */
#include "hv/sim/host.h"

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void sim_seed(struct sim *sim, uint64_t seed)
{
    sim->seed = seed;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        sim->prng[i] = z ^ (z >> 31);
    }
}

uint64_t sim_draw(struct sim *sim)
{
    uint64_t *s = sim->prng;
    uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t sim_random(struct sim *sim, uint64_t bound)
{
    HV_ASSERT(bound != 0);
    /* The high half of draw times bound; the few low halves that would favour some results go. */
    unsigned __int128 product = (unsigned __int128)sim_draw(sim) * bound;
    if ((uint64_t)product < bound) {
        uint64_t reject = -bound % bound;
        while ((uint64_t)product < reject)
            product = (unsigned __int128)sim_draw(sim) * bound;
    }
    return (uint64_t)(product >> 64);
}

bool sim_chance(struct sim *sim, uint16_t chance)
{
    return chance != 0 && (sim_draw(sim) & 0xffff) < chance;
}

bool sim_fault(struct hv *hv, uint16_t chance)
{
    struct sim *sim = hv->sim;

    if (hv->no_faults)
        return false;
    sim->fault_points++;
    bool fail = sim->fault_points == sim->fail_nth || sim_chance(sim, chance);
    if (fail)
        sim_trace_add(sim, UINT64_C(0xfa) << 56 | sim->fault_points);
    return fail;
}

void sim_set_faults(struct sim *sim, const struct sim_faults *faults)
{
    sim->faults = *faults;
}

void sim_fail_nth(struct sim *sim, uint64_t n)
{
    sim->fault_points = 0;
    sim->fail_nth = n;
}

uint64_t sim_fault_points(const struct sim *sim)
{
    return sim->fault_points;
}

void hv_random(struct hv *hv, void *buf, size_t len)
{
    unsigned char *out = buf;
    uint64_t draw = 0;

    for (size_t i = 0; i < len; i++, draw >>= 8) {
        if (i % 8 == 0)
            draw = sim_draw(hv->sim);
        out[i] = (unsigned char)draw;
    }
}
