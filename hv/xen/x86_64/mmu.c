/* SPDX-License-Identifier: ISC */
/*
 * Page tables, made once at start-up: one to one, no page both writable and executable, page 0 and
 * a page under each stack absent. All tables are in one run of pages, which arch_seal() makes
 * read-only; afterwards only arch_map_foreign() writes to them, with write protection lifted for
 * just that.
 */
#include "x86.h"

#include <string.h>

#define LARGE_PAGE UINT64_C(0x200000)
#define GIB        (UINT64_C(1) << 30)
#define ENTRIES    512U
#define ADDRESS    UINT64_C(0x000ffffffffff000)

/* accessed and dirty from the start: the processor need not set them */
#define LEAF    (PTE_PRESENT | UINT64_C(0x60))
#define LEAF_RX LEAF
#define LEAF_R  (LEAF | PTE_NX)
#define LEAF_RW (LEAF | PTE_NX | PTE_WRITE)

#define FOREIGN_TABLES_MIN 4U
#define FOREIGN_TABLES_MAX (GRANT_MAPS_MAX / ENTRIES)

static uint64_t *root HV_RO_AFTER_INIT;
static uint64_t *foreign_entries HV_RO_AFTER_INIT; /**< of the whole window, in order */
static uintptr_t foreign_start HV_RO_AFTER_INIT;
static unsigned foreign_pages HV_RO_AFTER_INIT;
static uintptr_t tables_start HV_RO_AFTER_INIT;
static uintptr_t tables_next HV_RO_AFTER_INIT;
static uintptr_t tables_end HV_RO_AFTER_INIT;
static bool sealed HV_RO_AFTER_INIT;

static uint64_t *table_new(void)
{
    uint64_t *table = (uint64_t *)tables_next;

    HV_ASSERT(tables_next < tables_end);
    tables_next += HV_PAGE_SIZE;
    memset(table, 0, HV_PAGE_SIZE);
    return table;
}

/** The entry for @address at @level (1: pages, 2: large pages), its tables made where missing. */
static uint64_t *entry_of(uint64_t address, unsigned level)
{
    uint64_t *table = root;

    for (unsigned at = 4; at > level; at--) {
        uint64_t *entry = &table[address >> (12 + 9 * (at - 1)) & (ENTRIES - 1)];

        if ((*entry & PTE_PRESENT) == 0) {
            *entry = (uintptr_t)table_new() | PTE_PRESENT | PTE_WRITE;
        }
        HV_ASSERT((*entry & PTE_LARGE) == 0);
        table = (uint64_t *)(uintptr_t)(*entry & ADDRESS);
    }
    return &table[address >> (12 + 9 * (level - 1)) & (ENTRIES - 1)];
}

static void map_small(uint64_t start, uint64_t end, uint64_t leaf)
{
    for (uint64_t address = start; address < end; address += HV_PAGE_SIZE) {
        *entry_of(address, 1) = address | leaf;
    }
}

/** Map with large pages where they fit. */
static void map_ram(uint64_t start, uint64_t end)
{
    while (start < end) {
        if (start % LARGE_PAGE == 0 && end - start >= LARGE_PAGE) {
            *entry_of(start, 2) = start | LEAF_RW | PTE_LARGE;
            start += LARGE_PAGE;
        } else {
            map_small(start, start + HV_PAGE_SIZE, LEAF_RW);
            start += HV_PAGE_SIZE;
        }
    }
}

static unsigned foreign_tables(const struct boot_info *boot)
{
    uint64_t pages = 0, tables;

    for (unsigned i = 0; i < boot->ram_count; i++) {
        pages += (boot->ram[i].end - boot->ram[i].start) / HV_PAGE_SIZE;
    }
    tables = pages / ENTRIES; /* a table for each 2 MiB: as many mappings as there are pages */
    tables = tables > FOREIGN_TABLES_MIN ? tables : FOREIGN_TABLES_MIN;
    return (unsigned)(tables < FOREIGN_TABLES_MAX ? tables : FOREIGN_TABLES_MAX);
}

