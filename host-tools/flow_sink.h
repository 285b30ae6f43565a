/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/flow_sink.h
 * What `atoll flows` makes of flows, wherever they come from: a list in an order, groups, or lines.
 */
#ifndef ATOLL_FLOW_SINK_H
#define ATOLL_FLOW_SINK_H

#include "flow_options.h"
#include "report.h"

struct flow_sink {
    const struct flow_options *options;
    struct report *report;
    struct flow_store *store;   /**< a list */
    struct flow_groups *groups; /**< with --by; neither of a stream */
    size_t width;               /**< of the terminal; 0: any */
    int failure;                /**< -errno: what keeps them failed */
};

/** Begin; report and options must outlive it. 0, or an exit code reported. End it in either case.
 */
int flow_sink_begin(struct flow_sink *sink, const struct flow_options *options,
                    struct report *report);
void flow_sink_end(struct flow_sink *sink);

/** Take a flow, if it is wanted. Of a stream it is printed; else a failure is remembered. */
void flow_sink_take(struct flow_sink *sink, const struct flow_view *flow);

/** Report sink->failure. */
int flow_sink_failed(struct flow_sink *sink);

/** Print what was kept. 0, or an exit code reported. */
int flow_sink_print(struct flow_sink *sink);

#endif
