/* SPDX-License-Identifier: ISC */
/* Frames through the whole engine, byte for byte. */
#include "lan.h"

#include <stdlib.h>
#include <string.h>

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
        ck_assert_uint_eq(in->in_frames, frames);
        ck_assert_uint_eq(out->out_frames, frames);
        /* Headers once in and once out, the rest once from page to page. */
        ck_assert_uint_eq(in->payload_copies - payload, length <= 128 ? 0 : slots);
        ck_assert_uint_eq(in->copies - copies, 2 + (length <= 128 ? 0 : slots));
        ck_assert_uint_eq(in->copy_bytes - bytes, length <= 128 ? 2 * length : length + 128);
    }
    ck_assert_uint_eq(in->in_bytes, out->out_bytes);
    lan_destroy(lan);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("forward");
    TCase *frames = tcase_create("frames");

    tcase_set_timeout(frames, 60);
    tcase_add_test(frames, each_size);
    suite_add_tcase(suite, frames);
    return suite;
}
