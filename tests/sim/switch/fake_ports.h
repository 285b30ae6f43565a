/* SPDX-License-Identifier: ISC */
/**
 * @file fake_ports.h
 * Ports and netifs that only keep account, in the place of the switch's own, so that vif.c can be
 * watched: each call is checked for its order and for what it is given.
 */
#ifndef TESTS_SIM_SWITCH_FAKE_PORTS_H
#define TESTS_SIM_SWITCH_FAKE_PORTS_H

#include "services/netback-switch/switch.h"

#define FAKE_WORD 1100U

struct fake_ports {
    struct vswitch vswitch;
    struct service service;
    unsigned ports, connected;
    unsigned made, described, connects, disconnects, settled; /**< so far */
    struct port *last;
    struct netif_config config; /**< of the last netif_connect() */
    char mac[FAKE_WORD], bridge[FAKE_WORD], vlan[FAKE_WORD], rate[FAKE_WORD], addresses[FAKE_WORD],
        uuid[FAKE_WORD], name[FAKE_WORD]; /**< as last described; "-": none */
    int netif_error, port_error;          /**< that the next ones answer */
    unsigned room;                        /**< ports there may be */
};

/** The one that the switch's functions work on. */
extern struct fake_ports fake_ports;

void fake_ports_reset(struct hv *hv, struct arena *arena, struct loop *loop, struct store *store,
                      struct log *log);

/** The netif of @port fails. */
void fake_ports_fail(struct port *port, const char *why);

#endif
