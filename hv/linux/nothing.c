/* SPDX-License-Identifier: ISC */
/*
 * What a process here has none of: a grant table of its own, ports for others to bind, and pages
 * that are guarded. A vchan knows both ends, and a journal is written and read by one file, so
 * their readers have to link with these, too.
 */
#include "hv/linux/linux.h"

#include <errno.h>

int hv_grant_access(struct hv *hv, domid_t remote, void *page, bool readonly, grant_ref_t *ref)
{
    return -ENOSPC;
}

int hv_grant_revoke(struct hv *hv, grant_ref_t ref)
{
    return -EINVAL;
}

int hv_evtchn_alloc_unbound(struct hv *hv, domid_t remote, evtchn_port_t *port)
{
    return -EPERM;
}

void hv_guarded_open(struct hv *hv, void *pages, unsigned count)
{
}

void hv_guarded_close(struct hv *hv, void *pages, unsigned count)
{
}
