/* SPDX-License-Identifier: ISC */
/**
 * @file frames.h
 * Frames made by hand, byte by byte, for tests of the switch's parts.
 */
#ifndef TESTS_UNIT_SWITCH_FRAMES_H
#define TESTS_UNIT_SWITCH_FRAMES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct frame {
    uint8_t bytes[2048];
    size_t size;
};

/** Behind what is there: @size bytes. Returns where they begin. */
static inline size_t frame_bytes(struct frame *frame, const void *bytes, size_t size)
{
    size_t at = frame->size;

    if (size > sizeof(frame->bytes) - at)
        abort();
    if (bytes)
        memcpy(frame->bytes + at, bytes, size);
    else
        memset(frame->bytes + at, 0, size);
    frame->size += size;
    return at;
}

static inline size_t frame_u8(struct frame *frame, unsigned value)
{
    uint8_t byte = (uint8_t)value;

    return frame_bytes(frame, &byte, 1);
}

static inline size_t frame_u16(struct frame *frame, unsigned value)
{
    frame_u8(frame, value >> 8);
    return frame_u8(frame, value) - 1;
}

static inline void frame_set16(struct frame *frame, size_t at, unsigned value)
{
    frame->bytes[at] = (uint8_t)(value >> 8);
    frame->bytes[at + 1] = (uint8_t)value;
}

/** A new frame, from 02:00:00:00:00:02 to ..:01, up to its type. */
static inline void frame_ether(struct frame *frame, unsigned type)
{
    static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

    frame->size = 0;
    frame_bytes(frame, macs, sizeof(macs));
    frame_u16(frame, type);
}

/** The TCI of a tag and the type behind it. */
static inline void frame_tag(struct frame *frame, unsigned tci, unsigned type)
{
    frame_u16(frame, tci);
    frame_u16(frame, type);
}

/**
 * IPv4 from 10.0.0.2 to 10.0.0.1 with @options bytes of options; its length is filled in by
 * frame_end().
 */
static inline size_t frame_ipv4(struct frame *frame, unsigned protocol, unsigned fragment,
                                unsigned options)
{
    static const uint8_t addresses[8] = {10, 0, 0, 2, 10, 0, 0, 1};
    size_t at = frame_u8(frame, 0x45 + options / 4);

    frame_u8(frame, 0);
    frame_u16(frame, 0);
    frame_u16(frame, 77);
    frame_u16(frame, fragment);
    frame_u8(frame, 64);
    frame_u8(frame, protocol);
    frame_u16(frame, 0);
    frame_bytes(frame, addresses, sizeof(addresses));
    for (unsigned i = 0; i < options; i++)
        frame_u8(frame, 1);
    return at;
}

/** IPv6 from fe80::2 to fe80::1. */
static inline size_t frame_ipv6(struct frame *frame, unsigned next)
{
    uint8_t address[16] = {0xfe, 0x80};
    size_t at = frame_u8(frame, 0x60);

    frame_bytes(frame, NULL, 3);
    frame_u16(frame, 0);
    frame_u8(frame, next);
    frame_u8(frame, 64);
    for (uint8_t last = 2; last >= 1; last--) {
        address[15] = last;
        frame_bytes(frame, address, sizeof(address));
    }
    return at;
}

/** The IP packet at @ip ends here. */
static inline void frame_end(struct frame *frame, size_t ip)
{
    if (frame->bytes[ip] >> 4 == 4)
        frame_set16(frame, ip + 2, (unsigned)(frame->size - ip));
    else
        frame_set16(frame, ip + 4, (unsigned)(frame->size - ip - 40));
}

/** UDP from port 1000 to 2000 with @payload bytes. */
static inline size_t frame_udp(struct frame *frame, unsigned payload)
{
    size_t at = frame_u16(frame, 1000);

    frame_u16(frame, 2000);
    frame_u16(frame, 8 + payload);
    frame_u16(frame, 0);
    frame_bytes(frame, NULL, payload);
    return at;
}

/** TCP from port 1000 to 2000 whose header says @words words, with @options bytes of them there. */
static inline size_t frame_tcp(struct frame *frame, unsigned words, unsigned options,
                               unsigned payload)
{
    size_t at = frame_u16(frame, 1000);

    frame_u16(frame, 2000);
    frame_bytes(frame, NULL, 8);
    frame_u8(frame, words << 4);
    frame_u8(frame, 0x10);
    frame_u16(frame, 1024);
    frame_bytes(frame, NULL, 4);
    for (unsigned i = 0; i < options; i++)
        frame_u8(frame, 1);
    frame_bytes(frame, NULL, payload);
    return at;
}

#endif
