/* SPDX-License-Identifier: ISC */
#include "case.h"

#include <check.h>
#include <string.h>

struct control_host *host;
struct host_client client, other;
struct control_writer writer;
struct control_header header;
struct control_reader fields;
uint8_t frame[CONTROL_FRAME_MAX];

void control_case_setup(void)
{
    host = control_host_create(1, 0);
    ck_assert(host_client_connect(host, &client));
    ck_assert(host_client_connect(host, &other));
    ck_assert(host_client_hello(&client));
    ck_assert(host_client_hello(&other));
}

void control_case_teardown(void)
{
    host_client_close(&client);
    host_client_close(&other);
    control_host_destroy(host);
}

void begin(uint16_t type, uint32_t id)
{
    control_begin(&writer, frame, sizeof(frame), type, CONTROL_REQUEST, id);
}

void post(struct host_client *from)
{
    ck_assert(host_client_send(from, &writer));
}

/* The next frame for @to must be of @kind and belong to @id. */
void expect(struct host_client *to, enum control_kind kind, uint32_t id)
{
    ck_assert_msg(host_client_receive(to, &header, &fields), "no frame, but kind %d", (int)kind);
    ck_assert_uint_eq(header.kind, kind);
    ck_assert_uint_eq(header.id, id);
    ck_assert_uint_eq(header.flags, 0);
}

uint64_t number(uint16_t tag)
{
    struct control_field field;

    ck_assert_msg(control_find(&fields, tag, &field), "no field 0x%04x", tag);
    return field.number;
}

void expect_string(uint16_t tag, const char *want)
{
    char text[300];

    ck_assert_msg(control_string(&fields, tag, text, sizeof(text)), "no field 0x%04x", tag);
    ck_assert_str_eq(text, want);
}

void expect_error(struct host_client *to, uint32_t id, uint16_t type, int error, const char *words)
{
    struct control_field field;

    expect(to, CONTROL_ERROR, id);
    ck_assert_uint_eq(header.type, type);
    ck_assert_uint_eq(number(CONTROL_F_ERRNO), (uint64_t)error);
    if (words != NULL)
        expect_string(CONTROL_F_TEXT, words);
    else
        ck_assert(!control_find(&fields, CONTROL_F_TEXT, &field));
}

void expect_nothing(struct host_client *to)
{
    ck_assert(!host_client_receive(to, &header, &fields));
    ck_assert(!host_client_ended(to));
}

/* It is served, by an echo. */
void expect_served(struct host_client *by)
{
    static uint32_t id = 1000;

    begin(CONTROL_T_ECHO, ++id);
    control_put_number(&writer, CONTROL_F_LIMIT, 1);
    control_put_bytes(&writer, CONTROL_F_DATA, "ping", 4);
    post(by);
    expect(by, CONTROL_REPLY, id);
    struct control_field field;
    ck_assert(control_next(&fields, &field) && field.tag == CONTROL_F_DATA && field.length == 4);
    ck_assert(!control_next(&fields, &field));
}

uint64_t statistic(struct host_client *by, const char *name)
{
    uint64_t value = UINT64_MAX;

    begin(CONTROL_T_STATS, 4711);
    post(by);
    while (host_client_receive(by, &header, &fields) && header.kind == CONTROL_ITEM) {
        struct control_reader group;
        struct control_field field;
        char text[64];

        ck_assert(control_find(&fields, CONTROL_F_STATISTIC, &field));
        control_read_group(&group, &field);
        if (control_string(&group, CONTROL_F_NAME, text, sizeof(text)) && strcmp(text, name) == 0)
            value = control_number(&group, CONTROL_F_VALUE, UINT64_MAX);
    }
    ck_assert_uint_eq(header.kind, CONTROL_END);
    return value;
}

void start_stream(struct host_client *by, uint16_t type, uint32_t id, uint64_t count,
                  uint64_t limit)
{
    begin(type, id);
    control_put_number(&writer, CONTROL_F_COUNT, count);
    control_put_number(&writer, CONTROL_F_LIMIT, limit);
    post(by);
}

void upload(uint32_t id, const void *data, size_t length)
{
    control_begin(&writer, frame, sizeof(frame), HOST_T_UPLOAD, CONTROL_DATA, id);
    control_put_bytes(&writer, CONTROL_F_DATA, data, length);
    post(&client);
}

void upload_end(uint32_t id)
{
    control_begin(&writer, frame, sizeof(frame), HOST_T_UPLOAD, CONTROL_END, id);
    post(&client);
}
