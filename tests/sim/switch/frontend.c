/* SPDX-License-Identifier: ISC */
#include "frontend.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define TX_SLOT      12U
#define RX_SLOT      8U
#define CONTROL_SLOT 16U
#define CONTROL_RING 128U

/** What is in a page before it is posted. */
#define UNTOUCHED 0xee

static struct frontend_ring *ring_create(struct frontend *frontend, grant_ref_t *ref)
{
    struct frontend_ring *ring = frontend_page(frontend, NULL, 0, 0, false, ref);

    ring->req_prod = ring->rsp_prod = frontend->config.start;
    ring->req_event = ring->rsp_event = frontend->config.start + 1;
    return ring;
}

void *frontend_page(struct frontend *frontend, const void *data, size_t length, size_t offset,
                    bool readonly, grant_ref_t *ref)
{
    uint8_t *page = hv_page_alloc(frontend->hv, 1);

    if (!page)
        ck_abort_msg("the guest has no page left");
    if (length > 0)
        memcpy(page + offset, data, length);
    if (hv_grant_access(frontend->hv, frontend->config.backend, page, readonly, ref) != 0)
        ck_abort_msg("the guest has no grant left");
    return page;
}

bool frontend_page_free(struct frontend *frontend, void *page, grant_ref_t ref)
{
    if (hv_grant_revoke(frontend->hv, ref) != 0)
        return false;
    hv_page_free(frontend->hv, page, 1);
    return true;
}

static void queue_create(struct frontend *frontend, unsigned index)
{
    struct frontend_queue *queue = &frontend->queue[index];
    const struct frontend_config *config = &frontend->config;

    queue->frontend = frontend;
    queue->index = index;
    queue->next_id = (uint16_t)(1000 + 77 * index);
    queue->tx = ring_create(frontend, &queue->tx_ref);
    queue->rx = ring_create(frontend, &queue->rx_ref);
    ck_assert_int_eq(hv_evtchn_alloc_unbound(frontend->hv, config->backend, &queue->tx_port), 0);
    queue->rx_port = queue->tx_port;
    if (config->split)
        ck_assert_int_eq(hv_evtchn_alloc_unbound(frontend->hv, config->backend, &queue->rx_port),
                         0);
    queue->tx_req = queue->tx_rsp = queue->tx_published = config->start;
    queue->rx_req = queue->rx_rsp = queue->rx_published = config->start;
    queue->buffers = config->buffers;
    frontend_post(queue, queue->buffers);
}

struct frontend *frontend_create(const struct frontend_config *config)
{
    struct frontend *frontend = calloc(1, sizeof(*frontend));

    ck_assert(frontend != NULL);
    frontend->config = *config;
    frontend->hv = config->hv;
    frontend->queues = config->queues > 0 ? config->queues : 1;
    list_init(&frontend->received);
    for (unsigned i = 0; i < frontend->queues; i++)
        queue_create(frontend, i);
    if (config->control) {
        frontend->control = ring_create(frontend, &frontend->control_ref);
        ck_assert_int_eq(
            hv_evtchn_alloc_unbound(frontend->hv, config->backend, &frontend->control_port), 0);
        frontend->control_req = frontend->control_rsp = config->start;
    }
    return frontend;
}

struct netif_config frontend_netif(const struct frontend *frontend)
{
    const struct frontend_config *config = &frontend->config;
    struct netif_config netif = {
        .domid = hv_domid(frontend->hv),
        .queues = frontend->queues,
        .has_control = config->control,
        .control_ref = frontend->control_ref,
        .control_port = frontend->control_port,
        .sg = config->sg,
        .gso_tcpv4 = config->gso_tcpv4,
        .gso_tcpv6 = config->gso_tcpv6,
        .ipv6_csum = config->ipv6_csum,
        .no_csum_offload = config->no_csum_offload,
        .multicast_control = config->multicast_control,
    };

    for (unsigned i = 0; i < frontend->queues; i++) {
        netif.queue[i].tx_ref = frontend->queue[i].tx_ref;
        netif.queue[i].rx_ref = frontend->queue[i].rx_ref;
        netif.queue[i].tx_port = frontend->queue[i].tx_port;
        netif.queue[i].rx_port = frontend->queue[i].rx_port;
    }
    return netif;
}

void frontend_forget(struct frontend *frontend)
{
    list_for_each_safe (item, after, &frontend->received) {
        list_remove(item);
        free(LIST_ENTRY(item, struct frontend_rx, link));
    }
    free(frontend);
}

