/* SPDX-License-Identifier: ISC */
/* Advisories of domains that come and go: XSA-233, 322, 325, 417, 419, 425, 483. */
#include "suite.h"

#include <stdio.h>
#include <string.h>

/* A domain and the one that acts for it die at once. */
START_TEST(test_xsa_233_domain_and_its_stubdom_die_together)
{
    struct host *host = host_create(NULL);
    struct client *guest, *stub;

    OK(client_watch(host->dom0, "@releaseDomain", "r"));
    for (int round = 0; round < 4; round++) {
        struct hv *first, *second;

        guest = suite_guest(host, 3);
        stub = suite_guest(host, 4);
        OK(client_call(host->dom0, 0, WIRE_SET_TARGET, "4|3|", NULL));
        if (round >= 2)
            OK(client_call(host->dom0, 0, WIRE_SET_TARGET, "3|4|", NULL));
        OK(client_write(stub, 0, "/local/domain/3/x", "1"));
        client_clear(host->dom0);
        first = round % 2 ? stub->hv : guest->hv;
        second = round % 2 ? guest->hv : stub->hv;
        /* Both are gone before the service looks. */
        for (unsigned i = 0; i < HOST_CLIENTS; i++)
            if (host->client[i] == guest || host->client[i] == stub)
                host->client[i] = NULL;
        client_free(guest);
        client_free(stub);
        sim_domain_destroy(first);
        sim_domain_destroy(second);
        host_run(host);
        ck_assert_uint_ge(client_waiting(host->dom0, true), 1);
        suite_expect(host->dom0, 0, WIRE_IS_DOMAIN_INTRODUCED, "3|", "F|");
        suite_expect(host->dom0, 0, WIRE_IS_DOMAIN_INTRODUCED, "4|", "F|");
        host_check(host);
    }
    /* One after the other, in both orders, with the target named by the one that stays. */
    guest = suite_guest(host, 3);
    stub = suite_guest(host, 4);
    OK(client_call(host->dom0, 0, WIRE_SET_TARGET, "4|3|", NULL));
    host_kill(host, guest);
    suite_alive(stub);
    guest = suite_guest(host, 3);
    FAILS(client_write(stub, 0, "/local/domain/3/x", "1"), EACCES);
    OK(client_call(host->dom0, 0, WIRE_SET_TARGET, "4|3|", NULL));
    host_kill(host, stub);
    suite_alive(guest);
    host_destroy(host);
}
END_TEST

/* "/" does not go with its owner, and falls to nobody who is named behind it. */
START_TEST(test_xsa_322_owner_of_the_root_dies)
{
    static const char *const perms[] = {"n3", "n3|r4", "n3|b4|r3"};

    for (size_t i = 0; i < sizeof(perms) / sizeof(perms[0]); i++) {
        struct host *host = host_create(NULL);
        struct client *guest = suite_guest(host, 3), *other = suite_guest(host, 4);

        OK(client_set_perms(host->dom0, 0, "/", perms[i]));
        OK(client_write(guest, 0, "/made", "by its owner"));
        host_kill(host, guest);
        suite_expect(host->dom0, 0, WIRE_GET_PERMS, "/|", "n0|");
        suite_expect(host->dom0, 0, WIRE_READ, "/made|", "ENOENT");
        FAILS(client_write(other, 0, "/x", "1"), EACCES);
        suite_alive(other);
        host_check(host);
        host_destroy(host);
    }
}
END_TEST

