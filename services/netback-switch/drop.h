/* SPDX-License-Identifier: ISC */
/**
 * @file drop.h
 * Why a frame went no further: one list for counters, events, tools and documents.
 *
 * Columns: C identifier, the name that tools show, what it means to the operator.
 */
#ifndef SWITCH_DROP_H
#define SWITCH_DROP_H

#define DROP_REASONS(DROP)                                                                         \
    /* the sender's doing */                                                                       \
    DROP(MALFORMED, "malformed", "slots, sizes or extra infos of a frame contradict each other")   \
    DROP(TOO_MANY_SLOTS, "too-many-slots", "a frame in more than 18 slots")                        \
    DROP(RUNT, "runt", "shorter than an Ethernet header")                                          \
    DROP(OVERSIZE, "oversize", "longer than the bridge's MTU, and no GSO")                         \
    DROP(BAD_GRANT, "bad-grant", "the sender's memory could not be copied")                        \
    DROP(BAD_OFFLOAD, "bad-offload", "GSO or checksum asked for what is no such packet")           \
    DROP(TRUNCATED, "truncated", "a protocol header ends before it should")                        \
    /* where it may go */                                                                          \
    DROP(NO_RULES, "no-rules", "the port's guest is not identified yet, and rules are in force")   \
    DROP(DISABLED, "disabled", "the port's locking mode is disabled")                              \
    DROP(SOURCE_MAC, "source-mac", "a locked port sent from another MAC")                          \
    DROP(SOURCE_IPV4, "source-ipv4", "a locked port sent from another IPv4 address")               \
    DROP(SOURCE_IPV6, "source-ipv6", "a locked port sent from another IPv6 address")               \
    DROP(ARP, "arp", "a locked port's ARP speaks for another address")                             \
    DROP(ND, "nd", "a locked port's neighbour discovery speaks for another address")               \
    DROP(DHCP_SERVER, "dhcp-server",                                                               \
         "a DHCP or DHCPv6 server or router advertisement on a port "                              \
         "that may have none")                                                                     \
    DROP(PROTOCOL, "protocol", "a locked port may send IPv4, IPv6, ARP and nothing else")          \
    DROP(VLAN, "vlan", "a VLAN that the port is not in")                                           \
    DROP(RESERVED, "reserved", "to a link-local control address, which no bridge forwards")        \
    DROP(LOOP, "loop", "a frame came back, or its port is blocked by the loop guard")              \
    DROP(ISOLATED, "isolated", "between two isolated ports")                                       \
    DROP(STORM, "storm", "beyond the rate for broadcast, multicast or unknown unicast")            \
    /* the receiver's doing */                                                                     \
    DROP(RATE_OUT, "rate-out", "beyond the rate to the port")                                      \
    DROP(NO_BUFFER, "no-buffer", "the receiver had no buffer posted, and its queue was full")      \
    DROP(STALLED, "stalled", "the receiver does not take frames any more")                         \
    DROP(RX_GRANT, "rx-grant", "the receiver's buffer could not be written")                       \
    DROP(NO_OFFLOAD, "no-offload", "the receiver cannot take it, and it could not be cut up")      \
    DROP(FILTERED, "filtered",                                                                     \
         "multicast that the receiver did not ask for, or unicast to "                             \
         "another MAC than a locked receiver's")                                                   \
    DROP(NO_PORT, "no-port", "nobody else is on the bridge, or the port went away meanwhile")      \
    DROP(SAME_PORT, "same-port", "the destination is where it came from")

enum drop_reason {
#define DROP_ENUM(id, name, meaning) DROP_##id,
    DROP_REASONS(DROP_ENUM)
#undef DROP_ENUM
        DROP_REASON_COUNT,
};

#define DROP_NONE DROP_REASON_COUNT /**< go on */

/** "source-mac"; lives for ever. */
const char *drop_name(enum drop_reason reason);
/** "a locked port sent from another MAC"; lives for ever. */
const char *drop_meaning(enum drop_reason reason);

#endif
