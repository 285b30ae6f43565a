/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/traffic_page.h
 * A report as one page of HTML: no script, nothing from elsewhere, plots as SVG within; light and
 * dark, for screens of any width and for paper. Whatever strangers named is escaped.
 */
#ifndef ATOLL_TRAFFIC_PAGE_H
#define ATOLL_TRAFFIC_PAGE_H

#include "traffic.h"
#include <stdio.h>

/** Colours of curves, in the stylesheet: TRAFFIC_CURVES of them. */
#define TRAFFIC_COLOUR_CLASS "c"

/** Write the page about @source, made at @now, after traffic_finish(). */
void traffic_page(FILE *out, const struct traffic *t, const char *source, uint64_t now);

/** Text as it may stand in an element or in a quoted attribute. */
void traffic_text(FILE *out, const char *text);

/** "1.5 MB", of 1000 bytes each. */
const char *traffic_bytes(double bytes, char *text, size_t size);

/** The curves over time (traffic_plot.c). */
void traffic_plot(FILE *out, const struct traffic *t);

#endif
