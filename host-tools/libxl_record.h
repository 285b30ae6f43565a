/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/libxl_record.h
 * The record that libxl keeps of a domain and that `xl list -l` reads. Domains that libxl did not
 * build have none until somebody writes one for it.
 */
#ifndef ATOLL_LIBXL_RECORD_H
#define ATOLL_LIBXL_RECORD_H

#include <stdint.h>
#include <xentoollog.h>

/** What libxl is to know of a service's domain. */
struct libxl_record {
    uint32_t domid;
    const char *name;
    const uint8_t *handle; /**< its UUID, 16 bytes */
    const char *kernel;    /**< path of its image */
    const char *cmdline;
    uint32_t memory_mb;
};

/** Write it. 0 or -1. Only when XenStore answers: libxl connects to it. */
int libxl_record_write(xentoollog_logger *logger, const struct libxl_record *rec);

/** Remove that of @domid, which must still be there: libxl finds the record by its UUID. */
void libxl_record_remove(xentoollog_logger *logger, uint32_t domid);

#endif
