/* SPDX-License-Identifier: ISC */
/* The requests that every service answers: HELLO, STATUS, STATS, LOGS, STOP, ECHO. */
#include "common/control_core.h"

#include <hv/console.h>
#include <hv/time.h>

#include <errno.h>

#define STOP_DEADLINE (2 * HV_SEC)

static struct control_session *client_of(const struct control_request *request)
{
    return &request->server->clients[request->slot];
}

static int handle_hello(void *context, struct control_request *request,
                        struct control_writer *reply)
{
    struct control_server *server = context;
    struct control_session *session = client_of(request);
    uint64_t version = control_number(&request->fields, CONTROL_F_VERSION, 1);

    if (version == 0) {
        control_request_error(request, "versions of the protocol from 1 to %u are spoken here",
                              CONTROL_VERSION);
        return -EPROTONOSUPPORT;
    }
    (void)control_string(&request->fields, CONTROL_F_CLIENT, session->name, sizeof(session->name));
    session->greeted = true;
    control_put_number(reply, CONTROL_F_VERSION,
                       version < CONTROL_VERSION ? version : CONTROL_VERSION);
    control_put_string(reply, CONTROL_F_SERVICE, server->config.service);
    control_put_string(reply, CONTROL_F_PROGRAM_VERSION, server->config.version);
    control_put_number(reply, CONTROL_F_DOMID, hv_domid(server->hv));
    for (unsigned i = 0; i < control_core_handler_count; i++)
        if (control_core_knows(server, &control_core_handlers[i]))
            control_put_number(reply, CONTROL_F_TYPE, control_core_handlers[i].type);
    for (unsigned i = 0; i < server->config.handler_count; i++)
        control_put_number(reply, CONTROL_F_TYPE, server->config.handlers[i].type);
    return 0;
}

static int handle_status(void *context, struct control_request *request,
                         struct control_writer *reply)
{
    struct control_server *server = context;
    const struct control_server_config *config = &server->config;
    enum control_health health = CONTROL_HEALTHY;
    struct listener_stats clients;
    struct control_memory memory = {0};

    listener_stats(server->listener, &clients);
    control_put_string(reply, CONTROL_F_SERVICE, config->service);
    control_put_string(reply, CONTROL_F_PROGRAM_VERSION, config->version);
    control_put_number(reply, CONTROL_F_DOMID, hv_domid(server->hv));
    control_put_number(reply, CONTROL_F_UPTIME, hv_now(server->hv) - server->started);
    control_put_number(reply, CONTROL_F_STARTED, server->started_wallclock);
    control_put_number(reply, CONTROL_F_SEALED, server->sealed);
    if (config->memory != NULL) {
        config->memory(config->context, &memory);
        control_put_number(reply, CONTROL_F_MEMORY_TOTAL, memory.total);
        control_put_number(reply, CONTROL_F_MEMORY_USED, memory.used);
    }
    control_put_number(reply, CONTROL_F_CLIENTS, clients.connected);
    if (config->status != NULL)
        health = config->status(config->context, reply);
    control_put_number(reply, CONTROL_F_HEALTH, health);
    return 0;
}

static int handle_stop(void *context, struct control_request *request, struct control_writer *reply)
{
    struct control_server *server = context;
    bool force = control_number(&request->fields, CONTROL_F_FORCE, 0) != 0;
    const char *why = NULL;
    int error = 0;

    if (server->stopping)
        return 0;
    if (server->config.stop != NULL && !force)
        error = server->config.stop(server->config.context, &why);
    if (error != 0) {
        if (why != NULL)
            control_request_error(request, "%s", why);
        return error;
    }
    if (server->config.log != NULL)
        log_write(server->config.log, LOG_NOTICE, "control: %s asked for the end%s",
                  client_of(request)->name, force ? ", by force" : "");
    server->stopping = true;
    server->stop_slot = request->slot;
    timer_set(server->loop, &server->end, hv_now(server->hv) + STOP_DEADLINE);
    return 0;
}

