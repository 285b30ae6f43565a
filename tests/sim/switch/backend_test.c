/* SPDX-License-Identifier: ISC */
/* common/xenbus_backend.h with a type of device that only counts. */
#include "backend_play.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hv/time.h>

#define GUEST 7
#define OTHER 8

struct thing {
    struct xenbus_device device;
    bool connected;
    unsigned changes;
};

static struct play play;
static struct client *guest;
static struct {
    unsigned made, destroyed, connects, disconnects, changes, reconfigures;
    struct thing *last;
    int error; /* that connect() answers */
    const char *refuse;
    char mac[32], bridge[32], ref[32], why[80], headroom[32];
} seen;

static struct xenbus_device *create(void *context, domid_t domid, uint32_t devid,
                                    const struct xenbus_nodes *ours, const char **why)
{
    struct thing *thing;

    ck_assert_ptr_eq(context, &seen);
    ck_assert(domid == GUEST || domid == OTHER);
    (void)devid;
    if (seen.refuse != NULL) {
        *why = seen.refuse;
        return NULL;
    }
    thing = arena_zalloc(play.tenant->arena, sizeof(*thing));
    if (thing == NULL)
        return NULL;
    snprintf(seen.mac, sizeof(seen.mac), "%s", xenbus_value(ours, "mac"));
    seen.last = thing;
    seen.made++;
    return &thing->device;
}

static unsigned features(struct xenbus_device *device, struct xenbus_feature *list)
{
    (void)device;
    list[0] = (struct xenbus_feature){"feature-rx-copy", "1"};
    list[1] = (struct xenbus_feature){"multi-queue-max-queues", "8"};
    return 2;
}

static unsigned more_names(struct xenbus_device *device, const struct xenbus_nodes *frontend,
                           const char **names)
{
    uint32_t queues;

    (void)device;
    if (!xenbus_number(frontend, "multi-queue-num-queues", 8, &queues) || queues < 2)
        return 0;
    names[0] = "queue-0/tx-ring-ref";
    return 1;
}

static int connect_thing(struct xenbus_device *device, const struct xenbus_nodes *ours,
                         const struct xenbus_nodes *frontend, const char **why)
{
    struct thing *thing = LIST_ENTRY(device, struct thing, device);
    const char *ref = xenbus_value(frontend, "queue-0/tx-ring-ref");

    ck_assert(!thing->connected);
    ck_assert_ptr_nonnull(xenbus_value(ours, "mac"));
    if (seen.error) {
        *why = "it was told not to";
        return seen.error;
    }
    if (ref == NULL)
        ref = xenbus_value(frontend, "tx-ring-ref");
    snprintf(seen.ref, sizeof(seen.ref), "%s", ref != NULL ? ref : "");
    thing->connected = true;
    seen.connects++;
    return 0;
}

static void disconnect(struct xenbus_device *device, const char *why)
{
    struct thing *thing = LIST_ENTRY(device, struct thing, device);

    ck_assert(thing->connected);
    thing->connected = false;
    snprintf(seen.why, sizeof(seen.why), "%s", why);
    seen.disconnects++;
}

static void destroy(struct xenbus_device *device)
{
    struct thing *thing = LIST_ENTRY(device, struct thing, device);

    ck_assert(!thing->connected);
    arena_free(play.tenant->arena, thing, sizeof(*thing));
    seen.destroyed++;
}

static void changed(struct xenbus_device *device, const struct xenbus_nodes *ours)
{
    (void)device;
    seen.changes++;
    snprintf(seen.bridge, sizeof(seen.bridge), "%s", xenbus_value(ours, "bridge"));
}

static void reconfigure(struct xenbus_device *device, const struct xenbus_nodes *frontend)
{
    ck_assert(LIST_ENTRY(device, struct thing, device)->connected);
    seen.reconfigures++;
    snprintf(seen.headroom, sizeof(seen.headroom), "%s", xenbus_value(frontend, "xdp-headroom"));
}

static const char *const backend_names[] = {"mac", "bridge", NULL};
static const char *const frontend_names[] = {"tx-ring-ref", "multi-queue-num-queues",
                                             "xdp-headroom", NULL};
