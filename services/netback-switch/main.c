/* SPDX-License-Identifier: ISC */
/*
 * The image "switch": a service that starts, seals itself and is driven by the control protocol.
 *
 * Command line: see common/service.h.
 */
#include "common/service.h"

static const struct service_config config = {.name = "switch", .version = ATOLL_VERSION};

void hv_main(struct hv *hv)
{
    struct service *service = service_create(hv, &config);

    if (!service)
        hv_exit(hv, HV_EXIT_CRASH);
    service_run(service);
}
