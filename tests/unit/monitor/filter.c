/* SPDX-License-Identifier: ISC */
/*
 * Classic BPF beside libpcap's own: the same programs are good, and they say the same of the same
 * frames. Programs are random, and tcpdump's.
 */
#include "services/monitor/filter.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "tests/unit/unit.h"

_Static_assert(sizeof(struct filter_instruction) == sizeof(struct bpf_insn),
               "the same on the wire");

static int verify(const struct filter_instruction *program, unsigned count)
{
    const char *why;
    unsigned at;
    int rc = filter_verify(program, count, &why, &at);

    ck_assert((rc == 0) == (why == NULL));
    ck_assert_uint_le(at, count);
    return rc;
}

static u_int peer(const struct filter_instruction *program, const uint8_t *frame, size_t captured,
                  size_t length)
{
    return bpf_filter((const struct bpf_insn *)program, frame, (u_int)length, (u_int)captured);
}

static bool peer_takes(const struct filter_instruction *program, unsigned count)
{
    return bpf_validate((const struct bpf_insn *)program, (int)count) != 0;
}

/* --- programs -----------------------------------------------------------------------------------
 */

/* Codes that both know. */
static const uint16_t codes[] = {
    0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x00, 0x60,             /* ld */
    0x81, 0x01, 0x61, 0xb1,                                           /* ldx */
    0x02, 0x03,                                                       /* st, stx */
    0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x84, 0x94, 0xa4, /* alu k, neg */
    0x0c, 0x1c, 0x2c, 0x3c, 0x4c, 0x5c, 0x6c, 0x7c, 0x9c, 0xac,       /* alu x */
    0x05, 0x15, 0x25, 0x35, 0x45, 0x1d, 0x2d, 0x3d, 0x4d,             /* jmp */
    0x06, 0x16,                                                       /* ret */
    0x07, 0x87,                                                       /* misc */
};

#define CODES  (sizeof(codes) / sizeof(codes[0]))
#define WORDS  16U
#define LENGTH 60U

/* Words of memory are 0 at first here, and anything in libpcap: set them. */
static unsigned preamble(struct filter_instruction *program)
{
    for (unsigned i = 0; i < WORDS; i++)
        program[i] = (struct filter_instruction){.code = 0x02, .k = i};
    return WORDS;
}

static uint32_t operand(struct unit_random *random, uint16_t code)
{
    uint32_t small = (uint32_t)unit_random(random, 80);

    if (code == 0x64 || code == 0x74) /* libpcap shifts by 32 and more as the machine does */
        return small % 32;
    if (code == 0x02 || code == 0x03 || code == 0x60 || code == 0x61)
        return small % (WORDS + 1);
    switch (unit_random(random, 8)) {
    case 0:
        return (uint32_t)unit_random(random, UINT32_MAX);
    case 1:
        return UINT32_MAX - (uint32_t)unit_random(random, 8);
    default:
        return small;
    }
}

static unsigned random_program(struct unit_random *random, struct filter_instruction *program)
{
    unsigned count = preamble(program), end = count + 1 + (unsigned)unit_random(random, LENGTH);

    for (; count < end; count++) {
        uint16_t code = codes[unit_random(random, CODES)];
        unsigned behind = end - 1 - count;
        bool jump = (code & 7) == 5;

        if (count + 1 == end && unit_random(random, 20))
            code = unit_random(random, 2) ? 0x06 : 0x16;
        program[count] = (struct filter_instruction){
            .code = code,
            .jt = (uint8_t)unit_random(random, behind + (unit_random(random, 30) ? 0 : 2) + 1),
            .jf = (uint8_t)unit_random(random, behind + 1),
            .k = operand(random, code),
        };
        if (jump && behind && unit_random(random, 20)) {
            program[count].jt = (uint8_t)(program[count].jt % behind);
            program[count].jf = (uint8_t)(program[count].jf % behind);
        }
        if (code == 0x05)
            program[count].k = (uint32_t)unit_random(random, behind + 2);
    }
    return count;
}