static const struct xenbus_device_type type = {
    .name = "vif",
    .backend_names = backend_names,
    .frontend_names = frontend_names,
    .devices = 40,
    .create = create,
    .features = features,
    .more_names = more_names,
    .connect = connect_thing,
    .disconnect = disconnect,
    .destroy = destroy,
    .changed = changed,
    .reconfigure = reconfigure,
};

static void setup(void)
{
    memset(&seen, 0, sizeof(seen));
    play_create(&play);
    guest = play_guest(&play, GUEST);
}

static void start(void)
{
    play_start(&play, &type, &seen);
}

static void teardown(void)
{
    play_stop(&play);
    ck_assert_uint_eq(seen.made, seen.destroyed);
    ck_assert_uint_eq(seen.connects, seen.disconnects);
    host_kill(play.host, guest);
    play_destroy(&play);
}

static struct xenbus_backend_usage usage(void)
{
    struct xenbus_backend_usage now;

    xenbus_backend_usage(play.backend, &now);
    return now;
}

/* Attached and connected; what XenStore says is InitWait still. */
static void connected_early(unsigned devid)
{
    unsigned connects = seen.connects;

    play_attach(&play, GUEST, devid, "");
    play_expect(&play, GUEST, devid, 2, 100);
    play_connect(guest, devid);
    play_pass(&play, 20);
    ck_assert_uint_eq(seen.connects, connects + 1);
    ck_assert_int_eq(play_state(&play, GUEST, devid), 2);
}

/* Attached, connected, and XenStore says so. */
static void connected(unsigned devid)
{
    connected_early(devid);
    play_expect(&play, GUEST, devid, 4, 1200);
}

/* Our directory is there no more, in time; dom0 clears the rest. */
static void expect_removed(unsigned devid, unsigned milliseconds)
{
    play_expect(&play, GUEST, devid, -1, milliseconds);
    ck_assert_str_eq(play_value(&play, GUEST, devid, "frontend"), "");
    play_clean(&play, GUEST, devid);
    play_pass(&play, 50);
    ck_assert_uint_eq(usage().devices, seen.made - seen.destroyed);
}

START_TEST(test_life)
{
    start();
    play_attach(&play, GUEST, 0, "");
    play_expect(&play, GUEST, 0, 2, 50);
    ck_assert_str_eq(play_value(&play, GUEST, 0, "feature-rx-copy"), "1");
    ck_assert_str_eq(seen.mac, "00:16:3e:00:00:01");
    play_pass(&play, 5000); /* until the guest's driver comes */
    ck_assert_int_eq(play_state(&play, GUEST, 0), 2);
    ck_assert_uint_eq(seen.connects, 0);
    play_connect(guest, 0);
    play_expect(&play, GUEST, 0, 4, 50);
    ck_assert_str_eq(seen.ref, "8");
    ck_assert_uint_eq(usage().connected, 1);
    play_detach(&play, GUEST, 0);
    play_expect(&play, GUEST, 0, 6, 50);
    ck_assert_uint_eq(seen.disconnects, 1);
    play_write(guest, 0, "state", "6");
    play_pass(&play, 100); /* time for the toolstack to see 6 */
    ck_assert_int_eq(play_state(&play, GUEST, 0), 6);
    expect_removed(0, 500);
    ck_assert_uint_eq(usage().devices, 0);
    ck_assert_uint_eq(usage().watches, 0);
}
END_TEST

/* Two ways of a toolstack's to be rid of a device whose frontend does not help. */
START_TEST(test_detach_of_a_deaf_guest)
{
    start();
    connected(0);
    play_detach(&play, GUEST, 0);
    play_expect(&play, GUEST, 0, 6, 50);
    expect_removed(0, 2000);
    connected(1);
    play_backend_write(&play, GUEST, 1, "online", "0");
    play_pass(&play, 300);
    ck_assert_int_eq(play_state(&play, GUEST, 1), 4); /* nothing has closed yet */
    expect_removed(1, 4000);
}
END_TEST

START_TEST(test_destroy)
{
    start();
    connected(0);
    play_kill_vif(&play, GUEST, 0);
    play_expect(&play, GUEST, 0, 6, 50);
    expect_removed(0, 1000);
    ck_assert_uint_eq(seen.destroyed, 1);
}
END_TEST

START_TEST(test_there_at_start)
{
    play_attach(&play, GUEST, 0, "");
    play_attach(&play, GUEST, 3, "");
    start();
    play_expect(&play, GUEST, 0, 2, 50);
    play_expect(&play, GUEST, 3, 2, 50);
    ck_assert_uint_eq(seen.made, 2);
}
END_TEST

