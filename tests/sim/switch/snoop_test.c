/* SPDX-License-Identifier: ISC */
/* IGMP and MLD through the whole switch: where groups, reports and queries go, and what ports that
 * come, are isolated, or are silent mean for that. */
#include "rack.h"

#include <stdlib.h>
#include <string.h>

#include "services/netback-switch/snoop.h"
#include "tests/unit/switch/frames_multicast.h"
#include "tests/unit/unit.h"

#define GROUP4 0xef010101U
#define GROUP6 0x10101U
#define GUESTS 5U

/* Whose reports nobody has asked for are over, and so is what a new port gets. */
#define MEMBERSHIP (260 * HV_SEC)

static struct rack *rack;
static struct rules *rules;
static struct rack_guest *guest[GUESTS + 1];
static bool six; /* IPv6, MLD */

static const struct frontend_config config = {.buffers = 200, .split = true, .sg = true};

static void add(unsigned number)
{
    guest[number] = rack_boot(rack, (domid_t)(10 + number), config);
    rack_plug(guest[number],
              &(struct port_words){.bridge = "xenbr0", .guest_uuid = rack_uuid_text(number)});
}

/* Its driver is loaded anew: the port is the same, and nobody configures it again. */
static void reconnect(unsigned number)
{
    port_disconnect(guest[number]->port, "the test");
    netif_disconnect(&guest[number]->port->netif);
    ck_assert_int_eq(rack_connect(guest[number]), 0);
    rack_run(rack);
}

static void setup(void)
{
    rack = rack_create(0, "");
    ck_assert_ptr_nonnull(rack);
    rules = rack_rules(1);
    rack_bridge(rules, "xenbr0")->snooping = true;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    for (unsigned i = 0; i < GUESTS; i++)
        add(i);
}

static void teardown(void)
{
    rack_rules_free(rules);
    rack_destroy(rack);
}

/* Who got it, as bits; everybody had nothing before. */
static unsigned who(void)
{
    unsigned bits = 0;

    for (unsigned i = 0; i <= GUESTS; i++)
        if (guest[i] && rack_received(guest[i]))
            bits |= 1U << i;
    return bits;
}

static unsigned send_frame(unsigned from, struct frame *frame)
{
    rack_mac(frame->bytes + 6, from);
    ck_assert(frontend_send_bytes(guest[from]->frontend, frame->bytes, frame->size));
    rack_run(rack);
    return who();
}

static void make_message(struct frame *frame, unsigned type4, unsigned type6, unsigned delay4,
                         uint32_t dest4, uint32_t dest6, bool about_group)
{
    uint8_t message[24] = {(uint8_t)(six ? type6 : type4), (uint8_t)(six ? 0 : delay4)};

    if (six) {
        message[4] = (uint8_t)(delay4 * 100 >> 8); /* tenths of a second; milliseconds */
        message[5] = (uint8_t)(delay4 * 100);
        if (about_group)
            frame_group6(message + 8, GROUP6);
        frame_mld(frame, dest6, message, 24);
    } else {
        if (about_group)
            frame_put32(message + 4, GROUP4);
        frame_igmp(frame, dest4, message, 8);
    }
}

static unsigned query(unsigned from)
{
    struct frame frame;

    make_message(&frame, 0x11, 130, 100, 0xe0000001U, 1, false);
    return send_frame(from, &frame);
}

static unsigned join(unsigned from)
{
    struct frame frame;

    make_message(&frame, 0x16, 131, 0, GROUP4, GROUP6, true);
    return send_frame(from, &frame);
}

/* To the group, or to one that is link-local. */
static unsigned data(unsigned from, bool local)
{
    uint32_t group4 = local ? 0xe0000005U : GROUP4, group6 = local ? 5U : GROUP6;
    struct frame frame;
    size_t ip;

    frame_ether(&frame, six ? 0x86dd : 0x0800);
    if (six) {
        ip = frame_ipv6(&frame, PACKET_UDP);
        frame_group6(frame.bytes + ip + 24, group6);
        memcpy(frame.bytes, "\x33\x33", 2);
        memcpy(frame.bytes + 2, frame.bytes + ip + 36, 4);
    } else {
        ip = frame_ipv4(&frame, PACKET_UDP, 0, 0);
        frame_put32(frame.bytes + ip + 16, group4);
        frame.bytes[0] = 1;
        frame.bytes[1] = 0;
        frame.bytes[2] = 0x5e;
        frame.bytes[3] = group4 >> 16 & 0x7f;
        memcpy(frame.bytes + 4, frame.bytes + ip + 18, 2);
    }
    frame_udp(&frame, 700);
    frame_end(&frame, ip);
    return send_frame(from, &frame);
}

/* The ports are not new any more, 0 is the querier, and its time to wait is over. */
static void settle(void)
{
    rack_pass(rack, MEMBERSHIP);
    (void)query(0);
    rack_pass(rack, 11 * HV_SEC);
    (void)who();
}

