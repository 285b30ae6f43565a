/* SPDX-License-Identifier: ISC */
/** @file host-tools/top_source.h Where what `atoll top` shows comes from. */
#ifndef ATOLL_TOP_SOURCE_H
#define ATOLL_TOP_SOURCE_H

#include "monitor_call.h"
#include "top_model.h"

struct top_source {
    /** Look again. 0; or an exit code reported. @flows: at the flows, too. */
    int (*poll)(struct top_source *source, struct top_model *model, bool flows);
    void (*close)(struct top_source *source);
};

/**
 * A service. 0 with *@source, or an exit code reported. It is asked by @call, which stays the
 * caller's. With @follow its end is no failure: the model says so (@ref top_model.trouble) until
 * its successor is there.
 */
int top_live_open(struct monitor_call *call, bool follow, struct top_source **source);

/** A capture, played @speed times as fast as it was (0: all at once). 0 with *@source, or an exit
 * code reported. */
int top_replay_open(struct report *r, const char *file, double speed, struct top_source **source);

#endif