/* A frontend that closes and comes again, in its own ways; the device stays. */
START_TEST(test_reboots)
{
    start();
    connected(0);
    for (unsigned i = 0; i < 10; i++) { /* Windows */
        play_write(guest, 0, "state", "5");
        play_expect(&play, GUEST, 0, 5, 200);
        play_write(guest, 0, "state", "6");
        play_expect(&play, GUEST, 0, 6, 200);
        play_write(guest, 0, "state", "1");
        play_expect(&play, GUEST, 0, 2, 200);
        play_connect(guest, 0);
        play_expect(&play, GUEST, 0, 4, 300);
        play_pass(&play, 1000);
    }
    play_write(guest, 0, "state", "1"); /* kexec */
    play_expect(&play, GUEST, 0, 2, 200);
    ck_assert_uint_eq(seen.disconnects, 11);
    play_connect(guest, 0);
    play_expect(&play, GUEST, 0, 4, 300);
    play_write(guest, 0, "state", "6"); /* straight */
    play_expect(&play, GUEST, 0, 6, 200);
    play_write(guest, 0, "state", "1");
    play_expect(&play, GUEST, 0, 2, 200);
    ck_assert_uint_eq(seen.made, 1);
    ck_assert_uint_eq(seen.connects, 12);
}
END_TEST

/* What libxl waits for must be there to be seen, however quick the frontend is; it is served
 * meanwhile. As it comes back nobody waits for that. */
START_TEST(test_state_2_is_shown)
{
    uint64_t begun;

    start();
    play_attach(&play, GUEST, 0, "");
    play_expect(&play, GUEST, 0, 2, 50);
    begun = hv_now(play.tenant->hv);
    play_connect(guest, 0);
    play_pass(&play, 20);
    ck_assert_uint_eq(seen.connects, 1);
    ck_assert_uint_eq(usage().connected, 1);
    play_backend_write(&play, GUEST, 0, "bridge", "other"); /* a look more */
    play_pass(&play, 900);
    ck_assert_uint_eq(seen.changes, 1);
    ck_assert_int_eq(play_state(&play, GUEST, 0), 2);
    play_expect(&play, GUEST, 0, 4, 150);
    ck_assert_uint_ge(hv_now(play.tenant->hv) - begun, 980 * PLAY_MS);
    play_write(guest, 0, "state", "6");
    play_expect(&play, GUEST, 0, 6, 50);
    play_write(guest, 0, "state", "1");
    play_expect(&play, GUEST, 0, 2, 50);
    play_connect(guest, 0);
    play_expect(&play, GUEST, 0, 4, 50);
    ck_assert_uint_eq(seen.connects, 2);
}
END_TEST

/* In that second all goes its way: what is pending is forgotten. */
START_TEST(test_ends_while_state_2_is_shown)
{
    start();
    connected_early(0);
    play_detach(&play, GUEST, 0);
    play_expect(&play, GUEST, 0, 6, 50);
    play_write(guest, 0, "state", "6");
    expect_removed(0, 500);
    connected_early(1);
    play_kill_vif(&play, GUEST, 1);
    play_expect(&play, GUEST, 1, 6, 50);
    expect_removed(1, 1000);
    connected_early(2);
    play_write(guest, 2, "state", "5");
    play_expect(&play, GUEST, 2, 5, 150);
    connected_early(3);
    xenbus_device_fail(&seen.last->device, "an index out of distance");
    play_expect(&play, GUEST, 3, 5, 150);
    connected_early(4);
    play_backend_write(&play, GUEST, 4, "online", "0");
    play_pass(&play, 500);
    ck_assert_int_eq(play_state(&play, GUEST, 4), 2);
    expect_removed(4, 4000);
    connected_early(5);
    ck_assert_int_eq(client_rm(play.host->dom0, 0, "/local/domain/5/backend/vif/7/5"), 0);
    play_pass(&play, 50);
    ck_assert_uint_eq(usage().devices, 2);
    connected_early(6);
    play_write(guest, 6, "state", "1"); /* begins anew */
    play_pass(&play, 100);
    play_connect(guest, 6);
    play_pass(&play, 100);
    ck_assert_uint_eq(usage().connected, 1);
    play_expect(&play, GUEST, 6, 4, 1000);
}
END_TEST

