/* SPDX-License-Identifier: ISC */
/* What a guest sends: slots become frames. */
#include "netif_wire.h"

#include <string.h>

#include "drop.h"

/** What the extra infos of a frame asked for. */
struct extras {
    bool answered;  /**< by a predecessor: they are not to be carried out again */
    bool multicast; /**< there is no frame in it */
    bool refused;   /**< a multicast address was not taken */
};

/** Look at req_prod. False: there is nothing new, or it is out of distance. */
static bool requests_more(struct netif_queue *queue)
{
    uint32_t prod = hv_shared_read32(queue->netif->hv, &tx_ring(queue)->req_prod);

    /* Each request needs a slot whose response is out; an index that goes back is no better. */
    if (prod - queue->tx_taken > NETIF_RING_SLOTS - (queue->tx_taken - queue->tx_answered)) {
        netif_fail(queue->netif, "the TX ring's req_prod is out of distance");
        return false;
    }
    queue->tx_seen = prod;
    return prod != queue->tx_taken;
}

/** Copy the next requests out, up to the end of a run that is contiguous here and there. */
static bool requests_copy(struct netif_queue *queue)
{
    uint32_t at = queue->tx_taken, count;

    if (at == queue->tx_seen && !requests_more(queue))
        return false;
    count = NETIF_AHEAD - at % NETIF_AHEAD;
    if (count > queue->tx_seen - at)
        count = queue->tx_seen - at;
    hv_shared_copy_in(queue->netif->hv, &queue->ahead[at % NETIF_AHEAD], tx_slot(queue, at),
                      (size_t)count * WIRE_TX_SLOT);
    queue->tx_copied = at + count;
    return true;
}

/** The next request, to be answered by @status or ERROR; NULL: there is none. */
static inline const struct netif_tx_slot *request_next(struct netif_queue *queue)
{
    if (queue->tx_taken == queue->tx_copied && !requests_copy(queue))
        return NULL;
    return &queue->ahead[queue->tx_taken % NETIF_AHEAD];
}

static inline void request_note(struct netif_queue *queue, uint16_t id, int8_t status)
{
    queue->tx[queue->tx_taken % NETIF_RING_SLOTS] =
        (struct netif_request){.id = id, .status = status};
    queue->tx_taken++;
}

static enum netif_taken fail(struct netif_queue *queue, const char *why)
{
    netif_fail(queue->netif, why);
    return NETIF_FAILED;
}

static enum drop_reason take_gso(struct netif_frame *frame, const struct wire_extra *extra)
{
    frame->mss = extra->u.gso.size;
    frame->gso = extra->u.gso.type == GSO_TYPE_TCPV4   ? OFFLOAD_GSO_TCPV4
                 : extra->u.gso.type == GSO_TYPE_TCPV6 ? OFFLOAD_GSO_TCPV6
                                                       : OFFLOAD_GSO_NONE;
    return frame->mss == 0 || frame->gso == OFFLOAD_GSO_NONE ? DROP_BAD_OFFLOAD : DROP_NONE;
}

static void take_hash(struct netif_frame *frame, const struct wire_extra *extra)
{
    if (extra->u.hash.type >= HASH_TYPES || extra->u.hash.algorithm != HASH_ALGORITHM_TOEPLITZ)
        return;
    frame->hash.type = (uint8_t)(extra->u.hash.type + 1);
    memcpy(&frame->hash.value, extra->u.hash.value, sizeof(frame->hash.value));
}

/** The extra infos behind the first request. NETIF_FRAME: go on, unless *@why says otherwise. */
static enum netif_taken take_extras(struct netif_queue *queue, struct netif_frame *frame,
                                    struct extras *extras, enum drop_reason *why)
{
    const struct netif *netif = queue->netif;
    struct wire_extra extra;
    unsigned count = 0;
    bool add;

