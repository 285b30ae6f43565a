/* SPDX-License-Identifier: ISC */
/** @file The commands that show what a service says: an honest one's words, and a hostile one's. */
#include "control_client.h"
#include "fake_service.h"
#include "logs.h"
#include "metrics.h"
#include "stats.h"
#include "store.h"
#include "switch.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *out, *err;
static size_t out_len, err_len;

static char *take(int fd, size_t *length)
{
    char *text;

    *length = (size_t)lseek(fd, 0, SEEK_END);
    text = calloc(1, *length + 1);
    ck_assert_int_eq(pread(fd, text, *length, 0), (ssize_t)*length);
    close(fd);
    return text;
}

/* Run a command line with its output caught in @ref out and @ref err. */
static int run(const char *line)
{
    static char words[512];
    const int saved[2] = {dup(1), dup(2)};
    const int caught[2] = {memfd_create("out", 0), memfd_create("err", 0)};
    char *argv[24];
    int argc = 0, rc;

    snprintf(words, sizeof(words), "%s", line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    fflush(stdout);
    fflush(stderr);
    dup2(caught[0], 1);
    dup2(caught[1], 2);
    if (strcmp(argv[0], "store") == 0)
        rc = store_main(argc, argv);
    else if (strcmp(argv[0], "switch") == 0)
        rc = switch_main(argc, argv);
    else if (strcmp(argv[0], "logs") == 0)
        rc = logs_main(argc, argv);
    else if (strcmp(argv[0], "metrics") == 0)
        rc = metrics_main(argc, argv);
    else
        rc = stats_main(argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    close(saved[0]);
    close(saved[1]);
    free(out);
    free(err);
    out = take(caught[0], &out_len);
    err = take(caught[1], &err_len);
    return rc;
}

static void assert_harmless(const char *text, size_t length, const char *line)
{
    for (size_t i = 0; i < length; i++)
        /* Prometheus' text is UTF-8, but for what terminals obey (test_metrics.c). */
        ck_assert_msg(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~') ||
                          (strncmp(line, "metrics", 7) == 0 && (text[i] & 0x80) != 0 &&
                           memcmp(text + i, "\xe2\x80\xae", 3) != 0),
                      "%s: byte 0x%02x at %zu of: %s", line, (unsigned char)text[i], i, text);
}

/* --- a hostile service --------------------------------------------------------------------------
 */

#define HOSTILE                                                                                    \
    "\033]0;pwned\007\033[2J\r\b\x9b"                                                              \
    "1m\xc2\x9b"                                                                                   \
    "31m\xe2\x80\xae\x7f\n%n%s\\"

#define PUT_NUMBER(w, id)                                                                          \
    control_put_number(w, id, (uint16_t)(id) == CONTROL_F_MORE ? 0 : UINT64_MAX - 7)
#define PUT_STRING(w, id) control_put_text(w, id, HOSTILE, sizeof(HOSTILE) - 1)
#define PUT_BYTES(w, id)  control_put_bytes(w, id, HOSTILE, sizeof(HOSTILE))
#define PUT_GROUP(w, id)  put_group(w, id, id == CONTROL_F_STATISTIC ? 2 : 0)

/* What groups have, and what they should not have. */
static void put_group(struct control_writer *w, uint16_t tag, unsigned depth)
{
    control_open_group(w, tag);
    PUT_STRING(w, CONTROL_F_NAME);
    PUT_STRING(w, CONTROL_F_TEXT);
    if (depth) {
        PUT_STRING(w, CONTROL_F_UNIT);
        PUT_STRING(w, CONTROL_F_KIND);
    }
    if (tag == CONTROL_F_PORT || tag == CONTROL_F_DROP) {
        PUT_STRING(w, CONTROL_F_GUEST);
        PUT_STRING(w, CONTROL_F_REASON);
        PUT_NUMBER(w, CONTROL_F_COUNT);
    }
    PUT_NUMBER(w, CONTROL_F_VALUE);
    PUT_NUMBER(w, CONTROL_F_REFUSED);
    if (depth)
        put_group(w, CONTROL_F_LABEL, depth - 1);
    control_close_group(w);
}

/* Fields of one service's are no use to the commands of another, and all are too many for a frame.
 */
static bool concerns(uint16_t type, unsigned number)
{
    /* 0: XenStore's and those of all services, 1: the switch's, 2: the monitor's. */
    const unsigned of_field = number < 128 ? 0 : number < 256 ? 1 : 2;
    const unsigned of_type = type < CONTROL_T_SWITCH_SHOW    ? 0
                             : type < CONTROL_T_MONITOR_SHOW ? 1
                                                             : 2;

    return number < 32 || number == (CONTROL_F_KIND & 0x3fff) || of_type == of_field;
}

/* Every field that there is. */
static void put_all(struct control_writer *w, uint16_t type)
{
#define PUT(id, name, kind, number)                                                                \
    if (concerns(type, number))                                                                    \
        PUT_##kind(w, CONTROL_F_##id);
    CONTROL_FIELDS(PUT)
}

static void hostile(struct fake *f, const struct control_header *header,
                    const struct control_reader *fields)
{
    static const char *const kinds[] = {"request", "event", "commit", HOSTILE};
    struct control_writer *w;

    switch (header->type) {
    case CONTROL_T_STORE_SET:
    case CONTROL_T_STORE_ROLLBACK:
    case CONTROL_T_SWITCH_SHOW:
    case CONTROL_T_SWITCH_FLUSH:
        put_all(fake_answer(header, CONTROL_REPLY), header->type);
        fake_send();
        return;
    case CONTROL_T_STORE_LOAD:
        if (header->kind == CONTROL_END) {
            put_all(fake_answer(header, CONTROL_REPLY), header->type);
            fake_send();
        }
        return;
    default:
        break;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        w = fake_answer(header, CONTROL_ITEM);
        control_put_string(w, CONTROL_F_KIND, kinds[i]);
        put_all(w, header->type);
        fake_send();
    }
    fake_answer(header, CONTROL_END);
    fake_send();
}

static const char *const hostile_lines[] = {
    "logs xenstored",
    "logs xenstored -n 5 --json",
    "stats",
    "stats xenstored --json",
    "metrics --once xenstored",
    "store stats",
    "store stats --domid 3 --json",
    "store trace",
    "store trace -d 1 -d 2 --json",
    "store quota get",
    "store quota get 3 --json",
    "store quota set nodes 7",
    "store quota set --domid 3 nodes default --json",
    "store log",
    "store log --json /local",
    "store diff 1 2",
    "store diff --json 1 2 /local",
    "store show 3",
    "store show 3 / --json",
    "store rollback /local 3",
    "store rollback /local 3 --json",
    "store load /dev/null",
    "store load --json /dev/null",
    "switch show",
    "switch show --json",
    "switch ports",
    "switch ports --json --domid 3",
    "switch fdb",
    "switch fdb --json --bridge x --vlan 0",
    "switch flush",
    "switch flush --json",
    "switch stats",
    "switch stats --json",
    "switch events",
    "switch events --follow --json",
    "switch mirror",
    "switch mirror --json",
};

START_TEST(hostile_service)
{
    const char *line = hostile_lines[_i];

    fake_begin(hostile);
    ck_assert_msg(run(line) == 0, "%s: %s", line, err);
    ck_assert_uint_gt(out_len, 10);
    assert_harmless(out, out_len, line);
    assert_harmless(err, err_len, line);
    /* What a guest wrote is there to be read. */
    if (!strstr(line, "load") && !strstr(line, "set") && !strstr(line, "flush"))
        ck_assert_msg(strstr(out, "pwned") != NULL || strstr(line, "rollback"), "%s: %s", line,
                      out);
    fake_end();
}
END_TEST

/* Each line of a stream, and the whole of anything else, is JSON. */
START_TEST(hostile_json)
{
    const char *line = hostile_lines[_i];
    json_error_t error;
    json_t *json;

    if (!strstr(line, "--json"))
        return;
    fake_begin(hostile);
    ck_assert_int_eq(run(line), 0);
    if (strstr(line, "trace") || strstr(line, "logs") || strstr(line, "events")) {
        for (char *at = strtok(out, "\n"); at; at = strtok(NULL, "\n")) {
            json = json_loads(at, 0, &error);
            ck_assert_msg(json != NULL, "%s: %s: %s", line, error.text, at);
            json_decref(json);
        }
    } else {
        json = json_loads(out, 0, &error);
        ck_assert_msg(json != NULL, "%s: %s: %s", line, error.text, out);
        json_decref(json);
    }
    fake_end();
}
END_TEST

/* --- an honest one ------------------------------------------------------------------------------
 */

#define T0 UINT64_C(1795342272345678901)

static void put_quota(struct control_writer *w, const char *name, uint64_t limit, uint64_t used,
                      uint64_t refused)
{
    control_open_group(w, CONTROL_F_QUOTA);
    control_put_string(w, CONTROL_F_NAME, name);
    control_put_number(w, CONTROL_F_VALUE, limit);
    control_put_string(w, CONTROL_F_KIND, "own");
    control_put_number(w, CONTROL_F_USED, used);
    control_put_number(w, CONTROL_F_HIGHEST, used + 1);
    control_put_number(w, CONTROL_F_REFUSED, refused);
    control_put_string(w, CONTROL_F_TEXT, "Meaning");
    control_close_group(w);
}

static void put_domain(struct control_writer *w)
{
    control_put_number(w, CONTROL_F_DOMID, 3);
    control_put_string(w, CONTROL_F_NAME, "guest");
    control_put_number(w, CONTROL_F_NODES, 40);
    control_put_number(w, CONTROL_F_MEMORY_USED, 8192);
    control_put_number(w, CONTROL_F_WATCHES, 5);
    control_put_number(w, CONTROL_F_TRANSACTIONS, 1);
    control_put_number(w, CONTROL_F_REQUESTS, 321);
    control_put_number(w, CONTROL_F_EVENTS, 17);
    control_put_number(w, CONTROL_F_CONFLICTS_MET, 2);
    put_quota(w, "nodes", 1000, 40, 3);
    put_quota(w, "watches", 128, 5, 0);
    put_quota(w, "memory", 100, 5, 1);
}

static void put_statistics(const struct control_header *header)
{
    static const struct {
        const char *name, *unit;
        unsigned domid, value;
    } all[] = {{"uptime", "nanoseconds", 0, 1500000000},
               {"domain_n_nodes", NULL, 1, 10},
               {"domain_n_memory", "bytes", 1, 2048},
               {"domain_n_nodes", NULL, 22, 7},
               {"domain_n_memory", "bytes", 22, 512}};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct control_writer *w = fake_answer(header, CONTROL_ITEM);

        control_open_group(w, CONTROL_F_STATISTIC);
        control_put_string(w, CONTROL_F_NAME, all[i].name);
        control_put_number(w, CONTROL_F_VALUE, all[i].value);
        if (all[i].unit)
            control_put_string(w, CONTROL_F_UNIT, all[i].unit);
        control_put_string(w, CONTROL_F_TEXT, "What it is");
        if (all[i].domid) {
            control_open_group(w, CONTROL_F_LABEL);
            control_put_string(w, CONTROL_F_NAME, "domid");
            control_put_format(w, CONTROL_F_TEXT, "%u", all[i].domid);
            control_close_group(w);
        }
        control_close_group(w);
        fake_send();
    }
}

static void put_trace(const struct control_header *header)
{
    struct control_writer *w = fake_answer(header, CONTROL_ITEM);

    control_put_string(w, CONTROL_F_KIND, "request");
    control_put_number(w, CONTROL_F_TIME, T0);
    control_put_number(w, CONTROL_F_DOMID, 3);
    control_put_number(w, CONTROL_F_TRANSACTION, 9);
    control_put_string(w, CONTROL_F_PATH, "/local/domain/3/a");
    control_put_string(w, CONTROL_F_OPERATION, "WRITE");
    control_put_bytes(w, CONTROL_F_ARGUMENT, "x\n", 2);
    control_put_number(w, CONTROL_F_LENGTH, 700);
    control_put_string(w, CONTROL_F_RESULT, "EQUOTA");
    control_put_number(w, CONTROL_F_DURATION, 12345);
    fake_send();
    w = fake_answer(header, CONTROL_ITEM);
    control_put_number(w, CONTROL_F_LOST, 12);
    control_put_string(w, CONTROL_F_KIND, "event");
    control_put_number(w, CONTROL_F_TIME, T0);
    control_put_number(w, CONTROL_F_DOMID, 0);
    control_put_string(w, CONTROL_F_PATH, "/local/domain/3/a");
    control_put_string(w, CONTROL_F_TOKEN, "token");
    fake_send();
    w = fake_answer(header, CONTROL_ITEM);
    control_put_string(w, CONTROL_F_KIND, "commit");
    control_put_number(w, CONTROL_F_TIME, T0);
    control_put_number(w, CONTROL_F_DOMID, 3);
    control_put_number(w, CONTROL_F_TRANSACTION, 9);
    control_put_number(w, CONTROL_F_COUNT, 4);
    control_put_string(w, CONTROL_F_RESULT, "OK");
    control_put_number(w, CONTROL_F_VERSION, 77);
    fake_send();
}

static void put_node(const struct control_header *header, const char *path, const char *kind,
                     const char *before, const char *after, bool more)
{
    struct control_writer *w = fake_answer(header, CONTROL_ITEM);

    control_put_string(w, CONTROL_F_PATH, path);
    if (header->type == CONTROL_T_STORE_DIFF)
        control_put_string(w, CONTROL_F_KIND, kind);
    if (before)
        control_put_bytes(w, CONTROL_F_OLD_VALUE, before, strlen(before));
    if (after)
        control_put_bytes(w, CONTROL_F_NEW_VALUE, after, strlen(after));
    if (strcmp(kind, "added") == 0 && !more)
        control_put_string(w, CONTROL_F_NEW_PERMS, "n0,r3");
    if (more)
        control_put_number(w, CONTROL_F_MORE, 1);
    fake_send();
}

static void put_versions(const struct control_header *header, const struct control_reader *fields)
{
    uint64_t left = control_number(fields, CONTROL_F_LIMIT, 3);

    for (unsigned version = 40; left; version--, left--) {
        struct control_writer *w = fake_answer(header, CONTROL_ITEM);

        control_put_number(w, CONTROL_F_VERSION, version);
        control_put_number(w, CONTROL_F_TIME, T0);
        control_put_number(w, CONTROL_F_DOMID, 0);
        control_put_string(w, CONTROL_F_KIND, "request");
        control_put_string(w, CONTROL_F_TEXT, "RM");
        control_put_string(w, CONTROL_F_PATH, "/a");
        fake_send();
    }
}

static void put_log(const struct control_header *header)
{
    struct control_writer *w = fake_answer(header, CONTROL_ITEM);

    control_put_number(w, CONTROL_F_LOST, 5);
    control_put_number(w, CONTROL_F_SEQUENCE, 6);
    control_put_number(w, CONTROL_F_TIME, T0);
    control_put_number(w, CONTROL_F_LEVEL, 4);
    control_put_string(w, CONTROL_F_TEXT, "domain 3 is loud");
    fake_send();
}

/* What was asked last, for the tests to look at. */
static uint64_t asked_from, asked_to, asked_version;

static void honest(struct fake *f, const struct control_header *header,
                   const struct control_reader *fields)
{
    struct control_writer *w;

    asked_from = control_number(fields, CONTROL_F_FROM, 0);
    asked_to = control_number(fields, CONTROL_F_TO, 0);
    asked_version = control_number(fields, CONTROL_F_VERSION, 0);
    switch (header->type) {
    case CONTROL_T_STORE_STATS:
        put_domain(fake_answer(header, CONTROL_ITEM));
        fake_send();
        break;
    case CONTROL_T_STORE_QUOTA:
        put_quota(fake_answer(header, CONTROL_ITEM), "nodes", 1000, 40, 3);
        fake_send();
        break;
    case CONTROL_T_STORE_TRACE:
        put_trace(header);
        break;
    case CONTROL_T_STORE_LOG:
        put_versions(header, fields);
        break;
    case CONTROL_T_STORE_SHOW:
    case CONTROL_T_STORE_DIFF:
        put_node(header, "/a/new", "added", NULL, "one ", true);
        put_node(header, "/a/new", "added", NULL, "two", false);
        if (header->type == CONTROL_T_STORE_DIFF) {
            put_node(header, "/b", "removed", "gone", NULL, false);
            put_node(header, "/c", "changed", "old", "", false);
        }
        break;
    case CONTROL_T_LOGS:
        put_log(header);
        break;
    case CONTROL_T_STATS:
        put_statistics(header);
        break;
    default:
        w = fake_answer(header, CONTROL_REPLY);
        control_put_string(w, CONTROL_F_NAME, "nodes");
        control_put_number(w, CONTROL_F_VALUE, 7);
        control_put_number(w, CONTROL_F_VERSION, 41);
        control_put_number(w, CONTROL_F_COUNT, 3);
        fake_send();
        return;
    }
    fake_answer(header, CONTROL_END);
    fake_send();
}

static const struct {
    const char *line, *text;
} honest_lines[] = {
    {"logs xenstored", "... 5 lines are not kept any more\n"
                       "2026-11-22T10:11:12.345Z warning domain 3 is loud\n"},
    {"logs xenstored --json", "{\"lost\":5,\"sequence\":6,\"time\":1795342272345678901,\"level\":4,"
                              "\"text\":\"domain 3 is loud\"}\n"},
    {"stats", "xenstored (domain 5), version 1.2\n\n"
              "Statistic  Value  Meaning\n"
              "uptime     1.5 s  What it is\n\n"
              "domid  nodes   memory\n"
              "1         10  2.0 KiB\n"
              "22         7    512 B\n"},
    {"store stats", "Domain  Name   Nodes   Memory  Watches  Trans.  Requests  Events  Conflicts  "
                    "Hold  Refused by quota\n"
                    "     3  guest     40  8.0 KiB        5       1       321      17          2  "
                    "   -  nodes 3, memory 1\n"},
    {"store quota get 3", "Quota  Limit  Set by  Used  Highest  Refused  Meaning\n"
                          "nodes   1000  own       40       41        3  Meaning\n"},
    {"store quota set nodes 7", "nodes is now 7\n"},
    {"store quota set -d 3 nodes default", "nodes of domain 3 is now 7\n"},
    {"store trace",
     "10:11:12.345Z domain 3 tx 9: WRITE /local/domain/3/a \"x\\x0a\"... (700 bytes) = EQUOTA  "
     "12.3 us\n"
     "... 12 are missing here: they came faster than they were read\n"
     "10:11:12.345Z domain 0: event /local/domain/3/a token\n"
     "10:11:12.345Z domain 3 tx 9: commit of 4 requests = OK version 77\n"},
    {"store log -n 2", "Version  Time                      Domain  What  First change\n"
                       "     40  2026-11-22T10:11:12.345Z       0  RM    /a\n"
                       "     39  2026-11-22T10:11:12.345Z       0  RM    /a\n"},
    {"store diff 1 2", "--- version 1\n+++ version 2\n"
                       "+/a/new = \"one two\"   (n0,r3)\n"
                       "-/b = \"gone\"\n"
                       "~ /c\n"
                       "    - = \"old\"\n"
                       "    + = \"\"\n"},
    {"store diff 1 2 --json",
     "[\n  {\n    \"path\": \"/a/new\",\n    \"kind\": \"added\",\n"
     "    \"new-value\": \"one two\",\n    \"new-perms\": \"n0,r3\"\n  },\n"
     "  {\n    \"path\": \"/b\",\n    \"kind\": \"removed\",\n    \"old-value\": \"gone\"\n  },\n"
     "  {\n    \"path\": \"/c\",\n    \"kind\": \"changed\",\n    \"old-value\": \"old\",\n"
     "    \"new-value\": \"\"\n  }\n]\n"},
    {"store show 7 /a", "/a/new = \"one two\"   (n0,r3)\n"},
    {"store rollback /a 12", "rolled back to version 12: 3 nodes changed; that is version 41\n"},
};

START_TEST(honest_service)
{
    fake_begin(honest);
    ck_assert_msg(run(honest_lines[_i].line) == 0, "%s", err);
    ck_assert_str_eq(out, honest_lines[_i].text);
    ck_assert_str_eq(err, "");
    fake_end();
}
END_TEST

/* Versions counted from the newest, which is 40. */
START_TEST(versions)
{
    fake_begin(honest);
    ck_assert_int_eq(run("store diff -3 now"), 0);
    ck_assert_uint_eq(asked_from, 37);
    ck_assert_uint_eq(asked_to, 40);
    ck_assert_int_eq(run("store show now-1 /a"), 0);
    ck_assert_uint_eq(asked_version, 39);
    ck_assert_int_eq(run("store rollback /a -39"), 0);
    ck_assert_uint_eq(asked_version, 1);
    ck_assert_int_eq(run("store rollback /a -40"), ATOLL_REFUSED);
    ck_assert_ptr_nonnull(strstr(err, "no version 40 before 40"));
    fake_end();
}
END_TEST

START_TEST(bad_lines)
{
    static const char *const lines[] = {
        "store",
        "store nothing",
        "store quota",
        "store quota take",
        "store quota get x",
        "store quota get 40000",
        "store quota set nodes",
        "store quota set nodes default",
        "store quota set nodes -d 1 x",
        "store stats x",
        "store stats -d 1 -d 2",
        "store stats -d 32752",
        "store stats --lines 3",
        "store trace x",
        "store log x",
        "store log -n 0",
        "store diff 1",
        "store diff 1 2 x",
        "store diff 0 2",
        "store diff 1 now2",
        "store diff 1 2 /a /b",
        "store show",
        "store show -x",
        "store show x",
        "store rollback 3 /a",
        "store rollback /a",
        "store dump",
        "store dump a b",
        "store dump --json a",
        "store load",
        "logs",
        "logs a b",
        "logs -n x xenstored",
        "stats -w 0",
        "stats --nothing",
    };

    fake_begin(honest);
    ck_assert_msg(run(lines[_i]) == ATOLL_USAGE, "%s", lines[_i]);
    ck_assert_uint_eq(sizeof(lines) / sizeof(lines[0]), 35);
    ck_assert_uint_eq(fake.connections, 0);
    ck_assert_str_eq(out, "");
    ck_assert_ptr_nonnull(strstr(err, "--help`\n"));
    ck_assert_ptr_eq(strchr(err, '\n'), err + err_len - 1);
    fake_end();
}
END_TEST

START_TEST(helps)
{
    static const char *const lines[] = {
        "store --help",           "store stats --help", "store trace --help",
        "store quota get --help", "store quota set -h", "store log --help",
        "store diff --help",      "store show --help",  "store rollback --help",
        "store dump --help",      "store load --help",  "logs --help",
        "stats --help",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        fake_begin(honest);
        ck_assert_int_eq(run(lines[i]), 0);
        ck_assert_ptr_eq(strstr(out, "Usage: atoll "), out);
        for (char *at = strtok(out, "\n"); at; at = strtok(NULL, "\n"))
            ck_assert_uint_le(strlen(at), 90);
        ck_assert_uint_eq(fake.connections, 0);
        fake_end();
    }
}
END_TEST

/* --- dump and load ------------------------------------------------------------------------------
 */

static char folder[] = "/tmp/atoll-test-XXXXXX";
static char path[64], line_with_path[96];

static void enter_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/state", folder);
}

