/* SPDX-License-Identifier: ISC */
/**
 * @file store_state.h
 * What the files of store.h's implementation share: the connection and its queue (store.c), and
 * what is made of requests (store_batch.c). Nobody else's business.
 */
#ifndef COMMON_STORE_STATE_H
#define COMMON_STORE_STATE_H

#include <hv/time.h>

#include "common/store.h"
#include "common/xs_wire.h"

/** Requests that may wait at a time, batches aside. */
#define STORE_REQUESTS_MAX 256U

/** Batches that may wait at a time; one after the other is carried out. */
#define STORE_BATCHES_MAX 64U

/** How often a batch is started anew after EAGAIN. */
#define STORE_RETRIES_MAX 16U

/** How long the answer that is due next may take before the connection is given up. */
#define STORE_SILENCE (30 * HV_SEC)

struct store_request;

/**
 * The answer to the next message of @request: 0 and its payload, or a negative errno value. After
 * the last one, or an error that is the connection's end (@ended), @request is in no queue any more
 * and the function's to free.
 */
typedef void store_answer_fn(struct store *store, struct store_request *request, bool ended,
                             int error, const char *data, size_t length);

/**
 * One message or several, sent in one piece and answered in their order. In store.requests until
 * the last answer.
 */
struct store_request {
    struct list queue;
    store_answer_fn *answer;
    store_reply_fn *reply; /**< of the one who asked; NULL: nobody wants to know (any more) */
    void *context;
    uint8_t *data;     /**< whole messages */
    size_t length;     /**< of them */
    size_t sent;       /**< bytes that are in the ring or were */
    size_t next;       /**< where the message that is answered next begins */
    uint32_t answered; /**< the type of the one answered last (enum xs_type) */
    size_t size;       /**< of the allocation, where data is behind this struct */
};

struct store {
    struct hv *hv;
    struct arena *arena;
    struct loop *loop;
    struct loop_port port;
    struct timer work;    /**< there is something to send */
    struct timer silence; /**< the answer that is due next is late */
    struct xs_ring *ring;
    uint32_t req_prod, rsp_cons; /**< our indices; the shared copies are written, never believed */
    uint32_t next_id;
    bool heard; /**< something was answered */
    int ended;  /**< 0, or why nothing goes on: a negative errno value */

    struct list requests; /**< not wholly answered; struct store_request, oldest first */
    unsigned waiting;     /**< of them, those that STORE_REQUESTS_MAX bounds */
    struct list watches;
    uint32_t next_token;
    struct list batches; /**< struct store_batch; the first one is under way */
    unsigned batch_count;
    unsigned collections; /**< under way: store_collect.c */
    struct rendezvous rendezvous;

    size_t have; /**< bytes of @ref in */
    struct {
        struct xs_header header;
        char payload[XS_PAYLOAD_MAX + 1]; /**< room for a NUL behind it */
    } in;
};

/** How long a message with a path, if there is one, and @length more bytes is; 0: too long. */
size_t store_message_size(const char *path, size_t length);

/** Put a message of that size at @to: @path with its NUL unless it is NULL, then @data. */
void store_message_put(uint8_t *to, enum xs_type type, store_tx tx, const char *path,
                       const void *data, size_t length);

/** A request of one such message, in no queue; -EINVAL or -ENOMEM. */
int store_request_create(struct store *store, enum xs_type type, store_tx tx, const char *path,
                         const void *data, size_t length, struct store_request **request);

/** Free what store_request_create() made. NULL is nothing to do. */
void store_request_free(struct store *store, struct store_request *request);

/** Number the messages of @request, put it at the end of the queue, and have it sent soon. */
void store_request_send(struct store *store, struct store_request *request);

/** Watch events: store_batch.c's. False: @path and @token are none of XenStore's to send. */
bool store_watch_event(struct store *store, const char *payload, size_t length);

/** The connection has ended (store.ended): tell watches and batches. */
void store_watches_end(struct store *store);
void store_batches_end(struct store *store);

/** Nobody with @context waits for a batch any more. */
void store_batches_forget(struct store *store, void *context);

/** Fill in store.rendezvous. */
void store_rendezvous_init(struct store *store);

#endif
