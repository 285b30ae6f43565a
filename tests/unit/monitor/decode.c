/* SPDX-License-Identifier: ISC */
/* services/monitor/decode.h on frames of every kind, on lies, and on each of their beginnings. */
#include "services/monitor/decode.h"

#include "tests/unit/unit.h"

#include "reference.h"
#include "samples.h"

static enum decode_result decode(const struct frame *frame, struct decoded *decoded)
{
    enum decode_result result;
    const char *different =
        reference_check(frame->bytes, frame->size, frame->size, decoded, &result);

    ck_assert_msg(!different, "%s is not as in the reference", different);
    return result;
}

static struct decoded decoded_sample(const char *name)
{
    struct frame frame;
    struct decoded decoded;

    sample_make(&frame, name);
    ck_assert_int_eq(decode(&frame, &decoded), DECODE_OK);
    return decoded;
}

/* What each sample is; offsets as anybody can count them in samples.c. */
static const struct expectation {
    const char *name;
    unsigned family, protocol, source_port, destination_port;
    unsigned ethertype, tags, vid[2];
    unsigned network, transport, payload, length;
} expectations[] = {
    {"tcp4", 4, 6, 1000, 2000, 0x0800, 0, {0, 0}, 14, 34, 66, 30},
    {"tcp6", 6, 6, 1000, 2000, 0x86dd, 0, {0, 0}, 14, 54, 86, 30},
    {"udp4", 4, 17, 1000, 2000, 0x0800, 0, {0, 0}, 14, 34, 42, 20},
    {"udp4 padded", 4, 17, 1000, 2000, 0x0800, 0, {0, 0}, 14, 34, 42, 2},
    {"udp4 options", 4, 17, 1000, 2000, 0x0800, 0, {0, 0}, 14, 74, 82, 20},
    {"udp6", 6, 17, 1000, 2000, 0x86dd, 0, {0, 0}, 14, 54, 62, 20},
    {"udp-lite", 4, 136, 1000, 2000, 0x0800, 0, {0, 0}, 14, 34, 42, 20},
    {"sctp4", 4, 132, 1000, 2000, 0x0800, 0, {0, 0}, 14, 34, 46, 20},
    {"sctp6", 6, 132, 1000, 2000, 0x86dd, 0, {0, 0}, 14, 54, 66, 20},
    {"dccp", 4, 33, 1000, 2000, 0x0800, 0, {0, 0}, 14, 34, 0, 0},
    {"gre", 4, 47, 0, 0, 0x0800, 0, {0, 0}, 14, 34, 0, 0},
    {"icmp echo", 4, 1, 0x1234, 0x0800, 0x0800, 0, {0, 0}, 14, 34, 0, 0},
    {"icmp reply", 4, 1, 0x0800, 0x1234, 0x0800, 0, {0, 0}, 14, 34, 0, 0},
    {"icmp timestamp", 4, 1, 0x1234, 0x0d00, 0x0800, 0, {0, 0}, 14, 34, 0, 0},
    {"icmp timestamp reply", 4, 1, 0x0d00, 0x1234, 0x0800, 0, {0, 0}, 14, 34, 0, 0},
    {"icmp unreachable", 4, 1, 0, 0x0303, 0x0800, 0, {0, 0}, 14, 34, 0, 0},
    {"icmp6 echo", 6, 58, 0x1234, 0x8000, 0x86dd, 0, {0, 0}, 14, 54, 0, 0},
    {"icmp6 reply", 6, 58, 0x8000, 0x1234, 0x86dd, 0, {0, 0}, 14, 54, 0, 0},
    {"icmp6 neighbour", 6, 58, 0, 0x8700, 0x86dd, 0, {0, 0}, 14, 54, 0, 0},
    {"arp", 1, 0, 0, 0, 0x0806, 0, {0, 0}, 14, 0, 0, 0},
    {"arp of 802", 1, 0, 0, 0, 0x0806, 0, {0, 0}, 14, 0, 0, 0},
    {"arp of others", 1, 0, 0, 0, 0x0806, 0, {0, 0}, 14, 0, 0, 0},
    {"tag", 4, 6, 1000, 2000, 0x0800, 1, {100, 0}, 18, 38, 70, 30},
    {"tag of priority", 6, 6, 1000, 2000, 0x86dd, 1, {0, 0}, 18, 58, 90, 30},
    {"tags stacked", 6, 6, 1000, 2000, 0x86dd, 2, {101, 102}, 22, 62, 94, 30},
    {"tags old", 1, 0, 0, 0, 0x0806, 2, {101, 102}, 22, 0, 0, 0},
    {"tags three", 0, 0, 0, 0, 0x8100, 2, {1, 2}, 0, 0, 0, 0},
    {"spanning tree", 0, 0, 0, 0, 0x42, 0, {0, 0}, 0, 0, 0, 0},
    {"snap", 4, 17, 1000, 2000, 0x0800, 0, {0, 0}, 22, 42, 50, 3},
    {"snap in tag", 6, 6, 1000, 2000, 0x86dd, 1, {5, 0}, 26, 66, 98, 30},
    {"snap of others", 0, 0, 0, 0, 0xaa, 0, {0, 0}, 0, 0, 0, 0},
    {"pppoe", 4, 6, 1000, 2000, 0x8864, 0, {0, 0}, 22, 42, 74, 30},
    {"pppoe compressed", 6, 6, 1000, 2000, 0x8864, 0, {0, 0}, 21, 61, 93, 30},
    {"pppoe control", 0, 0, 0, 0, 0x8864, 0, {0, 0}, 0, 0, 0, 0},
    {"mpls", 4, 6, 1000, 2000, 0x8847, 0, {0, 0}, 22, 42, 74, 30},
    {"mpls ipv6", 6, 6, 1000, 2000, 0x8848, 0, {0, 0}, 18, 58, 90, 30},
    {"mpls wire", 0, 0, 0, 0, 0x8847, 0, {0, 0}, 0, 0, 0, 0},
    {"fragment first", 4, 17, 1000, 2000, 0x0800, 0, {0, 0}, 14, 34, 42, 48},
    {"fragment later", 4, 17, 0, 0, 0x0800, 0, {0, 0}, 14, 0, 0, 0},
    {"fragment tiny", 4, 6, 1000, 2000, 0x0800, 0, {0, 0}, 14, 34, 0, 0},
    {"fragment6 first", 6, 17, 1000, 2000, 0x86dd, 0, {0, 0}, 14, 86, 94, 48},
    {"fragment6 later", 6, 60, 0, 0, 0x86dd, 0, {0, 0}, 14, 0, 0, 0},
    {"fragment6 atomic", 6, 17, 1000, 2000, 0x86dd, 0, {0, 0}, 14, 62, 70, 11},
    {"extensions", 6, 6, 1000, 2000, 0x86dd, 0, {0, 0}, 14, 134, 154, 9},
    {"extensions most", 6, 6, 1000, 2000, 0x86dd, 0, {0, 0}, 14, 118, 138, 0},
    {"mobility", 6, 135, 0, 0, 0x86dd, 0, {0, 0}, 14, 54, 0, 0},
    {"mobility and more", 6, 17, 1000, 2000, 0x86dd, 0, {0, 0}, 14, 70, 78, 1},
    {"nothing next", 6, 59, 0, 0, 0x86dd, 0, {0, 0}, 14, 54, 0, 0},
    {"ah4", 4, 17, 1000, 2000, 0x0800, 0, {0, 0}, 14, 58, 66, 9},
    {"gso4", 4, 6, 1000, 2000, 0x0800, 0, {0, 0}, 14, 34, 66, 1834},
    {"gso6", 6, 6, 1000, 2000, 0x86dd, 0, {0, 0}, 14, 54, 86, 1814},
};

