/* SPDX-License-Identifier: ISC */
/* What common/arena.h promises, whichever implementation is linked. */
#include "arena.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096U

static void *region;

struct arena *test_arena(unsigned pages)
{
    ck_assert_ptr_null(region);
    region = aligned_alloc(PAGE, (size_t)pages * PAGE);
    ck_assert_ptr_nonnull(region);
    /* What is behind its tables is none of the arena's: it must not take it for free pages. */
    memset(region, 0xff, (size_t)pages * PAGE);
    struct arena *arena = arena_create(region, pages);
    if (!arena) {
        free(region);
        region = NULL;
    }
    return arena;
}

void test_arena_end(struct arena *arena)
{
    arena_destroy(arena);
    free(region);
    region = NULL;
}

unsigned char *test_arena_base(void)
{
    return region;
}

struct arena_usage test_usage(const struct arena *arena)
{
    struct arena_usage usage;

    arena_usage(arena, &usage);
    return usage;
}

/* One check for all: Check writes down each that it makes. */
static bool all_are(const unsigned char *bytes, unsigned char value, size_t size)
{
    return !size || (bytes[0] == value && !memcmp(bytes, bytes + 1, size - 1));
}

START_TEST(test_smallest_arena)
{
    struct arena *arena;

    ck_assert_ptr_null(test_arena(7));
    arena = test_arena(8);
    ck_assert_ptr_nonnull(arena);
    ck_assert_uint_eq(test_usage(arena).pages_total, 7);
    ck_assert_uint_eq(test_usage(arena).pages_used, 0);
    test_arena_end(arena);
    /* A page of tables holds the bits of some 30,000 pages. */
    arena = test_arena(60000);
    ck_assert_uint_eq(test_usage(arena).pages_total, 60000 - 2);
    test_arena_end(arena);
}
END_TEST

/* Each size gets a class that holds it and wastes little, aligned, all of it usable. */
START_TEST(test_every_size)
{
    struct arena *arena = test_arena(TEST_PAGES);
    size_t before = 0;

    for (size_t size = 0; size <= 3 * PAGE; size += size < 2100 ? 1 : 37) {
        size_t rounded = arena_size_class(size);
        unsigned char *object = arena_alloc(arena, size);

        ck_assert_ptr_nonnull(object);
        ck_assert_uint_ge(rounded, size);
        ck_assert_uint_ge(rounded, before);
        ck_assert_uint_eq(rounded % 8, 0);
        if (size && size <= 256)
            ck_assert_uint_lt(rounded - size, 8);
        else if (size <= 1024)
            ck_assert_uint_lt(rounded - size, 64);
        before = rounded;
        ck_assert_uint_eq((uintptr_t)object % 8, 0);
        if (size > PAGE / 2)
            ck_assert_uint_eq((uintptr_t)object % PAGE, 0);
        memset(object, 0xff, size);
        ck_assert_uint_eq(test_usage(arena).bytes_used, rounded);
        ck_assert_uint_eq(test_usage(arena).pages_used, (rounded + PAGE - 1) / PAGE);
        arena_free(arena, object, size);
        ck_assert_uint_eq(test_usage(arena).bytes_used, 0);
        ck_assert_uint_eq(test_usage(arena).pages_used, 0);

        object = arena_zalloc(arena, size);
        ck_assert(all_are(object, 0, size));
        arena_free(arena, object, size);
    }
    arena_free(arena, NULL, 100);
    ck_assert_uint_eq(test_usage(arena).failures, 0);
    test_arena_end(arena);
}
END_TEST

struct object {
    struct object *next;
};

/* An arena holds of each class what fits, refuses the next, and is whole again afterwards. */
START_TEST(test_exhaustion)
{
    static const size_t sizes[] = {8,    16,   48,   56,   256,  300, 1000,
                                   1024, 1360, 2032, 2033, 4096, 9000};
    size_t size = sizes[_i], rounded = arena_size_class(size);
    struct arena *arena = test_arena(TEST_PAGES);
    size_t pages = test_usage(arena).pages_total, held = 0, expected;
    struct object *objects = NULL, *object;

    expected = rounded < PAGE / 2 ? pages * ((PAGE - 16) / rounded) : pages / (rounded / PAGE);
    for (int round = 0; round < 3; round++) {
        while ((object = arena_alloc(arena, size))) {
            *object = (struct object){objects};
            objects = object;
            held++;
        }
        ck_assert_uint_eq(held, expected);
        ck_assert_uint_eq(test_usage(arena).failures, round * 2 + 1);
        ck_assert_uint_eq(test_usage(arena).bytes_used, held * rounded);

        /* One back, one more. */
        object = objects;
        objects = object->next;
        arena_free(arena, object, size);
        object = arena_alloc(arena, size);
        ck_assert_ptr_nonnull(object);
        ck_assert_ptr_null(arena_zalloc(arena, size));
        arena_free(arena, object, size);
        held--;

        while ((object = objects)) {
            objects = object->next;
            arena_free(arena, object, size);
            held--;
        }
        ck_assert_uint_eq(held, 0);
        ck_assert_uint_eq(test_usage(arena).pages_used, 0);
        ck_assert_uint_eq(test_usage(arena).bytes_used, 0);
        /* Nothing is left between the free pages. */
        object = arena_alloc(arena, pages * PAGE);
        ck_assert_ptr_nonnull(object);
        arena_free(arena, object, pages * PAGE);
    }
    test_arena_end(arena);
}
END_TEST

