/* SPDX-License-Identifier: ISC */
/**
 * @file stores.h
 * A look at each store of a service's, plain ones, too: for what it keeps in memory that outlives
 * it, where it may end between any two of them.
 *
 * The service's sources are compiled with -fsanitize=thread, which puts a call before each access,
 * and the program is linked with stores.c in the place of the sanitizer that would look for races.
 * -fno-builtin and --wrap= of memcpy(), memmove() and memset() do the same for these three.
 */
#ifndef TESTS_SIM_STORES_H
#define TESTS_SIM_STORES_H

#include <stddef.h>

/** The @length bytes at @address, at most 16, are about to be stored. Need not return. */
typedef void stores_fn(void *context, const void *address, size_t length);

/** From now on @look is called before each store; NULL: nothing is. */
void stores_watch(stores_fn *look, void *context);

#endif
