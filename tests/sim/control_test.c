/* SPDX-License-Identifier: ISC */
/* What dom0's tools ask of the service over a vchan, beside what its other clients do. */
#include "control_suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hv/time.h>

struct host *control_start(void)
{
    return host_create(&(struct host_config){.seed = 1, .control = true});
}

void control_finish(struct host *host)
{
    host_pass(host, 5 * HV_SEC);
    host_destroy(host);
}

/* --- publishing ---------------------------------------------------------------------------------
 */

static void check_published(struct host *host, const char *ring_ref, const char *port)
{
    char perms[WIRE_PAYLOAD_MAX + 1];
    static const char *const paths[] = {REMOTE_PATH, REMOTE_PATH "/ring-ref",
                                        REMOTE_PATH "/event-channel"};

    ck_assert_str_eq(client_value(host->dom0, 0, REMOTE_PATH "/ring-ref"), ring_ref);
    ck_assert_str_eq(client_value(host->dom0, 0, REMOTE_PATH "/event-channel"), port);
    for (unsigned i = 0; i < 3; i++) {
        char payload[128];

        snprintf(payload, sizeof(payload), "%s|", paths[i]);
        client_text(host->dom0, 0, WIRE_GET_PERMS, payload, perms);
        ck_assert_str_eq(perms, "n1|r0|");
    }
    client_text(host->dom0, 0, WIRE_GET_PERMS, "/local/domain/1|", perms);
    ck_assert_str_eq(perms, "n0|");
}

START_TEST(nodes_are_published_and_put_back)
{
    struct host *host = control_start();
    char ring_ref[16], port[16];
    struct remote_client *client;
    struct remote_frame frame;
    uint32_t tx;

    snprintf(ring_ref, sizeof(ring_ref), "%s",
             client_value(host->dom0, 0, REMOTE_PATH "/ring-ref"));
    snprintf(port, sizeof(port), "%s", client_value(host->dom0, 0, REMOTE_PATH "/event-channel"));
    check_published(host, ring_ref, port);

    /* As init-xenstore-domain and `atoll start` do it. */
    ck_assert_int_eq(client_write(host->dom0, 0, "/local/domain/1/name", "xenstored"), 0);
    ck_assert_int_eq(client_write(host->dom0, 0, "/local/domain/1/domid", "1"), 0);
    check_published(host, ring_ref, port);

    ck_assert_int_eq(client_rm(host->dom0, 0, REMOTE_PATH "/ring-ref"), 0);
    check_published(host, ring_ref, port);
    ck_assert_int_eq(client_rm(host->dom0, 0, "/local/domain/1/data"), 0);
    check_published(host, ring_ref, port);
    ck_assert_int_eq(client_rm(host->dom0, 0, "/local"), 0);
    check_published(host, ring_ref, port);
    ck_assert_int_eq(client_write(host->dom0, 0, REMOTE_PATH "/ring-ref", "7"), 0);
    check_published(host, ring_ref, port);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, REMOTE_PATH, "b0"), 0);
    check_published(host, ring_ref, port);
    ck_assert_int_eq(client_begin(host->dom0, &tx), 0);
    ck_assert_int_eq(client_rm(host->dom0, tx, REMOTE_PATH), 0);
    ck_assert_int_eq(client_end(host->dom0, tx, true), 0);
    check_published(host, ring_ref, port);

    client = remote_open(host);
    ck_assert_int_eq(remote_call(client, CONTROL_T_STATUS, &frame), 0);
    remote_close(client);
    control_finish(host);
}
END_TEST

START_TEST(watchers_are_told_of_a_new_ring)
{
    struct host *host = control_start();
    struct wire_message event;
    struct remote_client *client;
    unsigned events = 0;

    ck_assert_int_eq(client_watch(host->dom0, REMOTE_PATH, "token"), 0);
    client_clear(host->dom0);
    client = remote_open(host);
    while (client_take(host->dom0, true, &event))
        events++;
    ck_assert_uint_eq(events, 2);
    remote_close(client);
    control_finish(host);
}
END_TEST

