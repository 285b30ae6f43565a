/* SPDX-License-Identifier: ISC */
/* The control server as its clients see it: requests, streams, uploads. */
#include "case.h"
#include "suite.h"

#include <errno.h>
#include <hv/time.h>
#include <string.h>

/* --- requests -----------------------------------------------------------------------------------
 */

START_TEST(test_hello)
{
    static const uint16_t types[] = {CONTROL_T_HELLO, CONTROL_T_STATUS, CONTROL_T_STATS,
                                     CONTROL_T_LOGS,  CONTROL_T_STOP,   CONTROL_T_ECHO,
                                     HOST_T_FAIL,     HOST_T_HUGE,      HOST_T_COUNT,
                                     HOST_T_ENDLESS,  HOST_T_UPLOAD};
    struct control_field field;
    size_t count = 0;

    begin(CONTROL_T_HELLO, 0xfffffffe);
    post(&client);
    expect(&client, CONTROL_REPLY, 0xfffffffe);
    ck_assert_uint_eq(header.type, CONTROL_T_HELLO);
    ck_assert_uint_eq(number(CONTROL_F_VERSION), 1);
    expect_string(CONTROL_F_SERVICE, "test");
    expect_string(CONTROL_F_PROGRAM_VERSION, "1.2.3");
    ck_assert_uint_eq(number(CONTROL_F_DOMID), CONTROL_HOST_SERVICE);
    while (control_next(&fields, &field))
        if (field.tag == CONTROL_F_TYPE) {
            ck_assert_uint_lt(count, sizeof(types) / sizeof(types[0]));
            ck_assert_uint_eq(field.number, types[count++]);
        }
    ck_assert_uint_eq(count, sizeof(types) / sizeof(types[0]));
}
END_TEST

START_TEST(test_versions)
{
    static const uint64_t versions[] = {1, 2, 1000, UINT64_MAX};

    for (uint32_t i = 0; i < 4; i++) {
        begin(CONTROL_T_HELLO, i);
        control_put_number(&writer, CONTROL_F_VERSION, versions[i]);
        post(&client);
        expect(&client, CONTROL_REPLY, i);
        ck_assert_uint_eq(number(CONTROL_F_VERSION), CONTROL_VERSION);
    }
    begin(CONTROL_T_HELLO, 9);
    control_put_number(&writer, CONTROL_F_VERSION, 0);
    post(&client);
    expect_error(&client, 9, CONTROL_T_HELLO, EPROTONOSUPPORT,
                 "versions of the protocol from 1 to 1 are spoken here");
}
END_TEST

/* Nothing but HELLO is answered before it. */
START_TEST(test_hello_comes_first)
{
    struct host_client third;

    ck_assert(host_client_connect(host, &third));
    for (uint16_t type = 0; type < 10; type++) {
        if (type == CONTROL_T_HELLO)
            continue;
        begin(type, type);
        post(&third);
        expect_error(&third, type, type, EPROTO, "HELLO comes first");
    }
    ck_assert_uint_eq(host->stop_asked, 0);
    ck_assert(host_client_hello(&third));
    expect_served(&third);
    host_client_close(&third);
}
END_TEST

START_TEST(test_unknown_request)
{
    begin(0x7abc, 5);
    control_put_string(&writer, CONTROL_F_TEXT, "what is this?");
    post(&client);
    expect_error(&client, 5, 0x7abc, ENOSYS, "request 0x7abc is not known here");
    expect_served(&client);
}
END_TEST

