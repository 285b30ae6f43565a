/* SPDX-License-Identifier: ISC */
/*
 * `atoll top -r`: a capture that is played in its own time, through the same engine that the
 * monitor has. Who sends from a MAC of his own is a port.
 */
#include "capture_reader.h"
#include "common/flow_wire.h"
#include "common/hash.h"
#include "services/monitor/engine.h"
#include "services/monitor/record.h"
#include "top_source.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define MEMORY    (48u << 20)
#define PORTS     512u  /* MACs that are told apart; what others send is the last one's */
#define TABLE     2048u /* places of their table */
#define LINE_SIZE 300

struct replay {
    struct top_source source;
    struct report *report;
    struct capture_reader *reader;
    struct top_model *model; /* while the engine runs */
    struct engine *engine;
    void *memory;
    struct hash_key key;
    double speed;           /* 0: at once */
    uint64_t began;         /* when it began to play; CLOCK_MONOTONIC */
    uint64_t first, newest; /* of the frames */
    bool ended;
    struct engine_frame frames[ENGINE_BURST]; /* read, from @ref at on not yet shown */
    int count, at;
    uint8_t macs[PORTS][6];
    uint16_t table[TABLE]; /* by a MAC's hash: numbers of ports from 1 on */
    unsigned ports;
    uint64_t frames_before, time_before;
    uint64_t flows_time; /* of the last look at the flows */
};

static void alert(void *context, const struct alert *alert)
{
    struct replay *replay = context;
    char text[300];

    snprintf(text, sizeof(text), "%s: %s", alert_name((enum alert_kind)alert->kind),
             alert->evidence);
    top_alerts_add_text(replay->model, alert->time, alert->severity, text);
}

static void name_port(const struct replay *replay, unsigned port, char *text, size_t size)
{
    const uint8_t *mac = replay->macs[port - 1];

    if (port == PORTS)
        snprintf(text, size, "(others)");
    else
        snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                 mac[4], mac[5]);
}

/* The port of a frame's sender. */
static uint16_t port_of(struct replay *replay, const struct engine_frame *frame)
{
    struct engine_identity identity = {0};
    const uint8_t *mac = frame->data + 6;
    size_t at;

    if (frame->captured < 12)
        return PORTS;
    at = hash_bytes(&replay->key, mac, 6) % TABLE;
    while (replay->table[at] && memcmp(replay->macs[replay->table[at] - 1], mac, 6) != 0)
        at = (at + 1) % TABLE;
    if (replay->table[at])
        return replay->table[at];
    if (replay->ports + 1 == PORTS)
        return PORTS;
    memcpy(replay->macs[replay->ports], mac, 6);
    replay->table[at] = (uint16_t)++replay->ports;
    memcpy(identity.mac, mac, 6);
    identity.vif = (uint16_t)replay->ports; /* what tells identities apart */
    name_port(replay, replay->ports, identity.guest, sizeof(identity.guest));
    engine_port(replay->engine, (uint16_t)replay->ports, &identity);
    return (uint16_t)replay->ports;
}

/* More frames. False: that was all. */
static bool fill(struct replay *replay)
{
    char error[LINE_SIZE];

    replay->at = 0;
    replay->count = capture_read(replay->reader, replay->frames, error, sizeof(error));
    if (replay->count < 0)
        snprintf(replay->model->trouble, sizeof(replay->model->trouble), "%.199s", error);
    for (int i = 0; i < replay->count; i++)
        replay->frames[i].port = port_of(replay, &replay->frames[i]);
    replay->ended = replay->count <= 0;
    return !replay->ended;
}

/* Show the engine what was there until @time. */
static void play(struct replay *replay, uint64_t time)
{
    while (replay->at < replay->count || fill(replay)) {
        int until = replay->at;

        while (until < replay->count && replay->frames[until].time <= time)
            until++;
        if (until > replay->at)
            replay->newest = replay->frames[until - 1].time;
        engine_frames(replay->engine, replay->frames + replay->at, (unsigned)(until - replay->at));
        replay->at = until;
        if (until < replay->count)
            return;
    }
}

