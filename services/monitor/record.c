/* SPDX-License-Identifier: ISC */
#include "record.h"

#include <string.h>

#include "application.h"

static void put_side(const struct engine *engine, const struct flow *flow, unsigned number,
                     struct flow_record_side *out)
{
    const struct flow_side *side = &flow->side[number];
    const struct engine_identity *identity = engine_identity(engine, side->identity);

    out->frames = side->frames;
    out->bytes = side->bytes;
    out->ip_bytes = side->ip_bytes;
    memcpy(out->address, flow->key.address[number], sizeof(out->address));
    out->port = flow->key.port[number];
    out->domid = side->identity ? identity->domid : UINT16_MAX;
    out->vif = identity->vif;
    memcpy(out->mac, side->mac, sizeof(out->mac));
    memcpy(out->uuid, identity->uuid, sizeof(out->uuid));
    out->tcp_flags = side->tcp_flags;
    out->tos = side->tos;
    out->flags = (uint8_t)((identity->identified ? FLOW_IDENTIFIED : 0) |
                           (identity->uplink ? FLOW_UPLINK : 0));
}

/* Behind what is there; its length, without NUL. */
static uint8_t put_text(uint8_t *data, size_t *used, const char *text)
{
    const size_t length = strlen(text);

    memcpy(data + *used, text, length);
    *used += length;
    return (uint8_t)length;
}

/* The strings are bounded where they are declared: a record is never cut. */
_Static_assert(sizeof(struct flow_record) + 2 * sizeof(((struct engine_identity *)0)->guest) +
                       sizeof(((struct engine_identity *)0)->bridge) + APPLICATION_NAME +
                       APPLICATION_DETAIL + 8 <=
                   FLOW_RECORD_MAX,
               "a record with the longest strings");

size_t record_put(const struct engine *engine, const struct flow *flow, uint8_t *data)
{
    struct flow_record record = {
        .version = FLOW_VERSION,
        .family = flow->key.family,
        .protocol = flow->key.protocol,
        .end = flow->end,
        .first = flow->first,
        .last = flow->last,
        .rtt = flow->rtt,
        .vid = {flow->key.vid[0], flow->key.vid[1]},
        .ethertype = flow->key.ethertype,
    };
    const struct flow_application *application = flow->application;
    const struct engine_identity *begun = engine_identity(engine, flow->side[0].identity);
    size_t used = sizeof(record);

    for (unsigned i = 0; i < 2; i++) {
        put_side(engine, flow, i, &record.side[i]);
        record.guest_length[i] =
            put_text(data, &used, engine_identity(engine, flow->side[i].identity)->guest);
    }
    record.bridge_length = put_text(data, &used, begun->bridge);
    if (application) {
        record.application = application->kind;
        record.type = application->type;
        record.code = application->code;
        record.answers = application->answers;
        memcpy(record.answer_family, application->answer_family, sizeof(record.answer_family));
        memcpy(record.answer, application->answer, sizeof(record.answer));
        record.name_length = put_text(data, &used, application->name);
        record.detail_length = put_text(data, &used, application->detail);
    }
    while (used % 8 != 0)
        data[used++] = 0;
    record.length = (uint16_t)used;
    memcpy(data, &record, sizeof(record));
    return used;
}
