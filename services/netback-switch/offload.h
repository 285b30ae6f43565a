/* SPDX-License-Identifier: ISC */
/**
 * @file offload.h
 * What hardware would do, for receivers that cannot: internet checksums and TCP segmentation, on a
 * private copy of a whole frame. Constant memory; the frame is at most 65,535 bytes.
 *
 * Sources: RFC 1071, 1624 (checksums), 9293 (TCP), 6864 (IPv4 ID of segments); Linux
 * net/core/skbuff.c skb_segment() and tcp_gso_segment() for what receivers expect.
 */
#ifndef SWITCH_OFFLOAD_H
#define SWITCH_OFFLOAD_H

#include "packet.h"

/** No sender's MSS is smaller (Linux: TCP_MIN_SND_MSS less the longest options), and nobody shall
 * make the switch cut a frame into more pieces than that. */
#define OFFLOAD_MSS_MIN 8U

/** The longest headers that segments repeat. */
#define OFFLOAD_HEADERS_MAX (PACKET_HEADER_MAX + 64U)

enum offload_gso { OFFLOAD_GSO_NONE, OFFLOAD_GSO_TCPV4, OFFLOAD_GSO_TCPV6 };

/**
 * Does what the sender asked for fit the frame? Checked on the snapshot before anyone is given it:
 * csum_blank only for TCP and UDP over IPv4 or IPv6, not for fragments, and not beyond the frame's
 * end; GSO only for TCP of the named IP version, MSS at least OFFLOAD_MSS_MIN, headers in the
 * snapshot and TCP payload not empty. GSO with a payload of at most one MSS is no error: it becomes
 * an ordinary frame (*@gso is cleared). GSO implies that the checksum is blank, whether the sender
 * says so or not.
 */
bool offload_check(const struct packet *packet, bool csum_blank, enum offload_gso *gso,
                   uint16_t mss);

/**
 * Fill in the TCP or UDP checksum of the whole frame at @frame; what stands there does not count.
 * False: it is no such packet, or a fragment, or longer than the frame.
 */
bool offload_checksum(uint8_t *frame, size_t length);

/** Is the checksum there right? (For tests, and for what is mirrored.) No checksum of UDP over IPv4
 * is right. */
bool offload_checksum_right(const uint8_t *frame, size_t length);

/** The internet checksum's sum of @length bytes, added to @sum, of which the bytes before came to
 * an even number; 64 bits wide, in the machine's byte order. */
uint64_t offload_sum(uint64_t sum, const void *bytes, size_t length);

/** Cutting a frame up, one segment at a call. */
struct offload_segments {
    const uint8_t *frame; /**< the whole of it, private */
    size_t end; /**< of the TCP payload: IP's length where it says one, else the frame's */
    struct packet packet;
    uint16_t mss, headers; /**< @ref headers: bytes that each segment repeats */
    size_t at;             /**< payload bytes given out */
    uint16_t number;       /**< segments given out */
};

/** False: it is no TCP frame with a payload, or its headers are not sound, or longer than
 * OFFLOAD_HEADERS_MAX. */
bool offload_segments_init(struct offload_segments *segments, const uint8_t *frame, size_t length,
                           enum offload_gso gso, uint16_t mss);

/**
 * The next segment: its headers (IP length, ID, TCP sequence, flags, checksum all filled in) into
 * @header (@ref headers bytes, OFFLOAD_HEADERS_MAX at most), and the piece of the frame's payload
 * that follows them. False: that was the last.
 *
 * FIN and PSH are the last segment's, CWR is the first one's. The IPv4 ID grows by one a segment;
 * it stays 0 where it is 0 and the packet is not to be fragmented (RFC 6864: such a packet has
 * none).
 */
bool offload_segment_next(struct offload_segments *segments, uint8_t *header,
                          const uint8_t **payload, size_t *length);

#endif
