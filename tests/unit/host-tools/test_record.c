/* SPDX-License-Identifier: ISC */
/** @file The record of a service's domain: written whole, read with suspicion. */
#include "record.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], why[512];

static const struct record whole = {
    .service = "monitor",
    .domid = 7,
    .handle = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54,
               0x32, 0x10},
    .started = 1795000000,
    .memory_mb = 8,
    .console_gfn = 0xfefff,
    .console_port = 1,
    .store_port = 2,
    .kernel = "/usr/lib/atoll/monitor \"x\\y\".elf",
    .cmdline = "log=64",
    .journal_gfn = 0x1234,
    .journal_pages = 512,
    .state_version = 3,
    .predecessor = {9, 8, 7},
    .taken = true,
    .image = "/run/atoll/monitor.elf",
};

static void setup(void)
{
    strcpy(dir, "/tmp/test-record-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    strcat(dir, "/deep");
}

static void teardown(void)
{
    char command[96];

    *strrchr(dir, '/') = '\0';
    snprintf(command, sizeof(command), "rm -r %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static void same(const struct record *a, const struct record *b)
{
    ck_assert_str_eq(a->service, b->service);
    ck_assert_uint_eq(a->domid, b->domid);
    ck_assert_mem_eq(a->handle, b->handle, 16);
    ck_assert_uint_eq(a->started, b->started);
    ck_assert_uint_eq(a->memory_mb, b->memory_mb);
    ck_assert_uint_eq(a->console_gfn, b->console_gfn);
    ck_assert_uint_eq(a->console_port, b->console_port);
    ck_assert_uint_eq(a->store_port, b->store_port);
    ck_assert_str_eq(a->kernel, b->kernel);
    ck_assert_str_eq(a->cmdline, b->cmdline);
    ck_assert_uint_eq(a->journal_gfn, b->journal_gfn);
    ck_assert_uint_eq(a->journal_pages, b->journal_pages);
    ck_assert_uint_eq(a->state_version, b->state_version);
    ck_assert_mem_eq(a->predecessor, b->predecessor, 16);
    ck_assert(a->taken == b->taken);
    ck_assert_str_eq(a->image, b->image);
}

START_TEST(there_and_back)
{
    char *text = record_format(&whole);
    struct record read;

    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_nonnull(strstr(text, "\"01234567-89ab-cdef-fedc-ba9876543210\""));
    ck_assert_int_eq(record_parse(text, strlen(text), &read, why, sizeof(why)), 0);
    same(&read, &whole);
    free(text);
}
END_TEST

/* As the first version wrote it. */
static const char good[] =
    "{\"service\":\"m\",\"domid\":7,\"uuid\":\"01234567-89ab-cdef-fedc-ba9876543210\","
    "\"started\":1,\"memory\":8,\"console-frame\":9,\"console-port\":1,\"store-port\":2,"
    "\"kernel\":\"/k\",\"cmdline\":\"\"}";

/* The good text with @from replaced by @to is refused, and @member is named. */
static void refused(const char *from, const char *to, const char *member)
{
    char text[1024];
    const char *at = strstr(good, from);
    struct record record;

    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    ck_assert_msg(record_parse(text, strlen(text), &record, why, sizeof(why)) == -EINVAL,
                  "taken: %s", text);
    ck_assert_msg(strstr(why, member) != NULL, "\"%s\" does not name %s", why, member);
    ck_assert_uint_eq(record.domid, 0);
    ck_assert_str_eq(record.service, "");
}

START_TEST(hostile_members)
{
    char long_name[64];
    struct record record;

    ck_assert_int_eq(record_parse(good, strlen(good), &record, why, sizeof(why)), 0);
    refused("\"m\"", "\"../m\"", "service");
    refused("\"m\"", "\"\"", "service");
    refused("\"m\"", "7", "service");
    refused("\"m\"", "\"m\\u0000x\"", "line 1");
    refused("\"m\"", "\"m\\u001b[2J\"", "service");
    memset(long_name, 'a', 34);
    strcpy(long_name + 34, "\"");
    long_name[0] = '"';
    refused("\"m\"", long_name, "service");
    refused(":7", ":-1", "domid");
    refused(":7", ":32752", "domid");
    refused(":7", ":7.5", "domid");
    refused(":7", ":\"7\"", "domid");
    refused("\"domid\":7,", "", "domid");
    refused("\"domid\":7,", "\"domid\":7,\"domid\":8,", "line 1");
    refused("01234567-", "01234567x", "uuid");
    refused("01234567-", "+1234567-", "uuid");
    refused("cdef-", "CDEF-", "uuid");
    refused("10\"", "1\"", "uuid");
    refused("\"started\":1", "\"started\":-1", "started");
    refused("\"memory\":8", "\"memory\":2049", "memory");
    refused(":9", ":99999999999999999999", "line 1");
    refused("\"console-port\":1", "\"console-port\":4294967296", "console-port");
    refused("\"/k\"", "null", "kernel");
    refused("\"/k\"", "\"/k\\u001b[2J\"", "kernel");
    refused("\"console-frame\":9", "\"console-frame\":-9", "console-frame");
    refused("\"cmdline\":\"\"", "\"cmdline\":[]", "cmdline");
}
END_TEST

/* What version 2 has more; a version of later is not guessed at. */
START_TEST(versions)
{
    static const char *const wrong[][2] = {
        {"\"version\": 2", "\"version\": 3"},
        {"\"version\": 2", "\"version\": \"2\""},
        {"\"journal-pages\": 512", "\"journal-pages\": 65537"},
        {"\"journal-frame\": 4660", "\"journal-frame\": -1"},
        {"\"state-version\": 3", "\"state-version\": 4294967296"},
        {"\"taken\": true", "\"taken\": 1"},
        {"\"predecessor\": \"0908", "\"predecessor\": \"x908"},
        {"\"image\": \"/run", "\"image\": \"\\u001b"},
        {"\"image\"", "\"imagine\""},
    };
    char *text = record_format(&whole), changed[2048];
    struct record record;

    ck_assert_int_eq(record_parse(good, strlen(good), &record, why, sizeof(why)), 0);
    ck_assert_uint_eq(record.journal_pages, 0);
    ck_assert(!record.taken);
    ck_assert_str_eq(record.image, "");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *at = strstr(text, wrong[i][0]);

        ck_assert_msg(at != NULL, "no %s in %s", wrong[i][0], text);
        snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, wrong[i][1],
                 at + strlen(wrong[i][0]));
        ck_assert_msg(record_parse(changed, strlen(changed), &record, why, sizeof(why)) == -EINVAL,
                      "taken: %s", wrong[i][1]);
    }
    free(text);
}
END_TEST

START_TEST(no_json)
{
    static const char *const texts[] = {"", "{", "[]", "7", "{\"service\":", "\xff\xfe", "{}x"};
    struct record record;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(record_parse(texts[i], strlen(texts[i]), &record, why, sizeof(why)) ==
                          -EINVAL,
                      "taken: %s", texts[i]);
    for (size_t length = 0; length < strlen(good); length++)
        ck_assert_int_eq(record_parse(good, length, &record, why, sizeof(why)), -EINVAL);
}
END_TEST

START_TEST(written_and_read)
{
    struct record read, other = whole;
    struct report report;
    char path[128];
    struct stat st;

    report_init(&report, "test", stderr, 0);
    ck_assert_int_eq(record_read_in(dir, "monitor", &read, why, sizeof(why)), 0);
    ck_assert_int_eq(record_write_in(&report, dir, &whole), 0);
    ck_assert_int_eq(record_read_in(dir, "monitor", &read, why, sizeof(why)), 1);
    same(&read, &whole);
    other.domid = 8;
    ck_assert_int_eq(record_write_in(&report, dir, &other), 0);
    ck_assert_int_eq(record_read_in(dir, "monitor", &read, why, sizeof(why)), 1);
    same(&read, &other);
    /* What a write that was killed has left is in nobody's way. */
    snprintf(path, sizeof(path), "%s/monitor.json.new", dir);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    ck_assert_int_eq(record_write_in(&report, dir, &whole), 0);
    ck_assert_int_eq(lstat(path, &st), -1);
    ck_assert_int_eq(record_read_in(dir, "monitor", &read, why, sizeof(why)), 1);
    same(&read, &whole);
}
END_TEST

START_TEST(cannot_be_written)
{
    struct report report;
    char said[512] = "";
    FILE *out = fmemopen(said, sizeof(said), "w");

    report_init(&report, "start monitor", out, 0);
    ck_assert_int_eq(record_write_in(&report, "/dev/null/x", &whole), ATOLL_FAILURE);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(said, "/dev/null/x/monitor.json (Not a directory)"));
}
END_TEST

