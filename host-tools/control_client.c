/* SPDX-License-Identifier: ISC */
#include "control_client.h"
#include "control_link.h"
#include "hv/linux/linux.h"
#include "interrupt.h"
#include "output.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CANCEL_TIMEOUT (2 * HV_SEC)

/* Connections that a service may close before it has said HELLO. */
#define ATTEMPTS_MAX 5u

struct control_client {
    struct report *r;
    struct control_service service;
    struct control_link link;
    struct control_peer peer;
    int timeout_ms;
    bool begun;     /* a request is in @writer and was not sent */
    bool under_way; /* one was sent and not all of its answer has come */
    bool broken;    /* nothing can be asked any more */
    bool taken;     /* the frame in the link was given to the caller */
    bool expected;  /* the service's end is the caller's to report */
    bool selective; /* HELLO has named the requests that it knows */
    uint16_t type;  /* of the exchange */
    uint32_t id;
    struct control_writer writer;
    uint8_t out[CONTROL_FRAME_MAX];
    uint8_t known[65536 / 8]; /* a bit for each request */
};

static uint64_t deadline_in(struct control_client *c, int timeout_ms)
{
    return timeout_ms < 0 ? HV_NEVER : hv_now(c->link.hv) + (uint64_t)timeout_ms * HV_MSEC;
}

/* Report why the exchange ends, for @error as control_link.h has it. */
static int fail(struct control_client *c, int error, uint64_t waited_ns)
{
    const char *name = c->service.name, *end;
    const uint32_t domid = c->service.domid;

    if (error == -EINTR)
        return ATOLL_INTERRUPTED;
    c->broken = true;
    if (c->expected && (error == -ESRCH || error == -EPIPE))
        return ATOLL_NOT_RUNNING;
    switch (error) {
    case -ETIMEDOUT:
        return report_fail(c->r, ATOLL_NO_ANSWER,
                           "%s (domain %u) has not answered within %.1f s; `atoll console %s` may "
                           "show why%s",
                           name, domid, (double)waited_ns / 1e9, name,
                           strcmp(name, "xenstored") == 0 ? ""
                                                          : ", `atoll restart` brings it back");
    case -ESRCH:
        end = control_service_end(&c->service);
        return report_fail(c->r, ATOLL_NOT_RUNNING,
                           "%s (domain %u) %s before it had answered; `atoll start %s` brings it "
                           "back",
                           name, domid, end ? end : "ended", name);
    case -EPIPE:
        return report_fail(c->r, ATOLL_FAILURE,
                           "%s (domain %u) has closed the connection; try again", name, domid);
    default:
        return report_fail(c->r, ATOLL_FAILURE,
                           "%s (domain %u) breaks the control protocol; does its version fit this "
                           "tool's?",
                           name, domid);
    }
}

static int fail_connect(struct control_client *c, const struct link_failure *failure)
{
    const char *name = c->service.name, *words = strerror(-failure->error);
    const uint32_t domid = c->service.domid;

    switch (failure->obstacle) {
    case LINK_NO_STORE:
        return report_fail(c->r, ATOLL_NO_ANSWER,
                           "XenStore does not answer, by which %s (domain %u) is reached; see "
                           "`atoll status xenstored`",
                           name, domid);
    case LINK_STORE_ERROR:
        if (failure->error == -ENODEV)
            return report_fail(c->r, ATOLL_NO_XEN,
                               "no access to XenStore (%s: %s); is this dom0, and xenfs loaded?",
                               STORE_DEVICE, strerror(ENOENT));
        if (failure->error == -EACCES || failure->error == -EPERM)
            return report_fail(c->r, ATOLL_NO_RIGHTS,
                               "no right to read XenStore (%s: %s); run it as root", STORE_DEVICE,
                               words);
        return report_fail(c->r, ATOLL_FAILURE,
                           "cannot read from XenStore how %s (domain %u) is reached (%s)", name,
                           domid, words);
    case LINK_FOREIGN:
        return report_fail(c->r, ATOLL_FAILURE,
                           "what %s (domain %u) offers is no control connection (%s); is it an "
                           "image of Atoll's?",
                           name, domid, words);
    default:
        return report_fail(c->r, ATOLL_NO_ANSWER,
                           "%s (domain %u) has offered no connection within %.1f s (%s): all are "
                           "in use, or it does not serve; try again, or see `atoll console %s`",
                           name, domid, c->timeout_ms / 1000.0,
                           failure->error == -ENOENT ? "nothing published" : words, name);
    }
}

