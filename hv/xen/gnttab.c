/* SPDX-License-Identifier: ISC */
/*
 * Our own grant table, version 1 (xen/include/public/grant_table.h). Only Xen and we write it. Free
 * entries have flags 0 and are linked through their frame field; the table grows a frame at a time.
 */
#include "platform.h"

#include <errno.h>

#include <xen/memory.h>

#include "arch.h"
#include "hypercall.h"

#define ENTRIES_PER_FRAME (HV_PAGE_SIZE / sizeof(struct grant_entry_v1))
#define LIST_END          0U /* a reserved reference, so never in the list */

/** Add a frame to the table and its entries to the list. False: the table is as large as it gets.
 */
static bool table_grow(struct hv *hv)
{
    uintptr_t frame = (uintptr_t)hv->grants + hv->grant_frames * HV_PAGE_SIZE;
    grant_ref_t first = hv->grant_frames * (grant_ref_t)ENTRIES_PER_FRAME;

    if (hv->grant_frames >= hv->grant_frames_max ||
        physmap_add(XENMAPSPACE_grant_table, hv->grant_frames, frame) != 0) {
        return false;
    }
    hv->grant_frames++;
    for (grant_ref_t ref = first + (grant_ref_t)ENTRIES_PER_FRAME; ref-- > first;) {
        if (ref >= HV_GNTTAB_FIRST) {
            hv->grants[ref].flags = 0;
            hv->grants[ref].frame = hv->grant_free;
            hv->grant_free = ref;
        }
    }
    return true;
}

void gnttab_init(struct hv *hv, const struct boot_info *boot)
{
    struct gnttab_query_size query = {.dom = DOMID_SELF};
    int rc = hypercall_grant_table_op(GNTTABOP_query_size, &query, 1);

    hv->grants = (struct grant_entry_v1 *)(uintptr_t)(boot->window + WINDOW_GRANTS);
    hv->grant_free = LIST_END;
    if (rc != 0 || query.status != GNTST_okay) {
        hv_panic("no grant table: error %d, status %d", -rc, query.status);
    }
    hv->grant_frames_max =
        query.max_nr_frames < GRANT_FRAMES_MAX ? query.max_nr_frames : GRANT_FRAMES_MAX;
}

int hv_grant_access(struct hv *hv, domid_t remote, void *page, bool readonly, grant_ref_t *ref)
{
    struct grant_entry_v1 *entry;

    HV_ASSERT((uintptr_t)page % HV_PAGE_SIZE == 0);
    if (hv->grant_free == LIST_END && !table_grow(hv)) {
        return -ENOSPC;
    }
    *ref = hv->grant_free;
    entry = &hv->grants[*ref];
    hv->grant_free = entry->frame;
    entry->frame = (uint32_t)((uintptr_t)page / HV_PAGE_SIZE);
    entry->domid = remote;
    __atomic_store_n(&entry->flags, GTF_permit_access | (readonly ? GTF_readonly : 0),
                     __ATOMIC_RELEASE);
    return 0;
}

int hv_grant_revoke(struct hv *hv, grant_ref_t ref)
{
    struct grant_entry_v1 *entry;
    uint16_t flags;

    if (ref < HV_GNTTAB_FIRST || ref >= hv->grant_frames * ENTRIES_PER_FRAME) {
        return -EINVAL;
    }
    entry = &hv->grants[ref];
    flags = __atomic_load_n(&entry->flags, __ATOMIC_RELAXED);
    do {
        if (flags == 0) {
            return -EINVAL;
        }
        if ((flags & (GTF_reading | GTF_writing)) != 0) {
            return -EAGAIN;
        }
    } while (!__atomic_compare_exchange_n(&entry->flags, &flags, 0, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    entry->frame = hv->grant_free;
    hv->grant_free = ref;
    return 0;
}
