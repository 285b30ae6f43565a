/* SPDX-License-Identifier: ISC */
/** @file What a dead service leaves: names, backtrace, console, report; of domains that are made
 * up. */
#include "crash.h"
#include "crash_store.h"
#include "exit_codes.h"
#include "test_crash_image.h"
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the domain: memory from 0 on, and what libxenctrl says of it ---------------------------- */

#define PAGES 0x160u
#define STACK 0x140000u

static uint8_t memory[PAGES][4096];
static bool destroyed, no_registers;
static unsigned mapped;
static vcpu_guest_context_any_t context;

int xc_vcpu_getcontext(xc_interface *xch, uint32_t domid, uint32_t vcpu,
                       vcpu_guest_context_any_t *out)
{
    ck_assert_uint_eq(domid, 3);
    ck_assert_uint_eq(vcpu, 0);
    if (no_registers)
        return -1;
    *out = context;
    return 0;
}

void *xenforeignmemory_map(xenforeignmemory_handle *fmem, uint32_t dom, int prot, size_t pages,
                           const xen_pfn_t arr[], int err[])
{
    ck_assert_uint_eq(dom, 3);
    ck_assert(!err);
    for (size_t i = 0; i < pages; i++) {
        if (destroyed || arr[i] >= PAGES || arr[i] != arr[0] + i)
            return NULL;
    }
    mapped += (unsigned)pages;
    return memory[arr[0]];
}

int xenforeignmemory_unmap(xenforeignmemory_handle *fmem, void *addr, size_t pages)
{
    ck_assert_uint_ge(mapped, pages);
    mapped -= (unsigned)pages;
    return 0;
}

static void poke(uint64_t address, uint64_t value)
{
    memcpy((uint8_t *)memory + address, &value, sizeof(value));
}

static struct test_image elf;
static struct image image;
static struct crash_keep keep;
static struct crash_taken taken;
static char dir[64];

