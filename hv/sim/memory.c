/* SPDX-License-Identifier: ISC */
/* Pages of a domain's own, and the accesses to shared ones between which the adversary acts. */
#include "hv/sim/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void protect(char *start, size_t pages, int protection)
{
    if (mprotect(start, pages * HV_PAGE_SIZE, protection) != 0)
        hv_panic("sim: mprotect of %zu pages: %s", pages, strerror(errno));
}

void sim_memory_create(struct hv *hv, unsigned pages, unsigned reserved)
{
    struct sim *sim = hv->sim;
    size_t size;

    reserved = reserved >= HV_RESERVED_PAGES_MIN ? reserved : 0;
    size = ((size_t)pages + reserved) * HV_PAGE_SIZE;
    hv->pages = pages;
    hv->reserved_pages = reserved;
    hv->page = sim_calloc(pages, sizeof(*hv->page));
    hv->offset = sim->memory_used;
    sim->memory_used += size;
    if (ftruncate(sim->memory, (off_t)sim->memory_used) != 0)
        hv_panic("sim: no memory for %u pages: %s", pages, strerror(errno));
    /* Nothing is accessible until it is allocated: stale and wild pointers fault. */
    hv->arena =
        mmap(NULL, size, PROT_NONE, MAP_SHARED | MAP_NORESERVE, sim->memory, (off_t)hv->offset);
    if (hv->arena == MAP_FAILED)
        hv_panic("sim: no address space for %u pages: %s", pages, strerror(errno));
    if (reserved) {
        char *first = hv->arena + (size_t)pages * HV_PAGE_SIZE;

        protect(first, 1, PROT_READ | PROT_WRITE);
        protect(first + HV_PAGE_SIZE, reserved - 1, PROT_READ);
    }
}

void sim_memory_release(struct hv *hv, bool frames)
{
    size_t size = ((size_t)hv->pages + hv->reserved_pages) * HV_PAGE_SIZE;

    if (hv->arena) {
        munmap(hv->arena, size);
        hv->arena = NULL;
    }
    if (frames) {
        unsigned allocated = 0;
        for (unsigned i = 0; i < hv->pages; i++)
            allocated += hv->page[i].allocated;
        HV_ASSERT(allocated == hv->usage.pages);
        if (!hv->sim->tearing_down)
            fallocate(hv->sim->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      (off_t)hv->offset, (off_t)size);
        free(hv->page);
        hv->page = NULL;
    }
}

uint32_t sim_page_index(struct hv *hv, const void *address, const char *what)
{
    size_t distance = (uintptr_t)address - (uintptr_t)hv->arena;

    if (distance >= (size_t)hv->pages * HV_PAGE_SIZE || distance % HV_PAGE_SIZE != 0 ||
        !hv->page[distance / HV_PAGE_SIZE].allocated)
        hv_panic("sim: domain %u: %s: %p is not a page of its own", hv->domid, what, address);
    return (uint32_t)(distance / HV_PAGE_SIZE);
}

void *hv_page_alloc(struct hv *hv, unsigned count)
{
    unsigned run = 0;

    if (sim_fault(hv, hv->sim->faults.page_alloc) || count == 0)
        return NULL;
    for (unsigned i = hv->first_free; i < hv->pages; i++) {
        run = hv->page[i].allocated ? 0 : run + 1;
        if (run < count)
            continue;

        unsigned first = i + 1 - count;
        char *start = hv->arena + (size_t)first * HV_PAGE_SIZE;
        for (unsigned j = first; j <= i; j++)
            hv->page[j].allocated = true;
        hv->page[first].run = count;
        while (hv->first_free < hv->pages && hv->page[hv->first_free].allocated)
            hv->first_free++;
        protect(start, count, PROT_READ | PROT_WRITE);
        hv->usage.pages += count;
        return start;
    }
    return NULL;
}

void *hv_reserved(const struct hv *hv, unsigned *pages)
{
    *pages = hv->reserved_pages;
    return hv->reserved_pages ? hv->arena + (size_t)hv->pages * HV_PAGE_SIZE : NULL;
}

static void guard(struct hv *hv, void *pages, unsigned count, int protection)
{
    size_t distance = (uintptr_t)pages - (uintptr_t)hv->arena - (size_t)hv->pages * HV_PAGE_SIZE;
    size_t first = distance / HV_PAGE_SIZE;

    if (distance % HV_PAGE_SIZE != 0 || first < 1 || first > hv->reserved_pages ||
        count > hv->reserved_pages - first)
        hv_panic("sim: domain %u: %p is not a guarded page of it", hv->domid, pages);
    protect(pages, count, protection);
}

