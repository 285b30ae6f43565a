/* SPDX-License-Identifier: ISC */
/* Clients come, take turns and go; memory. */
#include "common/control_server.h"

#include <hv/memory.h>
#include <hv/time.h>

#include "common/control_core.h"

#define CLIENTS_DEFAULT 16U
/* What clients send is short; a frame that they read fits whole. */
#define LEFT_ORDER  12U
#define RIGHT_ORDER 12U

/* --- turns --------------------------------------------------------------------------------------
 */

void control_session_queue(struct control_session *session)
{
    struct control_server *server = session->server;

    if (session->v == NULL || !list_empty(&session->ready))
        return;
    if (list_empty(&server->ready))
        timer_set(server->loop, &server->turn, hv_now(server->hv));
    list_append(&server->ready, &session->ready);
}

static void stop_now(struct control_server *server)
{
    if (server->stopped)
        return;
    server->stopped = true;
    if (server->config.stopped == NULL)
        hv_exit(server->hv, HV_EXIT_POWEROFF);
    server->config.stopped(server->config.context);
}

/* Has the client read all? */
static bool drained(struct control_session *session)
{
    size_t size = session->v->write.size;

    return session->out_at == session->out_length && vchan_writable(session->v, size) == (int)size;
}

static void take_turn(struct control_session *session)
{
    struct control_server *server = session->server;

    if (control_session_serve(session))
        control_session_queue(session);
    if (server->stopping && session->slot == server->stop_slot && session->v != NULL &&
        drained(session))
        stop_now(server);
}

static void take_turns(struct timer *timer)
{
    struct control_server *server = LIST_ENTRY(timer, struct control_server, turn);
    struct list batch;

    list_init(&batch);
    list_splice(&batch, &server->ready);
    while (!list_empty(&batch)) {
        struct control_session *session =
            LIST_ENTRY(list_first(&batch), struct control_session, ready);

        list_remove(&session->ready);
        take_turn(session);
    }
}

static void end_expired(struct timer *timer)
{
    stop_now(LIST_ENTRY(timer, struct control_server, end));
}

static void connected(void *context, unsigned slot, struct vchan *v)
{
    control_session_begin(&((struct control_server *)context)->clients[slot], v);
}

static void event(void *context, unsigned slot, struct vchan *v)
{
    /* At once: of a client that has closed, the listener keeps what is read now. */
    take_turn(&((struct control_server *)context)->clients[slot]);
}

static void disconnected(void *context, unsigned slot)
{
    struct control_server *server = context;

    list_remove(&server->clients[slot].ready);
    control_session_end(&server->clients[slot]);
    if (server->stopping && !server->stopped && server->stop_slot == slot)
        timer_set(server->loop, &server->end, hv_now(server->hv));
}

/* --- the server ---------------------------------------------------------------------------------
 */

/* Where what lies in the pages that it takes. */
struct layout {
    size_t clients, listener, buffers; /* offsets */
    size_t pages;
};

static unsigned client_count(const struct control_server_config *config)
{
    unsigned clients = config->clients != 0 ? config->clients : CLIENTS_DEFAULT;

    return clients < LISTENER_SLOTS_MAX ? clients : LISTENER_SLOTS_MAX;
}

static struct listener_config listener_settings(const struct control_server_config *config,
                                                struct control_server *server)
{
    return (struct listener_config){.client = config->client,
                                    .name = CONTROL_VCHAN_NAME,
                                    .slots = client_count(config),
                                    .left_order = LEFT_ORDER,
                                    .right_order =
                                        config->ring_order ? config->ring_order : RIGHT_ORDER,
                                    .context = server,
                                    .connected = connected,
                                    .event = event,
                                    .disconnected = disconnected};
}

static struct layout plan(const struct control_server_config *config)
{
    const struct listener_config listener = listener_settings(config, NULL);
    unsigned clients = client_count(config);
    struct layout layout;
    size_t end;

    layout.clients = (sizeof(struct control_server) + 63) & ~(size_t)63;
    layout.listener = layout.clients + clients * sizeof(struct control_session);
    layout.listener = (layout.listener + 63) & ~(size_t)63;
    end = layout.listener + listener_size(&listener);
    layout.buffers = (end + HV_PAGE_SIZE - 1) & ~(size_t)(HV_PAGE_SIZE - 1);
    layout.pages = (layout.buffers + 2UL * clients * CONTROL_FRAME_MAX) / HV_PAGE_SIZE;
    return layout;
}

size_t control_server_pages(const struct control_server_config *config)
{
    const struct listener_config listener = listener_settings(config, NULL);

    return plan(config).pages + listener_pages(&listener);
}

struct control_server *control_server_create(struct hv *hv, struct loop *loop,
                                             struct rendezvous *rendezvous,
                                             const struct control_server_config *config)
{
    const struct layout layout = plan(config);
    uint8_t *memory = hv_page_alloc(hv, (unsigned)layout.pages);
    struct control_server *server = (struct control_server *)(void *)memory;
    struct listener_config settings;

    if (memory == NULL)
        return NULL;
    server->hv = hv;
    server->loop = loop;
    server->config = *config;
    server->config.clients = client_count(config);
    server->clients = (struct control_session *)(void *)(memory + layout.clients);
    server->listener = (struct listener *)(void *)(memory + layout.listener);
    server->pages = layout.pages;
    server->started = hv_now(hv);
    server->started_wallclock = hv_wallclock(hv);
    list_init(&server->ready);
    timer_init(&server->turn, take_turns);
    timer_init(&server->end, end_expired);
    for (unsigned i = 0; i < server->config.clients; i++)
        control_session_init(&server->clients[i], server, i,
                             memory + layout.buffers + 2UL * i * CONTROL_FRAME_MAX);

    settings = listener_settings(&server->config, server);
    if (listener_create(server->listener, hv, loop, rendezvous, &settings) != 0) {
        hv_page_free(hv, memory, (unsigned)layout.pages);
        return NULL;
    }
    if (config->log != NULL)
        log_set_listener(config->log, control_core_logged, server);
    return server;
}

void control_server_sealed(struct control_server *server)
{
    server->sealed = true;
}

void control_server_republish(struct control_server *server)
{
    listener_republish(server->listener);
}

void control_server_destroy(struct control_server *server)
{
    if (server->config.log != NULL)
        log_set_listener(server->config.log, NULL, NULL);
    server->stopped = true;
    for (unsigned i = 0; i < server->config.clients; i++)
        if (server->clients[i].v != NULL)
            listener_disconnect(server->listener, i);
    listener_destroy(server->listener);
    timer_cancel(&server->turn);
    timer_cancel(&server->end);
    hv_page_free(server->hv, server, (unsigned)server->pages);
}
