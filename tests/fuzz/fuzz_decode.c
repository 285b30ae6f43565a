/* SPDX-License-Identifier: ISC */
/*
 * What the monitor reads of frames: decode.c on any bytes, which lie in a block of exactly their
 * size, and fragment.c on what it says of them. The plain decoder of tests/unit/monitor agrees in
 * everything; offsets are within the frame; ports that a later fragment is given are those of a
 * first one that was there; counters add up.
 *
 * Input, again and again: a byte that says how much time passes before (0x0f: seconds) and on which
 * of two LANs it is (0x10), and whether the frame is longer than what was captured (0x20); then, if
 * so, two bytes of how much longer it is; a byte that says how long the frame is (0xff: the rest),
 * and the frame.
 */
#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/monitor/decode.h"
#include "services/monitor/fragment.h"

#include "tests/unit/monitor/reference.h"

#define DATAGRAMS 16U
#define SECOND    UINT64_C(1000000000)

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* All first fragments of an input: their ports are those that later ones may get. */
struct firsts {
    struct decoded decoded[256];
    unsigned count;
};

static void check_decoded(const struct decoded *decoded, size_t captured, size_t length)
{
    MUST(decoded->tags <= DECODE_TAGS);
    MUST(decoded->network == 0 || decoded->network >= 14);
    MUST(decoded->transport == 0 || decoded->transport > decoded->network);
    MUST(decoded->payload == 0 || decoded->payload > decoded->transport);
    MUST(decoded->payload + decoded->payload_length <= length);
    MUST(decoded->payload_captured <= decoded->payload_length);
    MUST(decoded->payload_captured == 0 ||
         decoded->payload + decoded->payload_captured <= captured);
    MUST(decoded->ip_length <= length);
    MUST(!decoded->more || decoded->fragment);
    MUST(decoded->fragment_at == 0 || (decoded->fragment && !decoded->ports));
}

static bool known(const struct firsts *firsts, const struct decoded *later)
{
    for (unsigned i = 0; i < firsts->count; i++) {
        const struct decoded *first = &firsts->decoded[i];

        if (memcmp(first->source, later->source, 32) == 0 && /* and destination */
            first->fragment_id == later->fragment_id && first->protocol == later->protocol &&
            first->ports == later->ports && first->source_port == later->source_port &&
            first->destination_port == later->destination_port)
            return true;
    }
    return false;
}

static void check_fragment(struct fragments *fragments, struct firsts *firsts, uint64_t now,
                           uint16_t lan, struct decoded *decoded)
{
    const struct fragment_counters *counters = fragments_counters(fragments);
    const struct fragment_counters before = *counters;
    const struct decoded as_it_was = *decoded;
    const bool matched = fragments_frame(fragments, now, lan, decoded);

    MUST(matched == (counters->matched == before.matched + 1));
    MUST(counters->first - before.first + counters->matched - before.matched + counters->unmatched -
             before.unmatched ==
         decoded->fragment);
    MUST(matched || memcmp(decoded, &as_it_was, sizeof(*decoded)) == 0);
    MUST(!matched || firsts->count == 256 || known(firsts, decoded));
    if (decoded->fragment && decoded->fragment_at == 0 && firsts->count < 256)
        firsts->decoded[firsts->count++] = *decoded;
    MUST(counters->expired + counters->evicted + counters->repeated + counters->complete <=
         counters->first + counters->matched);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct firsts firsts;
    const struct hash_key key = {1, 2};
    struct input input = {data, data + size};
    void *memory = aligned_alloc(64, (fragments_size(DATAGRAMS) + 63) / 64 * 64);
    struct fragments *fragments = fragments_create(memory, DATAGRAMS, &key);
    uint64_t now = 0;

    firsts.count = 0;
    while (!input_empty(&input)) {
        const uint8_t head = input_byte(&input);
        const size_t high = head & 0x20 ? input_byte(&input) : 0;
        const size_t more = head & 0x20 ? high << 8 | input_byte(&input) : 0;
        const size_t left = (size_t)(input.end - input.at), said = input_byte(&input);
        const size_t captured = left == 0 ? 0 : said == 0xff || said > left - 1 ? left - 1 : said;
        struct decoded decoded;
        enum decode_result result;

        MUST(!reference_check(input.at, captured, captured + more, &decoded, &result));
        check_decoded(&decoded, captured, captured + more);
        input.at += captured;
        now += (head & 15) * SECOND;
        if (result == DECODE_OK)
            check_fragment(fragments, &firsts, now, head >> 4 & 1, &decoded);
    }
    free(memory);
    return 0;
}
