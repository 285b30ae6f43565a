/* SPDX-License-Identifier: ISC */
/**
 * @file unit.h
 * What the unit tests of common/ and services/ share: each program supplies unit_suite(), and
 * unit_main.c runs it.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <check.h>
#include <stdint.h>

Suite *unit_suite(void);

/** A generator of its own for each test: the same numbers for the same seed everywhere. */
struct unit_random {
    uint64_t state;
};

/** A number below @bound (splitmix64). */
static inline uint64_t unit_random(struct unit_random *random, uint64_t bound)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % bound;
}

#endif
