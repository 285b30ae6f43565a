/* SPDX-License-Identifier: ISC */
/*
 * Mapping pages of other domains. A window of the physical address space without RAM under it takes
 * them: Xen puts the foreign page at the guest-physical address, our page table entry makes it
 * visible. An entry is present only while the page is mapped, so that a stale pointer faults.
 */
#include "platform.h"

#include <errno.h>

#include "arch.h"
#include "hypercall.h"

#define CHUNK   16U /* operations of one hypercall, on the stack */
#define RETRIES 16U /* of a page that is paged out */

static uintptr_t window_start HV_RO_AFTER_INIT;

void grantmap_init(struct hv *hv, const struct boot_info *boot)
{
    unsigned pages = (unsigned)((boot->foreign_pages * sizeof(struct map_slot) + HV_PAGE_SIZE - 1) /
                                HV_PAGE_SIZE);

    window_start = (uintptr_t)(boot->window + WINDOW_FOREIGN);
    hv->slots = hv_page_alloc(hv, pages);
    hv->slot_count = hv->slots == NULL ? 0 : boot->foreign_pages;
}

/** Length of the free run that starts at @slot, at most @limit. */
static unsigned free_run(const struct hv *hv, uint32_t slot, unsigned limit)
{
    unsigned run = 0;

    while (run < limit && slot + run < hv->slot_count && hv->slots[slot + run].run == 0) {
        run++;
    }
    return run;
}

/** Take @count free slots in a row. False: there are none. */
static bool slots_take(struct hv *hv, unsigned count, uint32_t *first)
{
    uint32_t slot = hv->slot_hint;

    for (uint32_t seen = 0; seen < hv->slot_count;) {
        unsigned run = free_run(hv, slot, count);

        if (run == count) {
            hv->slots[slot].run = count;
            for (unsigned i = 1; i < count; i++) {
                hv->slots[slot + i].run = MAP_SLOT_INNER;
            }
            hv->slot_hint = (slot + count) % hv->slot_count;
            *first = slot;
            return true;
        }
        seen += run + 1;
        slot += run + 1;
        if (slot >= hv->slot_count) {
            slot = 0;
        }
    }
    return false;
}

static int status_errno(int16_t status)
{
    switch (status) {
    case GNTST_okay:
        return 0;
    case GNTST_bad_domain:
        return -ESRCH;
    case GNTST_no_device_space:
    case GNTST_no_space:
        return -ENOSPC;
    case GNTST_eagain:
        return -EAGAIN;
    default:
        return -EINVAL;
    }
}

/** One page again, until it is no longer paged out or the retries are used up. */
static void map_retry(struct gnttab_map_grant_ref *op)
{
    for (unsigned i = 0; i < RETRIES && op->status == GNTST_eagain; i++) {
        (void)hypercall_sched_op(SCHEDOP_yield, NULL);
        if (hypercall_grant_table_op(GNTTABOP_map_grant_ref, op, 1) != 0) {
            op->status = GNTST_general_error;
        }
    }
}

/** Map up to CHUNK pages at @slot; *@mapped counts those that are, from the first on. */
static int map_chunk(struct hv *hv, domid_t remote, const grant_ref_t *refs, unsigned count,
                     bool readonly, uint32_t slot, unsigned *mapped)
{
    struct gnttab_map_grant_ref ops[CHUNK];
    int rc = 0;

    for (unsigned i = 0; i < count; i++) {
        ops[i] = (struct gnttab_map_grant_ref){
            .host_addr = window_start + (uint64_t)(slot + i) * HV_PAGE_SIZE,
            .flags = GNTMAP_host_map | (readonly ? GNTMAP_readonly : 0),
            .ref = refs[i],
            .dom = remote,
            .status = GNTST_general_error,
        };
    }
    if (hypercall_grant_table_op(GNTTABOP_map_grant_ref, ops, count) != 0) {
        rc = -EINVAL;
    }
    for (unsigned i = 0; i < count; i++) {
        map_retry(&ops[i]);
        if (ops[i].status == GNTST_okay) {
            hv->slots[slot + i].handle = ops[i].handle;
            (*mapped)++;
        } else {
            /* a hole: undone by the caller as far as @mapped tells, the rest of the chunk here */
            rc = status_errno(ops[i].status);
            for (unsigned j = i + 1; j < count; j++) {
                if (ops[j].status == GNTST_okay) {
                    struct gnttab_unmap_grant_ref undo = {.host_addr = ops[j].host_addr,
                                                          .handle = ops[j].handle};
                    HV_ASSERT(hypercall_grant_table_op(GNTTABOP_unmap_grant_ref, &undo, 1) == 0 &&
                              undo.status == GNTST_okay);
                }
            }
            return rc;
        }
    }
    return rc;
}

