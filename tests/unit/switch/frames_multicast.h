/* SPDX-License-Identifier: ISC */
/**
 * @file frames_multicast.h
 * IGMP and MLD messages made by hand.
 */
#ifndef TESTS_UNIT_SWITCH_FRAMES_MULTICAST_H
#define TESTS_UNIT_SWITCH_FRAMES_MULTICAST_H

#include "services/netback-switch/packet.h"

#include "frames.h"

static inline void frame_put32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline void frame_sum(struct frame *frame, size_t ip, size_t message, size_t sum_at)
{
    size_t size = frame->size - message;
    uint32_t sum = 0;

    frame_set16(frame, sum_at, 0);
    if (frame->bytes[ip] >> 4 == 6) {
        sum = (uint32_t)size + 58;
        for (size_t i = ip + 8; i < ip + 40; i += 2)
            sum += packet_u16(frame->bytes + i);
    }
    for (size_t i = message; i < frame->size; i++)
        sum += (i - message) % 2 ? frame->bytes[i] : (uint32_t)frame->bytes[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    frame_set16(frame, sum_at, ~sum & 0xffff);
}

/* IGMP of @size bytes at @igmp (its checksum filled in) to @dest, with a router alert. */
static inline void frame_igmp(struct frame *frame, uint32_t dest, const void *igmp, size_t size)
{
    const uint8_t mac[6] = {1, 0, 0x5e, dest >> 16 & 0x7f, (uint8_t)(dest >> 8), (uint8_t)dest};
    size_t ip, message;

    frame_ether(frame, 0x0800);
    memcpy(frame->bytes, mac, 6);
    ip = frame_ipv4(frame, PACKET_IGMP, 0, 4);
    memcpy(frame->bytes + ip + 20, "\x94\x04\0\0", 4);
    frame->bytes[ip + 8] = 1;
    frame_set16(frame, ip + 16, dest >> 16);
    frame_set16(frame, ip + 18, dest & 0xffff);
    message = frame_bytes(frame, igmp, size);
    frame_end(frame, ip);
    frame_sum(frame, ip, message, message + 2);
}

/* ff02::@low, or ff05::@low with bit 16 of it. */
static inline void frame_group6(uint8_t address[16], uint32_t group)
{
    memset(address, 0, 16);
    address[0] = 0xff;
    address[1] = group >> 16 ? 5 : 2;
    address[14] = (uint8_t)(group >> 8);
    address[15] = (uint8_t)group;
}

static inline void frame_mld(struct frame *frame, uint32_t dest, const void *mld, size_t size)
{
    size_t ip, message;

    frame_ether(frame, 0x86dd);
    ip = frame_ipv6(frame, 0);
    frame->bytes[ip + 7] = 1;
    frame_group6(frame->bytes + ip + 24, dest);
    memcpy(frame->bytes, "\x33\x33", 2);
    memcpy(frame->bytes + 2, frame->bytes + ip + 36, 4);
    frame_bytes(frame, "\x3a\0\x05\x02\0\0\x01\0", 8);
    message = frame_bytes(frame, mld, size);
    frame_end(frame, ip);
    frame_sum(frame, ip, message, message + 2);
}

#endif
