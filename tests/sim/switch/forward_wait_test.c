/* SPDX-License-Identifier: ISC */
/* Receivers without buffers, and who has to wait for whom. */
#include "lan.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/expect.h"
#include "tests/unit/unit.h"

static uint8_t data[65540];

static const struct port_counters *counters(const struct lan *lan, unsigned guest)
{
    return &lan->guest[guest].port->counters;
}

static void send_to(struct lan *lan, unsigned from, unsigned to, size_t length)
{
    lan_build(data, &(struct lan_frame){.from = from, .to = to, .length = length});
    lan_send(lan, from, &(struct frontend_tx){.data = data, .length = length});
}

static unsigned drain(struct lan *lan, unsigned guest)
{
    struct frontend_rx *frame;
    unsigned count = 0;

    for (; (frame = frontend_receive(lan->guest[guest].frontend)); count++)
        free(frame);
    return count;
}

/** Guest 1 posts nothing by itself. */
static struct lan *create(uint64_t seed)
{
    struct lan *lan = lan_create(seed);
    struct frontend_config config = LAN_PLENTY;

    lan_add(lan, LAN_PLENTY);
    config.buffers = 0;
    lan_add(lan, config);
    lan_add(lan, LAN_PLENTY);
    lan_learn(lan);
    return lan;
}

/* It waits, in order, and others overtake it; its answer comes with the delivery. */
START_TEST(waits_for_buffers)
{
    struct lan *lan = create(21);
    struct frontend_queue *rx = &lan->guest[1].frontend->queue[0];
    static uint8_t first[3000], second[9000];

    send_to(lan, 0, 1, sizeof(first));
    memcpy(first, data, sizeof(first));
    send_to(lan, 0, 1, sizeof(second));
    memcpy(second, data, sizeof(second));
    send_to(lan, 0, 2, 100);
    lan_run(lan, 2 * HV_MSEC);
    lan_expect(lan, 2, data, 100);
    lan_expect_none(lan, 1);
    EXPECT(counters(lan, 1)->waited == 2, "two wait");
    EXPECT(frontend_room(&lan->guest[0].frontend->queue[0]) == FRONTEND_SLOTS - 5, "unanswered");
    frontend_post(rx, 1);
    lan_run(lan, 2 * HV_MSEC);
    lan_expect(lan, 1, first, sizeof(first));
    frontend_post(rx, 2); /* one too few */
    lan_run(lan, HV_MSEC);
    lan_expect_none(lan, 1);
    frontend_post(rx, 1);
    lan_run(lan, HV_MSEC);
    lan_expect(lan, 1, second, sizeof(second));
    EXPECT(frontend_room(&lan->guest[0].frontend->queue[0]) == FRONTEND_SLOTS, "answered");
    /* Each gets what it waited for: the first does not spread over more than that. */
    lan_build(data, &(struct lan_frame){.from = 0, .to = 1, .length = 8162});
    for (unsigned i = 0; i < 2; i++)
        lan_send(lan, 0,
                 &(struct frontend_tx){.data = data,
                                       .length = 8162,
                                       .slots = 3,
                                       .split = (const uint16_t[]){66, 4096, 4000}});
    lan_run(lan, HV_MSEC);
    frontend_post(rx, 4);
    lan_run(lan, HV_MSEC);
    EXPECT(drain(lan, 1) == 2, "both");
    /* A small one does not overtake a large one, though there is a buffer for it. */
    frontend_post(rx, 1);
    send_to(lan, 0, 1, sizeof(second));
    memcpy(second, data, sizeof(second));
    lan_run(lan, HV_MSEC);
    send_to(lan, 0, 1, 100);
    lan_run(lan, HV_MSEC);
    lan_expect_none(lan, 1);
    frontend_post(rx, 3);
    lan_run(lan, HV_MSEC);
    lan_expect(lan, 1, second, sizeof(second));
    lan_expect(lan, 1, data, 100);
    EXPECT(counters(lan, 1)->drops[DROP_NO_BUFFER] == 0, "none lost");
    lan_destroy(lan);
}
END_TEST

