/* SPDX-License-Identifier: ISC */
/* What receivers are offered of checksums and segmentation, and what is done for those that can
 * not: byte for byte against a plain reckoning. */
#include "lan.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/expect.h"
#include "tests/unit/unit.h"

static uint8_t data[65540];

/** Guests: 0 sends; 1 takes all; 2 no IPv6 checksums and no GSO; 3 no checksums at all; 4 no SG. */
static struct lan *create(uint64_t seed)
{
    struct lan *lan = lan_create(seed);
    struct frontend_config config = LAN_PLENTY;

    lan_add(lan, config);
    lan_add(lan, config);
    config.gso_tcpv4 = config.gso_tcpv6 = config.ipv6_csum = false;
    lan_add(lan, config);
    config.no_csum_offload = true;
    lan_add(lan, config);
    config = LAN_PLENTY;
    config.sg = config.gso_tcpv4 = config.gso_tcpv6 = config.ipv6_csum = false;
    lan_add(lan, config);
    lan_learn(lan);
    return lan;
}

static bool fills_in(unsigned guest, bool ipv6)
{
    return guest == 3 || (ipv6 && guest != 1);
}

/* A blank checksum goes to those that take it as it is, and is filled in for the others. */
START_TEST(checksums)
{
    struct lan *lan = create(41);

    for (unsigned kind = LAN_UDP4; kind <= LAN_TCP6; kind++) {
        bool ipv6 = kind == LAN_UDP6 || kind == LAN_TCP6;

        for (size_t length = 74; length <= 3900; length += length < 200 ? 7 : 611) {
            size_t sizes = lan_build(
                data,
                &(struct lan_frame){
                    .from = 0, .to = LAN_BROADCAST, .kind = kind, .length = length, .blank = true});

            lan_send(lan, 0,
                     &(struct frontend_tx){.data = data, .length = sizes, .flags = TX_CSUM_BLANK});
            lan_run(lan, HV_MSEC);
            for (unsigned to = 1; to <= 4; to++) {
                struct frontend_rx *frame = frontend_receive(lan->guest[to].frontend);
                size_t at =
                    14U + (ipv6 ? 40 : 20) + (kind == LAN_TCP4 || kind == LAN_TCP6 ? 16 : 6);

                EXPECT(frame && frame->length == length, "guest %u, kind %u, %zu", to, kind,
                       length);
                if (fills_in(to, ipv6)) {
                    EXPECT(frame->flags == 0, "flags");
                    EXPECT(lan_checksum_right(frame->data, length), "guest %u, kind %u, %zu", to,
                           kind, length);
                    memcpy(frame->data + at, data + at, 2);
                } else {
                    EXPECT(frame->flags == (RX_CSUM_BLANK | RX_DATA_VALIDATED), "flags");
                }
                EXPECT(memcmp(frame->data, data, length) == 0, "changed");
                free(frame);
            }
        }
    }
    EXPECT(lan->guest[3].port->counters.checksums > 0, "counted");
    EXPECT(lan->guest[1].port->counters.checksums == 0, "not for who takes them");
    lan_destroy(lan);
}
END_TEST

/** A TCP frame with a blank checksum, its payload known. */
static size_t large(bool ipv6, size_t payload, bool tagged)
{
    size_t length = 14U + (ipv6 ? 40 : 20) + 20 + payload;

    return lan_build(data, &(struct lan_frame){.from = 0,
                                               .to = LAN_BROADCAST,
                                               .kind = ipv6 ? LAN_TCP6 : LAN_TCP4,
                                               .length = length,
                                               .blank = true,
                                               .tagged = tagged,
                                               .tci = 10});
}

/** The segments that guest @to got carry @payload bytes, those of data, in frames of @mss. */
static void expect_segments(struct lan *lan, unsigned to, bool ipv6, size_t payload, uint16_t mss,
                            size_t sent_headers, size_t headers)
{
    size_t at = 0;

    while (at < payload) {
        struct frontend_rx *frame = frontend_receive(lan->guest[to].frontend);
        size_t part = payload - at < mss ? payload - at : mss;
        const uint8_t *ip;
        uint32_t sequence, first;

        EXPECT(frame != NULL, "guest %u got %zu of %zu", to, at, payload);
        ip = frame->data + headers - 20 - (ipv6 ? 40 : 20);
        EXPECT(frame->gso == 0 && frame->flags == 0, "as an ordinary frame");
        EXPECT(frame->length == headers + part, "%zu bytes, not %zu", frame->length,
               headers + part);
        EXPECT(lan_checksum_right(frame->data, frame->length), "checksum at %zu", at);
        EXPECT(memcmp(frame->data + headers, data + sent_headers + at, part) == 0, "payload");
        memcpy(&sequence, ip + (ipv6 ? 40 : 20) + 4, 4);
        memcpy(&first, data + sent_headers - 20 + 4, 4);
        EXPECT(__builtin_bswap32(sequence) - __builtin_bswap32(first) == at, "sequence");
        EXPECT((ipv6 ? ip[4] << 8 | ip[5] : (ip[2] << 8 | ip[3]) - 20) == (int)part + 20, "length");
        free(frame);
        at += part;
    }
    lan_expect_none(lan, to);
}

