/* SPDX-License-Identifier: ISC */
/** @file host-tools/top_draw.h Putting things on the screen of top_screen.h; inside of it. */
#ifndef ATOLL_TOP_DRAW_H
#define ATOLL_TOP_DRAW_H

#include "top_screen.h"

/** What lies outside of the screen is left out. */
void top_char(struct top_screen *screen, int row, int col, uint8_t attribute, uint32_t ch);

/** ASCII at @col, in @width columns at most: the column behind it. */
int top_text(struct top_screen *screen, int row, int col, int width, uint8_t attribute,
             const char *text);
int top_format(struct top_screen *screen, int row, int col, uint8_t attribute, const char *format,
               ...) __attribute__((format(printf, 5, 6)));

/** The same, flush right; nothing if there is no room for @width. */
void top_right(struct top_screen *screen, int row, int col, int width, uint8_t attribute,
               const char *text);

/** A whole line of blanks. */
void top_fill(struct top_screen *screen, int row, uint8_t attribute);

/** A sparkline, the newest at the right end; @highest: what fills a character. */
void top_spark(struct top_screen *screen, int row, int col, int width, bool ascii,
               const uint32_t history[TOP_HISTORY], uint32_t highest);

#endif
