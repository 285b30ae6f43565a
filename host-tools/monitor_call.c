/* SPDX-License-Identifier: ISC */
#include "monitor_call.h"
#include "interrupt.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>

#define REOPEN_PAUSE_MS 100

int monitor_open(struct monitor_call *call, const char *name, const char *service, unsigned verbose)
{
    int rc;

    memset(call, 0, sizeof(*call));
    rc = session_begin(&call->session, name, service, verbose);
    if (!rc)
        rc = session_find(&call->session, service ? service : MONITOR_SERVICE, &call->settings);
    if (!rc)
        rc = control_client_open(&call->session.report, call->settings, CONTROL_TIMEOUT_MS,
                                 &call->client);
    return rc;
}

void monitor_close(struct monitor_call *call)
{
    control_client_close(call->client);
    session_end(&call->session);
    memset(call, 0, sizeof(*call));
}

int monitor_stream(struct monitor_call *call, bool endless, monitor_item_fn *item, void *context)
{
    struct control_answer answer;
    size_t items = 0;
    int rc = control_client_send(call->client);

    while (!rc) {
        rc = control_client_next(call->client, endless ? -1 : CONTROL_TIMEOUT_MS, &answer);
        if (rc)
            break;
        if (answer.kind == CONTROL_ITEM && !endless && ++items > MONITOR_ITEMS_MAX) {
            rc = report_fail(&call->session.report, ATOLL_FAILURE,
                             "the service breaks the control protocol; does its version fit this "
                             "tool's?");
            break;
        }
        /* The end of a stream may carry what is said of all of it. */
        if (answer.fields.length)
            rc = item(context, &answer.fields);
        if (answer.kind != CONTROL_ITEM)
            return rc;
    }
    if (rc == ATOLL_INTERRUPTED) {
        control_client_cancel(call->client);
        return endless ? 0 : rc;
    }
    return rc;
}

/* Is it in the nature of a service that is replaced just now? */
static bool passes(int rc)
{
    return rc == ATOLL_NOT_RUNNING || rc == ATOLL_NO_ANSWER || rc == ATOLL_FAILURE;
}

/* One try, of which nothing is said that passes. */
static int try_open(struct monitor_call *call)
{
    struct report *r = &call->session.report;
    FILE *out = r->out, *unheard = fopen("/dev/null", "w");
    int rc;

    if (!unheard)
        return report_fail(r, ATOLL_FAILURE, "cannot open /dev/null (%s)", strerror(errno));
    r->out = unheard;
    rc = control_client_open(r, call->settings, CONTROL_TIMEOUT_MS, &call->client);
    r->out = out;
    fclose(unheard);
    return rc;
}

int monitor_try_reopen(struct monitor_call *call)
{
    const int rc = try_open(call);

    if (!rc)
        return 0;
    if (passes(rc))
        return ATOLL_NOT_RUNNING;
    /* The same again, for all to hear. */
    return control_client_open(&call->session.report, call->settings, CONTROL_TIMEOUT_MS,
                               &call->client);
}

int monitor_reopen(struct monitor_call *call)
{
    struct report *r = &call->session.report;
    const uint64_t since = report_now_ns();
    int rc = ATOLL_NOT_RUNNING;

    report_note(r, "%s is gone; waiting for its successor (Ctrl-C ends that)",
                call->settings->name);
    control_client_close(call->client);
    call->client = NULL;
    /* A pause before each try: a service that hangs up at once is no reason to be busy. */
    while (rc == ATOLL_NOT_RUNNING) {
        struct pollfd p = {.fd = interrupt_fd(), .events = POLLIN};

        poll(&p, 1, REOPEN_PAUSE_MS);
        rc = interrupt_pending() ? ATOLL_INTERRUPTED : monitor_try_reopen(call);
    }
    if (!rc)
        report_note(r, "%s is back after %.1f s; what passed meanwhile is missing",
                    call->settings->name, (double)(report_now_ns() - since) / 1e9);
    return rc;
}

int monitor_follow(struct monitor_call *call, monitor_request_fn *request, monitor_item_fn *item,
                   void *context)
{
    int rc;

    for (;;) {
        control_client_expect_end(call->client);
        request(context, call->client);
        rc = monitor_stream(call, true, item, context);
        if (rc != ATOLL_NOT_RUNNING)
            return rc;
        rc = monitor_reopen(call);
        if (rc)
            return rc == ATOLL_INTERRUPTED ? 0 : rc;
    }
}

int monitor_check_output(struct report *r, int rc)
{
    const bool failed = fflush(stdout) || ferror(stdout);

    if (failed && errno == EPIPE) {
        __fpurge(stdout);
        clearerr(stdout);
        return rc;
    }
    if (failed && !rc)
        return report_fail(r, ATOLL_FAILURE,
                           "cannot write all of it to standard output; is the disk full?");
    return rc;
}

static void take_feed(struct monitor_state *state, const struct control_field *field)
{
    struct control_reader feed;

    control_read_group(&feed, field);
    state->feeds++;
    state->connected += control_number(&feed, CONTROL_F_CONNECTED, 0) != 0;
    state->lost += control_number(&feed, CONTROL_F_LOST, 0);
}

/* "evicted" among the reasons. */
static void take_ended(struct monitor_state *state, const struct control_field *field)
{
    struct control_reader ended;
    char reason[16];

    control_read_group(&ended, field);
    if (control_string(&ended, CONTROL_F_REASON, reason, sizeof(reason)) &&
        strcmp(reason, "evicted") == 0)
        state->evicted = control_number(&ended, CONTROL_F_COUNT, 0);
}

int monitor_ask_state(struct monitor_call *call, struct monitor_state *state)
{
    struct control_answer answer;
    struct control_field field;
    int rc;

    memset(state, 0, sizeof(*state));
    rc = control_client_call(call->client, CONTROL_T_MONITOR_SHOW, &answer);
    if (rc)
        return rc;
    state->frames = control_number(&answer.fields, CONTROL_F_FRAMES, 0);
    state->refused = control_number(&answer.fields, CONTROL_F_FLOWS_REFUSED, 0);
    state->flows = control_number(&answer.fields, CONTROL_F_FLOWS, 0);
    while (control_next(&answer.fields, &field)) {
        if (field.tag == CONTROL_F_FEED)
            take_feed(state, &field);
        else if (field.tag == CONTROL_F_FLOWS_ENDED)
            take_ended(state, &field);
    }
    return 0;
}

void monitor_tell_loss(struct report *r, const struct monitor_state *state)
{
    if (state->feeds && !state->connected)
        report_note(r, "the monitor is fed by no switch now; `atoll switch mirror` tells whether "
                       "one has a mirror for it");
    if (state->lost)
        report_note(r, "%llu frames were lost before the monitor since it began",
                    (unsigned long long)state->lost);
    if (state->evicted)
        report_note(r, "%llu flows had to give way to others before they ended",
                    (unsigned long long)state->evicted);
    if (state->refused)
        report_note(r, "%llu frames are of flows for which the table had no place",
                    (unsigned long long)state->refused);
}
