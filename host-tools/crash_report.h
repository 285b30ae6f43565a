/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/crash_report.h
 * The report of a service's death, for people and for programs.
 */
#ifndef ATOLL_CRASH_REPORT_H
#define ATOLL_CRASH_REPORT_H

#include "crash_take.h"
#include <jansson.h>
#include <stdio.h>

struct crash_report {
    const struct record *record; /**< of the service that has died */
    const char *reason;          /**< "crashed", "hung", "is gone", "powered off"... */
    uint64_t died_ns;            /**< wall clock when that was seen */
    uint64_t row;                /**< the how many-th death in a row it is */
    char image_digest[65];       /**< SHA-256 of the image; "": not known */
    size_t journal_bytes;        /**< of the copy beside the report; 0: there is none */
    const struct crash_taken *taken;
};

/** All of it, for scripts; what is not known is null. NULL: no memory. */
json_t *crash_report_json(const struct crash_report *report);

/** The same as text. */
void crash_report_text(const struct crash_report *report, FILE *out);

#endif
