/* SPDX-License-Identifier: ISC */
/**
 * @file test_crash_image.h
 * A small image as hv/xen/finish.py makes them: code, and a table of the names of its functions.
 */
#ifndef TEST_CRASH_IMAGE_H
#define TEST_CRASH_IMAGE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TEST_TEXT      0x100000u
#define TEST_TEXT_SIZE 0x500u
#define TEST_TABLE     0x110000u
#define TEST_FUNCTIONS 5u

struct test_image {
    uint8_t bytes[4096];
    size_t size, text, table, table_size;
};

static inline void test_image_make(struct test_image *image)
{
    static const struct {
        uint32_t address;
        const char *name;
    } functions[TEST_FUNCTIONS] = {{TEST_TEXT, "pvh_entry"},
                                   {TEST_TEXT + 0x100, "hv_main"},
                                   {TEST_TEXT + 0x200, "work"},
                                   {TEST_TEXT + 0x300, "hv_exit"},
                                   {TEST_TEXT + 0x400, "trap_common"}};
    const uint32_t count = TEST_FUNCTIONS;
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
                         .e_type = ET_EXEC,
                         .e_machine = EM_X86_64,
                         .e_phoff = sizeof(header),
                         .e_phentsize = sizeof(Elf64_Phdr),
                         .e_phnum = 2};
    Elf64_Phdr segments[2] = {{.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = TEST_TEXT},
                              {.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = TEST_TABLE}};
    size_t at = sizeof(header) + sizeof(segments);

    memset(image, 0, sizeof(*image));
    image->text = at;
    memset(image->bytes + at, 0x90, TEST_TEXT_SIZE);
    image->table = at += TEST_TEXT_SIZE;
    memcpy(image->bytes + at, &count, sizeof(count));
    at += sizeof(count);
    for (unsigned i = 0; i < TEST_FUNCTIONS; i++, at += sizeof(uint32_t))
        memcpy(image->bytes + at, &functions[i].address, sizeof(uint32_t));
    for (unsigned i = 0; i < TEST_FUNCTIONS; i++) {
        strcpy((char *)image->bytes + at, functions[i].name);
        at += strlen(functions[i].name) + 1;
    }
    image->size = at;
    image->table_size = at - image->table;
    segments[0].p_offset = image->text;
    segments[0].p_filesz = segments[0].p_memsz = TEST_TEXT_SIZE;
    segments[1].p_offset = image->table;
    segments[1].p_filesz = segments[1].p_memsz = image->table_size;
    memcpy(image->bytes, &header, sizeof(header));
    memcpy(image->bytes + sizeof(header), segments, sizeof(segments));
}

#endif
