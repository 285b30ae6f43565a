/* SPDX-License-Identifier: ISC */
/* What the monitor adds to STATS; names as Prometheus likes them. */
#include "control.h"

struct description {
    const char *name, *help, *unit;
    bool counter;
};

static void open_group(struct control_writer *item, const struct description *about, uint64_t value)
{
    control_statistic_open(item, about->name, about->help, about->unit, about->counter, value);
}

/* --- of the service -----------------------------------------------------------------------------
 */

static const struct description service_statistics[] = {
    {"monitor_feeds", "mirrors that are to feed it", NULL, false},
    {"monitor_feeds_connected", "of these, connected", NULL, false},
    {"monitor_frames_lost", "frames that were lost before they could be looked at", NULL, true},
    {"monitor_frames", "frames that were looked at", NULL, true},
    {"monitor_bytes", "bytes of them, as on the wire", "bytes", true},
    {"monitor_egress_frames", "frames seen again on their way out, not counted twice", NULL, true},
    {"monitor_fragments", "later fragments of datagrams", NULL, true},
    {"monitor_fragments_matched", "of these, of known flows", NULL, true},
    {"monitor_flows", "flows that go on", NULL, false},
    {"monitor_flows_max", "flows that the table has room for", NULL, false},
    {"monitor_flows_highest", "the most flows there were at a time", NULL, false},
    {"monitor_flows_created", "flows that have begun", NULL, true},
    {"monitor_flows_refused", "frames of flows that found no place", NULL, true},
    {"monitor_applications", "flows that have names", NULL, false},
    {"monitor_applications_refused", "flows whose names found no place", NULL, true},
    {"monitor_alerts", "alerts", NULL, true},
    {"monitor_alerts_suppressed", "alerts that were told of a short while before", NULL, true},
    {"monitor_identities_refused", "changes of ports that found no place", NULL, true},
    {"monitor_captures", "captures under way", NULL, false},
    {"monitor_captures_begun", "captures so far", NULL, true},
    {"monitor_capture_frames", "frames captured", NULL, true},
    {"monitor_capture_bytes", "bytes captured", "bytes", true},
    {"monitor_capture_lost", "frames that captures had no room for", NULL, true},
};

#define SERVICE_STATISTICS (sizeof(service_statistics) / sizeof(service_statistics[0]))

static uint64_t service_value(const struct monitor *monitor, const struct engine_counters *counters,
                              unsigned index)
{
    struct captures_usage captures;

    captures_usage(monitor->captures, &captures);
    const uint64_t values[SERVICE_STATISTICS] = {
        feeds_wanted(&monitor->feeds),
        feeds_connected(&monitor->feeds),
        monitor->lost,
        counters->frames,
        counters->bytes,
        counters->copies,
        counters->fragments,
        counters->fragments_matched,
        counters->flows_live,
        monitor->config.flows,
        counters->flows_highest,
        counters->flows_created,
        counters->flows_refused,
        counters->applications_live,
        counters->applications_refused,
        counters->alerts,
        counters->alerts_suppressed,
        counters->identities_refused,
        captures.open,
        captures.begun,
        captures.frames,
        captures.bytes,
        captures.lost,
    };

    return values[index];
}

/* --- of frames and flows, by result and reason --------------------------------------------------
 */

static bool put_decoded(const struct engine_counters *counters, unsigned index,
                        struct control_writer *item)
{
    static const struct description about = {"monitor_decoded",
                                             "frames, by how they were understood", NULL, true};

    open_group(item, &about, counters->results[index]);
    control_label(item, "result", "%s", decode_result_name(index));
    control_close_group(item);
    return true;
}

#define ENDS (FLOW_EVICTED - FLOW_IDLE + 1U)

static bool put_ended(const struct engine_counters *counters, unsigned index,
                      struct control_writer *item)
{
    static const struct description about = {"monitor_flows_ended",
                                             "flows that were reported, by why", NULL, true};

    open_group(item, &about, counters->flows_ended[FLOW_IDLE + index]);
    control_label(item, "reason", "%s", flow_end_name(FLOW_IDLE + index));
    control_close_group(item);
    return true;
}

/* --- of feeds -----------------------------------------------------------------------------------
 */

static const struct description feed_statistics[] = {
    {"monitor_feed_connected", "1: frames come", NULL, false},
    {"monitor_feed_frames", "frames that came", NULL, true},
    {"monitor_feed_bytes", "bytes of frames that came", "bytes", true},
    {"monitor_feed_lost", "frames that the switch could not give", NULL, true},
    {"monitor_feed_connects", "times that it was connected", NULL, true},
    {"monitor_feed_broken", "times that its stream made no sense", NULL, true},
};

#define FEED_STATISTICS (sizeof(feed_statistics) / sizeof(feed_statistics[0]))

