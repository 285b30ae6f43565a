/* SPDX-License-Identifier: ISC */
/**
 * @file end.c
 * lab-end: a domain ends, and nobody is told but by Xen.
 *
 * usage: lab-end destroy|crash DOMID
 *
 * `destroy` as XEN_DOMCTL_destroydomain alone does it; `crash` as if it had crashed: it stays.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <xenctrl.h>

int main(int count, char **words)
{
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    int rc;

    if (!xch || count != 3)
        errx(2, "usage: lab-end destroy|crash DOMID, in dom0");
    if (strcmp(words[1], "crash") == 0)
        rc = xc_domain_shutdown(xch, (uint32_t)atoi(words[2]), SHUTDOWN_crash);
    else
        rc = xc_domain_destroy(xch, (uint32_t)atoi(words[2]));
    if (rc)
        err(1, "domain %s", words[2]);
    xc_interface_close(xch);
    return 0;
}
