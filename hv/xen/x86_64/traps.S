/* SPDX-License-Identifier: ISC */
/* Exception entries, the upcall, and the idle sequence that the upcall ends. */
#include "x86.h"

    .text

/*
 * void arch_idle(void): sleep until an event upcall.
 *
 * Interrupts are on between STI and CLI only. The upcall does not return there: it returns from
 * arch_idle() in its place. So an event that comes between STI and HLT ends the sleep that had not
 * begun, even where the processor (QEMU's emulated SVM, for one) takes it in spite of STI's shadow,
 * and none is ever slept through.
 *
 * The same QEMU may deliver an upcall a second time, some instructions later and with interrupts
 * off. In the upcall itself that is the same as the first one; anywhere else it is nothing. The
 * upcall has a stack of its own, as libc's functions keep values below their stack pointer.
 */
    .globl arch_idle
    .type arch_idle, @function
    .balign 16
arch_idle:
    movq %rsp, idle_rsp
idle_window:
    sti
    hlt
    cli                             /* woken without an upcall: an NMI, or Xen's whim */
    ret
    .size arch_idle, . - arch_idle

    .globl x86_upcall
    .type x86_upcall, @function
x86_upcall:                         /* on the stack: RIP CS RFLAGS RSP SS; IF is clear */
    pushq %rax
    movq 8(%rsp), %rax
    subq $idle_window, %rax
    cmpq $(x86_upcall_end - idle_window), %rax
    jb 1f
    popq %rax
    iretq
1:  movq idle_rsp, %rsp
    ret
x86_upcall_end:
    .size x86_upcall, . - x86_upcall

    .local idle_rsp
    .comm idle_rsp, 8, 8            /* the stack pointer of the last arch_idle(): its return address */

/* One entry of 16 bytes for each exception; those without an error code push a zero. */
    .globl x86_exceptions
    .balign 16
x86_exceptions:
    .set vector, 0
    .rept 32
    .balign 16
    .if !((0x60227d00 >> vector) & 1)
    pushq $0
    .endif
    pushq $vector
    jmp trap_common
    .set vector, vector + 1
    .endr

    .type trap_common, @function
trap_common:
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rbx
    pushq %rbp
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    andq $-16, %rsp
    call x86_trap                   /* does not return */
    ud2
    .size trap_common, . - trap_common

    .section .stacks, "aw", @nobits
    .balign 4096
    .globl stack_guard, stack_bottom, stack_top, exception_stacks, exception_stacks_end
stack_guard:
    .skip 4096
stack_bottom:
    .skip STACK_SIZE
stack_top:
exception_stacks:                   /* each: a guard page, then the stack */
    .skip IST_COUNT * (4096 + EXCEPTION_STACK_SIZE)
exception_stacks_end:

    .section .note.GNU-stack, "", @progbits
