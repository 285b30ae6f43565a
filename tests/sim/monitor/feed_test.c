/* SPDX-License-Identifier: ISC */
/* The monitor's feeds: found, read, checked, lost and found again, whatever the other end does. */
#include "fake_engine.h"
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define SWITCH 7U

static struct host *host;
static struct desk *desk;
static struct source *source;

static struct engine *engine(void)
{
    return desk->monitor->engine;
}

static const struct feed *feed(unsigned number)
{
    return &desk->monitor->feeds.feed[number];
}

static void setup(void)
{
    host = host_create(NULL);
    desk = desk_create(host, 0, "");
    ck_assert_ptr_nonnull(desk);
    source = source_create(desk, SWITCH);
}

static void teardown(void)
{
    desk_destroy(desk);
    if (source)
        source_destroy(source);
    host_destroy(host);
}

/* Offered, named by dom0, and connected. */
static void connect(unsigned order)
{
    source_offer(source, "all", order);
    desk_feed(desk, 0, "7 all");
    ck_assert_int_eq(feed(0)->state, FEED_CONNECTED);
    source_hello(source);
    ck_assert(source_flush(source));
}

static unsigned mappings(void)
{
    struct sim_usage usage;

    sim_usage(desk->hv, &usage);
    return usage.mappings;
}

/* --- what is right ------------------------------------------------------------------------------
 */

START_TEST(frames_come_with_their_ports)
{
    uint64_t before = hv_wallclock(desk->hv);
    const struct fake_frame *frame;
    const struct engine_identity *who;

    connect(17);
    source_port(source, 3, 20, "web1");
    source_frame(source, 3, MIRROR_BLANK | MIRROR_GSO, 17, 60, 9000);
    source_frame(source, 3, MIRROR_EGRESS, 18, 1514, 1514);
    ck_assert(source_flush(source));
    ck_assert_uint_eq(engine()->counters.frames, 1);
    ck_assert_uint_eq(engine()->counters.copies, 1);
    frame = fake_frame(engine(), 1);
    ck_assert_uint_eq(frame->frame.port, 3);
    ck_assert_uint_eq(frame->frame.captured, 60);
    ck_assert_uint_eq(frame->frame.length, 9000);
    ck_assert_uint_eq(frame->data[0], 17);
    ck_assert_uint_ge(frame->frame.time, before);
    ck_assert_uint_le(frame->frame.time, hv_wallclock(desk->hv));
    ck_assert(!frame->frame.egress);
    who = engine_identity(engine(), frame->identity);
    ck_assert_uint_eq(who->domid, 20);
    ck_assert_uint_eq(who->vif, 1);
    ck_assert_str_eq(who->bridge, "xenbr0");
    ck_assert_str_eq(who->guest, "web1");
    ck_assert(fake_frame(engine(), 0)->frame.egress);
    /* Frames before a change are as things were. */
    source_frame(source, 3, 0, 19, 60, 60);
    source_gone(source, 3);
    source_frame(source, 3, 0, 20, 60, 60);
    source_port(source, 3, 21, "mail");
    source_frame(source, 3, 0, 21, 60, 60);
    ck_assert(source_flush(source));
    ck_assert_uint_ne(fake_frame(engine(), 2)->identity, 0);
    ck_assert_uint_eq(fake_frame(engine(), 1)->identity, 0);
    ck_assert_str_eq(engine_identity(engine(), fake_frame(engine(), 0)->identity)->guest, "mail");
    ck_assert_uint_eq(feed(0)->frames, 5);
    ck_assert_uint_eq(feed(0)->bytes, 60 + 1514 + 3 * 60);
}
END_TEST

