/* SPDX-License-Identifier: ISC */
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "domain.h"
#include "output.h"
#include "path.h"

/* A path that is watched. */
struct watch_point {
    struct watch_point *next; /* in the bucket */
    uint64_t hash;
    struct list watches; /* in order of registration */
    uint32_t path_length;
    char path[]; /* with a NUL */
};

struct watch {
    struct list of_point, of_connection;
    struct watch_point *point;
    struct connection *connection;
    int32_t depth;          /* WATCH_ANY_DEPTH, or how far below the path changes count */
    uint16_t prefix_length; /* what events leave out of their path, for a relative watch */
    uint16_t token_length;
    char token[]; /* with a NUL */
};

struct watch_index {
    size_t watches, points;
    size_t mask; /* buckets - 1 */
    struct watch_point *buckets[];
};

static size_t index_size(size_t buckets)
{
    return sizeof(struct watch_index) + buckets * sizeof(struct watch_point *);
}

static const char *const special_names[SPECIAL_COUNT] = {
    [SPECIAL_INTRODUCE] = "@introduceDomain",
    [SPECIAL_RELEASE] = "@releaseDomain",
};

const char *watch_special_name(enum special special)
{
    return special_names[special];
}

enum special watch_special_find(const char *path)
{
    unsigned special;

    for (special = 0; special < SPECIAL_COUNT; special++)
        if (!strcmp(path, special_names[special]))
            break;
    return special;
}

int watch_index_create(struct xenstored *xs)
{
    size_t buckets = 64, limit = 1U << 18;

    while (buckets < xs->arena_pages * 4UL && buckets < limit)
        buckets *= 2;
    xs->watch_index = arena_zalloc(xs->arena, index_size(buckets));
    if (!xs->watch_index)
        return -ENOMEM;
    xs->watch_index->mask = buckets - 1;
    return 0;
}

void watch_index_destroy(struct xenstored *xs)
{
    arena_free(xs->arena, xs->watch_index, index_size(xs->watch_index->mask + 1));
    xs->watch_index = NULL;
}

/*
 * The hash of a path is a polynomial over its bytes modulo 2^61 - 1, at a point that only we know:
 * a guest that chooses paths cannot make them meet in a bucket, and the hashes of all prefixes come
 * from one pass. "/" hashes to 0; another path's first slash does not count. Not fully reduced,
 * which does no harm: equal bytes give equal values.
 */
#define HASH_PRIME ((UINT64_C(1) << 61) - 1)

static uint64_t hash_point(const struct xenstored *xs)
{
    return xs->key.k0 % (HASH_PRIME - 2) + 2;
}

static inline uint64_t extend_hash(uint64_t hash, uint64_t point, char byte)
{
    unsigned __int128 value = (unsigned __int128)hash * point + (unsigned char)byte;
    uint64_t sum = ((uint64_t)value & HASH_PRIME) + (uint64_t)(value >> 61);

    return (sum & HASH_PRIME) + (sum >> 61);
}

static uint64_t path_hash(const struct xenstored *xs, const char *path)
{
    uint64_t hash = 0, point = hash_point(xs);

    for (path += *path == '/'; *path; path++)
        hash = extend_hash(hash, point, *path);
    return hash;
}

static struct watch_point *find_point(const struct xenstored *xs, uint64_t hash, const char *path,
                                      size_t length)
{
    struct watch_point *point = xs->watch_index->buckets[hash & xs->watch_index->mask];

    for (; point; point = point->next)
        if (point->hash == hash && point->path_length == length &&
            !memcmp(point->path, path, length))
            return point;
    return NULL;
}

static size_t point_size(size_t path_length)
{
    return sizeof(struct watch_point) + path_length + 1;
}

static size_t watch_size(size_t token_length)
{
    return sizeof(struct watch) + token_length + 1;
}

/* What a watch counts against its domain's memory: as if its path were its own. */
static long watch_memory(const struct watch *watch)
{
    return (long)(watch_size(watch->token_length) + watch->point->path_length);
}

static struct watch_point *get_point(struct xenstored *xs, const char *path)
{
    uint64_t hash = path_hash(xs, path);
    struct watch_index *index = xs->watch_index;
    struct watch_point **bucket = &index->buckets[hash & index->mask], *point;
    size_t length = strlen(path);

    point = find_point(xs, hash, path, length);
    if (point)
        return point;
    point = arena_alloc(xs->arena, point_size(length));
    if (!point)
        return NULL;
    *point = (struct watch_point){.next = *bucket, .hash = hash, .path_length = (uint32_t)length};
    memcpy(point->path, path, length + 1);
    list_init(&point->watches);
    *bucket = point;
    index->points++;
    return point;
}

