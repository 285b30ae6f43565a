/* SPDX-License-Identifier: ISC */
#include "remote.h"

#include <errno.h>

#include "request.h"
#include "trace.h"

struct trace_stream {
    struct control_stream stream;
    struct xenstored *xs;
    struct trace trace;
};

static void wake(struct trace *trace)
{
    control_stream_wake(&LIST_ENTRY(trace, struct trace_stream, trace)->stream);
}

/* A type that is none has a number for a name. */
static void put_operation(struct control_writer *item, uint32_t type)
{
    const char *name = request_name(type);

    if (name)
        control_put_string(item, CONTROL_F_OPERATION, name);
    else
        control_put_format(item, CONTROL_F_OPERATION, "%u", type);
}

static void put_request(struct control_writer *item, const struct trace_record *record,
                        const uint8_t *argument)
{
    put_operation(item, record->type);
    control_put_number(item, CONTROL_F_REQUEST_ID, record->request_id);
    control_put_bytes(item, CONTROL_F_ARGUMENT, argument, record->argument_length);
    control_put_number(item, CONTROL_F_LENGTH, record->length);
    control_put_string(item, CONTROL_F_RESULT, record->result);
    control_put_number(item, CONTROL_F_DURATION, record->duration);
}

static void put_commit(struct control_writer *item, const struct trace_record *record)
{
    control_put_number(item, CONTROL_F_COUNT, record->count);
    control_put_string(item, CONTROL_F_RESULT, record->result);
    if (record->version)
        control_put_number(item, CONTROL_F_VERSION, record->version);
}

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    static const char *const kinds[] = {
        [TRACE_REQUEST] = "request", [TRACE_EVENT] = "event", [TRACE_COMMIT] = "commit"};
    struct trace_stream *reader = LIST_ENTRY(stream, struct trace_stream, stream);
    struct trace_record record;
    char path[TRACE_PATH_MAX + 1];
    uint8_t argument[TRACE_ARGUMENT_MAX];

    if (!trace_take(&reader->trace, &record, path, argument))
        return CONTROL_FILL_WAIT;
    if (record.lost)
        control_put_number(item, CONTROL_F_LOST, record.lost);
    control_put_string(item, CONTROL_F_KIND, kinds[record.kind]);
    control_put_number(item, CONTROL_F_TIME, record.time);
    control_put_number(item, CONTROL_F_DOMID, record.domid);
    control_put_number(item, CONTROL_F_CONNECTION, record.port);
    if (record.transaction)
        control_put_number(item, CONTROL_F_TRANSACTION, record.transaction);
    if (record.path_length)
        control_put_string(item, CONTROL_F_PATH, path);
    if (record.kind == TRACE_REQUEST)
        put_request(item, &record, argument);
    else if (record.kind == TRACE_EVENT)
        remote_put_text(item, CONTROL_F_TOKEN, argument, record.argument_length);
    else
        put_commit(item, &record);
    return CONTROL_FILL_FRAME;
}

static void release(struct control_stream *stream)
{
    struct trace_stream *reader = LIST_ENTRY(stream, struct trace_stream, stream);
    struct xenstored *xs = reader->xs;

    trace_end(xs, &reader->trace);
    arena_free(xs->arena, reader, sizeof(*reader));
}

/* The domains that are asked for, none if it is all. -EINVAL: no domain can have such a number. */
static int read_domids(struct control_request *request, struct trace *trace, bool *any)
{
    struct control_field field;

    *any = true;
    while (control_next(&request->fields, &field)) {
        if (field.tag != CONTROL_F_DOMID)
            continue;
        if (field.number >= HV_DOMID_FIRST_RESERVED) {
            control_request_error(request, "domain numbers are below %u", HV_DOMID_FIRST_RESERVED);
            return -EINVAL;
        }
        trace->domids[field.number / 8] |= (uint8_t)(1U << field.number % 8);
        *any = false;
    }
    return 0;
}

static int begin(struct xenstored *xs, struct control_request *request, struct trace_stream *reader)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    bool any;
    int error = read_domids(request, &reader->trace, &any);

    if (error)
        return error;
    error = trace_begin(xs, &reader->trace, any);
    if (error) {
        if (error == -EBUSY)
            control_request_error(request, "%u traces are under way, more are not allowed",
                                  TRACES_MAX);
        else
            control_request_error(request, "XenStore's memory is too short for a trace");
        return error;
    }
    return control_stream_start(request, &reader->stream, &type);
}

static int handle_trace(void *context, struct control_request *request,
                        struct control_writer *reply)
{
    struct xenstored *xs = remote_xs(context);
    struct trace_stream *reader = arena_zalloc(xs->arena, sizeof(*reader));
    int error;

    if (!reader)
        return -ENOMEM;
    reader->xs = xs;
    reader->trace.wake = wake;
    error = begin(xs, request, reader);
    if (!error)
        return CONTROL_STREAMING;
    trace_end(xs, &reader->trace);
    arena_free(xs->arena, reader, sizeof(*reader));
    return error;
}

static const struct control_handler handlers[] = {{CONTROL_T_STORE_TRACE, handle_trace}};

const struct remote_part remote_trace = {
    .handlers = handlers,
    .handler_count = sizeof(handlers) / sizeof(handlers[0]),
};