static const char *with_path(const char *command)
{
    snprintf(line_with_path, sizeof(line_with_path), "%s %s", command, path);
    return line_with_path;
}

static void leave_folder(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else was left in it */
}

static size_t read_file(char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t length;

    ck_assert_ptr_nonnull(file);
    length = fread(text, 1, size, file);
    fclose(file);
    return length;
}

static void dumps(struct fake *f, const struct control_header *header,
                  const struct control_reader *fields)
{
    static uint8_t data[3000];

    for (unsigned i = 0; i < 50; i++) {
        memset(data, (int)i, sizeof(data));
        control_put_bytes(fake_answer(header, CONTROL_ITEM), CONTROL_F_DATA, data, sizeof(data));
        fake_send();
    }
    if (f->publish_taken) {
        control_put_number(fake_answer(header, CONTROL_ERROR), CONTROL_F_ERRNO, ENOMEM);
        fake_send();
        return;
    }
    fake_answer(header, CONTROL_END);
    fake_send();
}

START_TEST(dump)
{
    static char text[200000];

    enter_folder();
    fake_begin(dumps);
    ck_assert_msg(run(with_path("store dump")) == 0, "%s", err);
    ck_assert_str_eq(out, "");
    ck_assert_uint_eq(read_file(text, sizeof(text)), 150000);
    ck_assert_int_eq(text[149999], 49);
    ck_assert_int_eq(text[3000], 1);
    fake_end();
    /* One that fails midway leaves the older one as it is. */
    fake_begin(dumps);
    fake.publish_taken = true;
    ck_assert_int_eq(run(with_path("store dump")), ATOLL_REFUSED);
    ck_assert_uint_eq(read_file(text, sizeof(text)), 150000);
    fake_end();
    fake_begin(dumps);
    ck_assert_int_eq(run("store dump -"), 0);
    ck_assert_uint_eq(out_len, 150000);
    fake_end();
    fake_begin(dumps);
    ck_assert_int_eq(run("store dump /nowhere/x"), ATOLL_FAILURE);
    ck_assert_ptr_nonnull(strstr(err, "/nowhere/x"));
    fake_end();
    leave_folder();
}
END_TEST