/* A frame that is none of this exchange is of one that was given up. */
static bool concerns(const struct control_client *c, const struct control_header *header)
{
    if (header->id != c->id)
        return false;
    switch (header->kind) {
    case CONTROL_REPLY:
    case CONTROL_ERROR:
    case CONTROL_ITEM:
    case CONTROL_END:
        return true;
    default:
        return false;
    }
}

/* The caller is done with the frame that it was given. */
static void drop_taken(struct control_client *c)
{
    if (c->taken)
        link_drop_frame(&c->link);
    c->taken = false;
}

/* Wait for a frame of the exchange; it stays in the link. 0 or as control_link.h has it. */
static int await(struct control_client *c, uint64_t deadline, struct control_header *header)
{
    drop_taken(c);
    for (;;) {
        int rc = link_wait_frame(&c->link, deadline, header);

        if (rc)
            return rc;
        if (concerns(c, header))
            break;
        link_drop_frame(&c->link);
        /* A service that never stops talking of something else is not waited for, either. */
        if (interrupt_pending() && !c->link.parting)
            return -EINTR;
        if (hv_now(c->link.hv) >= deadline)
            return -ETIMEDOUT;
    }
    c->taken = true;
    if (header->kind != CONTROL_ITEM)
        c->under_way = false;
    return 0;
}

/* Report an ERROR. */
static int refused(struct control_client *c, const struct control_reader *fields)
{
    const int number = (int)control_number(fields, CONTROL_F_ERRNO, EIO);
    struct control_field text;
    char *words = NULL;
    int rc;

    if (control_find(fields, CONTROL_F_TEXT, &text))
        words = output_escaped((const char *)text.value, text.length);
    if (number == ENOSYS)
        rc = report_fail(c->r, ATOLL_UNSUPPORTED, "%s %s does not know this request%s%s",
                         c->service.name, c->peer.version, words ? ": " : "", words ? words : "");
    else
        rc = report_fail(c->r, ATOLL_REFUSED, "%s refused: %s", c->service.name,
                         words ? words : strerror(number));
    free(words);
    return rc;
}

static void put_hello(struct control_client *c)
{
    control_client_begin(c, CONTROL_T_HELLO);
    control_put_number(&c->writer, CONTROL_F_VERSION, CONTROL_VERSION);
    control_put_format(&c->writer, CONTROL_F_CLIENT, "atoll %.64s", c->r->asked);
}

static void printable(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~')
            *text = '?';
    }
}

static void read_hello(struct control_client *c, const struct control_reader *fields)
{
    struct control_reader reader = {.data = fields->data, .length = fields->length};
    struct control_field field;

    if (!control_string(fields, CONTROL_F_SERVICE, c->peer.service, sizeof(c->peer.service)))
        strcpy(c->peer.service, "?");
    if (!control_string(fields, CONTROL_F_PROGRAM_VERSION, c->peer.version,
                        sizeof(c->peer.version)))
        strcpy(c->peer.version, "?");
    printable(c->peer.service);
    printable(c->peer.version);
    c->peer.domid = c->service.domid;
    c->peer.protocol = (uint32_t)control_number(fields, CONTROL_F_VERSION, 0);
    while (control_next(&reader, &field)) {
        if (field.tag != CONTROL_F_TYPE || field.number > UINT16_MAX)
            continue;
        c->selective = true;
        c->known[field.number / 8] |= (uint8_t)(1u << field.number % 8);
    }
}

/* Say HELLO. 0; -EPIPE: connect again; or an exit code (above 0) reported. */
static int greet(struct control_client *c, uint64_t deadline)
{
    struct control_header header;
    struct control_reader fields;
    int rc;

    put_hello(c);
    c->begun = false;
    rc = link_write(&c->link, c->out, control_end(&c->writer), deadline);
    if (!rc)
        rc = await(c, deadline, &header);
    if (rc == -EPIPE)
        return rc;
    if (rc)
        return fail(c, rc, (uint64_t)c->timeout_ms * HV_MSEC);
    control_read(&fields, c->link.frame, header.length);
    if (header.kind == CONTROL_ERROR)
        return refused(c, &fields);
    if (header.kind != CONTROL_REPLY)
        return fail(c, -EPROTO, 0);
    read_hello(c, &fields);
    return 0;
}

