/* SPDX-License-Identifier: ISC */
/* What is made of XenStore requests: batches, watches, and the publishing of vchans. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/store.h"
#include "common/store_state.h"

#define HEADER sizeof(struct xs_header)

/* --- batches ---------------------------------------------------------------------------------- */

enum phase {
    STARTING, /* the transaction's number is awaited */
    CHANGING,
    ENDING,
};

/* The messages that begin and end a transaction, with their payload. */
#define START_SIZE (HEADER + 1)
#define END_SIZE   (HEADER + 2)

/*
 * A batch takes all its memory at first, so that a transaction that was started is also ended: its
 * one request is sent three times, with other messages.
 */
struct store_batch {
    struct list all;
    struct store_request request;
    size_t size; /* of the allocation */
    enum phase phase;
    store_tx tx;
    unsigned tries;
    int error;                /* of the first change that failed */
    rendezvous_done_fn *done; /* to be told in the place of request.reply; or NULL */
    uint8_t start[START_SIZE], end[END_SIZE];
    uint8_t changes[]; /* whole messages */
};

static struct store_batch *batch_of(struct list *item)
{
    return LIST_ENTRY(item, struct store_batch, all);
}

static const enum xs_type change_types[] = {
    [STORE_WRITE] = XS_WRITE,
    [STORE_MKDIR] = XS_MKDIR,
    [STORE_REMOVE] = XS_RM,
    [STORE_PERMS] = XS_SET_PERMS,
};

static void send_messages(struct store *store, struct store_batch *batch, enum phase phase,
                          uint8_t *messages, size_t length)
{
    batch->phase = phase;
    batch->request.data = messages;
    batch->request.length = length;
    store_request_send(store, &batch->request);
}

static void batch_start(struct store *store, struct store_batch *batch)
{
    batch->error = 0;
    batch->tries++;
    store_message_put(batch->start, XS_TRANSACTION_START, 0, NULL, "", 1);
    send_messages(store, batch, STARTING, batch->start, START_SIZE);
}

static void batch_change(struct store *store, struct store_batch *batch)
{
    size_t length = batch->size - sizeof(*batch);

    for (size_t offset = 0; offset < length;) {
        struct xs_header header;

        memcpy(&header, batch->changes + offset, HEADER);
        header.tx_id = batch->tx;
        memcpy(batch->changes + offset, &header, HEADER);
        offset += HEADER + header.length;
    }
    send_messages(store, batch, CHANGING, batch->changes, length);
}

static void batch_finish(struct store *store, struct store_batch *batch, int error)
{
    store_reply_fn *reply = batch->request.reply;
    rendezvous_done_fn *done = batch->done;
    void *context = batch->request.context;

    list_remove(&batch->all);
    store->batch_count--;
    arena_free(store->arena, batch, batch->size);
    if (!store->ended && !list_empty(&store->batches))
        batch_start(store, batch_of(list_first(&store->batches)));
    if (reply)
        reply(context, error, NULL, 0);
    if (done)
        done(context, error);
}

static void batch_end(struct store *store, struct store_batch *batch)
{
    store_message_put(batch->end, XS_TRANSACTION_END, batch->tx, batch->error ? "F" : "T", NULL, 0);
    send_messages(store, batch, ENDING, batch->end, END_SIZE);
}

static void batch_answer(struct store *store, struct store_request *request, bool ended, int error,
                         const char *data, size_t length)
{
    struct store_batch *batch = LIST_ENTRY(request, struct store_batch, request);

    (void)length;
    if (ended) /* store_batches_end() goes on */
        return;
    switch (batch->phase) {
    case STARTING:
        if (!error && (!wire_number(data, UINT32_MAX, &batch->tx) || !batch->tx))
            error = -EIO;
        if (error)
            batch_finish(store, batch, error);
        else
            batch_change(store, batch);
        return;
    case CHANGING:
        if (error && !batch->error && !(error == -ENOENT && request->answered == XS_RM))
            batch->error = error;
        if (request->next == request->length)
            batch_end(store, batch);
        return;
    case ENDING:
        if (batch->error)
            error = batch->error;
        if (error == -EAGAIN && batch->tries <= STORE_RETRIES_MAX)
            batch_start(store, batch);
        else
            batch_finish(store, batch, error);
        return;
    }
}

