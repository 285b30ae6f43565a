/* SPDX-License-Identifier: ISC */
/* Advisories of what a guest may use up: XSA-206, 272, 330, 349, 414, 416, 418. */
#include "suite.h"

#include <hv/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fill the request queue with writes of a short path. */
static void flood(struct client *guest, const char *path, unsigned number)
{
    char payload[64];
    int length = snprintf(payload, sizeof(payload), "%s", path) + 1;

    length += snprintf(payload + length, sizeof(payload) - (size_t)length, "%u", number);
    uint32_t header[4] = {WIRE_WRITE, 0x40000000U + number, 0, (uint32_t)length};
    uint32_t space = WIRE_RING_SIZE - (guest->ring->req_prod - guest->ring->req_cons);
    while (space >= 16 + (uint32_t)length) {
        client_push(guest, header, sizeof(header));
        client_push(guest, payload, (size_t)length);
        space -= 16 + (uint32_t)length;
    }
    client_notify(guest);
}

/* A guest that never stops writing cannot make dom0's transactions fail for ever. */
START_TEST(test_xsa_206_guest_cannot_starve_transactions)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    unsigned tries = 0;
    int error;

    OK(client_write(guest, 0, "x", "0"));
    for (int round = 0; round < 5; round++) {
        unsigned here = 0;

        do {
            uint32_t tx;

            OK(client_begin(host->dom0, &tx));
            flood(guest, "x", tries);
            ck_assert_ptr_nonnull(client_value(host->dom0, tx, "/local/domain/3/x"));
            OK(client_write(host->dom0, tx, "/local/domain/3/y", "1"));
            flood(guest, "x", tries);
            error = client_end(host->dom0, tx, true);
            ck_assert(error == 0 || error == EAGAIN);
            tries++;
            ck_assert_msg(++here < 100, "dom0's transaction failed 100 times in a row");
        } while (error == EAGAIN);
    }
    /* It is slowed down, not cut off. */
    host_pass(host, 10 * HV_SEC);
    suite_alive(guest);
    host_destroy(host);
}
END_TEST

START_TEST(test_xsa_272_node_quota)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    char path[64];
    int i, error = 0;

    for (i = 0; i < 3000 && error == 0; i++) {
        snprintf(path, sizeof(path), "%d/%d", i / 50, i);
        error = client_write(guest, 0, path, "x");
    }
    ck_assert_int_eq(error, ENOSPC);
    long nodes = suite_counter(host, 3, "nodes");
    ck_assert(nodes >= 998 && nodes <= 1000);
    OK(client_write(guest, 0, "0/0", "still writable"));
    OK(client_rm(guest, 0, "0/0"));
    OK(client_write(guest, 0, "0/again", "x"));
    FAILS(client_write(guest, 0, "new/one/or/two/more", "x"), ENOSPC);
    /* Others are not concerned, dom0 least of all. */
    OK(client_write(suite_guest(host, 4), 0, "x", "x"));
    OK(client_write(host->dom0, 0, "/local/domain/3/z/z/z", "x"));
    host_destroy(host);
}
END_TEST

/* RESET_WATCHES gives everything back. */
START_TEST(test_xsa_330_reset_watches_frees)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    char path[64], before[WIRE_PAYLOAD_MAX + 1], after[WIRE_PAYLOAD_MAX + 1];

    for (int round = 0; round < 50; round++) {
        uint32_t tx;

        for (int i = 0; i < 120; i++) {
            snprintf(path, sizeof(path), "%d/%d", i % 10, i);
            OK(client_watch(guest, path, "token"));
        }
        OK(client_begin(guest, &tx));
        OK(client_write(guest, tx, "y", "1"));
        OK(client_call(guest, 0, WIRE_RESET_WATCHES, "|", NULL));
        client_clear(guest);
        ck_assert_int_eq(suite_counter(host, 3, "watches"), 0);
        ck_assert_int_eq(suite_counter(host, 3, "transactions"), 0);
        OK(host_control(host, "memreport", round == 0 ? before : after));
    }
    host_compare_reports(before, after, 0);
    OK(client_write(guest, 0, "1/1", "x"));
    suite_expect_quiet(guest);
    host_destroy(host);
}
END_TEST

/* Equal events for one who does not read are one event. */
START_TEST(test_xsa_349_equal_events_coalesce)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    struct client *backend = host_attach(host, 0);

    OK(client_watch(backend, "/local/domain/3", "t"));
    client_clear(backend);
    backend->deaf = true;
    for (unsigned i = 0; i < 2000; i++) {
        char value[16];

        snprintf(value, sizeof(value), "%u", i);
        OK(client_write(guest, 0, i % 2 ? "state" : "other", value));
        if (i % 100 == 0)
            host_pass(host, HV_SEC); /* it may be held back for writing so much */
    }
    backend->deaf = false;
    host_run(host);
    size_t events = client_waiting(backend, true);
    /* What had been put into its queue before it was full, and one of each kind. */
    ck_assert_uint_ge(events, 2);
    ck_assert_uint_le(events, 1024 / 35 + 4);
    host_destroy(host);
}
END_TEST

