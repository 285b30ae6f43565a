/* SPDX-License-Identifier: ISC */
#include "xenstored.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <hv/time.h>

#include "connection.h"
#include "domain.h"
#include "history.h"
#include "migration.h"
#include "output.h"
#include "publish.h"
#include "recorder.h"
#include "recovery.h"
#include "remote.h"
#include "state.h"
#include "trace.h"
#include "watch.h"

/* Requests served before the ports are looked at again. */
#define STEP_REQUESTS 64U

/* What log lines are kept in, unless the configuration says otherwise. */
#define LOG_SIZE (32U * 1024)

/* How long to wait before cleaning up after a dead domain is tried again. */
#define CLEANUP_RETRY (100 * HV_MSEC)

/* The memory of the service, and in it the service itself. */
static struct xenstored *take_memory(struct hv *hv, const struct xenstored_config *config)
{
    unsigned pages = config->arena_pages;
    struct xenstored *xs;
    struct arena *arena;
    size_t largest;
    void *base;

    if (!pages) {
        size_t control = config->control ? remote_pages(config->clients) : 0;

        hv_page_count_free(hv, &largest);
        pages = largest > control ? (unsigned)(largest - control) : 0;
    }
    base = pages ? hv_page_alloc(hv, pages) : NULL;
    if (!base)
        return NULL;
    arena = arena_create(base, pages);
    xs = arena ? arena_zalloc(arena, sizeof(*xs)) : NULL;
    if (!xs) {
        if (arena)
            arena_destroy(arena);
        hv_page_free(hv, base, pages);
        return NULL;
    }
    xs->hv = hv;
    xs->arena = arena;
    xs->arena_base = base;
    xs->arena_pages = pages;
    return xs;
}

/* Give back what take_memory() took, @xs itself and all else in its arena included. */
static void give_memory(struct xenstored *xs)
{
    struct hv *hv = xs->hv;
    unsigned pages = xs->arena_pages;
    void *base = xs->arena_base;

    arena_destroy(xs->arena);
    hv_page_free(hv, base, pages);
}

/* Everybody may learn of released domains, as upstream has it since 4.22; nobody else of new ones.
 */
static int create_special(struct xenstored *xs)
{
    const struct perm release[] = {
        {.domid = xs->priv_domid},
        {.domid = PERM_DOMID_ANY, .rights = PERM_READ},
    };
    struct perms *perms = perms_intern(&xs->perms, release, 2);

    if (!perms)
        return -ENOMEM;
    tree_set_special(&xs->env, &xs->tree, SPECIAL_RELEASE, perms);
    perms_put(&xs->perms, perms);
    return 0;
}

static int create_log(struct xenstored *xs, size_t size)
{
    xs->log_size = size ? size : LOG_SIZE;
    xs->log_memory = arena_alloc(xs->arena, xs->log_size);
    if (!xs->log_memory)
        return -ENOMEM;
    xs->log = log_create(xs->hv, xs->log_memory, xs->log_size);
    return 0;
}

static int create_store(struct xenstored *xs)
{
    int error = tree_env_init(&xs->env, xs->arena, &xs->perms, &xs->key);

    if (error)
        return error;
    xs->env.account = domain_account;
    xs->env.account_context = xs;
    if (!domain_create(xs, xs->priv_domid))
        return -ENOMEM;
    error = watch_index_create(xs);
    if (!error)
        error = tree_create(&xs->env, &xs->tree, xs->priv_domid);
    if (!error)
        error = tree_create_node(&xs->env, &xs->tree, "/tool/xenstored", NULL, 0, false, 0);
    return error ? error : create_special(xs);
}

static uint32_t history_limit(const struct xenstored_config *config)
{
    if (config->no_history)
        return 0;
    return config->history ? config->history : HISTORY_DEFAULT;
}

static void handle_virq(struct loop_port *virq)
{
    domain_check_all(LIST_ENTRY(virq, struct xenstored, virq));
}

static int bind_virq(struct xenstored *xs)
{
    evtchn_port_t port;
    int error = hv_evtchn_bind_virq(xs->hv, HV_VIRQ_DOM_EXC, &port);

    if (!error)
        loop_port_add(&xs->loop, &xs->virq, port, handle_virq);
    return error;
}

static void unbind_virq(struct xenstored *xs)
{
    evtchn_port_t port = xs->virq.port;

    if (!port)
        return;
    loop_port_remove(&xs->loop, &xs->virq);
    hv_evtchn_close(xs->hv, port);
}

