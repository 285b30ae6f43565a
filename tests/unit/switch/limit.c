/* SPDX-License-Identifier: ISC */
/* services/netback-switch/limit.h against the same in 128 bits. */
#include "services/netback-switch/limit.h"

#include <hv/time.h>

#include "tests/unit/unit.h"

__extension__ typedef unsigned __int128 wide;
__extension__ typedef __int128 wide_signed;

START_TEST(no_limit)
{
    struct limit limit = {0};

    ck_assert(limit_take(&limit, UINT64_MAX, 0));
    ck_assert(limit_take(&limit, UINT64_MAX, UINT64_MAX));
    ck_assert_uint_eq(limit_ready(&limit, 5), 5);
    limit_set(&limit, 10, 10, 0);
    ck_assert(limit_take(&limit, 100, 0));
    ck_assert(!limit_take(&limit, 1, 0));
    limit_set(&limit, 0, 10, 0);
    ck_assert(limit_take(&limit, UINT64_MAX, 0));
}
END_TEST

START_TEST(debt_is_paid_off)
{
    struct limit limit = {0};

    limit_set(&limit, 1000, 500, 7);
    ck_assert(limit_take(&limit, 100, 7));
    ck_assert_uint_eq(limit.level, 400);
    ck_assert(limit_take(&limit, 2400, 7)); /* larger than the burst */
    ck_assert_uint_eq(limit.level, 0);
    ck_assert_int_eq(limit.debt, 2000);
    ck_assert_uint_eq(limit_ready(&limit, 7), 7 + 2 * HV_SEC);
    ck_assert(!limit_take(&limit, 1, 7 + 2 * HV_SEC - 1));
    ck_assert_int_eq(limit.debt, 1);
    ck_assert(limit_take(&limit, 1, 7 + 2 * HV_SEC)); /* empty, but not in debt */
    ck_assert_int_eq(limit.debt, 1);
    ck_assert_uint_eq(limit_ready(&limit, 7 + 2 * HV_SEC), 7 + 2 * HV_SEC + HV_MSEC);
    ck_assert_uint_eq(limit_ready(&limit, 9 * HV_SEC), 9 * HV_SEC);
    /* Full, and no fuller; an older reading of the clock gives nothing. */
    ck_assert(limit_take(&limit, 0, 100 * HV_SEC));
    ck_assert_uint_eq(limit.level, 500);
    ck_assert(limit_take(&limit, 500, 100 * HV_SEC));
    ck_assert(limit_take(&limit, 0, 50 * HV_SEC));
    ck_assert_uint_eq(limit.level, 0);
    ck_assert(limit_take(&limit, 0, 100 * HV_SEC + HV_MSEC));
    ck_assert_uint_eq(limit.level, 1);
}
END_TEST

START_TEST(changed_on_the_way)
{
    struct limit limit = {0};

    limit_set(&limit, 1000, 1000, 0);
    ck_assert(limit_take(&limit, 900, 0));
    limit_set(&limit, 10, 2000, HV_SEC / 10); /* earned at the old rate so far */
    ck_assert_uint_eq(limit.level, 200);
    limit_set(&limit, 10, 50, HV_SEC / 10);
    ck_assert_uint_eq(limit.level, 50);
    ck_assert(limit_take(&limit, 70, HV_SEC / 10));
    limit_set(&limit, 20, 1000, HV_SEC / 10);
    ck_assert_int_eq(limit.debt, 20); /* no way out of it */
    ck_assert_uint_eq(limit_ready(&limit, 0), HV_SEC / 10 + HV_SEC);
    limit_set(&limit, 1, 0, HV_SEC);
    ck_assert_uint_eq(limit.burst, 1);
}
END_TEST

/* Years of frames at their very first moment: not one token too many or too few. */
START_TEST(exact_over_long_times)
{
    static const uint64_t rates[] = {1,
                                     3,
                                     7,
                                     999,
                                     125000,
                                     999999937,
                                     1000000007,
                                     UINT64_C(12500000000),
                                     UINT64_C(99999999999999)};

    for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct unit_random random = {i};
        struct limit limit = {0};
        uint64_t now = 123, start = now;
        wide taken = 0;

        limit_set(&limit, rates[i], 1000000, now);
        ck_assert(limit_take(&limit, 1000001, now)); /* it is never full again */
        taken = 1;
        for (unsigned frame = 0; frame < 3000; frame++) {
            uint64_t ready = limit_ready(&limit, now), size = 1 + unit_random(&random, 70000);

            /* The first whole nanosecond at which rate * time is what was taken. */
            ck_assert(ready == start + (uint64_t)((taken * HV_SEC + rates[i] - 1) / rates[i]));
            if (ready > now && unit_random(&random, 2)) {
                now += unit_random(&random, ready - now);
                ck_assert(!limit_take(&limit, size, now));
            }
            now = limit_ready(&limit, now);
            ck_assert(now == ready);
            ck_assert(limit_take(&limit, 0, now));
            size += limit.level; /* whatever the last nanosecond gave beyond the debt */
            ck_assert(limit_take(&limit, size, now));
            taken += size;
        }
    }
}
END_TEST

