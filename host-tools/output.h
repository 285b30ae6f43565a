/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/output.h
 * What commands print: tables for people, JSON (libjansson) for scripts. Colour only on a terminal
 * that has it (and never with NO_COLOR). What a service or a guest wrote is shown with its control
 * characters escaped: a guest must not write to the operator's terminal.
 */
#ifndef ATOLL_OUTPUT_H
#define ATOLL_OUTPUT_H

#include "common/control.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** A cell's meaning, for its colour. */
enum tint {
    TINT_NONE,
    TINT_GOOD,
    TINT_WARN,
    TINT_BAD,
    TINT_DIM,
};

struct table;

/** A table with the titles in @columns, each "Title", or ">Title" for numbers (flush right); ends
 * with NULL, and is to outlive the table. NULL (no memory) is taken by the functions below. */
struct table *table_create(const char *const columns[]);
/** Add a cell to the row under way; a row ends with the last column. Escapes what cannot be shown.
 */
void table_cell(struct table *t, enum tint tint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Print it, columns as wide as they need to be, and free it. No rows: prints @empty instead. */
void table_print(struct table *t, FILE *out, const char *empty);
/** Free it unprinted. */
void table_free(struct table *t);

/** Is this stream to be coloured? */
bool output_colour(FILE *out);

/** Begin @tint on @out, or end it with TINT_NONE; nothing unless @colour (output_colour()). */
void output_tint(FILE *out, bool colour, enum tint tint);

/**
 * Write @length bytes of somebody else's text, all but printable ASCII as \xNN and backslashes
 * doubled: nothing of it is obeyed by a terminal, and the bytes can be told from what is shown.
 */
void output_escape(FILE *out, const char *text, size_t length);
/** The same as a string for free(); NULL: no memory. */
char *output_escaped(const char *text, size_t length);

/** "3 days 04:05", "04:05:06", "12.3 s", down to "12 ns", of nanoseconds. */
const char *output_duration(uint64_t ns, char *text, size_t size);
/** "1.5 MiB". */
const char *output_bytes(uint64_t bytes, char *text, size_t size);
/** "2026-11-22T10:11:12.345Z", of nanoseconds since 1970. */
const char *output_time(uint64_t ns, char *text, size_t size);

/** The fields of a message as a JSON object, by the names in control_fields.h; repeated ones as an
 * array; bytes as a string with \xNN for what is not printable ASCII, backslashes doubled; unknown
 * fields left out.
 */
json_t *output_fields(const struct control_reader *fields);

/**
 * Fields that have a form better than their bytes or number, in JSON and tables alike: addresses
 * ("00:16:3e:01:02:03", "192.0.2.0/24"), uuids, lists of VLANs, modes. False: this is none, or not
 * well formed.
 */
bool output_field_text(const struct control_field *field, char *text, size_t size);

/** A number, and bytes, as output_fields() has them. */
json_t *output_json_number(uint64_t number);
json_t *output_json_bytes(const void *data, size_t length);

/** Print @json, in ASCII, on one line (a stream) or indented (@indent), and release it. */
void output_json(FILE *out, json_t *json, bool indent);

/** The same on one line, without the newline: a part of what is too large to be one object. */
void output_json_bare(FILE *out, json_t *json);

#endif
