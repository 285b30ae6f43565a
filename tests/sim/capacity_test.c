/* SPDX-License-Identifier: ISC */
/*
 * What fits: the guests that a service of a given size is promised to serve, each with a ring,
 * nodes as a toolstack makes them, and watches. The pages are what the service finds free on Xen in
 * a domain of that size (CONTROL memreport's pages-total and its reserve).
 */
#include "expect.h"
#include "host.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGES_IN_8_MIB  1720U
#define PAGES_IN_32_MIB 7600U
#define FIRST_DOMID     2U
#define NODES           100U
#define WATCHES         8U
#define MANY_GUESTS     100U /* too many to have the deaths of all looked at */

/* /local/domain/N with devices in directories of ten nodes, as libxl leaves it. */
static void make_nodes(struct host *host, domid_t domid)
{
    char path[96], perms[16];

    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    snprintf(perms, sizeof(perms), "n%u", domid);
    ck_assert_int_eq(client_mkdir(host->dom0, 0, path), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, path, perms), 0);
    /* The directories count, too: one for the domain, nine below it, ten nodes in each but one. */
    for (unsigned node = 0; node < NODES - 10; node++) {
        snprintf(path, sizeof(path), "/local/domain/%u/device-%u/key-%u", domid, node / 10,
                 node % 10);
        EXPECT(!client_write(host->dom0, 0, path, "some-value-12345"), "no room for %s", path);
    }
}

static void serve_guests(unsigned pages, unsigned guests)
{
    struct host *host = host_create(&(struct host_config){.store_pages = pages});
    char report[WIRE_PAYLOAD_MAX + 1], path[64];

    for (unsigned i = 0; i < guests; i++) {
        domid_t domid = (domid_t)(FIRST_DOMID + i);
        struct client *guest = host_guest(host, domid);

        make_nodes(host, domid);
        for (unsigned watch = 0; watch < WATCHES; watch++) {
            snprintf(path, sizeof(path), "device-%u", watch);
            ck_assert_int_eq(client_watch(guest, path, "a-token-of-a-guest"), 0);
        }
        ck_assert_int_eq(client_write(guest, 0, "device-0/key-0", "changed"), 0);
    }

    ck_assert_int_eq(host_control(host, "memreport", report), 0);
    printf("%u guests of %u nodes and %u watches in %u pages: %ld used, %ld bytes\n", guests, NODES,
           WATCHES, pages, host_counter(report, "pages-used"), host_counter(report, "bytes-used"));
    ck_assert_int_eq(host_counter(report, "allocation-failures"), 0);
    ck_assert_int_ge(host_counter(report, "nodes"), (long)guests * NODES);
    ck_assert_int_eq(host_counter(report, "events-dropped"), 0);
    host_check(host);
    /* Each death looks through all that is left. */
    if (guests > MANY_GUESTS)
        ck_assert_int_eq(client_rm(host->dom0, 0, "/local"), 0);
    host_destroy(host);
}

START_TEST(test_50_guests_in_8_mib)
{
    serve_guests(PAGES_IN_8_MIB, 50);
}
END_TEST

START_TEST(test_1000_guests_in_32_mib)
{
    serve_guests(PAGES_IN_32_MIB, 1000);
}
END_TEST

/* Each guest takes what it is given, and the last one still gets a share, as does dom0. */
START_TEST(test_greedy_guests_leave_room)
{
    struct host *host = host_create(&(struct host_config){.store_pages = PAGES_IN_8_MIB});
    char path[64], report[WIRE_PAYLOAD_MAX + 1];
    struct client *modest;
    uint32_t tx;

    for (domid_t domid = FIRST_DOMID; domid < FIRST_DOMID + 20; domid++) {
        struct client *greedy = host_guest(host, domid);
        int error = 0;

        make_nodes(host, domid);
        for (unsigned i = 0; i < 900 && !error; i++) {
            snprintf(path, sizeof(path), "device-0/big-%u", i);
            error = client_write_fill(greedy, 0, path, 'x', 2000);
        }
        for (unsigned i = 0; i < 8; i++) {
            error = client_begin(greedy, &tx);
            for (unsigned write = 0; write < 300 && !error; write++)
                error = client_write_fill(greedy, tx, "device-0/big-0", 'y', 2000);
        }
        ck_assert_int_eq(error, ENOMEM);
    }

    modest = host_guest(host, FIRST_DOMID + 20);
    make_nodes(host, FIRST_DOMID + 20);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(path, sizeof(path), "device-0/own-%u", i);
        ck_assert_int_eq(client_write(modest, 0, path, "value"), 0);
        ck_assert_int_eq(client_watch(modest, path, "token"), 0);
    }
    ck_assert_int_eq(host_control(host, "memreport", report), 0);
    printf("beside 20 greedy guests: %ld pages used, %ld allocations failed\n",
           host_counter(report, "pages-used"), host_counter(report, "allocation-failures"));
    ck_assert_int_eq(host_counter(report, "allocation-failures"), 0);
    host_check(host);
    host_destroy(host);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("capacity");
    TCase *fits = tcase_create("fits");
    SRunner *runner;
    int failed;

    tcase_set_timeout(fits, 240);
    tcase_add_test(fits, test_50_guests_in_8_mib);
    tcase_add_test(fits, test_1000_guests_in_32_mib);
    tcase_add_test(fits, test_greedy_guests_leave_room);
    suite_add_tcase(suite, fits);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