/* Bytes of all messages; 0: one is not valid. */
static size_t changes_size(const struct store_change *changes, unsigned count)
{
    size_t size = 0;

    for (unsigned i = 0; i < count; i++) {
        bool plain = changes[i].kind == STORE_MKDIR || changes[i].kind == STORE_REMOVE;
        size_t message = changes[i].path
                             ? store_message_size(changes[i].path, plain ? 0 : changes[i].length)
                             : 0;

        if (!message || (unsigned)changes[i].kind > STORE_PERMS)
            return 0;
        size += message;
    }
    return size;
}

/* Put a batch that nobody waits for yet at the end of the queue. */
static int batch_create(struct store *store, const struct store_change *changes, unsigned count,
                        struct store_batch **made)
{
    size_t length = count <= STORE_BATCH_MAX ? changes_size(changes, count) : 0;
    struct store_batch *batch;
    uint8_t *at;

    if (store->ended)
        return store->ended;
    if (!length)
        return -EINVAL;
    if (store->batch_count >= STORE_BATCHES_MAX)
        return -ENOMEM;
    batch = arena_zalloc(store->arena, sizeof(*batch) + length);
    if (!batch)
        return -ENOMEM;
    batch->size = sizeof(*batch) + length;
    list_init(&batch->request.queue);
    batch->request.answer = batch_answer;
    at = batch->changes;
    for (unsigned i = 0; i < count; i++) {
        bool plain = changes[i].kind == STORE_MKDIR || changes[i].kind == STORE_REMOVE;
        size_t bytes = plain ? 0 : changes[i].length;

        store_message_put(at, change_types[changes[i].kind], 0, changes[i].path, changes[i].data,
                          bytes);
        at += store_message_size(changes[i].path, bytes);
    }
    store->batch_count++;
    list_append(&store->batches, &batch->all);
    if (list_first(&store->batches) == &batch->all)
        batch_start(store, batch);
    *made = batch;
    return 0;
}

int store_batch(struct store *store, const struct store_change *changes, unsigned count,
                store_reply_fn *reply, void *context)
{
    struct store_batch *batch;
    int error = batch_create(store, changes, count, &batch);

    if (error)
        return error;
    batch->request.reply = reply;
    batch->request.context = context;
    return 0;
}

void store_batches_end(struct store *store)
{
    struct list *item;

    while ((item = list_first(&store->batches)))
        batch_finish(store, batch_of(item), store->ended);
}

void store_batches_forget(struct store *store, void *context)
{
    list_for_each (item, &store->batches)
        if (batch_of(item)->request.context == context) {
            batch_of(item)->request.reply = NULL;
            batch_of(item)->done = NULL;
        }
}

/* --- watches ---------------------------------------------------------------------------------- */

static struct store_watch *watch_of(struct list *item)
{
    return LIST_ENTRY(item, struct store_watch, all);
}

/* No events will come: say so. */
static void watch_over(struct store *store, struct store_watch *watch, int error)
{
    list_remove(&watch->all);
    store_request_free(store, watch->farewell);
    watch->farewell = NULL;
    watch->error = error;
    watch->fired(watch, NULL);
}

static void watch_answer(struct store *store, struct store_request *request, bool ended, int error,
                         const char *data, size_t length)
{
    struct store_watch *watch = request->context;

    (void)data;
    (void)length;
    store->waiting--;
    store_request_free(store, request);
    if (watch && error && !ended) /* else store_watches_end() goes on */
        watch_over(store, watch, error);
}

static void farewell_answer(struct store *store, struct store_request *request, bool ended,
                            int error, const char *data, size_t length)
{
    (void)ended;
    (void)error;
    (void)data;
    (void)length;
    store_request_free(store, request);
}

int store_watch(struct store *store, struct store_watch *watch)
{
    struct store_request *request;
    char token[12];
    int length, error;

    if (store->waiting >= STORE_REQUESTS_MAX)
        return store->ended ? store->ended : -ENOMEM;
    watch->error = 0;
    watch->number = store->next_token++;
    length = snprintf(token, sizeof(token), "%u", watch->number);
    error =
        store_request_create(store, XS_WATCH, 0, watch->path, token, (size_t)length + 1, &request);
    if (error)
        return error;
    /* What ends it is made now, so that a lack of memory can never keep a watch in XenStore. */
    error = store_request_create(store, XS_UNWATCH, 0, watch->path, token, (size_t)length + 1,
                                 &watch->farewell);
    if (error) {
        store_request_free(store, request);
        return error;
    }
    watch->farewell->answer = farewell_answer;
    request->answer = watch_answer;
    request->context = watch;
    store->waiting++;
    list_append(&store->watches, &watch->all);
    store_request_send(store, request);
    return 0;
}

