/* SPDX-License-Identifier: ISC */
/* One feed: the way to its vchan, and what is read of it. */
#include "feed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/xs_wire.h"

/* From one try to connect to the next. */
#define RETRY_FIRST   (50 * HV_MSEC)
#define RETRY_LONGEST (5 * HV_SEC)
/* Between two looks at numbers that XenStore says have changed, at least. */
#define LOOK_AGAIN (20 * HV_MSEC)
/* Until HELLO. */
#define HELLO_TIME (5 * HV_SEC)
/* A connection that lives as long was a good one. */
#define GOOD_TIME (10 * HV_SEC)
/* A first frame older than that is not late: the switch reckons time otherwise. */
#define LATE (10 * HV_SEC)
/* No host has been up for longer, in nanoseconds. */
#define UPTIME_MAX (INT64_MAX / 4)

static uint16_t engine_number(const struct feed *feed, unsigned port)
{
    return (uint16_t)(feed->number * FEED_PORTS + port);
}

static void set_state(struct feed *feed, enum feed_state state, const char *why)
{
    feed->state = state;
    feed->why = why;
    feed->since = hv_now(feed->feeds->hv);
}

/* --- what comes ---------------------------------------------------------------------------------
 */

static void give_burst(struct feeds *feeds)
{
    if (feeds->burst.count)
        feeds->sink.frames(feeds->sink.context, &feeds->burst);
    feeds->burst.count = 0;
}

static void forget_port(struct feed *feed, unsigned port)
{
    uint64_t bit = UINT64_C(1) << (port % 64);

    if (feed->known[port / 64] & bit)
        feed->feeds->sink.port(feed->feeds->sink.context, engine_number(feed, port), NULL);
    feed->known[port / 64] &= ~bit;
}

/* Names are shown to people: printable ASCII, cut to what there is room for. */
static void take_name(char *to, size_t size, const char *from, size_t length)
{
    if (length >= size)
        length = size - 1;
    for (size_t i = 0; i < length; i++)
        to[i] = (char)(from[i] < ' ' || from[i] > '~' ? '?' : from[i]);
    to[length] = '\0';
}

static void take_port(struct feed *feed, const struct mirror_event *event)
{
    const struct mirror_port *port = &event->as.identity.port;
    struct engine_identity identity = {
        .domid = port->domid,
        .vif = port->vif,
        .identified = port->identified != 0,
        .uplink = port->uplink != 0,
    };

    memcpy(identity.mac, port->mac, sizeof(identity.mac));
    memcpy(identity.uuid, port->uuid, sizeof(identity.uuid));
    take_name(identity.bridge, sizeof(identity.bridge), event->as.identity.bridge,
              port->bridge_length);
    take_name(identity.guest, sizeof(identity.guest), event->as.identity.guest, port->guest_length);
    feed->known[event->port / 64] |= UINT64_C(1) << (event->port % 64);
    feed->feeds->sink.port(feed->feeds->sink.context, engine_number(feed, event->port), &identity);
}

/*
 * The time of a frame in our wall clock, which goes on evenly: the switch's began when we
 * connected, and either may have been set since. Both count from the boot of the host; where that
 * differs, the first frame says by how much, and no frame is from the future.
 */
static uint64_t local_time(struct feed *feed, uint64_t time, uint64_t now)
{
    uint64_t up = time > feed->hello.started ? time - feed->hello.started : 0;
    int64_t local = (int64_t)(up < UPTIME_MAX ? up : UPTIME_MAX) + feed->offset;

    if (!feed->dated && local + (int64_t)LATE < (int64_t)now) {
        feed->offset += (int64_t)now - local;
        local = (int64_t)now;
    }
    feed->dated = true;
    if (local > (int64_t)now) {
        feed->offset -= local - (int64_t)now;
        local = (int64_t)now;
    }
    return feed->feeds->clock + (local > 0 ? (uint64_t)local : 0);
}

