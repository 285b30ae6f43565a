/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/store_nodes.h
 * Nodes of XenStore as STORE_SHOW and STORE_DIFF send them: a node too large for one item goes on
 * in the next (CONTROL_F_MORE), and is put together here.
 */
#ifndef ATOLL_STORE_NODES_H
#define ATOLL_STORE_NODES_H

#include "store_commands.h"

/** The largest value or list of permissions: beyond, the service lies. */
#define STORE_PART_MAX (1u << 20)

/** Bytes that grow. */
struct text {
    char *data; /**< NULL where there are none */
    size_t length;
    bool given; /**< the service has said something of it, be it nothing */
};

/** A node at one time. */
struct side {
    bool known; /**< it was there; of a change: what is not given is the same at both times */
    struct text value, perms;
};

struct store_node {
    struct text path;
    struct side before, after; /**< STORE_SHOW tells after alone */
};

/** One node. 0, or an exit code reported. */
typedef int store_node_fn(struct call *call, const struct store_node *node);

/**
 * Send the request that was begun and give each node to @each; with NULL print them as JSON: path,
 * kind ("added", "removed", "changed") and what is given of both times.
 */
int store_nodes(struct call *call, store_node_fn *each);

/** `PATH = "VALUE"   (PERMS)`, of what is given. @path NULL: none. */
void store_node_print(const struct text *path, const struct side *side);

#endif