#define ALL_BUT(number) (((1U << GUESTS) - 1) & ~(1U << (number)))

START_TEST(groups_go_where_they_were_asked_for)
{
    struct frame frame;

    six = _i;
    ck_assert_uint_eq(data(3, false), ALL_BUT(3)); /* nobody asks: nobody has to answer */
    settle();
    ck_assert_uint_eq(query(0), ALL_BUT(0));
    ck_assert_uint_eq(data(3, false), 1); /* to the router alone */
    ck_assert_uint_eq(join(1), 1);        /* a report, too */
    ck_assert_uint_eq(join(2), 1);
    ck_assert_uint_eq(data(3, false), 1 | 1 << 1 | 1 << 2);
    ck_assert_uint_eq(data(1, false), 1 | 1 << 2);
    ck_assert_uint_eq(data(0, false), 1 << 1 | 1 << 2);
    ck_assert_uint_eq(data(3, true), ALL_BUT(3));
    /* What is malformed is dropped, and says so. */
    make_message(&frame, 0x16, 131, 0, GROUP4, GROUP6, true);
    frame.bytes[frame.size - 1] ^= 1;
    ck_assert_uint_eq(send_frame(4, &frame), 0);
    ck_assert_uint_eq(guest[4]->port->counters.drops[DROP_MALFORMED], 1);
    /* The other family is as it was. */
    six = !six;
    ck_assert_uint_eq(data(3, false), ALL_BUT(3));
    six = !six;
    /* Where the querier is silent nothing is kept from anybody. */
    rack_pass(rack, 256 * HV_SEC);
    ck_assert_uint_eq(data(3, false), ALL_BUT(3));
}
END_TEST

/* Whoever is behind a port that comes may have asked before, elsewhere. */
START_TEST(a_port_that_comes_gets_all)
{
    six = _i;
    settle();
    ck_assert_uint_eq(data(3, false), 1);
    add(GUESTS);
    ck_assert_uint_eq(data(3, false), 1 | 1 << GUESTS);
    rack_pass(rack, MEMBERSHIP - 20 * HV_SEC);
    (void)query(0);
    rack_pass(rack, 19 * HV_SEC);
    (void)who();
    ck_assert_uint_eq(data(3, false), 1 | 1 << GUESTS);
    rack_pass(rack, 2 * HV_SEC);
    ck_assert_uint_eq(data(3, false), 1);
    /* And one that comes back from another VLAN or bridge. */
    port_describe(guest[2]->port,
                  &(struct port_words){.bridge = "xenbr0.5", .guest_uuid = rack_uuid_text(2)});
    port_describe(guest[2]->port,
                  &(struct port_words){.bridge = "xenbr0", .guest_uuid = rack_uuid_text(2)});
    ck_assert_uint_eq(data(3, false), 1 | 1 << 2);
}
END_TEST

/* An isolated port's queries do not reach other isolated ports, so that nobody may rely on their
 * answers: neither where the rules say it later, nor where they said it before the port came. */
START_TEST(isolated_ports_are_no_queriers)
{
    struct rules_port *rule = rack_rule(rules, 4);

    six = _i;
    rule->isolated = true;
    rack_rule(rules, GUESTS)->isolated = true;
    rules->generation++;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    add(GUESTS);
    reconnect(GUESTS);
    rack_pass(rack, MEMBERSHIP);
    for (unsigned from = 4; from <= GUESTS; from++) {
        (void)query(from);
        rack_pass(rack, 11 * HV_SEC);
        (void)who();
        ck_assert_uint_eq(data(3, false), (ALL_BUT(3) | 1 << GUESTS));
    }
    rule->isolated = false;
    rules->generation++;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    (void)query(4);
    rack_pass(rack, 11 * HV_SEC);
    (void)who();
    ck_assert_uint_eq(data(3, false), 1 << 4);
}
END_TEST

/* What is over is freed though nothing asks for it: the timer's work. */
START_TEST(what_is_over_is_freed)
{
    struct snoop_usage usage;

    six = _i;
    settle();
    (void)join(1);
    (void)join(2);
    snoop_usage(rack->vswitch->snoop, &usage);
    ck_assert_uint_ge(usage.members, 3);
    ck_assert_uint_ge(usage.groups, 2);
    rack_pass(rack, 2 * MEMBERSHIP);
    snoop_usage(rack->vswitch->snoop, &usage);
    ck_assert_uint_eq(usage.members, 0);
    ck_assert_uint_eq(usage.groups, 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("switch snoop");
    TCase *cases = tcase_create("snoop");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, groups_go_where_they_were_asked_for, 0, 2);
    tcase_add_loop_test(cases, a_port_that_comes_gets_all, 0, 2);
    tcase_add_loop_test(cases, isolated_ports_are_no_queriers, 0, 2);
    tcase_add_loop_test(cases, what_is_over_is_freed, 0, 2);
    suite_add_tcase(suite, cases);
    return suite;
}