    do {
        const struct netif_tx_slot *slot = request_next(queue);

        if (!slot)
            return fail(queue, "a frame lacks its extra info");
        if (++count > NETIF_EXTRAS_MAX)
            return fail(queue, "extra infos without end");
        memcpy(&extra, slot, sizeof(extra));
        /* Where the id would be the guest finds the first bytes of its own again: a successor of
           ours that reads the slot can still tell how long the chain is. */
        request_note(queue, (uint16_t)(extra.type | extra.flags << 8), NETIF_RSP_NULL);
        switch (extra.type) {
        case EXTRA_GSO:
            *why = take_gso(frame, &extra);
            break;
        case EXTRA_MCAST_ADD:
        case EXTRA_MCAST_DEL:
            add = extra.type == EXTRA_MCAST_ADD;
            extras->multicast = true;
            if (!extras->answered &&
                !netif->callbacks->multicast(netif->context, extra.u.mcast, add) && add)
                extras->refused = true;
            break;
        case EXTRA_HASH:
            take_hash(frame, &extra);
            break;
        case EXTRA_XDP:
            break;
        default:
            return fail(queue, "an extra info of unknown type");
        }
    } while (extra.flags & EXTRA_FLAG_MORE);
    return NETIF_FRAME;
}

/** The slots behind the first. @rest: bytes of the frame that are not theirs. */
static enum netif_taken take_slots(struct netif_queue *queue, struct netif_frame *frame,
                                   uint32_t *rest, enum drop_reason *why)
{
    struct wire_tx_request request;
    unsigned count = 1, used = 1;

    do {
        const struct netif_tx_slot *slot = request_next(queue);

        if (!slot)
            return fail(queue, "a frame lacks its end");
        if (++count >= NETIF_SLOTS_FATAL)
            return fail(queue, "a frame of too many slots");
        memcpy(&request, slot, sizeof(request));
        request_note(queue, request.id, NETIF_RSP_OKAY);
        if (count > NETIF_SLOTS_MAX) {
            *why = *why == DROP_NONE ? DROP_TOO_MANY_SLOTS : *why;
        } else if (request.size > *rest || request.offset + request.size > HV_PAGE_SIZE ||
                   (request.flags & TXF_EXTRA_INFO)) {
            *why = DROP_MALFORMED;
        } else if (request.size > 0) {
            *rest -= request.size;
            frame->slot[used++] = (struct netif_slot){
                .ref = request.gref, .offset = request.offset, .length = request.size};
        }
    } while (request.flags & TXF_MORE_DATA);
    frame->slots = (uint8_t)used;
    return NETIF_FRAME;
}

/** The first slot has what the others do not; it may be nothing. */
static enum drop_reason first_slot(struct netif_frame *frame, const struct wire_tx_request *first,
                                   uint32_t rest)
{
    if (first->offset + rest > HV_PAGE_SIZE)
        return DROP_MALFORMED;
    if (rest == 0) {
        memmove(&frame->slot[0], &frame->slot[1], (frame->slots - 1U) * sizeof(frame->slot[0]));
        frame->slots--;
        return DROP_NONE;
    }
    frame->slot[0] =
        (struct netif_slot){.ref = first->gref, .offset = first->offset, .length = (uint16_t)rest};
    return DROP_NONE;
}

/**
 * Had a predecessor of this domain answered it, but for publishing? Its response lies over the
 * reference then: the id, which is there still, and a status. Frames are answered in order: the
 * first that was not answered is the end of it.
 */
static bool answered_before(struct netif_queue *queue, const struct wire_tx_request *first,
                            bool *error)
{
    if (first->gref == first->id || first->gref == (0xffff0000U | first->id)) {
        *error = first->gref != first->id;
        return true;
    }
    queue->tx_inherited = 0;
    return false;
}

/** What a frame's first request says; @slots is 1 as yet. */
static inline void frame_begin(struct netif_queue *queue, struct netif_frame *frame,
                               const struct wire_tx_request *first)
{
    frame->first = queue->tx_taken;
    frame->requests = frame->slots = 1;
    frame->csum_blank = first->flags & TXF_CSUM_BLANK;
    frame->data_validated = first->flags & TXF_DATA_VALIDATED;
    frame->gso = OFFLOAD_GSO_NONE;
    frame->mss = 0;
    frame->hash = (struct netif_hash){0};
    frame->length = first->size;
    request_note(queue, first->id, NETIF_RSP_OKAY);
}

