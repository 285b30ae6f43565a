/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/stop.h
 * `atoll stop SERVICE` and `atoll restart SERVICE`.
 */
#ifndef ATOLL_STOP_H
#define ATOLL_STOP_H

/** The commands themselves: exit codes. */
int stop_main(int argc, char *const argv[]);
int restart_main(int argc, char *const argv[]);

#endif
