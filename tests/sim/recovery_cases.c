/* SPDX-License-Identifier: ISC */
/*
 * What random runs do not meet: clients that do not read, that send in pieces or break the
 * protocol, domains that end while nobody serves, and requests that kill.
 */
#include "recovery_test.h"

#include "services/xenstored/connection.h"
#include "services/xenstored/domain.h"
#include "services/xenstored/hold.h"
#include "services/xenstored/recorder.h"
#include "services/xenstored/transaction.h"

#include <check.h>
#include <errno.h>
#include <hv/evtchn.h>
#include <hv/gnttab.h>
#include <hv/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUEST    5U
#define OK(call) ck_assert_int_eq((call), 0)

/* Is there none left for the service? */
static bool no_memory;

void *__real_arena_alloc(struct arena *arena, size_t size);
void *__wrap_arena_alloc(struct arena *arena, size_t size);

void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
    return no_memory ? NULL : __real_arena_alloc(arena, size);
}

/* Each case is played with its deaths right behind frames, behind a checkpoint, and twice. */
enum { FRAMES, CHECKPOINT, TWICE, WAYS };

static void end_store(struct host *host, int way)
{
    if (way == CHECKPOINT) {
        recorder_changed(host->xs);
        recorder_sync(host->xs);
    }
    host_end_store(host);
}

static void die(struct host *host, int way)
{
    end_store(host, way);
    host_run(host);
    if (way == TWICE) {
        host_end_store(host);
        host_run(host);
    }
}

static struct host *begin(struct client **guest)
{
    struct host *host = host_create(NULL);

    *guest = host_guest(host, GUEST);
    OK(client_mkdir(host->dom0, 0, "/a"));
    OK(client_set_perms(host->dom0, 0, "/a", "n5"));
    return host;
}

/* A client that does not read gets each byte once when it does, however many services that took. */
START_TEST(test_waiting)
{
    struct wire_message message = {.type = WIRE_READ, .req_id = 77};
    struct client *guest;
    struct host *host = begin(&guest);
    char path[16];

    OK(client_write_fill(host->dom0, 0, "/a/big", 'x', 3000));
    OK(client_watch(guest, "/a", "t"));
    client_clear(guest);
    guest->deaf = true;
    message_add_string(&message, "/a/big");
    ck_assert(client_send(guest, &message));
    client_notify(guest);
    host_run(host);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(path, sizeof(path), "/a/%u", i);
        OK(client_write(host->dom0, 0, path, ""));
        if (i % 4 == 1)
            die(host, _i);
        if (i == 12 || i == 22) {
            end_store(host, _i);
            client_read(guest);
            host_run(host);
        }
        if (i == 27)
            client_read(guest);
    }
    guest->deaf = false;
    host_run(host);
    ck_assert(client_take_any(guest, &message));
    ck_assert(message.type == WIRE_READ && message.req_id == 77 && message.length == 3000);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(path, sizeof(path), "/a/%u", i);
        ck_assert(client_take_any(guest, &message));
        ck_assert_uint_eq(message.type, WIRE_WATCH_EVENT);
        ck_assert_str_eq((const char *)message.payload, path);
    }
    ck_assert(!client_take_any(guest, &message));
    host_destroy(host);
}
END_TEST

