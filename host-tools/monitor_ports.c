/* SPDX-License-Identifier: ISC */
#include "monitor_ports.h"
#include "flow_text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void take_bytes(const struct control_reader *fields, uint16_t tag, uint8_t *to, size_t size)
{
    struct control_field field;

    if (control_find(fields, tag, &field) && field.length == size)
        memcpy(to, field.value, size);
}

void monitor_port_read(const struct control_reader *fields, struct monitor_port *port)
{
    struct control_field uuid;
    char guest[256];

    memset(port, 0, sizeof(*port));
    port->domid = (uint16_t)control_number(fields, CONTROL_F_DOMID, 0);
    port->vif = (uint16_t)control_number(fields, CONTROL_F_VIF, 0);
    port->uplink = control_number(fields, CONTROL_F_UPLINK, 0) != 0;
    port->identified = control_find(fields, CONTROL_F_UUID, &uuid) && uuid.length == 16;
    take_bytes(fields, CONTROL_F_UUID, port->uuid, sizeof(port->uuid));
    take_bytes(fields, CONTROL_F_MAC, port->mac, sizeof(port->mac));
    control_string(fields, CONTROL_F_GUEST, port->guest, sizeof(port->guest));
    control_string(fields, CONTROL_F_BRIDGE_NAME, port->bridge, sizeof(port->bridge));
    flow_escape(port->guest, strlen(port->guest), guest, sizeof(guest));
    if (port->uplink)
        snprintf(port->name, sizeof(port->name), "uplink");
    else if (guest[0])
        snprintf(port->name, sizeof(port->name), "%s/%u", guest, port->vif);
    else if (port->domid == 0)
        snprintf(port->name, sizeof(port->name), "dom0/%u", port->vif);
    else
        snprintf(port->name, sizeof(port->name), "domain%u/%u", port->domid, port->vif);
}

static int take_port(void *context, const struct control_reader *fields)
{
    struct monitor_ports *ports = context;
    struct control_reader port;
    struct control_field group;

    if (!control_find(fields, CONTROL_F_PORT, &group))
        return 0;
    control_read_group(&port, &group);
    if (ports->count == ports->room) {
        const size_t room = ports->room ? 2 * ports->room : 32;
        struct monitor_port *grown = reallocarray(ports->ports, room, sizeof(*grown));

        if (!grown)
            return 0; /* those that fit are enough to choose from */
        ports->ports = grown;
        ports->room = room;
    }
    monitor_port_read(&port, &ports->ports[ports->count++]);
    return 0;
}

int monitor_ports_ask(struct monitor_call *call, struct monitor_ports *ports)
{
    memset(ports, 0, sizeof(*ports));
    control_client_begin(call->client, CONTROL_T_MONITOR_PORTS);
    return monitor_stream(call, false, take_port, ports);
}

void monitor_ports_free(struct monitor_ports *ports)
{
    free(ports->ports);
    memset(ports, 0, sizeof(*ports));
}

static bool is_guest(const struct monitor_port *port, const char *name, size_t length)
{
    char number[8], uuid[40];
    size_t used = 0;

    for (int i = 0; i < 16; i++)
        used += (size_t)snprintf(uuid + used, sizeof(uuid) - used, "%s%02x",
                                 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", port->uuid[i]);
    snprintf(number, sizeof(number), "%u", port->domid);
    return (strlen(port->guest) == length && memcmp(port->guest, name, length) == 0) ||
           (strlen(number) == length && memcmp(number, name, length) == 0) ||
           (port->identified && length == 36 && strncasecmp(uuid, name, 36) == 0);
}

bool monitor_port_is(const struct monitor_port *port, const char *name)
{
    const char *slash = strrchr(name, '/');
    char vif[8];

    snprintf(vif, sizeof(vif), "%u", port->vif);
    return strcmp(port->name, name) == 0 ||
           (slash && strcmp(slash + 1, vif) == 0 && is_guest(port, name, (size_t)(slash - name)));
}

bool monitor_port_is_guest(const struct monitor_port *port, const char *guest)
{
    return is_guest(port, guest, strlen(guest));
}
