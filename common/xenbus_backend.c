/* SPDX-License-Identifier: ISC */
/* Which directories of devices there are, and whose turn it is to be looked at. */
#include "common/xenbus_backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/xenbus_state.h"
#include "common/xs_wire.h"

#define LOOK_INTERVAL (HV_SEC / XENBUS_LOOKS)

/* Lines in the log: so many at once, and one a second, of one device and of all. */
#define LOG_BURST     8U
#define LOG_BURST_ALL 64U

/* --- nodes ------------------------------------------------------------------------------------ */

const char *xenbus_value(const struct xenbus_nodes *nodes, const char *name)
{
    for (unsigned i = 0; i < nodes->count; i++)
        if (!strcmp(nodes->names[i], name))
            return nodes->values[i];
    return NULL;
}

bool xenbus_number(const struct xenbus_nodes *nodes, const char *name, uint32_t max,
                   uint32_t *number)
{
    const char *value = xenbus_value(nodes, name);

    return value && wire_number(value, max, number);
}

bool xenbus_flag(const struct xenbus_nodes *nodes, const char *name, bool otherwise)
{
    uint32_t number;

    return xenbus_number(nodes, name, 1, &number) ? number : otherwise;
}

/* --- turns ------------------------------------------------------------------------------------ */

static struct xenbus_look *look_of(struct list *item)
{
    return LIST_ENTRY(item, struct xenbus_look, all);
}

/* What there was at the start has had its turn. */
static void settle(struct xenbus_backend *backend)
{
    if (backend->settled || !backend->scanned || backend->op.look || !list_empty(&backend->queue))
        return;
    backend->settled = true;
    if (backend->type->settled)
        backend->type->settled(backend->context);
}

/* Begin the next look, if none is under way. */
static void run(struct xenbus_backend *backend)
{
    while (!backend->ended && !backend->op.look && !list_empty(&backend->queue)) {
        struct xenbus_look *look =
            LIST_ENTRY(list_first(&backend->queue), struct xenbus_look, queued);

        list_remove(&look->queued);
        backend->usage.looks++;
        if (xenbus_look_start(look))
            xenbus_look_at(look, hv_now(backend->hv) + XENBUS_AGAIN);
    }
    settle(backend);
}

void xenbus_look_at(struct xenbus_look *look, uint64_t time)
{
    if (!look->backend->ended && (list_empty(&look->timer.armed) || look->timer.deadline > time))
        timer_set(look->backend->loop, &look->timer, time);
}

void xenbus_look_soon(struct xenbus_look *look)
{
    struct xenbus_backend *backend = look->backend;
    uint64_t now = hv_now(backend->hv);

    if (backend->ended || !list_empty(&look->queued))
        return;
    if (backend->op.look == look) {
        look->dirty = true;
        return;
    }
    if (!xenbus_budget(&look->budget, now, LOOK_INTERVAL, XENBUS_LOOKS)) {
        backend->usage.throttled++;
        xenbus_look_at(look, look->budget - (XENBUS_LOOKS - 1) * LOOK_INTERVAL);
        return;
    }
    timer_cancel(&look->timer);
    list_append(&backend->queue, &look->queued);
    run(backend);
}

void xenbus_look_done(struct xenbus_backend *backend)
{
    struct xenbus_look *look = backend->op.look;

    backend->op.look = NULL;
    if (look && look->dirty) {
        look->dirty = false;
        xenbus_look_soon(look);
    }
    run(backend);
}

void xenbus_look_log(struct xenbus_look *look, enum log_level level, const char *what,
                     const char *why)
{
    struct xenbus_backend *backend = look->backend;
    uint64_t now = hv_now(backend->hv);

    if (xenbus_budget(&look->log_budget, now, HV_SEC, LOG_BURST) &&
        xenbus_budget(&backend->log_budget, now, HV_SEC / 8, LOG_BURST_ALL))
        log_write(backend->log, level, "%s %u/%u: %s%s%s", backend->type->name, look->domid,
                  look->devid, what, why ? ": " : "", why ? why : "");
}

/* --- directories ------------------------------------------------------------------------------ */

static void look_timer(struct timer *timer)
{
    xenbus_look_soon(LIST_ENTRY(timer, struct xenbus_look, timer));
}

static void frontend_fired(struct store_watch *watch, const char *changed)
{
    struct xenbus_look *look = LIST_ENTRY(watch, struct xenbus_look, watch);
    struct xenbus_backend *backend = look->backend;

    if (!changed) { /* refused, or the end of all; it is asked for again at a look */
        backend->usage.watches--;
        if (watch->error != -EPIPE && watch->error != -ECANCELED)
            xenbus_look_at(look, hv_now(backend->hv) + XENBUS_AGAIN);
        return;
    }
    backend->usage.events++;
    xenbus_look_soon(look);
}

static struct xenbus_look *find(struct xenbus_backend *backend, domid_t domid, uint32_t devid)
{
    list_for_each (item, &backend->looks)
        if (look_of(item)->domid == domid && look_of(item)->devid == devid)
            return look_of(item);
    return NULL;
}