START_TEST(each_sample)
{
    const struct expectation *wanted = &expectations[_i];
    struct decoded decoded = decoded_sample(wanted->name);

    ck_assert_uint_eq(decoded.family, wanted->family);
    ck_assert_uint_eq(decoded.protocol, wanted->protocol);
    ck_assert_uint_eq(decoded.source_port, wanted->source_port);
    ck_assert_uint_eq(decoded.destination_port, wanted->destination_port);
    ck_assert(decoded.ports == ((wanted->source_port | wanted->destination_port) != 0));
    ck_assert_uint_eq(decoded.ethertype, wanted->ethertype);
    ck_assert_uint_eq(decoded.tags, wanted->tags);
    ck_assert_uint_eq(decoded.vid[0], wanted->vid[0]);
    ck_assert_uint_eq(decoded.vid[1], wanted->vid[1]);
    ck_assert_uint_eq(decoded.network, wanted->network);
    ck_assert_uint_eq(decoded.transport, wanted->transport);
    ck_assert_uint_eq(decoded.payload, wanted->payload);
    ck_assert_uint_eq(decoded.payload_length, wanted->length);
    ck_assert_uint_eq(decoded.payload_captured, wanted->length);
}
END_TEST

START_TEST(samples_are_all_expected)
{
    ck_assert_uint_eq(samples_count, sizeof(expectations) / sizeof(expectations[0]));
    for (unsigned i = 0; i < samples_count; i++)
        ck_assert_str_eq(samples[i].name, expectations[i].name);
}
END_TEST

