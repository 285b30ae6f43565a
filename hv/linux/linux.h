/* SPDX-License-Identifier: ISC */
/**
 * @file hv/linux/linux.h
 * The part of the contract that a process in a Linux domain can keep, over /dev/xen/gntdev and
 * /dev/xen/evtchn (libxengnttab, libxenevtchn): mapping, event channels, waiting, time, shared
 * memory. What dom0's tools need to be clients of a vchan; nothing that grants.
 *
 * Where Linux says less than Xen, so does this: hv_grant_map() answers -EINVAL for a domain that
 * does not exist, too; hv_evtchn_bound() asks Xen through libxenctrl and returns -EPERM, -EACCES or
 * the like to a process that may not. A process can have 64 ports.
 */
#ifndef LINUX_LINUX_H
#define LINUX_LINUX_H

#include <hv/evtchn.h>
#include <hv/gnttab.h>
#include <hv/hv.h>
#include <hv/memory.h>
#include <hv/time.h>

/** Open the devices. NULL with the cause in errno (ENOENT, EACCES: as open() has it). */
struct hv *hv_linux_open(void);

/** Close them; what is still mapped or bound goes with them. */
void hv_linux_close(struct hv *hv);

/** A descriptor that is readable when an event comes after hv_evtchn_next() has returned 0. */
int hv_linux_fd(struct hv *hv);

/**
 * As hv_wait(), and return also when @fd (-1: none) is readable or a signal was handled. Returns
 * true if @fd is.
 */
bool hv_linux_wait(struct hv *hv, uint64_t deadline, int fd);

#endif
