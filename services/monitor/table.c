/* SPDX-License-Identifier: ISC */
#include "table.h"

#include <string.h>

/* Flows that a list is asked about when one has to go: those that were busy since they were last
 * looked at get another turn. */
#define CHANCES 8U
/* Identities that the fullest is compared with at a time. */
#define COMPARED 8U
/* In the first word that is hashed, where the address family is, too. */
#define LONG_FORM 0x8000U
/* Of a flow that lives no more. */
#define NO_FAMILY 0xffU

static size_t aligned(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

/* Four flows a bucket at most: of buckets of ten, 0.3 % are then too small for theirs, and of pairs
 * none to speak of. */
static uint32_t bucket_count(uint32_t capacity)
{
    uint32_t count = 2;

    while (count < capacity / 4)
        count *= 2;
    return count;
}

static size_t live_words(uint32_t capacity)
{
    return (capacity + 63) / 64;
}

size_t table_size(uint32_t capacity, uint32_t identities)
{
    return aligned(capacity * sizeof(struct flow)) +
           bucket_count(capacity) * sizeof(struct table_bucket) +
           aligned(capacity * sizeof(struct table_link)) +
           aligned(live_words(capacity) * sizeof(uint64_t)) +
           aligned(identities * sizeof(struct table_share));
}

void table_begin(struct table *table, void *memory, uint32_t capacity, uint32_t identities,
                 const struct hash_key *key)
{
    uint8_t *at = memory;

    *table = (struct table){.key = *key,
                            .capacity = capacity,
                            .identities = identities,
                            .free = TABLE_NONE,
                            .bucket_mask = bucket_count(capacity) - 1};
    table->flows = (struct flow *)at;
    at += aligned(capacity * sizeof(struct flow));
    table->buckets = (struct table_bucket *)at;
    at += bucket_count(capacity) * sizeof(struct table_bucket);
    table->links = (struct table_link *)at;
    at += aligned(capacity * sizeof(struct table_link));
    table->live = (uint64_t *)at;
    at += aligned(live_words(capacity) * sizeof(uint64_t));
    table->shares = (struct table_share *)at;
    for (uint32_t i = 0; i < identities; i++)
        for (unsigned j = 0; j < 2; j++)
            table->shares[i].list[j] = (struct table_list){TABLE_NONE, TABLE_NONE};
}

/* -- keys */

static uint64_t load(const void *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, 8);
    return word;
}

/* Two words in nearly all cases: IPv4 without tags on the first 256 bridges. The first word tells
 * the two forms apart. */
void table_hash(const struct table *table, struct table_lookup *lookup)
{
    const struct flow_key *key = &lookup->key;
    uint64_t words[6] = {(uint64_t)key->port[0] << 48 | (uint64_t)key->port[1] << 32 |
                         (uint64_t)key->protocol << 24 | (uint64_t)(key->lan & 0xff) << 16 |
                         key->family};

    if (key->family == 4 && (key->vid[0] | key->vid[1] | key->lan >> 8) == 0) {
        uint32_t address[2];

        memcpy(&address[0], key->address[0], 4);
        memcpy(&address[1], key->address[1], 4);
        words[1] = (uint64_t)address[1] << 32 | address[0];
        lookup->hash = hash_words(&table->key, words, 2);
    } else {
        words[0] |= LONG_FORM;
        words[1] = (uint64_t)key->vid[0] << 48 | (uint64_t)key->vid[1] << 32 |
                   (uint64_t)key->ethertype << 16 | key->lan;
        memcpy(&words[2], key->address, 32);
        lookup->hash = hash_words(&table->key, words, 6);
    }
}

static uint16_t tag_of(uint64_t hash)
{
    const uint16_t tag = (uint16_t)(hash >> 48);

    return tag ? tag : 1;
}

