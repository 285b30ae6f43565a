/* SPDX-License-Identifier: ISC */
#include "model_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SPACE 4096

/* Tests do not run on without memory. */
static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

void mperms_copy(struct mperms *to, const struct mperms *from)
{
    to->count = from->count;
    to->entry = must(calloc(from->count, sizeof(*to->entry)));
    memcpy(to->entry, from->entry, from->count * sizeof(*to->entry));
}

void mperms_free(struct mperms *perms)
{
    free(perms->entry);
    perms->entry = NULL;
    perms->count = 0;
}

void mperms_forget(struct mperms *perms, unsigned domid)
{
    size_t kept = 1;

    for (size_t i = 1; i < perms->count; i++)
        if (perms->entry[i].domid != domid)
            perms->entry[kept++] = perms->entry[i];
    perms->count = kept;
}

static struct mnode *node_new(const char *name, const struct mperms *perms)
{
    static uint64_t births;
    struct mnode *node = must(calloc(1, sizeof(*node)));

    node->born = ++births;
    node->name = must(strdup(name));
    mperms_copy(&node->perms, perms);
    return node;
}

static void node_free(struct mnode *node)
{
    for (size_t i = 0; i < node->children; i++)
        node_free(node->child[i]);
    free(node->child);
    free(node->value);
    free(node->name);
    mperms_free(&node->perms);
    free(node);
}

static struct mnode *node_attach(struct mnode *parent, struct mnode *node)
{
    parent->child = must(realloc(parent->child, (parent->children + 1) * sizeof(node)));
    parent->child[parent->children++] = node;
    node->parent = parent;
    return node;
}

static struct mnode *node_copy(const struct mnode *from)
{
    struct mnode *node = node_new(from->name, &from->perms);

    node->born = from->born;
    mnode_set_value(node, from->value, from->length);
    for (size_t i = 0; i < from->children; i++)
        node_attach(node, node_copy(from->child[i]));
    return node;
}

void mtree_init(struct mtree *tree, unsigned owner)
{
    struct mperm only[] = {{.domid = owner}};
    /* Newest xenstored: anyone may watch for domains that go. DOMID_ANY is 0x7ff5. */
    struct mperm readable[] = {{.domid = owner}, {.domid = 0x7ff5, .access = MODEL_READ}};
    const struct mperms perms = {only, 1}, release_perms = {readable, 2};

    tree->root = node_new("", &perms);
    mnode_add(mnode_add(tree->root, "tool"), "xenstored");
    tree->introduce = node_new("@introduceDomain", &perms);
    tree->release = node_new("@releaseDomain", &release_perms);
}

void mtree_copy(struct mtree *to, const struct mtree *from)
{
    to->root = node_copy(from->root);
    to->introduce = node_copy(from->introduce);
    to->release = node_copy(from->release);
}

void mtree_free(struct mtree *tree)
{
    node_free(tree->root);
    node_free(tree->introduce);
    node_free(tree->release);
}

struct mnode *mtree_find(const struct mtree *tree, const char *path)
{
    if (path[0] == '@')
        return strcmp(path, tree->introduce->name) == 0 ? tree->introduce
               : strcmp(path, tree->release->name) == 0 ? tree->release
                                                        : NULL;
    struct mnode *node = tree->root;
    while (node != NULL && path[0] == '/' && path[1] != 0) {
        size_t length = strcspn(path + 1, "/");
        struct mnode *next = NULL;

        for (size_t i = 0; i < node->children; i++)
            if (strlen(node->child[i]->name) == length &&
                memcmp(node->child[i]->name, path + 1, length) == 0)
                next = node->child[i];
        node = next;
        path += 1 + length;
    }
    return node;
}

void mpath_parent(const char *path, char *parent)
{
    const char *slash = strrchr(path + 1, '/');

    if (slash == NULL)
        strcpy(parent, "/");
    else
        snprintf(parent, PATH_SPACE, "%.*s", (int)(slash - path), path);
}

const char *mpath_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static size_t count_owned(const struct mnode *node, unsigned domid)
{
    size_t count = node->perms.entry[0].domid == domid;

    for (size_t i = 0; i < node->children; i++)
        count += count_owned(node->child[i], domid);
    return count;
}

size_t mtree_count_owned(const struct mtree *tree, unsigned domid)
{
    return count_owned(tree->root, domid) + count_owned(tree->introduce, domid) +
           count_owned(tree->release, domid);
}

struct mnode *mnode_add(struct mnode *parent, const char *name)
{
    return node_attach(parent, node_new(name, &parent->perms));
}

void mnode_remove(struct mnode *node)
{
    struct mnode *parent = node->parent;
    size_t kept = 0;

    for (size_t i = 0; i < parent->children; i++)
        if (parent->child[i] != node)
            parent->child[kept++] = parent->child[i];
    parent->children = kept;
    node_free(node);
}

void mtree_put(struct mtree *tree, const char *path, const struct mnode *from)
{
    struct mnode *there = mtree_find(tree, path), *node;
    char parent[PATH_SPACE];

    if (strcmp(path, "/") == 0) {
        node_free(tree->root);
        tree->root = node_copy(from);
        return;
    }
    if (there != NULL)
        mnode_remove(there);
    if (from == NULL)
        return;
    mpath_parent(path, parent);
    there = mtree_find(tree, parent);
    node = node_attach(there, node_copy(from));
    for (size_t i = there->children - 1; i > 0 && there->child[i - 1]->born > node->born; i--) {
        there->child[i] = there->child[i - 1];
        there->child[i - 1] = node;
    }
}

void mnode_set_value(struct mnode *node, const void *value, size_t length)
{
    free(node->value);
    node->value = must(malloc(length + 1));
    if (length > 0)
        memcpy(node->value, value, length);
    node->length = length;
}

size_t mnode_list_length(const struct mnode *node)
{
    size_t length = 0;

    for (size_t i = 0; i < node->children; i++)
        length += strlen(node->child[i]->name) + 1;
    return length;
}

void mnode_path(const struct mnode *node, char *path)
{
    if (node->parent == NULL) {
        strcpy(path, node->name[0] == 0 ? "/" : node->name);
        return;
    }
    mnode_path(node->parent, path);
    size_t length = strlen(path);
    snprintf(path + length, PATH_SPACE - length, "%s%s", length == 1 ? "" : "/", node->name);
}