START_TEST(addresses_and_fields)
{
    struct decoded decoded = decoded_sample("tcp4");
    const uint8_t source4[16] = {10, 0, 0, 2}, destination4[16] = {10, 0, 0, 1};
    const uint8_t source6[16] = {0xfe, 0x80, [15] = 2}, mac[6] = {2, 0, 0, 0, 0, 2};
    struct frame frame;

    ck_assert_mem_eq(decoded.source, source4, 16);
    ck_assert_mem_eq(decoded.destination, destination4, 16);
    ck_assert_uint_eq(decoded.tos, SAMPLE_TOS);
    ck_assert_uint_eq(decoded.ttl, SAMPLE_TTL);
    ck_assert_uint_eq(decoded.tcp_flags, DECODE_TCP_ACK);
    ck_assert_uint_eq(decoded.ip_length, 20 + 32 + 30);
    ck_assert(!decoded.fragment && !decoded.more && !decoded.icmp_reply);

    decoded = decoded_sample("tcp6");
    ck_assert_mem_eq(decoded.source, source6, 16);
    ck_assert_uint_eq(decoded.destination[15], 1);
    ck_assert_uint_eq(decoded.tos, SAMPLE_TOS);
    ck_assert_uint_eq(decoded.ttl, SAMPLE_TTL);
    ck_assert_uint_eq(decoded.ip_length, 40 + 32 + 30);

    decoded = decoded_sample("arp");
    ck_assert_uint_eq(decoded.arp_operation, 1);
    ck_assert_mem_eq(decoded.arp_mac, mac, 6);
    ck_assert_mem_eq(decoded.source, source4, 16);
    ck_assert_mem_eq(decoded.destination, destination4, 16);
    decoded = decoded_sample("arp of 802");
    ck_assert_mem_eq(decoded.source, source4, 16);
    decoded = decoded_sample("arp of others");
    ck_assert_uint_eq(decoded.arp_operation, 1);
    ck_assert_uint_eq(decoded.source[0], 0);

    decoded = decoded_sample("icmp reply");
    ck_assert(decoded.icmp_reply && decoded.icmp_type == 0 && decoded.icmp_code == 0);
    decoded = decoded_sample("icmp unreachable");
    ck_assert(!decoded.icmp_reply && decoded.icmp_type == 3 && decoded.icmp_code == 3);

    sample_make(&frame, "tcp4");
    frame_set16(&frame, 38, 0x0102);
    frame_set16(&frame, 40, 0x0304);
    frame_set16(&frame, 42, 0xf1f2);
    frame_set16(&frame, 44, 0xf3f4);
    ck_assert_int_eq(decode(&frame, &decoded), DECODE_OK);
    ck_assert_uint_eq(decoded.sequence, 0x01020304);
    ck_assert_uint_eq(decoded.acknowledgment, 0xf1f2f3f4);
}
END_TEST