/* A directory that is new to us. Beyond the devices there may be, some are known all the same, so
 * that they can be refused and closed in good order. */
static void discover(struct xenbus_backend *backend, domid_t domid, uint32_t devid)
{
    struct xenbus_look *look = NULL;

    if (backend->look_count < 2 * backend->type->devices)
        look = arena_zalloc(backend->arena, sizeof(*look));
    if (!look) {
        backend->usage.refused++;
        if (xenbus_budget(&backend->log_budget, hv_now(backend->hv), HV_SEC / 8, LOG_BURST_ALL))
            log_write(backend->log, LOG_ERROR, "%s %u/%u: no room for one more",
                      backend->type->name, domid, devid);
        timer_set(backend->loop, &backend->scan.timer, hv_now(backend->hv) + XENBUS_AGAIN);
        return;
    }
    look->backend = backend;
    look->domid = domid;
    look->devid = devid;
    list_init(&look->queued);
    timer_init(&look->timer, look_timer);
    timer_init(&look->failure, xenbus_failure_due);
    snprintf(look->path, sizeof(look->path), "/local/domain/%u/device/%s/%u/state", domid,
             backend->type->name, devid);
    look->watch.path = look->path;
    look->watch.fired = frontend_fired;
    backend->look_count++;
    list_append(&backend->looks, &look->all);
    xenbus_look_soon(look);
}

void xenbus_look_destroy(struct xenbus_look *look)
{
    struct xenbus_backend *backend = look->backend;

    xenbus_look_release(look, "the device was removed");
    if (look->watch.farewell)
        backend->usage.watches--;
    store_unwatch(backend->store, &look->watch);
    timer_cancel(&look->timer);
    timer_cancel(&look->failure);
    list_remove(&look->queued);
    list_remove(&look->all);
    backend->look_count--;
    if (backend->op.look == look)
        backend->op.look = NULL;
    arena_free(backend->arena, look, sizeof(*look));
}

/* --- all of them ------------------------------------------------------------------------------ */

static void scan_next(struct xenbus_backend *backend);

static void scan_end(struct xenbus_backend *backend, bool failed)
{
    arena_free(backend->arena, backend->scan.names, backend->scan.size);
    backend->scan.names = NULL;
    backend->scan.busy = false;
    if (backend->ended)
        return;
    backend->scanned |= !failed;
    settle(backend);
    if (failed)
        timer_set(backend->loop, &backend->scan.timer, hv_now(backend->hv) + XENBUS_AGAIN);
    else if (backend->scan.again)
        timer_set(backend->loop, &backend->scan.timer, hv_now(backend->hv));
}

static void scan_devices(void *context, int error, const char *data, size_t length)
{
    struct xenbus_backend *backend = context;

    for (size_t at = 0; !error && at < length; at += strlen(data + at) + 1) {
        uint32_t devid;

        if (wire_number(data + at, INT32_MAX, &devid) && !find(backend, backend->scan.domid, devid))
            discover(backend, backend->scan.domid, devid);
    }
    if (error && error != -ENOENT)
        scan_end(backend, true);
    else
        scan_next(backend);
}

/* The next domain's directory. */
static void scan_next(struct xenbus_backend *backend)
{
    while (backend->scan.at < backend->scan.size) {
        const char *name = backend->scan.names + backend->scan.at;
        char path[XENBUS_PATH];
        uint32_t domid;

        backend->scan.at += strlen(name) + 1;
        if (!wire_number(name, HV_DOMID_FIRST_RESERVED - 1, &domid))
            continue;
        backend->scan.domid = (domid_t)domid;
        snprintf(path, sizeof(path), "%s/%u", backend->root, domid);
        if (store_directory(backend->store, 0, path, scan_devices, backend))
            scan_end(backend, true);
        return;
    }
    scan_end(backend, false);
}

static void scan_domains(void *context, int error, const char *data, size_t length)
{
    struct xenbus_backend *backend = context;

    if (error || !length) {
        scan_end(backend, error && error != -ENOENT && error != -EACCES);
        return;
    }
    backend->scan.names = arena_alloc(backend->arena, length + 1);
    if (!backend->scan.names) {
        scan_end(backend, true);
        return;
    }
    memcpy(backend->scan.names, data, length);
    backend->scan.names[length] = '\0';
    backend->scan.size = length + 1;
    backend->scan.at = 0;
    scan_next(backend);
}

/* Look for new directories, and at all that are known. */
static void scan(struct xenbus_backend *backend)
{
    if (backend->ended)
        return;
    if (backend->scan.busy) {
        backend->scan.again = true;
        return;
    }
    timer_cancel(&backend->scan.timer);
    backend->scan.again = false;
    backend->scan.busy = true;
    list_for_each (item, &backend->looks)
        xenbus_look_soon(look_of(item));
    if (store_directory(backend->store, 0, backend->root, scan_domains, backend))
        scan_end(backend, true);
}

