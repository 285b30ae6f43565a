/* SPDX-License-Identifier: ISC */
/* Grants that fail, ports that vanish, loops. */
#include "lan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "services/netback-switch/events.h"
#include "tests/sim/expect.h"
#include "tests/unit/unit.h"

static uint8_t data[65540];

static uint64_t drops(const struct lan *lan, unsigned guest, enum drop_reason reason)
{
    return lan->guest[guest].port->counters.drops[reason];
}

static unsigned drain(struct lan *lan, unsigned guest)
{
    struct frontend_rx *frame;
    unsigned count = 0;

    for (; (frame = frontend_receive(lan->guest[guest].frontend)); count++)
        free(frame);
    return count;
}

static void plain(unsigned from, unsigned to, size_t length)
{
    lan_build(data, &(struct lan_frame){.from = from, .to = to, .length = length});
}

/** A frame of @length whose second page is not granted. */
static void send_half_granted(struct lan *lan, unsigned from, size_t length)
{
    struct frontend *frontend = lan->guest[from].frontend;
    struct frontend_queue *queue = &frontend->queue[0];
    struct frontend_tx_request request = {
        .flags = TX_MORE_DATA, .id = 901, .size = (uint16_t)length};
    grant_ref_t ref;

    (void)frontend_page(frontend, data, 4096, 0, true, &ref);
    request.gref = ref;
    frontend_write_raw(queue, &request);
    request =
        (struct frontend_tx_request){.gref = 4000, .id = 902, .size = (uint16_t)(length - 4096)};
    frontend_write_raw(queue, &request);
    frontend_publish(queue);
}

/* A sender's bad grant is the sender's own affair: receivers get an error, and all go on. */
START_TEST(bad_source_grants)
{
    for (unsigned flood = 0; flood < 2; flood++) {
        struct lan *lan = lan_create(31);

        for (unsigned i = 0; i < 4; i++)
            lan_add(lan, LAN_PLENTY);
        lan_learn(lan);
        plain(0, flood ? LAN_BROADCAST : 1, 6000);
        send_half_granted(lan, 0, 6000);
        lan_run(lan, HV_MSEC);
        EXPECT(drops(lan, 0, DROP_BAD_GRANT) == 1, "the sender's");
        for (unsigned i = 1; i < 4; i++) {
            EXPECT(drops(lan, i, DROP_RX_GRANT) == 0, "not the receiver's");
            lan_expect_none(lan, i);
        }
        EXPECT(lan->guest[1].frontend->queue[0].rx_errors == 2, "its buffers are answered");
        /* The first slot's, too. */
        struct frontend_tx_request request = {.gref = 4001, .id = 903, .size = 100};
        frontend_write_raw(&lan->guest[0].frontend->queue[0], &request);
        frontend_publish(&lan->guest[0].frontend->queue[0]);
        lan_run(lan, HV_MSEC);
        EXPECT(drops(lan, 0, DROP_BAD_GRANT) == 2, "the sender's");
        plain(0, 1, 6000);
        lan_send(lan, 0, &(struct frontend_tx){.data = data, .length = 6000});
        lan_run(lan, HV_MSEC);
        lan_expect(lan, 1, data, 6000);
        EXPECT(lan->guest[0].failed == 0 && lan->guest[1].failed == 0, "all are well");
        lan_destroy(lan);
    }
}
END_TEST

