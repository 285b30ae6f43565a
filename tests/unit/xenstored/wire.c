/* SPDX-License-Identifier: ISC */
#include "services/xenstored/wire.h"
#include "store.h"

/* The layout that Xen and all clients have compiled in. */
START_TEST(test_layout)
{
    ck_assert_uint_eq(sizeof(struct xs_header), 16);
    ck_assert_uint_eq(offsetof(struct xs_header, tx_id), 8);
    ck_assert_uint_eq(offsetof(struct xs_header, length), 12);
    ck_assert_uint_eq(offsetof(struct xs_ring, rsp), 1024);
    ck_assert_uint_eq(offsetof(struct xs_ring, req_cons), 2048);
    ck_assert_uint_eq(offsetof(struct xs_ring, req_prod), 2052);
    ck_assert_uint_eq(offsetof(struct xs_ring, rsp_cons), 2056);
    ck_assert_uint_eq(offsetof(struct xs_ring, rsp_prod), 2060);
    ck_assert_uint_eq(offsetof(struct xs_ring, server_features), 2064);
    ck_assert_uint_eq(offsetof(struct xs_ring, connection), 2068);
    ck_assert_uint_eq(offsetof(struct xs_ring, error), 2072);
    ck_assert_uint_eq(offsetof(struct xs_ring, evtchn_port), 2076);
}
END_TEST

START_TEST(test_error_names)
{
    ck_assert_str_eq(wire_error_name(EINVAL), "EINVAL");
    ck_assert_str_eq(wire_error_name(ENOENT), "ENOENT");
    ck_assert_str_eq(wire_error_name(EAGAIN), "EAGAIN");
    ck_assert_str_eq(wire_error_name(E2BIG), "E2BIG");
    ck_assert_str_eq(wire_error_name(EPERM), "EPERM");
    ck_assert_str_eq(wire_error_name(ENOTEMPTY), "ENOTEMPTY");
    /* Clients know the names of the specification alone. */
    ck_assert_str_eq(wire_error_name(ESRCH), "EINVAL");
    ck_assert_str_eq(wire_error_name(0), "EINVAL");
    ck_assert_str_eq(wire_error_name(-ENOENT), "EINVAL");
}
END_TEST

/* A payload in a block of exactly its size, so that a sanitizer sees any byte read behind it. */
static char *payload(const char *bytes, size_t length)
{
    char *copy = calloc(1, length ? length : 1);

    memcpy(copy, bytes, length);
    return copy;
}

#define STRINGS(bytes, max)                                                                        \
    (text = payload(bytes, sizeof(bytes) - 1), wire_strings(text, sizeof(bytes) - 1, string, max))

START_TEST(test_strings)
{
    const char *string[3] = {NULL, NULL, NULL};
    char *text;

    ck_assert_uint_eq(STRINGS("", 3), 0);
    free(text);
    ck_assert_uint_eq(STRINGS("abc", 3), 0);
    free(text);
    ck_assert_ptr_null(string[0]);
    ck_assert_uint_eq(STRINGS("\0", 3), 1);
    ck_assert_ptr_eq(string[0], text);
    free(text);
    ck_assert_uint_eq(STRINGS("ab\0\0c\0rest", 3), 3);
    ck_assert_str_eq(string[0], "ab");
    ck_assert_str_eq(string[1], "");
    ck_assert_str_eq(string[2], "c");
    free(text);
    /* All are counted, no more than asked for are told. */
    string[1] = NULL;
    ck_assert_uint_eq(STRINGS("a\0b\0c\0", 1), 3);
    ck_assert_str_eq(string[0], "a");
    ck_assert_ptr_null(string[1]);
    free(text);
}
END_TEST

#define ONE(bytes)                                                                                 \
    (text = payload(bytes, sizeof(bytes) - 1), is = wire_one_string(text, sizeof(bytes) - 1),      \
     equal = is == text, free(text), is && equal)

START_TEST(test_one_string)
{
    const char *is;
    char *text;
    bool equal;

    ck_assert(ONE("a\0"));
    ck_assert(ONE("\0"));
    ck_assert(!ONE(""));
    ck_assert(!ONE("a"));
    ck_assert(!ONE("a\0b"));
    ck_assert(!ONE("a\0\0"));
    ck_assert(!ONE("\0a\0"));
}
END_TEST

START_TEST(test_numbers)
{
    static const char *const wrong[] = {"",   "-1",  "+1",         " 1",
                                        "1 ", "0x1", "1a",         "1.0",
                                        "a",  "\n",  "4294967296", "99999999999999999999"};
    uint32_t number = 77;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!wire_number(wrong[i], UINT32_MAX, &number), "\"%s\" passed", wrong[i]);
    ck_assert_uint_eq(number, 77);
    ck_assert(wire_number("0", 0, &number) && number == 0);
    ck_assert(wire_number("00012", 12, &number) && number == 12);
    ck_assert(wire_number("4294967295", UINT32_MAX, &number) && number == UINT32_MAX);
    ck_assert(!wire_number("13", 12, &number));
    /* 2^64 + 1: no overflow makes it small again. */
    ck_assert(!wire_number("18446744073709551617", UINT32_MAX, &number));
}
END_TEST

TCase *wire_cases(void)
{
    TCase *cases = tcase_create("wire");

    tcase_add_test(cases, test_layout);
    tcase_add_test(cases, test_error_names);
    tcase_add_test(cases, test_strings);
    tcase_add_test(cases, test_one_string);
    tcase_add_test(cases, test_numbers);
    return cases;
}
