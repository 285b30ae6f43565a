/* SPDX-License-Identifier: ISC */
/**
 * @file tree.h
 * The store as an immutable tree: nodes are shared between versions and counted; a root is a
 * version, and taking one is a reference.
 *
 * A change copies the path from the root down to what it changes, except where this version is the
 * only one that holds a node: such a node nobody else can see, and it is changed in place. So a
 * write costs a path copy while a transaction or an older version is held, and next to nothing
 * otherwise, and no version that is held ever changes.
 *
 * Each operation takes effect whole or not at all: what it allocates, it allocates before it makes
 * the change visible.
 */
#ifndef XENSTORED_TREE_H
#define XENSTORED_TREE_H

#include "children.h"
#include "common/arena.h"
#include "common/hash.h"
#include "perms.h"
#include "wire.h"

/**
 * One node. Immutable as soon as @refs is over 1 or any node above it is shared.
 */
struct node {
    uint32_t refs; /* parents, over all versions, and callers that hold it */
    uint16_t name_length;
    uint16_t value_length;
    uint64_t stamp;    /* number of the change that last touched it (48 bits), domid (16 bits) */
    uint64_t sequence; /* grows with creation: children are listed in this order */
    struct perms *perms;
    struct children *children; /* NULL: none */
    char text[];               /* name, value; neither ends in a NUL */
};

static inline const char *node_value(const struct node *node)
{
    return node->text + node->name_length;
}

static inline uint64_t node_stamp_change(const struct node *node)
{
    return node->stamp >> 16;
}

static inline domid_t node_stamp_writer(const struct node *node)
{
    return (domid_t)node->stamp;
}

/** The special nodes: they have permissions and nothing else. */
enum special {
    SPECIAL_INTRODUCE,
    SPECIAL_RELEASE,
    SPECIAL_COUNT,
};

/** A version of the store. Owns a reference of each thing it points at. */
struct tree {
    struct node *root;
    struct perms *special[SPECIAL_COUNT];
};

/** Told of each node that comes to belong to @domid (+1) or ceases to (-1), with its bytes. */
typedef void tree_account_fn(void *context, domid_t domid, int nodes, long bytes);

/** What a change did to a tree. */
enum tree_change_kind {
    TREE_CHANGE_VALUE,   /**< @node is the node as it was, for the length of the call */
    TREE_CHANGE_PERMS,   /**< likewise */
    TREE_CHANGE_CREATED, /**< @path and all above it down to the first @top bytes are new */
    TREE_CHANGE_REMOVED, /**< @node with all below it is no longer there */
    TREE_CHANGE_PUT,     /**< another subtree is in the place of @node (NULL: of nothing) */
    TREE_CHANGE_SPECIAL, /**< @perms were those of the special node @special */
};

struct tree_change {
    enum tree_change_kind kind;
    const char *path;
    size_t top;
    struct node *node;
    size_t bytes; /**< of what is held by holding @node, as far as the tree has let go of it */
    enum special special;
    struct perms *perms;
};

/**
 * Told of each change when nothing can keep it from happening any more, and before what it replaces
 * is let go of: all that it takes to undo it.
 */
typedef void tree_record_fn(void *context, const struct tree_change *change);

/** What all versions share, and who changes them now. */
struct tree_env {
    struct arena *arena;
    struct node *dead; /* nodes to be freed, while node_put() is at it */
    bool draining;
    struct walk_frame *walk; /* the stack of tree_walk(): no recursion, and no failure midway */
    struct perms_table *perms;
    struct hash_key key; /* of the names in large directories */
    uint64_t changes;    /* number of the last change */
    uint64_t sequence;   /* of the last node created */
    domid_t writer;      /* whom to name in the stamps of what changes now */
    tree_account_fn *account;
    void *account_context;
    tree_record_fn *record; /* NULL: nobody wants to know */
    void *record_context;
    uint64_t copied; /* bytes copied so far because another version holds the original */
};

