/* SPDX-License-Identifier: ISC */
/**
 * @file decode.h
 * What one frame is: Ethernet, VLAN tags, ARP, IPv4, IPv6 with its extension headers, TCP, UDP,
 * ICMP, ICMPv6. Every byte was written by a stranger; nothing behind @captured is looked at, and a
 * length that a header claims is believed only as far as the frame reaches.
 *
 * Sources: IEEE 802.3, 802.1Q, 802.1ad; RFC 826, 791, 8200, 9293, 768, 792, 4443, 4861.
 */
#ifndef MONITOR_DECODE_H
#define MONITOR_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** VLAN tags that are looked behind. */
#define DECODE_TAGS 2U
/** IPv6 extension headers that are looked behind, in one frame. */
#define DECODE_EXTENSIONS 8U

enum decode_result {
    DECODE_OK = 0,
    DECODE_SHORT,        /**< cut by the snap length before its addresses, ports or flags were seen:
                              what was seen is there */
    DECODE_MALFORMED,    /**< headers that contradict themselves or the frame's length */
    DECODE_NOT_ETHERNET, /**< fewer than 14 bytes */
    DECODE_RESULTS
};

enum decode_family { DECODE_OTHER = 0, DECODE_IPV4 = 4, DECODE_IPV6 = 6, DECODE_ARP = 1 };

#define DECODE_TCP_FIN 0x01U
#define DECODE_TCP_SYN 0x02U
#define DECODE_TCP_RST 0x04U
#define DECODE_TCP_PSH 0x08U
#define DECODE_TCP_ACK 0x10U
#define DECODE_TCP_URG 0x20U

/** A frame as it was understood. Offsets count from the frame's first byte. */
struct decoded {
    uint8_t source[16], destination[16];    /**< of IP; IPv4 in the first 4 bytes, the rest 0. ARP:
                                                 sender's and target's protocol address */
    uint16_t source_port, destination_port; /**< TCP, UDP, SCTP, UDP-Lite. ICMP: 0 and type << 8 |
                                                 code; of echo: the identifier and type << 8 */
    uint16_t vid[DECODE_TAGS];              /**< outer, inner; 0: no such tag */
    uint8_t tags;
    uint8_t family;    /**< enum decode_family */
    uint8_t protocol;  /**< IPPROTO_*, behind IPv6's extension headers */
    uint8_t tcp_flags; /**< the low 8 */
    uint8_t tos;       /**< or traffic class */
    uint8_t ttl;       /**< or hop limit */
    uint8_t icmp_type, icmp_code;
    bool ports;           /**< source_port, destination_port (and of TCP the flags) were seen */
    bool fragment;        /**< of a datagram in more than one */
    bool more;            /**< fragments follow */
    uint16_t fragment_at; /**< bytes before it in its datagram */
    uint32_t fragment_id;
    uint16_t ethertype; /**< behind the tags */
    uint32_t ip_length; /**< of the datagram, its headers included, as its header says; of a GSO
                             frame, and of jumbograms: of the frame's rest */
    uint32_t sequence, acknowledgment; /**< TCP */
    uint32_t network;                  /**< offset of the network header; 0: none was found */
    uint32_t transport;                /**< offset of the transport header; 0: none was found */
    uint32_t payload;                  /**< offset of TCP's or UDP's payload */
    uint32_t payload_length;           /**< of it, as the headers say */
    uint32_t payload_captured;         /**< of it, there */
    uint16_t arp_operation;            /**< 1: request, 2: reply */
    uint8_t arp_mac[6];                /**< sender's hardware address */
};

/** Decode @captured bytes at @frame, of a frame of @length bytes. Everything in @decoded is set. */
enum decode_result decode_frame(const uint8_t *frame, size_t captured, size_t length,
                                struct decoded *decoded);

/** The words for a result, for counters: "ok", "short"... */
const char *decode_result_name(enum decode_result result);

#endif
