/* SPDX-License-Identifier: ISC */
/* Grant copies: Xen moves the bytes, nothing is mapped. */
#include "platform.h"

#include <errno.h>

#include "hypercall.h"

static bool end_valid(const struct hv_copy_end *end, uint16_t length)
{
    return (unsigned)end->offset + length <= HV_PAGE_SIZE &&
           (end->foreign || (uintptr_t)end->address % HV_PAGE_SIZE == 0);
}

/** Fill Xen's form of one end; both ends have the same anonymous layout. */
#define END_FILL(to, from)                                                                         \
    do {                                                                                           \
        (to).offset = (from).offset;                                                               \
        (to).domid = (from).foreign ? (from).domid : DOMID_SELF;                                   \
        if ((from).foreign) {                                                                      \
            (to).u.ref = (from).ref;                                                               \
        } else {                                                                                   \
            (to).u.gmfn = (uintptr_t)(from).address / HV_PAGE_SIZE;                                \
        }                                                                                          \
    } while (0)

static int16_t copy_errno(int16_t status)
{
    switch (status) {
    case GNTST_okay:
        return 0;
    case GNTST_bad_domain:
        return -ESRCH;
    case GNTST_eagain:
        return -EAGAIN;
    default:
        return -EINVAL;
    }
}

void grantcopy_init(struct hv *hv)
{
    unsigned pages = (GRANT_COPY_CHUNK * sizeof(*hv->copy_ops) + HV_PAGE_SIZE - 1) / HV_PAGE_SIZE;

    /* Xen walks our page tables for each operation, twice: the walk is shorter where a large page
       maps them. */
    hv->copy_ops = page_alloc_large(hv, pages);
    if (!hv->copy_ops) {
        hv_panic("no memory for grant copies");
    }
}

/** A copy that was handed to Xen; what comes back is 0 or negative. */
#define STATUS_PENDING 1

/** One hypercall for as many of @copies as fit; those that are malformed never reach Xen. */
static unsigned copy_chunk(struct hv *hv, struct hv_copy *copies, unsigned count)
{
    unsigned used = 0, taken = 0;
    int rc;

    for (; taken < count && used < GRANT_COPY_CHUNK; taken++) {
        struct hv_copy *copy = &copies[taken];
        struct gnttab_copy *op = &hv->copy_ops[used];

        if (!end_valid(&copy->source, copy->length) || !end_valid(&copy->dest, copy->length)) {
            copy->status = -EINVAL;
            continue;
        }
        *op = (struct gnttab_copy){.len = copy->length, .status = GNTST_general_error};
        op->flags = (uint16_t)((copy->source.foreign ? GNTCOPY_source_gref : 0) |
                               (copy->dest.foreign ? GNTCOPY_dest_gref : 0));
        END_FILL(op->source, copy->source);
        END_FILL(op->dest, copy->dest);
        copy->status = STATUS_PENDING;
        used++;
    }
    if (used == 0) {
        return taken;
    }
    rc = hypercall_grant_table_op(GNTTABOP_copy, hv->copy_ops, used);
    for (unsigned i = 0, op = 0; i < taken; i++) {
        if (copies[i].status == STATUS_PENDING) {
            copies[i].status = rc != 0 ? -EINVAL : copy_errno(hv->copy_ops[op].status);
            op++;
        }
    }
    return taken;
}

int hv_grant_copy(struct hv *hv, struct hv_copy *copies, unsigned count)
{
    if (count == 0 || count > HV_COPY_MAX) {
        return -EINVAL;
    }
    for (unsigned done = 0; done < count;) {
        done += copy_chunk(hv, copies + done, count - done);
    }
    return 0;
}
