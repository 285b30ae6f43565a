/* SPDX-License-Identifier: ISC */
/*
 * The service dies, and a successor goes on from its journal and the rings: clients see what the
 * reference model says, as if nothing had happened. RECOVERY_SEED replays one seed (RECOVERY_STEPS,
 * RECOVERY_EVERY, RECOVERY_IN, RECOVERY_PRINT go with it); RECOVERY_SEEDS sets how many are tried,
 * RECOVERY_STRIDE how many accesses are left out between the deaths of the sweep.
 */
#include "random.h"
#include "scenario.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define SEEDS 24
#define STEPS 600
#define PAGES "129"

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* One run with deaths; how many accesses were left over. */
static uint64_t play(uint64_t seed, unsigned steps, uint64_t in, uint64_t every, unsigned *deaths)
{
    struct random_options options = {
        .seed = seed,
        .steps = steps,
        .host_events = true,
        .print = getenv("RECOVERY_PRINT") != NULL,
    };
    struct twin *twin = twin_create(seed, true);
    uint64_t left;

    twin->host->deaths.in = in;
    twin->host->deaths.every = every;
    twin->host->deaths.random = seed;
    host_arm(twin->host);
    random_run(twin, &options);
    *deaths = twin->host->deaths.count;
    left = twin->host->deaths.in;
    twin_destroy(twin);
    return left;
}

/* Many deaths in one run, some of them within the recovery from the one before. */
START_TEST(test_again_and_again)
{
    static const unsigned often[] = {100000, 20000, 4000};
    unsigned seed = from_environment("RECOVERY_SEED", (unsigned)_i), deaths;
    unsigned every = from_environment("RECOVERY_EVERY", often[seed % 3]);

    play(seed, from_environment("RECOVERY_STEPS", STEPS), 1 + seed * 7, every, &deaths);
    ck_assert_uint_gt(deaths, 0);
}
END_TEST

/* One death in a short run, at each access to a ring or to the journal in turn. */
START_TEST(test_each_step)
{
    unsigned seed = from_environment("RECOVERY_SEED", (unsigned)_i), deaths = 1;
    unsigned stride = from_environment("RECOVERY_STRIDE", 7), first = seed % stride;
    unsigned at = from_environment("RECOVERY_IN", 0);

    if (at != 0) {
        play(seed, from_environment("RECOVERY_STEPS", 60), at, 0, &deaths);
        return;
    }
    for (unsigned in = 1 + first; deaths != 0; in += stride)
        play(seed, from_environment("RECOVERY_STEPS", 60), in, 0, &deaths);
}
END_TEST

int main(void)
{
    bool one = getenv("RECOVERY_SEED") != NULL;
    unsigned seeds = one ? 1 : from_environment("RECOVERY_SEEDS", SEEDS);
    Suite *suite = suite_create("recovery");
    TCase *again = tcase_create("again and again"), *each = tcase_create("each step");

    setenv("HOST_JOURNAL", PAGES, 0);
    tcase_add_loop_test(again, test_again_and_again, 0, (int)seeds);
    tcase_add_loop_test(each, test_each_step, 0,
                        one ? 1 : (int)from_environment("RECOVERY_SWEEPS", 3));
    tcase_set_timeout(again, 600);
    tcase_set_timeout(each, 3600);
    suite_add_tcase(suite, again);
    suite_add_tcase(suite, each);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
