/* SPDX-License-Identifier: ISC */
/**
 * @file platform.h
 * What the files of hv/xen share: the domain's state, and the calls between its parts.
 *
 * There is one `struct hv` in an image, filled by start-up and handed to hv_main(). Memory is
 * mapped one to one, so an address is its own guest-physical address wherever Xen asks for one.
 */
#ifndef HV_XEN_PLATFORM_H
#define HV_XEN_PLATFORM_H

#include <hv/console.h>
#include <hv/domain.h>
#include <hv/evtchn.h>
#include <hv/gnttab.h>
#include <hv/hv.h>
#include <hv/memory.h>
#include <hv/time.h>

#include <xen/grant_table.h>
#include <xen/xen.h>

/** Frames of our own grant table at most: 512 references each. */
#define GRANT_FRAMES_MAX 256U

/** Pages of other domains that can be mapped at one time, at most. */
#define GRANT_MAPS_MAX 32768U

/** Copies handed to Xen in one hypercall: what a burst of 128 frames of the switch needs. */
#define GRANT_COPY_CHUNK 512U

/** Longest command line that is kept. */
#define CMDLINE_SIZE 1024U

/** Runs of RAM that are used; further ones are ignored. */
#define RAM_RANGES_MAX 16U

/** A run of RAM, page aligned, [start, end). */
struct ram_range {
    uint64_t start, end;
};

/** What start-up found out about the machine before the first page is allocated. */
struct boot_info {
    struct ram_range ram[RAM_RANGES_MAX]; /**< ascending, disjoint, without page 0 and the image */
    unsigned ram_count;
    uint64_t ram_top;        /**< end of the highest RAM, used or not */
    uint64_t window;         /**< first 1 GiB boundary above all that the memory map names */
    uint32_t foreign_pages;  /**< pages reserved in the address space for grant mappings */
    uint64_t console_pfn;    /**< 0: none */
    uint64_t store_pfn;      /**< 0: none */
    uint64_t module;         /**< the boot module, page aligned; 0: none */
    uint64_t module_size;    /**< bytes */
    uint64_t reserved;       /**< pages set aside for hv_reserved(), page aligned */
    uint32_t reserved_pages; /**< 0: none */
    char cmdline[CMDLINE_SIZE];
};

/**
 * The page allocator: one bit a page over all RAM, set where the page is taken or no RAM.
 * Invariant: free equals the number of clear bits.
 */
struct page_pool {
    uint64_t *taken;
    size_t pages; /**< bits in @taken */
    size_t free;
    size_t hint; /**< no clear bit is below it */
};

/** One page of the window for foreign pages. */
struct map_slot {
    uint32_t handle; /**< Xen's, for unmapping */
    uint32_t run;    /**< 0: free; MAP_SLOT_INNER; else pages of the mapping that starts here */
};
#define MAP_SLOT_INNER UINT32_MAX
#define MAP_SLOT_LOST  (UINT32_MAX - 1) /**< Xen refused to unmap it: never used again */

struct hv {
    struct shared_info *shared; /**< mapped from Xen */
    struct vcpu_info *vcpu;     /**< in @shared */

    /* evtchn.c: words of the pending bitmap that have been taken over from Xen's selector */
    uint64_t evtchn_words;
    uint64_t evtchn_left; /**< bits of the current word that this round has not passed yet */
    unsigned evtchn_word; /**< the current word */
    evtchn_port_t timer_port;
    uint64_t timer_armed; /**< Xen raises timer_port at this time; HV_NEVER: not armed */

    /* time.c */
    uint64_t last_now;
    uint32_t watchdog; /**< Xen's number of it; 0: none */

    struct page_pool pool;

    /* gnttab.c */
    struct grant_entry_v1 *grants;
    uint32_t grant_frames;     /**< mapped and usable */
    uint32_t grant_frames_max; /**< what Xen allows, and GRANT_FRAMES_MAX */
    grant_ref_t grant_free;    /**< head of the list through the frame fields of free entries */

    /* grantmap.c */
    struct map_slot *slots;
    uint32_t slot_count;
    uint32_t slot_hint; /**< where the next search starts */

    /* grantcopy.c */
    struct gnttab_copy *copy_ops; /**< GRANT_COPY_CHUNK */

    /* console.c */
    struct xencons_interface *console; /**< NULL: the debug port is the console */
    evtchn_port_t console_port;
    uint32_t console_prod; /**< our own index; the shared one is only ever written */
    uint64_t console_dropped;

    /* random.c */
    uint32_t random_state[16];

    /* domain.c */
    domid_t domid;
    uint32_t domctl_version; /**< 0: none that we know */
    void *store;             /**< NULL: none */
    evtchn_port_t store_port;

    const void *module; /**< NULL: none */
    size_t module_size;
    void *reserved; /**< NULL: none */
    uint32_t reserved_pages;
    bool sealed;
    char cmdline[CMDLINE_SIZE];
};

/** Carry on in C: memory is mapped for good, nothing else is set up. Calls hv_main(). */
_Noreturn void platform_start(const struct boot_info *boot);

void pages_init(struct hv *hv, const struct boot_info *boot);
/** Guard what was set aside for hv_reserved(). */
void reserved_init(struct hv *hv, const struct boot_info *boot);
/** As hv_page_alloc(), from the part of memory that large pages map, if there is room. */
void *page_alloc_large(struct hv *hv, unsigned count);
void evtchn_init(struct hv *hv);
void gnttab_init(struct hv *hv, const struct boot_info *boot);
void grantcopy_init(struct hv *hv);
void grantmap_init(struct hv *hv, const struct boot_info *boot);
void console_init(struct hv *hv, const struct boot_info *boot);
/** Drop the oldest of the ring's bytes until @length more have room: for words that are the last.
 */
void console_make_room(struct hv *hv, size_t length);
void random_init(struct hv *hv);
void domain_init(struct hv *hv, const struct boot_info *boot);

/** Some port that is not masked is pending. Takes the timer's event over into timer_armed. */
bool evtchn_ready(struct hv *hv);

/** The domain for those that are handed none: the panic path. NULL before start-up has got there.
 */
struct hv *platform_domain(void);

/** HVMOP_get_param: the value, or 0 where Xen has none. */
uint64_t hvm_param_get(unsigned index);

/** HVMOP_set_param. */
HV_MUST_CHECK int hvm_param_set(unsigned index, uint64_t value);

/** XENMEM_add_to_physmap of one page of @space (XENMAPSPACE_*) at guest-physical @address. */
HV_MUST_CHECK int physmap_add(unsigned space, unsigned long index, uint64_t address);

/** Where the names of functions are; 0, 0: the image has been linked but not finished. */
struct symbol_table {
    uint64_t address; /**< page aligned, after all other segments */
    uint64_t size;    /**< bytes */
};

/** Entered by finish.py after linking: volatile, for the compiler must not take it for known. */
extern const volatile struct symbol_table hv_symbol_table;

/** The name of the function that holds @address, and the distance from its start; NULL: unknown. */
const char *symbol_find(uintptr_t address, uintptr_t *offset, char *buf, size_t size);

/** Print, on the console and the debug port, without allocating anything. For the panic path. */
void panic_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Print a backtrace that starts at the frame pointer @frame. */
void panic_backtrace(uintptr_t pc, const uintptr_t *frame);

/** End the domain at once as crashed. */
_Noreturn void platform_crash(void);

#endif
