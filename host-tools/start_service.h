/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/start_service.h
 * `atoll start` of a service that is XenStore's client: its domain, from nothing to a first answer.
 */
#ifndef ATOLL_START_SERVICE_H
#define ATOLL_START_SERVICE_H

#include "report.h"
#include "start.h"

/**
 * Start it as @opt says. Returns an exit code with its cause reported. A failure leaves no domain,
 * no nodes and no record behind.
 */
int start_service(struct report *r, const struct start_options *opt);

#endif
