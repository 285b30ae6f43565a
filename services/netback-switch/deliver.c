/* SPDX-License-Identifier: ISC */
/* What was planned is carried out, in one hypercall, and receivers are told as it went. */
#include "engine.h"

#include <string.h>

/**
 * A copy from guest to guest failed: by whose fault? Xen does not say, so one byte is tried from
 * each such source into memory of ours. One more call for the burst, where a guest misbehaves.
 */
static void find_source_faults(struct forward *forward, unsigned failed)
{
    struct hv_copy *tries = forward->copies;
    unsigned count = 0;

    if (failed == 0)
        return;
    /* The failed ones were moved to the front; the first byte of a cell takes what comes. */
    for (; count < failed; count++) {
        struct hv_copy *copy = &tries[count];

        copy->dest = (struct hv_copy_end){.address = forward->cells, .offset = 0};
        copy->length = 1;
    }
    forward->ops = count;
    engine_copy(forward);
    for (unsigned i = 0; i < count; i++) {
        struct delivery *delivery = &forward->delivery[forward->op_delivery[i]];

        if (tries[i].status != 0)
            delivery->source_bad = true;
    }
}

/** Count the copies, and see which deliveries failed. */
static void judge(struct forward *forward)
{
    unsigned failed = 0;
    uint64_t bytes = 0;

    for (unsigned i = 0; i < forward->ops; i++) {
        const struct hv_copy *copy = &forward->copies[i];
        struct delivery *delivery = &forward->delivery[forward->op_delivery[i]];
        struct port *from = delivery->flight->from;

        bytes += copy->length;
        if (from) {
            from->counters.copies++;
            from->counters.copy_bytes += copy->length;
            from->counters.payload_copies += copy->source.foreign;
        }
        if (copy->status == 0)
            continue;
        delivery->failed = true;
        if (copy->source.foreign) {
            forward->copies[failed] = *copy;
            forward->op_delivery[failed++] = forward->op_delivery[i];
        }
    }
    forward->vswitch->totals.copy_bytes += bytes;
    find_source_faults(forward, failed);
}

/** Its buffers in their order, with what is in each. */
static void put(struct forward *forward, const struct delivery *delivery)
{
    struct netif_queue *rings = delivery->queue->rings;
    const struct delivery_buffer *buffer = &forward->buffer[delivery->first_buffer];
    unsigned extras = (delivery->gso != OFFLOAD_GSO_NONE) + (delivery->hash.type != 0);
    unsigned data = delivery->buffers - extras, seen = 0;
    uint16_t headroom = delivery->to->netif.config.xdp_headroom;

    if (delivery->buffers == 1) { /* of most frames it is all there is */
        netif_buffer_put(rings, &buffer->buffer, headroom, (int16_t)buffer->length,
                         delivery->flags);
        return;
    }
    for (unsigned i = 0; i < delivery->buffers; i++, buffer++) {
        unsigned flags = 0;

        switch ((enum buffer_use)buffer->use) {
        case BUFFER_DATA:
            if (seen++ == 0)
                flags = delivery->flags | (extras ? NETIF_RX_EXTRA : 0);
            if (seen < data)
                flags |= NETIF_RX_MORE;
            netif_buffer_put(rings, &buffer->buffer, headroom, (int16_t)buffer->length, flags);
            break;
        case BUFFER_GSO:
            netif_buffer_put_gso(rings, (enum offload_gso)delivery->gso, delivery->mss,
                                 delivery->hash.type != 0);
            break;
        case BUFFER_HASH:
            netif_buffer_put_hash(rings, &delivery->hash, false);
            break;
        }
    }
}

static void put_errors(struct forward *forward, const struct delivery *delivery)
{
    for (unsigned i = 0; i < delivery->buffers; i++)
        netif_buffer_put(delivery->queue->rings,
                         &forward->buffer[delivery->first_buffer + i].buffer, 0, NETIF_RSP_ERROR,
                         0);
}

static void count_out(const struct delivery *delivery)
{
    struct port_counters *counters = &delivery->to->counters;

    counters->out_frames++;
    counters->out_bytes += delivery->length;
    counters->out_gso += delivery->gso != OFFLOAD_GSO_NONE;
    if (delivery->flight->group) {
        const uint8_t *mac = packet_dest(&delivery->flight->packet);

        if ((mac[0] & mac[1] & mac[2] & mac[3] & mac[4] & mac[5]) == 0xff)
            counters->out_broadcast++;
        else
            counters->out_multicast++;
    }
}

void deliver_flush(struct forward *forward)
{
    if (forward->deliveries) {
        engine_copy(forward);
        judge(forward);
    }
    for (unsigned i = 0; i < forward->deliveries; i++) {
        struct delivery *delivery = &forward->delivery[i];
        struct flight *flight = delivery->flight;

        if (!delivery->failed) {
            put(forward, delivery);
            count_out(delivery);
            continue;
        }
        put_errors(forward, delivery);
        if (!delivery->source_bad) {
            engine_drop(forward, delivery->to, flight, DROP_RX_GRANT);
        } else if (!flight->bad && flight->from) {
            flight->bad = true; /* once, however many receivers it had */
            engine_drop(forward, flight->from, flight, DROP_BAD_GRANT);
        }
    }
    forward->ops = forward->deliveries = forward->buffers = forward->cells_used = 0;
}
