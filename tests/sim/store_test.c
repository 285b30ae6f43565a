/* SPDX-License-Identifier: ISC */
/* common/store.h as a domain of a host whose XenStore is the real service. */
#include "tenant.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOMID 5

static struct host *host;
static struct tenant *tenant;
static struct store *store;
static struct told told;

static void setup_at(uint32_t start_index)
{
    host = host_create(NULL);
    tenant = tenant_create(host, DOMID, start_index);
    store = tenant->store;
    told = (struct told){0};
}

static void setup(void)
{
    setup_at(0);
}

static void teardown(void)
{
    tenant_destroy(tenant);
    host_destroy(host);
}

/* The request was taken in, and its answer is @error. */
static void expect(int taken, int error)
{
    ck_assert_int_eq(taken, 0);
    ck_assert_uint_eq(told.count, 0); /* never from within */
    tenant_run(tenant);
    ck_assert_uint_eq(told.count, 1);
    ck_assert_int_eq(told.error, error);
    told.count = 0;
}

static void expect_value(const char *path, const char *value)
{
    expect(store_read(store, 0, path, told_reply, &told), 0);
    ck_assert_str_eq(told.data, value);
}

START_TEST(test_requests)
{
    ck_assert(!store_alive(store));
    expect(store_write(store, 0, "data/a", "one", 3, told_reply, &told), 0);
    ck_assert(store_alive(store));
    expect_value("data/a", "one");
    expect_value("/local/domain/5/data/a", "one");
    expect(store_mkdir(store, 0, "data/b", told_reply, &told), 0);
    expect(store_directory(store, 0, "data", told_reply, &told), 0);
    ck_assert_uint_eq(told.length, 4);
    ck_assert_int_eq(memcmp(told.data, "a\0b", 4), 0);
    expect(store_set_perms(store, 0, "data/a", "n5\0r7", 6, told_reply, &told), 0);
    ck_assert_int_eq(client_callf(host->dom0, 0, WIRE_GET_PERMS, NULL, "data/a|"), ENOENT);
    char perms[WIRE_PAYLOAD_MAX + 1];
    client_text(host->dom0, 0, WIRE_GET_PERMS, "/local/domain/5/data/a|", perms);
    ck_assert_str_eq(perms, "n5|r7|");
    expect(store_remove(store, 0, "data/a", told_reply, &told), 0);
    expect(store_read(store, 0, "data/a", told_reply, &told), -ENOENT);
    expect(store_write(store, 0, "/tool/x", "", 0, told_reply, &told), -EACCES);
}
END_TEST

START_TEST(test_refuses_what_cannot_be_sent)
{
    static char path[3080], value[WIRE_PAYLOAD_MAX];

    memset(path, 'a', sizeof(path) - 1);
    ck_assert_int_eq(store_read(store, 0, path, told_reply, &told), -EINVAL);
    ck_assert_int_eq(store_read(store, 0, "", told_reply, &told), -EINVAL);
    ck_assert_int_eq(store_write(store, 0, "a", value, sizeof(value), told_reply, &told), -EINVAL);
    ck_assert_int_eq(store_write(store, 0, "a", value, SIZE_MAX, told_reply, &told), -EINVAL);
    ck_assert_int_eq(store_batch(store, NULL, 0, told_reply, &told), -EINVAL);
    tenant_run(tenant);
    ck_assert_uint_eq(told.count, 0);
}
END_TEST

/* Longer than the ring, several at once, at indices that wrap. */
START_TEST(test_pipelines)
{
    static struct told wrote[40], read[40];
    static char value[40][1900];

    for (unsigned i = 0; i < 40; i++) {
        char path[16];

        snprintf(path, sizeof(path), "data/%u", i);
        memset(value[i], 'a' + (int)i % 26, sizeof(value[i]));
        wrote[i] = read[i] = (struct told){0};
        ck_assert_int_eq(
            store_write(store, 0, path, value[i], sizeof(value[i]), told_reply, &wrote[i]), 0);
        ck_assert_int_eq(store_read(store, 0, path, told_reply, &read[i]), 0);
    }
    tenant_run(tenant);
    for (unsigned i = 0; i < 40; i++) {
        ck_assert_uint_eq(wrote[i].count, 1);
        ck_assert_int_eq(wrote[i].error, 0);
        ck_assert_uint_eq(read[i].count, 1);
        ck_assert_uint_eq(read[i].length, sizeof(value[i]));
        ck_assert_int_eq(memcmp(read[i].data, value[i], sizeof(value[i])), 0);
    }
}
END_TEST

