/* SPDX-License-Identifier: ISC */
/* Descriptor tables, and what happens on an exception: a report and the end. */
#include "x86.h"

#include <stddef.h>

/** 64-bit task state segment: it only holds the exception stacks. */
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
} __attribute__((packed));

/** Interrupt gate. */
struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

/** What traps.S pushes, from the last to the first. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

#define GATE_INTERRUPT 0x8eU
#define GATES          (VECTOR_UPCALL + 1)

#define EXCEPTION_NMI  2U
#define EXCEPTION_DF   8U
#define EXCEPTION_PF   14U
#define EXCEPTION_MC   18U
#define EXCEPTION_STEP 16U /* bytes from one entry in traps.S to the next */

extern char x86_exceptions[], x86_upcall[];

static struct tss the_tss HV_RO_AFTER_INIT;
static uint64_t the_gdt[5] HV_RO_AFTER_INIT;
static struct gate the_idt[GATES] HV_RO_AFTER_INIT;

static void gate_set(unsigned vector, const char *entry, uint8_t ist)
{
    uint64_t offset = (uintptr_t)entry;

    the_idt[vector] = (struct gate){
        .offset_low = (uint16_t)offset,
        .selector = SELECTOR_CODE,
        .ist = ist,
        .type = GATE_INTERRUPT,
        .offset_middle = (uint16_t)(offset >> 16),
        .offset_high = (uint32_t)(offset >> 32),
    };
}

static void gdt_load(void)
{
    uint64_t base = (uintptr_t)&the_tss;
    struct table_pointer pointer = {.limit = sizeof the_gdt - 1, .base = (uintptr_t)the_gdt};

    the_gdt[1] = 0x00af9b000000ffff; /* as in head.S */
    the_gdt[2] = 0x00cf93000000ffff;
    the_gdt[3] = (sizeof the_tss - 1) | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
                 (base >> 24 & 0xff) << 56;
    the_gdt[4] = base >> 32;
    the_tss.io_map = sizeof the_tss;
    for (unsigned i = 0; i < IST_COUNT; i++) {
        the_tss.ist[i] =
            (uintptr_t)exception_stacks + (uint64_t)(i + 1) * (HV_PAGE_SIZE + EXCEPTION_STACK_SIZE);
    }
    __asm__ volatile("lgdt %0; ltr %w1" : : "m"(pointer), "r"(SELECTOR_TSS) : "memory");
}

static uint8_t stack_of(unsigned vector)
{
    switch (vector) {
    case EXCEPTION_DF:
        return IST_DOUBLE;
    case EXCEPTION_NMI:
    case EXCEPTION_MC:
        return IST_NMI;
    default:
        return IST_FAULT;
    }
}

void traps_init(void)
{
    struct table_pointer pointer = {.limit = sizeof the_idt - 1, .base = (uintptr_t)the_idt};

    gdt_load();
    for (unsigned i = 0; i < VECTOR_UPCALL; i++) {
        gate_set(i, x86_exceptions + (size_t)i * EXCEPTION_STEP, stack_of(i));
    }
    gate_set(VECTOR_UPCALL, x86_upcall, IST_UPCALL);
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

static const char *exception_name(uint64_t vector)
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

    return vector < sizeof names / sizeof names[0] ? names[vector] : "unexpected interrupt";
}

_Noreturn void x86_trap(const struct trap_frame *f);

_Noreturn void x86_trap(const struct trap_frame *f)
{
    uint64_t cr2;
    const char *guard;

    __asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
    panic_print("panic: exception %lu (%s), error code %#lx\n", f->vector,
                exception_name(f->vector), f->error);
    guard = f->vector == EXCEPTION_PF || f->vector == EXCEPTION_DF ? mmu_guard_name(cr2) : NULL;
    if (guard != NULL) {
        panic_print("stack overflow: %s\n", guard);
    }
    panic_print("rip %016lx rsp %016lx rflags %08lx cr2 %016lx\n", f->rip, f->rsp, f->rflags, cr2);
    panic_print("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
    panic_print("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", f->rsi, f->rdi, f->rbp, f->r8);
    panic_print("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", f->r9, f->r10, f->r11, f->r12);
    panic_print("r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
    panic_backtrace(f->rip, (const uintptr_t *)f->rbp);
    platform_crash();
}

void arch_print_registers(void)
{
    uint64_t rsp, rflags, cr3;

    __asm__ volatile("movq %%rsp, %0; pushfq; popq %1; movq %%cr3, %2"
                     : "=&r"(rsp), "=&r"(rflags), "=r"(cr3));
    panic_print("rsp %016lx rflags %08lx cr3 %016lx\n", rsp, rflags, cr3);
}

bool arch_is_stack(uintptr_t address)
{
    return (address >= (uintptr_t)stack_bottom && address < (uintptr_t)stack_top) ||
           (address >= (uintptr_t)exception_stacks && address < (uintptr_t)exception_stacks_end &&
            mmu_guard_name(address) == NULL);
}
