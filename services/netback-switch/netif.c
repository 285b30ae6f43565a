/* SPDX-License-Identifier: ISC */
/* A vif's rings as a whole: connected, published, ended. */
#include "netif_wire.h"

#include <errno.h>
#include <string.h>

#include "common/list.h"

_Static_assert(sizeof(struct netif_queue) <= HV_PAGE_SIZE, "a page of the arena for each");

void netif_fail(struct netif *netif, const char *why)
{
    if (netif->failure)
        return;
    netif->failure = why;
    netif->callbacks->failed(netif->context, why);
}

static void queue_work(struct netif_queue *queue)
{
    struct netif *netif = queue->netif;

    if (!netif->failure)
        netif->callbacks->work(netif->context, queue);
}

static void on_tx_event(struct loop_port *port)
{
    queue_work(LIST_ENTRY(port, struct netif_queue, tx_event));
}

static void on_rx_event(struct loop_port *port)
{
    queue_work(LIST_ENTRY(port, struct netif_queue, rx_event));
}

/** Bind the guest's @remote and have @handle called. */
static int port_open(struct netif *netif, struct loop_port *entry, evtchn_port_t remote,
                     loop_port_fn *handle)
{
    evtchn_port_t port;
    int rc = hv_evtchn_bind_interdomain(netif->hv, netif->config.domid, remote, &port);

    if (rc == 0)
        loop_port_add(netif->loop, entry, port, handle);
    return rc;
}

static void port_close(struct netif *netif, struct loop_port *entry)
{
    evtchn_port_t port = entry->port;

    if (port == 0)
        return;
    loop_port_remove(netif->loop, entry);
    (void)hv_evtchn_close(netif->hv, port);
}

/** Go on where rsp_prod says that the last backend stopped. */
static int indices_take_over(struct netif_queue *queue)
{
    struct hv *hv = queue->netif->hv;
    uint32_t tx = hv_shared_read32(hv, &tx_ring(queue)->rsp_prod);
    uint32_t rx = hv_shared_read32(hv, &rx_ring(queue)->rsp_prod);
    uint32_t tx_prod = hv_shared_read32(hv, &tx_ring(queue)->req_prod);
    uint32_t rx_prod = hv_shared_read32(hv, &rx_ring(queue)->req_prod);
    struct inherited left;

    if (tx_prod - tx > NETIF_RING_SLOTS || rx_prod - rx > NETIF_RING_SLOTS)
        return -EINVAL;
    queue->netif->inherited |= tx != 0 || rx != 0;
    left = note_read(hv, tx_ring(queue), tx, tx_prod - tx);
    if (left.whole > 0) {
        tx += left.whole;
        hv_shared_write32(hv, &tx_ring(queue)->rsp_prod, tx);
    }
    note_start(hv, tx_ring(queue), tx);
    rx = netif_rx_inherit(queue, rx, rx_prod - rx);
    queue->tx_seen = queue->tx_copied = queue->tx_taken = queue->tx_answered = tx;
    queue->rx_seen = queue->rx_taken = queue->rx_answered = queue->rx_pushed = rx;
    /* Without a note, of a predecessor that kept none, each of them may be a response. */
    queue->tx_inherited = left.noted ? left.broken : tx == 0 ? 0 : tx_prod - tx;
    return 0;
}

static int queue_open(struct netif *netif, unsigned index, const char **why)
{
    evtchn_port_t tx_port = netif->config.queue[index].tx_port;
    evtchn_port_t rx_port = netif->config.queue[index].rx_port;
    struct netif_queue *queue = arena_zalloc(netif->arena, sizeof(*queue));
    int rc;

    if (!queue) {
        *why = "no memory for a queue";
        return -ENOMEM;
    }
    netif->queue[netif->queue_count++] = queue;
    queue->netif = netif;
    queue->index = index;
    queue->tx_ring = (uint8_t *)netif->rings + (size_t)index * 2 * HV_PAGE_SIZE;
    queue->rx_ring = (uint8_t *)queue->tx_ring + HV_PAGE_SIZE;
    rc = indices_take_over(queue);
    if (rc != 0) {
        *why = "a ring's indices are out of distance";
        return rc;
    }
    rc = port_open(netif, &queue->tx_event, tx_port, on_tx_event);
    if (rc == 0 && rx_port != tx_port)
        rc = port_open(netif, &queue->rx_event, rx_port, on_rx_event);
    if (rc != 0)
        *why = "an event channel cannot be bound";
    queue->tx_port = queue->tx_event.port;
    queue->rx_port = queue->rx_event.port != 0 ? queue->rx_event.port : queue->tx_port;
    return rc;
}

