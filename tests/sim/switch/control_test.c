/* SPDX-License-Identifier: ISC */
/* What dom0 can ask the switch, and rules as they come, go, and find their ports. */
#include "rack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static const struct frontend_config plain = {.buffers = 64, .split = true, .sg = true};

/* A guest of uuid and MAC @number, described as its toolstack would. */
static struct rack_guest *add(unsigned number, const char *bridge)
{
    struct rack_guest *guest = rack_boot(rack, (domid_t)(10 + number), plain);
    char mac[18], name[8];

    snprintf(mac, sizeof(mac), "52:54:00:00:00:%02x", number);
    snprintf(name, sizeof(name), "web%u", number);
    rack_plug(guest, &(struct port_words){.mac = mac,
                                          .bridge = bridge,
                                          .guest_uuid = rack_uuid_text(number),
                                          .guest_name = name});
    return guest;
}

static void learn(struct rack_guest *guest, unsigned number)
{
    rack_send(guest, number, 255, 0);
    rack_run(rack);
}

/* The PORTS entry of a domain is in rack->asker. */
static void ask_port(domid_t domid)
{
    struct rack_request request;

    rack_begin(rack, &request, CONTROL_T_SWITCH_PORTS);
    control_put_number(&request.writer, CONTROL_F_DOMID, domid);
    rack_ask(rack, &request);
    ck_assert(rack_next(rack));
    ck_assert_int_eq(rack->asker.header.kind, CONTROL_ITEM);
}

static void end_stream(void)
{
    while (rack->asker.header.kind == CONTROL_ITEM)
        ck_assert(rack_next(rack));
    ck_assert_int_eq(rack->asker.header.kind, CONTROL_END);
}

static uint64_t port_number(domid_t domid, uint16_t tag)
{
    uint64_t value;

    ask_port(domid);
    rack_enter(rack, CONTROL_F_PORT);
    value = rack_number(rack, tag);
    end_stream();
    return value;
}

static void expect_state(domid_t domid, const char *state)
{
    ask_port(domid);
    rack_enter(rack, CONTROL_F_PORT);
    ck_assert_str_eq(rack_text(rack, CONTROL_F_STATE), state);
    end_stream();
}

static unsigned count_items(uint16_t type)
{
    unsigned items = 0;

    for (rack_call(rack, type); rack->asker.header.kind == CONTROL_ITEM; ck_assert(rack_next(rack)))
        items++;
    ck_assert_int_eq(rack->asker.header.kind, CONTROL_END);
    return items;
}

/* --- looking ------------------------------------------------------------------------------------
 */

START_TEST(shows_what_is_there)
{
    struct rack_guest *one = add(1, "xenbr0"), *two;

    ck_assert_int_eq(rack_call(rack, CONTROL_T_SWITCH_SHOW), CONTROL_REPLY);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_COUNT), 1);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_GENERATION), UINT64_MAX);
    two = add(2, "lab.7");
    learn(one, 1);
    learn(two, 2);
    ck_assert_int_eq(rack_call(rack, CONTROL_T_SWITCH_SHOW), CONTROL_REPLY);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_COUNT), 2);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_CONNECTED), 2);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_GUESTLESS), 0);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_FDB_ENTRIES), 2);
    rack_enter(rack, CONTROL_F_BRIDGE);
    ck_assert_str_eq(rack_text(rack, CONTROL_F_BRIDGE_NAME), "xenbr0");
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_COUNT), 1);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_AGEING), 300);
    ask_port(12);
    rack_enter(rack, CONTROL_F_PORT);
    ck_assert_str_eq(rack_text(rack, CONTROL_F_BRIDGE_NAME), "lab");
    ck_assert_str_eq(rack_text(rack, CONTROL_F_GUEST), "web2");
    ck_assert_str_eq(rack_text(rack, CONTROL_F_STATE), "connected");
    ck_assert_str_eq(rack_text(rack, CONTROL_F_FEATURES), "sg csum ");
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_VLAN_MODE), RULES_VLAN_ACCESS);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_PVID), 7);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_FDB_ENTRIES), 1);
    end_stream();
    rack_unplug(two);
    ck_assert_uint_eq(count_items(CONTROL_T_SWITCH_PORTS), 1);
    ck_assert_int_eq(rack_call(rack, CONTROL_T_STATUS), CONTROL_REPLY);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_HEALTH), CONTROL_HEALTHY);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_CONNECTED), 1);
}
END_TEST

