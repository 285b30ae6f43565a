/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/crash_take.h
 * What a service leaves when it dies, taken out of its domain: registers, where it was, what it
 * wrote last, its journal.
 *
 * Of a domain that is destroyed only those pages stay that somebody has mapped. So the pages of the
 * console and of the journal are mapped while the service is well (struct crash_keep); as long as
 * they are, a destroyed domain stays a zombie and its domid is not free: crash_keep_end() in time.
 */
#ifndef ATOLL_CRASH_TAKE_H
#define ATOLL_CRASH_TAKE_H

#include "crash_backtrace.h"
#include "crash_console.h"
#include "image.h"
#include "journal_copy.h"
#include "record.h"
#include <xenforeignmemory.h>

/** The most pages of a journal that are kept: as many as a service may have. */
#define CRASH_JOURNAL_PAGES_MAX JOURNAL_COPY_PAGES_MAX

/** A look at pages of a domain, for as long as it is held. */
struct crash_keep {
    xenforeignmemory_handle *memory; /**< the caller's */
    void *console;                   /**< one page; NULL: none */
    void *journal;                   /**< NULL: none */
    unsigned journal_pages;
};

/** Map the pages of domain @domid: its console's, and @journal_pages from @journal_gfn on. What
 * cannot be mapped is not kept. */
void crash_keep_begin(struct crash_keep *keep, xenforeignmemory_handle *memory, uint32_t domid,
                      uint64_t console_gfn, uint64_t journal_gfn, unsigned journal_pages);

/** Unmap them. Nothing to do where there is nothing. */
void crash_keep_end(struct crash_keep *keep);

struct crash_taken {
    struct crash_registers registers;
    struct crash_backtrace backtrace; /**< names are in @ref image */
    char console[CRASH_CONSOLE_MAX + 1];
    size_t console_length;           /**< of it; cleaned */
    bool checked;                    /**< its code was compared with the image's */
    bool other_image;                /**< and is not of that image at all: no names */
    uint64_t changed, first_changed; /**< bytes of the code that differ, and where the first is */
};

/**
 * Take it out of the domain that @keep is of, @domid, which is dead and still there or just being
 * destroyed. @image: that which it was made of (data NULL: not known).
 */
void crash_take(xc_interface *xch, const struct crash_keep *keep, uint32_t domid,
                const struct image *image, struct crash_taken *taken);

#endif
