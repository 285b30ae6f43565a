/* SPDX-License-Identifier: ISC */
#include "macs.h"

#include <string.h>

/* Silent for so long, it gives way to anybody: 300 s in 2^27 ns. */
#define OLD 2235U

size_t macs_size(uint32_t identities)
{
    return MACS_SETS * MACS_WAYS * sizeof(struct mac_entry) +
           ((identities * sizeof(uint16_t) + 63) & ~(size_t)63);
}

void macs_create(struct macs *macs, void *memory, const struct hash_key *key)
{
    *macs = (struct macs){.key = *key, .sets = memory};
    macs->count = (uint16_t *)(macs->sets + MACS_SETS);
}

/* The whole of what an entry is found by. */
static struct mac_entry entry_of(const uint8_t mac[6], uint16_t lan, uint16_t vid)
{
    struct mac_entry entry = {.lan = lan, .vid = vid};

    memcpy(entry.mac, mac, 6);
    return entry;
}

static struct mac_entry *set_of(const struct macs *macs, const struct mac_entry *entry)
{
    uint64_t word = 0;

    memcpy(&word, entry->mac, 6);
    word = hash_word(&macs->key, word ^ (uint64_t)entry->vid << 48 ^ (uint64_t)entry->lan << 56 ^
                                     (uint64_t)entry->lan >> 8);
    return macs->sets[word % MACS_SETS];
}

static struct mac_entry *find(const struct macs *macs, const struct mac_entry *wanted)
{
    struct mac_entry *set = set_of(macs, wanted);

    for (unsigned i = 0; i < MACS_WAYS; i++)
        if (set[i].identity != 0 && memcmp(&set[i], wanted, 10) == 0)
            return &set[i];
    return NULL;
}

/* The place that @identity may take; NULL: none. */
static struct mac_entry *place(struct macs *macs, struct mac_entry *set, uint16_t identity,
                               uint32_t seen)
{
    struct mac_entry *best = NULL;

    for (unsigned i = 0; i < MACS_WAYS; i++) {
        struct mac_entry *entry = &set[i];

        if (entry->identity == 0 || seen - entry->seen > OLD)
            return entry;
        if (entry->identity != identity && macs->count[entry->identity] <= macs->count[identity])
            continue;
        /* Its own first, then of who has most, then the oldest. */
        if (!best || (entry->identity == identity) > (best->identity == identity) ||
            (entry->identity == best->identity
                 ? seen - entry->seen > seen - best->seen
                 : best->identity != identity &&
                       macs->count[entry->identity] > macs->count[best->identity]))
            best = entry;
    }
    return best;
}

struct mac_moved macs_learn(struct macs *macs, const uint8_t mac[6], uint16_t lan, uint16_t vid,
                            uint16_t identity, uint64_t now)
{
    const uint32_t seen = (uint32_t)(now >> 27);
    const struct mac_entry wanted = entry_of(mac, lan, vid);
    struct mac_entry *entry = find(macs, &wanted);
    struct mac_moved moved = {0};

    if (!entry) {
        entry = place(macs, set_of(macs, &wanted), identity, seen);
        if (!entry)
            return moved;
        if (entry->identity != 0)
            macs->count[entry->identity]--;
        *entry = wanted;
        macs->count[identity]++;
    } else if (entry->identity != identity) {
        moved.identity = entry->identity;
        moved.age = (uint64_t)(seen - entry->seen) << 27;
        macs->count[entry->identity]--;
        macs->count[identity]++;
    }
    entry->identity = identity;
    entry->seen = seen;
    return moved;
}

uint16_t macs_find(const struct macs *macs, const uint8_t mac[6], uint16_t lan, uint16_t vid)
{
    const struct mac_entry wanted = entry_of(mac, lan, vid);
    const struct mac_entry *entry = mac[0] & 1 ? NULL : find(macs, &wanted);

    return entry ? entry->identity : 0;
}

void macs_forget(struct macs *macs, uint16_t identity)
{
    for (unsigned i = 0; i < MACS_SETS * MACS_WAYS && macs->count[identity] != 0; i++) {
        struct mac_entry *entry = &macs->sets[i / MACS_WAYS][i % MACS_WAYS];

        if (entry->identity == identity) {
            *entry = (struct mac_entry){0};
            macs->count[identity]--;
        }
    }
}