static int handle_echo(void *context, struct control_request *request, struct control_writer *reply)
{
    struct control_field field;

    while (control_next(&request->fields, &field))
        if (field.tag == CONTROL_F_DATA)
            control_put_bytes(reply, CONTROL_F_DATA, field.value, field.length);
    return 0;
}

/* --- streams ------------------------------------------------------------------------------------
 */

static struct control_core_stream *core_stream(struct control_stream *stream)
{
    return LIST_ENTRY(stream, struct control_core_stream, stream);
}

static void release(struct control_stream *stream)
{
    core_stream(stream)->server = NULL;
}

/* A free one of the client's, which has as many as streams; NULL where all are open. */
static struct control_core_stream *take(struct control_request *request)
{
    struct control_session *session = client_of(request);

    for (unsigned i = 0; i < CONTROL_STREAMS; i++) {
        if (session->core[i].server == NULL) {
            session->core[i] = (struct control_core_stream){.server = request->server};
            return &session->core[i];
        }
    }
    return NULL;
}

/* Start it as the answer, or let go of it. */
static int start(struct control_request *request, struct control_core_stream *core,
                 const struct control_stream_type *type)
{
    int error = control_stream_start(request, &core->stream, type);

    if (error == 0)
        return CONTROL_STREAMING;
    core->server = NULL;
    return error;
}

static enum control_fill fill_logs(struct control_stream *stream, struct control_writer *item)
{
    struct control_core_stream *core = core_stream(stream);
    struct log_entry line;

    if (!core->follow && core->next > core->last)
        return CONTROL_FILL_END;
    if (!log_read(core->server->config.log, core->next, &line))
        return core->follow ? CONTROL_FILL_WAIT : CONTROL_FILL_END;
    if (line.sequence > core->next)
        control_put_number(item, CONTROL_F_LOST, line.sequence - core->next);
    control_put_number(item, CONTROL_F_SEQUENCE, line.sequence);
    control_put_number(item, CONTROL_F_TIME, line.time);
    control_put_number(item, CONTROL_F_LEVEL, line.level);
    control_put_text(item, CONTROL_F_TEXT, line.text, line.length);
    core->next = line.sequence + 1;
    return CONTROL_FILL_FRAME;
}

static int handle_logs(void *context, struct control_request *request, struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill_logs, .release = release};
    struct control_server *server = context;
    struct control_core_stream *core = take(request);
    uint64_t limit = control_number(&request->fields, CONTROL_F_LIMIT, UINT64_MAX);
    struct log_entry oldest;

    if (core == NULL)
        return -EBUSY;
    core->follow = control_number(&request->fields, CONTROL_F_FOLLOW, 0) != 0;
    core->last = log_newest(server->config.log);
    /* Lines that gave way before anybody asked are not lost to this stream. */
    core->next = log_read(server->config.log, 1, &oldest) ? oldest.sequence : core->last + 1;
    if (core->last + 1 - core->next > limit)
        core->next = core->last + 1 - limit;
    return start(request, core, &type);
}

void control_core_logged(void *context)
{
    struct control_server *server = context;

    for (unsigned i = 0; i < server->config.clients; i++) {
        list_for_each (item, &server->clients[i].streams) {
            struct control_stream *stream = LIST_ENTRY(item, struct control_stream, all);
            if (stream->request == CONTROL_T_LOGS)
                control_stream_wake(stream);
        }
    }
}

/* What every service counts; see the table in docs/control-protocol.md. */
static bool common_statistic(struct control_server *server, uint64_t index,
                             struct control_writer *item)
{
    const struct control_server_config *config = &server->config;
    struct control_memory memory = {0};
    struct listener_stats clients;