/* Of a newer version: kinds, flags and fields. */
START_TEST(test_unknown_is_skipped)
{
    for (unsigned kind = 0; kind < 256; kind++) {
        if (kind == CONTROL_REQUEST)
            continue;
        control_begin(&writer, frame, sizeof(frame), CONTROL_T_ECHO, (enum control_kind)kind, 1);
        control_put_bytes(&writer, CONTROL_F_DATA, "x", 1);
        post(&client);
        expect_nothing(&client);
    }
    begin(CONTROL_T_ECHO, 6);
    frame[7] = 0xff;
    control_put_number(&writer, 0x3fff, UINT64_MAX);
    control_open_group(&writer, 0xffff);
    control_put_bytes(&writer, CONTROL_F_DATA, "in a group", 10);
    control_close_group(&writer);
    control_put_bytes(&writer, CONTROL_F_DATA, "one", 3);
    control_put_string(&writer, 0x7fff, "?");
    control_put_bytes(&writer, CONTROL_F_DATA, "two", 3);
    post(&client);
    expect(&client, CONTROL_REPLY, 6);
    ck_assert_uint_eq(header.length, CONTROL_HEADER + 16);
    ck_assert_mem_eq(fields.data, "\x09\x80\x03\0one\0\x09\x80\x03\0two\0", 16);
}
END_TEST

START_TEST(test_echo)
{
    uint8_t data[CONTROL_VALUE_MAX];
    struct control_field field;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t length = 0; length <= sizeof(data); length += length < 20 ? 1 : 203) {
        begin(CONTROL_T_ECHO, (uint32_t)length);
        control_put_bytes(&writer, CONTROL_F_DATA, data, length);
        ck_assert(!writer.full);
        post(&client);
        expect(&client, CONTROL_REPLY, (uint32_t)length);
        ck_assert(control_find(&fields, CONTROL_F_DATA, &field));
        ck_assert_uint_eq(field.length, length);
        ck_assert_mem_eq(field.value, data, length);
    }
}
END_TEST

/* However the bytes come. */
START_TEST(test_pieces)
{
    struct unit_random random = {.state = 5};
    uint8_t bytes[2000];
    size_t length = 0;

    for (uint32_t i = 0; i < 20; i++) {
        control_begin(&writer, bytes + length, sizeof(bytes) - length, CONTROL_T_ECHO,
                      CONTROL_REQUEST, i);
        control_put_bytes(&writer, CONTROL_F_DATA, bytes, i);
        length += control_end(&writer);
    }
    for (size_t i = 0; i < length; i++) {
        ck_assert(host_client_write(&client, bytes + i, 1));
        control_host_run(host);
    }
    for (uint32_t i = 0; i < 20; i++)
        expect(&client, CONTROL_REPLY, i);
    for (size_t at = 0, count; at < length; at += count) {
        count = 1 + unit_random(&random, 100);
        if (count > length - at)
            count = length - at;
        ck_assert(host_client_write(&client, bytes + at, count));
        control_host_run(host);
    }
    for (uint32_t i = 0; i < 20; i++)
        expect(&client, CONTROL_REPLY, i);
    expect_nothing(&client);
}
END_TEST

START_TEST(test_status)
{
    struct control_field field;
    uint64_t uptime;

    control_host_pass(host, 3 * HV_SEC);
    begin(CONTROL_T_STATUS, 2);
    post(&client);
    expect(&client, CONTROL_REPLY, 2);
    expect_string(CONTROL_F_SERVICE, "test");
    expect_string(CONTROL_F_PROGRAM_VERSION, "1.2.3");
    ck_assert_uint_eq(number(CONTROL_F_DOMID), CONTROL_HOST_SERVICE);
    uptime = number(CONTROL_F_UPTIME);
    ck_assert_uint_ge(uptime, 3 * HV_SEC);
    ck_assert_uint_lt(uptime, 4 * HV_SEC);
    ck_assert_uint_eq(number(CONTROL_F_STARTED) + uptime, hv_wallclock(host->hv));
    ck_assert_uint_eq(number(CONTROL_F_HEALTH), CONTROL_HEALTHY);
    ck_assert_uint_eq(number(CONTROL_F_SEALED), 0);
    ck_assert_uint_eq(number(CONTROL_F_MEMORY_TOTAL), 1 << 20);
    ck_assert_uint_eq(number(CONTROL_F_MEMORY_USED), 12345);
    ck_assert_uint_eq(number(CONTROL_F_CLIENTS), 2);
    ck_assert(!control_find(&fields, CONTROL_F_TEXT, &field));

    control_server_sealed(host->server);
    host->health = CONTROL_DEGRADED;
    host_client_close(&other);
    begin(CONTROL_T_STATUS, 3);
    post(&client);
    expect(&client, CONTROL_REPLY, 3);
    ck_assert_uint_eq(number(CONTROL_F_SEALED), 1);
    ck_assert_uint_eq(number(CONTROL_F_HEALTH), CONTROL_DEGRADED);
    ck_assert_uint_eq(number(CONTROL_F_CLIENTS), 1);
    expect_string(CONTROL_F_TEXT, "unwell");
}
END_TEST

