/* SPDX-License-Identifier: ISC */
/*
 * The image "monitor": what goes through the switches, as flows, totals, alerts and captures.
 *
 * Command line: see common/service.h; `flows=N` (default: as many as fit): entries of the table;
 * and each setting by its name, such as `idle=30` (settings.c).
 */
#include "monitor.h"

void hv_main(struct hv *hv)
{
    struct monitor *monitor = NULL;
    const struct service_config config = monitor_service(hv, ATOLL_VERSION, &monitor);
    struct service *service = service_create(hv, &config);

    if (!service || !monitor_create(service))
        hv_exit(hv, HV_EXIT_CRASH);
    service_run(service);
}
