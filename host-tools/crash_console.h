/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/crash_console.h
 * What a service wrote last on its console: the ring in its memory still has it, also what a reader
 * has taken out. The ring is the domain's, and hostile.
 */
#ifndef ATOLL_CRASH_CONSOLE_H
#define ATOLL_CRASH_CONSOLE_H

#include <stddef.h>
#include <xenctrl.h>

#include <xen/io/console.h>

#define CRASH_CONSOLE_MAX sizeof(((struct xencons_interface *)NULL)->out)

/**
 * The last lines of the ring into @text, CRASH_CONSOLE_MAX bytes: whatever bytes they are, without
 * the part of a line that the ring has lost the start of. How many.
 */
size_t crash_console_copy(const volatile struct xencons_interface *ring, char *text);

/**
 * Make @length such bytes fit to be shown: each line ends with a newline, other control characters
 * are dots. @text has room for one byte more. The new length.
 */
size_t crash_console_clean(char *text, size_t length);

#endif
