/* SPDX-License-Identifier: ISC */
/** @file host-tools/logs.h `atoll logs`: the lines that a service has logged. */
#ifndef ATOLL_LOGS_H
#define ATOLL_LOGS_H

int logs_main(int argc, char *const argv[]);

#endif
