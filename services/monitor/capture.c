/* SPDX-License-Identifier: ISC */
#include "capture.h"

#include <errno.h>
#include <string.h>

#include "filter.h"

#define SNAP_WHOLE 65535U

struct capture {
    struct control_stream stream;
    struct captures *captures;
    struct list all;
    /* what is wanted */
    unsigned instructions;
    bool one_port;
    uint16_t domid, vif;
    uint32_t snap;
    uint64_t limit; /* frames; UINT64_MAX: all */
    /* what waits, a ring */
    uint64_t written, read; /* of all bytes ever */
    uint8_t *buffer;
    uint64_t missing; /* frames that found no room since the last record */
    uint64_t unseen;  /* frames that feeds have lost, to be told */
    uint64_t frames, lost;
    uint64_t told[FEED_PORTS_ALL / 64]; /* ports whose identity was told as it is now */
    struct filter_instruction program[FILTER_MAX];
};

struct captures {
    struct arena *arena;
    const struct engine *engine;
    const uint64_t *clock;
    struct list all;
    struct captures_usage usage;
};

struct captures *captures_create(struct arena *arena, const struct engine *engine,
                                 const uint64_t *clock)
{
    struct captures *captures = arena_zalloc(arena, sizeof(*captures));

    if (!captures)
        return NULL;
    captures->arena = arena;
    captures->engine = engine;
    captures->clock = clock;
    list_init(&captures->all);
    return captures;
}

void captures_destroy(struct captures *captures)
{
    HV_ASSERT(list_empty(&captures->all));
    arena_free(captures->arena, captures, sizeof(*captures));
}

bool captures_any(const struct captures *captures)
{
    return captures->usage.open != 0;
}

void captures_usage(const struct captures *captures, struct captures_usage *usage)
{
    *usage = captures->usage;
}

/* --- records ------------------------------------------------------------------------------------
 */

static struct capture *capture_of(struct list *item)
{
    return LIST_ENTRY(item, struct capture, all);
}

static size_t padded(size_t length)
{
    return (length + 7) & ~(size_t)7;
}

static size_t room(const struct capture *capture)
{
    return CAPTURE_BUFFER - (size_t)(capture->written - capture->read);
}

/* Bytes for which there is room. */
static void put(struct capture *capture, const void *data, size_t length)
{
    size_t at = capture->written % CAPTURE_BUFFER;
    size_t first = CAPTURE_BUFFER - at < length ? CAPTURE_BUFFER - at : length;

    memcpy(capture->buffer + at, data, first);
    memcpy(capture->buffer, (const uint8_t *)data + first, length - first);
    capture->written += length;
}

static void pad(struct capture *capture, size_t length)
{
    static const uint8_t zeros[8];

    put(capture, zeros, padded(length) - length);
}

static bool is_told(const struct capture *capture, uint16_t port)
{
    return capture->told[port / 64] >> (port % 64) & 1;
}

/* Is there an identity to tell before a frame of this port? */
static bool to_be_told(const struct capture *capture, uint16_t port)
{
    return !is_told(capture, port) && engine_port_identity(capture->captures->engine, port) != 0;
}

static void put_hello(struct capture *capture)
{
    const struct mirror_hello hello = {
        .record = {.length = sizeof(hello), .kind = MIRROR_HELLO},
        .version = MIRROR_VERSION,
        .snap = capture->snap,
        .started = *capture->captures->clock,
    };

    put(capture, &hello, sizeof(hello));
}

static const struct engine_identity *identity_of(const struct capture *capture, uint16_t port)
{
    const struct engine *engine = capture->captures->engine;

    return engine_identity(engine, engine_port_identity(engine, port));
}

static size_t port_length(const struct engine_identity *identity)
{
    return padded(sizeof(struct mirror_port) + strlen(identity->bridge) + strlen(identity->guest));
}