START_TEST(no_files_to_trust)
{
    struct record read;
    struct report report;
    char path[128], large[RECORD_SIZE_MAX + 1];
    FILE *f;

    report_init(&report, "test", stderr, 0);
    ck_assert_int_eq(record_write_in(&report, dir, &whole), 0);
    snprintf(path, sizeof(path), "%s/link.json", dir);
    ck_assert_int_eq(symlink("monitor.json", path), 0);
    ck_assert_int_eq(record_read_in(dir, "link", &read, why, sizeof(why)), -ELOOP);
    snprintf(path, sizeof(path), "%s/folder.json", dir);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    ck_assert_int_eq(record_read_in(dir, "folder", &read, why, sizeof(why)), -EINVAL);
    snprintf(path, sizeof(path), "%s/fifo.json", dir);
    ck_assert_int_eq(mkfifo(path, 0644), 0);
    ck_assert_int_eq(record_read_in(dir, "fifo", &read, why, sizeof(why)), -EINVAL);
    snprintf(path, sizeof(path), "%s/large.json", dir);
    memset(large, ' ', sizeof(large));
    memcpy(large, good, strlen(good));
    f = fopen(path, "w");
    ck_assert_uint_eq(fwrite(large, 1, sizeof(large), f), sizeof(large));
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(record_read_in(dir, "large", &read, why, sizeof(why)), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "too long"));
    /* That of another service under this one's name. */
    snprintf(path, sizeof(path), "%s/monitor.json", dir);
    snprintf(large, sizeof(large), "%s/switch.json", dir);
    ck_assert_int_eq(link(path, large), 0);
    ck_assert_int_eq(record_read_in(dir, "switch", &read, why, sizeof(why)), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "another service, monitor"));
}
END_TEST

