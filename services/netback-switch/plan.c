/* SPDX-License-Identifier: ISC */
/* A frame's ways to its receivers: may they have it, how do they take it, which bytes go where. */
#include "engine.h"

#include <string.h>

#include "common/mirror_wire.h"

#include "mirror.h"
#include "netif_control.h"

/** What of a frame goes to one receiver. */
struct way {
    struct flight *flight;
    struct port *to;
    bool flood;
    enum vlan_form form;
};

/** Count a frame that @to does not get. What a flood is not meant for is no drop. */
static void refuse(struct forward *forward, const struct way *way, enum drop_reason reason)
{
    bool receiver = reason >= DROP_RATE_OUT && reason <= DROP_FILTERED;

    if (way->flood && !receiver)
        return;
    if (!receiver && way->flight->from)
        engine_drop(forward, way->flight->from, way->flight, reason);
    else
        engine_drop(forward, way->to, way->flight, reason);
}

static bool asked_for(const struct port *port, const uint8_t mac[6])
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    if (port->multicast_lost || memcmp(mac, broadcast, 6) == 0)
        return true;
    for (unsigned i = 0; i < port->multicast_count; i++)
        if (memcmp(port->multicast[i], mac, 6) == 0)
            return true;
    return false;
}

/** Bytes of a buffer that a frame may be put into. */
static unsigned room_in(const struct port *to)
{
    uint16_t headroom = to->netif.config.xdp_headroom;

    return HV_PAGE_SIZE - (headroom < FORWARD_HEADROOM ? headroom : FORWARD_HEADROOM);
}

/** May @way->to have it? */
static enum drop_reason may_have(struct forward *forward, struct way *way)
{
    const struct flight *flight = way->flight;
    struct port *to = way->to;
    enum drop_reason reason;

    if (flight->from) {
        if (flight->from->isolated && to->isolated)
            return DROP_ISOLATED;
        if (to->blocked_until > forward->now)
            return DROP_LOOP;
        reason = policy_receive(&to->policy, &flight->packet);
        if (reason != DROP_NONE)
            return reason;
        if (flight->group && to->netif.config.multicast_control &&
            !asked_for(to, packet_dest(&flight->packet)))
            return DROP_FILTERED;
    }
    way->form = vlan_egress(&to->vlan, &flight->packet, flight->vid);
    return way->form == VLAN_NONE ? DROP_VLAN : DROP_NONE;
}

/** The bytes of the frame's header as they leave. */
static inline const uint8_t *header_of(struct forward *forward, const struct way *way,
                                       const uint8_t *data, unsigned length, unsigned *formed)
{
    struct flight *flight = way->flight;
    uint8_t *at;

    if (way->form == VLAN_AS_IS) {
        *formed = length;
        return data;
    }
    if (data != flight->header) {
        at = forward->cells + (size_t)forward->cells_used++ * ENGINE_CELL;
        *formed = vlan_rewrite(at, data, length, &flight->packet, flight->vid, way->form);
        return at;
    }
    /* A flood makes each form once. */
    at = flight->forms + (way->form == VLAN_TAGGED ? FORM_TAGGED_AT : FORM_UNTAGGED_AT);
    if (flight->formed & 1U << way->form) {
        unsigned old = flight->packet.tagged ? ETHER_TAG : 0;

        *formed = length - old + (way->form == VLAN_TAGGED ? ETHER_TAG : 0);
        return at;
    }
    flight->formed = (uint8_t)(flight->formed | 1U << way->form);
    *formed = vlan_rewrite(at, data, length, &flight->packet, flight->vid, way->form);
    return at;
}

static void add_private(struct pieces *pieces, const uint8_t *data, unsigned length)
{
    while (length) {
        unsigned page = HV_PAGE_SIZE - (unsigned)((uintptr_t)data % HV_PAGE_SIZE);
        unsigned part = length < page ? length : page;

        pieces->length[pieces->count] = (uint16_t)part;
        pieces->piece[pieces->count++] = (struct piece){.data = data};
        data += part;
        length -= part;
    }
}