/* Cut anywhere, records are the same. */
START_TEST(pieces_do_not_matter)
{
    static uint8_t all[65536];
    size_t length;

    connect(17);
    source_port(source, 3, 20, "web1");
    for (unsigned i = 0; i < 20; i++)
        source_frame(source, 3, 0, i, 14 + i * 7, 2000);
    source_lost(source, 2);
    length = source->used;
    memcpy(all, source->bytes, length);
    source->used = 0;
    for (size_t step = 1; step < 90; step += 11) {
        uint64_t frames = engine()->counters.frames;

        for (size_t at = 0; at < length; at += step) {
            source_raw(source, all + at, length - at < step ? length - at : step);
            ck_assert(source_flush(source));
        }
        ck_assert_uint_eq(engine()->counters.frames, frames + 20);
        for (unsigned i = 0; i < 20; i++)
            ck_assert_uint_eq(fake_frame(engine(), 19 - i)->data[0], i);
    }
}
END_TEST

/* The longest record, in a ring that has just room for it, and many that fill it again and again.
 */
START_TEST(the_longest_frames)
{
    uint64_t bytes = 0;

    connect(17);
    source_port(source, 255, 20, "web1");
    for (unsigned i = 0; i < 40; i++) {
        size_t length = i % 3 ? 65535 - i : 60 + i;

        source_frame(source, 255, 0, i, length, length);
        bytes += length;
        ck_assert(source_flush(source));
    }
    ck_assert_uint_eq(engine()->counters.frames, 40);
    ck_assert_uint_eq(engine()->counters.bytes, bytes);
}
END_TEST

/* What is lost is told wherever data is. */
START_TEST(losses_sum_up)
{
    connect(15);
    source_port(source, 0, 20, "web1");
    source_lost(source, 5);
    source_frame(source, 0, 0, 1, 60, 60);
    source_lost(source, 7);
    ck_assert(source_flush(source));
    ck_assert_uint_eq(feed(0)->lost, 12);
    ck_assert_int_eq(desk_call(desk, CONTROL_T_MONITOR_SHOW), CONTROL_REPLY);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_LOST), 12);
    desk_enter(desk, CONTROL_F_FEED);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_LOST), 12);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_FRAMES), 1);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_PORTS), 1);
    ck_assert_str_eq(desk_text(desk, CONTROL_F_NAME), "all");
    ck_assert_str_eq(desk_text(desk, CONTROL_F_STATE), "connected");
    ck_assert_int_eq(desk_call(desk, CONTROL_T_STATUS), CONTROL_REPLY);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_HEALTH), CONTROL_DEGRADED);
    ck_assert_ptr_nonnull(strstr(desk_text(desk, CONTROL_F_TEXT), "being lost (12 so far)"));
    ck_assert_uint_eq(desk_statistic(desk, "monitor_feed_lost", "all"), 12);
    ck_assert_uint_eq(desk_statistic(desk, "monitor_frames_lost", NULL), 12);
    desk_pass(desk, 61 * HV_SEC);
    ck_assert_int_eq(desk_call(desk, CONTROL_T_STATUS), CONTROL_REPLY);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_HEALTH), CONTROL_HEALTHY);
    /* No claim makes the sum small. */
    source_lost(source, UINT64_MAX - 3);
    source_lost(source, UINT64_MAX);
    ck_assert(source_flush(source));
    ck_assert_uint_eq(feed(0)->lost, UINT64_MAX);
    ck_assert_uint_eq(desk->monitor->lost, UINT64_MAX);
}
END_TEST

/* Ports of different feeds are different ports. */
START_TEST(feeds_side_by_side)
{
    struct source *other = source_create(desk, 8);

    connect(15);
    source_offer(other, "b-2_x", 14);
    desk_feed(desk, 5, "8 b-2_x");
    source_hello(other);
    source_port(source, 1, 20, "web1");
    source_port(other, 1, 30, "db");
    source_frame(source, 1, 0, 1, 60, 60);
    ck_assert(source_flush(source));
    source_frame(other, 1, 0, 2, 60, 60);
    ck_assert(source_flush(other));
    ck_assert_uint_eq(feeds_connected(&desk->monitor->feeds), 2);
    ck_assert_uint_eq(fake_frame(engine(), 1)->frame.port, 1);
    ck_assert_uint_eq(fake_frame(engine(), 0)->frame.port, 5 * FEED_PORTS + 1);
    ck_assert_str_eq(engine_identity(engine(), fake_frame(engine(), 0)->identity)->guest, "db");
    /* One of them is taken away, which is nothing to the other. */
    desk_feed(desk, 5, NULL);
    ck_assert_uint_eq(feeds_wanted(&desk->monitor->feeds), 1);
    ck_assert_uint_eq(engine_port_identity(engine(), 5 * FEED_PORTS + 1), 0);
    ck_assert_uint_ne(engine_port_identity(engine(), 1), 0);
    ck_assert(!source_flush(other));
    source_close(other);
    source_destroy(other);
    ck_assert(source_flush(source));
}
END_TEST