START_TEST(test_queue_is_bounded)
{
    unsigned taken = 0;

    while (store_mkdir(store, 0, "a", told_reply, &told) == 0)
        ck_assert_uint_lt(taken++, 1000);
    ck_assert_int_eq(store_mkdir(store, 0, "a", told_reply, &told), -ENOMEM);
    tenant_pass(tenant, 10 * UINT64_C(1000000000));
    ck_assert_uint_eq(told.count, taken);
    ck_assert_int_eq(store_mkdir(store, 0, "a", told_reply, &told), 0);
    tenant_run(tenant);
}
END_TEST

START_TEST(test_transactions)
{
    expect(store_transaction_start(store, told_reply, &told), 0);
    store_tx tx = (store_tx)strtoul(told.data, NULL, 10);
    expect(store_write(store, tx, "data/x", "1", 1, told_reply, &told), 0);
    expect(store_read(store, 0, "data/x", told_reply, &told), -ENOENT);
    expect(store_transaction_end(store, tx, true, told_reply, &told), 0);
    expect_value("data/x", "1");
    expect(store_transaction_start(store, told_reply, &told), 0);
    tx = (store_tx)strtoul(told.data, NULL, 10);
    expect(store_remove(store, tx, "data/x", told_reply, &told), 0);
    expect(store_transaction_end(store, tx, false, told_reply, &told), 0);
    expect_value("data/x", "1");
}
END_TEST

/* --- batches */

START_TEST(test_batch)
{
    const struct store_change changes[] = {
        {STORE_WRITE, "data/a", "1", 1},      {STORE_MKDIR, "data/dir", NULL, 0},
        {STORE_REMOVE, "data/none", NULL, 0}, {STORE_PERMS, "data/a", "n5\0r9", 6},
        {STORE_WRITE, "data/b", "", 0},
    };
    char perms[WIRE_PAYLOAD_MAX + 1];

    expect(store_batch(store, changes, 5, told_reply, &told), 0);
    expect_value("data/a", "1");
    expect_value("data/dir", "");
    expect_value("data/b", "");
    client_text(host->dom0, 0, WIRE_GET_PERMS, "/local/domain/5/data/a|", perms);
    ck_assert_str_eq(perms, "n5|r9|");
}
END_TEST

/* All or nothing, and no transaction stays open. */
START_TEST(test_batch_that_is_refused)
{
    const struct store_change changes[] = {
        {STORE_WRITE, "data/a", "1", 1},
        {STORE_WRITE, "/tool/x", "1", 1},
        {STORE_WRITE, "data/b", "1", 1},
    };
    struct store_change many[STORE_BATCH_MAX + 1];

    expect(store_batch(store, changes, 3, told_reply, &told), -EACCES);
    expect(store_read(store, 0, "data/a", told_reply, &told), -ENOENT);
    expect(store_read(store, 0, "data/b", told_reply, &told), -ENOENT);
    for (unsigned i = 0; i < STORE_BATCH_MAX + 1; i++)
        many[i] = changes[0];
    ck_assert_int_eq(store_batch(store, many, STORE_BATCH_MAX + 1, told_reply, &told), -EINVAL);
    expect(store_batch(store, many, STORE_BATCH_MAX, told_reply, &told), 0);
    for (unsigned i = 0; i < 30; i++) /* more than there may be transactions */
        expect(store_batch(store, changes, 3, told_reply, &told), -EACCES);
}
END_TEST

/* Somebody else makes or removes what decides an answer in each of the tenant's transactions, @left
 * times. */
struct rival {
    unsigned left, seen;
};

static void interfere(void *context, struct hv *victim, const void *address, size_t length)
{
    struct rival *rival = context;
    struct wire_ring *ring = tenant->client->ring;
    struct wire_message request = {.req_id = 99};
    uint8_t bytes[128];

    (void)length;
    if (victim != tenant->hv || address != &ring->req_prod || rival->left == 0 ||
        rival->seen++ % 3 != 1) /* start, changes, end */
        return;
    request.type = rival->left-- % 2 ? WIRE_RM : WIRE_MKDIR;
    message_add_string(&request, "/local/domain/5/data/p");
    const uint32_t header[4] = {request.type, request.req_id, 0, request.length};
    memcpy(bytes, header, sizeof(header));
    memcpy(bytes + sizeof(header), request.payload, request.length);
    client_read(host->dom0);
    client_clear(host->dom0);
    ck_assert_uint_eq(client_push(host->dom0, bytes, sizeof(header) + request.length),
                      sizeof(header) + request.length);
    client_notify(host->dom0);
}

