/* SPDX-License-Identifier: ISC */
#include "policy.h"

#include <string.h>

#include "policy_guard.h"

/* --- making -------------------------------------------------------------------------------------
 */

static enum rules_lock lock_of(const struct rules_port *port, const struct rules_bridge *bridge)
{
    if (port != NULL && port->lock != RULES_LOCK_INHERIT)
        return port->lock;
    if (port != NULL && port->uplink)
        return RULES_LOCK_UNLOCKED;
    if (bridge != NULL && bridge->lock != RULES_LOCK_INHERIT)
        return bridge->lock;
    return RULES_LOCK_UNLOCKED;
}

static void take_addresses(struct policy *policy, const struct rules_port *from)
{
    policy->ipv4_count = from->ipv4_count;
    policy->ipv6_count = from->ipv6_count;
    memcpy(policy->ipv4, from->ipv4, sizeof(policy->ipv4));
    memcpy(policy->ipv6, from->ipv6, sizeof(policy->ipv6));
}

void policy_make(struct policy *policy, const struct rules_port *port,
                 const struct rules_bridge *bridge, const uint8_t *mac,
                 const struct rules_port *addresses)
{
    *policy = (struct policy){.lock = lock_of(port, bridge)};
    policy->uplink = port != NULL && port->uplink;
    policy->dhcp_server = policy->lock != RULES_LOCK_LOCKED;
    if (port != NULL && port->dhcp_server_set)
        policy->dhcp_server = port->dhcp_server;
    if (policy->uplink)
        policy->dhcp_server = true;

    if (port != NULL && port->mac_count > 0) {
        policy->mac_count = port->mac_count;
        memcpy(policy->macs, port->macs, sizeof(policy->macs));
    } else if (mac != NULL) {
        policy->mac_count = 1;
        memcpy(policy->macs[0], mac, sizeof(policy->macs[0]));
    }
    if (port != NULL && (port->ipv4_count > 0 || port->ipv6_count > 0))
        take_addresses(policy, port);
    else if (addresses != NULL)
        take_addresses(policy, addresses);
}

/* --- addresses ----------------------------------------------------------------------------------
 */

bool policy_has_mac(const struct policy *policy, const uint8_t mac[6])
{
    for (unsigned i = 0; i < policy->mac_count; i++)
        if (memcmp(policy->macs[i], mac, sizeof(policy->macs[i])) == 0)
            return true;
    return false;
}

static bool in_prefix(const struct rules_prefix *prefix, const uint8_t *address)
{
    unsigned bytes = prefix->length / 8, rest = prefix->length % 8;

    if (memcmp(prefix->address, address, bytes) != 0)
        return false;
    return rest == 0 || ((prefix->address[bytes] ^ address[bytes]) >> (8 - rest)) == 0;
}

bool policy_is_unspecified(const uint8_t *address, size_t size)
{
    uint8_t any = 0;

    for (size_t i = 0; i < size; i++)
        any |= address[i];
    return any == 0;
}

/* A prefix of no bits allows all that can be a guest's own. */
bool policy_has_ipv4(const struct policy *policy, const uint8_t address[4])
{
    if (address[0] >= 224 || policy_is_unspecified(address, 4))
        return false;
    for (unsigned i = 0; i < policy->ipv4_count; i++)
        if (in_prefix(&policy->ipv4[i], address))
            return true;
    return false;
}

/* fe80::/64 and the EUI-64 of @mac (RFC 4291, appendix A). */
static bool is_link_local_of(const uint8_t mac[6], const uint8_t address[16])
{
    const uint8_t own[16] = {0xfe,       0x80,   0,      0,    0,    0,      0,      0,
                             mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};

    return memcmp(own, address, sizeof(own)) == 0;
}

bool policy_has_ipv6(const struct policy *policy, const uint8_t address[16])
{
    if (address[0] == 0xff || policy->ipv6_count == 0 || policy_is_unspecified(address, 16))
        return false;
    for (unsigned i = 0; i < policy->mac_count; i++)
        if (is_link_local_of(policy->macs[i], address))
            return true;
    for (unsigned i = 0; i < policy->ipv6_count; i++)
        if (in_prefix(&policy->ipv6[i], address))
            return true;
    return false;
}