/* A request that comes in pieces, each to another service. */
START_TEST(test_pieces)
{
    static const size_t piece[] = {5, 3, 8, 1, 700, 900, 1500};
    uint32_t header[4] = {WIRE_WRITE, 9, 0, 1900};
    uint8_t bytes[2 * (WIRE_HEADER + 1900)];
    struct wire_message reply;
    struct client *guest;
    struct host *host = begin(&guest);
    size_t at = 0;

    for (unsigned i = 0; i < 2; i++) {
        uint8_t *request = bytes + i * (sizeof(bytes) / 2);

        memcpy(request, header, sizeof(header));
        for (unsigned k = 0; k < 1900; k++)
            request[WIRE_HEADER + k] = (uint8_t)('a' + (k + i) % 23);
        memcpy(request + WIRE_HEADER, "/a/p", 5);
    }
    for (unsigned i = 0; at < sizeof(bytes); i++) {
        size_t length = piece[i % (sizeof(piece) / sizeof(piece[0]))];

        at += client_push(guest, bytes + at,
                          length < sizeof(bytes) - at ? length : sizeof(bytes) - at);
        client_notify(guest);
        host_run(host);
        die(host, _i);
    }
    for (unsigned i = 0; i < 2; i++) {
        ck_assert(client_take(guest, false, &reply));
        ck_assert_uint_eq(reply.type, WIRE_WRITE);
        ck_assert_uint_eq(reply.req_id, 9);
    }
    ck_assert(!client_take_any(guest, &reply));
    OK(client_call(guest, 0, WIRE_READ, "/a/p|", &reply));
    ck_assert_uint_eq(reply.length, 1895);
    ck_assert_mem_eq(reply.payload, bytes + sizeof(bytes) / 2 + WIRE_HEADER + 5, 1895);
    host_destroy(host);
}
END_TEST

/* Who broke the protocol stays cut off, and is told why, until it reconnects. */
START_TEST(test_broken)
{
    const uint32_t header[4] = {WIRE_READ, 1, 0, WIRE_PAYLOAD_MAX + 1};
    struct wire_message reply;
    struct client *guest;
    struct host *host = begin(&guest);
    uint32_t error;

    OK(client_watch(guest, "/a", "t"));
    client_clear(guest);
    client_push(guest, header, sizeof(header));
    client_notify(guest);
    host_run(host);
    error = guest->ring->error;
    ck_assert_uint_ne(error, 0);
    /* A client that makes good what it did while nobody looks is cut off all the same. */
    end_store(host, _i);
    guest->ring->error = 0;
    memset(guest->ring->req, 0, sizeof(guest->ring->req));
    host_run(host);
    ck_assert_uint_eq(guest->ring->error, error);
    die(host, _i);
    OK(client_write(host->dom0, 0, "/a/b", ""));
    client_notify(guest);
    host_run(host);
    ck_assert(!client_take_any(guest, &reply));
    guest->ring->connection = 1;
    client_notify(guest);
    host_pass(host, HV_SEC);
    ck_assert_uint_eq(guest->ring->connection, 0);
    OK(client_write(guest, 0, "/a/c", ""));
    ck_assert(!client_take_any(guest, &reply));
    host_destroy(host);
}
END_TEST

static bool released(struct host *host)
{
    struct wire_message event;
    unsigned count = 0;

    while (client_take(host->dom0, true, &event)) {
        ck_assert_str_eq((const char *)event.payload, "@releaseDomain");
        count++;
    }
    ck_assert_uint_le(count, 1);
    return count == 1;
}

/* A domain that ends, or shuts down, while nobody serves. */
START_TEST(test_ends_meanwhile)
{
    struct client *guest;
    struct host *host = begin(&guest);

    OK(client_watch(host->dom0, "@releaseDomain", "r"));
    client_clear(host->dom0);
    end_store(host, _i);
    sim_domain_shutdown(guest->hv, 0);
    host_run(host);
    ck_assert(released(host));
    die(host, _i);
    ck_assert(!released(host));
    end_store(host, _i);
    host_kill(host, guest);
    ck_assert(released(host));
    ck_assert_ptr_null(client_value(host->dom0, 0, "/a"));
    die(host, _i);
    ck_assert(!released(host));
    host_destroy(host);
}
END_TEST

static struct client *boot_of_family(struct host *host, uint8_t generation)
{
    struct client *client = host_boot(host, GUEST, 0);
    uint8_t handle[16] = {'f'};

    handle[15] = generation;
    sim_domain_set_handle(client->hv, handle);
    return client;
}

static struct host *begin_held(struct client **guest)
{
    struct host *host = host_create(NULL);

