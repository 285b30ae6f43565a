/* SPDX-License-Identifier: ISC */
/**
 * @file store.h
 * A service as a client of XenStore: requests over the domain's own ring, without blocking.
 *
 * Protocol: docs/misc/xenstore.txt and docs/misc/xenstore-ring.txt of Xen. Requests are queued and
 * answered in their order; each has a function that is told the answer. XenStore is trusted as far
 * as it must be (what it says is true) and no further: a ring whose indices lie, or an answer that
 * is not to any request, ends the connection, and everybody waiting is told -EPIPE. So does a
 * silence of 30 s where an answer is due.
 *
 * Paths without a leading '/' are relative to /local/domain/<own domid>, as XenStore has it.
 */
#ifndef COMMON_STORE_H
#define COMMON_STORE_H

#include <hv/hv.h>

#include "common/arena.h"
#include "common/loop.h"
#include "common/rendezvous.h"

struct store;
struct store_request;

/** The answer to a request: 0 and its payload (a NUL is behind it), or a negative errno value. */
typedef void store_reply_fn(void *context, int error, const char *data, size_t length);

/**
 * Connect to the ring that hv_store_ring() names; memory comes from @arena. NULL: there is none, or
 * no memory, with the cause in @error.
 */
struct store *store_create(struct hv *hv, struct arena *arena, struct loop *loop, int *error);

/** Let go of it; whoever waits is told -ECANCELED. Not to be called from within a reply function.
 */
void store_destroy(struct store *store);

/** Has it answered anything yet, and does it still? */
bool store_alive(const struct store *store);

/** 0, or why nothing goes on any more: -EPIPE. */
int store_error(const struct store *store);

/** A transaction, or 0 for none. */
typedef uint32_t store_tx;

/*
 * Requests. Each returns 0 and calls @reply once, later (never from within), or a negative errno
 * and does not: -ENOMEM, -EINVAL (too long), -EPIPE (the connection has ended). @reply may be NULL.
 */
int store_read(struct store *store, store_tx tx, const char *path, store_reply_fn *reply,
               void *context);
int store_directory(struct store *store, store_tx tx, const char *path, store_reply_fn *reply,
                    void *context);
int store_write(struct store *store, store_tx tx, const char *path, const void *value,
                size_t length, store_reply_fn *reply, void *context);
int store_mkdir(struct store *store, store_tx tx, const char *path, store_reply_fn *reply,
                void *context);
int store_remove(struct store *store, store_tx tx, const char *path, store_reply_fn *reply,
                 void *context);
/** @perms as on the wire: "n5\0r0\0" with @length. */
int store_set_perms(struct store *store, store_tx tx, const char *path, const char *perms,
                    size_t length, store_reply_fn *reply, void *context);
/** The payload of the answer is the transaction's number in decimal. */
int store_transaction_start(struct store *store, store_reply_fn *reply, void *context);
/** -EAGAIN in the reply: somebody else changed what it saw; start anew. */
int store_transaction_end(struct store *store, store_tx tx, bool commit, store_reply_fn *reply,
                          void *context);

/** One step of a batch: what to do with a path. */
struct store_change {
    enum { STORE_WRITE, STORE_MKDIR, STORE_REMOVE, STORE_PERMS } kind;
    const char *path;
    const void *data; /**< the value, or permissions on the wire */
    size_t length;
};

/**
 * Make all of @changes (copied; at most STORE_BATCH_MAX) in one transaction, started anew on EAGAIN
 * up to 16 times. Removing what is not there is no error. @reply is called once as above, without a
 * payload.
 */
#define STORE_BATCH_MAX 64U
int store_batch(struct store *store, const struct store_change *changes, unsigned count,
                store_reply_fn *reply, void *context);

/**
 * What store_collect() read, in the order of its paths: text with a NUL behind it, or NULL where
 * there is no node that we may read. It lives until the function returns. NULL with an @error.
 */
typedef void store_collect_fn(void *context, int error, const char *const *values);

/** Stands for a value that is longer than wanted or has a NUL in it: no name, number or address. */
#define STORE_NO_TEXT "?"

/**
 * Read all @paths (copied; at most STORE_COLLECT_MAX) at one instant: in one transaction, started
 * anew on EAGAIN up to 16 times. Values have at most @longest bytes. At most STORE_COLLECTIONS_MAX
 * are under way at a time; beyond that it is -ENOMEM. @done is called once, as a reply.
 */
#define STORE_COLLECT_MAX     128U
#define STORE_COLLECTIONS_MAX 4U
int store_collect(struct store *store, const char *const *paths, unsigned count, unsigned longest,
                  store_collect_fn *done, void *context);

/** A watch; the owner keeps it until store_unwatch(). */
struct store_watch {
    struct list all;
    uint32_t number;  /**< its token */
    const char *path; /**< lives as long as the watch */
    /**
     * Something changed at or below @ref path: @changed, as XenStore names it. Also called once at
     * first. NULL: there is nothing more to come, and @ref error says why.
     */
    void (*fired)(struct store_watch *watch, const char *changed);
    int error;                      /**< why XenStore refused it, or -EPIPE, -ECANCELED */
    struct store_request *farewell; /**< the store's; NULL: no watch */
};
/** Zeroed but for path and fired; 0, -ENOMEM, -EINVAL, -EPIPE. */
int store_watch(struct store *store, struct store_watch *watch);
/** Nothing is said of it any more; nothing to do if it is over. */
void store_unwatch(struct store *store, struct store_watch *watch);

/** Forget @context: no reply function is called with it any more. */
void store_forget(struct store *store, void *context);

/** The store's way of publishing vchans. */
struct rendezvous *store_rendezvous(struct store *store);

#endif
