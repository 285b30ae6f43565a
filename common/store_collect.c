/* SPDX-License-Identifier: ISC */
/* Many values read at one instant. */
#include <errno.h>
#include <string.h>

#include "common/store.h"
#include "common/store_state.h"

#define HEADER sizeof(struct xs_header)

enum phase {
    STARTING, /* the transaction's number is awaited */
    READING,
    ENDING,
};

#define START_SIZE (HEADER + 1)
#define END_SIZE   (HEADER + 2)

struct value {
    char *text; /* NULL: none */
    size_t size;
};

/*
 * As with a batch (store_batch.c), all memory but that of the values is taken at first, and the one
 * request is sent three times, with other messages.
 */
struct store_collection {
    struct store_request request;
    store_collect_fn *done; /* to be told if request.reply is not NULL */
    size_t size;            /* of the allocation */
    enum phase phase;
    store_tx tx;
    unsigned tries, count, next, longest;
    int error; /* the first one that spoils the whole */
    struct value *values;
    const char **texts;
    size_t length; /* of messages */
    uint8_t start[START_SIZE], end[END_SIZE];
    uint8_t messages[];
};

/* Stands in request.reply for @ref done while somebody waits. Never called. */
static void somebody(void *context, int error, const char *data, size_t length)
{
    (void)context;
    (void)error;
    (void)data;
    (void)length;
}

static void send_messages(struct store *store, struct store_collection *collection,
                          enum phase phase, uint8_t *messages, size_t length)
{
    collection->phase = phase;
    collection->request.data = messages;
    collection->request.length = length;
    store_request_send(store, &collection->request);
}

static void drop_values(struct store *store, struct store_collection *collection)
{
    for (unsigned i = 0; i < collection->count; i++) {
        arena_free(store->arena, collection->values[i].text, collection->values[i].size);
        collection->values[i].text = NULL;
    }
}

static void start(struct store *store, struct store_collection *collection)
{
    collection->error = 0;
    collection->next = 0;
    collection->tries++;
    store_message_put(collection->start, XS_TRANSACTION_START, 0, NULL, "", 1);
    send_messages(store, collection, STARTING, collection->start, START_SIZE);
}

static void read_all(struct store *store, struct store_collection *collection)
{
    for (size_t offset = 0; offset < collection->length;) {
        struct xs_header header;

        memcpy(&header, collection->messages + offset, HEADER);
        header.tx_id = collection->tx;
        memcpy(collection->messages + offset, &header, HEADER);
        offset += HEADER + header.length;
    }
    send_messages(store, collection, READING, collection->messages, collection->length);
}

static void finish(struct store *store, struct store_collection *collection, int error)
{
    store->collections--;
    if (collection->request.reply) {
        for (unsigned i = 0; i < collection->count; i++)
            collection->texts[i] = collection->values[i].text;
        collection->done(collection->request.context, error, error ? NULL : collection->texts);
    }
    drop_values(store, collection);
    arena_free(store->arena, collection, collection->size);
}

/* Keep a value; what is no text of the length wanted becomes STORE_NO_TEXT. */
static void keep(struct store *store, struct store_collection *collection, const char *data,
                 size_t length)
{
    struct value *value = &collection->values[collection->next];

    if (length > collection->longest || memchr(data, '\0', length)) {
        data = STORE_NO_TEXT;
        length = strlen(data);
    }
    value->size = length + 1;
    value->text = arena_alloc(store->arena, value->size);
    if (!value->text) {
        collection->error = -ENOMEM;
        return;
    }
    memcpy(value->text, data, length);
    value->text[length] = '\0';
}

static void answer(struct store *store, struct store_request *request, bool ended, int error,
                   const char *data, size_t length)
{
    struct store_collection *collection = LIST_ENTRY(request, struct store_collection, request);

    if (ended) {
        finish(store, collection, error);
        return;
    }
    switch (collection->phase) {
    case STARTING:
        if (!error && (!wire_number(data, UINT32_MAX, &collection->tx) || !collection->tx))
            error = -EIO;
        if (error)
            finish(store, collection, error);
        else
            read_all(store, collection);
        return;
    case READING:
        if (!error && !collection->error)
            keep(store, collection, data, length);
        else if (error && error != -ENOENT && error != -EACCES && !collection->error)
            collection->error = error;
        collection->next++;
        if (request->next == request->length) {
            store_message_put(collection->end, XS_TRANSACTION_END, collection->tx,
                              collection->error ? "F" : "T", NULL, 0);
            send_messages(store, collection, ENDING, collection->end, END_SIZE);
        }
        return;
    case ENDING:
        if (collection->error)
            error = collection->error;
        if (error == -EAGAIN && collection->tries <= STORE_RETRIES_MAX) {
            drop_values(store, collection);
            start(store, collection);
        } else {
            finish(store, collection, error);
        }
        return;
    }
}

/* Bytes of all messages; 0: a path is not valid. */
static size_t messages_size(const char *const *paths, unsigned count)
{
    size_t size = 0;

    for (unsigned i = 0; i < count; i++) {
        size_t message = store_message_size(paths[i], 0);

        if (!message)
            return 0;
        size += message;
    }
    return size;
}

int store_collect(struct store *store, const char *const *paths, unsigned count, unsigned longest,
                  store_collect_fn *done, void *context)
{
    size_t length = count <= STORE_COLLECT_MAX ? messages_size(paths, count) : 0;
    size_t tables = count * (sizeof(struct value) + sizeof(char *)), size;
    struct store_collection *collection;
    uint8_t *at;

    if (store->ended)
        return store->ended;
    if (!length)
        return -EINVAL;
    if (store->collections >= STORE_COLLECTIONS_MAX)
        return -ENOMEM;
    /* The tables are behind the messages, aligned. */
    size = (sizeof(*collection) + length + 7) / 8 * 8 + tables;
    collection = arena_zalloc(store->arena, size);
    if (!collection)
        return -ENOMEM;
    collection->size = size;
    collection->length = length;
    collection->count = count;
    collection->longest = longest;
    collection->values = (struct value *)(void *)((uint8_t *)collection + size - tables);
    collection->texts = (const char **)(void *)(collection->values + count);
    list_init(&collection->request.queue);
    collection->request.answer = answer;
    collection->request.reply = somebody;
    collection->request.context = context;
    collection->done = done;
    at = collection->messages;
    for (unsigned i = 0; i < count; i++) {
        store_message_put(at, XS_READ, 0, paths[i], NULL, 0);
        at += store_message_size(paths[i], 0);
    }
    store->collections++;
    start(store, collection);
    return 0;
}
