/* SPDX-License-Identifier: ISC */
/* Mirrors and their consumers: all that is to be there, lost frames counted, and no harm done. */
#include "rack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mirror_wire.h"
#include "services/netback-switch/mirror.h"
#include "tests/unit/unit.h"

#define RECORD_MAX (65536U + 64U)

static struct rack *rack;
static struct rules *rules;

/* Run, and let what waits for more be written. */
static void settle(void)
{
    rack_run(rack);
    rack_pass(rack, 2 * HV_MSEC);
}

static void setup(void)
{
    rack = rack_create(0, "");
    ck_assert_ptr_nonnull(rack);
    rules = rack_rules(1);
}

static void teardown(void)
{
    rack_rules_free(rules);
    rack_destroy(rack);
}

static const struct frontend_config plain = {.buffers = 200, .split = true, .sg = true};

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

static struct rules_mirror *add_mirror(const char *name)
{
    struct rules_mirror *mirror = &rules->mirrors[rules->mirror_count++];

    strcpy(mirror->name, name);
    mirror->direction = RULES_BOTH;
    return mirror;
}

static void apply(void)
{
    rules->generation++;
    ck_assert_int_eq(rack_apply(rack, rules), 0);
    settle();
}

/* --- a consumer in dom0 -------------------------------------------------------------------------
 */

struct consumer {
    struct vchan v;
    size_t have;
    uint8_t bytes[RECORD_MAX] __attribute__((aligned(8)));
};

static bool open_consumer(struct consumer *consumer, const char *name)
{
    struct client *dom0 = rack->host->dom0;
    char path[100];
    const char *value;
    grant_ref_t ref;

    consumer->have = 0;
    snprintf(path, sizeof(path), "/local/domain/5/data/vchan/0/mirror-%s/ring-ref", name);
    value = client_value(dom0, 0, path);
    if (!value)
        return false;
    ref = (grant_ref_t)atoi(value);
    snprintf(path, sizeof(path), "/local/domain/5/data/vchan/0/mirror-%s/event-channel", name);
    value = client_value(dom0, 0, path);
    ck_assert_ptr_nonnull(value);
    if (vchan_client_open(&consumer->v, dom0->hv, RACK_SWITCH, ref, (evtchn_port_t)atoi(value)))
        return false;
    settle();
    return true;
}

static void close_consumer(struct consumer *consumer)
{
    ck_assert_int_eq(vchan_close(&consumer->v), 0);
    settle();
}

static bool collect(struct consumer *consumer, size_t want)
{
    while (consumer->have < want) {
        int got = vchan_read(&consumer->v, consumer->bytes + consumer->have, want - consumer->have);

        if (got <= 0)
            return false;
        consumer->have += (size_t)got;
    }
    return true;
}

/* The next record, checked for its shape; NULL: there is none. */
static const struct mirror_record *next(struct consumer *consumer)
{
    const struct mirror_record *record = (const void *)consumer->bytes;

    if (!collect(consumer, sizeof(*record)))
        return NULL;
    ck_assert_uint_ge(record->length, sizeof(*record));
    ck_assert_uint_le(record->length, RECORD_MAX);
    ck_assert_uint_eq(record->length % 8, 0);
    ck_assert_uint_eq(record->flags, 0);
    if (!collect(consumer, record->length))
        return NULL;
    consumer->have = 0;
    return record;
}

static const void *expect(struct consumer *consumer, enum mirror_kind kind)
{
    const struct mirror_record *record = next(consumer);

    /* Ports are told of when there is room, at the latest before their first frame. */
    while (record && record->kind == MIRROR_PORT && kind != MIRROR_PORT)
        record = next(consumer);
    ck_assert_ptr_nonnull(record);
    ck_assert_uint_eq(record->kind, kind);
    return record;
}

