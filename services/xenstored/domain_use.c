/* SPDX-License-Identifier: ISC */
/* What domains use, what they may use, and what conflicts cost them. */
#include "domain.h"

#include <hv/time.h>

#include "history.h"
#include "transaction.h"

/* A domain whose credit is used up may cause one more conflict each interval (oxenstored's figure).
 */
#define CONFLICT_INTERVAL (50 * HV_MSEC)

/* What a guest with a few devices needs: it may use the reserve (domain_over_memory()). */
#define MODEST_MEMORY (32U * 1024)

void domain_add_memory(struct xenstored *xs, struct domain *domain, long bytes)
{
    uint32_t memory = (uint32_t)((long)domain->usage.now[QUOTA_MEMORY] + bytes);
    uint32_t soft = quota_effective(domain->limits.soft_memory, domain->defaults->soft_memory);

    domain_set_usage(domain, QUOTA_MEMORY, memory);
    if (memory <= soft || !soft) {
        domain->soft_reported = false;
    } else if (!domain->soft_reported && !domain_unlimited(xs, domain->domid)) {
        domain->soft_reported = true;
        log_write(xs->log, LOG_WARNING, "domain %u uses %u bytes, over its soft-memory quota of %u",
                  domain->domid, memory, soft);
    }
}

void domain_set_usage(struct domain *domain, enum quota quota, uint32_t value)
{
    domain->usage.now[quota] = value;
    if (value > domain->usage.max[quota])
        domain->usage.max[quota] = value;
}

void domain_account(void *context, domid_t domid, int nodes, long bytes)
{
    struct xenstored *xs = context;
    struct work *work = xs->work;
    struct domain *domain;

    if (work && work->mode == WORK_SNAPSHOT) {
        if (domid == work->connection->subject.domid)
            transaction_account(work->transaction, nodes, bytes);
        return;
    }
    domain = domain_find(xs, domid);
    HV_ASSERT(domain); /* whoever owns a node is known for as long as it does */
    if (!work || work->mode == WORK_LIVE) {
        domain_set_usage(domain, QUOTA_NODES,
                         (uint32_t)((long)domain->usage.now[QUOTA_NODES] + nodes));
        domain_add_memory(xs, domain, bytes);
        return;
    }
    if (list_empty(&domain->touched))
        list_append(&xs->touched, &domain->touched);
    domain->pending_nodes += nodes;
    domain->pending_memory += bytes;
}

void domain_pending_commit(struct xenstored *xs)
{
    list_for_each_safe (item, after, &xs->touched) {
        struct domain *domain = LIST_ENTRY(item, struct domain, touched);

        domain_set_usage(domain, QUOTA_NODES,
                         (uint32_t)((long)domain->usage.now[QUOTA_NODES] + domain->pending_nodes));
        domain_add_memory(xs, domain, domain->pending_memory);
    }
    domain_pending_forget(xs);
}

void domain_pending_forget(struct xenstored *xs)
{
    list_for_each_safe (item, after, &xs->touched) {
        struct domain *domain = LIST_ENTRY(item, struct domain, touched);

        domain->pending_nodes = domain->pending_memory = 0;
        list_remove(&domain->touched);
    }
}

static long pending(const struct xenstored *xs, long replay, long snapshot)
{
    return xs->work && xs->work->mode == WORK_REPLAY     ? replay
           : xs->work && xs->work->mode == WORK_SNAPSHOT ? snapshot
                                                         : 0;
}

uint64_t domain_nodes(const struct xenstored *xs, const struct domain *domain)
{
    const struct transaction *own = xs->work ? xs->work->transaction : NULL;
    long nodes = (long)domain->usage.now[QUOTA_NODES] +
                 pending(xs, domain->pending_nodes, own ? own->nodes : 0);

    return nodes > 0 ? (uint64_t)nodes : 0;
}

uint64_t domain_memory(const struct xenstored *xs, const struct domain *domain)
{
    const struct transaction *own = xs->work ? xs->work->transaction : NULL;
    long memory = (long)domain->usage.now[QUOTA_MEMORY] +
                  pending(xs, domain->pending_memory, own ? own->memory : 0);

    return memory > 0 ? (uint64_t)memory : 0;
}

bool domain_over_quota(const struct connection *connection, enum quota quota, uint64_t value)
{
    struct domain *domain = connection->domain;
    uint32_t limit = quota_effective(domain->limits.hard[quota], domain->defaults->hard[quota]);

    if (connection->xs->recovering) /* it was asked before */
        return false;
    if (quota >= QUOTA_NODE_PERMISSIONS && value <= UINT32_MAX)
        domain_set_usage(domain, quota, (uint32_t)value);
    if (connection->subject.privileged || !limit || value <= limit)
        return false;
    domain->usage.refused[quota]++;
    return true;
}

/* May a domain have @memory where @free is free, above the reserve or of it? */
static bool within_share(uint64_t memory, size_t free, size_t reserve)
{
    return (free > reserve && memory <= (free - reserve) / 2) ||
           (free > reserve / 4 && memory <= MODEST_MEMORY);
}

uint32_t domain_limit(const struct xenstored *xs, const struct domain *domain, enum quota quota)
{
    if (domain_unlimited(xs, domain->domid))
        return 0;
    return quota_effective(domain->limits.hard[quota], domain->defaults->hard[quota]);
}

bool domain_over_memory(struct xenstored *xs, const struct connection *connection, uint64_t bytes)
{
    uint64_t memory = domain_memory(xs, connection->domain) + bytes;
    size_t free = arena_bytes_free(xs->arena), reserve = domain_reserve(xs);

    if (domain_over_quota(connection, QUOTA_MEMORY, memory))
        return true;
    if (connection->subject.privileged || xs->recovering || within_share(memory, free, reserve))
        return false;
    /* Older versions go first, where that may help. */
    if (within_share(memory, free + xs->history.bytes, reserve))
        while (history_give_up(xs))
            if (within_share(memory, arena_bytes_free(xs->arena), reserve))
                return false;
    connection->domain->usage.refused[QUOTA_MEMORY]++;
    return true;
}

/* Add what the domain's credit has gained since. */
static void refill(struct xenstored *xs, struct domain *domain)
{
    uint64_t now = hv_now(xs->hv), gained = (now - domain->credit_time) / CONFLICT_INTERVAL;

    if (gained >= (uint64_t)(DOMAIN_CREDIT - domain->credit)) {
        domain->credit = DOMAIN_CREDIT;
        domain->credit_time = now;
    } else {
        domain->credit += (int32_t)gained;
        domain->credit_time += gained * CONFLICT_INTERVAL;
    }
}

void domain_charge_conflict(struct xenstored *xs, domid_t domid)
{
    struct domain *domain = domain_find(xs, domid);

    if (!domain)
        return;
    domain->conflicts_caused++;
    if (domain_unlimited(xs, domid))
        return;
    refill(xs, domain);
    if (domain->credit > -DOMAIN_CREDIT)
        domain->credit--;
}

uint64_t domain_stalled_until(struct xenstored *xs, struct domain *domain)
{
    if (domain->credit > 0)
        return 0;
    refill(xs, domain);
    if (domain->credit > 0)
        return 0;
    return domain->credit_time + (uint64_t)(1 - domain->credit) * CONFLICT_INTERVAL;
}
