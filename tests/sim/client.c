/* SPDX-License-Identifier: ISC */
#include "client.h"

#include "host.h"

#include <errno.h>
#include <hv/gnttab.h>
#include <hv/memory.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_FOR_AN_ANSWER 50

struct client *client_create(struct host *host, struct hv *hv, domid_t domid, uint32_t start_index,
                             bool extra)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL)
        abort();
    client->host = host;
    client->hv = hv;
    client->domid = domid;
    client->next_req_id = 1;
    client->ring = hv_page_alloc(hv, 1);
    if (client->ring == NULL)
        abort();
    /* Neither the indices nor the bytes of a ring need to start as zero. */
    memset(client->ring, 0xa5, 2 * WIRE_RING_SIZE);
    client->ring->req_cons = client->ring->req_prod = start_index;
    client->ring->rsp_cons = client->ring->rsp_prod = start_index * 3;
    client->ref = HV_GNTTAB_XENSTORE;
    if (!extra)
        sim_grant_reserved(hv, HV_GNTTAB_XENSTORE, HOST_STORE_DOMID, client->ring);
    else if (hv_grant_access(hv, HOST_STORE_DOMID, client->ring, false, &client->ref) != 0)
        abort();
    if (hv_evtchn_alloc_unbound(hv, HOST_STORE_DOMID, &client->port) != 0)
        abort();
    return client;
}

void client_clear(struct client *client)
{
    struct wire_message message;

    while (client_take_any(client, &message))
        ;
}

void client_free(struct client *client)
{
    client_clear(client);
    free(client);
}

void client_notify(struct client *client)
{
    hv_evtchn_send(client->hv, client->port);
}

size_t client_push(struct client *client, const void *bytes, size_t length)
{
    struct wire_ring *ring = client->ring;
    uint32_t prod = ring->req_prod, space = WIRE_RING_SIZE - (prod - ring->req_cons);
    size_t count = length < space ? length : space;

    if (space > WIRE_RING_SIZE) /* the test itself broke the indices */
        return 0;
    for (size_t i = 0; i < count; i++)
        ring->req[(prod + i) % WIRE_RING_SIZE] = ((const uint8_t *)bytes)[i];
    atomic_thread_fence(memory_order_release);
    ring->req_prod = prod + (uint32_t)count;
    return count;
}

size_t client_send_raw(struct client *client, const void *bytes, size_t length)
{
    size_t sent = 0;

    for (unsigned idle = 0; sent < length && idle < 3; idle++) {
        size_t now = client_push(client, (const uint8_t *)bytes + sent, length - sent);

        sent += now;
        if (now > 0)
            idle = 0;
        client_notify(client);
        if (sent < length)
            host_run(client->host);
    }
    return sent;
}

bool client_send(struct client *client, const struct wire_message *message)
{
    uint8_t bytes[WIRE_HEADER + WIRE_PAYLOAD_MAX];
    const uint32_t header[4] = {message->type, message->req_id, message->tx_id, message->length};

    memcpy(bytes, header, WIRE_HEADER);
    memcpy(bytes + WIRE_HEADER, message->payload, message->length);
    return client_send_raw(client, bytes, WIRE_HEADER + message->length) ==
           WIRE_HEADER + message->length;
}

/* A whole message is there: queue it. */
static void cut(struct client *client, uint32_t length)
{
    struct arrived **last = &client->first, *arrived;
    uint32_t header[4];

    if (length > WIRE_PAYLOAD_MAX && client->garbled) {
        client->have = 0;
        return;
    }
    if (length > WIRE_PAYLOAD_MAX) {
        fprintf(stderr, "d%u: the service sent a payload of %u bytes\n", client->domid, length);
        abort();
    }
    while (*last != NULL)
        last = &(*last)->next;
    arrived = malloc(sizeof(*arrived));
    if (arrived == NULL)
        abort();
    memcpy(header, client->partial, WIRE_HEADER);
    arrived->next = NULL;
    arrived->message.type = header[0];
    arrived->message.req_id = header[1];
    arrived->message.tx_id = header[2];
    arrived->message.length = length;
    memcpy(arrived->message.payload, client->partial + WIRE_HEADER, length);
    arrived->message.payload[length] = 0;
    client->have = 0;
    *last = arrived;
}

bool client_read(struct client *client)
{
    struct wire_ring *ring = client->ring;
    uint32_t cons = ring->rsp_cons, prod = ring->rsp_prod;
    bool any = false;

    atomic_thread_fence(memory_order_acquire);
    if (prod - cons > WIRE_RING_SIZE) /* a test that plays with indices */
        return false;
    while (cons != prod) {
        uint32_t length = 0;

        client->partial[client->have++] = ring->rsp[cons++ % WIRE_RING_SIZE];
        any = true;
        if (client->have < WIRE_HEADER)
            continue;
        memcpy(&length, client->partial + 12, sizeof(length));
        if (length > WIRE_PAYLOAD_MAX || client->have == WIRE_HEADER + length)
            cut(client, length);
    }
    ring->rsp_cons = cons;
    if (any)
        client_notify(client);
    return any;
}

static bool take(struct client *client, bool any, bool events, struct wire_message *message)
{
    struct arrived **at = &client->first;

    while (*at != NULL && !any && ((*at)->message.type == WIRE_WATCH_EVENT) != events)
        at = &(*at)->next;
    if (*at == NULL)
        return false;
    struct arrived *arrived = *at;
    *at = arrived->next;
    *message = arrived->message;
    free(arrived);
    return true;
}