static void take_frame(struct feed *feed, const struct mirror_event *event, uint64_t now)
{
    const struct mirror_frame_record *record = &event->as.frame.record;
    struct feed_burst *burst = &feed->feeds->burst;

    burst->frame[burst->count] = (struct engine_frame){
        .time = local_time(feed, record->time, now),
        .data = event->as.frame.data,
        .captured = record->captured,
        .length = record->original,
        .port = engine_number(feed, event->port),
        .vid = record->vid,
        .egress = record->frame_flags & MIRROR_EGRESS,
    };
    burst->about[burst->count].flags = record->frame_flags;
    burst->about[burst->count].mss = record->mss;
    feed->frames++;
    feed->bytes += record->captured;
    if (++burst->count == ENGINE_BURST)
        give_burst(feed->feeds);
}

static void take_lost(struct feed *feed, uint64_t lost)
{
    /* A claim beyond all measure shall not make the sum small. */
    feed->lost = feed->lost + lost < lost ? UINT64_MAX : feed->lost + lost;
    feed->lost_at = hv_now(feed->feeds->hv);
    feed->feeds->sink.lost(feed->feeds->sink.context, feed, lost);
}

static int take_event(struct feed *feed, const struct mirror_event *event, uint64_t now)
{
    const bool of_port =
        event->kind == MIRROR_PORT || event->kind == MIRROR_FRAME || event->kind == MIRROR_GONE;

    if (of_port && event->port >= FEED_PORTS) {
        feed->reader.why = "a port's number is none";
        return -EPROTO;
    }
    if (event->kind == MIRROR_FRAME) {
        take_frame(feed, event, now);
        return 0;
    }
    /* Frames before it are as things were. */
    give_burst(feed->feeds);
    if (event->kind == MIRROR_HELLO)
        feed->hello = event->as.hello;
    if (event->kind == MIRROR_PORT)
        take_port(feed, event);
    if (event->kind == MIRROR_GONE)
        forget_port(feed, event->port);
    if (event->kind == MIRROR_LOST)
        take_lost(feed, event->as.lost);
    return 0;
}

/* The whole records of the buffer; what is left of it stays. */
static int take_records(struct feed *feed)
{
    const uint64_t now = hv_now(feed->feeds->hv);
    struct mirror_event event;
    size_t at = 0;
    int n;

    while ((n = mirror_read(&feed->reader, feed->buffer + at, feed->used - at, &event)) > 0) {
        at += (size_t)n;
        n = take_event(feed, &event, now);
        if (n)
            break;
    }
    give_burst(feed->feeds);
    feed->used -= at;
    memmove(feed->buffer, feed->buffer + at, feed->used);
    return n;
}

/* --- the connection -----------------------------------------------------------------------------
 */

static void try_later(struct feed *feed)
{
    struct feeds *feeds = feed->feeds;

    timer_set(feeds->loop, &feed->retry, hv_now(feeds->hv) + feed->delay);
    feed->delay = feed->delay * 2 < RETRY_LONGEST ? feed->delay * 2 : RETRY_LONGEST;
}

static void disconnect(struct feed *feed)
{
    struct feeds *feeds = feed->feeds;

    loop_port_remove(feeds->loop, &feed->port);
    /* A client has nothing that could not be given back at once. */
    HV_ASSERT(vchan_close(&feed->v) == 0);
    for (unsigned i = 0; i < FEED_PORTS; i++)
        forget_port(feed, i);
    feeds->ready &= ~(1U << feed->number);
}

/* It is over, @why; look for it again. */
static void lose(struct feed *feed, const char *why)
{
    struct feeds *feeds = feed->feeds;

    log_write(feeds->log, LOG_NOTICE, "feed %u: mirror %s of domain %u: %s", feed->number,
              feed->mirror, feed->domid, why);
    if (hv_now(feeds->hv) - feed->since >= GOOD_TIME) {
        feed->delay = RETRY_FIRST;
        feed->missed = hv_now(feeds->hv);
    }
    disconnect(feed);
    set_state(feed, FEED_WAITING, why);
    try_later(feed);
}

