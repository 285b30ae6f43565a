/* SPDX-License-Identifier: ISC */
/*
 * The rings of a vif that hold anything at all: slots, chains of extra infos, indices, also written
 * between any two loads of the backend. What it takes for a frame is sound (the echo behind the
 * rings asserts it), it writes to its own fields and slots alone, and the next frontend is served.
 *
 * Input: one byte for the number of queues, split event channels and where the indices begin; one
 * with the number of the adversary's writes; these (when, where, value); then steps.
 */
#include "input.h"

#include "tests/sim/switch/echo.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX  200U
#define WRITES_MAX 32U
#define PAGES      8U
#define TX_END     (64U + 256U * 12U)
#define RX_END     (64U + 256U * 8U)
#define BESIDE     0x3c /**< in what is nobody's of a ring's page */

struct write {
    uint8_t loads, value;
    uint16_t offset; /**< in the TX ring's page; with the highest bit set in the RX ring's */
};

struct fuzz {
    struct echo *echo;
    void *page[PAGES];
    grant_ref_t ref[PAGES + 2]; /**< pages, every other one readonly; then a ring, and nothing */
    struct write write[WRITES_MAX];
    unsigned count, next, waited;
};

static void guest_writes(struct frontend_queue *queue, uint16_t where, uint8_t value)
{
    bool rx = where & 0x8000;
    unsigned offset = (where & 0x7fffU) % (rx ? RX_END : TX_END);

    if (offset < 16 || offset >= 64)
        ((uint8_t *)(rx ? queue->rx : queue->tx))[offset] = value;
}

static void act_between(void *context, struct hv *victim, const void *address, size_t length)
{
    struct fuzz *fuzz = context;
    const struct write *write = &fuzz->write[fuzz->next];

    (void)address, (void)length;
    if (victim != fuzz->echo->hv || fuzz->next == fuzz->count || fuzz->waited++ < write->loads)
        return;
    guest_writes(&fuzz->echo->frontend->queue[0], write->offset, write->value);
    fuzz->next++;
    fuzz->waited = 0;
}

/** Beside the indices and the slots nothing was written. */
static void check_beside(const struct frontend_queue *queue, bool fill)
{
    uint8_t *pages[2] = {(uint8_t *)queue->tx, (uint8_t *)queue->rx};

    for (unsigned i = 0; i < 2; i++) {
        for (unsigned at = 16; at < HV_PAGE_SIZE; at = at == 63 ? i ? RX_END : TX_END : at + 1) {
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
    uint16_t where;

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
        where = input_byte(input);
        if (where & 4)
            indices = &queue->rx->req_prod;
        indices[where & 3] = where & 8 ? input_word(input) : indices[where & 3] + where / 16 - 8;
        break;
    case 8:
        where = (uint16_t)(input_byte(input) << 8 | input_byte(input));
        for (unsigned count = input_byte(input) % 32; count > 0; count--)
            guest_writes(queue, where++, input_byte(input));
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
    struct frontend_config config = echo->frontend->config;

    sim_set_adversary(echo->sim, NULL, NULL);
    echo_disconnect(echo);
    for (unsigned i = 0; i < PAGES; i++)
        ck_assert(frontend_page_free(echo->frontend, fuzz->page[i], fuzz->ref[i]));
    frontend_destroy(echo->frontend);
    config.buffers = 8;
    echo->frontend = frontend_create(&config);
    echo->failed = 0;
    echo_start(echo);
    echo_alive(echo);
    echo_destroy(echo);
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

    fuzz.count = input_byte(&input) % (WRITES_MAX + 1);
    for (unsigned i = 0; i < fuzz.count; i++) {
        fuzz.write[i].loads = input_byte(&input);
        fuzz.write[i].offset = (uint16_t)(input_byte(&input) << 8 | input_byte(&input));
        fuzz.write[i].value = input_byte(&input);
    }
    pages_create(&fuzz);
    for (unsigned i = 0; i < fuzz.echo->frontend->queues; i++) {
        fuzz.echo->frontend->queue[i].deaf = true;
        check_beside(&fuzz.echo->frontend->queue[i], true);
    }
    echo_start(fuzz.echo);
    sim_set_adversary(fuzz.echo->sim, act_between, &fuzz);
    for (unsigned i = 0; i < STEPS_MAX && !input_empty(&input); i++)
        step(&fuzz, &input);
    finish(&fuzz);
    return 0;
}
