/* SPDX-License-Identifier: ISC */
/**
 * @file alert_log.h
 * The last ALERTS_KEPT alerts, with the names that guests had then, for whoever follows them; a
 * slow reader is told how many it lost.
 */
#ifndef MONITOR_ALERT_LOG_H
#define MONITOR_ALERT_LOG_H

#include "common/arena.h"
#include "common/control_server.h"

#include "engine.h"

#define ALERTS_KEPT 256U

struct alert_log;

/** NULL: no memory. */
struct alert_log *alert_log_create(struct arena *arena, struct log *log);
void alert_log_destroy(struct alert_log *alerts);

/** Keep it, and write a line to the service's log. */
void alert_log_add(struct alert_log *alerts, const struct engine *engine,
                   const struct alert *alert);

/** The handler of CONTROL_T_MONITOR_ALERTS. */
int alert_log_handle(struct alert_log *alerts, struct control_request *request);

#endif
