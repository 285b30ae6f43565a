/* SPDX-License-Identifier: ISC */
/**
 * @file netif.h
 * The rings of one vif: xen/include/public/io/netif.h, as its backend.
 *
 * This part knows slots, extra infos, ids and indices, and nothing of Ethernet. What the frontend
 * wrote is copied once and checked; what comes out of here is sound, but for the content of the
 * frames and for grants that turn out not to work. A frontend that breaks the protocol itself
 * (indices out of distance, endless extra infos) ends its own vif: netif_fail().
 *
 * **Responses are in the order of the requests**, on both rings, so that a successor of this domain
 * can take the shared rsp_prod as its own index. A frame that waits for its receiver may be
 * overtaken in delivery, never in its response.
 */
#ifndef SWITCH_NETIF_H
#define SWITCH_NETIF_H

#include <hv/gnttab.h>

#include "common/arena.h"
#include "common/hash.h"
#include "common/loop.h"

#include "offload.h"

#define NETIF_QUEUES_MAX  8U
#define NETIF_RING_SLOTS  256U
#define NETIF_SLOTS_MAX   18U /**< XEN_NETIF_NR_SLOTS_MIN: data slots of a frame that goes on */
#define NETIF_SLOTS_FATAL 20U /**< from here on it is malice, and the vif is ended */
#define NETIF_EXTRAS_MAX  8U  /**< of one frame: more than there are types */
#define NETIF_FRAME_MAX   65535U

struct netif;

/** A hash that the sender gave or that the control ring's Toeplitz computed. */
struct netif_hash {
    uint8_t type; /**< 0: none; _XEN_NETIF_CTRL_HASH_TYPE_* + 1 */
    uint32_t value;
};

/**
 * What a guest sends: one frame, as its requests say, checked: 14 to 65,535 bytes, no slot reaches
 * beyond its page, none is empty (those that were are left out; XSA-448).
 */
struct netif_frame {
    uint32_t first;   /**< index of its first request */
    uint8_t requests; /**< ring slots it took, extra infos and empty slots included */
    uint8_t slots;    /**< entries of @ref slot, at least 1 */
    bool csum_blank, data_validated;
    enum offload_gso gso;
    uint16_t mss;
    struct netif_hash hash;
    uint32_t length; /**< of the frame: the sum of the slots */
    struct netif_slot {
        grant_ref_t ref;
        uint16_t offset, length;
    } slot[NETIF_SLOTS_MAX];
};

/** A buffer that a guest posted. */
struct netif_buffer {
    uint16_t id;
    grant_ref_t ref;
};

/** A request as it is in a TX ring: 12 bytes, laid over an extra info's 8 (netif_wire.h). */
struct netif_tx_slot {
    uint32_t word[3];
};

/** A request or a response as it is in an RX ring: 8 bytes, or an extra info. */
struct netif_rx_slot {
    uint32_t word[2];
};

/** How many TX slots are copied out of the ring at once, at most. Divides the ring. */
#define NETIF_AHEAD 32U

/**
 * One queue: a pair of rings. All indices are private; of the shared ones only req_prod and
 * rsp_event are read, once each for a burst, and the former's distance is checked.
 *
 *     tx_answered <= tx_taken <= tx_copied <= tx_seen <= tx_answered + ring
 *     rx_pushed <= rx_answered <= rx_taken <= rx_seen <= rx_pushed + ring
 *
 * Responses go to the ring in netif_publish_*() only, right before the index that publishes them:
 * they lie over the requests, so that a successor of this domain would find in their place what it
 * cannot carry out any more.
 */