static void put_point(struct xenstored *xs, struct watch_point *point)
{
    struct watch_point **link = &xs->watch_index->buckets[point->hash & xs->watch_index->mask];

    if (!list_empty(&point->watches))
        return;
    while (*link != point)
        link = &(*link)->next;
    *link = point->next;
    xs->watch_index->points--;
    arena_free(xs->arena, point, point_size(point->path_length));
}

static struct watch *find_watch(const struct watch_point *point,
                                const struct connection *connection, const char *token)
{
    list_for_each (item, &point->watches) {
        struct watch *watch = LIST_ENTRY(item, struct watch, of_point);

        if (watch->connection == connection && !strcmp(watch->token, token))
            return watch;
    }
    return NULL;
}

int watch_add(struct xenstored *xs, struct work *work, const char *path, const char *token,
              int depth, bool relative)
{
    struct connection *connection = work->connection;
    struct domain *domain = connection->domain;
    struct watch_point *point = get_point(xs, path);
    size_t token_length = strlen(token);
    struct watch *watch;
    int error = -ENOMEM;

    if (!point)
        return -ENOMEM;
    if (find_watch(point, connection, token)) {
        error = -EEXIST;
    } else if (domain_over_quota(connection, QUOTA_WATCHES, connection->watch_count + 1UL)) {
        error = -ENOSPC;
    } else if (!domain_over_memory(xs, connection,
                                   point_size(strlen(path)) + watch_size(token_length)) &&
               (watch = arena_alloc(xs->arena, watch_size(token_length)))) {
        *watch = (struct watch){
            .point = point,
            .connection = connection,
            .depth = depth,
            .prefix_length = relative ? (uint16_t)path_home_length(connection->subject.domid) : 0,
            .token_length = (uint16_t)token_length,
        };
        memcpy(watch->token, token, token_length + 1);
        list_append(&point->watches, &watch->of_point);
        list_append(&connection->watches, &watch->of_connection);
        xs->watch_index->watches++;
        connection->watch_count++;
        domain_set_usage(domain, QUOTA_WATCHES, connection->watch_count);
        domain_add_memory(xs, domain, watch_memory(watch));
        output_add_event(xs, work, connection, path + watch->prefix_length, token);
        return 0;
    }
    put_point(xs, point);
    return error;
}

static void remove_watch(struct xenstored *xs, struct watch *watch)
{
    struct connection *connection = watch->connection;
    struct watch_point *point = watch->point;

    domain_add_memory(xs, connection->domain, -watch_memory(watch));
    list_remove(&watch->of_point);
    list_remove(&watch->of_connection);
    xs->watch_index->watches--;
    connection->watch_count--;
    domain_set_usage(connection->domain, QUOTA_WATCHES, connection->watch_count);
    arena_free(xs->arena, watch, watch_size(watch->token_length));
    put_point(xs, point);
}

int watch_remove(struct xenstored *xs, struct connection *connection, const char *path,
                 const char *token)
{
    struct watch_point *point = find_point(xs, path_hash(xs, path), path, strlen(path));
    struct watch *watch = point ? find_watch(point, connection, token) : NULL;

    if (!watch)
        return -ENOENT;
    remove_watch(xs, watch);
    return 0;
}

void watch_describe(struct list *item, struct watch_info *info)
{
    const struct watch *watch = LIST_ENTRY(item, struct watch, of_connection);

    *info = (struct watch_info){
        .path = watch->point->path + watch->prefix_length,
        .token = watch->token,
        .depth = watch->depth,
    };
}

void watch_remove_all(struct xenstored *xs, struct connection *connection)
{
    list_for_each_safe (item, after, &connection->watches)
        remove_watch(xs, LIST_ENTRY(item, struct watch, of_connection));
}

/* May the watcher learn of the change? (watch.c of upstream; XSA-115) */
static bool permitted(const struct connection *connection, const struct perms *perms,
                      const struct perms *parent_perms, const struct perms *old_perms)
{
    const struct subject *subject = &connection->subject;

    return (perms_rights(perms, subject) & PERM_READ) ||
           (parent_perms && (perms_rights(parent_perms, subject) & PERM_READ)) ||
           (old_perms && (perms_rights(old_perms, subject) & PERM_READ));
}

/* A change @below levels under the watched path. */
struct change {
    const char *path;
    const struct perms *perms, *parent_perms, *old_perms;
};

