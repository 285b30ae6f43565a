/* SPDX-License-Identifier: ISC */
#include "history.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <hv/domain.h>
#include <hv/time.h>

#include "domain.h"
#include "node.h"
#include "watch.h"

/* The share of the arena that history may hold. */
#define MEMORY_SHARE 8U

/* All it takes to undo one change of a tree. */
struct change {
    struct change *next; /* made before it */
    enum tree_change_kind kind;
    enum special special;
    uint16_t path_length, top, value_length;
    struct perms *perms; /* as they were; NULL: they did not change */
    struct node *node;   /* what was there; NULL: nothing */
    char text[];         /* path, NUL, value */
};

static const char *change_value(const struct change *change)
{
    return change->text + change->path_length + 1;
}

static size_t change_size(size_t path_length, size_t value_length)
{
    return sizeof(struct change) + path_length + 1 + value_length;
}

static void free_changes(struct xenstored *xs, struct change *changes)
{
    for (struct change *change; (change = changes);) {
        changes = change->next;
        if (change->perms)
            perms_put(&xs->perms, change->perms);
        if (change->node)
            node_put(&xs->env, change->node);
        arena_free(xs->arena, change, change_size(change->path_length, change->value_length));
    }
}

void history_abandon(struct xenstored *xs)
{
    free_changes(xs, xs->history.pending);
    xs->history.pending = NULL;
    xs->history.pending_bytes = 0;
}

static void drop(struct xenstored *xs, struct version *version)
{
    xs->history.count--;
    xs->history.bytes -= version->bytes;
    list_remove(&version->all);
    free_changes(xs, version->changes);
    arena_free(xs->arena, version, sizeof(*version));
}

static struct version *oldest(const struct xenstored *xs)
{
    return LIST_ENTRY(xs->history.versions.next, struct version, all);
}

/* Of the current version there is only what was before it to give up. */
static bool drop_oldest(struct xenstored *xs)
{
    struct version *version = oldest(xs);

    if (!xs->history.count || xs->history.pinned)
        return false;
    if (xs->history.count > 1) {
        drop(xs, version);
        return true;
    }
    if (!version->changes)
        return false;
    free_changes(xs, version->changes);
    version->changes = NULL;
    xs->history.bytes = version->bytes = arena_size_class(sizeof(*version));
    return true;
}

bool history_give_up(struct xenstored *xs)
{
    if (!drop_oldest(xs))
        return false;
    xs->history.given_up++;
    return true;
}

void history_forget(struct xenstored *xs)
{
    while (drop_oldest(xs))
        continue;
}

static bool reclaim(void *context)
{
    return history_give_up(context);
}

/* A change without its record makes all that was before it unreachable. */
static void lose(struct xenstored *xs)
{
    xs->history.given_up += xs->history.count;
    while (xs->history.count)
        drop(xs, oldest(xs));
    history_abandon(xs);
}

/*
 * What the service publishes for its own control clients is no part of history: each look at it
 * would make versions, and going back would break the connections.
 */
bool history_is_own(const struct xenstored *xs, const char *path)
{
    const char *own = xs->history.own;
    size_t length = xs->history.own_length;

    return path[0] == '/' && !strncmp(path, own, length) && (path[length] == '/' || !path[length]);
}