/* A new domain has nothing of the one that had its number. */
START_TEST(test_xsa_322_reused_domid_inherits_nothing)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    uint32_t tx;

    OK(client_write(host->dom0, 0, "/shared", "x"));
    OK(client_set_perms(host->dom0, 0, "/shared", "n0|b3"));
    OK(client_write(host->dom0, 0, "/given", "x"));
    OK(client_set_perms(host->dom0, 0, "/given", "n3"));
    OK(client_set_perms(host->dom0, 0, "@introduceDomain", "n0|r3"));
    OK(client_watch(guest, "/shared", "old"));
    OK(client_begin(guest, &tx));
    OK(client_write(guest, tx, "in-tx", "x"));
    ck_assert_str_eq(client_value(guest, 0, "/shared"), "x");
    host_kill(host, guest);

    suite_expect(host->dom0, 0, WIRE_GET_PERMS, "/shared|", "n0|");
    suite_expect(host->dom0, 0, WIRE_READ, "/given|", "ENOENT");
    suite_expect(host->dom0, 0, WIRE_READ, "/local/domain/3|", "ENOENT");
    suite_expect(host->dom0, 0, WIRE_GET_PERMS, "@introduceDomain|", "n0|");

    guest = host_guest(host, 3);
    suite_expect(guest, 0, WIRE_READ, "/shared|", "EACCES");
    suite_expect(guest, tx, WIRE_READ, "/shared|", "ENOENT"); /* no such transaction */
    OK(client_watch(guest, "@introduceDomain", "i"));
    client_clear(guest);
    OK(client_write(host->dom0, 0, "/shared", "y"));
    host_guest(host, 4);
    suite_expect_quiet(guest);
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), 0);
    host_destroy(host);
}
END_TEST

/* The end of a connection is not the end of a domain. */
START_TEST(test_xsa_325_record_stays_until_real_death)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    uint32_t header[4] = {WIRE_READ, 1, 0, 5000};

    OK(client_watch(host->dom0, "@releaseDomain", "r"));
    OK(client_write(guest, 0, "x", "1"));
    client_clear(host->dom0);
    client_send_raw(guest, header, sizeof(header));
    host_run(host);
    suite_dead(guest, 3);
    suite_expect_quiet(host->dom0);
    suite_expect(host->dom0, 0, WIRE_IS_DOMAIN_INTRODUCED, "3|", "T|");
    ck_assert_str_eq(client_value(host->dom0, 0, "/local/domain/3/x"), "1");
    host_kill(host, guest);
    suite_expect_event(host->dom0, "@releaseDomain|r|");
    suite_expect(host->dom0, 0, WIRE_IS_DOMAIN_INTRODUCED, "3|", "F|");
    suite_expect(host->dom0, 0, WIRE_READ, "/local/domain/3/x|", "ENOENT");
    /* It is no zombie: the number can be had again at once. */
    suite_alive(suite_guest(host, 3));
    host_destroy(host);
}
END_TEST

/* An entry that was made for nobody does not count for a domain that comes later. */
START_TEST(test_xsa_417_permissions_older_than_the_domain)
{
    struct host *host = host_create(NULL);

    OK(client_write(host->dom0, 0, "/early", "x"));
    OK(client_set_perms(host->dom0, 0, "/early", "n0|b3"));
    struct client *guest = host_guest(host, 3);
    suite_expect(guest, 0, WIRE_READ, "/early|", "EACCES");
    suite_expect(guest, 0, WIRE_WRITE, "/early/x|1", "EACCES");
    OK(client_write(host->dom0, 0, "/early", "y"));
    suite_expect(guest, 0, WIRE_READ, "/early|", "EACCES");
    OK(client_write(host->dom0, 0, "/early/child", "z"));
    suite_expect(guest, 0, WIRE_READ, "/early/child|", "EACCES");
    FAILS(client_set_perms(host->dom0, 0, "/early", "n4"), ENOENT);
    OK(client_set_perms(host->dom0, 0, "/early", "n0|b3"));
    suite_expect(guest, 0, WIRE_READ, "/early|", "y");
    host_destroy(host);
}
END_TEST