static void page_drop(struct frontend *frontend, void *page, grant_ref_t ref)
{
    if (!frontend_page_free(frontend, page, ref))
        ck_abort_msg("the backend still maps grant %u", ref);
}

static void queue_destroy(struct frontend_queue *queue)
{
    struct frontend *frontend = queue->frontend;

    for (unsigned i = 0; i < FRONTEND_SLOTS; i++) {
        if (queue->tx_slot[i].what == TX_DATA && queue->tx_slot[i].page)
            page_drop(frontend, queue->tx_slot[i].page, queue->tx_slot[i].ref);
        if (queue->rx_slot[i].what == RX_BUFFER)
            page_drop(frontend, queue->rx_slot[i].page, queue->rx_slot[i].ref);
    }
    page_drop(frontend, queue->tx, queue->tx_ref);
    page_drop(frontend, queue->rx, queue->rx_ref);
    (void)hv_evtchn_close(frontend->hv, queue->tx_port);
    if (queue->rx_port != queue->tx_port)
        (void)hv_evtchn_close(frontend->hv, queue->rx_port);
}

void frontend_destroy(struct frontend *frontend)
{
    for (unsigned i = 0; i < frontend->queues; i++)
        queue_destroy(&frontend->queue[i]);
    if (frontend->control) {
        page_drop(frontend, frontend->control, frontend->control_ref);
        (void)hv_evtchn_close(frontend->hv, frontend->control_port);
    }
    frontend_forget(frontend);
}

/* --- sending ---------------------------------------------------------------------------------- */

unsigned frontend_room(const struct frontend_queue *queue)
{
    return FRONTEND_SLOTS - (queue->tx_req - queue->tx_rsp);
}

static void tx_put(struct frontend_queue *queue, const void *request, struct frontend_tx_slot slot)
{
    unsigned at = queue->tx_req % FRONTEND_SLOTS;

    memcpy(queue->tx->slots + (size_t)at * TX_SLOT, request, TX_SLOT);
    queue->tx_slot[at] = slot;
    queue->tx_req++;
}

void frontend_write_raw(struct frontend_queue *queue, const void *request)
{
    tx_put(queue, request, (struct frontend_tx_slot){.what = TX_RAW, .last = true});
}

static void write_extras(struct frontend_queue *queue, const struct frontend_tx *tx)
{
    struct frontend_extra gso = {.type = XTRA_GSO,
                                 .data = {(uint8_t)tx->mss, (uint8_t)(tx->mss >> 8), tx->gso}};
    unsigned count = tx->extras + (tx->gso != 0);

    for (unsigned i = 0; i < count; i++) {
        struct frontend_extra extra = tx->gso == 0 ? tx->extra[i] : i == 0 ? gso : tx->extra[i - 1];
        uint8_t slot[TX_SLOT];

        if (i + 1 < count)
            extra.flags |= XTRA_MORE;
        memset(slot, 0x5a, sizeof(slot)); /* behind an extra info is no request */
        memcpy(slot, &extra, sizeof(extra));
        tx_put(queue, slot, (struct frontend_tx_slot){.what = TX_EXTRA});
    }
}

/** Bytes of slot @i of @tx. */
static unsigned slot_length(const struct frontend_tx *tx, unsigned slots, unsigned i)
{
    size_t before = (size_t)i * HV_PAGE_SIZE;

    if (tx->split)
        return tx->split[i];
    return i + 1 < slots ? HV_PAGE_SIZE : (unsigned)(tx->length - before);
}

bool frontend_write(struct frontend_queue *queue, const struct frontend_tx *tx)
{
    unsigned slots = tx->slots > 0 ? tx->slots : (unsigned)((tx->length + 4095) / 4096);
    unsigned extras = tx->extras + (tx->gso != 0);
    size_t done = 0;

    slots = slots > 0 ? slots : 1;
    if (frontend_room(queue) < slots + extras)
        return false;
    for (unsigned i = 0; i < slots; i++) {
        unsigned length = slot_length(tx, slots, i);
        struct frontend_tx_slot slot = {
            .what = TX_DATA, .id = queue->next_id++, .last = i + 1 == slots};
        struct frontend_tx_request request = {
            .offset = tx->offset ? tx->offset[i] : 0,
            .flags = (uint16_t)((i == 0 ? tx->flags : 0) | (i == 0 && extras ? TX_EXTRA_INFO : 0) |
                                (slot.last ? 0 : TX_MORE_DATA)),
            .id = slot.id,
            .size = (uint16_t)(i > 0       ? length
                               : tx->claim ? tx->claim
                                           : tx->length),
        };
        unsigned fits = request.offset < HV_PAGE_SIZE ? HV_PAGE_SIZE - request.offset : 0;

        slot.page = frontend_page(queue->frontend, tx->data + done, length < fits ? length : fits,
                                  fits > 0 ? request.offset : 0, true, &slot.ref);
        request.gref = slot.ref;
        tx_put(queue, &request, slot);
        if (i == 0)
            write_extras(queue, tx);
        done += length;
    }
    return true;
}

