/* SPDX-License-Identifier: ISC */
/*
 * Slots of one array, chained by the hash of their key. All slots of a port are on a list of its
 * own, too: to forget them with it, and to find those that have aged when its share is used up.
 *
 * That search is not for each frame of a guest that makes addresses up: a port knows a time before
 * which none of its entries can have aged, found by the last search (a frame from an entry only
 * moves that further off). So an entry is looked at by few searches within its ageing time.
 */
#include "fdb.h"

#include <errno.h>
#include <string.h>

#include <hv/time.h>

#include "common/switch_rules.h"

#define NONE   UINT32_MAX
#define STATIC UINT64_MAX /* in slot.seen */

#define AGEING (300 * HV_SEC)

struct slot {
    uint64_t key; /* bridge (4 bits), VID (12), MAC (48, its first byte lowest) */
    uint64_t seen;
    uint32_t chain;      /* the next of the bucket, or of the free ones */
    uint32_t next, prev; /* of the port's */
    uint16_t port;       /* FDB_NO_PORT: free */
};

_Static_assert(FDB_BRIDGES <= 16 && RULES_BRIDGES <= FDB_BRIDGES, "bridge numbers have 4 bits");

struct fdb_port {
    uint32_t first;   /* of its slots */
    unsigned learned; /* those that are not static */
    unsigned limit;
    uint64_t none_before; /* nothing of it ages before */
};

struct fdb {
    struct arena *arena;
    struct hash_key key;
    struct slot *slots;
    uint32_t *buckets; /* as many as slots */
    struct fdb_port *ports;
    unsigned entries, port_count, per_bridge;
    uint32_t free, hand; /* where the search for what has aged goes on */
    uint64_t ageing[FDB_BRIDGES];
    unsigned learned[FDB_BRIDGES];
    struct fdb_usage usage;
};

struct fdb *fdb_create(struct arena *arena, const struct fdb_config *config,
                       const struct hash_key *key)
{
    struct fdb *fdb = arena_zalloc(arena, sizeof(*fdb));

    if (!fdb)
        return NULL;
    fdb->arena = arena;
    fdb->key = *key;
    fdb->entries = config->entries;
    fdb->port_count = config->ports;
    fdb->per_bridge = config->per_bridge ? config->per_bridge : config->entries;
    fdb->slots = arena_alloc(arena, config->entries * sizeof(*fdb->slots));
    fdb->buckets = arena_alloc(arena, config->entries * sizeof(*fdb->buckets));
    fdb->ports = arena_alloc(arena, config->ports * sizeof(*fdb->ports));
    if (!fdb->slots || !fdb->buckets || !fdb->ports) {
        fdb_destroy(fdb);
        return NULL;
    }

    for (unsigned i = 0; i < config->entries; i++) {
        fdb->buckets[i] = NONE;
        fdb->slots[i] = (struct slot){.port = FDB_NO_PORT, .chain = i + 1};
    }
    fdb->slots[config->entries - 1].chain = NONE;
    for (unsigned i = 0; i < config->ports; i++)
        fdb->ports[i] = (struct fdb_port){.first = NONE, .limit = config->per_port};
    for (unsigned i = 0; i < FDB_BRIDGES; i++)
        fdb->ageing[i] = config->ageing ? config->ageing : AGEING;
    fdb->usage.entries = config->entries;
    return fdb;
}

void fdb_destroy(struct fdb *fdb)
{
    if (!fdb)
        return;
    arena_free(fdb->arena, fdb->slots, fdb->entries * sizeof(*fdb->slots));
    arena_free(fdb->arena, fdb->buckets, fdb->entries * sizeof(*fdb->buckets));
    arena_free(fdb->arena, fdb->ports, fdb->port_count * sizeof(*fdb->ports));
    arena_free(fdb->arena, fdb, sizeof(*fdb));
}

