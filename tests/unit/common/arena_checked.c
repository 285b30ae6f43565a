/* SPDX-License-Identifier: ISC */
/* What only the arena of checked builds does: common/arena_checked.c. */
#include "common/arena_checked.h"
#include "arena.h"

#include <signal.h>
#include <sys/mman.h>

START_TEST(test_fail_nth)
{
    struct arena *arena = test_arena(TEST_PAGES);

    for (uint64_t n = 1; n < 5; n++) {
        arena_fail_nth(arena, n);
        for (uint64_t i = 1; i < 8; i++) {
            void *object = arena_alloc(arena, 10 * i);

            ck_assert_uint_eq(object == NULL, i == n);
            ck_assert_uint_eq(arena_attempts(arena), i);
            arena_free(arena, object, 10 * i);
        }
        ck_assert_uint_eq(test_usage(arena).failures, n);
        ck_assert_uint_eq(test_usage(arena).bytes_used, 0);
    }
    arena_fail_nth(arena, 0);
    for (int i = 0; i < 10; i++)
        ck_assert_ptr_nonnull(arena_alloc(arena, 10));
    test_arena_end(arena);
}
END_TEST

/* What was not written is neither zero nor what was there before. */
START_TEST(test_fresh_objects_are_marked)
{
    struct arena *arena = test_arena(TEST_PAGES);
    unsigned char *object = arena_zalloc(arena, 100);

    arena_free(arena, object, 100);
    object = arena_alloc(arena, 100);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(object[i], 0xa5);
    test_arena_end(arena);
}
END_TEST

/* Pages that are gone, or that a successor has, take their arena with them. */
START_TEST(test_pages_that_are_gone)
{
    const size_t size = TEST_PAGES * 4096;
    void *pages[2];
    struct arena *arena;

    for (int i = 0; i < 2; i++) {
        pages[i] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert(pages[i] != MAP_FAILED);
        arena = arena_create(pages[i], TEST_PAGES);
        ck_assert_ptr_nonnull(arena_alloc(arena, 50));
    }
    munmap(pages[0], size);
    arena = arena_create(pages[1], TEST_PAGES);
    ck_assert_ptr_nonnull(arena_alloc(arena, 50));
    ck_assert_uint_eq(arena_living(), 1);
    arena_destroy(arena);
    munmap(pages[1], size);
}
END_TEST

START_TEST(test_wrong_size)
{
    struct arena *arena = test_arena(TEST_PAGES);

    arena_free(arena, arena_alloc(arena, 50), 51);
}
END_TEST

START_TEST(test_double_free)
{
    struct arena *arena = test_arena(TEST_PAGES);
    void *object = arena_alloc(arena, 50);

    arena_free(arena, object, 50);
    arena_free(arena, object, 50);
}
END_TEST

START_TEST(test_free_within_object)
{
    struct arena *arena = test_arena(TEST_PAGES);
    char *object = arena_alloc(arena, 50);

    arena_free(arena, object + 8, 42);
}
END_TEST

TCase *arena_own_cases(void)
{
    TCase *cases = tcase_create("checked");

    tcase_add_test(cases, test_fail_nth);
    tcase_add_test(cases, test_fresh_objects_are_marked);
    tcase_add_test(cases, test_pages_that_are_gone);
    tcase_add_test_raise_signal(cases, test_wrong_size, SIGABRT);
    tcase_add_test_raise_signal(cases, test_double_free, SIGABRT);
    tcase_add_test_raise_signal(cases, test_free_within_object, SIGABRT);
    return cases;
}
