/* SPDX-License-Identifier: ISC */
#include "remote.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct remote_client *remote_connect(struct host *host)
{
    struct remote_client *client = calloc(1, sizeof(*client));
    const char *ring_ref, *port;
    unsigned numbers[2];
    int error;

    if (client == NULL)
        abort();
    client->host = host;
    client->hv = host->dom0->hv;
    ring_ref = client_value(host->dom0, 0, REMOTE_PATH "/ring-ref");
    ck_assert_msg(ring_ref != NULL, "no ring is published");
    numbers[0] = (unsigned)strtoul(ring_ref, NULL, 10);
    port = client_value(host->dom0, 0, REMOTE_PATH "/event-channel");
    ck_assert_msg(port != NULL, "no port is published");
    numbers[1] = (unsigned)strtoul(port, NULL, 10);
    error = vchan_client_open(&client->v, client->hv, HOST_STORE_DOMID, numbers[0], numbers[1]);
    ck_assert_msg(error == 0, "cannot connect to ring %u, port %u: %d", numbers[0], numbers[1],
                  error);
    host_run(host);
    return client;
}

struct remote_client *remote_open(struct host *host)
{
    struct remote_client *client = remote_connect(host);
    struct remote_request request;
    struct remote_frame frame;

    remote_begin(client, &request, CONTROL_T_HELLO, CONTROL_REQUEST);
    control_put_number(&request.writer, CONTROL_F_VERSION, CONTROL_VERSION);
    control_put_string(&request.writer, CONTROL_F_CLIENT, "test");
    ck_assert_int_eq(remote_ask(client, &request, &frame), 0);
    ck_assert_str_eq(remote_text(&frame, CONTROL_F_SERVICE), "xenstored");
    return client;
}

void remote_close(struct remote_client *client)
{
    struct host *host = client->host;

    ck_assert_int_eq(vchan_close(&client->v), 0);
    free(client);
    host_run(host);
}

void remote_kill(struct remote_client *client)
{
    struct vchan *v = &client->v;
    struct host *host = client->host;

    ck_assert_int_eq(hv_evtchn_close(client->hv, v->port), 0);
    if (v->left_map != NULL)
        ck_assert_int_eq(hv_grant_unmap(client->hv, v->left_map, v->left_pages), 0);
    if (v->right_map != NULL)
        ck_assert_int_eq(hv_grant_unmap(client->hv, v->right_map, v->right_pages), 0);
    ck_assert_int_eq(hv_grant_unmap(client->hv, v->head, 1), 0);
    free(client);
    host_run(host);
}

void remote_begin(struct remote_client *client, struct remote_request *request, uint16_t type,
                  enum control_kind kind)
{
    control_begin(&request->writer, request->data, sizeof(request->data), type, kind,
                  ++client->next_id);
}

size_t remote_send_raw(struct remote_client *client, const void *bytes, size_t length)
{
    size_t done = 0;

    for (unsigned tries = 0; done < length && tries < 4;) {
        int count = vchan_write(&client->v, (const uint8_t *)bytes + done, length - done);

        host_run(client->host);
        if (count < 0)
            break;
        tries = count > 0 ? 0 : tries + 1;
        done += (size_t)count;
    }
    return done;
}

uint32_t remote_send(struct remote_client *client, struct remote_request *request)
{
    size_t length = control_end(&request->writer);
    struct control_header header;

    ck_assert(control_header_decode(request->data, &header));
    ck_assert_uint_eq(remote_send_raw(client, request->data, length), length);
    return header.id;
}

/* Read until @wanted bytes are there. */
static bool read_up_to(struct remote_client *client, size_t wanted)
{
    for (unsigned tries = 0; client->in_used < wanted && tries < 4;) {
        int count = vchan_read(&client->v, client->in + client->in_used, wanted - client->in_used);

        if (count < 0)
            return false;
        if (count == 0)
            host_run(client->host);
        tries = count > 0 ? 0 : tries + 1;
        client->in_used += (size_t)count;
    }
    return client->in_used >= wanted;
}

bool remote_take(struct remote_client *client, struct remote_frame *frame)
{
    if (!read_up_to(client, CONTROL_HEADER))
        return false;
    ck_assert(control_header_decode(client->in, &frame->header));
    if (!read_up_to(client, frame->header.length))
        return false;
    client->in_used = 0;
    memcpy(frame->data, client->in, frame->header.length);
    ck_assert(control_check(frame->data, frame->header.length));
    control_read(&frame->fields, frame->data, frame->header.length);
    return true;
}

int remote_ask(struct remote_client *client, struct remote_request *request,
               struct remote_frame *frame)
{
    uint32_t id = remote_send(client, request);

    ck_assert_msg(remote_take(client, frame), "request %u is not answered", id);
    ck_assert_uint_eq(frame->header.id, id);
    if (frame->header.kind != CONTROL_ERROR)
        return 0;
    return (int)control_number(&frame->fields, CONTROL_F_ERRNO, EIO);
}

int remote_call(struct remote_client *client, uint16_t type, struct remote_frame *frame)
{
    struct remote_request request;

    remote_begin(client, &request, type, CONTROL_REQUEST);
    return remote_ask(client, &request, frame);
}

/* Is it the one called @name, with a label whose value is @label if that is asked for? */
static bool is_statistic(const struct control_reader *group, const char *name, const char *label)
{
    struct control_reader inner;
    struct control_field field;
    char text[64];

    if (!control_string(group, CONTROL_F_NAME, text, sizeof(text)) || strcmp(text, name) != 0)
        return false;
    if (label == NULL)
        return true;
    if (!control_find(group, CONTROL_F_LABEL, &field))
        return false;
    control_read_group(&inner, &field);
    return control_string(&inner, CONTROL_F_TEXT, text, sizeof(text)) && strcmp(text, label) == 0;
}

uint64_t remote_statistic(struct remote_client *client, const char *name, const char *label)
{
    uint64_t value = UINT64_MAX;
    struct remote_frame frame;

    ck_assert_int_eq(remote_call(client, CONTROL_T_STATS, &frame), 0);
    while (frame.header.kind == CONTROL_ITEM) {
        struct control_reader group;
        struct control_field field;

        ck_assert(control_find(&frame.fields, CONTROL_F_STATISTIC, &field));
        control_read_group(&group, &field);
        if (is_statistic(&group, name, label))
            value = control_number(&group, CONTROL_F_VALUE, UINT64_MAX);
        ck_assert(remote_take(client, &frame));
    }
    ck_assert_int_eq(frame.header.kind, CONTROL_END);
    ck_assert_msg(value != UINT64_MAX, "no statistic %s%s%s", name, label ? " of " : "",
                  label ? label : "");
    return value;
}

const char *remote_text(const struct remote_frame *frame, uint16_t tag)
{
    static char text[CONTROL_FRAME_MAX];

    control_string(&frame->fields, tag, text, sizeof(text));
    return text;
}

uint64_t remote_number(const struct remote_frame *frame, uint16_t tag)
{
    return control_number(&frame->fields, tag, UINT64_MAX);
}
