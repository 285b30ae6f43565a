/* SPDX-License-Identifier: ISC */
#include "take_over.h"
#include "host.h"
#include "take_over_service.h"
#include "take_over_store.h"
#include <string.h>

/* A service without a journal: what it needs is in XenStore, in rings, and kept by dom0. */
static int take_over_plain(struct report *r, const struct start_options *opt,
                           struct take_over_times *times)
{
    struct start_options locked = *opt;
    int rc = opt->locked ? 0 : host_lock(r, opt->service);

    locked.locked = true;
    if (!rc)
        rc = take_over_service(r, &locked);
    if (!rc)
        times->answered = report_now_ns() - times->begin;
    return rc;
}

int take_over(struct report *r, const struct start_options *opt, const struct journal_copy *copy,
              struct take_over_times *times)
{
    struct take_over_times unwanted;

    times = times ? times : &unwanted;
    memset(times, 0, sizeof(*times));
    times->begin = report_now_ns();
    return opt->store_domain ? take_over_store(r, opt, copy, times)
                             : take_over_plain(r, opt, times);
}
