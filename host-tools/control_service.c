/* SPDX-License-Identifier: ISC */
#include "control_service.h"
#include "common/control.h"
#include "host.h"
#include "record.h"
#include <string.h>

static void fill(struct control_service *service, const char *name, uint32_t domid)
{
    memset(service, 0, sizeof(*service));
    snprintf(service->name, sizeof(service->name), "%s", name);
    service->domid = domid;
    service->vchan = CONTROL_VCHAN_NAME;
    service->store.fd = -1;
}

static int not_running(struct report *r, const struct record *record, enum record_state state,
                       const char *why, const char *name)
{
    switch (state) {
    case RECORD_STARTING:
        return report_fail(r, ATOLL_NOT_RUNNING, "%s is being started; try again", name);
    case RECORD_ENDED:
        return report_fail(r, ATOLL_NOT_RUNNING,
                           "%s (domain %u) %s; `atoll restart %s` brings it back", name,
                           record->domid, why, name);
    case RECORD_GONE:
        return report_fail(r, ATOLL_NOT_RUNNING,
                           "%s is not running: its domain %u is gone; start it with `atoll start "
                           "%s`",
                           name, record->domid, name);
    default:
        return report_fail(r, ATOLL_NOT_RUNNING,
                           "%s is not running; start it with `atoll start %s`", name, name);
    }
}

int control_service_find(struct report *r, const struct service_settings *settings,
                         struct control_service *service)
{
    struct record record;
    enum record_state state;
    const char *why;
    int rc;

    fill(service, settings->name, 0);
    rc = host_open(r, &service->xch);
    if (rc) {
        service->xch = NULL;
        return rc;
    }
    rc =
        record_find(r, service->xch, settings->name, settings->store_domain, &record, &state, &why);
    if (!rc && state != RECORD_RUNS)
        rc = not_running(r, &record, state, why, settings->name);
    if (rc)
        control_service_close(service);
    else
        service->domid = record.domid;
    return rc;
}

int control_service_runs(struct report *r, const struct service_settings *settings, bool *runs)
{
    xc_interface *xch = NULL;
    struct record record;
    enum record_state state;
    const char *why;
    int rc = host_open(r, &xch);

    *runs = false;
    if (rc)
        return rc;
    rc = record_find(r, xch, settings->name, settings->store_domain, &record, &state, &why);
    *runs = !rc && state == RECORD_RUNS;
    xc_interface_close(xch);
    return rc;
}

int control_service_open(struct report *r, const char *name, uint32_t domid,
                         struct control_service *service)
{
    int rc;

    fill(service, name, domid);
    rc = host_open(r, &service->xch);
    if (rc)
        service->xch = NULL;
    return rc;
}

void control_service_close(struct control_service *service)
{
    store_close(&service->store);
    if (service->xch)
        xc_interface_close(service->xch);
    service->xch = NULL;
}

const char *control_service_end(struct control_service *service)
{
    const char *reason = "ended";

    switch (host_domain_state(service->xch, service->domid, &reason)) {
    case HOST_DOMAIN_GONE:
        return "is gone";
    case HOST_DOMAIN_ENDED:
        return reason;
    default:
        return NULL;
    }
}

int control_service_numbers(struct control_service *service, int timeout_ms,
                            struct control_numbers *numbers)
{
    int rc;

    if (service->store.fd < 0) {
        rc = store_open(&service->store, STORE_DEVICE, timeout_ms);
        if (rc)
            return rc == -ENOENT ? -ENODEV : rc;
    }
    service->store.timeout_ms = timeout_ms;
    rc = control_numbers_read(&service->store, service->domid, service->vchan, numbers);
    if (rc == -ETIMEDOUT || rc == -EPROTO)
        store_close(&service->store);
    return rc;
}
