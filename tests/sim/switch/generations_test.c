/* SPDX-License-Identifier: ISC */
/* Generations under traffic, sixty-four vifs in sixteen MiB, and each allocation that fails. */
#include "rack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static const struct frontend_config plain = {.buffers = 200, .split = true, .sg = true};

static struct rack_guest *add(struct rack *rack, unsigned number)
{
    struct rack_guest *guest = rack_boot(rack, (domid_t)(10 + number), plain);

    rack_plug(guest, &(struct port_words){.mac = "52:54:00:00:00:01",
                                          .bridge = "xenbr0",
                                          .guest_uuid = rack_uuid_text(number)});
    return guest;
}

/* --- allocations that fail ----------------------------------------------------------------------
 */

static struct arena *watched; /* the switch's; NULL: none fails */
static unsigned asked, fail_at;

void *__real_arena_alloc(struct arena *arena, size_t size);
void *__real_arena_zalloc(struct arena *arena, size_t size);
void *__wrap_arena_alloc(struct arena *arena, size_t size);
void *__wrap_arena_zalloc(struct arena *arena, size_t size);

static bool fails(const struct arena *arena)
{
    return arena == watched && ++asked == fail_at;
}

void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
    return fails(arena) ? NULL : __real_arena_alloc(arena, size);
}

void *__wrap_arena_zalloc(struct arena *arena, size_t size)
{
    return fails(arena) ? NULL : __real_arena_zalloc(arena, size);
}

/* Does what one switch sees in its life; whatever fails is told and nothing else. */
static void live(struct rack *rack, const struct rules *rules)
{
    static const uint16_t requests[] = {CONTROL_T_SWITCH_PORTS, CONTROL_T_SWITCH_FDB,
                                        CONTROL_T_SWITCH_RULES, CONTROL_T_SWITCH_MIRRORS,
                                        CONTROL_T_SWITCH_STATS, CONTROL_T_SWITCH_EVENTS};
    struct rack_guest *guest = rack_boot(rack, 20, plain);
    const char *why = NULL;
    int error;

    guest->port = port_create(rack->vswitch, 20, 0, &why);
    if (guest->port) {
        port_describe(guest->port, &(struct port_words){.bridge = "lab",
                                                        .guest_uuid = rack_uuid_text(9),
                                                        .guest_name = "web"});
        error = rack_connect(guest);
        ck_assert(error == 0 || error == -ENOMEM);
        rack_send(guest, 1, 255, 0);
        rack_send(guest, 1, 1, 0);
        rack_run(rack);
    } else {
        ck_assert_ptr_nonnull(why);
    }
    error = rack_apply(rack, rules);
    ck_assert(error == 0 || error == ENOMEM);
    for (unsigned i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        for (rack_call(rack, requests[i]); rack->asker.header.kind == CONTROL_ITEM;)
            ck_assert(rack_next(rack));
        ck_assert(rack->asker.header.kind == CONTROL_END ||
                  rack_number(rack, CONTROL_F_ERRNO) == ENOMEM);
    }
    rack_end(guest);
}

START_TEST(each_allocation_fails)
{
    struct rack *rack = rack_create(0, "");
    struct rules *rules = rack_rules(1), *none = rack_rules(1);
    struct rack_guest *one = add(rack, 1), *two = add(rack, 2);
    unsigned nth = 1;

    rack_rule(rules, 9)->isolated = true;
    rack_bridge(rules, "lab");
    strcpy(rules->mirrors[0].name, "all");
    rules->mirrors[0].direction = RULES_BOTH;
    rules->mirror_count = 1;
    do {
        watched = rack->service->arena;
        asked = 0;
        fail_at = nth;
        live(rack, rules);
        watched = NULL;
        /* Then all is as ever. */
        ck_assert_int_eq(rack_apply(rack, rules), 0);
        ck_assert_int_eq(rack_apply(rack, none), 0);
        rack_received(one);
        rack_received(two);
        rack_send(one, 1, 2, nth);
        rack_run(rack);
        ck_assert_uint_eq(rack_received(two), 1);
    } while (asked >= nth++);
    ck_assert_uint_gt(nth, 15);
    rack_rules_free(rules);
    rack_rules_free(none);
    rack_destroy(rack);
}
END_TEST

/* Whatever memory there is: it starts, or says that it cannot and leaves nothing. */
START_TEST(starts_or_not_in_any_memory)
{
    unsigned started = 0;

    for (unsigned pages = 300; pages < 1600; pages += 37) {
        struct rack *rack = rack_create(pages, "mirror=16 clients=2");

        started += rack != NULL;
        if (rack)
            rack_destroy(rack);
    }
    ck_assert_uint_gt(started, 3);
    ck_assert_uint_lt(started, 30);
}
END_TEST

/* --- under traffic ------------------------------------------------------------------------------
 */

static void expect_in_order(struct rack_guest *guest, uint32_t *seen)
{
    struct frontend_rx *frame;

    while ((frame = frontend_receive(guest->frontend))) {
        uint32_t number;

        memcpy(&number, frame->data + 14, sizeof(number));
        ck_assert_uint_eq(number, (*seen)++);
        free(frame);
    }
}