/* --- nodes --------------------------------------------------------------------------------------
 */

START_TEST(nodes_that_make_no_sense)
{
    static const char *const bad[] = {
        "",      "7",     "7 ",      " all",   "all 7",    "7 a b",
        "7 a/b", "32752", "32752 x", "-1 all", "700000 x", "7 0123456789012345678901234567890a",
        "7  x",  "7 \x01"};

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        desk_feed(desk, 2, bad[i]);
        ck_assert_msg(feed(2)->state == FEED_BAD, "%s", bad[i]);
    }
    ck_assert_int_eq(desk_call(desk, CONTROL_T_STATUS), CONTROL_REPLY);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_HEALTH), CONTROL_DEGRADED);
    desk_feed(desk, 2, NULL);
    ck_assert_int_eq(feed(2)->state, FEED_NONE);
    desk_feed(desk, 8, "7 all"); /* there is no such feed */
    desk_feed(desk, 0, "7 0123456789012345678901234567890");
    ck_assert_int_eq(feed(0)->state, FEED_WAITING);
    ck_assert_uint_eq(feeds_wanted(&desk->monitor->feeds), 1);
}
END_TEST

/* The feed is named before there is such a mirror, or such a domain. */
START_TEST(a_feed_that_comes_later)
{
    desk_feed(desk, 0, "7 all");
    ck_assert_int_eq(feed(0)->state, FEED_WAITING);
    desk_pass(desk, 4 * HV_SEC);
    ck_assert_int_eq(desk_call(desk, CONTROL_T_STATUS), CONTROL_REPLY);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_HEALTH), CONTROL_HEALTHY);
    desk_pass(desk, 20 * HV_SEC);
    ck_assert_int_eq(desk_call(desk, CONTROL_T_STATUS), CONTROL_REPLY);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_HEALTH), CONTROL_DEGRADED);
    ck_assert_ptr_nonnull(strstr(desk_text(desk, CONTROL_F_TEXT), "mirror all of domain 7"));
    source_offer(source, "all", 14);
    desk_pass(desk, 100 * HV_MSEC);
    ck_assert_int_eq(feed(0)->state, FEED_CONNECTED);
    ck_assert_int_eq(desk_call(desk, CONTROL_T_STATUS), CONTROL_REPLY);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_HEALTH), CONTROL_HEALTHY);
}
END_TEST

START_TEST(nobody_feeds_it)
{
    ck_assert_int_eq(desk_call(desk, CONTROL_T_STATUS), CONTROL_REPLY);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_HEALTH), CONTROL_HEALTHY);
    desk_pass(desk, 6 * HV_SEC);
    ck_assert_int_eq(desk_call(desk, CONTROL_T_STATUS), CONTROL_REPLY);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_HEALTH), CONTROL_DEGRADED);
    ck_assert_ptr_nonnull(strstr(desk_text(desk, CONTROL_F_TEXT), "no mirror feeds it"));
}
END_TEST

/* --- ends ---------------------------------------------------------------------------------------
 */

static void expect_forgotten(void)
{
    for (unsigned i = 0; i < FEED_PORTS_ALL; i++)
        ck_assert(!engine()->known[i]);
    ck_assert_uint_eq(mappings(), 0);
}

