/* SPDX-License-Identifier: ISC */
/* What the switch adds to STATUS and STATS; names as Prometheus likes them. */
#include <stdio.h>

#include "control.h"
#include "events.h"
#include "forward.h"
#include "mirror.h"

enum control_health switch_status(void *context, struct control_writer *reply)
{
    const struct vswitch *vswitch = control_vswitch(context);
    struct switch_counts counts;

    if (!vswitch)
        return CONTROL_HEALTHY;
    counts = switch_count(vswitch);
    control_put_number(reply, CONTROL_F_COUNT, counts.ports);
    control_put_number(reply, CONTROL_F_CONNECTED, counts.connected);
    if (vswitch->rules)
        control_put_number(reply, CONTROL_F_GENERATION, vswitch->rules->generation);
    if (vswitch->awaits_rules) {
        control_put_string(reply, CONTROL_F_TEXT,
                           "nothing is forwarded before its rules are given; `atoll switch "
                           "identify` gives it those that dom0 keeps");
        return CONTROL_DEGRADED;
    }
    if (!vswitch->rules || !counts.unidentified)
        return CONTROL_HEALTHY;
    control_put_format(reply, CONTROL_F_TEXT,
                       "%u ports of guests that nobody has named: no rule holds for them; is "
                       "`atoll switch identify` running?",
                       counts.unidentified);
    return CONTROL_DEGRADED;
}

struct description {
    const char *name, *help, *unit;
    bool counter;
};

static const struct description service_statistics[] = {
    {"switch_ports", "vifs that the switch serves", NULL, false},
    {"switch_ports_connected", "of these, connected", NULL, false},
    {"switch_ports_unidentified", "of these, of guests that nobody has named", NULL, false},
    {"switch_rules_generation", "of the rules in force; 0: none", NULL, false},
    {"switch_rules_matched", "rules whose port is there", NULL, false},
    {"switch_bursts", "bursts of frames that were dealt with", NULL, true},
    {"switch_frames", "frames taken from guests", NULL, true},
    {"switch_copy_calls", "hypercalls that copied", NULL, true},
    {"switch_copies", "grant copy operations", NULL, true},
    {"switch_copy_bytes", "bytes that they copied", "bytes", true},
    {"switch_notifications", "events sent to guests", NULL, true},
    {"switch_mirrored", "frames given to mirrors, lost ones included", NULL, true},
    {"switch_frames_waiting", "frames that wait for their receiver's buffers", NULL, false},
    {"switch_frames_waited", "frames that had to wait", NULL, true},
    {"switch_frames_expired", "of these, in vain", NULL, true},
    {"switch_stalls", "receivers that did not take frames any more", NULL, true},
    {"switch_soft_frames", "frames that were worked on for receivers that cannot", NULL, true},
    {"switch_loop_probes", "frames sent to find loops", NULL, true},
    {"switch_loops", "loops found", NULL, true},
    {"switch_fdb_entries", "addresses that are known", NULL, false},
    {"switch_fdb_learned", "addresses learned", NULL, true},
    {"switch_fdb_moved", "addresses that came to another port", NULL, true},
    {"switch_fdb_aged", "addresses forgotten for their age", NULL, true},
    {"switch_fdb_refused", "addresses not learned: a share was used up", NULL, true},
    {"switch_xenbus_looks", "times that a device's nodes were read", NULL, true},
    {"switch_xenbus_throttled", "times that a device had to wait for that", NULL, true},
    {"switch_xenbus_refused", "devices refused", NULL, true},
    {"switch_events_untold", "events left out for want of memory", NULL, true},
};

#define SERVICE_STATISTICS (sizeof(service_statistics) / sizeof(service_statistics[0]))

static uint64_t service_value(const struct vswitch *vswitch, unsigned index)
{
    const struct switch_counts counts = switch_count(vswitch);
    struct xenbus_backend_usage backend = {0};
    struct forward_usage forward;
    struct fdb_usage fdb;

    forward_usage(vswitch->forward, &forward);
    fdb_usage(vswitch->fdb, &fdb);
    if (vswitch->backend)
        xenbus_backend_usage(vswitch->backend, &backend);
    const uint64_t values[SERVICE_STATISTICS] = {
        counts.ports,
        counts.connected,
        counts.unidentified,
        vswitch->rules ? vswitch->rules->generation : 0,
        counts.matched,
        vswitch->totals.bursts,
        vswitch->totals.frames,
        vswitch->totals.copy_calls,
        vswitch->totals.copies,
        vswitch->totals.copy_bytes,
        vswitch->totals.notifications,
        vswitch->totals.mirrored,
        forward.waiting,
        forward.waited,
        forward.expired,
        forward.stalls,
        forward.soft,
        forward.probes,
        forward.loops,
        fdb.used,
        fdb.learned,
        fdb.moved,
        fdb.aged,
        fdb.refused_full,
        backend.looks,
        backend.throttled,
        backend.refused,
        events_untold(vswitch->events),
    };

    return values[index];
}

/* --- of ports -----------------------------------------------------------------------------------
 */

