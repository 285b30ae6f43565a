/* SPDX-License-Identifier: ISC */
/*
 * The decoder of the control protocol on what a hostile service sends: a frame of any bytes is
 * refused, or can be read to its last byte, at all depths and by all the functions that tools use;
 * written again, with room for all of it or without, it comes out whole or shorter by whole fields.
 *
 * Input: two bytes that say how much room there is to write it again, then the fields of a frame.
 * Its header is made from them.
 */
#include "input.h"

#include "common/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void look_up(const struct control_reader *reader, const struct control_field *field)
{
    struct control_field found;
    char text[64];
    bool fits;

    MUST(control_find(reader, field->tag, &found));
    MUST(found.tag == field->tag && found.value <= field->value);
    MUST(control_number(reader, field->tag, 1) == found.number);
    fits = control_string(reader, field->tag, text, sizeof(text));
    MUST(fits == (found.length < sizeof(text) && memchr(found.value, 0, found.length) == NULL));
    MUST(strlen(text) == (fits ? found.length : 0));
}

/* Read all, write all. Returns how many bytes the fields take. */
static size_t copy(struct control_writer *writer, struct control_reader reader, unsigned depth)
{
    struct control_field field;
    struct control_reader group;
    size_t taken = 0;

    MUST(depth <= CONTROL_DEPTH_MAX);
    while (control_next(&reader, &field)) {
        taken += 4 + (field.length + 3U) / 4 * 4;
        look_up(&reader, &field);
        switch (field.kind) {
        case CONTROL_NUMBER:
            control_put_number(writer, field.tag, field.number);
            break;
        case CONTROL_STRING:
            control_put_text(writer, field.tag, (const char *)field.value, field.length);
            break;
        case CONTROL_BYTES:
            control_put_bytes(writer, field.tag, field.value, field.length);
            break;
        case CONTROL_GROUP:
            control_read_group(&group, &field);
            control_open_group(writer, field.tag);
            MUST(copy(writer, group, depth + 1) == field.length);
            control_close_group(writer);
        }
    }
    MUST(reader.at == reader.length);
    return taken;
}

/* The fields that are left are the first ones, each as it was. */
static void compare(struct control_reader all, struct control_reader kept, bool full)
{
    struct control_field was, is;
    struct control_reader was_group, is_group;

    while (control_next(&kept, &is)) {
        MUST(control_next(&all, &was) && was.tag == is.tag);
        if (is.kind == CONTROL_GROUP) {
            control_read_group(&was_group, &was);
            control_read_group(&is_group, &is);
            compare(was_group, is_group, false);
        } else if (is.kind == CONTROL_NUMBER) {
            MUST(was.number == is.number);
        } else {
            MUST(was.length == is.length && memcmp(was.value, is.value, is.length) == 0);
        }
    }
    MUST(control_next(&all, &was) == full);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    size_t room = CONTROL_HEADER + (input_byte(&input) << 8 | input_byte(&input)) %
                                       (CONTROL_FRAME_MAX - CONTROL_HEADER + 1U);
    size_t length = CONTROL_HEADER + (size_t)(input.end - input.at);
    struct control_writer writer;
    struct control_reader reader, kept;
    struct control_header header;
    uint8_t *frame, *again;

    if (length > CONTROL_FRAME_MAX + 8)
        return 0;
    /* Of exactly that size, so that sanitizers see who goes beyond it. */
    frame = malloc(length);
    again = malloc(room);
    memset(frame, 0, CONTROL_HEADER);
    frame[0] = (uint8_t)length;
    frame[1] = (uint8_t)(length >> 8);
    if (input.at < input.end)
        memcpy(frame + CONTROL_HEADER, input.at, (size_t)(input.end - input.at));
    MUST(control_header_decode(frame, &header) == (length <= CONTROL_FRAME_MAX));
    if (control_check(frame, length)) {
        MUST(length % 4 == 0 && length <= CONTROL_FRAME_MAX);
        control_read(&reader, frame, length);
        control_begin(&writer, again, room, 1, CONTROL_ITEM, 2);
        MUST(copy(&writer, reader, 0) == length - CONTROL_HEADER);
        MUST(control_end(&writer) <= room);
        MUST(control_check(again, writer.used));
        MUST(writer.full || writer.used <= length);
        control_read(&kept, again, writer.used);
        compare(reader, kept, writer.full);
    }
    free(again);
    free(frame);
    return 0;
}
