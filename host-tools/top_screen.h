/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/top_screen.h
 * What `atoll top` looks like: a model (top_model.h) and what the user has chosen, as a grid of
 * characters. Whoever shows it (curses, or a script's standard output) copies the grid.
 */
#ifndef ATOLL_TOP_SCREEN_H
#define ATOLL_TOP_SCREEN_H

#include "top_model.h"
#include <stdio.h>

#define TOP_ROWS_MAX 1100
#define TOP_COLS_MAX 400

enum top_view_kind {
    TOP_VIEW_PORTS,
    TOP_VIEW_TALKERS,
    TOP_VIEW_SERVICES,
    TOP_VIEW_NAMES,
    TOP_VIEW_ALERTS,
    TOP_VIEWS
};

/** What the user has chosen. Zeroed at the begin. */
struct top_view {
    enum top_view_kind kind;
    unsigned sort[TOP_VIEWS]; /**< number of the order, of those that the view has */
    size_t scroll;            /**< rows of the list above the first one shown */
    char filter[64];          /**< only rows that have this in them */
    bool editing;             /**< the filter is being typed */
    bool paused, help;
    bool ascii; /**< no Unicode blocks */
    bool plain; /**< for a script: without tabs and keys */
};

enum top_attribute {
    TOP_PLAIN,
    TOP_BOLD,
    TOP_REVERSE,
    TOP_DIM,
    TOP_GREEN,
    TOP_YELLOW,
    TOP_RED,
    TOP_CYAN
};

struct top_cell {
    uint32_t ch; /**< Unicode */
    uint8_t attribute;
};

struct top_screen {
    int rows, cols;
    struct top_cell *cells; /**< rows times cols */
};

/** False: no memory. Sizes are cut to 1 and the two maxima. */
bool top_screen_init(struct top_screen *screen, int rows, int cols);
void top_screen_free(struct top_screen *screen);

/** Draw. view->scroll is cut to what there is. */
void top_draw(struct top_screen *screen, const struct top_model *model, struct top_view *view);

/** The view by the name of its tab ("ports", "talkers"...). False: none. */
bool top_view_parse(const char *name, enum top_view_kind *kind);

/** How many orders a view has, and the name of one. */
unsigned top_sorts(enum top_view_kind kind);
const char *top_sort_name(enum top_view_kind kind, unsigned sort);

/** Rows of the view's list, with the filter. */
size_t top_list_rows(const struct top_model *model, const struct top_view *view);

/** The ports, or keys, in the view's order: their numbers into @order of as many as there are. How
 * many passed the filter. */
size_t top_order(const struct top_model *model, const struct top_view *view, uint32_t *order);

/** The screen as lines of UTF-8, without blanks at their ends. */
void top_screen_print(const struct top_screen *screen, FILE *out);

#endif
