/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/capture_reader.h
 * Frames of a capture file, many at a time: classic pcap from large reads, without a copy of each
 * frame; pcapng by libpcap.
 */
#ifndef ATOLL_CAPTURE_READER_H
#define ATOLL_CAPTURE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/monitor/engine.h"

struct capture_reader;

struct capture_totals {
    uint64_t size;         /**< bytes read */
    uint64_t frames;       /**< those passed over included */
    uint64_t unknown_link; /**< passed over for their link type */
    int unknown_type;
};

/** Open @path ("-": stdin); NULL with one line in @error. */
struct capture_reader *capture_open(const char *path, char *error, size_t size);

/**
 * The next frames, as Ethernet (capture_link.h), at most ENGINE_BURST: how many; they lie in the
 * reader until the next call. 0: the end. -1: what follows is no frame, or not whole; @error says
 * what and where.
 */
int capture_read(struct capture_reader *reader, struct engine_frame *frames, char *error,
                 size_t size);

const struct capture_totals *capture_totals(const struct capture_reader *reader);

void capture_close(struct capture_reader *reader);

#endif
