/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/service_nodes.h
 * The XenStore nodes of a service's domain: what xl needs to name it and to show its memory, and
 * xenconsoled to leave its console alone. libxl writes the like for the domains that it builds.
 */
#ifndef ATOLL_SERVICE_NODES_H
#define ATOLL_SERVICE_NODES_H

#include "store_client.h"

struct service_nodes {
    uint32_t domid;
    const char *name; /**< what `xl list` shows */
    uint32_t memory_mb;
    uint32_t console_port; /**< the domain's console port */
    uint64_t console_gfn;  /**< the page of its console ring */
    uint32_t store_port;   /**< its port to XenStore */
    uint64_t store_gfn;    /**< the page of its XenStore ring */
};

/**
 * Tell XenStore of a service that is its client: a home that the service may read, with a `data`
 * that is the service's own, and its ring. Before the service runs; the rest can follow later.
 * Result as below.
 */
int service_nodes_introduce(struct store_client *c, const struct service_nodes *n, char *path,
                            size_t size);

/**
 * Write them. 0, or the -errno of store_request(); @path (@size bytes) is then the path that could
 * not be written.
 */
int service_nodes_write(struct store_client *c, const struct service_nodes *n, char *path,
                        size_t size);

/**
 * Remove all that is there of a domain that is gone: its home, libxl's and the console's nodes.
 * 0, also where there was nothing, or -errno.
 */
int service_nodes_remove(struct store_client *c, uint32_t domid);

#endif
