/* SPDX-License-Identifier: ISC */
#include "domain.h"

#include <errno.h>
#include <string.h>

#include <hv/domain.h>
#include <hv/time.h>

#include "connection.h"
#include "history.h"
#include "hold.h"
#include "operations.h"
#include "output.h"
#include "recorder.h"
#include "transaction.h"
#include "watch.h"

bool domain_unlimited(const struct xenstored *xs, domid_t domid)
{
    return domid == xs->priv_domid || domid == hv_domid(xs->hv);
}

/* The known ones of DOMAIN_BLOCK neighbouring domids; there while there is one. */
struct domain_block {
    uint32_t count;
    struct domain *domain[DOMAIN_BLOCK];
};

static struct domain_block **block_of(struct xenstored *xs, domid_t domid)
{
    return &xs->domain_blocks[domid / DOMAIN_BLOCK];
}

struct domain *domain_find(const struct xenstored *xs, domid_t domid)
{
    struct domain_block *block;

    if (domid >= HV_DOMID_FIRST_RESERVED)
        return NULL;
    block = xs->domain_blocks[domid / DOMAIN_BLOCK];
    return block ? block->domain[domid % DOMAIN_BLOCK] : NULL;
}

struct domain *domain_from(const struct xenstored *xs, uint32_t first)
{
    for (; first < HV_DOMID_FIRST_RESERVED; first++) {
        const struct domain_block *block = xs->domain_blocks[first / DOMAIN_BLOCK];

        if (!block)
            first |= DOMAIN_BLOCK - 1;
        else if (block->domain[first % DOMAIN_BLOCK])
            return block->domain[first % DOMAIN_BLOCK];
    }
    return NULL;
}

/* Free the block that @domid is in if nobody is left in it. */
static void drop_block(struct xenstored *xs, domid_t domid)
{
    struct domain_block **block = block_of(xs, domid);

    if (!*block || (*block)->count)
        return;
    arena_free(xs->arena, *block, sizeof(**block));
    *block = NULL;
}

struct domain *domain_create(struct xenstored *xs, domid_t domid)
{
    struct domain *domain = domain_find(xs, domid);
    struct domain_block **block;

    if (domain || domid >= HV_DOMID_FIRST_RESERVED)
        return domain;
    block = block_of(xs, domid);
    if (!*block)
        *block = arena_zalloc(xs->arena, sizeof(**block));
    domain = *block ? arena_zalloc(xs->arena, sizeof(*domain)) : NULL;
    if (!domain) {
        drop_block(xs, domid);
        return NULL;
    }
    domain->domid = domid;
    domain->features = XS_FEATURES;
    domain->defaults = &xs->limits;
    domain->limits = quota_inherit;
    domain->since = xs->history.newest;
    domain->credit = DOMAIN_CREDIT;
    domain->credit_time = hv_now(xs->hv);
    list_init(&domain->touched);
    list_append(&xs->domains, &domain->all);
    (*block)->domain[domid % DOMAIN_BLOCK] = domain;
    (*block)->count++;
    xs->domain_count++;
    return domain;
}

static void forget(struct xenstored *xs, struct domain *domain)
{
    struct domain_block *block = *block_of(xs, domain->domid);

    xs->past_events += domain->events;
    for (unsigned quota = 0; quota < QUOTA_COUNT; quota++)
        xs->past_refused[quota] += domain->usage.refused[quota];
    list_remove(&domain->all);
    list_remove(&domain->touched);
    block->domain[domain->domid % DOMAIN_BLOCK] = NULL;
    block->count--;
    drop_block(xs, domain->domid);
    xs->domain_count--;
    arena_free(xs->arena, domain, sizeof(*domain));
}

/* Ask the hypervisor for exactly this domain. */
static bool domain_exists(struct xenstored *xs, domid_t domid, struct hv_domain_info *info)
{
    return domid < HV_DOMID_FIRST_RESERVED && !hv_domain_info(xs->hv, domid, info) &&
           info->domid == domid && !info->dying;
}

struct domain *domain_get(struct xenstored *xs, domid_t domid, int *error)
{
    struct domain *domain = domain_find(xs, domid);
    struct hv_domain_info info;

    if (domain && !domain->dead)
        return domain;
    *error = -ENOENT;
    /* What a predecessor knew is in its journal, not what there is now. */
    if (domain || xs->recovering || !domain_exists(xs, domid, &info))
        return NULL;
    *error = -ENOMEM;
    domain = domain_create(xs, domid);
    if (domain) {
        memcpy(domain->handle, info.handle, sizeof(domain->handle));
        recorder_domain(xs, domain);
    }
    return domain;
}

/* The paths, packed one behind the other, of nodes that name a dead domain. */
struct orphans {
    struct xenstored *xs;
    domid_t domid;
    size_t used;
};

