/* SPDX-License-Identifier: ISC */
/*
 * The monitor's engine on any frames, with a table of 16 flows, ports that come, change and go, and
 * times that jump. Each frame is counted in one flow, whatever became of that; records of flows can
 * be read; a walk shows each flow once; alerts are sentences.
 *
 * Input, again and again: a byte that says port (0x07), how much time passes before (0x70, one of
 * eight), and whether it is on its way out (0x08); with 0x80 there is no frame, but a byte that
 * says what happens instead: a port is somebody (0 and up), is gone (0x40), time passes alone
 * (0x80), limits change (0xc0). Else a byte that says how long the frame is (0xff: the rest), one
 * that says how much longer it was than what was captured, and the frame.
 */
#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "services/monitor/engine.h"
#include "services/monitor/record.h"

#define SECOND UINT64_C(1000000000)
#define FLOWS  16U
#define PAGE   4096U

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct state {
    struct engine *engine;
    struct engine_config config;
    uint64_t now;
    uint64_t given, frames, bytes, ended_bytes;
};

static void check_flow(const struct state *state, const struct flow *flow)
{
    uint8_t data[FLOW_RECORD_MAX];
    struct flow_view view;
    const size_t length = record_put(state->engine, flow, data);

    MUST(length <= sizeof(data) && flow_view(data, length, &view) == length);
    MUST(view.record.end == flow->end && flow->first <= flow->last);
}

static void ended(void *context, const struct flow *flow)
{
    struct state *state = context;

    check_flow(state, flow);
    MUST(flow->end != FLOW_LIVE);
    for (unsigned i = 0; i < 2; i++) {
        state->frames += flow->side[i].frames;
        state->ended_bytes += flow->side[i].bytes;
    }
}

static void alert(void *context, const struct alert *alert)
{
    MUST(alert->kind < ALERT_KINDS && alert->identity < ENGINE_IDENTITIES);
    MUST(memchr(alert->evidence, 0, sizeof(alert->evidence)));
    for (const char *c = alert->evidence; *c; c++)
        MUST(*c >= ' ' && *c <= '~');
}

static void check(const struct state *state)
{
    const struct flow *flow, *seen[FLOWS];
    struct engine_counters counters;
    uint64_t live_bytes = 0, live = 0;
    uint32_t cursor = 0;
    unsigned count = 0;

    while ((flow = engine_next_flow(state->engine, &cursor)) != NULL) {
        MUST(count < FLOWS);
        for (unsigned i = 0; i < count; i++)
            MUST(seen[i] != flow && memcmp(&seen[i]->key, &flow->key, sizeof(flow->key)) != 0);
        seen[count++] = flow;
        check_flow(state, flow);
        live += flow->side[0].frames + flow->side[1].frames;
        live_bytes += flow->side[0].bytes + flow->side[1].bytes;
    }
    engine_counters(state->engine, &counters);
    MUST(counters.flows_live == count);
    MUST(counters.frames + counters.copies == state->given);
    MUST(counters.frames == state->frames + live + counters.flows_refused);
    MUST(counters.flows_refused != 0 || counters.bytes == state->ended_bytes + live_bytes);
}

static void happen(struct state *state, uint16_t port, uint8_t what)
{
    struct engine_identity who = {.domid = what & 7, .bridge = "b", .uplink = (what & 63) == 7};

    switch (what >> 6) {
    case 0:
        who.identified = what & 8;
        who.uuid[0] = what & 16;
        who.bridge[0] = what & 32 ? 'b' : 'c';
        memset(who.guest, 'g', sizeof(who.guest)); /* a long one, without an end */
        engine_port(state->engine, port, &who);
        break;
    case 1:
        engine_port(state->engine, port, NULL);
        break;
    case 2:
        engine_time(state->engine, state->now);
        break;
    default:
        state->config.idle = what & 7;
        state->config.closed = what >> 3 & 7;
        engine_configure(state->engine, &state->config);
    }
}

static void give(struct state *state, struct input *input, uint16_t port, bool egress)
{
    size_t length = input_byte(input);
    const uint32_t more = input_byte(input);
    struct engine_frame frame = {.time = state->now, .port = port, .egress = egress};
    uint8_t *data;

    if (length == 0xff || length > (size_t)(input->end - input->at))
        length = (size_t)(input->end - input->at);
    data = malloc(length ? length : 1);
    if (length != 0)
        memcpy(data, input->at, length);
    input->at += length;
    frame.data = data;
    frame.captured = (uint32_t)length;
    frame.length = frame.captured + more;
    engine_frames(state->engine, &frame, 1);
    state->given++;
    free(data);
}

/* Most of the engine's memory is never touched: pages that come zeroed when they are. What follows
 * is no memory. */
static void *take(size_t needed, size_t *all)
{
    uint8_t *pages;

    *all = (needed + PAGE - 1) / PAGE * PAGE + PAGE;
    pages = mmap(NULL, *all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(pages != MAP_FAILED && mprotect(pages + *all - PAGE, PAGE, PROT_NONE) == 0);
    return pages + *all - PAGE - needed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t pauses[8] = {0,          1000,        SECOND / 100, SECOND,
                                       6 * SECOND, 61 * SECOND, 301 * SECOND, 100000 * SECOND};
    struct input input = {data, data + size};
    struct state state = {.now = 1700000000 * SECOND};
    size_t needed, all;
    void *memory;

    engine_defaults(&state.config, 0);
    state.config.key = (struct hash_key){1, 2};
    state.config.flows = FLOWS;
    state.config.applications = 4;
    state.config.ended = ended;
    state.config.alert = alert;
    state.config.context = &state;
    state.config.file = size != 0 && data[size - 1] & 1;
    needed = (engine_size(&state.config) + 63) / 64 * 64;
    memory = take(needed, &all);
    state.engine = engine_create(memory, needed, &state.config);
    MUST(state.engine);
    while (!input_empty(&input)) {
        const uint8_t head = input_byte(&input);

        state.now += pauses[head >> 4 & 7];
        if (head & 0x80)
            happen(&state, head & 7, input_byte(&input));
        else
            give(&state, &input, head & 7, (head & 8) && !state.config.file);
        check(&state);
    }
    engine_flush(state.engine);
    check(&state);
    munmap((void *)((uintptr_t)memory / PAGE * PAGE), all);
    return 0;
}
