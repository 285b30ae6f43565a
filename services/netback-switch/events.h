/* SPDX-License-Identifier: ISC */
/**
 * @file events.h
 * What happens on the switch, for whoever follows it: a ring of the last EVENTS_KEPT events; a slow
 * reader is told how many it lost. Floods are bounded: events of one kind, port and reason are
 * merged within a second and say how often; but not those of ports that come and go, whose order
 * matters.
 */
#ifndef SWITCH_EVENTS_H
#define SWITCH_EVENTS_H

#include "common/arena.h"
#include "common/control_server.h"

#include "drop.h"

#define EVENTS_KEPT 1024U

struct vswitch;
struct port;
struct events;

enum event_kind {
    EVENT_PORT_UP,     /**< connected */
    EVENT_PORT_DOWN,   /**< @text says why */
    EVENT_MAC_LEARNED, /**< @mac, @vid */
    EVENT_MAC_MOVED,   /**< and @from, the number of the port before */
    EVENT_RULE_HIT,    /**< a locking rule, storm control or the like: @reason, @mac */
    EVENT_DROP,        /**< any other reason */
    EVENT_LOOP,        /**< the port was blocked (@text: for how long) or is free again */
    EVENT_APPLIED,     /**< a generation: @number */
    EVENT_MIRROR,      /**< a consumer came or went */
    EVENT_KINDS,
};

struct event {
    uint64_t sequence, time; /**< wall clock */
    enum event_kind kind;
    domid_t domid;
    uint32_t devid;
    char port[64]; /**< guest's name or uuid, "/vif"; as it was then */
    enum drop_reason reason;
    uint64_t count; /**< how often, merged */
    uint8_t mac[6];
    uint16_t vid, from;
    uint64_t number;
    char text[64]; /**< of a MAC that moved, once recorded: the name of the port before */
};

struct events *events_create(struct hv *hv, struct arena *arena, struct loop *loop);
void events_destroy(struct events *events);

/** Record one: copied. @port may be NULL. For dropped frames there is events_drop(). */
void events_add(struct events *events, const struct port *port, const struct event *event);

/** A frame of @port (sender's or receiver's, as the counters have it) was dropped for @reason:
 * EVENT_RULE_HIT or EVENT_DROP, as the reason is. A few instructions where one like it was recorded
 * within the second. */
void events_drop(struct events *events, const struct port *port, enum drop_reason reason,
                 const uint8_t mac[6], uint16_t vid);

/** What is counted for @port and not told yet is told now: it is about to go. */
void events_port_gone(struct events *events, const struct port *port);

/** Events that were left out because there was no memory to see that they do not come too often. */
uint64_t events_untold(const struct events *events);

const char *event_name(enum event_kind kind);

/** The handler of CONTROL_T_SWITCH_EVENTS. */
int events_handle(struct events *events, struct control_request *request);

#endif