START_TEST(random_programs_say_the_same)
{
    struct unit_random random = {(uint64_t)_i};
    unsigned good = 0, kept = 0;

    for (unsigned round = 0; round < 8000; round++) {
        struct filter_instruction program[WORDS + LENGTH + 2];
        unsigned count = random_program(&random, program);
        uint8_t *frame;
        size_t captured = unit_random(&random, 90);

        ck_assert_int_eq(verify(program, count) == 0, peer_takes(program, count));
        if (verify(program, count))
            continue;
        good++;
        frame = malloc(captured + 1);
        for (size_t i = 0; i < captured; i++)
            frame[i] = (uint8_t)unit_random(&random, unit_random(&random, 2) ? 256 : 4);
        for (unsigned i = 0; i < 3; i++) {
            size_t length = captured + unit_random(&random, 2000);
            uint32_t result = filter_run(program, frame, captured, length);

            ck_assert_uint_eq(result, peer(program, frame, captured, length));
            kept += result != 0;
        }
        free(frame);
    }
    ck_assert_uint_gt(good, 1000);
    ck_assert_uint_gt(kept, 100);
}
END_TEST

/* What is good here is good there; not the other way round, as libpcap does not know the codes of
 * what it lets pass. */
START_TEST(any_bytes_are_no_program)
{
    struct unit_random random = {(uint64_t)_i};

    for (unsigned round = 0; round < 40000; round++) {
        struct filter_instruction program[4];
        unsigned count = (unsigned)unit_random(&random, 5);

        for (unsigned i = 0; i < 4; i++)
            program[i] = (struct filter_instruction){
                .code = (uint16_t)unit_random(&random, unit_random(&random, 8) ? 256 : 65536),
                .jt = (uint8_t)unit_random(&random, 4),
                .jf = (uint8_t)unit_random(&random, 4),
                .k = (uint32_t)unit_random(&random, 20),
            };
        if (!verify(program, count))
            ck_assert(peer_takes(program, count));
    }
}
END_TEST

/* --- tcpdump's ----------------------------------------------------------------------------------
 */

static const char *const expressions[] = {
    "",
    "tcp port 80",
    "ip6 and udp",
    "host 10.0.0.1 or net 192.168.0.0/16",
    "vlan 10 and arp",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "icmp[icmptype] = icmp-echo and greater 100",
    "ether src 02:00:00:00:00:01 and not port 22",
    "ip6 host 2001:db8::1 and tcp portrange 1000-2000",
    "ip[0] & 0xf != 5 and ip[6:2] & 0x1fff = 0",
    "(tcp port 80 or tcp port 443) and ip[2:2] > 576",
};

/* Frames that are nearly what the expressions look for. */
static size_t make_frame(struct unit_random *random, uint8_t *frame)
{
    static const uint16_t types[] = {0x800, 0x86dd, 0x806, 0x8100};
    static const uint8_t ports[] = {80, 22, 0};
    size_t length = 20 + unit_random(random, 180);
    uint16_t type = types[unit_random(random, 4)];

    for (size_t i = 0; i < length; i++)
        frame[i] = (uint8_t)unit_random(random, 256);
    frame[6] = 2;
    memset(frame + 7, 0, 4);
    frame[11] = 1;
    frame[12] = (uint8_t)(type >> 8);
    frame[13] = (uint8_t)type;
    frame[14] = type == 0x800 ? (uint8_t)(0x45 + unit_random(random, 2)) : 0x60;
    if (type == 0x8100)
        memcpy(frame + 14, "\x00\x0a\x08\x06", 4);
    if (length > 60 && type == 0x800) {
        frame[20] = frame[21] = 0;
        frame[23] = unit_random(random, 2) ? 6 : 17;
        memcpy(frame + 26, "\x0a\0\0\1", 4);
        frame[34] = 0;
        frame[35] = ports[unit_random(random, 3)];
    }
    if (length > 60 && type == 0x86dd)
        frame[20] = unit_random(random, 2) ? 6 : 17;
    return length;
}

