/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/record.h
 * What `atoll start` wrote down of a service's domain, in RECORD_DIR/NAME.json (a tmpfs: gone with
 * the boot). It is how a service is found without XenStore; Xen says whether that domain is still
 * the one recorded (its UUID), and how it is.
 */
#ifndef ATOLL_RECORD_H
#define ATOLL_RECORD_H

#include "report.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenctrl.h>

#define RECORD_DIR "/var/run/atoll"

/** The largest record that is read. */
#define RECORD_SIZE_MAX 8192u

struct record {
    char service[32];
    uint32_t domid;     /**< 0: not known yet, the domain is about to be created */
    uint8_t handle[16]; /**< the domain's UUID, chosen before it is created */
    uint64_t started;   /**< wall clock, seconds since 1970; 0: the service has not answered yet */
    uint32_t memory_mb;
    uint64_t console_gfn;
    uint32_t console_port; /**< the domain's */
    uint32_t
        store_port; /**< of its XenStore ring; for the store itself: dom0's, given by --event */
    char kernel[256];
    char cmdline[512];
    uint64_t journal_gfn;    /**< first of the pages that are set aside for its journal */
    uint32_t journal_pages;  /**< 0: none are */
    uint32_t state_version;  /**< of the state that its image writes there; 0: none */
    uint8_t predecessor[16]; /**< while @ref started is 0: the UUID of whose state it starts from,
                                  see journal_copy.h; all 0: of none */
    bool taken;              /**< a successor is about to take its place: whoever keeps pages of its
                                  domain mapped lets go of them */
    char image[256];         /**< the copy of its image, for a way back; "": none */
};

/** Write it, whole or not at all (rename). 0 or an exit code with the cause reported. */
int record_write(struct report *r, const struct record *record);

/** Remove it; that there is none is no error. */
void record_remove(const char *service);

/** Read it, without a look at Xen. 1: read, 0: there is none, or -errno with the cause in @why. */
int record_read(const char *service, struct record *record, char *why, size_t why_size);

/**
 * The names of the services that have a record, at most @max of them, into @names. How many there
 * are.
 */
unsigned record_list(char (*names)[sizeof(((struct record *)0)->service)], unsigned max);

/** The same in another folder than RECORD_DIR. */
int record_write_in(struct report *r, const char *dir, const struct record *record);
int record_read_in(const char *dir, const char *service, struct record *record, char *why,
                   size_t why_size);
unsigned record_list_in(const char *dir, char (*names)[sizeof(((struct record *)0)->service)],
                        unsigned max);

/** The text of a record, for free(); NULL: out of memory. */
char *record_format(const struct record *record);

/** Read such a text, which may be anything. 0, or -EINVAL with the reason in @why. */
int record_parse(const char *text, size_t length, struct record *record, char *why,
                 size_t why_size);

/** How a service is, as far as Xen knows. */
enum record_state {
    RECORD_NONE,     /**< never started since the boot, or stopped */
    RECORD_STARTING, /**< being started, or its start was interrupted; see the domid */
    RECORD_RUNS,
    RECORD_ENDED, /**< the domain is still there but has shut down or crashed */
    RECORD_GONE,  /**< recorded, and the domain is not there any more */
};

/**
 * Look the service up: its record, compared with Xen. The store's domain is found by Xen's flag
 * where there is no record (started by init-xenstore-domain); what is not known is 0 then. A domain
 * of an interrupted start is found by its UUID; @record has domid 0 where there is none. @why is a
 * word for an end ("crashed"), "" otherwise. 0 or an exit code with the cause reported.
 */
int record_find(struct report *r, xc_interface *xch, const char *service, bool store_domain,
                struct record *record, enum record_state *state, const char **why);

#endif