/* tree_record_fn */
static void record_change(void *context, const struct tree_change *change)
{
    struct xenstored *xs = context;
    struct history *history = &xs->history;
    size_t path_length = strlen(change->path), value_length = 0;
    struct change *kept;

    if ((xs->work && xs->work->mode == WORK_SNAPSHOT) || history_is_own(xs, change->path))
        return;
    if (change->kind == TREE_CHANGE_VALUE)
        value_length = change->node->value_length;
    kept = arena_alloc(xs->arena, change_size(path_length, value_length));
    if (!kept) {
        lose(xs);
        return;
    }
    *kept = (struct change){
        .next = history->pending,
        .kind = change->kind,
        .special = change->special,
        .path_length = (uint16_t)path_length,
        .top = (uint16_t)change->top,
        .value_length = (uint16_t)value_length,
    };
    memcpy(kept->text, change->path, path_length + 1);
    if (value_length)
        memcpy(kept->text + path_length + 1, node_value(change->node), value_length);
    if (change->kind == TREE_CHANGE_PERMS)
        kept->perms = perms_get(change->node->perms);
    else if (change->kind == TREE_CHANGE_SPECIAL)
        kept->perms = perms_get(change->perms);
    else if (change->kind != TREE_CHANGE_VALUE && change->node)
        kept->node = node_get(change->node);
    /* A subtree that lives on in parts makes changes below it copy what it holds. */
    if (change->kind == TREE_CHANGE_PUT)
        history->shares = history->limit;
    history->pending = kept;
    history->pending_bytes +=
        arena_size_class(change_size(path_length, value_length)) + change->bytes;
}

/* Give up what is over the bounds. */
static void trim(struct xenstored *xs)
{
    struct history *history = &xs->history;
    size_t most = xs->arena_pages * (size_t)(HV_PAGE_SIZE / MEMORY_SHARE);

    while (history->count > history->limit)
        drop(xs, oldest(xs));
    while (history->bytes > most && history_give_up(xs))
        continue;
}

static void commit(struct xenstored *xs, enum history_kind kind, domid_t who, uint32_t detail)
{
    struct history *history = &xs->history;
    size_t bytes = history->pending_bytes + arena_size_class(sizeof(struct version));
    struct version *version;

    history->newest++;
    if (history->shares) {
        history->shares--;
        bytes += xs->env.copied;
    }
    xs->env.copied = 0;
    version = arena_alloc(xs->arena, sizeof(*version));
    if (!version) {
        lose(xs);
        return;
    }
    *version = (struct version){
        .number = history->newest,
        .time = hv_wallclock(xs->hv),
        .kind = kind,
        .who = who,
        .detail = detail,
        .bytes = bytes,
        .changes = history->pending,
    };
    history->pending = NULL;
    history->pending_bytes = 0;
    history->bytes += bytes;
    history->count++;
    list_append(&history->versions, &version->all);
    trim(xs);
}

void history_commit(struct xenstored *xs, enum history_kind kind, domid_t who, uint32_t detail)
{
    if (xs->history.pending)
        commit(xs, kind, who, detail);
}

void history_create(struct xenstored *xs, uint32_t limit)
{
    struct history *history = &xs->history;
    domid_t own = hv_domid(xs->hv);

    *history = (struct history){.limit = limit};
    list_init(&history->versions);
    history->own_length =
        (uint8_t)snprintf(history->own, sizeof(history->own), "/local/domain/%u/data/vchan", own);
    if (!limit)
        return;
    xs->env.record = record_change;
    xs->env.record_context = xs;
    arena_set_reclaim(xs->arena, reclaim, xs);
    commit(xs, HISTORY_START, own, 0);
}

void history_destroy(struct xenstored *xs)
{
    xs->env.record = NULL;
    arena_set_reclaim(xs->arena, NULL, NULL);
    while (xs->history.count)
        drop(xs, oldest(xs));
    history_abandon(xs);
}

uint64_t history_newest(const struct xenstored *xs)
{
    return xs->history.count ? xs->history.newest : 0;
}

uint64_t history_oldest(const struct xenstored *xs)
{
    return xs->history.count ? oldest(xs)->number : 0;
}

struct version *history_find(struct xenstored *xs, uint64_t number)
{
    /* From the newest on: that is where most look. */
    for (struct list *item = xs->history.versions.prev; item != &xs->history.versions;
         item = item->prev) {
        struct version *version = LIST_ENTRY(item, struct version, all);

        if (version->number <= number)
            return version->number == number ? version : NULL;
    }
    return NULL;
}

/* tree_account_fn: of trees that are not the current one. */
static void account_nobody(void *context, domid_t domid, int nodes, long bytes)
{
}

