/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/console.h
 * `atoll console SERVICE`.
 */
#ifndef ATOLL_CONSOLE_H
#define ATOLL_CONSOLE_H

/** The command itself: an exit code. */
int console_main(int argc, char *const argv[]);

#endif
