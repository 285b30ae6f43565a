/* SPDX-License-Identifier: ISC */
/*
 * The service dies at a step of its choosing: one death at each access to a ring or to the journal
 * in turn, one at each place in the code, one more at each access of the recovery from it.
 */
#include "recovery_test.h"

#include <check.h>
#include <execinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS 60

/* After a death a run goes on for so many steps. */
#define STEPS_AFTER 30U

/* Callers that tell one place from another. */
#define CALLERS   8
#define KINDS_MAX 1024U

/* How many deaths there were, for whoever asks for more of them. */
static void tell(const char *what, unsigned seed, unsigned deaths)
{
    if (getenv("RECOVERY_STRIDE") != NULL)
        fprintf(stderr, "seed %u: %u deaths, %s\n", seed, deaths, what);
}

/* One death in a short run, at each access to a ring or to the journal in turn. */
START_TEST(test_each_step)
{
    unsigned seed = recovery_number("RECOVERY_SEED", (unsigned)_i);
    unsigned stride = recovery_number("RECOVERY_STRIDE", 17),
             at = recovery_number("RECOVERY_IN", 0);
    unsigned runs = 0;
    struct recovery_play play = {
        .seed = seed,
        .steps = recovery_number("RECOVERY_STEPS", STEPS),
        .in = at != 0 ? at : 1 + seed % stride,
        .then = recovery_number("RECOVERY_THEN", 0),
    };

    do {
        recovery_play(&play);
        play.in += stride;
        runs += play.deaths;
    } while (at == 0 && play.deaths != 0);
    tell("one in a run", seed, runs);
}
END_TEST

/* --- places in the code -------------------------------------------------------------------------
 */

/* An access of a run, where no other had come from that place in the code before it. */
struct kind {
    uint64_t place;
    uint64_t in;
    unsigned step;
};

struct survey {
    struct twin *twin;
    uint64_t accesses;
    unsigned count, before; /* of kinds, of them those of earlier runs */
    struct kind kind[KINDS_MAX];
};

/* From where in the code we are called; the first two callers are this and the simulator's. */
__attribute__((noinline)) static uint64_t place(void)
{
    void *callers[2 + CALLERS];
    int count = backtrace(callers, 2 + CALLERS);
    uint64_t hash = 0;

    for (int i = 2; i < count; i++) {
        hash = (hash ^ (uintptr_t)callers[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

static void look(void *context, struct hv *victim, const void *address, size_t length)
{
    struct survey *survey = context;
    const struct host *host = survey->twin->host;
    uint64_t from;

    if (victim != host->store || !host->deaths.stepping)
        return;
    survey->accesses++;
    from = place();
    for (unsigned i = 0; i < survey->count; i++)
        if (survey->kind[i].place == from)
            return;
    ck_assert_uint_lt(survey->count, KINDS_MAX);
    survey->kind[survey->count++] = (struct kind){from, survey->accesses, survey->twin->step};
}

/* A run in which nobody dies, and what places it has that no run before it had. */
static void survey_run(struct survey *survey, uint64_t seed, unsigned steps)
{
    struct random_options options = {.seed = seed, .steps = steps, .host_events = true};

    survey->twin = twin_create(seed, true);
    survey->accesses = 0;
    survey->before = survey->count;
    sim_set_adversary(survey->twin->host->sim, look, survey);
    random_run(survey->twin, &options);
    twin_destroy(survey->twin);
}

/* One death at each place. */
START_TEST(test_each_place)
{
    struct survey *survey = calloc(1, sizeof(*survey));
    unsigned seeds = recovery_number("RECOVERY_PLACES", 6);

    for (unsigned seed = 0; seed < seeds; seed++) {
        survey_run(survey, seed, 400);
        for (unsigned i = survey->before; i < survey->count; i++) {
            struct recovery_play play = {
                .seed = seed,
                .steps = survey->kind[i].step + STEPS_AFTER,
                .in = survey->kind[i].in,
            };

            recovery_play(&play);
            ck_assert_uint_eq(play.deaths, 1);
        }
    }
    ck_assert_uint_gt(survey->count, 80);
    free(survey);
}
END_TEST

/* One death at each place of a run, and another at each access of the recovery from it. */
START_TEST(test_each_step_of_recovery)
{
    struct survey *survey = calloc(1, sizeof(*survey));
    unsigned stride = recovery_number("RECOVERY_STRIDE", 41), runs = 0;

    survey_run(survey, (unsigned)_i, STEPS);
    for (unsigned i = 0; i < survey->count; i++) {
        struct recovery_play play = {
            .seed = (unsigned)_i,
            .steps = survey->kind[i].step + STEPS_AFTER,
            .in = survey->kind[i].in,
            .then = 1 + i % stride,
        };

        do {
            recovery_play(&play);
            play.then += stride;
            runs += play.early;
        } while (play.early != 0);
    }
    tell("the second of a run, in a recovery", (unsigned)_i, runs);
    ck_assert_uint_gt(runs, 0);
    free(survey);
}
END_TEST

TCase *recovery_steps(bool one)
{
    TCase *tcase = tcase_create("each step");
    int sweeps = one ? 1 : (int)recovery_number("RECOVERY_SWEEPS", 2);

    tcase_set_timeout(tcase, 7200);
    tcase_add_loop_test(tcase, test_each_step, 0, sweeps);
    if (one)
        return tcase;
    tcase_add_test(tcase, test_each_place);
    tcase_add_loop_test(tcase, test_each_step_of_recovery, 0, sweeps);
    return tcase;
}