/** Take what @env needs of @arena; its remaining members are the caller's to set. -ENOMEM. */
HV_MUST_CHECK int tree_env_init(struct tree_env *env, struct arena *arena,
                                struct perms_table *perms, const struct hash_key *key);

/** Give back what tree_env_init() took. */
void tree_env_destroy(struct tree_env *env);

/** A tree with just "/" owned by @owner. -ENOMEM. */
HV_MUST_CHECK int tree_create(struct tree_env *env, struct tree *tree, domid_t owner);

/** Make @copy another holder of the version @tree. */
void tree_snapshot(const struct tree *tree, struct tree *copy);

/** Let go of a version; @tree is empty afterwards. Frees what no other version holds. */
void tree_release(struct tree_env *env, struct tree *tree);

/** Bytes that a node takes, for accounting. */
size_t node_bytes(const struct node *node);

/*
 * Paths below are absolute, valid (path.h) and end in a NUL.
 */

/** The node at @path, or NULL. Valid until @tree changes. */
struct node *tree_lookup(const struct tree_env *env, const struct tree *tree, const char *path);

/** The node at @path or the deepest ancestor that exists. */
struct node *tree_lookup_deepest(const struct tree_env *env, const struct tree *tree,
                                 const char *path);

/** The parent of the node at @path if it exists; "/" is its own parent. */
struct node *tree_lookup_parent(const struct tree_env *env, const struct tree *tree,
                                const char *path);

/** Set the value of the node at @path, which exists. -ENOMEM. */
HV_MUST_CHECK int tree_set_value(struct tree_env *env, struct tree *tree, const char *path,
                                 const void *value, size_t length);

/** Set the permissions of the node at @path, which exists. Takes a reference of its own. -ENOMEM.
 */
HV_MUST_CHECK int tree_set_perms(struct tree_env *env, struct tree *tree, const char *path,
                                 struct perms *perms);

/** Set the permissions of a special node. Takes a reference of its own. */
void tree_set_special(struct tree_env *env, struct tree *tree, enum special special,
                      struct perms *perms);

/**
 * Create the node at @path, which does not exist, with missing ancestors (of empty value). All
 * inherit the permissions of the deepest ancestor that exists; with @owned they belong to @owner.
 * -ENOMEM.
 */
HV_MUST_CHECK int tree_create_node(struct tree_env *env, struct tree *tree, const char *path,
                                   const void *value, size_t length, bool owned, domid_t owner);

/** How many nodes tree_create_node() would create for @path. */
unsigned tree_missing(const struct tree_env *env, const struct tree *tree, const char *path);

/** Remove the node at @path, which exists and is not "/", with all below it. -ENOMEM. */
HV_MUST_CHECK int tree_remove(struct tree_env *env, struct tree *tree, const char *path);

/**
 * Put @node with all below it in the place of what is at @path, whose last component is its name;
 * the tree takes a reference of its own. @node NULL: remove what is there. Nothing to do where the
 * parent does not exist, or neither node does. Accounts for nothing, and reports @bytes as those of
 * the change. -ENOMEM: the tree is to be released, part of the change may have happened.
 */
HV_MUST_CHECK int tree_put(struct tree_env *env, struct tree *tree, const char *path,
                           struct node *node, size_t bytes);

/** Does tree_walk() visit a node before or after what is below it? */
enum tree_order {
    TREE_PARENT_FIRST,
    TREE_PARENT_LAST,
};

/** The longest path in the store with its NUL. */
#define TREE_PATH_SIZE (XS_ABS_PATH_MAX + 1)

/**
 * Visit @node and all below it. @path is a buffer of TREE_PATH_SIZE bytes that holds the path of
 * @node, is extended for each visit and is as it was afterwards. @parent is NULL for @node itself.
 * With TREE_PARENT_FIRST, @visit returns false to leave out what is below. Not to be called from
 * @visit.
 */
typedef bool tree_visit_fn(void *context, const char *path, const struct node *node,
                           const struct node *parent);
void tree_walk(struct tree_env *env, const struct node *node, char *path, enum tree_order order,
               tree_visit_fn *visit, void *context);

#endif
