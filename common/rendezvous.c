/* SPDX-License-Identifier: ISC */
#include "common/rendezvous.h"

#include <stdio.h>

int rendezvous_path(char *path, size_t size, domid_t server, domid_t client, const char *name)
{
    return snprintf(path, size, "/local/domain/%u/data/vchan/%u/%s", server, client, name);
}
