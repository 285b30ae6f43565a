/* SPDX-License-Identifier: ISC */
/**
 * @file monitor.h
 * The service as a struct: feeds, the engine, and what dom0 asks.
 *
 *     feed.c, feeds.c   --> monitor.c: frames from the switches' mirrors
 *     monitor.c         --> engine.h: flows, totals, alerts; capture.h: those who want the frames
 *     engine            --> ended.h: flows that have ended; alert_log.h: alerts
 *     control*.c        --> all of them, for dom0's tools
 *
 * Memory: the engine has all pages of the domain but for a share (MONITOR_ARENA_*) from which
 * everything else comes: logs, clients, feeds, captures, ended flows.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "common/service.h"

#include "alert_log.h"
#include "capture.h"
#include "ended.h"
#include "engine.h"
#include "feed.h"

/** Pages that are not the engine's: a quarter of the domain's, within these bounds. */
#define MONITOR_ARENA_MIN 768U  /**< 3 MiB */
#define MONITOR_ARENA_MAX 2048U /**< 8 MiB */

/** Frames that arrive may be so late, in nanoseconds: flows do not end before. */
#define MONITOR_LATENESS (250 * HV_MSEC)

/** So long after frames were lost the service calls itself degraded. */
#define MONITOR_LOSS_SHOWN (60 * HV_SEC)

/** So long a feed that was never connected counts as on its way. */
#define MONITOR_PATIENCE (5 * HV_SEC)

struct monitor {
    struct service *service;
    struct hv *hv;
    struct arena *arena;
    struct loop *loop;
    struct log *log;
    struct feeds feeds;
    struct engine *engine;
    struct engine_config config;
    void *memory; /**< the engine's, */
    size_t pages;
    struct ended *ended;
    struct captures *captures;
    struct alert_log *alerts;
    struct timer tick;
    uint64_t started;       /**< hv_now() */
    bool clock_told;        /**< that the wall clock was set back */
    uint64_t lost, lost_at; /**< by all feeds there were; hv_now() of the last time */
};

/**
 * What the service is to be made with: name, @version, handlers, statistics. @monitor: where
 * monitor_create() puts itself, and the functions find it; lives as long as the service.
 */
struct service_config monitor_service(struct hv *hv, const char *version, struct monitor **monitor);

/** Make it on @service, whose configuration is monitor_service()'s. NULL: no memory, or an option
 * that makes no sense; the cause is in the log. */
struct monitor *monitor_create(struct service *service);
/** Only tests end a service so. */
void monitor_destroy(struct monitor *monitor);

/** Now, in the wall clock that frames have. */
uint64_t monitor_time(const struct monitor *monitor);

#endif
