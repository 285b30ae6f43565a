/* SPDX-License-Identifier: ISC */
/* How a port is called in tables and reports. */
#include "call.h"
#include <stdio.h>

void call_port_name(const struct control_reader *fields, char *text, size_t size)
{
    const unsigned long long vif = control_number(fields, CONTROL_F_VIF, 0),
                             domid = control_number(fields, CONTROL_F_DOMID, 0);
    char guest[80];

    if (control_string(fields, CONTROL_F_GUEST, guest, sizeof(guest)) && guest[0])
        snprintf(text, size, "%.63s/%llu", guest, vif);
    else if (domid == 0)
        snprintf(text, size, "dom0/%llu", vif);
    else
        snprintf(text, size, "%llu.%llu", domid, vif);
}
