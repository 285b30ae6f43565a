/* SPDX-License-Identifier: ISC */
/**
 * @file netif_wire.h
 * What lies in the shared pages of a vif: xen/include/public/io/netif.h and ring.h. Private to
 * netif*.c. Rings have 64 bytes of indices, then slots; all numbers are little endian.
 */
#ifndef SWITCH_NETIF_WIRE_H
#define SWITCH_NETIF_WIRE_H

#include <hv/memory.h>

#include "netif.h"

/** The head of each ring. The guest may write any of it at any time. */
struct wire_ring {
    uint32_t req_prod;  /**< the guest's */
    uint32_t req_event; /**< ours: tell us when req_prod gets there */
    uint32_t rsp_prod;  /**< ours */
    uint32_t rsp_event; /**< the guest's: tell it when rsp_prod gets there */
    uint8_t unused[16];
    /**
     * Where no guest looks: a note of ours for a successor, for which the responses that were not
     * published lie over the requests. To be believed as much as all that a guest may write: not
     * beyond its own rings.
     */
    struct wire_note {
        uint32_t magic; /**< NOTE_MAGIC: what follows is kept */
        uint32_t begun; /**< responses may lie in the ring up to here, whole or in part */
        uint32_t whole; /**< they do, up to here */
        uint32_t control_status, control_data; /**< control ring: what that response says */
        uint32_t reserved[3];
    } note;
};
_Static_assert(sizeof(struct wire_ring) == 64, "as on the wire");

#define NOTE_MAGIC 0x6c6f7461U

#define WIRE_TX_SLOT 12U
#define WIRE_RX_SLOT 8U

/** Flags of a TX request. */
enum { TXF_CSUM_BLANK = 1, TXF_DATA_VALIDATED = 2, TXF_MORE_DATA = 4, TXF_EXTRA_INFO = 8 };

struct wire_tx_request {
    uint32_t gref;
    uint16_t offset;
    uint16_t flags;
    uint16_t id;
    uint16_t size; /**< in a frame's first request: of the whole frame */
};
_Static_assert(sizeof(struct wire_tx_request) == WIRE_TX_SLOT, "as on the wire");

struct wire_rx_request {
    uint16_t id;
    uint16_t unused;
    uint32_t gref;
};
_Static_assert(sizeof(struct wire_rx_request) == WIRE_RX_SLOT, "as on the wire");

struct wire_rx_response {
    uint16_t id;
    uint16_t offset;
    uint16_t flags;
    int16_t status;
};
_Static_assert(sizeof(struct wire_rx_response) == WIRE_RX_SLOT, "as on the wire");

enum {
    EXTRA_NONE,
    EXTRA_GSO,
    EXTRA_MCAST_ADD,
    EXTRA_MCAST_DEL,
    EXTRA_HASH,
    EXTRA_XDP, /**< in Linux's copy of the header only */
    EXTRA_TYPES,
};
#define EXTRA_FLAG_MORE 1U

enum { GSO_TYPE_TCPV4 = 1, GSO_TYPE_TCPV6 = 2 };

#define HASH_ALGORITHM_TOEPLITZ 1U
#define HASH_TYPES              4U /**< _XEN_NETIF_CTRL_HASH_TYPE_*: ipv4, ipv4+tcp, ipv6, ipv6+tcp */

struct wire_extra {
    uint8_t type;
    uint8_t flags;
    union {
        struct {
            uint16_t size;
            uint8_t type;
            uint8_t unused;
            uint16_t features;
        } gso;
        uint8_t mcast[6];
        struct {
            uint8_t type;
            uint8_t algorithm;
            uint8_t value[4];
        } hash;
    } u;
};
_Static_assert(sizeof(struct wire_extra) == WIRE_RX_SLOT, "as on the wire");

static inline struct wire_ring *tx_ring(const struct netif_queue *queue)
{
    return queue->tx_ring;
}

static inline struct wire_ring *rx_ring(const struct netif_queue *queue)
{
    return queue->rx_ring;
}

static inline void *tx_slot(const struct netif_queue *queue, uint32_t index)
{
    return (uint8_t *)queue->tx_ring + sizeof(struct wire_ring) +
           (size_t)(index % NETIF_RING_SLOTS) * WIRE_TX_SLOT;
}

static inline void *rx_slot(const struct netif_queue *queue, uint32_t index)
{
    return (uint8_t *)queue->rx_ring + sizeof(struct wire_ring) +
           (size_t)(index % NETIF_RING_SLOTS) * WIRE_RX_SLOT;
}

/**
 * Publish @now as rsp_prod, which was @old. True: the guest asked for an event at one of the
 * responses between.
 */
static inline bool ring_publish(struct hv *hv, struct wire_ring *ring, uint32_t old, uint32_t now)
{
    hv_shared_write32(hv, &ring->rsp_prod, now);
    hv_shared_barrier(hv);
    return now - hv_shared_read32(hv, &ring->rsp_event) < now - old;
}

/** Responses up to @now are about to be laid over requests; and they are. */
static inline void note_begun(struct hv *hv, struct wire_ring *ring, uint32_t now)
{
    hv_shared_write32(hv, &ring->note.begun, now);
}

static inline void note_whole(struct hv *hv, struct wire_ring *ring, uint32_t now)
{
    hv_shared_write32(hv, &ring->note.whole, now);
}

/** What a predecessor has left in a ring whose rsp_prod is @rsp, with @requests from there on. */
struct inherited {
    bool noted;      /**< there is a note; else nothing is known */
    uint32_t whole;  /**< so many responses are there as they should be */
    uint32_t broken; /**< and behind them so many slots may be half a response */
};

static inline struct inherited note_read(struct hv *hv, const struct wire_ring *ring, uint32_t rsp,
                                         uint32_t requests)
{
    struct inherited left = {.noted = hv_shared_read32(hv, &ring->note.magic) == NOTE_MAGIC};
    uint32_t begun = hv_shared_read32(hv, &ring->note.begun) - rsp;
    uint32_t whole = hv_shared_read32(hv, &ring->note.whole) - rsp;

    if (!left.noted)
        return left;
    left.whole = whole <= requests ? whole : 0;
    left.broken = begun <= requests && begun > left.whole ? begun - left.whole : 0;
    return left;
}

/** From now on there is a note, and @now is what is published. */
static inline void note_start(struct hv *hv, struct wire_ring *ring, uint32_t now)
{
    note_begun(hv, ring, now);
    note_whole(hv, ring, now);
    hv_shared_write32(hv, &ring->note.magic, NOTE_MAGIC);
}

/** Ask for an event at request @next. True: it is there already. */
static inline bool ring_arm(struct hv *hv, struct wire_ring *ring, uint32_t next)
{
    hv_shared_write32(hv, &ring->req_event, next + 1);
    hv_shared_barrier(hv);
    return hv_shared_read32(hv, &ring->req_prod) != next;
}

/** netif_tx.c and netif_rx.c: write out what is answered and not published. True: the guest wants
 * an event. */
bool netif_tx_push(struct netif_queue *queue);
bool netif_rx_push(struct netif_queue *queue);

/** Publish what a predecessor had written and not published: where the ring goes on from. Buffers
 * that it had begun to answer are given back by an error. */
uint32_t netif_rx_inherit(struct netif_queue *queue, uint32_t rsp, uint32_t requests);

/** netif_control.c: as netif_connect() and netif_disconnect(), for the control ring. */
int netif_control_open(struct netif *netif, const char **why);
void netif_control_close(struct netif *netif);

#endif
