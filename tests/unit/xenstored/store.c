/* SPDX-License-Identifier: ISC */
#include "store.h"

static void account(void *context, domid_t domid, int nodes, long bytes)
{
    struct store *store = context;

    ck_assert_uint_lt(domid, STORE_OWNERS);
    store->account->nodes[domid] += nodes;
    store->account->bytes[domid] += bytes;
}

static size_t bytes_used(const struct store *store)
{
    struct arena_usage usage;

    arena_usage(store->arena, &usage);
    return usage.bytes_used;
}

size_t store_used(const struct store *store)
{
    return bytes_used(store) - store->idle;
}

void store_create(struct store *store, unsigned pages, struct store_account *counted)
{
    static const struct hash_key key = {0x0123456789abcdef, 0xfedcba9876543210};

    /* The checked arena needs no pages, but an address of its own. */
    store->arena = arena_create(store, pages);
    ck_assert_ptr_nonnull(store->arena);
    perms_table_init(&store->perms, store->arena, &key);
    ck_assert_int_eq(tree_env_init(&store->env, store->arena, &store->perms, &key), 0);
    store->env.account = account;
    store->env.account_context = store;
    store->account = counted;
    store->idle = bytes_used(store);
}

void store_destroy(struct store *store)
{
    ck_assert_uint_eq(store_used(store), 0);
    ck_assert_uint_eq(store->perms.count, 0);
    tree_env_destroy(&store->env);
    ck_assert_uint_eq(bytes_used(store), 0);
    arena_destroy(store->arena);
}

struct perms *store_perms(struct store *store, domid_t owner)
{
    struct perm list = {.domid = owner};
    struct perms *perms = perms_intern(&store->perms, &list, 1);

    ck_assert_ptr_nonnull(perms);
    return perms;
}
