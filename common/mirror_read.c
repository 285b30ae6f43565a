/* SPDX-License-Identifier: ISC */
#include "common/mirror_read.h"

#include <errno.h>
#include <string.h>

static int broken(struct mirror_reader *reader, const char *why)
{
    reader->why = why;
    return -EPROTO;
}

static int read_hello(struct mirror_reader *reader, const uint8_t *data, size_t length,
                      struct mirror_event *event)
{
    struct mirror_hello *hello = &event->as.hello;

    if (reader->hello)
        return broken(reader, "it begins twice");
    if (length < sizeof(*hello))
        return broken(reader, "its first record is too short");
    memcpy(hello, data, sizeof(*hello));
    if (hello->version != MIRROR_VERSION)
        return broken(reader, "it is of another version");
    reader->hello = true;
    return 0;
}

static int read_port(struct mirror_reader *reader, const uint8_t *data, size_t length,
                     struct mirror_event *event)
{
    struct mirror_port *port = &event->as.identity.port;

    if (length < sizeof(*port))
        return broken(reader, "a port's record is too short");
    memcpy(port, data, sizeof(*port));
    if ((size_t)port->bridge_length + port->guest_length > length - sizeof(*port))
        return broken(reader, "a port's names are longer than its record");
    event->as.identity.bridge = (const char *)data + sizeof(*port);
    event->as.identity.guest = event->as.identity.bridge + port->bridge_length;
    return 0;
}

static int read_frame(struct mirror_reader *reader, const uint8_t *data, size_t length,
                      struct mirror_event *event)
{
    struct mirror_frame_record *record = &event->as.frame.record;

    if (length < sizeof(*record))
        return broken(reader, "a frame's record is too short");
    memcpy(record, data, sizeof(*record));
    if (record->captured > length - sizeof(*record) || record->captured > record->original)
        return broken(reader, "a frame is longer than its record");
    if (record->original > MIRROR_RECORD_MAX)
        return broken(reader, "a frame is longer than any can be");
    event->as.frame.data = data + sizeof(*record);
    return 0;
}

static int read_lost(struct mirror_reader *reader, const uint8_t *data, size_t length,
                     struct mirror_event *event)
{
    struct mirror_lost lost;

    if (length < sizeof(lost))
        return broken(reader, "a record is too short");
    memcpy(&lost, data, sizeof(lost));
    event->as.lost = lost.frames;
    return 0;
}

static int read_record(struct mirror_reader *reader, const uint8_t *data, size_t length,
                       struct mirror_event *event)
{
    if (!reader->hello && event->kind != MIRROR_HELLO)
        return broken(reader, "it does not begin as a mirror's does");
    switch (event->kind) {
    case MIRROR_HELLO:
        return read_hello(reader, data, length, event);
    case MIRROR_PORT:
        return read_port(reader, data, length, event);
    case MIRROR_FRAME:
        return read_frame(reader, data, length, event);
    case MIRROR_LOST:
        return read_lost(reader, data, length, event);
    case MIRROR_GONE:
        return 0;
    default:
        event->kind = 0;
        return 0;
    }
}

int mirror_read(struct mirror_reader *reader, const uint8_t *data, size_t length,
                struct mirror_event *event)
{
    struct mirror_record record;
    int error;

    if (length < sizeof(record))
        return 0;
    memcpy(&record, data, sizeof(record));
    if (record.length < sizeof(record) || record.length > MIRROR_RECORD_MAX || record.length % 8)
        return broken(reader, "a record's length is none");
    if (record.length > length)
        return 0;
    event->kind = record.kind;
    event->port = record.port;
    error = read_record(reader, data, record.length, event);
    return error ? error : (int)record.length;
}
