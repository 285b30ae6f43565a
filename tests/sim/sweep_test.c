/* SPDX-License-Identifier: ISC */
/*
 * Every allocation fails once. A run of random operations on model and service is repeated, and
 * each time the next of the service's allocations fails: the request may be refused, but then
 * nothing of it may have happened, and nobody else may notice. The linker puts the functions here
 * in the place of arena_alloc() and arena_zalloc() (--wrap). SWEEP_NTH lets one only fail, and
 * SWEEP_EVERY=N every Nth, from another one on in each script.
 */
#include "random.h"
#include "sweep.h"

#include "common/arena.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs that start so far apart, with so many failures in a row. */
#define SCRIPTS 6
#define STEPS   250

/* Which allocations fail: those after @from, up to and including @to. */
static struct {
    bool armed;
    uint64_t count, from, to;
} allocations;

void *__real_arena_alloc(struct arena *arena, size_t size);
void *__real_arena_zalloc(struct arena *arena, size_t size);
void *__wrap_arena_alloc(struct arena *arena, size_t size);
void *__wrap_arena_zalloc(struct arena *arena, size_t size);

static bool fails(void)
{
    if (!allocations.armed)
        return false;
    allocations.count++;
    return allocations.count > allocations.from && allocations.count <= allocations.to;
}

void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
    return fails() ? NULL : __real_arena_alloc(arena, size);
}

void *__wrap_arena_zalloc(struct arena *arena, size_t size)
{
    return fails() ? NULL : __real_arena_zalloc(arena, size);
}

void sweep_arm(uint64_t first, unsigned many)
{
    allocations.armed = true;
    allocations.count = 0;
    allocations.from = first - 1;
    allocations.to = first - 1 + many;
}

bool sweep_disarm(void)
{
    allocations.armed = false;
    return allocations.count > allocations.from;
}

static bool struck_once(const struct twin *twin)
{
    (void)twin;
    return allocations.count > allocations.from;
}

/* One run in which allocation @nth fails; false if there are not so many. */
static bool run_with_failure(uint64_t seed, uint64_t nth)
{
    const struct random_options options = {.seed = seed, .steps = STEPS, .host_events = true};
    struct twin *twin = twin_create(seed, true);

    twin->struck = struck_once;
    sweep_arm(nth, 1);
    random_run(twin, &options);
    allocations.armed = false;
    bool struck = allocations.count >= nth;
    twin_destroy(twin);
    return struck;
}

START_TEST(test_each_allocation_fails)
{
    const char *only = getenv("SWEEP_NTH"), *sampled = getenv("SWEEP_EVERY");
    uint64_t every = sampled != NULL ? strtoull(sampled, NULL, 10) : 1;
    uint64_t seed = 1000 + (uint64_t)_i, nth, failed = 0;

    if (only != NULL) {
        run_with_failure(seed, strtoull(only, NULL, 10));
        return;
    }
    ck_assert_uint_gt(every, 0);
    for (nth = 1 + (uint64_t)_i % every; run_with_failure(seed, nth); nth += every)
        failed++;
    fprintf(stderr, "script %d: of every %llu allocations one failed, %llu in all\n", _i,
            (unsigned long long)every, (unsigned long long)failed);
    ck_assert_uint_gt(nth, 100);
}
END_TEST

/* The hypervisor refuses: no mapping, no port, no page. */
static bool struck_in_sim(const struct twin *twin)
{
    return sim_fault_points(twin->host->sim) >= allocations.from;
}

START_TEST(test_each_hypercall_fails)
{
    uint64_t nth = 1;
    bool struck;

    do {
        const struct random_options options = {
            .seed = 7 + (uint64_t)_i, .steps = STEPS, .host_events = true};
        struct twin *twin = twin_create(1, true);

        allocations.from = nth;
        twin->struck = struck_in_sim;
        sim_fail_nth(twin->host->sim, nth);
        random_run(twin, &options);
        struck = sim_fault_points(twin->host->sim) >= nth++;
        sim_fail_nth(twin->host->sim, 0);
        twin_destroy(twin);
    } while (struck);
    fprintf(stderr, "each of %llu hypercalls failed once\n", (unsigned long long)nth - 2);
    ck_assert_uint_gt(nth, 5);
}
END_TEST

