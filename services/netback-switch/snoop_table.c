/* SPDX-License-Identifier: ISC */
#include "snoop_table.h"

#include <string.h>

struct snoop *snoop_create(struct arena *arena, const struct snoop_config *config,
                           const struct hash_key *key)
{
    struct snoop *snoop = arena_zalloc(arena, sizeof(*snoop));

    if (!snoop)
        return NULL;
    snoop->arena = arena;
    snoop->key = *key;
    snoop->group_count = config->groups;
    snoop->member_count = config->members ? config->members : 2 * config->groups;
    snoop->per_port = config->per_port;
    snoop->groups = arena_alloc(arena, snoop->group_count * sizeof(*snoop->groups));
    snoop->members = arena_alloc(arena, snoop->member_count * sizeof(*snoop->members));
    snoop->buckets = arena_alloc(arena, snoop->group_count * sizeof(*snoop->buckets));
    if (!snoop->groups || !snoop->members || !snoop->buckets) {
        snoop_destroy(snoop);
        return NULL;
    }

    for (unsigned i = 0; i < snoop->group_count; i++) {
        snoop->buckets[i] = SNOOP_NONE;
        snoop->groups[i].chain = i + 1 < snoop->group_count ? i + 1 : SNOOP_NONE;
    }
    for (unsigned i = 0; i < snoop->member_count; i++) {
        snoop->members[i].group = SNOOP_NONE;
        snoop->members[i].next = i + 1 < snoop->member_count ? i + 1 : SNOOP_NONE;
    }
    for (unsigned i = 0; i < SNOOP_PORTS; i++)
        snoop->ports[i].first = SNOOP_NONE;
    return snoop;
}

void snoop_destroy(struct snoop *snoop)
{
    if (!snoop)
        return;
    arena_free(snoop->arena, snoop->groups, snoop->group_count * sizeof(*snoop->groups));
    arena_free(snoop->arena, snoop->members, snoop->member_count * sizeof(*snoop->members));
    arena_free(snoop->arena, snoop->buckets, snoop->group_count * sizeof(*snoop->buckets));
    arena_free(snoop->arena, snoop, sizeof(*snoop));
}

struct snoop_key snoop_key4(uint16_t bridge, uint16_t vid, const uint8_t address[4])
{
    struct snoop_key key = {.bridge = bridge, .vid = vid, .family = SNOOP_IPV4};

    memcpy(key.address + 12, address, 4);
    return key;
}

struct snoop_key snoop_key6(uint16_t bridge, uint16_t vid, const uint8_t address[16])
{
    struct snoop_key key = {.bridge = bridge, .vid = vid, .family = SNOOP_IPV6};

    memcpy(key.address, address, 16);
    return key;
}

struct snoop_key snoop_key_routers(uint16_t bridge, uint16_t vid, enum snoop_family family)
{
    return (struct snoop_key){.bridge = bridge, .vid = vid, .family = family};
}

static bool is_routers(const struct snoop_key *key)
{
    static const uint8_t zero[16];

    return memcmp(key->address, zero, sizeof(zero)) == 0;
}

static uint32_t *bucket_of(const struct snoop *snoop, const struct snoop_key *key)
{
    _Static_assert(sizeof(*key) == 24, "hashed whole, so without gaps");
    return &snoop->buckets[hash_bytes(&snoop->key, key, sizeof(*key)) & (snoop->group_count - 1)];
}

struct snoop_group *snoop_find(const struct snoop *snoop, const struct snoop_key *key)
{
    for (uint32_t at = *bucket_of(snoop, key); at != SNOOP_NONE; at = snoop->groups[at].chain)
        if (memcmp(&snoop->groups[at].key, key, sizeof(*key)) == 0)
            return &snoop->groups[at];
    return NULL;
}

struct snoop_member *snoop_member(struct snoop *snoop, struct snoop_group *group, uint16_t port)
{
    if (!port_set_has(&group->ports, port))
        return NULL;
    for (uint32_t at = group->first; at != SNOOP_NONE; at = snoop->members[at].next)
        if (snoop->members[at].port == port)
            return &snoop->members[at];
    return NULL;
}

/* How many of its kind the port of @group's members is in. */
static unsigned *share_of(struct snoop *snoop, uint16_t port, bool routers)
{
    return routers ? &snoop->ports[port].routers : &snoop->ports[port].groups;
}

