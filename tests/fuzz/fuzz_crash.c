/* SPDX-License-Identifier: ISC */
/**
 * @file
 * What `atoll watchd` reads of a dead service. The first byte says what the rest is: 'i' an image,
 * 'b' registers (CRASH_REGISTERS words) and memory from STACK on, 'c' the page of a console's ring,
 * 's' the state that a watchd has left.
 */
#include "check.h"
#include "crash_backtrace.h"
#include "crash_console.h"
#include "input.h"
#include "tests/unit/host-tools/test_crash_image.h"
#include "watch_state.h"
#include <errno.h>
#include <stdlib.h>

#define STACK 0x140000u

struct memory {
    const uint8_t *bytes;
    size_t size;
};

static bool read_memory(void *context, uint64_t address, void *out, size_t length)
{
    const struct memory *memory = context;

    if (address < STACK || address - STACK > memory->size ||
        length > memory->size - (address - STACK))
        return false;
    memcpy(out, memory->bytes + (address - STACK), length);
    return true;
}

static void try_image(const uint8_t *data, size_t size)
{
    struct crash_symbols symbols;
    uint64_t offset;

    if (!crash_symbols_read(data, size, &symbols))
        return;
    ck_assert(symbols.count && symbols.text_end > symbols.text);
    for (uint64_t i = 0; i < 64; i++) {
        const uint64_t length = symbols.text_end - symbols.text;
        const uint64_t address = symbols.text + (i < 32 ? i : length - i % length);
        const char *name = crash_symbols_find(&symbols, address, &offset);

        ck_assert(!name || offset <= address);
        ck_assert(!name || ((const uint8_t *)name >= data &&
                            (const uint8_t *)name + strlen(name) < data + size));
    }
}

static void try_backtrace(const uint8_t *data, size_t size)
{
    struct crash_registers registers = {.known = true};
    struct memory memory = {data + sizeof(registers.value), 0};
    struct crash_backtrace trace;
    struct crash_symbols symbols;
    struct test_image image;

    if (size < sizeof(registers.value))
        return;
    memcpy(registers.value, data, sizeof(registers.value));
    memory.size = size - sizeof(registers.value);
    test_image_make(&image);
    ck_assert(crash_symbols_read(image.bytes, image.size, &symbols));
    crash_backtrace(&registers, &(struct crash_memory){read_memory, &memory}, &symbols, &trace);
    ck_assert(trace.count >= 1 && trace.count <= CRASH_FRAMES_MAX);
    for (unsigned i = 0; i < trace.count; i++) {
        const struct crash_frame *frame = &trace.frames[i];

        ck_assert(!frame->name || crash_symbols_code(&symbols, frame->address));
        ck_assert(frame->kind != CRASH_FRAME_CALLER ||
                  crash_symbols_code(&symbols, frame->address));
    }
}

static void try_console(const uint8_t *data, size_t size)
{
    struct xencons_interface ring = {0};
    char text[CRASH_CONSOLE_MAX + 1];
    size_t length;

    memcpy(&ring, data, size < sizeof(ring) ? size : sizeof(ring));
    length = crash_console_copy(&ring, text);
    ck_assert(length <= CRASH_CONSOLE_MAX);
    length = crash_console_clean(text, length);
    ck_assert(length <= sizeof(text));
    for (size_t i = 0; i < length; i++)
        ck_assert(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
    ck_assert(!length || text[length - 1] == '\n');
}

static void try_state(const char *text, size_t length)
{
    struct watch_state state, again;
    char words[512], *formatted;
    int rc = watch_state_parse(text, length, &state);

    ck_assert(rc == 0 || rc == -EINVAL);
    watch_state_text(&state, words, sizeof(words));
    if (rc)
        return;
    formatted = watch_state_format(&state);
    ck_assert_ptr_nonnull(formatted);
    ck_assert_int_eq(watch_state_parse(formatted, strlen(formatted), &again), 0);
    ck_assert(memcmp(&state, &again, sizeof(state)) == 0);
    free(formatted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 65536)
        return 0;
    switch (data[0]) {
    case 'i':
        try_image(data + 1, size - 1);
        break;
    case 'b':
        try_backtrace(data + 1, size - 1);
        break;
    case 'c':
        try_console(data + 1, size - 1);
        break;
    default:
        try_state((const char *)data + 1, size - 1);
    }
    return 0;
}
