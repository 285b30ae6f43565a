/* SPDX-License-Identifier: ISC */
#include "remains.h"
#include "host.h"
#include "service_nodes.h"
#include <errno.h>
#include <string.h>
#include <time.h>

/*
 * How long a destroyed domain may take to vanish. Whoever maps its pages keeps it: xenconsoled lets
 * its console go as soon as XenStore tells it of the end.
 */
#define VANISH_TIMEOUT_NS 3000000000u

int remains_open_store(struct report *r, xc_interface *xch, struct store_client *store)
{
    const char *reason = "gone";
    uint32_t domid;
    int rc = host_find_store_domain(r, xch, &domid);

    if (rc)
        return rc;
    if (domid != HOST_NO_DOMAIN && host_domain_state(xch, domid, &reason) != HOST_DOMAIN_RUNS)
        return report_fail(r, ATOLL_FAILURE,
                           "this host's XenStore, domain %u, is dead (%s); see `atoll status "
                           "xenstored`",
                           domid, reason);
    if (domid == HOST_NO_DOMAIN && !host_store_daemon_socket())
        return report_fail(r, ATOLL_FAILURE,
                           "no XenStore serves on this host; `atoll start xenstored` first");
    rc = store_open(store, STORE_DEVICE, REMAINS_STORE_TIMEOUT_MS);
    if (rc)
        return report_fail(r, rc == -EACCES ? ATOLL_NO_RIGHTS : ATOLL_NO_XEN,
                           "cannot open " STORE_DEVICE " (%s); run it as root in dom0",
                           strerror(-rc));
    return 0;
}

/* The domain itself. @ours: no other domain has its domid any more. */
static int destroy(struct report *r, xc_interface *xch, const struct record *record, bool *ours)
{
    const uint64_t deadline = report_now_ns() + VANISH_TIMEOUT_NS;
    const struct timespec pause = {.tv_nsec = 1000000};
    uint32_t domid;
    int rc = host_find_domain(r, xch, record->handle, &domid);

    *ours = false;
    if (!rc && domid) {
        if (xc_domain_destroy(xch, domid))
            return report_fail(r, errno == EPERM ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                               "cannot destroy domain %u (%s)", domid, strerror(errno));
        report_step(r, "domain %u destroyed", domid);
    }
    while (!rc && domid && report_now_ns() < deadline) {
        nanosleep(&pause, NULL);
        rc = host_find_domain(r, xch, record->handle, &domid);
    }
    if (!rc && domid)
        report_note(r, "domain %u is dead, but somebody still has its memory mapped", domid);
    if (!rc)
        *ours = host_domain_state(xch, record->domid, &(const char *){""}) == HOST_DOMAIN_GONE;
    return rc;
}

int remains_remove(struct report *r, xc_interface *xch, struct store_client *store,
                   const struct record *record)
{
    bool ours;
    int rc = destroy(r, xch, record, &ours), error;

    if (rc)
        return rc;
    /* Where another domain has the domid now, the nodes are that domain's. */
    if (ours && record->domid && store->fd < 0) {
        report_note(r, "its nodes stay in XenStore: /local/domain/%u and /libxl/%u", record->domid,
                    record->domid);
    } else if (ours && record->domid) {
        error = service_nodes_remove(store, record->domid);
        /* It may be held for a successor, which is not to come. */
        if (!error && store_release(store, record->domid) == -ETIMEDOUT)
            error = -ETIMEDOUT;
        if (error)
            report_note(r, "its nodes in XenStore could not be removed (%s): /local/domain/%u",
                        strerror(-error), record->domid);
        else
            report_step(r, "its XenStore nodes removed");
    }
    record_remove(record->service);
    return 0;
}
