/* SPDX-License-Identifier: ISC */
#include "operations.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "domain.h"
#include "output.h"
#include "path.h"
#include "watch.h"

int reply_add(struct reply *reply, const void *data, size_t length)
{
    if (length > XS_PAYLOAD_MAX - reply->length)
        return -E2BIG;
    if (length)
        memcpy(reply->data + reply->length, data, length);
    reply->length += (uint32_t)length;
    return 0;
}

int reply_ok(struct reply *reply)
{
    return reply_add(reply, "OK", 3);
}

int reply_format(struct reply *reply, const char *format, ...)
{
    size_t room = XS_PAYLOAD_MAX - reply->length;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(reply->data + reply->length, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room)
        return -E2BIG;
    reply->length += (uint32_t)length;
    return 0;
}

int operation_path(const struct connection *connection, const char *text, bool special, char *path)
{
    if (!path_canonical(text, connection->subject.domid, special, path) ||
        domain_over_quota(connection, QUOTA_PATH_MAX, path_measure(path)))
        return -EINVAL;
    return 0;
}

/* What a request is about: a node, or a special node that has nothing but permissions. */
struct target {
    char path[PATH_SIZE];
    struct node *node;   /* NULL: there is none, or it is special */
    struct perms *perms; /* NULL: there is none */
};

/* What the connection may do with the nearest ancestor that exists. */
static unsigned ancestor_rights(const struct xenstored *xs, const struct work *work,
                                const char *path)
{
    const struct perms *perms = work->tree->root->perms;
    char parent[PATH_SIZE];
    char *slash;

    strcpy(parent, path);
    slash = strrchr(parent, '/');
    if (slash)
        *slash = '\0';
    if (path[0] == '/') {
        perms = tree_lookup_deepest(&xs->env, work->tree, parent)->perms;
    } else if (slash) {
        enum special special = watch_special_find(parent);

        if (special != SPECIAL_COUNT)
            perms = work->tree->special[special];
    }
    return perms_rights(perms, &work->connection->subject);
}

/*
 * Find what @text names and check that the connection has all @rights to it. Who may not have it
 * learns of its existence only if the nearest ancestor grants one of the rights.
 */
static int find_target(const struct xenstored *xs, const struct work *work, const char *text,
                       bool special, unsigned rights, struct target *target)
{
    const struct connection *connection = work->connection;
    int error = text ? operation_path(connection, text, special, target->path) : -EINVAL;

    if (error)
        return error;
    target->node = NULL;
    target->perms = NULL;
    if (target->path[0] == '@') {
        enum special which = watch_special_find(target->path);

        if (which != SPECIAL_COUNT)
            target->perms = work->tree->special[which];
    } else {
        target->node = tree_lookup(&xs->env, work->tree, target->path);
        if (target->node)
            target->perms = target->node->perms;
    }

    if (target->perms)
        return (perms_rights(target->perms, &connection->subject) & rights) == rights ? 0 : -EACCES;
    return ancestor_rights(xs, work, target->path) & rights ? -ENOENT : -EACCES;
}

int operation_read(struct xenstored *xs, struct work *work, const char *payload, size_t length,
                   struct reply *reply)
{
    struct target target;
    int error = find_target(xs, work, wire_one_string(payload, length), false, PERM_READ, &target);

    return error ? error : reply_add(reply, node_value(target.node), target.node->value_length);
}

/* The children in order of creation, in an array for the caller to free; NULL without memory. */
static struct node **sorted_children(struct xenstored *xs, const struct children *children)
{
    struct node **array = arena_alloc(xs->arena, children->count * sizeof(*array));

    if (array)
        children_sorted(children, array);
    return array;
}

/* Append the names from byte @offset of the list on, as many whole ones as @room bytes hold. */
static int reply_names(struct xenstored *xs, const struct children *children, size_t offset,
                       size_t room, struct reply *reply, bool *complete)
{
    size_t at = 0, limit = reply->length + room;
    struct node **array;
    int error = 0;
    uint32_t i;

    *complete = true;
    if (!children)
        return 0;
    array = sorted_children(xs, children);
    if (!array)
        return -ENOMEM;
    for (i = 0; i < children->count && !error; i++) {
        size_t size = array[i]->name_length + 1U;

        if (at >= offset) {
            if (reply->length + size > limit)
                break;
            error = reply_add(reply, array[i]->text, size - 1);
            if (!error)
                error = reply_add(reply, "", 1);
        }
        at += size;
    }
    *complete = i == children->count;
    arena_free(xs->arena, array, children->count * sizeof(*array));
    return error;
}

