/* SPDX-License-Identifier: ISC */
#include "monitor.h"

#include <string.h>

#include "control.h"
#include "settings.h"

#define TICK HV_SEC
/* Pages that nobody takes, for what the platform may want. */
#define PAGES_LEFT 16U
/* The least that an engine is worth having with. */
#define PAGES_MIN 64U
/* A wall clock that parts from ours by more than that was set. */
#define CLOCK_SET (2 * HV_SEC)
/* Of the ring that control clients read: captures and lists of flows go through it. */
#define RING_ORDER 15U
/* The fewest that the engine has a table for. */
#define FLOWS_MIN 16U
/* For records of flows that have ended. */
#define ENDED_MAX (1U << 20)
#define ENDED_MIN (16U << 10)

/* --- memory -------------------------------------------------------------------------------------
 */

/* All but the share that is not the engine's. */
static unsigned engine_pages(struct hv *hv)
{
    size_t largest, share;

    hv_page_count_free(hv, &largest);
    share = largest / 4;
    if (share < MONITOR_ARENA_MIN)
        share = MONITOR_ARENA_MIN;
    if (share > MONITOR_ARENA_MAX)
        share = MONITOR_ARENA_MAX;
    return largest > share + PAGES_LEFT ? (unsigned)(largest - share) : 0;
}

struct service_config monitor_service(struct hv *hv, const char *version, struct monitor **monitor)
{
    return (struct service_config){
        .name = "monitor",
        .version = version,
        .spare_pages = engine_pages(hv),
        .ring_order = RING_ORDER,
        .context = monitor,
        .handlers = monitor_handlers,
        .handler_count = monitor_handler_count,
        .status = monitor_status,
        .statistic = monitor_statistic,
    };
}

/* --- what comes ---------------------------------------------------------------------------------
 */

uint64_t monitor_time(const struct monitor *monitor)
{
    return monitor->feeds.clock + hv_now(monitor->hv);
}

static void port(void *context, uint16_t number, const struct engine_identity *identity)
{
    struct monitor *monitor = context;

    captures_port(monitor->captures, number, !identity);
    engine_port(monitor->engine, number, identity);
}

static void frames(void *context, const struct feed_burst *burst)
{
    struct monitor *monitor = context;

    engine_frames(monitor->engine, burst->frame, burst->count);
    if (captures_any(monitor->captures))
        captures_frames(monitor->captures, burst);
}

static void lost(void *context, const struct feed *feed, uint64_t count)
{
    struct monitor *monitor = context;

    if (!monitor->lost_at || hv_now(monitor->hv) - monitor->lost_at >= MONITOR_LOSS_SHOWN)
        log_write(monitor->log, LOG_WARNING,
                  "feed %u: mirror %s of domain %u: %llu frames were lost: they come faster than "
                  "they are looked at",
                  feed->number, feed->mirror, feed->domid, (unsigned long long)count);
    monitor->lost = monitor->lost + count < count ? UINT64_MAX : monitor->lost + count;
    monitor->lost_at = hv_now(monitor->hv);
    captures_lost(monitor->captures, count);
}

static void flow_ended(void *context, const struct flow *flow)
{
    const struct monitor *monitor = context;

    ended_add(monitor->ended, monitor->engine, flow);
}

static void alert(void *context, const struct alert *raised)
{
    const struct monitor *monitor = context;

    alert_log_add(monitor->alerts, monitor->engine, raised);
}

/* --- time ---------------------------------------------------------------------------------------
 */

/* Our clock goes on evenly from the wall clock at the start. It follows one that was set forward;
 * back it cannot go, as flows would end before they began. */
static void watch_clock(struct monitor *monitor)
{
    const uint64_t wall = hv_wallclock(monitor->hv) - hv_now(monitor->hv);
    uint64_t *clock = &monitor->feeds.clock;

    if (wall > *clock + CLOCK_SET) {
        log_write(monitor->log, LOG_NOTICE, "the host's clock was set forward by %llu s",
                  (unsigned long long)((wall - *clock) / HV_SEC));
        *clock = wall;
        monitor->clock_told = false;
    } else if (wall + CLOCK_SET < *clock && !monitor->clock_told) {
        log_write(monitor->log, LOG_WARNING,
                  "the host's clock was set back by %llu s: times are ahead of it by that much "
                  "until the monitor is started anew",
                  (unsigned long long)((*clock - wall) / HV_SEC));
        monitor->clock_told = true;
    }
}

static void tick(struct timer *timer)
{
    struct monitor *monitor = LIST_ENTRY(timer, struct monitor, tick);
    uint64_t now = hv_now(monitor->hv);

    watch_clock(monitor);
    if (!engine_time(monitor->engine, monitor_time(monitor) - MONITOR_LATENESS))
        now += TICK;
    timer_set(monitor->loop, timer, now);
}

/* --- life ---------------------------------------------------------------------------------------
 */

