/* SPDX-License-Identifier: ISC */
#include "policy_guard.h"

#include <string.h>

#define DHCP_SERVER   67U
#define DHCP_CLIENT   68U
#define DHCPV6_CLIENT 546U
#define DHCPV6_SERVER 547U

/* --- servers ------------------------------------------------------------------------------------
 */

/* Types that a receiver might look behind, and we did not: a third tag, IP in 802.2 with SNAP. */
static bool hides(const struct packet *packet)
{
    const uint8_t *behind;
    unsigned at;

    switch (packet->ethertype) {
    case 0x8100:
    case 0x88a8:
    case 0x9100:
    case 0x9200:
        return true;
    default:
        break;
    }
    if (packet->ethertype >= 0x600)
        return false;
    at = packet->payload_at;
    behind = packet->data + at;
    return at == 0 || packet->captured - at < 3 ||
           (behind[0] >> 1 == 0x55 && behind[1] >> 1 == 0x55);
}

/* By what clients listen to: some take a server's answer from any port of its. */
static bool is_server(uint16_t source, uint16_t dest, uint16_t server, uint16_t client)
{
    return source == server || dest == client;
}

enum drop_reason policy_guard_server(const struct packet *packet)
{
    bool server = false;

    if (packet->truncated)
        return DROP_TRUNCATED;
    if (packet->network == PACKET_OTHER)
        return hides(packet) ? DROP_PROTOCOL : DROP_NONE;
    if (packet->network == PACKET_ARP || packet->transport_at == 0)
        return DROP_NONE;
    if (packet->protocol == PACKET_UDP && packet->network == PACKET_IPV4)
        server = is_server(packet->source_port, packet->dest_port, DHCP_SERVER, DHCP_CLIENT);
    else if (packet->protocol == PACKET_UDP)
        server = is_server(packet->source_port, packet->dest_port, DHCPV6_SERVER, DHCPV6_CLIENT);
    else if (packet->protocol == PACKET_ICMPV6 && packet->network == PACKET_IPV6)
        server = packet->icmp_type == ND_ROUTER_ADVERTISEMENT;
    return server ? DROP_DHCP_SERVER : DROP_NONE;
}

/* --- DHCP clients -------------------------------------------------------------------------------
 */

bool policy_is_dhcp_client(const struct packet *packet)
{
    return packet->network == PACKET_IPV4 && packet->protocol == PACKET_UDP &&
           packet->transport_at != 0 && packet->source_port == DHCP_CLIENT &&
           packet->dest_port == DHCP_SERVER;
}

enum drop_reason policy_guard_dhcp_client(const struct policy *policy, const struct packet *packet)
{
    const uint8_t *message = packet->data + packet->payload_at;

    /* op, htype, hlen, ..., chaddr at 28 (RFC 2131, figure 1). */
    if (packet->captured < packet->payload_at + 34U)
        return DROP_TRUNCATED;
    if (message[0] != 1 || message[1] != 1 || message[2] != 6)
        return DROP_DHCP_SERVER;
    return policy_has_mac(policy, message + 28) ? DROP_NONE : DROP_SOURCE_MAC;
}

/* --- ARP ----------------------------------------------------------------------------------------
 */

enum drop_reason policy_guard_arp(const struct policy *policy, const struct packet *packet)
{
    static const uint8_t ethernet_ipv4[6] = {0, 1, 8, 0, 6, 4};
    const uint8_t *arp = packet->data + packet->network_at;
    const uint8_t *sender = arp + 14, *target = arp + 24;
    unsigned operation = packet_u16(arp + 6);

    if (memcmp(arp, ethernet_ipv4, sizeof(ethernet_ipv4)) != 0)
        return DROP_ARP;
    if ((operation != 1 && operation != 2) || !policy_has_mac(policy, arp + 8))
        return DROP_ARP;
    if (policy_has_ipv4(policy, sender))
        return DROP_NONE;
    /* A probe (RFC 5227): who answers it, or probes too, gives the address up. */
    if (operation == 1 && policy_is_unspecified(sender, 4) && policy_has_ipv4(policy, target))
        return DROP_NONE;
    return DROP_ARP;
}

/* --- neighbour discovery (RFC 4861) -------------------------------------------------------------
 */

/* Link-layer addresses in the options from @at to @end are the port's. */
static enum drop_reason check_options(const struct policy *policy, const struct packet *packet,
                                      unsigned at, unsigned end, bool unspecified)
{
    while (at < end) {
        const uint8_t *option = packet->data + at;
        unsigned size;

        if (packet->captured < at + 8U || end < at + 8U)
            return DROP_TRUNCATED;
        size = option[1] * 8U;
        if (size == 0)
            return DROP_ND;
        if ((option[0] == 1 || option[0] == 2) &&
            (size != 8 || unspecified || !policy_has_mac(policy, option + 2)))
            return DROP_ND;
        at += size;
    }
    return at == end ? DROP_NONE : DROP_TRUNCATED;
}

/* Bytes of the message before its options; 0: it is none of these. */
static unsigned fixed_size(unsigned type)
{
    switch (type) {
    case ND_ROUTER_SOLICITATION:
        return 8;
    case ND_ROUTER_ADVERTISEMENT:
        return 16;
    case ND_NEIGHBOUR_SOLICITATION:
    case ND_NEIGHBOUR_ADVERTISEMENT:
        return 24;
    case ND_REDIRECT:
        return 40;
    default:
        return 0;
    }
}

enum drop_reason policy_guard_nd(const struct policy *policy, const struct packet *packet)
{
    const uint8_t *ip = packet->data + packet->network_at;
    unsigned at = packet->transport_at, end, size;
    bool unspecified = policy_is_unspecified(ip + 8, 16);

    if (packet->protocol != PACKET_ICMPV6 || at == 0)
        return DROP_NONE;
    size = fixed_size(packet->icmp_type);
    if (size == 0)
        return DROP_NONE;
    /* No host puts anything between the IPv6 header and these; who does wants to hide them. */
    if (at != packet->network_at + 40U || packet->icmp_type == ND_REDIRECT)
        return DROP_ND;
    end = at + packet_u16(ip + 4);
    if (end < at + size)
        return DROP_ND;
    if (packet->captured < at + size)
        return DROP_TRUNCATED;

    /* Routers are asked for by a rule; what they announce can be longer than the snapshot. */
    if (packet->icmp_type == ND_ROUTER_ADVERTISEMENT) {
        unsigned seen = packet->captured < end ? packet->captured : end;

        return check_options(policy, packet, at + size, at + size + (seen - at - size) / 8 * 8,
                             false) == DROP_ND
                   ? DROP_ND
                   : DROP_NONE;
    }
    /* The target is spoken for in an advertisement, and in detection of duplicates. */
    if ((packet->icmp_type == ND_NEIGHBOUR_ADVERTISEMENT ||
         (packet->icmp_type == ND_NEIGHBOUR_SOLICITATION && unspecified)) &&
        !policy_has_ipv6(policy, packet->data + at + 8))
        return DROP_ND;
    return check_options(policy, packet, at + size, end, unspecified);
}
