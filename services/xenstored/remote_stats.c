/* SPDX-License-Identifier: ISC */
#include "remote.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "domain.h"
#include "hold.h"
#include "recorder.h"
#include "watch.h"

/* --- counting -----------------------------------------------------------------------------------
 */

/* What hangs on the connections of one domain, or of all. */
struct load {
    uint64_t connections, watches, transactions, unread;
};

static void add_load(struct load *load, const struct connection *connection)
{
    load->connections++;
    load->watches += connection->watch_count;
    load->transactions += connection->transaction_count;
    load->unread += connection->output_bytes;
}

static struct load load_of(const struct xenstored *xs, const struct domain *domain)
{
    struct load load = {0};

    list_for_each (item, &xs->connections) {
        const struct connection *connection = LIST_ENTRY(item, struct connection, all);

        if (!domain || connection->domain == domain)
            add_load(&load, connection);
    }
    return load;
}

/* What is counted with each domain, of all that there are and ever were. */
struct total {
    uint64_t nodes, events, refused[QUOTA_COUNT];
};

static struct total total_of(const struct xenstored *xs)
{
    struct total total = {.events = xs->past_events};

    memcpy(total.refused, xs->past_refused, sizeof(total.refused));
    list_for_each (item, &xs->domains) {
        const struct domain *domain = LIST_ENTRY(item, struct domain, all);

        total.nodes += domain->usage.now[QUOTA_NODES];
        total.events += domain->events;
        for (unsigned quota = 0; quota < QUOTA_COUNT; quota++)
            total.refused[quota] += domain->usage.refused[quota];
    }
    return total;
}

static uint64_t refused_in_all(const struct domain *domain)
{
    uint64_t refused = 0;

    for (unsigned quota = 0; quota < QUOTA_COUNT; quota++)
        refused += domain->usage.refused[quota];
    return refused;
}

void remote_stats_status(struct xenstored *xs, struct control_writer *reply)
{
    const struct load load = load_of(xs, NULL);

    control_put_number(reply, CONTROL_F_NODES, total_of(xs).nodes);
    control_put_number(reply, CONTROL_F_WATCHES, load.watches);
    control_put_number(reply, CONTROL_F_CONNECTIONS, load.connections);
    control_put_number(reply, CONTROL_F_TRANSACTIONS, load.transactions);
}

/* --- statistics ---------------------------------------------------------------------------------
 */

struct description {
    const char *name, *help, *unit;
    bool counter;
};

static const struct description service_statistics[] = {
    {"store_requests", "requests of XenStore's clients", NULL, true},
    {"store_commits", "transactions that were committed", NULL, true},
    {"store_conflicts", "transactions that ended in EAGAIN", NULL, true},
    {"store_events", "watch events queued for clients", NULL, true},
    {"store_events_dropped", "watch events dropped: no memory, over quota, too long", NULL, true},
    {"store_domains", "domains that XenStore knows", NULL, false},
    {"store_connections", "rings that are served", NULL, false},
    {"store_nodes", "nodes in the tree", NULL, false},
    {"store_watches", "watches registered", NULL, false},
    {"store_watched_paths", "different paths that are watched", NULL, false},
    {"store_transactions", "transactions that are open", NULL, false},
    {"store_permission_lists", "different permission lists in use", NULL, false},
    {"store_unread", "messages that clients have not read", "bytes", false},
    {"store_memory_objects", "objects in memory; less than the pages they are in", "bytes", false},
    {"store_allocation_failures", "times that memory was short", NULL, true},
    {"store_traces", "traces under way", NULL, false},
    {"store_journal_size", "pages reserved for the journal, in bytes; 0: there is none", "bytes",
     false},
    {"store_journal_used", "of the half of the journal that is in force", "bytes", false},
    {"store_journal_frames", "changes written into the journal", NULL, true},
    {"store_journal_checkpoints", "times that the whole state was written into it", NULL, true},
    {"store_journal_off", "1: the store does not fit into its journal; a death would lose it", NULL,
     false},
};

#define SERVICE_STATISTICS (sizeof(service_statistics) / sizeof(service_statistics[0]))

