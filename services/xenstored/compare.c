/* SPDX-License-Identifier: ISC */
#include "compare.h"

#include <errno.h>
#include <string.h>

#include "node.h"

/* Frames at first; more when a tree is deeper. */
#define FRAMES_MIN 16U

/* A directory under way. */
struct compare_frame {
    struct node *before, *after; /* NULL: not there */
    struct node **list;          /* the children of one of them, in order; NULL: not begun */
    uint32_t count, at;
    uint32_t path_length;
    bool sorted; /* the list is an array of our own */
    bool old;    /* it is the list of @before */
};

bool compare_nodes_differ(const struct node *before, const struct node *after)
{
    return before->perms != after->perms || before->value_length != after->value_length ||
           memcmp(node_value(before), node_value(after), after->value_length) != 0;
}

void compare_begin(struct compare *compare, struct tree_env *env, struct node *before,
                   struct node *after, const char *path)
{
    compare->env = env;
    compare->frames = NULL;
    compare->depth = compare->capacity = 0;
    compare->before = before;
    compare->after = after;
    compare->fresh = true;
    compare->order = false;
    compare->below = before != after;
    compare->path_length = (uint32_t)strlen(path);
    memcpy(compare->path, path, compare->path_length + 1);
}

static void drop_list(struct compare *compare, struct compare_frame *frame)
{
    if (frame->sorted)
        arena_free(compare->env->arena, frame->list, frame->count * sizeof(*frame->list));
    frame->list = NULL;
    frame->sorted = false;
}

static void pop(struct compare *compare)
{
    drop_list(compare, &compare->frames[--compare->depth]);
}

void compare_end(struct compare *compare)
{
    while (compare->depth)
        pop(compare);
    arena_free(compare->env->arena, compare->frames, compare->capacity * sizeof(*compare->frames));
    compare->frames = NULL;
    compare->capacity = 0;
    compare->below = compare->fresh = false;
}

void compare_skip(struct compare *compare)
{
    compare->below = false;
}

/* List the children of one side, in order of creation. */
static int list_children(struct compare *compare, struct compare_frame *frame, bool old)
{
    const struct node *node = old ? frame->before : frame->after;
    struct children *children = node ? node->children : NULL;

    drop_list(compare, frame);
    frame->old = old;
    frame->at = 0;
    frame->count = children ? children->count : 0;
    if (!frame->count)
        return 0;
    if (children->capacity) {
        frame->list = (struct node **)children->slot;
        return 0;
    }
    frame->list = arena_alloc(compare->env->arena, frame->count * sizeof(*frame->list));
    if (!frame->list)
        return -ENOMEM;
    frame->sorted = true;
    children_sorted(children, frame->list);
    return 0;
}

static int push(struct compare *compare)
{
    struct compare_frame *frame;

    if (compare->depth == compare->capacity) {
        uint32_t capacity = compare->capacity ? compare->capacity * 2 : FRAMES_MIN;
        struct compare_frame *frames = arena_alloc(compare->env->arena, capacity * sizeof(*frames));

        if (!frames)
            return -ENOMEM;
        if (compare->depth)
            memcpy(frames, compare->frames, compare->depth * sizeof(*frames));
        arena_free(compare->env->arena, compare->frames,
                   compare->capacity * sizeof(*compare->frames));
        compare->frames = frames;
        compare->capacity = capacity;
    }
    frame = &compare->frames[compare->depth];
    *frame = (struct compare_frame){
        .before = compare->before,
        .after = compare->after,
        .path_length = compare->path_length,
    };
    if (list_children(compare, frame, false))
        return -ENOMEM;
    compare->depth++;
    return 0;
}

static struct node *twin_of(const struct compare *compare, const struct node *directory,
                            const struct node *child)
{
    return directory
               ? children_find(compare->env, directory->children, child->text, child->name_length)
               : NULL;
}

/* Make @child, of the frame's list, the next item, if there is anything to say of it. */
static bool take(struct compare *compare, const struct compare_frame *frame, struct node *child)
{
    uint32_t length = frame->path_length > 1 ? frame->path_length : 0;
    struct node *twin = twin_of(compare, frame->old ? frame->after : frame->before, child);

    if (twin == child || (frame->old && twin))
        return false;
    compare->before = frame->old ? child : twin;
    compare->after = frame->old ? NULL : child;
    compare->path[length++] = '/';
    memcpy(compare->path + length, child->text, child->name_length);
    length += child->name_length;
    compare->path[length] = '\0';
    compare->path_length = length;
    return true;
}

/* The next pair of nodes that are not one and the same. 1, 0 or -ENOMEM. */
static int next_pair(struct compare *compare)
{
    if (compare->fresh) {
        compare->fresh = false;
        return compare->below;
    }
    if (compare->below && push(compare))
        return -ENOMEM;
    compare->below = false;
    while (compare->depth) {
        struct compare_frame *frame = &compare->frames[compare->depth - 1];

        while (frame->at < frame->count)
            if (take(compare, frame, frame->list[frame->at++]))
                return 1;
        if (frame->old)
            pop(compare);
        else if (list_children(compare, frame, true))
            return -ENOMEM;
    }
    return 0;
}

int compare_next(struct compare *compare)
{
    int found;

    while ((found = next_pair(compare)) == 1) {
        const struct node *before = compare->before, *after = compare->after;

        compare->below = !before || !after || before->children != after->children;
        if (!before || !after || compare_nodes_differ(before, after) ||
            (compare->order && before->sequence != after->sequence))
            return 1;
    }
    if (found < 0)
        compare_end(compare);
    return found;
}
