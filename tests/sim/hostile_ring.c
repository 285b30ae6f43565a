/* SPDX-License-Identifier: ISC */
/* Rings as no honest guest would use them. Each ends at most its own connection. */
#include "suite.h"

#include <hv/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One message, as bytes. */
static size_t pack(uint8_t *bytes, uint32_t type, uint32_t id, const char *payload, size_t length)
{
    const uint32_t header[4] = {type, id, 0, (uint32_t)length};

    memcpy(bytes, header, sizeof(header));
    memcpy(bytes + sizeof(header), payload, length);
    return sizeof(header) + length;
}

START_TEST(test_byte_by_byte)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    uint8_t bytes[64];
    struct wire_message reply;

    for (uint32_t id = 1; id < 40; id++) {
        size_t length = pack(bytes, WIRE_GET_DOMAIN_PATH, id, "8", 2);

        for (size_t i = 0; i < length; i++) {
            ck_assert(!client_take_any(guest, &reply));
            ck_assert_uint_eq(client_push(guest, bytes + i, 1), 1);
            client_notify(guest);
            host_run(host);
        }
        ck_assert(client_take(guest, false, &reply));
        ck_assert_uint_eq(reply.req_id, id);
    }
    host_destroy(host);
}
END_TEST

/* The largest message needs the ring four times over. */
START_TEST(test_largest_message)
{
    struct host *host = host_create(NULL);
    struct client *extra = host_attach(host, 0xfffffc03U);
    struct wire_message request = {.type = WIRE_WRITE}, reply;

    message_add_string(&request, "/big");
    memset(request.payload + request.length, 'v', WIRE_PAYLOAD_MAX - request.length);
    request.length = WIRE_PAYLOAD_MAX;
    for (int i = 0; i < 5; i++) {
        ck_assert(client_ask(extra, &request, &reply));
        OK(message_error_of(&reply));
        OK(client_call(host->dom0, 0, WIRE_READ, "/big|", &reply));
        ck_assert_uint_eq(reply.length, WIRE_PAYLOAD_MAX - 5);
        ck_assert_mem_eq(reply.payload, request.payload + 5, reply.length);
    }
    host_destroy(host);
}
END_TEST

START_TEST(test_message_too_long)
{
    struct host *host = host_create(NULL);
    struct client *other = suite_guest(host, 4);
    struct client *guest = suite_guest(host, 3);
    uint8_t bytes[64];

    OK(client_watch(guest, "/local/domain/3", "t"));
    client_clear(guest);
    pack(bytes, WIRE_WRITE, 1, "x", 2);
    uint32_t length = 4097;
    memcpy(bytes + 12, &length, 4);
    client_send_raw(guest, bytes, 18);
    host_run(host);
    suite_dead(guest, 3);
    /* Its watch and whatever it had in flight is gone; its nodes are not. */
    OK(client_write(host->dom0, 0, "/local/domain/3/x", "1"));
    host_run(host);
    ck_assert_uint_eq(client_waiting(guest, true), 0);
    suite_alive(other);

    /* It can start again by a reconnection. */
    guest->ring->connection = 1;
    client_notify(guest);
    host_run(host);
    ck_assert_uint_eq(guest->ring->connection, 0);
    ck_assert_uint_eq(guest->ring->error, 0);
    ck_assert_uint_eq(guest->ring->rsp_cons, guest->ring->rsp_prod);
    guest->have = 0;
    suite_alive(guest);
    ck_assert_str_eq(client_value(guest, 0, "x"), "1");
    host_destroy(host);
}
END_TEST

