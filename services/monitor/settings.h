/* SPDX-License-Identifier: ISC */
/**
 * @file settings.h
 * What an operator can set by name, on the command line and while it runs: timeouts of flows and
 * thresholds of alerts.
 */
#ifndef MONITOR_SETTINGS_H
#define MONITOR_SETTINGS_H

#include "common/control_server.h"
#include "common/service.h"

#include "engine.h"

struct monitor;

/** Take what the command line says. False: a value makes no sense; the cause is in @log. */
bool settings_options(struct hv *hv, struct log *log, struct engine_config *config);

/** The handlers of CONTROL_T_MONITOR_LIMITS and CONTROL_T_MONITOR_SET. */
int settings_handle_list(struct monitor *monitor, struct control_request *request);
int settings_handle_set(struct monitor *monitor, struct control_request *request);

#endif