bool client_take(struct client *client, bool events, struct wire_message *message)
{
    return take(client, false, events, message);
}

bool client_take_any(struct client *client, struct wire_message *message)
{
    return take(client, true, false, message);
}

size_t client_waiting(const struct client *client, bool events)
{
    size_t count = 0;

    for (const struct arrived *at = client->first; at != NULL; at = at->next)
        count += (at->message.type == WIRE_WATCH_EVENT) == events;
    return count;
}

bool client_ask(struct client *client, struct wire_message *request, struct wire_message *reply)
{
    request->req_id = client->next_req_id++;
    if (!client_send(client, request))
        return false;
    for (unsigned i = 0; i < RUNS_FOR_AN_ANSWER; i++) {
        for (struct arrived **at = &client->first; *at != NULL; at = &(*at)->next)
            if ((*at)->message.type != WIRE_WATCH_EVENT &&
                (*at)->message.req_id == request->req_id) {
                struct arrived *arrived = *at;
                *at = arrived->next;
                *reply = arrived->message;
                free(arrived);
                return true;
            }
        if (i == 0)
            host_run(client->host);
        else
            host_pass(client->host, 100 * UINT64_C(1000000));
    }
    return false;
}

static int ask(struct client *client, struct wire_message *request, struct wire_message *reply)
{
    struct wire_message own;

    if (reply == NULL)
        reply = &own;
    return client_ask(client, request, reply) ? message_error_of(reply) : ETIMEDOUT;
}

int client_call(struct client *client, uint32_t tx, uint32_t type, const char *payload,
                struct wire_message *reply)
{
    struct wire_message request = {.type = type, .tx_id = tx};

    if (!message_add(&request, payload, strlen(payload)))
        abort();
    for (uint32_t i = 0; i < request.length; i++)
        if (request.payload[i] == '|')
            request.payload[i] = 0;
    return ask(client, &request, reply);
}

int client_callf(struct client *client, uint32_t tx, uint32_t type, struct wire_message *reply,
                 const char *format, ...)
{
    char payload[WIRE_PAYLOAD_MAX + 1];
    va_list arguments;

    va_start(arguments, format);
    if (vsnprintf(payload, sizeof(payload), format, arguments) >= (int)sizeof(payload))
        abort();
    va_end(arguments);
    return client_call(client, tx, type, payload, reply);
}

int client_write(struct client *client, uint32_t tx, const char *path, const char *value)
{
    return client_callf(client, tx, WIRE_WRITE, NULL, "%s|%s", path, value);
}

int client_write_fill(struct client *client, uint32_t tx, const char *path, char byte,
                      size_t length)
{
    struct wire_message request = {.type = WIRE_WRITE, .tx_id = tx};

    if (!message_add_string(&request, path) || length > WIRE_PAYLOAD_MAX - request.length)
        abort();
    memset(request.payload + request.length, byte, length);
    request.length += (uint32_t)length;
    return ask(client, &request, NULL);
}

int client_mkdir(struct client *client, uint32_t tx, const char *path)
{
    return client_callf(client, tx, WIRE_MKDIR, NULL, "%s|", path);
}

int client_rm(struct client *client, uint32_t tx, const char *path)
{
    return client_callf(client, tx, WIRE_RM, NULL, "%s|", path);
}

int client_set_perms(struct client *client, uint32_t tx, const char *path, const char *perms)
{
    return client_callf(client, tx, WIRE_SET_PERMS, NULL, "%s|%s|", path, perms);
}

int client_watch(struct client *client, const char *path, const char *token)
{
    return client_callf(client, 0, WIRE_WATCH, NULL, "%s|%s|", path, token);
}

int client_unwatch(struct client *client, const char *path, const char *token)
{
    return client_callf(client, 0, WIRE_UNWATCH, NULL, "%s|%s|", path, token);
}

int client_begin(struct client *client, uint32_t *tx)
{
    struct wire_message reply;
    int error = client_call(client, 0, WIRE_TRANSACTION_START, "|", &reply);

    *tx = error ? 0 : (uint32_t)strtoul((const char *)reply.payload, NULL, 10);
    return error;
}

int client_end(struct client *client, uint32_t tx, bool commit)
{
    return client_call(client, tx, WIRE_TRANSACTION_END, commit ? "T|" : "F|", NULL);
}

void client_text(struct client *client, uint32_t tx, uint32_t type, const char *payload,
                 char text[WIRE_PAYLOAD_MAX + 1])
{
    struct wire_message reply;
    int error = client_call(client, tx, type, payload, &reply);

    if (error != 0) {
        strcpy(text, error == ETIMEDOUT ? "no answer" : message_error_name(error));
        return;
    }
    for (uint32_t i = 0; i < reply.length; i++)
        text[i] = reply.payload[i] == 0 ? '|' : (char)reply.payload[i];
    text[reply.length] = 0;
}

const char *client_value(struct client *client, uint32_t tx, const char *path)
{
    struct wire_message reply;

    if (client_callf(client, tx, WIRE_READ, &reply, "%s|", path) != 0)
        return NULL;
    memcpy(client->value, reply.payload, reply.length + 1U);
    client->value[reply.length] = 0;
    return client->value;
}