/* A reconnection in the middle of everything: partial messages, transactions, unread answers. */
START_TEST(test_reconnection)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    uint8_t bytes[64];
    uint32_t tx;

    ck_assert_uint_eq(guest->ring->features & WIRE_FEATURE_RECONNECTION, 1);
    OK(client_write_fill(guest, 0, "v", 'x', 1500));
    for (int round = 0; round < 10; round++) {
        OK(client_begin(guest, &tx));
        OK(client_write(guest, tx, "y", "1"));
        OK(client_watch(guest, "v", "t"));
        guest->deaf = true;
        for (uint32_t i = 0; i < 10; i++) {
            size_t length = pack(bytes, WIRE_READ, i, "v", 2);
            client_push(guest, bytes, i == 9 ? length - (size_t)round % 17 - 1 : length);
        }
        client_notify(guest);
        if (round % 2)
            host_run(host);
        guest->ring->connection = 1;
        client_notify(guest);
        host_run(host);
        ck_assert_uint_eq(guest->ring->connection, 0);
        ck_assert_uint_eq(guest->ring->req_prod, guest->ring->req_cons);
        ck_assert_uint_eq(guest->ring->rsp_prod, guest->ring->rsp_cons);
        guest->deaf = false;
        guest->have = 0;
        client_clear(guest);
        FAILS(client_end(guest, tx, true), ENOENT);
        OK(client_write(guest, 0, "v2", "x"));
        suite_expect_quiet(guest);
        ck_assert_int_eq(suite_counter(host, 3, "watches"), 0);
        ck_assert_int_eq(suite_counter(host, 3, "transactions"), 0);
        ck_assert_int_eq(suite_counter(host, 3, "outstanding"), 0);
    }
    host_destroy(host);
}
END_TEST

/* The fields that are not the guest's. */
START_TEST(test_fields_of_the_server)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    static const uint32_t values[] = {1, 2, 0x80000000U, 0xffffffffU, 0};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        guest->ring->features = values[i];
        guest->ring->error = values[i];
        guest->ring->evtchn_port = values[i];
        if (values[i] != 1)
            guest->ring->connection = values[i];
        client_notify(guest);
        suite_alive(guest);
    }
    host_destroy(host);
}
END_TEST

/* Garbage in the page when the domain is introduced. */
START_TEST(test_garbage_before_introduce)
{
    struct host *host = host_create(&(struct host_config){.seed = (uint64_t)_i});

    for (int round = 0; round < 20; round++) {
        struct client *guest = host_boot(host, 3, 0);
        uint8_t *page = (uint8_t *)guest->ring;

        for (size_t i = 0; i < 4096; i++)
            page[i] = (uint8_t)sim_random(host->sim, 256);
        guest->ring->evtchn_port = 0;
        OK(host_introduce(host, guest));
        client_clear(guest);
        guest->have = 0;
        suite_alive(guest);
        host_kill(host, guest);
    }
    host_destroy(host);
}
END_TEST

/* Rewrites bytes of the request area, the header's length above all, between any two loads. */
struct scribbler {
    struct client *client;
    unsigned chance;
};

static void scribble(void *context, struct hv *victim, const void *address, size_t length)
{
    struct scribbler *scribbler = context;
    struct sim *sim = scribbler->client->host->sim;
    struct wire_ring *ring = scribbler->client->ring;

    (void)victim, (void)address, (void)length;
    if (sim_random(sim, scribbler->chance) != 0)
        return;
    uint32_t at = (ring->req_cons + 12 + (uint32_t)sim_random(sim, 8)) % WIRE_RING_SIZE;
    ring->req[at] = (uint8_t)sim_random(sim, 256);
}

START_TEST(test_bytes_change_while_being_read)
{
    struct host *host = host_create(&(struct host_config){.seed = (uint64_t)_i});
    struct client *other = suite_guest(host, 4);

    for (int round = 0; round < 30; round++) {
        struct client *guest = suite_guest(host, 3);
        struct scribbler scribbler = {guest, 1 + (unsigned)_i};
        uint8_t bytes[64];

        sim_set_adversary(host->sim, scribble, &scribbler);
        for (uint32_t i = 0; i < 30; i++) {
            size_t length = pack(bytes, (uint32_t)sim_random(host->sim, 24), i, "a\0b\0c", 6);
            client_push(guest, bytes, length);
            client_notify(guest);
            host_run(host);
        }
        suite_alive(other);
        sim_set_adversary(host->sim, NULL, NULL);
        host_check(host);
        host_kill(host, guest);
    }
    host_destroy(host);
}
END_TEST

