/* SPDX-License-Identifier: ISC */
#include "services/xenstored/perms.h"
#include "store.h"

START_TEST(test_parse_and_format)
{
    static const char *const right[] = {"n0", "r7", "w12", "b65535", "n32757"};
    static const char *const wrong[] = {"",    "n",    "x1",    "R1",  "1",      "r-1",
                                        "r+1", "r 1",  "r1 ",   "rw1", "r65536", "b99999999999",
                                        "nb1", "r0x1", "\2001", " r1", "o1"};
    struct perm perm;
    char text[PERM_TEXT_MAX];

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        ck_assert(perm_parse(right[i], &perm));
        ck_assert_uint_eq(perm_format(&perm, text), strlen(right[i]) + 1);
        ck_assert_str_eq(text, right[i]);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!perm_parse(wrong[i], &perm), "\"%s\" passed", wrong[i]);
    ck_assert(perm_parse("b3", &perm) && perm.domid == 3 &&
              perm.rights == (PERM_READ | PERM_WRITE));
    /* That a domain is gone is our own affair. */
    perm.rights |= PERM_IGNORE;
    perm_format(&perm, text);
    ck_assert_str_eq(text, "b3");
}
END_TEST

static struct store store;
static struct store_account counted;

static void setup(void)
{
    store_create(&store, 64, &counted);
}

static void teardown(void)
{
    store_destroy(&store);
}

/* The rights of @domid, who acts for @target, by "r1 w2 b3!", where ! marks what is ignored. */
static unsigned rights(const char *text, domid_t domid, domid_t target, bool privileged)
{
    const struct subject subject = {domid, target, privileged};
    struct perm list[8];
    uint32_t count = 0;
    struct perms *perms;
    unsigned result;

    while (*text) {
        size_t length = strcspn(text, " !");
        char entry[PERM_TEXT_MAX];

        memcpy(entry, text, length);
        entry[length] = '\0';
        ck_assert(perm_parse(entry, &list[count]));
        text += length;
        if (*text == '!') {
            list[count].rights |= PERM_IGNORE;
            text++;
        }
        text += *text == ' ';
        count++;
    }
    perms = perms_intern(&store.perms, list, count);
    result = perms_rights(perms, &subject);
    perms_put(&store.perms, perms);
    return result;
}

#define ALL (PERM_READ | PERM_WRITE | PERM_OWNER)

START_TEST(test_rights)
{
    /* The owner has all, whatever the letter says of others. */
    ck_assert_uint_eq(rights("n3", 3, 3, false), ALL);
    ck_assert_uint_eq(rights("n3 n3", 3, 3, false), ALL);
    ck_assert_uint_eq(rights("n3", 4, 4, false), 0);
    ck_assert_uint_eq(rights("r3", 4, 4, false), PERM_READ);
    ck_assert_uint_eq(rights("w3", 4, 4, false), PERM_WRITE);
    ck_assert_uint_eq(rights("b3", 4, 4, false), PERM_READ | PERM_WRITE);
    /* An entry of one's own instead of what all have: the first one. */
    ck_assert_uint_eq(rights("b3 n4", 4, 4, false), 0);
    ck_assert_uint_eq(rights("n3 r4 b4", 4, 4, false), PERM_READ);
    ck_assert_uint_eq(rights("n3 b5", 4, 4, false), 0);
    ck_assert_uint_eq(rights("r3 n5 w4", 4, 4, false), PERM_WRITE);
    /* The control domain. */
    ck_assert_uint_eq(rights("n3 n0", 0, 0, true), ALL);
    ck_assert_uint_eq(rights("n3 n0", 0, 0, false), 0);
}
END_TEST

/* Entries of domains that are gone grant and refuse nothing (XSA-322, 417). */
START_TEST(test_ignored_entries)
{
    ck_assert_uint_eq(rights("n3 b4!", 4, 4, false), 0);
    ck_assert_uint_eq(rights("r3 n4!", 4, 4, false), PERM_READ);
    ck_assert_uint_eq(rights("n3 b4! r4", 4, 4, false), PERM_READ);
    ck_assert_uint_eq(rights("n3 b32757!", 4, 4, false), 0);
}
END_TEST

START_TEST(test_domid_any)
{
    ck_assert_uint_eq(rights("n3 r32757", 4, 4, false), PERM_READ);
    ck_assert_uint_eq(rights("n3 n4 r32757", 4, 4, false), 0);
    ck_assert_uint_eq(rights("n3 r32757", 3, 3, false), ALL);
}
END_TEST

