/* SPDX-License-Identifier: ISC */
#include "wire.h"

#include <string.h>

unsigned wire_strings(const char *payload, size_t length, const char *strings[], unsigned max)
{
    unsigned count = 0;

    for (size_t start = 0; start < length;) {
        const char *nul = memchr(payload + start, 0, length - start);

        if (!nul)
            break;
        if (count < max)
            strings[count] = payload + start;
        count++;
        start = (size_t)(nul - payload) + 1;
    }
    return count;
}

const char *wire_one_string(const char *payload, size_t length)
{
    return length && memchr(payload, 0, length) == payload + length - 1 ? payload : NULL;
}
