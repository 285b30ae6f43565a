/* SPDX-License-Identifier: ISC */
/*
 * Clients of the control server: frames of any kind with any fields, whole, in pieces or garbage,
 * rings that are spoilt, also between any two loads of the service, clients that do not read, close
 * or die. One of them behaves, and must be served all the time. What a client that did not spoil
 * its own ring is sent must be well formed, belong to a request of its own, and respect the order
 * of an exchange. In the end nothing may be left open.
 *
 * Input: the number of the adversary's writes, these (loads, offset, value), then a sequence of
 * steps: two bits of the party, six of what it does.
 */
#include "input.h"

#include "tests/unit/control/control_host.h"

#include <hv/memory.h>
#include <hv/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTIES    3U
#define STEPS_MAX  300U
#define WRITES_MAX 16U
#define IDS        8U

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum action {
    ACT_REQUEST_LAST = 30, /* up to here: a frame */
    ACT_CONNECT,
    ACT_HELLO,
    ACT_READ,
    ACT_CLOSE,
    ACT_KILL,
    ACT_RAW,
    ACT_SPOIL,
    ACT_WAIT,
    ACT_LOG,
    ACT_GATE,
    ACT_FAIL,
    ACT_RUN,
    ACT_COUNT,
};

/* A client, and what it may expect. */
struct party {
    struct host_client client;
    bool spoilt;    /* it wrote something else than frames, or into its ring's head */
    bool open[IDS]; /* exchanges without an answer */
};

/* One of the adversary's writes: after @loads more loads, @value goes to @offset of a head page. */
struct write {
    uint8_t loads, offset, value;
};

struct run {
    struct control_host *host;
    struct input input;
    struct party party[PARTIES];
    struct write write[WRITES_MAX];
    unsigned writes, next, waited;
};

static void spoil(struct party *party, uint8_t offset, uint8_t value)
{
    party->spoilt = true;
    party->client.v.head[offset % 32U] = value;
}

static void act_between(void *context, struct hv *victim, const void *address, size_t length)
{
    struct run *run = context;
    const struct write *write = &run->write[run->next];

    if (victim != run->host->hv || run->next == run->writes || run->waited++ < write->loads)
        return;
    run->next++;
    run->waited = 0;
    if (run->party[1].client.open)
        spoil(&run->party[1], write->offset, write->value);
}

static uint16_t pick_type(struct input *input)
{
    static const uint16_t types[] = {CONTROL_T_HELLO, CONTROL_T_STATUS, CONTROL_T_STATS,
                                     CONTROL_T_LOGS,  CONTROL_T_STOP,   CONTROL_T_ECHO,
                                     HOST_T_FAIL,     HOST_T_HUGE,      HOST_T_COUNT,
                                     HOST_T_ENDLESS,  HOST_T_UPLOAD,    0x7777};

    return types[input_byte(input) % (sizeof(types) / sizeof(types[0]))];
}

static void put_field(struct control_writer *writer, struct input *input, unsigned depth)
{
    static const uint16_t tags[] = {CONTROL_F_VERSION, CONTROL_F_CLIENT, CONTROL_F_LIMIT,
                                    CONTROL_F_FOLLOW,  CONTROL_F_DATA,   CONTROL_F_COUNT,
                                    CONTROL_F_ERRNO,   CONTROL_F_VALUE,  CONTROL_F_FORCE};
    uint8_t what = input_byte(input), data[256];
    uint16_t tag = tags[what % (sizeof(tags) / sizeof(tags[0]))];
    size_t length;

    if (what >= 0xf0 && depth < CONTROL_DEPTH_MAX) {
        control_open_group(writer, (uint16_t)(CONTROL_GROUP << 14 | what));
        put_field(writer, input, depth + 1);
        control_close_group(writer);
    } else if (tag >> 14 == CONTROL_NUMBER) {
        what = input_byte(input);
        control_put_number(writer, tag, what < 0xf0 ? what : UINT64_MAX >> (what & 15) * 4);
    } else {
        length = input_byte(input);
        for (size_t i = 0; i < length; i++)
            data[i] = input_empty(input) ? 'x' : input_byte(input);
        for (unsigned i = what & 0x0f; i > 0; i--) /* a large one, now and then */
            control_put_bytes(writer, tag, data, length);
    }
}

/* Write it in pieces of @size; what a client that does not read cannot write is left out. */
static void submit(struct run *run, struct party *party, const uint8_t *data, size_t length,
                   size_t size)
{
    for (size_t at = 0; at < length; at += size) {
        size_t piece = length - at < size ? length - at : size;

        if (!host_client_write(&party->client, data + at, piece)) {
            party->spoilt = true;
            return;
        }
        if (size < length)
            control_host_run(run->host);
    }
}

static void send_frame(struct run *run, struct party *party)
{
    static const uint8_t kinds[] = {CONTROL_REQUEST, CONTROL_REQUEST, CONTROL_REQUEST, CONTROL_DATA,
                                    CONTROL_END,     CONTROL_CANCEL,  CONTROL_ITEM,    99};
    struct input *input = &run->input;
    uint8_t frame[CONTROL_FRAME_MAX], how = input_byte(input);
    enum control_kind kind = (enum control_kind)kinds[how % 8];
    uint32_t id = input_byte(input) % IDS;
    struct control_writer writer;

    control_begin(&writer, frame, sizeof(frame), pick_type(input), kind, id);
    for (unsigned i = input_byte(input) % 5; i > 0; i--)
        put_field(&writer, input, 0);
    size_t length = control_end(&writer);
    if (kind == CONTROL_REQUEST) {
        /* Twice the same id: it may be disconnected, or be answered twice. */
        party->spoilt |= party->open[id];
        party->open[id] = true;
    }
    submit(run, party, frame, length, how & 0x80 ? 1U + (how >> 3 & 15) : length);
}

