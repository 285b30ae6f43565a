/* SPDX-License-Identifier: ISC */
/**
 * @file arena.h
 * The tests of common/arena.h, run on each implementation, and those of one of them.
 */
#ifndef TESTS_UNIT_COMMON_ARENA_H
#define TESTS_UNIT_COMMON_ARENA_H

#include "common/arena.h"
#include "tests/unit/unit.h"

#define TEST_PAGES 200U /* more than three words of the bitmap, and no whole number of them */

/** An arena of @pages fresh pages; NULL if it will not have them. */
struct arena *test_arena(unsigned pages);

/** End the arena that test_arena() made, which is the only one. */
void test_arena_end(struct arena *arena);

/** The pages of the arena under test. */
unsigned char *test_arena_base(void);

struct arena_usage test_usage(const struct arena *arena);

/** What holds of both. */
TCase *arena_cases(void);

/** What holds of the one that is linked. */
TCase *arena_own_cases(void);

#endif