START_TEST(fragments)
{
    struct decoded decoded = decoded_sample("fragment first");
    struct frame frame;

    ck_assert(decoded.fragment && decoded.more && decoded.fragment_at == 0);
    ck_assert_uint_eq(decoded.fragment_id, 77);
    ck_assert_uint_eq(decoded.fragment_length, 56);
    decoded = decoded_sample("fragment later");
    ck_assert(decoded.fragment && !decoded.more && !decoded.ports);
    ck_assert_uint_eq(decoded.fragment_at, 56);
    ck_assert_uint_eq(decoded.fragment_length, 41);
    decoded = decoded_sample("fragment6 first");
    ck_assert(decoded.fragment && decoded.more && decoded.fragment_at == 0);
    ck_assert_uint_eq(decoded.fragment_id, 0x12345678);
    ck_assert_uint_eq(decoded.fragment_length, 72);
    decoded = decoded_sample("fragment6 later");
    ck_assert(decoded.fragment && decoded.more && !decoded.ports);
    ck_assert_uint_eq(decoded.fragment_at, 72);
    decoded = decoded_sample("fragment6 atomic");
    ck_assert(!decoded.fragment && !decoded.more);

    sample_make(&frame, "fragment later"); /* beyond what a datagram can be */
    frame_set16(&frame, 20, 0x1fff);
    ck_assert_int_eq(decode(&frame, &decoded), DECODE_MALFORMED);
    sample_make(&frame, "fragment6 later"); /* others follow, but not where this one ends */
    frame.size -= 3;
    frame_end(&frame, 14);
    ck_assert_int_eq(decode(&frame, &decoded), DECODE_MALFORMED);
}
END_TEST

/* A byte changed makes each of these contradict itself. */
START_TEST(lies)
{
    static const struct {
        const char *name;
        unsigned at, value;
    } cases[] = {
        {"tcp4", 14, 0x55},
        {"tcp4", 14, 0x44},
        {"tcp4", 17, 19},
        {"tcp4", 46, 0x40},
        {"extensions most", 130, 0x60},
        {"tcp6", 14, 0x40},
        {"udp4", 39, 7},
        {"udp4", 39, 29},
        {"udp4", 39, 0},
        {"udp6", 58, 0x01},
        {"arp", 18, 7},
        {"arp", 19, 16},
        {"tcp4", 17, 255},
        {"tcp6", 19, 255},
        {"pppoe", 14, 0x12},
        {"pppoe", 15, 9},
        {"pppoe", 18, 0x10},
        {"spanning tree", 12, 1},
        {"ah4", 35, 0},
        {"ah4", 35, 200},
        {"extensions", 55, 250},
    };
    struct decoded decoded;
    struct frame frame;

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sample_make(&frame, cases[i].name);
        frame.bytes[cases[i].at] = (uint8_t)cases[i].value;
        ck_assert_msg(decode(&frame, &decoded) == DECODE_MALFORMED, "%s with %#x at %u",
                      cases[i].name, cases[i].value, cases[i].at);
    }
}
END_TEST

/* Of what is longer than its frame, that which is there is told. */
START_TEST(longer_than_the_frame)
{
    struct decoded decoded;
    struct frame frame;

    sample_make(&frame, "tcp4");
    frame_set16(&frame, 16, 1500);
    ck_assert_int_eq(decode(&frame, &decoded), DECODE_MALFORMED);
    ck_assert(decoded.ports && decoded.source_port == 1000 && decoded.destination_port == 2000);
    ck_assert_uint_eq(decoded.ip_length, frame.size - 14);
    ck_assert_uint_eq(decoded.payload_length, 30);
}
END_TEST

