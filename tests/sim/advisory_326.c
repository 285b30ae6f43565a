/* SPDX-License-Identifier: ISC */
/*
 * XSA-326: a guest makes the store run out of memory. One test for each of its CVE numbers; those
 * of the other implementation (42316 to 42318) have their counterparts here.
 */
#include "suite.h"

#include <hv/time.h>
#include <stdio.h>
#include <string.h>

/* The quota, and the answers that a domain may have outstanding beyond it. */
#define MEMORY_QUOTA 2621440
#define MEMORY_BOUND (MEMORY_QUOTA + 20 * 4200)

/* Put @count requests into the queue as room permits, without reading any answer. */
static void post(struct client *guest, uint32_t type, const char *payload, size_t length,
                 unsigned count)
{
    uint32_t header[4] = {type, 1, 0, (uint32_t)length};

    while (count-- > 0) {
        if (WIRE_RING_SIZE - (guest->ring->req_prod - guest->ring->req_cons) < 16 + length) {
            client_notify(guest);
            host_run(guest->host);
            if (WIRE_RING_SIZE - (guest->ring->req_prod - guest->ring->req_cons) < 16 + length)
                return; /* it is not served any more */
        }
        client_push(guest, header, sizeof(header));
        client_push(guest, payload, length);
    }
    client_notify(guest);
    host_run(guest->host);
}

/* CVE-2022-42311: events that are not read. */
START_TEST(test_xsa_326_cve_42311_unread_events)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3), *other = suite_guest(host, 4);
    char path[256];

    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof(path), "token-%0150d", i);
        OK(client_watch(guest, "dir", path));
    }
    client_clear(guest);
    guest->deaf = true;
    for (int i = 0; i < 600; i++) {
        snprintf(path, sizeof(path), "/local/domain/3/dir/%0150d", i);
        OK(client_write(host->dom0, 0, path, "x"));
        OK(client_rm(host->dom0, 0, path));
    }
    ck_assert_int_le(suite_counter(host, 3, "memory"), MEMORY_QUOTA);
    OK(client_write(other, 0, "x", "1"));
    /* The guest can go on when it reads. */
    guest->deaf = false;
    host_run(host);
    ck_assert_uint_gt(client_waiting(guest, true), 10);
    client_clear(guest);
    suite_alive(guest);
    host_destroy(host);
}
END_TEST

/* CVE-2022-42312: requests without end whose answers are not read. */
START_TEST(test_xsa_326_cve_42312_outstanding_requests)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3), *other = suite_guest(host, 4);

    OK(client_write_fill(guest, 0, "v", 'x', 1000));
    guest->deaf = true;
    post(guest, WIRE_READ, "v", 2, 5000);
    /* Twenty are under way at most; what cannot be served waits in the guest's own page. */
    ck_assert_int_le(suite_counter(host, 3, "outstanding"), 20);
    ck_assert_uint_gt(guest->ring->req_prod - guest->ring->req_cons, 900);
    OK(client_write(other, 0, "x", "1"));
    guest->deaf = false;
    host_run(host);
    ck_assert_uint_eq(guest->ring->req_prod, guest->ring->req_cons);
    ck_assert_int_eq(suite_counter(host, 3, "outstanding"), 0);
    host_destroy(host);
}
END_TEST

/* CVE-2022-42313: nodes are counted for their owner, whatever happens to them. */
START_TEST(test_xsa_326_cve_42313_node_accounting)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);

    suite_guest(host, 4);
    OK(client_write(host->dom0, 0, "/n/a/b", "x"));
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), 1);
    OK(client_set_perms(host->dom0, 0, "/n/a", "n3"));
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), 2);
    OK(client_set_perms(host->dom0, 0, "/n/a", "n4"));
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), 1);
    ck_assert_int_eq(suite_counter(host, 4, "nodes"), 2);
    OK(client_set_perms(host->dom0, 0, "/n/a", "n3|w4"));
    OK(client_write(guest, 0, "/n/a/c/d", "x"));
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), 4);
    OK(client_rm(host->dom0, 0, "/n/a/c"));
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), 2);
    OK(client_rm(host->dom0, 0, "/n"));
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), 1);
    ck_assert_int_eq(suite_counter(host, 4, "nodes"), 1);
    host_destroy(host);
}
END_TEST

