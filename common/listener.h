/* SPDX-License-Identifier: ISC */
/**
 * @file listener.h
 * A vchan server for many clients of one domain, each with a ring of its own, and all of them stock
 * libxenvchan if they like.
 *
 * There is always one ring that nobody has connected to, and its numbers are published. When a
 * client connects, that ring is the client's, and the listener publishes another, as accept()
 * leaves the listening socket behind. Xen is the arbiter where two clients read the same numbers:
 * an event channel is bound once; the second gets an error from its bind and reads the nodes again.
 *
 * Rings are a fixed number of slots whose pages are taken at start. While all are in use nothing is
 * published, and clients wait. A slot whose client has closed, was killed or died is draining while
 * its client still maps a page, which is tried again by a timer; then it is free, and zeroed before
 * it is shared again. What a client wrote before it closed is handed on as long as it is read.
 *
 * Xen raises no event when a port is bound, nor when whoever bound it dies. Connected clients and
 * draining slots are therefore looked at once a second, the published ring every two, and nothing
 * where nothing is published: an idle service wakes every two seconds. A client that binds the port
 * and does not connect within two seconds of the look that found it has its port closed, and new
 * numbers are published; one that binds and dies leaves the port to the next.
 */
#ifndef COMMON_LISTENER_H
#define COMMON_LISTENER_H

#include "common/loop.h"
#include "common/rendezvous.h"
#include "common/vchan.h"

/** The most slots of a listener. */
#define LISTENER_SLOTS_MAX 64U

struct listener;

struct listener_config {
    domid_t client;       /**< the domain that may connect */
    const char *name;     /**< the vchan's name, such as "control"; lives as long as the listener */
    unsigned slots;       /**< clients at a time, 1 to LISTENER_SLOTS_MAX */
    unsigned left_order;  /**< of the ring that clients write */
    unsigned right_order; /**< of the ring that they read */
    void *context;        /**< for the functions below */
    /** A client has connected in @slot. Bytes may be there already. */
    void (*connected)(void *context, unsigned slot, struct vchan *v);
    /** Something happened: there may be bytes, room, or an end (vchan_state()). */
    void (*event)(void *context, unsigned slot, struct vchan *v);
    /** The client is gone or was closed; @v is not to be touched again. */
    void (*disconnected)(void *context, unsigned slot);
};

/** Pages that a listener takes with hv_page_alloc() for its slots. */
size_t listener_pages(const struct listener_config *config);

/** Bytes of memory that hold a listener. */
size_t listener_size(const struct listener_config *config);

/**
 * Make a listener in the listener_size() bytes at @listener, which stay the caller's, and publish
 * its first ring. -ENOMEM: no pages. -EINVAL: the configuration. What fails later is tried again.
 */
HV_MUST_CHECK int listener_create(struct listener *listener, struct hv *hv, struct loop *loop,
                                  struct rendezvous *rendezvous,
                                  const struct listener_config *config);

/**
 * Close all, publish nothing any more: for a service that goes on without this listener. Then wait
 * until no slot is draining (listener_stats()), which the listener's timers see to, and
 * listener_destroy() gives all pages back.
 */
void listener_stop(struct listener *listener);

/** Close all and give the pages back, but for those that a client still maps. Only tests do so. */
void listener_destroy(struct listener *listener);

/** Disconnect the client of @slot. disconnected() is called from within. */
void listener_disconnect(struct listener *listener, unsigned slot);

/** XenStore has lost what was published, or has forgotten us: publish again. */
void listener_republish(struct listener *listener);

/** For `stats`: what happened so far and how many slots are in which state. */
struct listener_stats {
    unsigned connected, free, draining; /**< slots; the one that is published is free */
    uint64_t accepted;                  /**< clients so far */
    uint64_t died;                      /**< of these, gone without closing */
    uint64_t broken;    /**< of these, disconnected because they broke the protocol */
    uint64_t abandoned; /**< rings closed unused: bound and not connected to, or spoilt */
    uint64_t exhausted; /**< times that a client took the last free slot */
};
void listener_stats(const struct listener *listener, struct listener_stats *stats);

#endif
