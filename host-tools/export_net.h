/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/export_net.h
 * Messages to a collector: over UDP, TCP or TLS. It never waits: what a collector that is slow or
 * away does not take is lost and counted. A connection that ends is made anew, with pauses that
 * grow from one second to one minute. Resolving names alone takes as long as the system's resolver
 * does (resolv.conf(5): timeout and attempts).
 */
#ifndef ATOLL_EXPORT_NET_H
#define ATOLL_EXPORT_NET_H

#include "export_target.h"
#include "export_tls.h"
#include "ipfix.h"
#include "report.h"

/** Bytes that may wait for a collector. */
#define EXPORT_QUEUE_MAX (4u << 20)

struct export_net;

/** @tls: for EXPORT_TLS, NULL else. @report, @target and @tls must outlive it. NULL: no memory. */
struct export_net *export_net_create(struct report *report, const struct export_target *target,
                                     struct export_tls_settings *tls);

/** Close; what waits is sent for @patience milliseconds at most, then lost and counted. */
void export_net_close(struct export_net *net, int patience);
void export_net_free(struct export_net *net);

/** Do what can be done now: connect, shake hands, send. Call it often, at least once a second. */
void export_net_step(struct export_net *net);

/** Is there a collector that messages go to? */
bool export_net_ready(const struct export_net *net);

/** True once for each connection that was made: an ipfix_restart() is due. */
bool export_net_fresh(struct export_net *net);

/** An ipfix_send_fn; @context is a struct export_net. */
bool export_net_send(void *context, const struct ipfix_message *message);

/** Bytes that wait for the collector to take them. */
size_t export_net_waiting(const struct export_net *net);

/** End the connection, to make it anew with other certificates. */
void export_net_reconnect(struct export_net *net, const char *why);

/** What was lost here, as totals. */
const struct ipfix_losses *export_net_losses(const struct export_net *net);

/** A descriptor to wait for, -1: none, and poll()'s events. */
int export_net_fd(const struct export_net *net, short *events);

#endif
