/* SPDX-License-Identifier: ISC */
/**
 * @file rules.h
 * What the tests of common/switch_rules.h share: sound rules made up, and an upload of them.
 */
#ifndef TESTS_UNIT_SWITCH_RULES_H
#define TESTS_UNIT_SWITCH_RULES_H

#include "common/switch_rules.h"

#include "tests/unit/unit.h"

/** Rules with room for all ports, in one piece of zeroed memory; free() it. */
struct rules *rules_new(void);

/** Sound ones: of few parts, or of as many as there may be (@full). */
void rules_random(struct rules *rules, struct unit_random *random, bool full);

/** What rules_encode() gave out. */
struct upload {
    uint8_t *bytes;
    size_t size;
    unsigned records;
};
void upload_rules(struct upload *upload, const struct rules *rules);

/** Decode @size bytes in pieces of random sizes; rules_decode_end() if @end. */
int upload_decode(struct rules_decoder *decoder, struct rules *rules, const uint8_t *bytes,
                  size_t size, struct unit_random *random, bool end);

TCase *rules_check_case(void);
TCase *rules_parse_case(void);

#endif
