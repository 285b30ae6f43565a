/* SPDX-License-Identifier: ISC */
#include "crash_take.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u

static void *map(xenforeignmemory_handle *memory, uint32_t domid, uint64_t gfn, unsigned pages)
{
    xen_pfn_t *gfns = calloc(pages, sizeof(*gfns));
    void *address = NULL;

    for (unsigned i = 0; gfns && i < pages; i++)
        gfns[i] = gfn + i;
    /* No array for errors: all of them, or none. */
    if (gfns)
        address = xenforeignmemory_map(memory, domid, PROT_READ, pages, gfns, NULL);
    free(gfns);
    return address;
}

void crash_keep_begin(struct crash_keep *keep, xenforeignmemory_handle *memory, uint32_t domid,
                      uint64_t console_gfn, uint64_t journal_gfn, unsigned journal_pages)
{
    memset(keep, 0, sizeof(*keep));
    keep->memory = memory;
    if (console_gfn)
        keep->console = map(memory, domid, console_gfn, 1);
    if (journal_pages && journal_pages <= CRASH_JOURNAL_PAGES_MAX)
        keep->journal = map(memory, domid, journal_gfn, journal_pages);
    keep->journal_pages = keep->journal ? journal_pages : 0;
}

void crash_keep_end(struct crash_keep *keep)
{
    if (keep->console)
        xenforeignmemory_unmap(keep->memory, keep->console, 1);
    if (keep->journal)
        xenforeignmemory_unmap(keep->memory, keep->journal, keep->journal_pages);
    memset(keep, 0, sizeof(*keep));
}

/*
 * The memory of the dead domain: services have it mapped one to one. Many pages are mapped at once,
 * because clients wait meanwhile; where not all of them are there, the one that is asked for.
 */
#define WINDOW_PAGES 64u

struct window {
    xenforeignmemory_handle *memory;
    uint32_t domid;
    uint64_t gfn;
    unsigned count; /* 0: nothing is mapped */
    void *pages;
};

static void close_window(struct window *window)
{
    if (window->count)
        xenforeignmemory_unmap(window->memory, window->pages, window->count);
    window->count = 0;
}

static bool look(struct window *window, uint64_t gfn)
{
    if (gfn - window->gfn < window->count)
        return true;
    close_window(window);
    window->gfn = gfn - gfn % WINDOW_PAGES;
    window->count = WINDOW_PAGES;
    window->pages = map(window->memory, window->domid, window->gfn, WINDOW_PAGES);
    if (!window->pages) {
        window->gfn = gfn;
        window->count = 1;
        window->pages = map(window->memory, window->domid, gfn, 1);
    }
    if (!window->pages)
        window->count = 0;
    return window->pages;
}

static bool read_memory(void *context, uint64_t address, void *out, size_t length)
{
    struct window *window = context;

    while (length) {
        const size_t offset = address % PAGE;
        const size_t part = length < PAGE - offset ? length : PAGE - offset;

        if (!look(window, address / PAGE))
            return false;
        memcpy(out, (const char *)window->pages + (address / PAGE - window->gfn) * PAGE + offset,
               part);
        out = (char *)out + part;
        address += part;
        length -= part;
    }
    return true;
}

static void take_registers(xc_interface *xch, uint32_t domid, struct crash_registers *registers)
{
    vcpu_guest_context_any_t context;
    const struct cpu_user_regs *r = &context.c.user_regs;

    memset(registers, 0, sizeof(*registers));
    memset(&context, 0, sizeof(context));
    if (xc_vcpu_getcontext(xch, domid, 0, &context))
        return;
    *registers = (struct crash_registers){
        .known = true,
        .value = {[CRASH_RAX] = r->rax,
                  [CRASH_RBX] = r->rbx,
                  [CRASH_RCX] = r->rcx,
                  [CRASH_RDX] = r->rdx,
                  [CRASH_RSI] = r->rsi,
                  [CRASH_RDI] = r->rdi,
                  [CRASH_RBP] = r->rbp,
                  [CRASH_RSP] = r->rsp,
                  [CRASH_R8] = r->r8,
                  [CRASH_R9] = r->r9,
                  [CRASH_R10] = r->r10,
                  [CRASH_R11] = r->r11,
                  [CRASH_R12] = r->r12,
                  [CRASH_R13] = r->r13,
                  [CRASH_R14] = r->r14,
                  [CRASH_R15] = r->r15,
                  [CRASH_RIP] = r->rip,
                  [CRASH_RFLAGS] = r->rflags},
        .cr2 = context.c.ctrlreg[2],
        .cr3 = context.c.ctrlreg[3],
    };
}

/* Bytes of [from, to) that are not as @expected; false: not all can be read. */
static bool compare(const struct crash_memory *memory, uint64_t from, uint64_t to,
                    const uint8_t *expected, uint64_t *changed, uint64_t *first)
{
    uint8_t page[PAGE];

    *changed = 0;
    for (uint64_t at = from, part; at < to; at += part) {
        part = to - at < PAGE ? to - at : PAGE;
        if (!memory->read(memory->context, at, page, part))
            return false;
        if (memcmp(page, expected + (at - from), part) == 0)
            continue;
        for (uint64_t i = 0; i < part; i++) {
            if (page[i] == expected[at - from + i])
                continue;
            if (!(*changed)++)
                *first = at + i;
        }
    }
    return true;
}

/* Is it that image? The table of names is nobody's to write; the code may have been overwritten. */
static void check_image(const struct crash_memory *memory, const struct crash_symbols *symbols,
                        struct crash_taken *taken)
{
    uint64_t changed, first;

    if (!compare(memory, symbols->table, symbols->table_end, symbols->table_contents, &changed,
                 &first))
        return;
    taken->other_image = changed > 0;
    taken->checked =
        taken->other_image || compare(memory, symbols->text, symbols->text_end, symbols->code,
                                      &taken->changed, &taken->first_changed);
}

void crash_take(xc_interface *xch, const struct crash_keep *keep, uint32_t domid,
                const struct image *image, struct crash_taken *taken)
{
    struct window window = {.memory = keep->memory, .domid = domid};
    const struct crash_memory memory = {.read = read_memory, .context = &window};
    struct crash_symbols symbols = {0};

    memset(taken, 0, sizeof(*taken));
    take_registers(xch, domid, &taken->registers);
    if (image->data && crash_symbols_read(image->data, image->size, &symbols))
        check_image(&memory, &symbols, taken);
    if (taken->other_image)
        memset(&symbols, 0, sizeof(symbols));
    crash_backtrace(&taken->registers, &memory, &symbols, &taken->backtrace);
    if (keep->console)
        taken->console_length =
            crash_console_clean(taken->console, crash_console_copy(keep->console, taken->console));
    close_window(&window);
}
