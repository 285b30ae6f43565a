/* SPDX-License-Identifier: ISC */
/*
 * Dump and load: the stream is one that the format's text allows, it carries the whole state there
 * and back, and a load is whole or not at all, whatever is in the stream.
 *
 * With --write FILE: a dump of a store that has some of everything, for migration_check.py.
 */
#include "remote.h"

#include "common/arena.h"
#include "services/xenstored/domain.h"
#include "services/xenstored/migration.h"
#include "services/xenstored/replace.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hv/time.h>

#define OK(call)   ck_assert_int_eq((call), 0)
#define STREAM_MAX (1U << 20)

struct stream {
    size_t length;
    uint8_t data[STREAM_MAX];
};

/* In the place of the arena's functions (--wrap). */
static struct {
    uint64_t count, fail_at;
} allocations;

void *__real_arena_alloc(struct arena *arena, size_t size);
void *__real_arena_zalloc(struct arena *arena, size_t size);
void *__wrap_arena_alloc(struct arena *arena, size_t size);
void *__wrap_arena_zalloc(struct arena *arena, size_t size);

void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
    return ++allocations.count == allocations.fail_at ? NULL : __real_arena_alloc(arena, size);
}

void *__wrap_arena_zalloc(struct arena *arena, size_t size)
{
    return ++allocations.count == allocations.fail_at ? NULL : __real_arena_zalloc(arena, size);
}

static struct stream *dump(struct host *host, size_t piece)
{
    struct migration_dump *dump = migration_dump_begin(host->xs);
    struct stream *stream = malloc(sizeof(*stream));
    long more;

    ck_assert_ptr_nonnull(dump);
    stream->length = 0;
    while ((more = migration_dump_read(dump, stream->data + stream->length, piece)) > 0) {
        stream->length += (size_t)more;
        ck_assert_uint_lt(stream->length + piece, STREAM_MAX);
    }
    ck_assert_int_eq(more, 0);
    migration_dump_end(dump);
    return stream;
}

static void settle(struct host *host)
{
    xenstored_step(host->xs);
    host_run(host);
}

static int load(struct host *host, const struct stream *stream, size_t piece,
                struct migration_result *result)
{
    struct migration_load *load = migration_load_begin(host->xs);
    int error = load ? 0 : -ENOMEM;

    for (size_t at = 0; at < stream->length && !error; at += piece)
        error = migration_load_data(load, stream->data + at,
                                    stream->length - at < piece ? stream->length - at : piece);
    if (!error)
        error = migration_load_finish(load, result);
    if (load)
        migration_load_end(load);
    settle(host);
    return error;
}

static void same_stream(const struct stream *one, const struct stream *other)
{
    ck_assert_uint_eq(one->length, other->length);
    ck_assert(memcmp(one->data, other->data, one->length) == 0);
}

/* Some of everything. */
static struct host *furnished(bool depth)
{
    struct host *host = host_create(&(struct host_config){0});
    struct client *guest = host_guest(host, 3), *other = host_guest(host, 4);
    char path[64];

    for (unsigned i = 0; i < 40; i++) {
        snprintf(path, sizeof(path), "/big/n%u", i * 7 % 40);
        OK(client_write(host->dom0, 0, path, i % 3 ? "value" : ""));
    }
    OK(client_write_fill(host->dom0, 0, "/long", 0, 3000));
    OK(client_mkdir(host->dom0, 0, "/local/domain/3"));
    OK(client_set_perms(host->dom0, 0, "/local/domain/3", "n3"));
    OK(client_set_perms(host->dom0, 0, "/local/domain", "r0|w3|b4|n9"));
    OK(client_write(guest, 0, "data/x", "y"));
    OK(client_set_perms(host->dom0, 0, "@releaseDomain", "n0|r3"));
    OK(client_watch(guest, "data", "relative"));
    OK(client_watch(guest, "@releaseDomain", "special"));
    OK(client_watch(other, "/local/domain/3", "absolute"));
    OK(client_watch(host->dom0, "/big", "dom0's"));
    if (depth)
        OK(client_callf(host->dom0, 0, WIRE_WATCH, NULL, "/big|deep|2|"));
    OK(client_callf(host->dom0, 0, WIRE_SET_QUOTA, NULL, "nodes|900|"));
    OK(client_callf(host->dom0, 0, WIRE_SET_QUOTA, NULL, "3|watches|99|"));
    OK(client_callf(host->dom0, 0, WIRE_SET_TARGET, NULL, "4|3|"));
    host_run(host);
    return host;
}

