/* SPDX-License-Identifier: ISC */
/*
 * The arena of builds with sanitizers: each object comes from malloc() with exactly the size that
 * was asked for, so that the sanitizer sees an access beside it or after its release. A free of
 * what is not in use, or with another size than it was allocated with, ends the program here.
 *
 * Bounds and figures are those of arena.c where its slabs have no holes: a class takes the pages
 * that its objects fill. What fails thus depends on the requests alone.
 */
#include "common/arena_checked.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena_class.h"

/* An object in use. Kept beside it, not before it: what is before an object is not to be touched.
 */
struct record {
    struct record *next; /* in the bucket */
    void *object;
    size_t size;
};

struct arena {
    struct arena *next; /* in the list of all */
    void *base;
    size_t pages_total, pages_used;
    size_t bytes_used;
    uint64_t failures;
    uint64_t attempts, fail_at;
    arena_reclaim_fn *reclaim;
    void *reclaim_context;
    size_t in_use[CLASS_COUNT];
    size_t mask; /* buckets - 1 */
    struct record *buckets[];
};

/* All that were not destroyed. An arena whose domain was ended in the simulator has nobody who
 * would destroy it: it goes when another gets its pages' address, and until then it is no leak. */
static struct arena *arenas;

/* Not zero, and no valid pointer: what reads an object before it writes it shall be noticed. */
#define FRESH 0xa5

static void broken(const char *what, const void *object, size_t size)
{
    fprintf(stderr, "arena: %s: object %p of %zu bytes\n", what, object, size);
    abort();
}

size_t arena_size_class(size_t size)
{
    return size <= SLAB_MAX ? class_size(class_of(size)) : page_count(size) * PAGE;
}

static void forget(struct arena *arena)
{
    struct arena **link = &arenas;

    while (*link != arena)
        link = &(*link)->next;
    *link = arena->next;
}

/* Destroy what had the pages at @base before: they are another's now, so its domain has ended. */
static void bury(const void *base)
{
    struct arena *arena = arenas;

    while (arena && arena->base != base)
        arena = arena->next;
    if (arena)
        arena_destroy(arena);
}

size_t arena_living(void)
{
    size_t count = 0;

    for (const struct arena *arena = arenas; arena; arena = arena->next)
        count++;
    return count;
}

struct arena *arena_create(void *base, size_t pages)
{
    size_t own = page_count(256 + (pages + 63) / 64 * 8); /* the tables that arena.c keeps */
    size_t buckets = 64;
    struct arena *arena;

    if (pages < 8 || pages <= own || pages > UINT32_MAX)
        return NULL;
    while (buckets < pages * 8)
        buckets *= 2;
    bury(base);
    arena = calloc(1, sizeof(*arena) + buckets * sizeof(struct record *));
    if (!arena)
        return NULL;
    arena->base = base;
    arena->next = arenas;
    arenas = arena;
    arena->pages_total = pages - own;
    arena->mask = buckets - 1;
    return arena;
}

void arena_destroy(struct arena *arena)
{
    forget(arena);
    for (size_t i = 0; i <= arena->mask; i++) {
        for (struct record *record; (record = arena->buckets[i]);) {
            arena->buckets[i] = record->next;
            free(record->object);
            free(record);
        }
    }
    free(arena);
}

static struct record **bucket_of(struct arena *arena, const void *object)
{
    uint64_t mixed = (uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15);

    return &arena->buckets[(mixed >> 32) & arena->mask];
}

/* Pages that an object of this size takes beside all others, or leaves. */
static size_t pages_for(const struct arena *arena, size_t size)
{
    unsigned class;

    if (size > SLAB_MAX)
        return page_count(size);
    class = class_of(size);
    return arena->in_use[class] % ((PAGE - SLAB_HEADER) / class_size(class)) == 0;
}

void arena_set_reclaim(struct arena *arena, arena_reclaim_fn *reclaim, void *context)
{
    arena->reclaim = reclaim;
    arena->reclaim_context = context;
}

static bool take(struct arena *arena, size_t size)
{
    size_t pages;

    if (++arena->attempts == arena->fail_at || size > ARENA_ALLOC_MAX)
        return false;
    while ((pages = pages_for(arena, size)) > arena->pages_total - arena->pages_used)
        if (!arena->reclaim || !arena->reclaim(arena->reclaim_context))
            return false;
    arena->pages_used += pages;
    arena->bytes_used += arena_size_class(size);
    if (size <= SLAB_MAX)
        arena->in_use[class_of(size)]++;
    return true;
}

static void give(struct arena *arena, size_t size)
{
    if (size <= SLAB_MAX)
        arena->in_use[class_of(size)]--;
    arena->pages_used -= pages_for(arena, size);
    arena->bytes_used -= arena_size_class(size);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct record *record, **bucket;

    if (!take(arena, size)) {
        arena->failures++;
        return NULL;
    }
    record = malloc(sizeof(*record));
    if (!record || posix_memalign(&record->object, size > SLAB_MAX ? PAGE : 8, size))
        broken("this machine is out of memory", NULL, size);
    memset(record->object, FRESH, size);
    record->size = size;
    bucket = bucket_of(arena, record->object);
    record->next = *bucket;
    *bucket = record;
    return record->object;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    void *object = arena_alloc(arena, size);

    if (object)
        memset(object, 0, size);
    return object;
}

void arena_free(struct arena *arena, void *object, size_t size)
{
    struct record **link = bucket_of(arena, object), *record;

    if (!object)
        return;
    while (*link && (*link)->object != object)
        link = &(*link)->next;
    record = *link;
    if (!record)
        broken("free of what is not in use", object, size);
    if (record->size != size)
        broken("free with another size than it was allocated with", object, size);
    *link = record->next;
    give(arena, size);
    free(object);
    free(record);
}

size_t arena_bytes_free(const struct arena *arena)
{
    return (arena->pages_total - arena->pages_used) * 4096U;
}

void arena_usage(const struct arena *arena, struct arena_usage *usage)
{
    usage->pages_total = arena->pages_total;
    usage->pages_used = arena->pages_used;
    usage->bytes_used = arena->bytes_used;
    usage->failures = arena->failures;
}

void arena_fail_nth(struct arena *arena, uint64_t n)
{
    arena->attempts = 0;
    arena->fail_at = n;
}

uint64_t arena_attempts(const struct arena *arena)
{
    return arena->attempts;
}
