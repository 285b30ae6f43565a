/* SPDX-License-Identifier: ISC */
/** @file `atoll flows` with a monitor that is not there: choosing, sorting, adding up, showing. */
#include "control_client.h"
#include "exit_codes.h"
#include "fake_service.h"
#include "flow_group.h"
#include "flow_make.h"
#include "flows.h"
#include "run_command.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#define T0  UINT64_C(1795342272345678901)
#define SEC UINT64_C(1000000000)

static const struct flow_made flows[] = {
    {.guest = {"web1", NULL},
     .bridge = "xenbr0",
     .name = "www.example.org",
     .detail = "h2",
     .address = {"10.0.0.5", "93.184.216.34"},
     .record = {.protocol = 6,
                .application = 2,
                .first = T0,
                .last = T0 + 90 * SEC,
                .rtt = 12345,
                .side = {{.frames = 10,
                          .bytes = 2000,
                          .ip_bytes = 1860,
                          .port = 44321,
                          .domid = 5,
                          .vif = 0,
                          .tcp_flags = 0x1a,
                          .flags = FLOW_IDENTIFIED,
                          .uuid = {0x4c, 0x7f},
                          .mac = {0, 0x16, 0x3e, 1, 2, 3}},
                         {.frames = 12,
                          .bytes = 3 << 20,
                          .port = 443,
                          .domid = 0,
                          .tcp_flags = 0x12,
                          .flags = FLOW_UPLINK}}}},
    {.guest = {"db", "web1"},
     .bridge = "xenbr0",
     .address = {"2001:db8::1234:5678", "2001:db8::5"},
     .record = {.protocol = 58,
                .first = T0 + SEC,
                .last = T0 + SEC,
                .vid = {20, 7},
                .side = {{.frames = 1, .bytes = 118, .port = 7, .domid = 6, .vif = 1},
                         {.frames = 1, .bytes = 118, .port = 0x8000, .domid = 5}}}},
    {.guest = {NULL, "db"},
     .name = "mail.EXAMPLE.org",
     .address = {"10.0.0.9", "10.0.0.1"},
     .record = {.protocol = 17,
                .application = 1,
                .type = 1,
                .answers = 2,
                .answer_family = {4, 6},
                .answer = {{192, 0, 2, 7}, {0x20, 1, 0xd, 0xb8}},
                .first = T0 - SEC,
                .last = T0 + 2 * SEC,
                .end = 1,
                .side = {{.frames = 2, .bytes = 160, .port = 5353, .domid = 9, .vif = 2},
                         {.frames = 300, .bytes = 99999, .port = 53, .domid = 6, .vif = 1}}}},
    {.guest = {"a\033[2J", NULL},
     .address = {"10.0.0.66", "10.0.0.1"},
     .record = {.family = 1,
                .ethertype = 0x806,
                .first = T0,
                .last = T0,
                .side = {{.frames = 1, .bytes = 42, .domid = 11, .vif = 0}, {.domid = 0xffff}}}},
    {.record = {.ethertype = 0x88cc,
                .first = T0,
                .last = T0,
                .end = 5,
                .side = {{.frames = 3, .bytes = 180, .domid = 0, .mac = {2, 0, 0, 0, 0, 1}},
                         {.domid = 0xffff, .mac = {1, 0x80, 0xc2, 0, 0, 0xe}}}}},
};

#define FLOWS (sizeof(flows) / sizeof(flows[0]))

static bool lossy, hostile;

static void put_state(struct control_writer *w)
{
    control_put_number(w, CONTROL_F_FLOWS, FLOWS);
    control_put_number(w, CONTROL_F_FLOWS_REFUSED, lossy ? 9 : 0);
    control_open_group(w, CONTROL_F_FLOWS_ENDED);
    control_put_string(w, CONTROL_F_REASON, "idle");
    control_put_number(w, CONTROL_F_COUNT, 77);
    control_close_group(w);
    control_open_group(w, CONTROL_F_FLOWS_ENDED);
    control_put_string(w, CONTROL_F_REASON, "evicted");
    control_put_number(w, CONTROL_F_COUNT, lossy ? 3 : 0);
    control_close_group(w);
    control_open_group(w, CONTROL_F_FEED);
    control_put_string(w, CONTROL_F_NAME, "switch");
    control_put_number(w, CONTROL_F_CONNECTED, 1);
    control_put_number(w, CONTROL_F_LOST, lossy ? 12 : 0);
    control_close_group(w);
}

