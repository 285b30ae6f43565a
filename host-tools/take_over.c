/* SPDX-License-Identifier: ISC */
#include "take_over.h"
#include "host.h"
#include "image_keep.h"
#include "record.h"
#include "remains.h"
#include "start_service.h"
#include "take_over_store.h"
#include <string.h>

/* A service without a journal: what is there of it goes, and it is started anew. */
static int start_anew(struct report *r, const struct start_options *opt,
                      struct take_over_times *times)
{
    struct start_options locked = *opt;
    struct store_client store = {.fd = -1};
    enum record_state state;
    struct record record;
    xc_interface *xch = NULL;
    const char *why;
    int rc = host_open(r, &xch);

    locked.locked = true;
    if (!rc && !opt->locked)
        rc = host_lock(r, opt->service);
    if (!rc)
        rc = start_check(r, xch, opt);
    if (!rc)
        rc = record_find(r, xch, opt->service, false, &record, &state, &why);
    if (!rc && state == RECORD_NONE)
        rc = report_fail(r, ATOLL_NOT_RUNNING, "there is no record of a predecessor");
    if (!rc)
        rc = remains_open_store(r, xch, &store);
    if (!rc)
        rc = remains_remove(r, xch, &store, &record);
    store_close(&store);
    if (xch)
        xc_interface_close(xch);
    if (rc)
        return rc;
    times->destroyed = times->free = report_now_ns() - times->begin;
    rc = start_service(r, &locked);
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
    return opt->store_domain ? take_over_store(r, opt, copy, times) : start_anew(r, opt, times);
}