    listener_stats(server->listener, &clients);
    if (config->memory != NULL)
        config->memory(config->context, &memory);
    const struct {
        const char *name, *help, *unit;
        bool counter;
        uint64_t value;
    } statistics[] = {
        {"uptime", "time since the service started", "seconds", false,
         (hv_now(server->hv) - server->started) / HV_SEC},
        {"memory_total", "memory that the service may use; 0: not known", "bytes", false,
         memory.total},
        {"memory_used", "memory in use", "bytes", false, memory.used},
        {"memory_objects", "memory in use by objects, without what is free in their pages", "bytes",
         false, memory.objects},
        {"console_dropped", "output that the console had no room for", "bytes", true,
         hv_console_dropped(server->hv)},
        {"control_requests", "control requests", NULL, true, server->requests},
        {"control_requests_refused", "control requests answered by an error", NULL, true,
         server->refused},
        {"control_clients", "control clients connected", NULL, false, clients.connected},
        {"control_clients_accepted", "control clients so far", NULL, true, clients.accepted},
        {"control_clients_died", "control clients gone without closing", NULL, true, clients.died},
        {"control_clients_broken", "control clients that broke the protocol", NULL, true,
         clients.broken + server->broken},
        {"control_clients_late", "of these, those that missed a deadline", NULL, true,
         server->late},
        {"control_rings_free", "rings that no control client has", NULL, false, clients.free},
        {"control_rings_draining", "rings that a client which is gone still maps", NULL, false,
         clients.draining},
        {"control_rings_abandoned", "rings taken by clients that did not connect", NULL, true,
         clients.abandoned},
        {"control_rings_exhausted", "times that no ring was free", NULL, true, clients.exhausted},
    };

    if (index >= sizeof(statistics) / sizeof(statistics[0]))
        return false;
    control_statistic(item, statistics[index].name, statistics[index].help, statistics[index].unit,
                      statistics[index].counter, statistics[index].value);
    return true;
}

static enum control_fill fill_stats(struct control_stream *stream, struct control_writer *item)
{
    struct control_core_stream *core = core_stream(stream);
    const struct control_server_config *config = &core->server->config;
    struct control_mark mark = control_mark(item);

    /* First the common ones, then (last is set) the service's, from 0 again. */
    if (core->last == 0 && common_statistic(core->server, core->next, item)) {
        core->next++;
        return CONTROL_FILL_FRAME;
    }
    if (core->last == 0) {
        core->last = 1;
        core->next = 0;
    }
    if (config->statistic != NULL &&
        config->statistic(config->context, (unsigned)core->next++, item))
        return CONTROL_FILL_FRAME;
    control_undo(item, mark);
    return CONTROL_FILL_END;
}

static int handle_stats(void *context, struct control_request *request,
                        struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill_stats, .release = release};
    struct control_core_stream *core = take(request);

    return core == NULL ? -EBUSY : start(request, core, &type);
}

void control_statistic_open(struct control_writer *item, const char *name, const char *help,
                            const char *unit, bool counter, uint64_t value)
{
    control_open_group(item, CONTROL_F_STATISTIC);
    control_put_string(item, CONTROL_F_NAME, name);
    control_put_number(item, CONTROL_F_VALUE, value);
    if (unit != NULL)
        control_put_string(item, CONTROL_F_UNIT, unit);
    control_put_number(item, CONTROL_F_COUNTER, counter);
    control_put_string(item, CONTROL_F_TEXT, help);
}

void control_statistic(struct control_writer *item, const char *name, const char *help,
                       const char *unit, bool counter, uint64_t value)
{
    control_statistic_open(item, name, help, unit, counter, value);
    control_close_group(item);
}

void control_label(struct control_writer *item, const char *name, const char *format, ...)
{
    va_list arguments;

    control_open_group(item, CONTROL_F_LABEL);
    control_put_string(item, CONTROL_F_NAME, name);
    va_start(arguments, format);
    control_put_vformat(item, CONTROL_F_TEXT, format, arguments);
    va_end(arguments);
    control_close_group(item);
}

const struct control_handler control_core_handlers[] = {
    {CONTROL_T_HELLO, handle_hello}, {CONTROL_T_STATUS, handle_status},
    {CONTROL_T_STATS, handle_stats}, {CONTROL_T_LOGS, handle_logs},
    {CONTROL_T_STOP, handle_stop},   {CONTROL_T_ECHO, handle_echo},
};
const unsigned control_core_handler_count =
    sizeof(control_core_handlers) / sizeof(control_core_handlers[0]);

bool control_core_knows(const struct control_server *server, const struct control_handler *handler)
{
    return handler->type != CONTROL_T_LOGS || server->config.log != NULL;
}
