/* SPDX-License-Identifier: ISC */
/* Requests on nodes: what they answer, what they change, and whom a change may be told. */
#include "model_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t mstrings(const struct wire_message *message, const char **out, size_t max)
{
    size_t count = 0, start = 0;

    for (size_t i = 0; i < message->length; i++)
        if (message->payload[i] == 0) {
            if (count < max)
                out[count] = (const char *)message->payload + start;
            count++;
            start = i + 1;
        }
    return count;
}

const char *monly(const struct wire_message *message)
{
    const char *text = (const char *)message->payload;

    return message->length > 0 && strlen(text) + 1 == message->length ? text : NULL;
}

bool mcanonical(const struct mdomain *domain, const char *path, bool special, char *out)
{
    unsigned digits = 0;
    size_t skip = 0;

    if (path == NULL || strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789-/_@") != strlen(path))
        return false;
    if (path[0] == '@' && !special)
        return false;
    if (path[0] == '/' || path[0] == '@')
        snprintf(out, MODEL_PATH, "%s", path);
    else
        snprintf(out, MODEL_PATH, "/local/domain/%u/%.4000s", domain->domid, path);

    size_t length = strlen(out);
    if ((length > 1 && out[length - 1] == '/') || strstr(out, "//") != NULL)
        return false;

    /* The limit holds without the domain's own prefix, so that a path survives a migration. */
    if (strncmp(out, "/local/domain/", 14) == 0) {
        digits = (unsigned)strspn(out + 14, "0123456789");
        if (digits >= 1 && digits <= 5 && out[14 + digits] == '/')
            skip = 14 + digits + 1;
    }
    if (domain->domid != 0 && domain->quota[MQ_PATH_MAX] != 0 &&
        length - skip > domain->quota[MQ_PATH_MAX])
        return false;
    return true;
}

unsigned maccess(const struct mdomain *domain, const struct mperms *perms)
{
    for (size_t i = 0; i < perms->count; i++) {
        const struct mperm *entry = &perms->entry[i];
        bool named = entry->domid == domain->domid || entry->domid == WIRE_DOMID_ANY ||
                     (domain->target >= 0 && entry->domid == (unsigned)domain->target);

        if (domain->domid == 0 || (i == 0 && named))
            return MODEL_READ | MODEL_WRITE | MODEL_OWNER;
        if (i > 0 && named && !entry->ignored)
            return entry->access;
    }
    return perms->entry[0].access;
}

/* Access bits at the nearest ancestor that exists. */
static unsigned ancestor_access(const struct mdomain *domain, const struct mtree *tree,
                                const char *path)
{
    char at[MODEL_PATH], up[MODEL_PATH];
    struct mnode *node;

    snprintf(at, sizeof(at), "%s", path);
    do {
        mpath_parent(at, up);
        strcpy(at, up);
        node = mtree_find(tree, at);
    } while (node == NULL);
    return maccess(domain, &node->perms);
}

/*
 * The node at @path if @domain has all rights of @need there; else an error, which tells nothing
 * about nodes to those who may not look (or write) above them.
 */
static int find(const struct mdomain *domain, const struct mtree *tree, const char *path,
                unsigned need, struct mnode **node)
{
    *node = mtree_find(tree, path);
    if (*node != NULL && (maccess(domain, &(*node)->perms) & need) == need)
        return 0;
    if (*node != NULL)
        return EACCES;
    return (ancestor_access(domain, tree, path) & need) != 0 ? ENOENT : EACCES;
}

static size_t node_size(const struct mnode *node)
{
    return 16 + node->perms.count * 8 + node->length + mnode_list_length(node);
}

static bool over(const struct mdomain *domain, enum mquota quota, size_t value)
{
    return domain->domid != 0 && domain->quota[quota] != 0 && value > domain->quota[quota];
}

/* Make the node at @path and all that is missing above it. */
static int create(const struct mdomain *domain, struct mtree *tree, const char *path,
                  size_t value_length, struct mnode **created)
{
    char up[MODEL_PATH];
    const char *rest;
    struct mnode *node;
    size_t missing = 0;

    snprintf(up, sizeof(up), "%s", path);
    while ((node = mtree_find(tree, up)) == NULL) {
        char parent[MODEL_PATH];
        mpath_parent(up, parent);
        strcpy(up, parent);
        missing++;
    }
    if (over(domain, MQ_NODES, mtree_count_owned(tree, domain->domid) + missing))
        return ENOSPC;
    rest = path + (up[1] == 0 ? 1 : strlen(up) + 1);
    if (over(domain, MQ_NODE_SIZE, node_size(node) + strcspn(rest, "/") + 1) ||
        over(domain, MQ_NODE_SIZE, 16 + node->perms.count * 8 + value_length))
        return ENOSPC;
    while (*rest != 0) {
        char name[MODEL_PATH];
        size_t length = strcspn(rest, "/");

        snprintf(name, sizeof(name), "%.*s", (int)length, rest);
        node = mnode_add(node, name);
        if (domain->domid != 0)
            node->perms.entry[0].domid = domain->domid;
        rest += length + (rest[length] == '/');
    }
    *created = node;
    return 0;
}

static int op_write(const struct mdomain *domain, struct mtree *tree,
                    const struct wire_message *request, bool with_value, struct mevents *events)
{
    const char *name = with_value ? NULL : monly(request);
    char path[MODEL_PATH];
    const uint8_t *value = NULL;
    size_t length = 0;
    struct mnode *node;
    bool created = false;

    if (with_value) {
        if (mstrings(request, &name, 1) < 1)
            return EINVAL;
        value = request->payload + strlen(name) + 1;
        length = request->length - strlen(name) - 1;
    }
    if (!mcanonical(domain, name, false, path))
        return EINVAL;
    int error = find(domain, tree, path, MODEL_WRITE, &node);
    if (error == ENOENT) {
        error = create(domain, tree, path, length, &node);
        created = true;
    } else if (error == 0 && with_value &&
               over(domain, MQ_NODE_SIZE, node_size(node) - node->length + length)) {
        error = ENOSPC;
    }
    if (error != 0)
        return error;
    if (with_value)
        mnode_set_value(node, value, length);
    if (with_value || created) {
        struct mevent *event = mevents_add(events, path, MM_SUBTREE);
        mevent_reader(event, 0, node);
        mevent_reader(event, 1, node->parent);
    }
    return 0;
}

static void remove_events(struct mnode *node, enum mmatch match, struct mevents *events)
{
    char path[MODEL_PATH];

    for (size_t i = 0; i < node->children; i++)
        remove_events(node->child[i], MM_EXACT, events);
    mnode_path(node, path);
    struct mevent *event = mevents_add(events, path, match);
    mevent_reader(event, 0, node);
    mevent_reader(event, 1, node->parent);
}

void mremove_subtree(struct mnode *node, struct mevents *events)
{
    remove_events(node, MM_SUBTREE, events);
    mnode_remove(node);
}

static int op_rm(const struct mdomain *domain, struct mtree *tree,
                 const struct wire_message *request, struct mevents *events)
{
    char path[MODEL_PATH], parent[MODEL_PATH];
    struct mnode *node;

    if (!mcanonical(domain, monly(request), false, path))
        return EINVAL;
    int error = find(domain, tree, path, MODEL_WRITE, &node);
    if (error == ENOENT) {
        mpath_parent(path, parent);
        return mtree_find(tree, parent) != NULL ? 0 : ENOENT;
    }
    if (error != 0)
        return error;
    if (node == tree->root)
        return EINVAL;
    mremove_subtree(node, events);
    return 0;
}

static int parse_perms(struct model *model, const struct mdomain *domain,
                       const struct wire_message *request, size_t count, struct mperms *perms)
{
    const char *strings[1 + WIRE_PAYLOAD_MAX];
    int error = 0;

    mstrings(request, strings, count + 1);
    perms->count = count;
    perms->entry = calloc(count, sizeof(*perms->entry));
    for (size_t i = 0; i < count; i++) {
        const char *text = strings[1 + i];
        struct mperm *entry = &perms->entry[i];
        char *end = NULL;

        if (text[0] == 0 || strchr("nrwb", text[0]) == NULL || text[1] == 0)
            return EINVAL;
        entry->access = text[0] == 'n'   ? 0
                        : text[0] == 'r' ? MODEL_READ
                        : text[0] == 'w' ? MODEL_WRITE
                                         : MODEL_READ | MODEL_WRITE;
        entry->domid = (unsigned)strtoul(text + 1, &end, 10);
        if (*end != 0)
            return EINVAL;
        entry->ignored = entry->domid == WIRE_DOMID_ANY
                             ? (domain->features & WIRE_FEATURE_DOMID_ANY) == 0
                             : mdomain_find(model, entry->domid) == NULL;
        if (i == 0 && entry->ignored)
            error = ENOENT;
    }
    return error;
}

static int op_set_perms(struct model *model, const struct mdomain *domain, struct mtree *tree,
                        const struct wire_message *request, struct mevents *events)
{
    struct mperms perms = {0};
    char path[MODEL_PATH];
    struct mnode *node = NULL;
    size_t count = mstrings(request, NULL, 0);

    if (count < 2)
        return EINVAL;
    if (over(domain, MQ_NODE_PERMISSIONS, count - 1))
        return ENOSPC;
    int error = parse_perms(model, domain, request, count - 1, &perms);
    if (error == 0 && !mcanonical(domain, (const char *)request->payload, true, path))
        error = EINVAL;
    if (error == 0)
        error = find(domain, tree, path, MODEL_WRITE | MODEL_OWNER, &node);
    if (error == 0 && domain->domid != 0 && perms.entry[0].domid != node->perms.entry[0].domid)
        error = EPERM;
    if (error == 0 &&
        over(domain, MQ_NODE_SIZE, node_size(node) + (perms.count * 8) - node->perms.count * 8))
        error = ENOSPC;
    if (error != 0) {
        mperms_free(&perms);
        return error;
    }
    struct mevent *event = mevents_add(events, path, MM_SUBTREE);
    mevent_reader(event, 0, node);
    mevent_reader(event, 1, node->parent);
    mperms_free(&node->perms);
    node->perms = perms;
    mevent_reader(event, 2, node);
    return 0;
}

static int op_get_perms(const struct mdomain *domain, struct mtree *tree,
                        const struct wire_message *request, struct wire_message *reply)
{
    char path[MODEL_PATH];
    struct mnode *node;

    if (!mcanonical(domain, monly(request), true, path))
        return EINVAL;
    int error = find(domain, tree, path, MODEL_READ, &node);
    for (size_t i = 0; error == 0 && i < node->perms.count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%c%u", "nrwb"[node->perms.entry[i].access],
                 node -> perms.entry[i].domid);
        if (!message_add_string(reply, text))
            error = E2BIG;
    }
    return error;
}

