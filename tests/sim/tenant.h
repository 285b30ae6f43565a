/* SPDX-License-Identifier: ISC */
/**
 * @file tenant.h
 * A domain of a simulated host that runs code of ours as a client of XenStore: an arena, a loop, a
 * store, stepped by the scheduler beside the real xenstored.
 */
#ifndef TESTS_SIM_TENANT_H
#define TESTS_SIM_TENANT_H

#include "common/arena.h"
#include "common/loop.h"
#include "common/store.h"
#include "host.h"

#define TENANT_PAGES 512U /* of its arena */

struct tenant {
    struct host *host;
    struct client *client; /**< the host's side of it: never read nor written by the host */
    struct hv *hv;
    struct arena *arena;
    void *memory;
    struct loop loop;
    struct store *store;
    struct arena_usage idle; /**< before there was a store */
};

/** Domain @domid, introduced to XenStore, with a home of its own; ring indices at @start_index. */
struct tenant *tenant_create(struct host *host, domid_t domid, uint32_t start_index);

/** The same without XenStore's knowledge of it, and without a store so far. */
struct tenant *tenant_boot(struct host *host, domid_t domid, uint32_t start_index);

/** Make its store. */
void tenant_connect(struct tenant *tenant);

/** Run the host after requests were made from outside of the tenant's own steps. */
void tenant_run(struct tenant *tenant);

/** The same, and let @nanoseconds pass. */
void tenant_pass(struct tenant *tenant, uint64_t nanoseconds);

/** End its store, if there is one, compare memory with what there was before, kill the domain. */
void tenant_destroy(struct tenant *tenant);

/** What a reply function was told. */
struct told {
    unsigned count;
    int error;
    size_t length;
    char data[WIRE_PAYLOAD_MAX + 1];
};

/** A store_reply_fn; @context is a struct told. */
void told_reply(void *context, int error, const char *data, size_t length);

#endif
