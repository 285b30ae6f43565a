/* SPDX-License-Identifier: ISC */
#include "common/vchan.h"

#include <errno.h>
#include <string.h>

#define ORDER_SMALL 10U /**< in the head page, at 1 << 10 */
#define ORDER_LARGE 11U /**< in the head page, at 1 << 11 */
#define ORDER_PAGE  12U /**< from here on a ring has pages of its own */

/** struct vchan_interface of xen/include/public/io/libxenvchan.h; the peer writes it at any time.
 */
struct head {
    struct {
        uint32_t cons, prod;
    } left, right;
    uint16_t left_order, right_order;
    uint8_t cli_live, srv_live;
    uint8_t cli_notify, srv_notify;
    uint32_t grants[];
};
_Static_assert(offsetof(struct head, left_order) == 16, "as on the wire");
_Static_assert(offsetof(struct head, cli_live) == 20, "as on the wire");
_Static_assert(offsetof(struct head, grants) == 24, "as on the wire");

enum { LIVE_EXITED = 0, LIVE_CONNECTED = 1, LIVE_AWAITED = 2 };

/** In cli_notify set by the server, to be told by the client; in srv_notify the other way round. */
enum { NOTIFY_WRITE = 1, NOTIFY_READ = 2 };

static struct head *head_of(const struct vchan *v)
{
    return (struct head *)(void *)v->head;
}

static unsigned order_pages(unsigned order)
{
    return order < ORDER_PAGE ? 0 : 1U << (order - ORDER_PAGE);
}

/** Where the list of grants has to end: at the first ring within the head page. */
static unsigned grants_end(unsigned left_order, unsigned right_order)
{
    unsigned least = left_order < right_order ? left_order : right_order;

    return least < ORDER_PAGE ? 1U << least : HV_PAGE_SIZE;
}

unsigned vchan_pages(unsigned left_order, unsigned right_order)
{
    if (left_order < VCHAN_ORDER_MIN || left_order > VCHAN_ORDER_MAX ||
        right_order < VCHAN_ORDER_MIN || right_order > VCHAN_ORDER_MAX)
        return 0;
    if (left_order == right_order && left_order < ORDER_PAGE)
        return 0;

    unsigned data = order_pages(left_order) + order_pages(right_order);
    if (offsetof(struct head, grants) + data * sizeof(uint32_t) >
        grants_end(left_order, right_order))
        return 0;
    return 1 + data;
}

/** Where the bytes of a ring are, whose pages, if it has any, are at @pages. */
static uint8_t *ring_data(const struct vchan *v, unsigned order, void *pages)
{
    return order < ORDER_PAGE ? v->head + (1U << order) : pages;
}

/** Fill in both rings, empty. */
static void rings_set(struct vchan *v, unsigned left_order, unsigned right_order, void *left_pages,
                      void *right_pages)
{
    struct head *head = head_of(v);
    struct vchan_ring *left = v->server ? &v->read : &v->write;
    struct vchan_ring *right = v->server ? &v->write : &v->read;

    *left = (struct vchan_ring){
        .cons = &head->left.cons,
        .prod = &head->left.prod,
        .data = ring_data(v, left_order, left_pages),
        .size = 1U << left_order,
    };
    *right = (struct vchan_ring){
        .cons = &head->right.cons,
        .prod = &head->right.prod,
        .data = ring_data(v, right_order, right_pages),
        .size = 1U << right_order,
    };
}

/** Grant all pages, the head first, and enter those of the rings in the head's list. */
static int grant_all(struct vchan *v, unsigned count)
{
    struct head *head = head_of(v);

    for (unsigned i = 0; i < count; i++) {
        int rc = hv_grant_access(v->hv, v->peer, v->pages + (size_t)i * HV_PAGE_SIZE, false,
                                 &v->refs[i]);
        if (rc != 0)
            return rc;
        v->granted = i + 1;
        if (i > 0)
            hv_shared_write32(v->hv, &head->grants[i - 1], v->refs[i]);
    }
    return 0;
}

int vchan_server_open(struct vchan *v, struct hv *hv, domid_t client, unsigned left_order,
                      unsigned right_order, void *pages)
{
    unsigned count = vchan_pages(left_order, right_order);

    memset(v, 0, offsetof(struct vchan, refs));
    if (count == 0)
        return -EINVAL;
    v->hv = hv;
    v->server = true;
    v->peer = client;
    v->pages = v->head = pages;
    v->left_pages = order_pages(left_order);
    v->right_pages = order_pages(right_order);
    memset(pages, 0, (size_t)count * HV_PAGE_SIZE);
    uint8_t *left = v->pages + HV_PAGE_SIZE;
    rings_set(v, left_order, right_order, left, left + (size_t)v->left_pages * HV_PAGE_SIZE);

    /* Nobody else sees the head yet. */
    struct head *head = head_of(v);
    head->left_order = (uint16_t)left_order;
    head->right_order = (uint16_t)right_order;
    head->cli_live = LIVE_AWAITED;
    head->srv_live = LIVE_CONNECTED;
    head->cli_notify = NOTIFY_WRITE;

    int rc = hv_evtchn_alloc_unbound(hv, client, &v->port);
    if (rc != 0) {
        v->port = 0;
        return rc;
    }
    rc = grant_all(v, count);
    if (rc != 0) {
        /* Of what a client has guessed and mapped already, the caller has to know. */
        int closed = vchan_close(v);
        return closed != 0 ? closed : rc;
    }
    v->ring_ref = v->refs[0];
    return 0;
}

