/* SPDX-License-Identifier: ISC */
/** @file host-tools/top.h `atoll top`: what moves on the network, on a full screen. */
#ifndef ATOLL_TOP_H
#define ATOLL_TOP_H

#include "top_screen.h"
#include "top_source.h"
#include <jansson.h>

/** The command. */
int top_main(int argc, char *const argv[]);

/** Show @source on the terminal until the user has seen enough. An exit code. */
int top_show(struct report *r, struct top_source *source, struct top_model *model,
             struct top_view *view);

/** What a key does to @view. False: the program ends. */
bool top_key(struct top_view *view, const struct top_model *model, int key, int page);

/** Keys that are no characters. */
enum top_special {
    TOP_UP = 1000,
    TOP_DOWN,
    TOP_PAGE_UP,
    TOP_PAGE_DOWN,
    TOP_HOME,
    TOP_END,
    TOP_ENTER,
    TOP_ESCAPE,
    TOP_BACKSPACE
};

/** All of a model as JSON; atoll-top(1) has the names. */
json_t *top_json(const struct top_model *model);

#endif
