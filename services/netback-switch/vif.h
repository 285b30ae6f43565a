/* SPDX-License-Identifier: ISC */
/**
 * @file vif.h
 * Vifs in XenStore: devices of common/xenbus_backend.h become ports (switch.h: a port's life), and
 * what their frontends say becomes a struct netif_config.
 */
#ifndef SWITCH_VIF_H
#define SWITCH_VIF_H

#include "switch.h"

/** Serve backend/vif/... of this domain from now on. NULL: no memory. Ended by
 * xenbus_backend_destroy(). */
struct xenbus_backend *vif_backend_create(struct vswitch *vswitch);

#endif
