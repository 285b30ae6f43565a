/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/store_client.h
 * A XenStore client with a time limit on every request, over the device of dom0's kernel. Tools
 * that look after the XenStore service need it: libxenstore waits for ever when the service is
 * dead. One request at a time; watches, for those who ask for them.
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

/** An event of a watch. */
struct store_event {
    char *path, *token;
};

/** Events that wait to be taken; beyond, they are lost, which is told. */
#define STORE_EVENTS_MAX 4096u

struct store_events {
    struct store_event *list;
    size_t first, count, room;
    bool lost;
};

struct store_client {
    int fd;                      /**< -1 when closed */
    uint32_t last_id;            /**< request id of the last request */
    uint32_t transaction;        /**< in which requests are made; 0: none */
    int timeout_ms;              /**< for each request, from its start to the end of its answer */
    struct store_events *events; /**< NULL: it watches nothing */
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

/** Write @value to @path. Errors as of store_request(). */
int store_write(struct store_client *c, const char *path, const char *value);

/** Read @path into @value (@size bytes, always terminated; -ENOBUFS where it does not fit). */
int store_read(struct store_client *c, const char *path, char *value, size_t size);

/**
 * The names of the children of @path, each with its NUL, into *@list for free(), and their bytes
 * into @length. However many they are. Errors as of store_request(), -ENOMEM, and -EAGAIN: they
 * changed again and again meanwhile.
 */
int store_directory(struct store_client *c, const char *path, char **list, size_t *length);

/**
 * Watch @path; @token comes with its events. From the first one on events may come between requests
 * and are kept. Errors as of store_request(), and -ENOMEM.
 */
int store_watch(struct store_client *c, const char *path, const char *token);
int store_unwatch(struct store_client *c, const char *path, const char *token);

/**
 * The next event, waited for until @timeout_ms have passed or @fd (-1: none) is readable. 1: there
 * is one in @event, for store_event_free(); 0: none came; -ENOBUFS: some were lost, once for each
 * time: look at all; or an error as of store_request().
 */
int store_next_event(struct store_client *c, int timeout_ms, int fd, struct store_event *event);
void store_event_free(struct store_event *event);

/** Make @path, empty, with the permissions @perms ("n0", "r5"; ends with NULL, at most 4). */
int store_make(struct store_client *c, const char *path, const char *const perms[]);

/** Tell XenStore of a domain: its ring is at @gfn, its event channel @port waits for XenStore. */
int store_introduce(struct store_client *c, uint32_t domid, uint64_t gfn, uint32_t port);

/** Tell XenStore that the domain is over, whatever it thought of that. */
int store_release(struct store_client *c, uint32_t domid);

/** Remove @path with all below it. */
int store_remove(struct store_client *c, const char *path);

/** Begin a transaction, of which all requests are until its end: one at a time. */
int store_begin(struct store_client *c);

/** End it, and have its changes (@commit) or not. -EAGAIN: it met another's; nothing was done. */
int store_end(struct store_client *c, bool commit);

#endif