/* CVE-2022-42314: nodes without end in a transaction. */
START_TEST(test_xsa_326_cve_42314_nodes_in_a_transaction)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    char path[64];
    uint32_t tx;
    int i, error = 0;

    OK(client_begin(guest, &tx));
    for (i = 0; i < 4000 && error == 0; i++) {
        snprintf(path, sizeof(path), "/local/domain/3/%d/%d", i / 30, i);
        error = client_write(guest, tx, path, "x");
    }
    ck_assert_int_eq(error, ENOSPC);
    ck_assert_int_le(i, 1100);
    client_end(guest, tx, true);
    ck_assert_int_le(suite_counter(host, 3, "nodes"), 1000);
    OK(client_rm(guest, 0, "0"));

    /* Reading and removing are bounded as well. */
    OK(client_begin(guest, &tx));
    error = 0;
    for (i = 0; i < 5000 && (error == 0 || error == ENOENT); i++) {
        snprintf(path, sizeof(path), "/local/domain/3/no%d", i);
        error = client_callf(guest, tx, WIRE_READ, NULL, "%s|", path);
    }
    ck_assert_int_eq(error, ENOSPC);
    ck_assert_int_le(suite_counter(host, 3, "memory"), MEMORY_QUOTA);
    client_end(guest, tx, false);
    ck_assert_int_eq(suite_counter(host, 3, "transactions"), 0);
    suite_alive(guest);
    host_destroy(host);
}
END_TEST

/* CVE-2022-42315: whatever a guest makes the store keep, there is a sum that is bounded. */
START_TEST(test_xsa_326_cve_42315_memory_accounting)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3), *other = suite_guest(host, 4);
    char path[64];
    long before = suite_counter(host, 3, "memory"), grown;
    int i, error = 0;

    OK(client_write_fill(guest, 0, "v", 'x', 1500));
    grown = suite_counter(host, 3, "memory");
    ck_assert_int_ge(grown - before, 1500);
    OK(client_watch(guest, "v", "a-token-of-some-length"));
    client_clear(guest);
    ck_assert_int_gt(suite_counter(host, 3, "memory"), grown);
    OK(client_call(guest, 0, WIRE_RESET_WATCHES, "|", NULL));
    ck_assert_int_eq(suite_counter(host, 3, "memory"), grown);
    OK(client_rm(guest, 0, "v"));
    ck_assert_int_eq(suite_counter(host, 3, "memory"), before);

    OK(client_call(host->dom0, 0, WIRE_SET_QUOTA, "3|memory|100000|", NULL));
    for (i = 0; i < 200 && error == 0; i++) {
        snprintf(path, sizeof(path), "m%d", i);
        error = client_write_fill(guest, 0, path, 'x', 1500);
    }
    ck_assert_int_eq(error, ENOMEM);
    ck_assert(i > 30 && i < 80);
    OK(client_write(other, 0, "x", "1"));
    OK(client_rm(host->dom0, 0, "/local/domain/3/m0"));
    OK(client_rm(host->dom0, 0, "/local/domain/3/m1"));
    suite_alive(guest);
    OK(client_rm(guest, 0, "m2"));
    OK(client_write_fill(guest, 0, "m2", 'x', 1500));
    host_destroy(host);
}
END_TEST