static void expect_port(struct consumer *consumer, const struct rack_guest *guest, const char *name)
{
    const struct mirror_port *port = expect(consumer, MIRROR_PORT);
    const char *strings = (const char *)(port + 1);

    ck_assert_uint_eq(port->record.port, guest->port->number);
    ck_assert_uint_eq(port->domid, guest->domid);
    ck_assert_uint_eq(port->identified, 1);
    ck_assert_uint_eq(port->uuid[0], 0x11);
    ck_assert_uint_eq(port->bridge_length, 6);
    ck_assert_mem_eq(strings, "xenbr0", 6);
    ck_assert_uint_eq(port->guest_length, strlen(name));
    ck_assert_mem_eq(strings + 6, name, strlen(name));
}

/* A frame of rack_frame(), as sent or as given. */
static void expect_frame(struct consumer *consumer, const struct rack_guest *guest, bool egress,
                         const uint8_t *frame, size_t captured, size_t length)
{
    const struct mirror_frame_record *record = expect(consumer, MIRROR_FRAME);

    ck_assert_uint_eq(record->record.port, guest->port->number);
    ck_assert_uint_eq(record->frame_flags, egress ? MIRROR_EGRESS : 0);
    ck_assert_uint_eq(record->original, length);
    ck_assert_uint_eq(record->captured, captured);
    ck_assert_uint_le(sizeof(*record) + captured, record->record.length);
    ck_assert_mem_eq(record + 1, frame, captured);
    ck_assert_uint_le(record->time, hv_wallclock(rack->hv));
    ck_assert_uint_gt(record->time + HV_SEC, hv_wallclock(rack->hv));
}

/* --- cases --------------------------------------------------------------------------------------
 */

START_TEST(all_frames_in_both_directions)
{
    struct rack_guest *one = add(1), *two = add(2);
    struct consumer consumer;
    const struct mirror_hello *hello;
    uint8_t frame[9000];

    add_mirror("all");
    apply();
    ck_assert(open_consumer(&consumer, "all"));
    hello = expect(&consumer, MIRROR_HELLO);
    ck_assert_uint_eq(hello->version, MIRROR_VERSION);
    ck_assert_uint_eq(hello->snap, 65535);
    ck_assert_uint_eq(hello->started, hv_wallclock(rack->hv) - hv_now(rack->hv));
    /* Who has not sent anything yet has a name as well. */
    expect_port(&consumer, one, "web1");
    expect_port(&consumer, two, "web2");
    ck_assert_ptr_null(next(&consumer));
    for (size_t length = 60; length <= sizeof(frame); length += 1490) {
        rack_frame(frame, 1, 2, length, (uint32_t)length);
        ck_assert(frontend_send_bytes(one->frontend, frame, length));
        settle();
        expect_frame(&consumer, one, false, frame, length, length);
        expect_frame(&consumer, two, true, frame, length, length);
    }
    ck_assert_ptr_null(next(&consumer));
    /* An identity that changes is told before the next frame; a port's end, too. */
    port_describe(two->port, &(struct port_words){.bridge = "xenbr0",
                                                  .guest_uuid = rack_uuid_text(2),
                                                  .guest_name = "mail"});
    rack_send(two, 2, 255, 0);
    settle();
    expect_port(&consumer, two, "mail");
    expect(&consumer, MIRROR_FRAME);
    expect(&consumer, MIRROR_FRAME);
    rack_unplug(two);
    settle();
    ck_assert_uint_eq(((const struct mirror_port *)expect(&consumer, MIRROR_GONE))->record.port, 1);
    ck_assert_ptr_null(next(&consumer));
    close_consumer(&consumer);
    rack_send(one, 1, 255, 0);
    settle();
}
END_TEST

START_TEST(little_waits_for_more)
{
    struct rack_guest *one = add(1);
    struct consumer consumer;

    add_mirror("all");
    apply();
    ck_assert(open_consumer(&consumer, "all"));
    settle();
    expect(&consumer, MIRROR_HELLO);
    expect_port(&consumer, one, "web1");
    ck_assert_ptr_null(next(&consumer));
    rack_send(one, 1, 255, 0);
    rack_run(rack);
    ck_assert_ptr_null(next(&consumer));
    rack_pass(rack, 2 * HV_MSEC);
    expect(&consumer, MIRROR_FRAME);
    /* Much does not. */
    for (unsigned i = 0; i < 200; i++)
        rack_send(one, 1, 255, i);
    rack_run(rack);
    expect(&consumer, MIRROR_FRAME);
    close_consumer(&consumer);
}
END_TEST