static void loads(struct fake *f, const struct control_header *header,
                  const struct control_reader *fields)
{
    struct control_field data;
    struct control_writer *w;

    if (header->kind == CONTROL_DATA) {
        ck_assert(control_find(fields, CONTROL_F_DATA, &data));
        f->upload_len += data.length;
        if (f->publish_taken && f->upload_len > 10000) {
            control_put_string(fake_answer(header, CONTROL_ERROR), CONTROL_F_TEXT, "no header");
            fake_send();
            f->publish_taken = false;
        }
    } else if (header->kind == CONTROL_END) {
        w = fake_answer(header, CONTROL_REPLY);
        control_put_number(w, CONTROL_F_NODES, 12);
        control_put_number(w, CONTROL_F_WATCHES, 3);
        fake_send();
    }
}

START_TEST(load)
{
    FILE *file;

    enter_folder();
    file = fopen(path, "w");
    for (int i = 0; i < 100000; i++)
        fputc(i, file);
    fclose(file);
    fake_begin(loads);
    ck_assert_msg(run(with_path("store load")) == 0, "%s", err);
    ck_assert_str_eq(out, "loaded 97.6 KiB, 12 nodes, 3 watches\n");
    ck_assert_uint_eq(fake.upload_len, 100000);
    fake_end();
    fake_begin(loads);
    fake.publish_taken = true;
    ck_assert_int_eq(run(with_path("store load")), ATOLL_REFUSED);
    ck_assert_str_eq(out, "");
    ck_assert_ptr_nonnull(strstr(err, "no header"));
    fake_end();
    fake_begin(loads);
    ck_assert_int_eq(run("store load /nowhere/x"), ATOLL_FAILURE);
    fake_end();
    leave_folder();
}
END_TEST

