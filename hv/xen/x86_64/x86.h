/* SPDX-License-Identifier: ISC */
/**
 * @file x86.h
 * What the files of this folder share: processor definitions, C and assembly both.
 */
#ifndef HV_XEN_X86_H
#define HV_XEN_X86_H

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS  0x18

/* Vector of event upcalls: the first one that is no exception. */
#define VECTOR_UPCALL 0x20

#define CR0_PE (1 << 0)
#define CR0_MP (1 << 1)
#define CR0_ET (1 << 4)
#define CR0_NE (1 << 5)
#define CR0_WP (1 << 16)
#define CR0_PG (1 << 31)

#define CR4_PAE        (1 << 5)
#define CR4_OSFXSR     (1 << 9)
#define CR4_OSXMMEXCPT (1 << 10)
#define CR4_UMIP       (1 << 11)
#define CR4_SMEP       (1 << 20)
#define CR4_SMAP       (1 << 21)

#define MSR_EFER    0xc0000080
#define EFER_LME    (1 << 8)
#define EFER_NXE    (1 << 11)
#define MSR_FS_BASE 0xc0000100

#define PTE_PRESENT 0x001
#define PTE_WRITE   0x002
#define PTE_USER    0x004
#define PTE_LARGE   0x080

#define STACK_SIZE           0x8000 /* of the main stack */
#define EXCEPTION_STACK_SIZE 0x2000 /* of each exception stack */

#define IST_FAULT  1 /* page faults and all that may come of a bad main stack */
#define IST_DOUBLE 2 /* double faults */
#define IST_NMI    3 /* NMI and machine check, which come at any moment */
#define IST_UPCALL 4 /* event upcalls */
#define IST_COUNT  4

#ifndef __ASSEMBLER__

#include "../arch.h"

#define PTE_NX (UINT64_C(1) << 63)

/** The result of CPUID. */
struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* Symbols of the linker script; each is an address, none has a value. */
extern char image_start[], text_end[], rodata_start[], rodata_end[], data_start[], image_end[];
extern char ro_after_init_start[], ro_after_init_end[];
extern char stack_guard[], stack_bottom[], stack_top[];
extern char exception_stacks[], exception_stacks_end[];
extern char early_tables[], early_tables_end[];

/** Base of Xen's CPUID leaves: 0x40000000 + n * 0x100. Set by cpu_init(). */
extern uint32_t x86_xen_leaf;

/** Find Xen, choose the hypercall instruction, set up the processor's protections. */
void cpu_init(void);

/** Random canaries for our own code and for musl's; the caller must not be protected itself. */
void cpu_canary_init(void);

/** GDT, TSS, IDT. From here on, exceptions are reported. */
void traps_init(void);

/**
 * The final page tables from @boot: RAM, the image with its rights, the special pages, the window.
 * Takes their memory out of @boot's RAM.
 */
void mmu_init(struct boot_info *boot);

/** Where a stack's guard page was hit, its name; else NULL. */
const char *mmu_guard_name(uintptr_t address);

/** Take [start, end) out of the RAM that @boot lists. */
void ram_cut(struct boot_info *boot, uint64_t start, uint64_t end);

/** Put [start, end), which is in no range, into the RAM that @boot lists. */
void ram_give(struct boot_info *boot, uint64_t start, uint64_t end);

#endif
#endif
