/* SPDX-License-Identifier: ISC */
/**
 * @file mirror_wire.h
 * The stream of mirrored frames, from the switch to a consumer over a vchan: records one behind the
 * other, little endian, each a multiple of 8 bytes. The one definition for both ends.
 */
#ifndef COMMON_MIRROR_WIRE_H
#define COMMON_MIRROR_WIRE_H

#include <stdint.h>

#define MIRROR_VERSION 1U

enum mirror_kind {
    MIRROR_HELLO = 1, /**< first of all: struct mirror_hello */
    MIRROR_PORT = 2,  /**< a port's identity, before its first frame and when it changes */
    MIRROR_FRAME = 3, /**< struct mirror_frame_record and bytes of the frame, padded with zeros */
    MIRROR_LOST = 4,  /**< struct mirror_lost: frames left out since the last record */
    MIRROR_GONE = 5,  /**< a port is gone: struct mirror_port without names */
};

/** Begins each record. */
struct mirror_record {
    uint32_t length; /**< of the whole record, header and padding included; 8 to 65,536 + 64 */
    uint8_t kind;
    uint8_t flags; /**< sent as 0 */
    uint16_t port; /**< number of the port: FRAME, PORT, GONE */
};

struct mirror_hello {
    struct mirror_record record;
    uint32_t version;
    uint32_t snap;    /**< bytes of a frame at most; 65535: whole */
    uint64_t started; /**< wall clock of hv_now() 0, nanoseconds since 1970 */
};

struct mirror_port {
    struct mirror_record record;
    uint16_t domid;
    uint16_t vif;
    uint8_t identified; /**< uuid is known */
    uint8_t uplink;
    uint8_t mac[6];
    uint8_t uuid[16];
    uint8_t bridge_length, guest_length; /**< of the strings behind this struct, without NUL */
    uint8_t reserved[10];
};

#define MIRROR_EGRESS 1U /**< delivered to the port; else sent by it */
#define MIRROR_BLANK  2U /**< its TCP or UDP checksum is not filled in */
#define MIRROR_GSO    4U /**< larger than the wire would carry: mss says what it is to be cut to */

struct mirror_frame_record {
    struct mirror_record record;
    uint64_t time;     /**< wall clock, nanoseconds since 1970 */
    uint32_t original; /**< length of the frame */
    uint32_t captured; /**< bytes of it that follow */
    uint16_t vid;      /**< the VLAN it is in, 0: none */
    uint16_t mss;
    uint8_t frame_flags; /**< MIRROR_EGRESS... */
    uint8_t reserved[3];
};

struct mirror_lost {
    struct mirror_record record;
    uint64_t frames;
};

/* A record without anything behind its struct is a multiple of 8, too. */
_Static_assert(sizeof(struct mirror_record) == 8, "mirror_record");
_Static_assert(sizeof(struct mirror_hello) == 24, "mirror_hello");
_Static_assert(sizeof(struct mirror_port) == 48, "mirror_port");
_Static_assert(sizeof(struct mirror_frame_record) == 32, "mirror_frame_record");
_Static_assert(sizeof(struct mirror_lost) == 16, "mirror_lost");

#endif