static const struct description port_statistics[] = {
    {"port_frames_in", "frames from the guest", NULL, true},
    {"port_bytes_in", "bytes from the guest", "bytes", true},
    {"port_multicast_in", "multicast frames from the guest", NULL, true},
    {"port_broadcast_in", "broadcast frames from the guest", NULL, true},
    {"port_gso_in", "frames from the guest that are to be cut up", NULL, true},
    {"port_frames_out", "frames to the guest", NULL, true},
    {"port_bytes_out", "bytes to the guest", "bytes", true},
    {"port_multicast_out", "multicast frames to the guest", NULL, true},
    {"port_broadcast_out", "broadcast frames to the guest", NULL, true},
    {"port_gso_out", "frames to the guest that were not cut up", NULL, true},
    {"port_copies", "grant copy operations of frames from the guest", NULL, true},
    {"port_copy_bytes", "bytes that they copied", "bytes", true},
    {"port_payload_copies", "of the copies, from guest to guest", NULL, true},
    {"port_notifications", "events sent to the guest", NULL, true},
    {"port_kicks", "events from the guest", NULL, true},
    {"port_checksums", "checksums filled in for the guest", NULL, true},
    {"port_segments", "segments cut for the guest", NULL, true},
    {"port_waited", "frames that waited for the guest's buffers", NULL, true},
    {"port_connects", "times that the guest connected", NULL, true},
    {"port_fdb_entries", "addresses known behind the port", NULL, false},
    {"port_connected", "1: the guest is connected", NULL, false},
};

#define PORT_STATISTICS (sizeof(port_statistics) / sizeof(port_statistics[0]))

static uint64_t port_value(const struct port *port, unsigned index)
{
    const struct port_counters *counters = &port->counters;
    const uint64_t values[PORT_STATISTICS] = {
        counters->in_frames,      counters->in_bytes,
        counters->in_multicast,   counters->in_broadcast,
        counters->in_gso,         counters->out_frames,
        counters->out_bytes,      counters->out_multicast,
        counters->out_broadcast,  counters->out_gso,
        counters->copies,         counters->copy_bytes,
        counters->payload_copies, counters->notifications,
        counters->kicks,          counters->checksums,
        counters->segments,       counters->waited,
        counters->connects,       fdb_port_entries(port->vswitch->fdb, port->number),
        port->connected,
    };

    return values[index];
}

static void put_labels(const struct port *port, struct control_writer *item)
{
    char name[PORT_NAME_MAX];

    control_label(item, "port", "%s", port_name(port, name));
    control_label(item, "guest", "%s", port->guest);
    control_label(item, "domid", "%u", port->device.domid);
    control_label(item, "vif", "%u", port->device.devid);
    control_label(item, "bridge", "%s", port->bridge ? port->bridge->name : "");
}

/* A port has its statistics, and one for each reason for which it has dropped something. */
static unsigned statistics_of(const struct port *port)
{
    unsigned count = PORT_STATISTICS;

    for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
        count += port->counters.drops[reason] != 0;
    return count;
}

static void put_drops(const struct port *port, unsigned index, struct control_writer *item)
{
    unsigned reason = 0;

    while (!port->counters.drops[reason] || index-- > 0)
        reason++;
    control_statistic_open(item, "port_dropped", "frames that went no further", NULL, true,
                           port->counters.drops[reason]);
    put_labels(port, item);
    control_label(item, "reason", "%s", drop_name((enum drop_reason)reason));
    control_close_group(item);
}

static void put_port(const struct port *port, unsigned index, struct control_writer *item)
{
    const struct description *about = &port_statistics[index];

    control_statistic_open(item, about->name, about->help, about->unit, about->counter,
                           port_value(port, index));
    put_labels(port, item);
    control_close_group(item);
}

/* --- of mirrors ---------------------------------------------------------------------------------
 */

static const struct description mirror_statistics[] = {
    {"mirror_connected", "1: a consumer is connected", NULL, false},
    {"mirror_frames", "frames given to the consumer", NULL, true},
    {"mirror_bytes", "bytes of frames given to the consumer", "bytes", true},
    {"mirror_lost", "frames that the consumer had no room for", NULL, true},
};

#define MIRROR_STATISTICS (sizeof(mirror_statistics) / sizeof(mirror_statistics[0]))

static bool put_mirror(const struct vswitch *vswitch, unsigned index, struct control_writer *item)
{
    const struct description *about = &mirror_statistics[index % MIRROR_STATISTICS];
    struct mirror_usage usage;

    if (!mirror_usage(vswitch, index / MIRROR_STATISTICS, &usage))
        return false;
    const uint64_t values[MIRROR_STATISTICS] = {usage.connected, usage.frames, usage.bytes,
                                                usage.lost};
    control_statistic_open(item, about->name, about->help, about->unit, about->counter,
                           values[index % MIRROR_STATISTICS]);
    control_label(item, "mirror", "%s", usage.rules->name);
    control_close_group(item);
    return true;
}

/* --- all of them --------------------------------------------------------------------------------
 */

bool switch_statistic(void *context, unsigned index, struct control_writer *item)
{
    const struct vswitch *vswitch = control_vswitch(context);

    if (!vswitch)
        return false;
    if (index < SERVICE_STATISTICS) {
        const struct description *about = &service_statistics[index];

        control_statistic(item, about->name, about->help, about->unit, about->counter,
                          service_value(vswitch, index));
        return true;
    }
    index -= SERVICE_STATISTICS;
    for (unsigned i = 0; i < SWITCH_PORTS; i++) {
        const struct port *port = vswitch->ports[i];
        unsigned count = port ? statistics_of(port) : 0;

        if (index >= count) {
            index -= count;
            continue;
        }
        if (index < PORT_STATISTICS)
            put_port(port, index, item);
        else
            put_drops(port, index - PORT_STATISTICS, item);
        return true;
    }
    return put_mirror(vswitch, index, item);
}
