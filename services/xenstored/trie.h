/* SPDX-License-Identifier: ISC */
/**
 * @file trie.h
 * The children of a large directory: a hash trie of 16-way nodes over the keyed hash of the name.
 *
 * For children.c alone, which says how maps are shared and made exclusive. A function that takes a
 * `void **link` is given the place where the one holder of the trie keeps it; what it changes it
 * makes exclusive on the way, which may put another trie there.
 */
#ifndef XENSTORED_TRIE_H
#define XENSTORED_TRIE_H

#include <hv/hv.h>

#include <stdint.h>

struct node;
struct tree_env;
struct trie;

/** An empty trie with one reference; NULL without memory. */
struct trie *trie_create(struct tree_env *env);

/** About how many bytes a trie of @count children takes. */
size_t trie_bytes(uint32_t count);

/** One more holder. */
void trie_get(struct trie *trie);

/** Drop a reference; the last one drops those to the children, too. */
void trie_put(struct tree_env *env, struct trie *trie);

/** The child called @name, or NULL. */
struct node *trie_find(const struct tree_env *env, const struct trie *trie, const char *name,
                       size_t length);

/** Where the trie holds the child called @name, which exists. NULL without memory. */
struct node **trie_own_slot(struct tree_env *env, void **link, const char *name, size_t length);

/** Add a child of a name that is not there; the caller's reference goes with it. -ENOMEM. */
HV_MUST_CHECK int trie_insert(struct tree_env *env, void **link, struct node *node);

/** Take out the child called @name, which exists, and its reference. NULL without memory. */
struct node *trie_remove(struct tree_env *env, void **link, const char *name, size_t length);

/** The next child; *@cursor is 0 at first. NULL: there are no more. */
struct node *trie_next(const struct trie *root, uint64_t *cursor);

#endif
