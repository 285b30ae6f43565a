/* SPDX-License-Identifier: ISC */
/* A trace shows what clients did: every request of random ones, the events they got, the commits
   they made, in order. */
#include "control_suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hv/time.h>

#define BURST    5U
#define ROUNDS   1500U
#define ARGUMENT 256U

/* A request as it was sent, with its answer. */
struct done {
    struct client *client;
    struct wire_message request;
    char path[128]; /* as the trace is to show it; "": none */
    char result[16];
};

/* A client and what is known of it. */
struct actor {
    struct client *client;
    uint32_t tx; /* the one that is open */
    unsigned tx_count;
};

/* Somebody who traces. */
struct reader {
    struct remote_client *remote;
    bool only_guest; /* only the requests of domain 5 */
    unsigned requests, events, commits;
    struct remote_frame commit; /* the last one */
    bool have_commit;
};

static struct remote_client *open_trace(struct host *host, int domid)
{
    struct remote_client *remote = remote_open(host);
    struct remote_request request;

    remote_begin(remote, &request, CONTROL_T_STORE_TRACE, CONTROL_REQUEST);
    if (domid >= 0)
        control_put_number(&request.writer, CONTROL_F_DOMID, (uint64_t)domid);
    remote_send(remote, &request);
    return remote;
}

/* --- random requests ----------------------------------------------------------------------------
 */

static uint64_t pick(struct host *host, uint64_t bound)
{
    return sim_random(host->sim, bound);
}

static bool is_tree(uint32_t type)
{
    return type == WIRE_READ || type == WIRE_DIRECTORY || type == WIRE_WRITE ||
           type == WIRE_MKDIR || type == WIRE_RM || type == WIRE_GET_PERMS;
}

/* A path in @text, and as it is to be shown in @done. */
static void random_path(struct done *done, char text[128])
{
    struct host *host = done->client->host;
    unsigned n = (unsigned)pick(host, 6);

    switch (pick(host, 8)) {
    case 0:
        snprintf(text, 128, "rel/%u", n);
        snprintf(done->path, sizeof(done->path), "/local/domain/%u/rel/%u", done->client->domid, n);
        break;
    case 1: /* none that is valid */
        snprintf(text, 128, "/bad//%u", n);
        break;
    case 2:
        snprintf(text, 128, "@releaseDomain");
        strcpy(done->path, text);
        break;
    default:
        snprintf(text, 128, "/shared/%u/%u", n % 2, n);
        strcpy(done->path, text);
    }
}

static void random_payload(struct done *done)
{
    struct host *host = done->client->host;
    struct wire_message *request = &done->request;
    char path[128], filler[600];

    random_path(done, path);
    message_add_string(request, path);
    memset(filler, 'a' + (int)pick(host, 26), sizeof(filler));
    if (request->type == WIRE_WRITE) {
        message_add(request, filler, pick(host, sizeof(filler)));
    } else if (request->type == WIRE_WATCH || request->type == WIRE_UNWATCH) {
        snprintf(path, sizeof(path), "t%u", (unsigned)pick(host, 3));
        message_add_string(request, path);
    }
}

static void random_request(struct actor *actor, struct done *done)
{
    static const uint32_t types[] = {
        WIRE_READ,      WIRE_READ,     WIRE_DIRECTORY,   WIRE_WRITE, WIRE_WRITE,
        WIRE_WRITE,     WIRE_MKDIR,    WIRE_RM,          WIRE_WATCH, WIRE_UNWATCH,
        WIRE_GET_PERMS, WIRE_RESTRICT, WIRE_GET_FEATURE, 77};
    struct host *host = actor->client->host;

    memset(done, 0, sizeof(*done));
    done->client = actor->client;
    done->request.type = types[pick(host, sizeof(types) / sizeof(types[0]))];
    done->request.req_id = actor->client->next_req_id++;
    if (done->request.type == WIRE_GET_FEATURE || done->request.type == WIRE_RESTRICT ||
        done->request.type == 77)
        message_add_string(&done->request, "5");
    else
        random_payload(done);
    if (actor->tx != 0 && is_tree(done->request.type) && pick(host, 2) == 0) {
        done->request.tx_id = actor->tx;
        actor->tx_count++;
    }
}

/* Take the answer to what was sent first and is not answered yet. */
static void take_answer(struct done *done, struct wire_message *reply)
{
    int error;

    ck_assert(client_take(done->client, false, reply));
    ck_assert_uint_eq(reply->req_id, done->request.req_id);
    error = message_error_of(reply);
    strcpy(done->result, error ? message_error_name(error) : "OK");
}

