/* SPDX-License-Identifier: ISC */
/** @file host-tools/store_events.h Watch events between answers: inside of store_client.h. */
#ifndef ATOLL_STORE_EVENTS_H
#define ATOLL_STORE_EVENTS_H

#include "store_client.h"

/** Read exactly @len bytes until @deadline_ns. 0, -errno, -ETIMEDOUT, -EPROTO at the end. */
int store_read_exact(int fd, void *buf, size_t len, uint64_t deadline_ns);

/** The rest of the event whose header is @msg is read and kept. 0 or as store_read_exact(). */
int store_events_take(struct store_client *c, const struct xsd_sockmsg *msg, uint64_t deadline_ns);

void store_events_free(struct store_client *c);

#endif
