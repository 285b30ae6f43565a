/* SPDX-License-Identifier: ISC */
/* docs/control-protocol.md says what the code does: its example, byte by byte, and its tables. */
#include "case.h"
#include "suite.h"

#include <hv/memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *page;

/* The text of the file at @path. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 18);

    ck_assert_msg(file != NULL, "no %s", path);
    ck_assert_uint_lt(fread(text, 1, (1 << 18) - 1, file), (1 << 18) - 1);
    fclose(file);
    return text;
}

static void setup(void)
{
    page = read_file(ROOT "/docs/control-protocol.md");
    control_case_setup();
}

static void teardown(void)
{
    control_case_teardown();
    free(page);
}

/* The bytes of the block of code behind @title: those before the bar of each line. */
static size_t example(const char *title, uint8_t *bytes, size_t size)
{
    const char *at = strstr(page, title), *end;
    size_t length = 0;

    ck_assert_msg(at != NULL, "no example \"%s\"", title);
    at = strstr(at, "```\n") + 4;
    end = strstr(at, "```\n");
    while (at < end) {
        const char *line_end = strchr(at, '\n'), *bar = strchr(at, '|');
        unsigned byte;
        int used;

        ck_assert(bar != NULL && bar < line_end);
        while (at < bar && sscanf(at, " %2x%n", &byte, &used) == 1) {
            ck_assert_uint_lt(length, size);
            bytes[length++] = (uint8_t)byte;
            at += used;
        }
        at = line_end + 1;
    }
    return length;
}

/* What the page shows is what our encoder makes, and what a service called so answers. */
START_TEST(test_example)
{
    const struct control_server_config config = {
        .service = "switch", .version = "0.1.0", .log = host->log};
    uint8_t request[64], reply[256], answer[256];
    size_t request_length = example("The client sends:", request, sizeof(request));
    size_t reply_length = example("The service answers:", reply, sizeof(reply));
    struct control_server *server;

    begin(CONTROL_T_HELLO, 1);
    control_put_number(&writer, CONTROL_F_VERSION, CONTROL_VERSION);
    control_put_string(&writer, CONTROL_F_CLIENT, "demo");
    ck_assert_uint_eq(control_end(&writer), request_length);
    ck_assert_mem_eq(frame, request, request_length);

    host_client_close(&client);
    host->ring_ref = 0;
    server = control_server_create(host->hv, &host->loop, &host->rendezvous, &config);
    control_host_run(host);
    ck_assert(host_client_connect(host, &client));
    ck_assert(host_client_write(&client, request, request_length));
    control_host_run(host);
    ck_assert_int_eq(vchan_read(&client.v, answer, sizeof(answer)), (int)reply_length);
    ck_assert_mem_eq(answer, reply, reply_length);
    host_client_close(&client);
    control_server_destroy(server);
}
END_TEST

static void expect_on_page(const char *what)
{
    ck_assert_msg(strstr(page, what) != NULL, "not in docs/control-protocol.md: %s", what);
}

START_TEST(test_every_field)
{
#define ROW(id, name, kind, number) {number, name, #kind},
    static const struct {
        unsigned number;
        const char *name, *kind;
    } fields_known[] = {CONTROL_FIELDS(ROW)};
#undef ROW
    unsigned rows = 0;

    for (size_t i = 0; i < sizeof(fields_known) / sizeof(fields_known[0]); i++) {
        char row[100];

        snprintf(row, sizeof(row), "\n| %u | `%s` | ", fields_known[i].number,
                 fields_known[i].name);
        for (const char *at = fields_known[i].kind; *at != '\0'; at++)
            snprintf(row + strlen(row), sizeof(row) - strlen(row), "%c", *at | 0x20);
        snprintf(row + strlen(row), sizeof(row) - strlen(row), " | ");
        expect_on_page(row);
    }
    /* And none that is not there. */
    for (const char *at = strstr(page, "\n## Fields\n"); at != NULL; at = strstr(at + 1, "\n| ")) {
        unsigned number;
        rows += sscanf(at, "\n| %u | `", &number) == 1 && strncmp(at, "\n| ", 3) == 0 &&
                at < strstr(page, "\n## Limits and deadlines\n");
    }
    ck_assert_uint_eq(rows, sizeof(fields_known) / sizeof(fields_known[0]));
}
END_TEST

/* Each CONTROL_T_ of control.h has a section of its own. */
START_TEST(test_every_request)
{
    char *header_file = read_file(ROOT "/common/control.h");
    unsigned requests = 0, sections = 0;

    for (const char *at = header_file; (at = strstr(at, "    CONTROL_T_")) != NULL; at++) {
        char name[40], heading[80];
        unsigned type;

        if (sscanf(at, " CONTROL_T_%39[A-Z_] = 0x%x", name, &type) != 2)
            continue;
        snprintf(heading, sizeof(heading), "\n### %s (0x%04x)\n", name, type);
        expect_on_page(heading);
        requests++;
    }
    for (const char *at = page; (at = strstr(at, "\n### ")) != NULL; at++)
        sections++;
    ck_assert_uint_ge(requests, 17);
    ck_assert_uint_eq(sections, requests);
    free(header_file);
}
END_TEST

/* Each common statistic is in the table, and so are the numbers that limit clients. */
START_TEST(test_every_statistic)
{
    char text[64], quoted[70];

    begin(CONTROL_T_STATS, 3);
    post(&client);
    while (host_client_receive(&client, &header, &fields) && header.kind == CONTROL_ITEM) {
        struct control_reader group;
        struct control_field field;

        ck_assert(control_find(&fields, CONTROL_F_STATISTIC, &field));
        control_read_group(&group, &field);
        ck_assert(control_string(&group, CONTROL_F_NAME, text, sizeof(text)));
        snprintf(quoted, sizeof(quoted), "`%s`", text);
        if (strcmp(text, "frames") != 0) /* the test's own */
            expect_on_page(quoted);
    }
    snprintf(text, sizeof(text), "%u bytes, so at most %u in one value", CONTROL_FRAME_MAX,
             CONTROL_VALUE_MAX);
    expect_on_page(text);
    snprintf(text, sizeof(text), "has open | %u; ", CONTROL_STREAMS);
    expect_on_page(text);
    snprintf(text, sizeof(text), "groups in groups | %u |", CONTROL_DEPTH_MAX);
    expect_on_page(text);
    snprintf(text, sizeof(text), "The version is %u.", CONTROL_VERSION);
    expect_on_page(text);
}
END_TEST

TCase *page_cases(void)
{
    TCase *cases = tcase_create("page");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_example);
    tcase_add_test(cases, test_every_field);
    tcase_add_test(cases, test_every_request);
    tcase_add_test(cases, test_every_statistic);
    return cases;
}
