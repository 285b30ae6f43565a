/* SPDX-License-Identifier: ISC */
/** @file host-tools/record_text.c The text of a record: JSON, by jansson. */
#include "domain_builder.h"
#include "journal_copy.h"
#include "record.h"
#include "values.h"
#include <errno.h>
#include <jansson.h>
#include <string.h>

#define UUID_TEXT 37

/* 1, the first, has no member that says so, and none of what take_newer() takes. */
#define RECORD_VERSION 2

static void format_uuid(const uint8_t uuid[16], char text[UUID_TEXT])
{
    size_t used = 0;

    for (int i = 0; i < 16; i++)
        used += (size_t)snprintf(text + used, UUID_TEXT - used, "%s%02x",
                                 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

static bool parse_uuid(const char *text, uint8_t uuid[16])
{
    char again[UUID_TEXT];
    int used = 0;

    if (strlen(text) != UUID_TEXT - 1)
        return false;
    for (int i = 0; i < 16; i++) {
        unsigned byte;

        used += i == 4 || i == 6 || i == 8 || i == 10;
        if (sscanf(text + used, "%2x", &byte) != 1)
            return false;
        uuid[i] = (uint8_t)byte;
        used += 2;
    }
    format_uuid(uuid, again);
    return strcmp(text, again) == 0; /* one form only: sscanf takes more */
}

char *record_format(const struct record *record)
{
    char uuid[UUID_TEXT], predecessor[UUID_TEXT], *text = NULL;
    json_t *json;

    format_uuid(record->handle, uuid);
    format_uuid(record->predecessor, predecessor);
    json = json_pack(
        "{s:i, s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:s, s:b, s:s}",
        "version", RECORD_VERSION, "service", record->service, "domid", (json_int_t)record->domid,
        "uuid", uuid, "started", (json_int_t)record->started, "memory",
        (json_int_t)record->memory_mb, "console-frame", (json_int_t)record->console_gfn,
        "console-port", (json_int_t)record->console_port, "store-port",
        (json_int_t)record->store_port, "kernel", record->kernel, "cmdline", record->cmdline,
        "journal-frame", (json_int_t)record->journal_gfn, "journal-pages",
        (json_int_t)record->journal_pages, "state-version", (json_int_t)record->state_version,
        "predecessor", predecessor, "taken", (int)record->taken, "image", record->image);
    if (json)
        text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    return text;
}

/* The next three leave *why with the name of the member that will not do. */
static bool get_string(const json_t *json, const char *key, char *out, size_t size,
                       const char **why)
{
    const json_t *value = json_object_get(json, key);
    const char *text = json_string_value(value);

    /* jansson lets no NUL into a string unless it is asked to. */
    if (!text || json_string_length(value) >= size || !value_printable(text)) {
        *why = key;
        return false;
    }
    memcpy(out, text, json_string_length(value) + 1);
    return true;
}

static bool get_number(const json_t *json, const char *key, uint64_t max, uint64_t *out,
                       const char **why)
{
    const json_t *value = json_object_get(json, key);
    const json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || (uint64_t)number > max /* no @max takes a negative one */) {
        *why = key;
        return false;
    }
    *out = (uint64_t)number;
    return true;
}

static bool get_small(const json_t *json, const char *key, uint32_t max, uint32_t *out,
                      const char **why)
{
    uint64_t number;

    if (!get_number(json, key, max, &number, why))
        return false;
    *out = (uint32_t)number;
    return true;
}

/* What version 2 has added. */
static bool take_newer(const json_t *json, struct record *record, const char **why)
{
    const json_t *taken = json_object_get(json, "taken");
    char predecessor[UUID_TEXT];

    if (!get_number(json, "journal-frame", INT64_MAX, &record->journal_gfn, why) ||
        !get_small(json, "journal-pages", JOURNAL_COPY_PAGES_MAX, &record->journal_pages, why) ||
        !get_small(json, "state-version", UINT32_MAX, &record->state_version, why) ||
        !get_string(json, "predecessor", predecessor, sizeof(predecessor), why) ||
        !get_string(json, "image", record->image, sizeof(record->image), why))
        return false;
    *why = "taken";
    if (!json_is_boolean(taken))
        return false;
    record->taken = json_is_true(taken);
    *why = "predecessor";
    return parse_uuid(predecessor, record->predecessor);
}

static bool take(const json_t *json, struct record *record, const char **why)
{
    uint32_t version = 1;
    char uuid[UUID_TEXT];

    if ((json_object_get(json, "version") &&
         !get_small(json, "version", RECORD_VERSION, &version, why)) ||
        !get_string(json, "service", record->service, sizeof(record->service), why) ||
        !get_small(json, "domid", VALUE_DOMID_LIMIT - 1, &record->domid, why) ||
        !get_string(json, "uuid", uuid, sizeof(uuid), why) ||
        !get_number(json, "started", INT64_MAX, &record->started, why) ||
        !get_small(json, "memory", DOMAIN_MEMORY_MAX_MB, &record->memory_mb, why) ||
        !get_number(json, "console-frame", INT64_MAX, &record->console_gfn, why) ||
        !get_small(json, "console-port", UINT32_MAX, &record->console_port, why) ||
        !get_small(json, "store-port", UINT32_MAX, &record->store_port, why) ||
        !get_string(json, "kernel", record->kernel, sizeof(record->kernel), why) ||
        !get_string(json, "cmdline", record->cmdline, sizeof(record->cmdline), why))
        return false;
    *why = "service";
    if (!value_name(record->service, sizeof(record->service)))
        return false;
    *why = "uuid";
    if (!parse_uuid(uuid, record->handle))
        return false;
    return version < RECORD_VERSION || take_newer(json, record, why);
}

int record_parse(const char *text, size_t length, struct record *record, char *why, size_t why_size)
{
    const char *member = NULL;
    json_error_t error;
    json_t *json;
    int rc = 0;

    memset(record, 0, sizeof(*record));
    json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        snprintf(why, why_size, "line %d is no JSON", error.line);
        return -EINVAL;
    }
    if (!take(json, record, &member)) {
        snprintf(why, why_size, "its member \"%s\" is missing or wrong", member);
        memset(record, 0, sizeof(*record));
        rc = -EINVAL;
    }
    json_decref(json);
    return rc;
}