START_TEST(expressions_of_tcpdump)
{
    pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
    struct unit_random random = {(uint64_t)_i};
    struct bpf_program compiled;
    unsigned kept = 0;

    ck_assert_ptr_nonnull(pcap);
    ck_assert_int_eq(pcap_compile(pcap, &compiled, expressions[_i], 1, PCAP_NETMASK_UNKNOWN), 0);
    const struct filter_instruction *program = (const void *)compiled.bf_insns;

    ck_assert_int_eq(verify(program, compiled.bf_len), 0);
    for (unsigned round = 0; round < 4000; round++) {
        uint8_t frame[256];
        size_t length = make_frame(&random, frame);
        size_t captured = unit_random(&random, 4) ? length : unit_random(&random, length + 1);
        uint32_t result = filter_run(program, frame, captured, length);

        ck_assert_uint_eq(result, peer(program, frame, captured, length));
        kept += result != 0;
    }
    if (_i < 2)
        ck_assert_uint_gt(kept, 0);
    pcap_freecode(&compiled);
    pcap_close(pcap);
}
END_TEST

/* --- what is refused ----------------------------------------------------------------------------
 */

START_TEST(refusals)
{
    static const struct {
        struct filter_instruction program[2];
        unsigned count, at;
        const char *why;
    } cases[] = {
        {{{0}}, 0, 0, "it is empty"},
        {{{0x06, 0, 0, 1}}, FILTER_MAX + 1, 0, "it is too long"},
        {{{0x00, 0, 0, 1}}, 1, 0, "the last one does not return"},
        {{{0x05, 0, 0, 1}, {0x06, 0, 0, 1}}, 2, 0, "it jumps out of the program"},
        {{{0x05, 0, 0, UINT32_MAX}, {0x06, 0, 0, 1}}, 2, 0, "it jumps out of the program"},
        {{{0x15, 1, 0, 1}, {0x06, 0, 0, 1}}, 2, 0, "it jumps out of the program"},
        {{{0x15, 0, 1, 1}, {0x06, 0, 0, 1}}, 2, 0, "it jumps out of the program"},
        {{{0x34, 0, 0, 0}, {0x06, 0, 0, 1}}, 2, 0, "it divides by 0"},
        {{{0x94, 0, 0, 0}, {0x06, 0, 0, 1}}, 2, 0, "it divides by 0"},
        {{{0x02, 0, 0, 16}, {0x06, 0, 0, 1}}, 2, 0, "there is no such word of memory"},
        {{{0x61, 0, 0, 16}, {0x06, 0, 0, 1}}, 2, 0, "there is no such word of memory"},
        {{{0xa0, 0, 0, 0}, {0x06, 0, 0, 1}}, 2, 0, "there is no such instruction"},
        {{{0x0106, 0, 0, 0}, {0x06, 0, 0, 1}}, 2, 0, "there is no such instruction"},
        {{{0x06, 0, 0, 1}, {0x0e, 0, 0, 1}}, 2, 1, "there is no such instruction"},
    };
    static struct filter_instruction longest[FILTER_MAX];
    const char *why;
    unsigned at;

    ck_assert_int_eq(filter_verify(cases[_i].program, cases[_i].count, &why, &at), -EINVAL);
    ck_assert_str_eq(why, cases[_i].why);
    ck_assert_uint_eq(at, cases[_i].at);
    longest[FILTER_MAX - 1].code = 0x06;
    ck_assert_int_eq(filter_verify(longest, FILTER_MAX, &why, &at), 0);
    /* Shifts by as many bits as there are, and words that nobody has written. */
    const struct filter_instruction shift[] = {{0x00, 0, 0, 1}, {0x64, 0, 0, 32}, {0x02, 0, 0, 0},
                                               {0x60, 0, 0, 1}, {0x04, 0, 0, 9},  {0x16, 0, 0, 0}};
    ck_assert_uint_eq(filter_run(shift, NULL, 0, 0), 9);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("filters of captures");
    TCase *cases = tcase_create("filter");

    tcase_add_loop_test(cases, random_programs_say_the_same, 0, 4);
    tcase_add_loop_test(cases, any_bytes_are_no_program, 0, 2);
    tcase_add_loop_test(cases, expressions_of_tcpdump, 0,
                        sizeof(expressions) / sizeof(expressions[0]));
    tcase_add_loop_test(cases, refusals, 0, 14);
    suite_add_tcase(suite, cases);
    return suite;
}
