/* SPDX-License-Identifier: ISC */
#include "backends.h"
#include "identify.h"
#include "values.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>

#define VALUE_MAX 1024u
#define TRIES     8

struct vif {
    uint32_t guest, devid;
    char copy[64], backend[80], frontend[80]; /**< directories */
};

/* Call @each for every number that is a child of @path; -ENOENT of @path is nobody. */
static int each_number(struct store_client *store, const char *path,
                       int (*each)(struct store_client *store, uint32_t number, void *context),
                       void *context)
{
    char *names = NULL;
    size_t length = 0;
    int rc = store_directory(store, path, &names, &length);

    for (size_t at = 0; !rc && at < length; at += strlen(names + at) + 1) {
        uint32_t number;

        if (value_number(names + at, 0, INT32_MAX, &number))
            rc = each(store, number, context);
    }
    free(names);
    return rc == -ENOENT ? 0 : rc;
}

/* One node of libxl's copy. Our state is what the frontend's allows. */
static int restore_node(struct store_client *store, const struct vif *vif, const char *name)
{
    char path[256], value[VALUE_MAX];
    int rc;

    if (strcmp(name, "state") == 0) {
        uint32_t state = 0;

        snprintf(path, sizeof(path), "%s/state", vif->frontend);
        rc = store_read(store, path, value, sizeof(value));
        if (rc && rc != -ENOENT)
            return rc;
        if (rc || !value_number(value, 0, XenbusStateReconfigured, &state) ||
            state != XenbusStateConnected)
            state = XenbusStateInitialising;
        snprintf(value, sizeof(value), "%u", state);
    } else {
        snprintf(path, sizeof(path), "%s/%s", vif->copy, name);
        rc = store_read(store, path, value, sizeof(value));
        if (rc)
            return rc == -ENOENT || rc == -ENOBUFS ? 0 : rc;
    }
    snprintf(path, sizeof(path), "%s/%s", vif->backend, name);
    return store_write(store, path, value);
}

static int restore_nodes(struct store_client *store, const struct vif *vif, uint32_t domid)
{
    char owner[16], reader[16], *names = NULL;
    const char *const perms[] = {owner, reader, NULL};
    size_t length = 0;
    int rc;

    snprintf(owner, sizeof(owner), "n%u", domid);
    snprintf(reader, sizeof(reader), "r%u", vif->guest);
    rc = store_directory(store, vif->copy, &names, &length);
    if (!rc)
        rc = store_make(store, vif->backend, perms);
    for (size_t at = 0; !rc && at < length; at += strlen(names + at) + 1)
        rc = restore_node(store, vif, names + at);
    free(names);
    return rc;
}

/* All or nothing, as libxl would: a backend that looks finds no half of it. */
static int restore_vif(struct store_client *store, const struct vif *vif, uint32_t domid)
{
    int rc = -EAGAIN;

    for (unsigned i = 0; rc == -EAGAIN && i < TRIES; i++) {
        rc = store_begin(store);
        if (rc)
            return rc;
        rc = restore_nodes(store, vif, domid);
        if (rc == -ETIMEDOUT || rc == -EPROTO)
            return rc;
        if (rc)
            (void)store_end(store, false);
        else
            rc = store_end(store, true);
    }
    return rc;
}

struct restore {
    uint32_t domid, guest;
    unsigned count;
};

static int look_at_vif(struct store_client *store, uint32_t devid, void *context)
{
    struct restore *restore = context;
    struct vif vif = {.guest = restore->guest, .devid = devid};
    char path[96], value[VALUE_MAX];
    int rc;

    snprintf(vif.copy, sizeof(vif.copy), "/libxl/%u/device/vif/%u", vif.guest, devid);
    snprintf(vif.backend, sizeof(vif.backend), "/local/domain/%u/backend/vif/%u/%u", restore->domid,
             vif.guest, devid);
    snprintf(vif.frontend, sizeof(vif.frontend), "/local/domain/%u/device/vif/%u", vif.guest,
             devid);
    snprintf(path, sizeof(path), "%s/backend", vif.copy);
    rc = store_read(store, path, value, sizeof(value));
    if (rc || strcmp(value, vif.backend) != 0)
        return rc == -ENOENT || rc == -ENOBUFS ? 0 : rc;
    snprintf(path, sizeof(path), "%s/state", vif.backend);
    if (store_read(store, path, value, sizeof(value)) == 0)
        return 0; /* it is there */
    rc = restore_vif(store, &vif, restore->domid);
    if (!rc) {
        struct identify_vif whose = {restore->domid, vif.guest, devid};
        struct identify_result result;

        restore->count++;
        rc = identify_vif(store, &whose, &result);
        if (rc != -ETIMEDOUT && rc != -EPROTO)
            rc = 0; /* nobody knows it now either */
    }
    return rc;
}

static int look_at_guest(struct store_client *store, uint32_t guest, void *context)
{
    struct restore *restore = context;
    char path[64];

    restore->guest = guest;
    snprintf(path, sizeof(path), "/libxl/%u/device/vif", guest);
    return each_number(store, path, look_at_vif, restore);
}

int backends_restore(struct store_client *store, uint32_t domid, unsigned *count)
{
    struct restore restore = {.domid = domid};
    int rc = each_number(store, "/libxl", look_at_guest, &restore);

    *count = restore.count;
    return rc;
}
