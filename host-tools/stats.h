/* SPDX-License-Identifier: ISC */
/** @file host-tools/stats.h `atoll stats`: what services count. */
#ifndef ATOLL_STATS_H
#define ATOLL_STATS_H

int stats_main(int argc, char *const argv[]);

#endif