static bool collect_orphan(void *context, const char *path, const struct node *node,
                           const struct node *parent)
{
    struct orphans *orphans = context;
    size_t size = strlen(path) + 1;

    if (!perms_name(node->perms, orphans->domid))
        return true;
    if (orphans->used + size <= sizeof(orphans->xs->paths)) {
        memcpy(orphans->xs->paths + orphans->used, path, size);
        orphans->used += size;
    }
    return perms_owner(node->perms) != orphans->domid;
}

/*
 * @perms without the entries of @domid; NULL without memory. Where it was the owner, the list
 * becomes the control domain's alone: without its first entry, the second would name the owner.
 */
static struct perms *perms_without(struct xenstored *xs, const struct perms *perms, domid_t domid)
{
    const struct perm control = {.domid = xs->priv_domid};
    struct perm list[PERMS_MAX];
    uint32_t count = 0;

    if (perms_owner(perms) == domid)
        return perms_intern(&xs->perms, &control, 1);
    for (uint32_t i = 0; i < perms->count; i++)
        if (perms->list[i].domid != domid)
            list[count++] = perms->list[i];
    return perms_intern(&xs->perms, list, count);
}

/* One orphan: its node goes with all below it, or the dead domain's entries in its permissions go.
 */
static int clean_orphan(struct xenstored *xs, struct work *work, const char *path, domid_t domid)
{
    struct node *node = tree_lookup(&xs->env, &xs->tree, path);
    struct perms *perms;
    int error;

    if (!node)
        return 0;
    if (perms_owner(node->perms) == domid && node != xs->tree.root)
        return operation_remove(xs, work, path);
    perms = perms_without(xs, node->perms, domid);
    if (!perms)
        return -ENOMEM;
    error = tree_set_perms(&xs->env, &xs->tree, path, perms);
    perms_put(&xs->perms, perms);
    return error;
}

static int clean_special(struct xenstored *xs, enum special special, domid_t domid)
{
    struct perms *old = xs->tree.special[special], *perms;

    if (!perms_name(old, domid))
        return 0;
    perms = perms_without(xs, old, domid);
    if (!perms)
        return -ENOMEM;
    tree_set_special(&xs->env, &xs->tree, special, perms);
    perms_put(&xs->perms, perms);
    return 0;
}

/*
 * Leave nothing in the tree that a later domain of the same number could inherit (XSA-322, 417,
 * 419, 483): nodes it owned go, with all below them, as do its entries in others' permissions.
 */
static int clean_tree(struct xenstored *xs, domid_t domid)
{
    struct work work = {.tree = &xs->tree}, *outer = xs->work;
    struct orphans orphans = {.xs = xs, .domid = domid};
    int error = 0;

    /* Versions that transactions hold keep lists in use: they are looked through in vain. */
    if (!perms_table_names(&xs->perms, domid))
        return 0;
    list_init(&work.events);
    xs->work = &work;
    xs->env.changes++;
    for (unsigned special = 0; special < SPECIAL_COUNT && !error; special++)
        error = clean_special(xs, special, domid);
    do {
        char root[TREE_PATH_SIZE] = "/";

        orphans.used = 0;
        tree_walk(&xs->env, xs->tree.root, root, TREE_PARENT_FIRST, collect_orphan, &orphans);
        for (size_t at = 0; at < orphans.used && !error; at += strlen(xs->paths + at) + 1) {
            error = clean_orphan(xs, &work, xs->paths + at, domid);
            output_queue_events(xs, &work);
        }
    } while (orphans.used && !error);
    xs->work = outer;
    history_commit(xs, HISTORY_DOMAIN_END, hv_domid(xs->hv), domid);
    return error;
}

static void fire_special(struct xenstored *xs, enum special special, bool plain, bool per_domain,
                         domid_t domid)
{
    struct work work = {.tree = &xs->tree};

    list_init(&work.events);
    watch_fire_special(xs, &work, special, plain, per_domain, domid);
    output_queue_events(xs, &work);
}

static void disconnect(struct xenstored *xs, struct domain *domain)
{
    list_for_each_safe (item, after, &xs->connections) {
        struct connection *connection = LIST_ENTRY(item, struct connection, all);

        if (connection->domain == domain)
            connection_destroy(xs, connection);
    }
    domain->connection = NULL;
}

/* Nobody acts for a domain that is gone (XSA-233). */
static void forget_target(struct xenstored *xs, domid_t domid)
{
    list_for_each (item, &xs->connections) {
        struct connection *connection = LIST_ENTRY(item, struct connection, all);

        if (connection->target == domid)
            connection->target = connection->subject.target = connection->subject.domid;
    }
}

