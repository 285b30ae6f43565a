/* SPDX-License-Identifier: ISC */
/*
 * All of it: guests send to each other through the real switch, whose mirror feeds the real
 * monitor, which dom0 asks. What the guests sent is what is told.
 */
#include "desk.h"
#include "tests/sim/switch/rack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/flow_wire.h"
#include "common/mirror_read.h"
#include "services/netback-switch/mirror.h"
#include "tests/unit/unit.h"

static struct rack *rack;
static struct desk *desk;
static struct rules *rules;

static const struct frontend_config plain = {.buffers = 200, .split = true, .sg = true};

static void apply(void)
{
    rules->generation++;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    desk_run(desk);
}

static struct rules_mirror *add_mirror(const char *name, unsigned snap)
{
    struct rules_mirror *mirror = &rules->mirrors[rules->mirror_count++];

    strcpy(mirror->name, name);
    mirror->client = DESK_MONITOR;
    mirror->direction = RULES_INGRESS;
    mirror->snap = (uint16_t)snap;
    return mirror;
}

static void setup(void)
{
    rack = rack_create(0, "");
    ck_assert_ptr_nonnull(rack);
    desk = desk_create(rack->host, 8192, "");
    ck_assert_ptr_nonnull(desk);
    rules = rack_rules(1);
    add_mirror("all", 0);
    apply();
    desk_feed(desk, 0, "5 all");
}

static void teardown(void)
{
    desk_destroy(desk);
    rack_rules_free(rules);
    rack_destroy(rack);
}

static struct rack_guest *add(unsigned number)
{
    struct rack_guest *guest = rack_boot(rack, (domid_t)(10 + number), plain);
    char name[8];

    snprintf(name, sizeof(name), "web%u", number);
    rack_plug(guest, &(struct port_words){.mac = "52:54:00:00:00:01",
                                          .bridge = "xenbr0",
                                          .guest_uuid = rack_uuid_text(number),
                                          .guest_name = name});
    return guest;
}

static void all_run(void)
{
    rack_run(rack);
    desk_run(desk);
}

/* A datagram of UDP from 10.0.0.FROM to 10.0.0.TO, of @length bytes. */
static void send_ports(struct rack_guest *guest, unsigned from, unsigned to, unsigned source,
                       unsigned destination, size_t length)
{
    uint8_t frame[1600] = {0};
    uint8_t *ip = frame + 14, *udp = ip + 20;
    size_t rest = length - 14;

    rack_frame(frame, from, to, length, 0);
    memcpy(frame + 12, "\x08\x00", 2);
    memset(ip, 0, length - 14);
    memcpy(ip, "\x45\x00", 2);
    ip[2] = (uint8_t)(rest >> 8);
    ip[3] = (uint8_t)rest;
    ip[8] = 64;
    ip[9] = 17;
    memcpy(ip + 12, (uint8_t[4]){10, 0, 0, (uint8_t)from}, 4);
    memcpy(ip + 16, (uint8_t[4]){10, 0, 0, (uint8_t)to}, 4);
    udp[0] = (uint8_t)(source >> 8);
    udp[1] = (uint8_t)source;
    udp[2] = (uint8_t)(destination >> 8);
    udp[3] = (uint8_t)destination;
    udp[4] = (uint8_t)((rest - 20) >> 8);
    udp[5] = (uint8_t)(rest - 20);
    ck_assert(frontend_send_bytes(guest->frontend, frame, length));
}

/* From port 1000 + @port to 53. */
static void send_udp(struct rack_guest *guest, unsigned from, unsigned to, unsigned port,
                     size_t length)
{
    send_ports(guest, from, to, 1000 + port, 53, length);
}

