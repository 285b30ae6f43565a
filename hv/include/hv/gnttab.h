/* SPDX-License-Identifier: ISC */
/**
 * @file hv/gnttab.h
 * Grant tables, version 1 (xen/include/public/grant_table.h): sharing pages between domains.
 */
#ifndef HV_GNTTAB_H
#define HV_GNTTAB_H

#include <hv/evtchn.h>
#include <hv/hv.h>

/** Index into the grant table of the domain that grants. */
typedef uint32_t grant_ref_t;

/** References the toolstack fills in when it builds a domain (GNTTAB_RESERVED_*). */
#define HV_GNTTAB_CONSOLE  0U
#define HV_GNTTAB_XENSTORE 1U
#define HV_GNTTAB_FIRST    8U /**< the first reference that hv_grant_access() hands out */

/**
 * Let @remote map or copy @page (page aligned, from hv_page_alloc()).
 * On success *@ref names it to @remote. -ENOSPC: the grant table is full.
 * The caller sees to it that no stale byte is in the page.
 */
HV_MUST_CHECK int hv_grant_access(struct hv *hv, domid_t remote, void *page, bool readonly,
                                  grant_ref_t *ref);

/**
 * Withdraw a grant. -EAGAIN: the other domain still maps the page or Xen is copying; the grant
 * stays and the page must not be freed yet. -EINVAL: not a grant of ours.
 */
HV_MUST_CHECK int hv_grant_revoke(struct hv *hv, grant_ref_t ref);

/**
 * Map @count pages that @remote grants to us, contiguously and in order; *@address is the first.
 * All or nothing. -ENOSPC: no address space or no map handle is left. -EINVAL: a reference is not
 * granted to us (or not writable and !@readonly). -ESRCH: no such domain. -EAGAIN: the page is
 * paged out; bounded retries have been made already. What is mapped is written by a hostile domain:
 * use hv_shared_*() (hv/memory.h) on it.
 */
HV_MUST_CHECK int hv_grant_map(struct hv *hv, domid_t remote, const grant_ref_t *refs,
                               unsigned count, bool readonly, void **address);

/**
 * Map one page, writable. Where the platform outlives its user (a process in dom0; see
 * IOCTL_GNTDEV_SET_UNMAP_NOTIFY), the byte at @offset is zeroed and @port signalled when the
 * mapping ends, however that comes about; in a domain of its own nobody is left to do so, and it is
 * hv_grant_map().
 */
HV_MUST_CHECK int hv_grant_map_notify(struct hv *hv, domid_t remote, grant_ref_t ref,
                                      unsigned offset, evtchn_port_t port, void **address);

/** Unmap what hv_grant_map() mapped at @address. -EINVAL: nothing was mapped there with @count. */
int hv_grant_unmap(struct hv *hv, void *address, unsigned count);

/** One end of a copy: either a grant of another domain or memory of our own. */
struct hv_copy_end {
    bool foreign;    /**< true: @domid and @ref; false: @address */
    domid_t domid;   /**< the granting domain */
    grant_ref_t ref; /**< its grant */
    void *address;   /**< our own memory: start of the page that @offset counts from */
    uint16_t offset; /**< bytes from the start of the page; offset + length <= HV_PAGE_SIZE */
};

/** One copy of up to a page. Both ends may be foreign, and of different domains. */
struct hv_copy {
    struct hv_copy_end source;
    struct hv_copy_end dest;
    uint16_t length; /**< bytes */
    int16_t status;  /**< set by hv_grant_copy(): 0 or a negative errno value */
};

/**
 * Carry out @count copies in order with as few hypercalls as possible; each gets its own status.
 * Returns 0 when each was tried. -EINVAL: @count is 0 or over HV_COPY_MAX; nothing was tried.
 */
#define HV_COPY_MAX 1024U
HV_MUST_CHECK int hv_grant_copy(struct hv *hv, struct hv_copy *copies, unsigned count);

#endif