/* --- what the trace shows -----------------------------------------------------------------------
 */

static const char *operation_name(uint32_t type)
{
    switch (type) {
    case 77:
        return "77";
    case WIRE_RESTRICT:
        return "20";
    case WIRE_TRANSACTION_START:
        return "TRANSACTION_START";
    case WIRE_TRANSACTION_END:
        return "TRANSACTION_END";
    default:
        return message_type_name(type);
    }
}

static void check_request(const struct remote_frame *frame, const struct done *done)
{
    const struct wire_message *request = &done->request;
    size_t skip = *done->path ? strlen((const char *)request->payload) + 1 : 0;
    size_t length = request->length - (skip < request->length ? skip : request->length);
    struct control_field argument;

    ck_assert_uint_eq(remote_number(frame, CONTROL_F_DOMID), done->client->domid);
    ck_assert_uint_eq(remote_number(frame, CONTROL_F_REQUEST_ID), request->req_id);
    ck_assert_str_eq(remote_text(frame, CONTROL_F_OPERATION), operation_name(request->type));
    ck_assert_uint_eq(control_number(&frame->fields, CONTROL_F_TRANSACTION, 0), request->tx_id);
    ck_assert_str_eq(remote_text(frame, CONTROL_F_PATH), done->path);
    ck_assert_str_eq(remote_text(frame, CONTROL_F_RESULT), done->result);
    ck_assert_uint_eq(remote_number(frame, CONTROL_F_LENGTH), length);
    ck_assert(control_find(&frame->fields, CONTROL_F_ARGUMENT, &argument));
    ck_assert_uint_eq(argument.length, length < ARGUMENT ? length : ARGUMENT);
    ck_assert_mem_eq(argument.value, request->payload + skip, argument.length);
    ck_assert_uint_ne(remote_number(frame, CONTROL_F_TIME), UINT64_MAX);
    ck_assert_uint_ne(remote_number(frame, CONTROL_F_DURATION), UINT64_MAX);
}

/* The client of that domain got the same event, and in this order. */
static void check_event(const struct remote_frame *frame, struct actor *actors, bool take)
{
    struct wire_message event;
    struct actor *actor = actors;

    while (actor->client->domid != remote_number(frame, CONTROL_F_DOMID))
        actor++;
    if (!take)
        return;
    ck_assert(client_take(actor->client, true, &event));
    ck_assert_str_eq((const char *)event.payload, remote_text(frame, CONTROL_F_PATH));
    ck_assert_str_eq((const char *)event.payload + strlen((const char *)event.payload) + 1,
                     remote_text(frame, CONTROL_F_TOKEN));
}

/* An END of a transaction comes right behind its commit. */
static void check_commit(struct reader *reader, const struct done *done, unsigned count)
{
    if (done->request.type != WIRE_TRANSACTION_END || done->request.payload[0] != 'T') {
        ck_assert(!reader->have_commit);
        return;
    }
    ck_assert(reader->have_commit);
    reader->have_commit = false;
    ck_assert_uint_eq(remote_number(&reader->commit, CONTROL_F_TRANSACTION), done->request.tx_id);
    ck_assert_uint_eq(remote_number(&reader->commit, CONTROL_F_COUNT), count);
    ck_assert_uint_eq(remote_number(&reader->commit, CONTROL_F_DOMID), done->client->domid);
    ck_assert_str_eq(remote_text(&reader->commit, CONTROL_F_RESULT), done->result);
    ck_assert_int_eq(remote_number(&reader->commit, CONTROL_F_VERSION) != UINT64_MAX,
                     strcmp(done->result, "OK") == 0);
}

/* All that the reader is shown is what was done; @count: of requests in a transaction that ended.
 */
static void check_trace(struct reader *reader, const struct done *done, unsigned length,
                        struct actor *actors, unsigned count)
{
    struct remote_frame frame;

