/* SPDX-License-Identifier: ISC */
#include "services/netback-switch/policy.h"

#include "tests/unit/unit.h"

#include "frames.h"
#include "policy_cases.h"

/* The port: 02:00:00:00:00:02, 10.0.0.2 and 10.0.1.0/24, 2001:db8::2. */
static struct policy policy;
static struct rules_port rules, libxl;
static struct rules_bridge bridge;
static const uint8_t mac[6] = {2, 0, 0, 0, 0, 2};

static const struct policy_case *policy_case(int number)
{
    return number < policy_ipv4_case_count ? &policy_ipv4_cases[number]
                                           : &policy_ipv6_cases[number - policy_ipv4_case_count];
}

static void setup(void)
{
    memset(&rules, 0, sizeof(rules));
    memset(&libxl, 0, sizeof(libxl));
    memset(&bridge, 0, sizeof(bridge));
    ck_assert_int_eq(rules_parse_addresses("10.0.0.2 10.0.1.0/24 2001:db8::2", &rules), 0);
    rules.lock = RULES_LOCK_LOCKED;
    policy_make(&policy, &rules, &bridge, mac, &libxl);
}

/* What becomes of a frame, of which at most the usual snapshot is looked at. */
static const char *sent(const struct policy *by, const struct frame *frame)
{
    uint8_t *snapshot;
    size_t size = frame->size < PACKET_HEADER_MAX ? frame->size : PACKET_HEADER_MAX;
    struct packet packet;
    enum drop_reason reason;

    /* Of exactly that size, so that sanitizers see who goes beyond it. */
    snapshot = malloc(size);
    memcpy(snapshot, frame->bytes, size);
    ck_assert(packet_parse(&packet, snapshot, size, frame->size));
    reason = policy_send(by, &packet);
    free(snapshot);
    return reason == DROP_NONE ? "passes" : drop_name(reason);
}

START_TEST(locked_ports_send_only_what_is_theirs)
{
    const struct policy_case *c = policy_case(_i);
    struct frame frame;

    c->make(&frame);
    if (strcmp(sent(&policy, &frame), c->locked) != 0)
        ck_abort_msg("%s: %s", c->what, sent(&policy, &frame));
}
END_TEST

START_TEST(unlocked_ports_are_only_guarded_where_a_rule_says_so)
{
    const struct policy_case *c = policy_case(_i);
    struct frame frame;

    c->make(&frame);
    rules.lock = RULES_LOCK_UNLOCKED;
    policy_make(&policy, &rules, &bridge, mac, &libxl);
    ck_assert_str_eq(sent(&policy, &frame), "passes");
    rules.dhcp_server_set = true;
    policy_make(&policy, &rules, &bridge, mac, &libxl);
    if (strcmp(sent(&policy, &frame), c->guarded) != 0)
        ck_abort_msg("%s: %s", c->what, sent(&policy, &frame));
}
END_TEST

/* A guest that routes: locked, and may advertise. */
START_TEST(a_locked_router_may_advertise_itself)
{
    const struct policy_case *c = policy_case(_i);
    struct frame frame;

    if (c->router == NULL)
        return;
    rules.dhcp_server_set = true;
    rules.dhcp_server = true;
    policy_make(&policy, &rules, &bridge, mac, &libxl);
    c->make(&frame);
    if (strcmp(sent(&policy, &frame), c->router) != 0)
        ck_abort_msg("%s: %s", c->what, sent(&policy, &frame));
}
END_TEST

/* Cut anywhere, a frame of a locked port is refused, or passes for what is still there. */
START_TEST(no_length_of_a_frame_lets_more_pass)
{
    const struct policy_case *c = policy_case(_i);
    struct frame frame;
    size_t size;

    c->make(&frame);
    if (strcmp(c->locked, "passes") == 0)
        return;
    for (size = frame.size; size-- > ETHER_HEADER;) {
        struct frame cut = frame;

        cut.size = size;
        if (strcmp(sent(&policy, &cut), "passes") == 0)
            ck_abort_msg("%s: passes with %zu bytes", c->what, size);
    }
}
END_TEST

