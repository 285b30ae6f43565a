/* SPDX-License-Identifier: ISC */
#include "bridge.h"

#include <errno.h>
#include <hv/memory.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

/** One accepted socket and its ring. */
struct client {
    int fd;
    uint32_t interest; /**< what epoll watches @fd for */
    evtchn_port_t port;
    grant_ref_t ref;
    struct xenstore_domain_interface *ring;
};

struct bridge {
    struct hv *dom0;
    domid_t store;
    struct xenstored *xs;
    int listener;
    int epoll;
    struct client *clients[HV_EVTCHN_PORTS]; /**< by dom0's port */
};

enum { EVENTS_PER_POLL = 64 };

static void client_watch(struct bridge *bridge, struct client *client, uint32_t interest)
{
    struct epoll_event event = {.events = interest, .data.ptr = client};

    if (client->interest == interest) {
        return;
    }
    if (epoll_ctl(bridge->epoll, EPOLL_CTL_MOD, client->fd, &event)) {
        hv_panic("epoll_ctl: %s", strerror(errno));
    }
    client->interest = interest;
}

static void client_close(struct bridge *bridge, struct client *client)
{
    xenstored_detach(bridge->xs, hv_domid(bridge->dom0), client->port);
    bridge->clients[client->port] = NULL;
    hv_evtchn_close(bridge->dom0, client->port);
    if (hv_grant_revoke(bridge->dom0, client->ref)) {
        hv_panic("a detached ring is still mapped");
    }
    hv_page_free(bridge->dom0, client->ring, 1);
    close(client->fd);
    free(client);
}

/** Take answers out of the ring into the socket. False: the socket is dead. */
static bool client_drain(struct bridge *bridge, struct client *client)
{
    struct xenstore_domain_interface *ring = client->ring;
    uint32_t prod = hv_shared_read32(bridge->dom0, &ring->rsp_prod);
    uint32_t cons = ring->rsp_cons;
    bool was_full = prod - cons >= XENSTORE_RING_SIZE;
    ssize_t sent = 0;

    while (prod != cons) {
        uint32_t start = MASK_XENSTORE_IDX(cons);
        uint32_t length = XENSTORE_RING_SIZE - start;

        if (length > prod - cons) {
            length = prod - cons;
        }
        sent = send(client->fd, ring->rsp + start, length, MSG_NOSIGNAL);
        if (sent < 0) {
            break;
        }
        cons += (uint32_t)sent;
        hv_shared_write32(bridge->dom0, &ring->rsp_cons, cons);
    }
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        return false;
    }
    /* As Linux' xenbus does: the service can only have stopped where the ring was full. */
    if (was_full && prod - cons < XENSTORE_RING_SIZE) {
        hv_evtchn_send(bridge->dom0, client->port);
    }
    return true;
}

/** Read from the socket into the ring. False: the peer has closed, or the socket is dead. */
static bool client_fill(struct bridge *bridge, struct client *client)
{
    struct xenstore_domain_interface *ring = client->ring;
    uint32_t cons = hv_shared_read32(bridge->dom0, &ring->req_cons);
    uint32_t prod = ring->req_prod;
    uint32_t first = prod;
    bool open = true;

    while (prod - cons < XENSTORE_RING_SIZE) {
        uint32_t start = MASK_XENSTORE_IDX(prod);
        uint32_t length = XENSTORE_RING_SIZE - start;
        ssize_t got;

        if (length > XENSTORE_RING_SIZE - (prod - cons)) {
            length = XENSTORE_RING_SIZE - (prod - cons);
        }
        got = recv(client->fd, ring->req + start, length, 0);
        if (got > 0) {
            prod += (uint32_t)got;
        }
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            open = false;
        }
        if (got < (ssize_t)length) {
            break;
        }
    }
    if (prod != first) {
        hv_shared_write32(bridge->dom0, &ring->req_prod, prod);
        hv_evtchn_send(bridge->dom0, client->port);
    }
    return open;
}

/** What epoll is to wake us for, as the ring stands. */
static void client_rearm(struct bridge *bridge, struct client *client)
{
    struct xenstore_domain_interface *ring = client->ring;
    uint32_t interest = 0;

    if (ring->req_prod - hv_shared_read32(bridge->dom0, &ring->req_cons) < XENSTORE_RING_SIZE) {
        interest |= EPOLLIN;
    }
    if (hv_shared_read32(bridge->dom0, &ring->rsp_prod) != ring->rsp_cons) {
        interest |= EPOLLOUT;
    }
    client_watch(bridge, client, interest);
}