static bool create_engine(struct monitor *monitor)
{
    struct engine_config *config = &monitor->config;
    size_t largest;
    uint32_t flows;

    hv_page_count_free(monitor->hv, &largest);
    if (largest < PAGES_MIN + PAGES_LEFT) {
        log_write(monitor->log, LOG_ERROR, "not enough memory for a table of flows");
        return false;
    }
    monitor->pages = largest - PAGES_LEFT;
    engine_defaults(config, monitor->pages * HV_PAGE_SIZE);
    if (service_option(monitor->hv, "flows", 1U << 24, &flows)) {
        config->flows = flows;
        if (config->applications > flows)
            config->applications = flows;
    }
    if (!settings_options(monitor->hv, monitor->log, config))
        return false;
    hv_random(monitor->hv, &config->key, sizeof(config->key));
    config->ended = flow_ended;
    config->alert = alert;
    config->context = monitor;
    if (engine_size(config) > monitor->pages * HV_PAGE_SIZE) {
        log_write(monitor->log, LOG_ERROR,
                  "a table of %u flows takes %zu KiB, and %zu KiB are there for it: the domain "
                  "needs more memory, or flows= fewer of them",
                  config->flows < FLOWS_MIN ? FLOWS_MIN : config->flows, engine_size(config) / 1024,
                  monitor->pages * (HV_PAGE_SIZE / 1024));
        return false;
    }
    monitor->memory = hv_page_alloc(monitor->hv, (unsigned)monitor->pages);
    if (monitor->memory)
        monitor->engine =
            engine_create(monitor->memory, monitor->pages * HV_PAGE_SIZE, &monitor->config);
    if (!monitor->engine)
        log_write(monitor->log, LOG_ERROR, "not enough memory for a table of flows");
    return monitor->engine;
}

static bool create_parts(struct monitor *monitor)
{
    size_t bytes = arena_bytes_free(monitor->arena) / 6;

    bytes = bytes < ENDED_MIN ? ENDED_MIN : bytes > ENDED_MAX ? ENDED_MAX : bytes;
    monitor->ended = ended_create(monitor->arena, bytes);
    monitor->alerts = alert_log_create(monitor->arena, monitor->log);
    monitor->captures = captures_create(monitor->arena, monitor->engine, &monitor->feeds.clock);
    if (monitor->ended && monitor->alerts && monitor->captures)
        return true;
    log_write(monitor->log, LOG_ERROR, "not enough memory for a monitor");
    return false;
}

static bool create_feeds(struct monitor *monitor)
{
    const struct feed_sink sink = {
        .context = monitor, .port = port, .frames = frames, .lost = lost};
    int error;

    if (!monitor->service->store) /* then nobody can reach it either */
        return true;
    error = feeds_create(&monitor->feeds, monitor->hv, monitor->loop, monitor->arena,
                         monitor->service->store, monitor->log, &sink);
    if (error)
        log_write(monitor->log, LOG_ERROR, "cannot watch for feeds (error %d)", -error);
    return !error;
}

struct monitor *monitor_create(struct service *service)
{
    struct monitor *monitor = arena_zalloc(service->arena, sizeof(*monitor));

    if (!monitor) {
        log_write(service->log, LOG_ERROR, "not enough memory for a monitor");
        return NULL;
    }
    monitor->service = service;
    monitor->hv = service->hv;
    monitor->arena = service->arena;
    monitor->loop = &service->loop;
    monitor->log = service->log;
    monitor->started = hv_now(service->hv);
    monitor->feeds.clock = hv_wallclock(service->hv) - hv_now(service->hv);
    timer_init(&monitor->tick, tick);
    *(struct monitor **)service->config->context = monitor;
    if (!create_engine(monitor) || !create_parts(monitor) || !create_feeds(monitor)) {
        monitor_destroy(monitor);
        return NULL;
    }
    timer_set(monitor->loop, &monitor->tick, hv_now(monitor->hv) + TICK);
    log_write(monitor->log, LOG_NOTICE, "a table of %u flows", monitor->config.flows);
    return monitor;
}

void monitor_destroy(struct monitor *monitor)
{
    struct arena *arena = monitor->arena;

    /* Clients first: their streams look at what goes now. */
    if (monitor->service->control)
        control_server_destroy(monitor->service->control);
    monitor->service->control = NULL;
    timer_cancel(&monitor->tick);
    if (monitor->feeds.hv)
        feeds_destroy(&monitor->feeds);
    if (monitor->captures)
        captures_destroy(monitor->captures);
    if (monitor->alerts)
        alert_log_destroy(monitor->alerts);
    if (monitor->ended)
        ended_destroy(monitor->ended);
    if (monitor->memory)
        hv_page_free(monitor->hv, monitor->memory, (unsigned)monitor->pages);
    *(struct monitor **)monitor->service->config->context = NULL;
    arena_free(arena, monitor, sizeof(*monitor));
}