/* A receiver's is the receiver's alone. */
START_TEST(bad_receiver_grants)
{
    struct lan *lan = lan_create(32);
    struct frontend_config config = LAN_PLENTY;
    struct frontend *frontend;
    grant_ref_t readonly;
    void *page;

    lan_add(lan, LAN_PLENTY);
    config.buffers = 0;
    lan_add(lan, config);
    lan_add(lan, LAN_PLENTY);
    lan_learn(lan);
    frontend = lan->guest[1].frontend;
    page = frontend_page(frontend, data, 64, 0, true, &readonly);
    for (unsigned i = 0; i < 4; i++)
        frontend_post_raw(&frontend->queue[0], (uint16_t)(700 + i), i % 2 ? 4000 : readonly);
    frontend_post_publish(&frontend->queue[0]);
    lan_run(lan, HV_MSEC);
    for (unsigned length = 100; length < 9000; length += 7900) {
        plain(0, LAN_BROADCAST, length);
        lan_send(lan, 0, &(struct frontend_tx){.data = data, .length = length});
        lan_run(lan, HV_MSEC);
        lan_expect(lan, 2, data, length);
        lan_expect_none(lan, 1);
    }
    EXPECT(drops(lan, 1, DROP_RX_GRANT) == 2, "the receiver's: %lu",
           (unsigned long)drops(lan, 1, DROP_RX_GRANT));
    EXPECT(drops(lan, 0, DROP_BAD_GRANT) == 0, "not the sender's");
    EXPECT(frontend_page_free(frontend, page, readonly), "let go");
    lan_destroy(lan);
}
END_TEST

/* Copies that fail at random: each frame arrives whole or not at all, and is counted. */
START_TEST(copies_fail_at_random)
{
    struct lan *lan = lan_create(33);
    unsigned sent = 0, came = 0;
    uint64_t lost = 0;
    struct frontend_rx *frame;

    for (unsigned i = 0; i < 4; i++)
        lan_add(lan, LAN_PLENTY);
    lan_learn(lan);
    sim_set_faults(lan->sim, &(struct sim_faults){.grant_copy = 2000});
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned from = 0; from < 4; from++) {
            size_t length = 60 + (round * 631 + from * 97) % 9000;

            plain(from, (from + 1) % 4, length);
            lan_send(lan, from, &(struct frontend_tx){.data = data, .length = length});
            sent++;
        }
        lan_run(lan, HV_MSEC);
        for (unsigned to = 0; to < 4; to++) {
            while ((frame = frontend_receive(lan->guest[to].frontend))) {
                uint8_t salt = (uint8_t)(frame->data[14] - 14 * 31);

                for (size_t i = 14; i < frame->length; i++)
                    EXPECT(frame->data[i] == (uint8_t)(i * 31 + i / 251 + salt), "byte %zu", i);
                free(frame);
                came++;
            }
        }
    }
    for (unsigned i = 0; i < 4; i++)
        lost += drops(lan, i, DROP_BAD_GRANT) + drops(lan, i, DROP_RX_GRANT);
    EXPECT(came + lost == sent && lost > 10 && came > 100, "%u sent, %u came, %lu lost", sent, came,
           (unsigned long)lost);
    sim_set_faults(lan->sim, &(struct sim_faults){0});
    lan_destroy(lan);
}
END_TEST

/* Domains that die at any moment of a burst, and their ports go; the others lose nothing. */
START_TEST(ports_vanish_in_a_burst)
{
    const char *more = getenv("FORWARD_ROUNDS");
    unsigned rounds = more ? (unsigned)strtoul(more, NULL, 10) : 16;

    for (unsigned round = 0; round < rounds; round++) {
        struct lan *lan = lan_create(100 + round);
        struct frontend_config config = LAN_PLENTY;
        unsigned got = 0;
        struct frontend_rx *frame;

        config.buffers = 250;
        for (unsigned i = 0; i < 6; i++)
            lan_add(lan, config);
        lan_learn(lan);
        for (unsigned i = 0; i < 60; i++) {
            plain(0, 1, 5000);
            lan_send(lan, 0, &(struct frontend_tx){.data = data, .length = 5000});
            plain(2, i % 2 ? LAN_BROADCAST : 3, 9000);
            lan_send(lan, 2, &(struct frontend_tx){.data = data, .length = 9000});
            plain(3, 2, 300);
            lan_send(lan, 3, &(struct frontend_tx){.data = data, .length = 300});
        }
        sim_run(lan->sim, HV_NEVER, round * 5 % 61);
        if (round % 2)
            lan_kill(lan, &lan->guest[2 + round / 2 % 2]);
        lan_disconnect(lan, &lan->guest[2 + round / 2 % 2]);
        sim_run(lan->sim, HV_NEVER, round / 7);
        if (round % 3 == 0)
            lan_disconnect(lan, &lan->guest[2 + (round / 2 + 1) % 2]);
        lan_run(lan, HV_SEC);
        while ((frame = frontend_receive(lan->guest[1].frontend))) {
            got += frame->length == 5000;
            free(frame);
        }
        EXPECT(got == 60, "%u of 60 in round %u", got, round);
        lan_destroy(lan);
    }
}
END_TEST

