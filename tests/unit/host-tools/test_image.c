/* SPDX-License-Identifier: ISC */
/** @file The image checker: good images pass, each kind of bad one is named, no bytes harm it. */
#include "common/state_note.h"
#include "image.h"
#include <check.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xen/elfnote.h>

/* A small good image: ELF header, three program headers, a note, some code. */
struct sample {
    Elf64_Ehdr eh;
    Elf64_Phdr ph[3];
    Elf64_Nhdr nh;
    char name[4];
    uint32_t entry;
    struct state_note state;
    uint8_t code[64];
};

#define LOAD_ADDR 0x100000u

static void make(struct sample *s)
{
    memset(s, 0, sizeof(*s));
    memcpy(s->eh.e_ident, ELFMAG, SELFMAG);
    s->eh.e_ident[EI_CLASS] = ELFCLASS64;
    s->eh.e_ident[EI_DATA] = ELFDATA2LSB;
    s->eh.e_type = ET_EXEC;
    s->eh.e_machine = EM_X86_64;
    s->eh.e_phoff = offsetof(struct sample, ph);
    s->eh.e_phentsize = sizeof(Elf64_Phdr);
    s->eh.e_phnum = 3;
    s->ph[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                            .p_flags = PF_R | PF_X,
                            .p_offset = offsetof(struct sample, code),
                            .p_filesz = sizeof(s->code),
                            .p_memsz = sizeof(s->code),
                            .p_paddr = LOAD_ADDR};
    s->ph[1] = (Elf64_Phdr){.p_type = PT_LOAD,
                            .p_flags = PF_R | PF_W,
                            .p_memsz = 0x10000,
                            .p_paddr = LOAD_ADDR + 0x1000};
    s->ph[2] = (Elf64_Phdr){
        .p_type = PT_NOTE, .p_offset = offsetof(struct sample, nh), .p_filesz = sizeof(s->nh) + 8};
    s->nh = (Elf64_Nhdr){.n_namesz = 4, .n_descsz = 4, .n_type = XEN_ELFNOTE_PHYS32_ENTRY};
    memcpy(s->name, "Xen", 4);
    s->entry = LOAD_ADDR + 8;
}

static char why[256];

static int check(const void *data, size_t size, unsigned memory_mb, struct image *img)
{
    /* A block of exactly that size, so that a sanitizer sees any byte read behind it. */
    void *copy = malloc(size ? size : 1);
    int rc;

    memcpy(copy, data, size);
    why[0] = '\0';
    rc = image_check(copy, size, memory_mb, img, why, sizeof(why));
    free(copy);
    return rc;
}

static void expect_bad(const struct sample *s, const char *word)
{
    struct image img;

    ck_assert_int_eq(check(s, sizeof(*s), 8, &img), -ENOEXEC);
    ck_assert_msg(strstr(why, word) != NULL, "\"%s\" does not say \"%s\"", why, word);
}

START_TEST(good_image)
{
    struct sample s;
    struct image img;

    make(&s);
    ck_assert_int_eq(check(&s, sizeof(s), 8, &img), 0);
    ck_assert_uint_eq(img.start_addr, LOAD_ADDR);
    ck_assert_uint_eq(img.end_addr, LOAD_ADDR + 0x11000);
    ck_assert_uint_eq(img.entry, LOAD_ADDR + 8);
}
END_TEST

static void add_state(struct sample *s, uint32_t writes, uint32_t from, uint32_t to)
{
    make(s);
    s->ph[2].p_filesz += sizeof(s->state);
    s->state = (struct state_note){
        .name_size = sizeof(STATE_NOTE_OWNER),
        .desc_size = 12,
        .type = STATE_NOTE_TYPE,
        .name = STATE_NOTE_OWNER,
        .writes = writes,
        .reads_from = from,
        .reads_to = to,
    };
}

/* What an image says of its state is found behind the other note; nonsense is taken for nothing. */
START_TEST(state)
{
    struct image img;
    struct sample s;

    add_state(&s, 3, 2, 4);
    ck_assert_int_eq(check(&s, sizeof(s), 8, &img), 0);
    ck_assert_uint_eq(img.entry, LOAD_ADDR + 8);
    ck_assert_uint_eq(img.state_writes, 3);
    ck_assert_uint_eq(img.state_reads_from, 2);
    ck_assert_uint_eq(img.state_reads_to, 4);
    make(&s);
    ck_assert_int_eq(check(&s, sizeof(s), 8, &img), 0);
    ck_assert_uint_eq(img.state_writes + img.state_reads_from + img.state_reads_to, 0);
    for (int i = 0; i < 6; i++) {
        add_state(&s, i == 0 ? 0 : 1, i == 1 ? 0 : i == 2 ? 5 : 1, 4);
        s.state.name[4] ^= i == 3;
        s.state.type += i == 4;
        s.state.desc_size = i == 5 ? 16 : 12;
        ck_assert_int_eq(check(&s, sizeof(s), 8, &img), 0);
        ck_assert_uint_eq(img.state_reads_to, 0);
    }
}
END_TEST

