/* SPDX-License-Identifier: ISC */
/* The device type "vif". */
#include "vif.h"

#include <errno.h>

#include "forward.h"

static struct port *port_of(struct xenbus_device *device)
{
    return LIST_ENTRY(device, struct port, device);
}

/* --- what the toolstack says ------------------------------------------------------------------ */

static const char *const backend_names[] = {
    "mac", "bridge", "vlan", "rate", "ip", "guest-uuid", "guest-name", NULL,
};

static void describe(struct port *port, const struct xenbus_nodes *ours)
{
    const struct port_words words = {
        .mac = xenbus_value(ours, "mac"),
        .bridge = xenbus_value(ours, "bridge"),
        .vlan = xenbus_value(ours, "vlan"),
        .rate = xenbus_value(ours, "rate"),
        .addresses = xenbus_value(ours, "ip"),
        .guest_uuid = xenbus_value(ours, "guest-uuid"),
        .guest_name = xenbus_value(ours, "guest-name"),
    };

    port_describe(port, &words);
}

static struct xenbus_device *create(void *context, domid_t domid, uint32_t devid,
                                    const struct xenbus_nodes *ours, const char **why)
{
    struct port *port = port_create(context, domid, devid, why);

    if (!port)
        return NULL;
    describe(port, ours);
    return &port->device;
}

static void changed(struct xenbus_device *device, const struct xenbus_nodes *ours)
{
    describe(port_of(device), ours);
}

static void destroy(struct xenbus_device *device)
{
    port_destroy(port_of(device));
}

/* --- what we offer ---------------------------------------------------------------------------- */

static unsigned offer(struct xenbus_device *device, struct xenbus_feature *features)
{
    static const struct xenbus_feature all[] = {
        {"feature-sg", "1"},
        {"feature-gso-tcpv4", "1"},
        {"feature-gso-tcpv6", "1"},
        {"feature-ipv6-csum-offload", "1"},
        {"feature-rx-copy", "1"},
        {"feature-xdp-headroom", "1"},
        {"feature-multicast-control", "1"},
        {"feature-dynamic-multicast-control", "1"},
        {"feature-split-event-channels", "1"},
        {"multi-queue-max-queues", "8"},
        {"feature-ctrl-ring", "1"},
    };

    (void)device;
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        features[i] = all[i];
    return sizeof(all) / sizeof(all[0]);
}

/* --- what the frontend says ------------------------------------------------------------------- */

static unsigned more_names(struct xenbus_device *device, const struct xenbus_nodes *frontend,
                           const char **names)
{
    (void)device;
    return vif_more_names(frontend, names);
}

static void failed(void *context, const char *why)
{
    struct port *port = context;

    xenbus_device_fail(&port->device, why);
}

static const struct netif_callbacks callbacks = {forward_work, failed, forward_multicast};

static int connect(struct xenbus_device *device, const struct xenbus_nodes *ours,
                   const struct xenbus_nodes *frontend, const char **why)
{
    struct port *port = port_of(device);
    struct vswitch *vswitch = port->vswitch;
    struct netif_config config;
    int error = vif_parse(frontend, device->domid, &config, why);

    (void)ours;
    if (error)
        return error;
    error = netif_connect(&port->netif, vswitch->hv, vswitch->loop, vswitch->arena, &config,
                          &callbacks, port, why);
    if (error)
        return error;
    error = port_connect(port);
    if (error) {
        *why = error == -ENOSPC ? "the switch has all the bridges it can have" : "out of memory";
        netif_disconnect(&port->netif);
    }
    return error;
}

static void disconnect(struct xenbus_device *device, const char *why)
{
    struct port *port = port_of(device);

    port_disconnect(port, why);
    netif_disconnect(&port->netif);
}

/* The only node that may change while the rings are connected; what is no headroom changes nothing.
 */
static void reconfigure(struct xenbus_device *device, const struct xenbus_nodes *frontend)
{
    struct netif_config *config = &port_of(device)->netif.config;

    (void)vif_headroom(frontend, &config->xdp_headroom);
}

static void settled(void *context)
{
    vswitch_settled(context);
}

static const struct xenbus_device_type type = {
    .name = "vif",
    .backend_names = backend_names,
    .frontend_names = vif_frontend_names,
    .devices = SWITCH_PORTS,
    .create = create,
    .features = offer,
    .more_names = more_names,
    .connect = connect,
    .disconnect = disconnect,
    .destroy = destroy,
    .changed = changed,
    .reconfigure = reconfigure,
    .settled = settled,
};

struct xenbus_backend *vif_backend_create(struct vswitch *vswitch)
{
    return xenbus_backend_create(vswitch->hv, vswitch->arena, vswitch->loop,
                                 vswitch->service->store, vswitch->log, &type, vswitch);
}
