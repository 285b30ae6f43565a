/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/take_over_service.h
 * A service other than XenStore dies, or is to be started anew, and a successor takes its place:
 * the same domid, name and nodes, so that rings and event channels of its clients go on
 * (docs/recovery.md).
 */
#ifndef ATOLL_TAKE_OVER_SERVICE_H
#define ATOLL_TAKE_OVER_SERVICE_H

#include "record.h"
#include "start.h"
#include "take_over.h"

/** Seconds that XenStore holds what a service has there, for want of a successor. */
#define SERVICE_HOLD_S 60u

/**
 * End the domain that the service's record names, alive or dead, and build the successor as @opt,
 * settled, says, and say in @times when what was done. Whatever @opt.domid is, the domid is the
 * record's. 0, or an exit code with the cause reported; then the record is what it was, and it can
 * be tried again.
 */
int take_over_service(struct report *r, const struct start_options *opt,
                      struct take_over_times *times);

/** Is there a record of a predecessor that was in service? */
bool take_over_possible(const char *service, struct record *record);

#endif
