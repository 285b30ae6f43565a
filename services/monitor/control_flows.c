/* SPDX-License-Identifier: ISC */
/* MONITOR_FLOWS: a walk over the flows that live. */
#include <errno.h>

#include "control.h"
#include "record.h"

struct flows_stream {
    struct control_stream stream;
    struct monitor *monitor;
    uint32_t cursor;
};

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct flows_stream *walk = LIST_ENTRY(stream, struct flows_stream, stream);
    const struct engine *engine = walk->monitor->engine;
    uint8_t record[FLOW_RECORD_MAX];
    bool any = false;

    while (control_room(item) >= FLOW_RECORD_MAX) {
        const struct flow *flow = engine_next_flow(engine, &walk->cursor);

        if (!flow && any)
            break;
        if (!flow) {
            /* What is told is not all that there was. */
            control_put_number(item, CONTROL_F_LOST, walk->monitor->lost);
            return CONTROL_FILL_END;
        }
        control_put_bytes(item, CONTROL_F_FLOW, record, record_put(engine, flow, record));
        any = true;
    }
    return CONTROL_FILL_FRAME;
}

static void release(struct control_stream *stream)
{
    struct flows_stream *walk = LIST_ENTRY(stream, struct flows_stream, stream);

    arena_free(walk->monitor->arena, walk, sizeof(*walk));
}

int monitor_flows(void *context, struct control_request *request, struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    struct monitor *monitor = control_monitor(context);
    struct flows_stream *walk = arena_zalloc(monitor->arena, sizeof(*walk));
    int error;

    (void)reply;
    if (!walk)
        return -ENOMEM;
    walk->monitor = monitor;
    error = control_stream_start(request, &walk->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    arena_free(monitor->arena, walk, sizeof(*walk));
    return error;
}
