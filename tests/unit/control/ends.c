/* SPDX-License-Identifier: ISC */
/* The control server over time: logs, the end, deadlines, breaches, memory. */
#include "case.h"
#include "suite.h"

#include <errno.h>
#include <hv/memory.h>
#include <hv/time.h>
#include <stdio.h>

/* --- logs ---------------------------------------------------------------------------------------
 */

static void ask_logs(uint32_t id, uint64_t limit, bool follow)
{
    begin(CONTROL_T_LOGS, id);
    if (limit != UINT64_MAX)
        control_put_number(&writer, CONTROL_F_LIMIT, limit);
    control_put_number(&writer, CONTROL_F_FOLLOW, follow);
    post(&client);
}

static void expect_line(uint32_t id, uint64_t sequence, uint64_t lost)
{
    struct control_field field;
    char want[32];

    expect(&client, CONTROL_ITEM, id);
    ck_assert_uint_eq(number(CONTROL_F_SEQUENCE), sequence);
    ck_assert_uint_eq(control_find(&fields, CONTROL_F_LOST, &field), lost > 0);
    ck_assert_uint_eq(control_number(&fields, CONTROL_F_LOST, 0), lost);
    ck_assert_uint_gt(number(CONTROL_F_TIME), 0);
    ck_assert_uint_eq(number(CONTROL_F_LEVEL), 3 + sequence % 5);
    snprintf(want, sizeof(want), "line %u", (unsigned)sequence);
    expect_string(CONTROL_F_TEXT, want);
}

static void log_lines(uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i <= to; i++)
        log_write(host->log, (enum log_level)(3 + i % 5), "line %u", (unsigned)i);
    /* The service was not told by an event of its own. */
    control_host_wake(host);
}

START_TEST(test_logs)
{
    static const uint64_t limits[] = {0, 1, 3, 9, 10, 11, UINT64_MAX};

    ask_logs(1, UINT64_MAX, false);
    expect(&client, CONTROL_END, 1);
    log_lines(1, 10);
    for (uint32_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        ask_logs(i, limits[i], false);
        for (uint64_t line = limits[i] >= 10 ? 1 : 11 - limits[i]; line <= 10; line++)
            expect_line(i, line, 0);
        expect(&client, CONTROL_END, i);
    }
}
END_TEST

START_TEST(test_logs_follow)
{
    log_lines(1, 10);
    ask_logs(1, 2, true);
    expect_line(1, 9, 0);
    expect_line(1, 10, 0);
    expect_nothing(&client);
    ask_logs(2, 0, true);
    expect_nothing(&client);
    log_lines(11, 12);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert(host_client_receive(&client, &header, &fields));
        ck_assert_uint_ge(number(CONTROL_F_SEQUENCE), 11);
    }
    expect_nothing(&client);
    control_begin(&writer, frame, sizeof(frame), 0, CONTROL_CANCEL, 1);
    post(&client);
    expect(&client, CONTROL_END, 1);
    log_lines(13, 13);
    expect_line(2, 13, 0);
    expect_nothing(&client);
    /* Others that wait are left alone. */
    host->gate = 1;
    start_stream(&client, HOST_T_COUNT, 3, 2, UINT64_MAX);
    expect(&client, CONTROL_ITEM, 3);
    expect_nothing(&client);
    unsigned filled = host->filled;
    log_lines(14, 14);
    expect_line(2, 14, 0);
    ck_assert_uint_eq(host->filled, filled);
}
END_TEST

/* Without FOLLOW the end is where the log was when it was asked for. */
START_TEST(test_logs_end)
{
    uint64_t last = 0;

    for (unsigned i = 1; i <= 30; i++)
        log_write(host->log, LOG_INFO, "%0200u", i);
    ask_logs(1, UINT64_MAX, false);
    control_host_run(host);
    for (unsigned i = 31; i <= 35; i++)
        log_write(host->log, LOG_INFO, "%0200u", i);
    while (host_client_receive(&client, &header, &fields) && header.kind == CONTROL_ITEM)
        last = number(CONTROL_F_SEQUENCE);
    ck_assert_uint_eq(header.kind, CONTROL_END);
    ck_assert_uint_eq(last, 30);
}
END_TEST

