/* SPDX-License-Identifier: ISC */
/**
 * @file packet.h
 * What a frame's first bytes say: Ethernet, one or two VLAN tags, ARP, IPv4, IPv6 with extension
 * headers, and the ports or types behind. Works on a private snapshot of the headers only
 * (XSA-155); bounded: at most PACKET_EXTENSIONS extension headers are walked.
 *
 * Sources: IEEE 802.3, 802.1Q-2018; RFC 791, 826, 8200, 4443, 9293, 768.
 */
#ifndef SWITCH_PACKET_H
#define SWITCH_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How many bytes of a frame the switch looks at: what is copied to the snapshot at most. */
#define PACKET_HEADER_MAX 128U
#define PACKET_EXTENSIONS 8U

#define ETHER_HEADER 14U
#define ETHER_TAG    4U

enum packet_network { PACKET_OTHER, PACKET_ARP, PACKET_IPV4, PACKET_IPV6 };

/**
 * Offsets count from the frame's first byte; 0: there is no such header in the snapshot.
 *
 * What holds after packet_parse():
 * - @ref tagged only if the tag at byte 12 is 802.1Q and is there to its end, with the type behind
 *   it: without that tag there would still be a whole Ethernet header. An 802.1ad tag in front is
 *   @ref stacked alone, since no bridge of customers' VLANs may read it as theirs.
 * - At most two tags are looked behind. A third, or one that is cut short (@ref truncated), leaves
 *   its own type in @ref ethertype: 0x8100, 0x88a8.
 * - @ref network is PACKET_ARP only with 28 bytes of ARP at @ref network_at, PACKET_IPV4 with the
 * 20 and PACKET_IPV6 with the 40 bytes of the fixed header there, of that version and of a length
 *   that is none below its own. All else is PACKET_OTHER, whatever the type claims.
 * - @ref transport_at is not 0 only if the header's fixed part lies in the snapshot and in what IP
 *   says is its length: TCP 20 bytes; UDP, ICMP and IGMP 8; ICMPv6 4; other protocols none. An IP
 *   length of 0 says nothing (senders of GSO leave it out).
 */
struct packet {
    const uint8_t *data; /**< the snapshot */
    uint16_t captured;   /**< bytes of it */
    uint32_t length;     /**< of the whole frame */
    bool tagged;         /**< has an 802.1Q tag (0x8100), priority tags (VID 0) included */
    uint16_t tci;        /**< of that tag */
    bool stacked;        /**< a second tag, or an 802.1ad one (0x88a8), is inside or in front */
    uint16_t ethertype;  /**< behind the tags; below 0x600: an 802.3 length */
    enum packet_network network;
    uint8_t protocol;    /**< IP protocol behind the extension headers, as far as they go */
    bool fragment;       /**< not the first fragment: no transport header */
    bool first_fragment; /**< a first fragment with more to follow */
    bool truncated;      /**< a header that should be there is cut short: by the frame's end or by
                              IP's length if captured == length, else maybe by the snapshot's end;
                              or more extension headers than PACKET_EXTENSIONS */
    uint16_t network_at, transport_at;
    uint16_t payload_at; /**< behind the last of the headers above, maybe == captured; of TCP as
                              packet_tcp_payload(). 0 if @ref truncated */
    uint16_t source_port, dest_port; /**< TCP, UDP; host order */
    uint8_t icmp_type;               /**< ICMP, ICMPv6, IGMP (where transport_at is not 0) */
};

/* IP protocols (IANA), and the extension headers that are walked. */
#define PACKET_ICMP   1U
#define PACKET_IGMP   2U
#define PACKET_TCP    6U
#define PACKET_UDP    17U
#define PACKET_ICMPV6 58U
#define PACKET_PIM    103U

/**
 * Look at the @captured bytes at @data of a frame of @length (not more than 65,535 of them, and not
 * more than @length). False: there is no whole Ethernet header; nothing of @packet but data,
 * captured and length is set then, the rest is zero.
 */
bool packet_parse(struct packet *packet, const uint8_t *data, size_t captured, size_t length);

/** The 16 bits at @bytes, network order. */
static inline uint16_t packet_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline const uint8_t *packet_dest(const struct packet *packet)
{
    return packet->data;
}

static inline const uint8_t *packet_source(const struct packet *packet)
{
    return packet->data + 6;
}

static inline bool mac_is_group(const uint8_t mac[6])
{
    return mac[0] & 1;
}

/** Where the payload of a TCP segment begins (its header's length field read); 0: not in the
 * snapshot, or no sound TCP header. */
uint16_t packet_tcp_payload(const struct packet *packet);

#endif