START_TEST(too_many_extensions)
{
    struct decoded decoded;
    struct frame frame;

    frame_ether(&frame, 0x86dd);
    frame_ipv6(&frame, 60);
    for (unsigned i = 0; i < DECODE_EXTENSIONS; i++)
        sample_extension(&frame, 60, 1);
    sample_extension(&frame, 17, 1);
    frame_udp(&frame, 8);
    frame_end(&frame, 14);
    ck_assert_int_eq(decode(&frame, &decoded), DECODE_MALFORMED);
    ck_assert(!decoded.ports && decoded.family == DECODE_IPV6 && decoded.source[15] == 2);
}
END_TEST

START_TEST(jumbograms_and_empty_ones)
{
    static uint8_t bytes[70000];
    struct decoded decoded;
    enum decode_result result;
    struct frame frame;

    frame_ether(&frame, 0x86dd);
    frame_ipv6(&frame, 0);
    frame_bytes(&frame, "\x06\0\xc2\4\0\1\x11\x32", 8); /* 69938 bytes behind the header */
    frame_tcp(&frame, 5, 0, 0);
    memcpy(bytes, frame.bytes, frame.size);
    ck_assert_ptr_null(reference_check(bytes, 69992, 69992, &decoded, &result));
    ck_assert_int_eq(result, DECODE_OK);
    ck_assert_uint_eq(decoded.ip_length, 69978);
    ck_assert_uint_eq(decoded.payload_length, 69910);
    ck_assert_ptr_null(reference_check(bytes, 100, 69992, &decoded, &result));
    ck_assert_uint_eq(decoded.payload_captured, 18);
    ck_assert_ptr_null(reference_check(bytes, 69991, 69991, &decoded, &result));
    ck_assert_int_eq(result, DECODE_MALFORMED);

    sample_make(&frame, "udp6"); /* no length: there is nothing in it */
    frame_set16(&frame, 18, 0);
    ck_assert_int_eq(decode(&frame, &decoded), DECODE_MALFORMED);
    ck_assert_uint_eq(decoded.ip_length, 40);
}
END_TEST

START_TEST(cut_by_the_snap_length)
{
    static const struct {
        const char *name;
        unsigned captured;
        enum decode_result result;
        bool ports;
    } cases[] = {
        {"tcp4", 13, DECODE_NOT_ETHERNET, false},
        {"tcp4", 33, DECODE_SHORT, false},
        {"tcp4", 37, DECODE_SHORT, false},
        {"tcp4", 38, DECODE_SHORT, true},
        {"tcp4", 47, DECODE_SHORT, true},
        {"tcp4", 48, DECODE_OK, true},
        {"udp4", 37, DECODE_SHORT, false},
        {"udp4", 38, DECODE_OK, true},
        {"udp4 options", 73, DECODE_SHORT, false},
        {"sctp6", 57, DECODE_SHORT, false},
        {"sctp6", 58, DECODE_OK, true},
        {"icmp echo", 36, DECODE_SHORT, false},
        {"icmp echo", 40, DECODE_OK, true},
        {"icmp unreachable", 36, DECODE_OK, true},
        {"arp", 41, DECODE_SHORT, false},
        {"arp", 42, DECODE_OK, false},
        {"fragment later", 34, DECODE_OK, false},
        {"fragment6 later", 69, DECODE_SHORT, false},
        {"extensions", 133, DECODE_SHORT, false},
        {"spanning tree", 17, DECODE_OK, false},
        {"tag", 17, DECODE_SHORT, false},
    };
    struct decoded decoded;
    enum decode_result result;
    struct frame frame;

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *different;

        sample_make(&frame, cases[i].name);
        different = reference_check(frame.bytes, cases[i].captured, frame.size, &decoded, &result);
        ck_assert_msg(!different, "%s of %s", different, cases[i].name);
        ck_assert_msg(result == cases[i].result && decoded.ports == cases[i].ports,
                      "%s, %u bytes of it: %s, ports %d", cases[i].name, cases[i].captured,
                      decode_result_name(result), decoded.ports);
    }
}
END_TEST

