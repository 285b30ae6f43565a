/* SPDX-License-Identifier: ISC */
/** @file host-tools/switch_commands.h The commands below `atoll switch`. */
#ifndef ATOLL_SWITCH_COMMANDS_H
#define ATOLL_SWITCH_COMMANDS_H

#include "call.h"

/** The service that is asked where --service names no other. */
#define SWITCH_SERVICE "switch"

extern const struct call_command switch_show, switch_ports, switch_fdb, switch_flush, switch_apply,
    switch_rules, switch_mirror, switch_stats, switch_events, switch_identify, switch_uplink;

#endif