static inline bool same_key(const struct flow *flow, const struct flow_key *key)
{
    const unsigned side = flow->state & FLOW_SWAPPED;
    const uint8_t *a = flow->key.address[side], *b = flow->key.address[side ^ 1];

    return ((load(a) ^ load(key->address[0])) | (load(a + 8) ^ load(key->address[0] + 8)) |
            (load(b) ^ load(key->address[1])) | (load(b + 8) ^ load(key->address[1] + 8)) |
            (load(&flow->key.family) ^ load(&key->family)) |
            (uint64_t)(flow->key.port[side] ^ key->port[0]) |
            (uint64_t)(flow->key.port[side ^ 1] ^ key->port[1]) |
            (uint64_t)(flow->key.vid[0] ^ key->vid[0]) |
            (uint64_t)(flow->key.vid[1] ^ key->vid[1])) == 0;
}

static struct table_lookup lookup_of(const struct table *table, const struct flow *flow)
{
    struct table_lookup lookup = {.key = flow->key};

    if (flow->state & FLOW_SWAPPED) {
        memcpy(lookup.key.address[0], flow->key.address[1], 16);
        memcpy(lookup.key.address[1], flow->key.address[0], 16);
        lookup.key.port[0] = flow->key.port[1];
        lookup.key.port[1] = flow->key.port[0];
    }
    table_hash(table, &lookup);
    return lookup;
}

/* -- buckets */

/* The fields of word @i of @bucket's tags that are @pattern's, by their highest bits. A field is
 * zero if and only if neither its low bits carry into its highest one nor that is set. */
static inline uint64_t same_tags(const struct table_bucket *bucket, unsigned i, uint64_t pattern)
{
    const uint64_t low = UINT64_C(0x7fff7fff7fff7fff);
    const uint64_t x = load((const uint8_t *)bucket + i * 8) ^ pattern;

    return ~(((x & low) + low) | x | low);
}

static inline uint64_t pattern_of(uint16_t tag)
{
    return tag * UINT64_C(0x0001000100010001);
}

/* The ways of @bucket whose tag is @tag, as bits: bits 15, 31, 47, 63 become 0 to 3. */
static inline unsigned ways_of(const struct table_bucket *bucket, uint16_t tag)
{
    unsigned ways = 0;

    for (unsigned i = 0; i < 3; i++)
        ways |= (unsigned)((same_tags(bucket, i, pattern_of(tag)) >> 15) *
                                   UINT64_C(0x0001000200040008) >>
                               48 &
                           15)
                << (i * 4);
    return ways & ((1U << TABLE_WAYS) - 1);
}

/* The first one; TABLE_WAYS or more: none. Buckets fill from their beginning. */
static inline unsigned first_way(const struct table_bucket *bucket, uint16_t tag)
{
    for (unsigned i = 0; i < 3; i++) {
        const uint64_t same = same_tags(bucket, i, pattern_of(tag));

        if (same != 0)
            return i * 4 + (unsigned)__builtin_ctzll(same) / 16;
    }
    return TABLE_WAYS;
}

void table_prefetch_flow(const struct table *table, struct table_lookup *lookup)
{
    const struct table_bucket *bucket = &table->buckets[lookup->hash & table->bucket_mask];
    const unsigned way = first_way(bucket, tag_of(lookup->hash));

    lookup->likely = TABLE_NONE;
    if (way < TABLE_WAYS) {
        const uint8_t *line = (const uint8_t *)&table->flows[bucket->flow[way]];

        lookup->likely = bucket->flow[way];
        __builtin_prefetch(line, 1);
        __builtin_prefetch(line + 64, 1);
        __builtin_prefetch(line + 128, 1);
    }
}

static uint32_t find_in(const struct table *table, const struct table_bucket *bucket,
                        const struct table_lookup *lookup)
{
    for (unsigned ways = ways_of(bucket, tag_of(lookup->hash)); ways != 0; ways &= ways - 1) {
        const uint32_t index = bucket->flow[__builtin_ctz(ways)];

        if (same_key(&table->flows[index], &lookup->key))
            return index;
    }
    return TABLE_NONE;
}