/* A reader that is too slow is told how many lines gave way. */
START_TEST(test_logs_lost)
{
    uint64_t next = 2, lost = 0;

    log_lines(1, 1);
    ask_logs(1, UINT64_MAX, true);
    expect_line(1, 1, 0);
    log_lines(2, 2000);
    while (host_client_receive(&client, &header, &fields)) {
        uint64_t sequence = number(CONTROL_F_SEQUENCE);
        uint64_t before = control_number(&fields, CONTROL_F_LOST, 0);

        ck_assert_uint_eq(sequence, next + before);
        lost += before;
        next = sequence + 1;
    }
    ck_assert_uint_eq(next, 2001);
    ck_assert_uint_gt(lost, 1000);
    /* What gave way before anybody asked is not lost. */
    ask_logs(2, UINT64_MAX, false);
    expect(&client, CONTROL_ITEM, 2);
    ck_assert_uint_gt(number(CONTROL_F_SEQUENCE), 1000);
    ck_assert_uint_eq(control_number(&fields, CONTROL_F_LOST, 0), 0);
}
END_TEST

/* --- the end ------------------------------------------------------------------------------------
 */

START_TEST(test_stop)
{
    begin(CONTROL_T_STOP, 9);
    post(&client);
    control_host_run(host);
    ck_assert_uint_eq(host->stop_asked, 1);
    ck_assert_uint_eq(host->stopped, 0);
    /* Others are served meanwhile. */
    expect_served(&other);
    control_host_run(host);
    ck_assert_uint_eq(host->stopped, 0);
    expect(&client, CONTROL_REPLY, 9);
    control_host_run(host);
    ck_assert_uint_eq(host->stopped, 1);
    expect_served(&client);
    control_host_run(host);
    /* Once is enough. */
    begin(CONTROL_T_STOP, 10);
    post(&other);
    expect(&other, CONTROL_REPLY, 10);
    control_host_pass(host, 10 * HV_SEC);
    ck_assert_uint_eq(host->stop_asked, 1);
    ck_assert_uint_eq(host->stopped, 1);
}
END_TEST

START_TEST(test_stop_refused)
{
    host->stop_error = -EPERM;
    begin(CONTROL_T_STOP, 9);
    post(&client);
    expect_error(&client, 9, CONTROL_T_STOP, EPERM, "not now");
    control_host_pass(host, 10 * HV_SEC);
    ck_assert_uint_eq(host->stopped, 0);
    host->stop_error = 0;
    begin(CONTROL_T_STOP, 9);
    post(&client);
    expect(&client, CONTROL_REPLY, 9);
    control_host_run(host);
    ck_assert_uint_eq(host->stopped, 1);
}
END_TEST

/* Whatever the service would say. */
START_TEST(test_stop_by_force)
{
    host->stop_error = -EPERM;
    begin(CONTROL_T_STOP, 9);
    control_put_number(&writer, CONTROL_F_FORCE, 0);
    post(&client);
    expect_error(&client, 9, CONTROL_T_STOP, EPERM, "not now");
    begin(CONTROL_T_STOP, 9);
    control_put_number(&writer, CONTROL_F_FORCE, 1);
    post(&client);
    expect(&client, CONTROL_REPLY, 9);
    control_host_run(host);
    ck_assert_uint_eq(host->stop_asked, 1);
    ck_assert_uint_eq(host->stopped, 1);
}
END_TEST

