/* SPDX-License-Identifier: ISC */
/**
 * @file identities.h
 * Who is behind the ports, each under a number that flows can hold. A number is given to somebody
 * else only when neither a port nor a flow refers to it, and then the one that is free for longest.
 */
#ifndef MONITOR_IDENTITIES_H
#define MONITOR_IDENTITIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"

/** Bridges that are told apart; further ones are one. */
#define IDENTITIES_LANS 256U

struct identity_slot {
    struct engine_identity who;
    uint32_t references; /**< of ports and flows */
    uint16_t ports;      /**< of them */
    uint16_t lan;        /**< number of its bridge */
    uint16_t next;       /**< of the free ones */
};

struct identity_lan {
    char bridge[32];
    uint32_t references; /**< of identities */
};

struct identities {
    struct identity_slot *slots; /**< 0: nobody */
    uint16_t *ports;             /**< the identity of each of 65,536 */
    struct identity_lan *lans;   /**< 0: no bridge, or one too many */
    uint16_t count;              /**< with 0 */
    uint16_t touched;            /**< numbers from here on were never used */
    uint16_t free_first, free_last;
    uint64_t refused;
};

/** Bytes for @count numbers (with 0), and make it in zeroed @memory, aligned to 64. */
size_t identities_size(uint32_t count);
void identities_create(struct identities *identities, void *memory, uint32_t count);

/** What setting a port has done. */
struct identities_change {
    uint16_t left;  /**< no port has this number any more; 0 */
    uint16_t begun; /**< this number is somebody else's from now on; 0 */
};

/** @port is @who (NULL: gone). What is learned of the same guest only now changes it in place. */
struct identities_change identities_port(struct identities *identities, uint16_t port,
                                         const struct engine_identity *who);

static inline uint16_t identities_of(const struct identities *identities, uint16_t port)
{
    return identities->ports[port];
}

/** A flow names @number (0: nothing is done), or does no more. */
static inline void identities_hold(struct identities *identities, uint16_t number)
{
    identities->slots[number].references += number != 0;
}
void identities_let(struct identities *identities, uint16_t number);

#endif
