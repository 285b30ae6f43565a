/* SPDX-License-Identifier: ISC */
/**
 * @file model_tree.h
 * The nodes of the reference model: a plain tree, copied whole where a version must be kept.
 */
#ifndef TESTS_SIM_MODEL_TREE_H
#define TESTS_SIM_MODEL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Access bits of a permission entry and of the answer who may do what. */
enum { MODEL_READ = 1, MODEL_WRITE = 2, MODEL_OWNER = 4 };

/** One permission entry. */
struct mperm {
    unsigned domid;
    unsigned access; /**< MODEL_READ | MODEL_WRITE */
    bool ignored;    /**< named a domain that did not exist: shown, but grants nothing */
};

/** The permissions of a node; entry 0 is the owner and the default of everyone not named. */
struct mperms {
    struct mperm *entry;
    size_t count;
};

/** A node. Its children are kept in the order in which they were created. */
struct mnode {
    char *name; /**< last part of the path; "" for "/", "@..." for the special nodes */
    struct mnode *parent;
    uint64_t born; /**< grows with creation */
    uint8_t *value;
    size_t length;
    struct mperms perms;
    struct mnode **child;
    size_t children;
};

/** A version of the store: "/" and the two special nodes beside it. */
struct mtree {
    struct mnode *root, *introduce, *release;
};

/** What xenstored starts with: /tool/xenstored and the special nodes, all of @owner. */
void mtree_init(struct mtree *tree, unsigned owner);
void mtree_copy(struct mtree *to, const struct mtree *from);
void mtree_free(struct mtree *tree);

/** The node at the canonical @path; NULL if there is none. */
struct mnode *mtree_find(const struct mtree *tree, const char *path);

/** Put the parent path of @path into @parent (4096 bytes): "/" for "/", "@x" for "@x/5". */
void mpath_parent(const char *path, char *parent);

/** Last part of a path. */
const char *mpath_base(const char *path);

/** The nodes of @domid in the whole tree, special ones included. */
size_t mtree_count_owned(const struct mtree *tree, unsigned domid);

/** Add an empty child to @parent with its permissions. */
struct mnode *mnode_add(struct mnode *parent, const char *name);

/** Let a copy of @from (NULL: nothing) be at @path, whose parent exists; older siblings come first.
 */
void mtree_put(struct mtree *tree, const char *path, const struct mnode *from);

/** Unlink @node from its parent and free it with all below. */
void mnode_remove(struct mnode *node);

void mnode_set_value(struct mnode *node, const void *value, size_t length);

/** Bytes of all children's names with their NULs: what DIRECTORY would answer. */
size_t mnode_list_length(const struct mnode *node);

/** The canonical path of @node into @path (4096 bytes). */
void mnode_path(const struct mnode *node, char *path);

void mperms_copy(struct mperms *to, const struct mperms *from);
void mperms_free(struct mperms *perms);

/** Remove the entries but the first that name @domid. */
void mperms_forget(struct mperms *perms, unsigned domid);

#endif
