/* SPDX-License-Identifier: ISC */
/**
 * @file frontend.h
 * A simulated guest's netfront: rings, grants and event channels of one vif, in a `struct hv` of
 * hv/sim. It needs no XenStore: frontend_netif() says what a backend would read there.
 *
 * It is the honest frontend of xen/include/public/io/netif.h, and checks what a backend owes it at
 * each response: the slot, the order, the id, whole frames, offset and length, nothing written
 * beside the bytes of the frame, no access to memory after its response. For those who would not be
 * honest the rings are open: struct frontend_queue.
 *
 * Nothing here runs by itself: frontend_poll() looks at all rings; frontend_step() looks at those
 * whose events came, and is a sim_step_fn. A frontend is its domain's whole business, or the test
 * gives it its events by frontend_event().
 */
#ifndef TESTS_SIM_SWITCH_FRONTEND_H
#define TESTS_SIM_SWITCH_FRONTEND_H

#include <hv/gnttab.h>
#include <hv/memory.h>

#include "common/list.h"
#include "services/netback-switch/netif.h"

#define FRONTEND_SLOTS 256U

/** Flags of a TX request, and of the RX responses' first two, which are the other way round. */
enum { TX_CSUM_BLANK = 1, TX_DATA_VALIDATED = 2, TX_MORE_DATA = 4, TX_EXTRA_INFO = 8 };
enum { RX_DATA_VALIDATED = 1, RX_CSUM_BLANK = 2, RX_MORE_DATA = 4, RX_EXTRA_INFO = 8 };
enum { XTRA_GSO = 1, XTRA_MCAST_ADD, XTRA_MCAST_DEL, XTRA_HASH, XTRA_XDP };
enum { XTRA_MORE = 1 };

/** The head of a shared ring. */
struct frontend_ring {
    uint32_t req_prod, req_event, rsp_prod, rsp_event;
    uint8_t unused[48];
    uint8_t slots[];
};

struct frontend_tx_request {
    uint32_t gref;
    uint16_t offset, flags, id, size;
};

struct frontend_extra {
    uint8_t type, flags;
    uint8_t data[6];
};

/** What is known of a slot of the TX ring. */
struct frontend_tx_slot {
    enum { TX_FREE, TX_DATA, TX_EXTRA, TX_RAW } what;
    void *page; /**< DATA: where the bytes are */
    grant_ref_t ref;
    uint16_t id;
    bool last; /**< of a frame */
};

/** What is known of a slot of the RX ring. */
struct frontend_rx_slot {
    enum { RX_FREE, RX_BUFFER, RX_RAW } what;
    void *page;
    grant_ref_t ref;
    uint16_t id;
};

struct frontend_queue {
    struct frontend *frontend;
    unsigned index;
    struct frontend_ring *tx, *rx; /**< shared */
    grant_ref_t tx_ref, rx_ref;
    evtchn_port_t tx_port, rx_port;      /**< equal: not split */
    uint32_t tx_published, rx_published; /**< req_prod as this frontend left it */
    uint32_t tx_req, tx_rsp;             /**< written; seen (private req_prod_pvt, rsp_cons) */
    uint32_t rx_req, rx_rsp;
    struct frontend_tx_slot tx_slot[FRONTEND_SLOTS];
    struct frontend_rx_slot rx_slot[FRONTEND_SLOTS];
    uint16_t next_id; /**< ids are arbitrary: counted on, but for raw slots */
    unsigned buffers; /**< kept posted; 0: none are posted by themselves */
    bool deaf;        /**< responses are not looked at */
    bool lazy;        /**< asks for no event (rsp_event is left behind) */
    bool pending;     /**< an event came and is not handled yet */
    unsigned tx_okay, tx_error, tx_null, tx_other; /**< responses to TX requests by status */
    unsigned rx_frames, rx_errors;                 /**< frames; responses of negative status */
    unsigned kicks, events;                        /**< sent to the backend; got from it */
};

/** A frame as it came. */
struct frontend_rx {
    struct list link;
    unsigned queue, slots;
    unsigned flags; /**< RX_DATA_VALIDATED, RX_CSUM_BLANK */
    uint8_t gso;    /**< 0, 1: TCPv4, 2: TCPv6 */
    uint16_t mss;
    uint8_t hash_type, hash_algorithm; /**< algorithm 0: there was no hash */
    uint32_t hash;
    size_t length;
    uint8_t data[];
};

/** A frame to be sent. All but data and length may be left 0. */
struct frontend_tx {
    const uint8_t *data;
    size_t length;
    unsigned slots;        /**< 0: as few as take it at offset 0 */
    const uint16_t *split; /**< bytes of each slot, the first included; NULL: 4096, the last less */
    const uint16_t *offset; /**< in its page, of each slot; NULL: 0 */
    unsigned flags;         /**< TX_CSUM_BLANK, TX_DATA_VALIDATED */
    uint8_t gso;            /**< 0, 1: TCPv4, 2: TCPv6 */
    uint16_t mss;
    const struct frontend_extra *extra; /**< others, behind the GSO's; XTRA_MORE is filled in */
    unsigned extras;
    uint16_t claim; /**< size in the first request; 0: the frame's */
};

