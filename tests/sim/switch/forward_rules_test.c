/* SPDX-License-Identifier: ISC */
/* What ports are allowed: VLANs, rates, storms, isolation, groups. */
#include "lan.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/expect.h"
#include "tests/unit/unit.h"

static uint8_t data[65540];

static uint64_t drops(const struct lan *lan, unsigned guest, enum drop_reason reason)
{
    return lan->guest[guest].port->counters.drops[reason];
}

/** One frame from @from to @to. */
static size_t one(struct lan *lan, const struct lan_frame *frame)
{
    size_t length = lan_build(data, frame);

    lan_send(lan, frame->from, &(struct frontend_tx){.data = data, .length = length});
    lan_run(lan, HV_MSEC);
    return length;
}

static void access_port(struct port *port, uint16_t vid)
{
    port->vlan = (struct rules_vlan){.mode = RULES_VLAN_ACCESS, .pvid = vid};
}

static void trunk(struct port *port, uint16_t pvid, uint16_t vid)
{
    port->vlan = (struct rules_vlan){.mode = RULES_VLAN_TRUNK, .pvid = pvid};
    port->vlan.allowed[vid / 64] |= UINT64_C(1) << vid % 64;
}

/* Tags come and go on the way, at each size, and in a flood each port gets its own form. */
START_TEST(tags_come_and_go)
{
    struct lan *lan = lan_create(11);
    struct frontend_config single = LAN_PLENTY;

    single.sg = single.gso_tcpv4 = single.gso_tcpv6 = false;
    for (unsigned i = 0; i < 5; i++)
        lan_add(lan, i == 1 ? single : LAN_PLENTY);
    access_port(lan->guest[0].port, 10);
    access_port(lan->guest[1].port, 10);
    trunk(lan->guest[2].port, 0, 10);
    access_port(lan->guest[3].port, 20);
    trunk(lan->guest[4].port, 10, 20);
    for (size_t length = 46; length < 12000; length += length < 140 ? 1 : 500) {
        uint8_t tagged[12100];
        struct lan_frame plain = {.from = 0, .to = LAN_BROADCAST, .length = length};

        one(lan, &plain);
        memcpy(tagged, data, 12);
        memcpy(tagged + 12, (uint8_t[]){0x81, 0, 0, 10}, 4);
        memcpy(tagged + 16, data + 12, length - 12);
        if (length <= 4096)
            lan_expect(lan, 1, data, length);
        lan_expect(lan, 2, tagged, length + 4);
        lan_expect_none(lan, 3);
        lan_expect(lan, 4, data, length);

        /* And back: from the trunk, with its priority. */
        plain.from = 2;
        plain.tagged = true;
        plain.tci = 0xa00a;
        one(lan, &plain);
        memmove(tagged, data, 12);
        memmove(tagged + 12, data + 16, length - 12);
        lan_expect(lan, 0, tagged, length);
        if (length <= 4096)
            lan_expect(lan, 1, tagged, length);
        lan_expect_none(lan, 3);
        lan_expect(lan, 4, tagged, length);
    }
    /* With a priority only: it comes as neither of the forms in which it leaves. */
    uint8_t both[204];

    one(lan, &(struct lan_frame){
                 .from = 0, .to = LAN_BROADCAST, .length = 200, .tagged = true, .tci = 0xa000});
    memcpy(both, data, 204);
    both[15] = 10;
    lan_expect(lan, 2, both, 204);
    memmove(both + 12, both + 16, 188);
    lan_expect(lan, 1, both, 200);
    lan_expect(lan, 4, both, 200);
    /* Not in the VLAN. */
    one(lan, &(struct lan_frame){.from = 2, .to = 0, .length = 60, .tagged = true, .tci = 20});
    one(lan, &(struct lan_frame){.from = 2, .to = 0, .length = 60});
    one(lan, &(struct lan_frame){.from = 0, .to = 1, .length = 60, .tagged = true, .tci = 10});
    EXPECT(drops(lan, 2, DROP_VLAN) == 2 && drops(lan, 0, DROP_VLAN) == 1, "VLAN drops");
    for (unsigned i = 0; i < 5; i++)
        lan_expect_none(lan, i);
    lan_destroy(lan);
}
END_TEST

