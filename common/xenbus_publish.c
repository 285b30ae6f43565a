/* SPDX-License-Identifier: ISC */
/* What a look writes: states and what goes with them, in one batch each. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/xenbus_backend.h"
#include "common/xenbus_state.h"

void xenbus_own_path(const struct xenbus_look *look, const char *name, char path[XENBUS_PATH])
{
    snprintf(path, XENBUS_PATH, "%s/%u/%u%s%s", look->backend->root, look->domid, look->devid,
             *name ? "/" : "", name);
}

static void written(void *context, int error, const char *data, size_t length)
{
    struct xenbus_backend *backend = context;
    struct xenbus_look *look = backend->op.look;

    (void)data;
    (void)length;
    if (store_error(backend->store)) {
        backend->ended = true;
        return;
    }
    if (!look)
        return;
    if (error) { /* the directory has just gone, or a quota is used up: look again */
        if (error != -EACCES && error != -ENOENT)
            xenbus_look_log(look, LOG_ERROR, "XenStore does not take our state",
                            error == -ENOSPC ? "quota of nodes" : NULL);
        xenbus_look_at(look, hv_now(backend->hv) + XENBUS_AGAIN);
    } else if (backend->op.removing) {
        look->dirty = true;
    } else {
        look->written = backend->op.writing;
        if (look->written == XENBUS_INIT_WAIT)
            look->shown = hv_now(backend->hv);
        else
            look->fresh = false;
        look->marked |= backend->op.why != NULL;
        if (look->why == backend->op.why)
            look->why = NULL;
        if (look->device) {
            look->device->state = look->written;
            look->published = true;
        }
        if (look->written == XENBUS_CONNECTED)
            look->marked = false;
    }
    xenbus_look_done(backend);
}

/* Write one batch and go on with written(). */
static void write_batch(struct xenbus_look *look, const struct store_change *changes,
                        unsigned count)
{
    struct xenbus_backend *backend = look->backend;

    if (store_batch(backend->store, changes, count, written, backend)) {
        xenbus_look_at(look, hv_now(backend->hv) + XENBUS_AGAIN);
        xenbus_look_done(backend);
    }
}

void xenbus_look_remove(struct xenbus_look *look)
{
    char path[XENBUS_PATH];
    const struct store_change change = {STORE_REMOVE, path, NULL, 0};

    xenbus_own_path(look, "", path);
    look->backend->op.removing = true;
    write_batch(look, &change, 1);
}

/* State and, with it, what else is to be said. */
void xenbus_look_publish(struct xenbus_look *look)
{
    struct xenbus_backend *backend = look->backend;
    struct xenbus_feature features[XENBUS_FEATURES];
    struct store_change changes[XENBUS_FEATURES + 2];
    unsigned count = 0;
    char state[4];

    /* The paths that were read are not needed any more. */
    if (look->device && !look->published)
        count = backend->type->features(look->device, features);
    HV_ASSERT(count <= XENBUS_FEATURES);
    for (unsigned i = 0; i < count; i++) {
        xenbus_own_path(look, features[i].name, backend->op.paths[i]);
        changes[i] = (struct store_change){STORE_WRITE, backend->op.paths[i], features[i].value,
                                           strlen(features[i].value)};
    }
    if (look->why || (look->marked && look->state == XENBUS_CONNECTED)) {
        xenbus_own_path(look, "error", backend->op.paths[count]);
        changes[count] =
            (struct store_change){look->why ? STORE_WRITE : STORE_REMOVE, backend->op.paths[count],
                                  look->why, look->why ? strlen(look->why) : 0};
        count++;
    }
    snprintf(state, sizeof(state), "%u", (unsigned)look->state);
    xenbus_own_path(look, "state", backend->op.paths[count]);
    changes[count] =
        (struct store_change){STORE_WRITE, backend->op.paths[count], state, strlen(state)};
    count++;
    backend->op.writing = look->state;
    backend->op.why = look->why;
    backend->op.removing = false;
    write_batch(look, changes, count);
}

void xenbus_device_write(struct xenbus_device *device, const char *name, const char *value)
{
    struct xenbus_backend *backend = device->backend;
    char path[XENBUS_PATH];

    if (!device->look || backend->ended)
        return;
    xenbus_own_path(device->look, name, path);
    (void)store_write(backend->store, 0, path, value, strlen(value), NULL, NULL);
}
