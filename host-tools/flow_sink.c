/* SPDX-License-Identifier: ISC */
#include "flow_sink.h"
#include "flow_print.h"
#include "output.h"
#include <string.h>

static int no_memory(struct report *r)
{
    return report_fail(r, ATOLL_FAILURE, "out of memory");
}

int flow_sink_begin(struct flow_sink *sink, const struct flow_options *options,
                    struct report *report)
{
    memset(sink, 0, sizeof(*sink));
    sink->options = options;
    sink->report = report;
    sink->width = flow_print_width(stdout);
    if (options->grouped)
        sink->groups = flow_groups_create(options->by);
    else if (!options->follow)
        sink->store = flow_store_create((enum flow_sort)options->sort, FLOW_STORE_MEMORY);
    return options->follow || sink->groups || sink->store ? 0 : no_memory(sink->report);
}

void flow_sink_end(struct flow_sink *sink)
{
    flow_groups_free(sink->groups);
    flow_store_free(sink->store);
}

void flow_sink_take(struct flow_sink *sink, const struct flow_view *flow)
{
    if (sink->failure || !flow_filter_match(&sink->options->filter, flow))
        return;
    if (sink->groups)
        sink->failure = flow_groups_add(sink->groups, flow);
    else if (sink->store)
        sink->failure = flow_store_add(sink->store, flow);
    else if (sink->options->json)
        output_json(stdout, flow_json(flow), false);
    else
        flow_print_line(flow, sink->width, stdout);
}

int flow_sink_failed(struct flow_sink *sink)
{
    return report_fail(
        sink->report, ATOLL_FAILURE,
        "cannot keep the flows for sorting (%s); a temporary file is made in $TMPDIR",
        strerror(-sink->failure));
}

int flow_sink_print(struct flow_sink *sink)
{
    const struct flow_options *o = sink->options;

    if (sink->failure)
        return flow_sink_failed(sink);
    if (sink->groups) {
        flow_groups_print(sink->groups, o->sort, o->limit, o->json, sink->width, stdout);
        return 0;
    }
    flow_store_sort(sink->store);
    sink->failure = o->json
                        ? flow_print_json(sink->store, o->limit, stdout)
                        : flow_print_table(sink->store, o->limit, sink->width, "No flows.", stdout);
    return sink->failure ? flow_sink_failed(sink) : 0;
}