START_TEST(nobody_forwards_these)
{
    struct lan *lan = lan_create(12);
    static const uint8_t stp[6] = {0x01, 0x80, 0xc2, 0, 0, 0};

    for (unsigned i = 0; i < 3; i++)
        lan_add(lan, LAN_PLENTY);
    lan_learn(lan);
    /* For the next bridge only. */
    for (unsigned last = 0; last < 17; last++) {
        lan_build(data, &(struct lan_frame){.from = 0, .to = 1, .length = 60});
        memcpy(data, stp, 6);
        data[5] = (uint8_t)last;
        lan_send(lan, 0, &(struct frontend_tx){.data = data, .length = 60});
        lan_run(lan, HV_MSEC);
        if (last == 16)
            lan_expect(lan, 1, data, 60);
        else
            lan_expect_none(lan, 1);
    }
    EXPECT(drops(lan, 0, DROP_RESERVED) == 16, "reserved");
    free(frontend_receive(lan->guest[2].frontend));
    /* To itself, and from a group. */
    one(lan, &(struct lan_frame){.from = 0, .to = 0, .length = 60});
    EXPECT(drops(lan, 0, DROP_SAME_PORT) == 1, "same port");
    lan_build(data, &(struct lan_frame){.from = 0, .to = 1, .length = 60});
    data[6] |= 1;
    lan_send(lan, 0, &(struct frontend_tx){.data = data, .length = 60});
    lan_run(lan, HV_MSEC);
    EXPECT(drops(lan, 0, DROP_SOURCE_MAC) == 1, "from a group");
    /* Isolated ports talk to the third, not with each other. */
    lan->guest[0].port->isolated = lan->guest[1].port->isolated = true;
    one(lan, &(struct lan_frame){.from = 0, .to = 1, .length = 60});
    EXPECT(drops(lan, 0, DROP_ISOLATED) == 1, "isolated");
    one(lan, &(struct lan_frame){.from = 0, .to = LAN_BROADCAST, .length = 60});
    lan_expect(lan, 2, data, 60);
    /* Longer than the bridge's MTU. */
    lan->vswitch.bridges[0].rules.mtu = 1500;
    one(lan, &(struct lan_frame){.from = 0, .to = 2, .length = 1515});
    lan_expect_none(lan, 2);
    one(lan, &(struct lan_frame){.from = 0, .to = 2, .length = 1514});
    lan_expect(lan, 2, data, 1514);
    one(lan, &(struct lan_frame){.from = 0, .to = 2, .length = 1514, .tagged = true, .tci = 5});
    lan_expect(lan, 2, data, 1518);
    EXPECT(drops(lan, 0, DROP_OVERSIZE) == 1, "oversize");
    /* Nobody else is there. */
    lan_disconnect(lan, &lan->guest[1]);
    lan_disconnect(lan, &lan->guest[2]);
    one(lan, &(struct lan_frame){.from = 0, .to = LAN_BROADCAST, .length = 60});
    EXPECT(drops(lan, 0, DROP_NO_PORT) == 1, "no port");
    for (unsigned i = 0; i < 3; i++)
        lan_expect_none(lan, i);
    lan_destroy(lan);
}
END_TEST

START_TEST(multicast_only_where_asked_for)
{
    struct lan *lan = lan_create(13);
    struct frontend_config control = LAN_PLENTY;
    static const uint8_t group[6] = {0x01, 0x00, 0x5e, 0x01, 0x02, 0x03};

    control.multicast_control = true;
    lan_add(lan, LAN_PLENTY);
    lan_add(lan, control);
    lan_add(lan, LAN_PLENTY);
    one(lan, &(struct lan_frame){.from = 0, .to = LAN_MULTICAST, .length = 60});
    lan_expect_none(lan, 1);
    lan_expect(lan, 2, data, 60);
    EXPECT(drops(lan, 1, DROP_FILTERED) == 1, "filtered");
    one(lan, &(struct lan_frame){.from = 0, .to = LAN_BROADCAST, .length = 60});
    lan_expect(lan, 1, data, 60);
    lan_expect(lan, 2, data, 60);
    EXPECT(forward_multicast(lan->guest[1].port, group, true), "room");
    EXPECT(forward_multicast(lan->guest[1].port, group, true), "twice");
    one(lan, &(struct lan_frame){.from = 0, .to = LAN_MULTICAST, .length = 60});
    lan_expect(lan, 1, data, 60);
    lan_expect(lan, 2, data, 60);
    EXPECT(forward_multicast(lan->guest[1].port, group, false), "gone");
    one(lan, &(struct lan_frame){.from = 0, .to = LAN_MULTICAST, .length = 60});
    lan_expect_none(lan, 1);
    for (unsigned i = 0; i < 65; i++) {
        uint8_t mac[6] = {1, 0, 0, 0, 0, (uint8_t)i};

        EXPECT(forward_multicast(lan->guest[1].port, mac, true) == (i < 64), "its list has 64");
    }
    lan_destroy(lan);
}
END_TEST

START_TEST(storms_are_cut_off)
{
    struct lan *lan = lan_create(14);
    struct port *port;
    static const unsigned kinds[STORM_KINDS] = {LAN_BROADCAST, LAN_MULTICAST, LAN_UNKNOWN};

    lan_add(lan, LAN_PLENTY);
    lan_add(lan, LAN_PLENTY);
    lan_learn(lan);
    port = lan->guest[0].port;
    for (unsigned i = 0; i < STORM_KINDS; i++)
        limit_set(&port->storm[i], 10 + i, 10 + i, hv_now(lan->hv));
    for (unsigned i = 0; i < STORM_KINDS; i++) {
        unsigned got = 0;
        uint64_t before = drops(lan, 0, DROP_STORM);
        struct frontend_rx *frame;

        for (unsigned j = 0; j < 100; j++)
            one(lan, &(struct lan_frame){.from = 0, .to = kinds[i], .length = 60});
        while ((frame = frontend_receive(lan->guest[1].frontend))) {
            free(frame);
            got++;
        }
        EXPECT(got >= 10 + i && got <= 13 + i, "%u of kind %u", got, i);
        EXPECT(drops(lan, 0, DROP_STORM) - before == 100 - got, "counted");
    }
    /* Others are not held back by that. */
    one(lan, &(struct lan_frame){.from = 0, .to = 1, .length = 60});
    lan_expect(lan, 1, data, 60);
    lan_destroy(lan);
}
END_TEST

