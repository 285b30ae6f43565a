/* SPDX-License-Identifier: ISC */
/* What is in force for a port: rules before bridge's rules before the toolstack's words. */
#include <string.h>

#include "bridges.h"
#include "forward.h"
#include "mirror.h"
#include "switch.h"

#define DOM0           0U
#define DEFAULT_BRIDGE "xenbr0"

/* Where a rate says no burst: so much of a second, and at least so much. What is policed drops, and
 * TCP reaches no such rate with less than a tenth of a second's worth of GSO frames in the bucket;
 * what is held back loses nothing. */
#define POLICED_PART 5U
#define BURST_PART   50U
#define BURST_BYTES  65536U
#define BURST_FRAMES 16U

/* The rules about the port; NULL: none, or its guest is not known. */
static const struct rules_port *find_rules(const struct port *port, const struct rules *rules)
{
    if (!rules || !port->identified)
        return NULL;
    return rules_port(rules, port->uuid, (uint16_t)port->device.devid);
}

const char *port_bridge_name(const struct port *port, const struct rules *rules)
{
    const struct rules_port *own = find_rules(port, rules);

    if (own && own->bridge[0])
        return own->bridge;
    if (port->libxl_bridge[0])
        return port->libxl_bridge;
    return rules && rules->default_bridge[0] ? rules->default_bridge : DEFAULT_BRIDGE;
}

/* As its rule says; where that says nothing dom0's own port is one, unless the rule gives it a
 * locking mode, which is none of an uplink's. */
static bool is_uplink(const struct port *port)
{
    const struct rules_port *rules = port->rules;

    if (rules && (rules->uplink_set || rules->lock != RULES_LOCK_INHERIT))
        return rules->uplink;
    return port->device.domid == DOM0;
}

/* Is a word of the toolstack needed that was not understood? */
static bool misunderstood(const struct port *port)
{
    const struct rules_port *rules = port->rules;

    return (port->bad_mac && !(rules && rules->mac_count)) ||
           (port->bad_bridge && !(rules && rules->bridge[0])) ||
           (port->bad_vlan && !(rules && rules->vlan_set));
}

/* Is its guest one that no rule names, or unknown, where nothing may pass then? Never dom0: whose
 * port that is Xen says, and to hold it would cut off the host for a rule that nobody wrote. */
static bool held(const struct port *port)
{
    const struct rules *rules = port->vswitch->rules;

    if (!rules || port->rules || port->device.domid == DOM0)
        return false;
    return port->bad_uuid || rules->unknown == RULES_UNKNOWN_HOLD;
}

static void make_policy(struct port *port, bool placed)
{
    /* Rules as they stand, but for dom0's privilege. */
    struct rules_port own;
    const struct rules_port *rules = port->rules;

    port->uplink = is_uplink(port);
    if (port->uplink && !(rules && rules->uplink)) {
        if (rules)
            own = *rules;
        else
            memset(&own, 0, sizeof(own));
        own.uplink = true;
        rules = &own;
    }
    memset(&port->policy, 0, sizeof(port->policy));
    policy_make(&port->policy, rules, port->bridge ? &port->bridge->rules : NULL,
                port->mac_set ? port->mac : NULL, &port->libxl_addresses);
    if (!port->described || !placed || misunderstood(port)) {
        port->policy.lock = RULES_LOCK_DISABLED;
        port->policy.uplink = port->uplink = false;
    }
    port->policy.hold = port->described && held(port);
}

/* Would frames that the former policy let through be stopped by this one? Then addresses learned
 * from them are not to be believed. */
static bool stricter(const struct policy *now, const struct policy *before)
{
    if (now->hold != before->hold || now->lock != before->lock)
        return now->hold || now->lock != RULES_LOCK_UNLOCKED;
    return now->lock == RULES_LOCK_LOCKED &&
           (now->mac_count != before->mac_count ||
            memcmp(now->macs, before->macs, sizeof(now->macs[0]) * now->mac_count) != 0);
}

static bool same_vlan(const struct rules_vlan *a, const struct rules_vlan *b)
{
    if (a->mode != b->mode)
        return false;
    if (a->mode == RULES_VLAN_TRANSPARENT)
        return true;
    if (a->pvid != b->pvid)
        return false;
    return a->mode == RULES_VLAN_ACCESS || (a->pvid_tagged == b->pvid_tagged &&
                                            !memcmp(a->allowed, b->allowed, sizeof(a->allowed)));
}

/* --- rates ------------------------------------------------------------------------------------ */