/* After 10 ms it is dropped; then nobody waits for that receiver until it has recovered. */
START_TEST(stalled_xsa_392)
{
    struct lan *lan = create(22);
    struct forward_usage usage;
    uint64_t longest = 0;

    for (unsigned i = 0; i < 300; i++) {
        uint64_t start = sim_now(lan->sim);

        send_to(lan, 0, 1, 100);
        send_to(lan, 0, LAN_BROADCAST, 100);
        send_to(lan, 0, 2, 100);
        while (frontend_room(&lan->guest[0].frontend->queue[0]) != FRONTEND_SLOTS) {
            lan_run(lan, HV_MSEC / 10);
            frontend_poll(lan->guest[0].frontend);
        }
        if (sim_now(lan->sim) - start > longest)
            longest = sim_now(lan->sim) - start;
        EXPECT(i == 0 || sim_now(lan->sim) - start < HV_MSEC, "frame %u waited", i);
        EXPECT(drain(lan, 2) == 2, "the other one gets all");
    }
    EXPECT(longest >= FORWARD_WAIT && longest < FORWARD_WAIT + HV_MSEC, "%lu",
           (unsigned long)longest);
    forward_usage(lan->vswitch.forward, &usage);
    EXPECT(usage.stalls == 1 && usage.waited == 1 && usage.expired == 1, "one wait");
    EXPECT(counters(lan, 1)->drops[DROP_NO_BUFFER] >= 1, "the first");
    EXPECT(counters(lan, 1)->drops[DROP_NO_BUFFER] + counters(lan, 1)->drops[DROP_STALLED] == 600,
           "each is counted");
    /* It posts again: frames come at once, and may wait again after a while. */
    frontend_post(&lan->guest[1].frontend->queue[0], 10);
    lan_run(lan, HV_MSEC);
    for (unsigned i = 0; i < 10; i++) {
        send_to(lan, 0, 1, 100);
        lan_run(lan, HV_MSEC);
        lan_expect(lan, 1, data, 100);
    }
    lan_run(lan, 2 * FORWARD_STALL);
    send_to(lan, 0, 1, 100);
    lan_run(lan, HV_MSEC);
    frontend_post(&lan->guest[1].frontend->queue[0], 1);
    lan_run(lan, HV_MSEC);
    lan_expect(lan, 1, data, 100);
    lan_destroy(lan);
}
END_TEST

/* A buffer now and then, always in time: the patience with that is bounded. */
START_TEST(trickling_xsa_392)
{
    struct lan *lan = create(23);
    uint64_t start, paused = 0;

    for (unsigned i = 0; i < 200; i++) {
        send_to(lan, 0, 1, 100);
        start = sim_now(lan->sim);
        for (unsigned j = 0; j < 8; j++) {
            lan_run(lan, HV_MSEC);
            frontend_poll(lan->guest[0].frontend);
            if (frontend_room(&lan->guest[0].frontend->queue[0]) == FRONTEND_SLOTS)
                break;
        }
        if (sim_now(lan->sim) - start > HV_MSEC)
            paused++;
        frontend_post(&lan->guest[1].frontend->queue[0], 1);
        lan_run(lan, HV_MSEC);
        drain(lan, 1);
    }
    EXPECT(paused < 30, "%lu pauses", (unsigned long)paused);
    lan_destroy(lan);
}
END_TEST

