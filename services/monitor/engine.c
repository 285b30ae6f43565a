/* SPDX-License-Identifier: ISC */
#include "engine_state.h"

#include <string.h>

/* Datagrams in fragments that are known at a time. */
#define FRAGMENTS 1024U
/* Flows, at least: the wheel and the buckets make no sense with less. */
#define FLOWS_LEAST 16U
/* One in so many flows may have names, if nobody says otherwise. */
#define FLOWS_A_NAME 8U
/* Steps of one engine_time(). */
#define TIME_STEPS 1024U

static size_t aligned(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

static uint32_t flows_of(const struct engine_config *config)
{
    return config->flows > FLOWS_LEAST ? config->flows : FLOWS_LEAST;
}

size_t engine_size(const struct engine_config *config)
{
    const uint32_t identities = engine_identities(config);
    size_t size = aligned(sizeof(struct engine));

    size += table_size(flows_of(config), identities);
    size += fragments_size(FRAGMENTS) + 63;
    size += aligned(alerts_size(identities));
    size += aligned(config->applications * sizeof(struct flow_application));
    size += aligned(identities * sizeof(uint32_t));
    if (!config->file)
        size += aligned(identities_size(identities)) + aligned(macs_size(identities)) +
                top_size(identities);
    return size;
}

void engine_defaults(struct engine_config *config, size_t memory)
{
    uint32_t least = 0, most = UINT32_C(1) << 26;

    config->idle = 60;
    config->active = 300;
    config->closed = 5;
    alert_limits_default(&config->limits);
    while (least < most) {
        const uint32_t flows = least + (most - least + 1) / 2;

        config->flows = flows;
        config->applications = flows / FLOWS_A_NAME;
        if (engine_size(config) <= memory)
            least = flows;
        else
            most = flows - 1;
    }
    config->flows = least;
    config->applications = least / FLOWS_A_NAME;
}

static void tell_alert(void *context, const struct alert *alert)
{
    struct engine *engine = context;

    if (engine->config.alert)
        engine->config.alert(engine->config.context, alert);
}

struct engine *engine_create(void *memory, size_t size, const struct engine_config *config)
{
    const uint32_t identities = engine_identities(config);
    struct engine *engine = memory;
    uint8_t *at = (uint8_t *)memory + aligned(sizeof(*engine));

    if (size < engine_size(config))
        return NULL;
    engine->config = *config;
    engine->config.flows = flows_of(config);
    engine->sweep = TABLE_NONE;
    table_begin(&engine->table, at, engine->config.flows, identities, &config->key);
    at += table_size(engine->config.flows, identities);
    expiry_create(&engine->expiry, engine->table.flows);
    expiry_configure(&engine->expiry, config->idle, config->active, config->closed);
    engine->fragments = fragments_create(at, FRAGMENTS, &config->key);
    at += aligned(fragments_size(FRAGMENTS));
    engine->alerts = alerts_create(at, identities, &config->limits, hash_word(&config->key, 1),
                                   tell_alert, engine);
    at += aligned(alerts_size(identities));
    engine->applications = (struct flow_application *)at;
    at += aligned(config->applications * sizeof(struct flow_application));
    engine->applications_held = (uint32_t *)at;
    at += aligned(identities * sizeof(uint32_t));
    if (!config->file) {
        identities_create(&engine->identities, at, identities);
        at += aligned(identities_size(identities));
        macs_create(&engine->macs, at, &config->key);
        at += aligned(macs_size(identities));
        top_create(&engine->top, at, identities);
    }
    return engine;
}

void engine_configure(struct engine *engine, const struct engine_config *config)
{
    engine->config.idle = config->idle;
    engine->config.active = config->active;
    engine->config.closed = config->closed;
    engine->config.egress = config->egress;
    engine->config.limits = config->limits;
    expiry_configure(&engine->expiry, config->idle, config->active, config->closed);
    engine->sweep = 0;
    alerts_configure(engine->alerts, &config->limits);
}

/* Who has not sent anything yet is known by the MAC that its vif was given; not where another port
 * sends with it. */
static void expect_mac(struct engine *engine, uint16_t number, const uint8_t mac[6])
{
    static const uint8_t none[6];
    const uint16_t lan = engine->identities.slots[number].lan;

    if (mac[0] & 1 || memcmp(mac, none, sizeof(none)) == 0)
        return;
    if (macs_find(&engine->macs, mac, lan, 0) == 0)
        macs_learn(&engine->macs, mac, lan, 0, number, engine->now);
}

void engine_port(struct engine *engine, uint16_t port, const struct engine_identity *identity)
{
    struct identities_change change;

    if (engine->config.file)
        return;
    change = identities_port(&engine->identities, port, identity);
    if (change.left != 0)
        macs_forget(&engine->macs, change.left);
    if (change.begun != 0) {
        top_forget(&engine->top, change.begun);
        alerts_forget(engine->alerts, change.begun);
    }
    if (identity && identities_of(&engine->identities, port) != 0)
        expect_mac(engine, identities_of(&engine->identities, port), identity->mac);
}

bool engine_time(struct engine *engine, uint64_t now)
{
    engine_advance(engine, now);
    return engine_expire(engine, TIME_STEPS);
}

void engine_flush(struct engine *engine)
{
    uint32_t index = 0;

    while ((index = table_next(&engine->table, index)) != TABLE_NONE)
        engine_end(engine, index,
                   engine->table.flows[index].state & FLOW_CLOSED ? FLOW_TCP_END : FLOW_FORCED);
}

const struct flow *engine_next_flow(const struct engine *engine, uint32_t *cursor)
{
    const uint32_t index = table_next(&engine->table, *cursor);

    if (index == TABLE_NONE)
        return NULL;
    *cursor = index + 1;
    return &engine->table.flows[index];
}

const struct engine_identity *engine_identity(const struct engine *engine, uint16_t identity)
{
    static const struct engine_identity nobody;

    if (engine->config.file || identity == 0 || identity >= engine->identities.count)
        return &nobody;
    return &engine->identities.slots[identity].who;
}

uint16_t engine_port_identity(const struct engine *engine, uint16_t port)
{
    return engine->config.file ? 0 : identities_of(&engine->identities, port);
}

const struct top *engine_top(const struct engine *engine)
{
    return &engine->top;
}

void engine_counters(const struct engine *engine, struct engine_counters *counters)
{
    const struct fragment_counters *fragments = fragments_counters(engine->fragments);

    *counters = engine->counters;
    counters->fragments = fragments->matched + fragments->unmatched;
    counters->fragments_matched = fragments->matched;
    counters->flows_live = engine->table.count;
    counters->flows_highest = engine->table.highest;
    counters->alerts = alerts_told(engine->alerts);
    counters->alerts_suppressed = alerts_suppressed(engine->alerts);
    counters->identities_refused = engine->identities.refused;
}
