/* SPDX-License-Identifier: ISC */
/*
 * A mirror's stream of any bytes, and a program of classic BPF: what the reader takes lies within
 * the bytes that there are, whatever they are cut into, and a program that was found good ends.
 *
 * Input: a byte that says how many instructions follow (8 bytes each), one that says into what
 * pieces the rest is cut, and the stream.
 */
#include "input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mirror_read.h"
#include "services/monitor/filter.h"

#define INSTRUCTIONS 32U

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct program {
    struct filter_instruction at[INSTRUCTIONS];
    unsigned count;
    bool good;
};

/* Every byte that was told of can be read, and is within the record. */
static uint32_t look(const struct program *program, const struct mirror_event *event,
                     const uint8_t *record, size_t length)
{
    uint32_t sum = 0;

    if (event->kind == MIRROR_PORT) {
        const struct mirror_port *port = &event->as.identity.port;
        const uint8_t *end = (const uint8_t *)event->as.identity.guest + port->guest_length;

        MUST(end <= record + length);
        for (unsigned i = 0; i < port->bridge_length; i++)
            sum += (uint8_t)event->as.identity.bridge[i];
        for (unsigned i = 0; i < port->guest_length; i++)
            sum += (uint8_t)event->as.identity.guest[i];
    }
    if (event->kind == MIRROR_FRAME) {
        const struct mirror_frame_record *frame = &event->as.frame.record;

        MUST(frame->captured <= frame->original && frame->original <= MIRROR_RECORD_MAX);
        MUST(event->as.frame.data + frame->captured <= record + length);
        for (uint32_t i = 0; i < frame->captured; i++)
            sum += event->as.frame.data[i];
        if (program->good)
            sum += filter_run(program->at, event->as.frame.data, frame->captured, frame->original);
    }
    return sum;
}

/* What the whole of it comes to, in pieces of @piece bytes. */
static uint64_t read_all(const struct program *program, const uint8_t *data, size_t size,
                         size_t piece, int *end)
{
    struct mirror_reader reader = {.hello = false};
    struct mirror_event event;
    size_t have = 0, at = 0;
    uint64_t sum = 0;

    *end = 0;
    while (have < size && !*end) {
        /* Of exactly their size, so that a look beyond is seen. */
        uint8_t *copy;
        int n;

        have = size - have < piece ? size : have + piece;
        copy = malloc(have - at + 1);
        memcpy(copy, data + at, have - at);
        size_t used = 0;
        while ((n = mirror_read(&reader, copy + used, have - at - used, &event)) > 0) {
            MUST((size_t)n <= have - at - used);
            MUST(reader.hello);
            sum = sum * 31 + event.kind + look(program, &event, copy + used, (size_t)n);
            used += (size_t)n;
        }
        MUST(n == 0 || (n == -EPROTO && reader.why));
        *end = n;
        at += used;
        free(copy);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.at = data, .end = data + size};
    struct program program = {.count = input_byte(&input) % (INSTRUCTIONS + 1)};
    size_t piece;
    const char *why;
    unsigned at;
    int end[2];

    for (unsigned i = 0; i < program.count; i++) {
        uint32_t head = input_word(&input);

        program.at[i] = (struct filter_instruction){.code = (uint16_t)(head >> 16),
                                                    .jt = (uint8_t)(head >> 8),
                                                    .jf = (uint8_t)head,
                                                    .k = input_word(&input)};
    }
    program.good = filter_verify(program.at, program.count, &why, &at) == 0;
    piece = 1U + input_byte(&input);
    size = (size_t)(input.end - input.at);
    MUST(read_all(&program, input.at, size, piece, &end[0]) ==
         read_all(&program, input.at, size, SIZE_MAX / 2, &end[1]));
    MUST(end[0] == end[1]);
    return 0;
}
