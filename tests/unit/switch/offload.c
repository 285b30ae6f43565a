/* SPDX-License-Identifier: ISC */
#include "services/netback-switch/offload.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

/* --- a reference, byte by byte ------------------------------------------------------------------
 */

/* Words of 16 bits, one at a time, as RFC 1071 says it; the complement is not taken. */
static unsigned plain_sum(unsigned sum, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        sum += i % 2 == 0 ? (unsigned)bytes[i] << 8 : bytes[i];
        if (sum > 0xffff)
            sum -= 0xffff;
    }
    return sum;
}

/* A frame of one size, and where its parts are. */
struct whole {
    uint8_t *bytes;
    size_t size;
    size_t ip, transport, payload;
    const uint8_t *dest; /* in the pseudo header */
    bool ipv6, tcp;
};

/* The sum over all that the checksum covers, itself included; 0xffff: it is right. */
static unsigned covered_sum(const struct whole *w, size_t end)
{
    const uint8_t *ip = w->bytes + w->ip;
    size_t length = end - w->transport;
    uint8_t pseudo[8] = {0, (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length, 0, 0,
                         0, w->tcp ? 6 : 17};
    unsigned sum = plain_sum(0, pseudo, sizeof(pseudo));

    sum = plain_sum(sum, w->ipv6 ? ip + 8 : ip + 12, w->ipv6 ? 16 : 4);
    sum = plain_sum(sum, w->dest != NULL ? w->dest : ip + (w->ipv6 ? 24 : 16), w->ipv6 ? 16 : 4);
    return plain_sum(sum, w->bytes + w->transport, length);
}

static uint8_t *checksum_of(const struct whole *w)
{
    return w->bytes + w->transport + (w->tcp ? 16 : 6);
}

/* --- making frames ------------------------------------------------------------------------------
 */

static void set16(uint8_t *bytes, unsigned value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *bytes)
{
    return (unsigned)(bytes[0] << 8 | bytes[1]);
}

static uint32_t get32(const uint8_t *bytes)
{
    return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

struct shape {
    bool ipv6, tcp;
    unsigned tags, ip_options, tcp_options; /* options: multiples of 4 bytes */
    unsigned extensions;                    /* IPv6: 1 hop-by-hop, 2 with a routing header */
    size_t payload;
};

/* Random bytes wherever no header says what has to be there. */
static void make(struct whole *w, const struct shape *shape, struct unit_random *random)
{
    size_t ip = 14 + 4 * shape->tags, at = ip + (shape->ipv6 ? 40 : 20 + shape->ip_options);
    uint8_t protocol = shape->tcp ? 6 : 17, *next;

    *w = (struct whole){.ip = ip, .ipv6 = shape->ipv6, .tcp = shape->tcp};
    w->size = at + 8 + 40 + 64 + 60 + shape->payload;
    w->bytes = malloc(w->size);
    for (size_t i = 0; i < w->size; i++)
        w->bytes[i] = (uint8_t)unit_random(random, 256);
    for (unsigned i = 0; i < shape->tags; i++)
        set16(w->bytes + 12 + 4 * i, i == 0 && shape->tags == 2 ? 0x88a8 : 0x8100);
    set16(w->bytes + ip - 2, shape->ipv6 ? 0x86dd : 0x800);
    next = w->bytes + ip + 6;
    if (shape->ipv6 && shape->extensions > 0) {
        *next = 0;
        w->bytes[at + 1] = 0;
        next = w->bytes + at;
        at += 8;
    }
    if (shape->ipv6 && shape->extensions > 1) {
        /* Type 0 with two addresses, one of them to go. */
        *next = 43;
        next = w->bytes + at;
        next[1] = 4;
        next[2] = 0;
        next[3] = 1;
        w->dest = next + 24;
        at += 40;
    }
    if (shape->ipv6)
        *next = protocol;
    w->transport = at;
    w->payload = at + (shape->tcp ? 20 + shape->tcp_options : 8);
    w->size = w->payload + shape->payload;
    if (shape->tcp)
        w->bytes[at + 12] = (uint8_t)((20 + shape->tcp_options) / 4 << 4);
    else
        set16(w->bytes + at + 4, (unsigned)(8 + shape->payload));
    if (shape->ipv6) {
        w->bytes[ip] = 0x60;
        set16(w->bytes + ip + 4, (unsigned)(w->size - ip - 40));
    } else {
        w->bytes[ip] = (uint8_t)(0x40 | (20 + shape->ip_options) / 4);
        set16(w->bytes + ip + 2, (unsigned)(w->size - ip));
        set16(w->bytes + ip + 6, unit_random(random, 2) == 0 ? 0x4000 : 0);
        w->bytes[ip + 9] = protocol;
    }
    /* Of exactly that size, so that sanitizers see who goes beyond it. */
    w->bytes = realloc(w->bytes, w->size);
    if (w->dest != NULL)
        w->dest = w->bytes + w->transport - 16;
}

static struct shape random_shape(struct unit_random *random)
{
    struct shape shape = {
        .ipv6 = unit_random(random, 2) == 0,
        .tcp = unit_random(random, 2) == 0,
        .tags = (unsigned)unit_random(random, 3),
        .ip_options = (unsigned)unit_random(random, 11) * 4,
        .tcp_options = (unsigned)unit_random(random, 11) * 4,
        .extensions = (unsigned)unit_random(random, 3),
        .payload = unit_random(random, 3000),
    };

    return shape;
}

/* --- sums ---------------------------------------------------------------------------------------
 */

START_TEST(sums_are_as_the_plain_ones)
{
    struct unit_random random = {1};
    uint8_t bytes[300];

    for (unsigned round = 0; round < 20000; round++) {
        size_t offset = unit_random(&random, 16), length = unit_random(&random, 280);
        unsigned long long first = unit_random(&random, 2) == 0 ? 0 : UINT64_MAX;
        uint64_t sum;

        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = unit_random(&random, 4) == 0 ? (uint8_t)unit_random(&random, 256) : 0xff;
        sum = offload_sum(first, bytes + offset, length);
        /* All is there: what it is modulo 0xffff does not depend on how it is added up. */
        ck_assert_uint_eq(__builtin_bswap16((uint16_t)(sum % 0xffff)) % 0xffff,
                          plain_sum(0, bytes + offset, length) % 0xffff);
    }
}
END_TEST

START_TEST(checksums_are_filled_in)
{
    struct unit_random random = {(uint64_t)_i};

    for (unsigned round = 0; round < 300; round++) {
        struct shape shape = random_shape(&random);
        uint8_t *before;
        struct whole w;

        make(&w, &shape, &random);
        before = malloc(w.size);
        memcpy(before, w.bytes, w.size);
        ck_assert(offload_checksum(w.bytes, w.size));
        ck_assert_uint_eq(covered_sum(&w, w.size), 0xffff);
        ck_assert(offload_checksum_right(w.bytes, w.size));
        /* Nothing else has changed. */
        memcpy(before + (checksum_of(&w) - w.bytes), checksum_of(&w), 2);
        ck_assert_mem_eq(before, w.bytes, w.size);
        /* Any bit of the packet counts. */
        w.bytes[w.transport + (w.tcp ? 4 : 0) + unit_random(&random, 2)] ^= 0x10;
        ck_assert(!offload_checksum_right(w.bytes, w.size));
        free(before);
        free(w.bytes);
    }
}
END_TEST

/* What a frame has behind its packet is padding. */
START_TEST(padding_is_not_covered)
{
    struct unit_random random = {2};
    struct shape shape = {.tcp = true, .payload = 3};

    for (unsigned i = 0; i < 4; i++) {
        struct whole w;
        size_t end;

        shape.ipv6 = i % 2 == 0;
        shape.tcp = i / 2 == 0;
        shape.payload = 3 + 20;
        make(&w, &shape, &random);
        end = w.size - 20;
        if (shape.ipv6)
            set16(w.bytes + w.ip + 4, (unsigned)(end - w.ip - 40));
        else
            set16(w.bytes + w.ip + 2, (unsigned)(end - w.ip));
        if (!shape.tcp)
            set16(w.bytes + w.transport + 4, (unsigned)(end - w.transport));
        ck_assert(offload_checksum(w.bytes, w.size));
        ck_assert_uint_eq(covered_sum(&w, end), 0xffff);
        ck_assert(offload_checksum_right(w.bytes, w.size));
        if (!shape.tcp) {
            /* UDP's own length says less than IP's; and more. */
            set16(w.bytes + w.transport + 4, 9);
            ck_assert(offload_checksum(w.bytes, w.size));
            ck_assert_uint_eq(covered_sum(&w, w.transport + 9), 0xffff);
            set16(w.bytes + w.transport + 4, 12);
            ck_assert(!offload_checksum(w.bytes, w.size));
            set16(w.bytes + w.transport + 4, 7);
            ck_assert(!offload_checksum(w.bytes, w.size));
        }
        free(w.bytes);
    }
}
END_TEST

/* UDP's 0 says "none", so 0 is sent as 0xffff; of TCP, 0 is 0. */
START_TEST(udp_never_has_a_checksum_of_zero)
{
    struct unit_random random = {3};
    struct shape shape = {.payload = 64};

    for (unsigned i = 0; i < 4; i++) {
        struct whole w;
        unsigned sum;

        shape.ipv6 = i % 2 == 0;
        shape.tcp = i / 2 == 0;
        make(&w, &shape, &random);
        /* The payload makes up for all else. */
        set16(checksum_of(&w), 0);
        set16(w.bytes + w.payload, 0);
        sum = covered_sum(&w, w.size);
        set16(w.bytes + w.payload, 0xffff - sum);
        ck_assert(offload_checksum(w.bytes, w.size));
        ck_assert_uint_eq(get16(checksum_of(&w)), shape.tcp ? 0 : 0xffff);
        ck_assert(offload_checksum_right(w.bytes, w.size));
        set16(checksum_of(&w), 0);
        ck_assert_int_eq(offload_checksum_right(w.bytes, w.size), shape.tcp || !shape.ipv6);
        free(w.bytes);
    }
}
END_TEST

START_TEST(other_packets_have_no_checksum)
{
    struct unit_random random = {4};

    for (unsigned i = 0; i < 6; i++) {
        struct shape shape = {.tcp = true, .payload = 100, .ipv6 = i == 4};
        uint8_t *before;
        struct whole w;

        make(&w, &shape, &random);
        switch (i) {
        case 0:
            set16(w.bytes + 12, 0x806);
            break;
        case 1:
            w.bytes[w.ip + 9] = 1;
            break;
        case 2:
            set16(w.bytes + w.ip + 6, 0x2000);
            break;
        case 3:
            set16(w.bytes + w.ip + 6, 0x0001);
            break;
        case 4:
            set16(w.bytes + w.ip + 4, get16(w.bytes + w.ip + 4) + 1);
            break;
        default:
            set16(w.bytes + w.ip + 2, 0);
            break;
        }
        before = malloc(w.size);
        memcpy(before, w.bytes, w.size);
        ck_assert(!offload_checksum(w.bytes, w.size));
        ck_assert(!offload_checksum_right(w.bytes, w.size));
        ck_assert_mem_eq(before, w.bytes, w.size);
        free(before);
        free(w.bytes);
    }
}
END_TEST

/* --- what is asked for --------------------------------------------------------------------------
 */

/* offload_check() on the snapshot of a frame: 0 refused, 1 taken, 2 taken and GSO cleared. */
static int checked(const struct whole *w, bool blank, enum offload_gso gso, unsigned mss)
{
    size_t size = w->size < PACKET_HEADER_MAX ? w->size : PACKET_HEADER_MAX;
    uint8_t *snapshot = malloc(size);
    enum offload_gso asked = gso;
    struct packet packet;
    bool right;

    memcpy(snapshot, w->bytes, size);
    ck_assert(packet_parse(&packet, snapshot, size, w->size));
    right = offload_check(&packet, blank, &gso, (uint16_t)mss);
    free(snapshot);
    ck_assert(gso == asked || gso == OFFLOAD_GSO_NONE);
    return !right ? 0 : gso == asked ? 1 : 2;
}

START_TEST(what_is_asked_for_fits_the_frame)
{
    struct unit_random random = {5};

    for (unsigned i = 0; i < 4; i++) {
        struct shape shape = {.ipv6 = i % 2, .tcp = i / 2, .payload = 1000};
        enum offload_gso right = shape.ipv6 ? OFFLOAD_GSO_TCPV6 : OFFLOAD_GSO_TCPV4;
        enum offload_gso wrong = shape.ipv6 ? OFFLOAD_GSO_TCPV4 : OFFLOAD_GSO_TCPV6;
        struct whole w;

        make(&w, &shape, &random);
        ck_assert_int_eq(checked(&w, false, OFFLOAD_GSO_NONE, 0), 1);
        ck_assert_int_eq(checked(&w, true, OFFLOAD_GSO_NONE, 0), 1);
        ck_assert_int_eq(checked(&w, true, right, 500), shape.tcp);
        ck_assert_int_eq(checked(&w, false, right, 500), shape.tcp);
        ck_assert_int_eq(checked(&w, true, wrong, 500), 0);
        ck_assert_int_eq(checked(&w, true, right, 0), 0);
        ck_assert_int_eq(checked(&w, true, right, OFFLOAD_MSS_MIN - 1), 0);
        ck_assert_int_eq(checked(&w, true, right, OFFLOAD_MSS_MIN), shape.tcp);
        ck_assert_int_eq(checked(&w, true, right, 999), shape.tcp);
        ck_assert_int_eq(checked(&w, true, right, 1000), shape.tcp ? 2 : 0);
        ck_assert_int_eq(checked(&w, true, right, 65535), shape.tcp ? 2 : 0);

        /* IP's length: shorter, not said, longer than the frame. */
        if (shape.tcp) {
            uint8_t *length = w.bytes + w.ip + (shape.ipv6 ? 4 : 2);
            unsigned was = get16(length);

            set16(length, was - 200);
            ck_assert_int_eq(checked(&w, true, right, 800), 2);
            ck_assert_int_eq(checked(&w, true, right, 799), 1);
            set16(length, was - 1000);
            ck_assert_int_eq(checked(&w, true, right, 500), 0);
            set16(length, 0);
            ck_assert_int_eq(checked(&w, true, right, 999), 1);
            ck_assert_int_eq(checked(&w, true, right, 1000), 0);
            ck_assert_int_eq(checked(&w, true, OFFLOAD_GSO_NONE, 0), 0);
            set16(length, was + 1);
            ck_assert_int_eq(checked(&w, true, right, 999), 1);
            ck_assert_int_eq(checked(&w, true, right, 1000), 0);
            ck_assert_int_eq(checked(&w, true, OFFLOAD_GSO_NONE, 0), 0);
            ck_assert_int_eq(checked(&w, false, OFFLOAD_GSO_NONE, 0), 1);
            set16(length, was);
        }
        if (!shape.ipv6) {
            set16(w.bytes + w.ip + 6, 0x2000);
            ck_assert_int_eq(checked(&w, true, OFFLOAD_GSO_NONE, 0), 0);
            ck_assert_int_eq(checked(&w, true, right, 500), 0);
            set16(w.bytes + w.ip + 6, 0x0010);
            ck_assert_int_eq(checked(&w, true, OFFLOAD_GSO_NONE, 0), 0);
            ck_assert_int_eq(checked(&w, false, OFFLOAD_GSO_NONE, 0), 1);
        }
        w.bytes[12] = 0x99;
        ck_assert_int_eq(checked(&w, true, OFFLOAD_GSO_NONE, 0), 0);
        ck_assert_int_eq(checked(&w, true, right, 500), 0);
        free(w.bytes);
    }
}
END_TEST

/* --- segments -----------------------------------------------------------------------------------
 */

/* One segment put together, against the frame it was cut from. */
static void check_segment(const struct whole *w, const uint8_t *header, const uint8_t *payload,
                          size_t size, size_t at, size_t all, unsigned number)
{
    struct whole s = *w;
    const uint8_t *old = w->bytes;
    unsigned flags = old[w->transport + 13], id = get16(old + w->ip + 4);
    uint8_t same[256];

    s.size = w->payload + size;
    s.bytes = malloc(s.size);
    memcpy(s.bytes, header, w->payload);
    memcpy(s.bytes + w->payload, payload, size);
    if (w->dest != NULL)
        s.dest = s.bytes + (w->dest - w->bytes);
    ck_assert(payload == old + w->payload + at);
    ck_assert_uint_eq(covered_sum(&s, s.size), 0xffff);

    if (at > 0)
        flags &= ~0x80U;
    if (at + size < all)
        flags &= ~0x09U;
    ck_assert_uint_eq(s.bytes[s.transport + 13], flags);
    ck_assert_uint_eq(get32(s.bytes + s.transport + 4),
                      (uint32_t)(get32(old + w->transport + 4) + at));
    if (w->ipv6) {
        ck_assert_uint_eq(get16(s.bytes + s.ip + 4), s.size - s.ip - 40);
    } else {
        ck_assert_uint_eq(get16(s.bytes + s.ip + 2), s.size - s.ip);
        ck_assert_uint_eq(plain_sum(0, s.bytes + s.ip, (s.bytes[s.ip] & 15U) * 4), 0xffff);
        ck_assert_uint_eq(get16(s.bytes + s.ip + 4),
                          id == 0 && (old[w->ip + 6] & 0x40) ? 0 : (uint16_t)(id + number));
    }
    /* All else is as it was. */
    memcpy(same, old, w->payload);
    same[w->transport + 13] = s.bytes[w->transport + 13];
    memcpy(same + w->transport + 4, s.bytes + w->transport + 4, 4);
    memcpy(same + w->transport + 16, s.bytes + w->transport + 16, 2);
    memcpy(same + w->ip + (w->ipv6 ? 4 : 2), s.bytes + w->ip + (w->ipv6 ? 4 : 2), 2);
    if (!w->ipv6) {
        memcpy(same + w->ip + 4, s.bytes + w->ip + 4, 2);
        memcpy(same + w->ip + 10, s.bytes + w->ip + 10, 2);
    }
    ck_assert_mem_eq(same, s.bytes, w->payload);
    free(s.bytes);
}

static void cut(const struct whole *w, unsigned mss)
{
    size_t all = w->size - w->payload, at = 0, size;
    struct offload_segments segments;
    uint8_t header[OFFLOAD_HEADERS_MAX];
    const uint8_t *payload;
    unsigned number = 0;

    ck_assert(offload_segments_init(&segments, w->bytes, w->size,
                                    w->ipv6 ? OFFLOAD_GSO_TCPV6 : OFFLOAD_GSO_TCPV4,
                                    (uint16_t)mss));
    ck_assert_uint_eq(segments.headers, w->payload);
    for (; offload_segment_next(&segments, header, &payload, &size); number++) {
        ck_assert_uint_eq(size, all - at < mss ? all - at : mss);
        check_segment(w, header, payload, size, at, all, number);
        at += size;
    }
    ck_assert_uint_eq(at, all);
    ck_assert_uint_eq(segments.number, number);
    ck_assert(!offload_segment_next(&segments, header, &payload, &size));
}

START_TEST(frames_are_cut)
{
    struct unit_random random = {(uint64_t)_i};

    for (unsigned round = 0; round < 300; round++) {
        struct shape shape = random_shape(&random);
        struct whole w;

        shape.tcp = true;
        shape.payload++;
        make(&w, &shape, &random);
        if (!shape.ipv6 && unit_random(&random, 3) == 0)
            set16(w.bytes + w.ip + 4, unit_random(&random, 2) == 0 ? 0 : 0xffff);
        cut(&w, 1 + (unsigned)unit_random(&random, 1500));
        free(w.bytes);
    }
}
END_TEST

START_TEST(the_largest_frames_are_cut)
{
    static const unsigned sizes[] = {8, 536, 1448, 8948, 32767, 65535};
    struct unit_random random = {8};

    for (unsigned i = 0; i < 12; i++) {
        struct shape shape = {.ipv6 = i % 2, .tcp = true, .tcp_options = 12};
        struct whole w;

        shape.payload = 65535 - 14 - (shape.ipv6 ? 40 : 20) - 32;
        make(&w, &shape, &random);
        ck_assert_uint_eq(w.size, 65535);
        w.bytes[w.transport + 13] = 0xff;
        cut(&w, sizes[i / 2]);
        free(w.bytes);
    }
}
END_TEST

/* A payload of one byte, of one MSS, of one byte more; MSS 1. */
START_TEST(sizes_at_the_edge_are_cut)
{
    struct unit_random random = {9};

    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        for (unsigned i = 0; i < 5; i++) {
            static const struct {
                size_t payload;
                unsigned mss;
            } edges[] = {{1, 1}, {1, 65535}, {1460, 1460}, {1461, 1460}, {40, 1}};
            struct shape shape = {.ipv6 = ipv6, .tcp = true, .payload = edges[i].payload};
            struct whole w;

            make(&w, &shape, &random);
            cut(&w, edges[i].mss);
            free(w.bytes);
        }
    }
}
END_TEST

/* IP's length rules where it is less; where it is more, or none, the frame's. */
START_TEST(segments_end_where_the_packet_does)
{
    static const int differences[] = {-7, 0, 5};
    struct unit_random random = {10};

    for (unsigned i = 0; i < 8; i++) {
        struct shape shape = {.ipv6 = i % 2, .tcp = true, .payload = 100};
        struct offload_segments segments;
        uint8_t header[OFFLOAD_HEADERS_MAX], *length;
        const uint8_t *payload;
        size_t size, all = 0;
        struct whole w;

        make(&w, &shape, &random);
        length = w.bytes + w.ip + (shape.ipv6 ? 4 : 2);
        set16(length, i / 2 == 3 ? 0 : (unsigned)((int)get16(length) + differences[i / 2]));
        ck_assert(offload_segments_init(&segments, w.bytes, w.size, OFFLOAD_GSO_NONE, 30));
        while (offload_segment_next(&segments, header, &payload, &size))
            all += size;
        ck_assert_uint_eq(all, i / 2 == 0 ? 93 : 100);
        free(w.bytes);
    }
}
END_TEST

START_TEST(only_sound_tcp_is_cut)
{
    struct unit_random random = {11};
    struct offload_segments segments;

    for (unsigned i = 0; i < 8; i++) {
        struct shape shape = {.tcp = i != 0, .payload = i == 1 ? 0 : 100, .ipv6 = i == 7};
        enum offload_gso gso = i == 2 || i == 7 ? OFFLOAD_GSO_TCPV6 : OFFLOAD_GSO_TCPV4;
        struct whole w;

        make(&w, &shape, &random);
        if (i == 3)
            w.bytes[w.transport + 12] = 0x40;
        if (i == 4)
            set16(w.bytes + w.ip + 6, 0x2000);
        if (i == 5)
            set16(w.bytes + w.ip + 2, 39);
        if (i == 7) {
            gso = OFFLOAD_GSO_TCPV4;
        }
        ck_assert(!offload_segments_init(&segments, w.bytes, w.size, gso, i == 6 ? 0 : 50));
        free(w.bytes);
    }
}
END_TEST

/* Headers that no caller has room for. */
START_TEST(endless_headers_are_not_repeated)
{
    uint8_t frame[400] = {[12] = 0x86, 0xdd, 0x60};
    struct offload_segments segments;

    for (unsigned words = 0; words < 20; words++) {
        unsigned at = 14 + 40 + 8 * (words + 1);
        bool fits = at + 20 <= OFFLOAD_HEADERS_MAX;

        memset(frame + 15, 0, sizeof(frame) - 15);
        frame[14 + 6] = 60;
        set16(frame + 14 + 4, sizeof(frame) - 54);
        frame[54] = 6;
        frame[55] = (uint8_t)words;
        frame[at + 12] = 0x50;
        ck_assert_int_eq(
            offload_segments_init(&segments, frame, sizeof(frame), OFFLOAD_GSO_TCPV6, 50), fits);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("offload");
    TCase *sums = tcase_create("checksums"), *pieces = tcase_create("segments");

    tcase_add_test(sums, sums_are_as_the_plain_ones);
    tcase_add_loop_test(sums, checksums_are_filled_in, 0, 3);
    tcase_add_test(sums, padding_is_not_covered);
    tcase_add_test(sums, udp_never_has_a_checksum_of_zero);
    tcase_add_test(sums, other_packets_have_no_checksum);
    tcase_add_test(sums, what_is_asked_for_fits_the_frame);
    suite_add_tcase(suite, sums);
    tcase_add_loop_test(pieces, frames_are_cut, 0, 3);
    tcase_add_test(pieces, the_largest_frames_are_cut);
    tcase_add_test(pieces, sizes_at_the_edge_are_cut);
    tcase_add_test(pieces, segments_end_where_the_packet_does);
    tcase_add_test(pieces, only_sound_tcp_is_cut);
    tcase_add_test(pieces, endless_headers_are_not_repeated);
    suite_add_tcase(suite, pieces);
    return suite;
}
