/* SPDX-License-Identifier: ISC */
#include "common/list.h"
#include "common.h"

#include <string.h>

struct letter {
    char letter;
    struct list link;
};

static struct letter letters[26];

static void spell(struct list *list, const char *word)
{
    list_init(list);
    for (; *word; word++) {
        struct letter *letter = &letters[*word - 'a'];

        letter->letter = *word;
        list_append(list, &letter->link);
    }
}

/* The list forwards is @word, and backwards its reverse. */
static void expect(struct list *list, const char *word)
{
    char forwards[27], backwards[27];
    size_t length = 0;

    list_for_each (item, list)
        forwards[length++] = LIST_ENTRY(item, struct letter, link)->letter;
    forwards[length] = '\0';
    ck_assert_str_eq(forwards, word);
    backwards[length] = '\0';
    for (struct list *item = list->prev; item != list; item = item->prev)
        backwards[--length] = LIST_ENTRY(item, struct letter, link)->letter;
    ck_assert_str_eq(backwards, word);
    ck_assert_int_eq(list_empty(list), !*word);
    if (*word)
        ck_assert_ptr_eq(list_first(list), &letters[*word - 'a'].link);
    else
        ck_assert_ptr_null(list_first(list));
}

START_TEST(test_append_and_remove)
{
    struct list list;

    spell(&list, "");
    expect(&list, "");
    spell(&list, "abcde");
    expect(&list, "abcde");
    list_remove(&letters['c' - 'a'].link);
    expect(&list, "abde");
    list_remove(&letters['a' - 'a'].link);
    expect(&list, "bde");
    list_remove(&letters['e' - 'a'].link);
    expect(&list, "bd");
    /* Twice is once. */
    list_remove(&letters['e' - 'a'].link);
    ck_assert(list_empty(&letters['e' - 'a'].link));
    expect(&list, "bd");
    list_append(&list, &letters['a' - 'a'].link);
    expect(&list, "bda");
}
END_TEST

START_TEST(test_remove_while_walking)
{
    struct list list;

    spell(&list, "abcdef");
    list_for_each_safe (item, after, &list)
        if (strchr("acf", LIST_ENTRY(item, struct letter, link)->letter))
            list_remove(item);
    expect(&list, "bde");
    list_for_each_safe (item, after, &list)
        list_remove(item);
    expect(&list, "");
}
END_TEST

START_TEST(test_splice)
{
    struct list list, other;

    spell(&list, "ab");
    spell(&other, "cde");
    list_splice(&list, &other);
    expect(&list, "abcde");
    expect(&other, "");
    list_splice(&list, &other);
    expect(&list, "abcde");
    list_splice(&other, &list);
    expect(&other, "abcde");
    expect(&list, "");
}
END_TEST

TCase *list_cases(void)
{
    TCase *cases = tcase_create("list");

    tcase_add_test(cases, test_append_and_remove);
    tcase_add_test(cases, test_remove_while_walking);
    tcase_add_test(cases, test_splice);
    return cases;
}