/* Two flows a field, as many fields as there is room for. */
static void put_flows(const struct control_header *header)
{
    uint8_t data[2 * FLOW_RECORD_MAX];

    for (size_t i = 0; i < FLOWS; i += 2) {
        struct control_writer *w = fake_answer(header, CONTROL_ITEM);
        size_t used = flow_make(&flows[i], data);

        if (i + 1 < FLOWS)
            used += flow_make(&flows[i + 1], data + used);
        if (hostile && i == 2)
            data[0] = 1; /* shorter than itself */
        control_put_bytes(w, CONTROL_F_FLOW, data, used);
        if (header->type == CONTROL_T_MONITOR_ENDED && lossy && i == 2)
            control_put_number(w, CONTROL_F_LOST, 7);
        fake_send();
    }
}

static void a_monitor(struct fake *f, const struct control_header *header,
                      const struct control_reader *fields)
{
    if (header->type == CONTROL_T_MONITOR_SHOW) {
        put_state(fake_answer(header, CONTROL_REPLY));
        fake_send();
        return;
    }
    put_flows(header);
    fake_answer(header, CONTROL_END);
    fake_send();
}

static int ask(const char *columns, const char *line)
{
    int rc;

    setenv("COLUMNS", columns, 1);
    fake_begin(a_monitor);
    rc = run_command(flows_main, line);
    fake_end();
    return rc;
}

static const struct {
    const char *columns, *line;
} shown[] = {
    {"80", "flows"},
    {"40", "flows"},
    {"200", "flows --sort start"},
    {"120", "flows --sort rtt --limit 2"},
    {"80", "flows --sort duration"},
    {"80", "flows --sort frames -n 1"},
    {"80", "flows --by guest"},
    {"80", "flows --by vif --sort frames"},
    {"80", "flows --by port --sort flows"},
    {"80", "flows --by protocol"},
    {"80", "flows --by peer"},
    {"60", "flows --by peer"},
    {"80", "flows --by talker"},
    {"80", "flows --by name --limit 1"},
    {"80", "flows --by name --json --limit 1"},
    {"80", "flows --follow"},
    {"200", "flows --follow"},
    {"80", "flows --json"},
    {"80", "flows --follow --json --port 53"},
    {"80", "flows --json --port 1"},
    {"80", "flows --port 1"},
    {"80", "flows --by name --port 1"},
};

START_TEST(shows)
{
    char name[120];

    snprintf(name, sizeof(name), "%s %s", shown[_i].columns, shown[_i].line);
    ck_assert_msg(ask(shown[_i].columns, shown[_i].line) == 0, "%s", command_err);
    ck_assert_str_eq(command_err, "");
    golden_check(GOLDEN, name, command_out);
}
END_TEST

/* Which flows are left, as digits in the order of their numbers. */
static const struct {
    const char *options, *left;
} chosen[] = {
    {"--guest web1", "01"},
    {"--guest web1/0", "01"},
    {"--guest web1/1", ""},
    {"--guest 5", "01"},
    {"--guest 9", "2"},
    {"--guest domain9", "2"},
    {"--guest dom0", "04"},
    {"--guest uplink", "0"},
    {"--guest 4c7f0000-0000-0000-0000-000000000000", "0"},
    {"--guest 4C7F0000-0000-0000-0000-000000000001", ""},
    {"--guest 00000000-0000-0000-0000-000000000000", ""},
    {"--host 10.0.0.1", "23"},
    {"--host 10.0.0.0/24", "023"},
    {"--host 10.0.0.64/26", "3"},
    {"--host 10.0.0.8/29", "2"},
    {"--host 0.0.0.0/0", "023"},
    {"--host 2001:db8::/32", "1"},
    {"--host 2001:db8::4/127", "1"},
    {"--host 2001:db8::6/127", ""},
    {"--port 53", "2"},
    {"--port 443-44320", "02"},
    {"--port 7", ""},
    {"--protocol tcp", "0"},
    {"--protocol TCP", "0"},
    {"--protocol 17", "2"},
    {"--protocol icmp", "1"},
    {"--protocol icmp6", "1"},
    {"--protocol arp", "3"},
    {"--vlan 20", "1"},
    {"--vlan 7", "1"},
    {"--vlan 0", "0234"},
    {"--vlan 8", ""},
    {"--name WWW.example.org", "0"},
    {"--name .example.org", "02"},
    {"--name .www.example.org", "0"},
    {"--name example.org", ""},
    {"--name .ample.org", ""},
    {"--min-bytes 236", "012"},
    {"--min-bytes 237", "02"},
    {"--min-bytes 97K", "02"},
    {"--min-bytes 4M", ""},
    {"--guest db --protocol udp", "2"},
};

