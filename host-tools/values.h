/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/values.h
 * Values as people write them, in atoll.conf and on the command line.
 */
#ifndef ATOLL_VALUES_H
#define ATOLL_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Domids from here on have a meaning of their own (DOMID_FIRST_RESERVED). */
#define VALUE_DOMID_LIMIT 0x7ff0u

/** A decimal number, @min to @max, without sign or blanks. */
bool value_number(const char *text, uint32_t min, uint32_t max, uint32_t *value);

/**
 * A name for XenStore, files and terminals: letters, digits and -_.+, the first a letter or digit,
 * shorter than @size.
 */
bool value_name(const char *text, size_t size);

/** Printable ASCII and blanks only. */
bool value_printable(const char *text);

/**
 * A list of processors, as xl has it: "1", "0-3,^2" (0, 1 and 3); later parts win. The bit of each
 * is set in @cpus, of @count bits (a multiple of 8). False: it is none, names processors past
 * @count, or leaves no processor.
 */
bool value_cpus(const char *text, uint8_t *cpus, unsigned count);

#endif