/* A large segment passes whole where it may, and is cut up for who cannot take it. */
START_TEST(segments)
{
    static const size_t payloads[] = {1449, 2896, 20000, 65000};
    struct lan *lan = create(42);

    for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
        for (unsigned i = 0; i < 4; i++) {
            size_t headers = 14U + (ipv6 ? 40 : 20) + 20, length = large(ipv6, payloads[i], false);
            struct frontend_rx *frame;

            lan_send(lan, 0,
                     &(struct frontend_tx){.data = data,
                                           .length = length,
                                           .mss = 1448,
                                           .gso = ipv6 ? 2 : 1,
                                           .flags = TX_CSUM_BLANK});
            lan_run(lan, HV_MSEC);
            frame = frontend_receive(lan->guest[1].frontend);
            EXPECT(frame && frame->length == length && frame->gso == (ipv6 ? 2 : 1) &&
                       frame->mss == 1448,
                   "whole");
            EXPECT(memcmp(frame->data, data, length) == 0, "as it was");
            EXPECT(frame->flags == (RX_CSUM_BLANK | RX_DATA_VALIDATED), "blank");
            free(frame);
            for (unsigned to = 2; to <= 4; to++)
                expect_segments(lan, to, ipv6, payloads[i], 1448, headers, headers);
        }
    }
    EXPECT(lan->guest[2].port->counters.segments == 2 * (2 + 2 + 14 + 45), "counted: %lu",
           (unsigned long)lan->guest[2].port->counters.segments);
    EXPECT(lan->guest[1].port->counters.out_gso == 8, "counted");
    lan_destroy(lan);
}
END_TEST

/* The tag comes off each segment. */
START_TEST(segments_with_tags)
{
    struct lan *lan = create(43);
    size_t length;

    for (unsigned i = 0; i < 5; i++) {
        struct rules_vlan *vlan = &lan->guest[i].port->vlan;

        vlan->mode = i % 2 ? RULES_VLAN_ACCESS : RULES_VLAN_TRUNK;
        vlan->pvid = i % 2 ? 10 : 0;
        vlan->allowed[0] = UINT64_C(1) << 10;
    }
    length = large(false, 10000, true);
    lan_send(lan, 0,
             &(struct frontend_tx){
                 .data = data, .length = length, .mss = 1000, .gso = 1, .flags = TX_CSUM_BLANK});
    lan_run(lan, HV_MSEC);
    expect_segments(lan, 3, false, 10000, 1000, 58, 54);
    expect_segments(lan, 4, false, 10000, 1000, 58, 58);
    lan_destroy(lan);
}
END_TEST

/* One that is to be cut waits for all its buffers; one that cannot be cut is dropped. */
START_TEST(limits)
{
    struct lan *lan = lan_create(44);
    struct frontend_config config = LAN_PLENTY;
    struct frontend_tx tx = {.data = data, .mss = 1000, .gso = 1, .flags = TX_CSUM_BLANK};

    lan_add(lan, config);
    config.buffers = 0;
    config.gso_tcpv4 = false;
    lan_add(lan, config);
    lan_learn(lan);
    tx.length = large(false, 10000, false);
    lan_mac(data, 1);
    lan_send(lan, 0, &tx);
    lan_run(lan, HV_MSEC);
    lan_expect_none(lan, 1);
    frontend_post(&lan->guest[1].frontend->queue[0], 10);
    lan_run(lan, HV_MSEC);
    expect_segments(lan, 1, false, 10000, 1000, 54, 54);
    frontend_post(&lan->guest[1].frontend->queue[0], 256);
    tx.mss = 70; /* 143 segments */
    lan_send(lan, 0, &tx);
    lan_run(lan, HV_MSEC);
    lan_expect_none(lan, 1);
    EXPECT(lan->guest[1].port->counters.drops[DROP_NO_OFFLOAD] == 1, "too many");
    tx.mss = 80;
    lan_send(lan, 0, &tx);
    lan_run(lan, HV_MSEC);
    expect_segments(lan, 1, false, 10000, 80, 54, 54);
    /* What is no such packet. */
    lan_build(data, &(struct lan_frame){.from = 0, .to = 1, .length = 3000});
    tx.length = 3000;
    tx.mss = 1000;
    lan_send(lan, 0, &tx);
    lan_run(lan, HV_MSEC);
    lan_expect_none(lan, 1);
    EXPECT(lan->guest[0].port->counters.drops[DROP_BAD_OFFLOAD] == 1, "bad offload");
    lan_destroy(lan);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("forward soft");
    TCase *offloads = tcase_create("offloads");

    tcase_set_timeout(offloads, 60);
    tcase_add_test(offloads, checksums);
    tcase_add_test(offloads, segments);
    tcase_add_test(offloads, segments_with_tags);
    tcase_add_test(offloads, limits);
    suite_add_tcase(suite, offloads);
    return suite;
}