/* Also where the reply waits for the next turn. */
START_TEST(test_stop_behind_others)
{
    uint8_t bytes[8 * CONTROL_HEADER];

    for (unsigned before = 0; before < 8; before++) {
        host->stopped = 0;
        for (unsigned i = 0; i <= before; i++) {
            control_begin(&writer, bytes + i * CONTROL_HEADER, CONTROL_HEADER, CONTROL_T_STOP,
                          i < before ? (enum control_kind)99 : CONTROL_REQUEST, i);
            control_end(&writer);
        }
        ck_assert(host_client_write(&other, bytes, (before + 1) * CONTROL_HEADER));
        control_host_run(host);
        ck_assert_uint_eq(host->stopped, 0);
        expect(&other, CONTROL_REPLY, before);
        control_host_run(host);
        ck_assert_uint_eq(host->stopped, 1);
        control_case_teardown();
        control_case_setup();
    }
}
END_TEST

START_TEST(test_stop_unread)
{
    begin(CONTROL_T_STOP, 9);
    post(&client);
    control_host_pass(host, 2 * HV_SEC - 100 * HV_MSEC);
    ck_assert_uint_eq(host->stopped, 0);
    control_host_pass(host, 200 * HV_MSEC);
    ck_assert_uint_eq(host->stopped, 1);
}
END_TEST

/* It asked, and did not wait for the answer. */
START_TEST(test_stop_and_close)
{
    begin(CONTROL_T_STOP, 9);
    post(&client);
    host_client_close(&client);
    control_host_run(host);
    ck_assert_uint_eq(host->stop_asked, 1);
    ck_assert_uint_eq(host->stopped, 1);
}
END_TEST

/* What a client sent before it closed is done, all of it. */
START_TEST(test_requests_before_closing)
{
    uint64_t requests = statistic(&other, "control_requests");
    uint8_t data[4] = {0};

    begin(HOST_T_UPLOAD, 5);
    post(&client);
    control_host_run(host);
    for (unsigned i = 0; i < 50; i++)
        upload(5, data, sizeof(data));
    for (uint32_t i = 0; i < 20; i++) {
        begin(CONTROL_T_ECHO, 100 + i);
        post(&client);
    }
    host_client_close(&client);
    ck_assert_uint_eq(statistic(&other, "control_requests"), requests + 1 + 20 + 1);
    ck_assert_uint_eq(statistic(&other, "control_clients"), 1);
    ck_assert_uint_eq(host->streams_open, 0);
}
END_TEST

START_TEST(test_closing_ends_streams)
{
    host->gate = 1;
    start_stream(&client, HOST_T_ENDLESS, 1, 0, UINT64_MAX);
    start_stream(&client, HOST_T_COUNT, 2, 5, UINT64_MAX);
    begin(HOST_T_UPLOAD, 3);
    post(&client);
    ask_logs(4, UINT64_MAX, true);
    control_host_run(host);
    ck_assert_uint_eq(host->streams_open, 3);
    host_client_close(&client);
    ck_assert_uint_eq(host->streams_open, 0);
    log_lines(1, 3);
    ck_assert(host_client_connect(host, &client));
    ck_assert(host_client_hello(&client));
    expect_nothing(&client);
    /* The places of its streams are free. */
    for (uint32_t i = 0; i < CONTROL_STREAMS; i++)
        ask_logs(i, 0, true);
    expect_nothing(&client);
}
END_TEST

/* Killed: its port closes, its mappings go, nothing is said. */
START_TEST(test_killed_client)
{
    start_stream(&client, HOST_T_ENDLESS, 1, 0, UINT64_MAX);
    control_host_run(host);
    host_client_kill(&client);
    control_host_run(host);
    ck_assert_uint_eq(host->streams_open, 1);
    control_host_pass(host, 2 * HV_SEC);
    ck_assert_uint_eq(host->streams_open, 0);
    ck_assert_uint_eq(statistic(&other, "control_clients"), 1);
    ck_assert_uint_eq(statistic(&other, "control_clients_died"), 1);
    ck_assert_uint_eq(statistic(&other, "control_clients_broken"), 0);
}
END_TEST

