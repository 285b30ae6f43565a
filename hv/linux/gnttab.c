/* SPDX-License-Identifier: ISC */
/* Mapping over /dev/xen/gntdev. */
#include "hv/linux/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/** What the library's error means in the contract. Linux tells a bad grant from little else. */
static int map_error(int error)
{
    switch (error) {
    case ENOMEM:
    case ENOSPC:
        return -ENOSPC;
    case EAGAIN:
        return -EAGAIN;
    default:
        return -EINVAL;
    }
}

/** Remember what was mapped at @at by way of @map, which is the list's from now on. */
static void remember(struct hv *hv, struct linux_map *map, void *at, unsigned count, void **address)
{
    *map = (struct linux_map){.next = hv->maps, .address = at, .count = count};
    hv->maps = map;
    *address = at;
}

int hv_grant_map(struct hv *hv, domid_t remote, const grant_ref_t *refs, unsigned count,
                 bool readonly, void **address)
{
    if (count == 0)
        return -EINVAL;

    struct linux_map *map = malloc(sizeof(*map));
    uint32_t *copy = malloc(count * sizeof(*copy)); /* the library takes no constant ones */
    void *at = NULL;
    int rc = -ENOSPC;
    if (map && copy) {
        memcpy(copy, refs, count * sizeof(*copy));
        at = xengnttab_map_domain_grant_refs(hv->gnttab, count, remote, copy,
                                             readonly ? PROT_READ : PROT_READ | PROT_WRITE);
        rc = at ? 0 : map_error(errno);
    }
    free(copy);
    if (at)
        remember(hv, map, at, count, address);
    else
        free(map);
    return rc;
}

int hv_grant_map_notify(struct hv *hv, domid_t remote, grant_ref_t ref, unsigned offset,
                        evtchn_port_t port, void **address)
{
    evtchn_port_t number = linux_port_number(hv, port);
    struct linux_map *map;

    if (number == 0 || offset >= HV_PAGE_SIZE)
        return -EINVAL;
    map = malloc(sizeof(*map));
    if (!map)
        return -ENOSPC;
    void *at = xengnttab_map_grant_ref_notify(hv->gnttab, remote, ref, PROT_READ | PROT_WRITE,
                                              offset, number);
    if (!at) {
        int rc = map_error(errno);
        free(map);
        return rc;
    }
    remember(hv, map, at, 1, address);
    return 0;
}

int hv_grant_unmap(struct hv *hv, void *address, unsigned count)
{
    for (struct linux_map **link = &hv->maps; *link; link = &(*link)->next) {
        struct linux_map *map = *link;
        if (map->address != address || map->count != count)
            continue;
        HV_ASSERT(xengnttab_unmap(hv->gnttab, address, count) == 0);
        *link = map->next;
        free(map);
        return 0;
    }
    return -EINVAL;
}

void linux_unmap_all(struct hv *hv)
{
    while (hv->maps)
        HV_ASSERT(hv_grant_unmap(hv, hv->maps->address, hv->maps->count) == 0);
}
