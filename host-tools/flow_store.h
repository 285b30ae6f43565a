/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/flow_store.h
 * Flows that are kept until all have come, in an order: in memory, and beyond that in a temporary
 * file without a name (in $TMPDIR or /tmp), so that a capture of millions of flows is sorted in a
 * few megabytes.
 */
#ifndef ATOLL_FLOW_STORE_H
#define ATOLL_FLOW_STORE_H

#include "common/flow_wire.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes of records that are kept in memory by default. */
#define FLOW_STORE_MEMORY (16u << 20)

enum flow_sort {
    FLOW_SORT_BYTES,    /**< most first */
    FLOW_SORT_FRAMES,   /**< most first */
    FLOW_SORT_START,    /**< oldest first */
    FLOW_SORT_LAST,     /**< by the last frame; oldest first */
    FLOW_SORT_DURATION, /**< longest first */
    FLOW_SORT_RTT,      /**< longest first; those without at the end */
    FLOW_SORTS
};

/** The order of this name. False: there is none. */
bool flow_sort_parse(const char *name, enum flow_sort *sort);

/** What a flow is sorted by; smaller comes first. */
uint64_t flow_sort_key(enum flow_sort sort, const struct flow_record *flow);

struct flow_store;

/** One that holds @memory bytes before it writes to the file. NULL: no memory. */
struct flow_store *flow_store_create(enum flow_sort sort, size_t memory);
void flow_store_free(struct flow_store *store);

/** Keep a flow, with its strings. 0, -ENOMEM, or what the file failed with. */
int flow_store_add(struct flow_store *store, const struct flow_view *flow);

/** Put them in order; equal ones stay in the order in which they came. */
void flow_store_sort(struct flow_store *store);

size_t flow_store_count(const struct flow_store *store);

/** The flow at @index, valid until the next call. 0, or what the file failed with. */
int flow_store_get(struct flow_store *store, size_t index, struct flow_view *flow);

#endif
