/* SPDX-License-Identifier: ISC */
#include "recovery_test.h"

#include <stdlib.h>

unsigned recovery_number(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

void recovery_play(struct recovery_play *play)
{
    struct random_options options = {
        .seed = play->seed,
        .steps = play->steps,
        .host_events = true,
        .print = getenv("RECOVERY_PRINT") != NULL,
    };
    struct twin *twin = twin_create(play->seed, true);
    struct host_deaths *deaths = &twin->host->deaths;

    deaths->in = play->in;
    deaths->then = play->then;
    deaths->every = play->every;
    deaths->random = play->seed;
    (play->arm != NULL ? play->arm : host_arm)(twin->host);
    random_run(twin, &options);
    if (play->disarm != NULL)
        play->disarm();
    play->deaths = deaths->count;
    play->early = deaths->early;
    twin_destroy(twin);
}