START_TEST(listed)
{
    static const char *const files[] = {"x.json.new", ".json",
                                        "-x.json",    "a b.json",
                                        "readme",     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.json"};
    char names[4][32], path[192];
    struct record other = whole;
    struct report report;

    report_init(&report, "test", stderr, 0);
    ck_assert_uint_eq(record_list_in(dir, names, 4), 0);
    ck_assert_int_eq(record_write_in(&report, dir, &whole), 0);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        ck_assert_int_eq(mkfifo(path, 0644), 0);
    }
    ck_assert_uint_eq(record_list_in(dir, names, 4), 1);
    ck_assert_str_eq(names[0], "monitor");
    strcpy(other.service, "switch");
    ck_assert_int_eq(record_write_in(&report, dir, &other), 0);
    ck_assert_uint_eq(record_list_in(dir, names, 4), 2);
    ck_assert_uint_eq(record_list_in(dir, names, 1), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record");
    TCase *tc = tcase_create("record");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, there_and_back);
    tcase_add_test(tc, hostile_members);
    tcase_add_test(tc, no_json);
    tcase_add_test(tc, versions);
    tcase_add_test(tc, written_and_read);
    tcase_add_test(tc, cannot_be_written);
    tcase_add_test(tc, no_files_to_trust);
    tcase_add_test(tc, listed);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
