/* SPDX-License-Identifier: ISC */
#include "layout.h"

/** @dense: to the brim, else piece by piece. False: too many buffers. */
static bool fill(struct layout *layout, const uint16_t *lengths, unsigned count, unsigned room,
                 bool dense)
{
    unsigned used = room; /* of the last buffer: there is none yet */

    layout->buffers = layout->parts = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned from = 0, left = lengths[i];

        /* What is larger than a buffer has to be cut anyway. */
        if (!dense && left > room - used && left <= room)
            used = room;
        while (left) {
            if (used == room) {
                if (layout->buffers == LAYOUT_BUFFERS)
                    return false;
                layout->used[layout->buffers++] = 0;
                used = 0;
            }

            unsigned length = left < room - used ? left : room - used;
            layout->part[layout->parts++] = (struct layout_part){
                .piece = (uint8_t)i,
                .buffer = (uint8_t)(layout->buffers - 1),
                .from = (uint16_t)from,
                .at = (uint16_t)used,
                .length = (uint16_t)length,
            };
            from += length;
            left -= length;
            used += length;
            layout->used[layout->buffers - 1] = (uint16_t)used;
        }
    }
    return layout->buffers <= LAYOUT_LIMIT + (layout->used[0] <= LAYOUT_SMALL);
}

bool layout_make(struct layout *layout, const uint16_t *lengths, unsigned count, unsigned room,
                 unsigned available)
{
    return (fill(layout, lengths, count, room, false) && layout->buffers <= available) ||
           fill(layout, lengths, count, room, true);
}
