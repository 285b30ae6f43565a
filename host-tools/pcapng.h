/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/pcapng.h
 * Writes frames as pcapng (draft-ietf-opsawg-pcapng), which tcpdump and Wireshark read: an
 * interface for each port, times in nanoseconds, the direction of each frame.
 */
#ifndef ATOLL_PCAPNG_H
#define ATOLL_PCAPNG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Directions, as a frame's flags have them. */
enum pcapng_direction { PCAPNG_UNKNOWN = 0, PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

struct pcapng_frame {
    uint32_t interface;
    uint64_t time; /**< nanoseconds since 1970 */
    uint32_t original, captured;
    const uint8_t *data;
    enum pcapng_direction direction;
    uint64_t lost; /**< frames that are missing before it */
};

/** The first block of a file. Each: 0, or -1 where @out fails, with errno. */
int pcapng_begin(FILE *out, const char *application);

/** An interface; they count from 0 on in the order of these calls. @snap: bytes of a frame at most,
 * the same for all, 0: whole. */
int pcapng_interface(FILE *out, const char *name, const char *description, uint32_t snap);

int pcapng_write(FILE *out, const struct pcapng_frame *frame);

/** What is said of an interface at the end of a file: frames that it has there, and frames that
 * were lost. @time: nanoseconds since 1970, of the last frame. */
int pcapng_statistics(FILE *out, uint32_t interface, uint64_t time, uint64_t frames, uint64_t lost);

#endif