START_TEST(modes_and_addresses_are_inherited)
{
    static const struct {
        enum rules_lock port, bridge, is;
        bool uplink;
    } modes[] = {
        {RULES_LOCK_INHERIT, RULES_LOCK_INHERIT, RULES_LOCK_UNLOCKED, false},
        {RULES_LOCK_INHERIT, RULES_LOCK_LOCKED, RULES_LOCK_LOCKED, false},
        {RULES_LOCK_INHERIT, RULES_LOCK_DISABLED, RULES_LOCK_DISABLED, false},
        {RULES_LOCK_UNLOCKED, RULES_LOCK_DISABLED, RULES_LOCK_UNLOCKED, false},
        {RULES_LOCK_LOCKED, RULES_LOCK_UNLOCKED, RULES_LOCK_LOCKED, false},
        {RULES_LOCK_INHERIT, RULES_LOCK_LOCKED, RULES_LOCK_UNLOCKED, true},
        {RULES_LOCK_INHERIT, RULES_LOCK_DISABLED, RULES_LOCK_UNLOCKED, true},
        {RULES_LOCK_DISABLED, RULES_LOCK_UNLOCKED, RULES_LOCK_DISABLED, true},
    };

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        rules.lock = modes[i].port;
        rules.uplink = modes[i].uplink;
        bridge.lock = modes[i].bridge;
        policy_make(&policy, &rules, &bridge, mac, &libxl);
        ck_assert_uint_eq(policy.lock, modes[i].is);
        ck_assert_int_eq(policy.uplink, modes[i].uplink);
        ck_assert_int_eq(policy.dhcp_server, modes[i].is != RULES_LOCK_LOCKED);
    }
    rules.dhcp_server_set = true;
    policy_make(&policy, &rules, &bridge, mac, &libxl);
    ck_assert(policy.dhcp_server); /* an uplink's guard is never on */

    policy_make(&policy, NULL, NULL, NULL, NULL);
    ck_assert_uint_eq(policy.lock, RULES_LOCK_UNLOCKED);
    ck_assert_uint_eq(policy.mac_count + policy.ipv4_count + policy.ipv6_count, 0);

    /* What the rule says comes before what libxl says, MACs and addresses each by themselves. */
    ck_assert_int_eq(rules_parse_addresses("192.0.2.1 fe80::1", &libxl), 0);
    memset(&rules, 0, sizeof(rules));
    policy_make(&policy, &rules, &bridge, mac, &libxl);
    ck_assert_mem_eq(policy.macs[0], mac, 6);
    ck_assert_uint_eq(policy.ipv4[0].address[0], 192);
    ck_assert_uint_eq(policy.ipv6_count, 1);
    rules.mac_count = 1;
    rules.macs[0][5] = 9;
    ck_assert_int_eq(rules_parse_addresses("10.0.0.2", &rules), 0);
    policy_make(&policy, &rules, &bridge, mac, &libxl);
    ck_assert_uint_eq(policy.mac_count, 1);
    ck_assert_uint_eq(policy.macs[0][5], 9);
    ck_assert_uint_eq(policy.ipv4_count, 1);
    ck_assert_uint_eq(policy.ipv4[0].address[0], 10);
    ck_assert_uint_eq(policy.ipv6_count, 0);
}
END_TEST

START_TEST(held_and_disabled_ports_send_and_get_nothing)
{
    struct frame frame;
    struct packet packet;

    policy_ipv4_cases[0].make(&frame);
    ck_assert(packet_parse(&packet, frame.bytes, frame.size, frame.size));
    for (unsigned lock = RULES_LOCK_UNLOCKED; lock <= RULES_LOCK_DISABLED; lock++) {
        rules.lock = lock;
        rules.uplink = lock == RULES_LOCK_UNLOCKED;
        policy_make(&policy, &rules, &bridge, mac, &libxl);
        policy.hold = true;
        ck_assert_str_eq(sent(&policy, &frame), "no-rules");
        ck_assert_uint_eq(policy_receive(&policy, &packet), DROP_NO_RULES);
    }
    policy.hold = false;
    ck_assert_str_eq(sent(&policy, &frame), "disabled");
    ck_assert_uint_eq(policy_receive(&policy, &packet), DROP_DISABLED);
}
END_TEST

START_TEST(locked_ports_get_no_unicast_of_others)
{
    struct frame frame;
    struct packet packet;

    policy_ipv4_cases[0].make(&frame);
    ck_assert(packet_parse(&packet, frame.bytes, frame.size, frame.size));
    ck_assert_uint_eq(policy_receive(&policy, &packet), DROP_FILTERED);
    memcpy(frame.bytes, mac, 6);
    ck_assert_uint_eq(policy_receive(&policy, &packet), DROP_NONE);
    memset(frame.bytes, 0xff, 6);
    ck_assert_uint_eq(policy_receive(&policy, &packet), DROP_NONE);
    frame.bytes[0] = 0x33;
    ck_assert_uint_eq(policy_receive(&policy, &packet), DROP_NONE);
    frame.bytes[0] = 2;
    rules.lock = RULES_LOCK_UNLOCKED;
    policy_make(&policy, &rules, &bridge, mac, &libxl);
    ck_assert_uint_eq(policy_receive(&policy, &packet), DROP_NONE);
}
END_TEST

