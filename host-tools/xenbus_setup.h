/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/xenbus_setup.h
 * Connects dom0's kernel to the domain that is to serve XenStore
 * (IOCTL_XENBUS_BACKEND_SETUP of Linux: drivers/xen/xenbus/xenbus_dev_backend.c).
 */
#ifndef ATOLL_XENBUS_SETUP_H
#define ATOLL_XENBUS_SETUP_H

#include <stdint.h>

#define XENBUS_BACKEND_DEVICE "/dev/xen/xenbus_backend"

/**
 * Have the kernel grant its ring (reference 1) and a new port to @domid; the port (0 is none) is
 * the result. Or -EEXIST: the kernel has already talked to a XenStore; -ETIMEDOUT: it waits for an
 * answer from one that is gone; another -errno of opening the device or of the call.
 *
 * The kernel may wait without end in this call, and cannot be interrupted there: so a child makes
 * it, which is left behind when @timeout_ms have passed.
 */
int64_t xenbus_setup(const char *device, uint32_t domid, int timeout_ms);

#endif