/* A burst goes on in another turn, and in between one of its senders and a receiver go. */
START_TEST(ports_vanish_between_turns)
{
    struct lan *lan = lan_create(37);
    struct frontend_config config = LAN_PLENTY;
    uint64_t lost = 0;

    config.buffers = 250;
    for (unsigned i = 0; i < 40; i++)
        lan_add(lan, config);
    lan_run(lan, HV_MSEC);
    for (unsigned i = 0; i < 14; i++) {
        plain(i, LAN_BROADCAST, 60000);
        lan_send(lan, i, &(struct frontend_tx){.data = data, .length = 60000});
    }
    lan_learn(lan);
    plain(12, 15, 100);
    lan_send(lan, 12, &(struct frontend_tx){.data = data, .length = 100});
    while (lan->vswitch.totals.copy_calls < FORWARD_CALLS)
        sim_run(lan->sim, HV_NEVER, 1);
    for (unsigned i = 13; i < 20; i++)
        lan_disconnect(lan, &lan->guest[i]);
    for (unsigned i = 0; i < 14; i++)
        lost += drops(lan, i, DROP_NO_PORT);
    EXPECT(lost == 1, "%lu under way", (unsigned long)lost);
    /* A port of that number is there again, and is not the one that the frame was for. */
    drain(lan, 15);
    EXPECT(lan_connect(lan, &lan->guest[15]) == 0, "again");
    lan_run(lan, HV_SEC);
    EXPECT(drops(lan, 12, DROP_NO_PORT) == 1, "not for the new one");
    for (unsigned i = 20; i < 40; i++)
        EXPECT(drain(lan, i) == 14 - lost, "at %u", i);
    lan_destroy(lan);
}
END_TEST

static struct arena *watched; /* NULL: no allocation fails */
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

/* An engine, and what guest 2's vif goes through from its rings to its end. */
static void live(struct lan *lan)
{
    struct lan_guest *guest = &lan->guest[2];
    struct forward *other = forward_create(&lan->vswitch);
    int rc = lan_connect(lan, guest);

    if (other)
        forward_destroy(other);
    EXPECT(rc == 0 || rc == -ENOMEM, "%d", rc);
    if (rc == 0) {
        static const unsigned to[] = {0, LAN_BROADCAST, LAN_MULTICAST, LAN_UNKNOWN, 2};

        for (unsigned i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
            plain(2, to[i], 6000);
            lan_send(lan, 2, &(struct frontend_tx){.data = data, .length = 6000});
            plain(1, 2, 200);
            lan_send(lan, 1, &(struct frontend_tx){.data = data, .length = 200});
        }
        lan_build(data, &(struct lan_frame){.from = 0, .to = 2, .kind = LAN_TCP4, .length = 20000});
        lan_send(lan, 0,
                 &(struct frontend_tx){.data = data,
                                       .length = 20000,
                                       .gso = 1,
                                       .mss = 1000,
                                       .flags = TX_CSUM_BLANK | TX_DATA_VALIDATED});
        lan_run(lan, 20 * HV_MSEC);
        EXPECT(drops(lan, 2, DROP_SAME_PORT) > 0, "to itself");
        lan_disconnect(lan, guest);
    }
    events_port_gone(lan->vswitch.events, guest->port);
}

