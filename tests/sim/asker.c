/* SPDX-License-Identifier: ISC */
#include "asker.h"

#include <check.h>
#include <string.h>

void asker_begin(struct asker *asker, struct control_writer *writer, uint8_t *frame, uint16_t type)
{
    control_begin(writer, frame, CONTROL_FRAME_MAX, type, CONTROL_REQUEST, ++asker->id);
}

void asker_send(struct asker *asker, struct control_writer *writer)
{
    size_t length = control_end(writer);

    ck_assert_int_eq(vchan_write(&asker->v, writer->data, length), (int)length);
}

static bool collect(struct asker *asker, size_t want)
{
    while (asker->have < want) {
        int got = vchan_read(&asker->v, asker->frame + asker->have, want - asker->have);

        if (got <= 0)
            return false;
        asker->have += (size_t)got;
    }
    return true;
}

bool asker_receive(struct asker *asker)
{
    if (!collect(asker, CONTROL_HEADER))
        return false;
    ck_assert(control_header_decode(asker->frame, &asker->header));
    if (!collect(asker, asker->header.length))
        return false;
    asker->have = 0;
    ck_assert(control_check(asker->frame, asker->header.length));
    control_read(&asker->fields, asker->frame, asker->header.length);
    return true;
}