/** Find the memory for all tables: at most as many as counted here; what is left is given back. */
static void tables_place(struct boot_info *boot, unsigned foreign)
{
    uint64_t pages = 16 + foreign + boot->ram_top / GIB + 2 * boot->ram_count +
                     ((uintptr_t)image_end - (uintptr_t)image_start) / LARGE_PAGE +
                     boot->module_size / LARGE_PAGE + boot->reserved_pages / ENTRIES;

    for (unsigned i = 0; i < boot->ram_count; i++) {
        uint64_t start = boot->ram[i].start;
        uint64_t end = start + pages * HV_PAGE_SIZE;

        if (end <= boot->ram[i].end && end <= 4 * GIB) {
            tables_start = tables_next = start;
            tables_end = end;
            ram_cut(boot, start, end);
            return;
        }
    }
    hv_panic("no room for %lu page tables", pages);
}

static void map_image(void)
{
    map_small((uintptr_t)image_start, (uintptr_t)text_end, LEAF_RX);
    map_small((uintptr_t)rodata_start, (uintptr_t)rodata_end, LEAF_R);
    map_small((uintptr_t)data_start, (uintptr_t)stack_guard, LEAF_RW);
    map_small((uintptr_t)stack_bottom, (uintptr_t)stack_top, LEAF_RW);
    for (uintptr_t s = (uintptr_t)exception_stacks; s < (uintptr_t)exception_stacks_end;
         s += HV_PAGE_SIZE + EXCEPTION_STACK_SIZE) {
        map_small(s + HV_PAGE_SIZE, s + HV_PAGE_SIZE + EXCEPTION_STACK_SIZE, LEAF_RW);
    }
    map_small((uintptr_t)early_tables, (uintptr_t)early_tables_end, LEAF_RW);
    map_small(hv_symbol_table.address, hv_symbol_table.address + hv_symbol_table.size, LEAF_R);
}

static void map_window(const struct boot_info *boot, unsigned foreign)
{
    uint64_t grants = boot->window + WINDOW_GRANTS;

    map_small(boot->window + WINDOW_SHARED_INFO, boot->window + WINDOW_SHARED_INFO + HV_PAGE_SIZE,
              LEAF_RW);
    map_small(grants, grants + (uint64_t)GRANT_FRAMES_MAX * HV_PAGE_SIZE, LEAF_RW);

    foreign_start = boot->window + WINDOW_FOREIGN;
    foreign_pages = foreign * ENTRIES;
    /* in this order the leaf tables are one array */
    (void)entry_of(foreign_start, 2);
    foreign_entries = (uint64_t *)tables_next;
    for (unsigned i = 0; i < foreign; i++) {
        (void)entry_of(foreign_start + i * LARGE_PAGE, 1);
    }
    HV_ASSERT(tables_next == (uintptr_t)&foreign_entries[foreign_pages]);
}

void mmu_init(struct boot_info *boot)
{
    unsigned foreign = foreign_tables(boot);

    tables_place(boot, foreign);
    root = table_new();
    map_small(tables_start, tables_end, LEAF_RW);
    for (unsigned i = 0; i < boot->ram_count; i++) {
        map_ram(boot->ram[i].start, boot->ram[i].end);
    }
    map_image();
    if (boot->console_pfn != 0) {
        map_small(boot->console_pfn * HV_PAGE_SIZE, (boot->console_pfn + 1) * HV_PAGE_SIZE,
                  LEAF_RW);
    }
    if (boot->store_pfn != 0) {
        map_small(boot->store_pfn * HV_PAGE_SIZE, (boot->store_pfn + 1) * HV_PAGE_SIZE, LEAF_RW);
    }
    map_small(boot->module, boot->module + boot->module_size, LEAF_R);
    map_small(boot->reserved, boot->reserved + (uint64_t)boot->reserved_pages * HV_PAGE_SIZE,
              LEAF_RW);
    map_window(boot, foreign);
    boot->foreign_pages = foreign_pages;
    __asm__ volatile("movq %0, %%cr3" : : "r"(root) : "memory");

    ram_give(boot, tables_next, tables_end);
    tables_end = tables_next;
    ram_give(boot, (uintptr_t)early_tables, (uintptr_t)early_tables_end);
}