/* One statistic an item: the common ones, then the service's, with their labels. */
START_TEST(test_stats)
{
    struct control_reader group, label;
    struct control_field field;
    unsigned items = 0, ours = 0;
    char text[64];

    begin(CONTROL_T_STATS, 3);
    post(&client);
    while (true) {
        ck_assert(host_client_receive(&client, &header, &fields));
        ck_assert_uint_eq(header.id, 3);
        if (header.kind != CONTROL_ITEM)
            break;
        items++;
        ck_assert(control_next(&fields, &field) && field.tag == CONTROL_F_STATISTIC);
        control_read_group(&group, &field);
        ck_assert(!control_next(&fields, &field));
        ck_assert(control_string(&group, CONTROL_F_NAME, text, sizeof(text)));
        ck_assert(control_find(&group, CONTROL_F_VALUE, &field));
        ck_assert(control_find(&group, CONTROL_F_COUNTER, &field));
        ck_assert(control_find(&group, CONTROL_F_TEXT, &field));
        if (strcmp(text, "frames") == 0) {
            ck_assert_uint_eq(control_number(&group, CONTROL_F_VALUE, 0), 100 + ours);
            ck_assert(control_find(&group, CONTROL_F_LABEL, &field));
            control_read_group(&label, &field);
            ck_assert(control_string(&label, CONTROL_F_NAME, text, sizeof(text)));
            ck_assert_str_eq(text, "port");
            ck_assert(control_string(&label, CONTROL_F_TEXT, text, sizeof(text)));
            ck_assert_uint_eq((unsigned)text[3], '0' + ours);
            ours++;
        }
    }
    ck_assert_uint_eq(header.kind, CONTROL_END);
    ck_assert_uint_eq(header.length, CONTROL_HEADER);
    ck_assert_uint_eq(ours, 3);
    ck_assert_uint_eq(items, 16 + 3);
}
END_TEST

START_TEST(test_common_statistics)
{
    uint64_t requests = statistic(&client, "control_requests");

    control_host_pass(host, 7 * HV_SEC);
    ck_assert_uint_eq(statistic(&client, "control_requests"), requests + 1);
    ck_assert_uint_eq(statistic(&client, "control_requests_refused"), 0);
    begin(0x7abc, 5);
    post(&client);
    expect_error(&client, 5, 0x7abc, ENOSYS, "request 0x7abc is not known here");
    ck_assert_uint_eq(statistic(&client, "control_requests_refused"), 1);
    ck_assert_uint_eq(statistic(&client, "uptime"), 7);
    ck_assert_uint_eq(statistic(&client, "memory_total"), 1 << 20);
    ck_assert_uint_eq(statistic(&client, "memory_used"), 12345);
    ck_assert_uint_eq(statistic(&client, "memory_objects"), 678);
    ck_assert_uint_eq(statistic(&client, "control_clients"), 2);
    ck_assert_uint_eq(statistic(&client, "control_clients_accepted"), 2);
    ck_assert_uint_eq(statistic(&client, "control_rings_free"), CONTROL_HOST_CLIENTS - 2);
    ck_assert_uint_eq(statistic(&client, "console_dropped"), 0);
    sim_console_stall(host->hv, true);
    for (unsigned i = 0; i < 20; i++)
        log_line(host->hv, "%0200u", i);
    ck_assert_uint_gt(statistic(&client, "console_dropped"), 1000);
}
END_TEST

