/* SPDX-License-Identifier: ISC */
/**
 * @file snoop_table.h
 * What snooping has learned: groups, and for each the ports that are in it, until when. Only
 * snoop*.c use it.
 *
 * The ports towards routers are a group, too: that of the address zero (SNOOP_ROUTERS), whose
 * record also says whether a querier was heard. Routers count towards a share of their own, so that
 * no guest's groups keep the one out.
 */
#ifndef SWITCH_SNOOP_TABLE_H
#define SWITCH_SNOOP_TABLE_H

#include <hv/time.h>

#include "snoop.h"

enum snoop_family { SNOOP_IPV4 = 4, SNOOP_IPV6 = 6 };

/** Hashed whole. */
struct snoop_key {
    uint8_t address[16]; /**< IPv4: the last 4; all zero: the routers */
    uint16_t bridge, vid;
    uint32_t family;
};

/** A port's being in a group. */
struct snoop_member {
    uint64_t until;     /**< it is in it before then */
    uint64_t old_until; /**< an IGMPv1 host was heard, which leaves without a word: until then
                             others' leaves do not count (RFC 2236, 5) */
    uint32_t group;     /**< its record */
    uint32_t next;      /**< of the group's; of the free ones */
    uint32_t port_next, port_prev; /**< of the port's */
    uint16_t port;
    bool leaving; /**< somebody there left: the next query for the group decides */
};

struct snoop_group {
    struct snoop_key key;
    uint32_t chain; /**< the next of the bucket; of the free ones */
    uint32_t first; /**< of its members; SNOOP_NONE: it is free */
    struct port_set ports;
    uint64_t same_until; /**< before then none of @ref ports has to go */
    struct {             /**< of the routers' group only: see snoop_heard_query() */
        uint64_t since, until;
        uint64_t lifetime; /**< of what is reported now */
    } querier;
};

struct snoop_port {
    uint32_t first; /**< of its members */
    unsigned groups, routers;
    uint64_t none_before; /**< none of its members has to go before */
    uint64_t all_until;   /**< it gets everything on @ref all_bridge before then */
    uint16_t all_bridge;
    bool host;
};

#define SNOOP_NONE UINT32_MAX

/** How long what is reported lasts, with the standard's variables (RFC 3376, 8.4). */
#define SNOOP_MEMBERSHIP (260 * HV_SEC)

struct snoop {
    struct arena *arena;
    struct hash_key key;
    struct snoop_group *groups;
    struct snoop_member *members;
    uint32_t *buckets;
    unsigned group_count, member_count, per_port;
    uint32_t free_group, free_member, hand;
    struct port_set all; /**< ports whose all_until is set */
    struct snoop_port ports[SNOOP_PORTS];
    struct snoop_usage usage;
};

struct snoop_key snoop_key4(uint16_t bridge, uint16_t vid, const uint8_t address[4]);
struct snoop_key snoop_key6(uint16_t bridge, uint16_t vid, const uint8_t address[16]);
struct snoop_key snoop_key_routers(uint16_t bridge, uint16_t vid, enum snoop_family family);

/** The record of @key, with members that may be over; NULL: nobody was in it. */
struct snoop_group *snoop_find(const struct snoop *snoop, const struct snoop_key *key);

/** The port's membership, maybe over; NULL. */
struct snoop_member *snoop_member(struct snoop *snoop, struct snoop_group *group, uint16_t port);

/**
 * Let @port be in the group of @key until @until at least. NULL: there is no room, and nothing
 * happened. What is over makes room first: the port's own all of it, others' some.
 */
struct snoop_member *snoop_join(struct snoop *snoop, const struct snoop_key *key, uint16_t port,
                                uint64_t until, uint64_t now);

/** @port gets everything on @bridge until then at least. */
void snoop_give_all(struct snoop *snoop, uint16_t bridge, uint16_t port, uint64_t until);

/** Add to @ports who is in @group now (NULL: nobody). False: nobody is. */
bool snoop_add_group(const struct snoop *snoop, const struct snoop_group *group, uint64_t now,
                     struct port_set *ports);
/** Add to @ports who gets everything on @bridge now. */
void snoop_add_all(const struct snoop *snoop, uint16_t bridge, uint64_t now,
                   struct port_set *ports);

/** The membership is over then, be that sooner or later than it was. */
void snoop_ends(struct snoop *snoop, struct snoop_member *member, uint64_t until);

#endif
