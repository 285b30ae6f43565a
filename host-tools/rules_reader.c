/* SPDX-License-Identifier: ISC */
#include "rules_reader.h"
#include "output.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void reader_enter(struct reader *r, const char *member, size_t index)
{
    if (r->depth < READER_DEPTH)
        r->path[r->depth] = (struct rules_step){.member = member, .index = index};
    r->depth++;
}

void reader_leave(struct reader *r)
{
    r->depth--;
}

/* "$.ports[3].vlan" */
static void write_path(const struct reader *r, FILE *out)
{
    fputc('$', out);
    for (unsigned i = 0; i < r->depth && i < READER_DEPTH; i++) {
        const char *member = r->path[i].member;

        if (!member) {
            fprintf(out, "[%zu]", r->path[i].index);
            continue;
        }
        fputc('.', out);
        output_escape(out, member, strlen(member) < 64 ? strlen(member) : 64);
    }
}

void reader_wrong(struct reader *r, const char *key, const char *format, ...)
{
    char *text = NULL;
    va_list ap;
    FILE *out;

    if (r->failed)
        return;
    r->failed = true;
    if (key)
        reader_enter(r, key, 0);
    r->error->line = rules_file_line(r->text, r->length, r->path,
                                     r->depth < READER_DEPTH ? r->depth : READER_DEPTH);
    va_start(ap, format);
    if (vasprintf(&text, format, ap) < 0)
        text = NULL;
    va_end(ap);
    out = fmemopen(r->error->text, sizeof(r->error->text), "w");
    if (out) {
        write_path(r, out);
        fputs(": ", out);
        output_escape(out, text ? text : "out of memory", text ? strlen(text) : 13);
        fclose(out);
    }
    free(text);
    if (key)
        reader_leave(r);
}

void reader_wrong_value(struct reader *r, const char *key, const char *value, const char *expected)
{
    reader_wrong(r, key, "\"%.64s\" will not do; expected %s", value, expected);
}

void reader_json_error(struct rules_error *error, const json_error_t *json_error)
{
    FILE *out = fmemopen(error->text, sizeof(error->text), "w");

    if (!out)
        return;
    fputs("this is no JSON: ", out);
    output_escape(out, json_error->text, strlen(json_error->text));
    fclose(out);
}

const char *reader_kind(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    default:
        return "null";
    }
}

bool reader_is(struct reader *r, const json_t *value, json_type type, const char *expected)
{
    if (r->failed)
        return false;
    if (json_typeof(value) == type)
        return true;
    reader_wrong(r, NULL, "it is %s; expected %s", reader_kind(value), expected);
    return false;
}

void reader_check_members(struct reader *r, const json_t *object, const char *const known[])
{
    json_t *value, *all = (json_t *)(uintptr_t)object; /* only iterated over */
    char names[300];
    const char *key;

    json_object_foreach(all, key, value)
    {
        unsigned i = 0;
        size_t used = 0;

        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (known[i])
            continue;
        for (i = 0; known[i] && used < sizeof(names); i++)
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
                                     known[i]);
        reader_wrong(r, key, "there is no such member; expected %s", names);
        return;
    }
}

/* The member, if it is there and of @type. */
static json_t *member(struct reader *r, const json_t *object, const char *key, json_type type,
                      const char *expected)
{
    json_t *value = r->failed ? NULL : json_object_get(object, key);

    if (!value || json_typeof(value) == type)
        return value;
    reader_wrong(r, key, "it is %s; expected %s", reader_kind(value), expected);
    return NULL;
}

json_t *reader_object(struct reader *r, const json_t *object, const char *key)
{
    return member(r, object, key, JSON_OBJECT, "an object");
}

const json_t *reader_array(struct reader *r, const json_t *object, const char *key, unsigned max)
{
    const json_t *array = member(r, object, key, JSON_ARRAY, "a list");

    if (array && json_array_size(array) > max) {
        reader_wrong(r, key, "it has %zu elements; expected at most %u", json_array_size(array),
                     max);
        return NULL;
    }
    return array;
}

const char *reader_string(struct reader *r, const json_t *object, const char *key)
{
    return json_string_value(member(r, object, key, JSON_STRING, "a string"));
}

bool reader_number(struct reader *r, const json_t *object, const char *key, uint64_t min,
                   uint64_t max, uint64_t *number)
{
    char expected[64];
    const json_t *value;
    json_int_t have;

    snprintf(expected, sizeof(expected), "%llu to %llu", (unsigned long long)min,
             (unsigned long long)max);
    value = member(r, object, key, JSON_INTEGER, expected);
    if (!value)
        return false;
    have = json_integer_value(value);
    if (have < 0 || (uint64_t)have < min || (uint64_t)have > max) {
        reader_wrong(r, key, "%lld will not do; expected %s", (long long)have, expected);
        return false;
    }
    *number = (uint64_t)have;
    return true;
}

bool reader_bool(struct reader *r, const json_t *object, const char *key, bool *value)
{
    const json_t *have = r->failed ? NULL : json_object_get(object, key);

    if (!have)
        return false;
    if (!json_is_boolean(have)) {
        reader_wrong(r, key, "it is %s; expected true or false", reader_kind(have));
        return false;
    }
    *value = json_is_true(have);
    return true;
}

bool reader_choice(struct reader *r, const json_t *object, const char *key,
                   const char *const names[], unsigned *choice)
{
    const char *text = reader_string(r, object, key);
    char expected[100] = "";
    size_t used = 0;

    if (!text)
        return false;
    for (unsigned i = 0; names[i]; i++) {
        if (*names[i] && strcmp(names[i], text) == 0) {
            *choice = i;
            return true;
        }
        if (*names[i] && used < sizeof(expected))
            used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s",
                                     used ? ", " : "", names[i]);
    }
    reader_wrong_value(r, key, text, expected);
    return false;
}
