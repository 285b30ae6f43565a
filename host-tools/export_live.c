/* SPDX-License-Identifier: ISC */
/* `atoll export` of a service: its stream of ended flows. */
#include "control_client.h"
#include "export_run.h"
#include "interrupt.h"
#include "session.h"
#include <signal.h>
#include <string.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

#define MONITOR_SERVICE "monitor"

/* How long the collector may wait while the service is silent, milliseconds. */
#define TURN_MS 100

struct live {
    struct exporter e;
    struct session session;
    const struct service_settings *settings;
    struct control_client *client;
    uint64_t asked;       /* when the service's losses were asked for last; CLOCK_MONOTONIC */
    uint64_t lost_said;   /* what was lost on the way here, as it was said last, */
    uint64_t said;        /* and when */
    uint64_t lost_stream; /* flows that the service could not give us */
    bool wrong_said;
};

static volatile sig_atomic_t hangup;

static void on_hangup(int number)
{
    hangup = 1;
}

/* Frames that never reached the monitor: of all its feeds, the switch's account. An answer that
 * does not come is no reason to stop: what was known stays. */
static void ask_losses(struct live *live)
{
    struct control_client *client = NULL;
    struct control_answer answer;
    struct report_kept kept;
    struct control_reader feed;
    struct control_field field;
    char line[160];
    uint64_t lost = 0;
    int rc;

    live->asked = report_now_ns();
    if (!report_keep(&kept, &live->session.report))
        return;
    rc = control_client_open(&kept.report, live->settings, CONTROL_TIMEOUT_MS, &client);
    if (!rc)
        rc = control_client_call(client, CONTROL_T_MONITOR_SHOW, &answer);
    while (!rc && control_next(&answer.fields, &field)) {
        if (field.tag != CONTROL_F_FEED)
            continue;
        control_read_group(&feed, &field);
        lost += control_number(&feed, CONTROL_F_LOST, 0);
    }
    if (!rc && lost > live->e.losses.ignored_packets)
        live->e.losses.ignored_packets = lost;
    control_client_close(client);
    report_kept_end(&kept, line, sizeof(line));
    if (rc && rc != ATOLL_INTERRUPTED)
        report_step(&live->session.report, "the monitor does not say what it lost: %s", line);
}

static void take(struct live *live, struct control_reader *fields)
{
    const uint64_t now = export_now();
    struct control_field field;
    uint64_t lost;

    while (control_next(fields, &field)) {
        if (field.tag == CONTROL_F_LOST)
            live->lost_stream += field.number;
        if (field.tag != CONTROL_F_FLOW)
            continue;
        if (!ipfix_add_record(live->e.ipfix, field.value, field.length, now) && !live->wrong_said) {
            live->wrong_said = true;
            report_note(&live->session.report,
                        "the monitor tells of flows in a form that this tool does not know; do "
                        "their versions fit?");
        }
    }
    lost = live->lost_stream + ipfix_totals(live->e.ipfix)->refused;
    live->e.losses.unsent_flows += lost - live->lost_said;
    if (lost != live->lost_said && report_now_ns() - live->said >= 60 * NS_PER_S) {
        live->said = report_now_ns();
        report_note(&live->session.report, "%llu flows so far came too fast to be taken",
                    (unsigned long long)lost);
    }
    live->lost_said = lost;
}

static int follow(struct live *live)
{
    const uint64_t every = live->e.options->refresh_s * NS_PER_S;
    struct control_answer answer;
    int rc;

    ask_losses(live);
    control_client_begin(live->client, CONTROL_T_MONITOR_ENDED);
    rc = control_client_send(live->client);
    while (!rc) {
        rc = control_client_poll(live->client, TURN_MS, &answer);
        if (rc)
            break;
        if (answer.kind == CONTROL_ITEM)
            take(live, &answer.fields);
        else if (answer.kind != CONTROL_NOTHING)
            return report_fail(&live->session.report, ATOLL_FAILURE,
                               "the monitor has ended the stream of flows");
        export_step(&live->e, export_now());
        if (hangup) {
            hangup = 0;
            export_reload(&live->e);
        }
        if (report_now_ns() - live->asked >= every)
            ask_losses(live);
    }
    if (rc == ATOLL_INTERRUPTED)
        control_client_cancel(live->client);
    return rc == ATOLL_INTERRUPTED ? 0 : rc;
}

/* When this computer was started, as NetFlow has it. */
static uint64_t boot_time(void)
{
    struct timespec up;

    clock_gettime(CLOCK_BOOTTIME, &up);
    return export_now() - ((uint64_t)up.tv_sec * NS_PER_S + (uint64_t)up.tv_nsec);
}

int export_live(const struct export_options *options)
{
    const struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    const char *service = options->service ? options->service : MONITOR_SERVICE;
    struct live live = {0};
    int rc;

    rc = session_begin(&live.session, "export", options->service, options->verbose);
    if (!rc)
        rc = session_find(&live.session, service, &live.settings);
    if (!rc)
        rc = control_client_open(&live.session.report, live.settings, CONTROL_TIMEOUT_MS,
                                 &live.client);
    if (!rc)
        rc = export_begin(&live.e, &live.session.report, options, boot_time());
    if (!rc) {
        sigaction(SIGHUP, &action, NULL);
        rc = follow(&live);
    }
    export_end(&live.e, export_now());
    control_client_close(live.client);
    session_end(&live.session);
    return rc;
}
