/* SPDX-License-Identifier: ISC */
/*
 * The service against the reference model. TWIN_SEED replays one seed (TWIN_STEPS, TWIN_PRINT go
 * with it); TWIN_SEEDS sets how many are tried.
 */
#include "random.h"
#include "scenario.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define SEEDS 30
#define STEPS 1500

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

START_TEST(test_scenario_on_both)
{
    scenario_play(&scenarios[_i], true);
}
END_TEST

START_TEST(test_random_operations)
{
    struct random_options options = {
        .seed = from_environment("TWIN_SEED", (unsigned)_i),
        .steps = from_environment("TWIN_STEPS", STEPS),
        .host_events = true,
        .print = getenv("TWIN_PRINT") != NULL,
    };
    struct twin *twin = twin_create(options.seed, true);

    random_run(twin, &options);
    twin_destroy(twin);
}
END_TEST

int main(void)
{
    bool one = getenv("TWIN_SEED") != NULL;
    unsigned seeds = one ? 1 : from_environment("TWIN_SEEDS", SEEDS);
    Suite *suite = suite_create("twin");
    TCase *plays = tcase_create("scenarios"), *random = tcase_create("random");

    tcase_add_loop_test(plays, test_scenario_on_both, 0, one ? 0 : (int)scenario_count);
    tcase_add_loop_test(random, test_random_operations, 0, (int)seeds);
    tcase_set_timeout(random, 120);
    suite_add_tcase(suite, plays);
    suite_add_tcase(suite, random);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    printf("%u seeds of %u random steps\n", seeds, from_environment("TWIN_STEPS", STEPS));
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