/* The same bucket in 128 bits: tokens times a second. */
struct model {
    uint64_t rate, burst, then;
    wide_signed level;
};

static void model_settle(struct model *model, uint64_t now)
{
    wide_signed full = (wide_signed)model->burst * HV_SEC;

    if (now <= model->then)
        return;
    model->level += (wide_signed)model->rate * (now - model->then);
    if (model->level > full)
        model->level = full;
    model->then = now;
}

/* Owes at least a token's part: what is below a whole token cannot be seen from outside. */
static bool model_in_debt(const struct model *model)
{
    return model->level < 0;
}

START_TEST(as_in_128_bits)
{
    struct unit_random random = {5};

    for (unsigned round = 0; round < 200; round++) {
        struct model model = {0};
        struct limit limit = {0};
        uint64_t now = unit_random(&random, HV_SEC);

        model.rate = 1 + (UINT64_MAX >> 1 >> unit_random(&random, 63));
        model.burst = 1 + (UINT64_MAX >> 4 >> unit_random(&random, 60));
        model.then = now;
        model.level = (wide_signed)model.burst * HV_SEC;
        limit_set(&limit, model.rate, model.burst, now);
        for (unsigned step = 0; step < 200; step++) {
            uint64_t tokens = UINT64_MAX >> 4 >> unit_random(&random, 60);
            bool yes;

            now += unit_random(&random, (UINT64_C(1) << 40) >> unit_random(&random, 40));
            model_settle(&model, now);
            yes = !model_in_debt(&model);
            if (limit.debt != 0 && limit_ready(&limit, now) > now && unit_random(&random, 2)) {
                uint64_t ready = limit_ready(&limit, now);
                struct model then = model;

                ck_assert(!yes);
                if (ready < UINT64_MAX) {
                    model_settle(&then, ready);
                    ck_assert(!model_in_debt(&then));
                }
                then = model;
                model_settle(&then, ready - 1);
                ck_assert(model_in_debt(&then));
            }
            ck_assert(limit_take(&limit, tokens, now) == yes);
            if (yes)
                model.level -= (wide_signed)tokens * HV_SEC;
            ck_assert((wide_signed)limit.level * HV_SEC - (wide_signed)limit.debt * HV_SEC +
                          limit.rest ==
                      model.level);
            ck_assert(limit.level == 0 || limit.debt == 0);
            ck_assert(limit.rest < HV_SEC && limit.level <= limit.burst);
        }
    }
}
END_TEST

START_TEST(nothing_overflows)
{
    struct limit limit = {0};

    limit_set(&limit, UINT64_MAX, UINT64_MAX, 0);
    ck_assert(limit_take(&limit, UINT64_MAX, 0));
    ck_assert_uint_eq(limit.level, 0);
    ck_assert(limit_take(&limit, UINT64_MAX, 0));
    ck_assert_int_eq(limit.debt, INT64_MAX);
    ck_assert_uint_eq(limit_ready(&limit, 0), HV_SEC / 2); /* half of 2^64, in half a second */
    ck_assert(!limit_take(&limit, 0, HV_SEC / 2 - 1));
    ck_assert(limit_take(&limit, 0, HV_SEC / 2));
    ck_assert(limit_take(&limit, 0, UINT64_MAX));
    ck_assert_uint_eq(limit.level, UINT64_MAX);

    limit_set(&limit, 1, 1, UINT64_MAX);
    ck_assert(limit_take(&limit, UINT64_MAX, UINT64_MAX));
    ck_assert_uint_eq(limit_ready(&limit, UINT64_MAX), UINT64_MAX);
    limit = (struct limit){0};
    limit_set(&limit, 1, 1, 0);
    ck_assert(limit_take(&limit, UINT64_MAX, 0));
    ck_assert_uint_eq(limit_ready(&limit, 0), UINT64_MAX); /* 292 * 10^9 years */
    ck_assert(!limit_take(&limit, 0, UINT64_MAX));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("limit");
    TCase *tcase = tcase_create("bucket");

    tcase_add_test(tcase, no_limit);
    tcase_add_test(tcase, debt_is_paid_off);
    tcase_add_test(tcase, changed_on_the_way);
    tcase_add_test(tcase, exact_over_long_times);
    tcase_add_test(tcase, as_in_128_bits);
    tcase_add_test(tcase, nothing_overflows);
    suite_add_tcase(suite, tcase);
    return suite;
}
