/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/start_service.h
 * `atoll start` of a service that is XenStore's client: its domain, from nothing to a first answer.
 */
#ifndef ATOLL_START_SERVICE_H
#define ATOLL_START_SERVICE_H

#include "report.h"
#include "service_nodes.h"
#include "start.h"
#include "start_steps.h"

/**
 * Start it as @opt says. Returns an exit code with its cause reported. A failure leaves no domain,
 * no nodes and no record behind.
 */
int start_service(struct report *r, const struct start_options *opt);

/*
 * Parts of it that a takeover has, too (take_over_service.h).
 */

/** What such a domain may have at most, and its XenStore. */
void start_service_limits(struct start *s, uint32_t store_domid);

/** Its nodes, as the builder has made it. */
struct service_nodes start_service_nodes(const struct start *s);

/** Wait, a second at most, until it has published where its control clients find it. */
void start_service_published(struct start *s);

/** Wait until it says that it is well. 0 or an exit code with the cause reported. */
int start_service_healthy(struct start *s);

#endif
