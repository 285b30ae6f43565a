/* SPDX-License-Identifier: ISC */
/*
 * Requests of dom0 and three guests, whole, in parts or none at all, between deaths, rebirths and
 * reconnections. Whatever they are, the service must go on serving dom0, find its own books in
 * order (CONTROL check), and keep nothing of domains that have gone.
 *
 * Input: a sequence of steps. The first byte names the party (two bits) and what it does; a request
 * goes on with a transaction and the length of a payload. Bytes from 0x80 on in a payload stand for
 * words that a mutation would hardly find (words below).
 */
#include "input.h"

#include "tests/sim/host.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTIES   4U
#define STEPS_MAX 400U
/* Little enough that running out of memory is one of the things that happen. */
#define STORE_PAGES 320U

enum action {
    ACT_REQUEST_LAST = 39, /* up to here: a request, whose type is a byte of its own */
    ACT_DIE,
    ACT_SHUT_DOWN,
    ACT_INTRODUCE,
    ACT_RELEASE,
    ACT_RECONNECT,
    ACT_RAW_BYTES,
    ACT_DEAF,
    ACT_HEAR,
    ACT_RUN,
    ACT_WAIT,
    ACT_FAIL,
};

static const char *const words[] = {
    "/",
    "a",
    "b",
    "/local/domain/",
    "@releaseDomain",
    "@introduceDomain",
    "n0",
    "n1",
    "n2",
    "b3",
    "r0",
    "w2",
    "T",
    "F",
    "nodes",
    "watches",
    "quota",
    "memreport",
    "0",
    "2",
    "3",
    "4",
    "32757",
    "/local/domain/2/",
    "check",
    "set",
    "memory",
    "transactions",
    "tool",
    "1",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b"};

struct run {
    struct host *host;
    struct input input;
    struct client *party[PARTIES]; /* dom0 and domains 2 to 4; NULL: dead */
    uint32_t last_tx[PARTIES];
};

static void read_payload(struct run *run, struct wire_message *request)
{
    unsigned length = input_byte(&run->input);

    while (length-- > 0 && !input_empty(&run->input)) {
        uint8_t byte = input_byte(&run->input);

        if (byte >= 0x80 && byte < 0x80 + sizeof(words) / sizeof(words[0])) {
            const char *word = words[byte - 0x80];
            message_add(request, word, strlen(word));
        } else {
            /* From 0xf0 on: a long row of them. */
            uint8_t row[2048];
            size_t times = byte >= 0xf0 ? 16U << (byte & 7) : 1;

            memset(row, byte >= 0xf0 ? 'l' : byte, times);
            message_add(request, row, times);
        }
    }
}

/* For the statistics at the end: of the fuzzer, not of the service. */
static unsigned long messages;

static void print_messages(void)
{
    fprintf(stderr, "stat::messages: %lu\n", messages);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return atexit(print_messages);
}

/* Post it without waiting; what does not fit after a run is left out. */
static void post(struct run *run, struct client *client, const struct wire_message *message)
{
    uint8_t bytes[WIRE_HEADER + WIRE_PAYLOAD_MAX];
    const uint32_t header[4] = {message->type, message->req_id, message->tx_id, message->length};
    const struct wire_ring *ring = client->ring;
    size_t length = WIRE_HEADER + message->length;

    messages++;
    memcpy(bytes, header, WIRE_HEADER);
    memcpy(bytes + WIRE_HEADER, message->payload, message->length);
    if (WIRE_RING_SIZE - (ring->req_prod - ring->req_cons) < length)
        host_run(run->host);
    if (WIRE_RING_SIZE - (ring->req_prod - ring->req_cons) >= length)
        client_push(client, bytes, length);
    else if (client->domid == 0) /* dom0 is the one that must stay in step */
        client_send_raw(client, bytes, length);
    client_notify(client);
}

/* Remember the newest transaction of each, and forget all else. */
static void drain(struct run *run)
{
    struct wire_message message;

    host_run(run->host);
    for (unsigned i = 0; i < PARTIES; i++)
        while (run->party[i] != NULL && client_take_any(run->party[i], &message))
            if (message.type == WIRE_TRANSACTION_START)
                run->last_tx[i] = (uint32_t)strtoul((char *)message.payload, NULL, 10);
}

static void request(struct run *run, unsigned party)
{
    uint8_t type = input_byte(&run->input), flags = input_byte(&run->input);
    struct wire_message message = {.type = type % 32U, .req_id = type};

    message.tx_id = (flags & 3) == 3 ? flags : (flags & 3) != 0 ? run->last_tx[party] : 0;
    read_payload(run, &message);
    post(run, run->party[party], &message);
    if (flags & 0xc0)
        drain(run);
}

static void raw_bytes(struct run *run, struct client *client)
{
    uint8_t bytes[256];
    size_t length = input_byte(&run->input);

    for (size_t i = 0; i < length; i++)
        bytes[i] = input_byte(&run->input);
    if (client->domid != 0)
        client_push(client, bytes, length);
    client_notify(client);
}

static void boot(struct run *run, unsigned party)
{
    domid_t domid = (domid_t)(party + 1);
    struct hv *hv;

    drain(run);
    hv = sim_domain_create(run->host->sim, &(struct sim_domain_config){.domid = domid, .pages = 2});
    if (hv == NULL)
        return; /* not gone yet: the service is short of memory */
    run->party[party] = host_adopt(run->host, hv, domid, input_word(&run->input));
    run->last_tx[party] = 0;
    (void)host_introduce(run->host, run->party[party]);
}

static void act(struct run *run, unsigned party, unsigned action)
{
    struct client *client = run->party[party];

    if (client == NULL) {
        boot(run, party);
        return;
    }
    if (action <= ACT_REQUEST_LAST) {
        request(run, party);
        return;
    }
    switch (action) {
    case ACT_DIE:
        if (party == 0)
            break;
        run->party[party] = NULL;
        host_kill(run->host, client);
        break;
    case ACT_SHUT_DOWN:
        if (party != 0)
            host_shutdown(run->host, client, input_byte(&run->input) % 6);
        break;
    case ACT_INTRODUCE:
        if (party != 0)
            (void)host_introduce(run->host, client);
        break;
    case ACT_RELEASE:
        (void)client_callf(run->party[0], 0, WIRE_RELEASE, NULL, "%u|", client->domid);
        break;
    case ACT_RECONNECT:
        client->ring->connection = 1;
        client_notify(client);
        if (party == 0)
            drain(run);
        client->have = 0;
        break;
    case ACT_RAW_BYTES:
        raw_bytes(run, client);
        break;
    case ACT_DEAF:
        client->deaf = party != 0;
        break;
    case ACT_HEAR:
        client->deaf = false;
        break;
    case ACT_RUN:
        drain(run);
        break;
    case ACT_WAIT:
        host_pass(run->host, (uint64_t)input_byte(&run->input) * 10000000);
        break;
    default:
        sim_fail_nth(run->host->sim, 1 + input_byte(&run->input) % 8);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.input = {data, data + size}};

    run.host = host_create(&(struct host_config){.seed = size, .store_pages = STORE_PAGES});
    run.party[0] = run.host->dom0;
    for (unsigned i = 0; i < STEPS_MAX && !input_empty(&run.input); i++) {
        uint8_t byte = input_byte(&run.input);
        act(&run, byte & 3, (byte >> 2) % (ACT_FAIL + 1));
    }
    for (unsigned i = 0; i < PARTIES; i++)
        if (run.party[i] != NULL)
            run.party[i]->deaf = false;
    drain(&run);
    host_destroy(run.host);
    return 0;
}