/* Take what is there, up to @count frames. */
static void read_frames(struct party *party, unsigned count)
{
    struct control_header header;
    struct control_reader fields;

    if (party->spoilt) {
        uint8_t any[512];

        while (count-- > 0 && vchan_read(&party->client.v, any, sizeof(any)) > 0)
            continue;
        return;
    }
    while (count-- > 0 && host_client_receive(&party->client, &header, &fields)) {
        MUST(header.kind >= CONTROL_REPLY && header.kind <= CONTROL_END);
        MUST(header.flags == 0 && header.id < IDS);
        MUST(party->open[header.id]);
        if (header.kind != CONTROL_ITEM)
            party->open[header.id] = false;
        if (header.kind == CONTROL_ERROR)
            MUST(control_number(&fields, CONTROL_F_ERRNO, 0) > 0);
    }
}

static void leave(struct party *party, bool kill)
{
    if (party->client.open && kill)
        host_client_kill(&party->client);
    else
        host_client_close(&party->client);
    memset(party->open, 0, sizeof(party->open));
    party->spoilt = false;
}

static void say_hello(struct run *run, struct party *party)
{
    uint8_t frame[64];
    struct control_writer writer;

    control_begin(&writer, frame, sizeof(frame), CONTROL_T_HELLO, CONTROL_REQUEST, 0);
    party->spoilt |= party->open[0];
    party->open[0] = true;
    submit(run, party, frame, control_end(&writer), sizeof(frame));
}

static void raw(struct run *run, struct party *party)
{
    uint8_t bytes[256];
    size_t length = input_byte(&run->input);

    for (size_t i = 0; i < length; i++)
        bytes[i] = input_byte(&run->input);
    party->spoilt = true;
    submit(run, party, bytes, length, length > 0 ? length : 1);
}

static void act(struct run *run, struct party *party, unsigned action)
{
    struct input *input = &run->input;
    struct control_host *host = run->host;

    /* What concerns the host, and then what needs a connection. */
    switch (action) {
    case ACT_WAIT:
        control_host_pass(host, input_byte(input) * 100 * HV_MSEC);
        return;
    case ACT_LOG:
        for (unsigned i = input_byte(input); i > 0; i--)
            log_write(host->log, LOG_INFO, "%0*u", (int)(i % 200), i);
        control_host_wake(host);
        return;
    case ACT_GATE:
        control_host_open_gate(host, input_byte(input));
        return;
    case ACT_FAIL:
        sim_fail_nth(host->sim, 1 + input_byte(input) % 8);
        return;
    case ACT_RUN:
        control_host_run(host);
        return;
    default:
        break;
    }
    if (!party->client.open) {
        if (host_client_connect(host, &party->client) && action != ACT_CONNECT)
            say_hello(run, party);
        return;
    }
    if (action <= ACT_REQUEST_LAST)
        send_frame(run, party);
    else if (action == ACT_HELLO)
        say_hello(run, party);
    else if (action == ACT_READ)
        read_frames(party, input_byte(input));
    else if (action == ACT_RAW)
        raw(run, party);
    else if (action == ACT_SPOIL)
        spoil(party, input_byte(input), input_byte(input));
    else
        leave(party, action == ACT_KILL);
}

/* The client that behaves gets its answers, whatever the others do. */
static void check_served(struct host_client *good)
{
    uint8_t frame[64];
    struct control_writer writer;
    struct control_header header;
    struct control_reader fields;

    control_begin(&writer, frame, sizeof(frame), CONTROL_T_ECHO, CONTROL_REQUEST, 9);
    control_put_bytes(&writer, CONTROL_F_DATA, "ping", 4);
    MUST(host_client_send(good, &writer));
    MUST(host_client_receive(good, &header, &fields));
    MUST(header.kind == CONTROL_REPLY && header.id == 9 && header.length == CONTROL_HEADER + 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.input = {data, data + size}};
    struct host_client good;

    run.host = control_host_create(size, 0);
    MUST(host_client_connect(run.host, &good) && host_client_hello(&good));
    run.writes = input_byte(&run.input) % WRITES_MAX;
    for (unsigned i = 0; i < run.writes; i++)
        run.write[i] =
            (struct write){input_byte(&run.input), input_byte(&run.input), input_byte(&run.input)};
    sim_set_adversary(run.host->sim, act_between, &run);
    for (unsigned i = 0; i < STEPS_MAX && !input_empty(&run.input); i++) {
        uint8_t byte = input_byte(&run.input);

        act(&run, &run.party[(byte & 3) % PARTIES], (byte >> 2) % ACT_COUNT);
        if ((i & 15) == 15)
            check_served(&good);
    }
    check_served(&good);
    sim_set_adversary(run.host->sim, NULL, NULL);
    sim_fail_nth(run.host->sim, 0);
    for (unsigned i = 0; i < PARTIES; i++)
        leave(&run.party[i], false);
    control_host_pass(run.host, 3 * HV_SEC);
    MUST(run.host->streams_open == 0);
    check_served(&good);
    host_client_close(&good);
    control_host_destroy(run.host);
    return 0;
}
