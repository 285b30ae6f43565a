/* SPDX-License-Identifier: ISC */
/**
 * @file reference.h
 * A second decoder, written from decode.h and the RFCs without a thought of speed: one byte at a
 * time, in numbers that cannot overflow. The real one must say the same of any bytes.
 */
#ifndef TESTS_UNIT_MONITOR_REFERENCE_H
#define TESTS_UNIT_MONITOR_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "services/monitor/decode.h"

/** decode_frame(), in other words. */
enum decode_result reference_decode(const uint8_t *frame, size_t captured, size_t length,
                                    struct decoded *decoded);

/** NULL, or the name of the first field in which they differ. */
const char *reference_difference(const struct decoded *one, const struct decoded *other);

/** Both on these bytes, which are copied to the end of a block of their size: NULL, or what
 * differs.
 * @decoded and @result are the real one's. */
const char *reference_check(const uint8_t *frame, size_t captured, size_t length,
                            struct decoded *decoded, enum decode_result *result);

#endif
