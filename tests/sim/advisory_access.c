/* SPDX-License-Identifier: ISC */
/* Advisories of who may see and do what: XSA-115, 323, 352, 353, 481. */
#include "suite.h"

#include <stdio.h>
#include <string.h>

/* Events of nodes that the watcher may not read. */
START_TEST(test_xsa_115_watch_events_need_permission)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);

    OK(client_write(host->dom0, 0, "/secret/a", "1"));
    OK(client_watch(guest, "/secret", "t"));
    suite_expect_event(guest, "/secret|t|");
    OK(client_write(host->dom0, 0, "/secret/a", "2"));
    OK(client_rm(host->dom0, 0, "/secret/a"));
    suite_expect_quiet(guest);

    /* One who loses the permission hears of that, and of nothing after it. */
    OK(client_write(host->dom0, 0, "/secret/b", "1"));
    OK(client_set_perms(host->dom0, 0, "/secret/b", "n0|r3"));
    suite_expect_event(guest, "/secret/b|t|");
    OK(client_set_perms(host->dom0, 0, "/secret/b", "n0"));
    suite_expect_event(guest, "/secret/b|t|");
    OK(client_write(host->dom0, 0, "/secret/b", "2"));
    suite_expect_quiet(guest);

    /* Nor in a transaction. */
    uint32_t tx;
    OK(client_begin(host->dom0, &tx));
    OK(client_write(host->dom0, tx, "/secret/b", "3"));
    OK(client_write(host->dom0, tx, "/secret/c", "3"));
    OK(client_end(host->dom0, tx, true));
    suite_expect_quiet(guest);
    host_destroy(host);
}
END_TEST

START_TEST(test_xsa_115_is_domain_introduced_is_privileged)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);

    suite_expect(guest, 0, WIRE_IS_DOMAIN_INTRODUCED, "3|", "EACCES");
    suite_expect(guest, 0, WIRE_IS_DOMAIN_INTRODUCED, "4|", "EACCES");
    suite_expect(host->dom0, 0, WIRE_IS_DOMAIN_INTRODUCED, "3|", "T|");
    host_destroy(host);
}
END_TEST

/* A watch made in a transaction is a watch like any other. */
START_TEST(test_xsa_115_watch_in_transaction)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    uint32_t tx;

    OK(client_begin(guest, &tx));
    OK(client_call(guest, tx, WIRE_WATCH, "x|t|", NULL));
    suite_expect_event(guest, "x|t|");
    OK(client_write(guest, tx, "x", "1"));
    OK(client_call(guest, tx, WIRE_UNWATCH, "x|t|", NULL));
    OK(client_end(guest, tx, true));
    suite_expect_quiet(guest);
    ck_assert_str_eq(client_value(guest, 0, "x"), "1");
    host_destroy(host);
}
END_TEST

START_TEST(test_xsa_115_special_watches_need_permission)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);

    OK(client_set_perms(host->dom0, 0, "@releaseDomain", "n0"));
    OK(client_watch(guest, "@introduceDomain", "i"));
    OK(client_watch(guest, "@releaseDomain", "r"));
    client_clear(guest);
    host_kill(host, host_guest(host, 4));
    suite_expect_quiet(guest);
    OK(client_set_perms(host->dom0, 0, "@releaseDomain", "n0|r3"));
    client_clear(guest);
    host_kill(host, host_guest(host, 4));
    suite_expect_event(guest, "@releaseDomain|r|");
    suite_expect_quiet(guest);
    FAILS(client_set_perms(guest, 0, "@introduceDomain", "n3"), EACCES);
    host_destroy(host);
}
END_TEST

/* The nodes of a request that failed are not counted. */
START_TEST(test_xsa_115_accounting_after_failed_create)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);

    OK(client_call(host->dom0, 0, WIRE_SET_QUOTA, "3|nodes|10|", NULL));
    long before = suite_counter(host, 3, "nodes");
    for (int i = 0; i < 50; i++)
        FAILS(client_write(guest, 0, "a/b/c/d/e/f/g/h/i/j/k/l", "x"), ENOSPC);
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), before);
    FAILS(client_write_fill(guest, 0, "a/b", 'x', 3000), ENOSPC);
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), before);
    OK(client_write(guest, 0, "a/b/c/d/e", "x"));
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), before + 5);
    host_destroy(host);
}
END_TEST

/* A node that is over its size can still lose children. */
START_TEST(test_xsa_115_child_of_over_quota_node_is_removable)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    char path[256];

    for (int i = 0; i < 60; i++) {
        snprintf(path, sizeof(path), "/local/domain/3/d/%0100d", i);
        OK(client_write(host->dom0, 0, path, "x"));
        OK(client_set_perms(host->dom0, 0, path, "n3"));
    }
    OK(client_set_perms(host->dom0, 0, "/local/domain/3/d", "n3"));
    /* Upstream counts the names of children as part of a node's size, others do not. */
    int error = client_write(guest, 0, "d/another", "x");
    ck_assert(error == 0 || error == ENOSPC);
    OK(client_call(host->dom0, 0, WIRE_SET_QUOTA, "3|nodes|5|", NULL));
    FAILS(client_write(guest, 0, "d/more", "x"), ENOSPC);
    for (int i = 0; i < 60; i++) {
        snprintf(path, sizeof(path), "d/%0100d", i);
        OK(client_rm(guest, 0, path));
    }
    OK(client_write(guest, 0, "d/another", "x"));
    suite_expect(guest, 0, WIRE_DIRECTORY, "d|", "another|");
    host_destroy(host);
}
END_TEST

