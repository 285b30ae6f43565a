/* SPDX-License-Identifier: ISC */
/*
 * Events of one port, kind and reason share a window of a second: the first is told at once, those
 * that follow are counted and told together when the window ends, which begins another. Windows
 * are closed by a timer, so that an event within one costs no look at the clock.
 */
#include "events.h"

#include <hv/time.h>

#include <errno.h>
#include <string.h>

#include "switch.h"

#define WINDOW HV_SEC

/* Which window of its port's an event is in: by reason, else by kind. */
#define WINDOWS (DROP_REASON_COUNT + EVENT_KINDS)

/* A port's; rows[SWITCH_PORTS] is for events that are about no port. */
struct row {
    struct list open; /* in events.open, while a window is */
    uint32_t generation;
    struct window {
        bool open;
        uint16_t vid, from;
        uint8_t mac[6];
        uint32_t count; /* to be told */
    } windows[WINDOWS];
    const struct vswitch *vswitch; /* NULL: of no port */
    struct {
        domid_t domid;
        uint32_t devid;
        char name[64];
    } port; /* as it was when the window was opened */
};

struct events {
    struct hv *hv;
    struct arena *arena;
    struct loop *loop;
    struct timer timer; /* armed while a window is open */
    struct list open;   /* rows */
    struct list followers;
    uint64_t newest; /* sequence number; from 1 */
    uint64_t untold; /* events that were not merged, for want of memory, and so not told */
    struct row *rows[SWITCH_PORTS + 1];
    struct event ring[EVENTS_KEPT]; /* by sequence number */
};

const char *event_name(enum event_kind kind)
{
    static const char *const names[EVENT_KINDS] = {
        [EVENT_PORT_UP] = "port-up",
        [EVENT_PORT_DOWN] = "port-down",
        [EVENT_MAC_LEARNED] = "mac-learned",
        [EVENT_MAC_MOVED] = "mac-moved",
        [EVENT_RULE_HIT] = "rule-hit",
        [EVENT_DROP] = "drop",
        [EVENT_LOOP] = "loop",
        [EVENT_APPLIED] = "applied",
        [EVENT_MIRROR] = "mirror",
    };

    HV_ASSERT(kind < EVENT_KINDS);
    return names[kind];
}

/* Something that an operator asked for, or a fault. */
static enum event_kind drop_kind(enum drop_reason reason)
{
    return (reason >= DROP_NO_RULES && reason <= DROP_VLAN) || reason == DROP_ISOLATED ||
                   reason == DROP_STORM
               ? EVENT_RULE_HIT
               : EVENT_DROP;
}

static bool is_drop(enum event_kind kind)
{
    return kind == EVENT_RULE_HIT || kind == EVENT_DROP;
}

/* --- a stream of them --------------------------------------------------------------------------
 */

struct follower {
    struct control_stream stream;
    struct events *events;
    struct list all;
    bool follow;
    uint64_t next, last; /* last: where to end, if not to follow */
};

static void wake(struct events *events)
{
    list_for_each (item, &events->followers) {
        struct follower *follower = LIST_ENTRY(item, struct follower, all);

        if (follower->stream.waiting)
            control_stream_wake(&follower->stream);
    }
}

static bool about_port(const struct event *event)
{
    return event->port[0] != '\0';
}

static void put(const struct event *event, struct control_writer *item)
{
    control_put_number(item, CONTROL_F_SEQUENCE, event->sequence);
    control_put_number(item, CONTROL_F_TIME, event->time);
    control_put_string(item, CONTROL_F_KIND, event_name(event->kind));
    if (about_port(event)) {
        control_put_number(item, CONTROL_F_DOMID, event->domid);
        control_put_number(item, CONTROL_F_VIF, event->devid);
        control_put_string(item, CONTROL_F_NAME, event->port);
    }
    if (is_drop(event->kind))
        control_put_string(item, CONTROL_F_REASON, drop_name(event->reason));
    if (event->kind >= EVENT_MAC_LEARNED && event->kind <= EVENT_DROP) {
        control_put_bytes(item, CONTROL_F_MAC, event->mac, sizeof(event->mac));
        control_put_number(item, CONTROL_F_VID, event->vid);
    }
    if (event->kind == EVENT_APPLIED)
        control_put_number(item, CONTROL_F_GENERATION, event->number);
    if (event->text[0])
        control_put_string(item,
                           event->kind == EVENT_MAC_MOVED ? CONTROL_F_FROM_PORT : CONTROL_F_TEXT,
                           event->text);
    control_put_number(item, CONTROL_F_COUNT, event->count);
}

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct follower *follower = LIST_ENTRY(stream, struct follower, stream);
    struct events *events = follower->events;
    uint64_t oldest = events->newest > EVENTS_KEPT ? events->newest - EVENTS_KEPT + 1 : 1;

    if (follower->next > events->newest || (!follower->follow && follower->next > follower->last))
        return follower->follow ? CONTROL_FILL_WAIT : CONTROL_FILL_END;
    if (follower->next < oldest) {
        control_put_number(item, CONTROL_F_LOST, oldest - follower->next);
        follower->next = oldest;
    }
    put(&events->ring[follower->next % EVENTS_KEPT], item);
    follower->next++;
    return CONTROL_FILL_FRAME;
}