/* What is told of the flow from port 1000 + @port. */
static bool find_flow(unsigned port, struct flow_view *found)
{
    bool any = false;

    for (desk_call(desk, CONTROL_T_MONITOR_FLOWS); desk->asker[0].header.kind == CONTROL_ITEM;
         ck_assert(desk_next(desk, 0))) {
        struct control_reader reader = desk->asker[0].fields;
        struct control_field field;
        static uint8_t kept[FLOW_RECORD_MAX];

        while (control_next(&reader, &field)) {
            struct flow_view view;

            if (field.tag != CONTROL_F_FLOW || !flow_view(field.value, field.length, &view) ||
                view.record.side[0].port != 1000 + port)
                continue;
            memcpy(kept, field.value, field.length);
            flow_view(kept, field.length, found);
            any = true;
        }
    }
    ck_assert_int_eq(desk->asker[0].header.kind, CONTROL_END);
    return any;
}

START_TEST(guests_talk_and_it_is_told)
{
    struct rack_guest *one = add(1), *two = add(2);
    uint64_t bytes[2] = {0};
    struct flow_view view;

    for (unsigned i = 0; i < 50; i++) {
        send_udp(one, 1, 2, 7, 60 + i * 20);
        bytes[0] += 60 + i * 20;
        all_run();
        if (i % 2)
            continue;
        send_ports(two, 2, 1, 53, 1007, 100); /* the answer */
        all_run();
    }
    ck_assert_uint_eq(rack_received(two), 50);
    ck_assert(find_flow(7, &view));
    ck_assert_uint_eq(view.record.side[0].frames, 50);
    ck_assert_uint_eq(view.record.side[0].bytes, bytes[0]);
    ck_assert_uint_eq(view.record.side[1].frames, 25);
    ck_assert_uint_eq(view.record.side[1].bytes, 2500);
    ck_assert_uint_eq(view.record.side[0].domid, 11);
    ck_assert_uint_eq(view.record.side[1].domid, 12);
    ck_assert_uint_eq(view.record.guest_length[0], 4);
    ck_assert_mem_eq(view.guest[0], "web1", 4);
    ck_assert_mem_eq(view.guest[1], "web2", 4);
    ck_assert_mem_eq(view.bridge, "xenbr0", 6);
    ck_assert_uint_eq(view.record.first <= view.record.last, 1);
    ck_assert_uint_le(view.record.last, hv_wallclock(desk->hv));
    ck_assert_uint_eq(desk_statistic(desk, "monitor_frames", NULL), 75);
    ck_assert_uint_eq(desk_statistic(desk, "monitor_port_frames_out", "web1"), 50);
    ck_assert_uint_eq(desk_statistic(desk, "monitor_port_bytes_out", "web1"), bytes[0]);
    /* Asked again after a minute: they have ended. */
    desk_pass(desk, 120 * HV_SEC);
    ck_assert(!find_flow(7, &view));
    ck_assert_uint_gt(desk_statistic(desk, "monitor_flows_ended", "idle"), 0);
}
END_TEST

/* What the switch had no room for and what came make all that was sent. */
START_TEST(what_is_lost_and_what_came_is_all)
{
    struct rack_guest *one = add(1), *two = add(2);
    struct mirror_usage usage;
    unsigned sent = 0;

    /* The monitor stands still. */
    send_udp(one, 1, 2, 0, 1400);
    sent++;
    all_run();
    sim_set_actor(desk->hv, NULL, NULL);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 20; i++, sent++)
            send_udp(one, 1, 2, 0, 1400);
        rack_run(rack);
        (void)rack_received(two);
    }
    desk_run(desk);
    rack_run(rack);
    desk_pass(desk, HV_SEC);
    ck_assert(mirror_usage(rack->vswitch, 0, &usage));
    ck_assert_uint_gt(usage.lost, 0);
    ck_assert_uint_eq(usage.lost + usage.frames, sent);
    ck_assert_uint_eq(desk_statistic(desk, "monitor_frames", NULL), usage.frames);
    ck_assert_uint_eq(desk_statistic(desk, "monitor_frames_lost", NULL), usage.lost);
}
END_TEST