/** Send as fast as the ring takes for a virtual second; returns the bytes that came. */
static uint64_t full_speed(struct lan *lan, unsigned queues, size_t length)
{
    uint64_t end = sim_now(lan->sim) + HV_SEC, bytes = 0;
    struct frontend_rx *frame;

    lan_build(data, &(struct lan_frame){.from = 0, .to = 1, .length = length});
    while (sim_now(lan->sim) < end) {
        for (unsigned i = 0; i < queues; i++) {
            struct frontend_queue *queue = &lan->guest[0].frontend->queue[i];

            while (frontend_write(queue, &(struct frontend_tx){.data = data, .length = length})) {
            }
            frontend_publish(queue);
        }
        lan_run(lan, 20 * HV_MSEC);
        while ((frame = frontend_receive(lan->guest[1].frontend))) {
            bytes += frame->length;
            free(frame);
        }
    }
    return bytes;
}

/* Both within 5 %; the one makes the sender wait, the other drops; queues share it. */
START_TEST(rates_hold)
{
    const uint64_t rate = 2000000;

    for (unsigned queues = 1; queues <= 4; queues += 3) {
        struct lan *lan = lan_create(15);
        struct frontend_config config = LAN_PLENTY;
        uint64_t bytes;

        config.queues = queues;
        lan_add(lan, config);
        lan_add(lan, LAN_PLENTY);
        lan_learn(lan);
        limit_set(&lan->guest[0].port->rate_in, rate, rate / 40, hv_now(lan->hv));
        bytes = full_speed(lan, queues, 1514);
        EXPECT(bytes > rate * 95 / 100 && bytes < rate * 105 / 100, "in: %lu",
               (unsigned long)bytes);
        for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
            EXPECT(drops(lan, 0, i) == 0 && drops(lan, 1, i) == 0, "%s", drop_name(i));
        /* A change holds at once. */
        limit_set(&lan->guest[0].port->rate_in, 0, 0, hv_now(lan->hv));
        forward_configure(lan->guest[0].port);
        limit_set(&lan->guest[1].port->rate_out, rate, rate / 40, hv_now(lan->hv));
        bytes = full_speed(lan, queues, 1514);
        EXPECT(bytes > rate * 95 / 100 && bytes < rate * 105 / 100, "out: %lu",
               (unsigned long)bytes);
        EXPECT(drops(lan, 1, DROP_RATE_OUT) > 0, "by drops");
        lan_destroy(lan);
    }
}
END_TEST

/* What is remembered of an address within a burst gives way when it moves. */
START_TEST(an_address_moves_within_a_burst)
{
    struct lan *lan = lan_create(16);
    uint8_t mac[6], last = 9;
    struct frontend_rx *frame;
    struct fdb_usage usage;

    for (unsigned i = 0; i < 3; i++)
        lan_add(lan, LAN_PLENTY);
    lan_learn(lan);
    for (unsigned from = 0; from < 2; from++) {
        lan_build(data, &(struct lan_frame){.from = 9, .to = 2, .length = 60});
        data[20] = (uint8_t)from;
        for (unsigned i = 0; i < FORWARD_QUANTUM + 4; i++)
            ck_assert(frontend_write(&lan->guest[from].frontend->queue[0],
                                     &(struct frontend_tx){.data = data, .length = 60}));
    }
    frontend_publish(&lan->guest[0].frontend->queue[0]);
    frontend_publish(&lan->guest[1].frontend->queue[0]);
    lan_run(lan, HV_MSEC);
    EXPECT(lan->vswitch.totals.bursts == 1, "one burst");
    while ((frame = frontend_receive(lan->guest[2].frontend))) {
        last = frame->data[20];
        free(frame);
    }
    fdb_usage(lan->vswitch.fdb, &usage);
    EXPECT(usage.moved == 3, "there and back and there again");
    lan_mac(mac, 9);
    EXPECT(fdb_lookup(lan->vswitch.fdb, 0, 0, mac, hv_now(lan->hv)) == last, "where it was last");
    lan_destroy(lan);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("forward rules");
    TCase *rules = tcase_create("rules");

    tcase_set_timeout(rules, 60);
    tcase_add_test(rules, tags_come_and_go);
    tcase_add_test(rules, nobody_forwards_these);
    tcase_add_test(rules, multicast_only_where_asked_for);
    tcase_add_test(rules, storms_are_cut_off);
    tcase_add_test(rules, an_address_moves_within_a_burst);
    tcase_add_test(rules, rates_hold);
    suite_add_tcase(suite, rules);
    return suite;
}
