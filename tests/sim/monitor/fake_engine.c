/* SPDX-License-Identifier: ISC */
#include "fake_engine.h"

#include <stdio.h>
#include <string.h>

void engine_defaults(struct engine_config *config, size_t memory)
{
    memset(config, 0, sizeof(*config));
    config->flows = (uint32_t)(memory / 1024);
    config->idle = 60;
    config->active = 300;
    config->closed = 5;
    alert_limits_default(&config->limits);
}

size_t engine_size(const struct engine_config *config)
{
    size_t flows = (size_t)config->flows * 1024;

    return flows > sizeof(struct engine) ? flows : sizeof(struct engine);
}

struct engine *engine_create(void *memory, size_t size, const struct engine_config *config)
{
    struct engine *engine = memory;

    if (size < engine_size(config))
        return NULL;
    engine->config = *config;
    return engine;
}

void engine_frames(struct engine *engine, const struct engine_frame *frames, unsigned count)
{
    engine->bursts++;
    for (unsigned i = 0; i < count; i++) {
        uint64_t number = engine->counters.frames + engine->counters.copies;
        struct fake_frame *kept = &engine->frames[number % FAKE_FRAMES];

        kept->frame = frames[i];
        kept->frame.data = kept->data;
        memset(kept->data, 0, sizeof(kept->data));
        memcpy(kept->data, frames[i].data,
               frames[i].captured < sizeof(kept->data) ? frames[i].captured : sizeof(kept->data));
        kept->identity = engine_port_identity(engine, frames[i].port);
        if (frames[i].time > engine->newest)
            engine->newest = frames[i].time;
        engine->counters.results[DECODE_OK]++;
        if (frames[i].egress) {
            engine->counters.copies++;
            continue;
        }
        engine->counters.frames++;
        engine->counters.bytes += frames[i].length;
    }
}

const struct fake_frame *fake_frame(const struct engine *engine, unsigned back)
{
    uint64_t number = engine->counters.frames + engine->counters.copies - 1 - back;

    return &engine->frames[number % FAKE_FRAMES];
}

void engine_port(struct engine *engine, uint16_t port, const struct engine_identity *identity)
{
    engine->ports_told++;
    engine->known[port] = identity != NULL;
    if (identity)
        engine->identity[port + 1] = *identity;
}

bool engine_time(struct engine *engine, uint64_t now)
{
    engine->told = now;
    return false;
}

void engine_configure(struct engine *engine, const struct engine_config *config)
{
    engine->config = *config;
}

const struct flow *engine_next_flow(const struct engine *engine, uint32_t *cursor)
{
    static struct flow flow;

    if (*cursor >= engine->flows)
        return NULL;
    flow = engine->flow;
    flow.side[0].frames = ++*cursor;
    return &flow;
}

const struct engine_identity *engine_identity(const struct engine *engine, uint16_t identity)
{
    static const struct engine_identity none;

    return identity ? &engine->identity[identity] : &none;
}

uint16_t engine_port_identity(const struct engine *engine, uint16_t port)
{
    return engine->known[port] ? (uint16_t)(port + 1) : 0;
}

const struct top *engine_top(const struct engine *engine)
{
    return (const struct top *)engine;
}

const struct top_port *top_port(const struct top *top, uint16_t identity)
{
    return identity ? &((const struct engine *)top)->totals : NULL;
}

uint64_t top_second(const struct top *top, uint16_t identity, bool out, unsigned back)
{
    (void)top;
    return identity * 1000U + out * 500U + back;
}

uint64_t top_minute(const struct top *top, uint16_t identity, bool out, unsigned back)
{
    return top_second(top, identity, out, back) << 32;
}

const char *top_class_name(unsigned class)
{
    static const char *const names[TOP_CLASSES] = {"tcp", "udp",   "icmp", "icmpv6",
                                                   "arp", "other", "none"};

    return names[class];
}

void engine_counters(const struct engine *engine, struct engine_counters *counters)
{
    *counters = engine->counters;
}

void fake_end_flow(struct engine *engine, uint32_t number)
{
    struct flow flow = engine->flow;

    flow.side[0].frames = number;
    flow.end = FLOW_IDLE;
    engine->config.ended(engine->config.context, &flow);
}

void fake_alert(struct engine *engine, uint16_t port, uint64_t number)
{
    struct alert alert = {.time = number,
                          .kind = ALERT_PORT_SCAN,
                          .severity = 4,
                          .identity = engine_port_identity(engine, port),
                          .family = 4,
                          .protocol = 6,
                          .source = {10, 0, 0, 1},
                          .value = number,
                          .limit = 100};

    snprintf(alert.evidence, sizeof(alert.evidence), "number %llu", (unsigned long long)number);
    engine->config.alert(engine->config.context, &alert);
}

/* --- alert.h ------------------------------------------------------------------------------------
 */

void alert_limits_default(struct alert_limits *limits)
{
    *limits = (struct alert_limits){.scan_ports = 100, .window = 10, .again = 300};
}

const char *alert_limits_wrong(const struct alert_limits *limits)
{
    return limits->scan_ports == 1 ? "a scan of one port is none" : NULL;
}

const char *alert_name(enum alert_kind kind)
{
    return kind == ALERT_PORT_SCAN ? "port-scan" : "other";
}