/* --- sending ------------------------------------------------------------------------------------
 */

/* What hosts say before they have an IPv4 address (RFC 2131, 4.1; RFC 3376, 4.2.13). */
static bool may_be_from_nowhere_ipv4(const struct packet *packet)
{
    if (packet->fragment || packet->first_fragment || packet->transport_at == 0)
        return false;
    if (packet->protocol == PACKET_IGMP)
        return packet->icmp_type != 0x11 && mac_is_group(packet_dest(packet));
    return policy_is_dhcp_client(packet);
}

static enum drop_reason inspect_ipv4(const struct policy *policy, const struct packet *packet)
{
    const uint8_t *source = packet->data + packet->network_at + 12;

    if (policy->ipv4_count == 0)
        return DROP_SOURCE_IPV4;
    if (!policy_has_ipv4(policy, source) &&
        !(policy_is_unspecified(source, 4) && may_be_from_nowhere_ipv4(packet)))
        return DROP_SOURCE_IPV4;
    return policy_is_dhcp_client(packet) ? policy_guard_dhcp_client(policy, packet) : DROP_NONE;
}

/* What hosts say before they have an IPv6 address (RFC 4861, 4862; RFC 3590). */
static bool may_be_from_nowhere_ipv6(const struct packet *packet)
{
    if (packet->protocol != PACKET_ICMPV6 || packet->fragment || packet->first_fragment ||
        packet->transport_at == 0)
        return false;
    switch (packet->icmp_type) {
    case ND_NEIGHBOUR_SOLICITATION:
    case ND_ROUTER_SOLICITATION:
    case MLD_REPORT:
    case MLD_DONE:
    case MLD2_REPORT:
        return true;
    default:
        return false;
    }
}

static enum drop_reason inspect_ipv6(const struct policy *policy, const struct packet *packet)
{
    const uint8_t *source = packet->data + packet->network_at + 8;

    if (policy->ipv6_count == 0)
        return DROP_SOURCE_IPV6;
    if (!policy_has_ipv6(policy, source) &&
        !(policy_is_unspecified(source, 16) && may_be_from_nowhere_ipv6(packet)))
        return DROP_SOURCE_IPV6;
    return policy_guard_nd(policy, packet);
}

static enum drop_reason inspect_locked(const struct policy *policy, const struct packet *packet)
{
    if (!policy_has_mac(policy, packet_source(packet)))
        return DROP_SOURCE_MAC;
    if (packet->stacked)
        return DROP_PROTOCOL;
    if (packet->truncated)
        return DROP_TRUNCATED;
    switch (packet->network) {
    case PACKET_ARP:
        return policy_guard_arp(policy, packet);
    case PACKET_IPV4:
        return inspect_ipv4(policy, packet);
    case PACKET_IPV6:
        return inspect_ipv6(policy, packet);
    default:
        return DROP_PROTOCOL;
    }
}

enum drop_reason policy_inspect(const struct policy *policy, const struct packet *packet)
{
    enum drop_reason reason = DROP_NONE;

    if (policy->hold)
        return DROP_NO_RULES;
    if (policy->lock == RULES_LOCK_DISABLED)
        return DROP_DISABLED;
    if (policy->lock == RULES_LOCK_LOCKED)
        reason = inspect_locked(policy, packet);
    if (reason == DROP_NONE && !policy->dhcp_server)
        reason = policy_guard_server(packet);
    return reason;
}

enum drop_reason policy_receive(const struct policy *policy, const struct packet *packet)
{
    if (policy->hold)
        return DROP_NO_RULES;
    if (policy->lock == RULES_LOCK_UNLOCKED)
        return DROP_NONE;
    if (policy->lock == RULES_LOCK_DISABLED)
        return DROP_DISABLED;
    if (mac_is_group(packet_dest(packet)) || policy_has_mac(policy, packet_dest(packet)))
        return DROP_NONE;
    return DROP_FILTERED;
}