static void release(struct control_stream *stream)
{
    struct follower *follower = LIST_ENTRY(stream, struct follower, stream);

    list_remove(&follower->all);
    arena_free(follower->events->arena, follower, sizeof(*follower));
}

int events_handle(struct events *events, struct control_request *request)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    uint64_t limit = control_number(&request->fields, CONTROL_F_LIMIT, EVENTS_KEPT);
    struct follower *follower = arena_zalloc(events->arena, sizeof(*follower));
    int error;

    if (!follower)
        return -ENOMEM;
    if (limit > EVENTS_KEPT)
        limit = EVENTS_KEPT;
    follower->events = events;
    follower->follow = control_number(&request->fields, CONTROL_F_FOLLOW, 0) == 1;
    follower->last = events->newest;
    follower->next = events->newest > limit ? events->newest - limit + 1 : 1;
    error = control_stream_start(request, &follower->stream, &type);
    if (error) {
        arena_free(events->arena, follower, sizeof(*follower));
        return error;
    }
    list_append(&events->followers, &follower->all);
    return CONTROL_STREAMING;
}

/* --- recording ---------------------------------------------------------------------------------
 */

static struct event *record(struct events *events)
{
    struct event *event;

    events->newest++;
    event = &events->ring[events->newest % EVENTS_KEPT];
    memset(event, 0, sizeof(*event));
    event->sequence = events->newest;
    event->time = hv_wallclock(events->hv);
    event->count = 1;
    return event;
}

/* Whose an address was before: the other port's name, if it is still there. */
static void name_former(struct event *event, const struct row *row)
{
    char name[PORT_NAME_MAX];

    if (event->kind != EVENT_MAC_MOVED || !row->vswitch || event->from >= SWITCH_PORTS ||
        !row->vswitch->ports[event->from])
        return;
    port_name(row->vswitch->ports[event->from], name);
    memcpy(event->text, name, sizeof(event->text) - 1);
}

static void name_port(struct event *event, const struct row *row)
{
    event->domid = row->port.domid;
    event->devid = row->port.devid;
    memcpy(event->port, row->port.name, sizeof(event->port));
}

/* Tell what was counted in a window. */
static void tell(struct events *events, const struct row *row, unsigned number)
{
    const struct window *window = &row->windows[number];
    struct event *event = record(events);

    if (number < DROP_REASON_COUNT) {
        event->reason = (enum drop_reason)number;
        event->kind = drop_kind(event->reason);
    } else {
        event->kind = (enum event_kind)(number - DROP_REASON_COUNT);
    }
    name_port(event, row);
    memcpy(event->mac, window->mac, sizeof(event->mac));
    event->vid = window->vid;
    event->from = window->from;
    event->count = window->count;
    name_former(event, row);
}

/* The second is over for all windows of @row. True: one of them goes on. */
static bool turn_over(struct events *events, struct row *row)
{
    bool open = false;

    for (unsigned i = 0; i < WINDOWS; i++) {
        struct window *window = &row->windows[i];

        if (!window->open)
            continue;
        window->open = window->count > 0;
        if (!window->open)
            continue;
        tell(events, row, i);
        window->count = 0;
        open = true;
    }
    return open;
}

static void expire(struct timer *timer)
{
    struct events *events = LIST_ENTRY(timer, struct events, timer);
    uint64_t newest = events->newest;

    list_for_each_safe (item, after, &events->open) {
        struct row *row = LIST_ENTRY(item, struct row, open);

        if (!turn_over(events, row))
            list_remove(&row->open);
    }
    if (!list_empty(&events->open))
        timer_set(events->loop, timer, hv_now(events->hv) + WINDOW);
    if (events->newest != newest)
        wake(events);
}

/* Tell what is counted, and begin anew. */
static void close_row(struct events *events, struct row *row)
{
    for (unsigned i = 0; i < WINDOWS; i++)
        if (row->windows[i].open && row->windows[i].count)
            tell(events, row, i);
    memset(row->windows, 0, sizeof(row->windows));
    list_remove(&row->open);
}