static void set_limit(struct limit *limit, const struct rules_rate *rate, uint64_t part,
                      uint64_t least, uint64_t now)
{
    uint64_t burst = rate->burst;

    if (!rate->set || !rate->rate) {
        memset(limit, 0, sizeof(*limit));
        return;
    }
    if (!burst)
        burst = rate->rate / part > least ? rate->rate / part : least;
    if (limit->rate != rate->rate || limit->burst != burst)
        limit_set(limit, rate->rate, burst, now);
}

/* The first that says something; all of them may be NULL. */
static const struct rules_rate *first_set(const struct rules_rate *a, const struct rules_rate *b)
{
    static const struct rules_rate none;

    if (a && a->set)
        return a;
    return b && b->set ? b : &none;
}

static void set_limits(struct port *port)
{
    const struct rules_port *own = port->rules;
    const struct rules_bridge *bridge = port->bridge ? &port->bridge->rules : NULL;
    uint64_t now = hv_now(port->vswitch->hv);

    set_limit(&port->rate_in, first_set(own ? &own->rate_in : NULL, &port->libxl_rate), BURST_PART,
              BURST_BYTES, now);
    set_limit(&port->rate_out, first_set(own ? &own->rate_out : NULL, NULL), POLICED_PART,
              BURST_BYTES, now);
    /* Of an uplink, only what is said of itself: the network is behind it, and not one guest. */
    if (port->uplink)
        bridge = NULL;
    set_limit(&port->storm[STORM_BROADCAST],
              first_set(own ? &own->broadcast : NULL, bridge ? &bridge->broadcast : NULL),
              BURST_PART, BURST_FRAMES, now);
    set_limit(&port->storm[STORM_MULTICAST],
              first_set(own ? &own->multicast : NULL, bridge ? &bridge->multicast : NULL),
              BURST_PART, BURST_FRAMES, now);
    set_limit(&port->storm[STORM_UNKNOWN],
              first_set(own ? &own->unknown : NULL, bridge ? &bridge->unknown : NULL), BURST_PART,
              BURST_FRAMES, now);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* Put it on the bridge that it belongs to. False: there is none left; it stays where it was. */
static bool place(struct port *port)
{
    struct vswitch *vswitch = port->vswitch;
    const char *name = port_bridge_name(port, vswitch->rules);
    struct bridge *bridge;

    if (port->bridge && !strcmp(port->bridge->name, name))
        return true;
    bridge = vswitch_bridge(vswitch, name);
    if (!bridge) {
        log_write(vswitch->log, LOG_ERROR,
                  "vif %u of domain %u: no bridge %s: there are %u already", port->device.devid,
                  port->device.domid, name, SWITCH_BRIDGES);
        return false;
    }
    bridge_leave(port);
    port->blocked_until = 0;
    bridge_join(port, bridge);
    return true;
}

static unsigned fdb_share(const struct port *port)
{
    if (port->rules && port->rules->fdb_limit)
        return port->rules->fdb_limit;
    return port->uplink ? SWITCH_FDB_UPLINK : SWITCH_FDB_PORT;
}

void port_configure(struct port *port)
{
    struct vswitch *vswitch = port->vswitch;
    const struct policy before = port->policy;
    const struct rules_vlan vlan_before = port->vlan;
    const struct bridge *bridge_before = port->bridge;
    bool placed, moved;

    port->rules = find_rules(port, vswitch->rules);
    placed = !port->described || place(port);
    if (port->rules && port->rules->vlan_set)
        port->vlan = port->rules->vlan;
    else if (port->libxl_vlan_set)
        port->vlan = port->libxl_vlan;
    else
        memset(&port->vlan, 0, sizeof(port->vlan));
    make_policy(port, placed);
    set_limits(port);
    port->isolated = port->rules && port->rules->isolated;
    if (port->bridge && !port->bridge->rules.loop_guard)
        port->blocked_until = 0;
    if (stricter(&port->policy, &before) || !same_vlan(&port->vlan, &vlan_before))
        fdb_forget_port(vswitch->fdb, port->number);
    moved = port->bridge != bridge_before || !same_vlan(&port->vlan, &vlan_before);
    if (moved)
        snoop_forget_port(vswitch->snoop, port->number);
    if (moved && port->connected && port->bridge)
        snoop_new_port(vswitch->snoop, port->bridge->number, port->number, hv_now(vswitch->hv));
    snoop_set_host(vswitch->snoop, port->number, port->isolated);
    port->fdb_limit = fdb_share(port);
    fdb_set_port_limit(vswitch->fdb, port->number, port->fdb_limit);
    mirrors_port_changed(port);
    forward_configure(port);
}
