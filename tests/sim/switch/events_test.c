/* SPDX-License-Identifier: ISC */
/* Events as a stream: in order, merged where they come often, and counted where they are lost. */
#include "rack.h"

#include <stdio.h>
#include <string.h>

#include "services/netback-switch/events.h"
#include "tests/unit/unit.h"

static struct rack *rack;

static void setup(void)
{
    rack = rack_create(0, "");
    ck_assert_ptr_nonnull(rack);
}

static void teardown(void)
{
    rack_destroy(rack);
}

static struct rack_guest *add(unsigned number)
{
    struct rack_guest *guest = rack_boot(rack, (domid_t)(10 + number),
                                         (struct frontend_config){.buffers = 100, .split = true});
    char name[8];

    snprintf(name, sizeof(name), "web%u", number);
    rack_plug(guest, &(struct port_words){.bridge = "xenbr0",
                                          .guest_uuid = rack_uuid_text(number),
                                          .guest_name = name});
    return guest;
}

static void ask(uint64_t limit, bool follow)
{
    struct rack_request request;

    rack_begin(rack, &request, CONTROL_T_SWITCH_EVENTS);
    if (limit)
        control_put_number(&request.writer, CONTROL_F_LIMIT, limit);
    if (follow)
        control_put_number(&request.writer, CONTROL_F_FOLLOW, 1);
    rack_ask(rack, &request);
}

/* The next event is in rack->asker. */
static void expect(const char *kind, const char *port)
{
    ck_assert(rack_next(rack));
    ck_assert_int_eq(rack->asker.header.kind, CONTROL_ITEM);
    ck_assert_str_eq(rack_text(rack, CONTROL_F_KIND), kind);
    ck_assert_str_eq(rack_text(rack, CONTROL_F_NAME), port);
}

static void expect_mac(const char *mac)
{
    struct control_field field;

    ck_assert(control_find(&rack->asker.fields, CONTROL_F_MAC, &field));
    ck_assert_uint_eq(field.length, 6);
    ck_assert_mem_eq(field.value, mac, 6);
}

static void expect_end(void)
{
    ck_assert(rack_next(rack));
    ck_assert_int_eq(rack->asker.header.kind, CONTROL_END);
}

START_TEST(tell_what_happens)
{
    struct rack_guest *one, *two;
    uint64_t sequence;

    ask(0, true);
    one = add(1);
    expect("port-up", "web1/0");
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_DOMID), 11);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_COUNT), 1);
    sequence = rack_number(rack, CONTROL_F_SEQUENCE);
    two = add(2);
    expect("port-up", "web2/0");
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_SEQUENCE), sequence + 1);
    rack_send(one, 1, 255, 0);
    rack_run(rack);
    expect("mac-learned", "web1/0");
    rack_send(two, 1, 255, 0);
    rack_run(rack);
    expect("mac-moved", "web2/0");
    ck_assert_str_eq(rack_text(rack, CONTROL_F_FROM_PORT), "web1/0");
    rack_send(two, 1, 1, 0);
    rack_run(rack);
    expect("drop", "web2/0");
    ck_assert_str_eq(rack_text(rack, CONTROL_F_REASON), "same-port");
    rack_unplug(one);
    expect("port-down", "web1/0");
    ck_assert_str_eq(rack_text(rack, CONTROL_F_TEXT), "the test");
    /* What is kept can be had later, and no more of it than asked for. */
    ck_assert_int_eq(vchan_close(&rack->asker.v), 0);
    rack_run(rack);
    rack_pass(rack, 3 * HV_SEC);
    rack_join(rack);
    ask(2, false);
    expect("drop", "web2/0");
    expect("port-down", "web1/0");
    expect_end();
}
END_TEST