static void put_port(struct capture *capture, uint16_t port)
{
    const struct engine_identity *identity = identity_of(capture, port);
    struct mirror_port record = {
        .record = {.length = (uint32_t)port_length(identity), .kind = MIRROR_PORT, .port = port},
        .domid = identity->domid,
        .vif = identity->vif,
        .identified = identity->identified,
        .uplink = identity->uplink,
        .bridge_length = (uint8_t)strlen(identity->bridge),
        .guest_length = (uint8_t)strlen(identity->guest),
    };

    memcpy(record.mac, identity->mac, sizeof(record.mac));
    memcpy(record.uuid, identity->uuid, sizeof(record.uuid));
    put(capture, &record, sizeof(record));
    put(capture, identity->bridge, record.bridge_length);
    put(capture, identity->guest, record.guest_length);
    pad(capture, sizeof(record) + record.bridge_length + record.guest_length);
    capture->told[port / 64] |= UINT64_C(1) << (port % 64);
}

static void put_lost(struct capture *capture)
{
    const struct mirror_lost lost = {
        .record = {.length = sizeof(lost), .kind = MIRROR_LOST},
        .frames = capture->missing,
    };

    if (!capture->missing || room(capture) < sizeof(lost))
        return;
    put(capture, &lost, sizeof(lost));
    capture->missing = 0;
}

/* --- frames -------------------------------------------------------------------------------------
 */

/* Bytes of the frame to keep; 0: it is not wanted. */
static uint32_t wanted(const struct capture *capture, const struct engine_frame *frame)
{
    uint32_t keep = capture->snap;

    if (capture->one_port) {
        const struct engine_identity *identity = identity_of(capture, frame->port);

        if (!engine_port_identity(capture->captures->engine, frame->port) ||
            identity->domid != capture->domid || identity->vif != capture->vif)
            return 0;
    }
    if (capture->instructions)
        keep = filter_run(capture->program, frame->data, frame->captured, frame->length);
    return keep < capture->snap ? keep : capture->snap;
}

static void take(struct capture *capture, const struct engine_frame *frame, uint8_t flags,
                 uint16_t mss)
{
    struct captures *captures = capture->captures;
    uint32_t captured = wanted(capture, frame);
    struct mirror_frame_record record = {
        .record = {.kind = MIRROR_FRAME, .port = frame->port},
        .time = frame->time,
        .original = frame->length,
        .vid = frame->vid,
        .mss = mss,
        .frame_flags = flags,
    };
    size_t need;

    if (!captured)
        return;
    if (captured > frame->captured)
        captured = frame->captured;
    record.captured = captured;
    record.record.length = (uint32_t)padded(sizeof(record) + captured);
    need = record.record.length + sizeof(struct mirror_lost) +
           (to_be_told(capture, frame->port) ? port_length(identity_of(capture, frame->port)) : 0);
    if (room(capture) < need) {
        capture->missing++;
        capture->lost++;
        captures->usage.lost++;
        return;
    }
    put_lost(capture);
    if (to_be_told(capture, frame->port))
        put_port(capture, frame->port);
    put(capture, &record, sizeof(record));
    put(capture, frame->data, captured);
    pad(capture, sizeof(record) + captured);
    capture->frames++;
    captures->usage.frames++;
    captures->usage.bytes += captured;
}

void captures_frames(struct captures *captures, const struct feed_burst *burst)
{
    list_for_each (item, &captures->all) {
        struct capture *capture = capture_of(item);

        for (unsigned i = 0; i < burst->count && capture->frames < capture->limit; i++)
            take(capture, &burst->frame[i], burst->about[i].flags, burst->about[i].mss);
        if (capture->written != capture->read || capture->frames >= capture->limit)
            control_stream_wake(&capture->stream);
    }
}

void captures_port(struct captures *captures, uint16_t port, bool gone)
{
    const struct mirror_port record = {
        .record = {.length = sizeof(record), .kind = MIRROR_GONE, .port = port}};

    list_for_each (item, &captures->all) {
        struct capture *capture = capture_of(item);

        /* Where there is no room it is told by whoever has the number next. */
        if (gone && is_told(capture, port) && room(capture) >= sizeof(record))
            put(capture, &record, sizeof(record));
        capture->told[port / 64] &= ~(UINT64_C(1) << (port % 64));
    }
}

void captures_lost(struct captures *captures, uint64_t frames)
{
    list_for_each (item, &captures->all) {
        struct capture *capture = capture_of(item);

        capture->unseen = capture->unseen + frames < frames ? UINT64_MAX : capture->unseen + frames;
    }
}

