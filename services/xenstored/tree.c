/* SPDX-License-Identifier: ISC */
#include "tree.h"

#include <errno.h>
#include <string.h>

#include "node.h"

/* A level takes two bytes of a path at least, a slash and a letter; one more for "/" itself. */
#define WALK_DEPTH (XS_ABS_PATH_MAX / 2 + 1)

struct walk_frame {
    const struct node *node;
    uint64_t cursor;      /* of children_next() */
    uint32_t path_length; /* of the node's own path */
};

static size_t node_size(size_t name_length, size_t value_length)
{
    return sizeof(struct node) + name_length + value_length;
}

size_t node_bytes(const struct node *node)
{
    return arena_size_class(node_size(node->name_length, node->value_length));
}

void node_put(struct tree_env *env, struct node *node)
{
    if (--node->refs)
        return;

    /* The sequence number of a dead node is free to link it. */
    node->sequence = (uintptr_t)env->dead;
    env->dead = node;
    if (env->draining)
        return;
    env->draining = true;
    while ((node = env->dead)) {
        env->dead = (struct node *)(uintptr_t)node->sequence;
        perms_put(env->perms, node->perms);
        children_put(env, node->children);
        arena_free(env->arena, node, node_size(node->name_length, node->value_length));
    }
    env->draining = false;
}

static uint64_t stamp(const struct tree_env *env)
{
    return env->changes << 16 | env->writer;
}

/* A node with one reference that takes over none of the caller's; NULL without memory. */
static struct node *node_new(struct tree_env *env, const char *name, size_t name_length,
                             const void *value, size_t value_length, struct perms *perms)
{
    struct node *node = arena_alloc(env->arena, node_size(name_length, value_length));

    if (!node)
        return NULL;
    *node = (struct node){
        .refs = 1,
        .name_length = (uint16_t)name_length,
        .value_length = (uint16_t)value_length,
        .stamp = stamp(env),
        .sequence = ++env->sequence,
        .perms = perms_get(perms),
    };
    memcpy(node->text, name, name_length);
    if (value_length)
        memcpy(node->text + name_length, value, value_length);
    return node;
}

int tree_env_init(struct tree_env *env, struct arena *arena, struct perms_table *perms,
                  const struct hash_key *key)
{
    *env = (struct tree_env){.arena = arena, .perms = perms, .key = *key};
    env->walk = arena_alloc(arena, WALK_DEPTH * sizeof(*env->walk));
    return env->walk ? 0 : -ENOMEM;
}

void tree_env_destroy(struct tree_env *env)
{
    arena_free(env->arena, env->walk, WALK_DEPTH * sizeof(*env->walk));
    env->walk = NULL;
}

int tree_create(struct tree_env *env, struct tree *tree, domid_t owner)
{
    struct perm only_owner = {.domid = owner};
    struct perms *perms = perms_intern(env->perms, &only_owner, 1);

    *tree = (struct tree){0};
    if (!perms)
        return -ENOMEM;
    tree->root = node_new(env, "", 0, NULL, 0, perms);
    if (tree->root) {
        env->account(env->account_context, owner, 1, (long)node_bytes(tree->root));
        for (unsigned i = 0; i < SPECIAL_COUNT; i++)
            tree->special[i] = perms_get(perms);
    }
    perms_put(env->perms, perms);
    return tree->root ? 0 : -ENOMEM;
}

void tree_snapshot(const struct tree *tree, struct tree *copy)
{
    *copy = *tree;
    node_get(copy->root);
    for (unsigned i = 0; i < SPECIAL_COUNT; i++)
        perms_get(copy->special[i]);
}

void tree_release(struct tree_env *env, struct tree *tree)
{
    if (!tree->root)
        return;
    node_put(env, tree->root);
    for (unsigned i = 0; i < SPECIAL_COUNT; i++)
        perms_put(env->perms, tree->special[i]);
    *tree = (struct tree){0};
}

