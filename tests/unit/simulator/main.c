/* SPDX-License-Identifier: ISC */
#include "tests/unit/simulator/host.h"

#include <stdlib.h>

int main(void)
{
    Suite *suite = suite_create("sim");

    suite_add_tcase(suite, schedule_cases());
    suite_add_tcase(suite, death_cases());
    suite_add_tcase(suite, fault_cases());
    suite_add_tcase(suite, memory_cases());
    suite_add_tcase(suite, stress_cases());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
