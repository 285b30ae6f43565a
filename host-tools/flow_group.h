/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/flow_group.h
 * Flows added up: by guest, service port, protocol, name... What strangers pick as keys is hashed
 * with a key of our own, and there are at most FLOW_GROUPS_MAX groups; what comes later goes into
 * one more, named "(others)".
 */
#ifndef ATOLL_FLOW_GROUP_H
#define ATOLL_FLOW_GROUP_H

#include "flow_store.h"
#include <stdio.h>

#define FLOW_GROUPS_MAX (1u << 18)

enum flow_by {
    FLOW_BY_GUEST,    /**< a guest of either side */
    FLOW_BY_VIF,      /**< a port of the switch */
    FLOW_BY_PORT,     /**< the port that was asked: "tcp/443" */
    FLOW_BY_PROTOCOL, /**< "tcp" */
    FLOW_BY_PEER,     /**< two addresses that talk */
    FLOW_BY_TALKER,   /**< an address of either side */
    FLOW_BY_NAME,     /**< names of DNS, TLS, HTTP */
    FLOW_BYS
};

/** Which one has this name. False: none. */
bool flow_by_parse(const char *name, enum flow_by *by);

struct flow_group {
    char *key;
    uint64_t flows, frames;
    uint64_t sent, received; /**< bytes; from the key, or where it has no side, from who began */
};

struct flow_groups;

/** NULL: no memory. */
struct flow_groups *flow_groups_create(enum flow_by by);
void flow_groups_free(struct flow_groups *groups);

/** 0, or -ENOMEM. A flow is of two groups where the key is of one side, and both differ. */
int flow_groups_add(struct flow_groups *groups, const struct flow_view *flow);

/** Put them in order (by bytes, frames or flows, most first); @count of them. "flows" is
 * FLOW_SORTS. The array is the groups'. */
const struct flow_group *flow_groups_sort(struct flow_groups *groups, unsigned sort, size_t *count);

/** As a table of @limit rows at most (0: all) in lines of @line characters (0: any), or an array in
 * JSON. */
void flow_groups_print(struct flow_groups *groups, unsigned sort, size_t limit, bool json,
                       size_t line, FILE *out);

#endif
