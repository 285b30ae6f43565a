/* SPDX-License-Identifier: ISC */
/** @file The stream of a mirror to pcapng: whole, in pieces, and broken. */
#include "mirror_stream.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct mirror_stream *stream;
static uint8_t in[4096];
static size_t in_length;
static char *out;
static size_t out_length;
static FILE *file;

static void setup(void)
{
    stream = malloc(sizeof(*stream));
    file = open_memstream(&out, &out_length);
    mirror_stream_init(stream, file, "ids");
    in_length = 0;
}

static void teardown(void)
{
    fclose(file);
    free(out);
    free(stream);
}

static void add(const void *data, size_t length)
{
    memcpy(in + in_length, data, length);
    in_length += length;
}

static void add_hello(uint32_t version)
{
    const struct mirror_hello hello = {
        .record = {.length = sizeof(hello), .kind = MIRROR_HELLO}, .version = version, .snap = 96};

    add(&hello, sizeof(hello));
}

static void add_port(uint16_t number, const char *bridge, const char *guest)
{
    const size_t length = sizeof(struct mirror_port) + strlen(bridge) + strlen(guest);
    const uint8_t zeros[8] = {0};
    const struct mirror_port port = {
        .record = {.length = (uint32_t)((length + 7) & ~7ul), .kind = MIRROR_PORT, .port = number},
        .domid = 5,
        .vif = 1,
        .mac = {0, 0x16, 0x3e, 1, 2, 3},
        .bridge_length = (uint8_t)strlen(bridge),
        .guest_length = (uint8_t)strlen(guest)};

    add(&port, sizeof(port));
    add(bridge, strlen(bridge));
    add(guest, strlen(guest));
    add(zeros, port.record.length - length);
}

static void add_frame(uint16_t port, const char *bytes, uint32_t original, uint8_t flags)
{
    const uint32_t captured = (uint32_t)strlen(bytes);
    const uint8_t zeros[8] = {0};
    const struct mirror_frame_record frame = {
        .record = {.length = (uint32_t)((sizeof(frame) + captured + 7) & ~7ul),
                   .kind = MIRROR_FRAME,
                   .port = port},
        .time = UINT64_C(0x1122334455667788),
        .original = original,
        .captured = captured,
        .frame_flags = flags};

    add(&frame, sizeof(frame));
    add(bytes, captured);
    add(zeros, frame.record.length - sizeof(frame) - captured);
}

static void add_lost(uint64_t frames)
{
    const struct mirror_lost lost = {.record = {.length = sizeof(lost), .kind = MIRROR_LOST},
                                     .frames = frames};

    add(&lost, sizeof(lost));
}

static uint32_t out32(size_t at)
{
    uint32_t value;

    ck_assert_uint_le(at + 4, out_length);
    memcpy(&value, out + at, 4);
    return value;
}

/* The next block at *@at: its type, both lengths the same; *@at goes behind it. */
static uint32_t block(size_t *at, size_t *body, size_t *length)
{
    const uint32_t type = out32(*at), size = out32(*at + 4);

    ck_assert_uint_ge(size, 12);
    ck_assert_uint_eq(size % 4, 0);
    ck_assert_uint_eq(out32(*at + size - 4), size);
    *body = *at + 8;
    *length = size - 12;
    *at += size;
    return type;
}

static void add_all(void)
{
    add_hello(MIRROR_VERSION);
    add_port(3, "lan", "we\033b");
    add_frame(3, "0123456789abcd!", 60, 0);
    add_lost(7);
    add_lost(2);
    add_frame(9, "0123456789abcdef", 16, MIRROR_EGRESS);
}