/* The row of @port, as it is now; NULL: no memory. */
static struct row *row_of(struct events *events, const struct port *port)
{
    unsigned number = port ? port->number : SWITCH_PORTS;
    struct row *row = events->rows[number];

    if (row && (!port || row->generation == port->generation))
        return row;
    if (!row) {
        row = arena_zalloc(events->arena, sizeof(*row));
        if (!row)
            return NULL;
        list_init(&row->open);
        events->rows[number] = row;
    }
    close_row(events, row);
    row->generation = port ? port->generation : 0;
    return row;
}

static void note_port(struct row *row, const struct port *port)
{
    char name[PORT_NAME_MAX];

    if (!port)
        return;
    row->vswitch = port->vswitch;
    row->port.domid = port->device.domid;
    row->port.devid = port->device.devid;
    memcpy(row->port.name, port_name(port, name), sizeof(row->port.name) - 1);
    row->port.name[sizeof(row->port.name) - 1] = '\0';
}

static void open_window(struct events *events, struct row *row, struct window *window)
{
    window->open = true;
    window->count = 0;
    if (list_empty(&row->open))
        list_append(&events->open, &row->open);
    if (list_empty(&events->timer.armed))
        timer_set(events->loop, &events->timer, hv_now(events->hv) + WINDOW);
}

static void count(struct window *window, const uint8_t mac[6], uint16_t vid, uint16_t from)
{
    window->count++;
    memcpy(window->mac, mac, sizeof(window->mac));
    window->vid = vid;
    window->from = from;
}

/* Those that a guest cannot cause often (XENBUS_LOOKS times a second): each one counts, in its
 * place among the others and with its words. */
static bool is_single(enum event_kind kind)
{
    return kind == EVENT_PORT_UP || kind == EVENT_PORT_DOWN || kind == EVENT_LOOP ||
           kind == EVENT_APPLIED;
}

void events_add(struct events *events, const struct port *port, const struct event *given)
{
    struct row *row = row_of(events, port);
    bool dropped = is_drop(given->kind);
    struct window *window;
    struct event *event;

    if (!row) {
        events->untold++;
        return;
    }
    window = &row->windows[dropped ? given->reason : DROP_REASON_COUNT + given->kind];
    if (window->open) {
        count(window, given->mac, given->vid, given->from);
        return;
    }
    note_port(row, port);
    if (!is_single(given->kind))
        open_window(events, row, window);
    event = record(events);
    event->kind = given->kind;
    name_port(event, row);
    event->reason = given->reason;
    memcpy(event->mac, given->mac, sizeof(event->mac));
    event->vid = given->vid;
    event->from = given->from;
    event->number = given->number;
    memcpy(event->text, given->text, sizeof(event->text));
    event->text[sizeof(event->text) - 1] = '\0';
    name_former(event, row);
    wake(events);
}

void events_drop(struct events *events, const struct port *port, enum drop_reason reason,
                 const uint8_t mac[6], uint16_t vid)
{
    struct row *row = events->rows[port->number];

    if (row && row->generation == port->generation && row->windows[reason].open) {
        count(&row->windows[reason], mac, vid, 0);
    } else {
        struct event event = {.kind = drop_kind(reason), .reason = reason, .vid = vid};

        memcpy(event.mac, mac, sizeof(event.mac));
        events_add(events, port, &event);
    }
}

void events_port_gone(struct events *events, const struct port *port)
{
    struct row *row = events->rows[port->number];

    if (!row)
        return;
    close_row(events, row);
    events->rows[port->number] = NULL;
    arena_free(events->arena, row, sizeof(*row));
    wake(events);
}

uint64_t events_untold(const struct events *events)
{
    return events->untold;
}

/* --- the ring -----------------------------------------------------------------------------------
 */

struct events *events_create(struct hv *hv, struct arena *arena, struct loop *loop)
{
    struct events *events = arena_zalloc(arena, sizeof(*events));

    if (!events)
        return NULL;
    events->hv = hv;
    events->arena = arena;
    events->loop = loop;
    timer_init(&events->timer, expire);
    list_init(&events->open);
    list_init(&events->followers);
    return events;
}

void events_destroy(struct events *events)
{
    HV_ASSERT(list_empty(&events->followers));
    timer_cancel(&events->timer);
    for (unsigned i = 0; i <= SWITCH_PORTS; i++)
        if (events->rows[i])
            arena_free(events->arena, events->rows[i], sizeof(*events->rows[i]));
    arena_free(events->arena, events, sizeof(*events));
}
