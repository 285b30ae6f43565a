/* SPDX-License-Identifier: ISC */
/* The switch dies at any access to shared memory, and a successor of its number goes on. */
#include "lan.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define GUESTS 3U
#define FRAMES 24U /* of each guest, in one burst */

static uint8_t data[65540];

struct killer {
    struct lan *lan;
    unsigned left;
    bool killed;
    unsigned in_flight; /* frames not acknowledged at that time */
};

static unsigned unacknowledged(struct lan *lan)
{
    unsigned count = 0;

    for (unsigned i = 0; i < lan->guests; i++)
        for (unsigned q = 0; q < lan->guest[i].frontend->queues; q++) {
            const struct frontend_queue *queue = &lan->guest[i].frontend->queue[q];

            count += queue->tx->req_prod - queue->tx->rsp_prod;
        }
    return count;
}

static void kill_at(void *context, struct hv *victim, const void *address, size_t length)
{
    struct killer *killer = context;

    if (killer->killed || victim != killer->lan->hv || --killer->left > 0)
        return;
    killer->killed = true;
    killer->in_flight = unacknowledged(killer->lan);
    sim_domain_shutdown(victim, HV_EXIT_CRASH);
}

/* Frame @number of guest @from: all of its bytes follow from these. */
static size_t build(unsigned from, unsigned to, unsigned number)
{
    size_t length = number % 5 == 0 ? 9000 : 60 + number;

    for (size_t i = 0; i < length; i++)
        data[i] = (uint8_t)(i * 13 + i / 251 + number * 7 + from);
    lan_mac(data, to);
    lan_mac(data + 6, from);
    data[12] = 0x88;
    data[13] = 0xb6;
    data[14] = (uint8_t)from;
    data[15] = (uint8_t)number;
    return length;
}

static unsigned target(unsigned from, unsigned number)
{
    return (from + 1 + number % (GUESTS - 1)) % GUESTS;
}

static void send_all(struct lan *lan)
{
    for (unsigned number = 0; number < FRAMES; number++)
        for (unsigned from = 0; from < GUESTS; from++) {
            struct frontend_tx tx = {.data = data,
                                     .length = build(from, target(from, number), number)};
            ck_assert(frontend_write(
                &lan->guest[from].frontend->queue[number % lan->guest[from].frontend->queues],
                &tx));
        }
    for (unsigned from = 0; from < GUESTS; from++)
        for (unsigned q = 0; q < lan->guest[from].frontend->queues; q++)
            frontend_publish(&lan->guest[from].frontend->queue[q]);
}

/* How often each frame came; each of them whole, and to whom it was sent. */
static unsigned check_received(struct lan *lan, unsigned came[GUESTS][FRAMES])
{
    unsigned all = 0;

    for (unsigned to = 0; to < GUESTS; to++) {
        struct frontend_rx *frame;

        while ((frame = frontend_receive(lan->guest[to].frontend))) {
            unsigned from = frame->data[14], number = frame->data[15];

            ck_assert_uint_lt(from, GUESTS);
            ck_assert_uint_lt(number, FRAMES);
            /* What is not known is flooded. */
            ck_assert_uint_eq(frame->length, build(from, target(from, number), number));
            ck_assert_int_eq(memcmp(frame->data, data, frame->length), 0);
            if (to == target(from, number))
                came[from][number]++;
            all++;
            free(frame);
        }
    }
    return all;
}

static struct lan *start(uint64_t seed)
{
    struct lan *lan = lan_create(seed);
    struct frontend_config queues = LAN_PLENTY, single = LAN_PLENTY;

    queues.queues = 2;
    queues.start = 0xffffffe0U;
    single.split = false;
    lan_add(lan, LAN_PLENTY);
    lan_add(lan, queues);
    lan_add(lan, single);
    lan_learn(lan);
    return lan;
}

/* True: it was killed, so there are more steps to try. */
static bool die_at(unsigned left)
{
    struct lan *lan = start(left);
    struct killer killer = {.lan = lan, .left = left};
    unsigned came[GUESTS][FRAMES] = {{0}}, lost = 0, twice = 0, errors = 0;

    sim_set_adversary(lan->sim, kill_at, &killer);
    send_all(lan);
    lan_run(lan, HV_SEC);
    if (killer.killed) {
        lan_end(lan);
        lan_succeed(lan);
    }
    sim_set_adversary(lan->sim, NULL, NULL);
    if (killer.killed)
        lan_run(lan, HV_SEC);
    (void)check_received(lan, came);
    for (unsigned i = 0; i < GUESTS; i++) {
        ck_assert_msg(lan->guest[i].failed == 0, "ended: %s", lan->guest[i].why);
        for (unsigned q = 0; q < lan->guest[i].frontend->queues; q++) {
            const struct frontend_queue *queue = &lan->guest[i].frontend->queue[q];

            /* The frontend sees to it that each response is to a request, once, in order. */
            ck_assert_uint_eq(queue->tx_rsp, queue->tx_req);
            ck_assert_uint_eq(queue->tx_error, 0);
            errors += queue->rx_errors;
        }
    }
    for (unsigned from = 0; from < GUESTS; from++)
        for (unsigned number = 0; number < FRAMES; number++) {
            lost += came[from][number] == 0;
            twice += came[from][number] > 1 ? came[from][number] - 1 : 0;
        }
    /* Lost is at most what was in buffers that had begun to be answered, which shows. */
    ck_assert_uint_le(lost, errors);
    ck_assert_uint_le(twice, killer.in_flight);
    lan_destroy(lan);
    return killer.killed;
}

