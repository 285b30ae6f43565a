/* SPDX-License-Identifier: ISC */
/**
 * @file node.h
 * Counting the references to nodes: shared by tree.c and children.c, nobody else's business.
 */
#ifndef XENSTORED_NODE_H
#define XENSTORED_NODE_H

#include <string.h>

#include "tree.h"

static inline struct node *node_get(struct node *node)
{
    node->refs++;
    return node;
}

/** Drop a reference. What the last one frees, it frees without recursion, however deep it is. */
void node_put(struct tree_env *env, struct node *node);

static inline bool node_is_called(const struct node *node, const char *name, size_t length)
{
    return node->name_length == length && !memcmp(node->text, name, length);
}

#endif
