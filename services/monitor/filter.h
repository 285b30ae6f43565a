/* SPDX-License-Identifier: ISC */
/**
 * @file filter.h
 * Classic BPF: programs that dom0's tools compiled by libpcap, verified before they are run, and
 * run over frames. What cannot be verified is refused: jumps only forward and inside, every
 * instruction known, memory words in range, no division by a constant 0, the end a return. Loads
 * beyond the frame end the program with 0, as in BPF.
 *
 * Source: S. McCanne, V. Jacobson, "The BSD Packet Filter" (1993), table of instructions;
 * semantics of corner cases as in libpcap's bpf_filter().
 */
#ifndef MONITOR_FILTER_H
#define MONITOR_FILTER_H

#include <stddef.h>
#include <stdint.h>

#define FILTER_MAX 512U /**< instructions */

struct filter_instruction {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};
_Static_assert(sizeof(struct filter_instruction) == 8, "filter_instruction");

/** 0, or -EINVAL with why in @why and the number of the instruction in @at. */
int filter_verify(const struct filter_instruction *program, unsigned count, const char **why,
                  unsigned *at);

/** Run a verified program: bytes of the frame to keep, 0: none. @length: of the whole frame. */
uint32_t filter_run(const struct filter_instruction *program, const uint8_t *frame, size_t captured,
                    size_t length);

#endif
