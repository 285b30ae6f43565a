/* SPDX-License-Identifier: ISC */
/**
 * @file guard.h
 * The loop guard: when a port is suspected to be one end of a loop, how it is told for certain, and
 * how long it is blocked. Pure; probe.c does what is said here.
 *
 * Addresses that move between ports at a rate are a suspicion, and no more: a guest that sends from
 * another's address causes the same, and would have the other one's port blocked. So a port that is
 * suspected is sent a frame that nobody can guess, and only if that comes back there is a loop. Of
 * the two ports the younger one is blocked, but never an uplink: what comes back by the uplink it
 * was sent to is the outside's affair, and whoever is outside has seen the probe.
 */
#ifndef SWITCH_GUARD_H
#define SWITCH_GUARD_H

#include <stddef.h>

#include <hv/time.h>

#include "limit.h"

#define GUARD_MOVES  16U /**< addresses that may move to or from a port, a second */
#define GUARD_PROBES (100 * HV_MSEC)
#define GUARD_FIRST  (5 * HV_SEC)   /**< blocked for so long; then doubled... */
#define GUARD_LAST   (300 * HV_SEC) /**< ...up to that */

/** IEEE 802's "local experimental ethertype 1": bridges pass it on, hosts ignore it. */
#define GUARD_ETHERTYPE 0x88b5U

#define GUARD_NONCE 16U
#define GUARD_PROBE 60U /**< bytes of a probe, without a tag */

struct guard_port {
    struct limit moves;
    bool suspected;             /**< a probe is to be sent */
    uint16_t vid;               /**< in that VLAN */
    uint64_t probed;            /**< when the last one was; 0: never */
    uint64_t length;            /**< of the last block */
    uint64_t free_since;        /**< its end */
    uint8_t nonce[GUARD_NONCE]; /**< of its probes, from hv_random() */
};

/** An address moved to or from the port. True: suspected now, and it is time for a probe. */
bool guard_moved(struct guard_port *guard, uint16_t vid, uint64_t now);

/** Block it: for how long. */
uint64_t guard_block(struct guard_port *guard, uint64_t now);

/** Write the probe for the port: GUARD_PROBE bytes, a broadcast from @source. */
void guard_probe(const struct guard_port *guard, const uint8_t source[6], uint16_t port,
                 uint8_t *frame);

/** Is it a probe, and for which port? @payload: what follows the Ethernet header. The caller
 * compares the nonce. */
bool guard_parse(uint16_t ethertype, const uint8_t *payload, size_t length, uint16_t *port,
                 const uint8_t **nonce);

#endif