struct netif_queue {
    struct netif *netif;
    unsigned index;
    struct loop_port tx_event, rx_event; /**< the same port is in tx_event only, where not split */
    evtchn_port_t tx_port, rx_port;      /**< to notify; equal where not split */
    void *tx_ring, *rx_ring;             /**< mapped */
    uint32_t tx_seen;                    /**< req_prod as last read */
    uint32_t tx_copied;                  /**< requests in @ref ahead, at index modulo its size */
    uint32_t tx_taken;                   /**< requests looked at */
    uint32_t tx_answered;                /**< responses published: rsp_prod */
    uint32_t tx_inherited;               /**< requests from here on that may be answered already */
    uint32_t rx_seen, rx_taken, rx_answered, rx_pushed;
    bool rx_owed; /**< an event for RX, which goes with that for TX, as both have one port */
    struct netif_tx_slot ahead[NETIF_AHEAD];
    struct netif_request { /**< by index modulo the ring: what was taken */
        uint16_t id;
        int8_t status; /**< once done */
        bool done;
    } tx[NETIF_RING_SLOTS];
    struct netif_rx_slot rx[NETIF_RING_SLOTS]; /**< requests up to rx_seen, over them responses */
};

/** Numbers read from the frontend's and backend's directories, checked for range only. */
struct netif_config {
    domid_t domid; /**< of the frontend */
    unsigned queues;
    struct {
        grant_ref_t tx_ref, rx_ref;
        evtchn_port_t tx_port, rx_port; /**< equal: not split */
    } queue[NETIF_QUEUES_MAX];
    bool has_control;
    grant_ref_t control_ref;
    evtchn_port_t control_port;
    bool sg, gso_tcpv4, gso_tcpv6, ipv6_csum, no_csum_offload; /**< what the frontend can take */
    bool multicast_control; /**< request-multicast-control at connect */
    uint16_t xdp_headroom;
};

/** What a netif tells its owner. */
struct netif_callbacks {
    /** The frontend kicked: there may be requests to take, or buffers posted. */
    void (*work)(void *context, struct netif_queue *queue);
    /** The frontend broke the protocol; @why is a literal. The netif does nothing more; the owner
        shall disconnect it, later, from its own loop and not from within (XSA-90). */
    void (*failed)(void *context, const char *why);
    /** It asked for (@add) or gave up a multicast address. False: its list is full. */
    bool (*multicast)(void *context, const uint8_t mac[6], bool add);
};

struct netif {
    struct hv *hv;
    struct loop *loop;
    struct arena *arena;
    const struct netif_callbacks *callbacks;
    void *context;
    struct netif_config config;
    const char *failure; /**< NULL: none */
    bool inherited;      /**< a predecessor had served its rings */
    unsigned queue_count;
    struct netif_queue *queue[NETIF_QUEUES_MAX];
    void *rings;         /**< all rings of the queues, mapped in a row: TX and RX of each queue */
    struct hash_key key; /**< of netif_select() */
    struct netif_control *control; /**< the control ring and what it set; see netif_control.h */
};

/**
 * Map the rings and bind the event channels that @config names; all or nothing. Where the rings
 * were in use (rsp_prod is not 0) they are taken over as they stand: requests from rsp_prod on are
 * looked at (again), but for frames whose responses a predecessor had written and not published,
 * and the guest is notified once, in case its predecessor died before it did so. An event is
 * pending at each port afterwards, so that callbacks->work comes for each queue.
 *
 * @netif is overwritten; it may not be moved while connected. @callbacks lives as long. 0; -EINVAL:
 * a reference, port, number or index is unsound; -EAGAIN: a page is paged out; -ENOMEM, -ENOSPC: we
 * have no room; -ESRCH: the guest is gone. @why: a literal for the log, where not 0.
 */
int netif_connect(struct netif *netif, struct hv *hv, struct loop *loop, struct arena *arena,
                  const struct netif_config *config, const struct netif_callbacks *callbacks,
                  void *context, const char **why);

/** Unmap and unbind; nothing to do where it is not connected. Nothing of it is used any more: no
 * frame of it may be under way. What is not pushed yet stays unanswered. */
void netif_disconnect(struct netif *netif);

/* --- from the guest ------------------------------------------------------------------------- */

