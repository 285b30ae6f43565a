/* SPDX-License-Identifier: ISC */
/** @file `atoll switch` with a switch that is not there: what is shown, applied, kept, given. */
#include "common/mirror_wire.h"
#include "control_client.h"
#include "fake_service.h"
#include "rules_state.h"
#include "switch.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define U1 "4c7f3a10-5a2c-4ec1-9a43-0123456789ab"
#define T0 UINT64_C(1795342272345678901)

static char *out, *err, dir[64], file[96];

/* What the switch has been given, and what it does about it. */
static struct {
    uint8_t *data;
    size_t length;
    uint64_t generation;
    char digest[65];
    bool refuse;
    unsigned applied;
} given;

static char *take(int fd)
{
    const size_t length = (size_t)lseek(fd, 0, SEEK_END);
    char *text = calloc(1, length + 1);

    ck_assert_int_eq(pread(fd, text, length, 0), (ssize_t)length);
    close(fd);
    return text;
}

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
    rc = switch_main(argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    close(saved[0]);
    close(saved[1]);
    free(out);
    free(err);
    out = take(caught[0]);
    err = take(caught[1]);
    return rc;
}

static const uint8_t mac[6] = {0, 0x16, 0x3e, 1, 2, 3};

static void put_show(struct control_writer *w)
{
    if (given.generation) {
        control_put_number(w, CONTROL_F_GENERATION, given.generation);
        control_put_string(w, CONTROL_F_DIGEST, given.digest);
    }
    control_put_number(w, CONTROL_F_COUNT, 3);
    control_put_number(w, CONTROL_F_CONNECTED, 2);
    control_put_number(w, CONTROL_F_GUESTLESS, 1);
    control_put_number(w, CONTROL_F_MATCHED, 1);
    control_put_number(w, CONTROL_F_FDB_ENTRIES, 9);
    control_open_group(w, CONTROL_F_BRIDGE);
    control_put_string(w, CONTROL_F_BRIDGE_NAME, "lan");
    control_put_number(w, CONTROL_F_COUNT, 3);
    control_put_number(w, CONTROL_F_CONNECTED, 2);
    control_put_number(w, CONTROL_F_AGEING, 300);
    control_put_number(w, CONTROL_F_MTU, 1500);
    control_put_number(w, CONTROL_F_SNOOPING, 1);
    control_put_number(w, CONTROL_F_LOCK, 2);
    control_close_group(w);
}

static void put_port(struct control_writer *w)
{
    const uint8_t vlans[] = {20, 0, 20, 0, 30, 0, 0x28, 1};
    uint8_t uuid[16];

    ck_assert(rules_uuid_parse(U1, uuid));
    control_open_group(w, CONTROL_F_PORT);
    control_put_number(w, CONTROL_F_DOMID, 5);
    control_put_number(w, CONTROL_F_VIF, 1);
    control_put_string(w, CONTROL_F_GUEST, "web1");
    control_put_bytes(w, CONTROL_F_UUID, uuid, 16);
    control_put_string(w, CONTROL_F_BRIDGE_NAME, "lan");
    control_put_string(w, CONTROL_F_STATE, "connected");
    control_put_number(w, CONTROL_F_MATCHED, 1);
    control_put_bytes(w, CONTROL_F_MAC, mac, 6);
    control_put_number(w, CONTROL_F_VLAN_MODE, 2);
    control_put_number(w, CONTROL_F_PVID, 10);
    control_put_bytes(w, CONTROL_F_VLANS, vlans, sizeof(vlans));
    control_put_number(w, CONTROL_F_LOCK, 2);
    control_put_number(w, CONTROL_F_RATE_IN, 1250000);
    control_close_group(w);
}