/** The predecessor may have published responses, and died before it said so. */
static void notify_inherited(struct netif *netif)
{
    for (unsigned i = 0; i < netif->queue_count; i++) {
        const struct netif_queue *queue = netif->queue[i];

        if (queue->tx_answered != 0 || queue->rx_pushed != 0)
            (void)hv_evtchn_send(netif->hv, queue->tx_port);
        if (queue->rx_port != queue->tx_port && queue->rx_pushed != 0)
            (void)hv_evtchn_send(netif->hv, queue->rx_port);
    }
}

static int rings_map(struct netif *netif)
{
    grant_ref_t refs[2 * NETIF_QUEUES_MAX];

    for (unsigned i = 0; i < netif->config.queues; i++) {
        refs[2 * i] = netif->config.queue[i].tx_ref;
        refs[2 * i + 1] = netif->config.queue[i].rx_ref;
    }
    return hv_grant_map(netif->hv, netif->config.domid, refs, 2 * netif->config.queues, false,
                        &netif->rings);
}

static int open_all(struct netif *netif, const char **why)
{
    int rc = rings_map(netif);

    if (rc != 0) {
        netif->rings = NULL;
        *why = "a ring cannot be mapped";
        return rc;
    }
    for (unsigned i = 0; i < netif->config.queues; i++) {
        rc = queue_open(netif, i, why);
        if (rc != 0)
            return rc;
    }
    return netif->config.has_control ? netif_control_open(netif, why) : 0;
}

int netif_connect(struct netif *netif, struct hv *hv, struct loop *loop, struct arena *arena,
                  const struct netif_config *config, const struct netif_callbacks *callbacks,
                  void *context, const char **why)
{
    int rc;

    *netif = (struct netif){
        .hv = hv,
        .loop = loop,
        .arena = arena,
        .callbacks = callbacks,
        .context = context,
        .config = *config,
    };
    if (config->queues == 0 || config->queues > NETIF_QUEUES_MAX) {
        *why = "no such number of queues";
        return -EINVAL;
    }
    rc = open_all(netif, why);
    if (rc != 0) {
        netif_disconnect(netif);
        return rc;
    }
    hv_random(hv, &netif->key, sizeof(netif->key));
    notify_inherited(netif);
    return 0;
}

void netif_disconnect(struct netif *netif)
{
    if (netif->control)
        netif_control_close(netif);
    for (unsigned i = 0; i < netif->queue_count; i++) {
        struct netif_queue *queue = netif->queue[i];

        port_close(netif, &queue->tx_event);
        port_close(netif, &queue->rx_event);
        arena_free(netif->arena, queue, sizeof(*queue));
        netif->queue[i] = NULL;
    }
    netif->queue_count = 0;
    if (netif->rings)
        HV_ASSERT(hv_grant_unmap(netif->hv, netif->rings, 2 * netif->config.queues) == 0);
    netif->rings = NULL;
}

unsigned netif_publish_rx(struct netif_queue *queue)
{
    struct netif *netif = queue->netif;

    if (netif->failure || !netif_rx_push(queue))
        return 0;
    if (queue->rx_port == queue->tx_port) {
        queue->rx_owed = true;
        return 0;
    }
    (void)hv_evtchn_send(netif->hv, queue->rx_port);
    return 1;
}

unsigned netif_publish_tx(struct netif_queue *queue)
{
    struct netif *netif = queue->netif;
    bool owed = queue->rx_owed;

    if (netif->failure)
        return 0;
    queue->rx_owed = false;
    if (!netif_tx_push(queue) && !owed)
        return 0;
    (void)hv_evtchn_send(netif->hv, queue->tx_port);
    return 1;
}
