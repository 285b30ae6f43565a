/* SPDX-License-Identifier: ISC */
#include "control.h"

#include <errno.h>
#include <string.h>

#include "bridges.h"
#include "events.h"
#include "mirror.h"

struct vswitch *control_vswitch(void *context)
{
    const struct service *service = context;

    return *(struct vswitch **)service->config->context;
}

struct switch_counts switch_count(const struct vswitch *vswitch)
{
    struct switch_counts counts = {0};

    for (unsigned i = 0; i < SWITCH_PORTS; i++) {
        const struct port *port = vswitch->ports[i];

        if (!port)
            continue;
        counts.ports++;
        counts.connected += port->connected;
        counts.matched += port->rules != NULL;
        counts.unidentified += !port->identified;
    }
    return counts;
}

/* --- SHOW ---------------------------------------------------------------------------------------
 */

static unsigned connected_on(const struct vswitch *vswitch, const struct bridge *bridge)
{
    unsigned count = 0;

    for (unsigned i = 0; i < SWITCH_PORTS; i++)
        count += vswitch->ports[i] && vswitch->ports[i]->connected &&
                 vswitch->ports[i]->bridge == bridge;
    return count;
}

static void put_bridge(const struct vswitch *vswitch, const struct bridge *bridge,
                       struct control_writer *reply)
{
    const struct rules_bridge *rules = &bridge->rules;
    struct rules_bridge shown = *rules;

    /* What holds where nothing is said. */
    strcpy(shown.name, bridge->name);
    shown.ageing = rules->ageing ? rules->ageing : RULES_AGEING;
    shown.mtu = rules->mtu ? rules->mtu : RULES_MTU_MAX;
    shown.lock = rules->lock ? rules->lock : RULES_LOCK_UNLOCKED;
    control_open_group(reply, CONTROL_F_BRIDGE);
    control_put_string(reply, CONTROL_F_BRIDGE_NAME, bridge->name);
    rules_put_bridge(reply, &shown);
    control_put_number(reply, CONTROL_F_COUNT, bridge->ports);
    control_put_number(reply, CONTROL_F_CONNECTED, connected_on(vswitch, bridge));
    control_close_group(reply);
}

int control_show(void *context, struct control_request *request, struct control_writer *reply)
{
    const struct vswitch *vswitch = control_vswitch(context);
    const struct switch_counts counts = switch_count(vswitch);
    struct fdb_usage usage;

    (void)request;
    fdb_usage(vswitch->fdb, &usage);
    if (vswitch->rules) {
        control_put_number(reply, CONTROL_F_GENERATION, vswitch->rules->generation);
        control_put_string(reply, CONTROL_F_DIGEST, vswitch->rules->digest);
        control_put_number(reply, CONTROL_F_MATCHED, counts.matched);
    }
    control_put_number(reply, CONTROL_F_COUNT, counts.ports);
    control_put_number(reply, CONTROL_F_CONNECTED, counts.connected);
    control_put_number(reply, CONTROL_F_GUESTLESS, counts.unidentified);
    control_put_number(reply, CONTROL_F_FDB_ENTRIES, usage.used);
    for (unsigned i = 0; i < SWITCH_BRIDGES; i++)
        if (vswitch->bridges[i].used)
            put_bridge(vswitch, &vswitch->bridges[i], reply);
    return 0;
}

/* --- MIRRORS ------------------------------------------------------------------------------------
 */

struct mirrors_stream {
    struct control_stream stream;
    struct vswitch *vswitch;
    unsigned next;
};

static enum control_fill fill_mirrors(struct control_stream *stream, struct control_writer *item)
{
    struct mirrors_stream *mirrors = LIST_ENTRY(stream, struct mirrors_stream, stream);
    struct mirror_usage usage;

    if (!mirror_usage(mirrors->vswitch, mirrors->next, &usage))
        return CONTROL_FILL_END;
    mirrors->next++;
    control_open_group(item, CONTROL_F_MIRROR);
    rules_put_mirror(item, usage.rules);
    control_put_number(item, CONTROL_F_CONNECTED, usage.connected);
    control_put_number(item, CONTROL_F_FRAMES, usage.frames);
    control_put_number(item, CONTROL_F_BYTES_OUT, usage.bytes);
    control_put_number(item, CONTROL_F_LOST, usage.lost);
    control_close_group(item);
    return CONTROL_FILL_FRAME;
}

static void release_mirrors(struct control_stream *stream)
{
    struct mirrors_stream *mirrors = LIST_ENTRY(stream, struct mirrors_stream, stream);

    arena_free(mirrors->vswitch->arena, mirrors, sizeof(*mirrors));
}

int control_mirrors(void *context, struct control_request *request, struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill_mirrors,
                                                    .release = release_mirrors};
    struct vswitch *vswitch = control_vswitch(context);
    struct mirrors_stream *mirrors = arena_zalloc(vswitch->arena, sizeof(*mirrors));
    int error;

    (void)reply;
    if (!mirrors)
        return -ENOMEM;
    mirrors->vswitch = vswitch;
    error = control_stream_start(request, &mirrors->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    arena_free(vswitch->arena, mirrors, sizeof(*mirrors));
    return error;
}

/* --- FLUSH, EVENTS ------------------------------------------------------------------------------
 */

int control_bridge(struct vswitch *vswitch, struct control_request *request, struct bridge **bridge)
{
    struct control_field field;
    char name[RULES_NAME];

    *bridge = NULL;
    if (!control_find(&request->fields, CONTROL_F_BRIDGE_NAME, &field))
        return 0;
    if (control_string(&request->fields, CONTROL_F_BRIDGE_NAME, name, sizeof(name)))
        *bridge = vswitch_bridge_find(vswitch, name);
    if (*bridge)
        return 0;
    control_request_error(request, "there is no such bridge");
    return -ENOENT;
}

int control_flush(void *context, struct control_request *request, struct control_writer *reply)
{
    struct vswitch *vswitch = control_vswitch(context);
    struct fdb_usage before, after;
    struct bridge *bridge;
    int error = control_bridge(vswitch, request, &bridge);

    if (error)
        return error;
    fdb_usage(vswitch->fdb, &before);
    if (bridge)
        fdb_forget_bridge(vswitch->fdb, bridge->number);
    else
        fdb_flush(vswitch->fdb);
    fdb_usage(vswitch->fdb, &after);
    control_put_number(reply, CONTROL_F_COUNT, before.used - after.used);
    return 0;
}

static int control_events(void *context, struct control_request *request,
                          struct control_writer *reply)
{
    (void)reply;
    return events_handle(control_vswitch(context)->events, request);
}

const struct control_handler control_handlers[] = {
    {CONTROL_T_SWITCH_SHOW, control_show},   {CONTROL_T_SWITCH_PORTS, control_ports},
    {CONTROL_T_SWITCH_FDB, control_fdb},     {CONTROL_T_SWITCH_APPLY, control_apply},
    {CONTROL_T_SWITCH_RULES, control_rules}, {CONTROL_T_SWITCH_MIRRORS, control_mirrors},
    {CONTROL_T_SWITCH_STATS, control_stats}, {CONTROL_T_SWITCH_EVENTS, control_events},
    {CONTROL_T_SWITCH_FLUSH, control_flush},
};
const unsigned control_handler_count = sizeof(control_handlers) / sizeof(control_handlers[0]);
