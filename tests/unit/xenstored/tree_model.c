/* SPDX-License-Identifier: ISC */
#include "tree_model.h"

#include "services/xenstored/node.h"

static struct perms *two_perms(struct store *store, domid_t owner, domid_t reader)
{
    const struct perm list[] = {{.domid = owner}, {.domid = reader, .rights = PERM_READ}};

    return perms_intern(&store->perms, list, 2);
}

void version_create(struct store *store, struct version *version)
{
    struct perms *perms = two_perms(store, 1, 7);

    *version = (struct version){.count = 1};
    store->account = &version->account;
    ck_assert_int_eq(tree_create(&store->env, &version->tree, 1), 0);
    ck_assert_int_eq(tree_set_perms(&store->env, &version->tree, "/", perms), 0);
    perms_put(&store->perms, perms);
    version->node[0] = (struct model_node){.path = "/", .owner = 1, .reader = 7};
}

void version_snapshot(struct version *to, const struct version *from)
{
    ck_assert_ptr_null(to->tree.root);
    *to = *from;
    tree_snapshot(&from->tree, &to->tree);
}

void version_release(struct store *store, struct version *version)
{
    tree_release(&store->env, &version->tree);
    ck_assert_ptr_null(version->tree.root);
    version->count = 0;
}

struct model_node *model_find(struct version *version, const char *path)
{
    for (unsigned i = 0; i < version->count; i++)
        if (!strcmp(version->node[i].path, path))
            return &version->node[i];
    return NULL;
}

/* The path one level up; false for "/". */
static bool parent_path(const char *path, char *parent)
{
    char *slash;

    if (!path[1])
        return false;
    strcpy(parent, path);
    slash = strrchr(parent, '/');
    slash[slash == parent] = '\0';
    return true;
}

static bool is_below(const char *path, const char *top)
{
    size_t length = strlen(top);

    return !strncmp(path, top, length) && path[length] == '/';
}

bool model_allows(struct version *version, const struct change *change)
{
    bool there = model_find(version, change->path);

    if (change->type == CHANGE_CREATE)
        return !there && version->count + 8 < MODEL_NODES;
    return there && (change->type != CHANGE_REMOVE || change->path[1]);
}

static const struct model_node *model_create(struct version *version, const struct change *change,
                                             const char *path)
{
    struct model_node *node = model_find(version, path);
    const struct model_node *parent;
    char above[MODEL_PATH];

    if (node)
        return node;
    parent_path(path, above);
    parent = model_create(version, change, above);
    node = &version->node[version->count++];
    *node = (struct model_node){.owner = change->owned ? change->owner : parent->owner,
                                .reader = parent->reader};
    strcpy(node->path, path);
    return node;
}

static void model_change(struct version *version, const struct change *change)
{
    struct model_node *node;
    unsigned kept = 0;

    if (change->type == CHANGE_CREATE)
        model_create(version, change, change->path);
    node = model_find(version, change->path);
    switch (change->type) {
    case CHANGE_CREATE:
    case CHANGE_VALUE:
        memcpy(node->value, change->value, change->length);
        node->length = change->length;
        break;
    case CHANGE_PERMS:
        node->owner = change->owner;
        node->reader = change->reader;
        break;
    default:
        for (unsigned i = 0; i < version->count; i++)
            if (strcmp(version->node[i].path, change->path) &&
                !is_below(version->node[i].path, change->path))
                version->node[kept++] = version->node[i];
        version->count = kept;
    }
}

static int tree_change(struct store *store, struct tree *tree, const struct change *change)
{
    struct tree_env *env = &store->env;
    struct perms *perms;
    int error;

    switch (change->type) {
    case CHANGE_VALUE:
        return tree_set_value(env, tree, change->path, change->value, change->length);
    case CHANGE_CREATE:
        return tree_create_node(env, tree, change->path, change->value, change->length,
                                change->owned, change->owner);
    case CHANGE_REMOVE:
        return tree_remove(env, tree, change->path);
    default:
        perms = two_perms(store, change->owner, change->reader);
        if (!perms)
            return -ENOMEM;
        error = tree_set_perms(env, tree, change->path, perms);
        perms_put(&store->perms, perms);
        return error;
    }
}

int version_change(struct store *store, struct version *version, const struct change *change)
{
    int error;

    store->account = &version->account;
    error = tree_change(store, &version->tree, change);
    if (!error)
        model_change(version, change);
    return error;
}

struct walk {
    struct store *store;
    struct version *version;
    struct store_account account;
    unsigned count;
    enum tree_order order;
    char seen[MODEL_NODES];
};

static bool visit(void *context, const char *path, const struct node *node,
                  const struct node *parent)
{
    struct walk *walk = context;
    struct model_node *want = model_find(walk->version, path);
    char above[MODEL_PATH];
    size_t at;

    /* Check writes down each check that passes: there are very many of these. */
    if (!want)
        ck_abort_msg("%s should not be there", path);
    at = (size_t)(want - walk->version->node);
    if (walk->seen[at]++)
        ck_abort_msg("%s is met twice", path);
    if (node != tree_lookup(&walk->store->env, &walk->version->tree, path) ||
        node->value_length != want->length || memcmp(node_value(node), want->value, want->length))
        ck_abort_msg("%s is not what it should be", path);
    if (node->perms->count != 2 || perms_owner(node->perms) != want->owner ||
        node->perms->list[1].domid != want->reader)
        ck_abort_msg("%s has other permissions", path);
    if (parent_path(path, above)) {
        at = (size_t)(model_find(walk->version, above) - walk->version->node);
        if (walk->seen[at] != (walk->order == TREE_PARENT_FIRST) ||
            parent != tree_lookup(&walk->store->env, &walk->version->tree, above))
            ck_abort_msg("the parent of %s is not met in its turn", path);
    } else if (parent) {
        ck_abort_msg("the top of the walk has a parent");
    }
    walk->account.nodes[want->owner]++;
    walk->account.bytes[want->owner] += (long)node_bytes(node);
    walk->count++;
    return true;
}

/* The children of each node are listed in the order in which they were created. */
static void check_order(struct store *store, struct version *version, const char *path)
{
    struct node *array[MODEL_NODES];
    const struct node *node = tree_lookup(&store->env, &version->tree, path);
    unsigned at = 0, count = node->children ? node->children->count : 0;

    children_sorted(node->children, array);
    for (unsigned i = 0; i < version->count; i++) {
        const char *name = strrchr(version->node[i].path, '/') + 1;
        char above[MODEL_PATH];

        if (!parent_path(version->node[i].path, above) || strcmp(above, path))
            continue;
        if (at == count || !node_is_called(array[at++], name, strlen(name)))
            ck_abort_msg("%s is not in its place", version->node[i].path);
    }
    ck_assert_uint_eq(at, count);
}

void version_check(struct store *store, struct version *version)
{
    for (enum tree_order order = TREE_PARENT_FIRST; order <= TREE_PARENT_LAST; order++) {
        struct walk walk = {.store = store, .version = version, .order = order};
        char path[TREE_PATH_SIZE] = "/";

        if (!version->tree.root)
            return;
        tree_walk(&store->env, version->tree.root, path, order, visit, &walk);
        ck_assert_str_eq(path, "/");
        ck_assert_uint_eq(walk.count, version->count);
        ck_assert_mem_eq(&walk.account, &version->account, sizeof(walk.account));
    }
    for (unsigned i = 0; i < version->count; i++)
        check_order(store, version, version->node[i].path);
}
