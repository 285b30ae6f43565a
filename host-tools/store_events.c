/* SPDX-License-Identifier: ISC */
#include "store_events.h"
#include "report.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_NS 1000000u

/* A directory that changes while it is read is read again, so many times. */
#define DIRECTORY_TRIES 10

static void keep(struct store_events *events, const char *path, const char *token)
{
    struct store_event event = {NULL, NULL};

    if (events->count == events->room && events->room < STORE_EVENTS_MAX) {
        const size_t room = events->room ? 2 * events->room : 64;
        struct store_event *grown = calloc(room, sizeof(*grown));

        if (grown) {
            for (size_t i = 0; i < events->count; i++)
                grown[i] = events->list[(events->first + i) % events->room];
            free(events->list);
            events->list = grown;
            events->room = room;
            events->first = 0;
        }
    }
    if (events->count < events->room) {
        event.path = strdup(path);
        event.token = strdup(token);
    }
    if (!event.path || !event.token) {
        store_event_free(&event);
        events->lost = true;
        return;
    }
    events->list[(events->first + events->count++) % events->room] = event;
}

int store_events_take(struct store_client *c, const struct xsd_sockmsg *msg, uint64_t deadline_ns)
{
    char payload[XENSTORE_PAYLOAD_MAX + 1];
    const char *token;
    int rc;

    if (msg->len > XENSTORE_PAYLOAD_MAX)
        return -EPROTO;
    rc = store_read_exact(c->fd, payload, msg->len, deadline_ns);
    if (rc)
        return rc;
    payload[msg->len] = '\0';
    token = payload + strlen(payload) + 1;
    if (token >= payload + msg->len) /* a path, a NUL, a token, a NUL */
        return -EPROTO;
    keep(c->events, payload, token);
    return 0;
}

void store_event_free(struct store_event *event)
{
    free(event->path);
    free(event->token);
    event->path = event->token = NULL;
}

void store_events_free(struct store_client *c)
{
    if (!c->events)
        return;
    for (size_t i = 0; i < c->events->count; i++)
        store_event_free(&c->events->list[(c->events->first + i) % c->events->room]);
    free(c->events->list);
    free(c->events);
    c->events = NULL;
}

static int watch_request(struct store_client *c, uint32_t type, const char *path, const char *token)
{
    char payload[XENSTORE_PAYLOAD_MAX], reply[XENSTORE_PAYLOAD_MAX];
    const size_t path_len = strlen(path) + 1, token_len = strlen(token) + 1;
    size_t reply_len;

    if (path_len + token_len > sizeof(payload))
        return -E2BIG;
    memcpy(payload, path, path_len);
    memcpy(payload + path_len, token, token_len);
    return store_request(c, type, payload, path_len + token_len, reply, &reply_len);
}

int store_watch(struct store_client *c, const char *path, const char *token)
{
    if (!c->events)
        c->events = calloc(1, sizeof(*c->events));
    return c->events ? watch_request(c, XS_WATCH, path, token) : -ENOMEM;
}

int store_unwatch(struct store_client *c, const char *path, const char *token)
{
    return watch_request(c, XS_UNWATCH, path, token);
}

/* Take the oldest event. 1, 0, or -ENOBUFS. */
static int take(struct store_events *events, struct store_event *event)
{
    if (events->lost) {
        events->lost = false;
        return -ENOBUFS;
    }
    if (!events->count)
        return 0;
    *event = events->list[events->first];
    events->first = (events->first + 1) % events->room;
    events->count--;
    return 1;
}

int store_next_event(struct store_client *c, int timeout_ms, int fd, struct store_event *event)
{
    const uint64_t end = report_now_ns() + (uint64_t)timeout_ms * MS_NS;

    for (;;) {
        const uint64_t now = report_now_ns();
        struct pollfd p[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
        struct xsd_sockmsg msg;
        int rc = c->events ? take(c->events, event) : 0;

        if (rc)
            return rc;
        rc = poll(p, 2, now >= end ? 0 : (int)((end - now + MS_NS - 1) / MS_NS));
        if (rc < 0 && errno != EINTR)
            return -errno;
        if (rc <= 0 && report_now_ns() >= end)
            return 0;
        if (rc <= 0)
            continue;
        if (p[1].revents)
            return 0;
        rc = store_read_exact(c->fd, &msg, sizeof(msg),
                              report_now_ns() + (uint64_t)c->timeout_ms * MS_NS);
        if (rc)
            return rc;
        if (msg.type != XS_WATCH_EVENT || !c->events)
            return -EPROTO;
        rc = store_events_take(c, &msg, report_now_ns() + (uint64_t)c->timeout_ms * MS_NS);
        if (rc)
            return rc;
    }
}

/* --- directories --------------------------------------------------------------------------------
 */

/* More than one answer holds: in parts, each with the generation of the whole. */
static int directory_parts(struct store_client *c, const char *path, char **list, size_t *length)
{
    char payload[XENSTORE_PAYLOAD_MAX], reply[XENSTORE_PAYLOAD_MAX], generation[32] = "";

    *length = 0;
    for (;;) {
        size_t len, head, used = (size_t)snprintf(payload, sizeof(payload), "%s", path) + 1;
        char *grown;
        int rc;

        if (used + 24 > sizeof(payload))
            return -E2BIG;
        used += (size_t)snprintf(payload + used, sizeof(payload) - used, "%zu", *length) + 1;
        rc = store_request(c, XS_DIRECTORY_PART, payload, used, reply, &len);
        if (rc)
            return rc;
        head = strnlen(reply, len) + 1;
        if (head > len || head > sizeof(generation))
            return -EPROTO;
        if (!generation[0])
            memcpy(generation, reply, head);
        else if (strcmp(generation, reply) != 0)
            return -EAGAIN;
        if (len == head + 1 && reply[head] == '\0') /* an empty name: that was all */
            return 0;
        if (len == head)
            return -EPROTO;
        /* The last part ends with an empty name, too. */
        len -= head;
        grown = realloc(*list, *length + len);
        if (!grown)
            return -ENOMEM;
        memcpy(grown + *length, reply + head, len);
        *list = grown;
        *length += len;
        if (len > 1 && grown[*length - 1] == '\0' && grown[*length - 2] == '\0') {
            *length -= 1;
            return 0;
        }
    }
}

int store_directory(struct store_client *c, const char *path, char **list, size_t *length)
{
    char reply[XENSTORE_PAYLOAD_MAX];
    int rc = store_request(c, XS_DIRECTORY, path, strlen(path) + 1, reply, length);

    *list = NULL;
    for (int i = 0; i < DIRECTORY_TRIES && (rc == -E2BIG || rc == -EAGAIN); i++) {
        free(*list);
        *list = NULL;
        rc = directory_parts(c, path, list, length);
        if (rc != -EAGAIN)
            break;
    }
    if (!rc && !*list) {
        *list = malloc(*length + 1);
        if (*list)
            memcpy(*list, reply, *length);
        rc = *list ? 0 : -ENOMEM;
    }
    if (!rc && *length && (*list)[*length - 1] != '\0')
        rc = -EPROTO; /* who reads it goes from NUL to NUL */
    if (rc) {
        free(*list);
        *list = NULL;
        *length = 0;
    }
    return rc;
}
