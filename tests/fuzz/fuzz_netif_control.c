/* SPDX-License-Identifier: ISC */
/*
 * A control ring that holds anything at all, also written between any two loads of the backend, and
 * tables and keys in pages that come and go: whatever was set, a frame goes to a queue that there
 * is, and the next frontend is served.
 *
 * Input: one byte for the number of queues and where the indices begin; one with the number of the
 * adversary's writes; these (when, where, value); then steps.
 */
#include "input.h"

#include "tests/sim/switch/echo.h"

#include <check.h>
#include <string.h>

#define STEPS_MAX  200U
#define WRITES_MAX 32U
#define RING_END   (64U + 128U * 16U)

struct write {
    uint8_t loads, value;
    uint16_t offset;
};

struct fuzz {
    struct echo *echo;
    uint8_t *page; /**< with keys and tables */
    grant_ref_t ref;
    struct write write[WRITES_MAX];
    unsigned count, next, waited;
};

static void guest_writes(struct fuzz *fuzz, uint16_t where, uint8_t value)
{
    if (where & 0x8000)
        fuzz->page[where % HV_PAGE_SIZE] = value;
    else
        ((uint8_t *)fuzz->echo->frontend->control)[where % RING_END] = value;
}

static void act_between(void *context, struct hv *victim, const void *address, size_t length)
{
    struct fuzz *fuzz = context;
    const struct write *write = &fuzz->write[fuzz->next];

    (void)address, (void)length;
    if (victim != fuzz->echo->hv || fuzz->next == fuzz->count || fuzz->waited++ < write->loads)
        return;
    guest_writes(fuzz, write->offset, write->value);
    fuzz->next++;
    fuzz->waited = 0;
}

static uint32_t pick(struct input *input)
{
    static const uint32_t values[] = {0,   1,   2,   3,           15,          40,          41,
                                      127, 128, 129, 0xffffffffU, 0x80000000U, 0x40000000U, 64};
    uint8_t byte = input_byte(input);

    return byte < 0xc0 ? values[byte % 14] : input_word(input);
}

static void request(struct fuzz *fuzz, struct input *input)
{
    uint8_t type = input_byte(input);
    bool grant = (type & 0x0f) == 3 || (type & 0x0f) == 6;
    uint32_t data0 = grant && !(type & 0x80) ? fuzz->ref : pick(input);
    uint32_t data1 = pick(input), data2 = pick(input);

    frontend_control_send(fuzz->echo->frontend, type, type & 0x0f, data0, data1, data2);
}

/** Wherever the hash leads, there is a queue. */
static void check_select(struct fuzz *fuzz, struct input *input)
{
    uint8_t bytes[PACKET_HEADER_MAX];
    struct packet packet;
    struct netif_hash hash;

    if (fuzz->echo->netif.queue_count == 0)
        return;
    for (unsigned i = 0; i < 64; i++)
        bytes[i] = input_byte(input);
    memset(bytes + 64, 0, 64);
    packet = (struct packet){
        .data = bytes,
        .captured = bytes[0] % 129,
        .length = 128,
        .network = bytes[1] % 4,
        .protocol = bytes[2] & 1 ? 6 : 17,
        .network_at = bytes[3] % 128,
        .transport_at = bytes[4] % 128,
        .fragment = bytes[5] & 1,
    };
    ck_assert(netif_select(&fuzz->echo->netif, &packet, &hash) < fuzz->echo->netif.queue_count);
    ck_assert(hash.type <= 4);
}

static void step(struct fuzz *fuzz, struct input *input)
{
    struct echo *echo = fuzz->echo;
    uint8_t what = input_byte(input);
    uint32_t *indices = &echo->frontend->control->req_prod;
    uint16_t where;

    switch (what % 8) {
    case 0:
    case 1:
    case 2:
        request(fuzz, input);
        break;
    case 3:
        (void)hv_evtchn_send(echo->guest, echo->frontend->control_port);
        echo_run(echo);
        ck_assert(echo->failed <= 1);
        break;
    case 4:
        where = (uint16_t)(input_byte(input) << 8 | input_byte(input));
        for (unsigned count = input_byte(input) % 64; count > 0; count--)
            guest_writes(fuzz, where++, input_byte(input));
        break;
    case 5:
        where = input_byte(input);
        indices[where & 3] = where & 8 ? input_word(input) : indices[where & 3] + where / 16 - 8;
        break;
    case 6:
        check_select(fuzz, input);
        break;
    default:
        echo->failed = 0;
        echo_disconnect(echo);
        if (echo_connect(echo) == 0)
            echo_act(echo);
        break;
    }
}

static void finish(struct fuzz *fuzz)
{
    struct echo *echo = fuzz->echo;
    struct frontend_config config = echo->frontend->config;

    sim_set_adversary(echo->sim, NULL, NULL);
    echo_disconnect(echo);
    ck_assert(frontend_page_free(echo->frontend, fuzz->page, fuzz->ref));
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
                                                   .queues = 1 + shape % NETIF_QUEUES_MAX,
                                                   .control = true,
                                                   .start = shape & 0x80 ? 0xfffffff0U : 0,
                                               })};

    fuzz.count = input_byte(&input) % (WRITES_MAX + 1);
    for (unsigned i = 0; i < fuzz.count; i++) {
        fuzz.write[i].loads = input_byte(&input);
        fuzz.write[i].offset = (uint16_t)(input_byte(&input) << 8 | input_byte(&input));
        fuzz.write[i].value = input_byte(&input);
    }
    fuzz.page = frontend_page(fuzz.echo->frontend, NULL, 0, 0, true, &fuzz.ref);
    echo_start(fuzz.echo);
    sim_set_adversary(fuzz.echo->sim, act_between, &fuzz);
    for (unsigned i = 0; i < STEPS_MAX && !input_empty(&input); i++)
        step(&fuzz, &input);
    finish(&fuzz);
    return 0;
}
