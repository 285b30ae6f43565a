/* SPDX-License-Identifier: ISC */
#include "utf8.h"
#include <stdint.h>

static bool obeyed(uint32_t value)
{
    return value < 0x20 || (value >= 0x7f && value <= 0x9f) || value == 0xad ||
           (value >= 0x200b && value <= 0x200f) || (value >= 0x2028 && value <= 0x202e) ||
           (value >= 0x2060 && value <= 0x206f) || value == 0xfeff;
}

size_t utf8_next(const char *text, size_t left, bool *show)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)text;
    const size_t length = !left                            ? 0
                          : at[0] < 0x80                   ? 1
                          : at[0] >= 0xc2 && at[0] <= 0xdf ? 2
                          : at[0] >= 0xe0 && at[0] <= 0xef ? 3
                          : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
                                                           : 0;
    uint32_t value;

    *show = false;
    if (!length || length > left)
        return 0;
    value = length > 1 ? at[0] & (0x7fu >> length) : at[0];
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (at[i] & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *show = !obeyed(value);
    return length;
}