static void setup(void)
{
    memset(memory, 0, sizeof(memory));
    memset(&context, 0, sizeof(context));
    destroyed = no_registers = false;
    mapped = 0;
    test_image_make(&elf);
    image = (struct image){.data = elf.bytes, .size = elf.size};
    memcpy((uint8_t *)memory + TEST_TEXT, elf.bytes + elf.text, TEST_TEXT_SIZE);
    memcpy((uint8_t *)memory + TEST_TABLE, elf.bytes + elf.table, elf.table_size);
    strcpy(dir, "/tmp/test-crash-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
    char command[128];

    ck_assert_uint_eq(mapped, 0);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static void write_console(const char *text)
{
    struct xencons_interface *ring = (void *)memory[0x150];

    for (; *text; text++)
        ring->out[ring->out_prod++ % sizeof(ring->out)] = *text;
    ring->out_cons = ring->out_prod; /* somebody has read it */
}

static void take(void)
{
    crash_keep_begin(&keep, NULL, 3, 0x150, 0, 0);
    crash_take(NULL, &keep, 3, &image, &taken);
    crash_keep_end(&keep);
}

/* --- names ------------------------------------------------------------------------------------ */

START_TEST(names_of_functions)
{
    struct crash_symbols symbols;
    uint64_t offset;

    ck_assert(crash_symbols_read(elf.bytes, elf.size, &symbols));
    ck_assert_uint_eq(symbols.count, TEST_FUNCTIONS);
    ck_assert_str_eq(crash_symbols_find(&symbols, TEST_TEXT, &offset), "pvh_entry");
    ck_assert_uint_eq(offset, 0);
    ck_assert_str_eq(crash_symbols_find(&symbols, TEST_TEXT + 0x1ff, &offset), "hv_main");
    ck_assert_uint_eq(offset, 0xff);
    ck_assert_str_eq(crash_symbols_find(&symbols, TEST_TEXT + TEST_TEXT_SIZE - 1, &offset),
                     "trap_common");
    ck_assert_ptr_null(crash_symbols_find(&symbols, TEST_TEXT + TEST_TEXT_SIZE, &offset));
    ck_assert_ptr_null(crash_symbols_find(&symbols, TEST_TEXT - 1, &offset));
    ck_assert_ptr_null(crash_symbols_find(&symbols, UINT64_MAX, &offset));
}
END_TEST

START_TEST(damaged_names)
{
    struct crash_symbols symbols;
    uint32_t number;

    for (size_t size = 0; size < elf.size;
         size++) /* cut off anywhere: whatever it says is bounded */
        (void)crash_symbols_read(elf.bytes, size, &symbols);
    for (unsigned i = 0; i < 3; i++) {
        static const uint32_t counts[] = {0, TEST_FUNCTIONS + 1, UINT32_MAX};

        memcpy(elf.bytes + elf.table, &counts[i], 4);
        ck_assert(!crash_symbols_read(elf.bytes, elf.size, &symbols));
    }
    test_image_make(&elf);
    number = TEST_TEXT; /* two functions at one place */
    memcpy(elf.bytes + elf.table + 8, &number, 4);
    ck_assert(!crash_symbols_read(elf.bytes, elf.size, &symbols));
    test_image_make(&elf);
    elf.bytes[elf.table + elf.table_size - 1] = 'x'; /* the last name has no end */
    ck_assert(!crash_symbols_read(elf.bytes, elf.size, &symbols));
}
END_TEST

/* --- where it was ----------------------------------------------------------------------------- */

static void frame_is(unsigned i, enum crash_frame_kind kind, const char *name, uint64_t offset)
{
    const struct crash_frame *frame = &taken.backtrace.frames[i];

    ck_assert_uint_lt(i, taken.backtrace.count);
    ck_assert_int_eq(frame->kind, kind);
    if (name)
        ck_assert_str_eq(frame->name, name);
    else
        ck_assert_ptr_null(frame->name);
    ck_assert_uint_eq(frame->offset, offset);
}

START_TEST(frame_pointers)
{
    context.c.user_regs.rip = TEST_TEXT + 0x210;
    context.c.user_regs.rbp = STACK + 0x100;
    context.c.user_regs.rsp = STACK + 0xf0;
    poke(STACK + 0x100, STACK + 0x140);
    poke(STACK + 0x108, TEST_TEXT + 0x150);
    poke(STACK + 0x140, 0);
    poke(STACK + 0x148, TEST_TEXT + 0x20);
    poke(STACK + 0xf0, TEST_TEXT + 0x230); /* it has no frame of its own */
    take();
    ck_assert_uint_eq(taken.backtrace.count, 4);
    frame_is(1, CRASH_FRAME_SCANNED, "work", 0x2f);
    poke(STACK + 0xf0, 0);
    take();
    ck_assert_uint_eq(taken.backtrace.count, 3);
    frame_is(0, CRASH_FRAME_AT, "work", 0x10);
    frame_is(1, CRASH_FRAME_CALLER, "hv_main", 0x4f);
    frame_is(2, CRASH_FRAME_CALLER, "pvh_entry", 0x1f);
    ck_assert(!taken.backtrace.fault);
    ck_assert(taken.checked && !taken.other_image);
    ck_assert_uint_eq(taken.changed, 0);
}
END_TEST

/* The panic's own frames are on another stack; below them is what has faulted. */
START_TEST(an_exception)
{
    context.c.user_regs.rip = TEST_TEXT + 0x300;
    context.c.user_regs.rbp = STACK + 0x2000;
    poke(STACK + 0x2000, 0xdead); /* what the code that was interrupted had in its rbp */
    poke(STACK + 0x2008, TEST_TEXT + 0x410);
    poke(STACK + 0x2010 + 10 * 8, STACK + 0x100); /* rbp */
    poke(STACK + 0x2010 + 14 * 8, 0x1234);        /* rax */
    poke(STACK + 0x2010 + 15 * 8, 14);
    poke(STACK + 0x2010 + 16 * 8, 2);
    poke(STACK + 0x2010 + 17 * 8, TEST_TEXT + 0x222);
    poke(STACK + 0x2010 + 20 * 8, STACK + 0xe0); /* rsp */
    poke(STACK + 0x108, TEST_TEXT + 0x150);
    take();
    ck_assert_uint_eq(taken.backtrace.count, 4);
    frame_is(0, CRASH_FRAME_AT, "hv_exit", 0);
    frame_is(1, CRASH_FRAME_CALLER, "trap_common", 0xf);
    frame_is(2, CRASH_FRAME_EXCEPTION, "work", 0x22);
    frame_is(3, CRASH_FRAME_CALLER, "hv_main", 0x4f);
    ck_assert(taken.backtrace.fault);
    ck_assert_uint_eq(taken.backtrace.vector, 14);
    ck_assert_uint_eq(taken.backtrace.error, 2);
    ck_assert_uint_eq(taken.backtrace.registers.value[CRASH_RAX], 0x1234);
    ck_assert_str_eq(crash_exception_name(14), "page fault");
}
END_TEST

START_TEST(no_frame_pointers)
{
    context.c.user_regs.rip = 0x10; /* nowhere */
    context.c.user_regs.rbp = 0x123;
    context.c.user_regs.rsp = STACK + 0x104;
    poke(STACK + 0x110, TEST_TEXT + 0x150);
    poke(STACK + 0x118, TEST_TEXT); /* no call ends before its start */
    poke(STACK + 0x120, TEST_TEXT + 0x20);
    take();
    ck_assert_uint_eq(taken.backtrace.count, 3);
    frame_is(0, CRASH_FRAME_AT, NULL, 0);
    frame_is(1, CRASH_FRAME_SCANNED, "hv_main", 0x4f);
    frame_is(2, CRASH_FRAME_SCANNED, "pvh_entry", 0x1f);
}
END_TEST

/* Frames that turn in a circle, lead out of memory, or never end. */
START_TEST(hostile_frames)
{
    context.c.user_regs.rip = TEST_TEXT + 0x210;
    context.c.user_regs.rbp = STACK;
    context.c.user_regs.rsp = UINT64_MAX;
    poke(STACK, STACK); /* itself */
    poke(STACK + 8, TEST_TEXT + 0x150);
    take();
    ck_assert_uint_eq(taken.backtrace.count, 2);
    poke(STACK, UINT64_MAX - 7);
    take();
    ck_assert_uint_eq(taken.backtrace.count, 2);
    context.c.user_regs.rbp = UINT64_MAX;
    take();
    ck_assert_uint_eq(taken.backtrace.count, 1);
    context.c.user_regs.rbp = STACK;
    for (unsigned i = 0; i < 200; i++) {
        poke(STACK + i * 16, STACK + i * 16 + 16);
        poke(STACK + i * 16 + 8, TEST_TEXT + 0x410); /* an exception in an exception */
    }
    take();
    ck_assert_uint_le(taken.backtrace.count, CRASH_FRAMES_MAX);
    memset(memory[STACK / 4096], 0xff, 4096);
    for (unsigned i = 0; i < 4096; i += 8)
        poke(STACK + i, TEST_TEXT + 0x150);
    context.c.user_regs.rbp = 1;
    context.c.user_regs.rsp = STACK;
    take();
    ck_assert_uint_eq(taken.backtrace.count, CRASH_FRAMES_MAX);
}
END_TEST

START_TEST(another_image)
{
    context.c.user_regs.rip = TEST_TEXT + 0x210;
    memory[TEST_TABLE / 4096][elf.table_size - 3] ^= 1;
    take();
    ck_assert(taken.checked && taken.other_image);
    ck_assert_uint_eq(taken.backtrace.count, 1);
    frame_is(0, CRASH_FRAME_AT, NULL, 0);
    memory[TEST_TABLE / 4096][elf.table_size - 3] ^= 1;
    memory[TEST_TEXT / 4096][0x211] ^= 1;
    memory[TEST_TEXT / 4096][0x310] ^= 1;
    take();
    ck_assert(taken.checked && !taken.other_image);
    ck_assert_uint_eq(taken.changed, 2);
    ck_assert_uint_eq(taken.first_changed, TEST_TEXT + 0x211);
    frame_is(0, CRASH_FRAME_AT, "work", 0x10);
}
END_TEST

/* Only what was kept is left. */
START_TEST(a_destroyed_domain)
{
    write_console("the last words\n");
    crash_keep_begin(&keep, NULL, 3, 0x150, 0x100, 2);
    ck_assert_ptr_nonnull(keep.journal);
    destroyed = no_registers = true;
    crash_take(NULL, &keep, 3, &image, &taken);
    crash_keep_end(&keep);
    ck_assert(!taken.registers.known && !taken.checked && !taken.backtrace.count);
    ck_assert_uint_eq(taken.console_length, 15);
    ck_assert_mem_eq(taken.console, "the last words\n", 15);
    crash_keep_begin(&keep, NULL, 3, 0x150, 0x100, 2);
    ck_assert(!keep.console && !keep.journal && !keep.journal_pages);
    crash_take(NULL, &keep, 3, &(struct image){0}, &taken);
    ck_assert_uint_eq(taken.console_length, 0);
    crash_keep_end(&keep);
}
END_TEST

/* --- console ---------------------------------------------------------------------------------- */

START_TEST(console)
{
    struct xencons_interface *ring = (void *)memory[0x150];
    char text[CRASH_CONSOLE_MAX + 1];
    size_t length;

    write_console("one\r\ntwo\x1b[2Jthree");
    length = crash_console_clean(text, crash_console_copy(ring, text));
    ck_assert_uint_eq(length, 17);
    ck_assert_mem_eq(text, "one\ntwo.[2Jthree\n", 17);
    for (unsigned i = 0; i < 1000; i++)
        write_console("0123456789\n");
    length = crash_console_clean(text, crash_console_copy(ring, text));
    ck_assert_uint_gt(length, CRASH_CONSOLE_MAX - 11);
    ck_assert_uint_eq(length % 11, 0); /* whole lines */
    memset(ring->out, 'x', sizeof(ring->out));
    length = crash_console_clean(text, crash_console_copy(ring, text));
    ck_assert_uint_eq(length, CRASH_CONSOLE_MAX + 1);
    ring->out_prod = UINT32_MAX; /* wild */
    (void)crash_console_copy(ring, text);
    ring->out_prod = 0;
    ck_assert_uint_eq(crash_console_copy(ring, text), 0);
}
END_TEST

/* --- report and store ------------------------------------------------------------------------- */

static const struct record record = {.service = "switch",
                                     .domid = 3,
                                     .started = 1795000000,
                                     .kernel = "/lib/switch.elf",
                                     .cmdline = "watchdog=5"};

static struct crash_report report_at(uint64_t died_ns)
{
    return (struct crash_report){.record = &record,
                                 .reason = "crashed",
                                 .died_ns = died_ns,
                                 .row = 1,
                                 .journal_bytes = 4,
                                 .taken = &taken};
}

static char said[1024];

static int store(uint64_t died_ns, unsigned keep_count, char name[CRASH_NAME_MAX])
{
    const struct crash_report death = report_at(died_ns);
    FILE *out = fmemopen(said, sizeof(said), "w");
    struct report report;
    int rc;

    report_init(&report, "watchd", out, 0);
    rc = crash_store_write(&report, dir, &death, "log!", keep_count, name);
    fclose(out);
    return rc;
}

START_TEST(stored)
{
    char name[CRASH_NAME_MAX], path[PATH_MAX], why[256], text[8192];
    struct stat st;
    json_t *json;
    FILE *f;

    write_console("panic: \\ it \"fell\"\n");
    context.c.user_regs.rip = TEST_TEXT + 0x210;
    context.c.user_regs.rbp = 0;
    take();
    strcat(dir, "/a/b");
    ck_assert_int_eq(store(1795000090123000000, 2, name), 0);
    ck_assert_str_eq(name, "switch-20261118T110810.123Z");
    ck_assert_int_eq(stat(dir, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
    json = crash_store_read(dir, name, why, sizeof(why));
    ck_assert_ptr_nonnull(json);
    ck_assert_str_eq(json_string_value(json_object_get(json, "reason")), "crashed");
    ck_assert_str_eq(json_string_value(json_object_get(
                         json_array_get(json_object_get(json, "backtrace"), 0), "function")),
                     "work");
    ck_assert_str_eq(json_string_value(json_array_get(json_object_get(json, "console"), 0)),
                     "panic: \\\\ it \"fell\"");
    ck_assert(json_is_null(json_object_get(json, "fault")));
    json_decref(json);
    strcat(path, "/report.txt");
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    ck_assert_ptr_nonnull(strstr(text, "it crashed, seen at 2026-11-18T11:08:10.123Z"));
    ck_assert_ptr_nonnull(strstr(text, "work+0x10\n"));
    ck_assert_ptr_nonnull(strstr(text, "  | panic: \\ it \"fell\"\n"));
    ck_assert_ptr_nonnull(strstr(text, "rip    0000000000100210"));
    snprintf(path, sizeof(path), "%s/%s/journal", dir, name);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_size, 4);
    *strstr(dir, "/a/b") = '\0';
}
END_TEST

START_TEST(oldest_go)
{
    char name[CRASH_NAME_MAX], path[PATH_MAX], (*names)[CRASH_NAME_MAX];
    size_t count;

    memset(&taken, 0, sizeof(taken));
    snprintf(path, sizeof(path), "%s/monitor-20200101T000000.000Z", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0); /* of another service */
    snprintf(path, sizeof(path), "%s/switch-", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0); /* no report */
    for (unsigned i = 0; i < 5; i++)
        ck_assert_int_eq(store(1795000000000000000 + i * 1000000000ull, 3, name), 0);
    ck_assert_int_eq(crash_store_list(dir, "switch", &names, &count), 0);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(names[0], "switch-20261118T110642.000Z");
    ck_assert_str_eq(names[2], name);
    free(names);
    ck_assert_int_eq(crash_store_list(dir, NULL, &names, &count), 0);
    ck_assert_uint_eq(count, 4);
    ck_assert_str_eq(names[0], "monitor-20200101T000000.000Z");
    free(names);
    ck_assert_int_eq(crash_store_list("/nowhere/at/all", NULL, &names, &count), 0);
    ck_assert_uint_eq(count, 0);
    /* The same moment twice: refused, and what is there stays. */
    ck_assert_int_eq(store(1795000000000000000 + 4000000000ull, 3, name), ATOLL_FAILURE);
    ck_assert_ptr_nonnull(strstr(said, "cannot write the report"));
}
END_TEST

START_TEST(names_of_reports)
{
    size_t length;

    ck_assert(crash_store_name("a-b-20261118T110642.000Z", &length));
    ck_assert_uint_eq(length, 3);
    ck_assert(!crash_store_name("-20261118T110642.000Z", &length));
    ck_assert(!crash_store_name("x/y-20261118T110642.000Z", &length));
    ck_assert(!crash_store_name("../x-20261118T110642.000Z", &length));
    ck_assert(!crash_store_name("a-2026111xT110642.000Z", &length));
    ck_assert(!crash_store_name("switch", &length));
    ck_assert(!crash_store_name("", &length));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash");
    TCase *all = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, names_of_functions);
    tcase_add_test(all, damaged_names);
    tcase_add_test(all, frame_pointers);
    tcase_add_test(all, an_exception);
    tcase_add_test(all, no_frame_pointers);
    tcase_add_test(all, hostile_frames);
    tcase_add_test(all, another_image);
    tcase_add_test(all, a_destroyed_domain);
    tcase_add_test(all, console);
    tcase_add_test(all, stored);
    tcase_add_test(all, oldest_go);
    tcase_add_test(all, names_of_reports);
    suite_add_tcase(suite, all);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
