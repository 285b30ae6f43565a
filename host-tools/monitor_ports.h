/* SPDX-License-Identifier: ISC */
/** @file host-tools/monitor_ports.h The ports whose frames the monitor sees, by their names. */
#ifndef ATOLL_MONITOR_PORTS_H
#define ATOLL_MONITOR_PORTS_H

#include "monitor_call.h"

struct monitor_port {
    uint16_t domid, vif;
    bool uplink;
    bool identified;
    uint8_t uuid[16];
    uint8_t mac[6];
    char guest[64]; /**< as it came, cut; "": not known */
    char bridge[32];
    char name[300]; /**< "web1/0", escaped; "uplink", "domain5/0" */
};

struct monitor_ports {
    struct monitor_port *ports;
    size_t count, room;
};

/** Ask for them. 0, or an exit code reported. monitor_ports_free() in either case. */
int monitor_ports_ask(struct monitor_call *call, struct monitor_ports *ports);
void monitor_ports_free(struct monitor_ports *ports);

/** Read one of the fields of a PORT group. */
void monitor_port_read(const struct control_reader *fields, struct monitor_port *port);

/** Is this port meant by "GUEST/VIF" (GUEST as below), or by its name? */
bool monitor_port_is(const struct monitor_port *port, const char *name);

/** Is it a port of the guest of this name, uuid or domid? */
bool monitor_port_is_guest(const struct monitor_port *port, const char *guest);

#endif