/** What of the sender's slots is behind the first @skip bytes. */
static void add_slots(struct pieces *pieces, const struct netif_frame *frame, unsigned skip)
{
    for (unsigned i = 0; i < frame->slots; i++) {
        const struct netif_slot *slot = &frame->slot[i];

        if (skip >= slot->length) {
            skip -= slot->length;
            continue;
        }
        pieces->length[pieces->count] = (uint16_t)(slot->length - skip);
        pieces->piece[pieces->count++] =
            (struct piece){.ref = slot->ref, .offset = (uint16_t)(slot->offset + skip)};
        skip = 0;
    }
}

/** Write down one copy of @delivery. */
static inline void add_copy(struct forward *forward, struct delivery *delivery,
                            const struct piece *piece, unsigned from, grant_ref_t ref, unsigned at,
                            unsigned length)
{
    struct hv_copy *copy = &forward->copies[forward->ops];

    forward->op_delivery[forward->ops++] = (uint16_t)forward->deliveries;
    if (piece->data) {
        uintptr_t address = (uintptr_t)piece->data;

        copy->source.foreign = false;
        copy->source.address = (uint8_t *)(address - address % HV_PAGE_SIZE);
        copy->source.offset = (uint16_t)(address % HV_PAGE_SIZE + from);
    } else {
        copy->source.foreign = true;
        copy->source.domid = delivery->flight->from->netif.config.domid;
        copy->source.ref = piece->ref;
        copy->source.offset = (uint16_t)(piece->offset + from);
    }
    copy->dest.foreign = true;
    copy->dest.domid = delivery->to->netif.config.domid;
    copy->dest.ref = ref;
    copy->dest.offset = (uint16_t)at;
    copy->length = (uint16_t)length;
}

/** Take the next buffer for @delivery; more use of it than its number there is not for extras. */
static struct delivery_buffer *take_buffer(struct forward *forward, struct delivery *delivery,
                                           enum buffer_use use)
{
    struct delivery_buffer *buffer = &forward->buffer[forward->buffers++];

    netif_buffer_take(delivery->queue->rings, &buffer->buffer);
    buffer->use = (uint8_t)use;
    buffer->length = 0;
    delivery->buffers++;
    return buffer;
}

/** Take the buffers that @layout says, the extras' behind the first, and write down the copies. */
static void reserve(struct forward *forward, struct delivery *delivery, const struct pieces *pieces,
                    const struct layout *layout)
{
    unsigned headroom = delivery->to->netif.config.xdp_headroom;
    struct delivery_buffer *buffer = NULL;

    delivery->first_op = (uint16_t)forward->ops;
    delivery->first_buffer = (uint16_t)forward->buffers;
    delivery->buffers = 0;
    for (unsigned i = 0; i < layout->parts; i++) {
        const struct layout_part *part = &layout->part[i];

        if (part->at == 0) {
            buffer = take_buffer(forward, delivery, BUFFER_DATA);
            buffer->length = layout->used[part->buffer];
        }
        add_copy(forward, delivery, &pieces->piece[part->piece], part->from, buffer->buffer.ref,
                 headroom + part->at, part->length);
        if (part->buffer == 0 && (i + 1 == layout->parts || layout->part[i + 1].buffer == 1)) {
            if (delivery->gso != OFFLOAD_GSO_NONE)
                take_buffer(forward, delivery, BUFFER_GSO);
            if (delivery->hash.type)
                take_buffer(forward, delivery, BUFFER_HASH);
        }
    }
    delivery->ops = (uint16_t)(forward->ops - delivery->first_op);
    forward->deliveries++;
    engine_touch(forward, delivery->queue);
}

/** Which of its queues it goes to, and room for one delivery. */
static inline struct delivery *new_delivery(struct forward *forward, const struct way *way)
{
    struct delivery *delivery;
    unsigned queue = 0;

    if (!deliver_room(forward))
        deliver_flush(forward);
    delivery = &forward->delivery[forward->deliveries];
    delivery->flight = way->flight;
    delivery->to = way->to;
    delivery->flags = 0;
    delivery->gso = OFFLOAD_GSO_NONE;
    delivery->mss = 0;
    delivery->failed = delivery->source_bad = false;
    delivery->hash.type = 0;
    if (way->to->netif.queue_count > 1 || way->to->netif.control)
        queue = netif_select(&way->to->netif, &way->flight->packet, &delivery->hash);
    delivery->queue = &way->to->forward->queue[queue];
    return delivery;
}

