/* SPDX-License-Identifier: ISC */
#include "replace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"
#include "domain.h"
#include "output.h"
#include "transaction.h"
#include "watch.h"

/* May an entry for @domid be restored as it was in version @since? */
static bool is_same_domain(const struct xenstored *xs, domid_t domid, uint64_t since)
{
    const struct domain *domain = domain_find(xs, domid);

    return domain && !domain->dead && domain->since <= since;
}

static bool is_stale(const struct xenstored *xs, const struct perm *perm, uint64_t since)
{
    return perm->domid != PERM_DOMID_ANY && !(perm->rights & PERM_IGNORE) &&
           !is_same_domain(xs, perm->domid, since);
}

/*
 * @perms as they may be restored, with a reference for the caller; NULL without memory. Where the
 * owner is no more, the list is the control domain's alone (domain.c, perms_without()).
 */
static struct perms *mended(struct xenstored *xs, struct perms *perms, uint64_t since)
{
    const struct perm control = {.domid = xs->priv_domid};
    struct perm list[PERMS_MAX];
    uint32_t count = 0;

    if (!is_same_domain(xs, perms_owner(perms), since))
        return perms_intern(&xs->perms, &control, 1);
    for (uint32_t i = 0; i < perms->count; i++)
        if (!i || !is_stale(xs, &perms->list[i], since))
            list[count++] = perms->list[i];
    return count == perms->count ? perms_get(perms) : perms_intern(&xs->perms, list, count);
}

/* Mend the permissions of what is new in @target. Muted. */
static int mend(struct xenstored *xs, const char *path, struct tree *target, uint64_t since)
{
    struct compare *compare = arena_alloc(xs->arena, sizeof(*compare));
    struct tree original;
    int more = -ENOMEM;

    if (!compare)
        return -ENOMEM;
    tree_snapshot(target, &original); /* which the walk goes through while the target changes */
    compare_begin(compare, &xs->env, tree_lookup(&xs->env, &xs->tree, path),
                  tree_lookup(&xs->env, &original, path), path);
    while ((more = compare_next(compare)) > 0) {
        struct perms *perms;

        if (!compare->after)
            continue;
        perms = mended(xs, compare->after->perms, since);
        if (!perms || (perms != compare->after->perms &&
                       tree_set_perms(&xs->env, target, compare->path, perms)))
            more = -ENOMEM;
        if (perms)
            perms_put(&xs->perms, perms);
        if (more < 0)
            break;
    }
    compare_end(compare);
    tree_release(&xs->env, &original);
    arena_free(xs->arena, compare, sizeof(*compare));
    return more;
}

/* Keep the subtree at @path as it is in the current tree. Muted. */
static int keep(struct xenstored *xs, struct tree *target, const char *path)
{
    struct node *now = tree_lookup(&xs->env, &xs->tree, path);
    char above[sizeof(xs->history.own)];

    if (now == tree_lookup(&xs->env, target, path))
        return 0;
    if (!now)
        return tree_put(&xs->env, target, path, NULL, 0);
    /* Its parents, too, down to the first one that is there. */
    for (char *slash = strchr(strcpy(above, path) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!tree_lookup(&xs->env, target, above)) {
            const struct node *there = tree_lookup(&xs->env, &xs->tree, above);
            int error = tree_create_node(&xs->env, target, above, node_value(there),
                                         there->value_length, false, 0);

            if (!error)
                error = tree_set_perms(&xs->env, target, above, there->perms);
            if (error)
                return error;
        }
        *slash = '/';
    }
    return tree_put(&xs->env, target, path, now, 0);
}

/*
 * What the service and the domains that live publish for the clients of their vchans says which
 * rings are there now: older numbers would lead to rings that are gone. Muted.
 */
static int keep_vchans(struct xenstored *xs, struct tree *target)
{
    int error = keep(xs, target, xs->history.own);

    list_for_each (item, &xs->domains) {
        const struct domain *domain = LIST_ENTRY(item, struct domain, all);
        char path[sizeof(xs->history.own)];

        if (error)
            break;
        if (!domain->introduced)
            continue;
        snprintf(path, sizeof(path), "/local/domain/%u/data/vchan", domain->domid);
        error = keep(xs, target, path);
    }
    return error;
}

/* The change under way. */
struct replacement {
    struct xenstored *xs;
    struct work *work;
    const struct tree *target;
    const char *path; /* what is replaced; nothing above it is but what is missing */
    bool piecewise;   /* node by node, and not by putting the subtree there */
    uint64_t changed;
    size_t bytes; /* of nodes that are in the old tree only */
};