static void fire_point(struct xenstored *xs, struct work *work, struct watch_point *point,
                       const struct change *change, int below)
{
    if (!point)
        return;
    list_for_each (item, &point->watches) {
        struct watch *watch = LIST_ENTRY(item, struct watch, of_point);

        if ((watch->depth < 0 || below <= watch->depth) &&
            permitted(watch->connection, change->perms, change->parent_perms, change->old_perms))
            output_add_event(xs, work, watch->connection, change->path + watch->prefix_length,
                             watch->token);
    }
}

/* The prefixes of a path, from "/" down to the path itself. */
struct prefix {
    const char *path;
    size_t length;
    uint64_t hash, point;
};

static struct prefix first_prefix(const struct xenstored *xs, const char *path)
{
    return (struct prefix){.path = path, .length = 1, .point = hash_point(xs)};
}

/* False: the prefix is the path. */
static inline bool next_prefix(struct prefix *prefix)
{
    const char *at = prefix->path + prefix->length;

    if (!*at)
        return false;
    /* The first byte is the slash behind the prefix, or what follows the slash that is "/". */
    do
        prefix->hash = extend_hash(prefix->hash, prefix->point, *at++);
    while (*at && *at != '/');
    prefix->length = (size_t)(at - prefix->path);
    return true;
}

/* Most prefixes of a path are not watched, and most of these have an empty bucket. */
static inline struct watch_point *prefix_point(const struct xenstored *xs,
                                               const struct prefix *prefix)
{
    if (!xs->watch_index->buckets[prefix->hash & xs->watch_index->mask])
        return NULL;
    return find_point(xs, prefix->hash, prefix->path, prefix->length);
}

bool watch_wanted(const struct xenstored *xs, const char *path)
{
    struct prefix prefix = first_prefix(xs, path);

    if (!xs->watch_index->watches)
        return false;
    do {
        if (prefix_point(xs, &prefix))
            return true;
    } while (next_prefix(&prefix));
    return false;
}

void watch_fire(struct xenstored *xs, struct work *work, const char *path,
                const struct perms *perms, const struct perms *parent_perms,
                const struct perms *old_perms, enum watch_match match)
{
    const struct change change = {path, perms, parent_perms, old_perms};
    struct prefix prefix = first_prefix(xs, path);
    int below = 0; /* levels from the prefix down to the change */

    if (work->mode == WORK_SNAPSHOT || !xs->watch_index->watches)
        return;
    if (match == WATCH_EXACT || path[0] == '@') {
        fire_point(xs, work, find_point(xs, path_hash(xs, path), path, strlen(path)), &change, 0);
        return;
    }

    for (const char *slash = path; path[1] && slash; slash = strchr(slash + 1, '/'))
        below++;
    do {
        fire_point(xs, work, prefix_point(xs, &prefix), &change, below--);
    } while (next_prefix(&prefix));
}

/* Tell those who watch exactly @watched, and at a depth as asked for, of @path. */
static void fire_special(struct xenstored *xs, struct work *work, const struct perms *perms,
                         const char *watched, bool any_depth, bool only_deep, const char *path)
{
    struct watch_point *point = find_point(xs, path_hash(xs, watched), watched, strlen(watched));

    if (!point)
        return;
    list_for_each (item, &point->watches) {
        struct watch *watch = LIST_ENTRY(item, struct watch, of_point);

        if ((any_depth || (watch->depth > 0) == only_deep) &&
            (any_depth || only_deep || watch->depth < 0) &&
            permitted(watch->connection, perms, NULL, NULL))
            output_add_event(xs, work, watch->connection, path, watch->token);
    }
}

void watch_fire_special(struct xenstored *xs, struct work *work, enum special special, bool plain,
                        bool per_domain, domid_t domid)
{
    const struct perms *perms = xs->tree.special[special];
    const char *name = special_names[special];
    char with_domid[sizeof("@introduceDomain/65535")];

    if (plain)
        fire_special(xs, work, perms, name, false, false, name);
    if (per_domain) {
        snprintf(with_domid, sizeof(with_domid), "%s/%u", name, domid);
        fire_special(xs, work, perms, with_domid, true, false, with_domid);
        fire_special(xs, work, perms, name, false, true, with_domid);
    }
}

void watch_stats(const struct xenstored *xs, size_t *watches, size_t *points, size_t *buckets)
{
    *watches = xs->watch_index->watches;
    *points = xs->watch_index->points;
    *buckets = xs->watch_index->mask + 1;
}