static int contend(unsigned rivals)
{
    const struct store_change changes[] = {{STORE_REMOVE, "data/p/x", NULL, 0},
                                           {STORE_WRITE, "data/b", "1", 1}};
    struct rival rival = {.left = rivals};

    expect(store_write(store, 0, "data/b", "0", 1, told_reply, &told), 0);
    sim_set_adversary(host->sim, interfere, &rival);
    ck_assert_int_eq(store_batch(store, changes, 2, told_reply, &told), 0);
    tenant_pass(tenant, 60 * UINT64_C(1000000000));
    sim_set_adversary(host->sim, NULL, NULL);
    ck_assert_uint_eq(told.count, 1);
    told.count = 0;
    client_clear(host->dom0);
    ck_assert_uint_eq(rivals - rival.left, rivals < 17 ? rivals : 17);
    return told.error;
}

START_TEST(test_batch_is_tried_again)
{
    ck_assert_int_eq(contend(16), 0);
    expect_value("data/b", "1");
    ck_assert_int_eq(contend(1000), -EAGAIN);
    expect_value("data/b", "0");
}
END_TEST

/* --- watches */

struct watcher {
    struct store_watch watch;
    unsigned fired;
    char changed[64];
    bool unwatch;
};

static void on_fired(struct store_watch *watch, const char *changed)
{
    struct watcher *watcher = (struct watcher *)watch;

    watcher->fired++;
    snprintf(watcher->changed, sizeof(watcher->changed), "%s", changed ? changed : "(over)");
    if (watcher->unwatch)
        store_unwatch(store, watch);
}

static void expect_fired(struct watcher *watcher, const char *changed)
{
    tenant_run(tenant);
    ck_assert_uint_eq(watcher->fired, changed ? 1 : 0);
    if (changed)
        ck_assert_str_eq(watcher->changed, changed);
    watcher->fired = 0;
}

START_TEST(test_watches)
{
    struct watcher first = {.watch = {.path = "data/w", .fired = on_fired}};
    struct watcher second = {.watch = {.path = "/local/domain/5/data", .fired = on_fired}};

    ck_assert_int_eq(store_watch(store, &first.watch), 0);
    ck_assert_int_eq(store_watch(store, &second.watch), 0);
    ck_assert_uint_eq(first.fired, 0);
    expect_fired(&first, "data/w");
    expect_fired(&second, "/local/domain/5/data");
    ck_assert_int_eq(client_write(host->dom0, 0, "/local/domain/5/data/w/x", "1"), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, "/local/domain/5/data", "n5"), 0);
    tenant_run(tenant);
    first.fired = second.fired = 0;
    ck_assert_int_eq(store_write(store, 0, "data/w/x", "2", 1, NULL, NULL), 0);
    tenant_run(tenant);
    first.fired = second.fired = 0;
    ck_assert_int_eq(client_write(host->dom0, 0, "/local/domain/5/data/y", "1"), 0);
    expect_fired(&first, NULL);
    expect_fired(&second, "/local/domain/5/data/y");
    store_unwatch(store, &second.watch);
    store_unwatch(store, &second.watch);
    ck_assert_int_eq(client_write(host->dom0, 0, "/local/domain/5/data/y", "2"), 0);
    expect_fired(&second, NULL);
    char memreport[WIRE_PAYLOAD_MAX + 1];
    ck_assert_int_eq(host_control(host, "memreport", memreport), 0);
    ck_assert_int_eq(host_counter(memreport, "watches"),
                     host_counter(host->memreport, "watches") + 1);
    store_unwatch(store, &first.watch);
    tenant_run(tenant);
    ck_assert_int_eq(host_control(host, "memreport", memreport), 0);
    ck_assert_int_eq(host_counter(memreport, "watches"), host_counter(host->memreport, "watches"));
}
END_TEST