static void put_stats(struct control_writer *w)
{
    static const struct {
        const char *reason;
        unsigned count;
    } drops[] = {{"storm", 2}, {"source-mac", 12}, {"vlan", 1}, {"arp", 3}};

    control_put_number(w, CONTROL_F_DOMID, 5);
    control_put_number(w, CONTROL_F_VIF, 1);
    control_put_string(w, CONTROL_F_GUEST, "web1");
    control_put_number(w, CONTROL_F_FRAMES_IN, 100);
    control_put_number(w, CONTROL_F_BYTES_IN, 2048);
    control_put_number(w, CONTROL_F_FRAMES_OUT, 7);
    control_put_number(w, CONTROL_F_BYTES_OUT, 512);
    for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++) {
        control_open_group(w, CONTROL_F_DROP);
        control_put_string(w, CONTROL_F_REASON, drops[i].reason);
        control_put_number(w, CONTROL_F_COUNT, drops[i].count);
        control_close_group(w);
    }
}

static void put_events(const struct control_header *header)
{
    struct control_writer *w = fake_answer(header, CONTROL_ITEM);

    control_put_number(w, CONTROL_F_TIME, T0);
    control_put_string(w, CONTROL_F_KIND, "mac-moved");
    control_put_string(w, CONTROL_F_NAME, "web1/1");
    control_put_bytes(w, CONTROL_F_MAC, mac, 6);
    control_put_number(w, CONTROL_F_VID, 10);
    control_put_string(w, CONTROL_F_FROM_PORT, "db/0");
    fake_send();
    w = fake_answer(header, CONTROL_ITEM);
    control_put_number(w, CONTROL_F_LOST, 4);
    control_put_number(w, CONTROL_F_TIME, T0);
    control_put_string(w, CONTROL_F_KIND, "rule-hit");
    control_put_string(w, CONTROL_F_NAME, "web1/1");
    control_put_string(w, CONTROL_F_REASON, "source-mac");
    control_put_bytes(w, CONTROL_F_MAC, mac, 6);
    control_put_number(w, CONTROL_F_COUNT, 12);
    fake_send();
}

static void put_mirror(struct control_writer *w, const char *name, unsigned client, bool connected)
{
    control_open_group(w, CONTROL_F_MIRROR);
    control_put_string(w, CONTROL_F_NAME, name);
    control_put_number(w, CONTROL_F_DOMID, client);
    control_put_number(w, CONTROL_F_SNAP, 96);
    control_put_number(w, CONTROL_F_DIRECTION, 3);
    control_put_number(w, CONTROL_F_CONNECTED, connected);
    control_put_number(w, CONTROL_F_FRAMES, 55);
    control_put_number(w, CONTROL_F_LOST, 2);
    control_close_group(w);
    fake_send();
}

/* An upload: all of it at its end. */
static void take_upload(const struct control_header *header, const struct control_reader *fields)
{
    struct control_field data;
    struct control_writer *w;

    if (header->kind == CONTROL_REQUEST) {
        given.length = 0;
    } else if (header->kind == CONTROL_DATA && control_find(fields, CONTROL_F_DATA, &data)) {
        given.data = realloc(given.data, given.length + data.length);
        memcpy(given.data + given.length, data.value, data.length);
        given.length += data.length;
    } else if (header->kind == CONTROL_END && given.refuse) {
        w = fake_answer(header, CONTROL_ERROR);
        control_put_number(w, CONTROL_F_ERRNO, EINVAL);
        control_put_string(w, CONTROL_F_TEXT, "port web1/0: no such bridge");
        fake_send();
    } else if (header->kind == CONTROL_END) {
        given.applied++;
        w = fake_answer(header, CONTROL_REPLY);
        control_put_number(w, CONTROL_F_GENERATION, 1);
        control_put_number(w, CONTROL_F_MATCHED, 1);
        fake_send();
    }
}

static void put_rules(const struct control_header *header)
{
    for (size_t at = 0; at < given.length; at += 100) {
        struct control_writer *w = fake_answer(header, CONTROL_ITEM);

        control_put_bytes(w, CONTROL_F_DATA, given.data + at,
                          given.length - at < 100 ? given.length - at : 100);
        fake_send();
    }
}