START_TEST(shows_and_forgets_addresses)
{
    struct rack_guest *one = add(1, "xenbr0"), *two = add(2, "lab");
    struct rack_request request;

    learn(one, 1);
    learn(one, 3);
    learn(two, 2);
    ck_assert_uint_eq(count_items(CONTROL_T_SWITCH_FDB), 3);
    rack_begin(rack, &request, CONTROL_T_SWITCH_FDB);
    control_put_string(&request.writer, CONTROL_F_BRIDGE_NAME, "lab");
    rack_ask(rack, &request);
    ck_assert(rack_next(rack));
    ck_assert_str_eq(rack_text(rack, CONTROL_F_BRIDGE_NAME), "lab");
    ck_assert_str_eq(rack_text(rack, CONTROL_F_NAME), "web2/0");
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_DOMID), 12);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_VID), 0);
    ck_assert_uint_lt(rack_number(rack, CONTROL_F_AGE), HV_SEC);
    ck_assert(rack_next(rack));
    ck_assert_int_eq(rack->asker.header.kind, CONTROL_END);

    rack_begin(rack, &request, CONTROL_T_SWITCH_FLUSH);
    control_put_string(&request.writer, CONTROL_F_BRIDGE_NAME, "none");
    rack_ask(rack, &request);
    ck_assert(rack_next(rack));
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_ERRNO), ENOENT);
    rack_begin(rack, &request, CONTROL_T_SWITCH_FLUSH);
    control_put_string(&request.writer, CONTROL_F_BRIDGE_NAME, "xenbr0");
    rack_ask(rack, &request);
    ck_assert(rack_next(rack));
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_COUNT), 2);
    ck_assert_uint_eq(count_items(CONTROL_T_SWITCH_FDB), 1);
    ck_assert_int_eq(rack_call(rack, CONTROL_T_SWITCH_FLUSH), CONTROL_REPLY);
    ck_assert_uint_eq(count_items(CONTROL_T_SWITCH_FDB), 0);
}
END_TEST

/* The walk does not stop where the table is empty for a long while. */
START_TEST(walks_a_full_table)
{
    struct rack_guest *one = add(1, "xenbr0");

    for (unsigned i = 0; i < SWITCH_FDB_PORT + 5; i++)
        learn(one, i);
    ck_assert_uint_eq(count_items(CONTROL_T_SWITCH_FDB), SWITCH_FDB_PORT);
    ck_assert_uint_eq(rack_statistic(rack, "switch_fdb_refused", NULL), 5);
}
END_TEST

START_TEST(counts)
{
    struct rack_guest *one = add(1, "xenbr0"), *two = add(2, "xenbr0");
    struct rack_request request;

    learn(one, 1);
    learn(two, 2);
    for (unsigned i = 0; i < 10; i++)
        rack_send(one, 1, 2, i);
    rack_send(one, 1, 1, 0); /* to itself */
    rack_run(rack);
    ck_assert_uint_eq(rack_received(two), 11);
    rack_begin(rack, &request, CONTROL_T_SWITCH_STATS);
    control_put_number(&request.writer, CONTROL_F_DOMID, 11);
    control_put_number(&request.writer, CONTROL_F_VIF, 0);
    rack_ask(rack, &request);
    ck_assert(rack_next(rack));
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_FRAMES_IN), 12);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_BYTES_IN), 1200);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_BROADCAST_IN), 1);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_FRAMES_OUT), 1);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_CONNECTS), 1);
    rack_enter(rack, CONTROL_F_DROP);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_COUNT), 1);
    end_stream();
    ck_assert_uint_eq(rack_statistic(rack, "port_frames_out", "web2"), 11);
    ck_assert_uint_eq(rack_statistic(rack, "port_dropped", "same-port"), 1);
    ck_assert_uint_eq(rack_statistic(rack, "switch_ports_connected", NULL), 2);
    ck_assert_uint_eq(rack_statistic(rack, "switch_frames", NULL), 13);
}
END_TEST