/** Most frames: one slot and nothing odd. False: nothing happened. */
static inline bool take_plain(struct netif_queue *queue, struct netif_frame *frame,
                              const struct netif_tx_slot *slot)
{
    struct wire_tx_request first;

    memcpy(&first, slot, sizeof(first));
    if ((first.flags & (TXF_MORE_DATA | TXF_EXTRA_INFO)) || queue->tx_inherited > 0 ||
        first.size < ETHER_HEADER || first.offset + first.size > HV_PAGE_SIZE)
        return false;
    frame_begin(queue, frame, &first);
    frame->slot[0] =
        (struct netif_slot){.ref = first.gref, .offset = first.offset, .length = first.size};
    return true;
}

/** One chain of requests. NETIF_NOTHING: no frame was in it. */
static enum netif_taken take_chain(struct netif_queue *queue, struct netif_frame *frame,
                                   const struct netif_tx_slot *slot, int *why)
{
    struct extras extras = {.multicast = false};
    enum drop_reason reason = DROP_NONE;
    enum netif_taken taken = NETIF_FRAME;
    struct wire_tx_request first;
    bool error = false;
    uint32_t rest;

    memcpy(&first, slot, sizeof(first));
    extras.answered = queue->tx_inherited > 0 && answered_before(queue, &first, &error);
    frame_begin(queue, frame, &first);
    rest = first.size;
    if (first.flags & TXF_EXTRA_INFO)
        taken = take_extras(queue, frame, &extras, &reason);
    if (taken == NETIF_FRAME && (first.flags & TXF_MORE_DATA))
        taken = take_slots(queue, frame, &rest, &reason);
    if (taken != NETIF_FRAME)
        return taken;
    frame->requests = (uint8_t)(queue->tx_taken - frame->first);

    if (extras.answered || extras.multicast) {
        queue->tx_inherited -=
            queue->tx_inherited < frame->requests ? queue->tx_inherited : frame->requests;
        netif_done(queue, frame, error || extras.refused);
        return NETIF_NOTHING;
    }
    if (reason == DROP_NONE && first.size < ETHER_HEADER)
        reason = DROP_RUNT;
    if (reason == DROP_NONE)
        reason = first_slot(frame, &first, rest);
    if (reason == DROP_NONE)
        return NETIF_FRAME;
    netif_done(queue, frame, true);
    *why = (int)reason;
    return NETIF_BAD;
}

enum netif_taken netif_take(struct netif_queue *queue, struct netif_frame *frame, int *why)
{
    const struct netif_tx_slot *slot;
    enum netif_taken taken;

    if (queue->netif->failure)
        return NETIF_FAILED;
    while ((slot = request_next(queue))) {
        if (take_plain(queue, frame, slot))
            return NETIF_FRAME;
        taken = take_chain(queue, frame, slot, why);
        if (taken != NETIF_NOTHING)
            return taken;
    }
    return queue->netif->failure ? NETIF_FAILED : NETIF_NOTHING;
}

void netif_done(struct netif_queue *queue, const struct netif_frame *frame, bool error)
{
    for (unsigned i = 0; i < frame->requests; i++) {
        struct netif_request *request = &queue->tx[(frame->first + i) % NETIF_RING_SLOTS];

        if (error && request->status == NETIF_RSP_OKAY)
            request->status = NETIF_RSP_ERROR;
        request->done = true;
    }
}

unsigned netif_unanswered(const struct netif_queue *queue)
{
    return queue->tx_taken - queue->tx_answered;
}

bool netif_tx_arm(struct netif_queue *queue)
{
    return !queue->netif->failure && ring_arm(queue->netif->hv, tx_ring(queue), queue->tx_taken);
}

bool netif_tx_push(struct netif_queue *queue)
{
    struct hv *hv = queue->netif->hv;
    uint32_t old = queue->tx_answered, now = old;

    while (now != queue->tx_taken && queue->tx[now % NETIF_RING_SLOTS].done)
        now++;
    if (now == old)
        return false;
    note_begun(hv, tx_ring(queue), now);
    for (uint32_t at = old; at != now; at++) {
        const struct netif_request *request = &queue->tx[at % NETIF_RING_SLOTS];

        /* struct netif_tx_response: id, status */
        hv_shared_write32(hv, tx_slot(queue, at),
                          request->id | (uint32_t)(uint16_t)request->status << 16);
    }
    note_whole(hv, tx_ring(queue), now);
    queue->tx_answered = now;
    return ring_publish(hv, tx_ring(queue), old, now);
}