static void check_all(void)
{
    size_t at = 0, body, length;

    fflush(file);
    ck_assert_uint_eq(block(&at, &body, &length), 0x0a0d0d0a);
    ck_assert_uint_eq(out32(body), 0x1a2b3c4d);
    ck_assert_uint_eq(out32(body + 4), 1);
    ck_assert_uint_eq(block(&at, &body, &length), 1);
    ck_assert_uint_eq(out32(body), 1);
    ck_assert_uint_eq(out32(body + 4), 96);
    ck_assert_mem_eq(out + body + 12, "ids", 3);
    ck_assert_uint_eq(block(&at, &body, &length), 1);
    ck_assert_mem_eq(out + body + 8, "\x02\x00\x09\x00we\\x1bb/1", 13);
    ck_assert_ptr_nonnull(memmem(out + body, length,
                                 "vif 1 of domain 5, 00:16:3e:01:02:03, "
                                 "bridge lan",
                                 48));
    ck_assert_ptr_nonnull(memmem(out + body, length, "\x09\x00\x01\x00\x09", 5));
    ck_assert_uint_eq(block(&at, &body, &length), 6);
    ck_assert_uint_eq(out32(body), 1);
    ck_assert_uint_eq(out32(body + 4), 0x11223344);
    ck_assert_uint_eq(out32(body + 8), 0x55667788);
    ck_assert_uint_eq(out32(body + 12), 15);
    ck_assert_uint_eq(out32(body + 16), 60);
    ck_assert_mem_eq(out + body + 20, "0123456789abcd!\0", 16);
    ck_assert_mem_eq(out + body + 36, "\x02\x00\x04\x00\x01\x00\x00\x00\x00\x00\x00\x00", 12);
    ck_assert_uint_eq(block(&at, &body, &length), 6);
    ck_assert_uint_eq(out32(body), 0); /* a port that nobody told of */
    ck_assert_mem_eq(out + body + 36,
                     "\x02\x00\x04\x00\x02\x00\x00\x00\x04\x00\x08\x00\x09\x00\x00\x00", 16);
    ck_assert_uint_eq(at, out_length);
    ck_assert_uint_eq(stream->frames, 2);
    ck_assert_uint_eq(stream->lost, 9);
}

START_TEST(whole)
{
    add_all();
    ck_assert_int_eq(mirror_stream_take(stream, in, in_length), 0);
    check_all();
}
END_TEST

START_TEST(in_pieces)
{
    add_all();
    for (size_t at = 0; at < in_length; at += (size_t)_i) {
        const size_t left = in_length - at;

        ck_assert_int_eq(mirror_stream_take(stream, in + at, left < (size_t)_i ? left : (size_t)_i),
                         0);
    }
    check_all();
}
END_TEST

/* A port of the same number is another interface. */
START_TEST(port_anew)
{
    const struct mirror_record gone = {.length = sizeof(gone), .kind = MIRROR_GONE, .port = 3};

    add_hello(MIRROR_VERSION);
    add_port(3, "lan", "a");
    add(&gone, sizeof(gone));
    add_port(3, "lan", "b");
    ck_assert_int_eq(mirror_stream_take(stream, in, in_length), 0);
    ck_assert_uint_eq(stream->interface[3], 3);
    ck_assert_uint_eq(stream->interfaces, 3);
}
END_TEST

static struct mirror_record *record_at(size_t at)
{
    return (struct mirror_record *)(void *)(in + at);
}

START_TEST(broken)
{
    static const char *const whys[] = {
        "it does not begin as a mirror's does",
        "it is of another version",
        "it begins twice",
        "a record's length is none",
        "a record's length is none",
        "a record's length is none",
        "a port's record is too short",
        "a port's names are longer than its record",
        "a frame's record is too short",
        "a frame is longer than its record",
        "a frame is longer than its record",
        "its first record is too short",
    };
    struct mirror_port *port;
    struct mirror_frame_record *frame;

    if (_i > 1 && _i != 11)
        add_hello(MIRROR_VERSION);
    switch (_i) {
    case 0:
        add_lost(1);
        break;
    case 1:
        add_hello(MIRROR_VERSION + 1);
        break;
    case 2:
        add_hello(MIRROR_VERSION);
        break;
    case 3:
    case 4:
    case 5:
        add_lost(1);
        record_at(sizeof(struct mirror_hello))->length = _i == 3 ? 0 : _i == 4 ? 12 : 65608;
        break;
    case 6:
        add_lost(1);
        record_at(sizeof(struct mirror_hello))->kind = MIRROR_PORT;
        break;
    case 7:
        add_port(1, "lan", "a");
        port = (struct mirror_port *)(void *)(in + sizeof(struct mirror_hello));
        port->guest_length = 255;
        break;
    case 8:
        add_lost(1);
        record_at(sizeof(struct mirror_hello))->kind = MIRROR_FRAME;
        break;
    case 9:
    case 10:
        add_frame(1, "0123456789abcdef", 16, 0);
        frame = (struct mirror_frame_record *)(void *)(in + sizeof(struct mirror_hello));
        frame->captured = _i == 9 ? 17 : UINT32_MAX;
        frame->original = UINT32_MAX;
        break;
    case 11:
        add_lost(1);
        record_at(0)->kind = MIRROR_HELLO;
        break;
    }
    ck_assert_int_eq(mirror_stream_take(stream, in, in_length), -EPROTO);
    ck_assert_str_eq(stream->why, whys[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mirror_stream");
    TCase *tc = tcase_create("mirror_stream");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, whole);
    tcase_add_loop_test(tc, in_pieces, 1, 40);
    tcase_add_test(tc, port_anew);
    tcase_add_loop_test(tc, broken, 0, 12);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
