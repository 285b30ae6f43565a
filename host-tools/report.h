/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/report.h
 * What a command tells its caller: one line for an error, steps with their times under -v, and the
 * messages of Xen's libraries only where they help.
 */
#ifndef ATOLL_REPORT_H
#define ATOLL_REPORT_H

#include "exit_codes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <xentoollog.h>

/** Bytes of library messages that are kept for a failure; older ones give way. */
#define REPORT_LOG_SIZE 8192

/**
 * One command's report. @ref logger comes first, so that a pointer to it, which Xen's libraries
 * hand back with each message, is a pointer to the report.
 */
struct report {
    xentoollog_logger logger; /**< give this to xc_interface_open() and its like */
    const char *asked;        /**< what was asked, such as "start xenstored" */
    FILE *out;                /**< where errors and steps go: stderr */
    unsigned verbose;         /**< 1 (-v): steps with times; 2 (-vv): library messages at once */
    uint64_t start_ns;        /**< CLOCK_MONOTONIC when the command began */
    uint64_t last_ns;         /**< and at the last step */
    size_t log_len;           /**< bytes used of @ref log */
    char log[REPORT_LOG_SIZE];
};

/** CLOCK_MONOTONIC in nanoseconds. */
uint64_t report_now_ns(void);

/** Begin a report. @asked must outlive it. */
void report_init(struct report *r, const char *asked, FILE *out, unsigned verbose);

/** Under -v: name the step that has just ended, with its milliseconds and those since the start. */
void report_step(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** One line to the caller that is no error, -v or not (progress, advice). */
void report_note(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * Say in one line what was asked and what failed (@fmt, which also says what to do about it), then
 * the warnings and errors that Xen's libraries left, indented, unless -vv has shown them. Returns
 * @code, so that a caller can end with `return report_fail(...)`.
 */
int report_fail(struct report *r, enum atoll_exit code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** A report that keeps what it is told, for a caller that makes something else of it. */
struct report_kept {
    struct report report; /**< hand this on */
    char *text;
    size_t length;
};

/** Begin one as @r asked. False: no memory. */
bool report_keep(struct report_kept *kept, const struct report *r);

/** End it; its first line, without "atoll: ASKED: " and cut to fit, goes to @line. */
void report_kept_end(struct report_kept *kept, char *line, size_t size);

#endif
