/* SPDX-License-Identifier: ISC */
/* What a held service has in the store outlives it, for its successor and for nobody else. */
#include "remote.h"

#include "hv/sim/sim.h"
#include "services/xenstored/hold.h"

#include <check.h>
#include <errno.h>
#include <hv/time.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE 3U
#define OTHER   4U
#define BACKEND "/local/domain/3/backend"

#define OK(call) ck_assert_int_eq((call), 0)

struct scene {
    struct host *host;
    struct remote_client *remote;
    struct client *service, *other;
};

/* A domain of the family: handles of its members differ in their last bytes. */
static struct client *boot(struct host *host, uint8_t family, uint8_t generation)
{
    struct client *client = host_boot(host, SERVICE, 0);
    uint8_t handle[16] = {0};

    handle[0] = family;
    handle[15] = generation;
    sim_domain_set_handle(client->hv, handle);
    return client;
}

static int hold(struct scene *scene, int domid, int64_t seconds)
{
    struct remote_request request;
    struct remote_frame frame;

    remote_begin(scene->remote, &request, CONTROL_T_STORE_HOLD, CONTROL_REQUEST);
    if (domid >= 0)
        control_put_number(&request.writer, CONTROL_F_DOMID, (uint64_t)domid);
    if (seconds >= 0)
        control_put_number(&request.writer, CONTROL_F_VALUE, (uint64_t)seconds);
    return remote_ask(scene->remote, &request, &frame);
}

static void expect_event(struct client *client, const char *path)
{
    struct wire_message event;

    ck_assert_msg(client_take(client, true, &event), "no event %s", path);
    ck_assert_str_eq((const char *)event.payload, path);
}

static void expect_quiet(struct client *client)
{
    struct wire_message event;

    if (client_take(client, true, &event))
        ck_abort_msg("an event: %s", (const char *)event.payload);
}

/* A service with a backend directory that another domain may read and watches, and is named in one
 * of the other's. */
static struct scene begin(int64_t seconds)
{
    struct scene s = {.host = host_create(&(struct host_config){.control = true})};
    uint32_t tx;

    s.remote = remote_open(s.host);
    s.service = boot(s.host, 'f', 1);
    OK(host_introduce(s.host, s.service));
    s.other = host_guest(s.host, OTHER);
    OK(client_mkdir(s.host->dom0, 0, BACKEND));
    OK(client_set_perms(s.host->dom0, 0, BACKEND, "n3|r4"));
    OK(client_write(s.service, 0, BACKEND "/state", "4"));
    OK(client_mkdir(s.host->dom0, 0, "/local/domain/4/device"));
    OK(client_set_perms(s.host->dom0, 0, "/local/domain/4/device", "n4|r3"));
    OK(client_watch(s.service, "/local/domain/4/device", "mine"));
    OK(client_begin(s.service, &tx));
    OK(client_watch(s.other, BACKEND "/state", "theirs"));
    OK(client_watch(s.host->dom0, "@releaseDomain", "r"));
    OK(client_watch(s.host->dom0, "@introduceDomain", "i"));
    if (seconds >= 0)
        OK(hold(&s, SERVICE, seconds));
    client_clear(s.other);
    client_clear(s.host->dom0);
    return s;
}

static void end(struct scene *s)
{
    (void)hold(s, SERVICE, 0);
    remote_close(s->remote);
    host_destroy(s->host);
}

static void check_kept(struct scene *s)
{
    char text[WIRE_PAYLOAD_MAX + 1];

    ck_assert_str_eq(client_value(s->other, 0, BACKEND "/state"), "4");
    client_text(s->other, 0, WIRE_GET_PERMS, "/local/domain/4/device|", text);
    ck_assert_str_eq(text, "n4|r3|");
    client_text(s->host->dom0, 0, WIRE_IS_DOMAIN_INTRODUCED, "3|", text);
    ck_assert_str_eq(text, "T|");
    expect_quiet(s->other);
    expect_quiet(s->host->dom0);
}

static void check_gone(struct scene *s)
{
    char text[WIRE_PAYLOAD_MAX + 1];

    expect_event(s->host->dom0, "@releaseDomain");
    ck_assert_ptr_null(client_value(s->host->dom0, 0, BACKEND "/state"));
    client_text(s->other, 0, WIRE_GET_PERMS, "/local/domain/4/device|", text);
    ck_assert_str_eq(text, "n4|");
}

START_TEST(test_a_successor_finds_all_but_its_connection)
{
    struct scene s = begin(10);
    char text[WIRE_PAYLOAD_MAX + 1];

    for (uint8_t generation = 2; generation < 5; generation++) {
        host_kill(s.host, s.service);
        check_kept(&s);
        host_pass(s.host, 9 * HV_SEC);
        s.service = boot(s.host, 'f', generation);
        check_kept(&s);
        OK(host_introduce(s.host, s.service));
        host_pass(s.host, 20 * HV_SEC);
        check_kept(&s);
        /* Its predecessor's watch and transaction have gone. */
        OK(client_write(s.other, 0, "/local/domain/4/device/x", "1"));
        expect_quiet(s.service);
        ck_assert_int_eq(client_write(s.service, 1, BACKEND "/y", "1"), ENOENT);
        OK(client_write(s.service, 0, BACKEND "/state", "4"));
        expect_event(s.other, BACKEND "/state");
        client_text(s.service, 0, WIRE_DIRECTORY, "/local/domain/4/device|", text);
        ck_assert_str_eq(text, "x|");
        host_check(s.host);
    }
    end(&s);
}
END_TEST

