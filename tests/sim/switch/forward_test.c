/* SPDX-License-Identifier: ISC */
/* Frames through the whole engine, byte for byte, and what that costs. */
#include "lan.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/expect.h"
#include "tests/unit/unit.h"

static uint8_t data[65540];

START_TEST(each_size)
{
    struct lan *lan = lan_create(1);
    const struct port_counters *in, *out;
    unsigned frames = 0;

    lan_add(lan, LAN_PLENTY);
    lan_add(lan, LAN_PLENTY);
    lan_learn(lan);
    in = &lan->guest[0].port->counters;
    out = &lan->guest[1].port->counters;
    for (size_t length = 14; length <= 65535; length += length < 200 ? 1 : 977) {
        uint64_t copies = in->copies, payload = in->payload_copies, bytes = in->copy_bytes;
        size_t slots = (length + 4095) / 4096;

        lan_build(data, &(struct lan_frame){.from = 0, .to = 1, .length = length});
        lan_send(lan, 0, &(struct frontend_tx){.data = data, .length = length});
        lan_run(lan, HV_SEC);
        lan_expect(lan, 1, data, length);
        frames++;
        EXPECT((in->in_frames) == frames, "in->in_frames == frames");
        EXPECT((out->out_frames) == frames, "out->out_frames == frames");
        /* Headers once in and once out, the rest once from page to page. */
        EXPECT((in->payload_copies - payload) == (length <= 128 ? 0 : slots),
               "in->payload_copies - payload == length <= 128 ? 0 : slots");
        EXPECT((in->copies - copies) == 2 + (length <= 128 ? 0 : slots),
               "in->copies - copies == 2 + (length <= 128 ? 0 : slots)");
        EXPECT((in->copy_bytes - bytes) == (length <= 128 ? 2 * length : length + 128),
               "in->copy_bytes - bytes == length <= 128 ? 2 * length : length + 128");
    }
    EXPECT((in->in_bytes) == out->out_bytes, "in->in_bytes == out->out_bytes");
    lan_destroy(lan);
}
END_TEST

/* However it is cut up by its sender, to receivers of each kind. */
START_TEST(each_split)
{
    struct lan *lan = lan_create(2);
    struct unit_random random = {.state = 5};
    struct frontend_config split = LAN_PLENTY, single = LAN_PLENTY, queues = LAN_PLENTY;
    static const uint16_t headrooms[] = {0, 256, 1000, 2048};

    single.sg = single.gso_tcpv4 = single.gso_tcpv6 = false;
    split.split = false;
    queues.queues = 4;
    lan_add(lan, LAN_PLENTY);
    lan_add(lan, split);
    lan_add(lan, single);
    lan_add(lan, queues);
    lan_add(lan, queues);
    lan_learn(lan);
    for (unsigned round = 0; round < 600; round++) {
        unsigned slots = 1 + (unsigned)unit_random(&random, NETIF_SLOTS_MAX);
        unsigned from = (unsigned)unit_random(&random, 5), to = (unsigned)unit_random(&random, 5);
        uint16_t sizes[NETIF_SLOTS_MAX], offset[NETIF_SLOTS_MAX];
        uint16_t headroom = headrooms[unit_random(&random, 4)];
        bool small = unit_random(&random, 2);
        size_t length = 0;

        if (from == to)
            continue;
        lan->guest[to].port->netif.config.xdp_headroom = headroom;
        for (unsigned i = 0; i < slots; i++) {
            unsigned room = 65535 - (unsigned)length, most = room < 4096 ? room : 4096;

            if (small && most > 200)
                most = 200;
            sizes[i] = (uint16_t)(unit_random(&random, 4) ? unit_random(&random, most + 1)
                                                          : unit_random(&random, 3));
            offset[i] = (uint16_t)unit_random(&random, 4097U - sizes[i]);
            length += sizes[i];
        }
        if (length < 14)
            continue;
        lan_build(data, &(struct lan_frame){.from = from, .to = to, .length = length});
        lan_send(
            lan, from,
            &(struct frontend_tx){
                .data = data, .length = length, .slots = slots, .split = sizes, .offset = offset});
        lan_run(lan, HV_SEC);
        if (to == 2 && length > 4096U - headroom)
            lan_expect_none(lan, to);
        else
            lan_expect(lan, to, data, length);
    }
    lan_destroy(lan);
}
END_TEST