/* The generation changes wherever the engine happens to be, and no frame is lost for it. */
START_TEST(generations_change_between_two_frames)
{
    struct rack *rack = rack_create(0, "");
    struct rack_guest *one = add(rack, 1), *two = add(rack, 2), *third = add(rack, 3);
    struct rules *rules = rack_rules(1);
    uint32_t sent = 0, seen = 0;
    struct rules_port *rule = rack_rule(rules, 1), *other = rack_rule(rules, 3);

    rack_bridge(rules, "lab");
    rack_send(two, 2, 255, 0);
    rack_run(rack);
    rack_received(one);
    rack_received(third);
    for (unsigned round = 0; round < 150; round++) {
        struct rules *next;
        struct rules_port *ports;
        const char *why;

        for (unsigned i = 0; i < 40 && frontend_room(&one->frontend->queue[0]) > 1; i++)
            rack_send(one, 1, 2, sent++);
        sim_set_actor(rack->hv, service_step, rack->service);
        sim_run(rack->host->sim, hv_now(rack->hv), round % 7);
        /* What changes: rates, isolation, mirrors, another port's bridge, the bridge's own
         * settings. */
        rule->rate_in = (struct rules_rate){.set = round % 2, .rate = 1000000000 + round};
        rule->rate_out = (struct rules_rate){.set = round % 3 == 0, .rate = 1000000000};
        rule->lock = round % 4 ? RULES_LOCK_UNLOCKED : RULES_LOCK_INHERIT;
        rule->isolated = round % 2;
        strcpy(other->bridge, round % 2 ? "lab" : "");
        rules->bridges[0].snooping = round % 3;
        strcpy(rules->mirrors[0].name, "all");
        rules->mirrors[0].direction = RULES_BOTH;
        rules->mirror_count = round % 5 == 0;
        rules->generation++;
        next = vswitch_rules_alloc(rack->vswitch, rules->port_count);
        ck_assert_ptr_nonnull(next);
        ports = next->ports;
        *next = *rules;
        next->ports = ports;
        next->port_max = rules->port_count;
        memcpy(ports, rules->ports, rules->port_count * sizeof(*ports));
        ck_assert_int_eq(vswitch_apply(rack->vswitch, next, &why), 0);
        if (round % 3 == 0)
            rack_run(rack);
        expect_in_order(two, &seen);
    }
    rack_pass(rack, HV_SEC);
    expect_in_order(two, &seen);
    ck_assert_uint_gt(sent, 3000);
    ck_assert_uint_eq(seen, sent);
    rack_rules_free(rules);
    rack_destroy(rack);
}
END_TEST

/* --- how much fits ------------------------------------------------------------------------------
 */

#define VIFS        64U
#define IMAGE_BYTES (256U << 10)
/* What a domain of 16 MiB has beside its image: page tables, stacks, console, grant table. */
#define PLATFORM_BYTES (256U << 10)

START_TEST(sixty_four_vifs_in_sixteen_mib)
{
    struct rack *rack =
        rack_create(((16U << 20) - IMAGE_BYTES - PLATFORM_BYTES) / HV_PAGE_SIZE, "");
    struct rules *rules = rack_rules(1);
    struct arena_usage empty, full;
    struct rack_guest *guest[VIFS];
    unsigned got = 0;

    ck_assert_ptr_nonnull(rack);
    arena_usage(rack->service->arena, &empty);
    for (unsigned i = 0; i < VIFS; i++) {
        guest[i] = add(rack, i);
        rack_rule(rules, i)->rate_in = (struct rules_rate){.set = true, .rate = 1000000000};
    }
    arena_usage(rack->service->arena, &full);
    for (unsigned i = 0; i < RULES_MIRRORS; i++) {
        snprintf(rules->mirrors[i].name, RULES_NAME, "m%u", i);
        rules->mirrors[i].direction = RULES_BOTH;
    }
    rules->mirror_count = RULES_MIRRORS;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    ck_assert_int_eq(rack_apply(rack, rules), 0); /* beside the one that is in force */
    for (unsigned i = 0; i < VIFS; i++) {
        rack_send(guest[i], i, 255, i);
        rack_run(rack);
    }
    for (unsigned i = 0; i < VIFS; i++)
        got += rack_received(guest[i]);
    ck_assert_uint_eq(got, VIFS * (VIFS - 1));
    if (getenv("SWITCH_MEASURE"))
        fprintf(stderr, "a port: %zu bytes; the switch without: %zu KiB; free: %zu KiB\n",
                (full.bytes_used - empty.bytes_used) / VIFS, empty.bytes_used / 1024,
                arena_bytes_free(rack->service->arena) / 1024);
    ck_assert_uint_lt((full.bytes_used - empty.bytes_used) / VIFS, 24 * 1024);
    ck_assert_uint_gt(arena_bytes_free(rack->service->arena), 4U << 20);
    rack_rules_free(rules);
    rack_destroy(rack);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("switch generations");
    TCase *cases = tcase_create("generations");

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, each_allocation_fails);
    tcase_add_test(cases, starts_or_not_in_any_memory);
    tcase_add_test(cases, generations_change_between_two_frames);
    tcase_add_test(cases, sixty_four_vifs_in_sixteen_mib);
    suite_add_tcase(suite, cases);
    return suite;
}
