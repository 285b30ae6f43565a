/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/metrics_http.h
 * A small web server for Prometheus (libmicrohttpd), which runs in the caller's loop, without a
 * thread: GET /metrics asks @ref metrics_page_fn.
 */
#ifndef ATOLL_METRICS_HTTP_H
#define ATOLL_METRICS_HTTP_H

#include "report.h"

/** How long a request may take in all, until its answer has gone out; milliseconds. */
#define METRICS_HTTP_LIMIT_MS 20000u

/** The text of the page, for free(), with its length; NULL: it cannot be made now. */
typedef char *metrics_page_fn(void *context, size_t *length);

/**
 * Serve at @where ("ADDRESS:PORT", an IPv6 address in brackets, or "PORT" for 127.0.0.1) until
 * interrupted: 0, or an exit code reported. 32 clients at a time, 16 KiB for
 * each one's request; who has no answer @limit_ms after it connected, or after the answer before,
 * is ended whatever it sends meanwhile.
 */
int metrics_http_serve(struct report *report, const char *where, metrics_page_fn *page,
                       void *context, unsigned limit_ms);

/** Can @where be understood? */
bool metrics_http_address(const char *where);

#endif
