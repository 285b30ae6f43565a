/* SPDX-License-Identifier: ISC */
/**
 * @file policy.h
 * What a port may send and get by its locking mode: MAC, IPv4 and IPv6 addresses, with ARP,
 * neighbour discovery, DHCP-server and router-advertisement guard. Names as XenServer's VIF locking
 * modes.
 *
 * Unlocked: all passes. Disabled: nothing. Locked: only
 * - from the port's MACs, and IPv4, IPv6 and ARP alone, in at most one VLAN tag;
 * - from its IPv4 addresses, or from 0.0.0.0 as a DHCP client or in an IGMP report. With no IPv4
 *   address there is no IPv4 and no ARP; so with IPv6;
 * - from its IPv6 addresses, from the link-local address that its MAC makes (EUI-64; others only if
 *   a rule names them), or from :: in neighbour solicitations for an address of its own, router
 *   solicitations and listener reports;
 * - ARP requests and replies that speak for its MAC and its addresses; probes for its addresses;
 * - neighbour discovery that speaks for its MAC and addresses, with no extension header or fragment
 *   in it (RFC 6980), no redirects;
 * - DHCP requests for its MAC.
 *
 * Guard: a port that may be no DHCP server sends nothing that clients take for a server's, and no
 * router advertisement; nor what hides them (RFC 7113, CVE-2021-27853 to 27862). It is on for
 * locked ports, off for unlocked ones, and as the rule says where one does; never for uplinks.
 *
 * Decided on the snapshot alone; what the snapshot does not show of a locked or guarded port is
 * dropped (DROP_TRUNCATED), never let through.
 */
#ifndef SWITCH_POLICY_H
#define SWITCH_POLICY_H

#include "common/switch_rules.h"

#include "drop.h"
#include "packet.h"

/** A port's policy, made once for each generation and looked at for each frame. */
struct policy {
    enum rules_lock lock; /**< never RULES_LOCK_INHERIT */
    bool hold;            /**< nothing passes: DROP_NO_RULES; for the caller to set */
    bool uplink;
    bool dhcp_server; /**< no guard */
    uint8_t mac_count, ipv4_count, ipv6_count;
    uint8_t macs[RULES_MACS][6];
    struct rules_prefix ipv4[RULES_IPV4], ipv6[RULES_IPV6];
};

/**
 * Make it of the port's rules (NULL: none), its bridge's (NULL: none) and what libxl wrote: @mac
 * (NULL: none) and @addresses (its `ip`; only the addresses count of it; NULL: none), which hold
 * where the rules name no MAC, or no address of either kind. A bridge's locking mode is none of an
 * uplink's; its own rule can disable it. Sets hold to false.
 */
void policy_make(struct policy *policy, const struct rules_port *port,
                 const struct rules_bridge *bridge, const uint8_t *mac,
                 const struct rules_port *addresses);

/** policy_send() of ports for which there is something to look at. */
enum drop_reason policy_inspect(const struct policy *policy, const struct packet *packet);

/** May the port send this? DROP_NONE: yes. */
static inline enum drop_reason policy_send(const struct policy *policy, const struct packet *packet)
{
    if (policy->lock == RULES_LOCK_UNLOCKED && policy->dhcp_server && !policy->hold)
        return DROP_NONE;
    return policy_inspect(policy, packet);
}

/** May it be given to the port? A locked port gets unicast only to its own MACs; else
 * DROP_FILTERED. */
enum drop_reason policy_receive(const struct policy *policy, const struct packet *packet);

#endif
