/* SPDX-License-Identifier: ISC */
#include "control.h"

#include <errno.h>
#include <stdio.h>

#include "settings.h"

struct monitor *control_monitor(void *context)
{
    const struct service *service = context;

    return *(struct monitor **)service->config->context;
}

const char *flow_end_name(unsigned end)
{
    static const char *const names[] = {
        [FLOW_IDLE] = "idle",     [FLOW_ACTIVE] = "active",   [FLOW_TCP_END] = "tcp-end",
        [FLOW_FORCED] = "forced", [FLOW_EVICTED] = "evicted",
    };

    return end < sizeof(names) / sizeof(names[0]) ? names[end] : NULL;
}

/* --- STATUS -------------------------------------------------------------------------------------
 */

/* A feed that does not come, though it has had the time; NULL: none. */
static const struct feed *missing_feed(const struct monitor *monitor)
{
    for (unsigned i = 0; i < FEEDS_MAX; i++) {
        const struct feed *feed = &monitor->feeds.feed[i];

        if (feed->state == FEED_BAD)
            return feed;
        if (feed->state == FEED_WAITING && hv_now(monitor->hv) - feed->missed >= MONITOR_PATIENCE)
            return feed;
    }
    return NULL;
}

/* What is wrong, if anything is. */
static bool complaint(const struct monitor *monitor, char *text, size_t size)
{
    const uint64_t now = hv_now(monitor->hv);
    const struct feed *feed = missing_feed(monitor);

    if (!feeds_wanted(&monitor->feeds) && now - monitor->started >= MONITOR_PATIENCE) {
        snprintf(text, size,
                 "no mirror feeds it: the rules of a switch need one with \"client\": \"monitor\"");
        return true;
    }
    if (feed && feed->state == FEED_BAD) {
        snprintf(text, size, "feed %u: %s", feed->number, feed->why);
        return true;
    }
    if (feed) {
        snprintf(text, size, "feed %u: no frames come of mirror %s of domain %u: %s", feed->number,
                 feed->mirror, feed->domid, feed->why ? feed->why : "XenStore does not answer");
        return true;
    }
    if (monitor->lost_at && now - monitor->lost_at < MONITOR_LOSS_SHOWN) {
        snprintf(text, size,
                 "frames are being lost (%llu so far): they come faster than they are looked at",
                 (unsigned long long)monitor->lost);
        return true;
    }
    return false;
}

enum control_health monitor_status(void *context, struct control_writer *reply)
{
    const struct monitor *monitor = control_monitor(context);
    struct engine_counters counters;
    char text[200];

    if (!monitor)
        return CONTROL_HEALTHY;
    engine_counters(monitor->engine, &counters);
    control_put_number(reply, CONTROL_F_COUNT, feeds_wanted(&monitor->feeds));
    control_put_number(reply, CONTROL_F_CONNECTED, feeds_connected(&monitor->feeds));
    control_put_number(reply, CONTROL_F_FLOWS, counters.flows_live);
    control_put_number(reply, CONTROL_F_FRAMES, counters.frames);
    if (!complaint(monitor, text, sizeof(text)))
        return CONTROL_HEALTHY;
    control_put_string(reply, CONTROL_F_TEXT, text);
    return CONTROL_DEGRADED;
}

/* --- SHOW ---------------------------------------------------------------------------------------
 */

static unsigned ports_of(const struct feed *feed)
{
    unsigned count = 0;

    for (unsigned i = 0; i < FEED_PORTS / 64; i++)
        count += (unsigned)__builtin_popcountll(feed->known[i]);
    return count;
}

static void put_feed(const struct feed *feed, struct control_writer *reply)
{
    const struct feeds *feeds = feed->feeds;

    control_open_group(reply, CONTROL_F_FEED);
    control_put_number(reply, CONTROL_F_SEQUENCE, feed->number);
    control_put_string(reply, CONTROL_F_STATE, feed_state_name(feed->state));
    if (feed->why)
        control_put_string(reply, CONTROL_F_TEXT, feed->why);
    if (feed->state >= FEED_WAITING) {
        control_put_string(reply, CONTROL_F_NAME, feed->mirror);
        control_put_number(reply, CONTROL_F_DOMID, feed->domid);
        control_put_number(reply, CONTROL_F_CONNECTED, feed->state == FEED_CONNECTED);
        control_put_number(reply, CONTROL_F_STARTED, feeds->clock + feed->since);
        control_put_number(reply, CONTROL_F_SNAP, feed->hello.snap);
        control_put_number(reply, CONTROL_F_PORTS, ports_of(feed));
        control_put_number(reply, CONTROL_F_FRAMES, feed->frames);
        control_put_number(reply, CONTROL_F_BYTES_IN, feed->bytes);
        control_put_number(reply, CONTROL_F_LOST, feed->lost);
        control_put_number(reply, CONTROL_F_CONNECTS, feed->connects);
        control_put_number(reply, CONTROL_F_BROKEN, feed->broken);
    }
    control_close_group(reply);
}