/** The most common frame: all of it in the @length bytes at @data, for one buffer. False: it is to
 * be planned as any other. */
static bool deliver_small(struct forward *forward, struct delivery *delivery, const uint8_t *data,
                          unsigned length)
{
    struct netif_queue *rings = delivery->queue->rings;
    unsigned headroom = delivery->to->netif.config.xdp_headroom;
    struct piece piece = {.data = data};
    struct delivery_buffer *buffer;

    if (delivery->hash.type || headroom > FORWARD_HEADROOM || netif_buffers(rings, 1) == 0)
        return false;
    delivery->length = length;
    delivery->first_op = (uint16_t)forward->ops;
    delivery->ops = 1;
    delivery->first_buffer = (uint16_t)forward->buffers;
    delivery->buffers = 1;
    buffer = &forward->buffer[forward->buffers++];
    netif_buffer_take(rings, &buffer->buffer);
    buffer->use = BUFFER_DATA;
    buffer->length = (uint16_t)length;
    add_copy(forward, delivery, &piece, 0, buffer->buffer.ref, headroom, length);
    forward->deliveries++;
    engine_touch(forward, delivery->queue);
    return true;
}

/**
 * Lay @pieces out for @delivery. @needed: buffers, with extras, where there are not enough.
 * DROP_NONE: planned. DROP_NO_BUFFER: there are too few.
 */
static enum drop_reason deliver(struct forward *forward, struct delivery *delivery,
                                const struct pieces *pieces, unsigned *needed)
{
    const struct netif_config *takes = &delivery->to->netif.config;
    unsigned extras = (delivery->gso != OFFLOAD_GSO_NONE) + (delivery->hash.type != 0);
    unsigned available, limit;
    struct layout layout;

    if (takes->xdp_headroom > FORWARD_HEADROOM)
        return DROP_NO_OFFLOAD;
    delivery->length = 0;
    for (unsigned i = 0; i < pieces->count; i++)
        delivery->length += pieces->length[i];
    available = netif_buffers(delivery->queue->rings, extras + pieces->count);
    if (!takes->sg)
        limit = 1;
    else if (delivery->flight->waited)
        limit = 0; /* as few as it waited for: the others are promised to those behind it */
    else
        limit = available > extras ? available - extras : 0;
    if (!layout_make(&layout, pieces->length, pieces->count, room_in(delivery->to), limit) ||
        (!takes->sg && layout.buffers > 1))
        return DROP_NO_OFFLOAD;
    *needed = layout.buffers + extras;
    if (*needed > available)
        return DROP_NO_BUFFER;
    reserve(forward, delivery, pieces, &layout);
    return DROP_NONE;
}

/** How many buffers @pieces take at least. */
static unsigned fewest_buffers(const struct pieces *pieces, const struct delivery *delivery,
                               unsigned room)
{
    unsigned total = 0, extras = (delivery->gso != OFFLOAD_GSO_NONE) + (delivery->hash.type != 0);

    for (unsigned i = 0; i < pieces->count; i++)
        total += pieces->length[i];
    return (total + room - 1) / room + extras;
}

/** It found no buffers: it waits, if it may, or is dropped. */
static void lack(struct forward *forward, const struct way *way, struct forward_queue *queue,
                 unsigned needed)
{
    enum drop_reason reason = DROP_NO_BUFFER;

    if (!way->flood && way->flight->queue && !way->flight->waited)
        reason = wait_add(forward, way->flight, way->to, queue, needed);
    else if (way->to->forward->stalled_until > forward->now)
        reason = DROP_STALLED;
    if (reason == DROP_NONE)
        return;
    wait_dropped(forward, way->to);
    refuse(forward, way, reason);
}

/** Others wait for the buffers of this queue, and are first. */
static bool must_queue(const struct way *way, const struct forward_queue *queue)
{
    return queue->waiting_for && !way->flight->waited;
}

