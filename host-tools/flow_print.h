/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/flow_print.h
 * Flows as lines of a table that fits its terminal, and as JSON.
 */
#ifndef ATOLL_FLOW_PRINT_H
#define ATOLL_FLOW_PRINT_H

#include "flow_store.h"
#include <jansson.h>
#include <stdio.h>

/** Columns of the terminal at @out, or of $COLUMNS; 0: it is none, lines may be as long as they
 * are. */
size_t flow_print_width(FILE *out);

/** The first @limit (0: all) of @store as a table of @width columns (0: any), with @empty where
 * there is none. 0, or what flow_store_get() gave. */
int flow_print_table(struct flow_store *store, size_t limit, size_t width, const char *empty,
                     FILE *out);

/** The same as an array of objects, one a line. */
int flow_print_json(struct flow_store *store, size_t limit, FILE *out);

/** The line of a flow in a stream that has no end (its own columns, with time and reason). */
void flow_print_line(const struct flow_view *flow, size_t width, FILE *out);

/** A flow as a JSON object; atoll-flows(1) has the names. */
json_t *flow_json(const struct flow_view *flow);

#endif