static const struct perms *parent_perms(const struct xenstored *xs, const struct tree *tree,
                                        const char *path)
{
    return tree_lookup_parent(&xs->env, tree, path)->perms;
}

/* Of the parent as it will be: what is above the path that is replaced stays as it is now. */
static const struct perms *new_parent_perms(const struct replacement *replacement, const char *path)
{
    bool below = strlen(path) > strlen(replacement->path);

    return parent_perms(replacement->xs, below ? replacement->target : replacement->work->tree,
                        path);
}

static void account_pair(struct xenstored *xs, const struct node *before, const struct node *after)
{
    if (before)
        xs->env.account(xs->env.account_context, perms_owner(before->perms), -1,
                        -(long)node_bytes(before));
    if (after)
        xs->env.account(xs->env.account_context, perms_owner(after->perms), 1,
                        (long)node_bytes(after));
}

static bool remove_node(void *context, const char *path, const struct node *node,
                        const struct node *parent)
{
    struct replacement *replacement = context;
    struct xenstored *xs = replacement->xs;

    if (!replacement->piecewise)
        account_pair(xs, node, NULL);
    watch_fire(xs, replacement->work, path, node->perms,
               parent ? parent->perms : parent_perms(xs, &xs->tree, path), NULL,
               parent ? WATCH_EXACT : WATCH_SUBTREE);
    replacement->changed++;
    replacement->bytes += node_bytes(node) + children_bytes(node->children);
    return true;
}

/* Make the node at @path what it is in the target. */
static int set_node(struct replacement *replacement, const char *path, const struct node *before,
                    const struct node *after)
{
    struct tree_env *env = &replacement->xs->env;
    struct tree *tree = replacement->work->tree;
    int error = 0;

    if (!before)
        error = tree_create_node(env, tree, path, node_value(after), after->value_length, false, 0);
    else if (before->value_length != after->value_length ||
             memcmp(node_value(before), node_value(after), after->value_length) != 0)
        error = tree_set_value(env, tree, path, node_value(after), after->value_length);
    if (!error && tree_lookup(env, tree, path)->perms != after->perms)
        error = tree_set_perms(env, tree, path, after->perms);
    return error;
}

/* Account for one node that differs, and tell its watchers. */
static int replace_node(struct replacement *replacement, struct compare *compare)
{
    struct xenstored *xs = replacement->xs;
    const struct node *before = compare->before, *after = compare->after;
    char path[TREE_PATH_SIZE];

    if (!after) {
        strcpy(path, compare->path);
        tree_walk(&xs->env, before, path, TREE_PARENT_LAST, remove_node, replacement);
        compare_skip(compare);
        return replacement->piecewise
                   ? tree_remove(&xs->env, replacement->work->tree, compare->path)
                   : 0;
    }
    if (!replacement->piecewise)
        account_pair(xs, before, after);
    watch_fire(xs, replacement->work, compare->path, after->perms,
               new_parent_perms(replacement, compare->path), before ? before->perms : NULL,
               WATCH_SUBTREE);
    replacement->changed++;
    if (before)
        replacement->bytes += node_bytes(before) + children_bytes(before->children);
    return replacement->piecewise ? set_node(replacement, compare->path, before, after) : 0;
}

static int replace_nodes(struct replacement *replacement, struct node *before, struct node *after)
{
    struct xenstored *xs = replacement->xs;
    struct compare *compare = arena_alloc(xs->arena, sizeof(*compare));
    int more = -ENOMEM;

    if (!compare)
        return -ENOMEM;
    compare_begin(compare, &xs->env, before, after, replacement->path);
    while ((more = compare_next(compare)) > 0) {
        int error = replace_node(replacement, compare);

        if (error) {
            more = error;
            break;
        }
    }
    compare_end(compare);
    arena_free(xs->arena, compare, sizeof(*compare));
    return more;
}

/* Make the ancestors that are missing, as they are in the target. */
static int make_ancestors(struct replacement *replacement)
{
    struct xenstored *xs = replacement->xs;
    struct work *work = replacement->work;
    char above[TREE_PATH_SIZE];
    int error = 0;

    strcpy(above, replacement->path);
    for (char *slash = strchr(above + 1, '/'); slash && !error; slash = strchr(slash + 1, '/')) {
        const struct node *node;

        *slash = '\0';
        node = tree_lookup(&xs->env, replacement->target, above);
        if (!tree_lookup(&xs->env, work->tree, above)) {
            error = tree_create_node(&xs->env, work->tree, above, node_value(node),
                                     node->value_length, false, 0);
            if (!error)
                error = tree_set_perms(&xs->env, work->tree, above, node->perms);
            if (error)
                break;
            watch_fire(xs, work, above, node->perms, new_parent_perms(replacement, above), NULL,
                       WATCH_SUBTREE);
            replacement->changed++;
        }
        *slash = '/';
    }
    return error;
}

