/* SPDX-License-Identifier: ISC */
/**
 * @file history.h
 * Older versions of the current tree: which change made each, when and by whom, and the tree as it
 * was then.
 *
 * A version is kept as what it takes to undo the changes that made it, not as a tree: so a write
 * stays a change in place and costs one small record, and a removed subtree is kept as it was cut
 * off. The tree of a version is the current one with all later versions undone on a snapshot of it.
 *
 * The tree reports each change (tree_record_fn); the changes of one request, commit or clean-up
 * become a version by history_commit(). What a version holds counts against no domain.
 *
 * Bounded in number and in memory, and the first thing to go when memory is short: before any
 * allocation fails (arena_set_reclaim()) and before a domain is refused memory
 * (domain_over_memory()), the oldest versions are given up.
 */
#ifndef XENSTORED_HISTORY_H
#define XENSTORED_HISTORY_H

#include "state.h"

/** How many versions are kept where nobody says otherwise. */
#define HISTORY_DEFAULT 256U

/** The most that can be asked for. */
#define HISTORY_MAX 65536U

/** What made a version. */
enum history_kind {
    HISTORY_START,      /**< the first one */
    HISTORY_REQUEST,    /**< one request outside a transaction */
    HISTORY_COMMIT,     /**< a transaction */
    HISTORY_DOMAIN_END, /**< the clean-up after a domain */
    HISTORY_ROLLBACK,
    HISTORY_LOAD,
    HISTORY_SERVICE, /**< the service itself */
};

struct change;

/** One version. */
struct version {
    struct list all; /* in history.versions, oldest first */
    uint64_t number;
    uint64_t time; /* wall clock */
    enum history_kind kind;
    domid_t who;
    uint32_t detail; /* request's type; requests in the transaction; domain that ended; version */
    size_t bytes;    /* held by it */
    struct change *changes; /* newest first */
};

/** Start with the current tree as version 1; keep @limit versions, none if 0. */
void history_create(struct xenstored *xs, uint32_t limit);

/** Forget everything; nothing is recorded any more. */
void history_destroy(struct xenstored *xs);

/** Make a version of what changed since the last one; nothing to do if nothing did. */
void history_commit(struct xenstored *xs, enum history_kind kind, domid_t who, uint32_t detail);

/** What changed since the last version did not happen after all. */
void history_abandon(struct xenstored *xs);

/** Give the oldest version up, but not the current one. False: there is none, or it is in use. */
bool history_give_up(struct xenstored *xs);

/** Forget all versions but the current one. */
void history_forget(struct xenstored *xs);

/** The version, or NULL. Valid until the next change or allocation. */
struct version *history_find(struct xenstored *xs, uint64_t number);

/** The newest and the oldest version that is kept; 0: there is none. */
uint64_t history_newest(const struct xenstored *xs);
uint64_t history_oldest(const struct xenstored *xs);

/**
 * The tree of the version, which the caller releases with tree_release(). Shares with all others
 * what is the same. -ENOENT: there is no such version. -ENOMEM.
 */
HV_MUST_CHECK int history_tree(struct xenstored *xs, uint64_t number, struct tree *tree);

/**
 * Turn the tree of version @from into that of the older (or same) version @to: what did not change
 * between them they share. On an error the tree is as @from, or empty with -ENOMEM.
 */
HV_MUST_CHECK int history_undo(struct xenstored *xs, struct tree *tree, uint64_t from, uint64_t to);

/** Did the version change anything at @path or below it? */
bool history_concerns(const struct xenstored *xs, const struct version *version, const char *path);

/** Is @path where the service publishes itself for its control clients: no part of history? */
bool history_is_own(const struct xenstored *xs, const char *path);

/** The path that the version's first change was about ("@..." for a special node); "" if none. */
const char *history_path(const struct version *version);

/** For work on trees that are nobody's but the caller's: changes are not recorded or accounted. */
void history_mute(struct xenstored *xs);
void history_unmute(struct xenstored *xs);

#endif