/* A host without a control plane is better off than one without XenStore. */
static void start_control(struct xenstored *xs, const struct xenstored_config *config)
{
    int error = publish_create(xs);

    if (!error)
        error = remote_create(xs, config->clients, config->version);
    if (error) {
        publish_destroy(xs);
        log_write(xs->log, LOG_ERROR, "no control clients can be served: error %d", -error);
    }
}

struct xenstored *xenstored_create(struct hv *hv, const struct xenstored_config *config)
{
    struct xenstored *xs = take_memory(hv, config);
    int error;

    if (!xs) {
        log_line(hv, "xenstored: not enough memory to start with");
        return NULL;
    }
    xs->priv_domid = config->priv_domid;
    xs->limits = quota_defaults;
    loop_init(&xs->loop, hv);
    list_init(&xs->domains);
    list_init(&xs->touched);
    list_init(&xs->connections);
    list_init(&xs->ready);
    list_init(&xs->stalled);
    list_init(&xs->unflushed);
    list_init(&xs->traces);
    hv_random(hv, &xs->key, sizeof(xs->key));
    hv_random(hv, &xs->answers, sizeof(xs->answers));
    perms_table_init(&xs->perms, xs->arena, &xs->key);
    list_init(&xs->history.versions);

    error = create_log(xs, config->log_size);
    if (!error)
        error = create_store(xs);
    if (!error && config->reserved)
        error = recorder_create(xs, config->reserved, config->reserved_pages);
    if (!error && !config->no_virq)
        error = bind_virq(xs);
    if (!error)
        history_create(xs, history_limit(config));
    if (error) {
        log_line(hv, "xenstored: cannot start: error %d", -error);
        give_memory(xs);
        return NULL;
    }
    if (config->control)
        start_control(xs, config);
    return xs;
}

void xenstored_sealed(struct xenstored *xs)
{
    remote_sealed(xs);
}

void xenstored_destroy(struct xenstored *xs)
{
    struct arena_usage usage;

    remote_destroy(xs);
    publish_destroy(xs);
    list_for_each_safe (item, after, &xs->connections)
        connection_destroy(xs, LIST_ENTRY(item, struct connection, all));
    history_destroy(xs);
    tree_release(&xs->env, &xs->tree);
    domain_destroy_all(xs);
    output_spare_drop(xs);
    recorder_destroy(xs);
    watch_index_destroy(xs);
    tree_env_destroy(&xs->env);
    unbind_virq(xs);
    arena_free(xs->arena, xs->log_memory, xs->log_size);
    /* So each test that ends a service shows that nothing it ever did has leaked. */
    arena_usage(xs->arena, &usage);
    HV_ASSERT(usage.bytes_used == arena_size_class(sizeof(*xs)));
    give_memory(xs);
}

void xenstored_forget_history(struct xenstored *xs)
{
    history_forget(xs);
}

static int attach(struct xenstored *xs, domid_t domid, grant_ref_t ref, evtchn_port_t remote_port,
                  bool adopt)
{
    struct domain *domain = domain_create(xs, domid);
    struct connection *connection;
    int error;

    if (!domain)
        return -ENOMEM;
    error = connection_create(xs, domain, ref, remote_port, &connection);
    if (error)
        return error;
    if (domain->introduced) {
        connection->extra = true;
    } else {
        domain->introduced = true;
        domain->connection = connection;
    }
    recorder_changed(xs);
    /* A client that wants to reconnect has said so to our predecessor. */
    if (!adopt) {
        recorder_sync(xs);
        hv_shared_write32(xs->hv, &connection->ring->connection, XS_CONNECTED);
    }
    connection->notify = true;
    connection_notify(xs, connection);
    /* What the client sent before it was attached raised no event here. */
    connection_wake(xs, connection);
    return 0;
}

int xenstored_attach(struct xenstored *xs, domid_t domid, grant_ref_t ref,
                     evtchn_port_t remote_port)
{
    return attach(xs, domid, ref, remote_port, false);
}

int xenstored_adopt(struct xenstored *xs, domid_t domid, grant_ref_t ref, evtchn_port_t remote_port)
{
    return attach(xs, domid, ref, remote_port, true);
}

static int load_state(struct xenstored *xs, struct migration_load *load, const void *state,
                      size_t size, struct migration_result *result)
{
    const char *problem;
    uint64_t offset;
    int error = migration_load_data(load, state, size);

    if (!error)
        error = migration_load_finish(load, result);
    problem = migration_load_problem(load, &offset);
    if (error && problem)
        log_write(xs->log, LOG_ERROR, "the predecessor's state: %s (record at byte %" PRIu64 ")",
                  problem, offset);
    return error;
}

