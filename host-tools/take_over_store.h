/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/take_over_store.h
 * take_over() of the host's XenStore, from its journal or from a dump of its state.
 */
#ifndef ATOLL_TAKE_OVER_STORE_H
#define ATOLL_TAKE_OVER_STORE_H

#include "take_over.h"

/**
 * As take_over(); with @ref start_options.state the state is that of the file, and nothing of the
 * predecessor's own is looked at.
 */
int take_over_store(struct report *r, const struct start_options *opt,
                    const struct journal_copy *copy, struct take_over_times *times);

/**
 * Is the XenStore domain on record one that a start is to take over from: dead, gone, or a
 * successor that has not answered yet?
 */
bool take_over_store_due(struct report *r, xc_interface *xch, const char *service);

#endif