void store_unwatch(struct store *store, struct store_watch *watch)
{
    if (!watch->farewell)
        return;
    list_for_each (item, &store->requests) {
        struct store_request *request = LIST_ENTRY(item, struct store_request, queue);

        if (request->answer == watch_answer && request->context == watch)
            request->context = NULL;
    }
    list_remove(&watch->all);
    store_request_send(store, watch->farewell);
    watch->farewell = NULL;
}

bool store_watch_event(struct store *store, const char *payload, size_t length)
{
    size_t path = strnlen(payload, length);
    const char *token = payload + path + 1;
    uint32_t number;

    /* Behind the token may be what newer versions of the protocol put there. */
    if (path + 1 >= length || strnlen(token, length - path - 1) == length - path - 1 ||
        !wire_number(token, UINT32_MAX, &number))
        return false;
    list_for_each (item, &store->watches)
        if (watch_of(item)->number == number) {
            watch_of(item)->fired(watch_of(item), payload);
            break;
        }
    return true;
}

void store_watches_end(struct store *store)
{
    struct list *item;

    while ((item = list_first(&store->watches)))
        watch_over(store, watch_of(item), store->ended);
}

/* --- rendezvous ------------------------------------------------------------------------------- */

static int publish(struct rendezvous *rendezvous, const char *path, domid_t client,
                   grant_ref_t ring_ref, evtchn_port_t port, rendezvous_done_fn *done,
                   void *context)
{
    struct store *store = LIST_ENTRY(rendezvous, struct store, rendezvous);
    char ref_path[RENDEZVOUS_PATH_MAX + 16], port_path[RENDEZVOUS_PATH_MAX + 16];
    char ref_value[12], port_value[12], perms[24];
    int owner, reader;
    struct store_batch *batch;
    int error;

    if (strnlen(path, RENDEZVOUS_PATH_MAX) == RENDEZVOUS_PATH_MAX)
        return -EINVAL;
    snprintf(ref_path, sizeof(ref_path), "%s/ring-ref", path);
    snprintf(port_path, sizeof(port_path), "%s/event-channel", path);
    snprintf(ref_value, sizeof(ref_value), "%u", ring_ref);
    snprintf(port_value, sizeof(port_value), "%u", port);
    owner = snprintf(perms, sizeof(perms), "n%u", hv_domid(store->hv)) + 1;
    reader = snprintf(perms + owner, sizeof(perms) - (size_t)owner, "r%u", client) + 1;

    const size_t perms_length = (size_t)(owner + reader);
    const struct store_change changes[] = {
        {STORE_WRITE, ref_path, ref_value, strlen(ref_value)},
        {STORE_PERMS, ref_path, perms, perms_length},
        {STORE_WRITE, port_path, port_value, strlen(port_value)},
        {STORE_PERMS, port_path, perms, perms_length},
    };
    error = batch_create(store, changes, sizeof(changes) / sizeof(changes[0]), &batch);
    if (error)
        return error;
    batch->done = done;
    batch->request.context = context;
    return 0;
}

/*
 * A batch as well, so that it comes after a publish() that is still under way. Where there is no
 * memory for it the nodes stay: whoever reads them is refused by Xen, and reads them again.
 */
static void withdraw(struct rendezvous *rendezvous, const char *path)
{
    const struct store_change change = {STORE_REMOVE, path, NULL, 0};

    (void)store_batch(LIST_ENTRY(rendezvous, struct store, rendezvous), &change, 1, NULL, NULL);
}

static void forget(struct rendezvous *rendezvous, void *context)
{
    store_batches_forget(LIST_ENTRY(rendezvous, struct store, rendezvous), context);
}

void store_rendezvous_init(struct store *store)
{
    store->rendezvous = (struct rendezvous){publish, withdraw, forget};
}

struct rendezvous *store_rendezvous(struct store *store)
{
    return &store->rendezvous;
}
