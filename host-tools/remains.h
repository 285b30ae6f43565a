/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/remains.h
 * Removes what is there of a service: its domain, its XenStore nodes, and our record.
 */
#ifndef ATOLL_REMAINS_H
#define ATOLL_REMAINS_H

#include "record.h"
#include "report.h"
#include "store_client.h"

/** Milliseconds for each request to XenStore of a command that has nothing else to wait for. */
#define REMAINS_STORE_TIMEOUT_MS 5000

/**
 * Open XenStore where somebody serves it. 0, or an exit code with the cause reported: no command
 * shall wait for a store that is dead.
 */
int remains_open_store(struct report *r, xc_interface *xch, struct store_client *store);

/**
 * Destroy the domain that @record names, where it is still that one, and remove all traces of it.
 * @store may be closed: then the nodes stay, and that is said. 0, or an exit code with the cause
 * reported; the record is removed only with success.
 */
int remains_remove(struct report *r, xc_interface *xch, struct store_client *store,
                   const struct record *record);

#endif