    while (remote_take(reader->remote, &frame)) {
        const char *kind = remote_text(&frame, CONTROL_F_KIND);

        ck_assert_uint_eq(remote_number(&frame, CONTROL_F_LOST), UINT64_MAX);
        if (strcmp(kind, "commit") == 0) {
            reader->commit = frame;
            control_read(&reader->commit.fields, reader->commit.data, frame.header.length);
            reader->have_commit = true;
            reader->commits++;
        } else if (strcmp(kind, "event") == 0) {
            check_event(&frame, actors, !reader->only_guest);
            reader->events++;
        } else {
            while (length && reader->only_guest && done->client->domid != 5)
                done++, length--;
            ck_assert_msg(length != 0, "the trace shows more than was done");
            check_request(&frame, done);
            check_commit(reader, done, count);
            reader->requests++;
            done++, length--;
        }
    }
    while (length && reader->only_guest && done->client->domid != 5)
        done++, length--;
    ck_assert_msg(length == 0, "the trace misses %u requests", length);
}

/* --- the tests ----------------------------------------------------------------------------------
 */

static unsigned burst(struct actor *actor, struct done *done)
{
    unsigned count = 1 + (unsigned)pick(actor->client->host, BURST);

    for (unsigned i = 0; i < count; i++) {
        random_request(actor, &done[i]);
        ck_assert(client_send(actor->client, &done[i].request));
    }
    host_run(actor->client->host);
    for (unsigned i = 0; i < count; i++) {
        struct wire_message reply;

        take_answer(&done[i], &reply);
    }
    return count;
}

/* Open a transaction, or end the one that is open. */
static unsigned transact(struct actor *actor, struct done *done)
{
    struct wire_message reply;

    memset(done, 0, sizeof(*done));
    done->client = actor->client;
    done->request.req_id = actor->client->next_req_id++;
    done->request.tx_id = actor->tx;
    done->request.type = actor->tx ? WIRE_TRANSACTION_END : WIRE_TRANSACTION_START;
    message_add_string(&done->request, !actor->tx ? "" : pick(actor->client->host, 3) ? "T" : "F");
    ck_assert(client_send(actor->client, &done->request));
    host_run(actor->client->host);
    take_answer(done, &reply);
    if (actor->tx)
        actor->tx = 0;
    else if (!strcmp(done->result, "OK"))
        actor->tx = (uint32_t)strtoul((const char *)reply.payload, NULL, 10);
    return 1;
}

/* What the second one to trace asked XenStore for to find its ring. */
static void forget(struct remote_client *reader)
{
    struct remote_frame frame;

    while (remote_take(reader, &frame))
        ck_assert_int_eq(frame.header.kind, CONTROL_ITEM);
}

START_TEST(a_trace_is_what_clients_did)
{
    struct host *host = control_start();
    struct actor actors[] = {{host->dom0}, {host_guest(host, 5)}, {host_guest(host, 6)}};
    struct reader all = {0}, some = {.only_guest = true};
    struct done done[BURST];

    ck_assert_int_eq(client_mkdir(host->dom0, 0, "/shared"), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, "/shared", "b0"), 0);
    all.remote = open_trace(host, -1);
    some.remote = open_trace(host, 5);
    forget(all.remote);
    for (unsigned i = 0; i < 3; i++)
        client_clear(actors[i].client);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct actor *actor = &actors[pick(host, 3)];
        bool transaction = pick(host, 6) == 0;
        unsigned count = actor->tx_count, length;

        if (transaction && actor->tx)
            actor->tx_count = 0;
        length = transaction ? transact(actor, done) : burst(actor, done);
        check_trace(&all, done, length, actors, count);
        check_trace(&some, done, length, actors, count);
        /* A guest whose changes were in the way of others is not served for a while. */
        host_pass(host, 100 * HV_MSEC);
    }
    ck_assert_uint_gt(all.requests, 2000);
    ck_assert_uint_gt(all.events, 500);
    ck_assert_uint_gt(all.commits, 50);
    ck_assert_uint_gt(some.requests, 500);
    ck_assert_uint_lt(some.requests, all.requests / 2);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(client_waiting(actors[i].client, true), 0);
    remote_close(all.remote);
    remote_close(some.remote);
    control_finish(host);
}
END_TEST

/* Requests that the service got; their ids are in order. */
static void ask_much(struct host *host, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(client_write(host->dom0, 0, "/node", "a value of some length"), 0);
}

