/* SPDX-License-Identifier: ISC */
#include "bridges.h"

#include <stdio.h>
#include <string.h>

static struct bridge *find(struct vswitch *vswitch, const char *name)
{
    for (unsigned i = 0; i < SWITCH_BRIDGES; i++)
        if (vswitch->bridges[i].used && !strcmp(vswitch->bridges[i].name, name))
            return &vswitch->bridges[i];
    return NULL;
}

struct bridge *vswitch_bridge_find(struct vswitch *vswitch, const char *name)
{
    return find(vswitch, name);
}

void bridge_configure(struct vswitch *vswitch, struct bridge *bridge)
{
    const struct rules_bridge *rules =
        vswitch->rules ? rules_bridge(vswitch->rules, bridge->name) : NULL;
    uint32_t ageing = rules && rules->ageing ? rules->ageing : RULES_AGEING;
    bool snooped = bridge->rules.snooping;

    if (rules)
        bridge->rules = *rules;
    else
        memset(&bridge->rules, 0, sizeof(bridge->rules));
    fdb_set_ageing(vswitch->fdb, bridge->number, ageing * HV_SEC);
    /* What was heard before it was switched off would be old when it is on again. */
    if (snooped && !bridge->rules.snooping)
        snoop_forget_bridge(vswitch->snoop, bridge->number);
}

struct bridge *vswitch_bridge(struct vswitch *vswitch, const char *name)
{
    struct bridge *bridge = find(vswitch, name);

    for (unsigned i = 0; !bridge && i < SWITCH_BRIDGES; i++) {
        if (vswitch->bridges[i].used)
            continue;
        bridge = &vswitch->bridges[i];
        memset(bridge, 0, sizeof(*bridge));
        bridge->number = (uint16_t)i;
        bridge->used = true;
        snprintf(bridge->name, sizeof(bridge->name), "%s", name);
        bridge_configure(vswitch, bridge);
    }
    return bridge;
}

void vswitch_bridges_sweep(struct vswitch *vswitch)
{
    for (unsigned i = 0; i < SWITCH_BRIDGES; i++) {
        struct bridge *bridge = &vswitch->bridges[i];

        if (!bridge->used || bridge->ports ||
            (vswitch->rules && rules_bridge(vswitch->rules, bridge->name)))
            continue;
        fdb_forget_bridge(vswitch->fdb, bridge->number);
        snoop_forget_bridge(vswitch->snoop, bridge->number);
        bridge->used = false;
    }
}

/* --- who is on it ----------------------------------------------------------------------------- */

static uint64_t *member_word(struct bridge *bridge, const struct port *port)
{
    return &bridge->members.bits[port->number / 64];
}

void bridge_show(struct port *port)
{
    if (port->bridge)
        *member_word(port->bridge, port) |= UINT64_C(1) << (port->number % 64);
}

void bridge_hide(struct port *port)
{
    if (port->bridge)
        *member_word(port->bridge, port) &= ~(UINT64_C(1) << (port->number % 64));
}

void bridge_leave(struct port *port)
{
    struct vswitch *vswitch = port->vswitch;

    if (!port->bridge)
        return;
    bridge_hide(port);
    fdb_forget_port(vswitch->fdb, port->number);
    snoop_forget_port(vswitch->snoop, port->number);
    HV_ASSERT(port->bridge->ports > 0);
    port->bridge->ports--;
    port->bridge = NULL;
}

void bridge_join(struct port *port, struct bridge *bridge)
{
    HV_ASSERT(!port->bridge);
    port->bridge = bridge;
    bridge->ports++;
    if (port->connected)
        bridge_show(port);
}
