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

void mirror_stream_resume(struct mirror_stream *stream)
{
    memset(&stream->reader, 0, sizeof(stream->reader));
    memset(stream->interface, 0, sizeof(stream->interface));
    stream->kept = 0;
}

static int take_hello(struct mirror_stream *s, const struct mirror_hello *hello)
{
    if (s->interfaces)
        return 0; /* it goes on in the section that was begun */
    s->snap = hello->snap;
    /* libpcap wants an interface before anything else. Frames of ports that nobody told of are its.
     */
    s->interfaces = 1;
    return pcapng_begin(s->out, "atoll switch mirror") ||
                   pcapng_interface(s->out, s->name, "a mirror of the switch", s->snap)
               ? -EIO
               : 0;
}

/* "web1/0" of "xenbr0", escaped. */
static int take_port(struct mirror_stream *s, const struct mirror_event *event)
{
    const struct mirror_port *port = &event->as.identity.port;
    char name[128], description[200], *guest, *bridge;
    int rc;

    if (s->interfaces == INTERFACES_MAX) {
        s->interface[event->port] = 1;
        return 0;
    }
    bridge = output_escaped(event->as.identity.bridge, port->bridge_length);
    guest = output_escaped(event->as.identity.guest, port->guest_length);
    if (guest && *guest)
        snprintf(name, sizeof(name), "%.100s/%u", guest, port->vif);
    else
        snprintf(name, sizeof(name), "domain%u/%u", port->domid, port->vif);
    snprintf(description, sizeof(description),
             "vif %u of domain %u, %02x:%02x:%02x:%02x:%02x:%02x, bridge %.64s", port->vif,
             port->domid, port->mac[0], port->mac[1], port->mac[2], port->mac[3], port->mac[4],
             port->mac[5], bridge && *bridge ? bridge : "?");
    free(bridge);
    free(guest);
    rc = pcapng_interface(s->out, name, description, s->snap) ? -EIO : 0;
    s->interface[event->port] = ++s->interfaces;
    return rc;
}

static int take_frame(struct mirror_stream *s, const struct mirror_event *event)
{
    const struct mirror_frame_record *record = &event->as.frame.record;
    const struct pcapng_frame frame = {
        .interface = s->interface[event->port] ? s->interface[event->port] - 1 : 0,
        .time = record->time,
        .original = record->original,
        .captured = record->captured,
        .data = event->as.frame.data,
        /* The switch's view: what a port sends comes in. */
        .direction = record->frame_flags & MIRROR_EGRESS ? PCAPNG_OUTBOUND : PCAPNG_INBOUND,
        .lost = s->lost_now,
    };

    s->lost_now = 0;
    s->frames++;
    s->frames_of[frame.interface]++;
    s->last = frame.time;
    s->bytes += frame.captured;
    return pcapng_write(s->out, &frame) ? -EIO : 0;
}

static int take_event(struct mirror_stream *s, const struct mirror_event *event)
{
    switch (event->kind) {
    case MIRROR_HELLO:
        return take_hello(s, &event->as.hello);
    case MIRROR_PORT:
        return take_port(s, event);
    case MIRROR_FRAME:
        return take_frame(s, event);
    case MIRROR_LOST:
        s->lost += event->as.lost;
        s->lost_now += event->as.lost;
        return 0;
    case MIRROR_GONE:
        s->interface[event->port] = 0;
        return 0;
    default:
        return 0; /* of a newer switch */
    }
}

/* The whole records among @length bytes: how many bytes they were, or an error. */
static long take_whole(struct mirror_stream *s, const uint8_t *data, size_t length)
{
    struct mirror_event event;
    size_t at = 0;

    for (;;) {
        int n = mirror_read(&s->reader, data + at, length - at, &event);

        if (n == 0)
            return (long)at;
        if (n > 0) {
            at += (size_t)n;
            n = take_event(s, &event);
        } else {
            s->why = s->reader.why;
        }
        if (n < 0)
            return n;
    }
}

int mirror_stream_take(struct mirror_stream *s, const void *data, size_t length)
{
    const uint8_t *from = data;

    while (length) {
        const size_t room = sizeof(s->bytes_kept) - s->kept, part = room < length ? room : length;
        long taken;

        memcpy(s->bytes_kept + s->kept, from, part);
        s->kept += part;
        from += part;
        length -= part;
        taken = take_whole(s, s->bytes_kept, s->kept);
        if (taken < 0)
            return (int)taken;
        s->kept -= (size_t)taken;
        memmove(s->bytes_kept, s->bytes_kept + taken, s->kept);
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