struct frontend_config {
    struct hv *hv;
    domid_t backend;
    unsigned queues; /**< 0: 1 */
    bool split, control;
    bool sg, gso_tcpv4, gso_tcpv6, ipv6_csum, no_csum_offload, multicast_control;
    uint32_t start;   /**< all indices of the rings begin here */
    unsigned buffers; /**< RX buffers kept posted on each queue; 0: none until frontend_post() */
    /** Called for each frame; the frame is freed afterwards. NULL: kept for frontend_receive(). */
    void (*received)(void *context, struct frontend *frontend, const struct frontend_rx *frame);
    void *context;
};

struct frontend {
    struct frontend_config config;
    struct hv *hv;
    unsigned queues;
    struct frontend_queue queue[NETIF_QUEUES_MAX];
    bool used_buffers; /**< a backend died: it may have written to buffers that it never answered */
    struct list received; /**< struct frontend_rx, oldest first */
    /** The control ring. */
    struct frontend_ring *control;
    grant_ref_t control_ref;
    evtchn_port_t control_port;
    uint32_t control_req, control_rsp;
};

/** Make rings, grants, ports; post buffers. A backend may connect from then on. */
struct frontend *frontend_create(const struct frontend_config *config);

/** Take all back, which works once the backend has disconnected (asserted). */
void frontend_destroy(struct frontend *frontend);

/** Forget it: for a domain that has died, with all it had. */
void frontend_forget(struct frontend *frontend);

/** What the backend is told in XenStore. */
struct netif_config frontend_netif(const struct frontend *frontend);

/* --- sending -------------------------------------------------------------------------------- */

/** Write the requests of a frame, publish them, kick where asked to. False: the ring is too full.
 */
bool frontend_send(struct frontend *frontend, unsigned queue, const struct frontend_tx *tx);
/** As frontend_send(), on queue 0, of plain bytes. */
bool frontend_send_bytes(struct frontend *frontend, const void *data, size_t length);
/** The same without publishing. */
bool frontend_write(struct frontend_queue *queue, const struct frontend_tx *tx);
/** Free slots of the TX ring. */
unsigned frontend_room(const struct frontend_queue *queue);
/** Write 12 bytes as the next TX request; its response may be anything. */
void frontend_write_raw(struct frontend_queue *queue, const void *request);
/** A page with @length bytes of @data at @offset, granted to the backend, readonly or not. */
void *frontend_page(struct frontend *frontend, const void *data, size_t length, size_t offset,
                    bool readonly, grant_ref_t *ref);
/** Take such a page back: false, where the backend still has it mapped. */
bool frontend_page_free(struct frontend *frontend, void *page, grant_ref_t ref);
/** Publish what was written to the TX ring; an event where req_event asks for it. */
void frontend_publish(struct frontend_queue *queue);
/** An event whatever req_event says. */
void frontend_kick(struct frontend_queue *queue);

/* --- receiving ------------------------------------------------------------------------------ */

/** Post @count more buffers, as many as the ring takes; returns how many. */
unsigned frontend_post(struct frontend_queue *queue, unsigned count);
/** Post one with this id and reference; what is written there is not looked at. */
void frontend_post_raw(struct frontend_queue *queue, uint16_t id, grant_ref_t ref);
/** Publish what was posted; frontend_post() does so itself. */
void frontend_post_publish(struct frontend_queue *queue);
/** The oldest frame; NULL: there is none. To be freed by free(). Polls first. */
struct frontend_rx *frontend_receive(struct frontend *frontend);

/* --- both ----------------------------------------------------------------------------------- */

/** Look at all rings, events or not. Returns the number of responses. */
unsigned frontend_poll(struct frontend *frontend);
/** An event of @port came. False: it is none of its ports. */
bool frontend_event(struct frontend *frontend, evtchn_port_t port);
/** sim_step_fn: take the domain's events, look at the rings they are for, and at no others. */
uint64_t frontend_step(void *frontend);

/* --- the control ring ------------------------------------------------------------------------ */

struct frontend_control_response {
    uint16_t id, type;
    uint32_t status, data;
};

/** Write a request, publish it, kick where asked to. */
void frontend_control_send(struct frontend *frontend, uint16_t id, uint16_t type, uint32_t data0,
                           uint32_t data1, uint32_t data2);
/** The next response; false: there is none. */
bool frontend_control_take(struct frontend *frontend, struct frontend_control_response *response);

#endif
