/* SPDX-License-Identifier: ISC */
/*
 * The service dies, and a successor goes on from its journal and the rings: clients see what the
 * reference model says, as if nothing had happened. README.md has the environment variables.
 */
#include "recovery_test.h"

#include "services/xenstored/recorder.h"

#include <check.h>
#include <errno.h>
#include <hv/time.h>
#include <stdio.h>
#include <stdlib.h>

#define SEEDS 24
#define STEPS 600
#define PAGES "129"

/* Many deaths in one run, some of them within the recovery from the one before. */
START_TEST(test_again_and_again)
{
    static const unsigned often[] = {100000, 20000, 4000};
    unsigned seed = recovery_number("RECOVERY_SEED", (unsigned)_i);
    struct recovery_play play = {
        .seed = seed,
        .steps = recovery_number("RECOVERY_STEPS", STEPS),
        .in = 1 + seed % 50 * 7,
        .every = recovery_number("RECOVERY_EVERY", often[seed % 3]),
    };

    recovery_play(&play);
    ck_assert_uint_gt(play.deaths, 0);
}
END_TEST

/* Whoever looks on while a request is being decided ends the service. */
static void kill_at_decision(void *context, struct hv *victim, const void *address, size_t length)
{
    struct host *host = context;
    const struct journal_hint *hint = host->reserved;

    if (victim == host->store && host->deaths.stepping && hint != NULL && hint->request != 0)
        host_end_store(host);
}

/* A request that has killed the service twice is refused, and others are not. */
START_TEST(test_poison)
{
    struct host *host = host_create(NULL);
    struct client *guest = host_boot(host, 5, 0);

    host->deaths.poison = true;
    sim_set_adversary(host->sim, kill_at_decision, host);
    ck_assert_int_eq(host_introduce(host, guest), EIO);
    ck_assert_uint_eq(host->deaths.count, 2);
    ck_assert_int_eq(client_write(host->dom0, 0, "/a", "b"), 0);
    sim_set_adversary(host->sim, NULL, NULL);
    host_destroy(host);
}
END_TEST

static bool off(const struct host *host)
{
    return host->xs->recorder->off;
}

/* A store that does not fit: served, refused to a successor; and journalled again when it fits. */
START_TEST(test_too_small)
{
    struct host *host = host_create(&(struct host_config){.journal = 9});
    char path[32];

    for (unsigned i = 0; i < 40; i++) {
        snprintf(path, sizeof(path), "/big/%u", i);
        ck_assert_int_eq(client_write_fill(host->dom0, 0, path, 'x', 1000), 0);
    }
    ck_assert(off(host));
    host_end_store(host);
    ck_assert_int_eq(host_succeed(host), EINVAL);
    sim_destroy(host->sim);
    client_free(host->dom0);
    free(host->deaths.kept);
    free(host);
}
END_TEST

START_TEST(test_fits_again)
{
    struct host *host = host_create(&(struct host_config){.journal = 9});
    char path[32];

    for (unsigned i = 0; i < 40; i++) {
        snprintf(path, sizeof(path), "/big/%u", i);
        ck_assert_int_eq(client_write_fill(host->dom0, 0, path, 'x', 1000), 0);
    }
    ck_assert(off(host));
    ck_assert_int_eq(client_rm(host->dom0, 0, "/big"), 0);
    host_pass(host, 2 * HV_SEC);
    ck_assert_int_eq(client_write(host->dom0, 0, "/small", "kept"), 0);
    ck_assert(!off(host));
    host_end_store(host);
    host_run(host);
    ck_assert_str_eq(client_value(host->dom0, 0, "/small"), "kept");
    host_destroy(host);
}
END_TEST

int main(void)
{
    bool one = getenv("RECOVERY_SEED") != NULL;
    unsigned seeds = one ? 1 : recovery_number("RECOVERY_SEEDS", SEEDS);
    Suite *suite = suite_create("recovery");
    TCase *again = tcase_create("again and again");
    TCase *alone = tcase_create("alone");

    setenv("HOST_JOURNAL", PAGES, 0);
    tcase_add_loop_test(again, test_again_and_again, 0, (int)seeds);
    tcase_set_timeout(again, 600);
    tcase_add_test(alone, test_poison);
    tcase_add_test(alone, test_too_small);
    tcase_add_test(alone, test_fits_again);
    suite_add_tcase(suite, alone);
    suite_add_tcase(suite, recovery_cases());
    suite_add_tcase(suite, recovery_refused());
    suite_add_tcase(suite, again);
    suite_add_tcase(suite, recovery_steps(one));
    suite_add_tcase(suite, recovery_same(one));
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