/* What the toolstack changes while the device lives, and what is none of its business. */
START_TEST(test_changed)
{
    start();
    connected(0);
    ck_assert_uint_eq(seen.changes, 0);
    play_backend_write(&play, GUEST, 0, "bridge", "other");
    play_pass(&play, 50);
    ck_assert_uint_eq(seen.changes, 1);
    ck_assert_str_eq(seen.bridge, "other");
    play_backend_write(&play, GUEST, 0, "bridge", "other");
    play_backend_write(&play, GUEST, 0, "vifname", "x");
    play_pass(&play, 50);
    ck_assert_uint_eq(seen.changes, 1);
    ck_assert_uint_eq(seen.disconnects, 0);
}
END_TEST

/* Again and again: the state goes back to Connected in between. */
START_TEST(test_reconfigure)
{
    start();
    connected(0);
    for (unsigned i = 1; i <= 3; i++) {
        play_write(guest, 0, "xdp-headroom", i == 1 ? "256" : "0");
        play_write(guest, 0, "state", "7");
        play_expect(&play, GUEST, 0, 8, 100);
        ck_assert_uint_eq(seen.reconfigures, i);
        ck_assert_str_eq(seen.headroom, i == 1 ? "256" : "0");
        play_write(guest, 0, "state", "4");
        play_expect(&play, GUEST, 0, 4, 100);
    }
    ck_assert_uint_eq(seen.connects, 1);
    play_write(guest, 0, "state", "7");
    play_expect(&play, GUEST, 0, 8, 100);
    play_write(guest, 0, "state", "5");
    play_expect(&play, GUEST, 0, 5, 100);
    ck_assert_uint_eq(seen.disconnects, 1);
    play_write(guest, 0, "state", "7"); /* not now */
    play_pass(&play, 100);
    ck_assert_int_eq(play_state(&play, GUEST, 0), 5);
}
END_TEST

/* Another backend in the same domain goes on where one ended, and nobody is shown a state between.
 */
START_TEST(test_takeover)
{
    start();
    connected(0);
    connected(1);
    play_write(guest, 1, "state", "5");
    play_expect(&play, GUEST, 1, 5, 100);
    connected(2);
    play_stop(&play);
    ck_assert_int_eq(play_state(&play, GUEST, 0), 4);
    play_write(guest, 2, "state", "1"); /* meanwhile */
    ck_assert_int_eq(client_watch(guest, "/local/domain/5/backend/vif/7/0/state", "w"), 0);
    client_clear(guest);
    start();
    play_pass(&play, 100);
    ck_assert_uint_eq(seen.connects, 4);
    ck_assert_int_eq(play_state(&play, GUEST, 0), 4);
    ck_assert_uint_le(client_waiting(guest, true), 1); /* 4, once more */
    ck_assert_int_eq(play_state(&play, GUEST, 1), 6);
    ck_assert_int_eq(play_state(&play, GUEST, 2), 2);
    play_write(guest, 1, "state", "6");
    play_write(guest, 1, "state", "1");
    play_expect(&play, GUEST, 1, 2, 100);
}
END_TEST

/* The directory of another, of a made-up one, of another type, and none. */
START_TEST(test_hostile_frontend_path)
{
    static const char *const paths[] = {
        "/local/domain/8/device/vif/0",
        "/local/domain/7/device/vif/1",
        "/local/domain/7/device/vif/0/",
        "/local/domain/7/device/vif/00",
        "/local/domain/5/backend/vif/7/0",
        "/local/domain/7/device/vbd/0",
        "device/vif/0",
        "",
    };

    start();
    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char more[100];

        snprintf(more, sizeof(more), "frontend=%s|", paths[i]);
        play_attach(&play, GUEST, 0, more);
        play_expect(&play, GUEST, 0, 6, 50);
        ck_assert(strstr(play_value(&play, GUEST, 0, "error"), "frontend") != NULL);
        play_detach(&play, GUEST, 0);
        expect_removed(0, 1000);
    }
    play_attach(&play, GUEST, 0, "frontend-id=8|");
    play_expect(&play, GUEST, 0, 6, 50);
    ck_assert_uint_eq(seen.made, 0);
    ck_assert_uint_ge(usage().refused, 9);
}
END_TEST

