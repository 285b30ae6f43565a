/* SPDX-License-Identifier: ISC */
/**
 * @file perms.h
 * Permission lists of nodes, shared: equal lists are one object, so that a node pays one pointer.
 *
 * A list is never empty. Its first entry names the owner, whose letter is the right of all domains
 * without an entry of their own (docs/misc/xenstore.txt, "Paths", and GET_PERMS).
 */
#ifndef XENSTORED_PERMS_H
#define XENSTORED_PERMS_H

#include <hv/hv.h>

#include "common/arena.h"
#include "common/hash.h"

#define PERM_READ  1U
#define PERM_WRITE 2U
#define PERM_OWNER 4U
/** The domain did not exist when the list was set: the entry grants nothing, ever (XSA-322, 417).
 */
#define PERM_IGNORE 8U

/** An entry for it grants to all domains (feature DOMID_ANY). */
#define PERM_DOMID_ANY 0x7ff5U

struct perm {
    domid_t domid;
    uint16_t rights; /* PERM_READ | PERM_WRITE | PERM_IGNORE */
};

/** An immutable list; @refs counts the nodes and callers that hold it. */
struct perms {
    struct perms *next; /* in the table's bucket */
    uint32_t refs;
    uint32_t hash;
    uint32_t count;
    struct perm list[];
};

/** More entries than any request can carry (each takes 3 bytes of a payload). */
#define PERMS_MAX 1400U

#define PERMS_BUCKETS 256U

/** All lists in use. */
struct perms_table {
    struct arena *arena;
    struct hash_key key;
    size_t count;
    struct perms *buckets[PERMS_BUCKETS];
};

void perms_table_init(struct perms_table *table, struct arena *arena, const struct hash_key *key);

/** The list with these entries, with a reference for the caller; NULL without memory. */
struct perms *perms_intern(struct perms_table *table, const struct perm *list, uint32_t count);

/** The list @perms with @owner as its owner, with a reference for the caller; NULL without memory.
 */
struct perms *perms_with_owner(struct perms_table *table, struct perms *perms, domid_t owner);

static inline struct perms *perms_get(struct perms *perms)
{
    perms->refs++;
    return perms;
}

void perms_put(struct perms_table *table, struct perms *perms);

static inline domid_t perms_owner(const struct perms *perms)
{
    return perms->list[0].domid;
}

/**
 * Who asks. A device-model domain asks for itself and for its target (SET_TARGET); @privileged is
 * the control domain, which has all rights.
 */
struct subject {
    domid_t domid;
    domid_t target; /* its own domid if it has none */
    bool privileged;
};

/** The rights (PERM_READ, PERM_WRITE, PERM_OWNER) that @subject has by @perms. */
unsigned perms_rights(const struct perms *perms, const struct subject *subject);

/** Does the list name @domid at all? */
bool perms_name(const struct perms *perms, domid_t domid);

/** Is any list in use that names @domid? Tells whether its death needs a walk of the tree. */
bool perms_table_names(const struct perms_table *table, domid_t domid);

/** Parse "r12", "w0", "b7" or "n3". */
bool perm_parse(const char *text, struct perm *perm);

#define PERM_TEXT_MAX 8U /**< bytes that perm_format() writes at most, the NUL included */

/** Write the entry as text; returns its bytes with the NUL. */
size_t perm_format(const struct perm *perm, char *text);

#endif