static inline uint64_t make_key(uint16_t bridge, uint16_t vid, const uint8_t mac[6])
{
    uint64_t key = 0;

    memcpy(&key, mac, 6);
    return key | (uint64_t)(vid & 0xfff) << 48 | (uint64_t)bridge << 60;
}

static inline uint16_t bridge_of(const struct slot *slot)
{
    return (uint16_t)(slot->key >> 60);
}

static inline uint32_t *bucket_of(const struct fdb *fdb, uint64_t key)
{
    return &fdb->buckets[hash_word(&fdb->key, key) & (fdb->entries - 1)];
}

static inline struct slot *find(const struct fdb *fdb, uint32_t first, uint64_t key)
{
    for (uint32_t at = first; at != NONE; at = fdb->slots[at].chain)
        if (fdb->slots[at].key == key)
            return &fdb->slots[at];
    return NULL;
}

/* A caller's older reading of the clock makes nobody old; STATIC is later than any. */
static inline bool has_aged(const struct fdb *fdb, const struct slot *slot, uint64_t now)
{
    return slot->seen < now && now - slot->seen >= fdb->ageing[bridge_of(slot)];
}

/*
 * Onto the list and the counts of @port, off them again.
 */
static void join(struct fdb *fdb, struct slot *slot, uint16_t port, uint64_t seen)
{
    struct fdb_port *owner = &fdb->ports[port];
    uint32_t at = (uint32_t)(slot - fdb->slots);

    slot->port = port;
    slot->seen = seen;
    slot->prev = NONE;
    slot->next = owner->first;
    if (owner->first != NONE)
        fdb->slots[owner->first].prev = at;
    owner->first = at;
    if (seen != STATIC) {
        uint64_t age = fdb->ageing[bridge_of(slot)];
        uint64_t end = seen < UINT64_MAX - age ? seen + age : UINT64_MAX;

        /* The first of a port has its say alone: what was known was about others. */
        if (owner->learned == 0 || end < owner->none_before)
            owner->none_before = end;
        owner->learned++;
        fdb->learned[bridge_of(slot)]++;
    }
}

static void leave(struct fdb *fdb, struct slot *slot)
{
    struct fdb_port *owner = &fdb->ports[slot->port];

    if (slot->prev != NONE)
        fdb->slots[slot->prev].next = slot->next;
    else
        owner->first = slot->next;
    if (slot->next != NONE)
        fdb->slots[slot->next].prev = slot->prev;
    if (slot->seen != STATIC) {
        owner->learned--;
        fdb->learned[bridge_of(slot)]--;
    }
}

static void release(struct fdb *fdb, struct slot *slot)
{
    uint32_t at = (uint32_t)(slot - fdb->slots);
    uint32_t *link = bucket_of(fdb, slot->key);

    while (*link != at)
        link = &fdb->slots[*link].chain;
    *link = slot->chain;
    leave(fdb, slot);
    slot->port = FDB_NO_PORT;
    slot->chain = fdb->free;
    fdb->free = at;
    fdb->usage.used--;
}

/* Looks at the next slots for what has aged, and frees it. */
void fdb_age(struct fdb *fdb, uint64_t now)
{
    for (unsigned count = 0; count < FDB_STEP; count++) {
        struct slot *slot = &fdb->slots[fdb->hand];

        fdb->hand = (fdb->hand + 1) & (fdb->entries - 1);
        if (slot->port != FDB_NO_PORT && has_aged(fdb, slot, now)) {
            release(fdb, slot);
            fdb->usage.aged++;
        }
    }
}

/* Frees what has aged of @port. */
static void age_port(struct fdb *fdb, struct fdb_port *port, uint64_t now)
{
    uint64_t none_before = UINT64_MAX;
    uint32_t at, next;

    if (now < port->none_before)
        return;
    for (at = port->first; at != NONE; at = next) {
        struct slot *slot = &fdb->slots[at];
        uint64_t age = fdb->ageing[bridge_of(slot)];

        next = slot->next;
        if (has_aged(fdb, slot, now)) {
            release(fdb, slot);
            fdb->usage.aged++;
        } else if (slot->seen < UINT64_MAX - age && slot->seen + age < none_before) {
            none_before = slot->seen + age;
        }
    }
    port->none_before = none_before;
}

