/* SPDX-License-Identifier: ISC */
/**
 * @file compare.h
 * What differs between two subtrees, node by node; or, with one of them empty, all nodes of the
 * other.
 *
 * Nodes that both share are skipped with all below them, so a comparison takes time in proportion
 * to the directories in which something differs. Both subtrees are the caller's to hold until the
 * end; the walk itself can be left and gone on with at any time.
 */
#ifndef XENSTORED_COMPARE_H
#define XENSTORED_COMPARE_H

#include "tree.h"

struct compare_frame;

/** A comparison under way. */
struct compare {
    struct tree_env *env;
    struct compare_frame *frames; /* from the top down to the directory under way */
    uint32_t depth, capacity;
    struct node *before, *after; /* of the last item */
    bool fresh;                  /* nothing has been reported yet */
    bool below;                  /* what is below the last item is still to come */
    bool order; /* nodes differ, too, that were created at different times: the caller's to set */
    uint32_t path_length; /* of the last item */
    char path[TREE_PATH_SIZE];
};

/**
 * Compare @before with @after, either of which may be NULL, both at @path. Parents come before
 * their children, children of one node in order of creation: those of @after, then those that are
 * in @before only.
 */
void compare_begin(struct compare *compare, struct tree_env *env, struct node *before,
                   struct node *after, const char *path);

/**
 * The next node that differs: it is in @compare->before, ->after (NULL: not there) and ->path until
 * the next call. 1, 0 at the end, or -ENOMEM, which ends it, too.
 */
HV_MUST_CHECK int compare_next(struct compare *compare);

/** Leave out what is below the last item. */
void compare_skip(struct compare *compare);

/** Give back what the comparison took, at any time. */
void compare_end(struct compare *compare);

/** Are value or permissions of the two nodes not the same? */
bool compare_nodes_differ(const struct node *before, const struct node *after);

#endif
