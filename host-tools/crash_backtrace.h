/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/crash_backtrace.h
 * Where a dead service was, from its registers, its memory and the names of its image. All that the
 * domain left is a stranger's: it is read with bounds and only believed where it is an address of
 * the image's code.
 */
#ifndef ATOLL_CRASH_BACKTRACE_H
#define ATOLL_CRASH_BACKTRACE_H

#include "crash_symbols.h"

/** Registers, in the order of names in crash_register_name(). */
enum crash_register {
    CRASH_RAX,
    CRASH_RBX,
    CRASH_RCX,
    CRASH_RDX,
    CRASH_RSI,
    CRASH_RDI,
    CRASH_RBP,
    CRASH_RSP,
    CRASH_R8,
    CRASH_R9,
    CRASH_R10,
    CRASH_R11,
    CRASH_R12,
    CRASH_R13,
    CRASH_R14,
    CRASH_R15,
    CRASH_RIP,
    CRASH_RFLAGS,
    CRASH_REGISTERS,
};

const char *crash_register_name(enum crash_register which);

struct crash_registers {
    bool known; /**< false: the domain was gone */
    uint64_t value[CRASH_REGISTERS];
    uint64_t cr2, cr3; /**< of the processor: the address of its last page fault; page tables */
};

/** Read @length bytes at guest-physical @address into @out. False: not to be had. */
typedef bool crash_read_fn(void *context, uint64_t address, void *out, size_t length);

struct crash_memory {
    crash_read_fn *read;
    void *context;
};

#define CRASH_FRAMES_MAX 32u

enum crash_frame_kind {
    CRASH_FRAME_AT,        /**< the instruction that was executed, or had faulted */
    CRASH_FRAME_CALLER,    /**< by the chain of frame pointers: it has called the one before */
    CRASH_FRAME_EXCEPTION, /**< what an exception has interrupted */
    CRASH_FRAME_SCANNED,   /**< a word on the stack that may be a return address */
};

struct crash_frame {
    enum crash_frame_kind kind;
    uint64_t address; /**< of the instruction; of a caller: within its call */
    uint64_t offset;  /**< from the start of @ref name */
    const char *name; /**< in the symbols' image; NULL: not known */
};

struct crash_backtrace {
    unsigned count;
    struct crash_frame frames[CRASH_FRAMES_MAX];
    bool fault;                       /**< it was an exception of the processor: */
    uint64_t vector, error;           /**< its number and error code */
    struct crash_registers registers; /**< those at that time */
};

/**
 * Follow the frame pointers from @registers on, through an exception that the service has panicked
 * on; where that leads nowhere, look for return addresses on the stack.
 */
void crash_backtrace(const struct crash_registers *registers, const struct crash_memory *memory,
                     const struct crash_symbols *symbols, struct crash_backtrace *trace);

/** "page fault"; NULL: there is none of that number. */
const char *crash_exception_name(uint64_t vector);

#endif