/* Headers in many small slots are put together before anybody looks at them (XSA-423). */
START_TEST(headers_in_many_slots_xsa_423)
{
    struct lan *lan = lan_create(3);
    uint16_t sizes[NETIF_SLOTS_MAX];

    lan_add(lan, LAN_PLENTY);
    lan_add(lan, LAN_PLENTY);
    lan_learn(lan);
    lan->guest[0].port->policy.lock = RULES_LOCK_LOCKED;
    lan->guest[0].port->policy.mac_count = 1;
    lan_mac(lan->guest[0].port->policy.macs[0], 0);
    lan->guest[0].port->policy.ipv4_count = 1;
    memcpy(lan->guest[0].port->policy.ipv4[0].address, (uint8_t[]){10, 0, 0, 0}, 4);
    lan->guest[0].port->policy.ipv4[0].length = 32;
    for (unsigned first = 1; first <= 70; first++) {
        unsigned each = first < 14 ? first : 5;

        for (unsigned spoof = 0; spoof < 2; spoof++) {
            size_t left, length = 200;

            lan_build(data,
                      &(struct lan_frame){.from = 0, .to = 1, .kind = LAN_UDP4, .length = length});
            data[14 + 15] ^= (uint8_t)spoof;
            left = length - first;
            sizes[0] = (uint16_t)first;
            for (unsigned i = 1; i < NETIF_SLOTS_MAX; i++) {
                sizes[i] = (uint16_t)(i + 1 == NETIF_SLOTS_MAX ? left : left < each ? left : each);
                left -= sizes[i];
            }
            lan_send(lan, 0,
                     &(struct frontend_tx){
                         .data = data, .length = length, .slots = NETIF_SLOTS_MAX, .split = sizes});
            lan_run(lan, HV_SEC);
            if (spoof)
                lan_expect_none(lan, 1);
            else
                lan_expect(lan, 1, data, length);
        }
    }
    EXPECT((lan->guest[0].port->counters.drops[DROP_SOURCE_IPV4]) == 70,
           "lan->guest[0].port->counters.drops[DROP_SOURCE_IPV4] == 70");
    lan_destroy(lan);
}
END_TEST

/* The first slot has enough for IPv4's headers, and the frame is IPv6. */
START_TEST(headers_beyond_the_first_slot)
{
    struct lan *lan = lan_create(8);
    struct policy *policy;

    lan_add(lan, LAN_PLENTY);
    lan_add(lan, LAN_PLENTY);
    lan_learn(lan);
    policy = &lan->guest[0].port->policy;
    policy->lock = RULES_LOCK_LOCKED;
    policy->mac_count = policy->ipv6_count = 1;
    lan_mac(policy->macs[0], 0);
    policy->ipv6[0] = (struct rules_prefix){.address = {0xfd}, .length = 128};
    for (uint16_t first = 50; first < 80; first++) {
        uint16_t sizes[3] = {first, 5, (uint16_t)(300 - 5 - first)};

        lan_build(data, &(struct lan_frame){.from = 0, .to = 1, .kind = LAN_UDP6, .length = 300});
        lan_send(lan, 0,
                 &(struct frontend_tx){.data = data, .length = 300, .slots = 3, .split = sizes});
        lan_run(lan, HV_SEC);
        lan_expect(lan, 1, data, 300);
    }
    lan_destroy(lan);
}
END_TEST

