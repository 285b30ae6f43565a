/* SPDX-License-Identifier: ISC */
/** @file host-tools/metrics.h `atoll metrics`. */
#ifndef ATOLL_METRICS_H
#define ATOLL_METRICS_H

int metrics_main(int argc, char *const argv[]);

#endif
