/* SPDX-License-Identifier: ISC */
/** @file host-tools/rules_diff.h What differs between two states of rules (rules_file_json()). */
#ifndef ATOLL_RULES_DIFF_H
#define ATOLL_RULES_DIFF_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/**
 * The changes from @before to @after: an array of objects, each with "what" ("added", "removed",
 * "changed"), "kind" ("bridge", "port", "mirror", "switch"), "name", and "before" and "after" with
 * the members that differ. NULL: no memory.
 */
json_t *rules_diff(const json_t *before, const json_t *after);

/** The same for people, or, with @json, as JSON. */
void rules_diff_show(const json_t *before, const json_t *after, FILE *out, bool json, bool colour);

#endif