/* A burst costs two calls, and one notification at each end. */
START_TEST(a_burst_in_two_calls)
{
    struct lan *lan = lan_create(4);
    struct sim_usage before, after;
    const struct port_counters *in, *out;

    lan_add(lan, LAN_PLENTY);
    lan_add(lan, LAN_PLENTY);
    lan_learn(lan);
    lan_run(lan, HV_SEC);
    in = &lan->guest[0].port->counters;
    out = &lan->guest[1].port->counters;
    sim_usage(lan->hv, &before);
    lan->vswitch.totals.frames = 0;
    for (unsigned i = 0; i < 64; i++) {
        lan_build(data, &(struct lan_frame){.from = 0, .to = 1, .length = 1514});
        EXPECT(frontend_write(&lan->guest[0].frontend->queue[0],
                              &(struct frontend_tx){.data = data, .length = 1514}),
               "frontend_write(&lan->guest[0].frontend->queue[0], &(struct frontend_tx){.data = "
               "data, .length = 1514})");
    }
    frontend_publish(&lan->guest[0].frontend->queue[0]);
    lan_run(lan, HV_SEC);
    for (unsigned i = 0; i < 64; i++)
        free(frontend_receive(lan->guest[1].frontend));
    sim_usage(lan->hv, &after);
    EXPECT((lan->vswitch.totals.frames) == 64, "lan->vswitch.totals.frames == 64");
    EXPECT((after.copy_calls - before.copy_calls) == 2,
           "after.copy_calls - before.copy_calls == 2");
    EXPECT((after.copies - before.copies) == 3 * 64, "after.copies - before.copies == 3 * 64");
    EXPECT((after.copy_bytes - before.copy_bytes) == 64 * (1514 + 128),
           "after.copy_bytes - before.copy_bytes == 64 * (1514 + 128)");
    EXPECT((in->notifications + out->notifications) == after.sends - before.sends,
           "in->notifications + out->notifications == after.sends - before.sends");
    EXPECT((in->notifications) <= 1, "in->notifications <= 1");
    EXPECT((out->notifications) == 1, "out->notifications == 1");
    EXPECT((lan->vswitch.totals.copy_calls) == after.copy_calls,
           "lan->vswitch.totals.copy_calls == after.copy_calls");
    EXPECT((lan->vswitch.totals.copies) == after.copies,
           "lan->vswitch.totals.copies == after.copies");
    EXPECT((lan->vswitch.totals.copy_bytes) == after.copy_bytes,
           "lan->vswitch.totals.copy_bytes == after.copy_bytes");
    EXPECT((lan->vswitch.totals.notifications) == after.sends,
           "lan->vswitch.totals.notifications == after.sends");
    EXPECT((in->copies) == 3 * 64, "in->copies == 3 * 64");
    EXPECT((in->payload_copies) == 64, "in->payload_copies == 64");
    EXPECT((in->copy_bytes) == 64 * (1514 + 128), "in->copy_bytes == 64 * (1514 + 128)");
    lan_destroy(lan);
}
END_TEST

/* To all others, and from one of them back to the first alone. */
START_TEST(flooded_then_learned)
{
    struct lan *lan = lan_create(5);
    unsigned kinds[] = {LAN_BROADCAST, LAN_UNKNOWN, LAN_MULTICAST};

    for (unsigned i = 0; i < 40; i++)
        lan_add(lan, LAN_PLENTY);
    for (unsigned k = 0; k < 3; k++) {
        for (size_t length = 60; length < 20000; length = length * 3 + 1) {
            size_t total =
                lan_build(data, &(struct lan_frame){.from = 3, .to = kinds[k], .length = length});

            lan_send(lan, 3, &(struct frontend_tx){.data = data, .length = total});
            lan_run(lan, HV_SEC);
            for (unsigned i = 0; i < 40; i++) {
                if (i == 3)
                    lan_expect_none(lan, i);
                else
                    lan_expect(lan, i, data, total);
            }
        }
    }
    for (unsigned i = 0; i < 40; i++) {
        if (i == 3)
            continue;
        lan_build(data, &(struct lan_frame){.from = i, .to = 3, .length = 700});
        lan_send(lan, i, &(struct frontend_tx){.data = data, .length = 700});
        lan_run(lan, HV_SEC);
        lan_expect(lan, 3, data, 700);
        for (unsigned j = 0; j < 40; j++)
            lan_expect_none(lan, j);
    }
    EXPECT((lan->guest[3].port->counters.in_broadcast) == 6,
           "lan->guest[3].port->counters.in_broadcast == 6");
    EXPECT((lan->guest[3].port->counters.in_multicast) == 6,
           "lan->guest[3].port->counters.in_multicast == 6");
    EXPECT((lan->guest[4].port->counters.out_broadcast) == 6,
           "lan->guest[4].port->counters.out_broadcast == 6");
    EXPECT((lan->guest[4].port->counters.out_multicast) == 6,
           "lan->guest[4].port->counters.out_multicast == 6");
    lan_destroy(lan);
}
END_TEST

