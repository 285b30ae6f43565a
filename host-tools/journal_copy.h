/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/journal_copy.h
 * The journal pages of a service's domain, as dom0 sees them: mapped, copied, kept in a file.
 *
 * All that is in them is a stranger's; nothing here believes any of it. What a copy is worth is
 * said by journal_copy_check().
 */
#ifndef ATOLL_JOURNAL_COPY_H
#define ATOLL_JOURNAL_COPY_H

#include "record.h"
#include "report.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenforeignmemory.h>

/** The most pages that a service may have set aside. */
#define JOURNAL_COPY_PAGES_MAX 65536u

/** Pages of a domain that stay readable, even after its end, until journal_unmap(). */
struct journal_map {
    xenforeignmemory_handle *memory;
    const void *pages;  /**< NULL: nothing is mapped */
    size_t count;       /**< of them */
    uint32_t domid;     /**< whose they are */
    uint8_t handle[16]; /**< its UUID */
    uint32_t version;   /**< of what its image writes into them */
};

/** What was in them at one moment. */
struct journal_copy {
    void *data;         /**< from malloc(); NULL: none */
    size_t size;        /**< bytes, whole pages */
    uint8_t handle[16]; /**< of the domain that wrote them */
    uint32_t version;   /**< of what it wrote */
};

/**
 * Map the journal pages of the domain in @record, which need not run. 0; -ENOENT: it has none;
 * -ESRCH: the domain is gone; another -errno of Xen. @map is empty then.
 */
int journal_map(struct report *r, xc_interface *xch, const struct record *record,
                struct journal_map *map);

/** Let go of them; an empty @map is left alone. */
void journal_unmap(struct journal_map *map);

/**
 * Copy of what is mapped the first page and what is in force of the journal (journal_cut()), or all
 * where nothing is; the domain must not run meanwhile (paused, shut down or destroyed). 0 or
 * -ENOMEM.
 */
int journal_copy(const struct journal_map *map, struct journal_copy *copy);

/** Leave of a copy that journal_copy_check() takes what journal_copy() would have left. */
void journal_copy_cut(struct journal_copy *copy);

/**
 * Put what the first page of @newer says of requests that killed into @copy (journal_hint_carry()):
 * of a successor that ended before it wrote a journal of its own. An empty @newer says nothing.
 */
void journal_copy_carry(struct journal_copy *copy, const struct journal_copy *newer);

void journal_copy_free(struct journal_copy *copy);

/**
 * Has the copy a state that a successor can start from? 0; -ENOENT: nothing was written yet;
 * -EINVAL: it is damaged. @why says so in words (static).
 */
int journal_copy_check(const struct journal_copy *copy, const char **why);

/**
 * Keep @copy in RECORD_DIR/SERVICE.journal (mode 0600), whole or not at all, and on the disk when
 * this returns 0. Else an exit code with the cause reported.
 */
int journal_keep(struct report *r, const char *service, const struct journal_copy *copy);

/**
 * What was kept of @service. 1: read into @copy; 0: there is nothing; or -errno (-EINVAL: the file
 * is no such copy, or not whole).
 */
int journal_kept(const char *service, struct journal_copy *copy);

/** Remove the file; that there is none is no error. */
void journal_forget(const char *service);

/** The same in another folder than RECORD_DIR. */
int journal_keep_in(struct report *r, const char *dir, const char *service,
                    const struct journal_copy *copy);
int journal_kept_in(const char *dir, const char *service, struct journal_copy *copy);

#endif
