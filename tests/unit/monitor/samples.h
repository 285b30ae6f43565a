/* SPDX-License-Identifier: ISC */
/**
 * @file samples.h
 * One frame of each kind that the decoder knows, all of them sound.
 */
#ifndef TESTS_UNIT_MONITOR_SAMPLES_H
#define TESTS_UNIT_MONITOR_SAMPLES_H

#include "tests/unit/switch/frames.h"

/** What they have in common: addresses, ports 1000 and 2000 (frames.h), and these. */
#define SAMPLE_TOS 0x28U
#define SAMPLE_TTL 64U

struct sample {
    const char *name;
    void (*make)(struct frame *frame);
};

extern const struct sample samples[];
extern const unsigned samples_count;

/** By its name, which there is. */
void sample_make(struct frame *frame, const char *name);

/** An IPv6 extension header of @words * 8 bytes, of 8 at least. */
size_t sample_extension(struct frame *frame, unsigned next, unsigned words);
/** An IPv6 fragment header; @field: offset, and 1 if more follow. */
size_t sample_fragment(struct frame *frame, unsigned next, unsigned field, unsigned id);

#endif
