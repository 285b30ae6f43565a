/* SPDX-License-Identifier: ISC */
/* The page allocator: a bitmap over all RAM, first fit from the lowest free page. */
#include "platform.h"

#include <string.h>

#include "arch.h"

#define WORD_BITS   64U
#define LARGE_PAGES 512U /* that a large page maps */

static bool page_taken(const struct page_pool *pool, size_t page)
{
    return (pool->taken[page / WORD_BITS] >> (page % WORD_BITS) & 1) != 0;
}

static void page_mark(struct page_pool *pool, size_t page, bool taken)
{
    uint64_t bit = UINT64_C(1) << (page % WORD_BITS);

    if (taken) {
        pool->taken[page / WORD_BITS] |= bit;
    } else {
        pool->taken[page / WORD_BITS] &= ~bit;
    }
}

/** The bitmap's own pages, from the start of the first run that holds them. */
static void *bitmap_place(const struct boot_info *boot, size_t bytes, size_t *first, size_t *count)
{
    size_t need = (bytes + HV_PAGE_SIZE - 1) / HV_PAGE_SIZE;

    for (unsigned i = 0; i < boot->ram_count; i++) {
        const struct ram_range *range = &boot->ram[i];

        if ((range->end - range->start) / HV_PAGE_SIZE >= need) {
            *first = range->start / HV_PAGE_SIZE;
            *count = need;
            return (void *)(uintptr_t)range->start;
        }
    }
    hv_panic("no run of RAM holds %zu pages", need);
}

void pages_init(struct hv *hv, const struct boot_info *boot)
{
    struct page_pool *pool = &hv->pool;
    size_t words = (boot->ram_top / HV_PAGE_SIZE + WORD_BITS - 1) / WORD_BITS;
    size_t own_first, own_count;

    pool->pages = words * WORD_BITS;
    pool->taken = bitmap_place(boot, words * sizeof(uint64_t), &own_first, &own_count);
    memset(pool->taken, 0xff, words * sizeof(uint64_t));
    for (unsigned i = 0; i < boot->ram_count; i++) {
        size_t end = boot->ram[i].end / HV_PAGE_SIZE;

        for (size_t page = boot->ram[i].start / HV_PAGE_SIZE; page < end; page++) {
            page_mark(pool, page, false);
            pool->free++;
        }
    }
    for (size_t page = own_first; page < own_first + own_count; page++) {
        page_mark(pool, page, true);
        pool->free--;
    }
}

/** The first free page at or above @page; pool->pages: there is none. */
static size_t next_free(const struct page_pool *pool, size_t page)
{
    while (page < pool->pages) {
        uint64_t clear = ~pool->taken[page / WORD_BITS] >> (page % WORD_BITS);

        if (clear != 0) {
            return page + (unsigned)__builtin_ctzll(clear);
        }
        page = (page / WORD_BITS + 1) * WORD_BITS;
    }
    return pool->pages;
}

/** The first page at or above @page that is not free, at most @limit. */
static size_t next_taken(const struct page_pool *pool, size_t page, size_t limit)
{
    while (page < limit) {
        uint64_t set = pool->taken[page / WORD_BITS] >> (page % WORD_BITS);

        if (set != 0) {
            page += (unsigned)__builtin_ctzll(set);
            break;
        }
        page = (page / WORD_BITS + 1) * WORD_BITS;
    }
    return page < limit ? page : limit;
}

/** The first run of @count free pages at or above @first, taken; NULL: there is none. */
static void *run_take(struct page_pool *pool, size_t first, unsigned count)
{
    void *pages;

    while (first < pool->pages && count <= pool->pages - first) {
        size_t end = next_taken(pool, first, first + count);

        if (end == first + count) {
            break;
        }
        first = next_free(pool, end);
    }
    if (first >= pool->pages || count > pool->pages - first) {
        return NULL;
    }
    for (size_t page = first; page < first + count; page++) {
        page_mark(pool, page, true);
    }
    pool->free -= count;
    pages = (void *)(uintptr_t)(first * HV_PAGE_SIZE);
    memset(pages, 0, (size_t)count * HV_PAGE_SIZE);
    return pages;
}

void *hv_page_alloc(struct hv *hv, unsigned count)
{
    struct page_pool *pool = &hv->pool;

    if (count == 0 || count > pool->free) {
        return NULL;
    }
    pool->hint = next_free(pool, pool->hint);
    return run_take(pool, pool->hint, count);
}

void reserved_init(struct hv *hv, const struct boot_info *boot)
{
    if (boot->reserved_pages == 0) {
        return;
    }
    /* Xen promises nothing of what is in new memory. */
    memset((void *)(uintptr_t)boot->reserved, 0, (size_t)boot->reserved_pages * HV_PAGE_SIZE);
    if (!arch_guard(hv, boot->reserved + HV_PAGE_SIZE, boot->reserved_pages - 1)) {
        hv_panic("no room to guard %u reserved pages", boot->reserved_pages);
    }
    hv->reserved = (void *)(uintptr_t)boot->reserved;
    hv->reserved_pages = boot->reserved_pages;
}

void *hv_reserved(const struct hv *hv, unsigned *pages)
{
    *pages = hv->reserved_pages;
    return hv->reserved;
}

static void guard_set(const struct hv *hv, const void *pages, unsigned count, bool writable)
{
    size_t distance = (uintptr_t)pages - (uintptr_t)hv->reserved, first = distance / HV_PAGE_SIZE;

    HV_ASSERT(distance % HV_PAGE_SIZE == 0 && first >= 1 && first <= hv->reserved_pages &&
              count <= hv->reserved_pages - first);
    arch_guard_set((uintptr_t)pages, count, writable);
}

void hv_guarded_open(struct hv *hv, void *pages, unsigned count)
{
    guard_set(hv, pages, count, true);
}

void hv_guarded_close(struct hv *hv, void *pages, unsigned count)
{
    guard_set(hv, pages, count, false);
}

void *page_alloc_large(struct hv *hv, unsigned count)
{
    /* At the end of what large pages can map, so that no run of free pages is cut in two. */
    size_t end = hv->pool.pages / LARGE_PAGES * LARGE_PAGES;
    void *pages = end > LARGE_PAGES ? run_take(&hv->pool, end - count, count) : NULL;

    return pages ? pages : hv_page_alloc(hv, count);
}

void hv_page_free(struct hv *hv, void *pages, unsigned count)
{
    struct page_pool *pool = &hv->pool;
    size_t first = (uintptr_t)pages / HV_PAGE_SIZE;

    HV_ASSERT((uintptr_t)pages % HV_PAGE_SIZE == 0 && first < pool->pages &&
              count <= pool->pages - first);
    for (size_t page = first; page < first + count; page++) {
        HV_ASSERT(page_taken(pool, page));
        page_mark(pool, page, false);
    }
    pool->free += count;
    if (first < pool->hint) {
        pool->hint = first;
    }
}

size_t hv_page_count_free(struct hv *hv, size_t *largest)
{
    const struct page_pool *pool = &hv->pool;
    size_t best = 0;

    for (size_t page = next_free(pool, pool->hint); page < pool->pages;) {
        size_t end = next_taken(pool, page, pool->pages);

        if (end - page > best) {
            best = end - page;
        }
        page = next_free(pool, end);
    }
    if (largest != NULL) {
        *largest = best;
    }
    return pool->free;
}