static int connect_and_greet(struct control_client *c)
{
    const uint64_t timeout = (uint64_t)c->timeout_ms * HV_MSEC;
    struct link_failure failure;

    for (unsigned attempt = 1;; attempt++) {
        int rc = link_connect(&c->link, timeout, &failure);

        if (rc)
            return rc == -ETIMEDOUT ? fail_connect(c, &failure) : fail(c, rc, 0);
        rc = greet(c, hv_now(c->link.hv) + timeout);
        if (rc != -EPIPE)
            return rc;
        /* We took too long after the port was bound, or the service was restarted: once more. */
        link_close(&c->link);
        if (attempt == ATTEMPTS_MAX)
            return fail(c, -EPIPE, 0);
    }
}

static int open_devices(struct control_client *c)
{
    c->link.hv = hv_linux_open();
    if (c->link.hv)
        return 0;
    if (errno == EACCES || errno == EPERM)
        return report_fail(c->r, ATOLL_NO_RIGHTS,
                           "no right to open /dev/xen/evtchn and /dev/xen/gntdev (%s); run it as "
                           "root",
                           strerror(errno));
    return report_fail(c->r, ATOLL_NO_XEN,
                       "cannot open /dev/xen/evtchn and /dev/xen/gntdev (%s); load the modules "
                       "xen-evtchn and xen-gntdev",
                       strerror(errno));
}

static int open_found(struct control_client *c, struct control_client **client)
{
    int rc;

    c->link.service = &c->service;
    interrupt_install();
    rc = open_devices(c);
    if (!rc)
        rc = connect_and_greet(c);
    if (rc)
        control_client_close(c);
    else
        *client = c;
    return rc;
}

static struct control_client *create(struct report *r, int timeout_ms)
{
    struct control_client *c = calloc(1, sizeof(*c));

    if (!c) {
        report_fail(r, ATOLL_FAILURE, "out of memory");
        return NULL;
    }
    c->r = r;
    c->link.report = r;
    c->timeout_ms = timeout_ms;
    return c;
}

int control_client_open(struct report *r, const struct service_settings *settings, int timeout_ms,
                        struct control_client **client)
{
    struct control_client *c = create(r, timeout_ms);
    int rc;

    *client = NULL;
    if (!c)
        return ATOLL_FAILURE;
    rc = control_service_find(r, settings, &c->service);
    if (!rc)
        return open_found(c, client);
    free(c);
    return rc;
}

int control_client_open_domain(struct report *r, const char *name, uint32_t domid, int timeout_ms,
                               struct control_client **client)
{
    struct control_client *c = create(r, timeout_ms);
    int rc;

    *client = NULL;
    if (!c)
        return ATOLL_FAILURE;
    rc = control_service_open(r, name, domid, &c->service);
    if (!rc)
        return open_found(c, client);
    free(c);
    return rc;
}

void control_client_close(struct control_client *client)
{
    if (!client)
        return;
    link_close(&client->link);
    if (client->link.hv)
        hv_linux_close(client->link.hv);
    control_service_close(&client->service);
    free(client);
}

void control_client_expect_end(struct control_client *client)
{
    client->expected = true;
}

const struct control_peer *control_client_peer(const struct control_client *client)
{
    return &client->peer;
}

bool control_client_knows(const struct control_client *client, uint16_t type)
{
    return !client->selective || (client->known[type / 8] >> type % 8 & 1);
}

struct control_writer *control_client_begin(struct control_client *client, uint16_t type)
{
    client->begun = true;
    client->type = type;
    control_begin(&client->writer, client->out, sizeof(client->out), type, CONTROL_REQUEST,
                  ++client->id);
    return &client->writer;
}

int control_client_send(struct control_client *client)
{
    int rc;

    client->begun = false;
    if (client->broken)
        return fail(client, -EPIPE, 0);
    if (!control_client_knows(client, client->type))
        return report_fail(client->r, ATOLL_UNSUPPORTED,
                           "%s %s does not know this request; update the service, or ask another",
                           client->service.name, client->peer.version);
    if (client->writer.full)
        return report_fail(client->r, ATOLL_USAGE, "that is too long for one request");
    rc = link_write(&client->link, client->out, control_end(&client->writer),
                    deadline_in(client, client->timeout_ms));
    client->under_way = rc == 0;
    /* A part of the frame may be out: nothing can follow it. */
    client->broken = rc != 0;
    return rc ? fail(client, rc, (uint64_t)client->timeout_ms * HV_MSEC) : 0;
}

