/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/control_link.h
 * The connection under a control client: a vchan to the service, whole frames in, bytes out, each
 * with a deadline (hv_now() time). Inside of the client: users see control_client.h.
 *
 * Waits end with -ETIMEDOUT, -EINTR (SIGINT, SIGTERM), -EPIPE (the service has closed), -ESRCH (its
 * domain has ended) or -EPROTO (it broke the protocol).
 */
#ifndef ATOLL_CONTROL_LINK_H
#define ATOLL_CONTROL_LINK_H

#include "common/control.h"
#include "common/vchan.h"
#include "control_service.h"
#include "report.h"

struct control_link {
    struct hv *hv;
    struct control_service *service;
    struct report *report; /**< who is told, once and on a terminal only, what is waited for */
    uint64_t since;        /**< when the wait under way began; 0: it is not to be told */
    struct vchan v;
    bool connected;
    bool parting;    /**< interrupts do not end waits any more: we end things because of one */
    uint64_t looked; /**< when we last looked whether the domain is still there */
    size_t have;     /**< bytes of @ref frame that have come */
    uint8_t frame[CONTROL_FRAME_MAX];
};

/** Why link_connect() gave up, where it was -ETIMEDOUT. */
enum link_obstacle {
    LINK_UNPUBLISHED, /**< nothing was published, or what was published was taken already */
    LINK_NO_STORE,    /**< XenStore did not answer */
    LINK_STORE_ERROR, /**< XenStore, or its device, failed: @error */
    LINK_FOREIGN,     /**< what is published or shared is not a vchan: @error */
};

struct link_failure {
    enum link_obstacle obstacle;
    int error;
};

/**
 * Connect: in turn with other clients of this host (control_queue.h), and again and again, with
 * pauses that grow and differ from client to client, because others may be faster; for @timeout
 * (nanoseconds), or, where others are seen to connect, until none of them has for 3 times that, and
 * 12 times that in all. 0, -EINTR, -ESRCH, or
 * -ETIMEDOUT with @failure.
 */
int link_connect(struct control_link *link, uint64_t timeout, struct link_failure *failure);

/** Disconnect; nothing to do if it is not connected. */
void link_close(struct control_link *link);

/** Write all. */
int link_write(struct control_link *link, const void *data, size_t length, uint64_t deadline);

/** Take in what has come. 1: a whole and well-formed frame is there; 0: not yet; or an error. */
int link_take(struct control_link *link, struct control_header *header);

/** Wait for that. 0 or an error. */
int link_wait_frame(struct control_link *link, uint64_t deadline, struct control_header *header);

/** Forget the frame, so that the next can come. */
void link_drop_frame(struct control_link *link);

#endif
