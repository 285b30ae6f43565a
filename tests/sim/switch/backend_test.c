/* SPDX-License-Identifier: ISC */
/* common/xenbus_backend.h with a type of device that only counts. */
#include "backend_play.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A guest with a home, as libxl makes it. */
static struct client *new_guest(domid_t domid)
{
    struct client *made = host_guest(play.host, domid);
    char path[64], perms[32];

    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    snprintf(perms, sizeof(perms), "n0|r%u", domid);
    ck_assert_int_eq(client_mkdir(play.host->dom0, 0, path), 0);
    ck_assert_int_eq(client_set_perms(play.host->dom0, 0, path, perms), 0);
    return made;
}

static void setup(void)
{
    memset(&seen, 0, sizeof(seen));
    play_create(&play);
    guest = new_guest(GUEST);
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

/* Attached and connected. */
static void connected(unsigned devid)
{
    play_attach(&play, GUEST, devid, "");
    play_expect(&play, GUEST, devid, 2, 100);
    play_connect(guest, devid);
    play_expect(&play, GUEST, devid, 4, 500);
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

/* What libxl waits for must be there to be seen. */
START_TEST(test_state_2_is_shown)
{
    start();
    play_attach(&play, GUEST, 0, "");
    play_connect(guest, 0);
    play_pass(&play, 40);
    ck_assert_int_eq(play_state(&play, GUEST, 0), 2);
    play_expect(&play, GUEST, 0, 4, 300);
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
