/* SPDX-License-Identifier: ISC */
/*
 * The whole state over the control protocol: STORE_DUMP and STORE_LOAD.
 */
#include "remote.h"

#include <errno.h>
#include <inttypes.h>

#include "history.h"
#include "migration.h"
#include "recorder.h"

/* Bytes of the stream in a frame. */
#define DATA_SIZE 4000U

struct dump_stream {
    struct control_stream stream;
    struct xenstored *xs;
    struct migration_dump *dump;
};

static enum control_fill fill_dump(struct control_stream *stream, struct control_writer *item)
{
    struct dump_stream *dump = LIST_ENTRY(stream, struct dump_stream, stream);
    uint8_t data[DATA_SIZE];
    long length = migration_dump_read(dump->dump, data, sizeof(data));

    if (length < 0) {
        control_stream_error(stream, (int)length, "XenStore's memory is too short to go on");
        return CONTROL_FILL_ERROR;
    }
    if (!length)
        return CONTROL_FILL_END;
    control_put_bytes(item, CONTROL_F_DATA, data, (size_t)length);
    return CONTROL_FILL_FRAME;
}

static void release_dump(struct control_stream *stream)
{
    struct dump_stream *dump = LIST_ENTRY(stream, struct dump_stream, stream);

    migration_dump_end(dump->dump);
    arena_free(dump->xs->arena, dump, sizeof(*dump));
}

static int no_memory(struct control_request *request)
{
    control_request_error(request, "XenStore's memory is too short for it");
    return -ENOMEM;
}

static int handle_dump(void *context, struct control_request *request, struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill_dump, .release = release_dump};
    struct xenstored *xs = remote_xs(context);
    struct dump_stream *dump = arena_zalloc(xs->arena, sizeof(*dump));
    int error;

    if (!dump)
        return no_memory(request);
    dump->xs = xs;
    dump->dump = migration_dump_begin(xs);
    if (!dump->dump) {
        arena_free(xs->arena, dump, sizeof(*dump));
        return no_memory(request);
    }
    error = control_stream_start(request, &dump->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    release_dump(&dump->stream);
    return error;
}

struct load_stream {
    struct control_stream stream;
    struct xenstored *xs;
    struct migration_load *load;
};

static int say_problem(struct load_stream *load, int error)
{
    uint64_t offset;
    const char *problem = migration_load_problem(load->load, &offset);

    if (error == -EINVAL && problem)
        control_stream_error(&load->stream, error,
                             "not a stream to load: %s (record at byte %" PRIu64 ")", problem,
                             offset);
    else
        control_stream_error(&load->stream, error, "XenStore's memory is too short for it");
    return error;
}

static void put_result(const struct migration_result *result, struct control_writer *reply)
{
    control_put_number(reply, CONTROL_F_NODES, result->nodes);
    control_put_number(reply, CONTROL_F_COUNT, result->changed);
    control_put_number(reply, CONTROL_F_CONNECTIONS, result->connections);
    control_put_number(reply, CONTROL_F_WATCHES, result->watches);
    if (result->connections_not_restored || result->watches_not_restored || result->others)
        control_put_format(reply, CONTROL_F_TEXT,
                           "not restored: %" PRIu64 " connections, %" PRIu64 " watches, %" PRIu64
                           " records of transactions or of unknown types",
                           result->connections_not_restored, result->watches_not_restored,
                           result->others);
}

static int take_data(struct control_stream *stream, const void *data, size_t length,
                     struct control_writer *reply)
{
    struct load_stream *load = LIST_ENTRY(stream, struct load_stream, stream);
    struct migration_result result;
    int error = data ? migration_load_data(load->load, data, length)
                     : migration_load_finish(load->load, &result);

    if (error)
        return say_problem(load, error);
    if (!data) {
        recorder_changed(load->xs);
        recorder_sync(load->xs);
        put_result(&result, reply);
        if (history_newest(load->xs))
            control_put_number(reply, CONTROL_F_VERSION, history_newest(load->xs));
    }
    return 0;
}

static void release_load(struct control_stream *stream)
{
    struct load_stream *load = LIST_ENTRY(stream, struct load_stream, stream);

    migration_load_end(load->load);
    arena_free(load->xs->arena, load, sizeof(*load));
}

/* An upload has no items. */
static enum control_fill fill_load(struct control_stream *stream, struct control_writer *item)
{
    return CONTROL_FILL_WAIT;
}

static int handle_load(void *context, struct control_request *request, struct control_writer *reply)
{
    static const struct control_stream_type type = {
        .fill = fill_load, .data = take_data, .release = release_load};
    struct xenstored *xs = remote_xs(context);
    struct load_stream *load = arena_zalloc(xs->arena, sizeof(*load));
    int error;

    if (!load)
        return no_memory(request);
    load->xs = xs;
    load->load = migration_load_begin(xs);
    if (!load->load) {
        arena_free(xs->arena, load, sizeof(*load));
        return no_memory(request);
    }
    error = control_stream_start(request, &load->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    release_load(&load->stream);
    return error;
}

static const struct control_handler handlers[] = {
    {CONTROL_T_STORE_DUMP, handle_dump},
    {CONTROL_T_STORE_LOAD, handle_load},
};

const struct remote_part remote_stream = {
    .handlers = handlers,
    .handler_count = sizeof(handlers) / sizeof(handlers[0]),
};
