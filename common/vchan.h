/* SPDX-License-Identifier: ISC */
/**
 * @file vchan.h
 * One vchan: two rings of bytes between two domains, in the wire format of libxenvchan
 * (xen/include/public/io/libxenvchan.h), so that either end may be libxenvchan itself.
 *
 * "left" is written by the client and read by the server, "right" the other way. Nothing here
 * blocks. What the peer can write is read once: the orders and grants when a client connects, and
 * never again; the peer's index at each call, its distance checked. A peer whose index lies is
 * answered with -EPROTO for ever after; the owner closes.
 *
 * Who meets whom where is none of its business: listener.h is the server's way, rendezvous.h tells
 * a client the numbers.
 */
#ifndef COMMON_VCHAN_H
#define COMMON_VCHAN_H

#include <hv/evtchn.h>
#include <hv/gnttab.h>
#include <hv/hv.h>
#include <hv/memory.h>

/** Sizes of a ring are 1 << order bytes. At most one ring may be 10 and one 11 (in the head page).
 */
#define VCHAN_ORDER_MIN 10U
#define VCHAN_ORDER_MAX 20U

/** The most pages that one vchan shares: its head and two rings of the largest order. */
#define VCHAN_PAGES_MAX (1U + 2U * (1U << (VCHAN_ORDER_MAX - 12)))

/** One direction. */
struct vchan_ring {
    uint32_t *cons, *prod; /**< in the shared head page */
    uint8_t *data;         /**< shared */
    uint32_t size;         /**< bytes, a power of two */
    uint32_t own;          /**< our own index; the shared copy is written, never believed */
};

enum vchan_state {
    VCHAN_WAITING, /**< server: no client yet */
    VCHAN_OPEN,
    VCHAN_ENDED,  /**< the peer has closed, or is gone; what it wrote before may be read */
    VCHAN_BROKEN, /**< the peer broke the protocol */
};

/** An end of a vchan. Embedded in what owns it; its members are for reading. */
struct vchan {
    struct hv *hv;
    bool server;
    bool opened; /**< the peer was seen connected */
    bool ended;  /**< the peer was seen to close or to be gone: for ever */
    bool broken; /**< the peer broke the protocol: for ever */
    domid_t peer;
    evtchn_port_t port;   /**< ours: server, what the client binds; client, its local end */
    grant_ref_t ring_ref; /**< of the head page */
    struct vchan_ring read, write;
    uint8_t *head;  /**< the shared head page (struct vchan_interface) */
    uint8_t *pages; /**< server: head page, then left's pages, then right's; client: NULL */
    unsigned left_pages, right_pages; /**< 0 for a ring within the head page */
    void *left_map, *right_map;       /**< client: what it mapped */
    unsigned granted;                 /**< server: pages whose grants are not yet revoked */
    uint64_t bytes_in, bytes_out;     /**< so far */
    grant_ref_t refs[VCHAN_PAGES_MAX];
};

/**
 * Pages a server of these orders needs, or 0 if the pair of orders is not a valid one: out of
 * bounds, twice 10 or 11, or (10 and 20) with more grants than fit in front of the small ring.
 */
unsigned vchan_pages(unsigned left_order, unsigned right_order);

/**
 * Make the server's end for @client in the vchan_pages() pages at @pages (from hv_page_alloc();
 * they stay the caller's): zero and grant them, allocate a port. @v->ring_ref and @v->port are what
 * the client has to know. -EINVAL: bad orders. -ENOSPC, -EPERM as the contract says; nothing is
 * left behind. -EAGAIN: it failed, and a hostile client has guessed a reference and mapped the page
 * already: vchan_release() is to be tried until it returns 0, as after vchan_close().
 */
HV_MUST_CHECK int vchan_server_open(struct vchan *v, struct hv *hv, domid_t client,
                                    unsigned left_order, unsigned right_order, void *pages);

/**
 * Connect to the server @server. The port is bound before anything is mapped: of two clients that
 * were told the same numbers one gets the port, the other -EINVAL with the ring untouched.
 * -EPROTO: what the server shares is not a vchan. -ESRCH, -EINVAL, -ENOSPC as the contract says.
 */
HV_MUST_CHECK int vchan_client_open(struct vchan *v, struct hv *hv, domid_t server,
                                    grant_ref_t ring_ref, evtchn_port_t port);

/** How the peer is. Asks to be told when it changes what it has written (VCHAN_NOTIFY_WRITE). */
enum vchan_state vchan_state(struct vchan *v);

/**
 * Has the peer gone, maybe without saying so? Asks Xen whether its end of the port is bound: for
 * timers, where no event can be hoped for. Always false while nobody has connected; once true, the
 * state is VCHAN_ENDED.
 */
bool vchan_peer_gone(struct vchan *v);

/** Bytes that can be read. If there are fewer than @wanted, asks to be told of more. -EPROTO. */
int vchan_readable(struct vchan *v, size_t wanted);

/** Bytes that can be written. If there are fewer than @wanted, asks to be told of room. -EPROTO. */
int vchan_writable(struct vchan *v, size_t wanted);

/**
 * Read up to @length bytes: how many, 0 if there are none yet, -EPIPE if there are none and never
 * will be, -EPROTO. If it is fewer than @length, an event comes when there are more.
 */
int vchan_read(struct vchan *v, void *data, size_t length);

/**
 * Write up to @length bytes: how many, 0 if there is no room yet, -EPIPE or -EPROTO. If it is fewer
 * than @length, an event comes when there is more room. A server may write before a client has
 * connected.
 */
int vchan_write(struct vchan *v, const void *data, size_t length);

/**
 * Close our end: tell the peer, close the port, unmap. A server's pages may still be mapped by the
 * client: -EAGAIN then, and vchan_release() is to be tried until it returns 0. 0: all is given
 * back. Nothing but vchan_release() and opening it anew may be done with @v afterwards.
 */
HV_MUST_CHECK int vchan_close(struct vchan *v);

/** Revoke what is still granted. 0: nothing is any more, the pages are the caller's. -EAGAIN. */
HV_MUST_CHECK int vchan_release(struct vchan *v);

#endif
