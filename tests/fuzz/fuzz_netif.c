/* SPDX-License-Identifier: ISC */
/*
 * The rings of a vif that hold anything at all: slots, chains of extra infos, indices, also written
 * between any two loads of the backend. What it takes for a frame is sound (the echo behind the
 * rings asserts it), it writes to its own fields and slots alone, and the next frontend is served.
 *
 * Input: one byte for the number of queues, split event channels and where the indices begin; one
 * with the number of the adversary's writes; these (when, where, value); then steps.
 */

#include "guest_writes.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 200U
#define PAGES     8U
#define TX_END    (64U + 256U * 12U)
#define RX_END    (64U + 256U * 8U)
#define NOTE      32U         /**< where our note is, up to the slots: netif_wire.h */
#define IDS       (256U * 4U) /**< and the ids of extra infos, behind the slots of RX */
#define BESIDE    0x3c        /**< in what is nobody's of a ring's page */

struct fuzz {
    struct echo *echo;
    void *page[PAGES];
    grant_ref_t ref[PAGES + 2]; /**< pages, every other one readonly; then a ring, and nothing */
    struct guest_writes writes;
    unsigned queue; /**< whose rings are written to; between loads the first one's */
};

static void poke(void *context, uint16_t where, uint8_t value)
{
    struct fuzz *fuzz = context;
    struct frontend_queue *queue = &fuzz->echo->frontend->queue[fuzz->queue];
    bool rx = where & 0x8000;
    unsigned offset = (where & 0x7fffU) % (rx ? RX_END : TX_END);

    if (offset < 16 || offset >= NOTE)
        ((uint8_t *)(rx ? queue->rx : queue->tx))[offset] = value;
}

/** Beside the indices, the note, the slots and what is kept behind those nothing was written. */
static void check_beside(const struct frontend_queue *queue, bool fill)
{
    uint8_t *pages[2] = {(uint8_t *)queue->tx, (uint8_t *)queue->rx};

    for (unsigned i = 0; i < 2; i++) {
        const unsigned end = i ? RX_END + IDS : TX_END;

        for (unsigned at = 16; at < HV_PAGE_SIZE; at = at == NOTE - 1 ? end : at + 1) {
            if (fill)
                pages[i][at] = BESIDE;
            else
                ck_assert(pages[i][at] == BESIDE);
        }
    }
}

static uint16_t pick(struct input *input, const uint16_t *values, unsigned count)
{
    uint8_t byte = input_byte(input);

    return byte < 0xc0 ? values[byte % count] : (uint16_t)(byte << 8 | input_byte(input));
}

/** A request that is nearly right. */
static void write_request(struct fuzz *fuzz, struct frontend_queue *queue, struct input *input)
{
    static const uint16_t sizes[] = {60, 0, 14, 13, 1500, 4096, 4097, 9000, 1, 65535};
    static const uint16_t offsets[] = {0, 2, 4036, 4095, 4096};
    struct frontend_tx_request request = {
        .gref = fuzz->ref[input_byte(input) % (PAGES + 2)],
        .flags = input_byte(input) & 0x1f,
        .size = pick(input, sizes, 10),
        .offset = pick(input, offsets, 5),
        .id = (uint16_t)(queue->tx_req % 7),
    };

    frontend_write_raw(queue, &request);
}

static void write_extra(struct frontend_queue *queue, struct input *input)
{
    uint8_t slot[12] = {0};

    slot[0] = input_byte(input) % 8;
    slot[1] = input_byte(input) & 3;
    for (unsigned i = 2; i < 8; i++)
        slot[i] = input_byte(input);
    frontend_write_raw(queue, slot);
}

static void run(struct fuzz *fuzz)
{
    struct echo *echo = fuzz->echo;

    for (unsigned i = 0; i < echo->frontend->queues; i++)
        frontend_kick(&echo->frontend->queue[i]);
    echo_run(echo);
    for (unsigned i = 0; i < echo->frontend->queues; i++)
        check_beside(&echo->frontend->queue[i], false);
    ck_assert(echo->failed <= 1);
    ck_assert(echo->failed == 0 || echo->netif.failure != NULL);
}

