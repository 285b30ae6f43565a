/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/rules_names.h
 * Guests and domains that a file of rules calls by name: found in XenStore, or known from the file
 * that was applied before. What was found is kept, so that the same rules can be given again while
 * a guest is off. A service is called by its name in atoll.conf, running or not.
 */
#ifndef ATOLL_RULES_NAMES_H
#define ATOLL_RULES_NAMES_H

#include "rules_file.h"
#include "store_client.h"

struct config;

struct rules_names {
    struct rules_resolver resolver; /**< hand this on */
    /** Names found before: {"web1": "uuid"} and {"monitor": 7}; not owned, may be NULL. */
    const json_t *known_guests, *known_domains;
    /** Is @name that of a service of this host? A domain that is called so is that service's,
     * whoever else has the name: 0, RULES_ABSENT, or -ENOENT: there is no such service. NULL: there
     * is none at all. */
    int (*service)(const struct config *services, const char *name, uint16_t *domid);
    const struct config *services; /**< for it; not owned */
    bool known_first;              /**< guests: as before, whatever XenStore says */
    json_t *guests, *domains;      /**< what was found now */
    struct store_client store;
    bool opened;
    int store_error; /**< XenStore cannot be asked: -errno */
    char *list;      /**< of the domains there are, once it was read */
    size_t list_length;
};

void rules_names_init(struct rules_names *names);
void rules_names_free(struct rules_names *names);

/** A domain's name and the uuid of its guest, as dom0's toolstack wrote them. 0; -ENOENT; or
 * another -errno. Either may be NULL. @name: printable, cut to fit. */
int rules_names_domain(struct store_client *store, uint32_t domid, char *name, size_t size,
                       uint8_t uuid[16]);

#endif
