/* SPDX-License-Identifier: ISC */
/**
 * @file children.h
 * The children of one node: a persistent map from name to node that remembers creation order.
 *
 * Up to CHILDREN_SMALL children are an array in order of creation. More are a hash trie of 16-way
 * nodes over a keyed hash of the name, so that a directory of 10,000 is as cheap to change as a
 * small one; its order comes from the nodes' sequence numbers. Everything is counted and shared
 * between versions like the nodes themselves (tree.h); a function that changes a map first makes
 * the part it changes exclusive to its caller, who must be the only holder of what the map hangs
 * in.
 */
#ifndef XENSTORED_CHILDREN_H
#define XENSTORED_CHILDREN_H

#include <hv/hv.h>

#include <stdint.h>

struct node;
struct tree_env;

#define CHILDREN_SMALL 16U

struct children {
    uint32_t refs;
    uint32_t count;
    uint32_t names_bytes; /* of all names, each with its NUL: the size of the DIRECTORY reply */
    uint16_t capacity;    /* of slot[] while it is an array; 0: slot[0] is the root of a trie */
    void *slot[];
};

/** The child called @name, or NULL. @children may be NULL. */
struct node *children_find(const struct tree_env *env, const struct children *children,
                           const char *name, size_t length);

/**
 * Where the map at *@map, which is made exclusive, holds the child called @name, which exists: the
 * caller may put another node of the same name there. NULL without memory.
 */
struct node **children_own(struct tree_env *env, struct children **map, const char *name,
                           size_t length);

/**
 * Add @node, of a name that is not there, and take over the caller's reference. It gets the place
 * that its sequence number says. -ENOMEM.
 */
HV_MUST_CHECK int children_insert(struct tree_env *env, struct children **map, struct node *node);

/** Remove the child called @name, which exists, and drop the reference to it. -ENOMEM. */
HV_MUST_CHECK int children_remove(struct tree_env *env, struct children **map, const char *name,
                                  size_t length);

/** About how many bytes the map takes, its children not included; 0 for NULL. */
size_t children_bytes(const struct children *children);

/** Another holder of the map; NULL for NULL. */
struct children *children_get(struct children *children);

/** Drop a reference; the last one drops those to the children, too. NULL is nothing to do. */
void children_put(struct tree_env *env, struct children *children);

/** The next child in an order that is fixed while the map is; *@cursor is 0 at first. NULL: end. */
struct node *children_next(const struct children *children, uint64_t *cursor);

/** Put the children, in order of creation, into @array, which has room for @children->count. */
void children_sorted(const struct children *children, struct node **array);

#endif