static struct rack_guest *add_on(unsigned number, const char *bridge)
{
    struct rack_guest *guest = rack_boot(rack, (domid_t)(10 + number), plain);

    rack_plug(guest, &(struct port_words){.bridge = bridge, .guest_uuid = rack_uuid_text(number)});
    return guest;
}

/* A record of a frame in VLAN 7, behind records of ports that are new. */
static void expect_tagged(struct consumer *consumer, const struct rack_guest *guest, bool egress,
                          const uint8_t *frame, size_t captured, size_t length)
{
    const struct mirror_record *record = next(consumer);
    const struct mirror_frame_record *got = (const void *)record;

    while (record && record->kind == MIRROR_PORT)
        record = next(consumer);
    ck_assert_ptr_nonnull(record);
    ck_assert_uint_eq(record->kind, MIRROR_FRAME);
    ck_assert_uint_eq(record->port, guest->port->number);
    ck_assert_uint_eq(got->frame_flags, egress ? MIRROR_EGRESS : 0);
    ck_assert_uint_eq(got->vid, 7);
    ck_assert_uint_eq(got->original, length);
    ck_assert_uint_eq(got->captured, captured);
    ck_assert_mem_eq(got + 1, frame, captured);
}

/* What a port got, to the byte. */
static void expect_got(struct rack_guest *guest, const uint8_t *frame, size_t length)
{
    struct frontend_rx *got = frontend_receive(guest->frontend);

    ck_assert_ptr_nonnull(got);
    ck_assert_uint_eq(got->length, length);
    ck_assert_mem_eq(got->data, frame, length);
    free(got);
    ck_assert_uint_eq(rack_received(guest), 0);
}

/* Whole and cut frames of an access port and a trunk: in as they were sent, out as they were given
 * to the port, with the tag put in or taken off. */
START_TEST(frames_whose_tag_changes)
{
    static const uint16_t snaps[] = {0, 96, 200};
    static const size_t lengths[] = {60, 92, 96, 124, 128, 132, 200, 1514, 4096, 9000};
    static const uint8_t tag[] = {0x81, 0x00, 0x60, 0x07}; /* priority 3, which stays */
    static const uint8_t made[] = {0x81, 0x00, 0x00, 0x07};
    struct rack_guest *access = add_on(1, "xenbr0.7"), *trunk = add_on(2, "xenbr0:7:8");
    unsigned snap = snaps[_i] ? snaps[_i] : UINT16_MAX;
    struct consumer consumer;
    uint8_t plain_frame[9000], tagged[9004];

    add_mirror("all")->snap = snaps[_i];
    apply();
    ck_assert(open_consumer(&consumer, "all"));
    expect(&consumer, MIRROR_HELLO);
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t length = lengths[i], longer = length + sizeof(tag);
        size_t cut = length < snap ? length : snap, longer_cut = longer < snap ? longer : snap;

        rack_frame(plain_frame, 1, 2, length, i);
        memcpy(tagged, plain_frame, 12);
        memcpy(tagged + 12, made, sizeof(made));
        memcpy(tagged + 16, plain_frame + 12, length - 12);
        ck_assert(frontend_send_bytes(access->frontend, plain_frame, length));
        settle();
        expect_got(trunk, tagged, longer);
        expect_tagged(&consumer, access, false, plain_frame, cut, length);
        expect_tagged(&consumer, trunk, true, tagged, longer_cut, longer);

        rack_frame(plain_frame, 2, 1, length, i);
        memcpy(tagged, plain_frame, 12);
        memcpy(tagged + 12, tag, sizeof(tag));
        ck_assert(frontend_send_bytes(trunk->frontend, tagged, longer));
        settle();
        expect_got(access, plain_frame, length);
        expect_tagged(&consumer, trunk, false, tagged, longer_cut, longer);
        expect_tagged(&consumer, access, true, plain_frame, cut, length);
        ck_assert_ptr_null(next(&consumer));
    }
    close_consumer(&consumer);
}
END_TEST

