/* SPDX-License-Identifier: ISC */
#include "ring_client.h"

#include "client.h"

#include <hv/memory.h>
#include <string.h>

void ring_client_open(struct ring_client *client, struct hv *dom0, domid_t store,
                      struct xenstored *xs)
{
    int error;

    *client = (struct ring_client){.dom0 = dom0, .ring = hv_page_alloc(dom0, 1)};
    if (!client->ring || hv_grant_access(dom0, store, client->ring, false, &client->ref) ||
        hv_evtchn_alloc_unbound(dom0, store, &client->port)) {
        die("no page, grant or port for a ring");
    }
    error = xenstored_attach(xs, hv_domid(dom0), client->ref, client->port);
    if (error) {
        die("attach: %s", strerror(-error));
    }
}

bool ring_client_put(struct ring_client *client, uint32_t type, uint32_t tx_id, const void *payload,
                     size_t length)
{
    struct xsd_sockmsg header = {
        .type = type, .req_id = client->next_id + 1, .tx_id = tx_id, .len = (uint32_t)length};
    char message[XENSTORE_RING_SIZE];
    struct xenstore_domain_interface *ring = client->ring;
    uint32_t prod = ring->req_prod;
    size_t size = sizeof(header) + length, start = MASK_XENSTORE_IDX(prod), first;

    if (size > sizeof(message)) {
        die("request too long for the ring");
    }
    if (size > XENSTORE_RING_SIZE - (prod - hv_shared_read32(client->dom0, &ring->req_cons))) {
        return false;
    }
    memcpy(message, &header, sizeof(header));
    memcpy(message + sizeof(header), payload, length);
    first = size < XENSTORE_RING_SIZE - start ? size : XENSTORE_RING_SIZE - start;
    memcpy(ring->req + start, message, first);
    memcpy(ring->req, message + first, size - first);
    hv_shared_write32(client->dom0, &ring->req_prod, prod + (uint32_t)size);
    client->next_id++;
    return true;
}

void ring_client_notify(struct ring_client *client)
{
    hv_evtchn_send(client->dom0, client->port);
}

/** Move bytes from the ring until @want are in client->answer. False: they are not there yet. */
static bool gather(struct ring_client *client, uint32_t want)
{
    struct xenstore_domain_interface *ring = client->ring;
    uint32_t cons = ring->rsp_cons;
    uint32_t used = hv_shared_read32(client->dom0, &ring->rsp_prod) - cons;
    bool was_full = used >= XENSTORE_RING_SIZE;

    while (client->have < want && used) {
        uint32_t start = MASK_XENSTORE_IDX(cons), length = want - client->have;

        if (length > used) {
            length = used;
        }
        if (length > XENSTORE_RING_SIZE - start) {
            length = XENSTORE_RING_SIZE - start;
        }
        memcpy(client->answer + client->have, ring->rsp + start, length);
        client->have += length;
        cons += length;
        used -= length;
    }
    hv_shared_write32(client->dom0, &ring->rsp_cons, cons);
    if (was_full && used < XENSTORE_RING_SIZE) {
        ring_client_notify(client);
    }
    return client->have >= want;
}

const struct xsd_sockmsg *ring_client_take(struct ring_client *client)
{
    struct xsd_sockmsg *header = (struct xsd_sockmsg *)(void *)client->answer;

    for (;;) {
        if (!gather(client, sizeof(*header))) {
            return NULL;
        }
        if (header->len > XENSTORE_PAYLOAD_MAX) {
            die("an answer of %u bytes", header->len);
        }
        if (!gather(client, (uint32_t)sizeof(*header) + header->len)) {
            return NULL;
        }
        client->have = 0;
        if (header->type != XS_WATCH_EVENT) {
            return header;
        }
    }
}