/* The length of the component at *@path, which is moved to its start; 0 at the path's end. */
static size_t next_component(const char **path)
{
    while (**path == '/')
        (*path)++;
    return (size_t)(strchrnul(*path, '/') - *path);
}

/* Walk down as far as @path exists; *@rest is what does not ("" if all does). */
static struct node *descend(const struct tree_env *env, const struct tree *tree, const char *path,
                            const char **rest)
{
    struct node *node = tree->root, *child;
    size_t length;

    for (; (length = next_component(&path)); path += length, node = child) {
        child = children_find(env, node->children, path, length);
        if (!child)
            break;
    }
    *rest = path;
    return node;
}

struct node *tree_lookup(const struct tree_env *env, const struct tree *tree, const char *path)
{
    const char *rest;
    struct node *node = descend(env, tree, path, &rest);

    return *rest ? NULL : node;
}

struct node *tree_lookup_deepest(const struct tree_env *env, const struct tree *tree,
                                 const char *path)
{
    const char *rest;

    return descend(env, tree, path, &rest);
}

struct node *tree_lookup_parent(const struct tree_env *env, const struct tree *tree,
                                const char *path)
{
    struct node *node = tree->root, *parent = node;
    size_t length;

    for (; (length = next_component(&path)); path += length) {
        if (!node)
            return NULL;
        parent = node;
        node = children_find(env, node->children, path, length);
    }
    return parent;
}

unsigned tree_missing(const struct tree_env *env, const struct tree *tree, const char *path)
{
    unsigned missing = 0;

    descend(env, tree, path, &path);
    for (size_t length; (length = next_component(&path)); path += length)
        missing++;
    return missing;
}

/* A copy of @node that shares its children and permissions, with another value. */
static struct node *node_copy(struct tree_env *env, const struct node *node, const void *value,
                              size_t value_length)
{
    struct node *copy = arena_alloc(env->arena, node_size(node->name_length, value_length));

    if (!copy)
        return NULL;
    *copy = *node;
    copy->refs = 1;
    copy->value_length = (uint16_t)value_length;
    perms_get(copy->perms);
    children_get(copy->children);
    memcpy(copy->text, node->text, node->name_length);
    if (value_length)
        memcpy(copy->text + copy->name_length, value, value_length);
    return copy;
}

/* The node at *@link, made exclusive to the version that is being changed; NULL without memory. */
static struct node *node_own(struct tree_env *env, struct node **link)
{
    struct node *node = *link, *copy;

    if (node->refs == 1)
        return node;
    copy = node_copy(env, node, node_value(node), node->value_length);
    if (!copy)
        return NULL;
    env->copied += node_bytes(copy);
    *link = copy;
    /* Making room for the copy may have made this the last reference. */
    node_put(env, node);
    return copy;
}

/*
 * Make all above the node that the components of @path before @end name, and which exists,
 * exclusive to this version. Returns where its parent holds it; NULL without memory.
 */
static struct node **own_above(struct tree_env *env, struct tree *tree, const char *path,
                               const char *end)
{
    struct node **link = &tree->root;

    for (;;) {
        size_t length = next_component(&path);
        struct node *node;

        if (!length || path >= end)
            return link;
        node = node_own(env, link);
        if (!node)
            return NULL;
        link = children_own(env, &node->children, path, length);
        if (!link)
            return NULL;
        path += length;
    }
}

static void record(const struct tree_env *env, const struct tree_change *change)
{
    if (env->record)
        env->record(env->record_context, change);
}

static void account_change(struct tree_env *env, domid_t owner, size_t before, size_t after)
{
    if (before != after)
        env->account(env->account_context, owner, 0, (long)after - (long)before);
}

