/* SPDX-License-Identifier: ISC */
/*
 * A service's client of XenStore and a XenStore that sends anything at all: bytes, answers that are
 * right but for some of their fields, events, indices, silence; and the client's users ask, watch,
 * and stop to do so in between. Each of them is told once, and nothing leaks.
 *
 * Input: a sequence of steps, one byte each and what it takes.
 */
#include "input.h"

#include "tests/sim/fake_store.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#define STEPS_MAX 200U

static size_t some_bytes(struct input *input, uint8_t *bytes)
{
    size_t length = input_byte(input);

    for (size_t i = 0; i < length; i++)
        bytes[i] = input_byte(input);
    return length;
}

/* The users of the client. */
static void user_step(struct fake *fake, struct input *input)
{
    static const char *const paths[] = {"a", "data/b", "/local/domain/5", "", "w"};
    static const char value[2000];
    uint8_t what = input_byte(input), which = input_byte(input);
    const char *path = paths[which % 5];
    struct store_change changes[3] = {{STORE_REMOVE, path, NULL, 0},
                                      {STORE_WRITE, "v", value, which * 7U},
                                      {STORE_PERMS, "v", "n5\0r0", 6}};
    struct fate *fate = fake_fate(fake);
    int error = -EINVAL;

    switch (what % 9) {
    case 0:
        error = store_read(fake->store, which, path, fake_reply, fate);
        break;
    case 1:
        error = store_write(fake->store, 0, path, value, which * 7U, fake_reply, fate);
        break;
    case 2:
        error = store_batch(fake->store, changes, which % 4U, fake_reply, fate);
        break;
    case 3:
        error = store_transaction_start(fake->store, fake_reply, fate);
        break;
    case 4:
        error = store_transaction_end(fake->store, which, which % 2, fake_reply, fate);
        break;
    case 5:
        if (!fake->watches[which % FAKE_WATCHES].on)
            (void)fake_watch(fake, which % FAKE_WATCHES);
        break;
    case 6:
        if (fake->watches[which % FAKE_WATCHES].on)
            fake_unwatch(fake, which % FAKE_WATCHES);
        break;
    case 7: /* forget one that is not told yet: it never will be */
        for (unsigned i = 0; i < fake->fate_count; i++)
            if (fake->fates[i].taken && fake->fates[i].told == 0) {
                store_forget(fake->store, &fake->fates[i]);
                fake->fates[i].taken = false;
                break;
            }
        break;
    default:
        store_rendezvous(fake->store)->withdraw(store_rendezvous(fake->store), path);
        break;
    }
    fate->taken = error == 0;
}

/* An answer to the next request, right but for what @how changes. */
static void answer(struct fake *fake, struct input *input, uint8_t how)
{
    struct wire_message message;
    uint8_t bytes[255];
    size_t length = 0;

    if (!fake_take(fake, &message))
        return;
    if (how & 1)
        length = some_bytes(input, bytes);
    else if (message.type == WIRE_TRANSACTION_START)
        length = 2, memcpy(bytes, "7", 2);
    if (how & 2) {
        static const char *const names[] = {"EAGAIN", "ENOENT", "EACCES", "ENOSPC"};

        message.type = WIRE_ERROR;
        length = 7;
        memcpy(bytes, names[how >> 6], 7);
    }
    if (how & 4)
        message.req_id += input_byte(input);
    if (how & 8)
        message.type = input_word(input);
    fake_send(fake, message.type, message.req_id, bytes, length);
}

static void xenstore_step(struct fake *fake, struct input *input, uint8_t what)
{
    uint8_t bytes[255];
    size_t length;

    switch (what % 8) {
    case 0:
    case 1:
    case 2:
        answer(fake, input, what % 8 == 0 ? input_byte(input) : 0);
        break;
    case 3:
        length = some_bytes(input, bytes);
        fake_put(fake, bytes, length);
        break;
    case 4:
        length = some_bytes(input, bytes);
        fake_send(fake, WIRE_WATCH_EVENT, input_byte(input), bytes, length);
        break;
    case 5:
        memcpy(bytes, "w\0001", 4);
        bytes[2] = (uint8_t)('1' + input_byte(input) % 9);
        fake_send(fake, WIRE_WATCH_EVENT, 0, bytes, 4);
        break;
    case 6: {
        uint32_t value = input_word(input);

        memcpy((uint8_t *)fake->ring + 2048 + input_byte(input) % 8 * 4, &value, sizeof(value));
        break;
    }
    default:
        fake_run(fake, (uint64_t)input_byte(input) * 250000000);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    static struct fake fake;

    fake_create(&fake, input_word(&input));
    for (unsigned i = 0; i < STEPS_MAX && !input_empty(&input); i++) {
        uint8_t what = input_byte(&input);

        if (what & 0x80)
            user_step(&fake, &input);
        else
            xenstore_step(&fake, &input, what);
        if (what & 0x40)
            fake_run(&fake, 0);
    }
    fake_destroy(&fake);
    return 0;
}