/* Whatever is allowed, no host's source is a group, or nothing. */
START_TEST(any_address_is_any_of_a_host)
{
    static const uint8_t groups[][16] = {{0}, {224, 0, 0, 1}, {255, 255, 255, 255}, {0xff, 2}};
    struct frame frame;
    size_t ip;

    ck_assert_int_eq(rules_parse_addresses("0.0.0.0/0 ::/0", &rules), 0);
    policy_make(&policy, &rules, &bridge, mac, &libxl);
    for (unsigned i = 0; i < 4; i++) {
        frame_ether(&frame, 0x800);
        ip = frame_ipv4(&frame, 6, 0, 0);
        frame_tcp(&frame, 5, 0, 0);
        frame_end(&frame, ip);
        ck_assert_str_eq(sent(&policy, &frame), "passes");
        memcpy(frame.bytes + ip + 12, groups[i], 4);
        ck_assert_str_eq(sent(&policy, &frame), "source-ipv4");
    }
    for (unsigned i = 0; i < 4; i += 3) {
        frame_ether(&frame, 0x86dd);
        ip = frame_ipv6(&frame, 6);
        frame_tcp(&frame, 5, 0, 0);
        frame_end(&frame, ip);
        ck_assert_str_eq(sent(&policy, &frame), "passes");
        memcpy(frame.bytes + ip + 8, groups[i], 16);
        ck_assert_str_eq(sent(&policy, &frame), "source-ipv6");
    }
}
END_TEST

/* Prefixes of all lengths, by a plain comparison of bits. */
START_TEST(prefixes_hold_to_the_bit)
{
    struct unit_random random = {1};
    struct frame frame;
    size_t ip;

    for (unsigned round = 0; round < 20000; round++) {
        unsigned length = (unsigned)unit_random(&random, 33), bit;
        bool within = true;
        uint8_t *source, address[4];

        for (unsigned i = 0; i < 4; i++)
            address[i] = (uint8_t)unit_random(&random, 256);
        address[0] = address[0] % 222 + 1;
        rules.ipv4_count = 1;
        rules.ipv4[0] = (struct rules_prefix){.length = (uint8_t)length};
        for (bit = 0; bit < length; bit++)
            rules.ipv4[0].address[bit / 8] |= address[bit / 8] & 0x80 >> bit % 8;
        policy_make(&policy, &rules, &bridge, mac, &libxl);
        frame_ether(&frame, 0x800);
        ip = frame_ipv4(&frame, 6, 0, 0);
        frame_tcp(&frame, 5, 0, 0);
        frame_end(&frame, ip);
        source = frame.bytes + ip + 12;
        memcpy(source, address, 4);
        bit = (unsigned)unit_random(&random, 32);
        source[bit / 8] ^= 0x80 >> bit % 8;
        within = bit >= length && source[0] < 224 && memcmp(source, "\0\0\0", 4) != 0;
        ck_assert_str_eq(sent(&policy, &frame), within ? "passes" : "source-ipv4");
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("policy");
    TCase *frames = tcase_create("frames"), *ports = tcase_create("ports");
    int cases = policy_ipv4_case_count + policy_ipv6_case_count;

    tcase_add_checked_fixture(frames, setup, NULL);
    tcase_add_loop_test(frames, locked_ports_send_only_what_is_theirs, 0, cases);
    tcase_add_loop_test(frames, unlocked_ports_are_only_guarded_where_a_rule_says_so, 0, cases);
    tcase_add_loop_test(frames, a_locked_router_may_advertise_itself, 0, cases);
    tcase_add_loop_test(frames, no_length_of_a_frame_lets_more_pass, 0, cases);
    suite_add_tcase(suite, frames);
    tcase_add_checked_fixture(ports, setup, NULL);
    tcase_add_test(ports, modes_and_addresses_are_inherited);
    tcase_add_test(ports, held_and_disabled_ports_send_and_get_nothing);
    tcase_add_test(ports, locked_ports_get_no_unicast_of_others);
    tcase_add_test(ports, any_address_is_any_of_a_host);
    tcase_add_test(ports, prefixes_hold_to_the_bit);
    suite_add_tcase(suite, ports);
    return suite;
}