/* --- rules --------------------------------------------------------------------------------------
 */

START_TEST(rules_are_in_force_at_once)
{
    struct rack_guest *one = add(1, "xenbr0"), *two = add(2, "xenbr0");
    struct rules *rules = rack_rules(7);
    struct rules_port *rule = rack_rule(rules, 1);

    learn(one, 1);
    learn(two, 2);
    rack_received(one);
    rack_received(two);
    rule->lock = RULES_LOCK_LOCKED;
    rule->rate_out = (struct rules_rate){.set = true, .rate = 1000000};
    rack_rule(rules, 9);
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_GENERATION), 7);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_COUNT), 2);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_MATCHED), 1);
    ck_assert_uint_eq(port_number(11, CONTROL_F_LOCK), RULES_LOCK_LOCKED);
    ck_assert_uint_eq(port_number(11, CONTROL_F_MATCHED), 1);
    ck_assert_uint_eq(port_number(11, CONTROL_F_RATE_OUT), 1000000);
    ck_assert_uint_eq(port_number(12, CONTROL_F_LOCK), RULES_LOCK_UNLOCKED);
    ck_assert_uint_eq(port_number(12, CONTROL_F_MATCHED), 0);
    rack_send(one, 3, 2, 0); /* from another MAC */
    rack_send(two, 2, 3, 0); /* to another MAC */
    rack_run(rack);
    ck_assert_uint_eq(rack_received(one) + rack_received(two), 0);
    ck_assert_uint_eq(rack_statistic(rack, "port_dropped", "source-mac"), 1);

    /* Without the rule, what libxl says. */
    rules->port_count = 0;
    rules->generation++;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    ck_assert_uint_eq(port_number(11, CONTROL_F_LOCK), RULES_LOCK_UNLOCKED);
    ck_assert_uint_eq(port_number(11, CONTROL_F_RATE_OUT), UINT64_MAX);
    rack_rules_free(rules);
}
END_TEST

/* The same guest, whatever domain it is; and who it is may be said late. */
START_TEST(rules_follow_a_guest_that_reboots)
{
    struct rules *rules = rack_rules(1);
    struct rack_guest *guest = add(1, "xenbr0");

    rack_rule(rules, 1)->isolated = true;
    rules->unknown = RULES_UNKNOWN_HOLD;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    ck_assert_uint_eq(port_number(11, CONTROL_F_ISOLATED), 1);
    rack_end(guest);
    guest = rack_boot(rack, 30, plain);
    rack_plug(guest, &(struct port_words){.mac = "52:54:00:00:00:01", .bridge = "xenbr0"});
    expect_state(30, "held");
    ck_assert_int_eq(rack_call(rack, CONTROL_T_STATUS), CONTROL_REPLY);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_HEALTH), CONTROL_DEGRADED);
    rack_send(guest, 1, 255, 0);
    rack_run(rack);
    ck_assert_uint_eq(rack_statistic(rack, "port_dropped", "no-rules"), 1);
    port_describe(guest->port, &(struct port_words){.mac = "52:54:00:00:00:01",
                                                    .bridge = "xenbr0",
                                                    .guest_uuid = rack_uuid_text(1)});
    expect_state(30, "connected");
    ck_assert_uint_eq(port_number(30, CONTROL_F_ISOLATED), 1);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_HEALTH), UINT64_MAX);
    /* One that no rule names. */
    add(2, "xenbr0");
    expect_state(12, "held");
    /* And one whose uuid is a slip of the pen, even where the bridge's rule holds for others. */
    rules->unknown = RULES_UNKNOWN_DEFAULT;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    expect_state(12, "connected");
    port_describe(guest->port, &(struct port_words){.bridge = "xenbr0", .guest_uuid = "1-2"});
    expect_state(30, "held");
    rack_rules_free(rules);
}
END_TEST