/** Give @client a ring of its own and attach it. Negative errno: nothing is left behind. */
static int client_attach(struct bridge *bridge, struct client *client)
{
    int error;

    client->ring = hv_page_alloc(bridge->dom0, 1);
    if (!client->ring) {
        return -ENOMEM;
    }
    error = hv_grant_access(bridge->dom0, bridge->store, client->ring, false, &client->ref);
    if (error) {
        goto free_page;
    }
    error = hv_evtchn_alloc_unbound(bridge->dom0, bridge->store, &client->port);
    if (error) {
        goto revoke;
    }
    error = xenstored_attach(bridge->xs, hv_domid(bridge->dom0), client->ref, client->port);
    if (error) {
        goto close_port;
    }
    return 0;

close_port:
    hv_evtchn_close(bridge->dom0, client->port);
revoke:
    if (hv_grant_revoke(bridge->dom0, client->ref)) {
        hv_panic("a ring that was not attached is mapped");
    }
free_page:
    hv_page_free(bridge->dom0, client->ring, 1);
    return error;
}

static void bridge_accept(struct bridge *bridge)
{
    int fd;

    while ((fd = accept4(bridge->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *client = calloc(1, sizeof(*client));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        int error = client ? client_attach(bridge, client) : -ENOMEM;

        if (error) {
            fprintf(stderr, "xenstored-local: connection refused: %s\n", strerror(-error));
            free(client);
            close(fd);
            continue;
        }
        client->fd = fd;
        client->interest = EPOLLIN;
        bridge->clients[client->port] = client;
        if (epoll_ctl(bridge->epoll, EPOLL_CTL_ADD, fd, &event)) {
            hv_panic("epoll_ctl: %s", strerror(errno));
        }
    }
}

struct bridge *bridge_create(struct hv *dom0, domid_t store, struct xenstored *xs, int listener)
{
    struct bridge *bridge = calloc(1, sizeof(*bridge));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

    if (!bridge) {
        return NULL;
    }
    bridge->dom0 = dom0;
    bridge->store = store;
    bridge->xs = xs;
    bridge->listener = listener;
    bridge->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (bridge->epoll < 0 || epoll_ctl(bridge->epoll, EPOLL_CTL_ADD, listener, &event)) {
        free(bridge);
        return NULL;
    }
    return bridge;
}

void bridge_destroy(struct bridge *bridge)
{
    for (size_t i = 0; i < HV_EVTCHN_PORTS; i++) {
        if (bridge->clients[i]) {
            client_close(bridge, bridge->clients[i]);
        }
    }
    close(bridge->epoll);
    free(bridge);
}

int bridge_poll(struct bridge *bridge, int timeout_ms)
{
    struct epoll_event events[EVENTS_PER_POLL];
    int count = epoll_wait(bridge->epoll, events, EVENTS_PER_POLL, timeout_ms);

    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;
        bool open = true;

        if (!client) {
            bridge_accept(bridge);
            continue;
        }
        if (events[i].events & EPOLLOUT) {
            open = client_drain(bridge, client);
        }
        if (open && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
            open = client_fill(bridge, client);
        }
        if (open) {
            client_rearm(bridge, client);
        } else {
            client_close(bridge, client);
        }
    }
    return count < 0 ? -errno : 0;
}

bool bridge_handle_events(struct bridge *bridge)
{
    bool any = false;
    evtchn_port_t port;

    while ((port = hv_evtchn_next(bridge->dom0)) != 0) {
        struct client *client = bridge->clients[port];

        any = true;
        if (!client) {
            continue; /* dom0's own ring, which nobody uses here */
        }
        /* A daemon answers a protocol error on a socket by closing it; on a ring it says so. */
        if (!client_drain(bridge, client) ||
            hv_shared_read32(bridge->dom0, &client->ring->error) != XENSTORE_ERROR_NONE) {
            client_close(bridge, client);
        } else {
            client_rearm(bridge, client);
        }
    }
    return any;
}