/* Many large broadcasts at once: more operations than a call takes, more calls than a turn makes.
 */
START_TEST(a_flood_beyond_a_turn)
{
    struct lan *lan = lan_create(6);
    const unsigned guests = 48, frames = 12;
    static uint8_t sent[12][60000];
    struct frontend_config config = LAN_PLENTY;

    config.buffers = 250;
    for (unsigned i = 0; i < guests; i++)
        lan_add(lan, config);
    for (unsigned i = 0; i < frames; i++) {
        lan_build(sent[i], &(struct lan_frame){.from = i, .to = LAN_BROADCAST, .length = 60000});
        lan_send(lan, i, &(struct frontend_tx){.data = sent[i], .length = 60000});
    }
    lan_run(lan, HV_SEC);
    for (unsigned i = 0; i < guests; i++) {
        for (unsigned j = 0; j < frames; j++) {
            struct frontend_rx *frame;
            unsigned from;

            if (i < frames && j == frames - 1)
                break;
            frame = frontend_receive(lan->guest[i].frontend);
            EXPECT(frame != NULL && frame->length == 60000,
                   "frame != NULL && frame->length == 60000");
            from = frame->data[11];
            EXPECT((from) != i, "from != i");
            EXPECT(memcmp(frame->data, sent[from], 60000) == 0, "other bytes");
            free(frame);
        }
        lan_expect_none(lan, i);
    }
    EXPECT((lan->vswitch.totals.copy_calls) > FORWARD_CALLS,
           "lan->vswitch.totals.copy_calls > FORWARD_CALLS");
    lan_destroy(lan);
}
END_TEST

/* Each flow in its order, however many queues there are at both ends. */
START_TEST(flows_keep_their_order)
{
    struct lan *lan = lan_create(7);
    struct frontend_config config = LAN_PLENTY;
    unsigned next[4] = {0}, used[4] = {0};
    struct frontend_rx *frame;

    config.queues = 4;
    lan_add(lan, config);
    lan_add(lan, config);
    lan_learn(lan);
    for (unsigned i = 0; i < 400; i++) {
        unsigned flow = i % 4;

        lan_build(data, &(struct lan_frame){.from = 0, .to = 1, .kind = LAN_UDP4, .length = 100});
        data[14 + 20 + 1] = (uint8_t)(flow * 17); /* source port */
        data[60] = (uint8_t)flow;
        data[61] = (uint8_t)(i / 4);
        EXPECT(frontend_send(lan->guest[0].frontend, flow,
                             &(struct frontend_tx){.data = data, .length = 100}),
               "frontend_send(lan->guest[0].frontend, flow, &(struct frontend_tx){.data = data, "
               ".length = 100})");
        if (i % 32 == 31)
            lan_run(lan, HV_SEC);
    }
    lan_run(lan, HV_SEC);
    while ((frame = frontend_receive(lan->guest[1].frontend))) {
        unsigned flow = frame->data[60];

        EXPECT((flow) < 4, "flow < 4");
        EXPECT((frame->data[61]) == next[flow]++, "frame->data[61] == next[flow]++");
        used[frame->queue]++;
        free(frame);
    }
    for (unsigned i = 0; i < 4; i++)
        EXPECT((next[i]) == 100, "next[i] == 100");
    EXPECT((used[0]) < 400, "used[0] < 400");
    lan_destroy(lan);
}
END_TEST

