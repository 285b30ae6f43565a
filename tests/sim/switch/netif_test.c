/* SPDX-License-Identifier: ISC */
/* The rings of one vif, its frontend an honest one: whatever it sends comes back by an echo. */
#include "echo.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static const struct frontend_config plain = {.buffers = 32};

START_TEST(each_size)
{
    struct echo *echo = echo_create(1, plain);

    echo_start(echo);
    for (size_t length = 14; length <= 65535; length += length < 200 ? 1 : 977) {
        struct frontend_tx tx = {.data = echo_bytes(length), .length = length};

        echo_expect(echo, 0, &tx);
    }
    echo_expect(echo, 0, &(struct frontend_tx){.data = echo_bytes(65535), .length = 65535});
    ck_assert_uint_eq(echo->bad, 0);
    echo_destroy(echo);
}
END_TEST

/* However a frame is cut up, and wherever in its pages the pieces lie. */
START_TEST(each_split)
{
    struct echo *echo = echo_create(2, plain);
    struct unit_random random = {.state = 5};

    echo_start(echo);
    for (unsigned round = 0; round < 400; round++) {
        unsigned slots = 1 + (unsigned)unit_random(&random, NETIF_SLOTS_MAX);
        uint16_t split[NETIF_SLOTS_MAX], offset[NETIF_SLOTS_MAX];
        size_t length = 0;

        for (unsigned i = 0; i < slots; i++) {
            unsigned room = 65535 - (unsigned)length, most = room < 4096 ? room : 4096;

            split[i] = (uint16_t)(unit_random(&random, 4) ? unit_random(&random, most + 1)
                                                          : unit_random(&random, 3));
            offset[i] = (uint16_t)unit_random(&random, 4097U - split[i]);
            length += split[i];
        }
        if (length < 14)
            continue;
        echo_expect(echo, 0,
                    &(struct frontend_tx){.data = echo_bytes(length),
                                          .length = length,
                                          .slots = slots,
                                          .split = split,
                                          .offset = offset,
                                          .flags = (unsigned)unit_random(&random, 4)});
    }
    echo_destroy(echo);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("netif");
    TCase *frames = tcase_create("frames");

    tcase_set_timeout(frames, 60);
    tcase_add_test(frames, each_size);
    tcase_add_test(frames, each_split);
    suite_add_tcase(suite, frames);
    return suite;
}