/* Over before it began, over while it fires, refused. */
START_TEST(test_watches_that_end)
{
    struct watcher early = {.watch = {.path = "data/e", .fired = on_fired}};
    struct watcher within = {.watch = {.path = "data/f", .fired = on_fired}, .unwatch = true};
    struct watcher refused = {.watch = {.path = "data//bad", .fired = on_fired}};
    struct watcher both = {.watch = {.path = "data//worse", .fired = on_fired}};
    char memreport[WIRE_PAYLOAD_MAX + 1];

    ck_assert_int_eq(store_watch(store, &early.watch), 0);
    ck_assert_int_eq(store_watch(store, &within.watch), 0);
    ck_assert_int_eq(store_watch(store, &refused.watch), 0);
    ck_assert_int_eq(store_watch(store, &both.watch), 0);
    store_unwatch(store, &early.watch);
    store_unwatch(store, &both.watch);
    memset(&early, 0x55, sizeof(early));
    memset(&both, 0x55, sizeof(both));
    tenant_run(tenant);
    ck_assert_uint_eq(within.fired, 1);
    expect_fired(&refused, "(over)");
    ck_assert_int_eq(refused.watch.error, -EINVAL);
    store_unwatch(store, &refused.watch);
    ck_assert_int_eq(host_control(host, "memreport", memreport), 0);
    ck_assert_int_eq(host_counter(memreport, "watches"), host_counter(host->memreport, "watches"));
}
END_TEST

/* --- rendezvous */

static void done(void *context, int error)
{
    ((struct told *)context)->count++;
    ((struct told *)context)->error = error;
}

START_TEST(test_rendezvous)
{
    struct rendezvous *rendezvous = store_rendezvous(store);
    const char *path = "/local/domain/5/data/vchan/0/control";
    char text[WIRE_PAYLOAD_MAX + 1];

    expect(rendezvous->publish(rendezvous, path, 0, 17, 4, done, &told), 0);
    client_text(host->dom0, 0, WIRE_READ, "/local/domain/5/data/vchan/0/control/ring-ref|", text);
    ck_assert_str_eq(text, "17");
    client_text(host->dom0, 0, WIRE_READ, "/local/domain/5/data/vchan/0/control/event-channel|",
                text);
    ck_assert_str_eq(text, "4");
    client_text(host->dom0, 0, WIRE_GET_PERMS,
                "/local/domain/5/data/vchan/0/control/event-channel|", text);
    ck_assert_str_eq(text, "n5|r0|");
    client_text(host->dom0, 0, WIRE_GET_PERMS, "/local/domain/5/data/vchan/0/control/ring-ref|",
                text);
    ck_assert_str_eq(text, "n5|r0|");

    /* One more, and the end of both, before anything was answered: in this order. */
    ck_assert_int_eq(rendezvous->publish(rendezvous, path, 0, 18, 5, done, &told), 0);
    rendezvous->withdraw(rendezvous, path);
    tenant_run(tenant);
    ck_assert_uint_eq(told.count, 1);
    told.count = 0;
    expect(store_read(store, 0, path, told_reply, &told), -ENOENT);

    ck_assert_int_eq(rendezvous->publish(rendezvous, path, 0, 19, 6, done, &told), 0);
    rendezvous->forget(rendezvous, &told);
    tenant_run(tenant);
    ck_assert_uint_eq(told.count, 0);
    expect(rendezvous->publish(rendezvous, "/tool/vchan", 0, 17, 4, done, &told), -EACCES);
}
END_TEST

/* --- the end */

START_TEST(test_forget)
{
    struct told other = {0};
    const struct store_change change = {STORE_MKDIR, "data/z", NULL, 0};

    ck_assert_int_eq(store_write(store, 0, "data/x", "1", 1, told_reply, &told), 0);
    ck_assert_int_eq(store_batch(store, &change, 1, told_reply, &told), 0);
    ck_assert_int_eq(store_batch(store, &change, 1, told_reply, &told), 0);
    ck_assert_int_eq(store_write(store, 0, "data/y", "1", 1, told_reply, &other), 0);
    store_forget(store, &told);
    tenant_run(tenant);
    ck_assert_uint_eq(told.count, 0);
    ck_assert_uint_eq(other.count, 1);
    expect_value("data/x", "1");
}
END_TEST

START_TEST(test_destroy_tells_all)
{
    const struct store_change change = {STORE_MKDIR, "data/z", NULL, 0};
    struct watcher watcher = {.watch = {.path = "data/w", .fired = on_fired}};
    struct watcher running = {.watch = {.path = "data/w", .fired = on_fired}};

    ck_assert_int_eq(store_watch(store, &running.watch), 0);
    tenant_run(tenant);
    ck_assert_int_eq(store_write(store, 0, "data/x", "1", 1, told_reply, &told), 0);
    ck_assert_int_eq(store_batch(store, &change, 1, told_reply, &told), 0);
    ck_assert_int_eq(store_batch(store, &change, 1, told_reply, &told), 0);
    ck_assert_int_eq(store_watch(store, &watcher.watch), 0);
    running.fired = 0;
    store_destroy(store);
    tenant->store = NULL;
    ck_assert_uint_eq(told.count, 3);
    ck_assert_int_eq(told.error, -ECANCELED);
    ck_assert_str_eq(watcher.changed, "(over)");
    ck_assert_str_eq(running.changed, "(over)");
    ck_assert_int_eq(running.watch.error, -ECANCELED);
}
END_TEST

