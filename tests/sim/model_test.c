/* SPDX-License-Identifier: ISC */
/* The reference model alone: does it mean what the protocol says? */
#include "scenario.h"

#include <check.h>
#include <stdlib.h>

START_TEST(test_scenario_on_the_model)
{
    scenario_play(&scenarios[_i], false);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tcase = tcase_create("scenarios");

    tcase_add_loop_test(tcase, test_scenario_on_the_model, 0, (int)scenario_count);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