/* dom0's own port needs nobody to say who it is. */
START_TEST(dom0_is_an_uplink)
{
    struct rules *rules = rack_rules(1);
    struct rack_guest *dom0 = rack_boot(rack, 0, plain);

    rack_plug(dom0, &(struct port_words){.bridge = "xenbr0"});
    rules->unknown = RULES_UNKNOWN_HOLD;
    ck_assert_uint_eq(port_number(0, CONTROL_F_UPLINK), 1);
    ck_assert_uint_eq(port_number(0, CONTROL_F_FDB_LIMIT), SWITCH_FDB_UPLINK);
    ck_assert_int_eq(rack_apply(rack, rules), 0); /* which name nobody, and hold nobodies */
    expect_state(0, "connected");
    ck_assert_uint_eq(port_number(0, CONTROL_F_UPLINK), 1);
    memset(rack_rule(rules, 0)->uuid, 0, 16);
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    expect_state(0, "connected");
    ck_assert_uint_eq(port_number(0, CONTROL_F_UPLINK), 1);
    ck_assert_uint_eq(port_number(0, CONTROL_F_DHCP_SERVER), 1);
    rules->ports[0].uplink_set = true; /* and false: with no locking mode it is so, too */
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    expect_state(0, "connected");
    ck_assert_uint_eq(port_number(0, CONTROL_F_UPLINK), 0);
    ck_assert_uint_eq(port_number(0, CONTROL_F_FDB_LIMIT), SWITCH_FDB_PORT);
    ck_assert_uint_eq(port_number(0, CONTROL_F_LOCK), RULES_LOCK_UNLOCKED);
    rules->ports[0].uplink_set = false;
    rules->ports[0].lock = RULES_LOCK_LOCKED;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    ck_assert_uint_eq(port_number(0, CONTROL_F_UPLINK), 0);
    ck_assert_uint_eq(port_number(0, CONTROL_F_LOCK), RULES_LOCK_LOCKED);
    rack_rules_free(rules);
}
END_TEST

/* A word that is not understood opens nothing. */
START_TEST(slips_of_the_pen_close)
{
    static const struct {
        struct port_words words;
        const char *state;
    } cases[] = {
        {{.bridge = "xenbr0"}, "connected"},
        {{.bridge = "xenbr0", .vlan = "ten"}, "disabled"},
        {{.bridge = "xenbr0.5000"}, "disabled"},
        {{.bridge = "xenbr0", .mac = "52:54:00"}, "disabled"},
        {{.bridge = "xenbr0", .vlan = "10"}, "connected"},
        {{.bridge = "xenbr0", .rate = "fast", .addresses = "here"}, "connected"},
        {{0}, "connected"},
    };
    struct rack_guest *guest = rack_boot(rack, 20, plain);

    rack_plug(guest, &cases[0].words);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        port_describe(guest->port, &cases[i].words);
        expect_state(20, cases[i].state);
    }
    port_describe(guest->port, &(struct port_words){.rate = "125000,50000"});
    ck_assert_uint_eq(port_number(20, CONTROL_F_RATE_IN), 2500000);
    ck_assert_uint_eq(port_number(20, CONTROL_F_BURST_IN), 125000);
}
END_TEST

