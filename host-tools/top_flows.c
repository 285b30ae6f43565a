/* SPDX-License-Identifier: ISC */
#include "top_flows.h"
#include "common/hash.h"
#include "flow_text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TABLE (2 * (size_t)TOP_FLOWS_MAX)

/* A flow at a look. */
struct known {
    uint64_t hash; /* of what tells it apart; 0: none */
    uint64_t bytes[2];
};

struct top_flows {
    struct hash_key key;
    struct known *now, *before; /* tables of TABLE places */
    size_t count;
    uint64_t time, time_before; /* of the looks; 0: there was none */
};

struct top_flows *top_flows_create(void)
{
    struct top_flows *flows = calloc(1, sizeof(*flows));

    if (!flows)
        return NULL;
    flows->now = calloc(TABLE, sizeof(*flows->now));
    flows->before = calloc(TABLE, sizeof(*flows->before));
    if (getrandom(&flows->key, sizeof(flows->key), GRND_NONBLOCK) < 0)
        flows->key = (struct hash_key){1, 2};
    if (flows->now && flows->before)
        return flows;
    top_flows_free(flows);
    return NULL;
}

void top_flows_free(struct top_flows *flows)
{
    if (!flows)
        return;
    free(flows->now);
    free(flows->before);
    free(flows);
}

static struct known *find(struct known *table, uint64_t hash)
{
    size_t at = hash & (TABLE - 1);

    while (table[at].hash && table[at].hash != hash)
        at = (at + 1) & (TABLE - 1);
    return &table[at];
}

static uint64_t hash_flow(const struct top_flows *flows, const struct flow_record *r)
{
    struct {
        uint8_t address[2][16];
        uint64_t first;
        uint16_t port[2], vid[2], ethertype;
        uint8_t family, protocol, mac[2][6];
    } id;

    memset(&id, 0, sizeof(id));
    for (unsigned i = 0; i < 2; i++) {
        memcpy(id.address[i], r->side[i].address, 16);
        memcpy(id.mac[i], r->side[i].mac, 6);
        id.port[i] = r->side[i].port;
        id.vid[i] = r->vid[i];
    }
    id.first = r->first;
    id.ethertype = r->ethertype;
    id.family = r->family;
    id.protocol = r->protocol;
    return hash_bytes(&flows->key, &id, sizeof(id)) | 1;
}

void top_flows_begin(struct top_model *model)
{
    struct top_flows *flows = model->flows;
    struct known *spare = flows->before;

    flows->before = flows->now;
    flows->now = spare;
    memset(flows->now, 0, TABLE * sizeof(*flows->now));
    flows->time_before = flows->time;
    flows->time = model->time;
    flows->count = 0;
    model->flows_cut = false;
    for (unsigned i = 0; i < TOP_LISTS; i++) {
        struct top_key_list *list = &model->lists[i];

        for (size_t j = 0; j < list->count; j++) {
            struct top_key_row *row = &list->rows[j];

            memmove(row->history + 1, row->history, sizeof(row->history) - sizeof(row->history[0]));
            row->bytes = row->frames = row->flows = row->rate = 0;
            row->seen = false;
        }
    }
}

static struct top_key_row *row_of(struct top_model *model, enum top_list_kind kind,
                                  const char *text)
{
    struct top_key_list *list = &model->lists[kind];
    char key[TOP_KEY];
    size_t at;

    snprintf(key, sizeof(key), "%.*s", (int)sizeof(key) - 1, text);
    at = hash_bytes(&model->flows->key, key, strlen(key)) % (2 * TOP_KEYS_MAX);
    while (list->table[at] && strcmp(list->rows[list->table[at] - 1].key, key) != 0)
        at = (at + 1) % (2 * TOP_KEYS_MAX);
    if (!list->table[at]) {
        if (list->count == TOP_KEYS_MAX) {
            model->flows_cut = true;
            return NULL;
        }
        memset(&list->rows[list->count], 0, sizeof(list->rows[0]));
        memcpy(list->rows[list->count].key, key, sizeof(key));
        list->table[at] = (uint32_t)++list->count;
    }
    return &list->rows[list->table[at] - 1];
}