static bool put_feed(const struct monitor *monitor, unsigned index, struct control_writer *item)
{
    for (unsigned i = 0; i < FEEDS_MAX; i++) {
        const struct feed *feed = &monitor->feeds.feed[i];
        const uint64_t values[FEED_STATISTICS] = {
            feed->state == FEED_CONNECTED,
            feed->frames,
            feed->bytes,
            feed->lost,
            feed->connects,
            feed->broken,
        };

        if (feed->state < FEED_WAITING)
            continue;
        if (index >= FEED_STATISTICS) {
            index -= FEED_STATISTICS;
            continue;
        }
        open_group(item, &feed_statistics[index], values[index]);
        control_label(item, "mirror", "%s", feed->mirror);
        control_label(item, "switch", "%u", feed->domid);
        control_close_group(item);
        return true;
    }
    return false;
}

/* --- of ports -----------------------------------------------------------------------------------
 */

static const struct description port_statistics[] = {
    {"monitor_port_frames_out", "frames from the guest", NULL, true},
    {"monitor_port_bytes_out", "bytes from the guest", "bytes", true},
    {"monitor_port_frames_in", "frames to the guest", NULL, true},
    {"monitor_port_bytes_in", "bytes to the guest", "bytes", true},
    {"monitor_port_flows", "flows that the guest began", NULL, true},
};
static const struct description class_statistic = {
    "monitor_port_class_bytes", "bytes from and to the guest, by protocol", "bytes", true};

#define PORT_STATISTICS (sizeof(port_statistics) / sizeof(port_statistics[0]))

static void put_labels(const struct engine_identity *identity, struct control_writer *item)
{
    const uint8_t *u = identity->uuid;

    control_label(item, "guest", "%s", identity->guest);
    control_label(item, "domid", "%u", identity->domid);
    control_label(item, "vif", "%u", identity->vif);
    if (identity->identified)
        control_label(item, "uuid",
                      "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
                      u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
                      u[13], u[14], u[15]);
    control_label(item, "bridge", "%s", identity->bridge);
}

static void put_port(const struct top_port *totals, const struct engine_identity *identity,
                     unsigned index, struct control_writer *item)
{
    const uint64_t values[PORT_STATISTICS] = {totals->frames_out, totals->bytes_out,
                                              totals->frames_in, totals->bytes_in, totals->flows};

    if (index < PORT_STATISTICS) {
        open_group(item, &port_statistics[index], values[index]);
        put_labels(identity, item);
    } else {
        open_group(item, &class_statistic, totals->class_bytes[index - PORT_STATISTICS]);
        put_labels(identity, item);
        control_label(item, "class", "%s", top_class_name(index - PORT_STATISTICS));
    }
    control_close_group(item);
}

static bool put_ports(const struct monitor *monitor, unsigned index, struct control_writer *item)
{
    const struct engine *engine = monitor->engine;

    for (unsigned port = 0; port < FEED_PORTS_ALL; port++) {
        uint16_t identity = engine_port_identity(engine, (uint16_t)port);
        const struct top_port *totals = identity ? top_port(engine_top(engine), identity) : NULL;

        if (!totals)
            continue;
        if (index < PORT_STATISTICS + TOP_CLASSES) {
            put_port(totals, engine_identity(engine, identity), index, item);
            return true;
        }
        index -= PORT_STATISTICS + TOP_CLASSES;
    }
    return false;
}

/* --- all of them --------------------------------------------------------------------------------
 */

/* How many feeds have statistics. */
static unsigned feeds_shown(const struct monitor *monitor)
{
    unsigned count = 0;

    for (unsigned i = 0; i < FEEDS_MAX; i++)
        count += monitor->feeds.feed[i].state >= FEED_WAITING;
    return count;
}

bool monitor_statistic(void *context, unsigned index, struct control_writer *item)
{
    const struct monitor *monitor = control_monitor(context);
    struct engine_counters counters;
    unsigned feeds;

    if (!monitor)
        return false;
    engine_counters(monitor->engine, &counters);
    if (index < SERVICE_STATISTICS) {
        const struct description *about = &service_statistics[index];

        control_statistic(item, about->name, about->help, about->unit, about->counter,
                          service_value(monitor, &counters, index));
        return true;
    }
    index -= SERVICE_STATISTICS;
    if (index < DECODE_RESULTS)
        return put_decoded(&counters, index, item);
    index -= DECODE_RESULTS;
    if (index < ENDS)
        return put_ended(&counters, index, item);
    index -= ENDS;
    feeds = (unsigned)(feeds_shown(monitor) * FEED_STATISTICS);
    return index < feeds ? put_feed(monitor, index, item) : put_ports(monitor, index - feeds, item);
}