enum netif_taken {
    NETIF_NOTHING, /**< the ring is empty */
    NETIF_FRAME,   /**< *@frame; to be answered by netif_done() */
    NETIF_BAD,     /**< *@frame (first, requests) could not be; answered already; *@why */
    NETIF_FAILED,  /**< the vif is ended */
};

/**
 * Take the next frame. Requests for multicast control are carried out and answered here, and the
 * next frame is looked for: at most a ring of them between two netif_publish_tx(). @why: an enum
 * drop_reason, where NETIF_BAD.
 *
 * BAD is what a frontend may get wrong: sizes that contradict each other, a slot beyond its page,
 * 19 slots, a runt, GSO of no known type or with an MSS of 0, extra infos behind the first slot.
 * FAILED is what no frontend does: indices out of distance, a frame without its end, 20 slots, an
 * extra info of unknown type, more of them than NETIF_EXTRAS_MAX.
 */
enum netif_taken netif_take(struct netif_queue *queue, struct netif_frame *frame, int *why);

/** The frame is dealt with: nothing of its memory is touched any more (XSA-396). Its requests will
 * be answered by netif_publish_tx() when those before them are; @error: with status ERROR. */
void netif_done(struct netif_queue *queue, const struct netif_frame *frame, bool error);

/** Requests taken and not answered yet, as of the last netif_publish_tx(). */
unsigned netif_unanswered(const struct netif_queue *queue);

/** Nothing more to take: ask for an event at the next request. True: there is one already. */
bool netif_tx_arm(struct netif_queue *queue);

/* --- to the guest --------------------------------------------------------------------------- */

/** Buffers posted and not taken; reads the shared index where there are fewer than @wanted. */
unsigned netif_buffers(struct netif_queue *queue, unsigned wanted);

#define NETIF_RSP_DROPPED (-2)
#define NETIF_RSP_ERROR   (-1)
#define NETIF_RSP_OKAY    0
#define NETIF_RSP_NULL    1 /**< of an extra info's slot */

/** Take the next buffer; there is one, as netif_buffers() said. */
void netif_buffer_take(struct netif_queue *queue, struct netif_buffer *buffer);

/** Flags of a response. */
#define NETIF_RX_VALIDATED 1U /**< NETRXF_data_validated */
#define NETIF_RX_BLANK     2U /**< NETRXF_csum_blank */
#define NETIF_RX_MORE      4U /**< NETRXF_more_data */
#define NETIF_RX_EXTRA     8U /**< NETRXF_extra_info */

/** Answer the oldest buffer taken, which is @buffer: @status bytes at @offset, or a negative
 * NETIF_RSP_*. Buffers are answered in the order in which they were taken. */
void netif_buffer_put(struct netif_queue *queue, const struct netif_buffer *buffer, uint16_t offset,
                      int16_t status, unsigned flags);
/** Answer the oldest buffer taken by an extra info instead; nothing is written to the buffer.
 * @more: another one follows. */
void netif_buffer_put_gso(struct netif_queue *queue, enum offload_gso gso, uint16_t mss, bool more);
void netif_buffer_put_hash(struct netif_queue *queue, const struct netif_hash *hash, bool more);

/** Ask for an event when a buffer is posted beyond those that netif_buffers() told of. True: there
 * is one already. */
bool netif_rx_arm(struct netif_queue *queue);

/* --- both ----------------------------------------------------------------------------------- */

/**
 * Publish what was answered in the RX ring, or in the TX ring, and notify the guest where its
 * rsp_event asks for it; where one port is for both, netif_publish_tx() does so for both. To be
 * called once for a burst, and first netif_publish_rx() for all queues that got frames: as long as
 * a frame is not acknowledged to its sender it can be taken again (by a successor), so that none is
 * lost. Return the notifications sent.
 */
unsigned netif_publish_rx(struct netif_queue *queue);
unsigned netif_publish_tx(struct netif_queue *queue);

/** End the vif: callbacks->failed, once. */
void netif_fail(struct netif *netif, const char *why);

#endif