bool feed_read(struct feed *feed)
{
    size_t taken = 0;

    while (feed->state == FEED_CONNECTED) {
        const size_t room = FEED_BUFFER - feed->used;
        int got = vchan_read(&feed->v, feed->buffer + feed->used, room);

        if (got == -EPIPE) {
            lose(feed, "the switch has ended it");
            return false;
        }
        if (got > 0) {
            feed->used += (size_t)got;
            taken += (size_t)got;
            if (take_records(feed))
                got = -EPROTO;
        }
        if (got < 0) {
            feed->broken++;
            lose(feed, feed->reader.why ? feed->reader.why : "it breaks the vchan's protocol");
            return false;
        }
        if (!got)
            return false;
        if (taken >= FEED_TURN)
            return true;
    }
    return false;
}

static void read_soon(struct feed *feed)
{
    struct feeds *feeds = feed->feeds;

    if (!feeds->ready)
        timer_set(feeds->loop, &feeds->turn, hv_now(feeds->hv));
    feeds->ready |= 1U << feed->number;
}

static void event(struct loop_port *port)
{
    struct feed *feed = LIST_ENTRY(port, struct feed, port);

    if (!(feed->feeds->ready >> feed->number & 1) && feed_read(feed))
        read_soon(feed);
}

void feed_look_after(struct feed *feed)
{
    if (feed->state != FEED_CONNECTED)
        return;
    if (vchan_peer_gone(&feed->v))
        read_soon(feed); /* what it wrote before counts; then it has ended */
    else if (!feed->reader.hello && hv_now(feed->feeds->hv) - feed->since >= HELLO_TIME)
        lose(feed, "it says nothing");
}

/* --- the way to it ------------------------------------------------------------------------------
 */

static int connect(struct feed *feed, const char *ring_ref, const char *port)
{
    struct feeds *feeds = feed->feeds;
    uint32_t ref, number;
    int error;

    if (!ring_ref || !port)
        return -ENOENT;
    if (!wire_number(ring_ref, UINT32_MAX, &ref) || !wire_number(port, UINT32_MAX, &number))
        return -EINVAL;
    if (!feed->buffer)
        feed->buffer = arena_alloc(feeds->arena, FEED_BUFFER);
    if (!feed->buffer)
        return -ENOMEM;
    error = vchan_client_open(&feed->v, feeds->hv, feed->domid, ref, number);
    if (error)
        return error;
    feed->reader = (struct mirror_reader){.hello = false};
    feed->hello = (struct mirror_hello){.version = 0};
    feed->dated = false;
    feed->offset = 0;
    feed->used = 0;
    feed->connects++;
    loop_port_add(feeds->loop, &feed->port, feed->v.port, event);
    set_state(feed, FEED_CONNECTED, NULL);
    return 0;
}

static const char *failure(int error)
{
    switch (error) {
    case -ENOENT:
        return "its switch offers no such mirror to this domain";
    case -ESRCH:
        return "its switch is gone";
    case -ENOMEM:
        return "no memory is left for it";
    case -EPROTO:
        return "what its switch shares is no vchan";
    default:
        return "its switch's offer cannot be taken up";
    }
}

static void have_numbers(void *context, int error, const char *const *values)
{
    struct feed *feed = context;
    struct feeds *feeds = feed->feeds;

    feed->asking = false;
    if (feed->state != FEED_WAITING)
        return;
    if (!error)
        error = connect(feed, values[0], values[1]);
    if (error) {
        feed->why = failure(error);
        try_later(feed);
        return;
    }
    log_write(feeds->log, LOG_NOTICE, "feed %u: connected to mirror %s of domain %u", feed->number,
              feed->mirror, feed->domid);
    read_soon(feed);
}