/* The port goes away, the domain with it, at any moment. */
START_TEST(test_port_and_domain_go_away)
{
    struct host *host = host_create(NULL);
    struct client *other = suite_guest(host, 4);

    for (int round = 0; round < 20; round++) {
        struct client *guest = suite_guest(host, 3);
        uint8_t bytes[64];

        OK(client_watch(guest, "/local", "t"));
        for (uint32_t i = 0; i < 10; i++)
            client_push(guest, bytes, pack(bytes, WIRE_WRITE, i, "a\0b", 3));
        client_notify(guest);
        if (round % 2)
            hv_evtchn_close(guest->hv, guest->port);
        if (round % 3 == 0)
            host_run(host);
        OK(client_write(other, 0, "x", "1"));
        host_kill(host, guest);
        suite_alive(other);
    }
    host_destroy(host);
}
END_TEST

START_TEST(test_introduce_what_cannot_be)
{
    static const char *const wrong[] = {
        "99|1|1|",    "0|1|1|",           "1|1|1|",    "65535|1|1|", "65536|1|1|",
        "32752|1|1|", "-1|1|1|",          "x|1|1|",    "|1|1|",      "3|1|0|",
        "3|1|-1|",    "3|1|x|",           "3|1|",      "3|",         "",
        "3|1|4000|",  "3|1|99999999999|", "3|1|4095|", "3|1|4096|",  "4294967299|1|1|"};
    struct host *host = host_create(NULL);
    struct client *guest = host_boot(host, 3, 0), *other = suite_guest(host, 4);
    struct wire_message reply;
    char payload[64];

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int error = client_call(host->dom0, 0, WIRE_INTRODUCE, wrong[i], &reply);

        ck_assert_msg(error != 0 && error != ETIMEDOUT && error != EPROTO, "INTRODUCE %s: %d",
                      wrong[i], error);
    }
    /* The port of another domain, and one that is bound already. */
    snprintf(payload, sizeof(payload), "3|1|%u|", other->port + 50);
    ck_assert_int_ne(client_call(host->dom0, 0, WIRE_INTRODUCE, payload, &reply), 0);
    suite_expect(host->dom0, 0, WIRE_IS_DOMAIN_INTRODUCED, "3|", "F|");
    suite_alive(other);
    /* No grant. */
    sim_grant_reserved(guest->hv, HV_GNTTAB_XENSTORE, 0, NULL);
    ck_assert_int_ne(host_introduce(host, guest), 0);
    sim_grant_reserved(guest->hv, HV_GNTTAB_XENSTORE, HOST_STORE_DOMID, guest->ring);
    OK(host_introduce(host, guest));
    suite_alive(guest);

    /* Again with a port that is not one: the domain stays known and can be introduced anew. */
    ck_assert_int_ne(client_call(host->dom0, 0, WIRE_INTRODUCE, "3|1|4000|", &reply), 0);
    suite_expect(host->dom0, 0, WIRE_IS_DOMAIN_INTRODUCED, "3|", "T|");
    client_clear(guest);
    hv_evtchn_close(guest->hv, guest->port);
    OK(hv_evtchn_alloc_unbound(guest->hv, HOST_STORE_DOMID, &guest->port));
    OK(host_introduce(host, guest));
    suite_alive(guest);
    host_destroy(host);
}
END_TEST

/* Events without a cause, without end. */
START_TEST(test_spurious_events)
{
    struct host *host = host_create(&(struct host_config){.seed = (uint64_t)_i});
    struct client *guest = suite_guest(host, 3);

    sim_set_faults(host->sim, &(struct sim_faults){
                                  .spurious = 20000, .delayed_event = 20000, .early_wake = 20000});
    for (int i = 0; i < 200; i++) {
        char value[16];

        snprintf(value, sizeof(value), "%d", i);
        OK(client_write(guest, 0, "x", value));
        ck_assert_str_eq(client_value(guest, 0, "x"), value);
    }
    host_destroy(host);
}
END_TEST

