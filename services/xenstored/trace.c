/* SPDX-License-Identifier: ISC */
#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <hv/time.h>

#include "history.h"
#include "path.h"
#include "request.h"

/* A trace gets this much memory, or an eighth of what is free; with less than the least, none. */
#define RING_SIZE  (256U * 1024)
#define RING_LEAST (16U * 1024)

int trace_begin(struct xenstored *xs, struct trace *trace, bool any)
{
    size_t size = arena_bytes_free(xs->arena) / 8;
    unsigned traces = 0;

    list_init(&trace->all);
    list_for_each (item, &xs->traces)
        traces++;
    if (traces >= TRACES_MAX)
        return -EBUSY;
    if (size > RING_SIZE)
        size = RING_SIZE;
    trace->ring = size >= RING_LEAST ? arena_alloc(xs->arena, size) : NULL;
    if (!trace->ring)
        return -ENOMEM;
    trace->size = size;
    trace->any = any;
    list_append(&xs->traces, &trace->all);
    xs->tracing++;
    return 0;
}

void trace_end(struct xenstored *xs, struct trace *trace)
{
    if (!trace->ring)
        return;
    list_remove(&trace->all);
    arena_free(xs->arena, trace->ring, trace->size);
    trace->ring = NULL;
    xs->tracing--;
}

void trace_log(struct xenstored *xs, bool on)
{
    if (on != xs->log_requests)
        xs->tracing += on ? 1U : -1U;
    xs->log_requests = on;
}

/* Append bytes behind the used ones; there is room. */
static void put(struct trace *trace, const void *data, size_t length)
{
    size_t at = (trace->head + trace->used) % trace->size, first = trace->size - at;

    if (first > length)
        first = length;
    memcpy(trace->ring + at, data, first);
    memcpy(trace->ring, (const uint8_t *)data + first, length - first);
    trace->used += length;
}

static void get(struct trace *trace, void *data, size_t length)
{
    size_t first = trace->size - trace->head;

    if (first > length)
        first = length;
    memcpy(data, trace->ring + trace->head, first);
    memcpy((uint8_t *)data + first, trace->ring, length - first);
    trace->head = (trace->head + length) % trace->size;
    trace->used -= length;
}

bool trace_take(struct trace *trace, struct trace_record *record, char path[TRACE_PATH_MAX + 1],
                uint8_t argument[TRACE_ARGUMENT_MAX])
{
    if (!trace->used) {
        trace->woken = false;
        return false;
    }
    get(trace, record, sizeof(*record));
    get(trace, path, record->path_length);
    path[record->path_length] = '\0';
    get(trace, argument, record->argument_length);
    return true;
}

static bool wanted(const struct trace *trace, domid_t domid)
{
    return trace->any ||
           (domid < HV_DOMID_FIRST_RESERVED && (trace->domids[domid / 8] >> domid % 8 & 1));
}

static void record_all(struct xenstored *xs, struct trace_record *record, const char *path,
                       const void *argument)
{
    size_t size = sizeof(*record) + record->path_length + record->argument_length;

    record->time = hv_wallclock(xs->hv);
    list_for_each (item, &xs->traces) {
        struct trace *trace = LIST_ENTRY(item, struct trace, all);

        if (!wanted(trace, record->domid))
            continue;
        if (size > trace->size - trace->used) {
            trace->lost++;
            continue;
        }
        record->lost = trace->lost;
        trace->lost = 0;
        put(trace, record, sizeof(*record));
        put(trace, path, record->path_length);
        put(trace, argument, record->argument_length);
    }
}

static void log_request(struct xenstored *xs, const struct connection *connection,
                        const struct xs_header *header, const char *payload,
                        const struct reply *reply)
{
    const char *name = request_name(header->type);

    log_write(xs->log, LOG_DEBUG, "domain %u tx %u %s %s: %s", connection->subject.domid,
              header->tx_id, name ? name : "unknown", payload,
              reply->type == XS_ERROR ? reply->data : "OK");
}

void trace_request(struct xenstored *xs, const struct connection *connection,
                   const struct xs_header *header, const char *payload, const struct reply *reply,
                   uint64_t began)
{
    struct trace_record record = {
        .kind = TRACE_REQUEST,
        .domid = connection->subject.domid,
        .port = connection->event.port,
        .transaction = header->tx_id,
        .request_id = header->req_id,
        .type = header->type,
        .duration = hv_now(xs->hv) - began,
    };
    char path[PATH_SIZE];
    size_t rest = header->length, first = strnlen(payload, rest);

    if (xs->log_requests)
        log_request(xs, connection, header, payload, reply);
    if (list_empty(&xs->traces))
        return;
    path[0] = '\0';
    if (request_has_path(header->type) &&
        path_canonical(payload, connection->subject.domid, true, path)) {
        record.path_length = (uint16_t)strlen(path);
        first += first < rest;
        payload += first;
        rest -= first;
    }
    record.length = (uint32_t)rest;
    record.argument_length = (uint16_t)(rest < TRACE_ARGUMENT_MAX ? rest : TRACE_ARGUMENT_MAX);
    snprintf(record.result, sizeof(record.result), "%.12s",
             reply->type == XS_ERROR ? reply->data : "OK");
    record_all(xs, &record, path, payload);
}

void trace_event(struct xenstored *xs, const struct output *output)
{
    const struct connection *connection = output->connection;
    const char *path = (const char *)output->data + sizeof(struct xs_header);
    size_t path_length = strlen(path);
    const char *token = path + path_length + 1;
    size_t length = strlen(token);
    struct trace_record record = {
        .kind = TRACE_EVENT,
        .domid = connection->subject.domid,
        .port = connection->event.port,
        .path_length = (uint16_t)path_length,
        .argument_length = (uint16_t)(length < TRACE_ARGUMENT_MAX ? length : TRACE_ARGUMENT_MAX),
    };

    /* The service's own watches are nobody's business. */
    if (connection->ring)
        record_all(xs, &record, path, token);
}

void trace_commit(struct xenstored *xs, const struct connection *connection, uint32_t transaction,
                  uint32_t count, int error)
{
    struct trace_record record = {
        .kind = TRACE_COMMIT,
        .domid = connection->subject.domid,
        .port = connection->event.port,
        .transaction = transaction,
        .count = count,
        .version = error ? 0 : history_newest(xs),
    };

    snprintf(record.result, sizeof(record.result), "%.12s", error ? wire_error_name(-error) : "OK");
    record_all(xs, &record, "", "");
}

void trace_wake(struct xenstored *xs)
{
    list_for_each_safe (item, after, &xs->traces) {
        struct trace *trace = LIST_ENTRY(item, struct trace, all);

        if (!trace->used || trace->woken)
            continue;
        trace->woken = true;
        trace->wake(trace);
    }
}