START_TEST(test_errors_of_handlers)
{
    begin(HOST_T_FAIL, 1);
    control_put_number(&writer, CONTROL_F_ERRNO, EPERM);
    control_put_number(&writer, CONTROL_F_VALUE, 1);
    post(&client);
    expect_error(&client, 1, HOST_T_FAIL, EPERM, "error 1");
    /* The words of one error do not stay for the next. */
    begin(HOST_T_FAIL, 2);
    control_put_number(&writer, CONTROL_F_ERRNO, ENOMEM);
    post(&client);
    expect_error(&client, 2, HOST_T_FAIL, ENOMEM, NULL);
    begin(HOST_T_FAIL, 3);
    post(&client);
    expect(&client, CONTROL_REPLY, 3);
    /* Nothing is cut off. */
    begin(HOST_T_HUGE, 4);
    post(&client);
    expect_error(&client, 4, HOST_T_HUGE, EMSGSIZE, NULL);
    expect_served(&client);
}
END_TEST

/* --- streams ------------------------------------------------------------------------------------
 */

START_TEST(test_stream)
{
    start_stream(&client, HOST_T_COUNT, 7, 2000, UINT64_MAX);
    for (uint64_t i = 0; i < 2000; i++) {
        expect(&client, CONTROL_ITEM, 7);
        ck_assert_uint_eq(header.type, HOST_T_COUNT);
        ck_assert_uint_eq(number(CONTROL_F_VALUE), i);
    }
    expect(&client, CONTROL_END, 7);
    ck_assert_uint_eq(number(CONTROL_F_COUNT), 2000);
    ck_assert_uint_eq(host->streams_open, 0);
    expect_served(&client);
}
END_TEST

START_TEST(test_stream_fails)
{
    start_stream(&client, HOST_T_COUNT, 7, 10, 2);
    expect(&client, CONTROL_ITEM, 7);
    expect(&client, CONTROL_ITEM, 7);
    expect_error(&client, 7, HOST_T_COUNT, EIO, "at 2");
    ck_assert_uint_eq(host->streams_open, 0);
    /* An item that does not fit ends its stream as well. */
    start_stream(&client, HOST_T_ENDLESS, 8, 0, 2);
    expect(&client, CONTROL_ITEM, 8);
    expect_error(&client, 8, HOST_T_ENDLESS, EMSGSIZE, NULL);
    ck_assert_uint_eq(host->streams_open, 0);
    expect_served(&client);
}
END_TEST

START_TEST(test_stream_waits)
{
    host->gate = 3;
    start_stream(&client, HOST_T_COUNT, 7, 10, UINT64_MAX);
    for (unsigned i = 0; i < 3; i++)
        expect(&client, CONTROL_ITEM, 7);
    expect_nothing(&client);
    /* Waiting costs nothing: nobody asks again and again. */
    unsigned filled = host->filled;
    expect_served(&client);
    control_host_pass(host, 10 * HV_SEC);
    ck_assert_uint_eq(host->filled, filled);
    control_host_open_gate(host, 5);
    expect(&client, CONTROL_ITEM, 7);
    expect(&client, CONTROL_ITEM, 7);
    expect_nothing(&client);
    control_host_open_gate(host, 0);
    for (unsigned i = 5; i < 10; i++)
        expect(&client, CONTROL_ITEM, 7);
    expect(&client, CONTROL_END, 7);
}
END_TEST

