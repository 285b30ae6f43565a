/* SPDX-License-Identifier: ISC */
#include "common/arena.h"

#include <string.h>

#include "common/arena_class.h"

/*
 * Pages are numbered from the arena's base. A bitmap has a bit for each free page. A slab is one
 * page of objects of one size class, with a header at its start; slabs of a class that have room
 * form a list by page number. Page 0 holds the arena itself, so 0 serves as "none".
 */
struct slab {
    uint32_t next, prev; /* slabs of the class with room; 0: none */
    uint16_t class;
    uint16_t used;  /* objects in use */
    uint16_t free;  /* offset of the first free object in the page; 0: none */
    uint16_t fresh; /* offset of the first object that was never used */
};

_Static_assert(sizeof(struct slab) == SLAB_HEADER, "the classes count on it");

struct arena {
    uint8_t *base;
    size_t pages, free_pages;
    size_t bytes_used;
    uint64_t failures;
    arena_reclaim_fn *reclaim;
    void *reclaim_context;
    size_t cursor; /* word of the bitmap where the search for a free page goes on */
    uint32_t partial[CLASS_COUNT];
    uint32_t first_page; /* after the arena's own tables */
    uint64_t free_bits[];
};

size_t arena_size_class(size_t size)
{
    return size <= SLAB_MAX ? class_size(class_of(size)) : page_count(size) * PAGE;
}

struct arena *arena_create(void *base, size_t pages)
{
    struct arena *arena = base;
    size_t words = (pages + 63) / 64;
    size_t own = (sizeof(*arena) + words * sizeof(uint64_t) + PAGE - 1) / PAGE;

    if (pages < 8 || pages <= own || pages > UINT32_MAX)
        return NULL;
    memset(arena, 0, sizeof(*arena) + words * sizeof(uint64_t));
    arena->base = base;
    arena->pages = pages;
    arena->first_page = (uint32_t)own;
    for (size_t page = own; page < pages; page++)
        arena->free_bits[page / 64] |= UINT64_C(1) << page % 64;
    arena->free_pages = pages - own;
    return arena;
}

void arena_destroy(struct arena *arena)
{
    /* All of it lies in the caller's pages. */
}

static bool page_free(const struct arena *arena, size_t page)
{
    return page < arena->pages && (arena->free_bits[page / 64] >> page % 64 & 1);
}

/* The first page of @count free ones in a row, now taken; 0 if there is no such run. */
static uint32_t take_pages(struct arena *arena, size_t count)
{
    size_t words = (arena->pages + 63) / 64;

    if (arena->free_pages < count)
        return 0;
    for (size_t step = 0; step <= words; step++) {
        size_t word = (arena->cursor + step) % words;

        for (uint64_t bits = arena->free_bits[word]; bits; bits &= bits - 1) {
            size_t first = word * 64 + (unsigned)__builtin_ctzll(bits), run = 1;

            while (run < count && page_free(arena, first + run))
                run++;
            if (run < count)
                continue;
            for (size_t page = first; page < first + count; page++)
                arena->free_bits[page / 64] &= ~(UINT64_C(1) << page % 64);
            arena->free_pages -= count;
            arena->cursor = word;
            return (uint32_t)first;
        }
    }
    return 0;
}

static void give_pages(struct arena *arena, uint32_t first, size_t count)
{
    for (size_t page = first; page < first + count; page++)
        arena->free_bits[page / 64] |= UINT64_C(1) << page % 64;
    arena->free_pages += count;
}

static struct slab *slab_at(struct arena *arena, uint32_t page)
{
    return (struct slab *)(void *)(arena->base + (size_t)page * PAGE);
}

static void slab_link(struct arena *arena, uint32_t page, struct slab *slab)
{
    uint32_t *head = &arena->partial[slab->class];

    slab->prev = 0;
    slab->next = *head;
    if (*head)
        slab_at(arena, *head)->prev = page;
    *head = page;
}

static void slab_unlink(struct arena *arena, struct slab *slab)
{
    if (slab->prev)
        slab_at(arena, slab->prev)->next = slab->next;
    else
        arena->partial[slab->class] = slab->next;
    if (slab->next)
        slab_at(arena, slab->next)->prev = slab->prev;
}

static bool slab_full(const struct slab *slab)
{
    return !slab->free && slab->fresh + class_size(slab->class) > PAGE;
}

static void *slab_alloc(struct arena *arena, unsigned class)
{
    uint32_t page = arena->partial[class];
    struct slab *slab;
    uint8_t *object;

    if (!page) {
        page = take_pages(arena, 1);
        if (!page)
            return NULL;
        slab = slab_at(arena, page);
        *slab = (struct slab){.class = (uint16_t) class, .fresh = sizeof(*slab)};
        slab_link(arena, page, slab);
    }
    slab = slab_at(arena, page);
    if (slab->free) {
        object = (uint8_t *)slab + slab->free;
        memcpy(&slab->free, object, sizeof(slab->free));
    } else {
        object = (uint8_t *)slab + slab->fresh;
        slab->fresh = (uint16_t)(slab->fresh + class_size(class));
    }
    slab->used++;
    if (slab_full(slab))
        slab_unlink(arena, slab);
    return object;
}

static void slab_free(struct arena *arena, uint8_t *object)
{
    size_t offset = (size_t)(object - arena->base);
    uint32_t page = (uint32_t)(offset / PAGE);
    struct slab *slab = slab_at(arena, page);
    bool was_full = slab_full(slab);

    memcpy(object, &slab->free, sizeof(slab->free));
    slab->free = (uint16_t)(offset % PAGE);
    slab->used--;
    if (was_full)
        slab_link(arena, page, slab);
    if (slab->used == 0) {
        slab_unlink(arena, slab);
        give_pages(arena, page, 1);
    }
}

void arena_set_reclaim(struct arena *arena, arena_reclaim_fn *reclaim, void *context)
{
    arena->reclaim = reclaim;
    arena->reclaim_context = context;
}

static void *try_alloc(struct arena *arena, size_t size)
{
    uint32_t page;

    if (size <= SLAB_MAX)
        return slab_alloc(arena, class_of(size));
    page = take_pages(arena, page_count(size));
    return page ? arena->base + (size_t)page * PAGE : NULL;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *object = NULL;

    if (size <= ARENA_ALLOC_MAX) {
        do
            object = try_alloc(arena, size);
        while (!object && arena->reclaim && arena->reclaim(arena->reclaim_context));
    }
    if (object)
        arena->bytes_used += arena_size_class(size);
    else
        arena->failures++;
    return object;
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
    if (!object)
        return;
    arena->bytes_used -= arena_size_class(size);
    if (size <= SLAB_MAX)
        slab_free(arena, object);
    else
        give_pages(arena, (uint32_t)((size_t)((uint8_t *)object - arena->base) / PAGE),
                   page_count(size));
}

size_t arena_bytes_free(const struct arena *arena)
{
    return arena->free_pages * PAGE;
}

void arena_usage(const struct arena *arena, struct arena_usage *usage)
{
    usage->pages_total = arena->pages - arena->first_page;
    usage->pages_used = usage->pages_total - arena->free_pages;
    usage->bytes_used = arena->bytes_used;
    usage->failures = arena->failures;
}
