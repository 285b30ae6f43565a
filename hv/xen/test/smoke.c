/* SPDX-License-Identifier: ISC */
#include <hv/console.h>
#include <hv/hv.h>

#include <stdio.h>

void hv_main(struct hv *hv)
{
    char line[100];
    int length =
        snprintf(line, sizeof line, "hello from domain %u: %s\n", hv_domid(hv), hv_cmdline(hv));

    hv_console_write(hv, line, (size_t)length);
}
