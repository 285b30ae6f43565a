/* SPDX-License-Identifier: ISC */
/* `atoll flows -r`: the flows of a capture, by the engine of the monitor. */
#include "flow_file.h"
#include "flow_sink.h"
#include "flows.h"
#include "monitor_call.h"

static void take(void *context, const struct flow_view *flow)
{
    flow_sink_take(context, flow);
}

static bool go_on(void *context, uint64_t bytes, uint64_t frames)
{
    const struct flow_sink *sink = context;

    return !sink->failure;
}

static void tell(struct report *r, uint64_t count, const char *what)
{
    if (count)
        report_note(r, "%llu %s", (unsigned long long)count, what);
}

static void tell_file(struct report *r, const struct flow_file_result *result)
{
    const struct engine_counters *c = &result->engine;

    report_step(r, "%llu frames, %llu bytes, %llu flows", (unsigned long long)result->frames,
                (unsigned long long)c->bytes, (unsigned long long)c->flows_created);
    if (result->error[0])
        report_note(r, "%s", result->error);
    if (result->unknown_link)
        report_note(r,
                    "%llu frames have a link type that is not known (such as %d) and were passed "
                    "over",
                    (unsigned long long)result->unknown_link, result->unknown_type);
    tell(r, c->results[DECODE_MALFORMED] + c->results[DECODE_NOT_ETHERNET],
         "frames are malformed: their headers contradict themselves or their length");
    tell(r, c->flows_ended[FLOW_EVICTED],
         "flows had to give way to others: they may be shown in parts");
    tell(r, c->flows_refused, "frames are of flows for which the table had no place");
}

int flows_of_file(const struct flow_options *options)
{
    struct flow_sink sink;
    struct flow_file_options file = {
        .idle = options->idle,
        /* A conversation is one line, however long it lasts. */
        .active = options->active ? options->active : UINT32_MAX,
        .flow = take,
        .progress = go_on,
        .context = &sink,
    };
    struct flow_file_result result;
    struct report report;
    int rc;

    report_init(&report, "flows", stderr, options->verbose);
    rc = flow_sink_begin(&sink, options, &report);
    if (!rc && flow_file_run(options->file, &file, &result))
        rc = report_fail(&report, ATOLL_FAILURE, "%s", result.error);
    if (!rc)
        rc = flow_sink_print(&sink);
    if (!rc)
        rc = monitor_check_output(&report, rc);
    if (!rc)
        tell_file(&report, &result);
    flow_sink_end(&sink);
    return rc;
}