/* What its owner refuses is said, stays closed, and is tried again. */
START_TEST(test_refused)
{
    start();
    seen.refuse = "there is no such bridge";
    play_attach(&play, GUEST, 0, "");
    play_expect(&play, GUEST, 0, 6, 50);
    ck_assert_str_eq(play_value(&play, GUEST, 0, "error"), "there is no such bridge");
    play_pass(&play, 5000);
    ck_assert_uint_lt(usage().looks, 15); /* one a second */
    seen.refuse = NULL;
    play_expect(&play, GUEST, 0, 2, 1500);
    seen.error = -EINVAL;
    play_connect(guest, 0);
    play_expect(&play, GUEST, 0, 5, 200);
    ck_assert_str_eq(play_value(&play, GUEST, 0, "error"), "it was told not to");
    ck_assert_uint_eq(seen.connects, 0);
    seen.error = 0;
    play_pass(&play, 2000); /* the frontend has to close first */
    ck_assert_int_eq(play_state(&play, GUEST, 0), 5);
    play_write(guest, 0, "state", "6");
    play_expect(&play, GUEST, 0, 6, 100);
    play_write(guest, 0, "state", "1");
    play_expect(&play, GUEST, 0, 2, 100);
    play_connect(guest, 0);
    play_expect(&play, GUEST, 0, 4, 300);
    ck_assert_str_eq(play_value(&play, GUEST, 0, "error"), "");
}
END_TEST

/* More names to read, and what they say when it connects. */
START_TEST(test_more_names)
{
    start();
    play_attach(&play, GUEST, 0, "");
    play_expect(&play, GUEST, 0, 2, 50);
    play_write(guest, 0, "multi-queue-num-queues", "2");
    play_write(guest, 0, "queue-0/tx-ring-ref", "77");
    play_write(guest, 0, "state", "3");
    play_expect(&play, GUEST, 0, 4, 1200);
    ck_assert_str_eq(seen.ref, "77");
}
END_TEST

/* A value that is too long, or has a NUL in it, is there and says nothing. */
START_TEST(test_values_that_are_no_text)
{
    char value[XENBUS_VALUE_MAX + 2];

    start();
    memset(value, '8', sizeof(value));
    for (unsigned length = XENBUS_VALUE_MAX; length <= XENBUS_VALUE_MAX + 1; length++) {
        play_attach(&play, GUEST, length, "");
        play_expect(&play, GUEST, length, 2, 50);
        value[length] = '\0';
        play_write(guest, length, "tx-ring-ref", value);
        value[length] = '8';
        play_write(guest, length, "state", "4");
        play_expect(&play, GUEST, length, 4, 1200);
        ck_assert_int_eq(seen.ref[0], length > XENBUS_VALUE_MAX ? '?' : '8');
    }
    play_attach(&play, GUEST, 0, "");
    play_expect(&play, GUEST, 0, 2, 50);
    ck_assert_int_eq(client_call(guest, 0, WIRE_WRITE, "device/vif/0/tx-ring-ref|8|9", NULL), 0);
    play_write(guest, 0, "state", "4");
    play_expect(&play, GUEST, 0, 4, 1200);
    ck_assert_str_eq(seen.ref, STORE_NO_TEXT);
}
END_TEST

/* Its owner ends it: from then on it has to begin anew. */
START_TEST(test_device_fails)
{
    start();
    connected(0);
    xenbus_device_fail(&seen.last->device, "an index out of distance");
    xenbus_device_fail(&seen.last->device, "and more");
    ck_assert_uint_eq(seen.disconnects, 0); /* not from within */
    play_expect(&play, GUEST, 0, 5, 50);
    ck_assert_uint_eq(seen.disconnects, 1);
    ck_assert_str_eq(seen.why, "an index out of distance");
    ck_assert_str_eq(play_value(&play, GUEST, 0, "error"), "an index out of distance");
    xenbus_device_fail(&seen.last->device, "when there is nothing to fail");
    play_pass(&play, 2000);
    ck_assert_int_eq(play_state(&play, GUEST, 0), 5);
    play_write(guest, 0, "state", "1");
    play_expect(&play, GUEST, 0, 2, 100);
    play_connect(guest, 0);
    play_expect(&play, GUEST, 0, 4, 300);
    xenbus_device_write(&seen.last->device, "carrier", "1");
    play_pass(&play, 20);
    ck_assert_str_eq(play_value(&play, GUEST, 0, "carrier"), "1");
}
END_TEST