/* Under sanitizers a read behind the block's end is seen; everywhere the reference is asked. */
START_TEST(each_beginning_of_each_sample)
{
    struct decoded decoded;
    enum decode_result result;
    struct frame frame;

    samples[_i].make(&frame);
    for (size_t size = 0; size <= frame.size; size++) {
        const char *cut = reference_check(frame.bytes, size, frame.size, &decoded, &result);
        const char *whole;

        ck_assert_msg(!cut, "%s, first %zu bytes: %s", samples[_i].name, size, cut);
        ck_assert_msg(size < 14 ? result == DECODE_NOT_ETHERNET
                                : result == DECODE_OK || result == DECODE_SHORT,
                      "%s, first %zu bytes: %s", samples[_i].name, size,
                      decode_result_name(result));
        whole = reference_check(frame.bytes, size, size, &decoded, &result);
        ck_assert_msg(!whole, "%s of %zu bytes: %s", samples[_i].name, size, whole);
        ck_assert_int_ne(result, DECODE_SHORT);
    }
    /* More than there ever was changes nothing. */
    ck_assert_ptr_null(reference_check(frame.bytes, frame.size, 14, &decoded, &result));
}
END_TEST

/* Samples with a few bytes changed, at any snap length, of any claimed length. */
START_TEST(any_bytes)
{
    struct unit_random random = {.state = (uint64_t)_i + 1};
    unsigned seen[DECODE_RESULTS] = {0};
    struct decoded decoded;
    enum decode_result result;
    struct frame frame;

    for (unsigned round = 0; round < 4000; round++) {
        const struct sample *sample = &samples[unit_random(&random, samples_count)];
        size_t captured, length;
        const char *different;

        sample->make(&frame);
        for (uint64_t n = unit_random(&random, 4); n > 0; n--) {
            /* Mostly where the headers are. */
            size_t at = 12 + unit_random(&random, unit_random(&random, 4) ? 60 : frame.size - 12);

            if (at < frame.size)
                frame.bytes[at] = (uint8_t)unit_random(&random, unit_random(&random, 2) ? 256 : 9);
        }
        captured = unit_random(&random, 3) ? frame.size : unit_random(&random, frame.size + 1);
        length = captured +
                 (unit_random(&random, 2) ? frame.size - captured : unit_random(&random, 70000));
        different = reference_check(frame.bytes, captured, length, &decoded, &result);
        ck_assert_msg(!different, "round %u, %s: %s", round, sample->name, different);
        ck_assert_uint_le(decoded.payload + decoded.payload_captured,
                          decoded.payload ? captured > decoded.payload ? captured : decoded.payload
                                          : 0);
        seen[result]++;
    }
    for (unsigned i = 0; i < DECODE_NOT_ETHERNET; i++)
        ck_assert_uint_gt(seen[i], 100);
}
END_TEST

START_TEST(names_of_results)
{
    ck_assert_str_eq(decode_result_name(DECODE_OK), "ok");
    ck_assert_str_eq(decode_result_name(DECODE_NOT_ETHERNET), "not-ethernet");
    ck_assert_str_eq(decode_result_name(DECODE_RESULTS), "unknown");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("monitor decode");
    TCase *tcase = tcase_create("decode");

    tcase_add_loop_test(tcase, each_sample, 0, sizeof(expectations) / sizeof(expectations[0]));
    tcase_add_test(tcase, samples_are_all_expected);
    tcase_add_test(tcase, addresses_and_fields);
    tcase_add_test(tcase, fragments);
    tcase_add_test(tcase, lies);
    tcase_add_test(tcase, longer_than_the_frame);
    tcase_add_test(tcase, too_many_extensions);
    tcase_add_test(tcase, jumbograms_and_empty_ones);
    tcase_add_test(tcase, cut_by_the_snap_length);
    tcase_add_loop_test(tcase, each_beginning_of_each_sample, 0, (int)samples_count);
    tcase_add_loop_test(tcase, any_bytes, 0, 8);
    tcase_add_test(tcase, names_of_results);
    suite_add_tcase(suite, tcase);
    return suite;
}
