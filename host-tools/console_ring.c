/* SPDX-License-Identifier: ISC */
#include "console_ring.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <xen/hvm/params.h>

int console_ring_open(struct console_ring *ring, xc_interface *xch, const struct record *record)
{
    uint64_t gfn = record->console_gfn;

    memset(ring, 0, sizeof(*ring));
    errno = 0;
    if (!gfn && xc_hvm_param_get(xch, record->domid, HVM_PARAM_CONSOLE_PFN, &gfn))
        return errno ? -errno : -EIO;
    if (!gfn)
        return -ENOENT;
    ring->memory = xenforeignmemory_open(NULL, 0);
    if (!ring->memory)
        return errno ? -errno : -EIO;
    ring->domid = record->domid;
    ring->gfn = gfn;
    return 0;
}

void console_ring_close(struct console_ring *ring)
{
    if (ring->memory)
        xenforeignmemory_close(ring->memory);
    memset(ring, 0, sizeof(*ring));
}

/* The ring is the domain's: hostile. Any index is a place in it, and any distance is cut. */
unsigned console_ring_take(struct console_ring *ring, struct xencons_interface *page, char *out,
                           uint32_t *lost)
{
    const XENCONS_RING_IDX prod = __atomic_load_n(&page->out_prod, __ATOMIC_ACQUIRE);
    XENCONS_RING_IDX from = ring->begun ? ring->at : 0;

    *lost = 0;
    if ((XENCONS_RING_IDX)(prod - from) > CONSOLE_RING_SIZE) {
        *lost = ring->begun ? prod - from - (uint32_t)CONSOLE_RING_SIZE : 0;
        from = prod - (XENCONS_RING_IDX)CONSOLE_RING_SIZE;
    }
    for (XENCONS_RING_IDX i = from; i != prod; i++)
        out[i - from] = ((volatile const char *)page->out)[MASK_XENCONS_IDX(i, page->out)];
    __atomic_store_n(&page->out_cons, prod, __ATOMIC_RELEASE);
    ring->at = prod;
    ring->begun = true;
    return prod - from;
}

int console_ring_read(struct console_ring *ring, char *out, uint32_t *lost)
{
    struct xencons_interface *page;
    int error = 0, length;

    errno = 0;
    page = xenforeignmemory_map(ring->memory, ring->domid, PROT_READ | PROT_WRITE, 1, &ring->gfn,
                                &error);
    if (!page)
        return errno ? -errno : -EIO;
    if (error) {
        xenforeignmemory_unmap(ring->memory, page, 1);
        return -ESRCH;
    }
    length = (int)console_ring_take(ring, page, out, lost);
    xenforeignmemory_unmap(ring->memory, page, 1);
    return length;
}
