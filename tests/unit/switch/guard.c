/* SPDX-License-Identifier: ISC */
#include "services/netback-switch/guard.h"

#include <string.h>

#include "tests/unit/unit.h"

#define NOW (1000 * HV_SEC)

START_TEST(suspected_from_a_rate_on)
{
    struct guard_port guard = {0};
    unsigned moves = 0;

    /* An address that moves now and then is no loop. */
    for (unsigned i = 0; i < 1000; i++)
        ck_assert(!guard_moved(&guard, 5, NOW + i * HV_SEC / 10));
    while (!guard_moved(&guard, 7, NOW + 100 * HV_SEC))
        ck_assert_uint_lt(moves++, 2 * GUARD_MOVES);
    ck_assert_uint_ge(moves, GUARD_MOVES - 2);
    ck_assert(guard.suspected);
    ck_assert_uint_eq(guard.vid, 7);
    /* One probe at a time, and not too many. */
    ck_assert(!guard_moved(&guard, 7, NOW + 100 * HV_SEC));
    guard.suspected = false;
    guard.probed = NOW + 100 * HV_SEC;
    ck_assert(!guard_moved(&guard, 7, NOW + 100 * HV_SEC + GUARD_PROBES / 2));
    for (moves = 0; !guard_moved(&guard, 7, NOW + 100 * HV_SEC + GUARD_PROBES); moves++)
        ck_assert_uint_lt(moves, 4);
}
END_TEST

START_TEST(blocked_for_longer_each_time)
{
    struct guard_port guard = {0};
    uint64_t now = NOW, length = GUARD_FIRST;

    for (unsigned i = 0; i < 12; i++) {
        uint64_t got = guard_block(&guard, now);

        ck_assert_uint_eq(got, length);
        now += got + HV_SEC;
        length = length * 2 > GUARD_LAST ? GUARD_LAST : length * 2;
    }
    ck_assert_uint_eq(guard_block(&guard, now + GUARD_LAST + 2 * GUARD_LAST), GUARD_FIRST);
}
END_TEST

START_TEST(probes_are_recognised)
{
    struct guard_port guard = {.nonce = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    uint8_t source[6] = {2, 1, 1, 1, 1, 1}, frame[GUARD_PROBE];
    const uint8_t *nonce;
    uint16_t port;

    guard_probe(&guard, source, 0x1234, frame);
    ck_assert(guard_parse(0x88b5, frame + 14, GUARD_PROBE - 14, &port, &nonce));
    ck_assert_uint_eq(port, 0x1234);
    ck_assert_mem_eq(nonce, guard.nonce, GUARD_NONCE);
    ck_assert_mem_eq(frame + 6, source, 6);
    for (size_t i = 0; i < 26; i++)
        ck_assert(!guard_parse(0x88b5, frame + 14, i, &port, &nonce));
    ck_assert(!guard_parse(0x88b6, frame + 14, GUARD_PROBE - 14, &port, &nonce));
    frame[14] ^= 1;
    ck_assert(!guard_parse(0x88b5, frame + 14, GUARD_PROBE - 14, &port, &nonce));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("guard");
    TCase *loops = tcase_create("loops");

    tcase_add_test(loops, suspected_from_a_rate_on);
    tcase_add_test(loops, blocked_for_longer_each_time);
    tcase_add_test(loops, probes_are_recognised);
    suite_add_tcase(suite, loops);
    return suite;
}