START_TEST(a_switch_that_goes_and_comes)
{
    connect(15);
    for (unsigned i = 0; i < 20; i++)
        source_port(source, i, 20, "web1");
    /* In good order, with bytes left to read. */
    source_frame(source, 1, 0, 1, 60, 60);
    source_push(source);
    ck_assert_int_eq(vchan_close(&source->v), -EAGAIN);
    desk_run(desk);
    ck_assert_uint_eq(engine()->counters.frames, 1);
    ck_assert_int_eq(feed(0)->state, FEED_WAITING);
    expect_forgotten();
    source_close(source);
    source_offer(source, "all", 15);
    desk_pass(desk, 200 * HV_MSEC);
    ck_assert_int_eq(feed(0)->state, FEED_CONNECTED);
    source_hello(source);
    source_port(source, 9, 20, "web1");
    ck_assert(source_flush(source));
    /* Without a word; under another domid it comes back. */
    source_destroy(source);
    desk_pass(desk, 3 * HV_SEC);
    ck_assert_int_eq(feed(0)->state, FEED_WAITING);
    expect_forgotten();
    desk_pass(desk, 30 * HV_SEC);
    source = source_create(desk, 9);
    source_offer(source, "all", 15);
    desk_feed(desk, 0, "9 all");
    ck_assert_int_eq(feed(0)->state, FEED_CONNECTED);
    source_hello(source);
    source_frame(source, 0, 0, 2, 60, 60);
    ck_assert(source_flush(source));
    ck_assert_uint_eq(engine()->counters.frames, 2);
}
END_TEST

/* Looking for what is not there costs ever less, and is done with at once when it is named anew. */
START_TEST(tries_become_rare)
{
    struct sim_usage before, after;

    source_offer(source, "all", 14);
    desk_feed(desk, 0, "7 all");
    source_raw(source, "no mirror's stream at all", 24);
    ck_assert(!source_flush(source));
    sim_usage(desk->hv, &before);
    desk_pass(desk, 60 * HV_SEC);
    sim_usage(desk->hv, &after);
    ck_assert_uint_le(after.maps - before.maps, 20);
    source_close(source);
    /* Numbers that lead to nothing: XenStore is asked ever less. */
    desk_pass(desk, 20 * HV_SEC);
    sim_usage(desk->hv, &before);
    desk_pass(desk, 60 * HV_SEC);
    sim_usage(desk->hv, &after);
    ck_assert_int_eq(feed(0)->state, FEED_WAITING);
    ck_assert_uint_gt(after.sends - before.sends, 10);
    ck_assert_uint_lt(after.sends - before.sends, 300);
    source_offer(source, "all", 14);
    desk_feed(desk, 0, "7 all");
    ck_assert_int_eq(feed(0)->state, FEED_CONNECTED);
}
END_TEST

START_TEST(one_that_says_nothing)
{
    source_offer(source, "all", 14);
    desk_feed(desk, 0, "7 all");
    ck_assert_int_eq(feed(0)->state, FEED_CONNECTED);
    desk_pass(desk, 7 * HV_SEC);
    ck_assert_uint_eq(feed(0)->connects, 2);
}
END_TEST

/* --- hostile ------------------------------------------------------------------------------------
 */

/* Bytes of a stream that is none, behind a HELLO if @hello. */
struct attack {
    const char *why;
    bool hello;
    unsigned length; /* of @bytes */
    uint8_t bytes[48];
};

