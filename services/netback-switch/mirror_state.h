/* SPDX-License-Identifier: ISC */
/**
 * @file mirror_state.h
 * Inside of mirror.h: a mirror, shared by mirror.c (which frames, and how they are written) and
 * mirror_consumers.c (who reads them, and mirrors that come and go with the rules).
 */
#ifndef SWITCH_MIRROR_STATE_H
#define SWITCH_MIRROR_STATE_H

#include "mirror.h"
#include "switch.h"

/** Bytes that are put together before they are written to the ring. */
#define MIRROR_BATCH 16384U
/** What is less than this waits for more, but at most MIRROR_LATE: each write may wake the
 * consumer, which costs more than the frame. */
#define MIRROR_SOON (MIRROR_BATCH / 2)
#define MIRROR_LATE (1 * HV_MSEC)

struct mirror {
    struct list retired;
    struct vswitch *vswitch;
    struct rules_mirror rules;
    char name[RULES_NAME + 8]; /**< of the vchan */
    struct listener *listener;
    size_t listener_size;
    struct vchan *v;   /**< NULL: no consumer */
    bool blocked;      /**< there was no room: until the burst ends or the consumer has read */
    size_t room;       /**< bytes that the ring has beyond those of the batch */
    size_t used;       /**< bytes of the batch */
    struct timer late; /**< armed while they wait */
    bool waits;
    uint64_t clock;        /**< wall clock of hv_now() 0 */
    uint64_t missing;      /**< frames lost since the last record */
    struct port_set told;  /**< ports whose identity was told as it is now */
    bool untold;           /**< some of those that it mirrors may not be among them */
    struct port_set known; /**< or as it was once, */
    struct port_set gone;  /**< and whose end is still to be told */
    uint64_t frames, bytes, lost;
    uint8_t batch[MIRROR_BATCH];
};

/** Which mirrors does each port go to? After a consumer or a mirror has come or gone. */
void mirror_find_ports(struct vswitch *vswitch);

/** A consumer has connected: HELLO. */
void mirror_begin(struct mirror *mirror, struct vchan *v);

/** Write what was put together. The consumer may be gone afterwards. */
void mirror_flush(struct mirror *mirror);

/** The consumer is gone: forget what was put together for it. */
void mirror_end(struct mirror *mirror);

/** The consumer has read: tell what it missed. */
void mirror_go_on(struct mirror *mirror);

#endif