START_TEST(test_streams_at_a_time)
{
    host->gate = 1;
    for (uint32_t id = 10; id < 10 + CONTROL_STREAMS; id++) {
        start_stream(&client, HOST_T_COUNT, id, 2, UINT64_MAX);
        expect(&client, CONTROL_ITEM, id);
    }
    start_stream(&client, HOST_T_COUNT, 20, 2, UINT64_MAX);
    expect_error(&client, 20, HOST_T_COUNT, EBUSY, NULL);
    begin(CONTROL_T_LOGS, 21);
    post(&client);
    expect_error(&client, 21, CONTROL_T_LOGS, EBUSY, NULL);
    for (unsigned i = 0; i < 2 * CONTROL_STREAMS; i++) {
        begin(CONTROL_T_STATS, 22);
        post(&client);
        expect_error(&client, 22, CONTROL_T_STATS, EBUSY, NULL);
    }
    start_stream(&other, HOST_T_COUNT, 20, 2, UINT64_MAX);
    expect(&other, CONTROL_ITEM, 20);

    /* Each ends by itself, and makes room. */
    control_begin(&writer, frame, sizeof(frame), HOST_T_COUNT, CONTROL_CANCEL, 12);
    post(&client);
    expect(&client, CONTROL_END, 12);
    ck_assert_uint_eq(header.length, CONTROL_HEADER);
    start_stream(&client, HOST_T_COUNT, 30, 0, UINT64_MAX);
    expect(&client, CONTROL_END, 30);
    control_host_open_gate(host, 0);
    for (unsigned i = 0; i < 2 * (CONTROL_STREAMS - 1); i++)
        ck_assert(host_client_receive(&client, &header, &fields));
    expect_nothing(&client);
    ck_assert_uint_eq(host->streams_open, 0);
    /* Those that were refused have kept nothing. */
    ck_assert_uint_ne(statistic(&client, "control_requests"), UINT64_MAX);
}
END_TEST

/* However they are woken, all of them go on. */
START_TEST(test_waking_several)
{
    host->gate = 1;
    for (uint32_t id = 1; id <= 3; id++) {
        start_stream(id % 2 ? &client : &other, HOST_T_COUNT, id, 2, UINT64_MAX);
        expect(id % 2 ? &client : &other, CONTROL_ITEM, id);
    }
    control_host_open_gate(host, 0);
    for (unsigned i = 0; i < 2; i++)
        ck_assert(host_client_receive(&other, &header, &fields));
    for (unsigned i = 0; i < 4; i++)
        ck_assert(host_client_receive(&client, &header, &fields));
    /* One that is woken, and whose client goes before its turn. */
    host->gate = 1;
    start_stream(&client, HOST_T_COUNT, 9, HOST_COUNT_TALKS, UINT64_MAX);
    expect(&client, CONTROL_ITEM, 9);
    begin(CONTROL_T_LOGS, 10);
    control_put_number(&writer, CONTROL_F_FOLLOW, 1);
    post(&client);
    expect_nothing(&client);
    control_stream_wake(&host->streams[0].stream);
    host_client_close(&client);
    ck_assert_uint_eq(host->streams_open, 0);
    expect_served(&other);
}
END_TEST

/* A turn is a few frames, however many there are. */
START_TEST(test_turns_are_short)
{
    uint8_t bytes[300 * CONTROL_HEADER];

    for (unsigned i = 0; i < 300; i++) {
        control_begin(&writer, bytes + i * CONTROL_HEADER, CONTROL_HEADER, 0, (enum control_kind)99,
                      i);
        control_end(&writer);
    }
    ck_assert_int_eq(vchan_write(&client.v, bytes, sizeof(bytes)), sizeof(bytes));
    sim_run(host->sim, sim_now(host->sim), 1);
    ck_assert_int_lt(vchan_writable(&client.v, 1),
                     (int)(client.v.write.size - sizeof(bytes) + 10 * CONTROL_HEADER));
    expect_served(&client);
}
END_TEST