/* XSA-349: states change as fast as XenStore goes. Looks and memory are bounded, others served. */
START_TEST(xsa_349_flood_of_states)
{
    struct arena_usage before, now;
    struct client *other = play_guest(&play, OTHER);
    uint64_t looks, begun;

    start();
    connected(0);
    arena_usage(play.tenant->arena, &before);
    looks = usage().looks;
    begun = hv_now(play.tenant->hv);
    for (unsigned i = 0; i < 3000; i++) {
        play_write(guest, 0, "state", i % 3 == 0 ? "5" : i % 3 == 1 ? "6" : "1");
        if (i % 10 == 0)
            play_pass(&play, 1);
        if (i == 1500)
            play_attach(&play, OTHER, 0, "");
        if (i == 1600)
            play_connect(other, 0);
    }
    begun = hv_now(play.tenant->hv) - begun;
    looks = usage().looks - looks;
    ck_assert_uint_lt(looks, 2 * XENBUS_LOOKS + 8 + (begun * XENBUS_LOOKS) / 1000000000);
    ck_assert_uint_gt(usage().throttled, 100);
    ck_assert(seen.last->device.domid == OTHER && seen.last->connected);
    arena_usage(play.tenant->arena, &now);
    ck_assert_uint_lt(now.bytes_used, before.bytes_used + 64 * 1024);
    play_pass(&play, 3000);
    ck_assert_int_eq(play_state(&play, OTHER, 0), 4);
    play_write(guest, 0, "state", "1");
    play_expect(&play, GUEST, 0, 2, 200);
    play_connect(guest, 0);
    play_expect(&play, GUEST, 0, 4, 500);
    ck_assert_uint_lt(log_newest(play.log), 60);
    host_kill(play.host, other);
}
END_TEST

/* Where it reads what is the frontend's, it is told to start anew, too often. */
static struct {
    bool on;
    struct timer timer;
    store_collect_fn *done;
    void *context;
} conflict;

int __real_store_collect(struct store *store, const char *const *paths, unsigned count,
                         unsigned longest, store_collect_fn *done, void *context);
int __wrap_store_collect(struct store *store, const char *const *paths, unsigned count,
                         unsigned longest, store_collect_fn *done, void *context);

static void tell_conflict(struct timer *timer)
{
    (void)timer;
    conflict.done(conflict.context, -EAGAIN, NULL);
}

int __wrap_store_collect(struct store *store, const char *const *paths, unsigned count,
                         unsigned longest, store_collect_fn *done, void *context)
{
    bool theirs = strstr(paths[count - 1], "/device/") != NULL;

    if (!conflict.on || !theirs)
        return __real_store_collect(store, paths, count, longest, done, context);
    conflict.done = done;
    conflict.context = context;
    timer_init(&conflict.timer, tell_conflict);
    timer_set(&play.tenant->loop, &conflict.timer, hv_now(play.tenant->hv));
    return 0;
}

/* A frontend whose nodes are never the same at the end of a transaction: it goes when it is to. */
START_TEST(test_removed_while_it_writes_without_end)
{
    start();
    connected(0);
    conflict.on = true;
    play_write(guest, 0, "state", "5");
    play_pass(&play, 3000);
    ck_assert_int_eq(play_state(&play, GUEST, 0), 4); /* not to be known */
    ck_assert_uint_eq(seen.disconnects, 0);
    play_detach(&play, GUEST, 0);
    play_expect(&play, GUEST, 0, 6, 200);
    expect_removed(0, 3000);
    conflict.on = false;
}
END_TEST