/** As it is, or with its checksum filled in: @from is the snapshot, or the whole frame. */
static bool plan_plain(struct forward *forward, const struct way *way, bool filled)
{
    struct flight *flight = way->flight;
    struct delivery *delivery = new_delivery(forward, way);
    struct pieces pieces; /* not cleared: it is large */
    unsigned length, needed = 1;
    const uint8_t *header =
        header_of(forward, way, filled ? flight->whole : flight->header, flight->captured, &length);
    enum drop_reason reason;

    if (!filled) {
        if (flight->csum_blank)
            delivery->flags = NETIF_RX_BLANK | NETIF_RX_VALIDATED;
        else if (flight->from && flight->in.data_validated)
            delivery->flags = NETIF_RX_VALIDATED;
        delivery->gso = (uint8_t)flight->gso;
        delivery->mss = flight->mss;
    }
    if (flight->captured == flight->in.length && delivery->gso == OFFLOAD_GSO_NONE &&
        !must_queue(way, delivery->queue) && deliver_small(forward, delivery, header, length)) {
        way->to->counters.checksums += filled;
        return true;
    }
    pieces.count = 0;
    add_private(&pieces, header, length);
    if (flight->captured < flight->in.length) {
        if (filled)
            add_private(&pieces, flight->whole + flight->captured,
                        flight->in.length - flight->captured);
        else
            add_slots(&pieces, &flight->in, flight->captured);
    }
    if (must_queue(way, delivery->queue)) {
        lack(forward, way, delivery->queue, fewest_buffers(&pieces, delivery, room_in(way->to)));
        return false;
    }
    reason = deliver(forward, delivery, &pieces, &needed);
    if (reason == DROP_NO_BUFFER)
        lack(forward, way, delivery->queue, needed);
    else if (reason != DROP_NONE)
        refuse(forward, way, reason);
    else if (filled)
        way->to->counters.checksums++;
    return reason == DROP_NONE;
}

/** Cut up; each segment is a frame of its own from here on. */
static bool plan_segments(struct forward *forward, const struct way *way)
{
    struct flight *flight = way->flight;
    struct offload_segments segments;
    const uint8_t *payload;
    size_t length;
    unsigned total, each;
    struct delivery *delivery = new_delivery(forward, way);

    if (!offload_segments_init(&segments, flight->whole, flight->in.length, flight->gso,
                               flight->mss)) {
        refuse(forward, way, DROP_NO_OFFLOAD);
        return false;
    }
    total = ((unsigned)segments.end - segments.headers + flight->mss - 1) / flight->mss;
    each = (segments.headers + ETHER_TAG + flight->mss) / (room_in(way->to) / 2) + 1;
    if (total > FORWARD_SEGMENTS || total * each > NETIF_RING_SLOTS) {
        refuse(forward, way, DROP_NO_OFFLOAD);
        return false;
    }
    /* All of them or none: what follows a lost segment is sent again anyway. */
    if (must_queue(way, delivery->queue) ||
        netif_buffers(delivery->queue->rings, total * each) < total * each) {
        lack(forward, way, delivery->queue, total * each);
        return false;
    }
    for (unsigned i = 0; i < total; i++) {
        struct pieces pieces;
        struct netif_hash hash = delivery->hash;
        uint8_t *cell;
        unsigned needed, header;
        enum drop_reason reason;
        uint8_t plain[OFFLOAD_HEADERS_MAX];

        if (i)
            delivery = new_delivery(forward, way);
        delivery->hash = hash;
        cell = forward->cells + (size_t)forward->cells_used++ * ENGINE_CELL;
        if (!offload_segment_next(&segments, plain, &payload, &length))
            break;
        header = way->form == VLAN_AS_IS ? (memcpy(cell, plain, segments.headers), segments.headers)
                                         : vlan_rewrite(cell, plain, segments.headers,
                                                        &flight->packet, flight->vid, way->form);
        pieces.count = 0;
        add_private(&pieces, cell, header);
        add_private(&pieces, payload, (unsigned)length);
        reason = deliver(forward, delivery, &pieces, &needed);
        if (reason != DROP_NONE) {
            refuse(forward, way, reason);
            return false;
        }
        way->to->counters.segments++;
    }
    return true;
}

static struct mirror_about about(const struct flight *flight, enum rules_direction direction)
{
    return (struct mirror_about){
        .direction = direction,
        .vid = flight->vid,
        .mss = flight->gso != OFFLOAD_GSO_NONE ? flight->mss : 0,
        .flags = (uint8_t)((flight->csum_blank && !flight->filled ? MIRROR_BLANK : 0) |
                           (flight->gso != OFFLOAD_GSO_NONE ? MIRROR_GSO : 0)),
    };
}

