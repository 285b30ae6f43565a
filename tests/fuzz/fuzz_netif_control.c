/* SPDX-License-Identifier: ISC */
/*
 * A control ring that holds anything at all, also written between any two loads of the backend, and
 * tables and keys in pages that come and go: whatever was set, a frame goes to a queue that there
 * is, and the next frontend is served.
 *
 * Input: one byte for the number of queues and where the indices begin; one with the number of the
 * adversary's writes; these (when, where, value); then steps.
 */

#include "guest_writes.h"

#include <check.h>
#include <string.h>

#define STEPS_MAX 200U
#define RING_END  (64U + 128U * 16U)

struct fuzz {
    struct echo *echo;
    uint8_t *page; /**< with keys and tables */
    grant_ref_t ref;
    struct guest_writes writes;
};

static void poke(void *context, uint16_t where, uint8_t value)
{
    struct fuzz *fuzz = context;

    if (where & 0x8000)
        fuzz->page[where % HV_PAGE_SIZE] = value;
    else
        ((uint8_t *)fuzz->echo->frontend->control)[where % RING_END] = value;
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
    uint8_t how;

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
        guest_writes_now(&fuzz->writes, input, 64);
        break;
    case 5:
        how = input_byte(input);
        guest_writes_index(indices, how, input);
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

    sim_set_adversary(echo->sim, NULL, NULL);
    echo_disconnect(echo);
    ck_assert(frontend_page_free(echo->frontend, fuzz->page, fuzz->ref));
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
                                                   .queues = 1 + shape % NETIF_QUEUES_MAX,
                                                   .control = true,
                                                   .start = shape & 0x80 ? 0xfffffff0U : 0,
                                               })};

    fuzz.writes = (struct guest_writes){.echo = fuzz.echo, .poke = poke, .context = &fuzz};
    guest_writes_read(&fuzz.writes, &input);
    fuzz.page = frontend_page(fuzz.echo->frontend, NULL, 0, 0, true, &fuzz.ref);
    echo_start(fuzz.echo);
    sim_set_adversary(fuzz.echo->sim, guest_writes_act, &fuzz.writes);
    for (unsigned i = 0; i < STEPS_MAX && !input_empty(&input); i++)
        step(&fuzz, &input);
    finish(&fuzz);
    return 0;
}
