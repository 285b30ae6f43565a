/* SPDX-License-Identifier: ISC */
#include "traffic_live.h"
#include <string.h>
#include <time.h>

#define MINUTE_NS UINT64_C(60000000000)

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* Minutes lie newest first; buckets oldest first, the last one ends with the newest whole minute.
 */
static void add_minutes(const struct control_reader *fields, uint16_t tag, const struct traffic *t,
                        uint64_t *series)
{
    struct control_field field;
    uint64_t value;

    if (!series || !control_find(fields, tag, &field))
        return;
    for (unsigned i = 0; i < TRAFFIC_BUCKETS && (i + 1) * sizeof(value) <= field.length; i++) {
        const unsigned at = TRAFFIC_BUCKETS - 1 - i;
        const uint64_t begin = t->first + at * t->bucket;

        if (begin + t->bucket <= t->since || begin > t->until)
            continue;
        memcpy(&value, field.value + i * sizeof(value), sizeof(value));
        series[at] += value;
    }
}

static int take_port(struct call *call, const struct control_reader *fields)
{
    struct traffic *t = call->context;
    struct traffic_entry *entry;
    uint64_t *series;
    char name[TRAFFIC_NAME];

    if (control_number(fields, CONTROL_F_PORT_NUMBER, UINT64_MAX) == UINT64_MAX)
        return 0; /* the end of the stream */
    call_port_name(fields, name, sizeof(name));
    entry = traffic_entry(&t->guests, name, strlen(name));
    entry->out += control_number(fields, CONTROL_F_BYTES_OUT, 0);
    entry->in += control_number(fields, CONTROL_F_BYTES_IN, 0);
    entry->bytes = entry->in + entry->out;
    entry->frames += control_number(fields, CONTROL_F_FRAMES_OUT, 0) +
                     control_number(fields, CONTROL_F_FRAMES_IN, 0);
    entry->flows += control_number(fields, CONTROL_F_FLOWS, 0);
    series = traffic_series(entry);
    add_minutes(fields, CONTROL_F_MINUTES_OUT, t, series);
    add_minutes(fields, CONTROL_F_MINUTES_IN, t, series);
    /* A frame is counted where it came in; its bytes to another port are the same ones. */
    add_minutes(fields, CONTROL_F_MINUTES_OUT, t, t->total);
    return 0;
}

static int take_flows(struct call *call, const struct control_reader *fields)
{
    struct traffic *t = call->context;
    struct control_reader reader = {.data = fields->data, .length = fields->length};
    struct control_field field;
    struct flow_view view;

    while (control_next(&reader, &field)) {
        if (field.tag != CONTROL_F_FLOW)
            continue;
        if (!flow_view(field.value, field.length, &view))
            return report_fail(&call->session.report, ATOLL_FAILURE,
                               "the monitor tells of flows in a form that this tool does not know; "
                               "do their versions fit?");
        traffic_add(t, &view);
    }
    return 0;
}

static int take_alert(struct call *call, const struct control_reader *fields)
{
    const uint64_t time = control_number(fields, CONTROL_F_TIME, 0);
    struct traffic *t = call->context;
    struct traffic_alert *alert;

    t->alerts_more += control_number(fields, CONTROL_F_LOST, 0);
    if (!time || time < t->since || time > t->until)
        return 0;
    alert = traffic_alert(t);
    alert->time = time;
    alert->severity = (unsigned)control_number(fields, CONTROL_F_LEVEL, 5);
    alert->suppressed = control_number(fields, CONTROL_F_SUPPRESSED, 0);
    control_string(fields, CONTROL_F_KIND, alert->kind, sizeof(alert->kind));
    control_string(fields, CONTROL_F_TEXT, alert->evidence, sizeof(alert->evidence));
    call_port_name(fields, alert->who, sizeof(alert->who));
    return 0;
}

static void take_losses(struct traffic *t, const struct control_reader *fields)
{
    struct control_reader reader = {.data = fields->data, .length = fields->length}, feed;
    struct control_field field;
    uint64_t lost = 0;

    while (control_next(&reader, &field)) {
        if (field.tag != CONTROL_F_FEED)
            continue;
        control_read_group(&feed, &field);
        lost += control_number(&feed, CONTROL_F_LOST, 0);
    }
    traffic_lost(t, "frames that the switch could not give to the monitor", lost);
    traffic_lost(t, "flows and frames that found no place in the monitor",
                 control_number(fields, CONTROL_F_REFUSED, 0));
}

static int ask(struct call *call, uint16_t type, uint16_t entry, call_item_fn *item)
{
    struct control_writer *request = call_begin(call, type);

    if (type == CONTROL_T_MONITOR_PORTS)
        control_put_number(request, CONTROL_F_SERIES, 2);
    return call_stream(call, entry, item);
}

int traffic_live(struct call *call, struct traffic *t)
{
    const uint64_t now = now_ns();
    struct control_answer answer;
    int rc;

    call->context = t;
    t->live = true;
    t->bucket = MINUTE_NS;
    rc = control_client_call(call->client, CONTROL_T_MONITOR_SHOW, &answer);
    if (!rc)
        take_losses(t, &answer.fields);
    /* Flows that live may have begun before the two hours that there are curves of. */
    if (!rc)
        rc = ask(call, CONTROL_T_MONITOR_FLOWS, 0, take_flows);
    t->last = now / MINUTE_NS * MINUTE_NS;
    t->first = t->last - TRAFFIC_BUCKETS * MINUTE_NS;
    if (!rc)
        rc = ask(call, CONTROL_T_MONITOR_PORTS, CONTROL_F_PORT, take_port);
    if (!rc)
        rc = ask(call, CONTROL_T_MONITOR_ALERTS, CONTROL_F_ALERT, take_alert);
    return rc;
}
