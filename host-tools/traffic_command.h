/* SPDX-License-Identifier: ISC */
/** @file host-tools/traffic_command.h `atoll report`. */
#ifndef ATOLL_TRAFFIC_COMMAND_H
#define ATOLL_TRAFFIC_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

int traffic_main(int argc, char *const argv[]);

/**
 * A time as it is typed: "90s", "15m", "2h", "7d" before @now, or "2026-11-22", with "T10:30" or
 * "T10:30:05" behind it and a "Z" if you like: UTC. Nanoseconds since 1970. False: it is none.
 */
bool traffic_time(const char *text, uint64_t now, uint64_t *time);

#endif