int operation_directory(struct xenstored *xs, struct work *work, const char *payload, size_t length,
                        struct reply *reply)
{
    struct target target;
    bool complete;
    int error = find_target(xs, work, wire_one_string(payload, length), false, PERM_READ, &target);

    if (error)
        return error;
    if (target.node->children && target.node->children->names_bytes > XS_PAYLOAD_MAX)
        return -E2BIG;
    return reply_names(xs, target.node->children, 0, XS_PAYLOAD_MAX, reply, &complete);
}

int operation_directory_part(struct xenstored *xs, struct work *work, const char *payload,
                             size_t length, struct reply *reply)
{
    const struct children *children;
    const char *strings[2];
    struct target target;
    bool complete = true;
    uint32_t offset;
    int error;

    if (wire_strings(payload, length, strings, 2) != 2)
        return -EINVAL;
    error = find_target(xs, work, strings[0], false, PERM_READ, &target);
    if (error)
        return error;
    if (!wire_number(strings[1], UINT32_MAX, &offset))
        return -EINVAL;

    children = target.node->children;
    error = reply_format(reply, "%" PRIu64, node_stamp_change(target.node));
    if (!error)
        error = reply_add(reply, "", 1);
    /* The list ends in an empty name, for which a byte is kept. */
    if (!error && children && offset < children->names_bytes)
        error =
            reply_names(xs, children, offset, XS_PAYLOAD_MAX - reply->length - 1, reply, &complete);
    if (!error && complete)
        error = reply_add(reply, "", 1);
    return error;
}

int operation_get_perms(struct xenstored *xs, struct work *work, const char *payload, size_t length,
                        struct reply *reply)
{
    struct target target;
    int error = find_target(xs, work, wire_one_string(payload, length), true, PERM_READ, &target);

    for (uint32_t i = 0; !error && i < target.perms->count; i++) {
        char text[PERM_TEXT_MAX];

        error = reply_add(reply, text, perm_format(&target.perms->list[i], text));
    }
    return error;
}

/* Tell the watchers of the node at @path, which exists, that it was created or changed. */
static void fire(struct xenstored *xs, struct work *work, const char *path,
                 const struct perms *old_perms)
{
    const struct node *node, *parent;

    if (work->mode == WORK_SNAPSHOT || !watch_wanted(xs, path))
        return;
    node = tree_lookup(&xs->env, work->tree, path);
    parent = tree_lookup_parent(&xs->env, work->tree, path);
    watch_fire(xs, work, path, node->perms, parent->perms, old_perms, WATCH_SUBTREE);
}

static int create_node(struct xenstored *xs, struct work *work, const char *path, const char *value,
                       size_t length)
{
    const struct connection *connection = work->connection;
    unsigned missing = tree_missing(&xs->env, work->tree, path);
    int error;

    if (domain_over_quota(connection, QUOTA_NODE_SIZE, length) ||
        domain_over_quota(connection, QUOTA_NODES, domain_nodes(xs, connection->domain) + missing))
        return -ENOSPC;
    if (domain_over_memory(xs, work->connection,
                           missing * sizeof(struct node) + strlen(path) + length))
        return -ENOMEM;
    error = tree_create_node(&xs->env, work->tree, path, value, length,
                             !connection->subject.privileged, connection->subject.domid);
    if (!error)
        fire(xs, work, path, NULL);
    return error;
}

int operation_write(struct xenstored *xs, struct work *work, const char *payload, size_t length,
                    struct reply *reply)
{
    struct target target;
    const char *path, *value;
    size_t value_length;
    int error;

    if (!wire_strings(payload, length, &path, 1))
        return -EINVAL;
    value = path + strlen(path) + 1;
    value_length = length - (size_t)(value - payload);
    error = find_target(xs, work, path, false, PERM_WRITE, &target);
    if (error == -ENOENT) {
        error = create_node(xs, work, target.path, value, value_length);
    } else if (!error) {
        if (domain_over_quota(work->connection, QUOTA_NODE_SIZE, value_length))
            return -ENOSPC;
        if (value_length > target.node->value_length &&
            domain_over_memory(xs, work->connection, value_length - target.node->value_length))
            return -ENOMEM;
        error = tree_set_value(&xs->env, work->tree, target.path, value, value_length);
        if (!error)
            fire(xs, work, target.path, NULL);
    }
    return error ? error : reply_ok(reply);
}

