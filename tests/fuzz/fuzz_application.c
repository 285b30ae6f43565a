/* SPDX-License-Identifier: ISC */
/*
 * Names in payloads: application.c on any bytes, which lie in a buffer of exactly their size. What
 * is stored is printable text that ends; a flow is done after a few payloads; a ClientHello says
 * the same in one segment as in several.
 *
 * Input: a byte that says protocol (0x01: UDP) and port (0x06: 53, 443, 5353, 80), then again and
 * again a byte that says who sent it (0x80), one that says how long it is (times 8), and the bytes.
 */
#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/monitor/application.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define ENOUGH 8U

static void check_text(const char *text, size_t size)
{
    const char *end = memchr(text, 0, size);

    MUST(end);
    for (; text < end; text++)
        MUST(*text > ' ' && *text <= '~');
}

static void check(const struct flow_application *application)
{
    MUST(application->kind < APPLICATION_KINDS);
    MUST(application->answers <= APPLICATION_ANSWERS);
    for (unsigned i = 0; i < application->answers; i++)
        MUST(application->answer_family[i] == 4 || application->answer_family[i] == 6);
    MUST(application->tries <= ENOUGH);
    MUST(application->tries < ENOUGH || application->done);
    check_text(application->name, sizeof(application->name));
    check_text(application->detail, sizeof(application->detail));
}

static void look(struct flow_application *application, const struct decoded *like,
                 const uint8_t *payload, size_t length, uint32_t sequence, bool from_initiator)
{
    struct decoded decoded = *like;
    uint8_t *copy = malloc(length ? length : 1);

    MUST(copy);
    if (length)
        memcpy(copy, payload, length);
    decoded.payload_length = decoded.payload_captured = (uint32_t)length;
    decoded.sequence = sequence;
    if (application->kind != APPLICATION_NONE || application_promising(&decoded, copy))
        application_look(application, &decoded, copy, from_initiator);
    free(copy);
    check(application);
}

/* A hello in one segment, and cut in three. */
static void check_hello(const struct decoded *like, const uint8_t *payload, size_t length,
                        uint8_t cut)
{
    struct flow_application whole = {0}, pieces = {0};
    const size_t first = 6 + cut % 64U, second = first + cut;

    if (length <= second || like->protocol != 6 || payload[0] != 22 || payload[1] != 3 ||
        payload[5] != 1)
        return;
    look(&whole, like, payload, length, 0, true);
    look(&pieces, like, payload, first, 0, true);
    look(&pieces, like, payload + first, second - first, (uint32_t)first, true);
    look(&pieces, like, payload + second, length - second, (uint32_t)second, true);
    MUST(whole.kind == APPLICATION_TLS && pieces.kind == whole.kind);
    MUST(whole.done == pieces.done && whole.type == pieces.type);
    MUST(strcmp(whole.name, pieces.name) == 0 && strcmp(whole.detail, pieces.detail) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t ports[] = {53, 443, 5353, 80};
    struct input input = {data, data + size};
    const uint8_t mode = input_byte(&input);
    struct flow_application application = {0};
    struct decoded decoded = {.family = DECODE_IPV4,
                              .protocol = mode & 1 ? 17 : 6,
                              .ports = true,
                              .source_port = 40000,
                              .destination_port = ports[mode >> 1 & 3]};
    uint32_t sequence = 0xffffff00U;

    while (!input_empty(&input)) {
        const uint8_t head = input_byte(&input);
        size_t length = input_byte(&input) * 8U;

        if (length > (size_t)(input.end - input.at))
            length = (size_t)(input.end - input.at);
        check_hello(&decoded, input.at, length, head);
        look(&application, &decoded, input.at, length, sequence, !(head & 0x80));
        sequence += (uint32_t)length;
        input.at += length;
    }
    return 0;
}
