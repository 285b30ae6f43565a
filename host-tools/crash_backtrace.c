/* SPDX-License-Identifier: ISC */
#include "crash_backtrace.h"
#include <string.h>

#define WORD sizeof(uint64_t)

/* What is looked through where frame pointers lead nowhere. */
#define SCAN_WORDS 1024u

/* The function of hv/xen/x86_64/traps.S that calls x86_trap(), with a struct trap_frame in memory
 * right behind the return address. */
#define TRAP_ENTRY "trap_common"
#define TRAP_WORDS 22u

/* Which register is in each word of that; the vector and the error code are words 15 and 16. */
static const int trap_registers[TRAP_WORDS] = {
    CRASH_R15, CRASH_R14, CRASH_R13, CRASH_R12,    CRASH_R11, CRASH_R10, CRASH_R9,  CRASH_R8,
    CRASH_RDI, CRASH_RSI, CRASH_RBP, CRASH_RBX,    CRASH_RDX, CRASH_RCX, CRASH_RAX, -1,
    -1,        CRASH_RIP, -1,        CRASH_RFLAGS, CRASH_RSP, -1};

const char *crash_register_name(enum crash_register which)
{
    static const char *const names[CRASH_REGISTERS] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi",
                                                       "rbp", "rsp", "r8",  "r9",  "r10", "r11",
                                                       "r12", "r13", "r14", "r15", "rip", "rflags"};

    return names[which];
}

const char *crash_exception_name(uint64_t vector)
{
    static const char *const names[] = {
        "divide error",    "debug",          "NMI",
        "breakpoint",      "overflow",       "bound range",
        "invalid opcode",  "no FPU",         "double fault",
        "segment overrun", "invalid TSS",    "segment not present",
        "stack segment",   "protection",     "page fault",
        "reserved",        "FPU error",      "alignment check",
        "machine check",   "SIMD exception", "virtualization",
    };

    return vector < sizeof(names) / sizeof(names[0]) ? names[vector] : NULL;
}

static bool read_words(const struct crash_memory *memory, uint64_t address, uint64_t *words,
                       size_t count)
{
    return address % WORD == 0 && address <= UINT64_MAX - count * WORD &&
           memory->read(memory->context, address, words, count * WORD);
}

/* The frame that was added, or NULL: there is no room. */
static const struct crash_frame *add(struct crash_backtrace *trace,
                                     const struct crash_symbols *symbols,
                                     enum crash_frame_kind kind, uint64_t address)
{
    struct crash_frame *frame;

    if (trace->count == CRASH_FRAMES_MAX)
        return NULL;
    frame = &trace->frames[trace->count++];
    *frame = (struct crash_frame){.kind = kind, .address = address};
    frame->name = crash_symbols_find(symbols, address, &frame->offset);
    return frame;
}

/* What the exception's entry has saved of the code that it interrupted. */
static bool take_exception(struct crash_backtrace *trace, const struct crash_memory *memory,
                           uint64_t address)
{
    uint64_t words[TRAP_WORDS];

    if (trace->fault || !read_words(memory, address, words, TRAP_WORDS))
        return false;
    trace->fault = true;
    trace->vector = words[15];
    trace->error = words[16];
    trace->registers.known = true;
    for (unsigned i = 0; i < TRAP_WORDS; i++) {
        if (trap_registers[i] >= 0)
            trace->registers.value[trap_registers[i]] = words[i];
    }
    return true;
}

/*
 * What is executed may have no frame of its own, as arch_idle() has none: then the stack begins
 * with its return address, and that is not the one that the frame of its caller has.
 */
static void add_frameless(struct crash_backtrace *trace, const struct crash_memory *memory,
                          const struct crash_symbols *symbols,
                          const struct crash_registers *registers)
{
    const uint64_t stack = registers->value[CRASH_RSP], frame = registers->value[CRASH_RBP];
    uint64_t word;

    if (stack < frame && read_words(memory, stack, &word, 1) &&
        crash_symbols_code(symbols, word - 1))
        add(trace, symbols, CRASH_FRAME_SCANNED, word - 1);
}

/* Callers, by frame pointers. Each frame lies above the one before; an exception changes stacks. */
static void follow(struct crash_backtrace *trace, const struct crash_memory *memory,
                   const struct crash_symbols *symbols, uint64_t frame)
{
    const struct crash_frame *added;
    uint64_t words[2]; /* the caller's frame pointer, and where it goes on */

    while (read_words(memory, frame, words, 2) && crash_symbols_code(symbols, words[1] - 1)) {
        added = add(trace, symbols, CRASH_FRAME_CALLER, words[1] - 1);
        if (!added)
            return;
        if (added->name && strcmp(added->name, TRAP_ENTRY) == 0 &&
            take_exception(trace, memory, frame + 2 * WORD)) {
            if (!add(trace, symbols, CRASH_FRAME_EXCEPTION, trace->registers.value[CRASH_RIP]))
                return;
            add_frameless(trace, memory, symbols, &trace->registers);
            frame = trace->registers.value[CRASH_RBP];
            continue;
        }
        if (words[0] <= frame)
            return;
        frame = words[0];
    }
}

/* Whatever looks like one: it may be left over from a call that has returned. */
static void scan(struct crash_backtrace *trace, const struct crash_memory *memory,
                 const struct crash_symbols *symbols, uint64_t stack)
{
    uint64_t word;

    for (unsigned i = 0; i < SCAN_WORDS && read_words(memory, stack, &word, 1); i++) {
        if (crash_symbols_code(symbols, word - 1) &&
            !add(trace, symbols, CRASH_FRAME_SCANNED, word - 1))
            return;
        stack += WORD;
    }
}

void crash_backtrace(const struct crash_registers *registers, const struct crash_memory *memory,
                     const struct crash_symbols *symbols, struct crash_backtrace *trace)
{
    const struct crash_registers *last = registers;

    memset(trace, 0, sizeof(*trace));
    if (!registers->known)
        return;
    add(trace, symbols, CRASH_FRAME_AT, registers->value[CRASH_RIP]);
    add_frameless(trace, memory, symbols, registers);
    follow(trace, memory, symbols, registers->value[CRASH_RBP]);
    if (trace->fault)
        last = &trace->registers;
    /* Nobody has called what was executed: the chain is broken there. */
    if (trace->frames[trace->count - 1].kind == CRASH_FRAME_SCANNED)
        trace->count--; /* the scan finds it again */
    if (trace->frames[trace->count - 1].kind != CRASH_FRAME_CALLER)
        scan(trace, memory, symbols, last->value[CRASH_RSP] & ~(uint64_t)(WORD - 1));
}
