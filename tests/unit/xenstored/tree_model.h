/* SPDX-License-Identifier: ISC */
/**
 * @file tree_model.h
 * A version of the store beside what it should be: a table of paths in order of creation.
 */
#ifndef TESTS_UNIT_XENSTORED_TREE_MODEL_H
#define TESTS_UNIT_XENSTORED_TREE_MODEL_H

#include "store.h"

#define MODEL_PATH  32U
#define MODEL_VALUE 24U
#define MODEL_NODES 1024U

struct model_node {
    char path[MODEL_PATH];
    char value[MODEL_VALUE];
    size_t length;
    domid_t owner, reader; /* the two entries of its permissions */
};

/** One version; all zero is none. */
struct version {
    struct tree tree;
    struct store_account account;
    unsigned count;
    struct model_node node[MODEL_NODES];
};

enum change_type {
    CHANGE_VALUE,
    CHANGE_PERMS,
    CHANGE_CREATE,
    CHANGE_REMOVE,
    CHANGE_TYPES,
};

/** Something to be done to a tree. */
struct change {
    enum change_type type;
    const char *path, *value;
    size_t length;
    bool owned;
    domid_t owner, reader;
};

/** The version with just "/". */
void version_create(struct store *store, struct version *version);

/** Make @to, which is none, another holder of @from. */
void version_snapshot(struct version *to, const struct version *from);

/** Let go of it. */
void version_release(struct store *store, struct version *version);

/** The node of the model at @path, or NULL. */
struct model_node *model_find(struct version *version, const char *path);

/** Can the change be made, as far as tree.h demands it? */
bool model_allows(struct version *version, const struct change *change);

/** Make the change to the tree, and to the model where it succeeds. 0 or -ENOMEM. */
int version_change(struct store *store, struct version *version, const struct change *change);

/** Compare tree and model in all that tree.h tells. */
void version_check(struct store *store, struct version *version);

#endif
