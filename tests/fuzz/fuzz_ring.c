/* SPDX-License-Identifier: ISC */
/*
 * A page that holds anything at all: a guest writes any bytes anywhere in its ring page, indices
 * included, and goes on doing so between any two loads of the service. Its neighbour and dom0 must
 * not notice.
 *
 * Input: one byte with the number of the adversary's writes, these (when, offset, value), then a
 * sequence of steps of the guest.
 */
#include "input.h"

#include "tests/sim/host.h"

#include <check.h>
#include <string.h>

#define STEPS_MAX  64U
#define WRITES_MAX 32U

/* One of the adversary's writes: after @loads more loads, @value goes to @offset. */
struct write {
    uint8_t loads;
    uint16_t offset;
    uint8_t value;
};

struct adversary {
    struct wire_ring *ring;
    struct write write[WRITES_MAX];
    unsigned count, next, waited;
};

static void act_between(void *context, struct hv *victim, const void *address, size_t length)
{
    struct adversary *adversary = context;
    const struct write *write = &adversary->write[adversary->next];

    (void)victim, (void)address, (void)length;
    if (adversary->next == adversary->count || adversary->waited++ < write->loads)
        return;
    ((uint8_t *)adversary->ring)[write->offset] = write->value;
    adversary->next++;
    adversary->waited = 0;
}

/* Mostly the indices and the fields behind them, and the start of the request queue. */
static uint16_t read_offset(struct input *input)
{
    uint8_t where = input_byte(input);

    return where < 0x80   ? (uint16_t)(2048 + where % 36)
           : where < 0xc0 ? (uint16_t)(where - 0x80)
                          : (uint16_t)(((where & 0x0f) << 8) | input_byte(input));
}

static void step(struct host *host, struct client *guest, struct input *input)
{
    uint8_t *page = (uint8_t *)guest->ring, what = input_byte(input);
    uint16_t offset;
    uint8_t length, bytes[256];

    switch (what % 6) {
    case 0: /* any bytes anywhere */
        offset = read_offset(input);
        length = input_byte(input);
        for (uint8_t i = 0; i < length; i++)
            page[(offset + i) % 4096U] = input_byte(input);
        break;
    case 1: /* bytes of requests, as a guest sends them */
        length = input_byte(input);
        for (uint8_t i = 0; i < length; i++)
            bytes[i] = input_byte(input);
        client_push(guest, bytes, length);
        break;
    case 2: /* one whole index */
        offset = (uint16_t)(2048 + input_byte(input) % 9 * 4);
        uint32_t value = input_word(input);
        memcpy(page + offset, &value, sizeof(value));
        break;
    case 3:
        host_pass(host, (uint64_t)input_byte(input) * 1000000);
        break;
    case 4:
        guest->deaf = !guest->deaf;
        break;
    default:
        hv_evtchn_close(guest->hv, guest->port);
        if (hv_evtchn_alloc_unbound(guest->hv, HOST_STORE_DOMID, &guest->port) != 0)
            abort();
        (void)host_introduce(host, guest);
        break;
    }
    client_notify(guest);
    if (what & 0x40)
        host_run(host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    struct host *host = host_create(&(struct host_config){.seed = size, .store_pages = 320});
    struct client *guest = host_guest(host, 2), *other = host_guest(host, 3);
    struct adversary adversary = {.ring = guest->ring};

    guest->garbled = true;
    adversary.count = input_byte(&input) % WRITES_MAX;
    for (unsigned i = 0; i < adversary.count; i++)
        adversary.write[i] =
            (struct write){input_byte(&input), read_offset(&input) % 4096U, input_byte(&input)};
    ck_assert_int_eq(client_call(other, 0, WIRE_WATCH, "mine|t|", NULL), 0);
    client_clear(other);
    sim_set_adversary(host->sim, act_between, &adversary);
    for (unsigned i = 0; i < STEPS_MAX && !input_empty(&input); i++)
        step(host, guest, &input);
    host_run(host);
    client_clear(guest);

    /* The neighbour's watch has seen nothing, and still works. */
    ck_assert_uint_eq(client_waiting(other, true), 0);
    ck_assert_int_eq(client_call(other, 0, WIRE_GET_DOMAIN_PATH, "3|", NULL), 0);
    ck_assert_int_eq(client_call(host->dom0, 0, WIRE_WRITE, "/local/domain/3/mine|x", NULL), 0);
    ck_assert_int_eq(client_call(host->dom0, 0, WIRE_SET_PERMS, "/local/domain/3/mine|n3|", NULL),
                     0);
    ck_assert_uint_eq(client_waiting(other, true), 1);
    host_destroy(host);
    return 0;
}