START_TEST(test_cancel)
{
    start_stream(&client, HOST_T_ENDLESS, 7, 0, UINT64_MAX);
    expect(&client, CONTROL_ITEM, 7);
    control_begin(&writer, frame, sizeof(frame), 0, CONTROL_CANCEL, 7);
    post(&client);
    do
        ck_assert(host_client_receive(&client, &header, &fields));
    while (header.kind == CONTROL_ITEM);
    ck_assert_uint_eq(header.kind, CONTROL_END);
    ck_assert_uint_eq(header.type, HOST_T_ENDLESS);
    ck_assert_uint_eq(host->streams_open, 0);
    /* What is for a stream that has ended is no error. */
    for (unsigned kind = CONTROL_END; kind <= CONTROL_CANCEL; kind++) {
        control_begin(&writer, frame, sizeof(frame), 0, (enum control_kind)kind, 7);
        post(&client);
        expect_nothing(&client);
    }
    /* Its number can be used again. */
    start_stream(&client, HOST_T_COUNT, 7, 1, UINT64_MAX);
    expect(&client, CONTROL_ITEM, 7);
    expect(&client, CONTROL_END, 7);
}
END_TEST

START_TEST(test_number_in_use)
{
    host->gate = 1;
    start_stream(&client, HOST_T_COUNT, 7, 2, UINT64_MAX);
    expect(&client, CONTROL_ITEM, 7);
    begin(CONTROL_T_ECHO, 7);
    post(&client);
    ck_assert(host_client_ended(&client));
    ck_assert_uint_eq(host->streams_open, 0);
    expect_served(&other);
    ck_assert_uint_eq(statistic(&other, "control_clients_broken"), 1);
}
END_TEST

/* A client that does not read stops itself alone, and what waits for it is one frame. */
START_TEST(test_slow_reader)
{
    unsigned filled;

    start_stream(&client, HOST_T_ENDLESS, 7, 0, UINT64_MAX);
    for (unsigned i = 0; i < 100; i++) {
        begin(CONTROL_T_ECHO, 100 + i);
        if (!host_client_send(&client, &writer))
            break;
        control_host_run(host);
    }
    filled = host->filled;
    ck_assert_uint_le(filled, 6);
    control_host_pass(host, 100 * HV_SEC);
    ck_assert_uint_eq(host->filled, filled);
    for (unsigned i = 0; i < 100; i++)
        expect_served(&other);
    ck_assert_uint_eq(host->filled, filled);
    ck_assert(!host_client_ended(&client));
    for (unsigned i = 0; i < 50; i++)
        ck_assert(host_client_receive(&client, &header, &fields));
    ck_assert_uint_gt(host->filled, filled);
}
END_TEST

/* Requests are answered between the items of an endless stream, and streams take turns. */
START_TEST(test_fairness)
{
    unsigned items[3] = {0}, answers = 0;

    start_stream(&client, HOST_T_ENDLESS, 0, 0, UINT64_MAX);
    start_stream(&client, HOST_T_ENDLESS, 1, 0, UINT64_MAX);
    start_stream(&client, HOST_T_ENDLESS, 2, 0, UINT64_MAX);
    for (unsigned i = 0; i < 300; i++) {
        if (i % 10 == 0) {
            begin(CONTROL_T_ECHO, 50 + i);
            post(&client);
        }
        ck_assert(host_client_receive(&client, &header, &fields));
        if (header.kind == CONTROL_REPLY)
            answers++;
        else
            items[header.id]++;
        if (i % 30 == 0)
            expect_served(&other);
    }
    ck_assert_uint_ge(answers, 28);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_ge(items[i], 85);
}
END_TEST

/* --- uploads ------------------------------------------------------------------------------------
 */