/* It starts, or it says that it cannot and leaves nothing behind. */
START_TEST(test_start_fails)
{
    struct sim_usage usage;
    unsigned refused = 0;

    for (uint64_t nth = 1;; nth++) {
        struct host *host = host_create(&(struct host_config){.lenient = true});

        sweep_arm(nth, 1);
        int error = host_start(host);
        allocations.armed = false;
        bool struck = allocations.count >= nth;
        if (error == 0)
            host_check(host);
        refused += error != 0;
        if (host->xs != NULL)
            xenstored_destroy(host->xs);
        sim_set_actor(host->store, NULL, NULL);
        sim_usage(host->store, &usage);
        ck_assert_uint_eq(usage.pages, 0);
        ck_assert_uint_eq(usage.ports, 0);
        ck_assert_uint_eq(usage.mappings, 0);
        sim_destroy(host->sim);
        client_free(host->dom0);
        free(host);
        if (!struck)
            break;
    }
    ck_assert_uint_gt(refused, 3);
}
END_TEST

/* No memory at all for a while: dom0 and guests get ENOMEM or an answer, then all is well again. */
START_TEST(test_memory_is_gone_for_a_while)
{
    struct host *host = host_create(NULL);
    struct client *guest = host_guest(host, 3);
    struct wire_message reply;
    char path[64];

    ck_assert_int_eq(client_write(host->dom0, 0, "/a/b", "1"), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, "/a", "b0"), 0);
    for (int round = 0; round < 20; round++) {
        uint32_t tx;

        sweep_arm(1 + (uint64_t)round * 3, 10000);
        for (int i = 0; i < 30; i++) {
            struct client *who = i % 2 ? guest : host->dom0;
            int error;

            snprintf(path, sizeof(path), "/a/%d", i);
            error = client_write(who, 0, path, "x");
            ck_assert(error == 0 || error == ENOMEM);
            error = client_rm(who, 0, path);
            ck_assert(error == 0 || error == ENOMEM);
            error = client_begin(who, &tx);
            ck_assert(error == 0 || error == ENOMEM);
            if (error == 0) {
                error = client_write(who, tx, path, "y");
                ck_assert(error == 0 || error == ENOMEM);
                error = client_end(who, tx, i % 4 < 2);
                ck_assert(error == 0 || error == ENOMEM || error == EAGAIN);
            }
            error = client_watch(who, "/a", "t");
            ck_assert(error == 0 || error == ENOMEM || error == EEXIST);
            /* Reading takes no memory but for the answer's way. */
            ck_assert_int_eq(client_call(who, 0, WIRE_READ, "/a/b|", &reply),
                             who == guest ? EACCES : 0);
        }
        allocations.armed = false;
        ck_assert_int_eq(client_call(guest, 0, WIRE_RESET_WATCHES, "|", NULL), 0);
        ck_assert_int_eq(client_call(host->dom0, 0, WIRE_RESET_WATCHES, "|", NULL), 0);
        client_clear(guest);
        client_clear(host->dom0);
        host_check(host);
    }
    host_destroy(host);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failures");
    TCase *tcase = tcase_create("sweep");

    tcase_set_timeout(tcase, 600);
    if (!getenv("SWEEP_HYPERCALLS"))
        tcase_add_loop_test(tcase, test_each_allocation_fails, 0, SCRIPTS);
    tcase_add_loop_test(tcase, test_each_hypercall_fails, 0, 2);
    tcase_add_test(tcase, test_start_fails);
    tcase_add_test(tcase, test_memory_is_gone_for_a_while);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, sweep_control_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