/** Publish @now on @ring, of which @old was published. True: the backend wants an event. */
static bool publish(struct frontend_ring *ring, uint32_t old, uint32_t now)
{
    __atomic_store_n(&ring->req_prod, now, __ATOMIC_SEQ_CST);
    return now - ring->req_event < now - old;
}

void frontend_kick(struct frontend_queue *queue)
{
    queue->kicks++;
    (void)hv_evtchn_send(queue->frontend->hv, queue->tx_port);
}

void frontend_publish(struct frontend_queue *queue)
{
    uint32_t old = queue->tx_published;

    queue->tx_published = queue->tx_req;
    if (publish(queue->tx, old, queue->tx_req))
        frontend_kick(queue);
}

bool frontend_send(struct frontend *frontend, unsigned queue, const struct frontend_tx *tx)
{
    if (!frontend_write(&frontend->queue[queue], tx))
        return false;
    frontend_publish(&frontend->queue[queue]);
    return true;
}

bool frontend_send_bytes(struct frontend *frontend, const void *data, size_t length)
{
    return frontend_send(frontend, 0, &(struct frontend_tx){.data = data, .length = length});
}

static void tx_complete(struct frontend_queue *queue)
{
    unsigned at = queue->tx_rsp % FRONTEND_SLOTS;
    struct frontend_tx_slot *slot = &queue->tx_slot[at];
    struct {
        uint16_t id;
        int16_t status;
    } response;

    memcpy(&response, queue->tx->slots + (size_t)at * TX_SLOT, sizeof(response));
    queue->tx_okay += response.status == NETIF_RSP_OKAY;
    queue->tx_error += response.status == NETIF_RSP_ERROR;
    queue->tx_null += response.status == NETIF_RSP_NULL;
    queue->tx_other += response.status < NETIF_RSP_ERROR || response.status > NETIF_RSP_NULL;
    /* Check's macros write a mark to a file each time: too dear for each response. */
    if (slot->what == TX_FREE || (slot->what == TX_EXTRA && response.status != NETIF_RSP_NULL) ||
        (slot->what == TX_DATA && (response.status == NETIF_RSP_NULL || response.id != slot->id)))
        ck_abort_msg("response %u: id %u, status %d, to a request of kind %d, id %u", queue->tx_rsp,
                     response.id, response.status, slot->what, slot->id);
    if (slot->what == TX_DATA)
        page_drop(queue->frontend, slot->page, slot->ref);
    *slot = (struct frontend_tx_slot){.what = TX_FREE};
    queue->tx_rsp++;
}

/* --- receiving -------------------------------------------------------------------------------- */

static void rx_put(struct frontend_queue *queue, uint16_t id, struct frontend_rx_slot slot)
{
    unsigned at = queue->rx_req % FRONTEND_SLOTS;
    const struct {
        uint16_t id, unused;
        uint32_t gref;
    } request = {.id = id, .unused = 0xffff, .gref = slot.ref};

    if (queue->rx_req - queue->rx_rsp >= FRONTEND_SLOTS)
        ck_abort_msg("the RX ring is full");
    slot.id = id;
    queue->rx_slot[at] = slot;
    memcpy(queue->rx->slots + (size_t)at * RX_SLOT, &request, RX_SLOT);
    queue->rx_req++;
}

unsigned frontend_post(struct frontend_queue *queue, unsigned count)
{
    unsigned room = FRONTEND_SLOTS - (queue->rx_req - queue->rx_rsp);

    if (count > room)
        count = room;
    for (unsigned i = 0; i < count; i++) {
        struct frontend_rx_slot slot = {.what = RX_BUFFER};

        slot.page = frontend_page(queue->frontend, NULL, 0, 0, false, &slot.ref);
        memset(slot.page, UNTOUCHED, HV_PAGE_SIZE);
        rx_put(queue, queue->next_id++, slot);
    }
    frontend_post_publish(queue);
    return count;
}

