/* SPDX-License-Identifier: ISC */
/**
 * @file hv/memory.h
 * Pages of our own, and the only way to touch memory that another domain can write.
 */
#ifndef HV_MEMORY_H
#define HV_MEMORY_H

#include <hv/hv.h>

/**
 * @count contiguous zeroed pages, page aligned, writable, never executable; NULL if there are none.
 * Services take what they need at start, in arenas, and pages to share with other domains.
 */
void *hv_page_alloc(struct hv *hv, unsigned count);

/** Give back what hv_page_alloc() gave, whole. The pages must not be granted any more. */
void hv_page_free(struct hv *hv, void *pages, unsigned count);

/** How many pages hv_page_alloc() can still give; the largest contiguous run in @largest. */
size_t hv_page_count_free(struct hv *hv, size_t *largest);

/** The fewest pages that can be set aside, the first of them included. */
#define HV_RESERVED_PAGES_MIN 3U

/**
 * The pages that the toolstack has set aside in this domain, in one piece, zeroes at the start: it
 * reads them after the domain's end, whatever that was, and may give what it found there to a
 * successor as its hv_module(). How many into *@pages; NULL and 0 where it has set none aside, or
 * fewer than HV_RESERVED_PAGES_MIN.
 *
 * The first page is ordinary memory, writable always. All others are guarded from the start:
 * read-only but for the moments in which hv_guarded_open() has opened them, so that a store that
 * goes astray faults instead of changing them. They live as long as @hv, are never part of what
 * hv_page_alloc() gives, and may not be granted to anybody.
 */
void *hv_reserved(const struct hv *hv, unsigned *pages);

/** Make the @count pages at @pages, of those of hv_reserved() but the first, writable. */
void hv_guarded_open(struct hv *hv, void *pages, unsigned count);

/** Make them read-only again. */
void hv_guarded_close(struct hv *hv, void *pages, unsigned count);

/*
 * Shared memory. Another domain may write it at any instant, so each value is loaded exactly once
 * and never looked at again in place (XSA-155). The simulator lets an adversary act between any two
 * of these calls.
 */

/** Load once, with acquire ordering. */
uint32_t hv_shared_read32(struct hv *hv, const uint32_t *address);

/** Store once, with release ordering: all earlier writes are visible before it. */
void hv_shared_write32(struct hv *hv, uint32_t *address, uint32_t value);

/** Load a byte once, with acquire ordering. */
uint8_t hv_shared_read8(struct hv *hv, const uint8_t *address);

/** Store a byte once, with release ordering. */
void hv_shared_write8(struct hv *hv, uint8_t *address, uint8_t value);

/** Set @bits of a byte that the other domain changes, too; one locked step. Returns what it was. */
uint8_t hv_shared_fetch_or8(struct hv *hv, uint8_t *address, uint8_t bits);

/** Keep of a byte only @bits; as above. */
uint8_t hv_shared_fetch_and8(struct hv *hv, uint8_t *address, uint8_t bits);

/** Full barrier: between publishing our index and reading theirs. */
void hv_shared_barrier(struct hv *hv);

/** Copy @length bytes out of shared memory into private memory. */
void hv_shared_copy_in(struct hv *hv, void *dest, const void *shared, size_t length);

/** Copy @length private bytes into shared memory. */
void hv_shared_copy_out(struct hv *hv, void *shared, const void *source, size_t length);

#endif
