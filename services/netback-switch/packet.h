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

/** Offsets count from the frame's first byte; 0: there is no such header in the snapshot. */
struct packet {
    const uint8_t *data; /**< the snapshot */
    uint16_t captured;   /**< bytes of it */
    uint32_t length;     /**< of the whole frame */
    bool tagged;         /**< has an 802.1Q tag (0x8100), priority tags (VID 0) included */
    uint16_t tci;        /**< of that tag */
    bool stacked;        /**< a second tag, or an 802.1ad one (0x88a8), is inside or in front */
    uint16_t ethertype;  /**< behind the tags; below 0x600: an 802.3 length */
    enum packet_network network;
    uint8_t protocol;    /**< IP protocol behind the extension headers */
    bool fragment;       /**< not the first fragment: no transport header */
    bool first_fragment; /**< a first fragment with more to follow */
    bool truncated;      /**< a header that should be there is cut short: by the frame's end if
                              captured == length, else by the snapshot's */
    uint16_t network_at, transport_at, payload_at;
    uint16_t source_port, dest_port; /**< TCP, UDP; host order */
    uint8_t icmp_type;               /**< ICMP, ICMPv6, IGMP (where transport_at is not 0) */
};

/**
 * Look at the @captured bytes at @data of a frame of @length. False: it is shorter than an Ethernet
 * header; nothing of @packet but data, captured and length is set then.
 */
bool packet_parse(struct packet *packet, const uint8_t *data, size_t captured, size_t length);

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
