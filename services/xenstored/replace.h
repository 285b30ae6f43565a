/* SPDX-License-Identifier: ISC */
/**
 * @file replace.h
 * Going back: a subtree, or the whole tree, becomes what it is in another version, in one change.
 */
#ifndef XENSTORED_REPLACE_H
#define XENSTORED_REPLACE_H

#include "history.h"

/**
 * Let the subtree at @path be as in @target, a tree of the caller's, whose permissions are mended
 * where they name domains that became known after version @since of the store, or are not known at
 * all: their entries go, and what they owned belongs to the control domain. Ancestors that are
 * missing are made as they are in @target. Special nodes, and what the service publishes for its
 * control clients, stay as they are.
 *
 * Takes effect as a whole, as a version of @kind and @detail made by the control domain, or not at
 * all: watches fire as if that domain had made each change, quotas are counted and refuse nothing.
 * Returns 0 and the number of nodes that changed, or -ENOMEM.
 */
HV_MUST_CHECK int replace_subtree(struct xenstored *xs, const char *path, struct tree *target,
                                  uint64_t since, enum history_kind kind, uint32_t detail,
                                  uint64_t *changed);

/**
 * Make a version in which the subtree at @path is as in version @number. -ENOENT: there is no such
 * version. -ENOMEM.
 */
HV_MUST_CHECK int replace_rollback(struct xenstored *xs, uint64_t number, const char *path,
                                   uint64_t *changed);

#endif