    *guest = boot_of_family(host, 1);
    OK(host_introduce(host, *guest));
    OK(client_mkdir(host->dom0, 0, "/a"));
    OK(client_set_perms(host->dom0, 0, "/a", "n5"));
    OK(client_watch(host->dom0, "@releaseDomain", "r"));
    client_clear(host->dom0);
    hold_set(host->xs, domain_find(host->xs, GUEST), 10);
    recorder_sync(host->xs);
    return host;
}

static void check_held(struct host *host)
{
    char text[WIRE_PAYLOAD_MAX + 1];

    ck_assert(!released(host));
    ck_assert_ptr_nonnull(client_value(host->dom0, 0, "/a"));
    client_text(host->dom0, 0, WIRE_IS_DOMAIN_INTRODUCED, "5|", text);
    ck_assert_str_eq(text, "T|");
}

/* A hold lasts as long as was said, whoever serves. */
START_TEST(test_held)
{
    struct client *guest;
    struct host *host = begin_held(&guest);

    die(host, _i);
    host_kill(host, guest);
    check_held(host);
    die(host, _i);
    host_pass(host, 4 * HV_SEC);
    check_held(host);
    die(host, _i);
    check_held(host);
    host_pass(host, 5 * HV_SEC);
    check_held(host);
    host_pass(host, 2 * HV_SEC); /* it is told in whole seconds */
    ck_assert(released(host));
    ck_assert_ptr_null(client_value(host->dom0, 0, "/a"));
    die(host, _i);
    ck_assert(!released(host));
    host_destroy(host);
}
END_TEST

START_TEST(test_held_meanwhile)
{
    struct client *guest;
    struct host *host = begin_held(&guest);

    end_store(host, _i);
    host_kill(host, guest);
    check_held(host);
    die(host, _i);
    guest = boot_of_family(host, 2);
    end_store(host, _i);
    OK(host_introduce(host, guest));
    check_held(host);
    OK(client_write(guest, 0, "/a/b", ""));
    host_pass(host, 20 * HV_SEC);
    check_held(host);
    /* That one is held, too. */
    host_kill(host, guest);
    die(host, _i);
    check_held(host);
    host_pass(host, 11 * HV_SEC);
    ck_assert(released(host));
    host_destroy(host);
}
END_TEST

/* A domain whose nodes could not be removed for want of memory is cleaned up after by a successor.
 */
START_TEST(test_dead_without_memory)
{
    struct client *guest;
    struct host *host = begin(&guest);
    uint32_t tx;

    OK(client_watch(host->dom0, "@releaseDomain", "r"));
    client_clear(host->dom0);
    OK(client_begin(host->dom0, &tx)); /* keeps the nodes: they cannot be changed in place */
    no_memory = true;
    host_kill(host, guest);
    ck_assert(!released(host));
    ck_assert(domain_find(host->xs, GUEST)->dead);
    no_memory = false;
    end_store(host, _i);
    host_pass(host, HV_SEC);
    ck_assert(released(host));
    ck_assert_ptr_null(client_value(host->dom0, 0, "/a"));
    host_destroy(host);
}
END_TEST

/* Who waits for an event that the predecessor did not come to send gets one. */
START_TEST(test_notified)
{
    struct client *guest;
    struct host *host = begin(&guest);

    while (hv_evtchn_next(guest->hv) != 0)
        continue;
    end_store(host, _i);
    host_run(host);
    ck_assert_uint_eq(hv_evtchn_next(guest->hv), guest->port);
    host_destroy(host);
}
END_TEST

/* A domain that took its ring away meanwhile stays known, and its end is told. */
START_TEST(test_no_ring)
{
    struct client *guest;
    struct host *host = begin(&guest);
    char text[WIRE_PAYLOAD_MAX + 1];

    OK(client_watch(host->dom0, "@releaseDomain", "r"));
    client_clear(host->dom0);
    end_store(host, _i);
    sim_grant_reserved(guest->hv, HV_GNTTAB_XENSTORE, 0, NULL);
    host_run(host);
    client_text(host->dom0, 0, WIRE_IS_DOMAIN_INTRODUCED, "5|", text);
    ck_assert_str_eq(text, "T|");
    ck_assert_ptr_nonnull(client_value(host->dom0, 0, "/a"));
    ck_assert(!released(host));
    host_kill(host, guest);
    ck_assert(released(host));
    ck_assert_ptr_null(client_value(host->dom0, 0, "/a"));
    host_destroy(host);
}
END_TEST

