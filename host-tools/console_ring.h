/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/console_ring.h
 * What a service writes to its console, read out of the ring in its domain, alive or dead. The page
 * is mapped for the moment of a look only: a mapping would keep the domid of a dead domain.
 *
 * The ring has the last 2 KiB, read by somebody or not; whoever looks tells the service that it has
 * room again. So several may look, and each sees all that it is quick enough for.
 */
#ifndef ATOLL_CONSOLE_RING_H
#define ATOLL_CONSOLE_RING_H

#include "record.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/console.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>

/** The most bytes that one look gives. */
#define CONSOLE_RING_SIZE sizeof(((struct xencons_interface *)NULL)->out)

struct console_ring {
    xenforeignmemory_handle *memory;
    uint32_t domid;
    xen_pfn_t gfn;
    XENCONS_RING_IDX at; /**< up to here has been read */
    bool begun;          /**< false: nothing has, and all that is in the ring is new */
};

/**
 * Begin with the domain of @record, which has to be there. A record without the page (of
 * init-xenstore-domain) has it looked up. 0 or -errno.
 */
int console_ring_open(struct console_ring *ring, xc_interface *xch, const struct record *record);

void console_ring_close(struct console_ring *ring);

/**
 * What is new, as the service wrote it, into @out (CONSOLE_RING_SIZE bytes). How many bytes, or
 * -errno: the domain is gone. *@lost: bytes in between that were overwritten.
 */
int console_ring_read(struct console_ring *ring, char *out, uint32_t *lost);

/**
 * The same, of a page @page that is mapped writable: for the tests, and for those who map it
 * themselves.
 */
unsigned console_ring_take(struct console_ring *ring, struct xencons_interface *page, char *out,
                           uint32_t *lost);

#endif
