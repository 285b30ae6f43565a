/* SPDX-License-Identifier: ISC */
/* `atoll export -r`: the flows of a capture file. */
#include "export_run.h"
#include "flow_file.h"
#include "interrupt.h"
#include <poll.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

#define CONNECT_PATIENCE (10 * NS_PER_S)

/* Flows come as they end: some have begun before the first that has ended. NetFlow counts from so
 * long before that one, and 49 days from there. */
#define BEFORE_FIRST (3600 * NS_PER_S)

/* After each datagram, microseconds: 5000 a second are what a collector on this host follows. */
#define PACE_US 200

struct file_export {
    struct exporter e;
    struct report report;
    const struct export_options *options;
    bool begun;
    int rc; /* once it is not 0, nothing more is sent */
    uint64_t newest, messages;
    unsigned since; /* flows since the collector was looked after */
};

/* IPFIX messages have the time when they are sent, NetFlow's that of what is in them. */
static uint64_t message_time(const struct file_export *f)
{
    return f->options->netflow9 ? f->newest : export_now();
}

static void turn(struct file_export *f, int wait_ms)
{
    struct pollfd p;

    p.fd = export_net_fd(f->e.net, &p.events);
    poll(&p, 1, wait_ms);
    export_step(&f->e, message_time(f));
}

static int begin(struct file_export *f, uint64_t first)
{
    const uint64_t end = report_now_ns() + CONNECT_PATIENCE;
    int rc = export_begin(&f->e, &f->report, f->options,
                          first > BEFORE_FIRST ? first - BEFORE_FIRST : 0);

    f->begun = true;
    while (!rc && !export_net_ready(f->e.net)) {
        if (interrupt_pending())
            return ATOLL_INTERRUPTED;
        if (report_now_ns() >= end)
            return report_fail(&f->report, ATOLL_FAILURE, "the collector is not there");
        turn(f, 100);
    }
    return rc;
}

static void look_after(struct file_export *f)
{
    const uint64_t messages = ipfix_totals(f->e.ipfix)->messages;

    if (f->options->target.transport == EXPORT_UDP && messages != f->messages) {
        usleep((useconds_t)(PACE_US * (messages - f->messages > 50 ? 50 : messages - f->messages)));
        f->messages = messages;
    }
    if (++f->since < 64)
        return;
    f->since = 0;
    turn(f, 0);
    /* A collector that takes nothing at all is given up by the connection. */
    while (export_net_waiting(f->e.net) > EXPORT_QUEUE_MAX / 2 && !interrupt_pending())
        turn(f, 50);
}

static void on_flow(void *context, const struct flow_view *view)
{
    struct file_export *f = context;

    if (view->record.last > f->newest)
        f->newest = view->record.last;
    if (!f->rc && !f->begun)
        f->rc = begin(f, view->record.first);
    if (f->rc)
        return;
    ipfix_add(f->e.ipfix, view, message_time(f));
    look_after(f);
    if (interrupt_pending())
        f->rc = ATOLL_INTERRUPTED;
}

static bool on_progress(void *context, uint64_t bytes, uint64_t frames)
{
    const struct file_export *f = context;

    return !f->rc && !interrupt_pending();
}

static int finish(struct file_export *f, const struct flow_file_result *result)
{
    struct ipfix_losses losses = {0};

    if (!f->rc && result->unknown_link)
        report_note(&f->report, "%llu frames were passed over: of link type %d",
                    (unsigned long long)result->unknown_link, result->unknown_type);
    if (f->begun && f->e.ipfix) {
        ipfix_flush(f->e.ipfix, message_time(f));
        while (!f->rc && export_net_waiting(f->e.net) && !interrupt_pending())
            turn(f, 50);
        export_losses(&f->e, &losses);
    }
    export_end(&f->e, message_time(f));
    if (!f->rc && losses.unsent_flows)
        f->rc = report_fail(&f->report, ATOLL_FAILURE, "%llu flows did not reach the collector",
                            (unsigned long long)losses.unsent_flows);
    if (!f->rc && result->cut)
        f->rc = report_fail(&f->report, ATOLL_FAILURE, "%s", result->error);
    return f->rc;
}

int export_file(const struct export_options *options)
{
    struct file_export f = {.options = options};
    const struct flow_file_options run = {.flow = on_flow, .progress = on_progress, .context = &f};
    struct flow_file_result result = {0};

    report_init(&f.report, "export", stderr, options->verbose);
    interrupt_install();
    if (flow_file_run(options->file, &run, &result))
        return report_fail(&f.report, ATOLL_FAILURE, "%s", result.error);
    return finish(&f, &result);
}
