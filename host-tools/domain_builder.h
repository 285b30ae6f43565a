/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/domain_builder.h
 * Builds the domain of a service with libxenctrl and libxenguest alone: fast, and the only way
 * before there is a XenStore. In the order of use:
 *
 *     domain_choose_handle()
 *     domain_create()   the domain exists, empty and paused; its domid is known
 *     ...               what the service needs of the domid, such as a port for its command line
 *     domain_load()     memory, image, command line, console, grants
 *     ...               privileges, such as a VIRQ handler
 *     domain_unpause()  it runs
 *
 * Each returns 0 or -errno; @ref domain_builder.failed then names what failed, and the messages of
 * the libraries are in the logger that xc_interface_open() was given. After a failure at any point
 * domain_undo() leaves nothing behind; after success domain_finish() frees what the build needed.
 */
#ifndef ATOLL_DOMAIN_BUILDER_H
#define ATOLL_DOMAIN_BUILDER_H

#include "image.h"
#include <stdbool.h>
#include <stdint.h>
#include <xenctrl.h>
#include <xenguest.h>

/** @ref domain_config.store_domid of a service that has no XenStore to talk to. */
#define DOMAIN_NO_STORE UINT32_MAX

/** The most memory a service may have, in MiB: all of it lies below the hole for devices. */
#define DOMAIN_MEMORY_MAX_MB 2048u
/** The largest weight that Xen's credit schedulers take. */
#define DOMAIN_WEIGHT_MAX 65535u

/** What a service's domain is to be like. One vCPU, PVH, memory in one piece from address 0. */
struct domain_config {
    const struct image *image;    /**< checked for @ref memory_mb by image_load() */
    uint32_t memory_mb;           /**< 1 to DOMAIN_MEMORY_MAX_MB */
    uint32_t domid;               /**< the domid to take, 0 for any free one */
    const char *flask_label;      /**< security label, NULL for that of an ordinary guest */
    bool xs_domain;               /**< the XenStore domain: may ask Xen about all domains */
    uint32_t max_grant_frames;    /**< pages of its own grant table (512 grants each) */
    uint32_t max_maptrack_frames; /**< pages that track its mappings of others (256 each) */
    uint32_t max_evtchn_port;     /**< highest port it may have, UINT32_MAX for no limit */
    uint32_t store_domid;         /**< who serves its XenStore ring, or DOMAIN_NO_STORE */
    uint16_t weight;              /**< in the scheduler, 1 to DOMAIN_WEIGHT_MAX; 0: Xen's own */
    const uint8_t *cpus;          /**< the processors its vCPU may run on, a bit each; NULL: all */
    unsigned cpu_count;           /**< bits of @ref cpus, a multiple of 8 */
    const uint8_t *predecessor;   /**< UUID of the domain whose place it takes, NULL: of none */
    const void *module;           /**< its boot module, NULL for none */
    size_t module_size;           /**< bytes of it */
    uint32_t journal_pages;       /**< pages to set aside for hv_reserved(); 0: none */
};

struct domain_builder {
    xc_interface *xch;
    struct xc_dom_image *dom;   /**< libxenguest's state, NULL when not building */
    struct e820entry e820[3];   /**< the memory map; start_info is written from it */
    const char *failed;         /**< which step failed, in words */
    uint32_t domid;             /**< valid once @ref created */
    bool created;               /**< a domain exists that domain_undo() has to destroy */
    uint8_t handle[16];         /**< the domain's UUID, of domain_choose_handle() */
    evtchn_port_t console_port; /**< the domain's port of its console, unbound, for dom0 */
    xen_pfn_t console_gfn;      /**< the page of its console ring, granted to dom0 (grant 0) */
    evtchn_port_t store_port;   /**< its port to XenStore, 0 with DOMAIN_NO_STORE */
    xen_pfn_t store_gfn;        /**< the page of its XenStore ring, granted (grant 1) */
    xen_pfn_t journal_gfn;      /**< first of the pages set aside, with journal_pages */
};

void domain_builder_init(struct domain_builder *b, xc_interface *xch);

/**
 * Choose the UUID that the domain is to have, at random. Whoever writes it down before
 * domain_create() finds the domain by it, even if he is killed in the midst of that.
 */
int domain_choose_handle(struct domain_builder *b);

/** The same for the successor of the domain with @predecessor: by that XenStore knows it
 * (services/xenstored/hold.h). Only the last four bytes differ. */
void domain_follow_handle(struct domain_builder *b, const uint8_t predecessor[16]);

/** Create the domain, paused and without memory. -EEXIST-like errors are Xen's own. */
int domain_create(struct domain_builder *b, const struct domain_config *cfg);

/** Give the domain its memory, image, @cmdline, console and grants. @cmdline is copied. */
int domain_load(struct domain_builder *b, const struct domain_config *cfg, const char *cmdline);

/** Let it run. */
int domain_unpause(struct domain_builder *b);

/** Free what the build needed and keep the domain. */
void domain_finish(struct domain_builder *b);

/** Free what the build needed and destroy the domain if there is one. */
void domain_undo(struct domain_builder *b);

#endif
