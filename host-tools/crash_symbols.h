/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/crash_symbols.h
 * The names of the functions of an image, as hv/xen/finish.py puts them into it for the backtraces
 * of a panic: the last segment holds uint32_t count; uint32_t address[count], ascending; then as
 * many names, each ended by a zero. Addresses are virtual and, in an image, physical, too.
 */
#ifndef ATOLL_CRASH_SYMBOLS_H
#define ATOLL_CRASH_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Points into the image's bytes, which must outlive it. */
struct crash_symbols {
    const uint8_t *addresses;      /**< little-endian, not aligned */
    const char *names;             /**< ends with a zero */
    uint32_t count;                /**< 0: the image has none */
    uint64_t text, text_end;       /**< its code; 0, 0: not known */
    const uint8_t *code;           /**< and the bytes of it, text_end - text */
    uint64_t table, table_end;     /**< where the segment is in the domain's memory */
    const uint8_t *table_contents; /**< and the bytes of it */
};

/** Find them in the @size bytes of an image at @data, which may be anything. False: none there. */
bool crash_symbols_read(const void *data, size_t size, struct crash_symbols *symbols);

/** Is @address code of the image? */
bool crash_symbols_code(const struct crash_symbols *symbols, uint64_t address);

/** The name of the function that @address is in, and how far behind its start; NULL: not known. */
const char *crash_symbols_find(const struct crash_symbols *symbols, uint64_t address,
                               uint64_t *offset);

#endif
