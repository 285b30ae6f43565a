/* SPDX-License-Identifier: ISC */
#include "common/watchdog.h"

#include <errno.h>

/* Xen does not refuse what it has once granted. If it did, the domain would end for nothing. */
static void expire(struct timer *timer)
{
    struct watchdog *watchdog = LIST_ENTRY(timer, struct watchdog, timer);
    struct loop *loop = watchdog->loop;

    if (hv_watchdog(loop->hv, watchdog->seconds)) {
        watchdog_stop(watchdog);
        return;
    }
    timer_set(loop, timer, hv_now(loop->hv) + HV_SEC);
}

int watchdog_start(struct watchdog *watchdog, struct loop *loop, uint32_t seconds)
{
    int rc;

    *watchdog = (struct watchdog){.loop = loop};
    timer_init(&watchdog->timer, expire);
    if (!seconds)
        return 0;
    if (seconds < WATCHDOG_MIN)
        return -EINVAL;
    rc = hv_watchdog(loop->hv, seconds);
    if (rc)
        return rc;
    watchdog->seconds = seconds;
    timer_set(loop, &watchdog->timer, hv_now(loop->hv) + HV_SEC);
    return 0;
}

void watchdog_stop(struct watchdog *watchdog)
{
    if (!watchdog->seconds)
        return;
    timer_cancel(&watchdog->timer);
    if (hv_watchdog(watchdog->loop->hv, 0) == 0)
        watchdog->seconds = 0;
}
