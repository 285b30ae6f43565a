/* SPDX-License-Identifier: ISC */
/*
 * A ring of bytes; positions count all bytes ever. A record lies in one piece: where it does not
 * fit before the end, a length of 0 says so (or there is no room for that) and it begins at 0.
 */
#include "ended.h"

#include <errno.h>
#include <string.h>

#include "record.h"

struct ended {
    struct arena *arena;
    struct list streams;
    size_t size;                          /* a multiple of 8 */
    struct ended_position oldest, newest; /* newest: behind it */
    uint8_t bytes[];
};

struct ended *ended_create(struct arena *arena, size_t bytes)
{
    struct ended *ended;

    bytes &= ~(size_t)7;
    HV_ASSERT(bytes >= 4 * FLOW_RECORD_MAX);
    ended = arena_alloc(arena, sizeof(*ended) + bytes);
    if (!ended)
        return NULL;
    memset(ended, 0, sizeof(*ended));
    ended->arena = arena;
    ended->size = bytes;
    ended->oldest.sequence = ended->newest.sequence = 1;
    list_init(&ended->streams);
    return ended;
}

void ended_destroy(struct ended *ended)
{
    HV_ASSERT(list_empty(&ended->streams));
    arena_free(ended->arena, ended, sizeof(*ended) + ended->size);
}

/* The length of the record at *@at, which is moved over a gap at the ring's end. */
static size_t length_at(const struct ended *ended, uint64_t *at)
{
    uint16_t length = 0;
    size_t offset = *at % ended->size;

    memcpy(&length, ended->bytes + offset, sizeof(length));
    if (length)
        return length;
    *at += ended->size - offset;
    memcpy(&length, ended->bytes, sizeof(length));
    return length;
}

/* Make room for what reaches up to @end. */
static void give_way(struct ended *ended, uint64_t end)
{
    while (ended->oldest.sequence != ended->newest.sequence &&
           end - ended->oldest.at > ended->size) {
        size_t length = length_at(ended, &ended->oldest.at);

        ended->oldest.at += length;
        ended->oldest.sequence++;
    }
    if (ended->oldest.sequence == ended->newest.sequence)
        ended->oldest.at = ended->newest.at;
}

/* --- streams ------------------------------------------------------------------------------------
 */

struct ended_stream {
    struct control_stream stream;
    struct ended *ended;
    struct list all;
    struct ended_position position;
};

static void wake(struct ended *ended)
{
    list_for_each (item, &ended->streams)
        control_stream_wake(&LIST_ENTRY(item, struct ended_stream, all)->stream);
}

void ended_add(struct ended *ended, const struct engine *engine, const struct flow *flow)
{
    uint8_t record[FLOW_RECORD_MAX];
    const size_t length = record_put(engine, flow, record);
    const size_t rest = ended->size - ended->newest.at % ended->size;
    uint64_t at = ended->newest.at + (rest < length ? rest : 0);

    give_way(ended, at + length);
    if (at != ended->newest.at)
        memset(ended->bytes + (ended->size - rest), 0, sizeof(uint16_t));
    memcpy(ended->bytes + at % ended->size, record, length);
    if (ended->oldest.sequence == ended->newest.sequence)
        ended->oldest.at = at;
    ended->newest.at = at + length;
    ended->newest.sequence++;
    wake(ended);
}

struct ended_position ended_newest(const struct ended *ended)
{
    return ended->newest;
}

struct ended_position ended_find(const struct ended *ended, uint64_t sequence)
{
    struct ended_position position = ended->oldest;

    if (sequence >= ended->newest.sequence)
        return ended->newest;
    while (position.sequence < sequence) {
        size_t length = length_at(ended, &position.at);

        position.at += length;
        position.sequence++;
    }
    return position;
}

size_t ended_next(const struct ended *ended, struct ended_position *position,
                  const uint8_t **record, uint64_t *lost)
{
    size_t length;

    *lost = 0;
    if (position->sequence < ended->oldest.sequence) {
        *lost = ended->oldest.sequence - position->sequence;
        *position = ended->oldest;
    }
    if (position->sequence == ended->newest.sequence)
        return 0;
    length = length_at(ended, &position->at);
    *record = ended->bytes + position->at % ended->size;
    position->at += length;
    position->sequence++;
    return length;
}

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct ended_stream *reader = LIST_ENTRY(stream, struct ended_stream, stream);
    unsigned count = 0;

    for (;;) {
        struct ended_position next = reader->position;
        const uint8_t *record;
        uint64_t lost;
        size_t length = ended_next(reader->ended, &next, &record, &lost);

        if (!length || control_room(item) < length + 32)
            break;
        if (!count)
            control_put_number(item, CONTROL_F_SEQUENCE, next.sequence - 1);
        if (lost)
            control_put_number(item, CONTROL_F_LOST, lost);
        control_put_bytes(item, CONTROL_F_FLOW, record, length);
        reader->position = next;
        count++;
    }
    return count ? CONTROL_FILL_FRAME : CONTROL_FILL_WAIT;
}

static void release(struct control_stream *stream)
{
    struct ended_stream *reader = LIST_ENTRY(stream, struct ended_stream, stream);

    list_remove(&reader->all);
    arena_free(reader->ended->arena, reader, sizeof(*reader));
}

int ended_handle(struct ended *ended, struct control_request *request)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    struct ended_stream *reader = arena_zalloc(ended->arena, sizeof(*reader));
    struct control_field field;
    int error;

    if (!reader)
        return -ENOMEM;
    reader->ended = ended;
    reader->position = control_find(&request->fields, CONTROL_F_SEQUENCE, &field)
                           ? ended_find(ended, field.number)
                           : ended_newest(ended);
    error = control_stream_start(request, &reader->stream, &type);
    if (error) {
        arena_free(ended->arena, reader, sizeof(*reader));
        return error;
    }
    list_append(&ended->streams, &reader->all);
    return CONTROL_STREAMING;
}
