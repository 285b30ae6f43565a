/* SPDX-License-Identifier: ISC */
/**
 * @file vif.h
 * Vifs in XenStore: devices of common/xenbus_backend.h become ports (switch.h: a port's life), and
 * what their frontends say becomes a struct netif_config.
 *
 * Nodes that the switch writes into a vif's backend directory, beside `state` and what libxl put
 * there: the eleven of vif.c's list; `error` where something is wrong. What is not written means 0
 * (feature-rx-flip). XenStore counts all nodes of that directory to the switch's domain: with
 * libxl's ten and the directory they are 22.
 */
#ifndef SWITCH_VIF_H
#define SWITCH_VIF_H

#include "switch.h"

/** Serve backend/vif/... of this domain from now on. NULL: no memory. Ended by
 * xenbus_backend_destroy(), before the store is. */
struct xenbus_backend *vif_backend_create(struct vswitch *vswitch);

/** The largest xdp-headroom that is taken: what is left of a page still holds any header. */
#define VIF_HEADROOM_MAX 2048U

/** Names of the frontend's directory that are read always; NULL at the end. */
extern const char *const vif_frontend_names[];

/** Further names, as multi-queue-num-queues says; @names holds XENBUS_NAMES_MAX. */
unsigned vif_more_names(const struct xenbus_nodes *frontend, const char **names);

/**
 * What the frontend of @domid says: every number in its range, no page and no port named twice.
 * Flat keys beside those of two or more queues are what an earlier driver left, and not looked at.
 * 0; -EOPNOTSUPP: it does not ask for rx-copy; -EINVAL; @why: a literal.
 */
int vif_parse(const struct xenbus_nodes *frontend, domid_t domid, struct netif_config *config,
              const char **why);

/** The node xdp-headroom: 0 if it is not there. False: no number in its range. */
bool vif_headroom(const struct xenbus_nodes *frontend, uint16_t *headroom);

#endif
