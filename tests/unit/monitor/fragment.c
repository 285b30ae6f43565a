/* SPDX-License-Identifier: ISC */
/* services/monitor/fragment.h: ports of later fragments, in order, in disorder, and under floods.
 */
#include "services/monitor/fragment.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define SECOND UINT64_C(1000000000)

static const struct hash_key key = {11, 22};
static struct fragments *fragments;
static uint64_t now;

static void make(unsigned n)
{
    void *memory = aligned_alloc(64, (fragments_size(n) + 63) / 64 * 64);

    free(fragments);
    memset(memory, 0xff, fragments_size(n));
    fragments = fragments_create(memory, n, &key);
    now = 1000 * SECOND;
}

static void setup(void)
{
    make(64);
}

static void teardown(void)
{
    free(fragments);
    fragments = NULL;
}

/* Bytes @at to @end of UDP datagram @id from 10.0.0.@source; ports 5000 + @source and 53. */
static struct decoded piece(uint8_t source, uint32_t id, unsigned at, unsigned end, bool more)
{
    struct decoded decoded = {
        .source = {10, 0, 0, source},
        .destination = {10, 0, 0, 1},
        .family = DECODE_IPV4,
        .protocol = 17,
        .fragment = true,
        .more = more,
        .fragment_at = (uint16_t)at,
        .fragment_length = (uint16_t)(end - at),
        .fragment_id = id,
    };

    if (at == 0) {
        decoded.ports = true;
        decoded.source_port = (uint16_t)(5000 + source);
        decoded.destination_port = 53;
    }
    return decoded;
}

/* Was it given the ports of its first one? */
static bool give(struct decoded decoded)
{
    const bool later = decoded.fragment_at != 0;
    const bool matched = fragments_frame(fragments, now, 0, &decoded);

    ck_assert(later || !matched);
    ck_assert(!later || decoded.ports == matched);
    if (matched) {
        ck_assert_uint_eq(decoded.source_port, 5000U + decoded.source[3]);
        ck_assert_uint_eq(decoded.destination_port, 53);
    } else if (later) {
        ck_assert_uint_eq(decoded.source_port | decoded.destination_port, 0);
    }
    return matched;
}

static const struct fragment_counters *counters(void)
{
    return fragments_counters(fragments);
}

START_TEST(in_order)
{
    struct decoded whole = piece(2, 7, 0, 1480, true);

    whole.fragment = false;
    ck_assert(!fragments_frame(fragments, now, 0, &whole));
    ck_assert_uint_eq(counters()->first, 0);

    give(piece(2, 7, 0, 1480, true));
    ck_assert(give(piece(2, 7, 1480, 2960, true)));
    ck_assert(give(piece(2, 7, 2960, 3000, false)));
    ck_assert_uint_eq(counters()->first, 1);
    ck_assert_uint_eq(counters()->matched, 2);
    ck_assert_uint_eq(counters()->complete, 1);
    ck_assert_uint_eq(counters()->unmatched + counters()->overlapping + counters()->repeated +
                          counters()->out_of_order,
                      0);
    /* It was complete, and is forgotten. */
    ck_assert(!give(piece(2, 7, 1480, 2960, true)));
    ck_assert_uint_eq(counters()->unmatched, 1);
}
END_TEST

/* What tells datagrams apart: each in turn is another one. */
START_TEST(told_apart)
{
    struct decoded other;

    give(piece(2, 7, 0, 1480, true));
    for (unsigned i = 0; i < 8; i++) {
        other = piece(2, 7, 1480, 2960, true);
        other.source[3] ^= i == 0;
        other.destination[15] ^= i == 1;
        other.fragment_id ^= i == 2 ? 0x10000 : 0;
        other.vid[0] ^= i == 3;
        other.vid[1] ^= i == 4;
        other.family = i == 5 ? DECODE_IPV6 : DECODE_IPV4;
        other.protocol ^= i == 6;
        ck_assert(!fragments_frame(fragments, now, i == 7, &other));
        ck_assert(!other.ports);
    }
    ck_assert(give(piece(2, 7, 1480, 2960, true)));
    ck_assert_uint_eq(counters()->unmatched, 8);
}
END_TEST

/* Behind IPv6's fragment header is what the first one has there, not yet the protocol. */
START_TEST(ipv6_protocol)
{
    struct decoded first = piece(2, 0x12345678, 0, 1448, true);
    struct decoded later = piece(2, 0x12345678, 1448, 1500, false);

    first.family = later.family = DECODE_IPV6;
    later.protocol = 60;
    ck_assert(!fragments_frame(fragments, now, 3, &first));
    ck_assert(fragments_frame(fragments, now, 3, &later));
    ck_assert_uint_eq(later.protocol, 17);
    ck_assert(later.ports && later.destination_port == 53);

    /* A protocol without ports has none afterwards. */
    first.protocol = 47;
    first.ports = false;
    first.source_port = first.destination_port = 0;
    later.protocol = 60;
    later.ports = false;
    later.source_port = later.destination_port = 0;
    ck_assert(!fragments_frame(fragments, now, 3, &first));
    ck_assert(fragments_frame(fragments, now, 3, &later));
    ck_assert(!later.ports && later.protocol == 47 && later.destination_port == 0);
}
END_TEST

START_TEST(before_the_first)
{
    ck_assert(!give(piece(2, 7, 1480, 2960, false)));
    give(piece(2, 7, 0, 1480, true));
    ck_assert(give(piece(2, 7, 1480, 2960, false)));
    ck_assert_uint_eq(counters()->unmatched, 1);
    ck_assert_uint_eq(counters()->matched, 1);
}
END_TEST