/** What was answered is free again, as far as rsp_prod may be believed. */
static void forget_answered(struct frontend_queue *queue)
{
    if (queue->tx->rsp_prod - queue->tx_rsp <= queue->tx_req - queue->tx_rsp)
        queue->tx_rsp = queue->tx->rsp_prod;
    if (queue->rx->rsp_prod - queue->rx_rsp <= queue->rx_req - queue->rx_rsp)
        queue->rx_rsp = queue->rx->rsp_prod;
}

static void reconnect(struct fuzz *fuzz, bool die)
{
    struct echo *echo = fuzz->echo;

    echo->failed = 0;
    if (die) {
        echo_kill(echo);
    } else {
        echo_disconnect(echo);
    }
    if (echo_connect(echo) == 0)
        echo_act(echo);
}

static void step(struct fuzz *fuzz, struct input *input)
{
    struct echo *echo = fuzz->echo;
    uint8_t what = input_byte(input);
    struct frontend_queue *queue = &echo->frontend->queue[what / 16 % echo->frontend->queues];
    uint32_t *indices = &queue->tx->req_prod;
    uint8_t how;

    switch (what % 12) {
    case 0:
    case 1:
    case 2:
        if (frontend_room(queue) > 0)
            write_request(fuzz, queue, input);
        break;
    case 3:
        if (frontend_room(queue) > 0)
            write_extra(queue, input);
        break;
    case 4:
    case 5:
        frontend_publish(queue);
        run(fuzz);
        forget_answered(queue);
        break;
    case 6: /* buffers, not in a ring, so that only the backend itself writes there */
        for (unsigned count = 1 + input_byte(input) % 32; count > 0; count--) {
            if (queue->rx_req - queue->rx_rsp == FRONTEND_SLOTS)
                break;
            frontend_post_raw(queue, (uint16_t)count, fuzz->ref[count % PAGES]);
        }
        frontend_post_publish(queue);
        break;
    case 7:
        how = input_byte(input);
        if (how & 4)
            indices = &queue->rx->req_prod;
        guest_writes_index(indices, how, input);
        break;
    case 8:
        fuzz->queue = queue->index;
        guest_writes_now(&fuzz->writes, input, 32);
        fuzz->queue = 0;
        break;
    case 9:
        run(fuzz);
        break;
    case 10:
        reconnect(fuzz, false);
        break;
    default:
        reconnect(fuzz, true);
        break;
    }
}

static void pages_create(struct fuzz *fuzz)
{
    struct frontend *frontend = fuzz->echo->frontend;

    for (unsigned i = 0; i < PAGES; i++)
        fuzz->page[i] = frontend_page(frontend, NULL, 0, 0, i % 2, &fuzz->ref[i]);
    fuzz->ref[PAGES] = frontend->queue[0].tx_ref;
    fuzz->ref[PAGES + 1] = 99999;
}

/** The backend is well: it serves another frontend. */
static void finish(struct fuzz *fuzz)
{
    struct echo *echo = fuzz->echo;

    sim_set_adversary(echo->sim, NULL, NULL);
    echo_disconnect(echo);
    for (unsigned i = 0; i < PAGES; i++)
        ck_assert(frontend_page_free(echo->frontend, fuzz->page[i], fuzz->ref[i]));
    guest_writes_finish(&fuzz->writes);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    uint8_t shape = input_byte(&input);
    struct fuzz fuzz = {.echo = echo_create(1, (struct frontend_config){
                                                   .queues = 1 + shape % 2,
                                                   .split = shape & 2,
                                                   .start = shape & 4 ? 0xfffffff0U : 0,
                                               })};

    fuzz.writes = (struct guest_writes){.echo = fuzz.echo, .poke = poke, .context = &fuzz};
    guest_writes_read(&fuzz.writes, &input);
    pages_create(&fuzz);
    for (unsigned i = 0; i < fuzz.echo->frontend->queues; i++) {
        fuzz.echo->frontend->queue[i].deaf = true;
        check_beside(&fuzz.echo->frontend->queue[i], true);
    }
    echo_start(fuzz.echo);
    sim_set_adversary(fuzz.echo->sim, guest_writes_act, &fuzz.writes);
    for (unsigned i = 0; i < STEPS_MAX && !input_empty(&input); i++)
        step(&fuzz, &input);
    finish(&fuzz);
    return 0;
}
