/* SPDX-License-Identifier: ISC */
/* MONITOR_PORTS: the ports that are known now, each with its totals. */
#include <errno.h>

#include "control.h"

/* Series that go with a port. */
enum { SERIES_NONE, SERIES_SECONDS, SERIES_ALL };

struct ports_stream {
    struct control_stream stream;
    struct monitor *monitor;
    uint64_t series;
    unsigned next;
};

static void put_identity(const struct engine_identity *identity, struct control_writer *item)
{
    control_put_string(item, CONTROL_F_GUEST, identity->guest);
    if (identity->identified)
        control_put_bytes(item, CONTROL_F_UUID, identity->uuid, sizeof(identity->uuid));
    control_put_number(item, CONTROL_F_DOMID, identity->domid);
    control_put_number(item, CONTROL_F_VIF, identity->vif);
    control_put_bytes(item, CONTROL_F_MAC, identity->mac, sizeof(identity->mac));
    control_put_string(item, CONTROL_F_BRIDGE_NAME, identity->bridge);
    control_put_number(item, CONTROL_F_UPLINK, identity->uplink);
}

static void put_totals(const struct top_port *totals, struct control_writer *item)
{
    control_put_number(item, CONTROL_F_FRAMES_OUT, totals->frames_out);
    control_put_number(item, CONTROL_F_BYTES_OUT, totals->bytes_out);
    control_put_number(item, CONTROL_F_FRAMES_IN, totals->frames_in);
    control_put_number(item, CONTROL_F_BYTES_IN, totals->bytes_in);
    control_put_number(item, CONTROL_F_FLOWS, totals->flows);
    for (unsigned i = 0; i < TOP_CLASSES; i++) {
        if (!totals->class_bytes[i])
            continue;
        control_open_group(item, CONTROL_F_CLASS);
        control_put_string(item, CONTROL_F_NAME, top_class_name(i));
        control_put_number(item, CONTROL_F_COUNT, totals->class_bytes[i]);
        control_close_group(item);
    }
}

/* Of the whole seconds, the newest first. */
static void put_seconds(const struct top *top, uint16_t identity, bool out,
                        struct control_writer *item)
{
    uint32_t series[TOP_SECONDS - 1];

    for (unsigned i = 0; i < TOP_SECONDS - 1; i++) {
        uint64_t bytes = top_second(top, identity, out, i + 1);

        series[i] = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
    }
    control_put_bytes(item, out ? CONTROL_F_SECONDS_OUT : CONTROL_F_SECONDS_IN, series,
                      sizeof(series));
}

static void put_minutes(const struct top *top, uint16_t identity, bool out,
                        struct control_writer *item)
{
    uint64_t series[TOP_MINUTES - 1];

    for (unsigned i = 0; i < TOP_MINUTES - 1; i++)
        series[i] = top_minute(top, identity, out, i + 1);
    control_put_bytes(item, out ? CONTROL_F_MINUTES_OUT : CONTROL_F_MINUTES_IN, series,
                      sizeof(series));
}

static void put_port(const struct ports_stream *walk, uint16_t port, uint16_t identity,
                     struct control_writer *item)
{
    const struct engine *engine = walk->monitor->engine;
    const struct top *top = engine_top(engine);
    const struct top_port *totals = top_port(top, identity);

    control_open_group(item, CONTROL_F_PORT);
    control_put_number(item, CONTROL_F_PORT_NUMBER, port);
    control_put_string(item, CONTROL_F_NAME, walk->monitor->feeds.feed[port / FEED_PORTS].mirror);
    put_identity(engine_identity(engine, identity), item);
    if (totals)
        put_totals(totals, item);
    for (unsigned out = 0; totals && out < 2; out++) {
        if (walk->series >= SERIES_SECONDS)
            put_seconds(top, identity, out, item);
        if (walk->series >= SERIES_ALL)
            put_minutes(top, identity, out, item);
    }
    control_close_group(item);
}

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct ports_stream *walk = LIST_ENTRY(stream, struct ports_stream, stream);

    while (walk->next < FEED_PORTS_ALL) {
        uint16_t port = (uint16_t)walk->next++;
        uint16_t identity = engine_port_identity(walk->monitor->engine, port);

        if (!identity)
            continue;
        put_port(walk, port, identity, item);
        return CONTROL_FILL_FRAME;
    }
    control_put_number(item, CONTROL_F_TIME, monitor_time(walk->monitor));
    control_put_number(item, CONTROL_F_LOST, walk->monitor->lost);
    return CONTROL_FILL_END;
}

static void release(struct control_stream *stream)
{
    struct ports_stream *walk = LIST_ENTRY(stream, struct ports_stream, stream);

    arena_free(walk->monitor->arena, walk, sizeof(*walk));
}

int monitor_ports(void *context, struct control_request *request, struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    struct monitor *monitor = control_monitor(context);
    struct ports_stream *walk = arena_zalloc(monitor->arena, sizeof(*walk));
    int error;

    (void)reply;
    if (!walk)
        return -ENOMEM;
    walk->monitor = monitor;
    walk->series = control_number(&request->fields, CONTROL_F_SERIES, SERIES_NONE);
    error = control_stream_start(request, &walk->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    arena_free(monitor->arena, walk, sizeof(*walk));
    return error;
}
