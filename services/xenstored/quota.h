/* SPDX-License-Identifier: ISC */
/**
 * @file quota.h
 * What a domain may use, by name: upstream's names and defaults (xenstored/domain.c), each with a
 * counter of what is used, the most that was, and the requests refused for it.
 *
 * A quota of N lets a domain have N of the thing. 0 is no limit. Privileged domains are never
 * limited, but counted.
 */
#ifndef XENSTORED_QUOTA_H
#define XENSTORED_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

enum quota {
    QUOTA_NODES,             /**< nodes owned */
    QUOTA_WATCHES,           /**< watches registered */
    QUOTA_OUTSTANDING,       /**< replies that the domain has not read */
    QUOTA_MEMORY,            /**< bytes of nodes, watches, transactions and unread messages */
    QUOTA_TRANSACTIONS,      /**< open at a time */
    QUOTA_TRANSACTION_NODES, /**< requests in one transaction that look at the tree */
    QUOTA_NODE_PERMISSIONS,  /**< entries in a permission list */
    QUOTA_PATH_MAX,          /**< bytes of a path, without /local/domain/N/ */
    QUOTA_NODE_SIZE,         /**< bytes of a value */
    QUOTA_COUNT,
};

/** Quotas that can be set: each hard one, and a soft limit for memory that only warns. */
struct quota_limits {
    uint32_t hard[QUOTA_COUNT];
    uint32_t soft_memory;
};

struct quota_usage {
    uint32_t now[QUOTA_COUNT];     /**< of the countable ones; the last use of the others */
    uint32_t max[QUOTA_COUNT];     /**< the most that was ever */
    uint64_t refused[QUOTA_COUNT]; /**< requests and events refused for it */
};

/** A limit of a domain that is whatever the global one is. */
#define QUOTA_INHERIT UINT32_MAX

/** Upstream's defaults. */
extern const struct quota_limits quota_defaults;

/** Limits that all inherit. */
extern const struct quota_limits quota_inherit;

static inline uint32_t quota_effective(uint32_t own, uint32_t inherited)
{
    return own == QUOTA_INHERIT ? inherited : own;
}

/** Its name in GET_QUOTA, SET_QUOTA and CONTROL. */
const char *quota_name(enum quota quota);

/** What it limits, for people. */
const char *quota_description(enum quota quota);

/** Where @limits keeps the quota called @name ("soft-memory" too); NULL: no such quota. */
uint32_t *quota_find(struct quota_limits *limits, const char *name);

#endif