static int op_directory(const struct mdomain *domain, struct mtree *tree,
                        const struct wire_message *request, struct wire_message *reply)
{
    char path[MODEL_PATH];
    struct mnode *node;

    if (!mcanonical(domain, monly(request), false, path))
        return EINVAL;
    int error = find(domain, tree, path, MODEL_READ, &node);
    for (size_t i = 0; error == 0 && i < node->children; i++)
        if (!message_add_string(reply, node->child[i]->name))
            error = E2BIG;
    return error;
}

static bool inside_name(const struct mnode *node, long offset)
{
    for (size_t i = 0; i < node->children && offset > 0; i++) {
        long length = (long)strlen(node->child[i]->name) + 1;

        if (offset < length)
            return true;
        offset -= length;
    }
    return false;
}

/*
 * The generation count is left to the service: "?" stands for it, or "??" where the offset points
 * into a name, of which the rest may be sent or not.
 */
static int op_directory_part(const struct mdomain *domain, struct mtree *tree,
                             const struct wire_message *request, struct wire_message *reply)
{
    char path[MODEL_PATH];
    const char *strings[2];
    struct mnode *node;

    if (mstrings(request, strings, 2) != 2 || !mcanonical(domain, strings[0], false, path))
        return EINVAL;
    int error = find(domain, tree, path, MODEL_READ, &node);
    if (error != 0)
        return error;
    /* Upstream takes anything for a number. */
    if (strings[1][0] == 0 || strspn(strings[1], "0123456789") != strlen(strings[1]))
        return EINVAL;
    long offset = strtol(strings[1], NULL, 10);
    message_add_string(reply, inside_name(node, offset) ? "??" : "?");
    for (size_t i = 0; i < node->children && offset >= 0; i++) {
        const char *name = node->child[i]->name;
        long length = (long)strlen(name) + 1;

        /* Room for the count and the end that the service may need more of. */
        if (offset < length && reply->length + (size_t)length > WIRE_PAYLOAD_MAX - 24)
            return 0;
        if (offset < length)
            message_add_string(reply, name + offset);
        offset = offset < length ? 0 : offset - length;
    }
    message_add_string(reply, "");
    return 0;
}