START_TEST(test_largest)
{
    struct arena *arena = test_arena(ARENA_ALLOC_MAX / PAGE + 8);
    void *object = arena_alloc(arena, ARENA_ALLOC_MAX);

    ck_assert_ptr_nonnull(object);
    memset(object, 1, ARENA_ALLOC_MAX);
    ck_assert_ptr_null(arena_alloc(arena, ARENA_ALLOC_MAX));
    arena_free(arena, object, ARENA_ALLOC_MAX);
    ck_assert_ptr_null(arena_alloc(arena, ARENA_ALLOC_MAX + 1));
    ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX));
    ck_assert_ptr_null(arena_zalloc(arena, SIZE_MAX - PAGE));
    ck_assert_uint_eq(test_usage(arena).failures, 4);
    ck_assert_uint_eq(test_usage(arena).bytes_used, 0);
    test_arena_end(arena);
}
END_TEST

#define HELD 3000U

struct held {
    unsigned char *object;
    size_t size;
    unsigned char mark;
};

static size_t any_size(struct unit_random *random)
{
    switch (unit_random(random, 8)) {
    case 0:
        return unit_random(random, 5 * PAGE);
    case 1:
        return unit_random(random, PAGE);
    default:
        return unit_random(random, 300);
    }
}

static void check_held(const struct held *held)
{
    ck_assert_msg(all_are(held->object, held->mark, held->size),
                  "an object of %zu bytes was written over", held->size);
}

/* Objects of any size, in any order: none overlaps another, and the figures are their sum. */
START_TEST(test_random)
{
    struct unit_random random = {(uint64_t)_i};
    struct arena *arena = test_arena(TEST_PAGES);
    struct held *table = calloc(HELD, sizeof(*table));
    size_t bytes = 0;
    uint64_t failures = 0;

    for (unsigned step = 0; step < 60000; step++) {
        struct held *held = &table[unit_random(&random, HELD)];

        if (held->object) {
            check_held(held);
            arena_free(arena, held->object, held->size);
            bytes -= arena_size_class(held->size);
            held->object = NULL;
            continue;
        }
        /* In turns the table fills and empties. */
        if (step / 10000 % 2 && unit_random(&random, 8))
            continue;
        held->size = any_size(&random);
        held->mark = (unsigned char)unit_random(&random, 256);
        held->object = arena_alloc(arena, held->size);
        if (held->object) {
            memset(held->object, held->mark, held->size);
            bytes += arena_size_class(held->size);
        } else {
            failures++;
        }
        ck_assert_uint_eq(test_usage(arena).bytes_used, bytes);
        ck_assert_uint_eq(test_usage(arena).failures, failures);
        ck_assert_uint_le(bytes, test_usage(arena).pages_used * PAGE);
        ck_assert_uint_le(test_usage(arena).pages_used, test_usage(arena).pages_total);
    }
    ck_assert_uint_gt(failures, 0);
    for (unsigned i = 0; i < HELD; i++) {
        if (!table[i].object)
            continue;
        check_held(&table[i]);
        arena_free(arena, table[i].object, table[i].size);
    }
    ck_assert_uint_eq(test_usage(arena).bytes_used, 0);
    ck_assert_uint_eq(test_usage(arena).pages_used, 0);
    free(table);
    test_arena_end(arena);
}
END_TEST

/* What is not freed goes with the arena: under a sanitizer a leak else. */
START_TEST(test_destroy_with_objects)
{
    struct arena *arena = test_arena(TEST_PAGES);

    for (size_t size = 0; size < 100; size++)
        ck_assert_ptr_nonnull(arena_alloc(arena, size * 50));
    test_arena_end(arena);
}
END_TEST

TCase *arena_cases(void)
{
    TCase *cases = tcase_create("arena");

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, test_smallest_arena);
    tcase_add_test(cases, test_every_size);
    tcase_add_loop_test(cases, test_exhaustion, 0, 13);
    tcase_add_test(cases, test_largest);
    tcase_add_loop_test(cases, test_random, 1, 5);
    tcase_add_test(cases, test_destroy_with_objects);
    return cases;
}

Suite *unit_suite(void)
{
    Suite *suite = suite_create("arena");

    suite_add_tcase(suite, arena_cases());
    suite_add_tcase(suite, arena_own_cases());
    return suite;
}
