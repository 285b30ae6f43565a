/* SPDX-License-Identifier: ISC */
/* A connection's beginning, fresh start and end; what it does in between is in connection.c. */
#include "connection.h"

#include <errno.h>
#include <string.h>

#include "domain.h"
#include "output.h"
#include "recorder.h"
#include "transaction.h"
#include "watch.h"

static void set_subject(const struct xenstored *xs, struct connection *connection)
{
    domid_t domid = connection->domain->domid;

    connection->subject = (struct subject){
        .domid = domid,
        .target = connection->target,
        .privileged = domid == xs->priv_domid || domid == hv_domid(xs->hv),
    };
}

struct connection *connection_new(struct xenstored *xs, struct domain *domain)
{
    struct connection *connection = arena_zalloc(xs->arena, sizeof(*connection));

    if (!connection)
        return NULL;
    connection->xs = xs;
    connection->domain = domain;
    connection->target = domain->domid;
    connection->id = ++xs->connection_ids;
    set_subject(xs, connection);
    list_init(&connection->output);
    list_init(&connection->watches);
    list_init(&connection->transactions);
    list_init(&connection->ready);
    list_init(&connection->unflushed);
    list_init(&connection->unlogged);
    list_init(&connection->resetting);
    list_append(&xs->connections, &connection->all);
    return connection;
}

int connection_map(struct xenstored *xs, struct connection *connection, grant_ref_t ref,
                   evtchn_port_t remote_port)
{
    void *page;
    int error = hv_grant_map(xs->hv, connection->domain->domid, &ref, 1, false, &page);

    if (error)
        return error;
    error = connection_rebind(xs, connection, remote_port);
    if (error) {
        (void)hv_grant_unmap(xs->hv, page, 1);
        return error;
    }
    connection->ring = page;
    connection->ref = ref;
    return 0;
}

int connection_create(struct xenstored *xs, struct domain *domain, grant_ref_t ref,
                      evtchn_port_t remote_port, struct connection **result)
{
    struct connection *connection = connection_new(xs, domain);
    int error;

    if (!connection)
        return -ENOMEM;
    error = connection_map(xs, connection, ref, remote_port);
    if (error) {
        list_remove(&connection->all);
        arena_free(xs->arena, connection, sizeof(*connection));
        return error;
    }
    connection->req_cons = hv_shared_read32(xs->hv, &connection->ring->req_cons);
    hv_shared_write32(xs->hv, &connection->ring->server_features, domain->features);
    *result = connection;
    return 0;
}

int connection_lose(struct xenstored *xs, struct connection *connection)
{
    connection->ring = arena_zalloc(xs->arena, sizeof(*connection->ring));
    if (!connection->ring)
        return -ENOMEM;
    connection_drop_state(xs, connection);
    connection->lost = connection->broken = true;
    return 0;
}

static void handle_event(struct loop_port *event)
{
    struct connection *connection = LIST_ENTRY(event, struct connection, event);

    connection_wake(connection->xs, connection);
}

static void close_port(struct xenstored *xs, struct connection *connection)
{
    evtchn_port_t port = connection->event.port;

    if (!port)
        return;
    loop_port_remove(&xs->loop, &connection->event);
    hv_evtchn_close(xs->hv, port);
}

int connection_rebind(struct xenstored *xs, struct connection *connection,
                      evtchn_port_t remote_port)
{
    evtchn_port_t port;
    int error;

    close_port(xs, connection);
    error = hv_evtchn_bind_interdomain(xs->hv, connection->domain->domid, remote_port, &port);
    if (error)
        return error;
    connection->remote_port = remote_port;
    loop_port_add(&xs->loop, &connection->event, port, handle_event);
    return 0;
}

void connection_drop_input(struct xenstored *xs, struct connection *connection)
{
    uint32_t length = connection->in_header.length;

    connection->in_have = 0;
    if (!connection->in_payload)
        return;
    domain_add_memory(xs, connection->domain, -(long)length);
    arena_free(xs->arena, connection->in_payload, length);
    connection->in_payload = NULL;
}

void connection_drop_state(struct xenstored *xs, struct connection *connection)
{
    connection_drop_input(xs, connection);
    output_drop_all(xs, connection);
    watch_remove_all(xs, connection);
    transaction_end_all(xs, connection);
    list_remove(&connection->ready);
}

static void unmap(struct xenstored *xs, struct connection *connection)
{
    if (connection->lost)
        arena_free(xs->arena, connection->ring, sizeof(*connection->ring));
    else if (connection->ring && hv_grant_unmap(xs->hv, connection->ring, 1))
        log_write(xs->log, LOG_ERROR, "cannot unmap the ring of domain %u",
                  connection->domain->domid);
}

void connection_destroy(struct xenstored *xs, struct connection *connection)
{
    connection_drop_state(xs, connection);
    list_remove(&connection->unflushed);
    list_remove(&connection->unlogged);
    list_remove(&connection->resetting);
    list_remove(&connection->all);
    close_port(xs, connection);
    unmap(xs, connection);
    arena_free(xs->arena, connection, sizeof(*connection));
}

void connection_finish_reset(struct xenstored *xs, struct connection *connection)
{
    struct xs_ring *ring = connection->ring;

    list_remove(&connection->resetting);
    hv_shared_write32(xs->hv, &ring->req_cons, 0);
    hv_shared_write32(xs->hv, &ring->req_prod, 0);
    hv_shared_write32(xs->hv, &ring->rsp_cons, 0);
    hv_shared_write32(xs->hv, &ring->rsp_prod, 0);
    hv_shared_write32(xs->hv, &ring->error, XS_ERROR_NONE);
    hv_shared_write32(xs->hv, &ring->connection, XS_CONNECTED);
    connection->notify = true;
    connection_notify(xs, connection);
}

/*
 * With a journal, the ring is emptied when the reset is in it. Until then the ring says that it is
 * to be, which tells a successor whether that has been done.
 */
void connection_reset(struct xenstored *xs, struct connection *connection)
{
    connection_drop_state(xs, connection);
    connection->broken = false;
    connection->error = XS_ERROR_NONE;
    connection->req_cons = 0;
    if (!recording(xs)) {
        connection_finish_reset(xs, connection);
        return;
    }
    hv_shared_write32(xs->hv, &connection->ring->connection, XS_RECONNECT);
    recorder_reset(xs, connection);
}
