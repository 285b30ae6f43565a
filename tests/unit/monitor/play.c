/* SPDX-License-Identifier: ISC */
#include "play.h"

#include <stdlib.h>
#include <string.h>

static void note_ended(void *context, const struct flow *flow)
{
    struct play *play = context;

    play->ended[play->ended_count++ % PLAY_ENDED] = *flow;
    for (unsigned i = 0; i < 2; i++) {
        play->frames += flow->side[i].frames;
        play->bytes += flow->side[i].bytes;
    }
    ck_assert(flow->end != FLOW_LIVE && flow->end <= FLOW_EVICTED);
    ck_assert(flow->first <= flow->last);
    ck_assert_uint_gt(flow->side[0].frames + flow->side[1].frames, 0);
}

static void note_alert(void *context, const struct alert *alert)
{
    struct play *play = context;

    play->alerts++;
    play->alert = *alert;
}

struct play *play_make(uint32_t flows, bool file)
{
    struct play *play = calloc(1, sizeof(*play));
    size_t size;

    engine_defaults(&play->config, 0);
    play->config.key = (struct hash_key){0x0706050403020100, 0x0f0e0d0c0b0a0908};
    play->config.flows = flows;
    play->config.applications = flows / 4;
    play->config.file = file;
    play->config.ended = note_ended;
    play->config.alert = note_alert;
    play->config.context = play;
    size = engine_size(&play->config);
    play->memory = aligned_alloc(64, size);
    memset(play->memory, 0, size);
    play->engine = engine_create(play->memory, size, &play->config);
    ck_assert_ptr_nonnull(play->engine);
    play->now = PLAY_START;
    return play;
}

void play_end(struct play *play)
{
    struct engine_counters counters;

    engine_flush(play->engine);
    counters = play_counters(play);
    ck_assert_uint_eq(counters.flows_live, 0);
    ck_assert_uint_eq(counters.applications_live, 0);
    ck_assert_uint_eq(play->frames + counters.flows_refused + counters.copies, play->given);
    ck_assert_uint_eq(play_live(play), 0);
    free(play->memory);
    free(play);
}

/* -- frames */

static unsigned put16(uint8_t *data, unsigned value)
{
    data[0] = (uint8_t)(value >> 8);
    data[1] = (uint8_t)value;
    return 2;
}

static unsigned put32(uint8_t *data, uint32_t value)
{
    put16(data, value >> 16);
    put16(data + 2, value & 0xffff);
    return 4;
}

static void put_mac(uint8_t *data, uint32_t given, uint32_t made)
{
    put16(data, 0x0200);
    put32(data + 2, given ? given : made);
}

static unsigned put_transport(const struct play_frame *frame, uint8_t *data)
{
    if (frame->protocol == 6) {
        put16(data, frame->from);
        put16(data + 2, frame->to);
        put32(data + 4, frame->sequence);
        put32(data + 8, frame->acknowledgment);
        data[12] = 0x50;
        data[13] = frame->flags;
        return 20 + frame->payload;
    }
    if (frame->protocol == 17) {
        put16(data, frame->from);
        put16(data + 2, frame->to);
        put16(data + 4, 8 + frame->payload);
        return 8 + frame->payload;
    }
    put16(data, frame->from);
    put16(data + 4, frame->to);
    return 8 + frame->payload;
}

static unsigned put_arp(const struct play_frame *frame, uint8_t *data)
{
    put16(data, 1);
    put16(data + 2, 0x0800);
    data[4] = 6;
    data[5] = 4;
    put16(data + 6, frame->from);
    put_mac(data + 8, frame->mac_from, frame->source);
    put32(data + 14, frame->source);
    put32(data + 24, frame->destination);
    return 28;
}