/* A device model has what its target has. */
START_TEST(test_target)
{
    ck_assert_uint_eq(rights("n3", 4, 3, false), ALL);
    ck_assert_uint_eq(rights("n5 r3", 4, 3, false), PERM_READ);
    ck_assert_uint_eq(rights("n5 r4 w3", 4, 3, false), PERM_READ);
    ck_assert_uint_eq(rights("n4", 3, 3, false), 0);
}
END_TEST

START_TEST(test_equal_lists_are_one)
{
    const struct perm a[] = {{1, 0}, {2, PERM_READ}}, b[] = {{1, 0}, {2, PERM_WRITE}};
    struct perms *first = perms_intern(&store.perms, a, 2), *owned;
    struct perms *again = perms_intern(&store.perms, a, 2);
    struct perms *other = perms_intern(&store.perms, b, 2);
    struct perms *shorter = perms_intern(&store.perms, a, 1);

    ck_assert_ptr_eq(first, again);
    ck_assert_ptr_ne(first, other);
    ck_assert_ptr_ne(first, shorter);
    ck_assert_uint_eq(store.perms.count, 3);
    ck_assert(perms_name(first, 2) && !perms_name(first, 3));
    ck_assert(perms_table_names(&store.perms, 2) && !perms_table_names(&store.perms, 7));

    /* Another owner, the rest as it was. */
    ck_assert_ptr_eq(owned = perms_with_owner(&store.perms, first, 1), first);
    perms_put(&store.perms, owned);
    owned = perms_with_owner(&store.perms, first, 7);
    ck_assert_uint_eq(perms_owner(owned), 7);
    ck_assert_uint_eq(owned->count, 2);
    ck_assert_uint_eq(owned->list[1].domid, 2);
    ck_assert(perms_table_names(&store.perms, 7));
    perms_put(&store.perms, owned);
    ck_assert(!perms_table_names(&store.perms, 7));

    /* It lives as long as somebody holds it. */
    perms_put(&store.perms, first);
    ck_assert_ptr_eq(perms_get(again), perms_intern(&store.perms, a, 2));
    for (int i = 0; i < 3; i++)
        perms_put(&store.perms, again);
    perms_put(&store.perms, other);
    perms_put(&store.perms, shorter);
    ck_assert_uint_eq(store.perms.count, 0);
}
END_TEST

/* Many lists, more than there are buckets, held and dropped in any order. */
START_TEST(test_many_lists)
{
    struct unit_random random = {(uint64_t)_i};
    static struct perms *held[2000];
    static uint32_t refs[2000];

    memset(refs, 0, sizeof(refs));
    for (int step = 0; step < 20000; step++) {
        unsigned which = (unsigned)unit_random(&random, 2000);
        const struct perm list[] = {{(domid_t)which, 0}, {1, PERM_READ}};

        if (refs[which] && unit_random(&random, 2)) {
            perms_put(&store.perms, held[which]);
            refs[which]--;
        } else {
            struct perms *perms = perms_intern(&store.perms, list, 2);

            ck_assert_ptr_nonnull(perms);
            ck_assert(!refs[which] || perms == held[which]);
            held[which] = perms;
            refs[which]++;
            ck_assert_uint_eq(perms->refs, refs[which]);
            ck_assert_uint_eq(perms_owner(perms), which);
        }
    }
    for (unsigned which = 0; which < 2000; which++)
        for (; refs[which]; refs[which]--)
            perms_put(&store.perms, held[which]);
}
END_TEST

START_TEST(test_no_memory)
{
    const struct perm a = {1, 0};
    struct perms *perms;

    arena_fail_nth(store.arena, 1);
    ck_assert_ptr_null(perms_intern(&store.perms, &a, 1));
    ck_assert_uint_eq(store.perms.count, 0);
    perms = perms_intern(&store.perms, &a, 1);
    /* What is there already needs none. */
    arena_fail_nth(store.arena, 1);
    ck_assert_ptr_eq(perms_intern(&store.perms, &a, 1), perms);
    ck_assert_ptr_null(perms_with_owner(&store.perms, perms, 2));
    perms_put(&store.perms, perms);
    perms_put(&store.perms, perms);
}
END_TEST

TCase *perms_cases(void)
{
    TCase *cases = tcase_create("perms");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_parse_and_format);
    tcase_add_test(cases, test_rights);
    tcase_add_test(cases, test_ignored_entries);
    tcase_add_test(cases, test_domid_any);
    tcase_add_test(cases, test_target);
    tcase_add_test(cases, test_equal_lists_are_one);
    tcase_add_loop_test(cases, test_many_lists, 1, 4);
    tcase_add_test(cases, test_no_memory);
    return cases;
}
