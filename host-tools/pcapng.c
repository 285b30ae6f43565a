/* SPDX-License-Identifier: ISC */
#include "pcapng.h"
#include <string.h>

enum block {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_STATISTICS = 5,
    BLOCK_FRAME = 6
};

enum option {
    OPTION_END = 0,
    SECTION_APPLICATION = 4,
    INTERFACE_NAME = 2,
    INTERFACE_DESCRIPTION = 3,
    INTERFACE_TIME_RESOLUTION = 9,
    FRAME_FLAGS = 2,
    FRAME_LOST = 4,
    STATISTICS_RECEIVED = 4,
    STATISTICS_LOST = 5,
};

#define LINK_ETHERNET  1u
#define BYTE_ORDER_TAG 0x1a2b3c4du
#define TEXT_MAX       200u

/* What stands before a frame's bytes, and what comes behind them, fits with room to spare. */
struct buffer {
    uint8_t bytes[1024];
    size_t used;
};

static void put(struct buffer *b, const void *data, size_t length)
{
    memcpy(b->bytes + b->used, data, length);
    b->used += length;
}

/* In the byte order of this machine, which BYTE_ORDER_TAG tells. */
static void put16(struct buffer *b, uint32_t value)
{
    const uint16_t half = (uint16_t)value;

    put(b, &half, sizeof(half));
}

static void put32(struct buffer *b, uint32_t value)
{
    put(b, &value, sizeof(value));
}

static uint32_t padding(size_t length)
{
    return (uint32_t)(-length & 3);
}

static void put_option(struct buffer *b, enum option option, const void *value, size_t length)
{
    static const uint8_t zeros[4];

    put16(b, option);
    put16(b, (uint32_t)length);
    put(b, value, length);
    put(b, zeros, padding(length));
}

static void put_text(struct buffer *b, enum option option, const char *text)
{
    if (*text)
        put_option(b, option, text, strnlen(text, TEXT_MAX));
}

/* A block's length stands at both ends of it. */
static void begin_block(struct buffer *b, uint32_t type)
{
    b->used = 0;
    put32(b, type);
    put32(b, 0);
}

static void end_block(struct buffer *b, uint32_t extra)
{
    const uint32_t length = (uint32_t)b->used + 4 + extra;

    memcpy(b->bytes + 4, &length, sizeof(length));
    put32(b, length);
}

static int flush(FILE *out, const struct buffer *b, size_t from, size_t to)
{
    return to == from || fwrite(b->bytes + from, to - from, 1, out) == 1 ? 0 : -1;
}

int pcapng_begin(FILE *out, const char *application)
{
    const uint64_t unknown_length = UINT64_MAX;
    struct buffer b;

    begin_block(&b, BLOCK_SECTION);
    put32(&b, BYTE_ORDER_TAG);
    put16(&b, 1); /* version 1.0 */
    put16(&b, 0);
    put(&b, &unknown_length, sizeof(unknown_length));
    put_text(&b, SECTION_APPLICATION, application);
    put32(&b, OPTION_END);
    end_block(&b, 0);
    return flush(out, &b, 0, b.used);
}

int pcapng_interface(FILE *out, const char *name, const char *description, uint32_t snap)
{
    const uint8_t nanoseconds = 9; /* 10 to the power of -9 */
    struct buffer b;

    begin_block(&b, BLOCK_INTERFACE);
    put16(&b, LINK_ETHERNET);
    put16(&b, 0);
    put32(&b, snap);
    put_text(&b, INTERFACE_NAME, name);
    put_text(&b, INTERFACE_DESCRIPTION, description);
    put_option(&b, INTERFACE_TIME_RESOLUTION, &nanoseconds, 1);
    put32(&b, OPTION_END);
    end_block(&b, 0);
    return flush(out, &b, 0, b.used);
}

int pcapng_write(FILE *out, const struct pcapng_frame *frame)
{
    static const uint8_t zeros[4];
    const uint32_t flags = frame->direction, pad = padding(frame->captured);
    struct buffer b;
    size_t head;

    begin_block(&b, BLOCK_FRAME);
    put32(&b, frame->interface);
    put32(&b, (uint32_t)(frame->time >> 32));
    put32(&b, (uint32_t)frame->time);
    put32(&b, frame->captured);
    put32(&b, frame->original);
    head = b.used;
    put(&b, zeros, pad);
    if (flags)
        put_option(&b, FRAME_FLAGS, &flags, sizeof(flags));
    if (frame->lost)
        put_option(&b, FRAME_LOST, &frame->lost, sizeof(frame->lost));
    if (flags || frame->lost)
        put32(&b, OPTION_END);
    end_block(&b, frame->captured);
    if (flush(out, &b, 0, head) ||
        (frame->captured && fwrite(frame->data, frame->captured, 1, out) != 1))
        return -1;
    return flush(out, &b, head, b.used);
}

int pcapng_statistics(FILE *out, uint32_t interface, uint64_t time, uint64_t frames, uint64_t lost)
{
    const uint64_t received = frames + lost;
    struct buffer b;

    begin_block(&b, BLOCK_STATISTICS);
    put32(&b, interface);
    put32(&b, (uint32_t)(time >> 32));
    put32(&b, (uint32_t)time);
    put_option(&b, STATISTICS_RECEIVED, &received, sizeof(received));
    put_option(&b, STATISTICS_LOST, &lost, sizeof(lost));
    put32(&b, OPTION_END);
    end_block(&b, 0);
    return flush(out, &b, 0, b.used);
}
