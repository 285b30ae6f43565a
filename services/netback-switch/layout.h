/* SPDX-License-Identifier: ISC */
/**
 * @file layout.h
 * Which piece of a frame goes into which of its receiver's buffers. Pure.
 *
 * Each part is one copy operation. A piece is put where it fits whole, beside the one before it or
 * into a buffer of its own, so that there are as few operations as pieces; where that takes more
 * buffers than there are, or than a receiver takes for one frame, buffers are filled to the brim.
 */
#ifndef SWITCH_LAYOUT_H
#define SWITCH_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#define LAYOUT_PIECES  20U
#define LAYOUT_BUFFERS 19U
#define LAYOUT_PARTS   (LAYOUT_PIECES + LAYOUT_BUFFERS)

/** Linux takes 18 buffers a frame, and one more if the first has so few bytes that it copies them
 * out of it (drivers/net/xen-netfront.c, RX_COPY_THRESHOLD). */
#define LAYOUT_LIMIT 18U
#define LAYOUT_SMALL 256U

struct layout {
    unsigned buffers, parts;
    uint16_t used[LAYOUT_BUFFERS]; /**< bytes in each buffer */
    struct layout_part {
        uint8_t piece, buffer;
        uint16_t from; /**< offset in the piece */
        uint16_t at;   /**< offset in the buffer's room */
        uint16_t length;
    } part[LAYOUT_PARTS];
};

/**
 * Lay out @count pieces (at most LAYOUT_PIECES, none is empty) into buffers with @room bytes each,
 * of which @available are there. The layout may need more than that: then it is the one with the
 * fewest. False: it needs more than a receiver takes.
 */
bool layout_make(struct layout *layout, const uint16_t *lengths, unsigned count, unsigned room,
                 unsigned available);

#endif