unsigned play_bytes(const struct play_frame *frame, uint8_t *data)
{
    unsigned length;

    memset(data, 0, 2048);
    put_mac(data, frame->mac_to, frame->destination);
    put_mac(data + 6, frame->mac_from, frame->source);
    if (frame->family == 4) {
        put16(data + 12, 0x0800);
        data[14] = 0x45;
        length = 20 + put_transport(frame, data + 34);
        put16(data + 16, length);
        data[22] = 64;
        data[23] = frame->protocol;
        put32(data + 26, frame->source);
        put32(data + 30, frame->destination);
    } else if (frame->family == 6) {
        put16(data + 12, 0x86dd);
        data[14] = 0x60;
        length = put_transport(frame, data + 54);
        put16(data + 18, length);
        data[20] = frame->protocol;
        data[21] = 64;
        put16(data + 22, 0x2001);
        put32(data + 34, frame->source);
        put16(data + 38, 0x2001);
        put32(data + 50, frame->destination);
        length += 40;
    } else if (frame->family == 1) {
        put16(data + 12, 0x0806);
        length = put_arp(frame, data + 14);
    } else {
        put16(data + 12, 0x88cc);
        length = 46;
    }
    return 14 + length;
}

void play_flush(struct play *play)
{
    engine_frames(play->engine, play->waiting, play->later);
    play->later = 0;
}

void play_later(struct play *play, const struct play_frame *frame)
{
    uint8_t *data = play->waiting_data[play->later];
    const uint32_t length = play_bytes(frame, data);

    play->waiting[play->later++] = (struct engine_frame){
        .time = play->now,
        .data = data,
        .captured = length,
        .length = length,
        .port = frame->port,
        .vid = frame->vid,
        .egress = frame->egress,
    };
    play->given++;
    play->given_bytes += length;
    if (play->later == sizeof(play->waiting) / sizeof(play->waiting[0]))
        play_flush(play);
}

void play_give(struct play *play, const struct play_frame *frame)
{
    ck_assert_uint_eq(play->later, 0);
    play_later(play, frame);
    play_flush(play);
}

void play_udp(struct play *play, uint16_t port, uint32_t source, uint32_t destination,
              uint16_t from, uint16_t to)
{
    play_give(play, &(struct play_frame){.family = 4,
                                         .protocol = 17,
                                         .port = port,
                                         .source = source,
                                         .destination = destination,
                                         .from = from,
                                         .to = to,
                                         .payload = 10});
}

void play_wait(struct play *play, uint64_t ns)
{
    unsigned calls = 0;

    play->now += ns;
    while (engine_time(play->engine, play->now))
        ck_assert_uint_lt(calls++, 100000);
}

/* -- what it says */

unsigned play_live(const struct play *play)
{
    uint32_t cursor = 0;
    unsigned count = 0;

    while (engine_next_flow(play->engine, &cursor))
        count++;
    ck_assert_uint_eq(count, play_counters(play).flows_live);
    return count;
}

const struct flow *play_find(const struct play *play, uint32_t source, uint16_t from)
{
    const struct flow *flow, *found = NULL;
    uint8_t address[4];
    uint32_t cursor = 0;

    put32(address, source);
    while ((flow = engine_next_flow(play->engine, &cursor)) != NULL) {
        const uint8_t *own = flow->key.address[0] + (flow->key.family == 6 ? 12 : 0);

        if (memcmp(own, address, 4) == 0 && flow->key.port[0] == from) {
            ck_assert_ptr_null(found);
            found = flow;
        }
    }
    return found;
}

const struct flow *play_last(const struct play *play)
{
    ck_assert_uint_gt(play->ended_count, 0);
    return &play->ended[(play->ended_count - 1) % PLAY_ENDED];
}

struct engine_counters play_counters(const struct play *play)
{
    struct engine_counters counters;

    engine_counters(play->engine, &counters);
    return counters;
}

void play_port(struct play *play, uint16_t port, uint16_t domid)
{
    struct engine_identity who = {.domid = domid, .identified = true, .bridge = "xenbr0"};

    who.uuid[0] = (uint8_t)domid;
    who.uuid[1] = (uint8_t)(domid >> 8);
    who.mac[0] = 2;
    memcpy(who.guest, "guest", 5);
    engine_port(play->engine, port, &who);
}
