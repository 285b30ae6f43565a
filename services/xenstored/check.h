/* SPDX-License-Identifier: ISC */
/**
 * @file check.h
 * Does the service agree with itself?
 */
#ifndef XENSTORED_CHECK_H
#define XENSTORED_CHECK_H

#include "state.h"

/**
 * Walk the whole store and all that hangs on the connections, and compare with what is kept beside
 * them. The first disagreement in a sentence, or NULL. Takes time in proportion to the store.
 */
const char *check_all(struct xenstored *xs);

/** Nodes in the store. */
size_t check_count_nodes(struct xenstored *xs);

#endif
