/* SPDX-License-Identifier: ISC */
/**
 * @file forward.h
 * The engine: frames from the rings, through the pipeline, into rings.
 *
 * A turn takes a burst of frames, round robin over ports and their queues, and deals with it whole:
 *
 *     burst.c     takes them; one grant copy brings the headers of all into private snapshots
 *     pipeline.c  decides on the snapshots: from whom, in which VLAN, to whom (ingress)
 *     plan.c      to each receiver: what it takes, its buffers, which bytes go where (egress)
 *     soft.c      whole frames into private memory, for receivers that need them worked on
 *     deliver.c   one grant copy for all of it, and the answers, as the copies went
 *     wait.c      frames whose receiver has no buffer just now
 *
 * So a burst costs two hypercalls and one notification at most for each ring that it touched. What
 * one turn may do is bounded (FORWARD_*); what is left goes on in the next, and other events of the
 * service come in between. Nothing is allocated for a frame.
 *
 * A frame waits only if it is unicast, at most FORWARD_WAIT long, for at most FORWARD_WAITING
 * requests of its sender's queue; its receiver may not let anybody wait again until FORWARD_STALL
 * has passed without a drop (XSA-392).
 */
#ifndef SWITCH_FORWARD_H
#define SWITCH_FORWARD_H

#include "switch.h"

#define FORWARD_BURST    128U /**< frames taken at a time */
#define FORWARD_QUANTUM  16U  /**< of these, from one queue before the next one's */
#define FORWARD_CALLS    8U   /**< grant copy calls of a turn, after which no frame is begun */
#define FORWARD_WAITING  128U /**< ring slots of a sender's queue that wait at most */
#define FORWARD_WAITERS  512U /**< frames that wait, of all ports */
#define FORWARD_SEGMENTS 128U /**< that a frame is cut into at most; else DROP_NO_OFFLOAD */
#define FORWARD_SLOTS    18U  /**< buffers of a frame; one more if the first has <= 256 bytes */

#define FORWARD_HEADROOM 2048U /**< bytes of XDP headroom; who wants more gets nothing */

#define FORWARD_WAIT  (10 * HV_MSEC) /**< how long a frame waits */
#define FORWARD_STALL HV_SEC         /**< without a drop, then frames may wait again */

/** Make the engine, with all memory that it will have but that of its ports: about 500 KiB. NULL:
 * there is too little. */
struct forward *forward_create(struct vswitch *vswitch);
/** There is no port left in it. */
void forward_destroy(struct forward *forward);

/**
 * @port's netif is connected, and its bridge, policy and rates are set: serve it. To be called
 * before port->connected is set, and undone by forward_port_remove(). -ENOMEM: nothing happened.
 */
int forward_port_add(struct port *port);

/**
 * Let go of @port: when it returns no frame from it or to it is under way, and nothing of its
 * netif is used any more; what was under way is dropped (DROP_NO_PORT) and answered. To be called
 * before netif_disconnect(), never from within netif_callbacks. Nothing to do if it is not served.
 */
void forward_port_remove(struct port *port);

/**
 * Look anew at what is in force for @port: rates, VLAN, bridge, MTU, features and XDP headroom are
 * looked at for each frame, so that all there is to do is to go on where a rate, the loop guard or
 * a lock kept it waiting. Loses no frame.
 */
void forward_configure(struct port *port);

/** What vswitch->awaits_* said may be over: what has come meanwhile is in the rings. */
void forward_begin(struct forward *forward);

/** netif_callbacks of a netif whose context is its struct port: work, multicast. */
void forward_work(void *context, struct netif_queue *queue);
bool forward_multicast(void *context, const uint8_t mac[6], bool add);

/** Forget what the frontend asked for by multicast control, as it connects anew. Called by
 * forward_port_add(). */
void forward_multicast_reset(struct port *port);

struct forward_usage {
    unsigned waiting;         /**< frames that wait now */
    uint64_t waited, expired; /**< that began to, and that did so in vain */
    uint64_t stalls;          /**< receivers that became stalled */
    uint64_t soft;            /**< frames that were worked on in private memory */
    uint64_t probes, loops;   /**< of the loop guard: sent, and come back */
    uint64_t turns;
};
void forward_usage(const struct forward *forward, struct forward_usage *usage);

/** What the loop guard says about a port, for tools: the time until which it is blocked, or 0. */
uint64_t forward_blocked_until(const struct port *port);

#endif