uint32_t table_find(const struct table *table, const struct table_lookup *lookup)
{
    const uint32_t home = lookup->hash & table->bucket_mask;
    uint32_t index = lookup->likely;

    if (index != TABLE_NONE && same_key(&table->flows[index], &lookup->key))
        return index;
    index = find_in(table, &table->buckets[home], lookup);
    if (index == TABLE_NONE && table->buckets[home].beside != 0)
        index = find_in(table, &table->buckets[home ^ 1], lookup);
    return index;
}

static int free_way(const struct table_bucket *bucket)
{
    const unsigned ways = ways_of(bucket, 0);

    return ways ? __builtin_ctz(ways) : -1;
}

static void bucket_put(struct table *table, uint64_t hash, uint32_t index)
{
    const uint32_t home = hash & table->bucket_mask;
    struct table_bucket *bucket = &table->buckets[home];
    int way = free_way(bucket);

    if (way < 0) {
        bucket->beside++;
        bucket = &table->buckets[home ^ 1];
        way = free_way(bucket);
    }
    bucket->tag[way] = tag_of(hash);
    bucket->flow[way] = index;
}

static bool bucket_take(struct table_bucket *bucket, uint16_t tag, uint32_t index)
{
    for (unsigned ways = ways_of(bucket, tag); ways != 0; ways &= ways - 1) {
        const int way = __builtin_ctz(ways);

        if (bucket->flow[way] == index) {
            bucket->tag[way] = 0;
            return true;
        }
    }
    return false;
}

/* -- lists and shares */

static struct table_list *list_of(struct table *table, const struct flow *flow)
{
    return &table->shares[flow->charged].list[flow->state & FLOW_ANSWERED ? 1 : 0];
}

static void list_append(struct table *table, struct table_list *list, uint32_t index)
{
    table->links[index] = (struct table_link){.older = list->newest, .newer = TABLE_NONE};
    if (list->newest != TABLE_NONE)
        table->links[list->newest].newer = index;
    else
        list->oldest = index;
    list->newest = index;
}

static void list_take(struct table *table, struct table_list *list, uint32_t index)
{
    const struct table_link link = table->links[index];

    if (link.older != TABLE_NONE)
        table->links[link.older].newer = link.newer;
    else
        list->oldest = link.newer;
    if (link.newer != TABLE_NONE)
        table->links[link.newer].older = link.older;
    else
        list->newest = link.older;
}

static uint32_t fullest(struct table *table)
{
    unsigned i = 0;

    do {
        table->compared = table->compared + 1 < table->identities ? table->compared + 1 : 0;
        if (table->shares[table->compared].flows > table->shares[table->fullest].flows)
            table->fullest = table->compared;
    } while (++i < COMPARED || table->shares[table->fullest].flows == 0);
    return table->fullest;
}

/* The one of @list that was silent for longest among the first few. One of a single frame goes at
 * once: that is what floods are made of. If the first is busier than another it gets another turn,
 * so that all are looked at. */
static uint32_t stale(struct table *table, struct table_list *list)
{
    const uint32_t first = list->oldest;
    uint32_t chosen = first, index = first;

    for (unsigned i = 0; i < CHANCES && index != TABLE_NONE; i++) {
        const struct flow *flow = &table->flows[index];

        if (flow->last < table->flows[chosen].last)
            chosen = index;
        if (flow->reports == 0 && flow->side[0].frames + flow->side[1].frames <= 1) {
            chosen = index;
            break;
        }
        index = table->links[index].newer;
    }
    if (chosen != first) {
        list_take(table, list, first);
        list_append(table, list, first);
    }
    return chosen;
}

