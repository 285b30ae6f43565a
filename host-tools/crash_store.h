/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/crash_store.h
 * The folder of reports: CRASH_DIR/SERVICE-TIME/, mode 0700, with report.txt, report.json and,
 * where the service has one, journal. TIME is in UTC, such as 20261123T014500.123Z, so that names
 * sort.
 */
#ifndef ATOLL_CRASH_STORE_H
#define ATOLL_CRASH_STORE_H

#include "crash_report.h"
#include "report.h"
#include <jansson.h>

#define CRASH_DIR      "/var/lib/atoll/crash"
#define CRASH_NAME_MAX 64u

/** The largest report.json that is read. */
#define CRASH_JSON_MAX (256u << 10)

/** The most folders that are listed. */
#define CRASH_LIST_MAX 4096u

/**
 * Write @report, and @journal of @ref crash_report.journal_bytes, as a folder of @dir, whole or not
 * at all; then remove the oldest of that service but for @keep (1 or more). The folder's name goes
 * to @name. 0, or an exit code with the cause reported.
 */
int crash_store_write(struct report *r, const char *dir, const struct crash_report *report,
                      const void *journal, unsigned keep, char name[CRASH_NAME_MAX]);

/**
 * The names of the folders in @dir, of @service alone unless it is NULL, in the order of their
 * times, into *@names: an array of *@count, for free(). 0, or -errno; that there is no @dir is no
 * error.
 */
int crash_store_list(const char *dir, const char *service, char (**names)[CRASH_NAME_MAX],
                     size_t *count);

/** The report.json of the folder @name, an object. NULL, with the cause in @why. */
json_t *crash_store_read(const char *dir, const char *name, char *why, size_t why_size);

/** Does @name have the form SERVICE-TIME? Then *@length is that of SERVICE. */
bool crash_store_name(const char *name, size_t *length);

#endif