START_TEST(what_a_slow_reader_misses_is_counted)
{
    struct host *host = control_start();
    struct remote_client *reader = open_trace(host, -1);
    uint32_t first = host->dom0->next_req_id;
    uint64_t lost = 0, next = first;
    struct remote_frame frame;
    bool last = false;

    /* It reads some, then nothing while much happens, then on. */
    ask_much(host, 10);
    for (unsigned i = 0; i < 10; i++)
        ck_assert(remote_take(reader, &frame));
    ck_assert_uint_eq(remote_number(&frame, CONTROL_F_REQUEST_ID), first + 9);
    ask_much(host, 8000);
    next = first + 10;
    for (unsigned i = 0;; i++) {
        if (!remote_take(reader, &frame)) {
            if (last)
                break;
            ask_much(host, 20); /* the next one says how many are missing */
            last = true;
            continue;
        }
        if (remote_number(&frame, CONTROL_F_LOST) != UINT64_MAX) {
            lost += remote_number(&frame, CONTROL_F_LOST);
            next += remote_number(&frame, CONTROL_F_LOST);
        }
        ck_assert_uint_eq(remote_number(&frame, CONTROL_F_REQUEST_ID), next);
        next++;
    }
    ck_assert_uint_eq(next, host->dom0->next_req_id);
    ck_assert_uint_gt(lost, 1000);
    ck_assert_uint_lt(lost, 8000);
    remote_close(reader);
    control_finish(host);
}
END_TEST

static long bytes_used(struct host *host)
{
    char report[WIRE_PAYLOAD_MAX + 1];

    ck_assert_int_eq(host_control(host, "memreport", report), 0);
    return host_counter(report, "bytes-used");
}

START_TEST(two_traces_at_most_and_nothing_stays)
{
    struct host *host = control_start();
    struct remote_client *first = remote_open(host), *second, *third = remote_open(host);
    long before = bytes_used(host);
    struct remote_request request;
    struct remote_frame frame;
    uint32_t id;

    remote_begin(first, &request, CONTROL_T_STORE_TRACE, CONTROL_REQUEST);
    id = remote_send(first, &request);
    second = open_trace(host, 7);
    ck_assert_int_ge(bytes_used(host), before + 2 * 256 * 1024);
    ck_assert_int_eq(remote_call(third, CONTROL_T_STORE_TRACE, &frame), EBUSY);
    ck_assert(strstr(remote_text(&frame, CONTROL_F_TEXT), "2 traces") != NULL);

    /* The first is ended by CANCEL, the second by death. */
    forget(first);
    control_begin(&request.writer, request.data, sizeof(request.data), CONTROL_T_STORE_TRACE,
                  CONTROL_CANCEL, id);
    remote_send(first, &request);
    ck_assert(remote_take(first, &frame));
    ck_assert_int_eq(frame.header.kind, CONTROL_END);
    remote_kill(second);
    host_pass(host, 5 * HV_SEC);
    ck_assert_int_eq(bytes_used(host), before);
    ask_much(host, 100);

    ck_assert_uint_eq(remote_statistic(third, "store_traces", NULL), 0);
    remote_kill(first);
    remote_kill(third);
    control_finish(host);
}
END_TEST

START_TEST(a_trace_ends_for_lack_of_memory_at_once)
{
    struct host *host = control_start();
    struct remote_client *client = remote_open(host);
    struct remote_frame frame;
    int error = 0;

    for (unsigned i = 0; error == 0; i++) {
        char path[32];

        snprintf(path, sizeof(path), "/fill/%u", i);
        error = client_write_fill(host->dom0, 0, path, 'x', 900);
    }
    ck_assert_int_eq(error, ENOMEM);
    ck_assert_int_eq(remote_call(client, CONTROL_T_STORE_TRACE, &frame), ENOMEM);
    ck_assert_int_eq(client_rm(host->dom0, 0, "/fill"), 0);
    remote_close(client);
    control_finish(host);
}
END_TEST

START_TEST(domids_of_a_trace_are_checked)
{
    struct host *host = control_start();
    struct remote_client *client = remote_open(host);
    struct remote_request request;
    struct remote_frame frame;

    remote_begin(client, &request, CONTROL_T_STORE_TRACE, CONTROL_REQUEST);
    control_put_number(&request.writer, CONTROL_F_DOMID, 0x7ff0);
    ck_assert_int_eq(remote_ask(client, &request, &frame), EINVAL);
    remote_close(client);
    control_finish(host);
}
END_TEST

TCase *control_trace_case(void)
{
    TCase *cases = tcase_create("trace");

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, a_trace_is_what_clients_did);
    tcase_add_test(cases, what_a_slow_reader_misses_is_counted);
    tcase_add_test(cases, two_traces_at_most_and_nothing_stays);
    tcase_add_test(cases, a_trace_ends_for_lack_of_memory_at_once);
    tcase_add_test(cases, domids_of_a_trace_are_checked);
    return cases;
}
