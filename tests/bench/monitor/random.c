/* SPDX-License-Identifier: ISC */
/* The capture that no cache likes: each packet belongs to any of many conversations. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "captures.h"

#define ETHERNET 14U
#define IPV4     20U

static uint64_t next(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void put16(uint8_t *data, unsigned value)
{
    data[0] = (uint8_t)(value >> 8);
    data[1] = (uint8_t)value;
}

static uint16_t checksum(const uint8_t *data, size_t size, uint64_t sum)
{
    for (size_t i = 0; i + 1 < size; i += 2)
        sum += (unsigned)(data[i] << 8 | data[i + 1]);
    if (size % 2)
        sum += (unsigned)data[size - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* A segment of conversation @flow: an acknowledgment of 60 bytes, or one of 114 with 60 bytes of
 * data. Conversations differ in addresses (10.0.0.0/8 to 172.16.0.0/12) and port. */
static uint32_t make(uint8_t *frame, uint64_t flow, bool back, bool data)
{
    static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    const uint32_t length = data ? 114 : 60, segment = 20 + (data ? 60 : 0);
    uint64_t state = flow;
    const uint64_t who = next(&state);
    const uint32_t client = UINT32_C(0x0a000000) | (uint32_t)(flow & 0xffffff);
    const uint32_t server = UINT32_C(0xac100000) | (uint32_t)(who & 0xfffff);
    const uint16_t port = (uint16_t)(1024 + (who >> 20) % 60000);
    uint8_t *ip = frame + ETHERNET, *tcp = ip + IPV4;

    memset(frame, 0, length);
    memcpy(frame, macs[!back], 6);
    memcpy(frame + 6, macs[back], 6);
    put16(frame + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, IPV4 + segment);
    put16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = 6;
    put16(ip + (back ? 16 : 12), client >> 16);
    put16(ip + (back ? 18 : 14), client & 0xffff);
    put16(ip + (back ? 12 : 16), server >> 16);
    put16(ip + (back ? 14 : 18), server & 0xffff);
    put16(ip + 10, checksum(ip, IPV4, 0));
    put16(tcp + (back ? 2 : 0), port);
    put16(tcp + (back ? 0 : 2), 443);
    tcp[12] = 5 << 4;
    tcp[13] = data ? 0x18 : 0x10;
    put16(tcp + 14, 1024);
    put16(tcp + 16, checksum(tcp, segment, (uint64_t)(uint16_t)~checksum(ip + 12, 8, 6 + segment)));
    return length;
}

void random_write(const char *out, const struct goal *goal, uint64_t seed)
{
    const uint64_t begin = UINT64_C(1700000000) * 1000000;
    struct output output;
    uint8_t frame[128];

    if (goal->flows == 0 || goal->flows > 1 << 24)
        fail("there can be 1 to %d conversations", 1 << 24);
    output_open(&output, out);
    for (uint64_t i = 0; i < goal->packets; i++) {
        const uint64_t dice = next(&seed);
        const uint64_t flow = (dice >> 32) * goal->flows >> 32;
        const uint32_t length = make(frame, flow, dice & 1, (dice & 0xf0) < 0x70);

        /* 50,000 a second */
        output_frame(&output, begin + i * 20, frame, length, length);
        if (i % 4096 == 0)
            progress("random", i, goal->packets);
    }
    progress("random", 1, 1);
    output_close(&output);
    printf("%s: %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64 " conversations\n", out,
           output.packets, output.bytes, goal->flows);
}
