/* SPDX-License-Identifier: ISC */
/**
 * @file engine.h
 * What the parts of the engine (forward.h) share, and nobody else looks at.
 *
 * Within a turn nothing of a port goes away: netif_callbacks->failed only takes note. Between turns
 * a port may be removed, so that forward_port_remove() goes through all that holds a pointer to it:
 * flights of a burst that is not done, and waiters. Deliveries never outlive a turn.
 */
#ifndef SWITCH_ENGINE_H
#define SWITCH_ENGINE_H

#include <hv/memory.h>
#include <hv/time.h>

#include "forward.h"
#include "guard.h"
#include "layout.h"
#include "vlan.h"

/** Private memory in page-aligned areas, cut so that nothing crosses a page that need not. */
#define ENGINE_CELL       256U /**< a header of our making: of a segment, or with another tag */
#define ENGINE_CELLS      256U
#define ENGINE_SOFT_CHUNK 2048U
#define ENGINE_SOFT       65U /**< chunks: the largest frame and as much again */
#define ENGINE_WHOLE_AT   16U /**< room before a whole frame, so that a tag can be put in front */

#define ENGINE_DELIVERIES 1024U
#define ENGINE_BUFFERS    2048U
#define ENGINE_PLAN_OPS   (LAYOUT_PARTS + NETIF_SLOTS_MAX) /**< of one delivery at most */

/** One frame under way. */
struct flight {
    struct port *from;         /**< NULL: our own, or its port is gone */
    struct netif_queue *queue; /**< to be answered; NULL: nobody waits for an answer */
    struct netif_frame in;
    struct packet packet; /**< of the snapshot */
    uint8_t *header;      /**< the snapshot, in->length or PACKET_HEADER_MAX bytes at most */
    uint16_t captured;
    uint16_t vid;
    uint16_t first_op, ops; /**< of the copies to the snapshot, or to @ref whole */
    bool csum_blank;
    bool group;  /**< to a group address */
    bool bad;    /**< answered by ERROR */
    bool waits;  /**< moved to a waiter: not to be answered yet */
    bool waited; /**< comes from a waiter, has paid for rate_out, and waits no more */
    uint16_t mss;
    enum offload_gso gso; /**< as checked */
    enum route { ROUTE_NONE, ROUTE_PORT, ROUTE_SET } route;
    uint16_t dest;            /**< ROUTE_PORT: its number... */
    uint32_t dest_generation; /**< ...and whose it is */
    struct port_set set;      /**< ROUTE_SET */
    bool chosen;              /**< by snooping: some of the bridge's ports, not all */
    unsigned mirror;          /**< bytes that mirrors of the ingress want */
    uint8_t *whole;           /**< all of it in private memory; NULL: not needed */
    bool filled;              /**< its checksum is filled in there */
    uint8_t formed;           /**< bit: that vlan_form is in @ref forms */
    uint8_t *forms;           /**< a cell: the header with a tag, and without one */
};

#define FORM_TAGGED_AT   0U
#define FORM_UNTAGGED_AT (PACKET_HEADER_MAX + ETHER_TAG)

/** A frame that waits for buffers of its receiver. */
struct waiter {
    struct list queued; /**< in forward_queue.waiters of the receiver, or in forward.free */
    struct list due;    /**< in forward.due, oldest first */
    struct port *to;
    struct forward_queue *receiver;
    uint64_t since;
    unsigned needed; /**< buffers */
    struct flight flight;
    uint8_t header[PACKET_HEADER_MAX];
};

/** The engine's side of a netif_queue. */
struct forward_queue {
    struct forward_port *port;
    struct netif_queue *rings;
    struct list waiters;   /**< for buffers of this one */
    struct list retry;     /**< in forward.retry: it may have some now */
    unsigned waiting_for;  /**< frames in @ref waiters */
    unsigned waiting_from; /**< ring slots of it whose frames wait for others */
    bool ready;            /**< there may be requests */
    bool touched;          /**< to be pushed */
};

/** The engine's side of a port. */
struct forward_port {
    struct port *port;
    struct list ready; /**< in forward.ready, if a queue of it is */
    unsigned turn;     /**< which queue is next */
    struct timer rate; /**< rate_in is ready again */
    struct forward *forward;
    uint64_t stalled_until;
    struct limit patience; /**< how often it may let others wait long */
    struct guard_port guard;
    /** The last address learned behind it, and the last one looked up for it, with their VLANs:
        true while the epoch is the one of then. */
    uint64_t learned, found;
    uint64_t learned_epoch, found_epoch;
    uint16_t found_port;
    unsigned queues;
    struct forward_queue queue[NETIF_QUEUES_MAX];
};

/** A frame's way to one receiver, planned and not carried out yet. */
struct delivery {
    struct flight *flight;
    struct port *to;
    struct forward_queue *queue;
    uint32_t length;
    uint16_t first_op, ops;
    uint16_t first_buffer, buffers;
    uint16_t mss;
    uint8_t flags; /**< of the first response: NETIF_RX_* */
    uint8_t gso;   /**< enum offload_gso: an extra info says so */
    bool failed;
    bool source_bad;        /**< it is the sender's grant that failed */
    struct netif_hash hash; /**< an extra info, if type is not 0 */
};

enum buffer_use { BUFFER_DATA, BUFFER_GSO, BUFFER_HASH };

struct delivery_buffer {
    struct netif_buffer buffer;
    uint16_t length;
    uint8_t use;
};