static int next(struct control_client *client, int timeout_ms, bool patient,
                struct control_answer *answer)
{
    struct control_header header;
    int rc;

    if (client->broken || !client->under_way)
        return fail(client, -EPIPE, 0);
    rc = await(client, deadline_in(client, timeout_ms), &header);
    if (rc == -ETIMEDOUT && patient) {
        *answer = (struct control_answer){.kind = CONTROL_NOTHING};
        return 0;
    }
    if (rc)
        return fail(client, rc, (uint64_t)timeout_ms * HV_MSEC);
    answer->kind = (enum control_kind)header.kind;
    control_read(&answer->fields, client->link.frame, header.length);
    return header.kind == CONTROL_ERROR ? refused(client, &answer->fields) : 0;
}

int control_client_next(struct control_client *client, int timeout_ms,
                        struct control_answer *answer)
{
    return next(client, timeout_ms, false, answer);
}

int control_client_poll(struct control_client *client, int timeout_ms,
                        struct control_answer *answer)
{
    return next(client, timeout_ms, true, answer);
}

int control_client_call(struct control_client *client, uint16_t type, struct control_answer *answer)
{
    int rc;

    if (!client->begun || client->type != type)
        control_client_begin(client, type);
    rc = control_client_send(client);
    if (!rc)
        rc = control_client_next(client, client->timeout_ms, answer);
    if (!rc && answer->kind != CONTROL_REPLY)
        rc = fail(client, -EPROTO, 0);
    return rc;
}

/* Has the service ended the upload early? That can but be an error. */
static int upload_refused(struct control_client *c)
{
    struct control_answer answer;
    struct control_header header;

    drop_taken(c);
    for (;;) {
        int rc = link_take(&c->link, &header);

        if (rc < 0)
            return fail(c, rc, 0);
        if (rc == 0)
            return 0;
        if (concerns(c, &header) && header.kind != CONTROL_ITEM)
            break;
        link_drop_frame(&c->link);
    }
    if (header.kind != CONTROL_ERROR)
        return fail(c, -EPROTO, 0);
    return control_client_next(c, 0, &answer);
}

/* Send a frame of the upload. */
static int upload_frame(struct control_client *c, enum control_kind kind, const void *data,
                        size_t length)
{
    int rc;

    if (c->broken || !c->under_way)
        return fail(c, -EPIPE, 0);
    rc = upload_refused(c);
    if (rc)
        return rc;
    control_begin(&c->writer, c->out, sizeof(c->out), c->type, kind, c->id);
    if (length)
        control_put_bytes(&c->writer, CONTROL_F_DATA, data, length);
    rc = link_write(&c->link, c->out, control_end(&c->writer), deadline_in(c, c->timeout_ms));
    if (rc)
        rc = fail(c, rc, (uint64_t)c->timeout_ms * HV_MSEC);
    c->broken |= rc != 0;
    return rc;
}

int control_client_upload(struct control_client *client, const void *data, size_t length)
{
    const uint8_t *at = data;

    while (length) {
        const size_t part = length < CONTROL_VALUE_MAX ? length : CONTROL_VALUE_MAX;
        int rc = upload_frame(client, CONTROL_DATA, at, part);

        if (rc)
            return rc;
        at += part;
        length -= part;
    }
    return 0;
}

int control_client_upload_end(struct control_client *client)
{
    return upload_frame(client, CONTROL_END, NULL, 0);
}

void control_client_cancel(struct control_client *client)
{
    const uint64_t deadline = hv_now(client->link.hv) + CANCEL_TIMEOUT;
    struct control_header header;
    int rc;

    if (client->broken || !client->under_way)
        return;
    client->link.parting = true;
    control_begin(&client->writer, client->out, sizeof(client->out), client->type, CONTROL_CANCEL,
                  client->id);
    rc = link_write(&client->link, client->out, control_end(&client->writer), deadline);
    while (!rc && client->under_way)
        rc = await(client, deadline, &header);
    client->broken = rc != 0;
    client->link.parting = false;
}