static const struct attack attacks[] = {
    {"a record's length is none", true, 8, {0}},
    {"a record's length is none", true, 8, {7, 0, 0, 0, 3}},
    {"a record's length is none", true, 8, {12, 0, 0, 0, 3}},
    {"a record's length is none", true, 8, {0x48, 0, 1, 0, 3}},
    {"a record's length is none", true, 8, {0xf8, 0xff, 0xff, 0xff, 3}},
    {"it does not begin as a mirror's does", false, 16, {16, 0, 0, 0, 4}},
    {"its first record is too short", false, 8, {8, 0, 0, 0, 1}},
    {"it is of another version", false, 24, {24, 0, 0, 0, 1, 0, 0, 0, 2}},
    {"it begins twice", true, 24, {24, 0, 0, 0, 1, 0, 0, 0, 1}},
    {"a port's record is too short", true, 8, {8, 0, 0, 0, 2}},
    {"a port's names are longer than its record", true, 48, {48, 0, 0, 0, 2, [36] = 0, 1}},
    {"a port's names are longer than its record", true, 48, {48, 0, 0, 0, 2, [36] = 255, 255}},
    {"a port's number is none", true, 48, {48, 0, 0, 0, 2, 0, 0, 1}},
    {"a port's number is none", true, 32, {32, 0, 0, 0, 3, 0, 0xff, 0xff}},
    {"a port's number is none", true, 8, {8, 0, 0, 0, 5, 0, 0, 1}},
    {"a frame's record is too short", true, 24, {24, 0, 0, 0, 3}},
    {"a frame is longer than its record", true, 32, {32, 0, 0, 0, 3, [16] = 60, [20] = 1}},
    {"a frame is longer than its record", true, 40, {40, 0, 0, 0, 3, [16] = 4, [20] = 8}},
    {"a frame is longer than its record",
     true,
     40,
     {40, 0, 0, 0, 3, [16] = 255, 255, 255, 255, [20] = 248, 255, 255, 255}},
    {"a frame is longer than any can be",
     true,
     40,
     {40, 0, 0, 0, 3, [16] = 255, 255, 255, 255, [20] = 8}},
    {"a record is too short", true, 8, {8, 0, 0, 0, 4}},
};

START_TEST(streams_that_are_none)
{
    const struct attack *attack = &attacks[_i];

    source_offer(source, "all", 15);
    desk_feed(desk, 0, "7 all");
    if (attack->hello)
        source_hello(source);
    source_raw(source, attack->bytes, attack->length);
    ck_assert(!source_flush(source));
    ck_assert_str_eq(feed(0)->reader.why, attack->why);
    ck_assert_uint_eq(feed(0)->broken, 1);
    ck_assert_uint_eq(engine()->counters.frames, 0);
    expect_forgotten();
    source_close(source);
    source_offer(source, "all", 15);
    desk_pass(desk, 10 * HV_SEC);
    source_hello(source);
    source_raw(source, (uint8_t[16]){16, 0, 0, 0, 200}, 16); /* of a newer switch */
    source_frame(source, 0, 0, 1, 60, 60);
    ck_assert(source_flush(source));
    ck_assert_uint_eq(engine()->counters.frames, 1);
}
END_TEST

/* Shared memory that changes while it is looked at. */
struct adversary {
    struct unit_random random;
    bool active;
};

static void rewrite(void *context, struct hv *victim, const void *address, size_t length)
{
    struct adversary *adversary = context;

    (void)address;
    (void)length;
    if (!adversary->active || victim != desk->hv || !source->offered ||
        unit_random(&adversary->random, 4))
        return;
    source->v.pages[unit_random(&adversary->random, HV_PAGE_SIZE)] =
        (uint8_t)unit_random(&adversary->random, 256);
}

START_TEST(memory_that_changes)
{
    struct adversary adversary = {.random = {(uint64_t)_i}};

    sim_set_adversary(host->sim, rewrite, &adversary);
    for (unsigned round = 0; round < 10; round++) {
        source_offer(source, "all", 14);
        desk_feed(desk, 0, "7 all");
        source_hello(source);
        source_port(source, 2, 20, "web1");
        adversary.active = true;
        for (unsigned i = 0; i < 20; i++) {
            source_frame(source, 2, 0, i, 100 + i * 40, 2000);
            source_push(source);
            hv_evtchn_send(source->hv, source->v.port);
            desk_run(desk);
        }
        adversary.active = false;
        source_close(source);
        desk_pass(desk, 6 * HV_SEC);
        expect_forgotten();
    }
    sim_set_adversary(host->sim, NULL, NULL);
    /* It serves as before. */
    source_offer(source, "all", 14);
    desk_feed(desk, 0, "7 all");
    source_hello(source);
    ck_assert(source_flush(source));
    ck_assert_int_eq(desk_call(desk, CONTROL_T_STATUS), CONTROL_REPLY);
}
END_TEST

