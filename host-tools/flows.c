/* SPDX-License-Identifier: ISC */
#include "flows.h"
#include "flow_sink.h"
#include "monitor_call.h"
#include <signal.h>

struct flows {
    struct flow_sink sink;
    uint64_t malformed; /* records that are none */
    uint64_t lost;      /* flows of a stream that came faster than they were read */
};

/* The records of a field, one behind the other. */
static void take_records(struct flows *flows, const struct control_field *field)
{
    struct flow_view flow;

    for (size_t at = 0; at < field->length;) {
        const size_t length = flow_view(field->value + at, field->length - at, &flow);

        if (!length) {
            flows->malformed++;
            return;
        }
        flow_sink_take(&flows->sink, &flow);
        at += length;
    }
}

static int item(void *context, const struct control_reader *fields)
{
    struct control_reader reader = {.data = fields->data, .length = fields->length};
    struct flows *flows = context;
    struct control_field field;
    const uint64_t lost =
        flows->sink.options->follow ? control_number(fields, CONTROL_F_LOST, 0) : 0;

    if (lost) {
        flows->lost += lost;
        report_note(flows->sink.report,
                    "%llu flows are missing here: they came faster than they were read",
                    (unsigned long long)lost);
    }
    while (control_next(&reader, &field)) {
        if (field.tag == CONTROL_F_FLOW)
            take_records(flows, &field);
    }
    if (flows->sink.options->follow) {
        fflush(stdout);
        if (ferror(stdout))
            return ATOLL_INTERRUPTED; /* nobody reads any more, or the disk is full: told at the end
                                       */
    }
    return flows->sink.failure ? flow_sink_failed(&flows->sink) : 0;
}

static void ask_ended(void *context, struct control_client *client)
{
    control_client_begin(client, CONTROL_T_MONITOR_ENDED);
}

static int from_service(const struct flow_options *options)
{
    struct flows flows = {0};
    struct monitor_state state;
    struct monitor_call call;
    int rc = monitor_open(&call, "flows", options->service, options->verbose);

    if (!rc)
        rc = flow_sink_begin(&flows.sink, options, &call.session.report);
    if (!rc && options->follow) {
        rc = monitor_follow(&call, ask_ended, item, &flows);
    } else if (!rc) {
        control_client_begin(call.client, CONTROL_T_MONITOR_FLOWS);
        rc = monitor_stream(&call, false, item, &flows);
    }
    if (!rc && !options->follow)
        rc = flow_sink_print(&flows.sink);
    if (!rc)
        rc = monitor_check_output(&call.session.report, rc);
    if (!rc && flows.malformed)
        rc = report_fail(&call.session.report, ATOLL_FAILURE,
                         "%llu records are none; does the service's version fit this tool's?",
                         (unsigned long long)flows.malformed);
    if (!rc && call.client) {
        rc = monitor_ask_state(&call, &state);
        if (!rc)
            monitor_tell_loss(&call.session.report, &state);
    }
    flow_sink_end(&flows.sink);
    monitor_close(&call);
    return rc;
}

int flows_main(int argc, char *const argv[])
{
    struct flow_options options;
    int rc = flow_options_parse(argc, argv, &options);

    if (rc)
        return rc;
    if (options.help) {
        fputs(flow_help, stdout);
        return ATOLL_OK;
    }
    signal(SIGPIPE, SIG_IGN);
    return options.file ? flows_of_file(&options) : from_service(&options);
}