void history_mute(struct xenstored *xs)
{
    xs->history.muted++;
    xs->env.account = account_nobody;
    xs->env.record = NULL;
}

void history_unmute(struct xenstored *xs)
{
    if (--xs->history.muted)
        return;
    xs->env.account = domain_account;
    xs->env.record = xs->history.limit ? record_change : NULL;
}

static int undo(struct xenstored *xs, struct tree *tree, const struct change *change)
{
    struct tree_env *env = &xs->env;
    char path[TREE_PATH_SIZE];

    switch (change->kind) {
    case TREE_CHANGE_SPECIAL:
        tree_set_special(env, tree, change->special, change->perms);
        return 0;
    case TREE_CHANGE_CREATED:
        memcpy(path, change->text, change->top);
        path[change->top] = '\0';
        return tree_put(env, tree, path, NULL, 0);
    case TREE_CHANGE_REMOVED:
    case TREE_CHANGE_PUT:
        return tree_put(env, tree, change->text, change->node, 0);
    case TREE_CHANGE_VALUE:
    case TREE_CHANGE_PERMS:
        break;
    }
    /* Below what the service publishes for itself, nothing is as it was. */
    if (!tree_lookup(env, tree, change->text))
        return 0;
    if (change->kind == TREE_CHANGE_PERMS)
        return tree_set_perms(env, tree, change->text, change->perms);
    return tree_set_value(env, tree, change->text, change_value(change), change->value_length);
}

int history_undo(struct xenstored *xs, struct tree *tree, uint64_t from, uint64_t to)
{
    struct version *version = history_find(xs, from);
    int error = 0;

    if (!version || !history_find(xs, to) || to > from)
        return -ENOENT;
    history_mute(xs);
    xs->history.pinned = true;
    for (; version->number > to && !error;
         version = LIST_ENTRY(version->all.prev, struct version, all))
        for (const struct change *change = version->changes; change && !error;
             change = change->next)
            error = undo(xs, tree, change);
    xs->history.pinned = false;
    history_unmute(xs);
    if (error)
        tree_release(&xs->env, tree);
    return error;
}

int history_tree(struct xenstored *xs, uint64_t number, struct tree *tree)
{
    int error;

    history_commit(xs, HISTORY_SERVICE, hv_domid(xs->hv), 0);
    tree_snapshot(&xs->tree, tree);
    error = history_undo(xs, tree, history_newest(xs), number);
    if (error)
        tree_release(&xs->env, tree);
    return error;
}

/* Is @path @above, or below it? */
static bool path_below(const char *above, size_t length, const char *path)
{
    if (length == 1 && *above == '/')
        return *path == '/';
    return !strncmp(path, above, length) && (path[length] == '/' || !path[length]);
}

/* Was there anything at @path in what was at the change's path, or is it there now? */
static bool change_reaches(const struct xenstored *xs, const struct change *change,
                           const char *path)
{
    const char *rest = path + (change->path_length > 1 ? change->path_length : 0);
    const struct tree subtree = {.root = change->node};

    if (change->kind == TREE_CHANGE_PUT)
        return true;
    return change->kind == TREE_CHANGE_REMOVED && tree_lookup(&xs->env, &subtree, rest);
}

bool history_concerns(const struct xenstored *xs, const struct version *version, const char *path)
{
    size_t length = strlen(path);

    for (const struct change *change = version->changes; change; change = change->next) {
        if (change->kind == TREE_CHANGE_SPECIAL) {
            if (!strcmp(path, watch_special_name(change->special)))
                return true;
        } else if (path_below(path, length, change->text) ||
                   (path_below(change->text, change->path_length, path) &&
                    change_reaches(xs, change, path))) {
            return true;
        }
    }
    return false;
}

const char *history_path(const struct version *version)
{
    const struct change *first = version->changes;

    if (!first)
        return "";
    while (first->next)
        first = first->next;
    return first->kind == TREE_CHANGE_SPECIAL ? watch_special_name(first->special) : first->text;
}