/* May @port have one more on @bridge? @more: beyond those that are in the table, whose slot it gets
 * otherwise. */
static bool has_share(struct fdb *fdb, uint16_t bridge, uint16_t number, bool more, uint64_t now)
{
    struct fdb_port *port = &fdb->ports[number];

    if (port->learned >= port->limit)
        age_port(fdb, port, now);
    if (port->learned >= port->limit)
        return false;
    if (!more)
        return true;
    if (fdb->learned[bridge] >= fdb->per_bridge || fdb->free == NONE)
        fdb_age(fdb, now);
    return fdb->learned[bridge] < fdb->per_bridge && fdb->free != NONE;
}

static struct slot *take_free(struct fdb *fdb, uint64_t key, uint32_t *bucket)
{
    uint32_t at = fdb->free;
    struct slot *slot = &fdb->slots[at];

    fdb->free = slot->chain;
    slot->key = key;
    slot->chain = *bucket;
    *bucket = at;
    fdb->usage.used++;
    return slot;
}

/* Neither a group nor zero. The group bit is the lowest of the first byte. */
static inline bool is_station(uint64_t key)
{
    return (key & 1) == 0 && key << 16 != 0;
}

static enum fdb_learned learn_new(struct fdb *fdb, uint64_t key, uint32_t *bucket, uint16_t port,
                                  uint64_t now)
{
    if (!has_share(fdb, (uint16_t)(key >> 60), port, true, now)) {
        fdb->usage.refused_full++;
        return FDB_FULL;
    }
    join(fdb, take_free(fdb, key, bucket), port, now);
    fdb->usage.learned++;
    return FDB_NEW;
}

static enum fdb_learned learn_moved(struct fdb *fdb, struct slot *slot, uint16_t port, uint64_t now,
                                    uint16_t *was)
{
    if (slot->seen == STATIC)
        return FDB_REFUSED;
    if (!has_share(fdb, bridge_of(slot), port, false, now)) {
        fdb->usage.refused_full++;
        return FDB_FULL;
    }
    if (was)
        *was = slot->port;
    leave(fdb, slot);
    join(fdb, slot, port, now);
    fdb->usage.moved++;
    return FDB_MOVED;
}

enum fdb_learned fdb_learn(struct fdb *fdb, uint16_t bridge, uint16_t vid, const uint8_t mac[6],
                           uint16_t port, uint64_t now, uint16_t *was)
{
    uint64_t key = make_key(bridge, vid, mac);
    uint32_t *bucket;
    struct slot *slot;

    HV_ASSERT(bridge < FDB_BRIDGES && port < fdb->port_count);
    if (!is_station(key))
        return FDB_REFUSED;
    bucket = bucket_of(fdb, key);
    slot = find(fdb, *bucket, key);
    if (slot && has_aged(fdb, slot, now)) {
        release(fdb, slot);
        fdb->usage.aged++;
        slot = NULL;
    }
    if (!slot)
        return learn_new(fdb, key, bucket, port, now);
    if (slot->port != port)
        return learn_moved(fdb, slot, port, now, was);
    if (slot->seen < now)
        slot->seen = now;
    return FDB_KNOWN;
}

uint16_t fdb_lookup(const struct fdb *fdb, uint16_t bridge, uint16_t vid, const uint8_t mac[6],
                    uint64_t now)
{
    uint64_t key = make_key(bridge, vid, mac);
    const struct slot *slot = find(fdb, *bucket_of(fdb, key), key);

    return slot && !has_aged(fdb, slot, now) ? slot->port : FDB_NO_PORT;
}

