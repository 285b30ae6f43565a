/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/crash.h
 * `atoll crash list|show`: the reports of services that have died.
 */
#ifndef ATOLL_CRASH_H
#define ATOLL_CRASH_H

/** The command itself: an exit code. */
int crash_main(int argc, char *const argv[]);

#endif