START_TEST(test_upload)
{
    uint8_t data[4000] = {0};

    begin(HOST_T_UPLOAD, 5);
    post(&client);
    for (unsigned i = 0; i < 100; i++)
        upload(5, data, sizeof(data));
    /* A frame without data, and one with several. */
    control_begin(&writer, frame, sizeof(frame), HOST_T_UPLOAD, CONTROL_DATA, 5);
    post(&client);
    control_begin(&writer, frame, sizeof(frame), HOST_T_UPLOAD, CONTROL_DATA, 5);
    for (unsigned i = 0; i < 3; i++) {
        control_put_number(&writer, CONTROL_F_COUNT, i);
        control_put_bytes(&writer, CONTROL_F_DATA, data, i);
    }
    post(&client);
    expect_served(&client);
    expect_nothing(&client);
    upload_end(5);
    expect(&client, CONTROL_REPLY, 5);
    ck_assert_uint_eq(header.type, HOST_T_UPLOAD);
    ck_assert_uint_eq(number(CONTROL_F_COUNT), 100 * sizeof(data) + 3);
    ck_assert_uint_eq(host->streams_open, 0);
    /* All after its end is nothing. */
    upload(5, data, 10);
    upload_end(5);
    expect_nothing(&client);
}
END_TEST

START_TEST(test_upload_fails)
{
    begin(HOST_T_UPLOAD, 5);
    post(&client);
    upload(5, "abc", 3);
    upload(5, "ab\xff", 3);
    upload(5, "abc", 3);
    upload_end(5);
    expect_error(&client, 5, HOST_T_UPLOAD, EILSEQ, "byte 0xff");
    ck_assert_uint_eq(host->streams_open, 0);
    /* In the midst of a frame. */
    begin(HOST_T_UPLOAD, 5);
    post(&client);
    control_begin(&writer, frame, sizeof(frame), HOST_T_UPLOAD, CONTROL_DATA, 5);
    control_put_bytes(&writer, CONTROL_F_DATA, "\xff", 1);
    control_put_bytes(&writer, CONTROL_F_DATA, "abc", 3);
    post(&client);
    expect_error(&client, 5, HOST_T_UPLOAD, EILSEQ, "byte 0xff");
    /* At its end. */
    begin(HOST_T_UPLOAD, 6);
    post(&client);
    upload(6, "a", 1);
    upload_end(6);
    expect_error(&client, 6, HOST_T_UPLOAD, ENODATA, NULL);
    /* Given up. */
    begin(HOST_T_UPLOAD, 7);
    post(&client);
    upload(7, "abc", 3);
    control_begin(&writer, frame, sizeof(frame), HOST_T_UPLOAD, CONTROL_CANCEL, 7);
    post(&client);
    expect(&client, CONTROL_END, 7);
    ck_assert_uint_eq(host->streams_open, 0);
    /* DATA and END are for uploads alone. */
    host->gate = 1;
    start_stream(&client, HOST_T_COUNT, 8, 2, UINT64_MAX);
    expect(&client, CONTROL_ITEM, 8);
    upload(8, "abc", 3);
    upload_end(8);
    expect_nothing(&client);
    ck_assert_uint_eq(host->streams_open, 1);
}
END_TEST

TCase *server_cases(void)
{
    TCase *cases = tcase_create("control server");

    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, control_case_setup, control_case_teardown);
    tcase_add_test(cases, test_hello);
    tcase_add_test(cases, test_versions);
    tcase_add_test(cases, test_hello_comes_first);
    tcase_add_test(cases, test_unknown_request);
    tcase_add_test(cases, test_unknown_is_skipped);
    tcase_add_test(cases, test_echo);
    tcase_add_test(cases, test_pieces);
    tcase_add_test(cases, test_status);
    tcase_add_test(cases, test_stats);
    tcase_add_test(cases, test_common_statistics);
    tcase_add_test(cases, test_errors_of_handlers);
    tcase_add_test(cases, test_stream);
    tcase_add_test(cases, test_stream_fails);
    tcase_add_test(cases, test_stream_waits);
    tcase_add_test(cases, test_streams_at_a_time);
    tcase_add_test(cases, test_waking_several);
    tcase_add_test(cases, test_turns_are_short);
    tcase_add_test(cases, test_cancel);
    tcase_add_test(cases, test_number_in_use);
    tcase_add_test(cases, test_slow_reader);
    tcase_add_test(cases, test_fairness);
    tcase_add_test(cases, test_upload);
    tcase_add_test(cases, test_upload_fails);
    return cases;
}
