/* SPDX-License-Identifier: ISC */
/* From the entry point to platform_start(): what Xen says of the machine, then the page tables. */
#include "x86.h"

#include <string.h>

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/e820.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>

#include "../hypercall.h"

#define MAP_ENTRIES_MAX 128U
#define MODULES_MAX     8U
#define GIB             (UINT64_C(1) << 30)
#define ADDRESS_LIMIT   (512 * GIB) /* what one table of the third level maps */

/** Pages of the toolstack at the top, counted in the reservation: X86_HVM_NR_SPECIAL_PAGES, twice.
 */
#define SPECIAL_PAGES 16U

/** One entry of either memory map: XENMEM_memory_map and the start info agree but for padding. */
struct map_entry {
    uint64_t start, size;
    uint32_t type;
};

/** As XENMEM_memory_map writes them: 20 bytes each (xen/include/public/arch-x86/hvm, e820). */
struct e820_entry {
    uint64_t start, size;
    uint32_t type;
} __attribute__((packed));

#define E820_TYPE_RAM 1U

struct memory_map {
    struct map_entry entries[MAP_ENTRIES_MAX];
    unsigned count;
};

static struct boot_info the_boot;
static struct memory_map the_map;
static struct e820_entry e820[MAP_ENTRIES_MAX];

static void ram_insert(struct boot_info *boot, uint64_t start, uint64_t end)
{
    unsigned at = boot->ram_count;

    if (start >= end || boot->ram_count == RAM_RANGES_MAX) {
        return;
    }
    for (; at > 0 && boot->ram[at - 1].start > start; at--) {
        boot->ram[at] = boot->ram[at - 1];
    }
    boot->ram[at] = (struct ram_range){start, end};
    boot->ram_count++;
}

void ram_give(struct boot_info *boot, uint64_t start, uint64_t end)
{
    for (unsigned i = 0; i < boot->ram_count; i++) {
        if (boot->ram[i].start == end) {
            boot->ram[i].start = start;
            return;
        }
    }
    ram_insert(boot, start, end);
}

void ram_cut(struct boot_info *boot, uint64_t start, uint64_t end)
{
    unsigned count = boot->ram_count;
    struct ram_range old[RAM_RANGES_MAX];

    memcpy(old, boot->ram, sizeof old);
    boot->ram_count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (end <= old[i].start || start >= old[i].end) {
            ram_insert(boot, old[i].start, old[i].end);
            continue;
        }
        ram_insert(boot, old[i].start, start);
        ram_insert(boot, end, old[i].end);
    }
}

static void map_from_start_info(struct memory_map *map, const struct hvm_start_info *info)
{
    const struct hvm_memmap_table_entry *table =
        (const struct hvm_memmap_table_entry *)(uintptr_t)info->memmap_paddr;

    for (unsigned i = 0; i < info->memmap_entries && i < MAP_ENTRIES_MAX; i++) {
        map->entries[map->count++] =
            (struct map_entry){table[i].addr, table[i].size, table[i].type};
    }
}

static void map_from_hypercall(struct memory_map *map)
{
    struct xen_memory_map argument = {.nr_entries = MAP_ENTRIES_MAX};

    set_xen_guest_handle(argument.buffer, e820);
    if (hypercall_memory_op(XENMEM_memory_map, &argument) != 0) {
        return;
    }
    for (unsigned i = 0; i < argument.nr_entries && i < MAP_ENTRIES_MAX; i++) {
        map->entries[map->count++] = (struct map_entry){e820[i].start, e820[i].size, e820[i].type};
    }
}

/** Xen's own count of our pages, as one run from 0. */
static void map_from_reservation(struct memory_map *map)
{
    domid_t self = DOMID_SELF;
    long pages = hypercall_memory_op(XENMEM_current_reservation, &self);

    if (pages > (long)SPECIAL_PAGES) {
        map->count = 1;
        map->entries[0] =
            (struct map_entry){0, ((uint64_t)pages - SPECIAL_PAGES) * HV_PAGE_SIZE, E820_TYPE_RAM};
    }
}

static uint64_t page_round(uint64_t size)
{
    return (size + HV_PAGE_SIZE - 1) & ~(uint64_t)(HV_PAGE_SIZE - 1);
}

static uint64_t image_top(void)
{
    uint64_t end = hv_symbol_table.address + hv_symbol_table.size;

    end = end > (uintptr_t)image_end ? end : (uintptr_t)image_end;
    return page_round(end);
}

/** The map has RAM where the image is: one that has not cannot be true. */
static bool map_plausible(const struct memory_map *map)
{
    for (unsigned i = 0; i < map->count; i++) {
        const struct map_entry *e = &map->entries[i];

        if (e->type == E820_TYPE_RAM && e->start <= (uintptr_t)image_start &&
            e->start + e->size > image_top()) {
            return true;
        }
    }
    return false;
}