static void release_group(struct snoop *snoop, struct snoop_group *group)
{
    uint32_t at = (uint32_t)(group - snoop->groups);
    uint32_t *link = bucket_of(snoop, &group->key);

    while (*link != at)
        link = &snoop->groups[*link].chain;
    *link = group->chain;
    group->chain = snoop->free_group;
    snoop->free_group = at;
    snoop->usage.groups--;
}

/* And its group, if it was the last. */
static void release(struct snoop *snoop, struct snoop_member *member)
{
    struct snoop_group *group = &snoop->groups[member->group];
    struct snoop_port *port = &snoop->ports[member->port];
    uint32_t at = (uint32_t)(member - snoop->members), *link = &group->first;

    while (*link != at)
        link = &snoop->members[*link].next;
    *link = member->next;
    port_set_remove(&group->ports, member->port);
    --*share_of(snoop, member->port, is_routers(&group->key));

    if (member->port_prev != SNOOP_NONE)
        snoop->members[member->port_prev].port_next = member->port_next;
    else
        port->first = member->port_next;
    if (member->port_next != SNOOP_NONE)
        snoop->members[member->port_next].port_prev = member->port_prev;

    member->group = SNOOP_NONE;
    member->next = snoop->free_member;
    snoop->free_member = at;
    snoop->usage.members--;
    if (group->first == SNOOP_NONE)
        release_group(snoop, group);
}

void snoop_age(struct snoop *snoop, uint64_t now)
{
    for (unsigned count = 0; count < SNOOP_STEP; count++) {
        struct snoop_member *member = &snoop->members[snoop->hand];
        uint16_t port = (uint16_t)(snoop->hand % SNOOP_PORTS);

        if (port_set_has(&snoop->all, port) && snoop->ports[port].all_until <= now)
            port_set_remove(&snoop->all, port);
        snoop->hand = (snoop->hand + 1) % snoop->member_count;
        if (member->group != SNOOP_NONE && member->until <= now)
            release(snoop, member);
    }
}

/* Frees what is over of @port. As in fdb.c, not for each frame of one that asks for too much. */
static void age_port(struct snoop *snoop, struct snoop_port *port, uint64_t now)
{
    uint32_t at, next;

    if (now < port->none_before)
        return;
    port->none_before = UINT64_MAX;
    for (at = port->first; at != SNOOP_NONE; at = next) {
        struct snoop_member *member = &snoop->members[at];

        next = member->port_next;
        if (member->until <= now)
            release(snoop, member);
        else if (member->until < port->none_before)
            port->none_before = member->until;
    }
}

/* Frees what is over of @group, which has a member that is not. */
static void age_group(struct snoop *snoop, struct snoop_group *group, uint64_t now)
{
    uint32_t at, next;

    group->same_until = UINT64_MAX;
    for (at = group->first; at != SNOOP_NONE; at = next) {
        struct snoop_member *member = &snoop->members[at];

        next = member->next;
        if (member->until <= now)
            release(snoop, member);
        else if (member->until < group->same_until)
            group->same_until = member->until;
    }
}

static bool make_room(struct snoop *snoop, uint16_t number, bool routers, uint64_t now)
{
    const unsigned *share = share_of(snoop, number, routers);

    if (*share >= snoop->per_port)
        age_port(snoop, &snoop->ports[number], now);
    if (snoop->free_member == SNOOP_NONE || snoop->free_group == SNOOP_NONE)
        snoop_age(snoop, now);
    return *share < snoop->per_port && snoop->free_member != SNOOP_NONE;
}

static struct snoop_group *new_group(struct snoop *snoop, const struct snoop_key *key)
{
    uint32_t at = snoop->free_group, *bucket = bucket_of(snoop, key);
    struct snoop_group *group;

    if (at == SNOOP_NONE)
        return NULL;
    group = &snoop->groups[at];
    snoop->free_group = group->chain;
    *group = (struct snoop_group){
        .key = *key, .chain = *bucket, .first = SNOOP_NONE, .same_until = UINT64_MAX};
    *bucket = at;
    snoop->usage.groups++;
    return group;
}

static struct snoop_member *new_member(struct snoop *snoop, struct snoop_group *group,
                                       uint16_t number, uint64_t until)
{
    uint32_t at = snoop->free_member;
    struct snoop_member *member = &snoop->members[at];
    struct snoop_port *port = &snoop->ports[number];

    snoop->free_member = member->next;
    *member = (struct snoop_member){
        .until = until,
        .group = (uint32_t)(group - snoop->groups),
        .next = group->first,
        .port_next = port->first,
        .port_prev = SNOOP_NONE,
        .port = number,
    };
    group->first = at;
    port_set_add(&group->ports, number);
    if (port->first != SNOOP_NONE)
        snoop->members[port->first].port_prev = at;
    port->first = at;
    ++*share_of(snoop, number, is_routers(&group->key));
    snoop->usage.members++;
    return member;
}