static void tidy(struct host *host)
{
    OK(client_set_perms(host->dom0, 0, "@releaseDomain", "n0|r32757"));
    (void)client_unwatch(host->dom0, "/big", "dom0's");
    (void)client_unwatch(host->dom0, "/big", "deep");
    for (const char *const *path = (const char *const[]){"/big", "/long", "/local", "/new", NULL};
         *path; path++)
        (void)client_rm(host->dom0, 0, *path);
    host_destroy(host);
}

START_TEST(test_there_and_back)
{
    static const size_t pieces[] = {1, 7, 8, 100, 4000, 100000};
    struct host *host = furnished(_i & 1);
    struct migration_result result;
    struct stream *first = dump(host, pieces[(unsigned)_i % 6]), *second;
    uint64_t version = history_newest(host->xs);

    ck_assert_uint_eq(first->data[11], _i & 1 ? 2 : 1);
    OK(load(host, first, pieces[(unsigned)_i / 2 % 6], &result));
    second = dump(host, 4000);
    same_stream(first, second);
    free(second);
    ck_assert_uint_eq(result.changed, 0);
    ck_assert_uint_eq(result.connections, 3);
    ck_assert_uint_eq(result.watches, _i & 1 ? 5 : 4);
    ck_assert_uint_eq(result.connections_not_restored + result.watches_not_restored, 0);
    ck_assert_uint_eq(history_newest(host->xs), version);

    /* What changed meanwhile is taken back; and that, too, can be undone. */
    OK(client_rm(host->dom0, 0, "/big/n7"));
    OK(client_write(host->dom0, 0, "/new/node", "1"));
    OK(client_write(host->dom0, 0, "/big/n14", "another"));
    OK(client_set_perms(host->dom0, 0, "@releaseDomain", "n0"));
    OK(client_unwatch(host->dom0, "/big", "dom0's"));
    OK(client_callf(host->dom0, 0, WIRE_SET_QUOTA, NULL, "nodes|800|"));
    version = history_newest(host->xs);
    client_clear(host->dom0);
    OK(load(host, first, 4000, &result));
    ck_assert_uint_eq(result.changed, 5);
    ck_assert_uint_eq(history_newest(host->xs), version + 1);
    ck_assert_int_eq(history_find(host->xs, version + 1)->kind, HISTORY_LOAD);
    ck_assert_ptr_null(client_value(host->dom0, 0, "/new"));
    ck_assert_str_eq(client_value(host->dom0, 0, "/big/n14"), "value");
    ck_assert_ptr_nonnull(client_value(host->dom0, 0, "/big/n7"));
    ck_assert_int_eq(client_watch(host->dom0, "/big", "dom0's"), EEXIST);
    ck_assert_uint_eq(host->xs->limits.hard[QUOTA_NODES], 900);
    host_check(host);
    OK(replace_rollback(host->xs, version, "/", &result.changed));
    settle(host);
    ck_assert_str_eq(client_value(host->dom0, 0, "/new/node"), "1");
    ck_assert_ptr_null(client_value(host->dom0, 0, "/big/n7"));
    host_check(host);
    free(first);
    tidy(host);
}
END_TEST

