/* SPDX-License-Identifier: ISC */
#include "services/xenstored/quota.h"
#include "store.h"

/* Upstream's names, each of a quota of its own, with upstream's default. */
START_TEST(test_names_and_defaults)
{
    static const struct {
        const char *name;
        uint32_t limit;
    } quotas[] = {
        {"nodes", 1000},
        {"watches", 128},
        {"outstanding", 20},
        {"memory", 2621440},
        {"soft-memory", 2097152},
        {"transactions", 10},
        {"transaction-nodes", 1024},
        {"node-permissions", 5},
        {"path-max", 2048},
        {"node-size", 2048},
    };
    struct quota_limits limits = quota_defaults;
    const size_t count = sizeof(quotas) / sizeof(quotas[0]);

    for (size_t i = 0; i < count; i++) {
        uint32_t *limit = quota_find(&limits, quotas[i].name);

        ck_assert_msg(limit, "no quota \"%s\"", quotas[i].name);
        ck_assert_uint_eq(*limit, quotas[i].limit);
        *limit = 0; /* so that another name for it does not pass */
    }
    ck_assert_uint_eq(count, QUOTA_COUNT + 1);
    ck_assert_ptr_eq(quota_find(&limits, "permissions"), quota_find(&limits, "node-permissions"));
    ck_assert_ptr_null(quota_find(&limits, ""));
    ck_assert_ptr_null(quota_find(&limits, "node"));
    ck_assert_ptr_null(quota_find(&limits, "nodesx"));
    for (unsigned i = 0; i < QUOTA_COUNT; i++) {
        ck_assert_ptr_eq(quota_find(&limits, quota_name(i)), &limits.hard[i]);
        ck_assert_uint_gt(strlen(quota_description(i)), 0);
    }
}
END_TEST

START_TEST(test_inheritance)
{
    ck_assert_uint_eq(quota_effective(QUOTA_INHERIT, 5), 5);
    ck_assert_uint_eq(quota_effective(7, 5), 7);
    ck_assert_uint_eq(quota_effective(0, 5), 0);
    for (unsigned i = 0; i < QUOTA_COUNT; i++)
        ck_assert_uint_eq(quota_inherit.hard[i], QUOTA_INHERIT);
    ck_assert_uint_eq(quota_inherit.soft_memory, QUOTA_INHERIT);
}
END_TEST

TCase *quota_cases(void)
{
    TCase *cases = tcase_create("quota");

    tcase_add_test(cases, test_names_and_defaults);
    tcase_add_test(cases, test_inheritance);
    return cases;
}
