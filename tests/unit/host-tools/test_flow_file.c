/* SPDX-License-Identifier: ISC */
/* Capture files through the engine: forms of files, link types, files that are none or end early.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow_file.h"

static struct {
    char path[64];
    FILE *out;
    bool swapped;
    struct flow_file_result result;
    struct flow_record flows[16];
    unsigned count;
    unsigned progress;
} at;

static void put32(uint32_t value)
{
    value = at.swapped ? __builtin_bswap32(value) : value;
    fwrite(&value, 4, 1, at.out);
}

static void put16(uint16_t value)
{
    value = at.swapped ? __builtin_bswap16(value) : value;
    fwrite(&value, 2, 1, at.out);
}

static void begin(uint32_t magic, uint32_t type)
{
    strcpy(at.path, "/tmp/test-flow-file-XXXXXX");
    at.out = fdopen(mkstemp(at.path), "wb");
    put32(magic);
    put16(2);
    put16(4);
    put32(0);
    put32(0);
    put32(65535);
    put32(type);
}

/* IPv4, UDP from 10.0.0.1:1000 to 10.0.0.2:53, 4 bytes: 32 in all. */
static const uint8_t datagram[32] = {0x45, 0,  0, 32, 0, 0,  0,   0,   64,  17, 0,
                                     0,    10, 0, 0,  1, 10, 0,   0,   2,   3,  0xe8,
                                     0,    53, 0, 12, 0, 0,  'a', 'b', 'c', 'd'};

static void record(uint32_t seconds, uint32_t fraction, const void *link, uint32_t link_size)
{
    put32(seconds);
    put32(fraction);
    put32(link_size + sizeof(datagram));
    put32(link_size + sizeof(datagram) + 100);
    fwrite(link, link_size, 1, at.out);
    fwrite(datagram, sizeof(datagram), 1, at.out);
}

static void note(void *context, const struct flow_view *flow)
{
    ck_assert_uint_lt(at.count, 16);
    at.flows[at.count++] = flow->record;
}

static bool stop(void *context, uint64_t bytes, uint64_t frames)
{
    return ++at.progress < 2;
}

static int run(void)
{
    const struct flow_file_options options = {.flows = 100, .flow = note, .progress = stop};
    int status;

    if (at.out)
        fclose(at.out);
    at.out = NULL;
    at.count = 0;
    status = flow_file_run(at.path, &options, &at.result);
    unlink(at.path);
    return status;
}

static const uint8_t ethernet[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};

static void must_be_the_datagram(unsigned link_size)
{
    ck_assert_str_eq(at.result.error, "");
    ck_assert_uint_eq(at.count, 1);
    ck_assert_uint_eq(at.flows[0].family, 4);
    ck_assert_uint_eq(at.flows[0].protocol, 17);
    ck_assert_uint_eq(at.flows[0].side[0].port, 1000);
    ck_assert_uint_eq(at.flows[0].side[1].port, 53);
    ck_assert_uint_eq(at.flows[0].side[0].frames, 1);
    ck_assert_uint_eq(at.flows[0].side[0].bytes, link_size + sizeof(datagram) + 100);
    ck_assert_uint_eq(at.flows[0].side[0].ip_bytes, 32);
    ck_assert_uint_eq(at.flows[0].side[0].domid, UINT16_MAX);
}

START_TEST(test_either_order_of_bytes_and_grain_of_time)
{
    at.swapped = _i & 1;
    begin(_i & 2 ? 0xa1b23c4d : 0xa1b2c3d4, 1);
    record(7, 123456, ethernet, sizeof(ethernet));
    ck_assert_int_eq(run(), 0);
    must_be_the_datagram(14);
    ck_assert_uint_eq(at.flows[0].first, 7000000000 + 123456 * (_i & 2 ? 1 : 1000));
    ck_assert_uint_eq(at.result.first, at.flows[0].first);
    ck_assert_uint_eq(at.result.frames, 1);
    at.swapped = false;
}
END_TEST

START_TEST(test_link_types)
{
    static const uint8_t cooked[16] = {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0};
    static const uint8_t cooked2[20] = {8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1};
    static const uint8_t null[4] = {2, 0, 0, 0}, loop[4] = {0, 0, 0, 2};
    static const struct {
        uint32_t type, size;
        const uint8_t *link;
        bool mac;
    } cases[] = {{113, 16, cooked, true}, {276, 20, cooked2, true}, {101, 0, cooked, false},
                 {12, 0, cooked, false},  {228, 0, cooked, false},  {0, 4, null, false},
                 {0, 4, loop, false},     {108, 4, loop, false}};

    begin(0xa1b2c3d4, cases[_i].type);
    record(7, 0, cases[_i].link, cases[_i].size);
    ck_assert_int_eq(run(), 0);
    must_be_the_datagram(cases[_i].size);
    ck_assert_uint_eq(at.flows[0].side[0].mac[5], cases[_i].mac);
}
END_TEST