/* On another host, with other domains: what is not there is counted, nobody inherits. */
START_TEST(test_into_another_store)
{
    struct host *host = furnished(true), *fresh;
    struct stream *stream = dump(host, 4000), *again;
    struct migration_result result;
    struct client *guest;
    char text[WIRE_PAYLOAD_MAX + 1];

    tidy(host);
    fresh = host_create(&(struct host_config){0});
    guest = host_boot(fresh, 3, 0);
    OK(load(fresh, stream, 4000, &result));
    ck_assert_uint_eq(result.connections, 2);
    ck_assert_uint_eq(result.connections_not_restored, 1);
    ck_assert_uint_eq(result.watches_not_restored, 1);
    ck_assert_str_eq(client_value(guest, 0, "data/x"), "y");
    ck_assert_uint_gt(result.nodes, 45);
    /* Domain 4 is not there; domain 3 is, with the same port. */
    client_text(fresh->dom0, 0, WIRE_GET_PERMS, "/local/domain|", text);
    ck_assert_str_eq(text, "r0|w3|n9|");
    client_text(fresh->dom0, 0, WIRE_GET_PERMS, "/local/domain/3|", text);
    ck_assert_str_eq(text, "n3|");
    ck_assert_uint_eq(domain_find(fresh->xs, 3)->usage.now[QUOTA_NODES], 3);
    host_check(fresh);
    again = dump(fresh, 4000);
    ck_assert_uint_lt(again->length, stream->length);
    free(again);
    free(stream);
    tidy(fresh);
}
END_TEST

/* A domain that lives on while the service was started anew gets its connection and watches back.
 */
START_TEST(test_released_domain_is_introduced_again)
{
    struct host *host = furnished(false);
    struct stream *stream = dump(host, 4000), *again;
    struct client *guest = host->client[1];
    struct migration_result result;

    ck_assert_uint_eq(guest->domid, 3);
    OK(client_callf(host->dom0, 0, WIRE_RELEASE, NULL, "3|"));
    ck_assert_ptr_null(domain_find(host->xs, 3));
    OK(load(host, stream, 4000, &result));
    ck_assert_uint_eq(result.connections, 3);
    ck_assert_uint_eq(result.watches, 4);
    ck_assert(domain_find(host->xs, 3)->introduced);
    client_clear(guest);
    guest->have = 0;
    ck_assert_str_eq(client_value(guest, 0, "data/x"), "y");
    ck_assert_int_eq(client_watch(guest, "data", "relative"), EEXIST);
    again = dump(host, 4000);
    ck_assert_uint_eq(again->length, stream->length);
    host_check(host);
    free(again);
    free(stream);
    tidy(host);
}
END_TEST

/* What C xenstored of Xen 4.17 wrote at a live update. */
START_TEST(test_stream_of_c_xenstored)
{
    struct host *host = host_create(&(struct host_config){0});
    struct stream *stream = malloc(sizeof(*stream));
    struct migration_result result;
    FILE *file = fopen(getenv("C_XENSTORED_STREAM"), "rb");
    char text[WIRE_PAYLOAD_MAX + 1];

    ck_assert_ptr_nonnull(file);
    stream->length = fread(stream->data, 1, STREAM_MAX, file);
    OK(fclose(file));
    OK(load(host, stream, 100, &result));
    ck_assert_uint_eq(result.nodes, 12);
    /* dom0's ring is there; two sockets, one with a watch, are not. */
    ck_assert_uint_eq(result.connections, 1);
    ck_assert_uint_eq(result.connections_not_restored, 2);
    ck_assert_uint_eq(result.watches_not_restored, 1);
    ck_assert_str_eq(client_value(host->dom0, 0, "/a/b"), "value");
    ck_assert_str_eq(client_value(host->dom0, 0, "/local/domain/0/name"), "Domain-0");
    client_text(host->dom0, 0, WIRE_GET_PERMS, "/a/b|", text);
    ck_assert_str_eq(text, "n0|r5|b0|");
    client_text(host->dom0, 0, WIRE_GET_PERMS, "@releaseDomain|", text);
    ck_assert_str_eq(text, "n0|");
    host_check(host);
    OK(client_rm(host->dom0, 0, "/a"));
    free(stream);
    tidy(host);
}
END_TEST

/* What changes while a dump is read is not in it. */
/* Numbers of a vchan from then would lead to a ring that is gone: those of domains that live stay.
 */