/* Three greedy domains and one that just wants an answer. */
START_TEST(test_fair_share)
{
    struct host *host = host_create(NULL);
    struct client *greedy[3], *modest = suite_guest(host, 9);
    uint8_t bytes[64];

    for (domid_t i = 0; i < 3; i++)
        greedy[i] = suite_guest(host, (domid_t)(2 + i));
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 3; i++) {
            size_t length = pack(bytes, WIRE_GET_DOMAIN_PATH, 1, "8", 2);

            while (WIRE_RING_SIZE - (greedy[i]->ring->req_prod - greedy[i]->ring->req_cons) >=
                   length)
                client_push(greedy[i], bytes, length);
            client_notify(greedy[i]);
        }
        client_push(modest, bytes, pack(bytes, WIRE_GET_DOMAIN_PATH, 7, "8", 2));
        client_notify(modest);
        /* Few enough steps that the greedy ones are not through. */
        for (int step = 0; step < 20 && modest->ring->rsp_prod == modest->ring->rsp_cons; step++)
            sim_run(host->sim, hv_now(host->store), 1);
        ck_assert_uint_ne(modest->ring->rsp_prod, modest->ring->rsp_cons);
        host_run(host);
        for (int i = 0; i < 3; i++)
            client_clear(greedy[i]);
        client_clear(modest);
    }
    host_destroy(host);
}
END_TEST

/* What one commit may send is bounded as well, and others' events are not lost for it. */
START_TEST(test_events_of_one_commit)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3), *greedy = suite_guest(host, 4);
    struct wire_message request, reply;
    char path[64];
    uint32_t tx;

    OK(client_set_perms(guest, 0, "/local/domain/3", "r3"));
    OK(client_watch(host->dom0, "/local/domain/3/n", "mine"));
    client_clear(host->dom0);
    for (int i = 0; i < 120; i++) {
        request = (struct wire_message){.type = WIRE_WATCH};
        message_add_string(&request, "/local/domain/3/n");
        memset(request.payload + request.length, 't', 3500);
        snprintf(path, sizeof(path), "%d", i);
        memcpy(request.payload + request.length, path, strlen(path));
        request.length += 3500;
        message_add_string(&request, "");
        ck_assert(client_ask(greedy, &request, &reply));
        OK(message_error_of(&reply));
        client_clear(greedy);
    }
    OK(client_begin(guest, &tx));
    for (int i = 0; i < 500; i++) {
        snprintf(path, sizeof(path), "n/%d", i);
        OK(client_write(guest, tx, path, "x"));
    }
    greedy->deaf = true;
    OK(client_end(guest, tx, true));
    ck_assert_uint_eq(client_waiting(host->dom0, true), 500);
    ck_assert_int_le(suite_counter(host, 4, "memory"), 2621440);
    client_clear(host->dom0);
    host_destroy(host);
}
END_TEST

TCase *hostile_ring_cases(void)
{
    TCase *tcase = tcase_create("hostile rings");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_byte_by_byte);
    tcase_add_test(tcase, test_largest_message);
    tcase_add_test(tcase, test_message_too_long);
    tcase_add_test(tcase, test_reconnection);
    tcase_add_test(tcase, test_fields_of_the_server);
    tcase_add_loop_test(tcase, test_garbage_before_introduce, 0, 3);
    tcase_add_loop_test(tcase, test_bytes_change_while_being_read, 0, 8);
    tcase_add_test(tcase, test_port_and_domain_go_away);
    tcase_add_test(tcase, test_introduce_what_cannot_be);
    tcase_add_loop_test(tcase, test_spurious_events, 0, 3);
    tcase_add_test(tcase, test_fair_share);
    tcase_add_test(tcase, test_events_of_one_commit);
    return tcase;
}
