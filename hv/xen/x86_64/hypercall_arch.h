/* SPDX-License-Identifier: ISC */
/**
 * @file hypercall_arch.h
 * The hypercall instruction on x86-64 (docs/guest-guide/x86/hypercall-abi.rst): RAX holds the
 * number and the result, RDI RSI RDX R10 R8 the arguments, all of which may be clobbered. There is
 * no hypercall page: the instruction follows from the vendor of the processor.
 */
#ifndef HV_XEN_HYPERCALL_ARCH_H
#define HV_XEN_HYPERCALL_ARCH_H

#include <stdint.h>

/** VMMCALL (AMD, Hygon), not VMCALL (Intel, Zhaoxin). Set once by start-up. */
extern uint8_t x86_use_vmmcall;

#define HYPERCALL_INSTRUCTION "cmpb $0, x86_use_vmmcall; jne 1f; vmcall; jmp 2f; 1: vmmcall; 2:"

static inline long hypercall1(unsigned number, uintptr_t a1)
{
    long result;
    __asm__ volatile(HYPERCALL_INSTRUCTION
                     : "=a"(result), "+D"(a1)
                     : "a"(number)
                     : "rsi", "rdx", "r10", "r8", "memory", "cc");
    return result;
}

static inline long hypercall2(unsigned number, uintptr_t a1, uintptr_t a2)
{
    long result;
    __asm__ volatile(HYPERCALL_INSTRUCTION
                     : "=a"(result), "+D"(a1), "+S"(a2)
                     : "a"(number)
                     : "rdx", "r10", "r8", "memory", "cc");
    return result;
}

static inline long hypercall3(unsigned number, uintptr_t a1, uintptr_t a2, uintptr_t a3)
{
    long result;
    __asm__ volatile(HYPERCALL_INSTRUCTION
                     : "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3)
                     : "a"(number)
                     : "r10", "r8", "memory", "cc");
    return result;
}

#endif
