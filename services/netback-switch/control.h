/* SPDX-License-Identifier: ISC */
/**
 * @file control.h
 * What dom0's tools ask of the switch (docs/control-protocol.md, SWITCH_*), and what it tells of
 * itself in STATUS and STATS. Streams look at a bounded number of things for each item, and hold
 * numbers, never pointers, between two of them.
 */
#ifndef SWITCH_CONTROL_H
#define SWITCH_CONTROL_H

#include "switch.h"

/** All requests of the switch; their context is the struct service. */
extern const struct control_handler control_handlers[];
extern const unsigned control_handler_count;

/** The switch of the service that is a handler's context. */
struct vswitch *control_vswitch(void *context);

/** struct service_config: status, statistic (statistics.c). */
enum control_health switch_status(void *context, struct control_writer *reply);
bool switch_statistic(void *context, unsigned index, struct control_writer *item);

/** Rules whose port is there; ports connected; ports whose guest is not known. */
struct switch_counts {
    unsigned ports, connected, matched, unidentified;
};
struct switch_counts switch_count(const struct vswitch *vswitch);

/** The bridge that the request names, in *@bridge; NULL there: it names none. -ENOENT, with words.
 */
int control_bridge(struct vswitch *vswitch, struct control_request *request,
                   struct bridge **bridge);

/* Handlers; the others are in control_ports.c, control_fdb.c, control_rules.c. */
int control_show(void *context, struct control_request *request, struct control_writer *reply);
int control_ports(void *context, struct control_request *request, struct control_writer *reply);
int control_stats(void *context, struct control_request *request, struct control_writer *reply);
int control_fdb(void *context, struct control_request *request, struct control_writer *reply);
int control_flush(void *context, struct control_request *request, struct control_writer *reply);
int control_apply(void *context, struct control_request *request, struct control_writer *reply);
int control_rules(void *context, struct control_request *request, struct control_writer *reply);
int control_mirrors(void *context, struct control_request *request, struct control_writer *reply);

#endif
