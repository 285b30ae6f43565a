/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/metrics_http.h
 * A small web server for Prometheus (libmicrohttpd), which runs in the caller's loop, without a
 * thread: GET /metrics asks @ref metrics_page_fn.
 */
#ifndef ATOLL_METRICS_HTTP_H
#define ATOLL_METRICS_HTTP_H

#include "report.h"

/** The text of the page, for free(), with its length; NULL: it cannot be made now. */
typedef char *metrics_page_fn(void *context, size_t *length);

/**
 * Serve at @where ("ADDRESS:PORT", an IPv6 address in brackets, or "PORT" for 127.0.0.1) until
 * interrupted: 0, or an exit code reported.
 */
int metrics_http_serve(struct report *report, const char *where, metrics_page_fn *page,
                       void *context);

/** Can @where be understood? */
bool metrics_http_address(const char *where);

#endif
