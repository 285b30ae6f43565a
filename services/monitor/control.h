/* SPDX-License-Identifier: ISC */
/**
 * @file control.h
 * What dom0's tools ask of the monitor (docs/control-protocol.md, MONITOR_*), and what it tells of
 * itself in STATUS and STATS. Streams look at a bounded number of things for each item, and hold
 * numbers, never pointers, between two of them.
 */
#ifndef MONITOR_CONTROL_H
#define MONITOR_CONTROL_H

#include "monitor.h"

/** All requests of the monitor; their context is the struct service. */
extern const struct control_handler monitor_handlers[];
extern const unsigned monitor_handler_count;

/** The monitor of the service that is a handler's context; NULL: it is not made yet. */
struct monitor *control_monitor(void *context);

/** struct service_config: status (control.c), statistic (statistics.c). */
enum control_health monitor_status(void *context, struct control_writer *reply);
bool monitor_statistic(void *context, unsigned index, struct control_writer *item);

/** "idle", "tcp-end"... of enum flow_end; NULL: there is none. */
const char *flow_end_name(unsigned end);

/* Handlers in files of their own. */
int monitor_ports(void *context, struct control_request *request, struct control_writer *reply);
int monitor_flows(void *context, struct control_request *request, struct control_writer *reply);

#endif
