/* SPDX-License-Identifier: ISC */
#include "output.h"
#include <stdlib.h>
#include <string.h>

struct field_name {
    uint16_t tag;
    const char *name;
};

static const char *field_name(uint16_t tag)
{
    static const struct field_name names[] = {
#define FIELD_NAME(id, name, kind, number) {CONTROL_F_##id, name},
        CONTROL_FIELDS(FIELD_NAME)
#undef FIELD_NAME
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].tag == tag)
            return names[i].name;
    }
    return NULL;
}

json_t *output_json_number(uint64_t number)
{
    /* JSON's integers are signed in the library; what is beyond keeps its size, not its end. */
    return number <= INT64_MAX ? json_integer((json_int_t)number) : json_real((double)number);
}

json_t *output_json_bytes(const void *data, size_t length)
{
    char *escaped = output_escaped(data, length);
    json_t *json = escaped ? json_string(escaped) : NULL;

    free(escaped);
    return json;
}

static json_t *field_value(const struct control_field *field)
{
    struct control_reader group;
    char better[256];
    json_t *text;

    if (output_field_text(field, better, sizeof(better)))
        return json_string(better);
    switch (field->kind) {
    case CONTROL_NUMBER:
        return output_json_number(field->number);
    case CONTROL_STRING:
        text = json_stringn((const char *)field->value, field->length);
        return text ? text : output_json_bytes(field->value, field->length); /* not UTF-8 */
    case CONTROL_BYTES:
        return output_json_bytes(field->value, field->length);
    default:
        control_read_group(&group, field);
        return output_fields(&group);
    }
}

/* Add @value; the second of a name makes an array of both. */
static void add_value(json_t *object, const char *name, json_t *value)
{
    json_t *present = json_object_get(object, name), *array;

    if (!present) {
        json_object_set_new(object, name, value);
    } else if (json_is_array(present)) {
        json_array_append_new(present, value);
    } else {
        array = json_array();
        json_array_append(array, present);
        json_array_append_new(array, value);
        json_object_set_new(object, name, array);
    }
}

json_t *output_fields(const struct control_reader *fields)
{
    struct control_reader reader = {.data = fields->data, .length = fields->length};
    struct control_field field;
    json_t *object = json_object();

    while (control_next(&reader, &field)) {
        const char *name = field_name(field.tag);

        if (name)
            add_value(object, name, field_value(&field));
    }
    return object;
}

/* Only strings can hold a DEL, the one control character that the library leaves as it is. */
static int write_part(const char *text, size_t length, void *out)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\x7f')
            fputs("\\u007F", out);
        else
            fputc(text[i], out);
    }
    return ferror((FILE *)out) ? -1 : 0;
}

void output_json(FILE *out, json_t *json, bool indent)
{
    const size_t flags = JSON_ENSURE_ASCII | JSON_ENCODE_ANY;

    json_dump_callback(json, write_part, out, flags | (indent ? JSON_INDENT(2) : JSON_COMPACT));
    fputc('\n', out);
    json_decref(json);
}

void output_json_bare(FILE *out, json_t *json)
{
    json_dump_callback(json, write_part, out, JSON_ENSURE_ASCII | JSON_ENCODE_ANY | JSON_COMPACT);
    json_decref(json);
}