/* Any bytes, mostly shaped as records. */
START_TEST(random_records)
{
    struct unit_random random = {(uint64_t)_i};

    for (unsigned round = 0; round < 30; round++) {
        source_offer(source, "all", 15);
        desk_feed(desk, 0, "7 all");
        source_hello(source);
        for (unsigned i = 0; i < 40; i++) {
            uint8_t bytes[512];
            uint32_t length = 8 * (1 + (uint32_t)unit_random(&random, 60));

            for (unsigned j = 0; j < sizeof(bytes); j++)
                bytes[j] = (uint8_t)(unit_random(&random, 3) ? 0 : unit_random(&random, 256));
            memcpy(bytes, &length, sizeof(length));
            bytes[4] = (uint8_t)unit_random(&random, 7);
            bytes[7] = (uint8_t)(unit_random(&random, 50) ? 0 : 1);
            source_raw(source, bytes, length);
        }
        (void)source_flush(source);
        source_close(source);
        desk_pass(desk, 6 * HV_SEC);
        expect_forgotten();
    }
}
END_TEST

/* One that writes without end does not keep clients from being served. */
static uint64_t flood_step(void *context)
{
    struct source *flooder = context;

    while (flooder->used < 32768)
        source_port(flooder, (unsigned)(flooder->used / 8 % FEED_PORTS), 20,
                    "a guest of some name");
    source_push(flooder);
    return 0;
}

START_TEST(floods_leave_time_for_others)
{
    struct desk_request request;
    unsigned steps = 0;

    connect(20);
    sim_set_actor(source->hv, flood_step, source);
    desk_begin(desk, 0, &request, CONTROL_T_STATUS);
    asker_send(&desk->asker[0], &request.writer);
    while (!desk_peek(desk, 0)) {
        ck_assert_uint_lt(++steps, 200);
        sim_run(host->sim, HV_NEVER, 5);
    }
    sim_set_actor(source->hv, NULL, NULL);
    ck_assert_uint_gt(engine()->ports_told, 100);
    source->used = 0;
}
END_TEST

/* What fills the largest ring is not read in one turn. */
START_TEST(a_turn_is_bounded)
{
    unsigned sent = 0;

    connect(20);
    while (source->used < 1000000) {
        source_frame(source, 1, 0, sent, 2000, 2000);
        sent++;
    }
    ck_assert_uint_gt(source_push(source), 1000000);
    for (unsigned i = 0; !feed(0)->frames; i++) {
        ck_assert_uint_lt(i, 100);
        sim_run(host->sim, HV_NEVER, 1);
    }
    ck_assert_uint_lt(feed(0)->bytes, 2 * FEED_TURN + FEED_BUFFER); /* the event, and a turn */
    desk_run(desk);
    ck_assert_uint_eq(feed(0)->frames, sent);
}
END_TEST

/* --- rights -------------------------------------------------------------------------------------
 */

/* The monitor maps what vchan needs: the head and the ring that it reads; nothing else would be
 * given to it. */
START_TEST(it_maps_its_rings_alone)
{
    grant_ref_t of_another, refs[1];
    struct hv *guest;
    void *page, *address;

    ck_assert_uint_eq(mappings(), 0);
    connect(17);
    ck_assert_uint_eq(mappings(), 1 + (1U << (17 - 12)));
    guest = sim_domain_create(host->sim, &(struct sim_domain_config){.domid = 30, .pages = 16});
    page = hv_page_alloc(guest, 1);
    ck_assert_int_eq(hv_grant_access(guest, SWITCH, page, false, &of_another), 0);
    refs[0] = of_another;
    ck_assert_int_eq(hv_grant_map(desk->hv, 30, refs, 1, false, &address), -EINVAL);
    ck_assert_int_eq(hv_grant_map(desk->hv, 30, refs, 1, true, &address), -EINVAL);
    refs[0] = HV_GNTTAB_XENSTORE;
    ck_assert_int_eq(hv_grant_map(desk->hv, 30, refs, 1, true, &address), -EINVAL);
    ck_assert_int_eq(hv_grant_revoke(guest, of_another), 0);
    sim_domain_destroy(guest);
    desk_feed(desk, 0, NULL);
    ck_assert_uint_eq(mappings(), 0);
}
END_TEST