START_TEST(test_without_a_successor_it_goes_when_the_time_is_over)
{
    struct scene s = begin(10);

    host_kill(s.host, s.service);
    host_pass(s.host, 9900 * HV_MSEC);
    check_kept(&s);
    host_pass(s.host, 200 * HV_MSEC);
    check_gone(&s);
    end(&s);
}
END_TEST

START_TEST(test_an_operator_gives_it_longer)
{
    struct scene s = begin(10);

    host_kill(s.host, s.service);
    host_pass(s.host, 5 * HV_SEC);
    OK(hold(&s, SERVICE, 30));
    host_pass(s.host, 20 * HV_SEC);
    check_kept(&s);
    host_pass(s.host, 11 * HV_SEC);
    check_gone(&s);
    end(&s);
}
END_TEST

START_TEST(test_an_operator_ends_the_hold)
{
    struct scene s = begin(10);

    host_kill(s.host, s.service);
    OK(hold(&s, SERVICE, 0));
    check_gone(&s);
    ck_assert_int_eq(hold(&s, SERVICE, 10), ENOENT);
    end(&s);
}
END_TEST

/* It crashes and stays: that, too, is told when the time is over, and not before. */
START_TEST(test_a_crash_is_not_told)
{
    struct scene s = begin(10);

    host_shutdown(s.host, s.service, 3);
    host_pass(s.host, 5 * HV_SEC);
    check_kept(&s);
    host_pass(s.host, 6 * HV_SEC);
    expect_event(s.host->dom0, "@releaseDomain");
    host_kill(s.host, s.service);
    check_gone(&s);
    end(&s);
}
END_TEST

/* Whoever else gets the domid, with time or without, inherits nothing. */
START_TEST(test_a_stranger_inherits_nothing)
{
    struct scene s = begin(10);
    char text[WIRE_PAYLOAD_MAX + 1];

    host_kill(s.host, s.service);
    s.service = boot(s.host, 'x', 2);
    OK(host_introduce(s.host, s.service));
    check_gone(&s);
    expect_event(s.host->dom0, "@introduceDomain");
    client_text(s.service, 0, WIRE_DIRECTORY, "/local/domain/4/device|", text);
    ck_assert_str_eq(text, "EACCES");
    host_kill(s.host, s.service);
    expect_event(s.host->dom0, "@releaseDomain"); /* it is not held */
    end(&s);

    s = begin(10);
    host_kill(s.host, s.service);
    s.service = boot(s.host, 'x', 2);
    host_pass(s.host, 11 * HV_SEC);
    check_gone(&s);
    OK(host_introduce(s.host, s.service));
    expect_event(s.host->dom0, "@introduceDomain");
    end(&s);
}
END_TEST

START_TEST(test_an_introduction_of_nobody_changes_nothing)
{
    struct scene s = begin(10);

    host_kill(s.host, s.service);
    ck_assert_int_eq(client_call(s.host->dom0, 0, WIRE_INTRODUCE, "3|1|5|", NULL), EINVAL);
    ck_assert_int_eq(client_call(s.host->dom0, 0, WIRE_SET_TARGET, "3|4|", NULL), ENOENT);
    check_kept(&s);
    OK(client_call(s.host->dom0, 0, WIRE_RELEASE, "3|", NULL));
    check_gone(&s);
    end(&s);
}
END_TEST

START_TEST(test_who_may_be_held)
{
    struct scene s = begin(-1);

    ck_assert_int_eq(hold(&s, -1, 10), EINVAL);
    ck_assert_int_eq(hold(&s, 0, 10), EINVAL);
    ck_assert_int_eq(hold(&s, 1, 10), EINVAL);
    ck_assert_int_eq(hold(&s, 9, 10), ENOENT);
    ck_assert_int_eq(hold(&s, SERVICE, -1), EINVAL);
    ck_assert_int_eq(hold(&s, SERVICE, HOLD_MAX + 1), EINVAL);
    OK(hold(&s, SERVICE, HOLD_MAX));
    OK(hold(&s, SERVICE, 0));
    host_kill(s.host, s.service);
    check_gone(&s);
    end(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hold");
    TCase *tcase = tcase_create("hold");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_a_successor_finds_all_but_its_connection);
    tcase_add_test(tcase, test_without_a_successor_it_goes_when_the_time_is_over);
    tcase_add_test(tcase, test_an_operator_ends_the_hold);
    tcase_add_test(tcase, test_an_operator_gives_it_longer);
    tcase_add_test(tcase, test_a_crash_is_not_told);
    tcase_add_test(tcase, test_a_stranger_inherits_nothing);
    tcase_add_test(tcase, test_an_introduction_of_nobody_changes_nothing);
    tcase_add_test(tcase, test_who_may_be_held);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