START_TEST(test_without_a_ring)
{
    int error = 0;

    sim_set_store_ring(tenant->hv, NULL, 0);
    ck_assert_ptr_null(store_create(tenant->hv, tenant->arena, &tenant->loop, &error));
    ck_assert_int_eq(error, -ENOENT);
}
END_TEST

/* --- whatever runs out */

/* Every allocation fails once: refused, or done and told, and nothing leaks. */
START_TEST(test_each_allocation_fails)
{
    unsigned refused = 0, passed = 0;

    for (size_t hold = 1; passed < 2; hold++) {
        const struct store_change changes[] = {{STORE_WRITE, "data/a", "1", 1}};
        struct watcher watcher = {.watch = {.path = "data/w", .fired = on_fired}};
        struct arena_usage usage;
        void *held[TENANT_PAGES];
        unsigned count = 0, taken = 0;

        /* Fill the arena but for the last @hold pages, which small objects share. */
        while (arena_bytes_free(tenant->arena) >= hold * 4096 && count < TENANT_PAGES)
            if (!(held[count] = arena_alloc(tenant->arena, 4096)))
                break;
            else
                count++;
        arena_usage(tenant->arena, &usage);
        told = (struct told){0};
        taken += store_write(store, 0, "data/x", "1", 1, told_reply, &told) == 0;
        taken += store_batch(store, changes, 1, told_reply, &told) == 0;
        taken += store_rendezvous(store)->publish(store_rendezvous(store), "data/v", 0, 1, 1, done,
                                                  &told) == 0;
        if (store_watch(store, &watcher.watch) == 0)
            taken++;
        tenant_run(tenant);
        ck_assert_uint_eq(told.count + (watcher.fired ? 1 : 0), taken);
        store_unwatch(store, &watcher.watch);
        tenant_run(tenant);
        for (unsigned i = 0; i < count; i++)
            arena_free(tenant->arena, held[i], 4096);
        refused += taken < 4;
        passed += taken == 4;
        ck_assert_uint_lt(hold, 100);
    }
    ck_assert_uint_gt(refused, 0);
}
END_TEST

/* Events that are late, lost in others, or there without cause. */
START_TEST(test_faulty_events)
{
    static struct told all[60];

    teardown();
    host = host_create(&(struct host_config){.seed = (uint64_t)_i});
    tenant = tenant_create(host, DOMID, UINT32_MAX - 700);
    store = tenant->store;
    sim_set_faults(host->sim, &(struct sim_faults){.spurious = 3000, .delayed_event = 20000});
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 60; i++) {
            const struct store_change change = {STORE_WRITE, "data/b", "1", 1};
            static const char value[700];

            all[i] = (struct told){0};
            ck_assert_int_eq(
                i % 3 ? store_write(store, 0, "data/a", value, i * 11, told_reply, &all[i])
                      : store_batch(store, &change, 1, told_reply, &all[i]),
                0);
        }
        tenant_run(tenant);
        tenant_pass(tenant, 3 * UINT64_C(1000000000));
        for (unsigned i = 0; i < 60; i++) {
            ck_assert_uint_eq(all[i].count, 1);
            ck_assert_int_eq(all[i].error, 0);
        }
    }
    sim_set_faults(host->sim, &(struct sim_faults){0});
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *cases = tcase_create("store");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_requests);
    tcase_add_test(cases, test_refuses_what_cannot_be_sent);
    tcase_add_test(cases, test_pipelines);
    tcase_add_test(cases, test_queue_is_bounded);
    tcase_add_test(cases, test_transactions);
    tcase_add_test(cases, test_batch);
    tcase_add_test(cases, test_batch_that_is_refused);
    tcase_add_test(cases, test_batch_is_tried_again);
    tcase_add_test(cases, test_watches);
    tcase_add_test(cases, test_watches_that_end);
    tcase_add_test(cases, test_rendezvous);
    tcase_add_test(cases, test_forget);
    tcase_add_test(cases, test_destroy_tells_all);
    tcase_add_test(cases, test_without_a_ring);
    tcase_add_test(cases, test_each_allocation_fails);
    tcase_add_loop_test(cases, test_faulty_events, 0, 8);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