/* Rules change, guests go, the mirror goes and comes: what is told follows. */
START_TEST(changes_are_followed)
{
    struct rack_guest *one = add(1), *two = add(2);
    struct flow_view view;

    send_udp(one, 1, 2, 1, 100);
    all_run();
    ck_assert(find_flow(1, &view));
    /* Another snap length: the switch has the consumer come again. */
    rules->mirrors[0].snap = 64;
    apply();
    desk_pass(desk, HV_SEC);
    ck_assert_int_eq(desk->monitor->feeds.feed[0].state, FEED_CONNECTED);
    ck_assert_uint_eq(desk->monitor->feeds.feed[0].connects, 2);
    ck_assert_uint_eq(desk->monitor->feeds.feed[0].hello.snap, 64);
    send_udp(one, 1, 2, 1, 1000);
    all_run();
    ck_assert(find_flow(1, &view));
    ck_assert_uint_eq(view.record.side[0].frames, 2);
    ck_assert_uint_eq(view.record.side[0].bytes, 1100);
    /* The mirror is taken away; then there is one again. */
    rules->mirror_count = 0;
    apply();
    desk_pass(desk, 30 * HV_SEC);
    ck_assert_int_eq(desk->monitor->feeds.feed[0].state, FEED_WAITING);
    rules->mirror_count = 1;
    apply();
    desk_pass(desk, HV_SEC);
    ck_assert_int_eq(desk->monitor->feeds.feed[0].state, FEED_CONNECTED);
    rack_unplug(two);
    send_udp(one, 1, 255, 3, 100);
    all_run();
    ck_assert(find_flow(3, &view));
    ck_assert_uint_eq(view.record.guest_length[1], 0);
}
END_TEST

/* A capture beside it has the same frames, named. */
START_TEST(a_capture_of_what_passes)
{
    struct rack_guest *one = add(1);
    static const struct {
        uint16_t code;
        uint8_t jt, jf;
        uint32_t k;
    } udp[] = {{0x30, 0, 0, 23}, {0x15, 0, 1, 17}, {0x06, 0, 0, 65535}, {0x06, 0, 0, 0}};
    struct mirror_reader reader = {.hello = false};
    struct desk_request request;
    uint8_t bytes[CONTROL_FRAME_MAX * 4];
    size_t have = 0, at = 0;
    unsigned frames = 0, ports = 0;
    struct mirror_event event;
    int n;

    add(2);
    desk_begin(desk, 0, &request, CONTROL_T_MONITOR_CAPTURE);
    control_put_bytes(&request.writer, CONTROL_F_PROGRAM, udp, sizeof(udp));
    desk_ask(desk, 0, &request);
    for (unsigned i = 0; i < 10; i++) {
        send_udp(one, 1, 2, i, 100 + i);
        rack_send(one, 1, 2, i); /* no UDP */
        all_run();
    }
    while (desk_next(desk, 0)) {
        struct control_field field;

        ck_assert_int_eq(desk->asker[0].header.kind, CONTROL_ITEM);
        ck_assert(control_find(&desk->asker[0].fields, CONTROL_F_DATA, &field));
        ck_assert_uint_le(have + field.length, sizeof(bytes));
        memcpy(bytes + have, field.value, field.length);
        have += field.length;
    }
    while ((n = mirror_read(&reader, bytes + at, have - at, &event)) > 0) {
        at += (size_t)n;
        ports += event.kind == MIRROR_PORT;
        if (event.kind != MIRROR_FRAME)
            continue;
        ck_assert_uint_eq(event.as.frame.record.captured, 100 + frames);
        ck_assert_uint_eq(event.as.frame.data[35], (1000 + frames) & 0xff);
        frames++;
    }
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(at, have);
    ck_assert_uint_eq(frames, 10);
    ck_assert_uint_eq(ports, 1);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("guests, switch, monitor");
    TCase *cases = tcase_create("whole");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, guests_talk_and_it_is_told);
    tcase_add_test(cases, what_is_lost_and_what_came_is_all);
    tcase_add_test(cases, changes_are_followed);
    tcase_add_test(cases, a_capture_of_what_passes);
    suite_add_tcase(suite, cases);
    return suite;
}