struct forward {
    struct vswitch *vswitch;
    struct hv *hv;
    struct timer turn, wait, probe;
    bool mirrors;   /**< there is a mirror: looked at once a burst */
    uint64_t now;   /**< of the burst */
    uint64_t epoch; /**< from 1; another one for each burst, and when an address moved */
    unsigned calls; /**< grant copy calls of the turn so far */
    struct list ready, retry, due, free;
    unsigned waiting;
    struct forward_usage usage;

    unsigned count, next; /**< flights of the burst, and the first one not dealt with */
    struct flight *flights;
    uint8_t *headers; /**< PACKET_HEADER_MAX for each flight */
    uint8_t *forms;   /**< ENGINE_CELL for each flight */
    uint8_t *cells;
    unsigned cells_used;
    uint8_t *soft;
    unsigned soft_used;
    struct waiter *waiters;

    unsigned ops;
    struct hv_copy *copies; /**< HV_COPY_MAX */
    uint16_t *op_delivery;  /**< for which delivery */
    unsigned deliveries, buffers;
    struct delivery *delivery;
    struct delivery_buffer *buffer;
    unsigned touched_count;
    struct forward_queue **touched;
    struct port_set suspects; /**< ports to which a probe is to be sent */
    uint8_t source[6];        /**< of our own frames */
};

/* forward.c */
void engine_schedule(struct forward *forward);
/** Count a frame of @flight that goes no further, at @port, and tell of it. */
void engine_drop(struct forward *forward, struct port *port, const struct flight *flight,
                 enum drop_reason reason);
/** @queue is to be pushed at the end of the burst. */
void engine_touch(struct forward *forward, struct forward_queue *queue);
void engine_push(struct forward *forward);
struct forward_queue *engine_queue(const struct port *port, const struct netif_queue *rings);

/* burst.c */
/** Take a burst; false: there is nothing to do. */
bool burst_take(struct forward *forward);
/** @queue may have requests. */
void burst_ready(struct forward *forward, struct forward_queue *queue);
/** No frame is to be taken from @port any more. */
void burst_forget(struct forward *forward, struct forward_port *port);
/** A flight at the end of the burst, with its header's room; NULL: it is full. */
struct flight *burst_add(struct forward *forward);

/* pipeline.c */
/** Decide what is to become of a frame with its snapshot: route, or a drop that is counted. */
void pipeline_decide(struct forward *forward, struct flight *flight);

/* soft.c */
enum soft { SOFT_NONE, SOFT_CHECKSUM, SOFT_SEGMENTS };
/** What has to be done to @flight for @to. */
enum soft soft_needed(const struct flight *flight, const struct port *to);
/** Plan to fetch the whole frame if somebody needs it. False: there is no room left in this chunk
 * of the burst. */
bool soft_plan_some(struct forward *forward, struct flight *flight);
static inline bool soft_plan(struct forward *forward, struct flight *flight)
{
    flight->whole = NULL;
    if (!flight->from || flight->bad ||
        (!forward->mirrors && !flight->csum_blank && flight->gso == OFFLOAD_GSO_NONE))
        return true;
    return soft_plan_some(forward, flight);
}
/** What came of soft_plan(). */
void soft_fetched(struct forward *forward, struct flight *flight);

/* plan.c */
/** Plan all deliveries of @flight; carries out what was planned before where there is no room. */
void plan_flight(struct forward *forward, struct flight *flight);

/** A piece of a frame. */
struct piece {
    const uint8_t *data; /**< private memory, within one page; NULL: of @ref ref */
    grant_ref_t ref;
    uint16_t offset;
};
struct pieces {
    unsigned count;
    uint16_t length[LAYOUT_PIECES];
    struct piece piece[LAYOUT_PIECES];
};

/* deliver.c */
/** Carry out what is planned. */
void deliver_flush(struct forward *forward);
/** Room for one more delivery with as many operations and buffers as it may need. */
static inline bool deliver_room(const struct forward *forward)
{
    return forward->ops + ENGINE_PLAN_OPS <= HV_COPY_MAX &&
           forward->deliveries < ENGINE_DELIVERIES &&
           forward->buffers + LAYOUT_BUFFERS + 2 <= ENGINE_BUFFERS &&
           forward->cells_used < ENGINE_CELLS;
}
/** The copies from 0 to ops, counted for @from... */
void engine_copy(struct forward *forward);

/* wait.c */
/** Let @flight wait for @needed buffers of @queue. DROP_NONE: it does; else why not. */
enum drop_reason wait_add(struct forward *forward, struct flight *flight, struct port *to,
                          struct forward_queue *queue, unsigned needed);
/** Put the frames whose receivers have buffers now into the burst. */
void wait_resume(struct forward *forward);
/** Its guest may have posted buffers. */
void wait_posted(struct forward *forward, struct forward_queue *queue);
/** A frame was dropped for want of buffers of @port. */
void wait_dropped(struct forward *forward, struct port *port);
void wait_forget(struct forward *forward, struct port *port);
void wait_expire(struct timer *timer);

/* probe.c */
/** An address moved in @vid from @was to @port. */
void probe_moved(struct forward *forward, uint16_t vid, struct port *port, struct port *was);
/** Put the probes that are to be sent into the burst. */
void probe_send(struct forward *forward);
/** Is it a probe of ours that came back? Then a port is blocked. */
bool probe_seen(struct forward *forward, struct flight *flight);
void probe_expire(struct timer *timer);
void probe_forget(struct forward *forward, struct port *port);

#endif