START_TEST(test_all_slots)
{
    struct host_client more[CONTROL_HOST_CLIENTS], late;

    for (unsigned i = 2; i < CONTROL_HOST_CLIENTS; i++) {
        ck_assert(host_client_connect(host, &more[i]));
        ck_assert(host_client_hello(&more[i]));
    }
    ck_assert(!host_client_connect(host, &late));
    ck_assert_uint_eq(statistic(&client, "control_rings_exhausted"), 1);
    for (unsigned i = 0; i < 20; i++) {
        host_client_close(&more[2]);
        ck_assert(host_client_connect(host, &more[2]));
        ck_assert(host_client_hello(&more[2]));
        expect_served(&more[2]);
    }
    for (unsigned i = 2; i < CONTROL_HOST_CLIENTS; i++)
        host_client_close(&more[i]);
    expect_served(&client);
}
END_TEST

/* --- deadlines and breaches ---------------------------------------------------------------------
 */

START_TEST(test_hello_deadline)
{
    struct host_client third;

    ck_assert(host_client_connect(host, &third));
    /* Nothing else than HELLO counts, nor does a part of it. */
    control_host_pass(host, 3 * HV_SEC);
    begin(CONTROL_T_STATUS, 3);
    post(&third);
    expect_error(&third, 3, CONTROL_T_STATUS, EPROTO, "HELLO comes first");
    ck_assert(host_client_write(&third, "\x0c\0\0\0\x01", 5));
    control_host_pass(host, 1900 * HV_MSEC);
    ck_assert(!host_client_ended(&third));
    control_host_pass(host, 200 * HV_MSEC);
    ck_assert(host_client_ended(&third));
    host_client_close(&third);
    ck_assert_uint_eq(statistic(&client, "control_clients_late"), 1);
    ck_assert_uint_eq(statistic(&client, "control_clients_broken"), 1);

    /* Those who said it may be silent for ever. */
    control_host_pass(host, 1000 * HV_SEC);
    expect_served(&client);
    expect_served(&other);
}
END_TEST

START_TEST(test_frame_deadline)
{
    /* In time, byte by byte; each frame has its own deadline. */
    begin(CONTROL_T_ECHO, 5);
    control_put_bytes(&writer, CONTROL_F_DATA, "ab", 2);
    size_t length = control_end(&writer);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < length; i++) {
            ck_assert(host_client_write(&client, frame + i, 1));
            control_host_pass(host, 9900 * HV_MSEC / (length - 1));
        }
        expect(&client, CONTROL_REPLY, 5);
    }
    control_host_pass(host, 100 * HV_SEC);

    ck_assert(host_client_write(&client, frame, 13));
    control_host_pass(host, 9900 * HV_MSEC);
    ck_assert(!host_client_ended(&client));
    ck_assert(host_client_write(&client, frame, 1));
    control_host_pass(host, 200 * HV_MSEC);
    ck_assert(host_client_ended(&client));
    expect_served(&other);
    ck_assert_uint_eq(statistic(&other, "control_clients_late"), 1);
}
END_TEST

/* Half a frame was read, and then the client's ring is full. */
START_TEST(test_frame_deadline_of_stopped_stream)
{
    uint8_t bytes[3 * CONTROL_HEADER];

    control_begin(&writer, bytes, CONTROL_HEADER, HOST_T_ENDLESS, CONTROL_REQUEST, 1);
    control_end(&writer);
    control_begin(&writer, bytes + CONTROL_HEADER, 2 * CONTROL_HEADER, CONTROL_T_ECHO,
                  CONTROL_REQUEST, 2);
    control_put_bytes(&writer, CONTROL_F_DATA, "ab", 2);
    size_t length = CONTROL_HEADER + control_end(&writer);
    ck_assert(host_client_write(&client, bytes, length - 1));
    control_host_pass(host, 35 * HV_SEC);
    ck_assert(!host_client_ended(&client));
    ck_assert(host_client_write(&client, bytes + length - 1, 1));
    do
        ck_assert(host_client_receive(&client, &header, &fields));
    while (header.kind == CONTROL_ITEM);
    ck_assert_uint_eq(header.id, 2);
}
END_TEST