int tree_set_value(struct tree_env *env, struct tree *tree, const char *path, const void *value,
                   size_t length)
{
    struct node **link = own_above(env, tree, path, path + strlen(path)), *node, *changed;

    if (!link)
        return -ENOMEM;
    node = *link;
    if (node->refs == 1 && node->value_length == length) {
        record(env, &(struct tree_change){TREE_CHANGE_VALUE, path, .node = node});
        if (length)
            memcpy(node->text + node->name_length, value, length);
        changed = node;
    } else {
        changed = node_copy(env, node, value, length);
        if (!changed)
            return -ENOMEM;
        account_change(env, perms_owner(node->perms), node_bytes(node), node_bytes(changed));
        record(env, &(struct tree_change){TREE_CHANGE_VALUE, path, .node = node});
        *link = changed;
        node_put(env, node);
    }
    env->changes++;
    changed->stamp = stamp(env);
    return 0;
}

int tree_set_perms(struct tree_env *env, struct tree *tree, const char *path, struct perms *perms)
{
    struct node **link = own_above(env, tree, path, path + strlen(path));
    struct node *node = link ? node_own(env, link) : NULL;
    long bytes;

    if (!node)
        return -ENOMEM;
    record(env, &(struct tree_change){TREE_CHANGE_PERMS, path, .node = node});
    bytes = (long)node_bytes(node);
    if (perms_owner(perms) != perms_owner(node->perms)) {
        env->account(env->account_context, perms_owner(node->perms), -1, -bytes);
        env->account(env->account_context, perms_owner(perms), 1, bytes);
    }
    perms_get(perms);
    perms_put(env->perms, node->perms);
    node->perms = perms;
    env->changes++;
    node->stamp = stamp(env);
    return 0;
}

void tree_set_special(struct tree_env *env, struct tree *tree, enum special special,
                      struct perms *perms)
{
    record(env, &(struct tree_change){.kind = TREE_CHANGE_SPECIAL,
                                      .special = special,
                                      .path = "",
                                      .perms = tree->special[special]});
    perms_get(perms);
    perms_put(env->perms, tree->special[special]);
    tree->special[special] = perms;
    env->changes++;
}

/*
 * The nodes for the components of @rest, each the only child of the one before it. The first one is
 * returned, NULL without memory.
 */
static struct node *chain_new(struct tree_env *env, const char *rest, const void *value,
                              size_t length, struct perms *perms)
{
    const char *end = rest + strlen(rest);
    struct node *below = NULL;

    while (end > rest) {
        const char *start = end;
        struct node *node;

        while (start > rest && start[-1] != '/')
            start--;
        node = node_new(env, start, (size_t)(end - start), below ? NULL : value, below ? 0 : length,
                        perms);
        if (below && (!node || children_insert(env, &node->children, below))) {
            node_put(env, below);
            if (node)
                node_put(env, node);
            return NULL;
        }
        if (!node)
            return NULL;
        below = node;
        end = start > rest ? start - 1 : start;
    }
    return below;
}

int tree_create_node(struct tree_env *env, struct tree *tree, const char *path, const void *value,
                     size_t length, bool owned, domid_t owner)
{
    const char *rest;
    struct node *parent = descend(env, tree, path, &rest), *top = NULL, **link;
    struct perms *perms =
        owned ? perms_with_owner(env->perms, parent->perms, owner) : perms_get(parent->perms);

    if (!perms)
        return -ENOMEM;
    env->changes++;
    top = chain_new(env, rest, value, length, perms);
    perms_put(env->perms, perms);
    if (!top)
        return -ENOMEM;

    link = own_above(env, tree, path, rest);
    parent = link ? node_own(env, link) : NULL;
    if (!parent || children_insert(env, &parent->children, top)) {
        node_put(env, top);
        return -ENOMEM;
    }
    parent->stamp = stamp(env);
    record(env, &(struct tree_change){.kind = TREE_CHANGE_CREATED,
                                      .path = path,
                                      .top = (size_t)(rest - path) + top->name_length});
    for (const struct node *node = top; node;) {
        uint64_t cursor = 0;

        env->account(env->account_context, perms_owner(node->perms), 1, (long)node_bytes(node));
        node = children_next(node->children, &cursor);
    }
    return 0;
}

struct removal {
    struct tree_env *env;
    size_t bytes; /* with those of the maps of children */
};