static void service_values(struct xenstored *xs, uint64_t values[SERVICE_STATISTICS])
{
    const struct load load = load_of(xs, NULL);
    const struct total total = total_of(xs);
    size_t watches, points, buckets;
    struct recorder_usage journal;
    struct arena_usage usage;

    watch_stats(xs, &watches, &points, &buckets);
    arena_usage(xs->arena, &usage);
    recorder_usage(xs, &journal);
    const uint64_t all[SERVICE_STATISTICS] = {
        xs->requests,       xs->commits,
        xs->conflicts,      total.events,
        xs->events_dropped, xs->domain_count,
        load.connections,   total.nodes,
        load.watches,       points,
        load.transactions,  xs->perms.count,
        load.unread,        usage.bytes_used,
        usage.failures,     xs->tracing - (xs->log_requests ? 1U : 0U),
        journal.size,       journal.used,
        journal.frames,     journal.checkpoints,
        journal.off,
    };
    memcpy(values, all, sizeof(all));
}

static const struct description domain_statistics[] = {
    {"domain_requests", "requests of the domain", NULL, true},
    {"domain_events", "watch events queued for the domain", NULL, true},
    {"domain_events_dropped", "watch events for the domain that were dropped", NULL, true},
    {"domain_conflicts_met", "its transactions that ended in EAGAIN", NULL, true},
    {"domain_conflicts_caused", "transactions of others that failed for its changes", NULL, true},
    {"domain_refused", "requests and events refused for one of its quotas", NULL, true},
    {"domain_nodes", "nodes that the domain owns", NULL, false},
    {"domain_memory", "memory that counts against the domain", "bytes", false},
    {"domain_watches", "watches of the domain", NULL, false},
    {"domain_transactions", "transactions that the domain has open", NULL, false},
};

#define DOMAIN_STATISTICS (sizeof(domain_statistics) / sizeof(domain_statistics[0]))

static void domain_values(const struct xenstored *xs, const struct domain *domain,
                          uint64_t values[DOMAIN_STATISTICS])
{
    const struct load load = load_of(xs, domain);
    const uint64_t all[DOMAIN_STATISTICS] = {
        domain->requests,
        domain->events,
        domain->events_dropped,
        domain->conflicts_met,
        domain->conflicts_caused,
        refused_in_all(domain),
        domain->usage.now[QUOTA_NODES],
        domain->usage.now[QUOTA_MEMORY],
        load.watches,
        load.transactions,
    };

    memcpy(values, all, sizeof(all));
}

static const struct domain *nth_domain(const struct xenstored *xs, unsigned n)
{
    list_for_each (item, &xs->domains)
        if (n-- == 0)
            return LIST_ENTRY(item, struct domain, all);
    return NULL;
}

/* First those of the service, then refusals by quota, then those of each domain. */
static unsigned statistics(const struct xenstored *xs)
{
    return SERVICE_STATISTICS + QUOTA_COUNT + xs->domain_count * DOMAIN_STATISTICS;
}

static void open_described(struct control_writer *item, const struct description *about,
                           uint64_t value)
{
    control_statistic_open(item, about->name, about->help, about->unit, about->counter, value);
}

static void statistic(struct xenstored *xs, unsigned index, struct control_writer *item)
{
    uint64_t values[SERVICE_STATISTICS + DOMAIN_STATISTICS];
    const struct domain *domain;

    if (index < SERVICE_STATISTICS) {
        service_values(xs, values);
        open_described(item, &service_statistics[index], values[index]);
        control_close_group(item);
        return;
    }
    index -= SERVICE_STATISTICS;
    if (index < QUOTA_COUNT) {
        control_statistic_open(item, "store_refused", "requests and events refused for a quota",
                               NULL, true, total_of(xs).refused[index]);
        control_label(item, "quota", "%s", quota_name(index));
        control_close_group(item);
        return;
    }
    index -= QUOTA_COUNT;
    domain = nth_domain(xs, index / DOMAIN_STATISTICS);
    domain_values(xs, domain, values);
    index %= DOMAIN_STATISTICS;
    open_described(item, &domain_statistics[index], values[index]);
    control_label(item, "domid", "%u", domain->domid);
    control_close_group(item);
}

/* --- STORE_STATS --------------------------------------------------------------------------------
 */