static void put_named(struct control_writer *reply, uint16_t group, uint16_t tag, const char *name,
                      uint64_t count)
{
    control_open_group(reply, group);
    control_put_string(reply, tag, name);
    control_put_number(reply, CONTROL_F_COUNT, count);
    control_close_group(reply);
}

static void put_engine(const struct monitor *monitor, struct control_writer *reply)
{
    struct engine_counters counters;

    engine_counters(monitor->engine, &counters);
    control_put_number(reply, CONTROL_F_FRAMES, counters.frames);
    control_put_number(reply, CONTROL_F_BYTES_IN, counters.bytes);
    control_put_number(reply, CONTROL_F_EGRESS_FRAMES, counters.copies);
    for (unsigned i = 0; i < DECODE_RESULTS; i++)
        put_named(reply, CONTROL_F_DECODED, CONTROL_F_NAME, decode_result_name(i),
                  counters.results[i]);
    control_put_number(reply, CONTROL_F_FRAGMENTS, counters.fragments);
    control_put_number(reply, CONTROL_F_FRAGMENTS_MATCHED, counters.fragments_matched);
    control_put_number(reply, CONTROL_F_FLOWS, counters.flows_live);
    control_put_number(reply, CONTROL_F_FLOWS_MAX, monitor->config.flows);
    control_put_number(reply, CONTROL_F_FLOWS_HIGHEST, counters.flows_highest);
    control_put_number(reply, CONTROL_F_FLOWS_CREATED, counters.flows_created);
    control_put_number(reply, CONTROL_F_FLOWS_REFUSED, counters.flows_refused);
    for (unsigned i = 0; i < sizeof(counters.flows_ended) / sizeof(uint64_t); i++)
        if (flow_end_name(i))
            put_named(reply, CONTROL_F_FLOWS_ENDED, CONTROL_F_REASON, flow_end_name(i),
                      counters.flows_ended[i]);
    control_put_number(reply, CONTROL_F_APPLICATIONS, counters.applications_live);
    control_put_number(reply, CONTROL_F_APPLICATIONS_REFUSED, counters.applications_refused);
    control_put_number(reply, CONTROL_F_ALERTS, counters.alerts);
    control_put_number(reply, CONTROL_F_SUPPRESSED, counters.alerts_suppressed);
}

static int control_show(void *context, struct control_request *request,
                        struct control_writer *reply)
{
    const struct monitor *monitor = control_monitor(context);
    struct captures_usage captures;

    (void)request;
    captures_usage(monitor->captures, &captures);
    control_put_number(reply, CONTROL_F_TIME, monitor_time(monitor));
    for (unsigned i = 0; i < FEEDS_MAX; i++)
        if (monitor->feeds.feed[i].state != FEED_NONE)
            put_feed(&monitor->feeds.feed[i], reply);
    control_put_number(reply, CONTROL_F_LOST, monitor->lost);
    put_engine(monitor, reply);
    control_put_number(reply, CONTROL_F_CAPTURES, captures.open);
    return 0;
}

/* --- the rest -----------------------------------------------------------------------------------
 */

static int control_ended(void *context, struct control_request *request,
                         struct control_writer *reply)
{
    (void)reply;
    return ended_handle(control_monitor(context)->ended, request);
}

static int control_capture(void *context, struct control_request *request,
                           struct control_writer *reply)
{
    (void)reply;
    return captures_handle(control_monitor(context)->captures, request);
}

static int control_alerts(void *context, struct control_request *request,
                          struct control_writer *reply)
{
    (void)reply;
    return alert_log_handle(control_monitor(context)->alerts, request);
}

static int control_limits(void *context, struct control_request *request,
                          struct control_writer *reply)
{
    (void)reply;
    return settings_handle_list(control_monitor(context), request);
}

static int control_set(void *context, struct control_request *request, struct control_writer *reply)
{
    (void)reply;
    return settings_handle_set(control_monitor(context), request);
}

const struct control_handler monitor_handlers[] = {
    {CONTROL_T_MONITOR_SHOW, control_show},       {CONTROL_T_MONITOR_PORTS, monitor_ports},
    {CONTROL_T_MONITOR_FLOWS, monitor_flows},     {CONTROL_T_MONITOR_ENDED, control_ended},
    {CONTROL_T_MONITOR_CAPTURE, control_capture}, {CONTROL_T_MONITOR_ALERTS, control_alerts},
    {CONTROL_T_MONITOR_LIMITS, control_limits},   {CONTROL_T_MONITOR_SET, control_set},
};
const unsigned monitor_handler_count = sizeof(monitor_handlers) / sizeof(monitor_handlers[0]);