START_TEST(wrong_files)
{
    const uint8_t gzip[32] = {0x1f, 0x8b, 8};
    struct sample s;
    struct image img;

    make(&s);
    s.eh.e_ident[EI_CLASS] = ELFCLASS32;
    expect_bad(&s, "another machine");
    make(&s);
    s.eh.e_machine = EM_AARCH64;
    expect_bad(&s, "another machine");
    make(&s);
    s.eh.e_type = ET_DYN;
    expect_bad(&s, "fixed addresses");
    make(&s);
    s.eh.e_ident[0] = 0;
    expect_bad(&s, "not an ELF file");
    ck_assert_int_eq(check(gzip, sizeof(gzip), 8, &img), -ENOEXEC);
    ck_assert_ptr_nonnull(strstr(why, "gunzip"));
    ck_assert_int_eq(check("", 0, 8, &img), -ENOEXEC);
}
END_TEST

START_TEST(no_pvh_entry)
{
    struct sample s;

    make(&s);
    s.nh.n_type = XEN_ELFNOTE_ENTRY;
    expect_bad(&s, "no PVH entry");
    make(&s);
    s.name[0] = 'Y';
    expect_bad(&s, "no PVH entry");
    make(&s);
    s.nh.n_descsz = UINT32_MAX;
    expect_bad(&s, "no PVH entry");
    make(&s);
    s.nh.n_namesz = UINT32_MAX;
    expect_bad(&s, "no PVH entry");
    make(&s);
    s.entry = LOAD_ADDR + 0x1000; /* data */
    expect_bad(&s, "is no code of it");
    make(&s);
    s.entry = LOAD_ADDR - 1;
    expect_bad(&s, "is no code of it");
}
END_TEST

START_TEST(damaged)
{
    struct sample s;

    make(&s);
    s.eh.e_phoff = UINT64_MAX - 8;
    expect_bad(&s, "program headers");
    make(&s);
    s.eh.e_phnum = UINT16_MAX;
    expect_bad(&s, "program headers");
    make(&s);
    s.ph[0].p_offset = UINT64_MAX;
    expect_bad(&s, "behind its end");
    make(&s);
    s.ph[0].p_filesz = sizeof(s);
    s.ph[0].p_memsz = sizeof(s);
    expect_bad(&s, "behind its end");
    make(&s);
    s.ph[0].p_memsz = 1;
    expect_bad(&s, "size of segment 0");
    make(&s);
    s.ph[1].p_paddr = UINT64_MAX - 1;
    expect_bad(&s, "size of segment 1");
    make(&s);
    s.ph[0].p_type = s.ph[1].p_type = PT_NULL;
    expect_bad(&s, "nothing to load");
}
END_TEST

START_TEST(must_fit_memory)
{
    struct sample s;
    struct image img;

    make(&s);
    ck_assert_int_eq(check(&s, sizeof(s), 1, &img), -ENOEXEC);
    ck_assert_ptr_nonnull(strstr(why, "raise --memory"));
    ck_assert_int_eq(check(&s, sizeof(s), 2, &img), 0);
    /* The last byte that leaves room for start_info, and the one behind it. */
    s.ph[1].p_memsz = (2u << 20) - IMAGE_TAIL_ROOM - s.ph[1].p_paddr;
    ck_assert_int_eq(check(&s, sizeof(s), 2, &img), 0);
    s.ph[1].p_memsz++;
    ck_assert_int_eq(check(&s, sizeof(s), 2, &img), -ENOEXEC);
}
END_TEST

/* Every prefix, and many images with a few bytes changed: a verdict, no fault. */
START_TEST(any_bytes)
{
    struct sample s;
    struct image img;
    uint32_t seed = 1;

    make(&s);
    for (size_t n = 0; n < offsetof(struct sample, code) + sizeof(s.code); n++)
        ck_assert_int_eq(check(&s, n, 8, &img), -ENOEXEC);
    for (int i = 0; i < 50000; i++) {
        make(&s);
        for (int k = 0; k < 3; k++) {
            seed = seed * 1664525 + 1013904223;
            ((uint8_t *)&s)[(seed >> 8) % sizeof(s)] = (uint8_t)(seed >> 24);
        }
        if (check(&s, sizeof(s), 8, &img) == 0)
            ck_assert(img.start_addr < img.end_addr && img.end_addr <= 8u << 20);
    }
}
END_TEST

START_TEST(load_from_file)
{
    char path[] = "/tmp/atoll-image-XXXXXX";
    int fd = mkstemp(path);
    struct sample s;
    struct image img;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(image_load(path, 8, &img, why, sizeof(why)), -ENOEXEC); /* empty */
    ck_assert_ptr_nonnull(strstr(why, "0 bytes"));
    make(&s);
    ck_assert_int_eq(write(fd, &s, sizeof(s)), sizeof(s));
    close(fd);
    ck_assert_int_eq(image_load(path, 8, &img, why, sizeof(why)), 0);
    ck_assert_uint_eq(img.size, sizeof(s));
    ck_assert_mem_eq(img.data, &s, sizeof(s));
    image_free(&img);
    unlink(path);
    ck_assert_int_eq(image_load(path, 8, &img, why, sizeof(why)), -ENOENT);
    ck_assert_ptr_nonnull(strstr(why, "--kernel"));
    ck_assert_int_ne(image_load("/", 8, &img, why, sizeof(why)), 0);
    ck_assert_ptr_nonnull(strstr(why, "not a file"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image");
    TCase *tc = tcase_create("image");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, good_image);
    tcase_add_test(tc, wrong_files);
    tcase_add_test(tc, state);
    tcase_add_test(tc, no_pvh_entry);
    tcase_add_test(tc, damaged);
    tcase_add_test(tc, must_fit_memory);
    tcase_add_test(tc, any_bytes);
    tcase_add_test(tc, load_from_file);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