/** Map the rings that have pages of their own, whose grants are in @v->refs. */
static int map_rings(struct vchan *v, unsigned left_order, unsigned right_order)
{
    unsigned left = order_pages(left_order), right = order_pages(right_order);
    int rc;

    if (left > 0) {
        rc = hv_grant_map(v->hv, v->peer, v->refs, left, false, &v->left_map);
        if (rc != 0)
            return rc;
        v->left_pages = left;
    }
    if (right > 0) {
        rc = hv_grant_map(v->hv, v->peer, v->refs + left, right, true, &v->right_map);
        if (rc != 0)
            return rc;
        v->right_pages = right;
    }
    return 0;
}

static int client_map(struct vchan *v)
{
    struct hv *hv = v->hv;
    uint16_t orders[2];
    void *address;

    int rc = hv_grant_map_notify(hv, v->peer, v->ring_ref, offsetof(struct head, cli_live), v->port,
                                 &address);
    if (rc != 0)
        return rc;
    v->head = address;
    struct head *head = head_of(v);
    hv_shared_copy_in(hv, orders, &head->left_order, sizeof(orders));
    unsigned pages = vchan_pages(orders[0], orders[1]);
    if (pages == 0)
        return -EPROTO;
    hv_shared_copy_in(hv, v->refs, head->grants, (pages - 1) * sizeof(v->refs[0]));
    rc = map_rings(v, orders[0], orders[1]);
    if (rc != 0)
        return rc;

    /* A server of libxenvchan's may have served another client with this ring: go on from there. */
    rings_set(v, orders[0], orders[1], v->left_map, v->right_map);
    v->write.own = hv_shared_read32(hv, v->write.prod);
    v->read.own = hv_shared_read32(hv, v->read.cons);
    return 0;
}

/** Unmap what a client has mapped, the head last: with it goes the last trace of us. */
static void client_unmap(struct vchan *v)
{
    if (v->right_pages > 0)
        HV_ASSERT(hv_grant_unmap(v->hv, v->right_map, v->right_pages) == 0);
    if (v->left_pages > 0)
        HV_ASSERT(hv_grant_unmap(v->hv, v->left_map, v->left_pages) == 0);
    if (v->head)
        HV_ASSERT(hv_grant_unmap(v->hv, v->head, 1) == 0);
    v->left_pages = v->right_pages = 0;
    v->head = NULL;
}

int vchan_client_open(struct vchan *v, struct hv *hv, domid_t server, grant_ref_t ring_ref,
                      evtchn_port_t port)
{
    memset(v, 0, offsetof(struct vchan, refs));
    v->hv = hv;
    v->peer = server;
    v->ring_ref = ring_ref;
    v->opened = true;
    int rc = hv_evtchn_bind_interdomain(hv, server, port, &v->port);
    if (rc != 0) {
        v->port = 0;
        return rc;
    }
    rc = client_map(v);
    if (rc != 0) {
        client_unmap(v);
        (void)hv_evtchn_close(hv, v->port);
        v->port = 0;
        return rc;
    }

    struct head *head = head_of(v);
    hv_shared_write8(hv, &head->srv_notify, NOTIFY_WRITE);
    hv_shared_write8(hv, &head->cli_live, LIVE_CONNECTED);
    (void)hv_evtchn_send(hv, v->port);
    return 0;
}

/** Have the peer raise an event once it has done what @bit says, and before we look again. */
static void ask_notify(struct vchan *v, uint8_t bit)
{
    struct head *head = head_of(v);

    (void)hv_shared_fetch_or8(v->hv, v->server ? &head->cli_notify : &head->srv_notify, bit);
    hv_shared_barrier(v->hv);
}

/** Raise an event if the peer has asked to be told of what @bit says; our index is out already. */
static void notify(struct vchan *v, uint8_t bit)
{
    struct head *head = head_of(v);
    uint8_t *bits = v->server ? &head->srv_notify : &head->cli_notify;

    hv_shared_barrier(v->hv);
    if ((hv_shared_fetch_and8(v->hv, bits, (uint8_t)~bit) & bit) != 0)
        (void)hv_evtchn_send(v->hv, v->port);
}

/** The state by one look at the peer's live byte. Ended and broken are for ever. */
static enum vchan_state look(struct vchan *v)
{
    struct head *head = head_of(v);