START_TEST(test_live_vchans_stay)
{
    struct host *host = furnished(false);
    struct client *guest = host->client[1];
    struct migration_result result;
    struct stream *stream;
    uint64_t version;

    OK(client_write(guest, 0, "data/vchan/0/control/ring-ref", "8"));
    OK(client_write(guest, 0, "data/vchan/0/old/ring-ref", "7"));
    stream = dump(host, 4000);
    version = history_newest(host->xs);
    OK(client_write(guest, 0, "data/vchan/0/control/ring-ref", "9"));
    OK(client_rm(guest, 0, "data/vchan/0/old"));
    OK(client_write(guest, 0, "data/x", "z"));
    OK(load(host, stream, 4000, &result));
    ck_assert_str_eq(client_value(host->dom0, 0, "/local/domain/3/data/x"), "y");
    ck_assert_str_eq(client_value(host->dom0, 0, "/local/domain/3/data/vchan/0/control/ring-ref"),
                     "9");
    ck_assert_ptr_null(client_value(host->dom0, 0, "/local/domain/3/data/vchan/0/old"));
    OK(client_rm(guest, 0, "data/vchan/0/control/ring-ref"));
    OK(replace_rollback(host->xs, version, "/local", &result.changed));
    settle(host);
    ck_assert_ptr_null(
        client_value(host->dom0, 0, "/local/domain/3/data/vchan/0/control/ring-ref"));
    host_check(host);
    free(stream);
    tidy(host);
}
END_TEST

START_TEST(test_dump_is_of_one_moment)
{
    struct host *host = furnished(false);
    struct stream *first = dump(host, 4000), *second = malloc(sizeof(*second));
    struct migration_dump *dump = migration_dump_begin(host->xs);
    char path[32];
    long more;

    second->length = 0;
    for (unsigned i = 0; (more = migration_dump_read(dump, second->data + second->length, 100)) > 0;
         i++) {
        second->length += (size_t)more;
        snprintf(path, sizeof(path), "/big/n%u", i % 45);
        (void)(i % 2 ? client_rm(host->dom0, 0, path) : client_write(host->dom0, 0, path, "z"));
    }
    migration_dump_end(dump);
    same_stream(first, second);
    free(first);
    free(second);
    tidy(host);
}
END_TEST

/* --- what is not a stream -----------------------------------------------------------------------
 */

START_TEST(test_every_prefix_is_refused)
{
    struct host *host = furnished(true);
    struct stream *stream = dump(host, 4000), *after;
    struct migration_result result;
    size_t whole = stream->length;

    for (size_t length = 0; length < whole; length += 1 + length / 7) {
        stream->length = length;
        ck_assert_int_eq(load(host, stream, 4000, &result), -EINVAL);
    }
    stream->length = whole;
    memset(stream->data + whole, 0, 8);
    stream->length += 8;
    ck_assert_int_eq(load(host, stream, 4000, &result), -EINVAL);
    stream->length = whole;
    after = dump(host, 4000);
    same_stream(stream, after);
    free(after);
    free(stream);
    tidy(host);
}
END_TEST

/* Where the first record of @type is in the stream. */
static uint8_t *record(struct stream *stream, uint8_t type)
{
    uint8_t *at = stream->data + MIGRATION_PREAMBLE;

    while (at[0] != type)
        at += MIGRATION_HEADER + at[4] + at[5] * 256U;
    return at + MIGRATION_HEADER;
}

/* Lengths within a record that are more than it has. */
START_TEST(test_lengths_are_checked)
{
    static const struct {
        uint8_t type, at;
    } lengths[] = {
        {MIGRATION_NODE, 8},           {MIGRATION_NODE, 10},        {MIGRATION_NODE, 14},
        {MIGRATION_WATCH, 4},          {MIGRATION_WATCH, 6},        {MIGRATION_WATCH_EXTENDED, 4},
        {MIGRATION_WATCH_EXTENDED, 6}, {MIGRATION_CONNECTION, 16},  {MIGRATION_CONNECTION, 18},
        {MIGRATION_CONNECTION, 20},    {MIGRATION_GLOBAL_QUOTA, 0}, {MIGRATION_DOMAIN, 2},
    };
    struct host *host = furnished(true);
    struct stream *stream = dump(host, 4000), *after;
    struct migration_result result;

    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        static const uint8_t values[][2] = {{0xff, 0xff}, {0x78, 5}, {40, 0}};

        for (unsigned k = 0; k < 3; k++) {
            uint8_t *length = record(stream, lengths[i].type) + lengths[i].at;
            uint8_t was[2] = {length[0], length[1]};

            memcpy(length, values[k], 2);
            ck_assert_msg(load(host, stream, 4000, &result) == -EINVAL, "length %u of record %u", i,
                          lengths[i].type);
            memcpy(length, was, 2);
        }
    }
    after = dump(host, 4000);
    same_stream(stream, after);
    free(after);
    free(stream);
    tidy(host);
}
END_TEST

