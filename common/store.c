/* SPDX-License-Identifier: ISC */
/* The connection to XenStore: the ring, the queue of requests, and the requests themselves. */
#include "common/store.h"

#include <errno.h>
#include <string.h>

#include <hv/domain.h>
#include <hv/memory.h>
#include <hv/time.h>

#include "common/log.h"
#include "common/store_state.h"

#define HEADER sizeof(struct xs_header)

/* Messages taken in before others get their turn. */
#define TURN_MESSAGES 64U

static struct store_request *request_of(struct list *item)
{
    return LIST_ENTRY(item, struct store_request, queue);
}

static struct xs_header header_at(const struct store_request *request, size_t offset)
{
    struct xs_header header;

    memcpy(&header, request->data + offset, HEADER);
    return header;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Nothing goes on: everybody who waits is told @error. Never called from within a request. */
static void end(struct store *store, int error)
{
    struct list *item;

    if (store->ended)
        return;
    store->ended = error;
    loop_port_remove(store->loop, &store->port);
    timer_cancel(&store->work);
    timer_cancel(&store->silence);
    while ((item = list_first(&store->requests))) {
        struct store_request *request = request_of(item);

        list_remove(item);
        request->answer(store, request, true, error, NULL, 0);
    }
    store_batches_end(store);
    store_watches_end(store);
}

static void broken(struct store *store, const char *how)
{
    log_line(store->hv, "XenStore broke the protocol (%s): not spoken to any more", how);
    end(store, -EPIPE);
}

/* --- the ring --------------------------------------------------------------------------------- */

static void copy_in(struct store *store, void *dest, uint32_t from, size_t length)
{
    size_t offset = from % XS_RING_SIZE, first = XS_RING_SIZE - offset;

    if (first > length)
        first = length;
    hv_shared_copy_in(store->hv, dest, store->ring->rsp + offset, first);
    if (length > first)
        hv_shared_copy_in(store->hv, (uint8_t *)dest + first, store->ring->rsp, length - first);
}

static void copy_out(struct store *store, uint32_t to, const uint8_t *data, size_t length)
{
    size_t offset = to % XS_RING_SIZE, first = XS_RING_SIZE - offset;

    if (first > length)
        first = length;
    hv_shared_copy_out(store->hv, store->ring->req + offset, data, first);
    if (length > first)
        hv_shared_copy_out(store->hv, store->ring->req, data + first, length - first);
}

/* Put in what there is room for. False: the connection has ended. */
static bool send_some(struct store *store, struct store_request *request, bool *notify)
{
    while (request->sent < request->length) {
        uint32_t used = store->req_prod - hv_shared_read32(store->hv, &store->ring->req_cons);
        size_t chunk = request->length - request->sent;

        if (used > XS_RING_SIZE) {
            broken(store, "ring index");
            return false;
        }
        if (used == XS_RING_SIZE)
            break;
        if (chunk > XS_RING_SIZE - used)
            chunk = XS_RING_SIZE - used;
        copy_out(store, store->req_prod, request->data + request->sent, chunk);
        request->sent += chunk;
        store->req_prod += (uint32_t)chunk;
        hv_shared_write32(store->hv, &store->ring->req_prod, store->req_prod);
        *notify = true;
        /* A ring that XenStore has meanwhile emptied, it would tell nobody of. */
        hv_shared_barrier(store->hv);
    }
    return true;
}

static bool send_all(struct store *store, bool *notify)
{
    list_for_each (item, &store->requests) {
        struct store_request *request = request_of(item);

        if (!send_some(store, request, notify))
            return false;
        if (request->sent < request->length)
            break;
    }
    return true;
}

/* Read towards @want bytes of the message. False: they are not there yet, or it is over. */
static bool collect(struct store *store, size_t want, bool *notify)
{
    while (store->have < want) {
        uint32_t available = hv_shared_read32(store->hv, &store->ring->rsp_prod) - store->rsp_cons;
        size_t chunk = want - store->have;

        if (available > XS_RING_SIZE) {
            broken(store, "ring index");
            return false;
        }
        if (!available)
            return false;
        if (chunk > available)
            chunk = available;
        copy_in(store, (uint8_t *)&store->in + store->have, store->rsp_cons, chunk);
        store->have += chunk;
        store->rsp_cons += (uint32_t)chunk;
        hv_shared_write32(store->hv, &store->ring->rsp_cons, store->rsp_cons);
        *notify = true;
        hv_shared_barrier(store->hv);
    }
    return true;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* The answer that is due next is due from now on. */
static void restart_silence(struct store *store)
{
    timer_set(store->loop, &store->silence,
              list_empty(&store->requests) ? HV_NEVER : hv_now(store->hv) + STORE_SILENCE);
}

/* The message in store->in answers the one that is due next, or the connection is over. */
static void take_answer(struct store *store)
{
    struct list *item = list_first(&store->requests);
    struct store_request *request = item ? request_of(item) : NULL;
    struct xs_header asked;
    int error = 0;

    if (!request) {
        broken(store, "an answer to nothing");
        return;
    }
    asked = header_at(request, request->next);
    if (store->in.header.req_id != asked.req_id ||
        request->sent < request->next + HEADER + asked.length ||
        (store->in.header.type != asked.type && store->in.header.type != XS_ERROR)) {
        broken(store, "an answer to something else");
        return;
    }
    if (store->in.header.type == XS_ERROR)
        error = -wire_error_number(store->in.payload);
    request->answered = asked.type;
    request->next += HEADER + asked.length;
    if (request->next == request->length)
        list_remove(&request->queue);
    store->heard = true;
    request->answer(store, request, false, error, error ? NULL : store->in.payload,
                    error ? 0 : store->in.header.length);
    if (!store->ended)
        restart_silence(store);
}

/* Take in one message. False: there is no whole one, or the connection has ended. */
static bool receive(struct store *store, bool *notify)
{
    if (!collect(store, HEADER, notify))
        return false;
    if (store->in.header.length > XS_PAYLOAD_MAX) {
        broken(store, "message too long");
        return false;
    }
    if (!collect(store, HEADER + store->in.header.length, notify))
        return false;
    store->in.payload[store->in.header.length] = '\0';
    store->have = 0;
    if (store->in.header.type != XS_WATCH_EVENT)
        take_answer(store);
    else if (!store_watch_event(store, store->in.payload, store->in.header.length))
        broken(store, "an event without path and token");
    return !store->ended;
}

/* --- turns ------------------------------------------------------------------------------------ */

static void work_soon(struct store *store)
{
    timer_set(store->loop, &store->work, hv_now(store->hv));
}

/* Read, then write what the answers have led to; tell XenStore once of all that was done. */
static void turn(struct store *store)
{
    bool notify = false;
    unsigned messages = 0;

    timer_cancel(&store->work);
    if (hv_shared_read32(store->hv, &store->ring->error) != XS_ERROR_NONE) {
        log_line(store->hv, "XenStore has ended our connection");
        end(store, -EPIPE);
        return;
    }
    while (messages < TURN_MESSAGES && receive(store, &notify))
        messages++;
    if (store->ended || !send_all(store, &notify))
        return;
    if (notify)
        hv_evtchn_send(store->hv, store->port.port);
    if (messages == TURN_MESSAGES) {
        work_soon(store);
        loop_wake(store->loop);
    }
}

static void port_event(struct loop_port *port)
{
    turn(LIST_ENTRY(port, struct store, port));
}

static void work_due(struct timer *timer)
{
    turn(LIST_ENTRY(timer, struct store, work));
}

static void silence_due(struct timer *timer)
{
    struct store *store = LIST_ENTRY(timer, struct store, silence);

    log_line(store->hv, "XenStore has not answered for %u s: given up",
             (unsigned)(STORE_SILENCE / HV_SEC));
    end(store, -EPIPE);
}

/* --- requests --------------------------------------------------------------------------------- */

size_t store_message_size(const char *path, size_t length)
{
    size_t before = path ? strlen(path) + 1 : 0;

    if (before == 1 || before > XS_ABS_PATH_MAX + 1 || length > XS_PAYLOAD_MAX - before)
        return 0;
    return HEADER + before + length;
}

void store_message_put(uint8_t *to, enum xs_type type, store_tx tx, const char *path,
                       const void *data, size_t length)
{
    size_t before = path ? strlen(path) + 1 : 0;
    const struct xs_header header = {
        .type = type, .tx_id = tx, .length = (uint32_t)(before + length)};

    memcpy(to, &header, HEADER);
    if (path)
        memcpy(to + HEADER, path, before);
    if (length)
        memcpy(to + HEADER + before, data, length);
}

int store_request_create(struct store *store, enum xs_type type, store_tx tx, const char *path,
                         const void *data, size_t length, struct store_request **request)
{
    size_t message = store_message_size(path, length), size = sizeof(**request) + message;

    if (store->ended)
        return store->ended;
    if (!message)
        return -EINVAL;
    *request = arena_zalloc(store->arena, size);
    if (!*request)
        return -ENOMEM;
    list_init(&(*request)->queue);
    (*request)->size = size;
    (*request)->data = (uint8_t *)(*request + 1);
    (*request)->length = message;
    store_message_put((*request)->data, type, tx, path, data, length);
    return 0;
}

void store_request_free(struct store *store, struct store_request *request)
{
    if (!request)
        return;
    list_remove(&request->queue);
    arena_free(store->arena, request, request->size);
}

void store_request_send(struct store *store, struct store_request *request)
{
    bool idle = list_empty(&store->requests);

    request->sent = request->next = 0;
    for (size_t offset = 0; offset < request->length;) {
        struct xs_header header = header_at(request, offset);

        header.req_id = store->next_id++;
        memcpy(request->data + offset, &header, HEADER);
        offset += HEADER + header.length;
    }
    list_append(&store->requests, &request->queue);
    if (idle)
        restart_silence(store);
    work_soon(store);
}

static void answer_one(struct store *store, struct store_request *request, bool ended, int error,
                       const char *data, size_t length)
{
    store_reply_fn *reply = request->reply;
    void *context = request->context;

    (void)ended;
    store->waiting--;
    store_request_free(store, request);
    if (reply)
        reply(context, error, data, length);
}

static int ask(struct store *store, enum xs_type type, store_tx tx, const char *path,
               const void *data, size_t length, store_reply_fn *reply, void *context)
{
    struct store_request *request;
    int error;

    if (store->waiting >= STORE_REQUESTS_MAX)
        return store->ended ? store->ended : -ENOMEM;
    error = store_request_create(store, type, tx, path, data, length, &request);
    if (error)
        return error;
    request->answer = answer_one;
    request->reply = reply;
    request->context = context;
    store->waiting++;
    store_request_send(store, request);
    return 0;
}

int store_read(struct store *store, store_tx tx, const char *path, store_reply_fn *reply,
               void *context)
{
    return ask(store, XS_READ, tx, path, NULL, 0, reply, context);
}

int store_directory(struct store *store, store_tx tx, const char *path, store_reply_fn *reply,
                    void *context)
{
    return ask(store, XS_DIRECTORY, tx, path, NULL, 0, reply, context);
}

int store_write(struct store *store, store_tx tx, const char *path, const void *value,
                size_t length, store_reply_fn *reply, void *context)
{
    return ask(store, XS_WRITE, tx, path, value, length, reply, context);
}

int store_mkdir(struct store *store, store_tx tx, const char *path, store_reply_fn *reply,
                void *context)
{
    return ask(store, XS_MKDIR, tx, path, NULL, 0, reply, context);
}

int store_remove(struct store *store, store_tx tx, const char *path, store_reply_fn *reply,
                 void *context)
{
    return ask(store, XS_RM, tx, path, NULL, 0, reply, context);
}

int store_set_perms(struct store *store, store_tx tx, const char *path, const char *perms,
                    size_t length, store_reply_fn *reply, void *context)
{
    return ask(store, XS_SET_PERMS, tx, path, perms, length, reply, context);
}

int store_transaction_start(struct store *store, store_reply_fn *reply, void *context)
{
    return ask(store, XS_TRANSACTION_START, 0, NULL, "", 1, reply, context);
}

int store_transaction_end(struct store *store, store_tx tx, bool commit, store_reply_fn *reply,
                          void *context)
{
    return ask(store, XS_TRANSACTION_END, tx, commit ? "T" : "F", NULL, 0, reply, context);
}

/* --- life ------------------------------------------------------------------------------------- */

struct store *store_create(struct hv *hv, struct arena *arena, struct loop *loop, int *error)
{
    struct store *store;
    evtchn_port_t port;
    void *page;

    *error = hv_store_ring(hv, &page, &port);
    if (*error)
        return NULL;
    store = arena_zalloc(arena, sizeof(*store));
    if (!store) {
        *error = -ENOMEM;
        return NULL;
    }
    store->hv = hv;
    store->arena = arena;
    store->loop = loop;
    store->ring = page;
    /* Where they stand when we come: whoever had the ring before us need not have left zeros. */
    store->req_prod = hv_shared_read32(hv, &store->ring->req_prod);
    store->rsp_cons = hv_shared_read32(hv, &store->ring->rsp_cons);
    store->next_id = store->next_token = 1;
    list_init(&store->requests);
    list_init(&store->watches);
    list_init(&store->batches);
    timer_init(&store->work, work_due);
    timer_init(&store->silence, silence_due);
    store_rendezvous_init(store);
    loop_port_add(loop, &store->port, port, port_event);
    return store;
}

void store_destroy(struct store *store)
{
    end(store, -ECANCELED);
    arena_free(store->arena, store, sizeof(*store));
}

bool store_alive(const struct store *store)
{
    return store->heard && !store->ended;
}

int store_error(const struct store *store)
{
    return store->ended;
}

void store_forget(struct store *store, void *context)
{
    list_for_each (item, &store->requests)
        if (request_of(item)->context == context)
            request_of(item)->reply = NULL;
    store_batches_forget(store, context);
}