static bool account_removal(void *context, const char *path, const struct node *node,
                            const struct node *parent)
{
    struct removal *removal = context;
    struct tree_env *env = removal->env;
    size_t bytes = node_bytes(node);

    env->account(env->account_context, perms_owner(node->perms), -1, -(long)bytes);
    removal->bytes += bytes + children_bytes(node->children);
    return true;
}

int tree_remove(struct tree_env *env, struct tree *tree, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    struct node **link = own_above(env, tree, path, name), *parent, *node;
    struct removal removal = {env, 0};
    char walk_path[TREE_PATH_SIZE];

    parent = link ? node_own(env, link) : NULL;
    if (!parent)
        return -ENOMEM;
    node = node_get(children_find(env, parent->children, name, strlen(name)));
    if (children_remove(env, &parent->children, name, strlen(name))) {
        node_put(env, node);
        return -ENOMEM;
    }
    env->changes++;
    parent->stamp = stamp(env);
    strcpy(walk_path, path);
    tree_walk(env, node, walk_path, TREE_PARENT_FIRST, account_removal, &removal);
    record(env,
           &(struct tree_change){TREE_CHANGE_REMOVED, path, .node = node, .bytes = removal.bytes});
    node_put(env, node);
    return 0;
}

/* Let the exclusive @parent have @node in the place of its child called @name. */
static int put_child(struct tree_env *env, struct node *parent, const char *name, struct node *node)
{
    if (children_find(env, parent->children, name, strlen(name)) &&
        children_remove(env, &parent->children, name, strlen(name)))
        return -ENOMEM;
    if (node && children_insert(env, &parent->children, node_get(node))) {
        node_put(env, node);
        return -ENOMEM;
    }
    env->changes++;
    parent->stamp = stamp(env);
    return 0;
}

int tree_put(struct tree_env *env, struct tree *tree, const char *path, struct node *node,
             size_t bytes)
{
    struct node *before = tree_lookup(env, tree, path), *parent, **link;
    const char *name = strrchr(path, '/') + 1;
    int error = 0;

    if (!tree_lookup_parent(env, tree, path) || (!before && !node) || (!*name && !node))
        return 0;
    if (before)
        node_get(before);
    if (!*name) {
        node_put(env, tree->root);
        tree->root = node_get(node);
    } else {
        link = own_above(env, tree, path, name);
        parent = link ? node_own(env, link) : NULL;
        error = parent ? put_child(env, parent, name, node) : -ENOMEM;
    }
    if (!error)
        record(env, &(struct tree_change){TREE_CHANGE_PUT, path, .node = before, .bytes = bytes});
    if (before)
        node_put(env, before);
    return error;
}

/* Append "/name" to the path, of @length bytes; returns its new length. */
static uint32_t path_append(char *path, uint32_t length, const struct node *node)
{
    if (length == 1)
        length = 0; /* below "/" */
    path[length++] = '/';
    memcpy(path + length, node->text, node->name_length);
    length += node->name_length;
    path[length] = '\0';
    return length;
}

void tree_walk(struct tree_env *env, const struct node *node, char *path, enum tree_order order,
               tree_visit_fn *visit, void *context)
{
    struct walk_frame *frame = env->walk;

    *frame = (struct walk_frame){.node = node, .path_length = (uint32_t)strlen(path)};
    if (order == TREE_PARENT_FIRST && !visit(context, path, node, NULL))
        return;
    for (;;) {
        const struct node *child = children_next(frame->node->children, &frame->cursor);

        path[frame->path_length] = '\0';
        if (!child) {
            if (order == TREE_PARENT_LAST)
                visit(context, path, frame->node, frame == env->walk ? NULL : frame[-1].node);
            if (frame == env->walk)
                return;
            frame--;
            continue;
        }
        HV_ASSERT(frame + 1 < env->walk + WALK_DEPTH);
        frame[1] = (struct walk_frame){
            .node = child,
            .path_length = path_append(path, frame->path_length, child),
        };
        if (order == TREE_PARENT_LAST || visit(context, path, child, frame->node))
            frame++;
    }
}
