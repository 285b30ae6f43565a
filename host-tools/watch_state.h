/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/watch_state.h
 * What `atoll watchd` has to say of a service, in RECORD_DIR/watchd/SERVICE.json: for `atoll
 * status` and `atoll list`, and for a watchd that is started anew.
 */
#ifndef ATOLL_WATCH_STATE_H
#define ATOLL_WATCH_STATE_H

#include "record.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define WATCH_STATE_DIR RECORD_DIR "/watchd"

/** Since the boot. Times are wall clock, in nanoseconds since 1970; 0: none. */
struct watch_state {
    char service[32];
    uint64_t deaths;     /**< that were seen */
    uint64_t recovered;  /**< of these it runs again after so many */
    uint64_t row;        /**< deaths and failed tries since it last ran for a minute */
    uint64_t last_death; /**< when */
    uint64_t retry;      /**< when it is tried next; 0: nothing is to be done, or it is done now */
    bool gave_up;        /**< until somebody starts it */
    char reason[32];     /**< of the last death: "crashed" */
    char report[64];     /**< the folder of its report; "": none could be written */
};

/** The text of it, for free(); NULL: out of memory. */
char *watch_state_format(const struct watch_state *state);

/** Read such a text, which may be anything. 0, or -EINVAL with @state empty. */
int watch_state_parse(const char *text, size_t length, struct watch_state *state);

/** Write it to a folder, whole or not at all. 0 or -errno. */
int watch_state_write(const char *dir, const struct watch_state *state);

/** Read that of @service. False, with @state empty but for its name: there is none. */
bool watch_state_read(const char *dir, const char *service, struct watch_state *state);

/** What a person wants to know of it, one line; "" where there is nothing. */
void watch_state_text(const struct watch_state *state, char *text, size_t size);

#endif
