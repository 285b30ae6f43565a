/* SPDX-License-Identifier: ISC */
/**
 * @file log.h
 * Lines for the operator, on the console of the service's domain.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <hv/hv.h>

/** The longest line, without what the console adds; the rest of a longer one is cut off. */
#define LOG_LINE_MAX 256U

/** Write one line; bytes of it that are not printable ASCII are shown as '?'. */
void log_line(struct hv *hv, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
