/* SPDX-License-Identifier: ISC */
/** @file host-tools/store_quota.h A service that needs more of XenStore than any guest does. */
#ifndef ATOLL_STORE_QUOTA_H
#define ATOLL_STORE_QUOTA_H

#include "report.h"
#include "store_client.h"

/**
 * Let domain @domid have at least @wanted of the quota @name, by the XenStore service in domain
 * @store_domid, which @store is connected to. Nothing is done where it has as much already, or no
 * limit, and where that XenStore is not Atoll's: its quotas are its own operator's. What goes wrong
 * is a note with what to do by hand. True: it has been raised.
 */
bool store_quota_raise(struct report *r, struct store_client *store, uint32_t store_domid,
                       uint32_t domid, const char *name, uint32_t wanted);

/** The same, of a XenStore that is known to be Atoll's. */
bool store_quota_ask(struct report *r, uint32_t store_domid, uint32_t domid, const char *name,
                     uint32_t wanted);

/**
 * Have XenStore hold what domain @domid has there for @seconds after its end (docs/recovery.md), 0:
 * no more. Nothing is done where XenStore is not Atoll's, or of a version that cannot. What goes
 * wrong is a note.
 */
void store_hold_set(struct report *r, struct store_client *store, uint32_t store_domid,
                    uint32_t domid, uint32_t seconds);

#endif