/* Wrong ones are refused whole, and what was in force goes on. */
START_TEST(wrong_uploads_change_nothing)
{
    struct rules *rules = rack_rules(3);
    struct rack_request request;
    size_t length;
    uint8_t *bytes;

    add(1, "xenbr0");
    rack_rule(rules, 1)->isolated = true;
    rack_bridge(rules, "lab")->mtu = 9000;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    rules->generation = 4;
    rules->ports[0].isolated = false;
    rack_rule(rules, 2);
    bytes = rack_encode(rules, &length);
    for (size_t cut = 0; cut < length; cut += 5)
        ck_assert_int_eq(rack_upload(rack, bytes, cut), EINVAL);
    for (size_t at = 0; at < 7; at++) { /* of the first record: length, type, kind */
        bytes[at] ^= 0x81;
        ck_assert_int_eq(rack_upload(rack, bytes, length), EINVAL);
        bytes[at] ^= 0x81;
    }
    /* Two rules for one port. */
    rack_uuid(rules->ports[1].uuid, 1);
    ck_assert_int_eq(rack_apply(rack, rules), EINVAL);
    ck_assert_str_ne(rack_text(rack, CONTROL_F_TEXT), "");
    /* More bridges than there can be, with the one that the toolstack named. */
    rules->port_count = 1;
    for (unsigned i = 1; i < RULES_BRIDGES; i++)
        snprintf(rack_bridge(rules, "")->name, RULES_NAME, "bridge%u", i);
    ck_assert_int_eq(rack_apply(rack, rules), ENOSPC);
    ck_assert_str_ne(rack_text(rack, CONTROL_F_TEXT), "");
    free(bytes);

    ck_assert_int_eq(rack_call(rack, CONTROL_T_SWITCH_SHOW), CONTROL_REPLY);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_GENERATION), 3);
    ck_assert_uint_eq(port_number(11, CONTROL_F_ISOLATED), 1);
    /* An upload that is given up leaves room for the next. */
    rack_begin(rack, &request, CONTROL_T_SWITCH_APPLY);
    rack_ask(rack, &request);
    control_begin(&request.writer, request.frame, sizeof(request.frame), CONTROL_T_SWITCH_APPLY,
                  CONTROL_CANCEL, rack->asker.id);
    rack_ask(rack, &request);
    ck_assert(rack_next(rack));
    rules->bridge_count = 1;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    ck_assert_uint_eq(port_number(11, CONTROL_F_ISOLATED), 0);
    rack_rules_free(rules);
}
END_TEST

START_TEST(one_upload_at_a_time)
{
    struct rack_request request;
    uint32_t first;

    rack_begin(rack, &request, CONTROL_T_SWITCH_APPLY);
    rack_ask(rack, &request);
    first = rack->asker.id;
    ck_assert_int_eq(rack_call(rack, CONTROL_T_SWITCH_APPLY), CONTROL_ERROR);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_ERRNO), EBUSY);
    ck_assert_uint_ne(rack->asker.header.id, first);
}
END_TEST

/* What RULES gives back is what was put in. */
START_TEST(rules_are_given_back)
{
    struct rules *rules = rack_rules(UINT64_C(0x123456789));
    uint8_t *bytes, *at;
    size_t length;

    ck_assert_uint_eq(count_items(CONTROL_T_SWITCH_RULES), 0);
    for (unsigned i = 0; i < 100; i++) {
        struct rules_port *rule = rack_rule(rules, i);

        rule->vif = (uint16_t)i;
        rule->vlan_set = true;
        rule->vlan.mode = RULES_VLAN_TRUNK;
        for (unsigned vid = 1; vid < 4095; vid += 1 + i)
            rule->vlan.allowed[vid / 64] |= UINT64_C(1) << (vid % 64);
    }
    rack_bridge(rules, "xenbr0")->snooping = true;
    rules->mirrors[0] = (struct rules_mirror){.name = "all", .direction = RULES_BOTH};
    rules->mirror_count = 1;
    bytes = at = rack_encode(rules, &length);
    ck_assert_int_eq(rack_upload(rack, bytes, length), 0);
    for (rack_call(rack, CONTROL_T_SWITCH_RULES); rack->asker.header.kind == CONTROL_ITEM;
         ck_assert(rack_next(rack))) {
        struct control_field data;

        ck_assert(control_find(&rack->asker.fields, CONTROL_F_DATA, &data));
        ck_assert_uint_le(data.length, length - (size_t)(at - bytes));
        ck_assert_mem_eq(data.value, at, data.length);
        at += data.length;
    }
    ck_assert_int_eq(rack->asker.header.kind, CONTROL_END);
    ck_assert_uint_eq((size_t)(at - bytes), length);
    free(bytes);
    rack_rules_free(rules);
}
END_TEST