/* CVE-2022-42316: what is in force is what is said to be. */
START_TEST(test_xsa_326_cve_42316_defaults_are_in_force)
{
    static const struct {
        const char *name, *value;
    } defaults[] = {{"nodes|", "1000|"},         {"watches|", "128|"},
                    {"transactions|", "10|"},    {"node-size|", "2048|"},
                    {"node-permissions|", "5|"}, {"path-max|", "2048|"},
                    {"outstanding|", "20|"},     {"transaction-nodes|", "1024|"},
                    {"memory|", "2621440|"},     {"soft-memory|", "2097152|"}};
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    char path[64];
    uint32_t tx;
    int made;

    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        suite_expect(host->dom0, 0, WIRE_GET_QUOTA, defaults[i].name, defaults[i].value);
    for (made = 0; client_begin(guest, &tx) == 0; made++)
        ck_assert_int_lt(made, 100);
    ck_assert_int_eq(made, 10);
    for (made = 0; made < 1000; made++) {
        snprintf(path, sizeof(path), "w%d", made);
        if (client_watch(guest, path, "t") != 0)
            break;
    }
    ck_assert_int_eq(made, 128);
    FAILS(client_watch(guest, path, "t"), ENOSPC);
    FAILS(client_set_perms(guest, 0, "/local/domain/3", "n3|r0|r1|r2|r4|r5"), ENOSPC);
    OK(client_set_perms(guest, 0, "/local/domain/3", "n3|r0|r1|r2|r4"));
    OK(client_write_fill(guest, 0, "v", 'x', 1900));
    FAILS(client_write_fill(guest, 0, "v", 'x', 2049), ENOSPC);
    host_destroy(host);
}
END_TEST

/* CVE-2022-42317: a flood in one go is bounded from its first request on. */
START_TEST(test_xsa_326_cve_42317_bounded_before_any_work)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    uint32_t tx;

    OK(client_begin(guest, &tx));
    guest->deaf = true;
    post(guest, WIRE_WATCH, "a\0t", 4, 2000);
    post(guest, WIRE_TRANSACTION_START, "", 1, 2000);
    ck_assert_int_le(suite_counter(host, 3, "transactions"), 10);
    ck_assert_int_le(suite_counter(host, 3, "outstanding"), 20);
    ck_assert_int_le(suite_counter(host, 3, "watches"), 128);
    ck_assert_int_le(suite_counter(host, 3, "memory"), 200000);
    host_destroy(host);
}
END_TEST

/* CVE-2022-42318: queues of answers and events are bounded for each connection. */
START_TEST(test_xsa_326_cve_42318_bounded_queues)
{
    struct host *host = host_create(&(struct host_config){.store_pages = 8192});
    struct client *guest[6], *other = suite_guest(host, 9);
    char path[128];

    for (unsigned g = 0; g < 6; g++) {
        guest[g] = suite_guest(host, (domid_t)(2 + g));
        for (int i = 0; i < 50; i++) {
            snprintf(path, sizeof(path), "%0100d", i);
            OK(client_watch(guest[g], "@releaseDomain", path));
            OK(client_watch(guest[g], "d", path));
        }
        guest[g]->deaf = true;
    }
    for (int round = 0; round < 150; round++) {
        host_kill(host, host_guest(host, 20));
        for (unsigned g = 0; g < 6; g++) {
            snprintf(path, sizeof(path), "/local/domain/%u/d/%0100d", 2 + g, round);
            OK(client_write(host->dom0, 0, path, "x"));
            post(guest[g], WIRE_READ, "d", 2, 5);
        }
    }
    for (unsigned g = 0; g < 6; g++)
        ck_assert_int_le(suite_counter(host, 2 + g, "memory"), MEMORY_BOUND);
    OK(client_write(other, 0, "x", "1"));
    host_check(host);
    host_destroy(host);
}
END_TEST

TCase *advisory_326_cases(void)
{
    TCase *tcase = tcase_create("advisories: memory");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_xsa_326_cve_42311_unread_events);
    tcase_add_test(tcase, test_xsa_326_cve_42312_outstanding_requests);
    tcase_add_test(tcase, test_xsa_326_cve_42313_node_accounting);
    tcase_add_test(tcase, test_xsa_326_cve_42314_nodes_in_a_transaction);
    tcase_add_test(tcase, test_xsa_326_cve_42315_memory_accounting);
    tcase_add_test(tcase, test_xsa_326_cve_42316_defaults_are_in_force);
    tcase_add_test(tcase, test_xsa_326_cve_42317_bounded_before_any_work);
    tcase_add_test(tcase, test_xsa_326_cve_42318_bounded_queues);
    return tcase;
}