START_TEST(test_unknown_links_are_counted)
{
    begin(0xa1b2c3d4, 147);
    for (unsigned i = 0; i < 100; i++)
        record(7, 0, ethernet, sizeof(ethernet));
    ck_assert_int_eq(run(), 0);
    ck_assert_uint_eq(at.count, 0);
    ck_assert_uint_eq(at.result.unknown_link, 100);
    ck_assert_int_eq(at.result.unknown_type, 147);
    ck_assert_uint_eq(at.result.frames, 100);
}
END_TEST

START_TEST(test_a_cut_file_counts_up_to_there)
{
    begin(0xa1b2c3d4, 1);
    record(7, 0, ethernet, sizeof(ethernet));
    record(8, 0, ethernet, sizeof(ethernet));
    fflush(at.out);
    ck_assert_int_eq(ftruncate(fileno(at.out), 24 + 62 + (_i ? 40 : 10)), 0);
    ck_assert_int_eq(run(), 0);
    ck_assert(at.result.cut);
    ck_assert_uint_eq(at.count, 1);
    ck_assert_uint_eq(at.flows[0].side[0].frames, 1);
    ck_assert_ptr_nonnull(strstr(at.result.error, "ends within"));
    ck_assert_ptr_nonnull(strstr(at.result.error, "byte 86, behind 1 frames"));
}
END_TEST

START_TEST(test_an_impossible_length_ends_it)
{
    begin(0xa1b2c3d4, 1);
    record(7, 0, ethernet, sizeof(ethernet));
    put32(8);
    put32(0);
    put32(0x7fffffff);
    put32(0x7fffffff);
    ck_assert_int_eq(run(), 0);
    ck_assert(at.result.cut);
    ck_assert_uint_eq(at.count, 1);
    ck_assert_ptr_nonnull(strstr(at.result.error, "no frame"));
}
END_TEST

START_TEST(test_what_is_no_capture_is_refused)
{
    strcpy(at.path, "/nowhere/file.pcap");
    ck_assert_int_eq(run(), -1);
    ck_assert_ptr_nonnull(strstr(at.result.error, "No such file"));
    begin(0x12345678, 1);
    ck_assert_int_eq(run(), -1);
    ck_assert_ptr_nonnull(strstr(at.result.error, "is no capture file"));
    begin(0xa1b2c3d4, 1);
    fflush(at.out);
    ck_assert_int_eq(ftruncate(fileno(at.out), _i ? 0 : 20), 0);
    ck_assert_int_eq(run(), -1);
    ck_assert_ptr_nonnull(strstr(at.result.error, _i ? "empty" : "too short"));
}
END_TEST

START_TEST(test_pcapng)
{
    strcpy(at.path, "/tmp/test-flow-file-XXXXXX");
    at.out = fdopen(mkstemp(at.path), "wb");
    put32(0x0a0d0d0a);
    put32(28);
    put32(0x1a2b3c4d);
    put32(1);
    put32(UINT32_MAX);
    put32(UINT32_MAX);
    put32(28);
    put32(1); /* an interface: Ethernet */
    put32(20);
    put32(1);
    put32(0);
    put32(20);
    put32(6); /* a frame, at 7 s in microseconds */
    put32(32 + 48);
    put32(0);
    put32(0);
    put32(7000000);
    put32(46);
    put32(146);
    fwrite(ethernet, 14, 1, at.out);
    fwrite(datagram, 32, 1, at.out);
    put16(0);
    put32(32 + 48);
    if (_i == 1)
        put32(6);
    ck_assert_int_eq(run(), 0);
    ck_assert(at.result.cut == (_i == 1));
    at.result.error[0] = '\0';
    must_be_the_datagram(14);
    ck_assert_uint_eq(at.flows[0].first, 7000000000);
}
END_TEST

START_TEST(test_large_files_and_stops)
{
    static const uint8_t padded[14 + 1400] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x12, 0x34};
    uint64_t frames = 0;

    begin(0xa1b2c3d4, 1);
    for (unsigned i = 0; i < 30000; i++) /* 43 MB, across the ends of reads */
        record(i / 1000, 0, padded, 14 + i % 1400);
    at.progress = _i ? 0 : 100;
    if (_i == 0) {
        ck_assert_int_eq(run(), 0);
        ck_assert(at.result.stopped);
        return;
    }
    ck_assert_int_eq(run(), 0);
    for (unsigned i = 0; i < at.count; i++)
        frames += at.flows[i].side[0].frames;
    ck_assert_uint_le(frames, 30000);
    ck_assert_uint_eq(frames, at.result.frames);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow file");
    TCase *files = tcase_create("files");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(files, test_either_order_of_bytes_and_grain_of_time, 0, 4);
    tcase_add_loop_test(files, test_link_types, 0, 8);
    tcase_add_test(files, test_unknown_links_are_counted);
    tcase_add_loop_test(files, test_a_cut_file_counts_up_to_there, 0, 2);
    tcase_add_test(files, test_an_impossible_length_ends_it);
    tcase_add_loop_test(files, test_what_is_no_capture_is_refused, 0, 2);
    tcase_add_loop_test(files, test_pcapng, 0, 2);
    tcase_add_loop_test(files, test_large_files_and_stops, 0, 2);
    suite_add_tcase(suite, files);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