struct snoop_member *snoop_join(struct snoop *snoop, const struct snoop_key *key, uint16_t port,
                                uint64_t until, uint64_t now)
{
    struct snoop_group *group = snoop_find(snoop, key);
    struct snoop_member *member = group ? snoop_member(snoop, group, port) : NULL;

    if (member) {
        if (member->until < until)
            member->until = until;
    } else {
        if (!make_room(snoop, port, is_routers(key), now))
            return NULL;
        group = snoop_find(snoop, key); /* its last member may just have gone */
        if (!group)
            group = new_group(snoop, key);
        if (!group)
            return NULL;
        member = new_member(snoop, group, port, until);
    }
    snoop_ends(snoop, member, member->until);
    if (group->same_until <= now)
        age_group(snoop, group, now);
    return member;
}

void snoop_ends(struct snoop *snoop, struct snoop_member *member, uint64_t until)
{
    struct snoop_group *group = &snoop->groups[member->group];
    struct snoop_port *port = &snoop->ports[member->port];

    member->until = until;
    if (until < group->same_until)
        group->same_until = until;
    if (until < port->none_before)
        port->none_before = until;
}

void snoop_give_all(struct snoop *snoop, uint16_t bridge, uint16_t number, uint64_t until)
{
    struct snoop_port *port = &snoop->ports[number];

    if (port->all_bridge != bridge || port->all_until < until)
        port->all_until = until;
    port->all_bridge = bridge;
    port_set_add(&snoop->all, number);
}

void snoop_new_port(struct snoop *snoop, uint16_t bridge, uint16_t port, uint64_t now)
{
    HV_ASSERT(port < SNOOP_PORTS);
    snoop_give_all(snoop, bridge, port, now + SNOOP_MEMBERSHIP);
}

void snoop_set_host(struct snoop *snoop, uint16_t port, bool host)
{
    HV_ASSERT(port < SNOOP_PORTS);
    snoop->ports[port].host = host;
}

void snoop_forget_port(struct snoop *snoop, uint16_t port)
{
    HV_ASSERT(port < SNOOP_PORTS);
    while (snoop->ports[port].first != SNOOP_NONE)
        release(snoop, &snoop->members[snoop->ports[port].first]);
    snoop->ports[port] = (struct snoop_port){.first = SNOOP_NONE};
    port_set_remove(&snoop->all, port);
}

void snoop_forget_bridge(struct snoop *snoop, uint16_t bridge)
{
    for (unsigned i = 0; i < snoop->member_count; i++) {
        struct snoop_member *member = &snoop->members[i];

        if (member->group != SNOOP_NONE && snoop->groups[member->group].key.bridge == bridge)
            release(snoop, member);
    }
    for (uint16_t port = 0; port < SNOOP_PORTS; port++)
        if (port_set_has(&snoop->all, port) && snoop->ports[port].all_bridge == bridge)
            port_set_remove(&snoop->all, port);
}

bool snoop_add_group(const struct snoop *snoop, const struct snoop_group *group, uint64_t now,
                     struct port_set *ports)
{
    bool any = false;

    if (!group)
        return false;
    if (now < group->same_until) {
        for (unsigned i = 0; i < SNOOP_PORTS / 64; i++)
            ports->bits[i] |= group->ports.bits[i];
        return true;
    }
    for (uint32_t at = group->first; at != SNOOP_NONE; at = snoop->members[at].next) {
        if (snoop->members[at].until > now) {
            port_set_add(ports, snoop->members[at].port);
            any = true;
        }
    }
    return any;
}

void snoop_add_all(const struct snoop *snoop, uint16_t bridge, uint64_t now, struct port_set *ports)
{
    for (unsigned i = 0; i < SNOOP_PORTS / 64; i++) {
        for (uint64_t left = snoop->all.bits[i]; left != 0; left &= left - 1) {
            uint16_t port = (uint16_t)(i * 64 + (unsigned)__builtin_ctzll(left));

            if (snoop->ports[port].all_bridge == bridge && snoop->ports[port].all_until > now)
                port_set_add(ports, port);
        }
    }
}

void snoop_usage(const struct snoop *snoop, struct snoop_usage *usage)
{
    *usage = snoop->usage;
}
