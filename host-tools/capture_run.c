/* SPDX-License-Identifier: ISC */
#include "capture.h"
#include "mirror_stream.h"
#include <errno.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct monitor_call *call;
    struct mirror_stream *stream;
    const struct capture *capture;
    bool asked;
    uint64_t unseen; /* frames that were lost before the monitor, whosever they were */
    bool closed;     /* nobody reads what we write any more, as of `tcpdump -c 10` */
};

static int write_failed(struct run *run)
{
    if (errno == EPIPE) {
        run->closed = true;
        __fpurge(run->stream->out);
        clearerr(run->stream->out);
        return ATOLL_INTERRUPTED;
    }
    return report_fail(&run->call->session.report, ATOLL_FAILURE, "cannot write the frames (%s)",
                       strerror(errno));
}

static int item(void *context, const struct control_reader *fields)
{
    struct control_reader reader = {.data = fields->data, .length = fields->length};
    struct run *run = context;
    struct control_field field;
    const uint64_t unseen = control_number(fields, CONTROL_F_LOST, 0);

    /* Lost before the filter could look at them: nobody knows whether they were wanted. */
    run->unseen += unseen;
    run->stream->lost_now += unseen;
    while (control_next(&reader, &field)) {
        int rc;

        if (field.tag != CONTROL_F_DATA)
            continue;
        rc = mirror_stream_take(run->stream, field.value, field.length);
        if (rc == -EIO)
            return write_failed(run);
        if (rc)
            return report_fail(&run->call->session.report, ATOLL_FAILURE,
                               "what came are no frames: %s; does the monitor's version fit this "
                               "tool's?",
                               run->stream->why);
    }
    /* Who reads shall see frames as they come. */
    return fflush(run->stream->out) ? write_failed(run) : 0;
}

static void put_request(struct control_writer *w, const struct capture *capture)
{
    if (capture->snap)
        control_put_number(w, CONTROL_F_SNAP, capture->snap);
    if (capture->sender) {
        control_put_number(w, CONTROL_F_DOMID, capture->sender->domid);
        control_put_number(w, CONTROL_F_VIF, capture->sender->vif);
    }
    if (capture->count)
        control_put_number(w, CONTROL_F_LIMIT, capture->count);
    if (capture->filter && capture->filter->count)
        control_put_bytes(w, CONTROL_F_PROGRAM, capture->filter->program,
                          (size_t)8 * capture->filter->count);
}

/* Of the first monitor, or of one that takes its place: then only the frames that are missing yet.
 */
static void request(void *context, struct control_client *client)
{
    struct run *run = context;
    struct capture rest = *run->capture;
    const uint64_t have = run->stream->frames;

    if (run->asked)
        mirror_stream_resume(run->stream);
    run->asked = true;
    if (rest.count)
        rest.count = have < rest.count ? rest.count - have : 1;
    put_request(control_client_begin(client, CONTROL_T_MONITOR_CAPTURE), &rest);
}

bool capture_of_ports(const struct monitor_port *const ports[], size_t count, const char *text,
                      char *filter, size_t size)
{
    const bool any = text[strspn(text, " \t\n")] != '\0';
    size_t used = 0;

    for (size_t i = 0; i < count && used < size; i++) {
        const uint8_t *mac = ports[i]->mac;

        used += (size_t)snprintf(filter + used, size - used,
                                 "%sether host %02x:%02x:%02x:%02x:%02x:%02x", i ? " or " : "(",
                                 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    }
    if (used < size)
        used += (size_t)snprintf(filter + used, size - used, any ? ") and (%s)" : ")", text);
    return used < size;
}

int capture_run(struct monitor_call *call, const struct capture *capture, FILE *out,
                uint64_t *frames)
{
    struct run run = {.call = call, .stream = malloc(sizeof(*run.stream)), .capture = capture};
    struct report *r = &call->session.report;
    int rc;

    *frames = 0;
    if (!run.stream)
        return report_fail(r, ATOLL_FAILURE, "out of memory");
    mirror_stream_init(run.stream, out, "monitor");
    rc = monitor_follow(call, request, item, &run);
    if (!rc && !run.closed && (mirror_stream_end(run.stream) || fflush(out)))
        rc = write_failed(&run);
    if (run.unseen)
        report_note(r, "%llu frames were lost before the monitor, wanted ones or not",
                    (unsigned long long)run.unseen);
    if (run.stream->lost)
        report_note(r, "%llu frames were lost: they came faster than they were read",
                    (unsigned long long)run.stream->lost);
    report_step(r, "%llu frames, %llu bytes, %llu lost", (unsigned long long)run.stream->frames,
                (unsigned long long)run.stream->bytes, (unsigned long long)run.stream->lost);
    *frames = run.stream->frames;
    free(run.stream);
    return run.closed ? 0 : rc;
}
