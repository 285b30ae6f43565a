/* SPDX-License-Identifier: ISC */
#include "crash_console.h"
#include <string.h>

size_t crash_console_copy(const volatile struct xencons_interface *ring, char *text)
{
    const XENCONS_RING_IDX prod = ring->out_prod;
    const size_t length = prod < CRASH_CONSOLE_MAX ? prod : CRASH_CONSOLE_MAX;
    const char *newline;
    size_t cut;

    for (size_t i = 0; i < length; i++)
        text[i] = ring->out[(prod - (XENCONS_RING_IDX)length + i) % CRASH_CONSOLE_MAX];
    newline = length == CRASH_CONSOLE_MAX ? memchr(text, '\n', length) : NULL;
    cut = newline ? (size_t)(newline - text) + 1 : 0;
    if (cut == length)
        return length; /* one line, and nothing else */
    memmove(text, text + cut, length - cut);
    return length - cut;
}

size_t crash_console_clean(char *text, size_t length)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        const char ch = text[i];

        if (ch == '\r')
            continue;
        text[used++] = ch == '\n' || (ch >= ' ' && ch <= '~') ? ch : '.';
    }
    if (used && text[used - 1] != '\n')
        text[used++] = '\n';
    return used;
}
