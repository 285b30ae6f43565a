/* SPDX-License-Identifier: ISC */
/**
 * @file
 * A file of rules (the first byte is any but m), or the stream of a mirror. The file is taken, and
 * then is sound, can be encoded, and is the same when written and read again; or it is refused in
 * one line that names its place. The stream becomes a file of whole blocks, or is refused.
 */
#include "check.h"
#include "input.h"
#include "mirror_stream.h"
#include "rules_file.h"
#include <errno.h>

static int count_record(void *context, const void *record, size_t length)
{
    ck_assert(length <= CONTROL_FRAME_MAX);
    ck_assert(control_check(record, length));
    ++*(unsigned *)context;
    return 0;
}

/* People's names of ports are made of what the file calls the guest. */
static void forget_names(struct rules *rules)
{
    for (unsigned i = 0; i < rules->port_count; i++)
        memset(rules->ports[i].name, 0, sizeof(rules->ports[i].name));
}

static void try_again(struct rules *rules)
{
    struct rules *again = rules_create();
    json_t *json = rules_file_json(rules);
    char *text = json_dumps(json, 0);
    struct rules_error error;
    unsigned records = 0;

    ck_assert_int_eq(rules_check(rules, error.text, sizeof(error.text)), 0);
    ck_assert_int_eq(rules_encode(rules, count_record, &records), 0);
    ck_assert(records == 2 + rules->bridge_count + rules->port_count + rules->mirror_count);
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(rules_file_parse(text, strlen(text), &rules_resolve_nothing, again, &error) == 0,
                  "%s", error.text);
    forget_names(rules);
    forget_names(again);
    ck_assert(memcmp(rules->ports, again->ports, RULES_PORTS * sizeof(*rules->ports)) == 0);
    ck_assert(memcmp(rules->bridges, again->bridges, sizeof(rules->bridges)) == 0);
    ck_assert(memcmp(rules->mirrors, again->mirrors, sizeof(rules->mirrors)) == 0);
    free(text);
    json_decref(json);
    rules_release(again);
}

static void try_file(const char *text, size_t length)
{
    struct rules *rules = rules_create();
    struct rules_error error;
    int rc = rules_file_parse(text, length, &rules_resolve_nothing, rules, &error);

    ck_assert(rc == 0 || rc == -EINVAL);
    if (rc) {
        ck_assert(error.text[0] && strlen(error.text) < sizeof(error.text));
        ck_assert(error.line >= 0);
        for (const char *c = error.text; *c; c++)
            ck_assert_msg(*c >= ' ' && *c <= '~', "%s", error.text);
    } else {
        try_again(rules);
    }
    rules_release(rules);
}

static void try_stream(const uint8_t *data, size_t length)
{
    struct mirror_stream *stream = malloc(sizeof(*stream));
    const size_t piece = length ? 1 + data[0] : 1;
    char *out = NULL;
    size_t size = 0, at = 0;
    FILE *file = open_memstream(&out, &size);
    int rc = 0;

    mirror_stream_init(stream, file, "fuzz");
    for (size_t done = 0; !rc && done < length; done += piece)
        rc = mirror_stream_take(stream, data + done, length - done < piece ? length - done : piece);
    ck_assert(rc == 0 || (rc == -EPROTO && stream->why));
    fclose(file);
    while (at < size) {
        uint32_t block, last;

        ck_assert(size - at >= 12);
        memcpy(&block, out + at + 4, sizeof(block));
        ck_assert(block >= 12 && block % 4 == 0 && block <= size - at);
        memcpy(&last, out + at + block - 4, sizeof(last));
        ck_assert(last == block);
        at += block;
    }
    free(out);
    free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > RULES_FILE_MAX)
        return 0;
    if (data[0] == 'm')
        try_stream(data + 1, size - 1);
    else
        try_file((const char *)data + 1, size - 1);
    return 0;
}
