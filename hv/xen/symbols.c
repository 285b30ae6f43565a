/* SPDX-License-Identifier: ISC */
/*
 * Names of functions for backtraces. hv/xen/finish.py adds a read-only segment to the linked image
 * and enters where it is into symbol_table; the segment holds
 *   uint32_t count; uint32_t address[count], ascending; then as many names, each ended by a zero.
 */
#include "platform.h"

#include <string.h>

const volatile struct symbol_table hv_symbol_table = {0, 0};

/** Of the linker script: no function is at or above it. */
extern const char text_end[];

const char *symbol_find(uintptr_t address, uintptr_t *offset, char *buf, size_t size)
{
    const uint32_t *table = (const uint32_t *)(uintptr_t)hv_symbol_table.address;
    uint32_t count, best;
    const char *name;

    if (table == NULL || table[0] == 0 || address < table[1] || address >= (uintptr_t)text_end) {
        return NULL;
    }
    count = table[0];
    for (best = 0; best + 1 < count && table[1 + best + 1] <= address;) {
        best++;
    }
    name = (const char *)&table[1 + count];
    for (uint32_t i = 0; i < best; i++) {
        name += strlen(name) + 1;
    }
    *offset = address - table[1 + best];
    strncpy(buf, name, size - 1);
    buf[size - 1] = '\0';
    return buf;
}
