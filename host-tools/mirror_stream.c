/* SPDX-License-Identifier: ISC */
#include "mirror_stream.h"
#include "output.h"
#include "pcapng.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More interfaces than this in a file are no use to anybody. */
#define INTERFACES_MAX 65535u

void mirror_stream_init(struct mirror_stream *stream, FILE *out, const char *name)
{
    memset(stream, 0, sizeof(*stream));
    stream->out = out;
    stream->name = name;
}

static int broken(struct mirror_stream *s, const char *why)
{
    s->why = why;
    return -EPROTO;
}

static uint32_t field32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t field64(const uint8_t *at)
{
    return field32(at) | (uint64_t)field32(at + 4) << 32;
}

static unsigned field16(const uint8_t *at)
{
    return (unsigned)at[0] | (unsigned)at[1] << 8;
}

#define AT(type, member) (s->record + offsetof(struct type, member))

static int take_hello(struct mirror_stream *s, size_t length)
{
    if (length < sizeof(struct mirror_hello))
        return broken(s, "its first record is too short");
    if (field32(AT(mirror_hello, version)) != MIRROR_VERSION)
        return broken(s, "it is of another version");
    s->snap = field32(AT(mirror_hello, snap));
    s->hello = true;
    /* libpcap wants an interface before anything else. Frames of ports that nobody told of are its.
     */
    s->interfaces = 1;
    return pcapng_begin(s->out, "atoll switch mirror") ||
                   pcapng_interface(s->out, s->name, "a mirror of the switch", s->snap)
               ? -EIO
               : 0;
}

/* "web1/0" of "xenbr0", escaped. */
static int take_port(struct mirror_stream *s, unsigned port, size_t length)
{
    const uint8_t *strings = s->record + sizeof(struct mirror_port), *mac = AT(mirror_port, mac);
    char name[128], description[200], *guest, *bridge;
    size_t bridge_length, guest_length;
    int rc;

    if (length < sizeof(struct mirror_port))
        return broken(s, "a port's record is too short");
    bridge_length = *AT(mirror_port, bridge_length);
    guest_length = *AT(mirror_port, guest_length);
    if (bridge_length + guest_length > length - sizeof(struct mirror_port))
        return broken(s, "a port's names are longer than its record");
    if (s->interfaces == INTERFACES_MAX) {
        s->interface[port] = 1;
        return 0;
    }
    bridge = output_escaped((const char *)strings, bridge_length);
    guest = output_escaped((const char *)strings + bridge_length, guest_length);
    if (guest && *guest)
        snprintf(name, sizeof(name), "%.100s/%u", guest, field16(AT(mirror_port, vif)));
    else
        snprintf(name, sizeof(name), "domain%u/%u", field16(AT(mirror_port, domid)),
                 field16(AT(mirror_port, vif)));
    snprintf(description, sizeof(description),
             "vif %u of domain %u, %02x:%02x:%02x:%02x:%02x:%02x, bridge %.64s",
             field16(AT(mirror_port, vif)), field16(AT(mirror_port, domid)), mac[0], mac[1], mac[2],
             mac[3], mac[4], mac[5], bridge && *bridge ? bridge : "?");
    free(bridge);
    free(guest);
    rc = pcapng_interface(s->out, name, description, s->snap) ? -EIO : 0;
    s->interface[port] = ++s->interfaces;
    return rc;
}

static int take_frame(struct mirror_stream *s, unsigned port, size_t length)
{
    struct pcapng_frame frame;

    if (length < sizeof(struct mirror_frame_record))
        return broken(s, "a frame's record is too short");
    frame = (struct pcapng_frame){
        .interface = s->interface[port] ? s->interface[port] - 1 : 0,
        .time = field64(AT(mirror_frame_record, time)),
        .original = field32(AT(mirror_frame_record, original)),
        .captured = field32(AT(mirror_frame_record, captured)),
        .data = s->record + sizeof(struct mirror_frame_record),
        /* The switch's view: what a port sends comes in. */
        .direction = *AT(mirror_frame_record, frame_flags) & MIRROR_EGRESS ? PCAPNG_OUTBOUND
                                                                           : PCAPNG_INBOUND,
        .lost = s->lost_now,
    };
    if (frame.captured > length - sizeof(struct mirror_frame_record) ||
        frame.captured > frame.original)
        return broken(s, "a frame is longer than its record");
    s->lost_now = 0;
    s->frames++;
    s->frames_of[frame.interface]++;
    s->last = frame.time;
    s->bytes += frame.captured;
    return pcapng_write(s->out, &frame) ? -EIO : 0;
}

static int take_record(struct mirror_stream *s, size_t length)
{
    const unsigned kind = *AT(mirror_record, kind), port = field16(AT(mirror_record, port));

    if (!s->hello)
        return kind == MIRROR_HELLO ? take_hello(s, length)
                                    : broken(s, "it does not begin as a mirror's does");
    switch (kind) {
    case MIRROR_HELLO:
        return broken(s, "it begins twice");
    case MIRROR_PORT:
        return take_port(s, port, length);
    case MIRROR_FRAME:
        return take_frame(s, port, length);
    case MIRROR_LOST:
        if (length < sizeof(struct mirror_lost))
            return broken(s, "a record is too short");
        s->lost += field64(AT(mirror_lost, frames));
        s->lost_now += field64(AT(mirror_lost, frames));
        return 0;
    case MIRROR_GONE:
        s->interface[port] = 0;
        return 0;
    default:
        return 0; /* of a newer switch */
    }
}

int mirror_stream_take(struct mirror_stream *s, const void *data, size_t length)
{
    const uint8_t *at = data;

    while (length) {
        size_t want = sizeof(struct mirror_record), part;

        if (s->used >= sizeof(struct mirror_record)) {
            want = field32(s->record);
            if (want < sizeof(struct mirror_record) || want > MIRROR_RECORD_MAX || want % 8)
                return broken(s, "a record's length is none");
        }
        part = want - s->used < length ? want - s->used : length;
        memcpy(s->record + s->used, at, part);
        s->used += part;
        at += part;
        length -= part;
        /* Of the header alone it is not known yet whether that is all. */
        if (s->used == sizeof(struct mirror_record) && want == s->used &&
            field32(s->record) != want)
            continue;
        if (s->used == want) {
            const int rc = take_record(s, want);

            s->used = 0;
            if (rc)
                return rc;
        }
    }
    return 0;
}

int mirror_stream_end(struct mirror_stream *s)
{
    for (uint32_t i = 0; i < s->interfaces; i++) {
        if (pcapng_statistics(s->out, i, s->last, s->frames_of[i], i ? 0 : s->lost))
            return -EIO;
    }
    return 0;
}
