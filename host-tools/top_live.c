/* SPDX-License-Identifier: ISC */
/* `atoll top` of a monitor that runs: asked for all of it once a second. */
#include "exit_codes.h"
#include "top_source.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct live {
    struct top_source source;
    struct monitor_call *call;
    struct top_model *model;
    uint64_t frames, time; /* of the look before */
    bool follow;
    uint64_t gone; /* report_now_ns() of when its end was seen; 0: it is there */
};

static void take_series(const struct control_reader *port, uint16_t tag, uint32_t *series)
{
    struct control_field field;

    if (!control_find(port, tag, &field))
        return;
    for (unsigned i = 0; i < TOP_HISTORY && 4 * (i + 1) <= field.length; i++) {
        const uint8_t *at = field.value + 4 * i;

        series[i] =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    }
}

static int take_port(void *context, const struct control_reader *fields)
{
    struct live *live = context;
    struct control_reader port;
    struct control_field group;
    struct top_port_row *row;

    if (!control_find(fields, CONTROL_F_PORT, &group))
        return 0;
    row = top_ports_add(live->model);
    if (!row)
        return 0;
    control_read_group(&port, &group);
    monitor_port_read(&port, &row->id);
    row->bytes_out = control_number(&port, CONTROL_F_BYTES_OUT, 0);
    row->bytes_in = control_number(&port, CONTROL_F_BYTES_IN, 0);
    row->frames_out = control_number(&port, CONTROL_F_FRAMES_OUT, 0);
    row->frames_in = control_number(&port, CONTROL_F_FRAMES_IN, 0);
    row->flows = control_number(&port, CONTROL_F_FLOWS, 0);
    take_series(&port, CONTROL_F_SECONDS_OUT, row->out);
    take_series(&port, CONTROL_F_SECONDS_IN, row->in);
    return 0;
}

static int take_flows(void *context, const struct control_reader *fields)
{
    struct control_reader reader = {.data = fields->data, .length = fields->length};
    struct live *live = context;
    struct control_field field;
    struct flow_view flow;

    while (control_next(&reader, &field)) {
        if (field.tag != CONTROL_F_FLOW)
            continue;
        for (size_t at = 0, length; at < field.length; at += length) {
            length = flow_view(field.value + at, field.length - at, &flow);
            if (!length)
                break;
            top_flows_take(live->model, &flow);
        }
    }
    return 0;
}

static int take_alert(void *context, const struct control_reader *fields)
{
    struct live *live = context;
    struct control_reader alert;
    struct control_field group;

    if (!control_find(fields, CONTROL_F_ALERT, &group))
        return 0;
    control_read_group(&alert, &group);
    top_alerts_add(live->model, &alert);
    return 0;
}

static int ask_ports(struct live *live)
{
    struct control_writer *w = control_client_begin(live->call->client, CONTROL_T_MONITOR_PORTS);

    control_put_number(w, CONTROL_F_SERIES, 1);
    top_ports_clear(live->model);
    return monitor_stream(live->call, false, take_port, live);
}

static int ask_alerts(struct live *live)
{
    struct control_writer *w = control_client_begin(live->call->client, CONTROL_T_MONITOR_ALERTS);

    control_put_number(w, CONTROL_F_LIMIT, TOP_ALERTS_MAX);
    top_alerts_clear(live->model);
    return monitor_stream(live->call, false, take_alert, live);
}

static int ask_flows(struct live *live)
{
    int rc;

    control_client_begin(live->call->client, CONTROL_T_MONITOR_FLOWS);
    top_flows_begin(live->model);
    rc = monitor_stream(live->call, false, take_flows, live);
    top_flows_end(live->model);
    return rc;
}

static void set_rate(struct live *live)
{
    struct top_model *model = live->model;

    if (live->time && model->time > live->time && model->state.frames >= live->frames)
        model->frame_rate = (model->state.frames - live->frames) * 1000 /
                            ((model->time - live->time) / 1000000u + 1);
    live->time = model->time;
    live->frames = model->state.frames;
}

static int look(struct live *live, bool flows)
{
    struct top_model *model = live->model;
    int rc = monitor_ask_state(live->call, &model->state);
    if (!rc)
        set_rate(live);
    if (!rc)
        rc = ask_ports(live);
    if (!rc)
        rc = ask_alerts(live);
    if (!rc && flows)
        rc = ask_flows(live);
    return rc;
}

/* What it counts begins anew. */
static void greet(struct live *live)
{
    if (live->follow)
        control_client_expect_end(live->call->client);
    live->gone = live->time = 0;
    live->model->trouble[0] = '\0';
}

/* What was seen last stays on the screen. */
static void miss(struct live *live)
{
    struct top_model *model = live->model;

    if (!live->gone)
        live->gone = report_now_ns();
    model->frame_rate = 0;
    snprintf(model->trouble, sizeof(model->trouble),
             "%.60s is gone for %llu s; waiting for its successor", live->call->settings->name,
             (unsigned long long)((report_now_ns() - live->gone) / 1000000000u));
}

static int poll_live(struct top_source *source, struct top_model *model, bool flows)
{
    struct live *live = (struct live *)source;
    struct timespec now;
    int rc = 0;

    live->model = model;
    clock_gettime(CLOCK_REALTIME, &now);
    model->time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    if (!live->call->client) {
        rc = monitor_try_reopen(live->call);
        if (!rc)
            greet(live);
    }
    if (!rc)
        rc = look(live, flows);
    if (rc != ATOLL_NOT_RUNNING || !live->follow)
        return rc;
    control_client_close(live->call->client);
    live->call->client = NULL;
    miss(live);
    return 0;
}

static void close_live(struct top_source *source)
{
    free(source);
}

int top_live_open(struct monitor_call *call, bool follow, struct top_source **source)
{
    struct live *live = calloc(1, sizeof(*live));

    if (!live)
        return report_fail(&call->session.report, ATOLL_FAILURE, "out of memory");
    live->source = (struct top_source){.poll = poll_live, .close = close_live};
    live->call = call;
    live->follow = follow;
    if (follow)
        control_client_expect_end(call->client);
    *source = &live->source;
    return 0;
}
