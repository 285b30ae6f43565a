/* SPDX-License-Identifier: ISC */
#include "common/control.h"

#include <stdio.h>
#include <string.h>

#define FIELD_HEADER 4U
#define KIND_SHIFT   14U

static uint16_t load16(const uint8_t *data)
{
    return (uint16_t)(data[0] | data[1] << 8);
}

static uint32_t load32(const uint8_t *data)
{
    return load16(data) | (uint32_t)load16(data + 2) << 16;
}

static void store16(uint8_t *data, uint16_t value)
{
    data[0] = (uint8_t)value;
    data[1] = (uint8_t)(value >> 8);
}

static void store32(uint8_t *data, uint32_t value)
{
    store16(data, (uint16_t)value);
    store16(data + 2, (uint16_t)(value >> 16));
}

static size_t padded(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

bool control_header_decode(const uint8_t data[CONTROL_HEADER], struct control_header *header)
{
    header->length = load32(data);
    header->type = load16(data + 4);
    header->kind = data[6];
    header->flags = data[7];
    header->id = load32(data + 8);
    return header->length >= CONTROL_HEADER && header->length <= CONTROL_FRAME_MAX;
}

/* --- writing ------------------------------------------------------------------------------------
 */

void control_begin(struct control_writer *writer, void *data, size_t size, uint16_t type,
                   enum control_kind kind, uint32_t id)
{
    *writer = (struct control_writer){.data = data, .used = CONTROL_HEADER};
    writer->size = (size < CONTROL_FRAME_MAX ? size : CONTROL_FRAME_MAX) & ~(size_t)3;
    store16(writer->data + 4, type);
    control_set_kind(writer, kind);
    writer->data[7] = 0;
    store32(writer->data + 8, id);
}

size_t control_room(const struct control_writer *writer)
{
    size_t left = writer->size - writer->used;

    return writer->full || left < FIELD_HEADER ? 0 : left - FIELD_HEADER;
}

/* A field of @length bytes, padding zeroed. Where its value goes, or NULL if it does not fit. */
static uint8_t *put(struct control_writer *writer, uint16_t tag, size_t length)
{
    uint8_t *field = writer->data + writer->used;

    if (writer->full || writer->size - writer->used < FIELD_HEADER ||
        length > control_room(writer)) {
        writer->full = true;
        return NULL;
    }
    store16(field, tag);
    store16(field + 2, (uint16_t)length);
    memset(field + FIELD_HEADER + length, 0, padded(length) - length);
    writer->used += FIELD_HEADER + padded(length);
    return field + FIELD_HEADER;
}

void control_put_number(struct control_writer *writer, uint16_t tag, uint64_t value)
{
    size_t width = value <= UINT8_MAX ? 1 : value <= UINT16_MAX ? 2 : value <= UINT32_MAX ? 4 : 8;
    uint8_t *bytes = put(writer, tag, width);

    for (size_t i = 0; bytes != NULL && i < width; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

void control_put_bytes(struct control_writer *writer, uint16_t tag, const void *data, size_t length)
{
    uint8_t *bytes = put(writer, tag, length);

    if (bytes != NULL && length > 0)
        memcpy(bytes, data, length);
}

void control_put_text(struct control_writer *writer, uint16_t tag, const char *text, size_t length)
{
    control_put_bytes(writer, tag, text, length);
}

void control_put_string(struct control_writer *writer, uint16_t tag, const char *text)
{
    control_put_bytes(writer, tag, text, strlen(text));
}

void control_put_vformat(struct control_writer *writer, uint16_t tag, const char *format,
                         va_list arguments)
{
    size_t room = control_room(writer);
    int length = -1;

    /* Where it goes; the NUL becomes padding, or is overwritten by what comes next. */
    if (room > 0)
        length =
            vsnprintf((char *)writer->data + writer->used + FIELD_HEADER, room, format, arguments);
    if (length < 0 || (size_t)length >= room)
        writer->full = true;
    else
        (void)put(writer, tag, (size_t)length);
}

void control_put_format(struct control_writer *writer, uint16_t tag, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    control_put_vformat(writer, tag, format, arguments);
    va_end(arguments);
}

void control_open_group(struct control_writer *writer, uint16_t tag)
{
    if (writer->depth < CONTROL_DEPTH_MAX)
        writer->groups[writer->depth] = (uint16_t)writer->used;
    else
        writer->full = true;
    writer->depth++;
    (void)put(writer, tag, 0);
}

void control_close_group(struct control_writer *writer)
{
    size_t start;

    if (writer->depth == 0 || --writer->depth >= CONTROL_DEPTH_MAX)
        return;
    start = writer->groups[writer->depth];
    if (writer->full)
        writer->used = start; /* a group without its last fields would be half a field */
    else
        store16(writer->data + start + 2, (uint16_t)(writer->used - start - FIELD_HEADER));
}

struct control_mark control_mark(const struct control_writer *writer)
{
    return (struct control_mark){writer->used, writer->depth, writer->full};
}

void control_undo(struct control_writer *writer, struct control_mark mark)
{
    writer->used = mark.used;
    writer->depth = mark.depth;
    writer->full = mark.full;
}

void control_set_kind(struct control_writer *writer, enum control_kind kind)
{
    writer->data[6] = (uint8_t)kind;
}

size_t control_end(struct control_writer *writer)
{
    while (writer->depth > 0)
        control_close_group(writer);
    store32(writer->data, (uint32_t)writer->used);
    return writer->used;
}

/* --- reading ------------------------------------------------------------------------------------
 */

/* The field at @data, of which @left bytes may be read: what it takes, or 0 if it is malformed. */
static size_t decode(const uint8_t *data, size_t left, struct control_field *field)
{
    size_t length;

    if (left < FIELD_HEADER)
        return 0;
    field->tag = load16(data);
    field->kind = (enum control_value)(field->tag >> KIND_SHIFT);
    field->length = load16(data + 2);
    field->value = data + FIELD_HEADER;
    field->number = 0;
    length = FIELD_HEADER + padded(field->length);
    if (length > left)
        return 0;
    if (field->kind == CONTROL_NUMBER) {
        if (field->length != 1 && field->length != 2 && field->length != 4 && field->length != 8)
            return 0;
        for (size_t i = 0; i < field->length; i++)
            field->number |= (uint64_t)field->value[i] << 8 * i;
    }
    return length;
}

bool control_check(const uint8_t *data, size_t length)
{
    size_t end[CONTROL_DEPTH_MAX + 1] = {length}, at = CONTROL_HEADER;
    struct control_header header;
    struct control_field field;
    unsigned depth = 0;

    if (length < CONTROL_HEADER || !control_header_decode(data, &header) || header.length != length)
        return false;
    while (true) {
        while (depth > 0 && at == end[depth])
            depth--;
        if (at == end[depth])
            return true;
        size_t taken = decode(data + at, end[depth] - at, &field);
        if (taken == 0)
            return false;
        if (field.kind == CONTROL_GROUP) {
            if (depth == CONTROL_DEPTH_MAX)
                return false;
            at += FIELD_HEADER;
            end[++depth] = at + field.length;
        } else {
            at += taken;
        }
    }
}

void control_read(struct control_reader *reader, const uint8_t *frame, size_t length)
{
    *reader = (struct control_reader){frame + CONTROL_HEADER, length - CONTROL_HEADER, 0};
}

void control_read_group(struct control_reader *reader, const struct control_field *group)
{
    *reader = (struct control_reader){group->value, group->length, 0};
}

bool control_next(struct control_reader *reader, struct control_field *field)
{
    size_t taken = decode(reader->data + reader->at, reader->length - reader->at, field);

    reader->at += taken;
    return taken > 0;
}

bool control_find(const struct control_reader *reader, uint16_t tag, struct control_field *field)
{
    struct control_reader from_start = {reader->data, reader->length, 0};

    while (control_next(&from_start, field))
        if (field->tag == tag)
            return true;
    return false;
}

uint64_t control_number(const struct control_reader *reader, uint16_t tag, uint64_t otherwise)
{
    struct control_field field;

    return control_find(reader, tag, &field) ? field.number : otherwise;
}

bool control_string(const struct control_reader *reader, uint16_t tag, char *text, size_t size)
{
    struct control_field field;

    text[0] = '\0';
    if (!control_find(reader, tag, &field) || field.length >= size ||
        memchr(field.value, '\0', field.length) != NULL)
        return false;
    memcpy(text, field.value, field.length);
    text[field.length] = '\0';
    return true;
}
