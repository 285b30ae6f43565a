/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/console.h
 * `atoll console SERVICE`: its console, by Xen's own program for that.
 */
#ifndef ATOLL_CONSOLE_H
#define ATOLL_CONSOLE_H

#include <stddef.h>

/** The command itself: an exit code, or it does not return. */
int console_main(int argc, char *const argv[]);

/**
 * Find xenconsole: with @root before each path ("" but for tests), that of Xen @version ("4.17")
 * first. 0 with its path in @path, or -1.
 */
int console_find(const char *root, const char *version, char *path, size_t size);

#endif