struct stats_stream {
    struct control_stream stream;
    struct xenstored *xs;
    uint32_t next, last; /* domids */
};

static void put_name(struct xenstored *xs, const struct domain *domain, struct control_writer *item)
{
    char path[40];
    const struct node *node;

    snprintf(path, sizeof(path), "/local/domain/%u/name", domain->domid);
    node = tree_lookup(&xs->env, &xs->tree, path);
    if (node && node->value_length)
        remote_put_text(item, CONTROL_F_NAME, node_value(node), node->value_length);
}

static void put_quota(const struct xenstored *xs, const struct domain *domain, enum quota quota,
                      struct control_writer *item)
{
    control_open_group(item, CONTROL_F_QUOTA);
    control_put_string(item, CONTROL_F_NAME, quota_name(quota));
    control_put_number(item, CONTROL_F_VALUE, domain_limit(xs, domain, quota));
    control_put_number(item, CONTROL_F_USED, domain->usage.now[quota]);
    control_put_number(item, CONTROL_F_HIGHEST, domain->usage.max[quota]);
    control_put_number(item, CONTROL_F_REFUSED, domain->usage.refused[quota]);
    control_close_group(item);
}

static void put_domain(struct xenstored *xs, const struct domain *domain,
                       struct control_writer *item)
{
    const struct load load = load_of(xs, domain);

    control_put_number(item, CONTROL_F_DOMID, domain->domid);
    put_name(xs, domain, item);
    control_put_number(item, CONTROL_F_NODES, domain->usage.now[QUOTA_NODES]);
    control_put_number(item, CONTROL_F_MEMORY_USED, domain->usage.now[QUOTA_MEMORY]);
    control_put_number(item, CONTROL_F_CONNECTIONS, load.connections);
    control_put_number(item, CONTROL_F_WATCHES, load.watches);
    control_put_number(item, CONTROL_F_TRANSACTIONS, load.transactions);
    control_put_number(item, CONTROL_F_REQUESTS, domain->requests);
    control_put_number(item, CONTROL_F_EVENTS, domain->events);
    control_put_number(item, CONTROL_F_EVENTS_DROPPED, domain->events_dropped);
    control_put_number(item, CONTROL_F_CONFLICTS_MET, domain->conflicts_met);
    control_put_number(item, CONTROL_F_CONFLICTS_CAUSED, domain->conflicts_caused);
    if (domain->hold)
        control_put_number(item, CONTROL_F_HOLD, domain->hold);
    if (domain->held_until)
        control_put_number(item, CONTROL_F_HELD, hold_left(xs, domain));
    for (unsigned quota = 0; quota < QUOTA_COUNT; quota++)
        put_quota(xs, domain, quota, item);
}

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct stats_stream *stats = LIST_ENTRY(stream, struct stats_stream, stream);
    const struct domain *domain = domain_from(stats->xs, stats->next);

    if (!domain || domain->domid > stats->last)
        return CONTROL_FILL_END;
    put_domain(stats->xs, domain, item);
    stats->next = domain->domid + 1U;
    return CONTROL_FILL_FRAME;
}

static void release(struct control_stream *stream)
{
    struct stats_stream *stats = LIST_ENTRY(stream, struct stats_stream, stream);

    arena_free(stats->xs->arena, stats, sizeof(*stats));
}

static int handle_stats(void *context, struct control_request *request,
                        struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    struct xenstored *xs = remote_xs(context);
    struct stats_stream *stats;
    struct domain *domain;
    int error = remote_domain(xs, request, &domain);

    if (error)
        return error;
    stats = arena_zalloc(xs->arena, sizeof(*stats));
    if (!stats)
        return -ENOMEM;
    stats->xs = xs;
    stats->next = domain ? domain->domid : 0;
    stats->last = domain ? domain->domid : HV_DOMID_FIRST_RESERVED;
    error = control_stream_start(request, &stats->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    arena_free(xs->arena, stats, sizeof(*stats));
    return error;
}

static const struct control_handler handlers[] = {{CONTROL_T_STORE_STATS, handle_stats}};

const struct remote_part remote_stats = {
    .handlers = handlers,
    .handler_count = sizeof(handlers) / sizeof(handlers[0]),
    .statistics = statistics,
    .statistic = statistic,
};
