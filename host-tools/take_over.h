/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/take_over.h
 * Start, restart, upgrade and recovery of a service are one path: a successor takes the place of
 * the domain on record, whether that runs, hangs, has crashed, or is gone. For xenstored:
 *
 *     paused     the predecessor does nothing more
 *     copied     its journal pages, bytes of a stranger, are in RECORD_DIR/NAME.journal
 *     destroyed  the record says that it is being replaced
 *     free       nobody maps a page of it any more
 *     built      a domain with its domid, ports and name, and the copy as its boot module
 *     unpaused
 *     answered   dom0 has its first answer
 *
 * A take over that ends anywhere, by a failure, a signal or SIGKILL, can be made again: the copy is
 * on the disk before the predecessor is destroyed, and stays there, with the record, until a
 * successor has answered.
 *
 * **For a keeper of a struct journal_map** (`atoll watchd`): as long as it maps pages of a domain
 * that was destroyed, the domid is not free. It has to look at @ref record.taken of the record (it
 * is written before the predecessor is destroyed; inotify on RECORD_DIR tells of it) and at Xen,
 * and to let go at once: where the record says `taken`, without a copy; where the domain is gone or
 * dying and it does not, after a copy, which then goes to take_over().
 */
#ifndef ATOLL_TAKE_OVER_H
#define ATOLL_TAKE_OVER_H

#include "journal_copy.h"
#include "report.h"
#include "start.h"
#include <stdint.h>

/**
 * When each part was done, in nanoseconds of report_now_ns() since @ref begin; 0: it was not done,
 * or there was nothing to do.
 */
struct take_over_times {
    uint64_t begin; /**< report_now_ns() */
    uint64_t paused, copied, destroyed, free, built, unpaused, answered;
};

/**
 * Put a successor in the place of the service that @opt, settled (start.h), names; @ref
 * start_options.kernel may be another image than the predecessor's, and is checked before anything
 * is stopped. Where the predecessor is gone, its state is taken from @copy (NULL: from the one that
 * an earlier try has left on the disk); where it is there, from itself, alive or dead, and from
 * these only if it has none. It takes the service's lock (@ref start_options.locked: the caller
 * has it); signals are held back in between. @times may be NULL.
 *
 * A service without a journal is destroyed where it runs, and started anew.
 *
 * 0, or an exit code with its cause reported: ATOLL_NOT_RUNNING where there is no record,
 * ATOLL_NEEDS_REBOOT where no state is left anywhere, ATOLL_BAD_IMAGE where the image cannot read
 * the state (nothing was stopped), ATOLL_NO_ANSWER where the successor does not come up; record and
 * copy stay then, and the next call goes on from them.
 */
int take_over(struct report *r, const struct start_options *opt, const struct journal_copy *copy,
              struct take_over_times *times);

#endif
