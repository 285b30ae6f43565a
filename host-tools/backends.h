/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/backends.h
 * Directories of vifs in a backend's part of XenStore, after somebody removed all of it (`xl
 * destroy` of a switch). libxl keeps a copy of each, and the frontends know nothing of it.
 */
#ifndef ATOLL_BACKENDS_H
#define ATOLL_BACKENDS_H

#include "store_client.h"

/**
 * Make the directories of all vifs anew whose backend is domain @domid, as libxl has them, with
 * their guests' names (identify.h). Where the frontend is connected the backend's state says so,
 * too. 0 and how many in *@count, or -errno of store_request().
 */
int backends_restore(struct store_client *store, uint32_t domid, unsigned *count);

#endif