START_TEST(disorder_is_no_overlap)
{
    static const unsigned orders[][5] = {
        {0, 2, 1, 3, 4}, {0, 4, 1, 2, 3}, {0, 4, 3, 2, 1}, {0, 1, 4, 2, 3}, {0, 3, 2, 1, 4},
    };

    for (unsigned i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        for (unsigned k = 0; k < 5; k++) {
            unsigned at = orders[i][k] * 8;

            ck_assert(give(piece(2, i, at, at + 8, at != 32)) == (at != 0));
        }
        ck_assert_uint_eq(counters()->complete, i + 1);
        ck_assert_uint_eq(counters()->out_of_order, i + 1);
    }
    ck_assert_uint_eq(counters()->overlapping, 0);
}
END_TEST

/* Two holes: all of it is matched, and nothing is called an overlap. */
START_TEST(more_holes_than_one)
{
    static const unsigned order[] = {0, 2, 4, 3, 1};

    for (unsigned i = 0; i < 5; i++)
        ck_assert(give(piece(2, 7, order[i] * 8, order[i] * 8 + 8, order[i] != 4)) == (i != 0));
    for (unsigned i = 0; i < 3; i++) /* one in the middle of a hole makes two of it */
        ck_assert(give(piece(3, 7, i == 1 ? 80 : i * 20, i == 1 ? 88 : i * 20 + 8, i != 1)) ==
                  (i != 0));
    ck_assert(give(piece(3, 7, 8, 40, true)));
    ck_assert_uint_eq(counters()->complete, 0);
    ck_assert_uint_eq(counters()->overlapping, 0);
    ck_assert_uint_eq(counters()->out_of_order, 3);
}
END_TEST

START_TEST(overlaps)
{
    give(piece(2, 7, 0, 1480, true));
    ck_assert(give(piece(2, 7, 8, 1480, true)));    /* in the first */
    ck_assert(give(piece(2, 7, 1472, 2000, true))); /* its end */
    ck_assert(give(piece(2, 7, 2400, 2800, true))); /* a hole from 2000 to 2400 */
    ck_assert(give(piece(2, 7, 2000, 2408, true))); /* more than the hole */
    ck_assert_uint_eq(counters()->overlapping, 3);
    ck_assert_uint_eq(counters()->out_of_order, 1);
    ck_assert_uint_eq(counters()->complete, 0);

    give(piece(2, 7, 0, 8, true)); /* the same identification again */
    ck_assert_uint_eq(counters()->repeated, 1);
    ck_assert(give(piece(2, 7, 8, 16, false)));
    ck_assert_uint_eq(counters()->complete, 1);
}
END_TEST

START_TEST(time_is_over)
{
    give(piece(2, 7, 0, 1480, true));
    now += FRAGMENT_SECONDS * SECOND - 1;
    ck_assert(give(piece(2, 7, 1480, 2960, true)));
    now += 1;
    ck_assert(!give(piece(2, 7, 2960, 3000, true)));
    for (uint32_t id = 8; id < 8 + 8; id++)
        give(piece(2, id, 0, 1480, true));
    ck_assert_uint_eq(counters()->expired, 1);
    ck_assert_uint_eq(counters()->evicted, 0);
}
END_TEST

/* A sender that begins datagrams without end takes the places of its own, in each set. */
START_TEST(floods_are_their_senders_loss)
{
    make(8); /* all are in one set */
    give(piece(2, 1, 0, 1480, true));
    give(piece(3, 1, 0, 1480, true));
    for (uint32_t id = 0; id < 10000; id++) {
        now++;
        give(piece(4, id, 0, 1480, true));
    }
    ck_assert_uint_eq(counters()->evicted, 10000 - 6);
    ck_assert(give(piece(2, 1, 1480, 1500, false)));
    ck_assert(give(piece(3, 1, 1480, 1500, false)));
    for (uint32_t id = 10000 - 6; id < 10000; id++) /* its newest are there */
        ck_assert(give(piece(4, id, 1480, 1500, false)));
    ck_assert(!give(piece(4, 10000 - 7, 1480, 1500, false)));
}
END_TEST

START_TEST(made_up_sources_take_the_oldest)
{
    make(8);
    for (unsigned source = 2; source < 2 + 9; source++) {
        now++;
        give(piece((uint8_t)source, 1, 0, 1480, true));
    }
    ck_assert(!give(piece(2, 1, 1480, 1500, false)));
    for (unsigned source = 3; source < 2 + 9; source++)
        ck_assert(give(piece((uint8_t)source, 1, 1480, 1500, false)));
}
END_TEST

START_TEST(sizes)
{
    ck_assert_uint_eq(fragments_size(0), fragments_size(8));
    ck_assert_uint_eq(fragments_size(9), fragments_size(16));
    ck_assert_uint_lt(fragments_size(8), fragments_size(9));
    for (unsigned n = 0; n < 40; n++) { /* under sanitizers: within the memory */
        make(n);
        for (unsigned source = 0; source < 256; source++)
            give(piece((uint8_t)source, n, 0, 1480, true));
        ck_assert_uint_eq(counters()->first, 256);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("monitor fragment");
    TCase *tcase = tcase_create("fragment");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, in_order);
    tcase_add_test(tcase, told_apart);
    tcase_add_test(tcase, ipv6_protocol);
    tcase_add_test(tcase, before_the_first);
    tcase_add_test(tcase, disorder_is_no_overlap);
    tcase_add_test(tcase, more_holes_than_one);
    tcase_add_test(tcase, overlaps);
    tcase_add_test(tcase, time_is_over);
    tcase_add_test(tcase, floods_are_their_senders_loss);
    tcase_add_test(tcase, made_up_sources_take_the_oldest);
    tcase_add_test(tcase, sizes);
    suite_add_tcase(suite, tcase);
    return suite;
}
