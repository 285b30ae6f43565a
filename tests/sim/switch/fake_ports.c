/* SPDX-License-Identifier: ISC */
#include "fake_ports.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "services/netback-switch/forward.h"

struct fake_ports fake_ports;

void fake_ports_reset(struct hv *hv, struct arena *arena, struct loop *loop, struct store *store,
                      struct log *log)
{
    memset(&fake_ports, 0, sizeof(fake_ports));
    fake_ports.room = 1000;
    fake_ports.service.store = store;
    fake_ports.vswitch.service = &fake_ports.service;
    fake_ports.vswitch.hv = hv;
    fake_ports.vswitch.arena = arena;
    fake_ports.vswitch.loop = loop;
    fake_ports.vswitch.log = log;
}

void fake_ports_fail(struct port *port, const char *why)
{
    ck_assert_ptr_nonnull(port->netif.callbacks);
    port->netif.callbacks->failed(port->netif.context, why);
}

/* --- ports.c */

struct port *port_create(struct vswitch *vswitch, domid_t domid, uint32_t devid, const char **why)
{
    struct port *port = NULL;

    if (fake_ports.ports < fake_ports.room)
        port = arena_zalloc(vswitch->arena, sizeof(*port));
    *why = "there is no room";
    if (port == NULL)
        return NULL;
    port->vswitch = vswitch;
    port->device.domid = domid;
    port->device.devid = devid;
    fake_ports.ports++;
    fake_ports.made++;
    fake_ports.last = port;
    return port;
}

static void take(char to[FAKE_WORD], const char *word)
{
    snprintf(to, FAKE_WORD, "%s", word != NULL ? word : "-");
}

void port_describe(struct port *port, const struct port_words *words)
{
    port->described = true;
    fake_ports.described++;
    take(fake_ports.mac, words->mac);
    take(fake_ports.bridge, words->bridge);
    take(fake_ports.vlan, words->vlan);
    take(fake_ports.rate, words->rate);
    take(fake_ports.addresses, words->addresses);
    take(fake_ports.uuid, words->guest_uuid);
    take(fake_ports.name, words->guest_name);
}

int port_connect(struct port *port)
{
    ck_assert(port->described && !port->connected);
    ck_assert_ptr_nonnull(port->netif.callbacks);
    if (fake_ports.port_error)
        return fake_ports.port_error;
    port->connected = true;
    fake_ports.connected++;
    fake_ports.connects++;
    return 0;
}

void port_disconnect(struct port *port, const char *why)
{
    ck_assert(port->connected && why != NULL);
    port->connected = false;
    fake_ports.connected--;
    fake_ports.disconnects++;
}

void port_destroy(struct port *port)
{
    ck_assert(!port->connected);
    ck_assert_ptr_null(port->netif.callbacks);
    fake_ports.ports--;
    if (fake_ports.last == port)
        fake_ports.last = NULL;
    arena_free(port->vswitch->arena, port, sizeof(*port));
}

/* --- netif.c */

static void check_config(const struct netif_config *config)
{
    ck_assert(config->queues >= 1 && config->queues <= NETIF_QUEUES_MAX);
    ck_assert_uint_le(config->xdp_headroom, 0x7fff);
    for (unsigned i = 0; i < config->queues; i++) {
        ck_assert(config->queue[i].tx_port != 0 && config->queue[i].rx_port != 0);
        ck_assert(config->queue[i].tx_ref != config->queue[i].rx_ref);
        for (unsigned j = 0; j < i; j++) {
            ck_assert(config->queue[i].tx_ref != config->queue[j].tx_ref);
            ck_assert(config->queue[i].tx_port != config->queue[j].tx_port);
            ck_assert(config->queue[i].rx_port != config->queue[j].rx_port);
        }
    }
    if (config->has_control)
        ck_assert(config->control_port != 0);
}

int netif_connect(struct netif *netif, struct hv *hv, struct loop *loop, struct arena *arena,
                  const struct netif_config *config, const struct netif_callbacks *callbacks,
                  void *context, const char **why)
{
    ck_assert_ptr_null(netif->callbacks);
    check_config(config);
    fake_ports.config = *config;
    if (fake_ports.netif_error) {
        *why = "a ring could not be mapped";
        return fake_ports.netif_error;
    }
    netif->hv = hv;
    netif->loop = loop;
    netif->arena = arena;
    netif->config = *config;
    netif->callbacks = callbacks;
    netif->context = context;
    return 0;
}

void netif_disconnect(struct netif *netif)
{
    ck_assert_ptr_nonnull(netif->callbacks);
    netif->callbacks = NULL;
}

/* --- the engine */

void forward_work(void *context, struct netif_queue *queue)
{
    (void)context;
    (void)queue;
}

bool forward_multicast(void *context, const uint8_t mac[6], bool add)
{
    (void)context;
    (void)mac;
    return add;
}

/* --- switch.c */

void vswitch_settled(struct vswitch *vswitch)
{
    fake_ports.settled++;
}