START_TEST(chooses)
{
    /* What tells them apart, in the JSON of each. */
    static const char *const marks[FLOWS] = {"\"www.", ":db8::1234", "mail.", "arp", "0x88cc"};
    char line[200], left[FLOWS + 1];
    size_t used = 0;

    snprintf(line, sizeof(line), "flows --json %s", chosen[_i].options);
    ck_assert_int_eq(ask("80", line), 0);
    for (size_t i = 0; i < FLOWS; i++) {
        if (strstr(command_out, marks[i]))
            left[used++] = (char)('0' + i);
    }
    left[used] = '\0';
    ck_assert_msg(strcmp(left, chosen[_i].left) == 0, "%s: %s", chosen[_i].options, left);
}
END_TEST

static const char *const wrong[] = {
    "--guest ",
    "--host 10.0.0",
    "--host 10.0.0.1/33",
    "--host 10.0.0.1/",
    "--host ::1/129",
    "--port 65536",
    "--port 9-8",
    "--port -1",
    "--port 80-",
    "--protocol tcpp",
    "--protocol 256",
    "--vlan 4095",
    "--name .",
    "--min-bytes 1T",
    "--min-bytes 1KB",
    "--min-bytes -1",
    "--min-bytes 99999999999999999999",
    "--min-bytes 99999999999999999G",
    "--sort size",
    "--sort flows",
    "--by host",
    "--by guest --sort rtt",
    "--limit 0",
    "--idle 5",
    "--follow --by guest",
    "--follow --limit 1",
    "--follow -r x",
    "-r x -s monitor",
    "--nonsense",
    "argument",
    "--port",
};

START_TEST(refuses)
{
    char line[200];

    snprintf(line, sizeof(line), "flows %s", wrong[_i]);
    ck_assert_int_eq(run_command(flows_main, line), ATOLL_USAGE);
    ck_assert_str_eq(command_out, "");
    ck_assert_msg(strstr(command_err, "see `atoll flows --help`\n") != NULL, "%s", command_err);
    ck_assert_ptr_eq(strchr(command_err, '\n'), command_err + strlen(command_err) - 1);
}
END_TEST

START_TEST(loss_is_told)
{
    lossy = true;
    ck_assert_int_eq(ask("80", "flows"), 0);
    ck_assert_str_eq(command_err,
                     "atoll: flows: 12 frames were lost before the monitor since it began\n"
                     "atoll: flows: 3 flows had to give way to others before they ended\n"
                     "atoll: flows: 9 frames are of flows for which the table had no place\n");
    ck_assert_int_eq(ask("80", "flows --follow"), 0);
    ck_assert_ptr_nonnull(strstr(command_err, "7 flows are missing here"));
}
END_TEST

/* Its first answer breaks off; the one after it, of the successor, has its end. */
static void a_monitor_that_dies(struct fake *f, const struct control_header *header,
                                const struct control_reader *fields)
{
    if (header->type == CONTROL_T_MONITOR_ENDED && f->connections <= 2) {
        if (f->connections == 2)
            f->hang_up = 1;
        fake_hang_up();
        return;
    }
    a_monitor(f, header, fields);
}

START_TEST(following_outlives_the_monitor)
{
    fake_begin(a_monitor_that_dies);
    ck_assert_int_eq(run_command(flows_main, "flows --follow --json --port 53"), 0);
    ck_assert_uint_ge(fake.connections, 3);
    fake_end();
    golden_check(GOLDEN, "80 flows --follow --json --port 53", command_out);
    ck_assert_ptr_nonnull(strstr(command_err, "monitor is gone; waiting for its successor"));
    ck_assert_ptr_nonnull(strstr(command_err, "monitor is back after 0."));
    ck_assert_ptr_null(strstr(command_err, "closed"));
}
END_TEST

START_TEST(hostile_records_end_it)
{
    hostile = true;
    ck_assert_int_eq(ask("80", "flows"), ATOLL_FAILURE);
    ck_assert_ptr_nonnull(strstr(command_err, "1 records are none"));
}
END_TEST

