/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/store_client.h
 * A XenStore client with a time limit on every request, over the device of dom0's kernel. Tools
 * that look after the XenStore service need it: libxenstore waits for ever when the service is
 * dead. One request at a time, no watches.
 */
#ifndef ATOLL_STORE_CLIENT_H
#define ATOLL_STORE_CLIENT_H

#include <errno.h> /* xs_wire.h names its errors by these */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>

/** The device of dom0's kernel. */
#define STORE_DEVICE "/dev/xen/xenbus"

/** The most requests of a batch. */
#define STORE_BATCH_MAX 32u

struct store_client {
    int fd;               /**< -1 when closed */
    uint32_t last_id;     /**< request id of the last request */
    uint32_t transaction; /**< in which requests are made; 0: none */
    int timeout_ms;       /**< for each request, from its start to the end of its answer */
    unsigned posted;      /**< requests of a batch that have no answer yet */
    uint8_t types[STORE_BATCH_MAX]; /**< and what they are */
};

/** Open @device. 0 or -errno. No request is made. */
int store_open(struct store_client *c, const char *device, int timeout_ms);

void store_close(struct store_client *c);

/**
 * One request of @type with @len bytes of payload (at most XENSTORE_PAYLOAD_MAX). Its answer goes
 * into @reply, of which there are XENSTORE_PAYLOAD_MAX bytes, its length into @reply_len.
 * 0, the store's own error as -errno (-EIO for one that is not in the protocol's table),
 * -ETIMEDOUT, or -EPROTO for an answer that breaks the protocol. After -ETIMEDOUT and -EPROTO close
 * the client: a late answer would be taken for the next one.
 */
int store_request(struct store_client *c, uint32_t type, const void *payload, size_t len,
                  char *reply, size_t *reply_len);

/**
 * Send a request and do not wait for its answer: many under way cost less than one by one. 0 or an
 * error of store_request() of sending. Before any other request, store_collect() takes the answers.
 */
int store_post(struct store_client *c, uint32_t type, const void *payload, size_t len);

/**
 * Wait for the answers to all that was posted, in all as long as for one request. @results, of
 * STORE_BATCH_MAX, gets 0 or the store's own error for each. 0, -ETIMEDOUT, -EPROTO or an error of
 * reading.
 */
int store_collect(struct store_client *c, int results[STORE_BATCH_MAX]);

/** Write @value to @path. Errors as of store_request(). */
int store_write(struct store_client *c, const char *path, const char *value);
int store_post_write(struct store_client *c, const char *path, const char *value);

/** Read @path into @value (@size bytes, always terminated; -ENOBUFS where it does not fit). */
int store_read(struct store_client *c, const char *path, char *value, size_t size);

/** Remove @path with all below it. */
int store_remove(struct store_client *c, const char *path);

/** Begin a transaction, of which all requests are until its end: one at a time. */
int store_begin(struct store_client *c);

/** End it, and have its changes (@commit) or not. -EAGAIN: it met another's; nothing was done. */
int store_end(struct store_client *c, bool commit);

#endif