void hv_guarded_open(struct hv *hv, void *pages, unsigned count)
{
    guard(hv, pages, count, PROT_READ | PROT_WRITE);
}

void hv_guarded_close(struct hv *hv, void *pages, unsigned count)
{
    guard(hv, pages, count, PROT_READ);
}

void hv_page_free(struct hv *hv, void *pages, unsigned count)
{
    uint32_t first = sim_page_index(hv, pages, "hv_page_free");

    if (hv->page[first].run != count)
        hv_panic("sim: domain %u: hv_page_free of %u pages of an allocation of %u", hv->domid,
                 count, hv->page[first].run);
    for (uint32_t i = first; i < first + count; i++) {
        if (hv->page[i].grants != 0)
            hv_panic("sim: domain %u: hv_page_free of a page that is still granted", hv->domid);
        hv->page[i].allocated = false;
    }
    hv->page[first].run = 0;
    /* Drops the frames: whoever gets them next finds zeroes. */
    if (madvise(pages, (size_t)count * HV_PAGE_SIZE, MADV_REMOVE) != 0)
        hv_panic("sim: cannot drop frames: %s", strerror(errno));
    protect(pages, count, PROT_NONE);
    if (first < hv->first_free)
        hv->first_free = first;
    hv->usage.pages -= count;
}

size_t hv_page_count_free(struct hv *hv, size_t *largest)
{
    size_t total = 0, run = 0, best = 0;

    for (unsigned i = hv->first_free; i < hv->pages; i++) {
        run = hv->page[i].allocated ? 0 : run + 1;
        total += run != 0;
        if (run > best)
            best = run;
    }
    if (largest)
        *largest = best;
    return total;
}

/** Let the adversary rewrite what the victim is about to look at. It does not interrupt itself. */
static inline void interfere(struct hv *hv, const void *address, size_t length)
{
    struct sim *sim = hv->sim;

    if (__builtin_expect(sim->adversary == NULL || sim->in_adversary, 1))
        return;
    sim->in_adversary = true;
    sim->adversary(sim->adversary_context, hv, address, length);
    sim->in_adversary = false;
}

void sim_set_adversary(struct sim *sim, sim_adversary_fn *adversary, void *context)
{
    sim->adversary = adversary;
    sim->adversary_context = context;
}

uint32_t hv_shared_read32(struct hv *hv, const uint32_t *address)
{
    interfere(hv, address, sizeof(*address));
    return __atomic_load_n(address, __ATOMIC_ACQUIRE);
}

void hv_shared_write32(struct hv *hv, uint32_t *address, uint32_t value)
{
    interfere(hv, address, sizeof(*address));
    __atomic_store_n(address, value, __ATOMIC_RELEASE);
}

uint8_t hv_shared_read8(struct hv *hv, const uint8_t *address)
{
    interfere(hv, address, sizeof(*address));
    return __atomic_load_n(address, __ATOMIC_ACQUIRE);
}

void hv_shared_write8(struct hv *hv, uint8_t *address, uint8_t value)
{
    interfere(hv, address, sizeof(*address));
    __atomic_store_n(address, value, __ATOMIC_RELEASE);
}

uint8_t hv_shared_fetch_or8(struct hv *hv, uint8_t *address, uint8_t bits)
{
    interfere(hv, address, sizeof(*address));
    return __atomic_fetch_or(address, bits, __ATOMIC_SEQ_CST);
}

uint8_t hv_shared_fetch_and8(struct hv *hv, uint8_t *address, uint8_t bits)
{
    interfere(hv, address, sizeof(*address));
    return __atomic_fetch_and(address, bits, __ATOMIC_SEQ_CST);
}

void hv_shared_barrier(struct hv *hv)
{
    interfere(hv, NULL, 0);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void hv_shared_copy_in(struct hv *hv, void *dest, const void *shared, size_t length)
{
    interfere(hv, shared, length);
    memcpy(dest, shared, length);
}

void hv_shared_copy_out(struct hv *hv, void *shared, const void *source, size_t length)
{
    interfere(hv, shared, length);
    memcpy(shared, source, length);
}
