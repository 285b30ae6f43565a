/* SPDX-License-Identifier: ISC */
/**
 * @file rendezvous.h
 * Where a vchan's server publishes its numbers: the nodes `ring-ref` and `event-channel` in a
 * directory of XenStore, both changed in one transaction, readable by the client alone.
 *
 * Two things can publish: a service with a XenStore client of its own (store.h) and the XenStore
 * service itself, in its own tree. Each embeds this and fills in the functions.
 */
#ifndef COMMON_RENDEZVOUS_H
#define COMMON_RENDEZVOUS_H

#include <hv/evtchn.h>
#include <hv/gnttab.h>
#include <hv/hv.h>

/** The longest directory, with its NUL. */
#define RENDEZVOUS_PATH_MAX 128U

/**
 * The directory of the vchan @name that @server offers to @client (Qubes' convention):
 * /local/domain/SERVER/data/vchan/CLIENT/NAME. Returns snprintf()'s result.
 */
int rendezvous_path(char *path, size_t size, domid_t server, domid_t client, const char *name);

struct rendezvous;

/** Told when the numbers can be read by the client (0), or why they cannot (a negative errno). */
typedef void rendezvous_done_fn(void *context, int error);

struct rendezvous {
    /**
     * Publish the numbers in @path, which is copied, for @client; later calls replace earlier ones.
     * @done is called once, from within or later. -EAGAIN: too much is under way; -ENOMEM.
     */
    int (*publish)(struct rendezvous *rendezvous, const char *path, domid_t client,
                   grant_ref_t ring_ref, evtchn_port_t port, rendezvous_done_fn *done,
                   void *context);
    /** Remove @path again; nobody is told. */
    void (*withdraw)(struct rendezvous *rendezvous, const char *path);
    /** Forget that anybody waits in @context. */
    void (*forget)(struct rendezvous *rendezvous, void *context);
};

#endif