static void a_switch(struct fake *f, const struct control_header *header,
                     const struct control_reader *fields)
{
    struct control_writer *w;

    switch (header->type) {
    case CONTROL_T_SWITCH_APPLY:
        take_upload(header, fields);
        return;
    case CONTROL_T_SWITCH_SHOW:
        put_show(fake_answer(header, CONTROL_REPLY));
        fake_send();
        return;
    case CONTROL_T_SWITCH_FLUSH:
        control_put_number(fake_answer(header, CONTROL_REPLY), CONTROL_F_COUNT, 9);
        fake_send();
        return;
    case CONTROL_T_SWITCH_PORTS:
        put_port(fake_answer(header, CONTROL_ITEM));
        fake_send();
        break;
    case CONTROL_T_SWITCH_STATS:
        put_stats(fake_answer(header, CONTROL_ITEM));
        fake_send();
        break;
    case CONTROL_T_SWITCH_FDB:
        w = fake_answer(header, CONTROL_ITEM);
        control_put_string(w, CONTROL_F_BRIDGE_NAME, "lan");
        control_put_number(w, CONTROL_F_VID, 10);
        control_put_bytes(w, CONTROL_F_MAC, mac, 6);
        control_put_string(w, CONTROL_F_NAME, "web1/1");
        control_put_number(w, CONTROL_F_AGE, 1500000000);
        fake_send();
        break;
    case CONTROL_T_SWITCH_EVENTS:
        put_events(header);
        break;
    case CONTROL_T_SWITCH_MIRRORS:
        put_mirror(fake_answer(header, CONTROL_ITEM), "ids", 0, !f->raw);
        put_mirror(fake_answer(header, CONTROL_ITEM), "other", 9, false);
        break;
    case CONTROL_T_SWITCH_RULES:
        put_rules(header);
        break;
    default:
        break;
    }
    fake_answer(header, CONTROL_END);
    fake_send();
}

static const struct {
    const char *line, *text;
} shown[] = {
    {"switch show",
     "switch (domain 5), version 1.2: 3 ports, 2 connected, 9 addresses\n"
     "rules: none are in force; `atoll switch apply FILE` gives it some\n"
     "1 ports belong to guests that nobody has named; does atoll-switch-agent.service run?\n\n"
     "Bridge  Ports  Connected   MTU  Ageing  Snoops  Loops out  Lock\n"
     "lan         3          2  1500   300 s  yes     no         locked\n"},
    {"switch ports",
     "Port    Domain  State      Bridge  MAC                VLANs             Lock      Rate in  "
     "Rate out  Rules  \n"
     "web1/1       5  connected  lan     00:16:3e:01:02:03  10 + 20,30-296    locked    10 Mb/s"
     "         -  file   \n"},
    {"switch ports --json",
     "[\n  {\n    \"domid\": 5,\n    \"vif\": 1,\n    \"guest\": \"web1\",\n    \"uuid\": \"" U1
     "\",\n    \"bridge\": \"lan\",\n    \"state\": \"connected\",\n    \"matched\": 1,\n"
     "    \"mac\": \"00:16:3e:01:02:03\",\n    \"vlan-mode\": \"trunk\",\n    \"pvid\": 10,\n"
     "    \"vlans\": \"20,30-296\",\n    \"locking-mode\": \"locked\",\n"
     "    \"rate-in\": 1250000\n  }\n]\n"},
    {"switch fdb", "Bridge  VLAN  MAC                Port      Age\n"
                   "lan       10  00:16:3e:01:02:03  web1/1  1.5 s\n"},
    {"switch flush", "9 addresses forgotten\n"},
    {"switch stats",
     "Port    Frames in  Bytes in  Frames out  Bytes out  Dropped\n"
     "web1/1        100   2.0 KiB           7      512 B  source-mac 12, arp 3, storm 2, others "
     "1\n"},
    {"switch events -n 2",
     "2026-11-22T10:11:12.345Z mac-moved web1/1 00:16:3e:01:02:03 vlan 10 was behind db/0\n"
     "... 4 are missing here: they came faster than they were read\n"
     "2026-11-22T10:11:12.345Z rule-hit web1/1 source-mac 00:16:3e:01:02:03 (12 times)\n"},
    {"switch mirror",
     "Mirror  Reader  Bridge  VLAN  Direction  Ports  Bytes  Is read  Frames  Lost\n"
     "ids          0  -          -  both         all     96  yes          55     2\n"
     "other        9  -          -  both         all     96  no           55     2\n"},
};

