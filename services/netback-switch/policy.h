/* SPDX-License-Identifier: ISC */
/**
 * @file policy.h
 * What a port may send and get by its locking mode: MAC, IPv4 and IPv6 addresses, with ARP,
 * neighbour discovery, DHCP-server and router-advertisement guard. Names as XenServer's VIF locking
 * modes.
 *
 * Decided on the snapshot alone; what the snapshot does not show of a locked port is dropped
 * (DROP_TRUNCATED), never let through.
 */
#ifndef SWITCH_POLICY_H
#define SWITCH_POLICY_H

#include "common/switch_rules.h"

#include "drop.h"
#include "packet.h"

/** A port's policy, made once for each generation and looked at for each frame. */
struct policy {
    enum rules_lock lock; /**< never RULES_LOCK_INHERIT */
    bool hold;            /**< nothing passes: DROP_NO_RULES */
    bool uplink;
    bool dhcp_server;
    uint8_t mac_count, ipv4_count, ipv6_count;
    uint8_t macs[RULES_MACS][6];
    struct rules_prefix ipv4[RULES_IPV4], ipv6[RULES_IPV6];
};

/**
 * Make it of the port's rules (NULL: none), its bridge's (NULL: none) and what libxl wrote: @mac
 * (NULL: none) and @addresses (its `ip`; only the address counts of it; NULL).
 * A locked IPv6 port may always use the link-local address (EUI-64 and any other in fe80::/64 is
 * not: only the one of its MAC) and the unspecified address for DAD and SLAAC.
 */
void policy_make(struct policy *policy, const struct rules_port *port,
                 const struct rules_bridge *bridge, const uint8_t *mac,
                 const struct rules_port *addresses);

/** May the port send this? DROP_NONE: yes. */
enum drop_reason policy_send(const struct policy *policy, const struct packet *packet);

/** May it be given to the port? A locked port gets unicast only to its own MACs. */
enum drop_reason policy_receive(const struct policy *policy, const struct packet *packet);

#endif
