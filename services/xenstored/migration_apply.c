/* SPDX-License-Identifier: ISC */
#include "loaded.h"

#include <errno.h>
#include <string.h>

#include "connection.h"
#include "domain.h"
#include "output.h"
#include "path.h"
#include "recorder.h"
#include "replace.h"
#include "watch.h"
#include "xenstored.h"

static void merge_limits(struct quota_limits *limits, const struct quota_limits *loaded)
{
    for (unsigned quota = 0; quota < QUOTA_COUNT; quota++)
        if (loaded->hard[quota] != QUOTA_INHERIT)
            limits->hard[quota] = loaded->hard[quota];
    if (loaded->soft_memory != QUOTA_INHERIT)
        limits->soft_memory = loaded->soft_memory;
}

static void apply_domains(struct migration_load *load)
{
    merge_limits(&load->xs->limits, &load->limits);
    for (const struct loaded_domain *loaded = load->domains; loaded; loaded = loaded->next) {
        int error;
        struct domain *domain = domain_get(load->xs, loaded->domid, &error);

        if (!domain)
            continue;
        merge_limits(&domain->limits, &loaded->limits);
        if (loaded->has_features)
            domain->features = loaded->features & XS_FEATURES;
    }
}

static struct connection *find_existing(const struct migration_load *load,
                                        const struct loaded_connection *loaded)
{
    struct domain *domain = domain_find(load->xs, loaded->domid);

    list_for_each (item, &load->xs->connections) {
        struct connection *connection = LIST_ENTRY(item, struct connection, all);

        if (connection->domain == domain && connection->remote_port == loaded->port)
            return connection;
    }
    return domain ? domain->connection : NULL;
}

/* Who acts for whom is known of a domain that is introduced already. */
static void restore_target(struct migration_load *load, struct loaded_connection *loaded)
{
    struct connection *connection = loaded->connection;
    int error;

    if (loaded->target == MIGRATION_NO_TARGET || !domain_get(load->xs, loaded->target, &error))
        return;
    connection->target = connection->subject.target = loaded->target;
}

/* The messages that were under way: what came of a request, and what waits for the client. */
static int restore_messages(struct migration_load *load, const struct loaded_connection *loaded)
{
    const uint8_t *at = loaded->data;
    uint32_t left = loaded->out_length;
    int error =
        at ? connection_resume_input(load->xs, loaded->connection, at, loaded->in_length) : 0;

    if (error || !at)
        return error;
    at += loaded->in_length;
    for (uint32_t part = loaded->partial; left && !error; part = 0) {
        struct xs_header header;

        if (!part && left >= sizeof(header)) {
            memcpy(&header, at, sizeof(header));
            part = header.length <= XS_PAYLOAD_MAX ? (uint32_t)sizeof(header) + header.length : 0;
        }
        if (!part || part > left)
            return -EINVAL;
        error = output_resume(load->xs, loaded->connection, at, part, part == loaded->partial);
        at += part;
        left -= part;
    }
    return error;
}

/* Go on with a ring that a predecessor has served, as it stands. */
static int take_over_connection(struct migration_load *load, struct loaded_connection *loaded)
{
    struct xenstored *xs = load->xs;
    struct domain *domain;
    int error = -EINVAL;

    if (!loaded->ring || !loaded->port)
        return error;
    domain = domain_get(xs, loaded->domid, &error);
    if (!domain)
        return error;
    error = xenstored_adopt(xs, loaded->domid, HV_GNTTAB_XENSTORE, loaded->port);
    if (error)
        return error;
    loaded->connection = domain->connection;
    restore_target(load, loaded);
    return restore_messages(load, loaded);
}

static void restore_connection(struct migration_load *load, struct loaded_connection *loaded)
{
    struct xenstored *xs = load->xs;

    if (load->take_over) {
        int error = take_over_connection(load, loaded);

        if (error) {
            log_write(xs->log, LOG_ERROR, "cannot take over the ring of domain %u: error %d",
                      loaded->domid, -error);
            load->result.connections_not_restored++;
        } else {
            load->result.connections++;
        }
        return;
    }

    if (loaded->ring)
        loaded->connection = find_existing(load, loaded);
    if (loaded->ring && !loaded->connection && !domain_unlimited(xs, loaded->domid) &&
        loaded->port && !domain_introduce(xs, loaded->domid, loaded->port)) {
        loaded->connection = domain_find(xs, loaded->domid)->connection;
        restore_target(load, loaded);
    }
    if (loaded->connection)
        load->result.connections++;
    else
        load->result.connections_not_restored++;
}

static void restore_watch(struct migration_load *load, const struct loaded_watch *loaded)
{
    struct xenstored *xs = load->xs;
    const char *text = loaded->text, *token = text + loaded->path_size;
    struct work work = {.tree = &xs->tree, .connection = loaded->connection->connection};
    int error = -ENOENT;

    list_init(&work.events);
    if (work.connection && path_canonical(text, work.connection->subject.domid, true, load->path))
        error = watch_add(xs, &work, load->path, token, loaded->depth,
                          text[0] != '/' && text[0] != '@');
    if (load->take_over)
        output_forget_events(xs, &work); /* the client has had it from our predecessor */
    else
        output_queue_events(xs, &work);
    if (error && error != -EEXIST)
        load->result.watches_not_restored++;
    else
        load->result.watches++;
}

int migration_load_finish(struct migration_load *load, struct migration_result *result)
{
    if (!load->error && load->stage != LOADED_END)
        load->error = loaded_problem(load, "it ends before its last record");
    if (!load->error && !load->root)
        load->error = loaded_problem(load, "it has no nodes");
    if (!load->error)
        load->error = replace_all(load->xs, &load->tree, &load->result.changed);
    if (load->error)
        return load->error;
    recorder_changed(load->xs);
    apply_domains(load);
    for (struct loaded_connection *at = load->connections; at; at = at->next)
        restore_connection(load, at);
    for (const struct loaded_watch *at = load->watches; at; at = at->next)
        restore_watch(load, at);
    *result = load->result;
    return 0;
}
