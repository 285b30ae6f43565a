/* SPDX-License-Identifier: ISC */
/** @file host-tools/store_commands.h The commands below `atoll store`. */
#ifndef ATOLL_STORE_COMMANDS_H
#define ATOLL_STORE_COMMANDS_H

#include "call.h"

extern const struct call_command store_stats, store_trace, store_quota_get, store_quota_set,
    store_hold, store_dump, store_load, store_log, store_diff, store_show, store_rollback;

#endif
