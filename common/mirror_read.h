/* SPDX-License-Identifier: ISC */
/**
 * @file mirror_read.h
 * The reader's side of common/mirror_wire.h: records out of a buffer, each checked as if anybody
 * had written it. For the monitor and for dom0's tools.
 *
 *     while ((n = mirror_read(&reader, data + at, have - at, &event)) > 0) {
 *         ...                              // what event.kind says
 *         at += n;
 *     }
 *
 * Nothing is copied: frames and names are where the record is.
 */
#ifndef COMMON_MIRROR_READ_H
#define COMMON_MIRROR_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mirror_wire.h"

/** The longest record: a frame of 64 KiB and what is said of it. */
#define MIRROR_RECORD_MAX (65536U + 64U)

/** One stream. Zeroed at its begin. */
struct mirror_reader {
    bool hello;      /**< it has begun */
    const char *why; /**< after -EPROTO: what was wrong, a literal */
};

/** One record. Which members count is said by @ref kind; 0: a kind that is not known here, of a
 * newer switch, to be passed over. */
struct mirror_event {
    uint8_t kind;  /**< enum mirror_kind, or 0 */
    uint16_t port; /**< PORT, FRAME, GONE */
    union {
        struct mirror_hello hello;
        struct {
            struct mirror_port port;
            const char *bridge, *guest; /**< as long as @ref port says, without NUL, any bytes */
        } identity;
        struct {
            struct mirror_frame_record record;
            const uint8_t *data; /**< record.captured bytes */
        } frame;
        uint64_t lost;
    } as;
};

/**
 * Take the record at @data, of which @length bytes are there: its length; 0: it is not whole yet;
 * -EPROTO: this is no such stream (@ref mirror_reader.why), and nothing more is to be read of it.
 * A record that is not whole within MIRROR_RECORD_MAX bytes is such an error.
 */
int mirror_read(struct mirror_reader *reader, const uint8_t *data, size_t length,
                struct mirror_event *event);

#endif
