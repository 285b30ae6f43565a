/* SPDX-License-Identifier: ISC */
/**
 * @file replace.h
 * Going back: a subtree, or the whole tree, becomes what it is in another version, in one change.
 */
#ifndef XENSTORED_REPLACE_H
#define XENSTORED_REPLACE_H

#include "history.h"

/*
 * Both take effect as a whole, as a version of their own made by the control domain, or not at all.
 * Watches fire as if that domain had made each change; quotas are counted and refuse nothing. What
 * the service publishes for its control clients stays as it is.
 *
 * Permissions are mended where they name domains that XenStore does not know, or knows only since a
 * later version than the one that they are of: their entries go, and what they owned belongs to the
 * control domain.
 */

/**
 * Make a version in which the subtree at @path is as it was in version @number. Ancestors that are
 * missing come back, too, without their other children; special nodes stay as they are. Returns 0
 * and the number of nodes that changed; -ENOENT: there is no such version. -ENOMEM.
 */
HV_MUST_CHECK int replace_rollback(struct xenstored *xs, uint64_t number, const char *path,
                                   uint64_t *changed);

/**
 * Make a version that is as @target, a tree of the caller's, which is mended. Children that are
 * there already keep their places among their siblings. Returns 0 and the number of nodes that
 * changed, or -ENOMEM.
 */
HV_MUST_CHECK int replace_all(struct xenstored *xs, struct tree *target, uint64_t *changed);

#endif