void frontend_post_raw(struct frontend_queue *queue, uint16_t id, grant_ref_t ref)
{
    rx_put(queue, id, (struct frontend_rx_slot){.what = RX_RAW, .ref = ref});
}

void frontend_post_publish(struct frontend_queue *queue)
{
    uint32_t old = queue->rx_published;

    queue->rx_published = queue->rx_req;
    if (publish(queue->rx, old, queue->rx_req)) {
        queue->kicks++;
        (void)hv_evtchn_send(queue->frontend->hv, queue->rx_port);
    }
}

/** The next response's bytes, its slot given back in *@slot. */
static void rx_next(struct frontend_queue *queue, uint32_t end, void *response,
                    struct frontend_rx_slot *slot)
{
    unsigned at = queue->rx_rsp % FRONTEND_SLOTS;

    if (queue->rx_rsp == end)
        ck_abort_msg("a frame was published in part");
    memcpy(response, queue->rx->slots + (size_t)at * RX_SLOT, RX_SLOT);
    *slot = queue->rx_slot[at];
    if (slot->what == RX_FREE)
        ck_abort_msg("a response to no buffer");
    queue->rx_slot[at] = (struct frontend_rx_slot){.what = RX_FREE};
    queue->rx_rsp++;
}

/** Nothing was written to a buffer but bytes [@start, @end). */
static void check_rest(const struct frontend *frontend, const uint8_t *page, unsigned start,
                       unsigned end)
{
    static uint8_t untouched[HV_PAGE_SIZE];

    if (frontend->used_buffers)
        return;
    if (untouched[0] == 0)
        memset(untouched, UNTOUCHED, sizeof(untouched));
    if (memcmp(page, untouched, start) != 0 ||
        memcmp(page + end, untouched, HV_PAGE_SIZE - end) != 0)
        ck_abort_msg("something was written beside a frame at %u to %u", start, end);
}

static void slot_release(struct frontend_queue *queue, const struct frontend_rx_slot *slot)
{
    if (slot->what == RX_BUFFER)
        page_drop(queue->frontend, slot->page, slot->ref);
}

static void take_extra(struct frontend_rx *frame, const struct frontend_extra *extra)
{
    if (extra->type == XTRA_GSO) {
        memcpy(&frame->mss, extra->data, sizeof(frame->mss));
        frame->gso = extra->data[2];
    } else {
        ck_assert_uint_eq(extra->type, XTRA_HASH);
        frame->hash_type = extra->data[0];
        frame->hash_algorithm = extra->data[1];
        memcpy(&frame->hash, extra->data + 2, sizeof(frame->hash));
    }
}

/** Collect one frame, all of which has to be before @end. NULL: it was an error. */
static struct frontend_rx *rx_frame(struct frontend_queue *queue, uint32_t end)
{
    static uint8_t data[FRONTEND_SLOTS * HV_PAGE_SIZE];
    struct frontend_rx head = {.queue = queue->index}, *frame;
    struct frontend_rx_slot slot;
    bool error = false;
    struct {
        uint16_t id, offset, flags;
        int16_t status;
    } response;

    do {
        rx_next(queue, end, &response, &slot);
        if (response.id != slot.id || response.flags >= 16)
            ck_abort_msg("a response with id %u for %u, flags %u", response.id, slot.id,
                         response.flags);
        if (head.slots++ == 0)
            head.flags = response.flags & 3;
        if (response.status < 0) {
            error = true;
            queue->rx_errors++;
        } else {
            unsigned length = (unsigned)response.status;

            ck_assert_uint_le(response.offset + length, HV_PAGE_SIZE);
            if (slot.what == RX_BUFFER) {
                memcpy(data + head.length, (uint8_t *)slot.page + response.offset, length);
                check_rest(queue->frontend, slot.page, response.offset, response.offset + length);
            }
            head.length += length;
        }
        slot_release(queue, &slot);
        if (response.flags & RX_EXTRA_INFO) {
            struct frontend_extra extra;

            ck_assert_uint_eq(head.slots, 1);
            do {
                rx_next(queue, end, &extra, &slot);
                if (slot.what == RX_BUFFER)
                    check_rest(queue->frontend, slot.page, 0, 0);
                slot_release(queue, &slot);
                take_extra(&head, &extra);
            } while (extra.flags & XTRA_MORE);
        }
    } while (response.flags & RX_MORE_DATA);
    if (error)
        return NULL;
    queue->rx_frames++;
    frame = malloc(sizeof(*frame) + head.length);
    ck_assert(frame != NULL);
    *frame = head;
    memcpy(frame->data, data, head.length);
    return frame;
}

