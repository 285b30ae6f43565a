/* SPDX-License-Identifier: ISC */
/* Watches of the reference model: every event is tried against every watch. */
#include "model_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mevent *mevents_add(struct mevents *events, const char *path, enum mmatch match)
{
    struct mevent *event = calloc(1, sizeof(*event)), **last = &events->first;

    event->path = strdup(path);
    event->match = match;
    while (*last != NULL)
        last = &(*last)->next;
    *last = event;
    return event;
}

void mevent_reader(struct mevent *event, unsigned slot, const struct mnode *node)
{
    if (node != NULL)
        mperms_copy(&event->readers[slot], &node->perms);
}

void mevents_free(struct mevents *events)
{
    while (events->first != NULL) {
        struct mevent *event = events->first;

        events->first = event->next;
        for (unsigned i = 0; i < 4; i++)
            mperms_free(&event->readers[i]);
        free(event->path);
        free(event);
    }
}

/* Is @path the node @above or one of at most @depth levels below it (any, if negative)? */
static bool is_below(const char *path, const char *above, int depth)
{
    size_t length = strcmp(above, "/") == 0 ? 0 : strlen(above);
    int levels = 0;

    if (strncmp(path, above, length) != 0 || (path[length] != 0 && path[length] != '/'))
        return false;
    if (path[0] == '@' && above[0] != '@')
        return false;
    if (strcmp(path + length, "/") != 0) /* "/" is no level below itself */
        for (const char *at = path + length; *at != 0; at++)
            levels += *at == '/';
    return depth < 0 || levels <= depth;
}

static bool matches(const struct mwatch *watch, const struct mevent *event)
{
    bool same = strcmp(watch->path, event->path) == 0;

    switch (event->match) {
    case MM_EXACT:
        return same;
    case MM_SUBTREE:
        return is_below(event->path, watch->path, watch->depth);
    case MM_NODEPTH:
        return same && watch->depth < 0;
    case MM_DEPTH:
        return same || (watch->depth > 0 && is_below(event->path, watch->path, watch->depth));
    }
    return false;
}

static bool may_hear(const struct mdomain *domain, const struct mevent *event)
{
    for (unsigned i = 0; i < 4; i++)
        if (event->readers[i].count > 0 && (maccess(domain, &event->readers[i]) & MODEL_READ) != 0)
            return true;
    return false;
}

static void send_event(struct model *model, struct mconnection *connection,
                       const struct mwatch *watch, const char *path)
{
    struct wire_message message = {.type = WIRE_WATCH_EVENT};

    /* What does not fit is not sent (XSA-324). */
    if (message_add_string(&message, path + watch->prefix) &&
        message_add_string(&message, watch->token))
        model->emit(model->context, connection->number, model->group, &message);
}

void mfire(struct model *model, struct mevents *events)
{
    for (struct mevent *event = events->first; event != NULL; event = event->next)
        for (unsigned i = 0; i < MODEL_CONNECTIONS; i++) {
            struct mconnection *connection = &model->connection[i];

            if (connection->number == MODEL_NO_CONNECTION || !may_hear(connection->domain, event))
                continue;
            for (struct mwatch *watch = connection->watches; watch != NULL; watch = watch->next)
                if (matches(watch, event))
                    send_event(model, connection, watch, event->path);
        }
    model->group++;
    mevents_free(events);
}

void mfire_special(struct model *model, const char *name, unsigned domid, bool with, bool without)
{
    const struct mnode *node = mtree_find(&model->tree, name);
    struct mevents events = {0};
    char path[MODEL_PATH];

    snprintf(path, sizeof(path), "%s/%u", name, domid);
    if (without)
        mevent_reader(mevents_add(&events, name, MM_NODEPTH), 0, node);
    if (with)
        mevent_reader(mevents_add(&events, path, MM_DEPTH), 0, node);
    mfire(model, &events);
}

static struct mwatch **find(struct mconnection *connection, const char *path, const char *token)
{
    struct mwatch **at = &connection->watches;

    while (*at != NULL && (strcmp((*at)->path, path) != 0 || strcmp((*at)->token, token) != 0))
        at = &(*at)->next;
    return at;
}

static size_t count(const struct mconnection *connection)
{
    size_t watches = 0;

    for (struct mwatch *watch = connection->watches; watch != NULL; watch = watch->next)
        watches++;
    return watches;
}

int mwatch_add(struct model *model, struct mconnection *connection,
               const struct wire_message *request)
{
    const struct mdomain *domain = connection->domain;
    const char *strings[3];
    char path[MODEL_PATH], base[64];
    size_t given = mstrings(request, strings, 3);
    int depth = -1;

    if (given == 3 && (domain->features & WIRE_FEATURE_WATCHDEPTH) != 0) {
        /* Upstream reads anything as a number here; the text wants a decimal value. */
        if (strings[2][0] == 0 || strspn(strings[2], "0123456789") != strlen(strings[2]))
            return EINVAL;
        depth = atoi(strings[2]);
    } else if (given != 2) {
        return EINVAL;
    }
    if (!mcanonical(domain, strings[0], true, path))
        return EINVAL;
    struct mwatch **at = find(connection, path, strings[1]);
    if (*at != NULL)
        return EEXIST;
    if (domain->domid != 0 && domain->quota[MQ_WATCHES] != 0 &&
        count(connection) + 1 > domain->quota[MQ_WATCHES])
        return ENOSPC;

    *at = calloc(1, sizeof(**at));
    (*at)->path = strdup(path);
    (*at)->token = strdup(strings[1]);
    (*at)->depth = depth;
    snprintf(base, sizeof(base), "/local/domain/%u/", domain->domid);
    if (strings[0][0] != '/' && strings[0][0] != '@')
        (*at)->prefix = strlen(base);

    /* The answer comes first, then the event that every new watch gets. */
    struct wire_message reply = {
        .type = request->type, .req_id = request->req_id, .tx_id = request->tx_id};
    mreply_ok(&reply);
    memit(model, connection, &reply);
    send_event(model, connection, *at, path);
    model->group++;
    return 0;
}

static void drop(struct mwatch **at)
{
    struct mwatch *watch = *at;

    *at = watch->next;
    free(watch->path);
    free(watch->token);
    free(watch);
}

int mwatch_remove(struct mconnection *connection, const struct wire_message *request)
{
    const char *strings[2];
    char path[MODEL_PATH];

    if (mstrings(request, strings, 2) != 2 ||
        !mcanonical(connection->domain, strings[0], true, path))
        return EINVAL;
    struct mwatch **at = find(connection, path, strings[1]);
    if (*at == NULL)
        return ENOENT;
    drop(at);
    return 0;
}

void mwatch_clear(struct mconnection *connection)
{
    while (connection->watches != NULL)
        drop(&connection->watches);
}

void memit(struct model *model, struct mconnection *connection, struct wire_message *message)
{
    model->group++;
    model->emit(model->context, connection->number, model->group, message);
    model->group++;
}

void mreply_ok(struct wire_message *reply)
{
    reply->length = 0;
    message_add_string(reply, "OK");
}