START_TEST(only_what_is_asked_for)
{
    struct rack_guest *one = add(1), *two = add(2);
    struct rules_mirror *mirror = add_mirror("some");
    struct consumer consumer;
    uint8_t frame[1000];

    mirror->snap = 96;
    mirror->source_count = 1;
    rack_rule(rules, 2); /* a source has a rule */
    rack_uuid(mirror->sources[0].uuid, 2);
    mirror->sources[0].direction = RULES_EGRESS;
    apply();
    ck_assert(open_consumer(&consumer, "some"));
    expect(&consumer, MIRROR_HELLO);
    rack_frame(frame, 1, 2, sizeof(frame), 7);
    ck_assert(frontend_send_bytes(one->frontend, frame, sizeof(frame)));
    settle();
    expect_port(&consumer, two, "web2");
    expect_frame(&consumer, two, true, frame, 96, sizeof(frame));
    rack_send(two, 2, 1, 0);
    settle();
    ck_assert_ptr_null(next(&consumer));
    /* A VLAN that nobody is in; the consumer stays. */
    mirror->vlan_set = true;
    mirror->vlan = 30;
    apply();
    rack_send(one, 1, 2, 0);
    settle();
    ck_assert_ptr_null(next(&consumer));
    /* Another bridge. */
    mirror->vlan_set = false;
    strcpy(mirror->bridge, "lab");
    rack_bridge(rules, "lab");
    apply();
    rack_send(one, 1, 2, 0);
    settle();
    ck_assert_ptr_null(next(&consumer));
    ck_assert_int_eq(vchan_state(&consumer.v), VCHAN_OPEN);
    /* Another snap length: it has to come again, and is told. */
    mirror->snap = 200;
    mirror->bridge[0] = '\0';
    apply();
    ck_assert_int_eq(vchan_state(&consumer.v), VCHAN_ENDED);
    close_consumer(&consumer);
    rack_pass(rack, 3 * HV_SEC);
    ck_assert(open_consumer(&consumer, "some"));
    ck_assert_uint_eq(((const struct mirror_hello *)expect(&consumer, MIRROR_HELLO))->snap, 200);
    close_consumer(&consumer);
}
END_TEST

/* A consumer that sleeps: what there is room for comes whole, what there is not is counted, and
 * nobody else waits. */
START_TEST(lost_frames_are_counted)
{
    struct rack_guest *one = add(1), *two = add(2);
    struct mirror_usage usage;
    struct consumer consumer;
    uint64_t frames = 0, lost = 0, sent = 0;
    const struct mirror_record *record;
    unsigned got = 0;

    add_mirror("all")->direction = RULES_INGRESS;
    apply();
    ck_assert(open_consumer(&consumer, "all"));
    for (unsigned round = 0; round < 30; round++) {
        for (unsigned i = 0; i < 100; i++)
            rack_send(one, 1, 2, (uint32_t)sent++);
        settle();
        got += rack_received(two);
    }
    ck_assert_uint_eq(got, sent);
    ck_assert(mirror_usage(rack->vswitch, 0, &usage));
    ck_assert_uint_gt(usage.lost, 0);
    ck_assert_uint_eq(usage.lost + usage.frames, sent);
    for (unsigned round = 0; round < 3; round++) {
        while ((record = next(&consumer))) {
            const uint8_t *bytes = (const uint8_t *)record;
            uint32_t number;

            if (record->kind == MIRROR_LOST)
                lost += ((const struct mirror_lost *)(const void *)record)->frames;
            if (record->kind != MIRROR_FRAME)
                continue;
            memcpy(&number, bytes + sizeof(struct mirror_frame_record) + 14, sizeof(number));
            ck_assert_uint_eq(number, frames + lost);
            frames++;
        }
        settle();
    }
    ck_assert_uint_eq(frames, usage.frames);
    ck_assert_uint_eq(lost, usage.lost);
    ck_assert_uint_eq(rack_statistic(rack, "mirror_lost", "all"), lost);

    /* Room that comes without an event: the loss is told before the frame that follows it. */
    for (unsigned i = 0; i < 3000; i++) {
        rack_send(one, 1, 2, (uint32_t)sent++);
        if (i % 100 == 99)
            settle();
    }
    consumer.v.read.own = *consumer.v.read.prod;
    *consumer.v.read.cons = *consumer.v.read.prod;
    rack_send(one, 1, 2, (uint32_t)sent);
    settle();
    expect(&consumer, MIRROR_LOST);
    expect(&consumer, MIRROR_FRAME);
    ck_assert_ptr_null(next(&consumer));
    close_consumer(&consumer);
}
END_TEST

