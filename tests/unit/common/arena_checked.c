/* SPDX-License-Identifier: ISC */
/* What only the arena of checked builds does: common/arena_checked.c. */
#include "common/arena_checked.h"
#include "arena.h"

#include <signal.h>

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

/* Whoever gets the pages of a domain that was ended is rid of its arena, and of no other. */
START_TEST(test_pages_of_another)
{
    static char pages[2][8]; /* an address is enough */

    for (int i = 0; i < 2; i++)
        ck_assert_ptr_nonnull(arena_alloc(arena_create(pages[i], TEST_PAGES), 50));
    ck_assert_uint_eq(arena_living(), 2);
    for (int i = 0; i < 2; i++) {
        struct arena *heir = arena_create(pages[i], TEST_PAGES);

        ck_assert_uint_eq(test_usage(heir).bytes_used, 0);
        ck_assert_ptr_nonnull(arena_alloc(heir, 50));
        ck_assert_uint_eq(arena_living(), (unsigned)(2 - i));
        arena_destroy(heir);
        ck_assert_uint_eq(arena_living(), (unsigned)(1 - i));
    }
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
    tcase_add_test(cases, test_pages_of_another);
    tcase_add_test_raise_signal(cases, test_wrong_size, SIGABRT);
    tcase_add_test_raise_signal(cases, test_double_free, SIGABRT);
    tcase_add_test_raise_signal(cases, test_free_within_object, SIGABRT);
    return cases;
}