/* In a work of its own, on what will be the current tree if all goes well. */
static int apply(struct replacement *replacement)
{
    struct xenstored *xs = replacement->xs;
    const char *path = replacement->path;
    struct tree *tree = replacement->work->tree;
    struct node *before = tree_lookup(&xs->env, tree, path);
    struct node *after = tree_lookup(&xs->env, replacement->target, path);
    int error = 0;

    if (before == after)
        return 0;
    if (after)
        error = make_ancestors(replacement);
    if (!error)
        error = replace_nodes(replacement, before, after);
    if (error || replacement->piecewise)
        return error;
    /* Even where no node differs, the order of children may. */
    return tree_put(&xs->env, tree, path, after, replacement->bytes);
}

/* Mend what the target may not have; -ENOMEM. */
static int prepare(struct xenstored *xs, const char *path, struct tree *target, uint64_t since)
{
    char above[TREE_PATH_SIZE];
    int error;

    history_mute(xs);
    error = mend(xs, path, target, since);
    strcpy(above, path);
    for (char *slash; !error && (slash = strrchr(above, '/')) && slash != above;) {
        struct perms *perms;
        struct node *node;

        *slash = '\0';
        node = tree_lookup(&xs->env, target, above);
        if (!node || tree_lookup(&xs->env, &xs->tree, above))
            continue;
        perms = mended(xs, node->perms, since);
        error = perms ? tree_set_perms(&xs->env, target, above, perms) : -ENOMEM;
        if (perms)
            perms_put(&xs->perms, perms);
    }
    if (!error)
        error = keep_vchans(xs, target);
    history_unmute(xs);
    return error;
}

/* The special nodes have permissions only. */
static int replace_special(struct replacement *replacement, enum special special)
{
    struct xenstored *xs = replacement->xs;
    struct tree *tree = replacement->work->tree;
    struct perms *perms = mended(xs, replacement->target->special[special], xs->history.newest);
    struct perms *old = tree->special[special];

    if (!perms)
        return -ENOMEM;
    if (perms != old) {
        watch_fire(xs, replacement->work, watch_special_name(special), perms, NULL, old,
                   WATCH_EXACT);
        tree_set_special(&xs->env, tree, special, perms);
        replacement->changed++;
    }
    perms_put(&xs->perms, perms);
    return 0;
}

static int replace(struct replacement *replacement, enum history_kind kind, uint32_t detail)
{
    struct xenstored *xs = replacement->xs;
    struct work work = {.tree = &xs->tree};
    struct attempt attempt;
    int error;

    list_init(&work.events);
    attempt_begin(xs, &attempt, NULL);
    xs->env.writer = xs->priv_domid;
    replacement->work = &attempt.work;
    error = apply(replacement);
    for (unsigned special = 0; special < SPECIAL_COUNT && replacement->piecewise && !error;
         special++)
        error = replace_special(replacement, special);
    if (error) {
        attempt_abandon(xs, &attempt);
        return error;
    }
    attempt_commit(xs, &attempt, &work);
    history_commit(xs, kind, xs->priv_domid, detail);
    output_queue_events(xs, &work);
    return 0;
}

static int replace_subtree(struct xenstored *xs, const char *path, struct tree *target,
                           uint64_t since, uint64_t *changed)
{
    struct replacement replacement = {.xs = xs, .target = target, .path = path};
    int error = prepare(xs, path, target, since);

    if (!error)
        error = replace(&replacement, HISTORY_ROLLBACK, (uint32_t)since);
    *changed = error ? 0 : replacement.changed;
    return error;
}

int replace_all(struct xenstored *xs, struct tree *target, uint64_t *changed)
{
    struct replacement replacement = {.xs = xs, .target = target, .path = "/", .piecewise = true};
    int error = prepare(xs, "/", target, xs->history.newest);

    if (!error)
        error = replace(&replacement, HISTORY_LOAD, 0);
    *changed = error ? 0 : replacement.changed;
    return error;
}

int replace_rollback(struct xenstored *xs, uint64_t number, const char *path, uint64_t *changed)
{
    struct tree target;
    int error = history_tree(xs, number, &target);

    if (error)
        return error;
    error = replace_subtree(xs, path, &target, number, changed);
    tree_release(&xs->env, &target);
    return error;
}