/* The ring is full, whatever it was when it was looked at. */
static void refill(void *context, struct hv *victim, const void *address, size_t length)
{
    struct consumer *consumer = context;

    (void)address;
    (void)length;
    if (victim == rack->hv && *consumer->v.read.prod != 0)
        *consumer->v.read.cons = *consumer->v.read.prod - consumer->v.read.size;
}

/* One that takes back the room it gave: what would be half a record is the end. */
START_TEST(a_ring_that_shrinks_ends)
{
    struct rack_guest *one = add(1), *two = add(2);
    struct consumer consumer;

    add_mirror("all");
    apply();
    ck_assert(open_consumer(&consumer, "all"));
    rack_send(one, 1, 2, 0); /* there is room, as far as is known */
    settle();
    sim_set_adversary(rack->host->sim, refill, &consumer);
    for (unsigned i = 0; i < 20; i++) {
        rack_send(one, 1, 2, 0);
        settle();
    }
    sim_set_adversary(rack->host->sim, NULL, NULL);
    ck_assert_uint_eq(rack_received(two), 21);
    ck_assert_int_eq(vchan_state(&consumer.v), VCHAN_ENDED);
    close_consumer(&consumer);
}
END_TEST

/* What a consumer may do with the page that it shares. */
START_TEST(hostile_consumers_harm_nobody)
{
    struct rack_guest *one = add(1), *two = add(2);
    struct consumer consumer;

    add_mirror("all");
    apply();
    for (unsigned attack = 0; attack < 6; attack++) {
        uint32_t *cons, *prod;
        uint64_t sent = 0;

        ck_assert(open_consumer(&consumer, "all"));
        cons = consumer.v.read.cons;
        prod = consumer.v.read.prod;
        for (unsigned i = 0; i < 40; i++) {
            if (attack == 0)
                *cons = *prod + 1; /* read what is not there yet */
            if (attack == 1)
                *cons += 0x80000000U;
            if (attack == 2)
                *cons -= 8; /* back */
            if (attack == 3)
                *prod = 0xdeadbeef; /* ours */
            if (attack == 4)
                consumer.v.head[1] = 0xff;
            if (attack == 5) /* all of the shared page, but for a while the live byte */
                memset(consumer.v.head, (int)i, 16);
            for (unsigned j = 0; j < 50; j++)
                rack_send(one, 1, 2, (uint32_t)sent++);
            settle();
            ck_assert_uint_eq(rack_received(two), 50);
        }
        ck_assert_int_eq(vchan_close(&consumer.v), 0);
        rack_pass(rack, 5 * HV_SEC);
    }
    ck_assert(open_consumer(&consumer, "all"));
    expect(&consumer, MIRROR_HELLO);
    close_consumer(&consumer);
    ck_assert_uint_eq(rack_statistic(rack, "switch_ports_connected", NULL), 2);
}
END_TEST

/* One that keeps the ring mapped holds its pages, and no more than them; they come back. */
START_TEST(a_mirror_that_is_removed_leaves_nothing)
{
    struct sim_usage before, after;
    struct consumer consumer;

    add(1);
    apply();
    sim_usage(rack->hv, &before);
    add_mirror("all");
    for (unsigned i = 0; i < 20; i++) {
        rules->mirror_count = 1;
        apply();
        ck_assert(open_consumer(&consumer, "all"));
        rules->mirror_count = 0;
        apply();
        ck_assert_int_eq(vchan_state(&consumer.v), VCHAN_ENDED);
        ck_assert_ptr_null(
            client_value(rack->host->dom0, 0, "/local/domain/5/data/vchan/0/mirror-all/ring-ref"));
        sim_usage(rack->hv, &after);
        ck_assert_uint_eq(after.pages, before.pages + mirrors_pages(17) / RULES_MIRRORS);
        ck_assert_int_eq(vchan_close(&consumer.v), 0);
        rack_pass(rack, 3 * HV_SEC);
        sim_usage(rack->hv, &after);
        ck_assert_uint_eq(after.pages, before.pages);
        ck_assert_uint_eq(after.ports, before.ports);
        ck_assert_uint_eq(after.grants, before.grants);
    }
}
END_TEST

