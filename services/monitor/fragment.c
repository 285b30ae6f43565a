/* SPDX-License-Identifier: ISC */
/*
 * Sets of WAYS entries. An entry in use has a first fragment that was seen; what it knows of the
 * others is how far the datagram reaches and one hole in it, which is enough to tell the usual
 * disorder from overlaps. Of a datagram with more holes it is not known when it is complete: it
 * stays until its time is over.
 */
#include "fragment.h"

#include <string.h>

#define WAYS    8U
#define TIMEOUT (FRAGMENT_SECONDS * UINT64_C(1000000000))

/* Who sends: what a set is picked by, and what is fair between. Unused bytes are 0. */
struct owner {
    uint8_t source[16];
    uint16_t vid[DECODE_TAGS];
    uint16_t lan;
    uint8_t family, reserved;
};
_Static_assert(sizeof(struct owner) == 24, "owner");

/* What tells two datagrams apart; of IPv6 protocol is 0. */
struct datagram {
    struct owner owner;
    uint8_t destination[16];
    uint32_t id;
    uint8_t protocol, reserved[3];
};
_Static_assert(sizeof(struct datagram) == 48, "datagram");

struct entry {
    struct datagram datagram;
    uint64_t since;
    uint32_t end;            /* seen up to here, but for the hole */
    uint32_t hole, hole_end; /* equal: there is none */
    uint16_t source_port, destination_port;
    uint8_t protocol;
    bool used, ports;
    bool last_seen; /* the fragment behind which nothing comes */
    bool holes;     /* more than one */
};

struct fragments {
    struct hash_key key;
    struct fragment_counters counters;
    unsigned sets;
    _Alignas(64) struct entry entries[];
};

size_t fragments_size(unsigned n)
{
    const size_t sets = n == 0 ? 1 : ((size_t)n + WAYS - 1) / WAYS;

    return sizeof(struct fragments) + sets * WAYS * sizeof(struct entry);
}

struct fragments *fragments_create(void *memory, unsigned n, const struct hash_key *key)
{
    struct fragments *fragments = memory;

    memset(memory, 0, fragments_size(n));
    fragments->key = *key;
    fragments->sets = n == 0 ? 1 : (n - 1) / WAYS + 1;
    return fragments;
}

const struct fragment_counters *fragments_counters(const struct fragments *fragments)
{
    return &fragments->counters;
}

static void identify(struct datagram *datagram, uint16_t lan, const struct decoded *decoded)
{
    memset(datagram, 0, sizeof(*datagram));
    memcpy(datagram->owner.source, decoded->source, sizeof(decoded->source));
    memcpy(datagram->owner.vid, decoded->vid, sizeof(decoded->vid));
    datagram->owner.lan = lan;
    datagram->owner.family = decoded->family;
    memcpy(datagram->destination, decoded->destination, sizeof(decoded->destination));
    datagram->id = decoded->fragment_id;
    datagram->protocol = decoded->family == DECODE_IPV4 ? decoded->protocol : 0;
}

static struct entry *set_of(struct fragments *fragments, const struct owner *owner)
{
    const uint64_t hash = hash_bytes(&fragments->key, owner, sizeof(*owner));

    return &fragments->entries[(hash >> 32) * fragments->sets / (UINT64_C(1) << 32) * WAYS];
}

static bool alive(const struct entry *entry, uint64_t now)
{
    return entry->used && now - entry->since < TIMEOUT;
}

static struct entry *find(struct entry *set, uint64_t now, const struct datagram *datagram)
{
    for (unsigned i = 0; i < WAYS; i++)
        if (alive(&set[i], now) && memcmp(&set[i].datagram, datagram, sizeof(*datagram)) == 0)
            return &set[i];
    return NULL;
}

static unsigned owned(const struct entry *set, const struct owner *owner)
{
    unsigned count = 0;

    for (unsigned i = 0; i < WAYS; i++)
        if (memcmp(&set[i].datagram.owner, owner, sizeof(*owner)) == 0)
            count++;
    return count;
}

/* All entries are alive: the oldest of the owner that has the most. */
static struct entry *victim(struct entry *set)
{
    struct entry *worst = &set[0];
    unsigned most = owned(set, &worst->datagram.owner);

    for (unsigned i = 1; i < WAYS; i++) {
        const unsigned count = owned(set, &set[i].datagram.owner);

        if (count > most || (count == most && set[i].since < worst->since)) {
            worst = &set[i];
            most = count;
        }
    }
    return worst;
}

static struct entry *place(struct fragments *fragments, struct entry *set, uint64_t now)
{
    for (unsigned i = 0; i < WAYS; i++)
        if (!set[i].used)
            return &set[i];
    for (unsigned i = 0; i < WAYS; i++) {
        if (!alive(&set[i], now)) {
            fragments->counters.expired++;
            return &set[i];
        }
    }
    fragments->counters.evicted++;
    return victim(set);
}

/* Where it ends in its datagram. */
static uint32_t end_of(const struct decoded *decoded)
{
    return (uint32_t)decoded->fragment_at + decoded->fragment_length;
}

static void remember(struct fragments *fragments, struct entry *set, uint64_t now,
                     const struct datagram *datagram, const struct decoded *decoded)
{
    struct entry *entry = find(set, now, datagram);

    if (entry)
        fragments->counters.repeated++;
    else
        entry = place(fragments, set, now);
    fragments->counters.first++;
    *entry = (struct entry){
        .datagram = *datagram,
        .since = now,
        .end = end_of(decoded),
        .source_port = decoded->source_port,
        .destination_port = decoded->destination_port,
        .protocol = decoded->protocol,
        .ports = decoded->ports,
        .used = true,
    };
}

/* Where a later fragment lies in the hole: false if not there alone. */
static bool fill(struct entry *entry, uint32_t at, uint32_t end)
{
    if (at < entry->hole || end > entry->hole_end)
        return false;
    if (at == entry->hole)
        entry->hole = end;
    else if (end == entry->hole_end)
        entry->hole_end = at;
    else
        entry->holes = true;
    return true;
}

static void follow(struct fragments *fragments, struct entry *entry, const struct decoded *decoded)
{
    struct fragment_counters *counters = &fragments->counters;
    const uint32_t at = decoded->fragment_at, end = end_of(decoded);

    if (at > entry->end) {
        counters->out_of_order++;
        if (entry->hole != entry->hole_end)
            entry->holes = true;
        entry->hole = entry->end;
        entry->hole_end = at;
    } else if (at < entry->end && !entry->holes && !fill(entry, at, end)) {
        counters->overlapping++;
    }
    if (end > entry->end)
        entry->end = end;
    if (!decoded->more)
        entry->last_seen = true;
    if (entry->last_seen && entry->hole == entry->hole_end && !entry->holes) {
        counters->complete++;
        entry->used = false;
    }
}

bool fragments_frame(struct fragments *fragments, uint64_t now, uint16_t lan,
                     struct decoded *decoded)
{
    struct datagram datagram;
    struct entry *set, *entry;

    if (!decoded->fragment)
        return false;
    identify(&datagram, lan, decoded);
    set = set_of(fragments, &datagram.owner);
    if (decoded->fragment_at == 0) {
        remember(fragments, set, now, &datagram, decoded);
        return false;
    }
    entry = find(set, now, &datagram);
    if (!entry) {
        fragments->counters.unmatched++;
        return false;
    }
    fragments->counters.matched++;
    decoded->source_port = entry->source_port;
    decoded->destination_port = entry->destination_port;
    decoded->ports = entry->ports;
    decoded->protocol = entry->protocol;
    follow(fragments, entry, decoded);
    return true;
}