static void look(struct feed *feed)
{
    char path[2][RENDEZVOUS_PATH_MAX + 16];
    const char *const paths[2] = {path[0], path[1]};
    int error;

    if (feed->asking || feed->state != FEED_WAITING)
        return;
    timer_cancel(&feed->retry);
    snprintf(path[0], sizeof(path[0]), "%s/ring-ref", feed->path);
    snprintf(path[1], sizeof(path[1]), "%s/event-channel", feed->path);
    error = store_collect(feed->feeds->store, paths, 2, 16, have_numbers, feed);
    feed->asking = !error;
    if (error)
        try_later(feed);
}

static void retry(struct timer *timer)
{
    look(LIST_ENTRY(timer, struct feed, retry));
}

/* Its switch publishes, or has ceased to. */
static void numbers_changed(struct store_watch *watch, const char *changed)
{
    struct feed *feed = LIST_ENTRY(watch, struct feed, watch);
    struct feeds *feeds = feed->feeds;
    uint64_t soon = hv_now(feeds->hv) + LOOK_AGAIN;

    if (changed && feed->state == FEED_WAITING &&
        (list_empty(&feed->retry.armed) || feed->retry.deadline > soon))
        timer_set(feeds->loop, &feed->retry, soon);
}

/* "DOMID MIRROR". */
static bool parse(struct feed *feed, const char *node)
{
    const char *blank = strchr(node, ' ');
    char number[8];
    uint32_t domid;
    size_t length;

    if (!blank || (size_t)(blank - node) >= sizeof(number))
        return false;
    memcpy(number, node, (size_t)(blank - node));
    number[blank - node] = '\0';
    length = strlen(blank + 1);
    if (!wire_number(number, HV_DOMID_FIRST_RESERVED - 1, &domid) || !length ||
        length >= sizeof(feed->mirror) ||
        strspn(blank + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") !=
            length)
        return false;
    feed->domid = (domid_t)domid;
    memcpy(feed->mirror, blank + 1, length + 1);
    return true;
}

static void end(struct feed *feed)
{
    struct feeds *feeds = feed->feeds;

    if (feed->state == FEED_CONNECTED)
        disconnect(feed);
    if (feed->state >= FEED_WAITING) {
        store_forget(feeds->store, feed);
        store_unwatch(feeds->store, &feed->watch);
        timer_cancel(&feed->retry);
    }
    feed->asking = false;
    arena_free(feeds->arena, feed->buffer, FEED_BUFFER);
    feed->buffer = NULL;
    set_state(feed, FEED_NONE, NULL);
}

static void begin(struct feed *feed, const char *node)
{
    struct feeds *feeds = feed->feeds;
    char name[FEED_NAME + 8];

    snprintf(feed->node, sizeof(feed->node), "%s", node);
    feed->frames = feed->bytes = feed->lost = feed->connects = feed->broken = feed->lost_at = 0;
    feed->domid = 0;
    feed->mirror[0] = '\0';
    feed->delay = RETRY_FIRST;
    feed->missed = hv_now(feeds->hv);
    if (!parse(feed, node)) {
        set_state(feed, FEED_BAD, "its node is no \"DOMID MIRROR\"");
        log_write(feeds->log, LOG_WARNING, "feed %u: %s: \"%.48s\"", feed->number, feed->why, node);
        return;
    }
    snprintf(name, sizeof(name), "mirror-%s", feed->mirror);
    rendezvous_path(feed->path, sizeof(feed->path), feed->domid, hv_domid(feeds->hv), name);
    set_state(feed, FEED_WAITING, NULL);
    /* What it cannot tell us is found by looking, if later. */
    feed->watch = (struct store_watch){.path = feed->path, .fired = numbers_changed};
    (void)store_watch(feeds->store, &feed->watch);
    look(feed);
}

void feed_set(struct feed *feed, const char *node)
{
    if (!feed->retry.expire)
        timer_init(&feed->retry, retry);
    if (node && feed->state != FEED_NONE && !strcmp(node, feed->node)) {
        if (feed->state == FEED_WAITING)
            feed->delay = RETRY_FIRST;
        look(feed);
        return;
    }
    if (feed->state != FEED_NONE)
        end(feed);
    if (node)
        begin(feed, node);
}