/* What is no text goes to no terminal, and nobody types a state. */
START_TEST(no_terminal)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY), terminal, kept = dup(0);
    char *const argv[] = {(char[]){"store"}, (char[]){"dump"}, (char[]){"-"}, NULL};
    int saved = dup(1), rc;

    ck_assert_int_eq(unlockpt(fd), 0);
    terminal = open(ptsname(fd), O_RDWR | O_NOCTTY);
    fake_begin(dumps);
    dup2(terminal, 1);
    rc = store_main(3, argv);
    dup2(saved, 1);
    ck_assert_int_eq(rc, ATOLL_USAGE);
    dup2(terminal, 0);
    ck_assert_int_eq(run("store load -"), ATOLL_USAGE);
    dup2(kept, 0);
    ck_assert_uint_eq(fake.connections, 0);
    fake_end();
    close(fd);
    close(terminal);
}
END_TEST

/* Our colours on a terminal, and nobody else's. */
START_TEST(terminal_gets_our_colours_only)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK), terminal, saved = dup(1), rc;
    char *const argv[] = {(char[]){"store"}, (char[]){"trace"}, NULL};
    static char text[65536];
    ssize_t length;

    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    ck_assert_int_eq(unlockpt(fd), 0);
    terminal = open(ptsname(fd), O_RDWR | O_NOCTTY);
    fake_begin(hostile);
    fflush(stdout);
    dup2(terminal, 1);
    rc = store_main(2, argv);
    fflush(stdout);
    dup2(saved, 1);
    length = read(fd, text, sizeof(text) - 1);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_gt(length, 100);
    ck_assert_ptr_nonnull(strstr(text, "\033[31m"));
    for (ssize_t i = 0; i < length; i++) {
        const size_t digits = strspn(text + i + (text[i] == '\033' ? 2 : 0), "0123456789");

        if (text[i] == '\033')
            ck_assert(text[i + 1] == '[' && digits < 3 && text[i + 2 + (ssize_t)digits] == 'm');
        else
            ck_assert(text[i] == '\r' || text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
    }
    fake_end();
    close(fd);
    close(terminal);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("service_output");
    TCase *tc = tcase_create("service_output");
    SRunner *runner;
    int failed;

    setenv("ATOLL_CONFIG", "/dev/null", 1);
    setenv("NO_COLOR", "1", 1);
    tcase_add_loop_test(tc, hostile_service, 0, COUNT(hostile_lines));
    tcase_add_loop_test(tc, hostile_json, 0, COUNT(hostile_lines));
    tcase_add_loop_test(tc, honest_service, 0, COUNT(honest_lines));
    tcase_add_test(tc, versions);
    tcase_add_loop_test(tc, bad_lines, 0, 35);
    tcase_add_test(tc, helps);
    tcase_add_test(tc, dump);
    tcase_add_test(tc, load);
    tcase_add_test(tc, no_terminal);
    tcase_add_test(tc, terminal_gets_our_colours_only);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