/* Whatever a byte is changed to: no harm is done. */
START_TEST(test_every_byte_changed)
{
    struct host *host = furnished(true);
    struct stream *stream = dump(host, 4000);
    struct migration_result result;
    unsigned refused = 0;

    for (size_t at = (size_t)_i; at < stream->length; at += 8 + at / 500) {
        uint8_t was = stream->data[at];

        stream->data[at] = (uint8_t)(was ^ (1U << (at * 7 + 3) % 8));
        refused += load(host, stream, 4000, &result) != 0;
        stream->data[at] = was;
    }
    ck_assert_uint_gt(refused, 3);
    OK(load(host, stream, 4000, &result));
    host_check(host);
    free(stream);
    host_kill(host, host->client[1]);
    OK(client_call(host->dom0, 0, WIRE_RESET_WATCHES, "|", NULL));
    host_check(host);
    /* What is left of it all goes with the host; the service's own end says if it knows of all. */
    xenstored_destroy(host->xs);
    sim_set_actor(host->store, NULL, NULL);
    sim_destroy(host->sim);
    for (unsigned i = 0; i < HOST_CLIENTS; i++)
        if (host->client[i] != NULL)
            client_free(host->client[i]);
    free(host);
}
END_TEST

/* --- failures -----------------------------------------------------------------------------------
 */

START_TEST(test_whole_or_not_at_all)
{
    unsigned failures = 0;
    uint64_t nth;

    for (nth = 1;; nth++) {
        struct host *host = host_create(&(struct host_config){0});
        struct migration_result result;
        struct stream *old, *before, *after;
        int error;

        OK(client_write(host->dom0, 0, "/big/a", "1"));
        OK(client_write(host->dom0, 0, "/big/b/c", "1"));
        old = dump(host, 4000);
        OK(client_rm(host->dom0, 0, "/big/a"));
        OK(client_write(host->dom0, 0, "/big/b/c", "22"));
        OK(client_write(host->dom0, 0, "/new", "22"));
        before = dump(host, 4000);
        allocations.count = 0;
        allocations.fail_at = nth;
        error = load(host, old, 4000, &result);
        bool struck = allocations.count >= nth;
        allocations.fail_at = 0;
        after = dump(host, 4000);
        if (error) {
            ck_assert_int_eq(error, -ENOMEM);
            failures++;
        }
        ck_assert_uint_eq(after->length, error ? before->length : old->length);
        if (error)
            same_stream(before, after);
        host_check(host);
        free(old);
        free(before);
        free(after);
        tidy(host);
        if (!struck)
            break;
    }
    ck_assert_uint_gt(failures, 20);
}
END_TEST

START_TEST(test_dump_needs_memory)
{
    struct host *host = furnished(true);

    for (uint64_t nth = 1;; nth++) {
        struct migration_dump *dump;
        uint8_t data[1000];
        long more = 0;

        allocations.count = 0;
        allocations.fail_at = nth;
        dump = migration_dump_begin(host->xs);
        while (dump && (more = migration_dump_read(dump, data, sizeof(data))) > 0)
            continue;
        bool struck = allocations.count >= nth;
        allocations.fail_at = 0;
        ck_assert(!dump || more == 0 || more == -ENOMEM);
        ck_assert_int_eq(struck, !dump || more != 0);
        if (dump)
            migration_dump_end(dump);
        if (!struck)
            break;
    }
    tidy(host);
}
END_TEST

/* --- over a vchan -------------------------------------------------------------------------------
 */

static void collect(struct remote_client *client, struct stream *stream)
{
    struct remote_frame frame;
    struct control_field field;

    stream->length = 0;
    while (remote_take(client, &frame) && frame.header.kind == CONTROL_ITEM) {
        ck_assert(control_find(&frame.fields, CONTROL_F_DATA, &field));
        memcpy(stream->data + stream->length, field.value, field.length);
        stream->length += field.length;
    }
    ck_assert_int_eq(frame.header.kind, CONTROL_END);
}

