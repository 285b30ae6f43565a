/* SPDX-License-Identifier: ISC */
/** @file host-tools/utf8.h Somebody else's text where more than ASCII is shown: pages, metrics. */
#ifndef ATOLL_UTF8_H
#define ATOLL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Bytes of the character at @text, of which @left bytes are left, if it is good UTF-8 (RFC 3629);
 * 0: it is not. @show: it is to be seen; false for controls, and for what turns the direction of
 * text round or hides in it.
 */
size_t utf8_next(const char *text, size_t left, bool *show);

#endif