/* A thousand drops in a second are two events, whose counts are the truth. */
START_TEST(floods_are_merged)
{
    struct rack_guest *one = add(1);
    uint64_t count = 0;

    for (unsigned i = 0; i < 1000; i++) {
        rack_send(one, 1, 1, i);
        if (i % 50 == 49)
            rack_run(rack);
    }
    ask(0, true);
    expect("port-up", "web1/0");
    expect("mac-learned", "web1/0");
    expect("drop", "web1/0");
    count = rack_number(rack, CONTROL_F_COUNT);
    rack_pass(rack, HV_SEC);
    expect("drop", "web1/0");
    count += rack_number(rack, CONTROL_F_COUNT);
    ck_assert_uint_eq(count, 1000);
    /* The window is over where nothing more comes: the next is told at once. */
    rack_pass(rack, 3 * HV_SEC);
    ck_assert(!asker_receive(&rack->asker));
    rack_send(one, 1, 1, 0);
    rack_run(rack);
    expect("drop", "web1/0");
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_COUNT), 1);
    /* And what is counted when the port goes is not lost. */
    rack_send(one, 1, 1, 0);
    rack_send(one, 1, 1, 0);
    rack_run(rack);
    rack_unplug(one);
    expect("port-down", "web1/0");
    expect("drop", "web1/0");
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_COUNT), 2);
}
END_TEST

/* A rule's drops, a port's of frames that are no frames, and a receiver's: each by its reason. */
START_TEST(reasons_are_told)
{
    struct rules *rules = rack_rules(1);
    struct rack_guest *one = add(1), *two = add(2);
    static const uint8_t runt[4];

    rack_rule(rules, 1)->lock = RULES_LOCK_LOCKED;
    rack_rule(rules, 2)->lock = RULES_LOCK_DISABLED;
    memcpy(rules->ports[0].macs[0], "\x52\x54\0\0\0\x01", 6);
    rules->ports[0].mac_count = 1;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    ask(0, true);
    expect("port-up", "web1/0");
    expect("port-up", "web2/0");
    ck_assert(rack_next(rack));
    ck_assert_str_eq(rack_text(rack, CONTROL_F_KIND), "applied");
    rack_send(one, 3, 2, 0);
    rack_run(rack);
    expect("rule-hit", "web1/0");
    ck_assert_str_eq(rack_text(rack, CONTROL_F_REASON), "source-mac");
    expect_mac("\x52\x54\0\0\0\x03");
    rack_send(two, 2, 1, 0);
    rack_run(rack);
    expect("rule-hit", "web2/0");
    ck_assert_str_eq(rack_text(rack, CONTROL_F_REASON), "disabled");
    ck_assert(frontend_send_bytes(one->frontend, runt, sizeof(runt)));
    rack_run(rack);
    expect("drop", "web1/0");
    ck_assert_str_eq(rack_text(rack, CONTROL_F_REASON), "runt");
    expect_mac("\0\0\0\0\0\0");
    rack_rules_free(rules);
}
END_TEST

/* A reader that does not read is told how much it missed. */
START_TEST(slow_readers_lose_and_know_it)
{
    struct vswitch *vswitch = rack->vswitch;
    uint64_t sequence = 0, lost = 0, seen = 0, last = 5 * EVENTS_KEPT;
    struct event event = {.kind = EVENT_APPLIED};

    ask(0, true);
    for (event.number = 1; event.number <= last; event.number++)
        events_add(vswitch->events, NULL, &event);
    rack_run(rack);
    while (seen + lost < last) {
        ck_assert(rack_next(rack));
        ck_assert_int_eq(rack->asker.header.kind, CONTROL_ITEM);
        if (rack_number(rack, CONTROL_F_LOST) != UINT64_MAX)
            lost += rack_number(rack, CONTROL_F_LOST);
        seen++;
        sequence = rack_number(rack, CONTROL_F_SEQUENCE);
        ck_assert_uint_eq(sequence, seen + lost);
        ck_assert_uint_eq(rack_number(rack, CONTROL_F_GENERATION), sequence);
    }
    ck_assert_uint_eq(sequence, last);
    ck_assert_uint_ge(lost, 3 * EVENTS_KEPT);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("switch events");
    TCase *cases = tcase_create("events");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, tell_what_happens);
    tcase_add_test(cases, floods_are_merged);
    tcase_add_test(cases, reasons_are_told);
    tcase_add_test(cases, slow_readers_lose_and_know_it);
    suite_add_tcase(suite, cases);
    return suite;
}
