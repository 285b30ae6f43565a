/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/status.h
 * `atoll status SERVICE...` and `atoll list`: how the services are.
 */
#ifndef ATOLL_STATUS_H
#define ATOLL_STATUS_H

/** The commands themselves: exit codes. */
int status_main(int argc, char *const argv[]);
int list_main(int argc, char *const argv[]);

#endif