/* --- STATUS and STOP ----------------------------------------------------------------------------
 */

START_TEST(status_says_when_memory_is_short)
{
    struct host *host = control_start();
    struct remote_client *client = remote_open(host);
    struct remote_frame frame;
    unsigned files = 0;

    ck_assert_int_eq(remote_call(client, CONTROL_T_STATUS, &frame), 0);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_HEALTH), CONTROL_HEALTHY);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_CONNECTIONS), 1);
    ck_assert_str_eq(remote_text(&frame, CONTROL_F_PROGRAM_VERSION), "1.2.3");
    ck_assert_str_eq(remote_text(&frame, CONTROL_F_TEXT), "");
    for (;;) {
        char path[32];

        snprintf(path, sizeof(path), "/fill/%u", files);
        ck_assert_int_eq(client_write_fill(host->dom0, 0, path, 'x', 3000), 0);
        if (files++ % 100 != 0)
            continue;
        ck_assert_int_eq(remote_call(client, CONTROL_T_STATUS, &frame), 0);
        if (remote_number(&frame, CONTROL_F_HEALTH) != CONTROL_HEALTHY)
            break;
        ck_assert_uint_lt(files, 4000);
    }
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_HEALTH), CONTROL_DEGRADED);
    ck_assert(strstr(remote_text(&frame, CONTROL_F_TEXT), "memory is short") != NULL);
    ck_assert_uint_gt(remote_number(&frame, CONTROL_F_MEMORY_USED),
                      remote_number(&frame, CONTROL_F_MEMORY_TOTAL) * 3 / 4);
    ck_assert_int_eq(client_rm(host->dom0, 0, "/fill"), 0);
    ck_assert_int_eq(remote_call(client, CONTROL_T_STATUS, &frame), 0);
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_HEALTH), CONTROL_HEALTHY);
    remote_close(client);
    control_finish(host);
}
END_TEST

START_TEST(stop_is_refused)
{
    struct host *host = control_start();
    struct remote_client *client = remote_open(host);
    struct remote_frame frame;

    ck_assert_int_eq(remote_call(client, CONTROL_T_STOP, &frame), EPERM);
    ck_assert(strstr(remote_text(&frame, CONTROL_F_TEXT), "without a reboot") != NULL);
    host_pass(host, 10 * HV_SEC);
    host_check(host);
    remote_close(client);
    control_finish(host);
}
END_TEST

static bool stepped;

static uint64_t note_step(void *context)
{
    stepped = true;
    return xenstored_step(context);
}

START_TEST(stop_by_force_ends_the_domain)
{
    struct host *host = control_start();
    struct remote_client *client = remote_open(host);
    struct remote_request request;
    struct remote_frame frame;

    remote_begin(client, &request, CONTROL_T_STOP, CONTROL_REQUEST);
    control_put_number(&request.writer, CONTROL_F_FORCE, 1);
    ck_assert_int_eq(remote_ask(client, &request, &frame), 0);
    /* It has read the reply: the domain ends. */
    remote_close(client);
    sim_set_actor(host->store, note_step, host->xs);
    stepped = false;
    sim_run(host->sim, sim_now(host->sim) + 10 * HV_SEC, 1000);
    ck_assert(!stepped);

    xenstored_destroy(host->xs);
    client_free(host->dom0);
    sim_destroy(host->sim);
    free(host);
}
END_TEST

TCase *control_basic_case(void)
{
    TCase *cases = tcase_create("basic");

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, nodes_are_published_and_put_back);
    tcase_add_test(cases, watchers_are_told_of_a_new_ring);
    tcase_add_test(cases, status_says_when_memory_is_short);
    tcase_add_test(cases, stop_is_refused);
    tcase_add_test(cases, stop_by_force_ends_the_domain);
    return cases;
}

int main(void)
{
    Suite *suite = suite_create("xenstored and its control clients");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, control_basic_case());
    suite_add_tcase(suite, control_store_case());
    suite_add_tcase(suite, control_trace_case());
    suite_add_tcase(suite, control_hostile_case());
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