static void ask(struct remote_client *client, uint16_t type)
{
    struct remote_request request;

    remote_begin(client, &request, type, CONTROL_REQUEST);
    remote_send(client, &request);
}

/* A frame of the request's that is under way. */
static void send_more(struct remote_client *client, enum control_kind kind, const void *data,
                      size_t length)
{
    struct remote_request more;

    client->next_id--;
    remote_begin(client, &more, CONTROL_T_STORE_LOAD, kind);
    if (length)
        control_put_bytes(&more.writer, CONTROL_F_DATA, data, length);
    remote_send(client, &more);
}

static void upload(struct remote_client *client, const struct stream *stream,
                   struct remote_frame *frame)
{
    ask(client, CONTROL_T_STORE_LOAD);
    for (size_t at = 0; at < stream->length; at += 3000)
        send_more(client, CONTROL_DATA, stream->data + at,
                  stream->length - at < 3000 ? stream->length - at : 3000);
    send_more(client, CONTROL_END, NULL, 0);
    ck_assert(remote_take(client, frame));
}

START_TEST(test_over_a_vchan)
{
    struct host *host = host_create(&(struct host_config){.control = true});
    struct stream *stream = malloc(sizeof(*stream));
    struct remote_client *client;
    struct remote_frame frame;
    char path[64];

    for (unsigned i = 0; i < 200; i++) {
        snprintf(path, sizeof(path), "/dir%u/n%u", i % 10, i);
        OK(client_write(host->dom0, 0, path, "a value of some length"));
    }
    client = remote_open(host);
    ask(client, CONTROL_T_STORE_DUMP);
    collect(client, stream);
    ck_assert_uint_gt(stream->length, 10000);
    OK(client_rm(host->dom0, 0, "/dir3"));
    upload(client, stream, &frame);
    ck_assert_int_eq(frame.header.kind, CONTROL_REPLY);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_COUNT), 21);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_CONNECTIONS), 1);
    ck_assert_uint_gt(remote_number(&frame, CONTROL_F_NODES), 200);
    ck_assert_ptr_nonnull(client_value(host->dom0, 0, "/dir3/n3"));
    /* The connection that it came by lives on, and so do new ones. */
    OK(remote_call(client, CONTROL_T_STATUS, &frame));
    remote_close(client);
    client = remote_open(host);

    stream->data[3] ^= 0xff;
    upload(client, stream, &frame);
    ck_assert_int_eq(frame.header.kind, CONTROL_ERROR);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_ERRNO), EINVAL);
    remote_close(client);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(path, sizeof(path), "/dir%u", i);
        OK(client_rm(host->dom0, 0, path));
    }
    free(stream);
    host_pass(host, 5 * HV_SEC);
    host_destroy(host);
}
END_TEST

static const char *write_to;

START_TEST(write_dump)
{
    struct host *host = furnished(true);
    struct stream *stream = dump(host, 4000);
    FILE *file = fopen(write_to, "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(stream->data, stream->length, 1, file), 1);
    OK(fclose(file));
    free(stream);
    tidy(host);
}
END_TEST

static void add_tests(TCase *cases)
{
    tcase_add_loop_test(cases, test_there_and_back, 0, 12);
    tcase_add_test(cases, test_into_another_store);
    tcase_add_test(cases, test_released_domain_is_introduced_again);
    tcase_add_test(cases, test_stream_of_c_xenstored);
    tcase_add_test(cases, test_dump_is_of_one_moment);
    tcase_add_test(cases, test_every_prefix_is_refused);
    tcase_add_test(cases, test_lengths_are_checked);
    tcase_add_loop_test(cases, test_every_byte_changed, 0, 4);
    tcase_add_test(cases, test_whole_or_not_at_all);
    tcase_add_test(cases, test_dump_needs_memory);
    tcase_add_test(cases, test_live_vchans_stay);
    tcase_add_test(cases, test_over_a_vchan);
}

int main(int argc, char **argv)
{
    Suite *suite = suite_create("migration");
    TCase *cases = tcase_create("migration");

    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        write_to = argv[2];
        tcase_add_test(cases, write_dump);
    } else {
        add_tests(cases);
    }
    tcase_set_timeout(cases, 120);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
