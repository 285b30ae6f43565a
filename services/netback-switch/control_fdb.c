/* SPDX-License-Identifier: ISC */
/* SWITCH_FDB: a walk over the table, some slots at a turn. */
#include <errno.h>

#include "control.h"

/* Calls of fdb_walk() that find nothing, in one turn. */
#define STEPS 16U

struct fdb_stream {
    struct control_stream stream;
    struct vswitch *vswitch;
    struct timer again;   /* the table goes on, in another turn */
    uint64_t bridge, vid; /* UINT64_MAX: all */
    unsigned at;
};

static void put(const struct vswitch *vswitch, const struct fdb_entry *entry, uint64_t now,
                struct control_writer *item)
{
    const struct port *port = entry->port < SWITCH_PORTS ? vswitch->ports[entry->port] : NULL;
    char name[PORT_NAME_MAX];

    control_put_string(item, CONTROL_F_BRIDGE_NAME, vswitch->bridges[entry->bridge].name);
    control_put_number(item, CONTROL_F_VID, entry->vid);
    control_put_bytes(item, CONTROL_F_MAC, entry->mac, sizeof(entry->mac));
    control_put_number(item, CONTROL_F_PORT_NUMBER, entry->port);
    if (port) {
        control_put_number(item, CONTROL_F_DOMID, port->device.domid);
        control_put_number(item, CONTROL_F_VIF, port->device.devid);
        control_put_string(item, CONTROL_F_NAME, port_name(port, name));
    }
    control_put_number(item, CONTROL_F_AGE,
                       entry->is_static || now < entry->seen ? 0 : now - entry->seen);
    control_put_number(item, CONTROL_F_STATIC, entry->is_static);
}

static bool asked_for(const struct fdb_stream *walk, const struct fdb_entry *entry)
{
    return (walk->bridge == UINT64_MAX || walk->bridge == entry->bridge) &&
           (walk->vid == UINT64_MAX || walk->vid == entry->vid);
}

static void go_on(struct timer *timer)
{
    control_stream_wake(&LIST_ENTRY(timer, struct fdb_stream, again)->stream);
}

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct fdb_stream *walk = LIST_ENTRY(stream, struct fdb_stream, stream);
    struct vswitch *vswitch = walk->vswitch;
    uint64_t now = hv_now(vswitch->hv);

    for (unsigned i = 0; i < STEPS; i++) {
        struct fdb_entry entry;
        bool found;

        if (!fdb_walk(vswitch->fdb, walk->at, now, &found, &entry, &walk->at))
            return CONTROL_FILL_END;
        if (!found || !asked_for(walk, &entry))
            continue;
        put(vswitch, &entry, now, item);
        return CONTROL_FILL_FRAME;
    }
    timer_set(vswitch->loop, &walk->again, now);
    return CONTROL_FILL_WAIT;
}

static void release(struct control_stream *stream)
{
    struct fdb_stream *walk = LIST_ENTRY(stream, struct fdb_stream, stream);

    timer_cancel(&walk->again);
    arena_free(walk->vswitch->arena, walk, sizeof(*walk));
}

int control_fdb(void *context, struct control_request *request, struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    struct vswitch *vswitch = control_vswitch(context);
    struct fdb_stream *walk;
    struct bridge *bridge;
    int error = control_bridge(vswitch, request, &bridge);

    (void)reply;
    if (error)
        return error;
    walk = arena_zalloc(vswitch->arena, sizeof(*walk));
    if (!walk)
        return -ENOMEM;
    walk->vswitch = vswitch;
    walk->bridge = bridge ? bridge->number : UINT64_MAX;
    walk->vid = control_number(&request->fields, CONTROL_F_VID, UINT64_MAX);
    timer_init(&walk->again, go_on);
    error = control_stream_start(request, &walk->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    arena_free(vswitch->arena, walk, sizeof(*walk));
    return error;
}
