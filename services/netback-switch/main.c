/* SPDX-License-Identifier: ISC */
/*
 * The image "switch": backend of vifs, and what forwards between them.
 *
 * Command line: see common/service.h; `mirror=KIB` (16 to 1024, a power of two, default 128): what
 * a mirror's consumer may be behind; `rules=1`: forward nothing before rules are given, as dom0
 * keeps some.
 */
#include "switch.h"

void hv_main(struct hv *hv)
{
    struct vswitch *vswitch = NULL;
    const struct service_config config = vswitch_service(hv, ATOLL_VERSION, &vswitch);
    struct service *service = service_create(hv, &config);

    if (!service || !vswitch_create(service))
        hv_exit(hv, HV_EXIT_CRASH);
    service_run(service);
}
