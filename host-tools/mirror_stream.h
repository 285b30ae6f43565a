/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/mirror_stream.h
 * The stream of a mirror (common/mirror_wire.h), as it comes from the switch, to a pcapng file.
 * What comes is checked as if anybody had sent it.
 */
#ifndef ATOLL_MIRROR_STREAM_H
#define ATOLL_MIRROR_STREAM_H

#include "common/mirror_read.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct mirror_stream {
    FILE *out;
    const char *name; /**< of the mirror */
    struct mirror_reader reader;
    uint32_t snap;
    uint32_t interfaces;         /**< in the file so far */
    uint32_t interface[1 << 16]; /**< of each port, counted from 1; 0: not told yet */
    uint32_t frames_of[1 << 16]; /**< of each interface */
    uint64_t frames, bytes;
    uint64_t last;                             /**< of the last frame; nanoseconds since 1970 */
    uint64_t lost;                             /**< in all */
    uint64_t lost_now;                         /**< since the last frame */
    const char *why;                           /**< what was wrong */
    size_t kept;                               /**< bytes of what follows, */
    uint8_t bytes_kept[2 * MIRROR_RECORD_MAX]; /**< where a record waits for its end */
};

/** Begin to write to @out; both strings must outlive it. Large: allocate it. */
void mirror_stream_init(struct mirror_stream *stream, FILE *out, const char *name);

/** The stream broke off, and another one is to follow into the same file: its ports are interfaces
 * of their own there, as they may be others. */
void mirror_stream_resume(struct mirror_stream *stream);

/** Take what has come, in pieces of any size. 0; -EPROTO: it is no such stream (@ref why); -EIO:
 * @out has failed, with errno. After an error nothing more may be given. */
int mirror_stream_take(struct mirror_stream *stream, const void *data, size_t length);

/** The stream has ended: write how many frames each interface had, and of the first one, which
 * stands for all, how many were lost. 0 or -EIO. */
int mirror_stream_end(struct mirror_stream *stream);

#endif