/* Cooperating guests cannot leave nodes behind that nobody pays for. */
START_TEST(test_xsa_419_nodes_of_dead_domains_are_removed)
{
    struct host *host = host_create(NULL);
    struct client *keeper = suite_guest(host, 3);
    char path[64];

    long dom0_nodes = suite_counter(host, 0, "nodes");
    for (int round = 0; round < 6; round++) {
        struct client *guest = host_guest(host, (domid_t)(4 + round % 2));

        OK(client_set_perms(host->dom0, 0, "/local/domain/3", round % 2 ? "n3|b5" : "n3|b4"));
        for (int i = 0; i < 50; i++) {
            snprintf(path, sizeof(path), "/local/domain/3/r%d/n%d", round, i);
            OK(client_write(guest, 0, path, "x"));
        }
        host_kill(host, guest);
        suite_expect(keeper, 0, WIRE_DIRECTORY, "/local/domain/3|", "");
    }
    ck_assert_int_eq(suite_counter(host, 0, "nodes"), dom0_nodes);
    ck_assert_int_eq(suite_counter(host, 3, "nodes"), 1);
    host_destroy(host);
}
END_TEST

/* RELEASE while the domain has requests in flight, transactions and watches. */
START_TEST(test_xsa_425_release_with_requests_in_flight)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    uint8_t burst[1024];
    uint32_t tx;

    for (int round = 0; round < 10; round++) {
        size_t length = 0;

        OK(client_begin(guest, &tx));
        OK(client_write(guest, tx, "a", "1"));
        OK(client_watch(guest, "/local", "t"));
        while (length + 32 < sizeof(burst)) {
            struct wire_message request = {.type = WIRE_WRITE, .req_id = 1, .length = 3};
            uint32_t header[4] = {request.type, request.req_id, 0, 3};

            memcpy(burst + length, header, 16);
            memcpy(burst + length + 16, "b\0x", 3);
            length += 19;
        }
        /* The last request is not whole. */
        client_push(guest, burst, length - 5);
        client_notify(guest);
        OK(client_call(host->dom0, 0, WIRE_RELEASE, "3|", NULL));
        suite_expect(host->dom0, 0, WIRE_IS_DOMAIN_INTRODUCED, "3|", "F|");
        host_check(host);
        client_clear(guest);
        guest->have = 0;
        OK(host_introduce(host, guest));
        guest->have = 0;
        client_clear(guest);
        OK(client_mkdir(host->dom0, 0, "/local/domain/3"));
        OK(client_set_perms(host->dom0, 0, "/local/domain/3", "n3"));
        suite_alive(guest);
        client_clear(guest);
        OK(client_write(host->dom0, 0, "/local/domain/3/y", "2"));
        suite_expect_quiet(guest);
    }
    host_destroy(host);
}
END_TEST

/* Counts start anew with each domain, and watches, transactions with them. */
START_TEST(test_xsa_483_counts_end_with_the_domain)
{
    struct host *host = host_create(NULL);
    char path[64];

    for (int round = 0; round < 4; round++) {
        struct client *guest = suite_guest(host, 3);
        uint32_t tx;

        for (int i = 0; i < 900; i++) {
            snprintf(path, sizeof(path), "%d/%d", i / 90, i);
            OK(client_write(guest, 0, path, "x"));
        }
        for (int i = 0; i < 120; i++) {
            snprintf(path, sizeof(path), "w%d", i);
            OK(client_watch(guest, path, "t"));
        }
        for (int i = 0; i < 9; i++)
            OK(client_begin(guest, &tx));
        host_kill(host, guest);
        OK(client_call(host->dom0, 0, WIRE_MKDIR, "/local|", NULL));
    }
    host_destroy(host);
}
END_TEST

TCase *advisory_domain_cases(void)
{
    TCase *tcase = tcase_create("advisories: domains");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_xsa_233_domain_and_its_stubdom_die_together);
    tcase_add_test(tcase, test_xsa_322_owner_of_the_root_dies);
    tcase_add_test(tcase, test_xsa_322_reused_domid_inherits_nothing);
    tcase_add_test(tcase, test_xsa_325_record_stays_until_real_death);
    tcase_add_test(tcase, test_xsa_417_permissions_older_than_the_domain);
    tcase_add_test(tcase, test_xsa_419_nodes_of_dead_domains_are_removed);
    tcase_add_test(tcase, test_xsa_425_release_with_requests_in_flight);
    tcase_add_test(tcase, test_xsa_483_counts_end_with_the_domain);
    return tcase;
}
