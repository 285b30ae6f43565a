/* SPDX-License-Identifier: ISC */
#include "output.h"

#include <errno.h>
#include <string.h>

#include "domain.h"
#include "publish.h"
#include "recorder.h"
#include "trace.h"

#define SPARE_SIZE (sizeof(struct output) + XS_MESSAGE_MAX)

static struct output **bucket_of(struct xenstored *xs, uint64_t hash)
{
    return &xs->events[hash % EVENT_BUCKETS];
}

bool output_spare_ready(struct xenstored *xs)
{
    if (!xs->spare)
        xs->spare = arena_alloc(xs->arena, SPARE_SIZE);
    return xs->spare;
}

void output_spare_drop(struct xenstored *xs)
{
    arena_free(xs->arena, xs->spare, SPARE_SIZE);
    xs->spare = NULL;
}

static void enqueue(struct xenstored *xs, struct output *output)
{
    struct connection *connection = output->connection;

    list_append(&connection->output, &output->queue);
    connection->output_bytes += output->length;
    if (!output->event) {
        connection->output_replies++;
        domain_set_usage(connection->domain, QUOTA_OUTSTANDING, connection->output_replies);
    }
    if (list_empty(&connection->unflushed))
        list_append(&xs->unflushed, &connection->unflushed);
    recorder_queued(xs, output);
}

void output_queue_reply(struct xenstored *xs, struct connection *connection, const void *message,
                        size_t length, size_t sent)
{
    size_t left = length - sent;
    struct output *output = arena_alloc(xs->arena, sizeof(*output) + left);
    bool spare = !output;

    if (spare) {
        output = xs->spare;
        xs->spare = NULL;
    }
    *output = (struct output){.length = (uint32_t)left, .spare = spare};
    memcpy(output->data, (const uint8_t *)message + sent, left);
    output->connection = connection;
    domain_add_memory(xs, connection->domain, (long)output_size(output));
    enqueue(xs, output);
}

int output_resume(struct xenstored *xs, struct connection *connection, const uint8_t *data,
                  uint32_t length, bool partial)
{
    struct output *output = arena_alloc(xs->arena, sizeof(*output) + length);
    struct xs_header header;

    if (!output)
        return -ENOMEM;
    *output = (struct output){.connection = connection, .length = length};
    if (!partial) {
        memcpy(&header, data, sizeof(header));
        output->event = header.type == XS_WATCH_EVENT;
    }
    memcpy(output->data, data, length);
    domain_add_memory(xs, connection->domain, (long)output_size(output));
    enqueue(xs, output);
    return 0;
}

void output_unhash(struct xenstored *xs, struct output *output)
{
    struct output **link = bucket_of(xs, output->hash);

    if (!output->hashed)
        return;
    while (*link != output)
        link = &(*link)->same;
    *link = output->same;
    output->hashed = false;
}

void output_free(struct xenstored *xs, struct output *output)
{
    struct connection *connection = output->connection;

    output_unhash(xs, output);
    recorder_unqueued(output);
    list_remove(&output->queue);
    connection->output_bytes -= output->length;
    if (!output->event) {
        connection->output_replies--;
        domain_set_usage(connection->domain, QUOTA_OUTSTANDING, connection->output_replies);
    }
    domain_add_memory(xs, connection->domain, -(long)output_size(output));
    arena_free(xs->arena, output, output_size(output));
}

void output_drop_all(struct xenstored *xs, struct connection *connection)
{
    list_for_each_safe (item, after, &connection->output)
        output_free(xs, LIST_ENTRY(item, struct output, queue));
}

/* Special events count domains, so each one is sent. */
static bool may_coalesce(const struct output *output)
{
    return output->data[sizeof(struct xs_header)] != '@';
}

static bool waits_already(struct xenstored *xs, const struct output *output)
{
    const struct output *other = *bucket_of(xs, output->hash);

    for (; other; other = other->same)
        if (other->hash == output->hash && other->connection == output->connection &&
            other->length == output->length && !memcmp(other->data, output->data, other->length))
            return true;
    return false;
}

static void drop_event(struct xenstored *xs, struct connection *connection)
{
    connection->domain->events_dropped++;
    xs->events_dropped++;
    publish_event_dropped(xs, connection);
}

/*
 * An event is counted, and found by its equals, from here on: a request that causes very many
 * must not take the memory of others before it is decided.
 */
void output_add_event(struct xenstored *xs, struct work *work, struct connection *connection,
                      const char *path, const char *token)
{
    size_t path_size = strlen(path) + 1, token_size = strlen(token) + 1;
    struct xs_header header = {.type = XS_WATCH_EVENT};
    size_t size = path_size + token_size;
    struct domain *domain = connection->domain;
    struct output *output = NULL;

    if (xs->recovering) /* our predecessor has told of it, and the journal has that */
        return;
    header.length = (uint32_t)size;
    /* An event that no message can hold is left out, as upstream does (XSA-324). */
    if (size <= XS_PAYLOAD_MAX)
        output = arena_alloc(xs->arena, sizeof(*output) + sizeof(header) + size);
    if (!output) {
        drop_event(xs, connection);
        return;
    }
    *output = (struct output){
        .connection = connection,
        .length = (uint32_t)(sizeof(header) + size),
        .event = true,
    };
    memcpy(output->data, &header, sizeof(header));
    memcpy(output->data + sizeof(header), path, path_size);
    memcpy(output->data + sizeof(header) + path_size, token, token_size);
    if (may_coalesce(output))
        output->hash = hash_bytes(&xs->key, output->data, output->length) ^
                       (uint64_t)(uintptr_t)connection * UINT64_C(0x9e3779b97f4a7c15);
    if (may_coalesce(output) && waits_already(xs, output)) {
        arena_free(xs->arena, output, output_size(output));
        return;
    }
    if (domain_over_memory(xs, connection, output_size(output))) {
        arena_free(xs->arena, output, output_size(output));
        drop_event(xs, connection);
        return;
    }
    if (may_coalesce(output)) {
        output->same = *bucket_of(xs, output->hash);
        *bucket_of(xs, output->hash) = output;
        output->hashed = true;
    }
    domain_add_memory(xs, domain, (long)output_size(output));
    list_append(&work->events, &output->queue);
}

void output_queue_events(struct xenstored *xs, struct work *work)
{
    list_for_each_safe (item, after, &work->events) {
        struct output *output = LIST_ENTRY(item, struct output, queue);

        list_remove(&output->queue);
        output->connection->domain->events++;
        if (xs->tracing)
            trace_event(xs, output);
        enqueue(xs, output);
    }
}

void output_forget_events(struct xenstored *xs, struct work *work)
{
    list_for_each_safe (item, after, &work->events) {
        struct output *output = LIST_ENTRY(item, struct output, queue);

        list_remove(&output->queue);
        output_unhash(xs, output);
        domain_add_memory(xs, output->connection->domain, -(long)output_size(output));
        arena_free(xs->arena, output, output_size(output));
    }
}
