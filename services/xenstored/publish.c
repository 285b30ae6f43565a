/* SPDX-License-Identifier: ISC */
#include "publish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <hv/time.h>

#include "domain.h"
#include "history.h"
#include "output.h"
#include "recorder.h"
#include "request.h"
#include "transaction.h"
#include "watch.h"

/* When to try again to put nodes back that memory was short for. */
#define RESTORE_RETRY (100 * HV_MSEC)

/* A client's directory with what is published in it: the nodes, in this order. */
#define NODES 3U

struct publisher {
    struct rendezvous rendezvous;
    struct xenstored *xs;
    /*
     * A client without a ring, in the name of whose domain the nodes are written and that watches
     * them. It counts as broken, so that events for it stay in its queue.
     */
    struct connection self;
    bool active;
    bool suspect; /* an event was dropped: it must be looked */
    struct timer retry;
    domid_t client;
    char path[RENDEZVOUS_PATH_MAX];
    char ring_ref[12], port[12];
};

/* One of the nodes, as it should be. */
static void node_wanted(const struct publisher *publisher, unsigned index,
                        char path[RENDEZVOUS_PATH_MAX + 16], const char **value)
{
    static const char *const names[NODES] = {"", "/ring-ref", "/event-channel"};
    const char *const values[NODES] = {NULL, publisher->ring_ref, publisher->port};

    snprintf(path, RENDEZVOUS_PATH_MAX + 16, "%s%s", publisher->path, names[index]);
    *value = values[index];
}

static bool value_differs(const struct node *node, const char *value)
{
    if (!node)
        return true;
    return value && (node->value_length != strlen(value) ||
                     memcmp(node_value(node), value, node->value_length) != 0);
}

static bool perms_differ(const struct publisher *publisher, const struct node *node)
{
    const struct perm wanted[] = {
        {.domid = publisher->self.subject.domid},
        {.domid = publisher->client, .rights = PERM_READ},
    };

    return !node || node->perms->count != 2 ||
           memcmp(node->perms->list, wanted, sizeof(wanted)) != 0;
}

static const struct node *find(const struct xenstored *xs, const char *path)
{
    return tree_lookup(&xs->env, xs->work ? xs->work->tree : &xs->tree, path);
}

static bool all_there(const struct publisher *publisher)
{
    char path[RENDEZVOUS_PATH_MAX + 16];
    const char *value;

    for (unsigned i = 0; i < NODES; i++) {
        const struct node *node;

        node_wanted(publisher, i, path, &value);
        node = find(publisher->xs, path);
        if (value_differs(node, value) || perms_differ(publisher, node))
            return false;
    }
    return true;
}

/* A request of the service's own. False: for lack of memory; nothing else stands in its way. */
static bool request(struct xenstored *xs, struct attempt *attempt, uint32_t type,
                    const char *payload, size_t length)
{
    request_replay(xs, &attempt->work, type, payload, length, &xs->replayed);
    return xs->replayed.type != XS_ERROR;
}

static bool write_node(struct publisher *publisher, struct attempt *attempt, const char *path,
                       const char *value)
{
    char payload[RENDEZVOUS_PATH_MAX + 64];
    size_t size = strlen(path) + 1;

    memcpy(payload, path, size);
    if (value_differs(find(publisher->xs, path), value)) {
        size_t length = value ? strlen(value) : 0;

        if (value)
            memcpy(payload + size, value, length + 1);
        if (!request(publisher->xs, attempt, value ? XS_WRITE : XS_MKDIR, payload, size + length))
            return false;
    }
    if (!perms_differ(publisher, find(publisher->xs, path)))
        return true;
    size += (size_t)snprintf(payload + size, 16, "n%u", publisher->self.subject.domid) + 1;
    size += (size_t)snprintf(payload + size, 16, "r%u", publisher->client) + 1;
    return request(publisher->xs, attempt, XS_SET_PERMS, payload, size);
}

static void queue_events(struct xenstored *xs, struct attempt *attempt)
{
    struct work work = {.tree = &xs->tree};

    list_init(&work.events);
    attempt_commit(xs, attempt, &work);
    history_commit(xs, HISTORY_SERVICE, hv_domid(xs->hv), 0);
    output_queue_events(xs, &work);
}

static int write_nodes(struct publisher *publisher)
{
    struct xenstored *xs = publisher->xs;
    struct attempt attempt;
    char path[RENDEZVOUS_PATH_MAX + 16];
    const char *value;

    /* The nodes themselves are in no journal, but what is made above them is. */
    if (!tree_lookup_parent(&xs->env, &xs->tree, publisher->path))
        recorder_changed(xs);
    attempt_begin(xs, &attempt, &publisher->self);
    for (unsigned i = 0; i < NODES; i++) {
        node_wanted(publisher, i, path, &value);
        if (!write_node(publisher, &attempt, path, value)) {
            attempt_abandon(xs, &attempt);
            return -ENOMEM;
        }
    }
    queue_events(xs, &attempt);
    /* All is as it should be, whatever the events say that are still there. */
    output_drop_all(xs, &publisher->self);
    return 0;
}