/** Give mirrors what leaves by @way->to. */
static void mirror_out(struct forward *forward, const struct way *way)
{
    struct vswitch *vswitch = forward->vswitch;
    struct flight *flight = way->flight;
    unsigned wants = mirror_wants(vswitch, way->to, RULES_EGRESS, flight->vid);
    unsigned captured = flight->captured, length = flight->in.length, formed;
    struct mirror_about said = about(flight, RULES_EGRESS);
    uint8_t kept[ENGINE_WHOLE_AT + ETHER_HEADER + ETHER_TAG];
    const uint8_t *header;
    uint8_t *start;

    if (!wants)
        return;
    header = header_of(forward, way, flight->header, captured, &formed);
    length = length - captured + formed;
    if (!flight->whole || wants <= captured) {
        mirror_frame(vswitch, way->to, &said, header, formed, length, forward->now);
        return;
    }
    /* Its tag is changed in place, and put back: what goes to other ports is taken from there. */
    memcpy(kept, flight->whole - ENGINE_WHOLE_AT, sizeof(kept));
    start = flight->whole + captured - formed;
    memcpy(start, header, ETHER_HEADER + (formed > captured ? ETHER_TAG : 0));
    mirror_frame(vswitch, way->to, &said, start, length, length, forward->now);
    memcpy(flight->whole - ENGINE_WHOLE_AT, kept, sizeof(kept));
}

/** In the way that its receiver takes it. True: it is on its way. */
static inline bool plan_as_taken(struct forward *forward, const struct way *way)
{
    struct flight *flight = way->flight;

    switch (soft_needed(flight, way->to)) {
    case SOFT_NONE:
        return plan_plain(forward, way, false);
    case SOFT_CHECKSUM:
        if (!flight->filled)
            flight->filled = offload_checksum(flight->whole, flight->in.length);
        if (flight->filled)
            return plan_plain(forward, way, true);
        break;
    case SOFT_SEGMENTS:
        return plan_segments(forward, way);
    }
    refuse(forward, way, DROP_NO_OFFLOAD);
    return false;
}

static void plan_way(struct forward *forward, struct way *way)
{
    struct flight *flight = way->flight;
    struct port *to = way->to;
    enum drop_reason reason = may_have(forward, way);

    if (reason == DROP_NONE && to->rate_out.rate && !flight->waited &&
        !limit_take(&to->rate_out, flight->in.length, forward->now))
        reason = DROP_RATE_OUT;
    if (reason != DROP_NONE) {
        refuse(forward, way, reason);
        return;
    }
    if (plan_as_taken(forward, way) && forward->mirrors)
        mirror_out(forward, way);
}

static void mirror_in(struct forward *forward, const struct flight *flight)
{
    bool whole = flight->whole && flight->mirror > flight->captured;
    struct mirror_about said = about(flight, RULES_INGRESS);

    mirror_frame(forward->vswitch, flight->from, &said, whole ? flight->whole : flight->header,
                 whole ? flight->in.length : flight->captured, flight->in.length, forward->now);
}

void plan_flight(struct forward *forward, struct flight *flight)
{
    const struct vswitch *vswitch = forward->vswitch;
    struct way way = {.flight = flight};

    if (flight->mirror)
        mirror_in(forward, flight);
    if (flight->route == ROUTE_PORT) {
        way.to = vswitch->ports[flight->dest];
        if (way.to && way.to->forward && way.to->generation == flight->dest_generation &&
            (!flight->from || way.to->bridge == flight->from->bridge))
            plan_way(forward, &way);
        else if (flight->from)
            engine_drop(forward, flight->from, flight, DROP_NO_PORT);
    } else if (flight->route == ROUTE_SET) {
        bool some = false;

        way.flood = true;
        for (unsigned i = 0; i < SNOOP_PORTS / 64; i++) {
            for (uint64_t bits = flight->set.bits[i]; bits; bits &= bits - 1) {
                way.to = vswitch->ports[i * 64 + (unsigned)__builtin_ctzll(bits)];
                if (!way.to || !way.to->forward || way.to->bridge != flight->from->bridge)
                    continue;
                some = true;
                plan_way(forward, &way);
            }
        }
        if (!some)
            engine_drop(forward, flight->from, flight,
                        flight->chosen ? DROP_FILTERED : DROP_NO_PORT);
    }
}
