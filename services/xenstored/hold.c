/* SPDX-License-Identifier: ISC */
#include "hold.h"

#include <string.h>

#include <hv/time.h>

#include "domain.h"
#include "recorder.h"

static void holds_due(struct timer *timer)
{
    struct xenstored *xs = LIST_ENTRY(timer, struct xenstored, holds);

    domain_check_all(xs);
    hold_arm(xs);
}

void hold_init(struct xenstored *xs)
{
    timer_init(&xs->holds, holds_due);
}

void hold_arm(struct xenstored *xs)
{
    uint64_t next = HV_NEVER;

    list_for_each (item, &xs->domains) {
        const struct domain *domain = LIST_ENTRY(item, struct domain, all);

        if (domain->held_until && !domain->dead && domain->held_until < next)
            next = domain->held_until;
    }
    timer_set(&xs->loop, &xs->holds, next);
}

void hold_set(struct xenstored *xs, struct domain *domain, uint32_t seconds)
{
    recorder_changed(xs);
    domain->hold = seconds;
    if (domain->held_until)
        domain->held_until = hv_now(xs->hv) + seconds * HV_SEC;
    if (!seconds && domain->connection)
        domain->held_until = 0; /* it has shut down, and is still there */
    domain_check_all(xs);       /* frees a domain that is held no more */
    hold_arm(xs);
}

bool hold_keeps(struct xenstored *xs, struct domain *domain)
{
    uint64_t now = hv_now(xs->hv);

    if (!domain->hold || !domain->introduced)
        return false;
    if (!domain->held_until) {
        domain->held_until = now + domain->hold * HV_SEC;
        recorder_changed(xs);
        hold_arm(xs);
        log_write(xs->log, LOG_NOTICE, "domain %u has ended; held for a successor for %u s",
                  domain->domid, domain->hold);
    }
    if (now < domain->held_until)
        return true;
    log_write(xs->log, LOG_WARNING, "domain %u has had no successor in %u s", domain->domid,
              domain->hold);
    domain->hold = 0;
    domain->held_until = 0;
    recorder_changed(xs);
    return false;
}

void hold_alive(struct domain *domain)
{
    domain->held_until = 0;
}

bool hold_successor(const struct domain *domain, const uint8_t handle[16])
{
    const size_t family = sizeof(domain->handle) - HOLD_GENERATION;

    /* The same generation is that domain itself, if it lives. */
    return domain->hold && domain->introduced && !memcmp(domain->handle, handle, family) &&
           (!domain->connection ||
            memcmp(domain->handle + family, handle + family, HOLD_GENERATION) != 0);
}

uint32_t hold_left(const struct xenstored *xs, const struct domain *domain)
{
    uint64_t now = hv_now(xs->hv);

    if (!domain->held_until || domain->held_until <= now)
        return 0;
    return (uint32_t)((domain->held_until - now + HV_SEC - 1) / HV_SEC);
}
