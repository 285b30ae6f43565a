/* SPDX-License-Identifier: ISC */
/*
 * The switch's rules from any bytes: what the decoder takes is sound, and the same when encoded and
 * decoded again, in pieces of any size; what it does not take it refuses in words. And what
 * toolstacks write: each parser takes any text or refuses it, and what it takes is sound.
 *
 * Input: a byte that says how long the pieces are (times 16, 0: 1 byte), then records. The whole
 * input, up to a NUL, is the text; but for the first byte, too.
 */
#include "input.h"

#include "common/switch_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTS 20U

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct all {
    struct rules rules;
    struct rules_port ports[PORTS];
    struct rules_decoder decoder;
};

static struct all *all_new(void)
{
    struct all *all = calloc(1, sizeof(*all));

    all->rules.ports = all->ports;
    all->rules.port_max = PORTS;
    rules_decoder_init(&all->decoder, &all->rules);
    return all;
}

struct text {
    uint8_t *bytes;
    size_t size;
};

static int collect(void *context, const void *record, size_t length)
{
    struct text *text = context;

    text->bytes = realloc(text->bytes, text->size + length);
    memcpy(text->bytes + text->size, record, length);
    text->size += length;
    return 0;
}

/* Encode and decode what was taken. */
static void again(const struct all *all, size_t piece)
{
    struct all *copy = all_new();
    struct text first = {0}, second = {0};

    MUST(rules_encode(&all->rules, collect, &first) == 0);
    for (size_t at = 0; at < first.size; at += piece)
        MUST(rules_decode(&copy->decoder, first.bytes + at,
                          first.size - at < piece ? first.size - at : piece) == 0);
    MUST(rules_decode_end(&copy->decoder) == 0);
    MUST(memcmp(all->ports, copy->ports, sizeof(copy->ports[0]) * all->rules.port_count) == 0);
    MUST(memcmp(all->rules.bridges, copy->rules.bridges, sizeof(copy->rules.bridges)) == 0);
    MUST(memcmp(all->rules.mirrors, copy->rules.mirrors, sizeof(copy->rules.mirrors)) == 0);
    MUST(all->rules.generation == copy->rules.generation);
    MUST(all->rules.unknown == copy->rules.unknown);
    MUST(strcmp(all->rules.digest, copy->rules.digest) == 0);
    MUST(strcmp(all->rules.default_bridge, copy->rules.default_bridge) == 0);
    MUST(rules_encode(&copy->rules, collect, &second) == 0);
    MUST(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0);
    for (unsigned i = 0; i < copy->rules.port_count; i++)
        MUST(rules_port(&copy->rules, copy->ports[i].uuid, copy->ports[i].vif) == &copy->ports[i]);
    free(first.bytes);
    free(second.bytes);
    free(copy);
}

static void decode(struct input input)
{
    size_t piece = input_byte(&input) * 16U;
    struct all *all = all_new();
    char error[RULES_ERROR_MAX];
    int result = 0;

    piece = piece == 0 ? 1 : piece;
    while (!input_empty(&input) && result == 0) {
        size_t left = (size_t)(input.end - input.at);

        result = rules_decode(&all->decoder, input.at, left < piece ? left : piece);
        input.at += left < piece ? left : piece;
    }
    MUST((result != 0) == (all->decoder.error[0] != '\0'));
    MUST(rules_decode_end(&all->decoder) == result || result == 0);
    result = all->decoder.failed;
    MUST((result != 0) == (all->decoder.error[0] != '\0'));
    for (const char *c = all->decoder.error; *c != '\0'; c++)
        MUST((unsigned char)*c >= ' ');
    if (result == 0) {
        MUST(rules_check(&all->rules, error, sizeof(error)) == 0);
        again(all, piece);
    }
    free(all);
}

/* What a parser took is what rules may have. */
static void must_be_sound(const struct rules_port *port)
{
    struct rules_port copy = *port;
    struct rules rules = {.ports = &copy, .port_count = 1, .port_max = 1};
    char error[RULES_ERROR_MAX];

    MUST(rules_check(&rules, error, sizeof(error)) == 0);
}

static void parse(const uint8_t *data, size_t size)
{
    struct rules_port port = {.vif = 0};
    char *text = malloc(size + 1), name[RULES_NAME];
    struct rules_prefix any;
    uint8_t mac[6], uuid[16];

    memcpy(text, data, size);
    text[size] = '\0';
    if (rules_parse_bridge(text, name, &port.vlan, &port.vlan_set) == 0) {
        MUST(name[0] != '\0' && strlen(name) < RULES_NAME);
        must_be_sound(&port);
    }
    memset(&port, 0, sizeof(port));
    port.vlan_set = true;
    if (rules_parse_vlan(text, &port.vlan) == 0)
        must_be_sound(&port);
    memset(&port, 0, sizeof(port));
    if (rules_parse_rate(text, &port.rate_in) == 0)
        must_be_sound(&port);
    memset(&port, 0, sizeof(port));
    if (rules_parse_addresses(text, &port) == 0) {
        /* Groups are for rules_check() to refuse. */
        for (unsigned i = 0; i < port.ipv4_count; i++) {
            any = port.ipv4[i];
            MUST(any.length <= 32);
            port.ipv4[i].address[0] &= 0x7f;
        }
        for (unsigned i = 0; i < port.ipv6_count; i++)
            port.ipv6[i].address[0] &= 0x7f;
        must_be_sound(&port);
    }
    (void)rules_parse_mac(text, mac);
    (void)rules_parse_uuid(text, uuid);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode((struct input){data, data + size});
    if (size < 300) {
        parse(data, size);
        if (size > 0)
            parse(data + 1, size - 1);
    }
    return 0;
}