/* @delta: bytes since the look before. */
static void add(struct top_model *model, enum top_list_kind kind, const char *key,
                const struct flow_record *r, uint64_t delta)
{
    struct top_key_row *row = row_of(model, kind, key);

    if (!row)
        return;
    row->bytes += flow_bytes(r);
    row->frames += flow_frames(r);
    row->flows++;
    row->rate += delta;
    row->seen = true;
}

void top_flows_take(struct top_model *model, const struct flow_view *flow)
{
    const struct flow_record *r = &flow->record;
    struct top_flows *flows = model->flows;
    const uint64_t hash = hash_flow(flows, r);
    struct known *now, *before = find(flows->before, hash);
    char key[2][FLOW_TEXT];
    uint64_t delta = 0;
    size_t used;

    if (flows->count == TOP_FLOWS_MAX) {
        model->flows_cut = true;
        return;
    }
    now = find(flows->now, hash);
    flows->count += !now->hash;
    now->hash = hash;
    for (unsigned i = 0; i < 2; i++) {
        now->bytes[i] = r->side[i].bytes;
        /* Of one that is new all is new; of the first look nothing is known. */
        if (flows->time_before)
            delta += now->bytes[i] > before->bytes[i] ? now->bytes[i] - before->bytes[i] : 0;
    }
    for (unsigned i = 0; i < 2; i++)
        flow_address(flow, i, key[i], sizeof(key[i]));
    add(model, TOP_TALKERS, key[0], r, delta);
    if (strcmp(key[0], key[1]) != 0)
        add(model, TOP_TALKERS, key[1], r, delta);
    flow_protocol(r, key[0], sizeof(key[0]));
    used = strlen(key[0]);
    if (flow_has_ports(r->protocol) && r->family != 1)
        snprintf(key[0] + used, sizeof(key[0]) - used, "/%u", r->side[1].port);
    add(model, TOP_SERVICES, key[0], r, delta);
    if (r->name_length)
        add(model, TOP_NAMES, flow_escape(flow->name, r->name_length, key[0], sizeof(key[0])), r,
            delta);
}

/* Take out what has had nothing for as long as is shown. */
static void forget(struct top_model *model, struct top_key_list *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        bool any = list->rows[i].seen;

        for (unsigned j = 0; j < TOP_HISTORY && !any; j++)
            any = list->rows[i].history[j] != 0;
        if (any) {
            if (kept != i)
                list->rows[kept] = list->rows[i];
            kept++;
        }
    }
    if (kept == list->count)
        return;
    list->count = kept;
    memset(list->table, 0, 2 * (size_t)TOP_KEYS_MAX * sizeof(*list->table));
    for (size_t i = 0; i < kept; i++) {
        const char *key = list->rows[i].key;
        size_t at = hash_bytes(&model->flows->key, key, strlen(key)) % (2 * TOP_KEYS_MAX);

        while (list->table[at])
            at = (at + 1) % (2 * TOP_KEYS_MAX);
        list->table[at] = (uint32_t)i + 1;
    }
}

void top_flows_end(struct top_model *model)
{
    const struct top_flows *flows = model->flows;
    const uint64_t ms = flows->time > flows->time_before && flows->time_before
                            ? (flows->time - flows->time_before) / 1000000u
                            : 0;

    for (unsigned i = 0; i < TOP_LISTS; i++) {
        struct top_key_list *list = &model->lists[i];

        for (size_t j = 0; j < list->count; j++) {
            struct top_key_row *row = &list->rows[j];

            row->rate = ms ? row->rate * 1000 / ms : 0;
            row->history[0] = row->rate > UINT32_MAX ? UINT32_MAX : (uint32_t)row->rate;
        }
        forget(model, list);
    }
}