/* No more than half a sender's ring waits, and the rest goes on. */
START_TEST(half_a_ring)
{
    struct lan *lan = create(24);

    for (unsigned i = 0; i < 200; i++)
        send_to(lan, 0, 1, 100);
    for (unsigned i = 0; i < 50; i++)
        send_to(lan, 0, 2, 100);
    lan_run(lan, 5 * HV_MSEC);
    EXPECT(drain(lan, 2) == 50, "others are served");
    EXPECT(counters(lan, 1)->waited == FORWARD_WAITING, "half a ring");
    EXPECT(counters(lan, 1)->drops[DROP_NO_BUFFER] == 200 - FORWARD_WAITING, "no more");
    frontend_post(&lan->guest[1].frontend->queue[0], FORWARD_WAITING);
    lan_run(lan, HV_MSEC);
    EXPECT(drain(lan, 1) == FORWARD_WAITING, "those that waited");
    EXPECT(frontend_room(&lan->guest[0].frontend->queue[0]) == FRONTEND_SLOTS, "answered");
    lan_run(lan, 2 * FORWARD_STALL);
    for (unsigned i = 0; i < 100; i++)
        send_to(lan, 0, 1, 6000); /* two slots each */
    lan_run(lan, HV_MSEC);
    EXPECT(counters(lan, 1)->waited == FORWARD_WAITING + FORWARD_WAITING / 2, "by slots");
    lan_destroy(lan);
}
END_TEST

/* Either end may go while frames wait, which are dropped then (XSA-424; 90, 374, 441). */
START_TEST(gone_while_waiting_xsa_424)
{
    for (unsigned who = 0; who < 2; who++) {
        for (unsigned dead = 0; dead < 2; dead++) {
            struct lan *lan = create(25);

            for (unsigned i = 0; i < 20; i++)
                send_to(lan, 0, 1, 3000);
            lan_run(lan, HV_MSEC);
            EXPECT(counters(lan, 1)->waited == 20, "they wait");
            if (dead)
                lan_kill(lan, &lan->guest[who]);
            lan_disconnect(lan, &lan->guest[who]);
            lan_run(lan, HV_MSEC);
            EXPECT(counters(lan, 0)->drops[DROP_NO_PORT] == 20, "dropped");
            if (who == 1) {
                EXPECT(frontend_room(&lan->guest[0].frontend->queue[0]) == FRONTEND_SLOTS,
                       "answered");
                send_to(lan, 0, 2, 100);
                lan_run(lan, HV_MSEC);
                lan_expect(lan, 2, data, 100);
            }
            lan_run(lan, HV_SEC);
            lan_destroy(lan);
        }
    }
}
END_TEST

/* Ten that send without end do not starve one that sends now and then. */
START_TEST(a_turn_for_each)
{
    struct lan *lan = lan_create(26);
    struct frontend_config config = LAN_PLENTY;
    unsigned got[12] = {0};
    struct frontend_rx *frame;

    config.buffers = 250;
    for (unsigned i = 0; i < 12; i++)
        lan_add(lan, config);
    lan_learn(lan);
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 11; i++) {
            struct frontend_queue *queue = &lan->guest[i].frontend->queue[0];
            unsigned count = i == 0 ? 16 : 250;

            lan_build(data, &(struct lan_frame){.from = i, .to = 11, .length = 60});
            while (count-- &&
                   frontend_write(queue, &(struct frontend_tx){.data = data, .length = 60})) {
            }
            frontend_publish(queue);
        }
        lan_run(lan, HV_MSEC);
        while ((frame = frontend_receive(lan->guest[11].frontend))) {
            got[frame->data[11]]++;
            free(frame);
        }
    }
    EXPECT(got[0] == 4 * 16, "%u of the modest one's", got[0]);
    for (unsigned i = 1; i < 11; i++)
        EXPECT(got[i] > 4 * 16, "%u of %u", got[i], i);
    lan_destroy(lan);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("forward wait");
    TCase *waits = tcase_create("waits");

    tcase_set_timeout(waits, 60);
    tcase_add_test(waits, waits_for_buffers);
    tcase_add_test(waits, stalled_xsa_392);
    tcase_add_test(waits, trickling_xsa_392);
    tcase_add_test(waits, half_a_ring);
    tcase_add_test(waits, gone_while_waiting_xsa_424);
    tcase_add_test(waits, a_turn_for_each);
    suite_add_tcase(suite, waits);
    return suite;
}
