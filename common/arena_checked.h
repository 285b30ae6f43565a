/* SPDX-License-Identifier: ISC */
/**
 * @file arena_checked.h
 * What the arena of checked builds can do beyond arena.h. Tests that need it link arena_checked.c
 * themselves.
 */
#ifndef COMMON_ARENA_CHECKED_H
#define COMMON_ARENA_CHECKED_H

#include "common/arena.h"

/** Refuse exactly the @n-th (from 1) allocation from now on; 0: none. */
void arena_fail_nth(struct arena *arena, uint64_t n);

/** Allocations asked for since arena_fail_nth(): tells a sweep when it is complete. */
uint64_t arena_attempts(const struct arena *arena);

/** Arenas that were made and not destroyed. One whose domain was ended in the simulator is
 * destroyed when the next one at the same address is made, which a successor's mostly is. */
size_t arena_living(void);

#endif
