/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/image.h
 * A service's image, checked before anything is created for it: an ELF file for x86-64 that Xen can
 * start as PVH and that fits its domain. The bytes that were checked are the bytes that are loaded.
 */
#ifndef ATOLL_IMAGE_H
#define ATOLL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/** The largest file that is read. */
#define IMAGE_FILE_MAX (64u << 20)

/** What the domain builder adds behind an image: start_info, its tables, the command line. */
#define IMAGE_TAIL_ROOM (64u << 10)

struct image {
    void *data;          /**< the file, from malloc() */
    size_t size;         /**< its bytes */
    uint64_t start_addr; /**< first guest-physical byte that it takes */
    uint64_t end_addr;   /**< one past its last, bss included */
    uint32_t entry;      /**< where it is entered: note XEN_ELFNOTE_PHYS32_ENTRY */
    /** Versions of the state that it writes and reads (common/state_note.h); 0: it has no note. */
    uint32_t state_writes, state_reads_from, state_reads_to;
};

/**
 * Check @size bytes at @data as an image for a domain of @memory_mb MiB and fill @img but for data
 * and size, which it leaves alone. 0, or -ENOEXEC with the reason (what is wrong, what to do) in
 * @why. The image is not trusted: every offset is checked.
 */
int image_check(const void *data, size_t size, unsigned memory_mb, struct image *img, char *why,
                size_t why_size);

/** Read @path and check it. 0, -ENOEXEC as above, or another -errno of reading; @why is set. */
int image_load(const char *path, unsigned memory_mb, struct image *img, char *why, size_t why_size);

void image_free(struct image *img);

#endif