/* The part of a frame that we leave in the ring, as its client does not read, is not late. */
START_TEST(test_frame_deadline_of_slow_reader)
{
    uint8_t data[3000] = {0};

    for (uint32_t i = 0; i < 4; i++) {
        begin(CONTROL_T_ECHO, i);
        control_put_bytes(&writer, CONTROL_F_DATA, data, sizeof(data) / 2);
        if (i == 3)
            control_end(&writer);
        ck_assert(host_client_write(&client, frame, i == 3 ? 100 : control_end(&writer)));
        control_host_run(host);
    }
    control_host_pass(host, 35 * HV_SEC);
    ck_assert(!host_client_ended(&client));
    expect(&client, CONTROL_REPLY, 0);
    ck_assert(host_client_write(&client, frame + 100, writer.used - 100));
    for (uint32_t i = 1; i < 4; i++)
        expect(&client, CONTROL_REPLY, i);
}
END_TEST

/* Nothing of a client is left to the next one that gets its slot. */
START_TEST(test_slots_are_clean)
{
    for (unsigned i = 0; i < 3 * CONTROL_HOST_CLIENTS; i++) {
        start_stream(&client, HOST_T_ENDLESS, 1, 0, UINT64_MAX);
        control_host_run(host);
        ck_assert(host_client_write(&client, "\x0d\0\0", 3));
        host_client_close(&client);
        ck_assert(host_client_connect(host, &client));
        expect_nothing(&client);
        begin(CONTROL_T_STATUS, 3);
        post(&client);
        expect_error(&client, 3, CONTROL_T_STATUS, EPROTO, "HELLO comes first");
        if (i % 2) {
            ck_assert(host_client_write(&client, "\0\0\0\0\0\0\0\0\0\0\0\0", 12));
            ck_assert(host_client_ended(&client));
            host_client_close(&client);
            ck_assert(host_client_connect(host, &client));
            begin(CONTROL_T_LOGS, 1);
            control_put_number(&writer, CONTROL_F_LIMIT, 1);
            post(&other);
            expect(&other, CONTROL_ITEM, 1);
            expect_string(CONTROL_F_TEXT,
                          "control: a client was disconnected: frame of an impossible length");
            expect(&other, CONTROL_END, 1);
        }
        ck_assert(host_client_hello(&client));
    }
    /* Answers that nobody read, half of one in the ring, when its time was up. */
    host_client_close(&client);
    ck_assert(host_client_connect(host, &client));
    begin(CONTROL_T_STATUS, 3);
    for (unsigned i = 0; i < 150; i++)
        post(&client);
    control_host_pass(host, 6 * HV_SEC);
    ck_assert(host_client_ended(&client));
    for (unsigned i = 0; i < 2 * CONTROL_HOST_CLIENTS; i++) {
        host_client_close(&client);
        ck_assert(host_client_connect(host, &client));
        ck_assert_int_eq(vchan_readable(&client.v, 1), 0);
        expect_nothing(&client);
    }
}
END_TEST

