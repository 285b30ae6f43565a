/* SPDX-License-Identifier: ISC */
/**
 * @file store.h
 * What trees and maps of children live in, without the service around them; and the test cases.
 *
 * The programs of this folder link common/arena_checked.c in every build, so that each allocation
 * can be made to fail.
 */
#ifndef TESTS_UNIT_XENSTORED_STORE_H
#define TESTS_UNIT_XENSTORED_STORE_H

#include "common/arena_checked.h"
#include "services/xenstored/tree.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** What the tree said of the nodes of each domain. */
#define STORE_OWNERS 8U
struct store_account {
    long nodes[STORE_OWNERS], bytes[STORE_OWNERS];
};

struct store {
    struct arena *arena;
    struct perms_table perms;
    struct tree_env env;
    struct store_account *account; /* where changes are counted now */
    size_t idle;                   /* bytes in use when there is nothing in it */
};

/** One of its own for each test. Accounts to @account. */
void store_create(struct store *store, unsigned pages, struct store_account *account);

/** Checks that all that was allocated since is free again. */
void store_destroy(struct store *store);

/** The list whose only entry is @owner with no rights for others; the caller's reference. */
struct perms *store_perms(struct store *store, domid_t owner);

/** Bytes in use beyond those of the empty store. */
size_t store_used(const struct store *store);

TCase *wire_cases(void);
TCase *path_cases(void);
TCase *perms_cases(void);
TCase *quota_cases(void);
TCase *children_cases(void);
TCase *tree_cases(void);
TCase *watch_cases(void);

#endif