/* Limits for domains to come are those that the operator set. */
START_TEST(test_limits)
{
    struct client *guest;
    struct host *host = begin(&guest);
    struct quota_limits *limits = &host->xs->limits;

    for (unsigned i = 0; i < QUOTA_COUNT; i++)
        limits->hard[i] += 1 + i;
    limits->soft_memory += 77;
    struct quota_limits set = *limits;
    recorder_changed(host->xs);
    recorder_sync(host->xs);
    die(host, _i);
    ck_assert_mem_eq(&host->xs->limits, &set, sizeof(set));
    host_destroy(host);
}
END_TEST

/* No number of a connection is given twice, whatever was forgotten between. */
START_TEST(test_numbers)
{
    struct client *guest;
    struct host *host = begin(&guest);
    unsigned count = 0;
    uint32_t id[16];

    for (domid_t domid = 10; domid < 15; domid++)
        host_kill(host, host_guest(host, domid));
    recorder_changed(host->xs);
    recorder_sync(host->xs);
    host_guest(host, 20);
    die(host, _i);
    for (domid_t domid = 21; domid < 28; domid++)
        host_guest(host, domid);
    list_for_each (item, &host->xs->connections) {
        id[count] = LIST_ENTRY(item, struct connection, all)->id;
        for (unsigned i = 0; i < count; i++)
            ck_assert_uint_ne(id[i], id[count]);
        count++;
    }
    ck_assert_uint_eq(count, 10);
    host_destroy(host);
}
END_TEST

/* A transaction that cannot be committed any more stays one, and is as old as it was. */
START_TEST(test_doomed)
{
    struct client *guest;
    struct host *host = begin(&guest);
    struct connection *connection = domain_find(host->xs, GUEST)->connection;
    uint64_t started;
    uint32_t tx;

    OK(client_begin(guest, &tx));
    OK(client_write(guest, tx, "/a/b", ""));
    transaction_find(connection, tx)->doomed = true;
    started = transaction_find(connection, tx)->started;
    recorder_changed(host->xs);
    recorder_sync(host->xs);
    die(host, _i);
    connection = domain_find(host->xs, GUEST)->connection;
    ck_assert_uint_eq(transaction_find(connection, tx)->started, started);
    ck_assert_int_eq(client_end(guest, tx, true), EAGAIN);
    ck_assert_ptr_null(client_value(guest, 0, "/a/b"));
    host_destroy(host);
}
END_TEST

/* A reconnection that is in a checkpoint and not in a frame; death at each access. */
START_TEST(test_reset_by_checkpoint)
{
    unsigned deaths = 1;

    for (unsigned in = 1; deaths != 0; in++) {
        struct wire_message message;
        struct client *guest;
        struct host *host = begin(&guest);

        OK(client_watch(guest, "/a", "t"));
        guest->deaf = true;
        OK(client_write(host->dom0, 0, "/a/b", ""));
        client_push(guest, "junk", 4);
        host_arm(host);
        host->deaths.in = in;
        recorder_changed(host->xs);
        guest->ring->connection = 1;
        client_notify(guest);
        host_run(host);
        deaths = host->deaths.count;
        ck_assert_uint_eq(guest->ring->connection, 0);
        ck_assert_uint_eq(guest->ring->req_cons, guest->ring->req_prod);
        ck_assert_uint_eq(guest->ring->rsp_cons, guest->ring->rsp_prod);
        guest->deaf = false;
        client_clear(guest);
        OK(client_write(guest, 0, "/a/c", ""));
        ck_assert(!client_take_any(guest, &message));
        host_destroy(host);
    }
}
END_TEST