START_TEST(test_breaches)
{
    static const struct {
        uint8_t bytes[24];
        size_t length;
    } cases[] = {
        {"\0\0\0\0\x06\0\x01\0\0\0\0\0", 12},
        {"\x0b\0\0\0\x06\0\x01\0\0\0\0\0", 12},
        {"\x01\x10\0\0\x06\0\x01\0\0\0\0\0", 12},
        {"\xff\xff\xff\xff\x06\0\x01\0\0\0\0\0", 12},
        {"\x0d\0\0\0\x06\0\x01\0\0\0\0\0\0", 13},
        {"\x10\0\0\0\x06\0\x01\0\0\0\0\0\x09\x80\x01\0", 16},
        {"\x10\0\0\0\x06\0\x01\0\0\0\0\0\x06\0\0\0", 16},
        /* Of a kind that nobody knows, as well. */
        {"\x10\0\0\0\x06\0\x77\0\0\0\0\0\x09\x80\x01\0", 16},
    };
    size_t count = sizeof(cases) / sizeof(cases[0]);

    for (size_t i = 0; i < count; i++) {
        ck_assert(host_client_write(&client, cases[i].bytes, cases[i].length));
        ck_assert_msg(host_client_ended(&client), "case %zu", i);
        ck_assert(!host_client_receive(&client, &header, &fields));
        host_client_close(&client);
        ck_assert(host_client_connect(host, &client));
        ck_assert(host_client_hello(&client));
        expect_served(&other);
    }
    ck_assert_uint_eq(statistic(&other, "control_clients_broken"), count);
    ck_assert_uint_eq(statistic(&other, "control_clients_late"), 0);
    /* The operator can see why. */
    ask_logs(1, 1, false);
    expect(&client, CONTROL_ITEM, 1);
    expect_string(CONTROL_F_TEXT, "control: tester was disconnected: malformed frame");
}
END_TEST

/* --- memory -------------------------------------------------------------------------------------
 */

static void check_pages(unsigned clients)
{
    const struct control_server_config config = {
        .service = "x", .version = "1", .clients = clients};
    struct sim_usage before, after;
    struct control_server *server;

    sim_usage(host->hv, &before);
    host->ring_ref = 0;
    server = control_server_create(host->hv, &host->loop, &host->rendezvous, &config);
    ck_assert_ptr_nonnull(server);
    sim_usage(host->hv, &after);
    ck_assert_uint_eq(after.pages - before.pages, control_server_pages(&config));
    control_server_destroy(server);
    sim_usage(host->hv, &after);
    ck_assert_uint_eq(after.pages, before.pages);
    ck_assert_uint_eq(after.ports, before.ports);
    ck_assert_uint_eq(after.grants, before.grants);
}

START_TEST(test_pages)
{
    check_pages(0);
    check_pages(1);
    check_pages(50);
    check_pages(LISTENER_SLOTS_MAX);
    check_pages(LISTENER_SLOTS_MAX + 1);
}
END_TEST

/* Whatever fails while it is made: none and nothing left, or one that works in the end. */
START_TEST(test_failing_start)
{
    const struct control_server_config config = {.service = "x", .version = "1", .clients = 3};
    struct sim_usage before, after;

    sim_usage(host->hv, &before);
    for (uint64_t n = 1;; n++) {
        struct control_server *server;

        sim_fail_nth(host->sim, n);
        server = control_server_create(host->hv, &host->loop, &host->rendezvous, &config);
        uint64_t passed = sim_fault_points(host->sim);
        sim_fail_nth(host->sim, 0);
        if (server != NULL) {
            control_host_pass(host, HV_SEC);
            control_server_destroy(server);
        }
        sim_usage(host->hv, &after);
        ck_assert_uint_eq(after.pages, before.pages);
        ck_assert_uint_eq(after.ports, before.ports);
        ck_assert_uint_eq(after.grants, before.grants);
        if (passed < n)
            break;
    }
}
END_TEST

static unsigned count_timers(void)
{
    unsigned count = 0;

    list_for_each (item, &host->loop.timers)
        count++;
    return count;
}

/* Destroyed in the midst of things it leaves nothing in the loop. */
START_TEST(test_destroy_while_busy)
{
    static const struct control_server_config config = {.service = "busy", .version = "0"};
    unsigned before = count_timers();
    struct control_server *server;

    host->ring_ref = 0;
    server = control_server_create(host->hv, &host->loop, &host->rendezvous, &config);
    control_host_run(host);
    host_client_close(&client);
    ck_assert(host_client_connect(host, &client));
    ck_assert(host_client_hello(&client));
    begin(CONTROL_T_STOP, 2);
    post(&client);
    begin(CONTROL_T_ECHO, 3);
    for (unsigned i = 0; i < 30; i++)
        ck_assert_int_gt(vchan_write(&client.v, frame, control_end(&writer)), 0);
    sim_run(host->sim, sim_now(host->sim), 1);
    ck_assert_uint_ge(count_timers(), before + 2);
    host_client_kill(&client); /* or its pages could not be given back */
    control_server_destroy(server);
    ck_assert_uint_le(count_timers(), before);
    control_host_pass(host, 5 * HV_SEC);
    expect_served(&other);
}
END_TEST