static void finish_death(struct xenstored *xs, struct domain *domain)
{
    bool introduced = domain->introduced;
    domid_t domid = domain->domid;

    if (clean_tree(xs, domid)) {
        domain->dead = xs->cleanup_pending = true;
        recorder_changed(xs); /* there is an entry for a death as a whole only */
        return;
    }
    /* Only now: whoever acted for it could read what it owned, and is told that it went. */
    forget_target(xs, domid);
    forget(xs, domain);
    if (introduced) {
        log_write(xs->log, LOG_INFO, "domain %u is gone", domid);
        fire_special(xs, SPECIAL_RELEASE, true, true, domid);
    }
}

void domain_release(struct xenstored *xs, struct domain *domain)
{
    recorder_gone(xs, domain->domid);
    disconnect(xs, domain);
    finish_death(xs, domain);
}

/*
 * Was the domain replaced by another one of the same number? Asked only where the toolstack
 * introduces it: toolstacks give a live domain another handle, too.
 */
static bool replaced(const struct domain *domain, const struct hv_domain_info *info)
{
    return memcmp(domain->handle, info->handle, sizeof(domain->handle)) != 0;
}

/* It is gone: all that it had goes, or nothing but its connection. */
static void end(struct xenstored *xs, struct domain *domain)
{
    if (!hold_keeps(xs, domain)) {
        domain_release(xs, domain);
    } else if (domain->connection) {
        recorder_changed(xs);
        disconnect(xs, domain);
    }
}

void domain_check_all(struct xenstored *xs)
{
    bool shutdown = false;

    xs->cleanup_pending = false;
    list_for_each_safe (item, after, &xs->domains) {
        struct domain *domain = LIST_ENTRY(item, struct domain, all);
        struct hv_domain_info info;

        if (domain_unlimited(xs, domain->domid))
            continue;
        if (domain->dead) {
            recorder_changed(xs);
            finish_death(xs, domain);
        } else if (!domain_exists(xs, domain->domid, &info) || hold_over(domain)) {
            end(xs, domain);
        } else if (!info.shutdown) {
            hold_alive(domain);
        } else if (!domain->shutdown && domain->introduced && !hold_keeps(xs, domain)) {
            domain->shutdown = shutdown = true;
            recorder_shutdown(xs, domain->domid);
            log_write(xs->log, LOG_INFO, "domain %u has shut down, reason %u", domain->domid,
                      info.shutdown_reason);
            fire_special(xs, SPECIAL_RELEASE, false, true, domain->domid);
        }
    }
    if (shutdown)
        fire_special(xs, SPECIAL_RELEASE, true, false, 0);
}

static int introduce_new(struct xenstored *xs, struct domain *domain, evtchn_port_t port)
{
    int error = connection_create(xs, domain, HV_GNTTAB_XENSTORE, port, &domain->connection);

    if (error)
        return error;
    domain->introduced = true;
    domain->shutdown = false;
    log_write(xs->log, LOG_INFO, "domain %u is introduced", domain->domid);
    fire_special(xs, SPECIAL_INTRODUCE, true, true, domain->domid);
    return 0;
}

/* In the place of a domain that was held: for others nothing has changed. */
static int introduce_successor(struct xenstored *xs, struct domain *domain, const uint8_t *handle,
                               evtchn_port_t port)
{
    int error;

    disconnect(xs, domain);
    error = connection_create(xs, domain, HV_GNTTAB_XENSTORE, port, &domain->connection);
    if (error) {
        (void)hold_keeps(xs, domain);
        return error;
    }
    memcpy(domain->handle, handle, sizeof(domain->handle));
    domain->shutdown = false;
    hold_alive(domain);
    recorder_changed(xs);
    log_write(xs->log, LOG_NOTICE, "domain %u has a successor", domain->domid);
    connection_reset(xs, domain->connection);
    return 0;
}

int domain_introduce(struct xenstored *xs, domid_t domid, evtchn_port_t port)
{
    struct domain *domain = domain_find(xs, domid);
    struct hv_domain_info info;
    bool exists = domain_exists(xs, domid, &info);
    int error = -ENOENT;

    if (domain && exists && hold_successor(domain, info.handle))
        return introduce_successor(xs, domain, info.handle, port);
    if (domain && !exists && hold_keeps(xs, domain)) {
        disconnect(xs, domain);
        return -EINVAL;
    }
    /* The event of a predecessor's death may not have been looked at yet. */
    if (domain && (!exists || hold_over(domain) || replaced(domain, &info))) {
        domain_release(xs, domain);
        if (domain_find(xs, domid))
            return -ENOMEM;
    }
    domain = domain_get(xs, domid, &error);
    if (!domain)
        return error == -ENOENT ? -EINVAL : error;
    error = domain->introduced ? connection_rebind(xs, domain->connection, port)
                               : introduce_new(xs, domain, port);
    if (error)
        return error;
    recorder_introduced(xs, domain->connection);
    connection_reset(xs, domain->connection);
    return 0;
}

void domain_destroy_all(struct xenstored *xs)
{
    list_for_each_safe (item, after, &xs->domains)
        forget(xs, LIST_ENTRY(item, struct domain, all));
}