/** Unmap @count pages at @slot in Xen; the page table entries are gone already. */
static void unmap_pages(struct hv *hv, uint32_t slot, unsigned count)
{
    while (count > 0) {
        struct gnttab_unmap_grant_ref ops[CHUNK];
        unsigned chunk = count < CHUNK ? count : CHUNK;

        for (unsigned i = 0; i < chunk; i++) {
            ops[i] = (struct gnttab_unmap_grant_ref){
                .host_addr = window_start + (uint64_t)(slot + i) * HV_PAGE_SIZE,
                .handle = hv->slots[slot + i].handle,
                .status = GNTST_general_error,
            };
        }
        HV_ASSERT(hypercall_grant_table_op(GNTTABOP_unmap_grant_ref, ops, chunk) == 0);
        for (unsigned i = 0; i < chunk; i++) {
            hv->slots[slot + i].run = ops[i].status == GNTST_okay ? 0 : MAP_SLOT_LOST;
        }
        slot += chunk;
        count -= chunk;
    }
}

static void slots_release(struct hv *hv, uint32_t slot, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        hv->slots[slot + i].run = 0;
    }
}

int hv_grant_map(struct hv *hv, domid_t remote, const grant_ref_t *refs, unsigned count,
                 bool readonly, void **address)
{
    uint32_t slot;
    unsigned mapped = 0;
    int rc = 0;

    if (count == 0) {
        return -EINVAL;
    }
    if (count > hv->slot_count || !slots_take(hv, count, &slot)) {
        return -ENOSPC;
    }
    while (rc == 0 && mapped < count) {
        unsigned chunk = count - mapped < CHUNK ? count - mapped : CHUNK;

        rc = map_chunk(hv, remote, refs + mapped, chunk, readonly, slot + mapped, &mapped);
    }
    if (rc != 0) {
        slots_release(hv, slot + mapped, count - mapped);
        unmap_pages(hv, slot, mapped);
        return rc;
    }
    *address = (void *)(window_start + (uintptr_t)slot * HV_PAGE_SIZE);
    arch_map_foreign((uintptr_t)*address, count, readonly ? ARCH_READ : ARCH_READ_WRITE);
    return 0;
}

/* Nobody outlives this domain to signal @port: Xen unmaps what a dead domain had, and that is all.
 */
int hv_grant_map_notify(struct hv *hv, domid_t remote, grant_ref_t ref, unsigned offset,
                        evtchn_port_t port, void **address)
{
    return hv_grant_map(hv, remote, &ref, 1, false, address);
}

int hv_grant_unmap(struct hv *hv, void *address, unsigned count)
{
    uintptr_t offset = (uintptr_t)address - window_start;
    uint32_t slot = (uint32_t)(offset / HV_PAGE_SIZE);

    if (offset % HV_PAGE_SIZE != 0 || offset / HV_PAGE_SIZE >= hv->slot_count || count == 0 ||
        hv->slots[slot].run != count) {
        return -EINVAL;
    }
    arch_map_foreign((uintptr_t)address, count, ARCH_NONE);
    unmap_pages(hv, slot, count);
    return 0;
}