static int take_over_stream(struct xenstored *xs, const void *state, size_t size)
{
    struct migration_load *load = migration_load_begin(xs);
    struct migration_result result = {0};
    int error;

    if (!load)
        return -ENOMEM;
    migration_load_take_over(load);
    error = load_state(xs, load, state, size, &result);
    migration_load_end(load);
    if (error)
        return error;
    log_write(xs->log, LOG_INFO,
              "taken over: %" PRIu64 " nodes, %" PRIu64 " rings (%" PRIu64 " not), %" PRIu64
              " watches (%" PRIu64 " not)",
              result.nodes, result.connections, result.connections_not_restored, result.watches,
              result.watches_not_restored);
    domain_check_all(xs);
    recorder_sync(xs);
    return 0;
}

static bool control_is_served(const struct xenstored *xs)
{
    const struct domain *control = domain_find(xs, xs->priv_domid);

    return control && control->connection && !control->connection->lost;
}

int xenstored_take_over(struct xenstored *xs, const void *state, size_t size)
{
    int error;

    if (recovery_recognizes(state, size))
        error = recovery_run(xs, state, size);
    else
        error = take_over_stream(xs, state, size);
    return error || control_is_served(xs) ? error : -EINVAL;
}
void xenstored_detach(struct xenstored *xs, domid_t domid, evtchn_port_t remote_port)
{
    list_for_each_safe (item, after, &xs->connections) {
        struct connection *connection = LIST_ENTRY(item, struct connection, all);
        struct domain *domain = connection->domain;

        if (domain->domid != domid || connection->remote_port != remote_port)
            continue;
        if (domain->connection == connection) {
            domain->connection = NULL;
            domain->introduced = false;
        }
        connection_destroy(xs, connection);
        recorder_changed(xs);
        recorder_sync(xs);
    }
}

/* A guest that signals without end must not keep the others from being served. */
static void take_events(struct xenstored *xs)
{
    evtchn_port_t port;

    for (unsigned i = 0; i < HV_EVTCHN_PORTS && (port = hv_evtchn_next(xs->hv)); i++)
        loop_dispatch(&xs->loop, port);
}

/* Let those go on whose time has come; the time of the next one, HV_NEVER if there is none. */
static uint64_t wake_stalled(struct xenstored *xs)
{
    uint64_t next = HV_NEVER, now;

    if (list_empty(&xs->stalled))
        return HV_NEVER;
    now = hv_now(xs->hv);
    list_for_each_safe (item, after, &xs->stalled) {
        struct connection *connection = LIST_ENTRY(item, struct connection, ready);

        if (connection->stalled_until <= now) {
            list_remove(&connection->ready);
            list_append(&xs->ready, &connection->ready);
        } else if (connection->stalled_until < next) {
            next = connection->stalled_until;
        }
    }
    return next;
}

static void flush_all(struct xenstored *xs)
{
    recorder_sync(xs);
    list_for_each_safe (item, after, &xs->unflushed) {
        struct connection *connection = LIST_ENTRY(item, struct connection, unflushed);

        connection_flush(xs, connection);
        connection_notify(xs, connection);
    }
}

int xenstored_watch(struct xenstored *xs, uint32_t seconds)
{
    return watchdog_start(&xs->watchdog, &xs->loop, seconds);
}

uint64_t xenstored_step(struct xenstored *xs)
{
    uint64_t deadline, next;
    bool more;

    take_events(xs);
    more = loop_timers(&xs->loop) == 0;
    if (xs->cleanup_pending)
        domain_check_all(xs);
    wake_stalled(xs);
    flush_all(xs); /* events of domains that died, and of what control clients asked for */

    for (unsigned served = 0; served < STEP_REQUESTS && !list_empty(&xs->ready); served++) {
        struct connection *connection =
            LIST_ENTRY(list_first(&xs->ready), struct connection, ready);

        list_remove(&connection->ready);
        if (connection_serve(xs, connection) && list_empty(&connection->ready))
            list_append(&xs->ready, &connection->ready);
        flush_all(xs);
    }
    if (xs->publisher) {
        publish_restore(xs);
        flush_all(xs);
    }
    if (xs->tracing)
        trace_wake(xs);

    deadline = wake_stalled(xs);
    next = loop_next(&xs->loop);
    if (more || !list_empty(&xs->ready))
        return 0;
    if (next < deadline)
        deadline = next;
    if (xs->cleanup_pending && hv_now(xs->hv) + CLEANUP_RETRY < deadline)
        deadline = hv_now(xs->hv) + CLEANUP_RETRY;
    return deadline;
}
