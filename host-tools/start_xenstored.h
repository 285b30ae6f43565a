/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/start_xenstored.h
 * `atoll start xenstored`: the XenStore service's domain, from nothing to a host on which xl works.
 */
#ifndef ATOLL_START_XENSTORED_H
#define ATOLL_START_XENSTORED_H

#include "report.h"
#include "start.h"

/**
 * Start it as @opt says. Returns an exit code with its cause reported. Until the service has
 * answered its first request, a failure leaves no domain behind; once it has answered it stays,
 * because dom0 is bound to it.
 */
int start_xenstored(struct report *r, const struct start_options *opt);

/**
 * Put a successor in the place of the XenStore domain on record, alive or dead: it gets its domid,
 * dom0's port, and the state in the file @ref start_options.state. An exit code with its cause
 * reported.
 */
int take_over_xenstored(struct report *r, const struct start_options *opt);

#endif
