/* SPDX-License-Identifier: ISC */
/**
 * @file guest_writes.h
 * A frontend that writes into its own shared pages, also between any two loads of the backend, as
 * the input says: for the targets that fuzz rings in front of the echo.
 */
#ifndef TESTS_FUZZ_GUEST_WRITES_H
#define TESTS_FUZZ_GUEST_WRITES_H

#include <check.h>

#include "input.h"
#include "tests/sim/switch/echo.h"

#define GUEST_WRITES_MAX 32U

/** A byte at @where; which page and offset that is, is the target's. */
typedef void guest_poke_fn(void *context, uint16_t where, uint8_t value);

struct guest_writes {
    struct echo *echo;
    guest_poke_fn *poke;
    void *context;
    struct {
        uint8_t loads, value; /**< so many loads after the one before it */
        uint16_t where;
    } write[GUEST_WRITES_MAX];
    unsigned count, next, waited;
};

/** As sim_adversary_fn. */
static inline void guest_writes_act(void *context, struct hv *victim, const void *address,
                                    size_t length)
{
    struct guest_writes *writes = context;
    unsigned at = writes->next;

    (void)address, (void)length;
    if (victim != writes->echo->hv || at == writes->count ||
        writes->waited++ < writes->write[at].loads)
        return;
    writes->poke(writes->context, writes->write[at].where, writes->write[at].value);
    writes->next++;
    writes->waited = 0;
}

static inline uint16_t guest_writes_where(struct input *input)
{
    uint8_t high = input_byte(input);

    return (uint16_t)(high << 8 | input_byte(input));
}

/** One byte of @input with their number, then four for each. */
static inline void guest_writes_read(struct guest_writes *writes, struct input *input)
{
    writes->count = input_byte(input) % (GUEST_WRITES_MAX + 1);
    for (unsigned i = 0; i < writes->count; i++) {
        writes->write[i].loads = input_byte(input);
        writes->write[i].where = guest_writes_where(input);
        writes->write[i].value = input_byte(input);
    }
}

/** Of a step: where, how many (below @most), and the bytes, written at once. */
static inline void guest_writes_now(struct guest_writes *writes, struct input *input, unsigned most)
{
    uint16_t where = guest_writes_where(input);

    for (unsigned count = input_byte(input) % most; count > 0; count--)
        writes->poke(writes->context, where++, input_byte(input));
}

/** Of a step: an index of the ring whose indices are @ring, set or moved. */
static inline void guest_writes_index(uint32_t *ring, uint8_t how, struct input *input)
{
    ring[how & 3] = how & 8 ? input_word(input) : ring[how & 3] + how / 16 - 8;
}

/** The frontend goes, disconnected already. The backend is well: it serves another one. */
static inline void guest_writes_finish(struct guest_writes *writes)
{
    struct echo *echo = writes->echo;
    struct frontend_config config = echo->frontend->config;

    frontend_destroy(echo->frontend);
    config.buffers = 8;
    echo->frontend = frontend_create(&config);
    echo->failed = 0;
    echo_start(echo);
    echo_alive(echo);
    echo_destroy(echo);
}

#endif