START_TEST(dies_anywhere)
{
    unsigned step = 1;

    while (die_at(step))
        step++;
    ck_assert_uint_gt(step, 100);
}
END_TEST

/* Three deaths in a row within one burst. */
START_TEST(dies_again_and_again)
{
    for (unsigned left = 5; left < 200; left += 13) {
        struct lan *lan = start(left);
        unsigned came[GUESTS][FRAMES] = {{0}};

        send_all(lan);
        for (unsigned i = 0; i < 4; i++) {
            struct killer killer = {.lan = lan, .left = left + i};

            sim_set_adversary(lan->sim, kill_at, &killer);
            lan_run(lan, HV_SEC);
            sim_set_adversary(lan->sim, NULL, NULL);
            lan_end(lan);
            lan_succeed(lan);
        }
        lan_run(lan, HV_SEC);
        (void)check_received(lan, came);
        for (unsigned i = 0; i < GUESTS; i++)
            for (unsigned q = 0; q < lan->guest[i].frontend->queues; q++)
                ck_assert_uint_eq(lan->guest[i].frontend->queue[q].tx_rsp,
                                  lan->guest[i].frontend->queue[q].tx_req);
        lan_destroy(lan);
    }
}
END_TEST

/* While nobody serves, one guest rewrites its rings' heads: that is its own harm. */
START_TEST(indices_changed_while_nobody_served)
{
    struct unit_random random = {(uint64_t)_i + 1};

    for (unsigned round = 0; round < 40; round++) {
        struct lan *lan = start(round);
        struct killer killer = {.lan = lan, .left = 1 + (unsigned)unit_random(&random, 300)};
        unsigned came[GUESTS][FRAMES] = {{0}};
        struct frontend_queue *queue = &lan->guest[0].frontend->queue[0];

        send_all(lan);
        sim_set_adversary(lan->sim, kill_at, &killer);
        lan_run(lan, HV_SEC);
        sim_set_adversary(lan->sim, NULL, NULL);
        lan_end(lan);
        for (unsigned i = 0; i < 4; i++) {
            uint32_t *head = (uint32_t *)(void *)(unit_random(&random, 2) ? queue->tx : queue->rx);
            unsigned word = (unsigned)unit_random(&random, 16);

            head[word] = unit_random(&random, 2)
                             ? head[unit_random(&random, 16)] + (uint32_t)unit_random(&random, 300)
                             : (uint32_t)unit_random(&random, UINT32_MAX);
        }
        sim_set_actor(lan->guest[0].hv, NULL, NULL);
        lan_succeed(lan);
        lan_run(lan, HV_SEC);
        frontend_forget(lan->guest[0].frontend);
        lan->guest[0].frontend = NULL;
        /* The other two talk on. */
        for (unsigned i = 1; i < GUESTS; i++)
            ck_assert_uint_eq(lan->guest[i].failed, 0);
        for (unsigned to = 1; to < GUESTS; to++) {
            struct frontend_rx *frame;

            while ((frame = frontend_receive(lan->guest[to].frontend))) {
                unsigned from = frame->data[14], number = frame->data[15];

                if (from != 0 && number < FRAMES && from < GUESTS) {
                    ck_assert_uint_eq(frame->length, build(from, target(from, number), number));
                    ck_assert_int_eq(memcmp(frame->data, data, frame->length), 0);
                    came[from][number] += to == target(from, number);
                }
                free(frame);
            }
        }
        lan_learn(lan);
        lan_send(lan, 1, &(struct frontend_tx){.data = data, .length = build(1, 2, 3)});
        lan_run(lan, HV_SEC);
        lan_expect(lan, 2, data, build(1, 2, 3));
        lan_destroy(lan);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("successor of a switch");
    TCase *cases = tcase_create("successor");

    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, dies_anywhere);
    tcase_add_test(cases, dies_again_and_again);
    tcase_add_loop_test(cases, indices_changed_while_nobody_served, 0, 4);
    suite_add_tcase(suite, cases);
    return suite;
}