/* Whichever allocation fails, its vif does not connect, or does all the same; nothing of it is left
 * afterwards, and the others never notice. */
START_TEST(each_allocation_fails)
{
    struct lan *lan = lan_create(37);
    struct arena *arena = lan->vswitch.arena;
    struct frontend_config config = {.buffers = 100, .queues = 4, .split = true, .control = true};
    struct arena_usage before, after;
    struct sim_usage used, uses;
    unsigned nth = 1, connected = 0;

    lan_add(lan, LAN_PLENTY);
    lan_add(lan, LAN_PLENTY);
    lan_disconnect(lan, lan_add(lan, config));
    lan_learn(lan);
    arena_usage(arena, &before);
    sim_usage(lan->hv, &used);
    do {
        uint64_t segments = lan->guest[2].port->counters.segments;

        watched = arena;
        asked = 0;
        fail_at = nth;
        live(lan);
        watched = NULL;
        connected += lan->guest[2].port->counters.segments > segments;
        arena_usage(arena, &after);
        sim_usage(lan->hv, &uses);
        EXPECT(after.bytes_used == before.bytes_used, "allocation %u: %zu bytes are left", nth,
               after.bytes_used - before.bytes_used);
        EXPECT(uses.mappings == used.mappings && uses.ports == used.ports &&
                   uses.pages == used.pages,
               "allocation %u: mappings, ports or pages are left", nth);
        for (unsigned i = 0; i < 3; i++)
            (void)drain(lan, i);
        plain(0, 1, 3000);
        lan_send(lan, 0, &(struct frontend_tx){.data = data, .length = 3000});
        lan_run(lan, HV_MSEC);
        lan_expect(lan, 1, data, 3000);
        EXPECT(lan->guest[0].failed + lan->guest[1].failed + lan->guest[2].failed == 0, "no vif");
    } while (asked >= nth++);
    EXPECT(nth > 18 && connected > 12, "%u allocations, %u connected", nth, connected);
    lan_destroy(lan);
}
END_TEST

/* However little memory there is: nothing is half made. */
START_TEST(no_memory)
{
    struct arena_usage before, after;
    struct lan *lan = lan_create(34);
    struct vswitch *vswitch = &lan->vswitch;
    struct lan_guest *guest;
    void *hoard[512];
    unsigned pages = 0, failed = 0;

    guest = lan_add(lan, LAN_PLENTY);
    lan_disconnect(lan, guest);
    arena_usage(vswitch->arena, &before);
    while (pages < 512 && (hoard[pages] = arena_alloc(vswitch->arena, 16384)))
        pages++;
    for (unsigned i = 0; i <= pages; i++) {
        int rc = lan_connect(lan, guest);
        struct forward *other = forward_create(vswitch);

        if (rc == 0)
            lan_disconnect(lan, guest);
        failed += rc != 0 || !other;
        if (other)
            forward_destroy(other);
        if (i < pages)
            arena_free(vswitch->arena, hoard[pages - 1 - i], 16384);
    }
    EXPECT(failed > 2, "%u failed", failed);
    arena_usage(vswitch->arena, &after);
    EXPECT(after.bytes_used == before.bytes_used, "something is left over");
    EXPECT(lan_connect(lan, guest) == 0, "now there is room");
    lan_destroy(lan);
}
END_TEST

/** Guest 1 and 2 are one that bridges its two vifs. */
static void bridge_them(struct lan *lan, unsigned a, unsigned b)
{
    struct frontend_rx *frame;

    for (unsigned i = 0; i < 2; i++) {
        while ((frame = frontend_receive(lan->guest[i ? a : b].frontend))) {
            frontend_send_bytes(lan->guest[i ? b : a].frontend, frame->data, frame->length);
            free(frame);
        }
    }
}