static uint64_t protection_lift(void)
{
    uint64_t cr0;

    __asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("movq %0, %%cr0" : : "r"(cr0 & ~(uint64_t)CR0_WP) : "memory");
    return cr0;
}

static void protection_restore(uint64_t cr0)
{
    __asm__ volatile("movq %0, %%cr0" : : "r"(cr0) : "memory");
}

void arch_map_foreign(uintptr_t address, unsigned count, enum arch_access access)
{
    uintptr_t first = (address - foreign_start) / HV_PAGE_SIZE;
    uint64_t leaf = access == ARCH_NONE ? 0 : access == ARCH_READ ? LEAF_R : LEAF_RW;
    uint64_t cr0 = sealed ? protection_lift() : 0;

    HV_ASSERT(first < foreign_pages && count <= foreign_pages - first);
    for (unsigned i = 0; i < count; i++) {
        uintptr_t page = address + (uintptr_t)i * HV_PAGE_SIZE;

        foreign_entries[first + i] = leaf == 0 ? 0 : page | leaf;
        __asm__ volatile("invlpg %0" : : "m"(*(const char *)page) : "memory");
    }
    if (sealed) {
        protection_restore(cr0);
    }
}

/*
 * The entries of guarded pages are in tables of their own, which are not sealed: a write to CR0
 * would be an exit to Xen at each of them, and journals are written at each request. A stray store
 * would have to hit the one entry, and then the page.
 */
bool arch_guard(struct hv *hv, uintptr_t address, unsigned count)
{
    uintptr_t end = address + (uintptr_t)count * HV_PAGE_SIZE;

    for (uintptr_t at = address & ~(LARGE_PAGE - 1); at < end; at += LARGE_PAGE) {
        uint64_t *entry = entry_of(at, 2), *table = hv_page_alloc(hv, 1);

        if (table == NULL) {
            return false;
        }
        for (unsigned i = 0; i < ENTRIES; i++) {
            table[i] = (*entry & PTE_LARGE) != 0
                           ? (at + i * (uintptr_t)HV_PAGE_SIZE) | LEAF_RW
                           : ((const uint64_t *)(uintptr_t)(*entry & ADDRESS))[i];
        }
        *entry = (uintptr_t)table | PTE_PRESENT | PTE_WRITE;
    }
    __asm__ volatile("movq %0, %%cr3" : : "r"(root) : "memory");
    arch_guard_set(address, count, false);
    return true;
}

void arch_guard_set(uintptr_t address, unsigned count, bool writable)
{
    for (unsigned i = 0; i < count; i++) {
        uintptr_t page = address + (uintptr_t)i * HV_PAGE_SIZE;

        *entry_of(page, 1) = page | (writable ? LEAF_RW : LEAF_R);
        __asm__ volatile("invlpg %0" : : "m"(*(const char *)page) : "memory");
    }
}

void arch_seal(void)
{
    uint64_t cr0 = protection_lift();

    sealed = true;
    for (uintptr_t a = (uintptr_t)ro_after_init_start; a < (uintptr_t)ro_after_init_end;
         a += HV_PAGE_SIZE) {
        *entry_of(a, 1) = a | LEAF_R;
    }
    for (uintptr_t a = tables_start; a < tables_end; a += HV_PAGE_SIZE) {
        *entry_of(a, 1) = a | LEAF_R;
    }
    protection_restore(cr0);
    __asm__ volatile("movq %0, %%cr3" : : "r"(root) : "memory");
}

const char *mmu_guard_name(uintptr_t address)
{
    uintptr_t offset = address - (uintptr_t)exception_stacks;

    if (address >= (uintptr_t)stack_guard && address < (uintptr_t)stack_bottom) {
        return "main stack";
    }
    if (address >= (uintptr_t)exception_stacks && address < (uintptr_t)exception_stacks_end &&
        offset % (HV_PAGE_SIZE + EXCEPTION_STACK_SIZE) < HV_PAGE_SIZE) {
        return "exception stack";
    }
    return NULL;
}