static int op_read(const struct mdomain *domain, struct mtree *tree,
                   const struct wire_message *request, struct wire_message *reply)
{
    char path[MODEL_PATH];
    struct mnode *node;

    if (!mcanonical(domain, monly(request), false, path))
        return EINVAL;
    int error = find(domain, tree, path, MODEL_READ, &node);
    if (error == 0 && !message_add(reply, node->value, node->length))
        error = E2BIG;
    return error;
}

int mexecute(struct model *model, const struct mdomain *domain, struct mtree *tree,
             const struct wire_message *request, struct wire_message *reply, struct mevents *events)
{
    int error;

    reply->type = request->type;
    reply->length = 0;
    switch (request->type) {
    case WIRE_READ:
        return op_read(domain, tree, request, reply);
    case WIRE_DIRECTORY:
        return op_directory(domain, tree, request, reply);
    case WIRE_DIRECTORY_PART:
        return op_directory_part(domain, tree, request, reply);
    case WIRE_GET_PERMS:
        return op_get_perms(domain, tree, request, reply);
    case WIRE_WRITE:
    case WIRE_MKDIR:
        error = op_write(domain, tree, request, request->type == WIRE_WRITE, events);
        break;
    case WIRE_RM:
        error = op_rm(domain, tree, request, events);
        break;
    case WIRE_SET_PERMS:
        error = op_set_perms(model, domain, tree, request, events);
        break;
    default:
        return ENOSYS;
    }
    if (error == 0)
        mreply_ok(reply);
    return error;
}