#define CIRCLE 4U

/* Who sent which frame to whom, in the order of the senders' requests, one slot each. */
static struct order {
    struct lan *lan;
    uint8_t to[CIRCLE][FRONTEND_SLOTS];
    unsigned sent[CIRCLE];
    uint64_t looks;
    bool behind; /* a receiver's ring had it before the sender's acknowledged it: seen at least once
                  */
} order;

/* What the rings say at this moment is what they would say for ever if the switch ended here. */
static void look_at_rings(void *context, struct hv *victim, const void *address, size_t length)
{
    unsigned acknowledged[CIRCLE] = {0}, delivered = 0, total = 0;

    (void)context, (void)address, (void)length;
    if (victim != order.lan->hv)
        return;
    order.looks++;
    for (unsigned from = 0; from < CIRCLE; from++) {
        const struct frontend_queue *queue = &order.lan->guest[from].frontend->queue[0];

        EXPECT(queue->tx->rsp_prod <= order.sent[from], "no answer to what was not sent");
        for (unsigned i = 0; i < queue->tx->rsp_prod; i++)
            acknowledged[order.to[from][i]]++;
        total += queue->tx->rsp_prod;
    }
    for (unsigned to = 0; to < CIRCLE; to++) {
        unsigned there = order.lan->guest[to].frontend->queue[0].rx->rsp_prod;

        EXPECT(acknowledged[to] <= there, "guest %u: %u frames acknowledged, %u delivered", to,
               acknowledged[to], there);
        delivered += there;
    }
    order.behind = order.behind || total < delivered;
}

/* Whenever the switch ends, what it has acknowledged is in its receivers' rings. */
START_TEST(acknowledged_is_delivered)
{
    struct lan *lan = lan_create(9);
    struct unit_random random = {.state = 9};
    struct frontend_config config = LAN_PLENTY;

    config.buffers = 250;
    config.split = _i == 0;
    memset(&order, 0, sizeof(order));
    order.lan = lan;
    for (unsigned i = 0; i < CIRCLE; i++)
        lan_add(lan, config);
    lan_learn(lan);
    sim_set_adversary(lan->sim, look_at_rings, NULL);
    for (unsigned round = 0; round < 12; round++) {
        for (unsigned i = 0; i < 20; i++) {
            unsigned from = (unsigned)unit_random(&random, CIRCLE);
            unsigned to = (from + 1 + (unsigned)unit_random(&random, CIRCLE - 1)) % CIRCLE;
            size_t length = 60 + unit_random(&random, 4000);

            order.to[from][order.sent[from]++] = (uint8_t)to;
            lan_build(data, &(struct lan_frame){.from = from, .to = to, .length = length});
            lan_send(lan, from, &(struct frontend_tx){.data = data, .length = length});
        }
        lan_run(lan, HV_MSEC);
    }
    sim_set_adversary(lan->sim, NULL, NULL);
    EXPECT(order.behind && order.looks > 500, "looked at often enough: %lu",
           (unsigned long)order.looks);
    for (unsigned from = 0; from < CIRCLE; from++)
        EXPECT(lan->guest[from].frontend->queue[0].tx_okay == order.sent[from], "all of them");
    lan_destroy(lan);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("forward");
    TCase *frames = tcase_create("frames");

    tcase_set_timeout(frames, 60);
    tcase_add_test(frames, each_size);
    tcase_add_test(frames, each_split);
    tcase_add_test(frames, headers_in_many_slots_xsa_423);
    tcase_add_test(frames, headers_beyond_the_first_slot);
    tcase_add_test(frames, a_burst_in_two_calls);
    tcase_add_test(frames, flooded_then_learned);
    tcase_add_test(frames, a_flood_beyond_a_turn);
    tcase_add_test(frames, flows_keep_their_order);
    tcase_add_loop_test(frames, acknowledged_is_delivered, 0, 2);
    suite_add_tcase(suite, frames);
    return suite;
}