/* A request that has killed twice is not done again either where it is in the journal. */
START_TEST(test_poison_in_the_journal)
{
    const struct xs_header header = {.type = WIRE_WRITE, .length = 3};
    struct host *host = host_create(NULL);
    struct journal_hint *hint = host->reserved;
    uint8_t payload[3 + 8] = "/p"; /* and the room that the hash needs */
    uint64_t hash;

    ck_assert(!recorder_hint(host->xs, 0, &header, payload));
    hash = hint->request;
    recorder_hint_done(host->xs);
    OK(client_write(host->dom0, 0, "/p", ""));
    OK(client_write(host->dom0, 0, "/q", ""));
    OK(client_set_perms(host->dom0, 0, "/p", "n0")); /* cannot be done without that */
    OK(client_write(host->dom0, 0, "/r", ""));
    host->deaths.poison = true;
    host_end_store(host);
    hint = (struct journal_hint *)(void *)host->deaths.kept;
    hint->suspects[0] = (struct journal_suspect){hash, 0, JOURNAL_DEATHS};
    host_run(host);
    ck_assert_ptr_null(client_value(host->dom0, 0, "/p"));
    ck_assert_ptr_nonnull(client_value(host->dom0, 0, "/q"));
    ck_assert_ptr_nonnull(client_value(host->dom0, 0, "/r"));
    host_destroy(host);
}
END_TEST

/* A successor has little to do again, however large the journal is. */
START_TEST(test_log_is_bounded)
{
    struct host *host = host_create(&(struct host_config){.journal = 513});
    const struct recorder *recorder = host->xs->recorder;
    uint64_t before = recorder->checkpoints;

    for (unsigned i = 0; i < 4000; i++) {
        OK(client_write_fill(host->dom0, 0, "/a", 'x', 64));
        ck_assert_uint_lt(recorder->journal.end - recorder->checkpoint_end, 136U << 10);
    }
    ck_assert_uint_gt(recorder->checkpoints, before);
    host_destroy(host);
}
END_TEST

/* Requests that need no frame are not more than a successor can tell from the ring. */
START_TEST(test_many_answers)
{
    struct host *host = host_create(NULL);
    struct connection *connection = domain_find(host->xs, 0)->connection;
    uint64_t checkpoints;

    ck_assert_ptr_null(client_value(host->dom0, 0, "/none"));
    ck_assert_uint_gt(connection->answered, 0);
    checkpoints = host->xs->recorder->checkpoints;
    connection->answered = (1U << 18) - 2; /* of 4 KiB and more each: 1 GiB */
    for (unsigned i = 0; i < 8; i++)
        ck_assert_ptr_null(client_value(host->dom0, 0, "/none"));
    ck_assert_uint_eq(host->xs->recorder->checkpoints, checkpoints + 1);
    host_destroy(host);
}
END_TEST

TCase *recovery_cases(void)
{
    TCase *tcase = tcase_create("cases");

    tcase_add_loop_test(tcase, test_waiting, 0, WAYS);
    tcase_add_loop_test(tcase, test_pieces, 0, WAYS);
    tcase_add_loop_test(tcase, test_broken, 0, WAYS);
    tcase_add_loop_test(tcase, test_ends_meanwhile, 0, WAYS);
    tcase_add_loop_test(tcase, test_held, 0, WAYS);
    tcase_add_loop_test(tcase, test_held_meanwhile, 0, WAYS);
    tcase_add_loop_test(tcase, test_dead_without_memory, 0, WAYS);
    tcase_add_loop_test(tcase, test_notified, 0, WAYS);
    tcase_add_loop_test(tcase, test_no_ring, 0, WAYS);
    tcase_add_loop_test(tcase, test_limits, 0, WAYS);
    tcase_add_loop_test(tcase, test_numbers, 0, WAYS);
    tcase_add_loop_test(tcase, test_doomed, 0, WAYS);
    tcase_add_test(tcase, test_reset_by_checkpoint);
    tcase_add_test(tcase, test_poison_in_the_journal);
    tcase_add_test(tcase, test_log_is_bounded);
    tcase_add_test(tcase, test_many_answers);
    return tcase;
}
