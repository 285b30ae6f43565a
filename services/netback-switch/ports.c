/* SPDX-License-Identifier: ISC */
/* A port's life. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bridges.h"
#include "events.h"
#include "forward.h"
#include "mirror.h"
#include "switch.h"

#define DOM0 0U

/* --- names ------------------------------------------------------------------------------------ */

const char *port_name(const struct port *port, char name[PORT_NAME_MAX])
{
    const uint8_t *u = port->uuid;

    if (port->guest[0])
        snprintf(name, PORT_NAME_MAX, "%s/%u", port->guest, port->device.devid);
    else if (port->identified && port->device.domid != DOM0)
        snprintf(name, PORT_NAME_MAX,
                 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x/%u", u[0],
                 u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13],
                 u[14], u[15], port->device.devid);
    else
        snprintf(name, PORT_NAME_MAX, "dom%u/%u", port->device.domid, port->device.devid);
    return name;
}

/* A line of the log about @port. */
#define port_log(port, level, format, ...)                                                         \
    do {                                                                                           \
        char port_log_name[PORT_NAME_MAX];                                                         \
        log_write((port)->vswitch->log, level, "port %s (domain %u): " format,                     \
                  port_name(port, port_log_name), (port)->device.domid, ##__VA_ARGS__);            \
    } while (0)

/* --- coming and going ------------------------------------------------------------------------- */

struct port *port_create(struct vswitch *vswitch, domid_t domid, uint32_t devid, const char **why)
{
    struct port *port;
    unsigned number = 0;

    while (number < SWITCH_PORTS && vswitch->ports[number])
        number++;
    if (number == SWITCH_PORTS) {
        *why = "the switch has all the ports it can have";
        return NULL;
    }
    port = arena_zalloc(vswitch->arena, sizeof(*port));
    if (!port) {
        *why = "the switch has no memory for another port";
        return NULL;
    }
    port->device.domid = domid;
    port->device.devid = devid;
    port->vswitch = vswitch;
    port->number = (uint16_t)number;
    port->generation = ++vswitch->generations;
    port->policy.lock = RULES_LOCK_DISABLED;
    if (domid == DOM0) {
        port->identified = true;
        strcpy(port->guest, "dom0");
    }
    vswitch->ports[number] = port;
    return port;
}

void port_destroy(struct port *port)
{
    struct vswitch *vswitch = port->vswitch;

    port_disconnect(port, "removed");
    bridge_leave(port);
    events_port_gone(vswitch->events, port);
    mirrors_port_gone(port);
    mirrors_flush(vswitch);
    vswitch->ports[port->number] = NULL;
    arena_free(vswitch->arena, port, sizeof(*port));
    vswitch_bridges_sweep(vswitch);
}

/* --- what the toolstack and dom0's agent say -------------------------------------------------- */

/* Note that @word is (not) understood; said once. */
static void judge(struct port *port, const char *node, const char *word, bool bad, bool *was)
{
    if (bad && !*was)
        port_log(port, LOG_WARNING, "%s \"%.64s\" is not understood", node, word);
    *was = bad;
}

static void describe_mac(struct port *port, const char *word)
{
    port->mac_set = word && !rules_parse_mac(word, port->mac);
    judge(port, "mac", word, word && !port->mac_set, &port->bad_mac);
}

static void describe_bridge(struct port *port, const char *bridge, const char *vlan)
{
    struct rules_vlan parsed;
    bool set = false;

    memset(&port->libxl_vlan, 0, sizeof(port->libxl_vlan));
    memset(&parsed, 0, sizeof(parsed));
    port->libxl_bridge[0] = '\0';
    port->libxl_vlan_set = false;
    if (bridge && *bridge) {
        bool bad = rules_parse_bridge(bridge, port->libxl_bridge, &parsed, &set) != 0;

        if (bad)
            port->libxl_bridge[0] = '\0';
        else if (set)
            port->libxl_vlan = parsed;
        port->libxl_vlan_set = set && !bad;
        judge(port, "bridge", bridge, bad, &port->bad_bridge);
    } else {
        port->bad_bridge = false;
    }
    if (vlan && *vlan) {
        bool bad;

        memset(&parsed, 0, sizeof(parsed));
        bad = rules_parse_vlan(vlan, &parsed) != 0;
        if (!bad) {
            port->libxl_vlan = parsed;
            port->libxl_vlan_set = true;
        }
        judge(port, "vlan", vlan, bad, &port->bad_vlan);
    } else {
        port->bad_vlan = false;
    }
}

static void describe_limits(struct port *port, const char *rate, const char *addresses)
{
    memset(&port->libxl_rate, 0, sizeof(port->libxl_rate));
    memset(&port->libxl_addresses, 0, sizeof(port->libxl_addresses));
    if (rate) {
        bool bad = rules_parse_rate(rate, &port->libxl_rate) != 0;

        if (bad)
            memset(&port->libxl_rate, 0, sizeof(port->libxl_rate));
        judge(port, "rate", rate, bad, &port->bad_rate);
    }
    if (addresses) {
        bool bad = rules_parse_addresses(addresses, &port->libxl_addresses) != 0;

        if (bad)
            memset(&port->libxl_addresses, 0, sizeof(port->libxl_addresses));
        judge(port, "ip", addresses, bad, &port->bad_addresses);
    }
}

static void describe_guest(struct port *port, const char *uuid, const char *name)
{
    bool was = port->identified;

    if (port->device.domid == DOM0)
        return;
    port->identified = uuid && !rules_parse_uuid(uuid, port->uuid);
    if (!port->identified)
        memset(port->uuid, 0, sizeof(port->uuid));
    judge(port, "guest-uuid", uuid, uuid && !port->identified, &port->bad_uuid);
    snprintf(port->guest, sizeof(port->guest), "%s", name ? name : "");
    for (char *at = port->guest; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    if (port->identified && !was)
        port_log(port, LOG_INFO,
                 "is vif %u of the guest %02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                 "%02x%02x%02x%02x%02x%02x",
                 port->device.devid, port->uuid[0], port->uuid[1], port->uuid[2], port->uuid[3],
                 port->uuid[4], port->uuid[5], port->uuid[6], port->uuid[7], port->uuid[8],
                 port->uuid[9], port->uuid[10], port->uuid[11], port->uuid[12], port->uuid[13],
                 port->uuid[14], port->uuid[15]);
}

void port_describe(struct port *port, const struct port_words *words)
{
    describe_guest(port, words->guest_uuid, words->guest_name);
    describe_mac(port, words->mac);
    describe_bridge(port, words->bridge, words->vlan);
    describe_limits(port, words->rate, words->addresses);
    port->described = true;
    port_configure(port);
    vswitch_bridges_sweep(port->vswitch);
}

/* --- connected -------------------------------------------------------------------------------- */

int port_connect(struct port *port)
{
    struct vswitch *vswitch = port->vswitch;
    int error;

    HV_ASSERT(!port->connected);
    if (!port->bridge) {
        port_log(port, LOG_ERROR, "there are %u bridges already: none is left for it",
                 SWITCH_BRIDGES);
        return -ENOSPC;
    }
    error = forward_port_add(port);
    if (error) {
        port_log(port, LOG_ERROR, "no memory to connect it");
        return error;
    }
    port->connected = true;
    port->connected_at = hv_now(vswitch->hv);
    port->counters.connects++;
    snoop_new_port(vswitch->snoop, port->bridge->number, port->number, port->connected_at);
    snoop_set_host(vswitch->snoop, port->number, port->isolated);
    bridge_show(port);
    mirrors_port_changed(port);
    port_log(port, LOG_INFO, "up on %s, queues: %u", port->bridge->name, port->netif.queue_count);
    events_add(vswitch->events, port, &(struct event){.kind = EVENT_PORT_UP});
    return 0;
}

void port_disconnect(struct port *port, const char *why)
{
    struct vswitch *vswitch = port->vswitch;
    struct event event = {.kind = EVENT_PORT_DOWN};

    if (!port->connected)
        return;
    bridge_hide(port);
    forward_port_remove(port);
    port->connected = false;
    port->blocked_until = 0;
    fdb_forget_port(vswitch->fdb, port->number);
    snoop_forget_port(vswitch->snoop, port->number);
    port_log(port, LOG_INFO, "down: %s", why);
    snprintf(event.text, sizeof(event.text), "%s", why);
    events_add(vswitch->events, port, &event);
}