static void scan_timer(struct timer *timer)
{
    struct xenbus_backend *backend = LIST_ENTRY(timer, struct xenbus_backend, scan.timer);

    if (backend->ended)
        return;
    if (!backend->watch.farewell)
        (void)store_watch(backend->store, &backend->watch);
    scan(backend);
    if (!backend->watch.farewell && !backend->ended)
        timer_set(backend->loop, timer, hv_now(backend->hv) + XENBUS_AGAIN);
}

/* --- events ----------------------------------------------------------------------------------- */

/* The number at @at, which ends at a '/' or with the text; NULL: there is none. */
static const char *parse_number(const char *at, uint32_t max, uint32_t *number)
{
    size_t digits = strspn(at, "0123456789");
    char text[12];

    if (!digits || digits >= sizeof(text) || (at[digits] && at[digits] != '/'))
        return NULL;
    memcpy(text, at, digits);
    text[digits] = '\0';
    return wire_number(text, max, number) ? at + digits : NULL;
}

/* Does it matter to us when this node of a device changes? Most that do are what we write. */
static bool matters(const struct xenbus_backend *backend, const char *node)
{
    static const char *const always[] = {"state", "online", "frontend", "frontend-id"};

    for (unsigned i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        if (!strcmp(node, always[i]))
            return true;
    for (const char *const *name = backend->type->backend_names; *name; name++)
        if (!strcmp(node, *name))
            return true;
    return false;
}

static void tree_fired(struct store_watch *watch, const char *changed)
{
    struct xenbus_backend *backend = LIST_ENTRY(watch, struct xenbus_backend, watch);
    size_t length = strlen(backend->root);
    uint32_t domid, devid;
    struct xenbus_look *look;
    const char *at;

    if (!changed) {
        if (watch->error == -EPIPE || watch->error == -ECANCELED) {
            backend->ended = true;
            return;
        }
        log_write(backend->log, LOG_ERROR, "%s: XenStore refuses a watch (error %d)", backend->root,
                  -watch->error);
        timer_set(backend->loop, &backend->scan.timer, hv_now(backend->hv) + XENBUS_AGAIN);
        return;
    }
    backend->usage.events++;
    if (strncmp(changed, backend->root, length) || changed[length] != '/') {
        scan(backend);
        return;
    }
    at = parse_number(changed + length + 1, HV_DOMID_FIRST_RESERVED - 1, &domid);
    if (!at)
        return;
    if (!*at) { /* of a directory that goes with its parent no other event tells */
        list_for_each (item, &backend->looks)
            if (look_of(item)->domid == domid)
                xenbus_look_soon(look_of(item));
        return;
    }
    at = parse_number(at + 1, INT32_MAX, &devid);
    if (!at || (*at && !matters(backend, at + 1)))
        return;
    look = find(backend, (domid_t)domid, devid);
    if (look)
        xenbus_look_soon(look);
    else
        discover(backend, (domid_t)domid, devid);
}

/* --- life ------------------------------------------------------------------------------------- */

static unsigned count_names(const char *const *names)
{
    unsigned count = 0;

    while (names[count])
        count++;
    return count;
}

struct xenbus_backend *xenbus_backend_create(struct hv *hv, struct arena *arena, struct loop *loop,
                                             struct store *store, struct log *log,
                                             const struct xenbus_device_type *type, void *context)
{
    struct xenbus_backend *backend = arena_zalloc(arena, sizeof(*backend));

    HV_ASSERT(count_names(type->backend_names) <= XENBUS_FEATURES);
    HV_ASSERT(count_names(type->frontend_names) <= 2 * XENBUS_FEATURES);
    if (!backend)
        return NULL;
    backend->hv = hv;
    backend->arena = arena;
    backend->loop = loop;
    backend->store = store;
    backend->log = log;
    backend->type = type;
    backend->context = context;
    snprintf(backend->root, sizeof(backend->root), "backend/%s", type->name);
    list_init(&backend->looks);
    list_init(&backend->queue);
    timer_init(&backend->scan.timer, scan_timer);
    backend->watch.path = backend->root;
    backend->watch.fired = tree_fired;
    if (store_error(store))
        backend->ended = true;
    else
        timer_set(loop, &backend->scan.timer, hv_now(hv));
    return backend;
}

void xenbus_backend_destroy(struct xenbus_backend *backend)
{
    struct list *item;

    backend->ended = true;
    store_forget(backend->store, backend);
    store_unwatch(backend->store, &backend->watch);
    while ((item = list_first(&backend->looks)))
        xenbus_look_destroy(look_of(item));
    timer_cancel(&backend->scan.timer);
    arena_free(backend->arena, backend->scan.names, backend->scan.size);
    arena_free(backend->arena, backend, sizeof(*backend));
}

void xenbus_backend_usage(const struct xenbus_backend *backend, struct xenbus_backend_usage *usage)
{
    *usage = backend->usage;
}