/* The whole tree goes at once, and a directory is another one before we have looked. */
START_TEST(test_swept_away)
{
    start();
    connected(0);
    connected(1);
    ck_assert_int_eq(client_rm(play.host->dom0, 0, "/local/domain/5/backend/vif/7"), 0);
    play_pass(&play, 50);
    ck_assert_uint_eq(seen.destroyed, 2);
    connected(2);
    ck_assert_int_eq(client_rm(play.host->dom0, 0, "/local/domain/5/backend"), 0);
    play_pass(&play, 50);
    ck_assert_uint_eq(seen.destroyed, 3);
    connected(3);
    ck_assert_int_eq(client_rm(play.host->dom0, 0, "/local/domain/5/backend/vif/7/3"), 0);
    play_attach(&play, GUEST, 3, "");
    play_expect(&play, GUEST, 3, 2, 500);
    ck_assert_uint_eq(seen.disconnects, 4);
    ck_assert_uint_eq(seen.made, 5);
    ck_assert_uint_eq(usage().watches, 1);
    play_connect(guest, 3);
    play_expect(&play, GUEST, 3, 4, 1200);
    play_backend_write(&play, GUEST, 3, "state", "1"); /* as if made anew at one instant */
    play_expect(&play, GUEST, 3, 2, 500);
    ck_assert_uint_eq(seen.made, 6);
}
END_TEST

/* A toolstack that closes a device and keeps it. */
START_TEST(test_closed_and_kept)
{
    start();
    connected(0);
    play_backend_write(&play, GUEST, 0, "state", "5");
    play_expect(&play, GUEST, 0, 6, 50);
    ck_assert_uint_eq(seen.disconnects, 1);
    play_pass(&play, 3000);
    ck_assert_int_eq(play_state(&play, GUEST, 0), 6);
    play_write(guest, 0, "state", "6");
    play_write(guest, 0, "state", "1");
    play_expect(&play, GUEST, 0, 2, 100);
    ck_assert_uint_eq(seen.made, 1);
}
END_TEST

/* Who connects and closes for ever does not fill the log. */
START_TEST(test_log_is_bounded)
{
    start();
    connected(0);
    for (unsigned i = 0; i < 60; i++) {
        play_write(guest, 0, "state", "1");
        play_pass(&play, 150);
        play_write(guest, 0, "state", "4");
        play_pass(&play, 150);
    }
    ck_assert_uint_gt(seen.connects, 40);
    ck_assert_uint_lt(log_newest(play.log), 40);
}
END_TEST

/* More devices than there may be: refused in good order, and served when there is room. */
START_TEST(test_too_many)
{
    start();
    for (unsigned i = 0; i <= type.devices; i++)
        play_attach(&play, GUEST, i, "");
    play_pass(&play, 1000);
    ck_assert_uint_eq(usage().devices, type.devices);
    ck_assert_int_eq(play_state(&play, GUEST, type.devices), 6);
    play_detach(&play, GUEST, 5);
    expect_removed(5, 1000);
    play_expect(&play, GUEST, type.devices, 2, 1500);
}
END_TEST

/* Without watches to spare, states are asked for once a second. */
START_TEST(test_quota_of_watches)
{
    char text[WIRE_PAYLOAD_MAX + 1];

    ck_assert_int_eq(host_control(play.host, "quota|set|watches|3", text), 0);
    start();
    for (unsigned i = 0; i < 4; i++) {
        play_attach(&play, GUEST, i, "");
        play_expect(&play, GUEST, i, 2, 100);
    }
    ck_assert_uint_le(usage().watches, 3);
    for (unsigned i = 0; i < 4; i++)
        play_connect(guest, i);
    for (unsigned i = 0; i < 4; i++)
        play_expect(&play, GUEST, i, 4, 2500);
    play_write(guest, 3, "state", "5");
    play_expect(&play, GUEST, 3, 5, 2500);
    play_detach(&play, GUEST, 0);
    expect_removed(0, 2000);
    play_pass(&play, 3000);
    ck_assert_uint_eq(usage().watches, 2);
}
END_TEST

/* XenStore is there no more: what is connected goes on, and can still fail. */
START_TEST(test_store_dies)
{
    uint64_t looks;

    start();
    connected(0);
    connected(1);
    play.tenant->client->ring->error = 1;
    store_read(play.tenant->store, 0, "data", NULL, NULL);
    play_pass(&play, 10);
    ck_assert_int_eq(store_error(play.tenant->store), -EPIPE);
    play_pass(&play, 5000);
    ck_assert_uint_eq(usage().connected, 2);
    looks = usage().looks;
    xenbus_device_fail(&seen.last->device, "broken");
    xenbus_device_write(&seen.last->device, "carrier", "1");
    play_pass(&play, 3000);
    ck_assert_uint_eq(usage().connected, 1);
    ck_assert_uint_eq(usage().looks, looks);
    play.tenant->client->ring->error = 0;
}
END_TEST