/* Columns are as wide as they need to be; how many blanks that makes is the table's own test. */
static char *squeezed(const char *text)
{
    char *copy = calloc(1, strlen(text) + 1), *to = copy;

    for (; *text; text++) {
        if (*text == ' ' && (text[1] == ' ' || text[1] == '\n'))
            continue;
        *to++ = *text;
    }
    return copy;
}

START_TEST(shows)
{
    char *have, *want = squeezed(shown[_i].text);

    fake_begin(a_switch);
    ck_assert_msg(run(shown[_i].line) == 0, "%s", err);
    have = squeezed(out);
    ck_assert_str_eq(have, want);
    ck_assert_str_eq(err, "");
    free(have);
    free(want);
    fake_end();
}
END_TEST

static void write_file(const char *text)
{
    FILE *f = fopen(file, "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void setup(void)
{
    memset(&given, 0, sizeof(given));
    strcpy(dir, "/tmp/atoll-switch-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/rules.json", dir);
    setenv("ATOLL_SWITCH_STATE", dir, 1);
}

static void teardown(void)
{
    char command[160];

    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
    free(given.data);
}

#define RULES                                                                                      \
    "{\"bridges\": {\"lan\": {}}, \"ports\": [{\"guest\": \"" U1 "\", \"bridge\": \"lan\", "       \
    "\"vlan\": 10}]}"

/* The same with the file behind it. */
static int run_file(const char *words)
{
    char line[256];

    snprintf(line, sizeof(line), "%s %s", words, file);
    return run(line);
}

static struct rules_state kept(void)
{
    struct rules_state state;
    struct report report;

    report_init(&report, "test", stderr, 0);
    ck_assert_int_eq(rules_state_read(&report, "switch", &state), 1);
    return state;
}

START_TEST(applies)
{
    struct rules *rules = rules_create();
    static struct rules_decoder decoder;
    struct rules_state state;
    json_t *json;

    write_file(RULES);
    given.generation = 40; /* of a dom0 that has forgotten */
    strcpy(given.digest, "x");
    fake_begin(a_switch);
    ck_assert_msg(run_file("switch apply") == 0, "%s", err);
    ck_assert_str_eq(out, "switch: generation 41 is in force: 1 ports, of which 1 are there; 1 "
                          "bridges, 0 mirrors\n");
    rules_decoder_init(&decoder, rules);
    ck_assert_msg(rules_decode(&decoder, given.data, given.length) == 0, "%s", decoder.error);
    ck_assert_msg(rules_decode_end(&decoder) == 0, "%s", decoder.error);
    ck_assert_uint_eq(rules->generation, 41);
    ck_assert_uint_eq(rules->port_count, 1);
    ck_assert_uint_eq(rules->ports[0].vlan.pvid, 10);
    state = kept();
    ck_assert_uint_eq(state.generation, 41);
    ck_assert_str_eq(state.digest, rules->digest);
    ck_assert_str_eq(state.source, file);
    rules_state_free(&state);
    /* What is in force is a file that can be applied. */
    ck_assert_int_eq(run("switch rules"), 0);
    json = json_loads(out, 0, NULL);
    ck_assert_ptr_nonnull(json);
    ck_assert_uint_eq(json_array_size(json_object_get(json, "ports")), 1);
    json_decref(json);
    ck_assert_int_eq(run_file("switch apply --diff"), 0);
    ck_assert_str_eq(out, "nothing would change\n");
    write_file("{\"bridges\": {\"lan\": {}}}");
    ck_assert_int_eq(run_file("switch apply --dry-run"), 0);
    ck_assert_ptr_nonnull(strstr(out, "- port " U1 "/0\n"));
    ck_assert_uint_eq(given.applied, 1);
    fake_end();
    rules_release(rules);
}
END_TEST

/* What the switch refuses is not kept. */
START_TEST(refused)
{
    struct rules_state state;

    write_file(RULES);
    fake_begin(a_switch);
    ck_assert_int_eq(run_file("switch apply"), 0);
    given.refuse = true;
    write_file("{\"bridges\": {\"lan\": {}}}");
    ck_assert_int_eq(run_file("switch apply"), ATOLL_REFUSED);
    ck_assert_str_eq(err, "atoll: switch apply: switch refused: port web1/0: no such bridge\n");
    state = kept();
    ck_assert_uint_eq(state.generation, 1);
    ck_assert_uint_eq(json_array_size(json_object_get(state.file, "ports")), 1);
    rules_state_free(&state);
    snprintf(file, sizeof(file), "%s/switch.json.new", dir);
    ck_assert_int_ne(access(file, F_OK), 0);
    fake_end();
}
END_TEST

START_TEST(wrong_files)
{
    write_file("{\n\"ports\": [{\"guest\": \"dom0\", \"vlan\":\n \"x\"}]}");
    ck_assert_int_eq(run_file("switch apply"), ATOLL_BAD_CONFIG);
    ck_assert_ptr_nonnull(strstr(err, "/rules.json:3: $.ports[0].vlan: it is a string; expected"));
    ck_assert_int_eq(run_file("switch apply --check"), ATOLL_BAD_CONFIG);
    write_file("{\"ports\": [{\"guest\": \"web1\"}]}");
    ck_assert_int_eq(run_file("switch apply --check"), 0);
    ck_assert_ptr_nonnull(strstr(out, ": sound: 0 bridges, 1 ports, 0 mirrors\n"));
    ck_assert_int_eq(run("switch apply /nowhere/at/all"), ATOLL_FAILURE);
    ck_assert_int_eq(run_file("switch apply --check --diff"), ATOLL_USAGE);
    ck_assert_int_eq(run("switch apply"), ATOLL_USAGE);
    ck_assert_int_eq(run("switch apply a b"), ATOLL_USAGE);
    ck_assert_int_eq(run("switch"), ATOLL_USAGE);
    ck_assert_int_eq(run("switch nonsense"), ATOLL_USAGE);
    ck_assert_int_eq(run("switch stats --interval 0"), ATOLL_USAGE);
    ck_assert_int_eq(run("switch show --service nonsense"), ATOLL_USAGE);
    ck_assert_int_eq(run("switch mirror --write x"), ATOLL_USAGE);
}
END_TEST

/* After a start: the same rules again, once; and nothing where they are in force. */
START_TEST(restored)
{
    struct report report;
    bool again;

    report_init(&report, "test", stderr, 0);
    write_file(RULES);
    fake_begin(a_switch);
    ck_assert_int_eq(rules_restore_started(&report, "switch", FAKE_DOMID, 1000, &again), 0);
    ck_assert(!again); /* dom0 keeps nothing */
    ck_assert(!rules_state_kept("switch"));
    ck_assert_int_eq(run_file("switch apply"), 0);
    ck_assert_int_eq(rules_restore_started(&report, "switch", FAKE_DOMID, 1000, &again), 0);
    ck_assert(again);
    ck_assert(rules_state_kept("switch"));
    ck_assert_uint_eq(given.applied, 2);
    {
        struct rules_state state = kept();

        given.generation = state.generation;
        strcpy(given.digest, state.digest);
        rules_state_free(&state);
    }
    ck_assert_int_eq(rules_restore_started(&report, "switch", FAKE_DOMID, 1000, &again), 0);
    ck_assert(!again);
    ck_assert_uint_eq(given.applied, 2);
    given.generation = 0;
    given.digest[0] = '\0';
    given.refuse = true;
    report.out = fopen("/dev/null", "w");
    ck_assert_int_eq(rules_restore_started(&report, "switch", FAKE_DOMID, 1000, &again),
                     ATOLL_REFUSED);
    fake_end();
    /* A state that nobody can read is not taken for none. */
    snprintf(file, sizeof(file), "%s/switch.json", dir);
    write_file("{}");
    ck_assert_int_eq(rules_restore_started(&report, "switch", FAKE_DOMID, 1000, &again),
                     ATOLL_FAILURE);
    fclose(report.out);
}
END_TEST

START_TEST(mirrors_that_cannot_be_read)
{
    fake_begin(a_switch);
    ck_assert_int_eq(run("switch mirror nonsense"), ATOLL_USAGE);
    ck_assert_str_eq(err, "atoll: switch mirror: there is no mirror nonsense; there are ids, "
                          "other\n");
    ck_assert_int_eq(run("switch mirror ids"), ATOLL_REFUSED);
    ck_assert_ptr_nonnull(strstr(err, "somebody reads it already"));
    ck_assert_int_eq(run("switch mirror other"), ATOLL_REFUSED);
    ck_assert_ptr_nonnull(strstr(err, "domain 9 may read it"));
    fake_end();
}
END_TEST

static const struct {
    struct mirror_hello hello;
    struct mirror_lost lost;
    struct mirror_frame_record frame;
    char bytes[16];
} raw = {
    .hello = {.record = {.length = sizeof(raw.hello), .kind = MIRROR_HELLO},
              .version = MIRROR_VERSION,
              .snap = 96},
    .lost = {.record = {.length = sizeof(raw.lost), .kind = MIRROR_LOST}, .frames = 12},
    .frame = {.record = {.length = sizeof(raw.frame) + 16, .kind = MIRROR_FRAME},
              .original = 60,
              .captured = 16},
    .bytes = "0123456789abcde",
};

/* To a file, until the switch ends it; what was lost is told. */
START_TEST(mirror_that_is_read)
{
    struct stat st;
    char *at;

    fake_begin(a_switch);
    fake.raw = &raw;
    fake.raw_length = sizeof(raw);
    ck_assert_int_eq(run_file("switch mirror ids -w"), ATOLL_FAILURE);
    at = strstr(err, "the switch has ended the mirror");
    ck_assert_msg(at != NULL, "%s", err);
    ck_assert_ptr_nonnull(strstr(err, "12 frames were lost"));
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_gt(st.st_size, 150);
    fake_end();
}
END_TEST

/* `tcpdump -c 1` has seen enough: that is no failure. */
START_TEST(mirror_into_a_closed_pipe)
{
    char *argv[] = {(char[]){"switch"}, (char[]){"mirror"}, (char[]){"ids"}, NULL};
    int ends[2], saved, rc;

    fake_begin(a_switch);
    fake.raw = &raw;
    fake.raw_length = sizeof(raw);
    fflush(stdout);
    saved = dup(1);
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    dup2(ends[1], 1);
    close(ends[1]);
    rc = switch_main(3, argv);
    fflush(stdout);
    dup2(saved, 1);
    close(saved);
    ck_assert_int_eq(rc, 0);
    fake_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("switch_output");
    TCase *tc = tcase_create("switch_output");
    SRunner *runner;
    int failed;

    setenv("ATOLL_CONFIG", "/dev/null", 1);
    setenv("NO_COLOR", "1", 1);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, shows, 0, (int)(sizeof(shown) / sizeof(shown[0])));
    tcase_add_test(tc, applies);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, wrong_files);
    tcase_add_test(tc, restored);
    tcase_add_test(tc, mirrors_that_cannot_be_read);
    tcase_add_test(tc, mirror_that_is_read);
    tcase_add_test(tc, mirror_into_a_closed_pipe);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