static void ram_collect(struct boot_info *boot, const struct memory_map *map)
{
    for (unsigned i = 0; i < map->count; i++) {
        const struct map_entry *e = &map->entries[i];
        uint64_t start = (e->start + HV_PAGE_SIZE - 1) & ~(uint64_t)(HV_PAGE_SIZE - 1);
        uint64_t end = (e->start + e->size) & ~(uint64_t)(HV_PAGE_SIZE - 1);

        end = end < ADDRESS_LIMIT / 2 ? end : ADDRESS_LIMIT / 2;
        if (e->type != E820_TYPE_RAM || start >= end) {
            continue;
        }
        boot->ram_top = end > boot->ram_top ? end : boot->ram_top;
        ram_insert(boot, start, end);
    }
    ram_cut(boot, 0, HV_PAGE_SIZE);
    ram_cut(boot, boot->module, boot->module + page_round(boot->module_size));
    ram_cut(boot, (uintptr_t)image_start, image_top());
}

/** A GiB of address space that the memory map does not name, above all RAM. */
static void window_choose(struct boot_info *boot, const struct memory_map *map)
{
    uint64_t window = boot->ram_top > 4 * GIB ? (boot->ram_top + GIB - 1) & ~(GIB - 1) : 4 * GIB;

    for (unsigned i = 0; i < map->count;) {
        const struct map_entry *e = &map->entries[i++];

        if (e->start < window + GIB && e->start + e->size > window) {
            window = (e->start + e->size + GIB - 1) & ~(GIB - 1);
            i = 0;
        }
    }
    HV_ASSERT(window <= ADDRESS_LIMIT - GIB);
    boot->window = window;
}

static void cmdline_copy(struct boot_info *boot, const struct hvm_start_info *info)
{
    if (info->cmdline_paddr != 0) {
        strncpy(boot->cmdline, (const char *)(uintptr_t)info->cmdline_paddr,
                sizeof boot->cmdline - 1);
    }
}

/** The boot module: the first one, which init-xenstore-domain calls the RAM disk. */
static void module_find(struct boot_info *boot, const struct hvm_start_info *info)
{
    const struct hvm_modlist_entry *list =
        (const struct hvm_modlist_entry *)(uintptr_t)info->modlist_paddr;

    for (unsigned i = 0; list != NULL && i < info->nr_modules && i < MODULES_MAX; i++) {
        if (list[i].size == 0) {
            continue;
        }
        HV_ASSERT(list[i].paddr % HV_PAGE_SIZE == 0 && list[i].paddr >= HV_PAGE_SIZE &&
                  list[i].paddr < ADDRESS_LIMIT / 2 && list[i].size < GIB);
        boot->module = list[i].paddr;
        boot->module_size = list[i].size;
        return;
    }
}

/** The pages of hv_reserved(): the map's first range of persistent memory that is large enough. */
static void reserved_find(struct boot_info *boot, const struct memory_map *map)
{
    for (unsigned i = 0; i < map->count; i++) {
        const struct map_entry *e = &map->entries[i];

        if (e->type == XEN_HVM_MEMMAP_TYPE_PMEM &&
            e->size / HV_PAGE_SIZE >= HV_RESERVED_PAGES_MIN) {
            HV_ASSERT(e->start % HV_PAGE_SIZE == 0 && e->start >= HV_PAGE_SIZE &&
                      e->start < ADDRESS_LIMIT / 2 && e->size < GIB);
            boot->reserved = e->start;
            boot->reserved_pages = (uint32_t)(e->size / HV_PAGE_SIZE);
            return;
        }
    }
}

static void boot_info_read(struct boot_info *boot, uint32_t start_info)
{
    const struct hvm_start_info *info = (const struct hvm_start_info *)(uintptr_t)start_info;

    if (info->magic != XEN_HVM_START_MAGIC_VALUE) {
        hv_panic("not started by Xen: start info magic %#x", info->magic);
    }
    if (info->version >= 1) {
        map_from_start_info(&the_map, info);
    }
    if (the_map.count == 0) {
        map_from_hypercall(&the_map);
    }
    if (!map_plausible(&the_map)) {
        map_from_reservation(&the_map);
    }
    if (!map_plausible(&the_map)) {
        hv_panic("no memory map holds the image");
    }
    cmdline_copy(boot, info);
    module_find(boot, info);
    reserved_find(boot, &the_map);
    ram_collect(boot, &the_map);
    window_choose(boot, &the_map);
    boot->console_pfn = hvm_param_get(HVM_PARAM_CONSOLE_PFN);
    boot->store_pfn = hvm_param_get(HVM_PARAM_STORE_PFN);
}

_Noreturn void x86_start(uint32_t start_info);

/** Not protected itself: it sets the canary, and never returns to have it compared. */
__attribute__((no_stack_protector)) _Noreturn void x86_start(uint32_t start_info)
{
    cpu_init();
    cpu_canary_init();
    traps_init();
    boot_info_read(&the_boot, start_info);
    mmu_init(&the_boot);
    platform_start(&the_boot);
}