/* A guest that bridges two of its vifs: the younger one is blocked, and free again later. */
START_TEST(a_loop_is_cut)
{
    struct lan *lan = lan_create(35);
    struct forward_usage usage;
    unsigned rounds = 0;

    lan->vswitch.bridges[0].rules.loop_guard = true;
    for (unsigned i = 0; i < 4; i++) {
        lan_add(lan, LAN_PLENTY);
        lan_run(lan, HV_MSEC);
    }
    plain(0, LAN_BROADCAST, 100);
    lan_send(lan, 0, &(struct frontend_tx){.data = data, .length = 100});
    while (lan->guest[2].port->blocked_until == 0) {
        lan_run(lan, HV_MSEC);
        bridge_them(lan, 1, 2);
        EXPECT(rounds++ < 1000, "not found");
    }
    EXPECT(lan->guest[1].port->blocked_until == 0, "the younger one of the two");
    EXPECT(lan->guest[2].port->blocked_until <= sim_now(lan->sim) + 5 * HV_SEC, "5 s");
    forward_usage(lan->vswitch.forward, &usage);
    EXPECT(usage.loops >= 1 && usage.probes >= 1, "by a probe");
    for (unsigned i = 0; i < 20; i++) {
        lan_run(lan, HV_MSEC);
        bridge_them(lan, 1, 2);
    }
    EXPECT(drops(lan, 2, DROP_LOOP) > 0, "dropped");
    /* Quiet now: what is sent to 1 comes there once and goes no further. */
    for (unsigned i = 0; i < 4; i++)
        drain(lan, i);
    plain(0, LAN_BROADCAST, 100);
    lan_send(lan, 0, &(struct frontend_tx){.data = data, .length = 100});
    lan_run(lan, HV_MSEC);
    lan_expect(lan, 3, data, 100);
    lan_expect_none(lan, 3);
    lan_run(lan, 6 * HV_SEC);
    EXPECT(lan->guest[2].port->blocked_until == 0, "free again");
    lan_destroy(lan);
}
END_TEST

/* A guest that sends from another's address proves no loop, and blocks nobody. */
START_TEST(a_spoofer_blocks_nobody)
{
    struct lan *lan = lan_create(36);
    struct forward_usage usage;

    lan->vswitch.bridges[0].rules.loop_guard = true;
    for (unsigned i = 0; i < 3; i++)
        lan_add(lan, LAN_PLENTY);
    for (unsigned i = 0; i < 500; i++) {
        struct frontend_rx *frame;

        plain(2, 0, 100);
        lan_send(lan, i % 2 ? 1 : 2, &(struct frontend_tx){.data = data, .length = 100});
        lan_run(lan, HV_MSEC);
        for (unsigned j = 0; j < 3; j++)
            while ((frame = frontend_receive(lan->guest[j].frontend)))
                free(frame);
    }
    forward_usage(lan->vswitch.forward, &usage);
    EXPECT(usage.probes >= 2 && usage.probes < 30 && usage.loops == 0, "%lu probes",
           (unsigned long)usage.probes);
    for (unsigned i = 0; i < 3; i++)
        EXPECT(lan->guest[i].port->blocked_until == 0 && drops(lan, i, DROP_LOOP) == 0, "blocked");
    lan_destroy(lan);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("forward fault");
    TCase *faults = tcase_create("faults");

    tcase_set_timeout(faults, 60);
    tcase_add_test(faults, bad_source_grants);
    tcase_add_test(faults, bad_receiver_grants);
    tcase_add_test(faults, copies_fail_at_random);
    tcase_add_test(faults, ports_vanish_in_a_burst);
    tcase_add_test(faults, ports_vanish_between_turns);
    tcase_add_test(faults, each_allocation_fails);
    tcase_add_test(faults, no_memory);
    tcase_add_test(faults, a_loop_is_cut);
    tcase_add_test(faults, a_spoofer_blocks_nobody);
    suite_add_tcase(suite, faults);
    return suite;
}
