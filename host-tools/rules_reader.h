/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/rules_reader.h
 * Reading members of a JSON object strictly, with the place of the first error: inside of
 * rules_file.c. After an error all of these do nothing.
 */
#ifndef ATOLL_RULES_READER_H
#define ATOLL_RULES_READER_H

#include "rules_file.h"

/** How deep a file's values lie. */
#define READER_DEPTH 8U

struct reader {
    struct rules *rules;
    const struct rules_resolver *resolver;
    const char *text;
    size_t length;
    bool failed;
    struct rules_error *error;
    unsigned depth;
    struct rules_step path[READER_DEPTH];
};

/** Go into the member @member, or the element @index where that is NULL, and back. */
void reader_enter(struct reader *r, const char *member, size_t index);
void reader_leave(struct reader *r);

/** The first error is kept: "$.ports[3].vlan: ...", of the member @key of where we are (NULL: of
 * that itself). */
void reader_wrong(struct reader *r, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** "KEY: "VALUE" will not do; expected EXPECTED" */
void reader_wrong_value(struct reader *r, const char *key, const char *value, const char *expected);

/** A syntax error, or a member twice, in our words. */
void reader_json_error(struct rules_error *error, const json_error_t *json_error);

/** "a string" */
const char *reader_kind(const json_t *value);

/** Is @value of this type? */
bool reader_is(struct reader *r, const json_t *value, json_type type, const char *expected);
/** Only members of the list @known, which ends with NULL. */
void reader_check_members(struct reader *r, const json_t *object, const char *const known[]);

/** Each: NULL or false where the member is not there, or wrong. */
json_t *reader_object(struct reader *r, const json_t *object, const char *key);
const json_t *reader_array(struct reader *r, const json_t *object, const char *key, unsigned max);
const char *reader_string(struct reader *r, const json_t *object, const char *key);
bool reader_number(struct reader *r, const json_t *object, const char *key, uint64_t min,
                   uint64_t max, uint64_t *number);
bool reader_bool(struct reader *r, const json_t *object, const char *key, bool *value);
/** The index of the string in @names (ends with NULL; "" cannot be said). */
bool reader_choice(struct reader *r, const json_t *object, const char *key,
                   const char *const names[], unsigned *choice);

#endif
