/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/metrics_text.h
 * Statistics of services as text for Prometheus (exposition format 0.0.4), with names as
 * OpenMetrics wants them: "store_requests", a counter, becomes atoll_store_requests_total; "uptime"
 * in nanoseconds atoll_uptime_seconds. Each sample has the label service, and those that it had.
 *
 * The format knows a name and labels once: a second sample of the same is left out, as is one whose
 * type is not that of the first of its name; both are counted. Names and labels were written by
 * strangers: what is not UTF-8, and what terminals obey instead of showing it, becomes '?'.
 */
#ifndef ATOLL_METRICS_TEXT_H
#define ATOLL_METRICS_TEXT_H

#include "stats_table.h"
#include <stdio.h>

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_text;

/** NULL: no memory. */
struct metrics_text *metrics_text_create(void);

/** Add all of the service @service. False: no memory. */
bool metrics_text_add(struct metrics_text *text, const char *service,
                      const struct statistics *statistics);

/** Say of a service whether it answered (atoll_up), in which domain, of which version (NULL: not
 * known), and how long that took. False: no memory. */
bool metrics_text_service(struct metrics_text *text, const char *service, bool up, uint32_t domid,
                          const char *version, uint64_t duration_ns);

/** Write it, samples of one name together; how many were left out is the last one. */
void metrics_text_print(struct metrics_text *text, FILE *out);

void metrics_text_free(struct metrics_text *text);

#endif