struct frontend_rx *frontend_receive(struct frontend *frontend)
{
    struct list *item;

    frontend_poll(frontend);
    item = list_first(&frontend->received);
    if (!item)
        return NULL;
    list_remove(item);
    return LIST_ENTRY(item, struct frontend_rx, link);
}

/* --- both ------------------------------------------------------------------------------------- */

static void deliver(struct frontend *frontend, struct frontend_rx *frame)
{
    if (!frontend->config.received) {
        list_append(&frontend->received, &frame->link);
        return;
    }
    frontend->config.received(frontend->config.context, frontend, frame);
    free(frame);
}

static unsigned look_once(struct frontend_queue *queue)
{
    uint32_t tx_end = __atomic_load_n(&queue->tx->rsp_prod, __ATOMIC_SEQ_CST);
    uint32_t rx_end = __atomic_load_n(&queue->rx->rsp_prod, __ATOMIC_SEQ_CST);
    unsigned count = (tx_end - queue->tx_rsp) + (rx_end - queue->rx_rsp);

    if (tx_end - queue->tx_rsp > queue->tx_req - queue->tx_rsp ||
        rx_end - queue->rx_rsp > queue->rx_req - queue->rx_rsp)
        ck_abort_msg("more responses than requests");
    while (queue->tx_rsp != tx_end)
        tx_complete(queue);
    while (queue->rx_rsp != rx_end) {
        struct frontend_rx *frame = rx_frame(queue, rx_end);

        if (frame)
            deliver(queue->frontend, frame);
    }
    if (queue->rx_req - queue->rx_rsp < queue->buffers)
        frontend_post(queue, queue->buffers - (queue->rx_req - queue->rx_rsp));
    return count;
}

/** All there is, and an event for the next. */
static unsigned look(struct frontend_queue *queue)
{
    unsigned count = 0, more;

    queue->pending = false;
    if (queue->deaf)
        return 0;
    do {
        more = look_once(queue);
        count += more;
        if (!queue->lazy) {
            queue->tx->rsp_event = queue->tx_rsp + 1;
            queue->rx->rsp_event = queue->rx_rsp + 1;
            __atomic_thread_fence(__ATOMIC_SEQ_CST);
        }
    } while (more > 0);
    return count;
}

unsigned frontend_poll(struct frontend *frontend)
{
    unsigned count = 0;

    for (unsigned i = 0; i < frontend->queues; i++)
        count += look(&frontend->queue[i]);
    return count;
}

bool frontend_event(struct frontend *frontend, evtchn_port_t port)
{
    for (unsigned i = 0; i < frontend->queues; i++) {
        struct frontend_queue *queue = &frontend->queue[i];

        if (port == queue->tx_port || port == queue->rx_port) {
            queue->events++;
            queue->pending = true;
            return true;
        }
    }
    return frontend->control && port == frontend->control_port;
}

uint64_t frontend_step(void *context)
{
    struct frontend *frontend = context;
    evtchn_port_t port;

    while ((port = hv_evtchn_next(frontend->hv)))
        (void)frontend_event(frontend, port);
    for (unsigned i = 0; i < frontend->queues; i++) {
        if (frontend->queue[i].pending)
            (void)look(&frontend->queue[i]);
    }
    return HV_NEVER;
}

/* --- the control ring ------------------------------------------------------------------------- */

void frontend_control_send(struct frontend *frontend, uint16_t id, uint16_t type, uint32_t data0,
                           uint32_t data1, uint32_t data2)
{
    const struct {
        uint16_t id, type;
        uint32_t data[3];
    } request = {id, type, {data0, data1, data2}};
    uint32_t old = frontend->control_req++;

    memcpy(frontend->control->slots + (size_t)(old % CONTROL_RING) * CONTROL_SLOT, &request,
           sizeof(request));
    if (publish(frontend->control, old, frontend->control_req))
        (void)hv_evtchn_send(frontend->hv, frontend->control_port);
}

bool frontend_control_take(struct frontend *frontend, struct frontend_control_response *response)
{
    uint32_t at = frontend->control_rsp;

    if (at == __atomic_load_n(&frontend->control->rsp_prod, __ATOMIC_SEQ_CST))
        return false;
    memcpy(response, frontend->control->slots + (size_t)(at % CONTROL_RING) * CONTROL_SLOT,
           sizeof(*response));
    frontend->control_rsp++;
    frontend->control->rsp_event = frontend->control_rsp + 1;
    return true;
}