/* The nth allocation of the backend's domain fails, from now on; 0: none. */
static unsigned fail_countdown;

/* Linked in the place of the arena's functions. */
void *__real_arena_alloc(struct arena *arena, size_t size);
void *__real_arena_zalloc(struct arena *arena, size_t size);
void *__wrap_arena_alloc(struct arena *arena, size_t size);
void *__wrap_arena_zalloc(struct arena *arena, size_t size);

static bool fails(const struct arena *arena)
{
    return fail_countdown > 0 && arena == play.tenant->arena && --fail_countdown == 0;
}

void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
    return fails(arena) ? NULL : __real_arena_alloc(arena, size);
}

void *__wrap_arena_zalloc(struct arena *arena, size_t size)
{
    return fails(arena) ? NULL : __real_arena_zalloc(arena, size);
}

/* Each allocation fails once: it is late then, and nothing else. */
START_TEST(test_memory_is_short)
{
    unsigned nth = 0;

    play_attach(&play, GUEST, 9, "");
    for (bool struck = true; struck; nth++) {
        fail_countdown = nth + 2; /* not that of the backend itself */
        start();
        play_attach(&play, GUEST, 0, "");
        play_expect(&play, GUEST, 9, 2, 4000);
        play_expect(&play, GUEST, 0, 2, 4000);
        play_connect(guest, 0);
        play_expect(&play, GUEST, 0, 4, 4000);
        play_detach(&play, GUEST, 0);
        play_expect(&play, GUEST, 0, 6, 3000);
        expect_removed(0, 4000);
        struck = fail_countdown == 0;
        fail_countdown = 0;
        play_stop(&play);
        ck_assert_uint_eq(seen.made, seen.destroyed);
        ck_assert_uint_lt(nth, 500);
    }
    ck_assert_uint_gt(nth, 50);
    start();
}
END_TEST

/* Nobody else is in the way, and nothing is left: attach and detach, over and over. */
START_TEST(test_over_and_over)
{
    struct arena_usage before, now;

    start();
    play_pass(&play, 100);
    arena_usage(play.tenant->arena, &before);
    for (unsigned i = 0; i < 30; i++) {
        connected(0);
        if (i % 2) {
            play_detach(&play, GUEST, 0);
            play_pass(&play, 5);
            play_write(guest, 0, "state", "6");
        } else {
            play_kill_vif(&play, GUEST, 0);
        }
        play_expect(&play, GUEST, 0, 6, 100);
        expect_removed(0, 1000);
    }
    play_pass(&play, 1000);
    arena_usage(play.tenant->arena, &now);
    ck_assert_uint_eq(now.bytes_used, before.bytes_used);
}
END_TEST

static void add_cases(TCase *cases)
{
    tcase_add_test(cases, test_life);
    tcase_add_test(cases, test_detach_of_a_deaf_guest);
    tcase_add_test(cases, test_destroy);
    tcase_add_test(cases, test_there_at_start);
    tcase_add_test(cases, test_reboots);
    tcase_add_test(cases, test_state_2_is_shown);
    tcase_add_test(cases, test_ends_while_state_2_is_shown);
    tcase_add_test(cases, test_changed);
    tcase_add_test(cases, test_reconfigure);
    tcase_add_test(cases, test_takeover);
    tcase_add_test(cases, test_hostile_frontend_path);
    tcase_add_test(cases, test_refused);
    tcase_add_test(cases, test_more_names);
    tcase_add_test(cases, test_values_that_are_no_text);
    tcase_add_test(cases, test_device_fails);
    tcase_add_test(cases, xsa_349_flood_of_states);
    tcase_add_test(cases, test_removed_while_it_writes_without_end);
    tcase_add_test(cases, test_swept_away);
    tcase_add_test(cases, test_closed_and_kept);
    tcase_add_test(cases, test_log_is_bounded);
    tcase_add_test(cases, test_too_many);
    tcase_add_test(cases, test_quota_of_watches);
    tcase_add_test(cases, test_store_dies);
    tcase_add_test(cases, test_memory_is_short);
    tcase_add_test(cases, test_over_and_over);
}

int main(void)
{
    Suite *suite = suite_create("backend");
    TCase *cases = tcase_create("backend");

    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, setup, teardown);
    add_cases(cases);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
