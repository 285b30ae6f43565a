/* SPDX-License-Identifier: ISC */
#include "services/xenstored/path.h"
#include "store.h"

static char path[PATH_SIZE];

static char *filled(size_t length, char start)
{
    char *text = malloc(length + 1);

    memset(text, 'x', length);
    text[0] = start;
    text[length] = '\0';
    return text;
}

START_TEST(test_canonical)
{
    static const struct {
        const char *text, *path;
    } right[] = {
        {"/", "/"},
        {"/a", "/a"},
        {"/local/domain/0/x-y_z@1", "/local/domain/0/x-y_z@1"},
        {"/@", "/@"},
        {"a", "/local/domain/42/a"},
        {"a/b", "/local/domain/42/a/b"},
        {"local/domain/1", "/local/domain/42/local/domain/1"},
        {"-", "/local/domain/42/-"},
    };

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        ck_assert(path_canonical(right[i].text, 42, false, path));
        ck_assert_str_eq(path, right[i].path);
    }
    ck_assert(path_canonical("@releaseDomain/7", 42, true, path));
    ck_assert_str_eq(path, "@releaseDomain/7");
}
END_TEST

START_TEST(test_wrong_forms)
{
    static const char *const wrong[] = {"",      "//",   "//a", "/a/",           "a/",
                                        "/a//b", "a//b", "@",   "@releaseDomain"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!path_canonical(wrong[i], 1, false, path), "\"%s\" passed", wrong[i]);
    for (size_t i = 0; i < 7; i++)
        ck_assert_msg(!path_canonical(wrong[i], 1, true, path), "\"%s\" passed", wrong[i]);
    ck_assert(!path_canonical("@a/", 1, true, path));
    ck_assert(!path_canonical("@a//b", 1, true, path));
}
END_TEST

/* Of all bytes, letters, digits and these alone are good, wherever they are. */
START_TEST(test_every_byte)
{
    for (int byte = 1; byte < 256; byte++) {
        char text[] = {'/', (char)byte, 'a', '\0'}, relative[] = {'a', (char)byte, 'a', '\0'};
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                      (byte >= '0' && byte <= '9');
        bool good = letter || byte == '-' || byte == '_' || byte == '@';

        ck_assert_int_eq(path_canonical(text, 1, false, path), good);
        ck_assert_int_eq(path_canonical(relative, 1, false, path), good || byte == '/');
    }
}
END_TEST

START_TEST(test_length)
{
    static const domid_t domids[] = {0, 9, 10, 65535};

    for (size_t length = XS_ABS_PATH_MAX - 1; length < XS_ABS_PATH_MAX + 3; length++) {
        char *text = filled(length, '/');

        ck_assert_int_eq(path_canonical(text, 1, false, path), length <= XS_ABS_PATH_MAX);
        free(text);
    }
    /* A relative one becomes longer by the home it is in. */
    for (size_t i = 0; i < sizeof(domids) / sizeof(domids[0]); i++) {
        size_t home = path_home_length(domids[i]);
        char want[32];

        snprintf(want, sizeof(want), "/local/domain/%u/", domids[i]);
        ck_assert_uint_eq(home, strlen(want));
        for (size_t length = XS_ABS_PATH_MAX - home - 1; length < XS_ABS_PATH_MAX + 3; length++) {
            char *text = filled(length, 'x');
            bool fits = path_canonical(text, domids[i], false, path);

            ck_assert_int_eq(fits, length + home <= XS_ABS_PATH_MAX);
            if (fits) {
                ck_assert_uint_eq(strlen(path), length + home);
                ck_assert_int_eq(strncmp(path, want, home), 0);
            }
            free(text);
        }
    }
}
END_TEST

/* What counts is what is stored below a domain's home (XSA-323). */
START_TEST(test_measure)
{
    static const struct {
        const char *path;
        size_t bytes;
    } paths[] = {
        {"/", 1},
        {"/abc", 4},
        {"/local/domain", 13},
        {"/local/domain/1", 15},
        {"/local/domain/1/a", 1},
        {"/local/domain/12345/abc/d", 5},
        {"/local/domain/123456/a", 22},
        {"/local/domain/x/a", 17},
        {"/local/domain/1x/a", 18},
        {"/local/domainx/1/a", 18},
        {"/x/local/domain/1/a", 19},
        {"@releaseDomain", 14},
    };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        ck_assert_msg(path_measure(paths[i].path) == paths[i].bytes, "%s", paths[i].path);
}
END_TEST

TCase *path_cases(void)
{
    TCase *cases = tcase_create("path");

    tcase_add_test(cases, test_canonical);
    tcase_add_test(cases, test_wrong_forms);
    tcase_add_test(cases, test_every_byte);
    tcase_add_test(cases, test_length);
    tcase_add_test(cases, test_measure);
    return cases;
}