static void show_ports(struct replay *replay, struct top_model *model)
{
    const struct top *top = engine_top(replay->engine);

    top_ports_clear(model);
    for (unsigned port = 1; port <= PORTS; port++) {
        const uint16_t identity = port <= replay->ports || port == PORTS
                                      ? engine_port_identity(replay->engine, (uint16_t)port)
                                      : 0;
        const struct top_port *totals = identity ? top_port(top, identity) : NULL;
        const bool any = totals && (port < PORTS || totals->frames_out);
        struct top_port_row *row = any ? top_ports_add(model) : NULL;

        if (!row)
            continue;
        name_port(replay, port, row->id.name, sizeof(row->id.name));
        memcpy(row->id.mac, replay->macs[port - 1], 6);
        row->bytes_out = totals->bytes_out;
        row->bytes_in = totals->bytes_in;
        row->frames_out = totals->frames_out;
        row->frames_in = totals->frames_in;
        row->flows = totals->flows;
        for (unsigned back = 0; back < TOP_HISTORY; back++) {
            row->out[back] = (uint32_t)top_second(top, identity, true, back + 1);
            row->in[back] = (uint32_t)top_second(top, identity, false, back + 1);
        }
    }
}

static void show_flows(struct replay *replay, struct top_model *model)
{
    uint8_t data[FLOW_RECORD_MAX];
    const struct flow *flow;
    struct flow_view view;
    uint32_t cursor = 0;

    top_flows_begin(model);
    while ((flow = engine_next_flow(replay->engine, &cursor)) != NULL) {
        if (flow_view(data, record_put(replay->engine, flow, data), &view))
            top_flows_take(model, &view);
    }
    top_flows_end(model);
}

static void show_state(struct replay *replay, struct top_model *model)
{
    struct engine_counters counters;

    engine_counters(replay->engine, &counters);
    model->state = (struct monitor_state){
        .frames = counters.frames,
        .flows = counters.flows_live,
        .evicted = counters.flows_ended[FLOW_EVICTED],
        .refused = counters.flows_refused,
    };
    if (replay->time_before && model->time > replay->time_before)
        model->frame_rate = (counters.frames - replay->frames_before) * 1000 /
                            ((model->time - replay->time_before) / 1000000u + 1);
    if (model->time != replay->time_before) {
        replay->time_before = model->time;
        replay->frames_before = counters.frames;
    }
}

static int poll_replay(struct top_source *source, struct top_model *model, bool flows)
{
    struct replay *replay = (struct replay *)source;
    uint64_t time = UINT64_MAX;

    replay->model = model;
    if (!replay->first && fill(replay)) {
        replay->first = replay->frames[0].time;
        replay->began = report_now_ns();
    }
    if (replay->speed > 0)
        time =
            replay->first + (uint64_t)((double)(report_now_ns() - replay->began) * replay->speed);
    if (!replay->ended)
        play(replay, time);
    /* A silence in the capture is one here as well. */
    model->time = replay->ended || time == UINT64_MAX ? replay->newest : time;
    model->ended = replay->ended;
    for (unsigned i = 0; i < 1000 && engine_time(replay->engine, model->time); i++) {
    }
    show_state(replay, model);
    show_ports(replay, model);
    /* At its end time stands still. */
    if (flows && model->time != replay->flows_time) {
        replay->flows_time = model->time;
        show_flows(replay, model);
    }
    return 0;
}

static void close_replay(struct top_source *source)
{
    struct replay *replay = (struct replay *)source;

    if (replay->reader)
        capture_close(replay->reader);
    free(replay->memory);
    free(replay);
}

static int make_engine(struct replay *replay)
{
    struct engine_config config = {0};
    size_t size;

    if (getrandom(&replay->key, sizeof(replay->key), 0) != sizeof(replay->key))
        return -1;
    engine_defaults(&config, MEMORY);
    config.key = replay->key;
    config.alert = alert;
    config.context = replay;
    size = engine_size(&config);
    replay->memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
    if (!replay->memory)
        return -1;
    memset(replay->memory, 0, size);
    replay->engine = engine_create(replay->memory, size, &config);
    if (!replay->engine)
        return -1;
    engine_port(replay->engine, PORTS, &(struct engine_identity){.guest = "(others)"});
    return 0;
}

int top_replay_open(struct report *r, const char *file, double speed, struct top_source **source)
{
    struct replay *replay = calloc(1, sizeof(*replay));
    char error[LINE_SIZE];
    int rc = 0;

    if (!replay)
        return report_fail(r, ATOLL_FAILURE, "out of memory");
    replay->source = (struct top_source){.poll = poll_replay, .close = close_replay};
    replay->report = r;
    replay->speed = speed;
    replay->reader = capture_open(file, error, sizeof(error));
    if (!replay->reader)
        rc = report_fail(r, ATOLL_FAILURE, "%s", error);
    else if (make_engine(replay))
        rc = report_fail(r, ATOLL_FAILURE, "out of memory");
    if (rc)
        close_replay(&replay->source);
    else
        *source = &replay->source;
    return rc;
}
