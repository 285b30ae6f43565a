/* SPDX-License-Identifier: ISC */
/**
 * @file arena.h
 * The bounded heap of a service: slabs of small objects and short page runs in one region that is
 * taken at start. Running out is a NULL for the caller to answer, never a crash.
 *
 * Callers free with the size they asked for, so that objects carry no header: a store of 100,000
 * small nodes is mostly nodes. Neither allocation nor free ever looks at memory in proportion to
 * the size of the arena, but for the search of free runs, which goes on where the last one ended.
 *
 * There are two: arena.c, and arena_checked.c for builds with sanitizers, where each object is a
 * malloc() of its own within the same bounds.
 */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/** The largest size arena_alloc() serves. */
#define ARENA_ALLOC_MAX (4U << 20)

/**
 * Make an arena of the @pages pages at @base (page aligned, zeroed), which it owns from then on;
 * its own tables live inside. NULL if @pages is under 8.
 */
struct arena *arena_create(void *base, size_t pages);

/** Let go of the arena and all objects in it. The pages at its base are the caller's again. */
void arena_destroy(struct arena *arena);

/** @size bytes aligned to 8 (to a page if over half a page), not zeroed; NULL if there are none. */
void *arena_alloc(struct arena *arena, size_t size);

/** As arena_alloc(), zeroed. */
void *arena_zalloc(struct arena *arena, size_t size);

/**
 * Ask @reclaim, before an allocation is refused, to free something that its owner can do without.
 * It returns false if it freed nothing; as long as it returns true the allocation is tried again.
 * It may be called in any arena_alloc(), and must not allocate. NULL: nobody is asked.
 */
typedef bool arena_reclaim_fn(void *context);
void arena_set_reclaim(struct arena *arena, arena_reclaim_fn *reclaim, void *context);

/** Free what arena_alloc(@size) gave. NULL is nothing to do. */
void arena_free(struct arena *arena, void *object, size_t size);

struct arena_usage {
    size_t pages_total; /**< without the arena's own tables */
    size_t pages_used;  /**< in slabs or runs */
    size_t bytes_used;  /**< of objects, as rounded to their size class */
    uint64_t failures;  /**< allocations refused so far */
};
void arena_usage(const struct arena *arena, struct arena_usage *usage);

/** Bytes in pages that nothing is in. */
size_t arena_bytes_free(const struct arena *arena);

/** How many bytes an object of @size really takes. */
size_t arena_size_class(size_t size);

#endif