/* --- time ---------------------------------------------------------------------------------------
 */

START_TEST(times_are_ours_and_never_to_come)
{
    const uint64_t now = hv_wallclock(desk->hv);

    connect(15);
    source_frame(source, 0, 0, 1, 60, 60);
    ck_assert(source_flush(source));
    ck_assert_uint_ge(fake_frame(engine(), 0)->frame.time, now);
    /* A frame of the next year, and those that follow in the switch's time. */
    source->clock += 365 * UINT64_C(86400) * HV_SEC;
    source_frame(source, 0, 0, 2, 60, 60);
    ck_assert(source_flush(source));
    desk_pass(desk, HV_SEC);
    source_frame(source, 0, 0, 3, 60, 60);
    ck_assert(source_flush(source));
    ck_assert_uint_le(fake_frame(engine(), 1)->frame.time, hv_wallclock(desk->hv) - HV_SEC);
    ck_assert_uint_le(fake_frame(engine(), 0)->frame.time, hv_wallclock(desk->hv));
    ck_assert_uint_ge(fake_frame(engine(), 0)->frame.time - fake_frame(engine(), 1)->frame.time,
                      HV_SEC);
    source->clock = UINT64_MAX - hv_now(source->hv) - 1;
    source_frame(source, 0, 0, 4, 60, 60);
    source->clock = 0;
    source_frame(source, 0, 0, 5, 60, 60);
    ck_assert(source_flush(source));
    ck_assert_uint_le(engine()->newest, hv_wallclock(desk->hv));
    ck_assert_uint_le(engine()->told, hv_wallclock(desk->hv));
}
END_TEST

/* A switch whose time since boot is another: the first frame is now. */
START_TEST(a_switch_with_another_clock)
{
    desk_pass(desk, 3600 * HV_SEC);
    source->clock += 3000 * HV_SEC;
    connect(15);
    source->clock -= 3000 * HV_SEC;
    source_frame(source, 0, 0, 1, 60, 60);
    ck_assert(source_flush(source));
    ck_assert_uint_ge(fake_frame(engine(), 0)->frame.time, hv_wallclock(desk->hv) - HV_SEC);
    desk_pass(desk, 7 * HV_SEC);
    source_frame(source, 0, 0, 2, 60, 60);
    ck_assert(source_flush(source));
    ck_assert_uint_ge(fake_frame(engine(), 0)->frame.time - fake_frame(engine(), 1)->frame.time,
                      7 * HV_SEC);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("monitor's feeds");
    TCase *cases = tcase_create("feed");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, frames_come_with_their_ports);
    tcase_add_test(cases, pieces_do_not_matter);
    tcase_add_test(cases, the_longest_frames);
    tcase_add_test(cases, losses_sum_up);
    tcase_add_test(cases, feeds_side_by_side);
    tcase_add_test(cases, nodes_that_make_no_sense);
    tcase_add_test(cases, a_feed_that_comes_later);
    tcase_add_test(cases, nobody_feeds_it);
    tcase_add_test(cases, a_switch_that_goes_and_comes);
    tcase_add_test(cases, tries_become_rare);
    tcase_add_test(cases, one_that_says_nothing);
    tcase_add_loop_test(cases, streams_that_are_none, 0, sizeof(attacks) / sizeof(attacks[0]));
    tcase_add_loop_test(cases, memory_that_changes, 0, 5);
    tcase_add_loop_test(cases, random_records, 0, 5);
    tcase_add_test(cases, floods_leave_time_for_others);
    tcase_add_test(cases, a_turn_is_bounded);
    tcase_add_test(cases, it_maps_its_rings_alone);
    tcase_add_test(cases, times_are_ours_and_never_to_come);
    tcase_add_test(cases, a_switch_with_another_clock);
    suite_add_tcase(suite, cases);
    return suite;
}