/* More than is kept in memory: the order is the same. */
START_TEST(spills)
{
    struct flow_store *store = flow_store_create(FLOW_SORT_FRAMES, 3000);
    uint8_t data[FLOW_RECORD_MAX];
    struct flow_view view;
    char name[16];

    for (unsigned i = 0; i < 5000; i++) {
        struct flow_made made = flows[i % FLOWS];

        snprintf(name, sizeof(name), "%u", i);
        made.name = name;
        made.record.side[0].frames = i * 7919 % 5000;
        made.record.side[1].frames = 0;
        ck_assert_uint_gt(flow_view(data, flow_make(&made, data), &view), 0);
        ck_assert_int_eq(flow_store_add(store, &view), 0);
    }
    flow_store_sort(store);
    ck_assert_uint_eq(flow_store_count(store), 5000);
    for (unsigned i = 0; i < 5000; i++) {
        ck_assert_int_eq(flow_store_get(store, i, &view), 0);
        ck_assert_uint_eq(view.record.side[0].frames, 4999 - i);
        memcpy(name, view.name, view.record.name_length);
        name[view.record.name_length] = '\0';
        ck_assert_uint_eq((unsigned)atoi(name) * 7919 % 5000, 4999 - i);
    }
    flow_store_free(store);
}
END_TEST

/* Between two vifs of one guest: it is one flow of that guest. */
START_TEST(a_guest_with_itself_counts_once)
{
    const struct flow_made made = {.guest = {"web1", "web1"},
                                   .address = {"10.0.0.1", "10.0.0.2"},
                                   .record = {.protocol = 6,
                                              .side = {{.frames = 2, .bytes = 200, .domid = 5},
                                                       {.frames = 1, .domid = 5, .vif = 1}}}};
    struct flow_groups *groups = flow_groups_create(FLOW_BY_GUEST);
    uint8_t data[FLOW_RECORD_MAX];
    struct flow_view view;
    size_t length;
    char *text;
    FILE *out = open_memstream(&text, &length);

    ck_assert_uint_gt(flow_view(data, flow_make(&made, data), &view), 0);
    ck_assert_int_eq(flow_groups_add(groups, &view), 0);
    flow_groups_print(groups, FLOW_SORT_BYTES, 0, true, 0, out);
    fclose(out);
    ck_assert_msg(strstr(text, "\"flows\":1") || strstr(text, "\"flows\": 1"), "%s", text);
    free(text);
    flow_groups_free(groups);
}
END_TEST

START_TEST(a_temporary_file_that_fails_is_told)
{
    struct flow_store *store = flow_store_create(FLOW_SORT_BYTES, 0);
    uint8_t data[FLOW_RECORD_MAX];
    struct flow_view view;

    setenv("TMPDIR", "/nonexistent", 1);
    ck_assert_uint_gt(flow_view(data, flow_make(&flows[0], data), &view), 0);
    ck_assert_int_eq(flow_store_add(store, &view), -ENOENT);
    ck_assert_uint_eq(flow_store_count(store), 0);
    flow_store_free(store);
}
END_TEST

/* Names that guests pick: as many as they like, and no more groups than there may be. */
START_TEST(groups_have_a_limit)
{
    struct flow_groups *groups = flow_groups_create(FLOW_BY_NAME);
    const struct flow_group *sorted;
    uint8_t data[FLOW_RECORD_MAX];
    struct flow_view view;
    char name[16];
    size_t count;
    unsigned added = 0;

    for (unsigned i = 0; i < FLOW_GROUPS_MAX + 500; i++) {
        struct flow_made made = flows[0];

        snprintf(name, sizeof(name), "%u", i);
        made.name = name;
        /* An assertion for each would take longer than all else. */
        added += flow_view(data, flow_make(&made, data), &view) > 0 &&
                 flow_groups_add(groups, &view) == 0;
    }
    ck_assert_uint_eq(added, FLOW_GROUPS_MAX + 500);
    sorted = flow_groups_sort(groups, FLOW_SORTS, &count);
    ck_assert_uint_eq(count, FLOW_GROUPS_MAX + 1);
    ck_assert_str_eq(sorted[0].key, "(others)");
    ck_assert_uint_eq(sorted[0].flows, 500);
    flow_groups_free(groups);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("flows");
    Suite *suite = suite_create("flows");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, shows, 0, sizeof(shown) / sizeof(shown[0]));
    tcase_add_loop_test(tcase, chooses, 0, sizeof(chosen) / sizeof(chosen[0]));
    tcase_add_loop_test(tcase, refuses, 0, sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_test(tcase, loss_is_told);
    tcase_add_test(tcase, following_outlives_the_monitor);
    tcase_add_test(tcase, hostile_records_end_it);
    tcase_add_test(tcase, spills);
    tcase_add_test(tcase, a_guest_with_itself_counts_once);
    tcase_add_test(tcase, a_temporary_file_that_fails_is_told);
    tcase_set_timeout(tcase, 60); /* sanitizers are slow */
    tcase_add_test(tcase, groups_have_a_limit);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
