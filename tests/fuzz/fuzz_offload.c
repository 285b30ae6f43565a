/* SPDX-License-Identifier: ISC */
/*
 * Checksums and segmentation on any frame, in a buffer of exactly its size. What the check of the
 * snapshot takes can be done on the whole frame; the checksum is right then; segments repeat the
 * headers, their payloads make up the frame's, and each has a right checksum.
 *
 * Input: a byte that says what is asked for (low 2 bits: GSO, 4: blank), the MSS in two, how many
 * times 64 bytes are put behind the frame, then the frame. Where the second lowest bit of the first
 * byte's upper half is set, IP's length is made to fit.
 */
#include "input.h"

#include "services/netback-switch/offload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct asked {
    bool blank;
    enum offload_gso gso;
    uint16_t mss;
};

static bool check(const uint8_t *frame, size_t size, struct asked *asked)
{
    size_t captured = size < PACKET_HEADER_MAX ? size : PACKET_HEADER_MAX;
    uint8_t *snapshot = malloc(captured + 1);
    enum offload_gso gso = asked->gso;
    struct packet packet;
    bool right = false;

    memcpy(snapshot, frame, captured);
    if (packet_parse(&packet, snapshot, captured, size)) {
        right = offload_check(&packet, asked->blank, &asked->gso, asked->mss);
        MUST(asked->gso == gso || (right && asked->gso == OFFLOAD_GSO_NONE));
    }
    asked->blank = asked->blank || gso != OFFLOAD_GSO_NONE;
    free(snapshot);
    return right;
}

static void fill_in(const uint8_t *frame, size_t size, bool must)
{
    uint8_t *copy = malloc(size + 1);
    bool right;
    size_t changed = 0;

    memcpy(copy, frame, size);
    right = offload_checksum(copy, size);
    MUST(right || !must);
    MUST(!right || offload_checksum_right(copy, size));
    for (size_t i = 0; i < size; i++)
        changed += copy[i] != frame[i];
    MUST(changed <= (right ? 2 : 0));
    (void)offload_checksum_right(frame, size);
    free(copy);
}

static void cut(const uint8_t *frame, size_t size, const struct asked *asked, bool must)
{
    struct offload_segments segments;
    const uint8_t *payload, *at;
    size_t length;

    if (!offload_segments_init(&segments, frame, size, asked->gso, asked->mss)) {
        MUST(!must);
        return;
    }
    MUST(segments.headers <= OFFLOAD_HEADERS_MAX && segments.headers < segments.end &&
         segments.end <= size);
    at = frame + segments.headers;
    for (unsigned number = 0; number < 200; number++) {
        uint8_t *header = malloc(segments.headers), *whole;

        if (!offload_segment_next(&segments, header, &payload, &length)) {
            MUST(at == frame + segments.end);
            free(header);
            return;
        }
        MUST(payload == at && length > 0 && length <= segments.mss &&
             length <= (size_t)(frame + segments.end - at));
        at += length;
        whole = malloc(segments.headers + length);
        memcpy(whole, header, segments.headers);
        memcpy(whole + segments.headers, payload, length);
        MUST(offload_checksum_right(whole, segments.headers + length));
        free(whole);
        free(header);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    uint8_t head = input_byte(&input);
    struct asked asked = {.blank = head & 4, .gso = (enum offload_gso)(head % 3)};
    size_t more, all;
    struct packet packet;
    uint8_t *frame;
    bool right;

    asked.mss = (uint16_t)(input_byte(&input) << 8);
    asked.mss |= input_byte(&input);
    more = input_byte(&input) * 64U;
    size = (size_t)(input.end - input.at);
    all = size + more;
    if (all > UINT16_MAX)
        return 0;
    frame = malloc(all + 1);
    if (size > 0)
        memcpy(frame, input.at, size);
    memset(frame + size, head, more);
    if ((head & 0x20) && packet_parse(&packet, frame, all, all) && packet.network >= PACKET_IPV4) {
        size_t length = all - packet.network_at - (packet.network == PACKET_IPV6 ? 40 : 0);
        uint8_t *field = frame + packet.network_at + (packet.network == PACKET_IPV6 ? 4 : 2);

        field[0] = (uint8_t)(length >> 8);
        field[1] = (uint8_t)length;
    }
    right = check(frame, all, &asked);
    fill_in(frame, all, right && asked.blank && asked.gso == OFFLOAD_GSO_NONE);
    cut(frame, all, &asked, right && asked.gso != OFFLOAD_GSO_NONE);
    free(frame);
    return 0;
}
