/* SPDX-License-Identifier: ISC */
/**
 * @file watch.h
 * Watches: indexed by the path they are on, so that a change costs its depth and its matches, not
 * the number of watches.
 *
 * A change at a path asks the index for each prefix of the path. Events are collected in the work
 * that causes them, and queued when it is committed (docs/misc/xenstore.txt, WATCH).
 */
#ifndef XENSTORED_WATCH_H
#define XENSTORED_WATCH_H

#include "state.h"

#define WATCH_ANY_DEPTH (-1)

/** Make the index, of about one bucket for each KiB of the arena. -ENOMEM. */
HV_MUST_CHECK int watch_index_create(struct xenstored *xs);

/** Give the index back; no watch is left in it. */
void watch_index_destroy(struct xenstored *xs);

/**
 * Register a watch on the canonical @path. @relative: its events bear paths relative to the
 * connection's home. Its first event goes to @work. -EEXIST, -ENOSPC (quota), -ENOMEM.
 */
HV_MUST_CHECK int watch_add(struct xenstored *xs, struct work *work, const char *path,
                            const char *token, int depth, bool relative);

/** Remove the watch. -ENOENT. */
HV_MUST_CHECK int watch_remove(struct xenstored *xs, struct connection *connection,
                               const char *path, const char *token);

/** A watch as its WATCH request had it. */
struct watch_info {
    const char *path, *token;
    int depth;
};

/** What the watch @item, in a connection's list of watches, is. Valid while it exists. */
void watch_describe(struct list *item, struct watch_info *info);

/** Remove all watches of the connection. */
void watch_remove_all(struct xenstored *xs, struct connection *connection);

/** Is any watch on @path or above it? If not, watch_fire() has nobody to tell. */
bool watch_wanted(const struct xenstored *xs, const char *path);

/** Whose watches a change concerns. */
enum watch_match {
    WATCH_SUBTREE, /**< those on the path and above it */
    WATCH_EXACT,   /**< those on the path */
};

/**
 * The node at @path changed. Watchers are told who may read it by @perms, its parent by
 * @parent_perms, or the node as it was by @old_perms (NULL: as now) (XSA-115).
 */
void watch_fire(struct xenstored *xs, struct work *work, const char *path,
                const struct perms *perms, const struct perms *parent_perms,
                const struct perms *old_perms, enum watch_match match);

/** @introduceDomain or @releaseDomain happened. */
void watch_fire_special(struct xenstored *xs, struct work *work, enum special special, bool plain,
                        bool per_domain, domid_t domid);

/** "@introduceDomain" or "@releaseDomain". */
const char *watch_special_name(enum special special);

/** Which special node @path names; SPECIAL_COUNT if none. */
enum special watch_special_find(const char *path);

/** Watches registered, and how many buckets index them. */
void watch_stats(const struct xenstored *xs, size_t *watches, size_t *points, size_t *buckets);

#endif
