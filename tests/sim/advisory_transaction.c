/* SPDX-License-Identifier: ISC */
/* Advisories of transactions: XSA-415, 421, 440, 484. */
#include "suite.h"

#include <stdio.h>
#include <string.h>

/* A creation that fails in a transaction which is committed all the same leaves no orphan. */
START_TEST(test_xsa_415_failed_creation_then_commit)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    uint32_t tx;

    OK(client_call(host->dom0, 0, WIRE_SET_QUOTA, "3|nodes|8|", NULL));
    for (int round = 0; round < 5; round++) {
        OK(client_begin(guest, &tx));
        OK(client_write(guest, tx, "p/q", "x"));
        FAILS(client_write(guest, tx, "p/1/2/3/4/5/6/7/8/9", "x"), ENOSPC);
        FAILS(client_write_fill(guest, tx, "p/q/r", 'x', 2500), ENOSPC);
        int error = client_end(guest, tx, true);
        /* Upstream lets such a transaction fail; here it may succeed without the failed parts. */
        ck_assert(error == 0 || error == ENOMEM || error == ENOSPC);
        if (error == 0)
            suite_expect(guest, 0, WIRE_DIRECTORY, "p|", "q|");
        ck_assert_int_eq(suite_counter(host, 3, "nodes"), error == 0 ? 3 : 1);
        host_check(host);
        OK(client_rm(guest, 0, "p"));
        ck_assert_int_eq(suite_counter(host, 3, "nodes"), 1);
    }
    host_destroy(host);
}
END_TEST

/* Nodes that are created and deleted in one transaction are not counted, nor is a half commit. */
START_TEST(test_xsa_421_create_and_delete_in_one_transaction)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    char path[64];
    uint32_t tx;

    for (int round = 0; round < 20; round++) {
        OK(client_begin(guest, &tx));
        for (int i = 0; i < 40; i++) {
            snprintf(path, sizeof(path), "t/%d", i);
            OK(client_write(guest, tx, path, "x"));
        }
        for (int i = 0; i < 40; i++) {
            snprintf(path, sizeof(path), "t/%d", i);
            OK(client_rm(guest, tx, path));
        }
        OK(client_write(guest, tx, "t/kept", "x"));
        if (round % 2 == 0) {
            /* A conflict after much has been replayed: nothing of it may stay. */
            ck_assert_ptr_null(client_value(guest, tx, "other"));
            OK(client_write(guest, 0, "other", "x"));
            FAILS(client_end(guest, tx, true), EAGAIN);
            OK(client_rm(guest, 0, "other"));
            ck_assert_int_eq(suite_counter(host, 3, "nodes"), 1);
        } else {
            OK(client_end(guest, tx, true));
            suite_expect(guest, 0, WIRE_DIRECTORY, "t|", "kept|");
            ck_assert_int_eq(suite_counter(host, 3, "nodes"), 3);
            OK(client_rm(guest, 0, "t"));
        }
        host_check(host);
    }
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), 1);
    host_destroy(host);
}
END_TEST

/* Two transactions that delete the same nodes: the recipe of the advisory. */
START_TEST(test_xsa_440_two_transactions_delete_the_same)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    char path[64];
    uint32_t tx[2];

    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 50; i++) {
            snprintf(path, sizeof(path), "n%d", i);
            OK(client_write(guest, 0, path, "x"));
        }
        OK(client_begin(guest, &tx[0]));
        OK(client_begin(guest, &tx[1]));
        for (int t = 0; t < 2; t++)
            for (int i = 0; i < 50; i++) {
                snprintf(path, sizeof(path), "n%d", i);
                OK(client_rm(guest, tx[t], path));
            }
        OK(client_end(guest, tx[0], true));
        int error = client_end(guest, tx[1], true);
        ck_assert(error == 0 || error == EAGAIN);
        ck_assert_int_eq(suite_counter(host, 3, "nodes"), 1);
        host_check(host);
        suite_alive(guest);
    }
    host_destroy(host);
}
END_TEST

/* One message of any guest. */
START_TEST(test_xsa_484_reset_watches_in_a_transaction)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    uint32_t tx, second;

    for (int round = 0; round < 3; round++) {
        OK(client_begin(guest, &tx));
        OK(client_begin(guest, &second));
        OK(client_watch(guest, "w", "t"));
        OK(client_write(guest, tx, "w", "1"));
        OK(client_call(guest, tx, WIRE_RESET_WATCHES, "|", NULL));
        client_clear(guest);
        FAILS(client_write(guest, tx, "w", "2"), ENOENT);
        FAILS(client_end(guest, tx, true), ENOENT);
        FAILS(client_end(guest, second, true), ENOENT);
        ck_assert_ptr_null(client_value(guest, 0, "w"));
        OK(client_write(guest, 0, "w", "3"));
        suite_expect_quiet(guest);
        OK(client_rm(guest, 0, "w"));
        ck_assert_int_eq(suite_counter(host, 3, "transactions"), 0);
    }
    OK(client_begin(host->dom0, &tx));
    OK(client_call(host->dom0, tx, WIRE_RESET_WATCHES, "|", NULL));
    FAILS(client_end(host->dom0, tx, true), ENOENT);
    host_destroy(host);
}
END_TEST

TCase *advisory_transaction_cases(void)
{
    TCase *tcase = tcase_create("advisories: transactions");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_xsa_415_failed_creation_then_commit);
    tcase_add_test(tcase, test_xsa_421_create_and_delete_in_one_transaction);
    tcase_add_test(tcase, test_xsa_440_two_transactions_delete_the_same);
    tcase_add_test(tcase, test_xsa_484_reset_watches_in_a_transaction);
    return tcase;
}
