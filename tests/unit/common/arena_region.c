/* SPDX-License-Identifier: ISC */
/* What only the arena in one region does: common/arena.c. */
#include "arena.h"

#include <string.h>

#define PAGE 4096U

/* All objects lie in the pages it was given, the last one included. */
START_TEST(test_objects_lie_inside)
{
    struct arena *arena = test_arena(TEST_PAGES);
    unsigned char *base = test_arena_base(), *object, *last = NULL;

    while ((object = arena_alloc(arena, PAGE))) {
        ck_assert(object >= base + PAGE);
        ck_assert(object <= base + (TEST_PAGES - 1) * PAGE);
        if (object > last)
            last = object;
        memset(object, 0xff, PAGE);
    }
    ck_assert_ptr_eq(last, base + (TEST_PAGES - 1) * PAGE);
    test_arena_end(arena);
}
END_TEST

/* No run goes beyond the last page, where that is the last bit of a word, too. */
START_TEST(test_runs_end_at_the_end)
{
    struct arena *arena = test_arena(192);
    size_t total = test_usage(arena).pages_total;
    void *first = arena_alloc(arena, PAGE), *rest = arena_alloc(arena, (total - 2) * PAGE);

    /* Two pages are free, the first one and the last. */
    ck_assert_ptr_nonnull(rest);
    arena_free(arena, first, PAGE);
    ck_assert_uint_eq(test_usage(arena).pages_used, total - 2);
    ck_assert_ptr_null(arena_alloc(arena, 2 * PAGE));
    ck_assert_ptr_nonnull(arena_alloc(arena, PAGE));
    ck_assert_ptr_nonnull(arena_alloc(arena, PAGE));
    test_arena_end(arena);
}
END_TEST

/* A run needs pages in a row, wherever in the bitmap they are. */
START_TEST(test_fragmentation)
{
    struct arena *arena = test_arena(TEST_PAGES);
    size_t total = test_usage(arena).pages_total;
    void *page[TEST_PAGES], *run;

    for (size_t i = 0; i < total; i++)
        ck_assert_ptr_nonnull(page[i] = arena_alloc(arena, PAGE));
    for (size_t i = 0; i < total; i += 2)
        arena_free(arena, page[i], PAGE);
    ck_assert_uint_eq(test_usage(arena).pages_used, total / 2);
    ck_assert_ptr_null(arena_alloc(arena, PAGE + 1));
    ck_assert_ptr_nonnull(run = arena_alloc(arena, PAGE));
    arena_free(arena, run, PAGE);

    /* Each gap of three in turn, those over the bounds of words included. */
    for (size_t i = 1; i + 1 < total; i += 2) {
        arena_free(arena, page[i], PAGE);
        run = arena_alloc(arena, 3 * PAGE);
        ck_assert_ptr_eq(run, page[i - 1]);
        ck_assert_ptr_null(arena_alloc(arena, 2 * PAGE));
        arena_free(arena, run, 3 * PAGE);
        ck_assert_ptr_nonnull(run = arena_alloc(arena, PAGE));
        while (run != page[i]) {
            /* Take pages until this one is among them, then give the others back. */
            void *others[TEST_PAGES];
            size_t count = 0;

            while (run != page[i]) {
                others[count++] = run;
                ck_assert_ptr_nonnull(run = arena_alloc(arena, PAGE));
            }
            while (count)
                arena_free(arena, others[--count], PAGE);
        }
    }
    test_arena_end(arena);
}
END_TEST

/* A slab keeps no page that it does not need. */
START_TEST(test_slabs_give_pages_back)
{
    struct arena *arena = test_arena(TEST_PAGES);
    size_t in_page = (PAGE - 16) / 64;
    void *object[3 * ((PAGE - 16) / 64)];

    for (size_t i = 0; i < 3 * in_page; i++)
        ck_assert_ptr_nonnull(object[i] = arena_alloc(arena, 64));
    ck_assert_uint_eq(test_usage(arena).pages_used, 3);
    for (size_t i = 0; i < in_page; i++)
        arena_free(arena, object[in_page + i], 64);
    ck_assert_uint_eq(test_usage(arena).pages_used, 2);
    /* Holes in full slabs are filled before there is a new one. */
    arena_free(arena, object[0], 64);
    arena_free(arena, object[2 * in_page], 64);
    ck_assert_ptr_nonnull(arena_alloc(arena, 64));
    ck_assert_ptr_nonnull(arena_alloc(arena, 64));
    ck_assert_uint_eq(test_usage(arena).pages_used, 2);
    ck_assert_ptr_nonnull(arena_alloc(arena, 64));
    ck_assert_uint_eq(test_usage(arena).pages_used, 3);
    test_arena_end(arena);
}
END_TEST

TCase *arena_own_cases(void)
{
    TCase *cases = tcase_create("region");

    tcase_add_test(cases, test_objects_lie_inside);
    tcase_add_test(cases, test_runs_end_at_the_end);
    tcase_add_test(cases, test_fragmentation);
    tcase_add_test(cases, test_slabs_give_pages_back);
    return cases;
}
