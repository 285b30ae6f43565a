/* SPDX-License-Identifier: ISC */
/*
 * Each allocation fails once, and then all from there on: the monitor says so and goes on, or does
 * not start; nothing leaks (desk.c, host.c look), and when there is memory again all is served.
 */
#include "fake_engine.h"
#include "source.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/sim/sweep.h"
#include "tests/unit/unit.h"

void *__real_arena_alloc(struct arena *arena, size_t size);
void *__real_arena_zalloc(struct arena *arena, size_t size);
void *__wrap_arena_alloc(struct arena *arena, size_t size);
void *__wrap_arena_zalloc(struct arena *arena, size_t size);

static struct {
    bool armed;
    uint64_t count, from, to;
    struct arena *arena; /* only of this one; NULL: of none */
} allocations;

static bool fails(struct arena *arena)
{
    if (!allocations.armed || arena != allocations.arena)
        return false;
    allocations.count++;
    return allocations.count > allocations.from && allocations.count <= allocations.to;
}

void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
    return fails(arena) ? NULL : __real_arena_alloc(arena, size);
}

void *__wrap_arena_zalloc(struct arena *arena, size_t size)
{
    return fails(arena) ? NULL : __real_arena_zalloc(arena, size);
}

void sweep_arm(uint64_t first, unsigned many)
{
    allocations.armed = true;
    allocations.count = 0;
    allocations.from = first - 1;
    allocations.to = first - 1 + many;
}

bool sweep_disarm(void)
{
    allocations.armed = false;
    return allocations.count > allocations.from;
}

static struct host *host;

static void setup(void)
{
    host = host_create(NULL);
}

static void teardown(void)
{
    allocations.armed = false;
    host_destroy(host);
}

/* What dom0 asks, whatever the answer. */
static void ask_all(struct desk *desk)
{
    static const uint16_t types[] = {CONTROL_T_MONITOR_SHOW,   CONTROL_T_MONITOR_PORTS,
                                     CONTROL_T_MONITOR_FLOWS,  CONTROL_T_MONITOR_ALERTS,
                                     CONTROL_T_MONITOR_LIMITS, CONTROL_T_STATS};

    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        enum control_kind kind = desk_call(desk, types[i]);

        while (kind == CONTROL_ITEM) {
            ck_assert(desk_next(desk, 0));
            kind = desk->asker[0].header.kind;
        }
        if (kind == CONTROL_ERROR)
            ck_assert_uint_eq(desk_number(desk, CONTROL_F_ERRNO), ENOMEM);
    }
}

/* A client that follows all there is, and goes. */
static void follow_all(struct desk *desk)
{
    static const uint16_t types[] = {CONTROL_T_MONITOR_ENDED, CONTROL_T_MONITOR_CAPTURE};

    desk_join(desk, 1);
    for (unsigned i = 0; i < 2; i++) {
        struct desk_request request;

        desk_begin(desk, 1, &request, types[i]);
        desk_ask(desk, 1, &request);
    }
    fake_end_flow(desk->monitor->engine, 1);
    desk_run(desk);
    desk_leave(desk, 1);
}

static void play(struct desk *desk, struct source *source)
{
    desk_feed(desk, 0, "7 all");
    desk_pass(desk, 100 * HV_MSEC);
    if (desk->monitor->feeds.feed[0].state == FEED_CONNECTED) {
        source_hello(source);
        source_port(source, 1, 20, "web1");
        source_frame(source, 1, 0, 1, 60, 60);
        (void)source_flush(source);
    }
    ask_all(desk);
    follow_all(desk);
}

START_TEST(each_allocation_fails)
{
    bool more = true;

    for (uint64_t n = 1; more; n++) {
        struct desk *desk = desk_create(host, 0, "");
        struct source *source = source_create(desk, 7);

        source_offer(source, "all", 14);
        allocations.arena = desk->service->arena;
        sweep_arm(n, _i ? 1000000 : 1);
        play(desk, source);
        more = sweep_disarm();
        /* There is memory again. */
        desk_pass(desk, 10 * HV_SEC);
        desk_feed(desk, 0, NULL);
        source_close(source);
        source_offer(source, "all", 14);
        desk_feed(desk, 0, "7 all");
        desk_pass(desk, 10 * HV_SEC);
        ck_assert_msg(desk->monitor->feeds.feed[0].state == FEED_CONNECTED, "after allocation %u",
                      (unsigned)n);
        ask_all(desk);
        ck_assert_int_eq(desk->asker[0].header.kind, CONTROL_END);
        desk_destroy(desk);
        source_destroy(source);
        ck_assert_uint_lt(n, 1000);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("monitor without memory");
    TCase *cases = tcase_create("sweep");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, each_allocation_fails, 0, 2);
    suite_add_tcase(suite, cases);
    return suite;
}
