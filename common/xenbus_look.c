/* SPDX-License-Identifier: ISC */
/*
 * A look at one device: both directories are read at one instant, what follows is done and written,
 * and nothing of it is kept. So whatever happened meanwhile, and however often, is one more look.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/xenbus_backend.h"
#include "common/xenbus_state.h"

/* Names of our directory that are read always, before the type's. */
static const char *const own_names[] = {"state", "online", "frontend", "frontend-id"};
#define OWN_NAMES (sizeof(own_names) / sizeof(own_names[0]))

/* A look, as it was read. */
struct view {
    struct xenbus_nodes ours, frontend;
    bool gone;
    enum xenbus_state our_state, frontend_state;
    uint64_t now;
};

static enum xenbus_state state_of(const struct xenbus_nodes *nodes)
{
    uint32_t state;

    return xenbus_number(nodes, "state", XENBUS_RECONFIGURED, &state) ? (enum xenbus_state)state
                                                                      : XENBUS_UNKNOWN;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void collected(void *context, int error, const char *const *values);

static void add_name(struct xenbus_backend *backend, unsigned *count, const char *name, bool own)
{
    struct xenbus_look *look = backend->op.look;
    char *path = backend->op.paths[*count];

    if (own)
        xenbus_own_path(look, name, path);
    else
        snprintf(path, XENBUS_PATH, "/local/domain/%u/device/%s/%u/%s", look->domid,
                 backend->type->name, look->devid, name);
    backend->op.names[(*count)++] = name;
}

/* Read what the stage needs; op.more names are behind those of the type already. */
static int collect(struct xenbus_backend *backend)
{
    const char *paths[STORE_COLLECT_MAX];
    unsigned count = 0;

    for (unsigned i = 0; i < OWN_NAMES; i++)
        add_name(backend, &count, own_names[i], true);
    for (const char *const *name = backend->type->backend_names; *name; name++)
        add_name(backend, &count, *name, true);
    backend->op.own = count;
    if (backend->op.stage != XENBUS_STAGE_OURS)
        add_name(backend, &count, "state", false);
    if (backend->op.stage >= XENBUS_STAGE_NAMES)
        for (const char *const *name = backend->type->frontend_names; *name; name++)
            add_name(backend, &count, *name, false);
    if (backend->op.stage == XENBUS_STAGE_ALL)
        for (unsigned i = 0; i < backend->op.more; i++)
            add_name(backend, &count, backend->op.names[count], false);
    backend->op.count = count;
    for (unsigned i = 0; i < count; i++)
        paths[i] = backend->op.paths[i];
    return store_collect(backend->store, paths, count, XENBUS_VALUE_MAX, collected, backend);
}

int xenbus_look_start(struct xenbus_look *look)
{
    struct xenbus_backend *backend = look->backend;
    int error;

    if (!look->watch.farewell) {
        if (!store_watch(backend->store, &look->watch))
            backend->usage.watches++;
        else
            xenbus_look_at(look, hv_now(backend->hv) + XENBUS_AGAIN);
    }
    look->dirty = false;
    backend->op.look = look;
    backend->op.stage = XENBUS_STAGE_STATES;
    error = collect(backend);
    if (error)
        backend->op.look = NULL;
    return error;
}

/* The same look goes on with more to read. */
static void read_more(struct xenbus_look *look, enum xenbus_stage stage)
{
    struct xenbus_backend *backend = look->backend;

    backend->op.stage = stage;
    if (collect(backend)) {
        xenbus_look_at(look, hv_now(backend->hv) + XENBUS_AGAIN);
        xenbus_look_done(backend);
    }
}

/* --- the device ------------------------------------------------------------------------------- */

static void disconnect(struct xenbus_look *look, const char *why)
{
    if (!look->connected)
        return;
    look->connected = false;
    look->backend->usage.connected--;
    xenbus_look_log(look, LOG_INFO, "disconnected", why);
    look->backend->type->disconnect(look->device, why);
}

void xenbus_look_release(struct xenbus_look *look, const char *why)
{
    struct xenbus_device *device = look->device;

    timer_cancel(&look->failure);
    if (!device)
        return;
    disconnect(look, why);
    look->device = NULL;
    look->backend->usage.devices--;
    look->backend->type->destroy(device);
}

/* Something is wrong with it, for `error` and, once, for the log. */
static void complain(struct xenbus_look *look, const char *why)
{
    look->backend->usage.refused++;
    if (look->said == why) /* as before: it stands there */
        return;
    look->said = look->why = why;
    xenbus_look_log(look, LOG_WARNING, "refused", why);
}

static bool is_frontend(const struct xenbus_look *look, const struct view *view)
{
    const char *path = xenbus_value(&view->ours, "frontend");
    size_t length = strlen(look->path) - strlen("/state");
    uint32_t domid;

    return path && strlen(path) == length && !strncmp(path, look->path, length) &&
           xenbus_number(&view->ours, "frontend-id", HV_DOMID_FIRST_RESERVED - 1, &domid) &&
           domid == look->domid;
}

/* FNV-1a of all that the toolstack says; it is not our adversary. */
static uint64_t hash_of(const struct view *view)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (unsigned i = OWN_NAMES; i < view->ours.count; i++) {
        const char *value = view->ours.values[i];

        for (size_t at = 0; value && at <= strlen(value); at++)
            hash = (hash ^ (uint8_t)value[at]) * UINT64_C(0x100000001b3);
        hash = (hash ^ i) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* Make the device. False: refused, and Closed until that changes. */
static bool create(struct xenbus_look *look, const struct view *view)
{
    struct xenbus_backend *backend = look->backend;
    const char *why = "out of memory";

    if (!is_frontend(look, view))
        why = "the node frontend or frontend-id does not name the guest's own directory";
    else if (backend->usage.devices >= backend->type->devices)
        why = "there are as many devices as this backend serves";
    else
        look->device =
            backend->type->create(backend->context, look->domid, look->devid, &view->ours, &why);
    if (!look->device) {
        complain(look, why);
        look->refused = true;
        look->state = XENBUS_CLOSED;
        xenbus_look_at(look, view->now + XENBUS_AGAIN);
        return false;
    }
    if (look->refused) {
        look->refused = false;
        look->state = XENBUS_INIT_WAIT;
        look->fresh = true;
    }
    backend->usage.devices++;
    look->device->backend = backend;
    look->device->domid = look->domid;
    look->device->devid = look->devid;
    look->device->state = XENBUS_UNKNOWN;
    look->device->look = look;
    look->seen = hash_of(view);
    look->published = false;
    return true;
}

static void tell(struct xenbus_look *look, const struct view *view)
{
    uint64_t hash = hash_of(view);

    look->device->frontend_state = view->frontend_state;
    look->device->online = !look->offline;
    if (hash == look->seen)
        return;
    look->seen = hash;
    look->backend->type->changed(look->device, &view->ours);
}

/* --- what follows ----------------------------------------------------------------------------- */

/* The frontend is there. False: there is more to be read first. */
static bool try_connect(struct xenbus_look *look, const struct view *view)
{
    struct xenbus_backend *backend = look->backend;
    const char *why = "it could not be connected";
    int error;

    if (backend->op.stage == XENBUS_STAGE_STATES) {
        read_more(look, XENBUS_STAGE_NAMES);
        return false;
    }
    if (backend->op.stage == XENBUS_STAGE_NAMES) {
        backend->op.more = backend->type->more_names(look->device, &view->frontend,
                                                     backend->op.names + backend->op.count);
        HV_ASSERT(backend->op.more <= XENBUS_NAMES_MAX);
        if (backend->op.more) {
            read_more(look, XENBUS_STAGE_ALL);
            return false;
        }
    }
    error = backend->type->connect(look->device, &view->ours, &view->frontend, &why);
    if (error) {
        complain(look, why);
        look->state = XENBUS_CLOSING;
        return true;
    }
    look->connected = true;
    backend->usage.connected++;
    /* What a predecessor had connected stays as it stands, and nobody is told. */
    look->state = look->state == XENBUS_UNKNOWN && view->our_state == XENBUS_RECONFIGURED
                      ? XENBUS_RECONFIGURED
                      : XENBUS_CONNECTED;
    look->why = look->said = NULL;
    xenbus_look_log(look, LOG_INFO, "connected", NULL);
    return true;
}

static bool reconfigure(struct xenbus_look *look, const struct view *view)
{
    if (look->backend->op.stage == XENBUS_STAGE_STATES) {
        read_more(look, XENBUS_STAGE_NAMES);
        return false;
    }
    look->backend->type->reconfigure(look->device, &view->frontend);
    look->state = XENBUS_RECONFIGURED;
    return true;
}

/* Nobody has offered anything yet, or it was before us. False: there is more to read. */
static bool begin(struct xenbus_look *look, const struct view *view)
{
    enum xenbus_state theirs = view->frontend_state;
    bool there = theirs == XENBUS_INITIALISED || theirs == XENBUS_CONNECTED;

    switch (view->our_state) {
    case XENBUS_CONNECTED:
    case XENBUS_RECONFIGURED:
        if (!there && theirs != XENBUS_RECONFIGURING)
            break;
        look->written = look->device->state = view->our_state;
        look->published = true;
        return try_connect(look, view);
    case XENBUS_INIT_WAIT:
        if (there)
            return try_connect(look, view);
        break;
    case XENBUS_CLOSING:
    case XENBUS_CLOSED:
        if (theirs == XENBUS_INITIALISING)
            break;
        look->state = XENBUS_CLOSED;
        return true;
    default:
        look->fresh = true;
        break;
    }
    look->state = XENBUS_INIT_WAIT;
    return true;
}

/* From the start again, with what we have to offer: a predecessor may have had less. */
static void offer(struct xenbus_look *look)
{
    look->state = XENBUS_INIT_WAIT;
    look->published = false;
}

/* Both ends walk. False: there is more to read first. */
static bool walk(struct xenbus_look *look, const struct view *view)
{
    enum xenbus_state theirs = view->frontend_state;

    switch (look->state) {
    case XENBUS_UNKNOWN:
        return begin(look, view);
    case XENBUS_INIT_WAIT:
        if (theirs < XENBUS_INITIALISED || theirs > XENBUS_CLOSED ||
            view->our_state != XENBUS_INIT_WAIT) /* it is to be written first */
            return true;
        if (theirs <= XENBUS_CONNECTED)
            return try_connect(look, view);
        look->state = theirs;
        return true;
    case XENBUS_CONNECTED:
    case XENBUS_RECONFIGURED:
        if (theirs == XENBUS_RECONFIGURING)
            return look->state == XENBUS_RECONFIGURED || reconfigure(look, view);
        if (theirs == XENBUS_INITIALISED || theirs == XENBUS_CONNECTED) {
            look->state = XENBUS_CONNECTED;
        } else if (theirs == XENBUS_CLOSING) {
            disconnect(look, "the frontend closes");
            look->state = XENBUS_CLOSING;
        } else if (theirs == XENBUS_CLOSED || theirs == XENBUS_UNKNOWN) {
            disconnect(look, theirs ? "the frontend has closed" : "the frontend is gone");
            look->state = XENBUS_CLOSED;
        } else if (theirs == XENBUS_INITIALISING) {
            disconnect(look, "the frontend begins anew");
            offer(look);
        }
        return true;
    case XENBUS_CLOSING:
    case XENBUS_CLOSED:
        if (theirs == XENBUS_INITIALISING)
            offer(look);
        else if (theirs == XENBUS_CLOSED || theirs == XENBUS_UNKNOWN)
            look->state = XENBUS_CLOSED;
        return true;
    default:
        return true;
    }
}

/* The toolstack wants the device to go: so it does, unless only `online` was said so far. */
static bool leaving(struct xenbus_look *look, const struct view *view)
{
    bool closes = view->our_state == XENBUS_CLOSING || view->our_state == XENBUS_CLOSED ||
                  view->frontend_state == XENBUS_CLOSING || view->frontend_state == XENBUS_CLOSED ||
                  view->frontend_state == XENBUS_UNKNOWN;

    if (xenbus_flag(&view->ours, "online", true)) {
        look->offline = look->closed = 0;
        return false;
    }
    if (!look->offline)
        look->offline = view->now;
    if (closes || view->now >= look->offline + XENBUS_OFFLINE)
        return true;
    xenbus_look_at(look, look->offline + XENBUS_OFFLINE);
    return false;
}

/* It goes. True: the directory may, too. */
static bool leave(struct xenbus_look *look, const struct view *view)
{
    bool linger =
        view->frontend_state >= XENBUS_INITIALISED && view->frontend_state != XENBUS_CLOSED;
    uint64_t until;

    disconnect(look, "the toolstack removes it");
    look->state = XENBUS_CLOSED;
    if (view->our_state != XENBUS_CLOSED)
        return false;
    if (!look->closed)
        look->closed = view->now;
    until = look->closed + (linger ? XENBUS_LINGER : XENBUS_CLOSED_SHOWN);
    if (view->now >= until)
        return true;
    xenbus_look_at(look, until);
    return false;
}

/* --- the look --------------------------------------------------------------------------------- */

/* Must what is to be written wait, as a toolstack may not have seen InitWait yet? */
static bool withheld(struct xenbus_look *look, const struct view *view)
{
    bool works = look->state == XENBUS_CONNECTED || look->state == XENBUS_RECONFIGURED;
    uint64_t until = look->shown + (works ? XENBUS_INIT_WAIT_SEEN : XENBUS_INIT_WAIT_SHOWN);

    if (!look->fresh || view->our_state != XENBUS_INIT_WAIT || look->state == XENBUS_INIT_WAIT ||
        (look->offline && !works) || view->now >= until)
        return false;
    xenbus_look_at(look, until);
    return true;
}

/* Forget all that was, as the directory is another one. */
static void anew(struct xenbus_look *look)
{
    xenbus_look_release(look, "the toolstack made it anew");
    look->state = look->written = XENBUS_UNKNOWN;
    look->why = look->said = NULL;
    look->published = look->marked = look->refused = look->fresh = false;
    look->offline = look->closed = 0;
}

static void decide(struct xenbus_look *look, const struct view *view)
{
    struct xenbus_backend *backend = look->backend;

    if (view->our_state == XENBUS_INITIALISING && look->written)
        anew(look);
    if (leaving(look, view)) {
        if (leave(look, view)) {
            xenbus_look_remove(look);
            return;
        }
    } else if (backend->op.stage == XENBUS_STAGE_OURS) {
        xenbus_look_at(look, view->now + XENBUS_AGAIN);
        xenbus_look_done(backend);
        return;
    } else if (look->device || create(look, view)) {
        if (look->written && look->written != view->our_state &&
            (view->our_state == XENBUS_CLOSING || view->our_state == XENBUS_CLOSED)) {
            disconnect(look, "the toolstack closes it");
            look->state = XENBUS_CLOSED;
        } else if (!walk(look, view)) {
            return;
        }
    }
    if (look->device)
        tell(look, view);
    if (!withheld(look, view) &&
        (look->state != view->our_state || look->why || (look->device && !look->published)))
        xenbus_look_publish(look);
    else
        xenbus_look_done(backend);
}

static void collected(void *context, int error, const char *const *values)
{
    struct xenbus_backend *backend = context;
    struct xenbus_look *look = backend->op.look;
    struct view view = {.now = hv_now(backend->hv)};

    if (store_error(backend->store)) {
        backend->ended = true;
        return;
    }
    /* A frontend that never holds still hinders its own service, not its removal. */
    if (error == -EAGAIN && backend->op.stage != XENBUS_STAGE_OURS) {
        read_more(look, XENBUS_STAGE_OURS);
        return;
    }
    if (error) {
        xenbus_look_at(look, view.now + XENBUS_AGAIN);
        xenbus_look_done(backend);
        return;
    }
    view.ours = (struct xenbus_nodes){backend->op.names, values, backend->op.own};
    view.frontend =
        (struct xenbus_nodes){backend->op.names + backend->op.own, values + backend->op.own,
                              backend->op.count - backend->op.own};
    view.our_state = state_of(&view.ours);
    view.frontend_state =
        backend->op.stage == XENBUS_STAGE_OURS ? look->theirs : state_of(&view.frontend);
    look->theirs = view.frontend_state;
    if (xenbus_value(&view.ours, "state") || xenbus_value(&view.ours, "frontend")) {
        decide(look, &view);
    } else if (look->dirty) { /* it may be there again */
        anew(look);
        xenbus_look_done(backend);
    } else {
        xenbus_look_destroy(look);
        xenbus_look_done(backend);
    }
}

/* --- what the device's owner asks for --------------------------------------------------------- */

void xenbus_failure_due(struct timer *timer)
{
    struct xenbus_look *look = LIST_ENTRY(timer, struct xenbus_look, failure);
    const char *why = look->failure_why;

    if (!look->connected)
        return;
    disconnect(look, why);
    complain(look, why);
    look->state = XENBUS_CLOSING;
    xenbus_look_soon(look);
}

void xenbus_device_fail(struct xenbus_device *device, const char *why)
{
    struct xenbus_look *look = device->look;

    if (!look || !list_empty(&look->failure.armed))
        return;
    look->failure_why = why;
    timer_set(look->backend->loop, &look->failure, hv_now(look->backend->hv));
}
