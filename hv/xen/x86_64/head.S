/* SPDX-License-Identifier: ISC */
/*
 * The PVH entry point (Xen: docs/misc/pvh.pandoc). Xen enters in 32-bit protected mode, flat, no
 * paging, interrupts off, EBX = guest-physical address of struct hvm_start_info. Go to long mode
 * with tables that map the first 4 GiB one to one; mmu.c makes the final ones.
 */
#include "x86.h"

    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 4, 18                  /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long pvh_entry

    .section .text.head, "ax", @progbits
    .code32
    .globl pvh_entry
    .type pvh_entry, @function
pvh_entry:
    cld
    movl $stack_top, %esp

    /* four tables of 512 pages of 2 MiB, then the two levels above them */
    movl $early_l2, %edi
    movl $(PTE_LARGE | PTE_WRITE | PTE_PRESENT), %eax
1:  movl %eax, (%edi)
    movl $0, 4(%edi)
    addl $0x200000, %eax
    addl $8, %edi
    cmpl $(early_l2 + 4 * 4096), %edi
    jne 1b
    movl $(early_l2 + 0x0000 + PTE_WRITE + PTE_PRESENT), early_l3
    movl $(early_l2 + 0x1000 + PTE_WRITE + PTE_PRESENT), early_l3 + 8
    movl $(early_l2 + 0x2000 + PTE_WRITE + PTE_PRESENT), early_l3 + 16
    movl $(early_l2 + 0x3000 + PTE_WRITE + PTE_PRESENT), early_l3 + 24
    movl $(early_l3 + PTE_WRITE + PTE_PRESENT), early_l4

    movl $(CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT), %eax
    movl %eax, %cr4
    movl $early_l4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $(EFER_LME | EFER_NXE), %eax
    wrmsr
    movl $(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
    movl %eax, %cr0

    lgdt early_gdt_pointer
    ljmp $SELECTOR_CODE, $2f

    .code64
2:  movl $SELECTOR_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl $stack_top, %esp
    movl %ebx, %edi
    xorl %ebp, %ebp
    call x86_start
    ud2
    .size pvh_entry, . - pvh_entry

    .section .rodata.head, "a", @progbits
    .balign 8
early_gdt:
    .quad 0
    .quad 0x00af9b000000ffff        /* SELECTOR_CODE: 64-bit code, accessed */
    .quad 0x00cf93000000ffff        /* SELECTOR_DATA: data, accessed */
early_gdt_pointer:
    .word . - early_gdt - 1
    .quad early_gdt

    .section .early_tables, "aw", @nobits
    .balign 4096
early_l4:
    .skip 4096
early_l3:
    .skip 4096
early_l2:
    .skip 4 * 4096

    .section .note.GNU-stack, "", @progbits
