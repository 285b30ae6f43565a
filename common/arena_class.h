/* SPDX-License-Identifier: ISC */
/**
 * @file arena_class.h
 * The size classes of arena.h: shared by its implementations, nobody else's business.
 */
#ifndef COMMON_ARENA_CLASS_H
#define COMMON_ARENA_CLASS_H

#include <stddef.h>
#include <stdint.h>

#define PAGE         4096U
#define FINE_STEP    8U /* classes of 8 bytes up to FINE_MAX: nodes are of about 50 bytes */
#define FINE_MAX     256U
#define COARSE_STEP  64U
#define COARSE_MAX   1024U
#define SLAB_MAX     2032U /* two to a page; what is larger is a run of pages */
#define SLAB_HEADER  16U   /* what a slab keeps at the start of its page */
#define FINE_COUNT   (FINE_MAX / FINE_STEP)
#define COARSE_COUNT ((COARSE_MAX - FINE_MAX) / COARSE_STEP)
#define CLASS_COUNT  (FINE_COUNT + COARSE_COUNT + 2)

/* The class of objects of @size, which is at most SLAB_MAX. */
static inline unsigned class_of(size_t size)
{
    if (size <= FINE_MAX)
        return size == 0 ? 0 : (unsigned)((size - 1) / FINE_STEP);
    if (size <= COARSE_MAX)
        return FINE_COUNT + (unsigned)((size - FINE_MAX - 1) / COARSE_STEP);
    return size <= 1360 ? CLASS_COUNT - 2 : CLASS_COUNT - 1;
}

/* How large an object of the class is. */
static inline size_t class_size(unsigned class)
{
    if (class < FINE_COUNT)
        return (class + 1) * FINE_STEP;
    if (class < FINE_COUNT + COARSE_COUNT)
        return FINE_MAX + (class - FINE_COUNT + 1) * COARSE_STEP;
    return class == CLASS_COUNT - 2 ? 1360 : SLAB_MAX;
}

static inline size_t page_count(size_t size)
{
    return (size + PAGE - 1) / PAGE;
}

#endif