/* Of a full pair of buckets: of the fullest identity, unanswered before answered, the oldest. */
static uint32_t worst_of_pair(const struct table *table, uint32_t home)
{
    uint32_t worst = TABLE_NONE;

    for (unsigned i = 0; i < 2 * TABLE_WAYS; i++) {
        const uint32_t index = table->buckets[home ^ (i / TABLE_WAYS)].flow[i % TABLE_WAYS];
        const struct flow *flow = &table->flows[index];
        const struct flow *than = worst == TABLE_NONE ? NULL : &table->flows[worst];
        uint32_t more = table->shares[flow->charged].flows;

        if (than) {
            const uint32_t less = table->shares[than->charged].flows;
            const unsigned answered = flow->state & FLOW_ANSWERED;
            const unsigned answered_than = than->state & FLOW_ANSWERED;

            if (more < less ||
                (more == less && (answered > answered_than ||
                                  (answered == answered_than && flow->last >= than->last))))
                continue;
        }
        worst = index;
    }
    return worst;
}

uint32_t table_victim(struct table *table, const struct table_lookup *lookup)
{
    const uint32_t home = lookup->hash & table->bucket_mask;

    if (free_way(&table->buckets[home]) < 0 && free_way(&table->buckets[home ^ 1]) < 0)
        return worst_of_pair(table, home);
    if (table->count < table->capacity)
        return TABLE_NONE;

    struct table_share *share = &table->shares[fullest(table)];

    return stale(table, &share->list[share->list[0].oldest == TABLE_NONE ? 1 : 0]);
}

/* -- in and out */

static uint32_t pool_take(struct table *table)
{
    uint32_t index = table->free;

    if (index != TABLE_NONE)
        table->free = table->links[index].older;
    else
        index = table->touched++;
    return index;
}

uint32_t table_insert(struct table *table, const struct table_lookup *lookup, bool reversed,
                      uint16_t charged)
{
    const uint32_t index = pool_take(table);
    const bool swapped = lookup->swapped != reversed;
    struct flow *flow = &table->flows[index];
    struct table_share *share = &table->shares[charged];

    memset(flow, 0, sizeof(*flow));
    flow->key = lookup->key;
    if (swapped) {
        memcpy(flow->key.address[0], lookup->key.address[1], 16);
        memcpy(flow->key.address[1], lookup->key.address[0], 16);
        flow->key.port[0] = lookup->key.port[1];
        flow->key.port[1] = lookup->key.port[0];
        flow->state = FLOW_SWAPPED;
    }
    flow->charged = charged;
    bucket_put(table, lookup->hash, index);
    list_append(table, &share->list[0], index);
    if (++share->flows > table->shares[table->fullest].flows)
        table->fullest = charged;
    table->live[index / 64] |= UINT64_C(1) << index % 64;
    if (++table->count > table->highest)
        table->highest = table->count;
    return index;
}

void table_remove(struct table *table, uint32_t index)
{
    struct flow *flow = &table->flows[index];
    const struct table_lookup lookup = lookup_of(table, flow);
    const uint32_t home = lookup.hash & table->bucket_mask;
    const uint16_t tag = tag_of(lookup.hash);

    if (!bucket_take(&table->buckets[home], tag, index) &&
        bucket_take(&table->buckets[home ^ 1], tag, index))
        table->buckets[home].beside--;
    list_take(table, list_of(table, flow), index);
    table->shares[flow->charged].flows--;
    table->live[index / 64] &= ~(UINT64_C(1) << index % 64);
    table->count--;
    table->links[index].older = table->free;
    table->free = index;
    flow->key.family = NO_FAMILY;
}

void table_answered(struct table *table, uint32_t index)
{
    struct flow *flow = &table->flows[index];

    if (flow->state & FLOW_ANSWERED)
        return;
    list_take(table, list_of(table, flow), index);
    flow->state |= FLOW_ANSWERED;
    list_append(table, list_of(table, flow), index);
}

uint32_t table_next(const struct table *table, uint32_t index)
{
    while (index < table->touched) {
        const uint64_t word = table->live[index / 64] >> index % 64;

        if (word != 0)
            return index + (uint32_t)__builtin_ctzll(word);
        index = (index / 64 + 1) * 64;
    }
    return TABLE_NONE;
}
