/* SPDX-License-Identifier: ISC */
/**
 * @file policy_guard.h
 * Inside of policy.h: whom the protocols that configure a network speak for. policy.c says who may
 * send at all, policy_guard.c looks into ARP, neighbour discovery and DHCP.
 */
#ifndef SWITCH_POLICY_GUARD_H
#define SWITCH_POLICY_GUARD_H

#include "policy.h"

/** Is it one of the port's? */
bool policy_has_mac(const struct policy *policy, const uint8_t mac[6]);
bool policy_has_ipv4(const struct policy *policy, const uint8_t address[4]);
/** Its prefixes and the link-local address of its MACs. */
bool policy_has_ipv6(const struct policy *policy, const uint8_t address[16]);

/** 0.0.0.0, or ::, of @size bytes. */
bool policy_is_unspecified(const uint8_t *address, size_t size);

/** Does it come from a DHCP server or a router, or hide whether it does? Any port. */
enum drop_reason policy_guard_server(const struct packet *packet);

/** A locked port's ARP. */
enum drop_reason policy_guard_arp(const struct policy *policy, const struct packet *packet);

/** A locked port's neighbour discovery; DROP_NONE, too, if it is none. */
enum drop_reason policy_guard_nd(const struct policy *policy, const struct packet *packet);

/** Is it from a DHCP client to servers? */
bool policy_is_dhcp_client(const struct packet *packet);

/** A locked port's request as a DHCP client: for a MAC of its own? */
enum drop_reason policy_guard_dhcp_client(const struct policy *policy, const struct packet *packet);

/** ICMPv6 types (IANA). */
enum {
    ND_ROUTER_SOLICITATION = 133,
    ND_ROUTER_ADVERTISEMENT = 134,
    ND_NEIGHBOUR_SOLICITATION = 135,
    ND_NEIGHBOUR_ADVERTISEMENT = 136,
    ND_REDIRECT = 137,
    MLD_REPORT = 131,
    MLD_DONE = 132,
    MLD2_REPORT = 143,
};

#endif