int operation_mkdir(struct xenstored *xs, struct work *work, const char *payload, size_t length,
                    struct reply *reply)
{
    struct target target;
    int error = find_target(xs, work, wire_one_string(payload, length), false, PERM_WRITE, &target);

    if (error == -ENOENT)
        error = create_node(xs, work, target.path, NULL, 0);
    return error ? error : reply_ok(reply);
}

/* For the walk of what is removed. */
struct removal {
    struct xenstored *xs;
    struct work *work;
    const struct perms *parent_perms; /* of the parent of what is removed */
};

static bool fire_removal(void *context, const char *path, const struct node *node,
                         const struct node *parent)
{
    struct removal *removal = context;

    watch_fire(removal->xs, removal->work, path, node->perms,
               parent ? parent->perms : removal->parent_perms, NULL,
               parent ? WATCH_EXACT : WATCH_SUBTREE);
    return true;
}

int operation_remove(struct xenstored *xs, struct work *work, const char *path)
{
    struct removal removal = {xs, work, tree_lookup_parent(&xs->env, work->tree, path)->perms};
    char walk_path[TREE_PATH_SIZE];
    int error;

    if (work->mode != WORK_SNAPSHOT) {
        strcpy(walk_path, path);
        tree_walk(&xs->env, tree_lookup(&xs->env, work->tree, path), walk_path, TREE_PARENT_LAST,
                  fire_removal, &removal);
    }
    error = tree_remove(&xs->env, work->tree, path);
    if (error)
        output_forget_events(xs, work);
    return error;
}

int operation_rm(struct xenstored *xs, struct work *work, const char *payload, size_t length,
                 struct reply *reply)
{
    struct target target;
    int error = find_target(xs, work, wire_one_string(payload, length), false, PERM_WRITE, &target);

    if (error == -ENOENT) {
        /* It need not exist, but its parent must. */
        if (!tree_lookup_parent(&xs->env, work->tree, target.path))
            return -ENOENT;
        return reply_ok(reply);
    }
    if (error)
        return error;
    if (target.node == work->tree->root)
        return -EINVAL;
    error = operation_remove(xs, work, target.path);
    return error ? error : reply_ok(reply);
}

/* Parse the entries behind the path; mark those of domains that do not exist. */
static int parse_perms(struct xenstored *xs, const char *text, uint32_t count, struct perm *list)
{
    for (uint32_t i = 0; i < count; i++, text += strlen(text) + 1)
        if (!perm_parse(text, &list[i]))
            return -EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        int error = 0;

        if (list[i].domid == PERM_DOMID_ANY && i > 0)
            continue;
        if (!domain_get(xs, list[i].domid, &error)) {
            if (error != -ENOENT)
                return error;
            list[i].rights |= PERM_IGNORE;
        }
    }
    return list[0].rights & PERM_IGNORE ? -ENOENT : 0;
}

static int set_perms(struct xenstored *xs, struct work *work, struct target *target,
                     struct perms *perms)
{
    struct perms *old = perms_get(target->perms);
    int error = 0;

    if (target->node) {
        error = tree_set_perms(&xs->env, work->tree, target->path, perms);
        if (!error)
            fire(xs, work, target->path, old);
    } else {
        tree_set_special(&xs->env, work->tree, watch_special_find(target->path), perms);
        watch_fire(xs, work, target->path, perms, NULL, old, WATCH_EXACT);
    }
    perms_put(&xs->perms, old);
    return error;
}

int operation_set_perms(struct xenstored *xs, struct work *work, const char *payload, size_t length,
                        struct reply *reply)
{
    const struct connection *connection = work->connection;
    const char *path;
    uint32_t count = wire_strings(payload, length, &path, 1);
    struct perm list[PERMS_MAX];
    struct target target;
    struct perms *perms;
    int error;

    if (count < 2)
        return -EINVAL;
    count--;
    if (domain_over_quota(connection, QUOTA_NODE_PERMISSIONS, count))
        return -ENOSPC;
    error = parse_perms(xs, path + strlen(path) + 1, count, list);
    if (error)
        return error;
    error = find_target(xs, work, path, true, PERM_WRITE | PERM_OWNER, &target);
    if (error)
        return error;
    /* XSA-352: only the privileged may give a node to somebody else. */
    if (!connection->subject.privileged && list[0].domid != perms_owner(target.perms))
        return -EPERM;

    perms = perms_intern(&xs->perms, list, count);
    if (!perms)
        return -ENOMEM;
    error = set_perms(xs, work, &target, perms);
    perms_put(&xs->perms, perms);
    return error ? error : reply_ok(reply);
}
