/* SPDX-License-Identifier: ISC */
/**
 * @file peer.h
 * How the two domains of the suite talk. There is no XenStore yet, so the client looks for the
 * server's page among its grants, by its magic, with copies; the page names all the rest.
 */
#ifndef CONFORMANCE_PEER_H
#define CONFORMANCE_PEER_H

#include "tests/conformance/conformance.h"

#define PEER_MAGIC 0x68766366U
#define PEER_PAGES                                                                                 \
    5U /**< granted to the client beside the page below; page i is full of '0' + i                 \
        */
#define PEER_ALIEN 0x7feeU /**< a domid that no host has */

enum peer_command {
    PEER_NOTHING = 1, /**< only answer */
    PEER_REVOKE,      /**< argument 0: a reference */
    PEER_GRANT,       /**< 0: page; 1: domid; 2: readonly. reply: reference */
    PEER_PEEK,        /**< 0: page; 1: offset. reply: the byte */
    PEER_POKE,        /**< 0: page; 1: offset; 2: the byte */
    PEER_SEND,        /**< 0: how often; before the answer */
    PEER_REBIND,      /**< 0: the client's port; 1: its domid: close ours, bind to it */
    PEER_WATCHDOG,    /**< 0: seconds for hv_watchdog() */
    PEER_HANG,        /**< do nothing any more; no answer */
};

/** Granted to the client, writable. The client writes a request, then its sequence. */
struct conformance_page {
    uint32_t magic;
    uint32_t port; /**< unbound, for the client */
    uint32_t self; /**< reference of this page */
    uint32_t refs[PEER_PAGES];
    uint32_t sequence; /**< of the request; written by the client */
    uint32_t command;
    uint32_t argument[3];
    uint32_t served; /**< the sequence answered last; written by the server */
    uint32_t result; /**< 0 or a negative errno value */
    uint32_t reply;
};

#endif
