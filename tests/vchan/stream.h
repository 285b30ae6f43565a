/* SPDX-License-Identifier: ISC */
/**
 * @file stream.h
 * What the two programs of the interoperation test say to each other, and the streams that they
 * send: the same numbers on both sides, checked byte for byte as they arrive.
 *
 * dom0 connects to the image's vchan and sends requests, one after the other. A stream goes both
 * ways at once, @bytes each; then each end sends how many it has received and found right, as 8
 * bytes.
 */
#ifndef TESTS_VCHAN_STREAM_H
#define TESTS_VCHAN_STREAM_H

#include <stddef.h>
#include <stdint.h>

enum stream_command {
    STREAM_HERE = 1,    /**< on the vchan that the request came by */
    STREAM_CONNECT = 2, /**< on another, which dom0 serves and the image connects to */
};

struct stream_request {
    uint32_t command;
    uint32_t ring_ref, port; /**< of dom0's vchan, for STREAM_CONNECT */
    uint32_t reserved;
    uint64_t bytes;
};

#define STREAM_WORDS 4096U
#define STREAM_BLOCK (STREAM_WORDS * sizeof(uint64_t))

/** Seeds of the two directions. */
#define STREAM_TO_IMAGE UINT64_C(0x9e3779b97f4a7c15)
#define STREAM_TO_DOM0  UINT64_C(0xc2b2ae3d27d4eb4f)

/** A stream at one of its ends: the block that the current place lies in. */
struct stream {
    uint64_t state; /**< of xorshift64, after the block */
    uint64_t made;  /**< bytes of the stream up to the end of the block */
    uint64_t place; /**< bytes sent, or received and checked */
    uint64_t bytes; /**< of the whole stream */
    uint64_t word[STREAM_WORDS];
};

static inline void stream_start(struct stream *stream, uint64_t seed, uint64_t bytes)
{
    stream->state = seed;
    stream->made = stream->place = 0;
    stream->bytes = bytes;
}

/** The bytes that come next: where, and how many, 0 at the end of the stream. */
static inline const uint8_t *stream_next(struct stream *stream, size_t *length)
{
    size_t offset = (size_t)(stream->place % STREAM_BLOCK);
    uint64_t left = stream->bytes - stream->place;

    *length = left < STREAM_BLOCK - offset ? (size_t)left : STREAM_BLOCK - offset;
    if (stream->place == stream->made && *length > 0) {
        uint64_t state = stream->state;
        for (unsigned i = 0; i < STREAM_WORDS; i++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            stream->word[i] = state;
        }
        stream->state = state;
        stream->made += STREAM_BLOCK;
    }
    return (const uint8_t *)stream->word + offset;
}

#endif
