/* SPDX-License-Identifier: ISC */
/* Control clients while memory or the hypervisor fails once: they are refused or served, and are
   served again afterwards. */
#include "remote.h"
#include "sweep.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <hv/time.h>

/* An error that a failure explains: the nodes may be missing for a while, or come back while a
   transaction removes them. */
static void allow(int error)
{
    ck_assert_msg(error == 0 || error == ENOMEM || error == ENOENT || error == EAGAIN, "error %d",
                  error);
}

static void ask(struct remote_client *client, uint16_t type)
{
    struct remote_frame frame;

    allow(remote_call(client, type, &frame));
    while (frame.header.kind == CONTROL_ITEM && remote_take(client, &frame)) {
    }
}

/* What a client asks, and what happens to the nodes meanwhile. */
static void play(struct host *host, struct client *guest, struct remote_client *client)
{
    struct remote_request request;
    uint32_t tx;

    ask(client, CONTROL_T_STATUS);
    ask(client, CONTROL_T_STORE_STATS);
    ask(client, CONTROL_T_STORE_QUOTA);
    ask(client, CONTROL_T_STATS);
    remote_begin(client, &request, CONTROL_T_STORE_TRACE, CONTROL_REQUEST);
    remote_send(client, &request);
    allow(client_watch(host->dom0, REMOTE_PATH, "token"));
    allow(client_rm(host->dom0, 0, "/local/domain/1/data"));
    allow(client_write(host->dom0, 0, REMOTE_PATH "/ring-ref", "77"));
    allow(client_set_perms(host->dom0, 0, REMOTE_PATH, "b0"));
    allow(client_begin(host->dom0, &tx));
    if (tx) {
        allow(client_rm(host->dom0, tx, "/local"));
        allow(client_end(host->dom0, tx, true));
    }
    allow(client_call(guest, 0, WIRE_GET_DOMAIN_PATH, "1|", NULL));
}

/* Whatever happened, in a while a client is served, and nothing is left behind. */
static void check_recovered(struct host *host, struct remote_client *client)
{
    struct remote_frame frame;

    host_pass(host, 5 * HV_SEC);
    remote_close(client);
    client = remote_open(host);
    ck_assert_int_eq(remote_call(client, CONTROL_T_STATUS, &frame), 0);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_HEALTH), CONTROL_HEALTHY);
    remote_close(client);
    host_pass(host, 5 * HV_SEC);
    host_destroy(host);
}

START_TEST(test_each_allocation_fails_control)
{
    uint64_t nth = 1;
    bool struck;

    do {
        struct host *host = host_create(&(struct host_config){.control = true});
        struct client *guest = host_guest(host, 5);
        struct remote_client *client = remote_open(host);

        sweep_arm(nth++, _i ? 4 : 1);
        play(host, guest, client);
        struck = sweep_disarm();
        check_recovered(host, client);
    } while (struck);
    fprintf(stderr, "control: each of %llu allocations failed\n", (unsigned long long)nth - 2);
    ck_assert_uint_gt(nth, 30);
}
END_TEST

START_TEST(test_each_hypercall_fails_control)
{
    uint64_t nth = 1;
    bool struck;

    do {
        struct host *host = host_create(&(struct host_config){.control = true});
        struct client *guest = host_guest(host, 5);
        struct remote_client *client;

        sim_fail_nth(host->sim, nth);
        client = remote_open(host); /* takes a ring, so that the next one is published */
        play(host, guest, client);
        host_pass(host, 5 * HV_SEC);
        struck = sim_fault_points(host->sim) >= nth++;
        sim_fail_nth(host->sim, 0);
        check_recovered(host, client);
    } while (struck);
    fprintf(stderr, "control: each of %llu hypercalls failed\n", (unsigned long long)nth - 2);
    ck_assert_uint_gt(nth, 3);
}
END_TEST

/* Without memory for the control plane XenStore serves all the same. */
START_TEST(test_start_fails_control)
{
    unsigned refused = 0;
    bool struck;

    for (uint64_t nth = 1;; nth++) {
        struct host *host = host_create(&(struct host_config){.control = true, .lenient = true});
        struct sim_usage usage;

        sweep_arm(nth, 1);
        int error = host_start(host);
        struck = sweep_disarm();
        if (error == 0) {
            host_check(host);
            xenstored_destroy(host->xs);
        } else {
            refused++;
        }
        sim_usage(host->store, &usage);
        ck_assert_uint_eq(usage.pages, 0);
        ck_assert_uint_eq(usage.ports, 0);
        ck_assert_uint_eq(usage.grants, 0);
        client_free(host->dom0);
        sim_destroy(host->sim);
        free(host);
        if (!struck)
            break;
    }
    ck_assert_uint_gt(refused, 3);
}
END_TEST

TCase *sweep_control_case(void)
{
    TCase *cases = tcase_create("control");

    tcase_set_timeout(cases, 600);
    tcase_add_loop_test(cases, test_each_allocation_fails_control, 0, 2);
    tcase_add_test(cases, test_each_hypercall_fails_control);
    tcase_add_test(cases, test_start_fails_control);
    return cases;
}
