/* SPDX-License-Identifier: ISC */
/**
 * @file input.h
 * Reads what a fuzzer made up, byte by byte; zero once it is used up.
 */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
    const uint8_t *at, *end;
};

static inline bool input_empty(const struct input *input)
{
    return input->at == input->end;
}

static inline uint8_t input_byte(struct input *input)
{
    return input_empty(input) ? 0 : *input->at++;
}

static inline uint32_t input_word(struct input *input)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++)
        value = value << 8 | input_byte(input);
    return value;
}

/** What libFuzzer calls, and the replay of seeds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif
