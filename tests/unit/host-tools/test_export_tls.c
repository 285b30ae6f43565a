/* SPDX-License-Identifier: ISC */
/* The key of an export over TLS is read only where it is a secret. */
#include "export_tls.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char key[] = "/tmp/atoll-key-XXXXXX";

static void setup(void)
{
    const int fd = mkstemp(key);

    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void teardown(void)
{
    unlink(key);
}

/* What is said of the key; the authorities come after it, and are missing. */
static void load(mode_t mode, char *why, size_t size)
{
    const struct export_tls_files files = {.ca = "/nowhere/ca.pem", .cert = key, .key = key};

    ck_assert_int_eq(chmod(key, mode), 0);
    ck_assert_ptr_null(export_tls_load(&files, why, size));
}

START_TEST(modes)
{
    static const mode_t secret[] = {0400, 0600, 0700},
                        open[] = {0620, 0660, 0604, 0602, 0601, 0644};
    char why[300];

    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
        load(secret[i], why, sizeof(why));
        ck_assert_msg(strstr(why, "authorities"), "%04o: %s", (unsigned)secret[i], why);
    }
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        load(open[i], why, sizeof(why));
        ck_assert_msg(strstr(why, key) && strstr(why, "chmod"), "%04o: %s", (unsigned)open[i], why);
    }
}
END_TEST

/* Root's may be for a group. */
START_TEST(group)
{
    char why[300];

    load(0640, why, sizeof(why));
    ck_assert_msg(strstr(why, geteuid() == 0 ? "authorities" : "chmod"), "%s", why);
}
END_TEST

START_TEST(strangers)
{
    char why[300];

    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(key, 4711, 0), 0);
    load(0600, why, sizeof(why));
    ck_assert_msg(strstr(why, "user 4711's"), "%s", why);
}
END_TEST

START_TEST(missing)
{
    const struct export_tls_files files = {.cert = "/nowhere/cert", .key = "/nowhere/key"};
    char why[300];

    ck_assert_ptr_null(export_tls_load(&files, why, sizeof(why)));
    ck_assert_str_eq(why, "cannot read /nowhere/key (No such file or directory)");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("export_tls");
    TCase *tc = tcase_create("export_tls");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, modes);
    tcase_add_test(tc, group);
    tcase_add_test(tc, strangers);
    tcase_add_test(tc, missing);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
