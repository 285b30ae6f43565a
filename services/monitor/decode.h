/* SPDX-License-Identifier: ISC */
/**
 * @file decode.h
 * What one frame is: Ethernet II and 802.3, VLAN tags, ARP, IPv4, IPv6 with its extension headers,
 * TCP, UDP, UDP-Lite, SCTP, DCCP, ICMP, ICMPv6. Every byte was written by a stranger; nothing
 * behind @captured is looked at, and a length that a header claims is believed only as far as the
 * frame reaches. Checksums are not verified: senders leave them to hardware that a mirror sits
 * before.
 *
 * IP is found behind up to DECODE_TAGS tags (802.1Q, 802.1ad, 0x9100), LLC with SNAP, one PPPoE
 * session header, or MPLS labels. What lies in IP is not unpacked: of GRE, IPIP, 6in4, ESP, VXLAN
 * and what an ICMP error quotes only the outer datagram counts. AH is looked behind.
 *
 * Sources: IEEE 802.3, 802.2, 802.1Q, 802.1ad; RFC 826, 791, 8200, 4302, 6275, 2675, 9293, 768,
 * 3828, 9260, 4340, 792, 4443, 1042, 2516, 3032.
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
/** MPLS labels that are looked behind. */
#define DECODE_LABELS 8U

enum decode_result {
    DECODE_OK = 0,
    DECODE_SHORT,        /**< cut by the snap length before its addresses, ports or flags were seen:
                              what was seen whole is there */
    DECODE_MALFORMED,    /**< headers that contradict themselves or the frame's length, or more than
                              DECODE_EXTENSIONS of them: what comes before that is there, and of a
                              datagram that claims to be longer than its frame, all that is in it */
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

/** A frame as it was understood. Offsets count from the frame's first byte, numbers are in the
 * machine's order. What was not seen or does not apply is 0. (What is the same in most frames lies
 * together, so that few stores set it.) */
struct decoded {
    uint8_t source[16], destination[16]; /**< of IP; IPv4 in the first 4 bytes, the rest 0. ARP:
                                              sender's and target's protocol address */
    /** Of TCP, UDP, UDP-Lite, SCTP, DCCP. ICMP and ICMPv6: 0, of requests (echo, timestamp...) the
     * identifier; and type << 8 | code. A reply has the ports of its request swapped (of echo:
     * 0x0800, identifier), so that both are one conversation. */
    uint16_t source_port, destination_port;
    /** Of the datagram, its headers included, as its header says, but no more than the frame has;
     * where it says 0 (GSO frames, jumbograms): all that the frame has. */
    uint32_t ip_length;
    uint16_t vid[DECODE_TAGS]; /**< outer, inner; 0: no such tag, or one of priority only */
    /** Behind the tags, and in SNAP. Of 802.3 without SNAP the DSAP (0x42: spanning tree), which is
     * below 0x600 as no type is. */
    uint16_t ethertype;
    uint8_t tags;
    uint8_t family;    /**< enum decode_family */
    uint8_t tos;       /**< or traffic class */
    uint8_t ttl;       /**< or hop limit */
    uint8_t protocol;  /**< IPPROTO_*, behind IPv6's extension headers */
    uint8_t tcp_flags; /**< the low 8 */
    /** source_port and destination_port were seen. TCP's flags were, too, but with DECODE_SHORT and
     * in a first fragment of less than TCP's header. */
    bool ports;
    bool fragment;    /**< of a datagram in more than one */
    bool more;        /**< fragments follow */
    bool icmp_reply;  /**< the ports are swapped */
    uint32_t network; /**< offset of the network header; 0: none was found */
    /** Offset of what protocol says; 0: it is not there (a later fragment), or was not seen. */
    uint32_t transport;
    uint32_t payload;                  /**< offset of what TCP, UDP, UDP-Lite or SCTP carry */
    uint32_t payload_length;           /**< of it in this frame, as the headers say */
    uint32_t payload_captured;         /**< of it, there */
    uint32_t sequence, acknowledgment; /**< TCP */
    uint8_t icmp_type, icmp_code;
    uint16_t fragment_at;     /**< bytes before it in its datagram */
    uint16_t fragment_length; /**< bytes that it brings */
    uint16_t arp_operation;   /**< 1: request, 2: reply */
    uint32_t fragment_id;
    uint8_t arp_mac[6]; /**< sender's hardware address */
    uint8_t reserved[2];
};
_Static_assert(sizeof(struct decoded) == 104, "decoded");

/** Decode @captured bytes at @frame, of a frame of @length bytes (if that is less, of as many).
 * Everything in @decoded is set. */
enum decode_result decode_frame(const uint8_t *frame, size_t captured, size_t length,
                                struct decoded *decoded);

/** The words for a result, for counters: "ok", "short"... */
const char *decode_result_name(enum decode_result result);

#endif