static void restore(struct publisher *publisher)
{
    struct xenstored *xs = publisher->xs;

    if (!publisher->active || all_there(publisher))
        return;
    if (write_nodes(publisher))
        timer_set(&xs->loop, &publisher->retry, hv_now(xs->hv) + RESTORE_RETRY);
    else
        log_write(xs->log, LOG_NOTICE, "put back what was removed or changed in %s",
                  publisher->path);
}

static void retry(struct timer *timer)
{
    restore(LIST_ENTRY(timer, struct publisher, retry));
}

/* Learn of what others do to the nodes; the watch's first event says nothing. */
static int watch_nodes(struct publisher *publisher)
{
    struct work work = {.tree = &publisher->xs->tree, .connection = &publisher->self};
    int error;

    list_init(&work.events);
    error = watch_add(publisher->xs, &work, publisher->path, "published", WATCH_ANY_DEPTH, false);
    output_forget_events(publisher->xs, &work);
    return error;
}

static struct publisher *publisher_of(struct rendezvous *rendezvous)
{
    return LIST_ENTRY(rendezvous, struct publisher, rendezvous);
}

static void withdraw(struct rendezvous *rendezvous, const char *path)
{
    struct publisher *publisher = publisher_of(rendezvous);
    struct xenstored *xs = publisher->xs;
    struct attempt attempt;

    if (!publisher->active || strcmp(publisher->path, path) != 0)
        return;
    publisher->active = false;
    timer_cancel(&publisher->retry);
    watch_remove_all(xs, &publisher->self);
    output_drop_all(xs, &publisher->self);
    attempt_begin(xs, &attempt, &publisher->self);
    request(xs, &attempt, XS_RM, path, strlen(path) + 1);
    queue_events(xs, &attempt);
}

static int publish(struct rendezvous *rendezvous, const char *path, domid_t client,
                   grant_ref_t ring_ref, evtchn_port_t port, rendezvous_done_fn *done,
                   void *context)
{
    struct publisher *publisher = publisher_of(rendezvous);
    bool again = publisher->active;
    int error = 0;

    if (strlen(path) >= sizeof(publisher->path) || (again && strcmp(publisher->path, path) != 0))
        return -EINVAL;
    strcpy(publisher->path, path);
    publisher->client = client;
    snprintf(publisher->ring_ref, sizeof(publisher->ring_ref), "%u", ring_ref);
    snprintf(publisher->port, sizeof(publisher->port), "%u", port);
    if (!again)
        error = watch_nodes(publisher);
    if (!error)
        error = write_nodes(publisher);
    if (error) {
        if (!again)
            watch_remove_all(publisher->xs, &publisher->self);
        return error;
    }
    publisher->active = true;
    timer_cancel(&publisher->retry);
    done(context, 0);
    return 0;
}

static void forget(struct rendezvous *rendezvous, void *context)
{
    /* Nobody ever waits: publish() is done when it returns. */
}

int publish_create(struct xenstored *xs)
{
    domid_t own = hv_domid(xs->hv);
    struct domain *domain = domain_create(xs, own);
    struct publisher *publisher = domain ? arena_zalloc(xs->arena, sizeof(*publisher)) : NULL;
    struct connection *self;

    if (!publisher)
        return -ENOMEM;
    publisher->xs = xs;
    publisher->rendezvous = (struct rendezvous){publish, withdraw, forget};
    timer_init(&publisher->retry, retry);
    self = &publisher->self;
    self->xs = xs;
    self->domain = domain;
    self->target = own;
    self->subject = (struct subject){.domid = own, .target = own, .privileged = true};
    self->broken = true;
    list_init(&self->all);
    list_init(&self->ready);
    list_init(&self->unflushed);
    list_init(&self->output);
    list_init(&self->watches);
    list_init(&self->transactions);
    xs->publisher = publisher;
    return 0;
}

void publish_destroy(struct xenstored *xs)
{
    struct publisher *publisher = xs->publisher;

    if (!publisher)
        return;
    timer_cancel(&publisher->retry);
    watch_remove_all(xs, &publisher->self);
    output_drop_all(xs, &publisher->self);
    list_remove(&publisher->self.unflushed);
    arena_free(xs->arena, publisher, sizeof(*publisher));
    xs->publisher = NULL;
}

struct rendezvous *publish_rendezvous(struct xenstored *xs)
{
    return &xs->publisher->rendezvous;
}

void publish_restore(struct xenstored *xs)
{
    struct publisher *publisher = xs->publisher;

    if (list_empty(&publisher->self.output) && !publisher->suspect)
        return;
    output_drop_all(xs, &publisher->self);
    publisher->suspect = false;
    restore(publisher);
}

void publish_look(struct xenstored *xs)
{
    xs->publisher->suspect = true;
}

void publish_event_dropped(struct xenstored *xs, const struct connection *connection)
{
    if (xs->publisher && connection == &xs->publisher->self)
        xs->publisher->suspect = true;
}
