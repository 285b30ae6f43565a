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

enum offload_gso { OFFLOAD_GSO_NONE, OFFLOAD_GSO_TCPV4, OFFLOAD_GSO_TCPV6 };

/**
 * Does what the sender asked for fit the frame? Checked on the snapshot before anyone is given it:
 * csum_blank only for TCP and UDP over IPv4 or IPv6, not for fragments; GSO only for TCP of the
 * named IP version, MSS not 0, headers in the snapshot and TCP payload not empty. GSO with a
 * payload of at most one MSS is no error: it becomes an ordinary frame (*@gso is cleared).
 */
bool offload_check(const struct packet *packet, bool csum_blank, enum offload_gso *gso,
                   uint16_t mss);

/** Fill in the TCP or UDP checksum of the whole frame at @frame. False: it is no such packet. */
bool offload_checksum(uint8_t *frame, size_t length);

/** Is the checksum there right? (For tests, and for what is mirrored.) */
bool offload_checksum_right(const uint8_t *frame, size_t length);

/** Cutting a frame up, one segment at a call. */
struct offload_segments {
    const uint8_t *frame; /**< the whole of it, private */
    size_t length;
    struct packet packet;
    uint16_t mss, headers; /**< @ref headers: bytes that each segment repeats */
    size_t at;             /**< payload bytes given out */
    uint16_t number;       /**< segments given out */
};

/** False: it is no TCP frame with a payload, or its headers are not sound. */
bool offload_segments_init(struct offload_segments *segments, const uint8_t *frame, size_t length,
                           enum offload_gso gso, uint16_t mss);

/**
 * The next segment: its headers (IP length, ID, TCP sequence, flags, checksum all filled in) into
 * @header (@ref headers bytes, PACKET_HEADER_MAX + 64 at most), and the piece of the frame's
 * payload that follows them. False: that was the last.
 */
bool offload_segment_next(struct offload_segments *segments, uint8_t *header,
                          const uint8_t **payload, size_t *length);

#endif
