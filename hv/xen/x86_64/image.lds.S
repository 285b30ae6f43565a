/* SPDX-License-Identifier: ISC */
/*
 * A unikernel image: linked and loaded at 1 MiB, three segments with one kind of right each. What no
 * rule names is an error (--orphan-handling=error), and so is a table that only a dynamic loader
 * would fill.
 */
ENTRY(pvh_entry)

PHDRS
{
    text PT_LOAD FLAGS(5);          /* R X */
    rodata PT_LOAD FLAGS(4);        /* R   */
    data PT_LOAD FLAGS(6);          /* RW  */
    note PT_NOTE FLAGS(4);
    stack PT_GNU_STACK FLAGS(6);
}

SECTIONS
{
    . = 0x100000;
    image_start = .;

    .text : {
        *(.text.head)
        *(.text .text.* .init .fini)
    } :text
    . = ALIGN(4096);
    text_end = .;

    rodata_start = .;
    .note.Xen : { KEEP(*(.note.Xen)) KEEP(*(.note.Atoll)) } :rodata :note
    .rodata : { *(.rodata .rodata.*) } :rodata
    . = ALIGN(4096);
    rodata_end = .;

    data_start = .;
    .data.ro_after_init : {
        ro_after_init_start = .;
        *(.data.ro_after_init)
        . = ALIGN(4096);
        ro_after_init_end = .;
    } :data
    .data : { *(.data .data.*) } :data
    /* none of these is wanted: start-up would have to handle it */
    .got : { *(.got .got.plt .igot .igot.plt) } :data
    .rela : { *(.rela.*) } :data
    .plt : { *(.plt .iplt .plt.got) } :data
    .ctors : { *(.init_array .init_array.* .fini_array .fini_array.* .preinit_array .ctors) } :data
    .tls : { *(.tdata .tdata.* .tbss .tbss.*) } :data
    .bss : {
        *(.bss .bss.* COMMON)
        . = ALIGN(4096);
        *(.stacks)
        . = ALIGN(4096);
        early_tables = .;
        *(.early_tables)
        . = ALIGN(4096);
        early_tables_end = .;
    } :data
    image_end = .;

    .symtab : { *(.symtab) }
    .strtab : { *(.strtab) }
    .shstrtab : { *(.shstrtab) }
    .comment 0 : { *(.comment) }
    .debug_abbrev 0 : { *(.debug_abbrev) }
    .debug_addr 0 : { *(.debug_addr) }
    .debug_aranges 0 : { *(.debug_aranges) }
    .debug_frame 0 : { *(.debug_frame) }
    .debug_info 0 : { *(.debug_info) }
    .debug_line 0 : { *(.debug_line) }
    .debug_line_str 0 : { *(.debug_line_str) }
    .debug_loc 0 : { *(.debug_loc) }
    .debug_loclists 0 : { *(.debug_loclists) }
    .debug_macro 0 : { *(.debug_macro) }
    .debug_ranges 0 : { *(.debug_ranges) }
    .debug_rnglists 0 : { *(.debug_rnglists) }
    .debug_str 0 : { *(.debug_str) }
    .debug_str_offsets 0 : { *(.debug_str_offsets) }

    /DISCARD/ : { *(.eh_frame .eh_frame_hdr .note.gnu.* .note.GNU-stack .gnu.* .llvm_addrsig) }

    ASSERT(SIZEOF(.got) == 0 || SIZEOF(.got) == 24, "global offset table in use")
    ASSERT(SIZEOF(.rela) == 0, "relocations left")
    ASSERT(SIZEOF(.plt) == 0, "procedure linkage table in use")
    ASSERT(SIZEOF(.ctors) == 0, "constructors in use")
    ASSERT(SIZEOF(.tls) == 0, "thread-local storage in use")
    ASSERT(pvh_entry == image_start, "the entry point is not at the start")
    ASSERT(text_end % 4096 == 0 && rodata_end % 4096 == 0, "segments share a page")
    ASSERT(ro_after_init_end % 4096 == 0, "read-only data shares a page with data")
    ASSERT(stack_guard % 4096 == 0 && early_tables % 4096 == 0, "stacks are not page aligned")
    ASSERT(image_end <= 0x1000000, "the image does not fit the first 16 MiB")
}