    if (!v->broken && !v->ended) {
        switch (hv_shared_read8(v->hv, v->server ? &head->cli_live : &head->srv_live)) {
        case LIVE_CONNECTED:
            v->opened = true;
            break;
        case LIVE_EXITED:
            v->ended = true;
            break;
        case LIVE_AWAITED:
            v->broken = v->opened;
            break;
        default:
            v->broken = true;
        }
    }
    if (v->broken)
        return VCHAN_BROKEN;
    if (v->ended)
        return VCHAN_ENDED;
    return v->opened ? VCHAN_OPEN : VCHAN_WAITING;
}

enum vchan_state vchan_state(struct vchan *v)
{
    if (!v->broken && !v->ended)
        ask_notify(v, NOTIFY_WRITE);
    return look(v);
}

bool vchan_peer_gone(struct vchan *v)
{
    enum vchan_state state = look(v);

    if (state == VCHAN_OPEN && hv_evtchn_bound(v->hv, v->port) == 0) {
        v->ended = true;
        state = VCHAN_ENDED;
    }
    return state == VCHAN_ENDED;
}

/** Bytes that the ring holds for us. One load of the peer's index. */
static int ready(struct vchan *v)
{
    uint32_t bytes = hv_shared_read32(v->hv, v->read.prod) - v->read.own;

    if (bytes > v->read.size) {
        v->broken = true;
        return -EPROTO;
    }
    return (int)bytes;
}

/** Bytes that the ring has room for. One load of the peer's index. */
static int room(struct vchan *v)
{
    uint32_t bytes = v->write.own - hv_shared_read32(v->hv, v->write.cons);

    if (bytes > v->write.size) {
        v->broken = true;
        return -EPROTO;
    }
    return (int)(v->write.size - bytes);
}

int vchan_readable(struct vchan *v, size_t wanted)
{
    if (v->broken)
        return -EPROTO;
    int bytes = ready(v);
    if (bytes < 0 || (size_t)bytes >= wanted)
        return bytes;
    ask_notify(v, NOTIFY_WRITE);
    return ready(v);
}

int vchan_writable(struct vchan *v, size_t wanted)
{
    if (v->broken)
        return -EPROTO;
    int bytes = room(v);
    if (bytes < 0 || (size_t)bytes >= wanted)
        return bytes;
    ask_notify(v, NOTIFY_READ);
    return room(v);
}

int vchan_read(struct vchan *v, void *data, size_t length)
{
    struct vchan_ring *ring = &v->read;

    /* In this order: what the peer wrote before it closed is there by the time we see it closed. */
    enum vchan_state state = look(v);
    int bytes = vchan_readable(v, length);
    if (bytes < 0)
        return bytes;
    if (bytes == 0 && state == VCHAN_ENDED)
        return -EPIPE;

    size_t count = (size_t)bytes < length ? (size_t)bytes : length;
    if (count == 0)
        return 0;
    uint32_t start = ring->own & (ring->size - 1);
    size_t first = ring->size - start < count ? ring->size - start : count;
    hv_shared_copy_in(v->hv, data, ring->data + start, first);
    if (first < count)
        hv_shared_copy_in(v->hv, (uint8_t *)data + first, ring->data, count - first);
    ring->own += (uint32_t)count;
    hv_shared_write32(v->hv, ring->cons, ring->own);
    notify(v, NOTIFY_READ);
    v->bytes_in += count;
    return (int)count;
}

int vchan_write(struct vchan *v, const void *data, size_t length)
{
    struct vchan_ring *ring = &v->write;

    enum vchan_state state = look(v);
    if (state == VCHAN_BROKEN)
        return -EPROTO;
    if (state == VCHAN_ENDED)
        return -EPIPE;
    int bytes = vchan_writable(v, length);
    if (bytes < 0)
        return bytes;

    size_t count = (size_t)bytes < length ? (size_t)bytes : length;
    if (count == 0)
        return 0;
    uint32_t start = ring->own & (ring->size - 1);
    size_t first = ring->size - start < count ? ring->size - start : count;
    hv_shared_copy_out(v->hv, ring->data + start, data, first);
    if (first < count)
        hv_shared_copy_out(v->hv, ring->data, (const uint8_t *)data + first, count - first);
    ring->own += (uint32_t)count;
    hv_shared_write32(v->hv, ring->prod, ring->own);
    notify(v, NOTIFY_WRITE);
    v->bytes_out += count;
    return (int)count;
}

int vchan_close(struct vchan *v)
{
    if (v->port == 0)
        return vchan_release(v);
    if (v->server) {
        hv_shared_write8(v->hv, &head_of(v)->srv_live, LIVE_EXITED);
    } else {
        hv_shared_write8(v->hv, &head_of(v)->cli_live, LIVE_EXITED);
        client_unmap(v);
    }
    /* Whoever is told finds nothing of a client mapped any more. */
    (void)hv_evtchn_send(v->hv, v->port);
    (void)hv_evtchn_close(v->hv, v->port);
    v->port = 0;
    v->ended = true;
    return vchan_release(v);
}

int vchan_release(struct vchan *v)
{
    while (v->granted > 0) {
        int rc = hv_grant_revoke(v->hv, v->refs[v->granted - 1]);
        if (rc == -EAGAIN)
            return rc;
        HV_ASSERT(rc == 0);
        v->granted--;
    }
    return 0;
}