/* Ports go to the bridges that rules give them, and addresses do not come with them. */
START_TEST(ports_change_bridges)
{
    struct rack_guest *one = add(1, "xenbr0"), *two = add(2, "xenbr0");
    struct rules *rules = rack_rules(1);

    learn(one, 1);
    learn(two, 2);
    strcpy(rack_rule(rules, 1)->bridge, "lab");
    rack_bridge(rules, "lab");
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    ck_assert_uint_eq(count_items(CONTROL_T_SWITCH_FDB), 1);
    rack_received(one);
    rack_received(two);
    learn(one, 1);
    learn(two, 2);
    ck_assert_uint_eq(rack_received(one) + rack_received(two), 0);
    strcpy(rack_rule(rules, 2)->bridge, "lab");
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    learn(one, 1);
    ck_assert_uint_eq(rack_received(two), 1);
    /* Nobody is on xenbr0 any more: it is forgotten. */
    rack_call(rack, CONTROL_T_SWITCH_SHOW);
    rack_enter(rack, CONTROL_F_BRIDGE);
    ck_assert_str_eq(rack_text(rack, CONTROL_F_BRIDGE_NAME), "lab");
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_COUNT), 2);
    /* Sixteen bridges by the toolstack's word, one after the other: no more than there are. */
    for (unsigned i = 0; i < 40; i++) {
        char name[RULES_NAME];

        snprintf(name, sizeof(name), "other%u", i);
        rack_end(one);
        one = add(1, name);
    }
    rack_rules_free(rules);
}
END_TEST

/* In another VLAN, or locked to another MAC, what was learned does not hold. */
START_TEST(addresses_are_forgotten_with_what_made_them_true)
{
    struct rack_guest *one = add(1, "xenbr0");
    struct rules *rules = rack_rules(1);
    struct rules_port *rule = rack_rule(rules, 1);

    learn(one, 1);
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    ck_assert_uint_eq(count_items(CONTROL_T_SWITCH_FDB), 1); /* nothing changed for it */
    rule->vlan_set = true;
    rule->vlan.mode = RULES_VLAN_ACCESS;
    rule->vlan.pvid = 20;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    ck_assert_uint_eq(count_items(CONTROL_T_SWITCH_FDB), 0);
    learn(one, 1);
    learn(one, 3);
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    ck_assert_uint_eq(count_items(CONTROL_T_SWITCH_FDB), 2);
    rule->lock = RULES_LOCK_LOCKED;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    ck_assert_uint_eq(count_items(CONTROL_T_SWITCH_FDB), 0);
    rack_rules_free(rules);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("switch control");
    TCase *cases = tcase_create("control");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, shows_what_is_there);
    tcase_add_test(cases, shows_and_forgets_addresses);
    tcase_add_test(cases, walks_a_full_table);
    tcase_add_test(cases, counts);
    tcase_add_test(cases, rules_are_in_force_at_once);
    tcase_add_test(cases, rules_follow_a_guest_that_reboots);
    tcase_add_test(cases, dom0_is_an_uplink);
    tcase_add_test(cases, slips_of_the_pen_close);
    tcase_add_test(cases, wrong_uploads_change_nothing);
    tcase_add_test(cases, one_upload_at_a_time);
    tcase_add_test(cases, rules_are_given_back);
    tcase_add_test(cases, ports_change_bridges);
    tcase_add_test(cases, addresses_are_forgotten_with_what_made_them_true);
    suite_add_tcase(suite, cases);
    return suite;
}