/* Creation that fails half-way leaves nothing, in a transaction and out of it. */
START_TEST(test_xsa_414_failed_creation_is_undone)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    uint32_t tx;

    OK(client_call(host->dom0, 0, WIRE_SET_QUOTA, "3|nodes|6|", NULL));
    for (int round = 0; round < 10; round++) {
        FAILS(client_write(guest, 0, "a/b/c/d/e/f/g", "x"), ENOSPC);
        suite_expect(guest, 0, WIRE_DIRECTORY, "/local/domain/3|", "");
        OK(client_begin(guest, &tx));
        OK(client_write(guest, tx, "p/q", "x"));
        FAILS(client_write(guest, tx, "p/b/c/d/e/f/g", "x"), ENOSPC);
        FAILS(client_write_fill(guest, tx, "p/big", 'x', 3000), ENOSPC);
        suite_expect(guest, tx, WIRE_DIRECTORY, "p|", "q|");
        OK(client_end(guest, tx, false));
        suite_expect(guest, 0, WIRE_DIRECTORY, "/local/domain/3|", "");
        ck_assert_int_eq(suite_counter(host, 3, "nodes"), 1);
    }
    host_destroy(host);
}
END_TEST

/* A guest that never reads its answers costs a bounded amount, and only itself. */
START_TEST(test_xsa_416_answers_that_are_not_read)
{
    struct host *host = host_create(NULL);
    struct client *other = suite_guest(host, 9);
    struct client *guest[5];

    for (domid_t i = 0; i < 5; i++) {
        guest[i] = suite_guest(host, (domid_t)(2 + i));
        OK(client_write_fill(guest[i], 0, "big", 'x', 1900));
        guest[i]->deaf = true;
    }
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 5; i++) {
            uint32_t header[4] = {WIRE_READ, 1, 0, 4};

            while (WIRE_RING_SIZE - (guest[i]->ring->req_prod - guest[i]->ring->req_cons) >= 20) {
                client_push(guest[i], header, sizeof(header));
                client_push(guest[i], "big", 4);
            }
            client_notify(guest[i]);
        }
        OK(client_write(other, 0, "x", "1"));
    }
    for (int i = 0; i < 5; i++)
        ck_assert_int_le(suite_counter(host, guest[i]->domid, "memory"), 2621440 + 8192);
    ck_assert_str_eq(client_value(other, 0, "x"), "1");
    /* When one reads again, all of its answers come. */
    guest[0]->deaf = false;
    host_run(host);
    for (int i = 0; i < 20; i++)
        host_pass(host, HV_SEC);
    struct wire_message reply;
    ck_assert(client_take(guest[0], false, &reply));
    ck_assert_uint_eq(reply.length, 1900);
    client_clear(guest[0]);
    suite_alive(guest[0]);
    host_destroy(host);
}
END_TEST

/* As deep as a path can be: nothing recurses without a bound. */
START_TEST(test_xsa_418_deepest_path)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    char path[3001];
    size_t depth = 0;
    uint32_t tx;

    OK(client_call(host->dom0, 0, WIRE_SET_QUOTA, "3|nodes|5000|", NULL));
    for (size_t i = 0; i < 2047; i += 2) {
        memcpy(path + i, "a/", 2);
        depth++;
    }
    path[2047] = 0;
    OK(client_write(guest, 0, path, "deep"));
    ck_assert_str_eq(client_value(guest, 0, path), "deep");
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), (long)depth + 1);
    OK(client_watch(guest, path, "w"));
    host_check(host);
    OK(client_begin(guest, &tx));
    OK(client_rm(guest, tx, "a/a"));
    OK(client_write(guest, tx, path, "again"));
    OK(client_end(guest, tx, true));
    OK(client_rm(guest, 0, "a"));
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), 1);

    /* The same from dom0, and the death of an owner of it. */
    memcpy(path, "/local/domain/3/", 16);
    OK(client_write(host->dom0, 0, path, "deep"));
    OK(client_set_perms(host->dom0, 0, "/local/domain/3/a", "n3"));
    host_kill(host, guest);
    suite_expect(host->dom0, 0, WIRE_READ, path, "EINVAL");
    host_destroy(host);
}
END_TEST

TCase *advisory_quota_cases(void)
{
    TCase *tcase = tcase_create("advisories: quotas");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_xsa_206_guest_cannot_starve_transactions);
    tcase_add_test(tcase, test_xsa_272_node_quota);
    tcase_add_test(tcase, test_xsa_330_reset_watches_frees);
    tcase_add_test(tcase, test_xsa_349_equal_events_coalesce);
    tcase_add_test(tcase, test_xsa_414_failed_creation_is_undone);
    tcase_add_test(tcase, test_xsa_416_answers_that_are_not_read);
    tcase_add_test(tcase, test_xsa_418_deepest_path);
    return tcase;
}