START_TEST(test_republish)
{
    struct host_client third;

    host->ring_ref = 0;
    control_server_republish(host->server);
    control_host_run(host);
    ck_assert(host_client_connect(host, &third));
    ck_assert(host_client_hello(&third));
    host_client_close(&third);
}
END_TEST

/* Without a log there is no LOGS, and without functions nothing but what is common. */
START_TEST(test_bare_service)
{
    struct control_server_config config = {.service = "bare", .version = "0"};
    struct control_server *server;
    struct control_field field;

    host->ring_ref = 0;
    server = control_server_create(host->hv, &host->loop, &host->rendezvous, &config);
    control_host_run(host);
    host_client_close(&client);
    ck_assert(host_client_connect(host, &client));
    begin(CONTROL_T_HELLO, 1);
    post(&client);
    expect(&client, CONTROL_REPLY, 1);
    expect_string(CONTROL_F_SERVICE, "bare");
    while (control_next(&fields, &field))
        ck_assert(field.tag != CONTROL_F_TYPE || field.number != CONTROL_T_LOGS);
    begin(CONTROL_T_LOGS, 2);
    post(&client);
    expect_error(&client, 2, CONTROL_T_LOGS, ENOSYS, "request 0x0004 is not known here");
    begin(CONTROL_T_STATUS, 3);
    post(&client);
    expect(&client, CONTROL_REPLY, 3);
    ck_assert_uint_eq(number(CONTROL_F_HEALTH), CONTROL_HEALTHY);
    ck_assert(!control_find(&fields, CONTROL_F_MEMORY_TOTAL, &field));
    ck_assert_uint_eq(statistic(&client, "memory_total"), 0);
    ck_assert(host_client_write(&client, "\0\0\0\0\0\0\0\0\0\0\0\0", 12));
    ck_assert(host_client_ended(&client));
    host_client_close(&client);
    control_server_destroy(server);
}
END_TEST

TCase *ends_cases(void)
{
    TCase *cases = tcase_create("control server's ends");

    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, control_case_setup, control_case_teardown);
    tcase_add_test(cases, test_logs);
    tcase_add_test(cases, test_logs_follow);
    tcase_add_test(cases, test_logs_end);
    tcase_add_test(cases, test_logs_lost);
    tcase_add_test(cases, test_stop);
    tcase_add_test(cases, test_stop_refused);
    tcase_add_test(cases, test_stop_by_force);
    tcase_add_test(cases, test_stop_behind_others);
    tcase_add_test(cases, test_stop_unread);
    tcase_add_test(cases, test_stop_and_close);
    tcase_add_test(cases, test_requests_before_closing);
    tcase_add_test(cases, test_closing_ends_streams);
    tcase_add_test(cases, test_killed_client);
    tcase_add_test(cases, test_all_slots);
    tcase_add_test(cases, test_hello_deadline);
    tcase_add_test(cases, test_frame_deadline);
    tcase_add_test(cases, test_frame_deadline_of_stopped_stream);
    tcase_add_test(cases, test_frame_deadline_of_slow_reader);
    tcase_add_test(cases, test_slots_are_clean);
    tcase_add_test(cases, test_breaches);
    tcase_add_test(cases, test_pages);
    tcase_add_test(cases, test_failing_start);
    tcase_add_test(cases, test_destroy_while_busy);
    tcase_add_test(cases, test_republish);
    tcase_add_test(cases, test_bare_service);
    return cases;
}
