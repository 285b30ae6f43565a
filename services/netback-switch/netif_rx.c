/* SPDX-License-Identifier: ISC */
/* What a guest gets: buffers, and the responses in their slots. */
#include "netif_wire.h"

#include <string.h>

/** Copy slots [@from, @to) between the ring and our copy of it, in one or two runs. */
static void slots_copy(struct netif_queue *queue, uint32_t from, uint32_t to, bool out)
{
    struct hv *hv = queue->netif->hv;

    while (from != to) {
        uint32_t at = from % NETIF_RING_SLOTS, count = NETIF_RING_SLOTS - at;

        if (count > to - from)
            count = to - from;
        if (out)
            hv_shared_copy_out(hv, rx_slot(queue, from), &queue->rx[at],
                               (size_t)count * WIRE_RX_SLOT);
        else
            hv_shared_copy_in(hv, &queue->rx[at], rx_slot(queue, from),
                              (size_t)count * WIRE_RX_SLOT);
        from += count;
    }
}

unsigned netif_buffers(struct netif_queue *queue, unsigned wanted)
{
    struct netif *netif = queue->netif;
    uint32_t have = queue->rx_seen - queue->rx_taken, prod;

    if (have >= wanted)
        return have;
    if (netif->failure)
        return 0;
    prod = hv_shared_read32(netif->hv, &rx_ring(queue)->req_prod);
    /* An index that goes back is as far off as one that is too far ahead. */
    if (prod - queue->rx_seen > NETIF_RING_SLOTS - (queue->rx_seen - queue->rx_pushed)) {
        netif_fail(netif, "the RX ring's req_prod is out of distance");
        return 0;
    }
    slots_copy(queue, queue->rx_seen, prod, false);
    queue->rx_seen = prod;
    return prod - queue->rx_taken;
}

void netif_buffer_take(struct netif_queue *queue, struct netif_buffer *buffer)
{
    struct wire_rx_request request;

    HV_ASSERT(queue->rx_taken != queue->rx_seen);
    memcpy(&request, &queue->rx[queue->rx_taken % NETIF_RING_SLOTS], sizeof(request));
    *buffer = (struct netif_buffer){.id = request.id, .ref = request.gref};
    queue->rx_taken++;
}

/**
 * Behind the slots there is room in the page, of no use to the guest: there the id of a buffer is
 * kept over whose slot an extra info is laid, which has no place for it, and the lap of the ring.
 */
static uint32_t *extra_id(const struct netif_queue *queue, uint32_t index)
{
    return (uint32_t *)(void *)rx_slot(queue, 0) + NETIF_RING_SLOTS * WIRE_RX_SLOT / 4 +
           index % NETIF_RING_SLOTS;
}
_Static_assert(sizeof(struct wire_ring) + NETIF_RING_SLOTS * (WIRE_RX_SLOT + 4) <= HV_PAGE_SIZE,
               "in the page");

static uint32_t extra_mark(uint32_t index, uint16_t id)
{
    return id | (index / NETIF_RING_SLOTS & 0x7fff) << 16 | UINT32_C(1) << 31;
}

/** An extra info is to be laid over the oldest buffer taken. */
static inline void keep_id(struct netif_queue *queue)
{
    uint32_t index = queue->rx_answered;
    struct wire_rx_request request;

    memcpy(&request, &queue->rx[index % NETIF_RING_SLOTS], sizeof(request));
    hv_shared_write32(queue->netif->hv, extra_id(queue, index), extra_mark(index, request.id));
}

/** Lay a response over the oldest buffer taken. */
static inline void answer(struct netif_queue *queue, const void *response)
{
    HV_ASSERT(queue->rx_answered != queue->rx_taken);
    memcpy(&queue->rx[queue->rx_answered % NETIF_RING_SLOTS], response, WIRE_RX_SLOT);
    queue->rx_answered++;
}

void netif_buffer_put(struct netif_queue *queue, const struct netif_buffer *buffer, uint16_t offset,
                      int16_t status, unsigned flags)
{
    const struct wire_rx_response response = {
        .id = buffer->id, .offset = offset, .flags = (uint16_t)flags, .status = status};

    answer(queue, &response);
}

void netif_buffer_put_gso(struct netif_queue *queue, enum offload_gso gso, uint16_t mss, bool more)
{
    const struct wire_extra extra = {
        .type = EXTRA_GSO,
        .flags = more ? EXTRA_FLAG_MORE : 0,
        .u.gso = {.size = mss, .type = gso == OFFLOAD_GSO_TCPV4 ? GSO_TYPE_TCPV4 : GSO_TYPE_TCPV6},
    };

    keep_id(queue);
    answer(queue, &extra);
}

void netif_buffer_put_hash(struct netif_queue *queue, const struct netif_hash *hash, bool more)
{
    struct wire_extra extra = {
        .type = EXTRA_HASH,
        .flags = more ? EXTRA_FLAG_MORE : 0,
        .u.hash = {.type = (uint8_t)(hash->type - 1), .algorithm = HASH_ALGORITHM_TOEPLITZ},
    };

    memcpy(extra.u.hash.value, &hash->value, sizeof(extra.u.hash.value));
    keep_id(queue);
    answer(queue, &extra);
}

bool netif_rx_arm(struct netif_queue *queue)
{
    return !queue->netif->failure && ring_arm(queue->netif->hv, rx_ring(queue), queue->rx_seen);
}

uint32_t netif_rx_inherit(struct netif_queue *queue, uint32_t rsp, uint32_t requests)
{
    struct hv *hv = queue->netif->hv;
    struct inherited left = note_read(hv, rx_ring(queue), rsp, requests);
    uint32_t now = rsp + left.whole;

    /* Buffers whose references are lost: the id is where it was in either, but for extra infos. */
    for (; left.broken > 0; left.broken--, now++) {
        struct wire_rx_response response = {.status = NETIF_RSP_ERROR};
        uint32_t mark = hv_shared_read32(hv, extra_id(queue, now));

        hv_shared_copy_in(hv, &response.id, rx_slot(queue, now), sizeof(response.id));
        if (mark == extra_mark(now, (uint16_t)mark))
            response.id = (uint16_t)mark;
        hv_shared_copy_out(hv, rx_slot(queue, now), &response, sizeof(response));
    }
    if (now != rsp)
        hv_shared_write32(hv, &rx_ring(queue)->rsp_prod, now);
    note_start(hv, rx_ring(queue), now);
    return now;
}

bool netif_rx_push(struct netif_queue *queue)
{
    uint32_t old = queue->rx_pushed, now = queue->rx_answered;

    if (now == old)
        return false;
    note_begun(queue->netif->hv, rx_ring(queue), now);
    slots_copy(queue, old, now, true);
    note_whole(queue->netif->hv, rx_ring(queue), now);
    queue->rx_pushed = now;
    return ring_publish(queue->netif->hv, rx_ring(queue), old, now);
}