/* The next entry that is not static gives way; there is one. */
static void evict(struct fdb *fdb)
{
    struct slot *slot;

    do {
        slot = &fdb->slots[fdb->hand];
        fdb->hand = (fdb->hand + 1) & (fdb->entries - 1);
    } while (slot->seen == STATIC);
    release(fdb, slot);
}

static bool all_static(const struct fdb *fdb)
{
    for (unsigned i = 0; i < fdb->entries; i++)
        if (fdb->slots[i].seen != STATIC)
            return false;
    return true;
}

int fdb_set_static(struct fdb *fdb, uint16_t bridge, uint16_t vid, const uint8_t mac[6],
                   uint16_t port)
{
    uint64_t key = make_key(bridge, vid, mac);
    struct slot *slot;
    uint32_t *bucket;

    HV_ASSERT(bridge < FDB_BRIDGES && port < fdb->port_count);
    if (!is_station(key))
        return -EINVAL;
    bucket = bucket_of(fdb, key);
    slot = find(fdb, *bucket, key);
    if (slot) {
        leave(fdb, slot);
    } else {
        if (fdb->free == NONE && all_static(fdb))
            return -ENOSPC;
        if (fdb->free == NONE)
            evict(fdb);
        slot = take_free(fdb, key, bucket);
    }
    join(fdb, slot, port, STATIC);
    return 0;
}

void fdb_forget_port(struct fdb *fdb, uint16_t port)
{
    HV_ASSERT(port < fdb->port_count);
    while (fdb->ports[port].first != NONE)
        release(fdb, &fdb->slots[fdb->ports[port].first]);
}

void fdb_forget_bridge(struct fdb *fdb, uint16_t bridge)
{
    for (unsigned i = 0; i < fdb->entries; i++)
        if (fdb->slots[i].port != FDB_NO_PORT && bridge_of(&fdb->slots[i]) == bridge)
            release(fdb, &fdb->slots[i]);
}

void fdb_flush(struct fdb *fdb)
{
    for (unsigned i = 0; i < fdb->entries; i++)
        if (fdb->slots[i].port != FDB_NO_PORT && fdb->slots[i].seen != STATIC)
            release(fdb, &fdb->slots[i]);
}

void fdb_set_port_limit(struct fdb *fdb, uint16_t port, unsigned entries)
{
    HV_ASSERT(port < fdb->port_count);
    fdb->ports[port].limit = entries;
}

void fdb_set_ageing(struct fdb *fdb, uint16_t bridge, uint64_t ageing)
{
    HV_ASSERT(bridge < FDB_BRIDGES);
    fdb->ageing[bridge] = ageing ? ageing : AGEING;
    /* What was known of when entries age may be wrong now. */
    for (unsigned i = 0; i < fdb->port_count; i++)
        fdb->ports[i].none_before = 0;
}

bool fdb_walk(const struct fdb *fdb, unsigned at, uint64_t now, bool *found,
              struct fdb_entry *entry, unsigned *next)
{
    *found = false;
    if (at >= fdb->entries)
        return false;
    for (unsigned count = 0; count < FDB_STEP && at < fdb->entries && !*found; count++, at++) {
        const struct slot *slot = &fdb->slots[at];

        if (slot->port == FDB_NO_PORT || has_aged(fdb, slot, now))
            continue;
        *entry = (struct fdb_entry){
            .bridge = bridge_of(slot),
            .vid = (uint16_t)(slot->key >> 48 & 0xfff),
            .port = slot->port,
            .is_static = slot->seen == STATIC,
            .seen = slot->seen == STATIC ? 0 : slot->seen,
        };
        memcpy(entry->mac, &slot->key, 6);
        *found = true;
    }
    *next = at;
    return true;
}

void fdb_usage(const struct fdb *fdb, struct fdb_usage *usage)
{
    *usage = fdb->usage;
}

unsigned fdb_port_entries(const struct fdb *fdb, uint16_t port)
{
    HV_ASSERT(port < fdb->port_count);
    return fdb->ports[port].learned;
}