/* --- the stream ---------------------------------------------------------------------------------
 */

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct capture *capture = LIST_ENTRY(stream, struct capture, stream);
    size_t at = capture->read % CAPTURE_BUFFER, part = CAPTURE_BUFFER - at, left;

    /* There is room again: what was missed need not wait for the next frame. */
    if (room(capture) > CAPTURE_BUFFER / 2)
        put_lost(capture);
    if (capture->unseen)
        control_put_number(item, CONTROL_F_LOST, capture->unseen);
    left = (size_t)(capture->written - capture->read);
    if (part > left)
        part = left;
    if (part > control_room(item))
        part = control_room(item);
    if (part) {
        control_put_bytes(item, CONTROL_F_DATA, capture->buffer + at, part);
        capture->read += part;
    }
    if (part || capture->unseen) {
        capture->unseen = 0;
        return CONTROL_FILL_FRAME;
    }
    return capture->frames >= capture->limit ? CONTROL_FILL_END : CONTROL_FILL_WAIT;
}

static void free_capture(struct capture *capture)
{
    struct arena *arena = capture->captures->arena;

    arena_free(arena, capture->buffer, CAPTURE_BUFFER);
    arena_free(arena, capture, sizeof(*capture));
}

static void release(struct control_stream *stream)
{
    struct capture *capture = LIST_ENTRY(stream, struct capture, stream);

    capture->captures->usage.open--;
    list_remove(&capture->all);
    free_capture(capture);
}

/* --- its begin ----------------------------------------------------------------------------------
 */

static int take_program(struct capture *capture, struct control_request *request)
{
    struct control_field field;
    const char *why;
    unsigned at;

    if (!control_find(&request->fields, CONTROL_F_PROGRAM, &field))
        return 0;
    if (field.length % sizeof(struct filter_instruction) ||
        field.length > sizeof(capture->program)) {
        control_request_error(request, "a program of %u bytes is none", field.length);
        return -EINVAL;
    }
    memcpy(capture->program, field.value, field.length);
    capture->instructions = field.length / (unsigned)sizeof(struct filter_instruction);
    if (!filter_verify(capture->program, capture->instructions, &why, &at))
        return 0;
    control_request_error(request, "the program cannot be run: instruction %u: %s", at, why);
    return -EINVAL;
}

static int take_wishes(struct capture *capture, struct control_request *request)
{
    const struct control_reader *fields = &request->fields;
    uint64_t snap = control_number(fields, CONTROL_F_SNAP, SNAP_WHOLE);
    uint64_t domid = control_number(fields, CONTROL_F_DOMID, UINT64_MAX);
    uint64_t vif = control_number(fields, CONTROL_F_VIF, 0);
    uint64_t limit = control_number(fields, CONTROL_F_LIMIT, 0);

    if (vif > UINT16_MAX || (domid > UINT16_MAX && domid != UINT64_MAX)) {
        control_request_error(request, "there can be no such vif");
        return -EINVAL;
    }
    capture->snap = snap && snap < SNAP_WHOLE ? (uint32_t)snap : SNAP_WHOLE;
    capture->one_port = domid != UINT64_MAX;
    capture->domid = (uint16_t)domid;
    capture->vif = (uint16_t)vif;
    capture->limit = limit ? limit : UINT64_MAX;
    return take_program(capture, request);
}

int captures_handle(struct captures *captures, struct control_request *request)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    struct capture *capture;
    int error;

    if (captures->usage.open == CAPTURES_MAX) {
        control_request_error(request, "%u captures are under way, and no more can be",
                              CAPTURES_MAX);
        return -EBUSY;
    }
    capture = arena_zalloc(captures->arena, sizeof(*capture));
    if (!capture)
        return -ENOMEM;
    capture->captures = captures;
    capture->buffer = arena_alloc(captures->arena, CAPTURE_BUFFER);
    error = capture->buffer ? take_wishes(capture, request) : -ENOMEM;
    if (!error)
        error = control_stream_start(request, &capture->stream, &type);
    if (error) {
        free_capture(capture);
        return error;
    }
    put_hello(capture);
    list_append(&captures->all, &capture->all);
    captures->usage.open++;
    captures->usage.begun++;
    return CONTROL_STREAMING;
}