/* Whatever path can be written can be read and removed, however it is named. */
START_TEST(test_xsa_323_length_of_relative_paths)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    char path[3200], whole[3300];

    for (size_t length = 2000; length < 3100; length += 11) {
        memset(path, 'p', length);
        path[length] = 0;
        snprintf(whole, sizeof(whole), "/local/domain/3/%s", path);
        int error = client_write(guest, 0, path, "x");
        ck_assert(error == 0 || error == EINVAL);
        ck_assert_int_eq(client_write(guest, 0, whole, "x"), error);
        if (error != 0)
            continue;
        ck_assert_str_eq(client_value(guest, 0, path), "x");
        ck_assert_str_eq(client_value(host->dom0, 0, whole), "x");
        OK(client_rm(guest, 0, path));
    }
    memset(path, 'p', 2049);
    path[2049] = 0;
    FAILS(client_write(guest, 0, path, "x"), EINVAL);
    suite_expect(guest, 0, WIRE_DIRECTORY, "/local/domain/3|", "");
    host_destroy(host);
}
END_TEST

START_TEST(test_xsa_352_guest_cannot_give_nodes_away)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);

    suite_guest(host, 4);
    OK(client_write(guest, 0, "mine", "x"));
    long others = suite_counter(host, 4, "nodes");
    FAILS(client_set_perms(guest, 0, "mine", "n4"), EPERM);
    FAILS(client_set_perms(guest, 0, "mine", "n0"), EPERM);
    FAILS(client_set_perms(guest, 0, "mine", "b4|n3"), EPERM);
    suite_expect(guest, 0, WIRE_GET_PERMS, "mine|", "n3|");
    ck_assert_int_eq(suite_counter(host, 4, "nodes"), others);
    host_destroy(host);
}
END_TEST

START_TEST(test_xsa_353_permissions_of_the_root)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);

    suite_expect(guest, 0, WIRE_READ, "/|", "EACCES");
    suite_expect(guest, 0, WIRE_DIRECTORY, "/|", "EACCES");
    suite_expect(guest, 0, WIRE_GET_PERMS, "/|", "EACCES");
    suite_expect(guest, 0, WIRE_WRITE, "/|x", "EACCES");
    suite_expect(guest, 0, WIRE_MKDIR, "/|", "EACCES");
    suite_expect(guest, 0, WIRE_MKDIR, "/new|", "EACCES");
    suite_expect(guest, 0, WIRE_WRITE, "/new|x", "EACCES");
    suite_expect(guest, 0, WIRE_SET_PERMS, "/|n3|", "EACCES");
    suite_expect(guest, 0, WIRE_SET_PERMS, "/|b0|", "EACCES");
    suite_expect(guest, 0, WIRE_RM, "/|", "EACCES");
    suite_expect(guest, 0, WIRE_RM, "/tool|", "EACCES");
    suite_expect(host->dom0, 0, WIRE_RM, "/|", "EINVAL");
    suite_expect(host->dom0, 0, WIRE_GET_PERMS, "/|", "n0|");
    suite_expect(host->dom0, 0, WIRE_DIRECTORY, "/|", "tool|local|");
    host_destroy(host);
}
END_TEST

/* The path that starts every domain's prefix and ends there. */
START_TEST(test_xsa_481_the_path_local_domain)
{
    static const char *const paths[] = {"/local/domain/",    "/local/domain/3/", "/local/domain//",
                                        "/local/domain/3//", "/local/domain/x/", "/local/"};
    static const uint32_t types[] = {WIRE_READ,  WIRE_WRITE,     WIRE_MKDIR,
                                     WIRE_RM,    WIRE_DIRECTORY, WIRE_GET_PERMS,
                                     WIRE_WATCH, WIRE_UNWATCH,   WIRE_SET_PERMS};
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);

    for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++)
        for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
            char payload[64];
            bool two = types[t] == WIRE_WATCH || types[t] == WIRE_UNWATCH;

            snprintf(payload, sizeof(payload), "%s|%s", paths[p],
                     two                          ? "t|"
                     : types[t] == WIRE_SET_PERMS ? "n3|"
                                                  : "");
            suite_expect(guest, 0, types[t], payload, "EINVAL");
            suite_expect(host->dom0, 0, types[t], payload, "EINVAL");
        }
    suite_alive(guest);
    host_destroy(host);
}
END_TEST

TCase *advisory_access_cases(void)
{
    TCase *tcase = tcase_create("advisories: access");

    tcase_add_test(tcase, test_xsa_115_watch_events_need_permission);
    tcase_add_test(tcase, test_xsa_115_is_domain_introduced_is_privileged);
    tcase_add_test(tcase, test_xsa_115_watch_in_transaction);
    tcase_add_test(tcase, test_xsa_115_special_watches_need_permission);
    tcase_add_test(tcase, test_xsa_115_accounting_after_failed_create);
    tcase_add_test(tcase, test_xsa_115_child_of_over_quota_node_is_removable);
    tcase_add_test(tcase, test_xsa_323_length_of_relative_paths);
    tcase_add_test(tcase, test_xsa_352_guest_cannot_give_nodes_away);
    tcase_add_test(tcase, test_xsa_353_permissions_of_the_root);
    tcase_add_test(tcase, test_xsa_481_the_path_local_domain);
    return tcase;
}