/* Where there is no room for the rings the generation is refused, and the mirror of before lives.
 */
START_TEST(no_room_is_an_answer)
{
    struct consumer consumer;
    void *hoard[512];
    unsigned held = 0;

    add(1);
    add_mirror("first");
    apply();
    ck_assert(open_consumer(&consumer, "first"));
    expect(&consumer, MIRROR_HELLO);
    while (held < 512 && (hoard[held] = hv_page_alloc(rack->hv, 33)))
        held++;
    add_mirror("second");
    ck_assert_int_eq(rack_apply(rack, rules), ENOMEM);
    ck_assert_int_eq(vchan_state(&consumer.v), VCHAN_OPEN);
    ck_assert_uint_eq(rack->vswitch->rules->mirror_count, 1);
    while (held > 0)
        hv_page_free(rack->hv, hoard[--held], 33);
    for (unsigned i = 2; i < RULES_MIRRORS; i++) {
        char name[8];

        snprintf(name, sizeof(name), "m%u", i);
        add_mirror(name);
    }
    apply(); /* as many as there may be */
    close_consumer(&consumer);
}
END_TEST

START_TEST(the_largest_ring)
{
    struct consumer consumer;
    const struct rack_guest *guest;

    rack_destroy(rack);
    rack = rack_create(8192, "mirror=1024");
    ck_assert_ptr_nonnull(rack);
    guest = add(1);
    add_mirror("all");
    apply();
    ck_assert(open_consumer(&consumer, "all"));
    ck_assert_uint_eq(consumer.v.read.size, 1U << 20);
    expect(&consumer, MIRROR_HELLO);
    ck_assert_ptr_nonnull(guest->port);
    close_consumer(&consumer);
}
END_TEST

START_TEST(mirrors_are_listed)
{
    struct consumer consumer;

    add(1);
    add_mirror("one")->snap = 64;
    add_mirror("two");
    apply();
    ck_assert(open_consumer(&consumer, "two"));
    rack_call(rack, CONTROL_T_SWITCH_MIRRORS);
    rack_enter(rack, CONTROL_F_MIRROR);
    ck_assert_str_eq(rack_text(rack, CONTROL_F_NAME), "one");
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_SNAP), 64);
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_CONNECTED), 0);
    ck_assert(rack_next(rack));
    rack_enter(rack, CONTROL_F_MIRROR);
    ck_assert_str_eq(rack_text(rack, CONTROL_F_NAME), "two");
    ck_assert_uint_eq(rack_number(rack, CONTROL_F_CONNECTED), 1);
    ck_assert(rack_next(rack));
    ck_assert_int_eq(rack->asker.header.kind, CONTROL_END);
    close_consumer(&consumer);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("switch mirror");
    TCase *cases = tcase_create("mirror");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, all_frames_in_both_directions);
    tcase_add_test(cases, little_waits_for_more);
    tcase_add_loop_test(cases, frames_whose_tag_changes, 0, 3);
    tcase_add_test(cases, only_what_is_asked_for);
    tcase_add_test(cases, lost_frames_are_counted);
    tcase_add_test(cases, a_ring_that_shrinks_ends);
    tcase_add_test(cases, hostile_consumers_harm_nobody);
    tcase_add_test(cases, a_mirror_that_is_removed_leaves_nothing);
    tcase_add_test(cases, no_room_is_an_answer);
    tcase_add_test(cases, the_largest_ring);
    tcase_add_test(cases, mirrors_are_listed);
    suite_add_tcase(suite, cases);
    return suite;
}
