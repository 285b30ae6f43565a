/* SPDX-License-Identifier: ISC */
/**
 * @file bridges.h
 * The table of bridges, and which ports are on which: for switch.c, ports.c and configure.c.
 * vswitch_bridge() and vswitch_bridges_sweep() are in switch.h.
 */
#ifndef SWITCH_BRIDGES_H
#define SWITCH_BRIDGES_H

#include "switch.h"

/** The bridge called @name; NULL: there is none. */
struct bridge *vswitch_bridge_find(struct vswitch *vswitch, const char *name);

/** What the rules say of it, or what holds without, is in force for it. */
void bridge_configure(struct vswitch *vswitch, struct bridge *bridge);

/** A port that is on no bridge comes to this one. */
void bridge_join(struct port *port, struct bridge *bridge);

/** It goes from its bridge, if it is on one; what was learned behind it is forgotten. The bridge
 * stays, whoever is left on it: vswitch_bridges_sweep(). */
void bridge_leave(struct port *port);

/** It is given the bridge's frames from now on; no more. */
void bridge_show(struct port *port);
void bridge_hide(struct port *port);

/** The name of the bridge that @port belongs on while @rules (NULL: none) are in force. */
const char *port_bridge_name(const struct port *port, const struct rules *rules);

#endif
