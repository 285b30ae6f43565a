/* SPDX-License-Identifier: ISC */
/** @file atoll.conf: what is read, and errors that name file, line, key and what is expected. */
#include "config.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct config config;
static struct report report;
static char said[2048];

/* Read text of @length bytes as the file f; what was said goes to said[]. */
static int parse_bytes(const char *text, size_t length)
{
    FILE *out = fmemopen(said, sizeof(said), "w");
    int rc;

    memset(said, 0, sizeof(said));
    report_init(&report, "test", out, 0);
    rc = config_parse(&report, "f", text, length, &config);
    fclose(out);
    return rc;
}

static int parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void teardown(void)
{
    config_free(&config);
}

/* @text is refused; the one line that is said begins as @start has it. */
static void refused(const char *text, const char *start)
{
    char whole[256];

    snprintf(whole, sizeof(whole), "atoll: test: f:%s", start);
    ck_assert_msg(parse(text) == ATOLL_BAD_CONFIG, "taken: %s", text);
    ck_assert_msg(strncmp(said, whole, strlen(whole)) == 0, "\"%s\" is not as \"%s\"", said, whole);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    config_free(&config);
}

START_TEST(defaults)
{
    const struct service_settings *s;

    ck_assert_int_eq(parse(""), 0);
    ck_assert_uint_eq(config.count, 3);
    s = config_find(&config, "xenstored");
    ck_assert_ptr_nonnull(s);
    ck_assert_ptr_nonnull(strstr(s->kernel, "/atoll/xenstored.elf"));
    ck_assert_uint_eq(s->memory_mb, 8);
    ck_assert_uint_eq(s->journal_kib, 2048);
    ck_assert_uint_eq(s->timeout_s, 10);
    ck_assert_uint_eq(s->watchdog_s, 5);
    ck_assert_uint_eq(s->recover, 10);
    ck_assert_uint_eq(s->crash_reports, 10);
    ck_assert_uint_eq(s->domid, 0);
    ck_assert(s->store_domain && !s->has_cpus && !s->flask && !s->cmdline);
    s = config_find(&config, "switch");
    ck_assert_ptr_nonnull(strstr(s->kernel, "/atoll/netback-switch.elf"));
    ck_assert(!s->store_domain);
    s = config_find(&config, "monitor");
    ck_assert_ptr_nonnull(strstr(s->kernel, "/atoll/monitor.elf"));
    ck_assert_uint_eq(s->memory_mb, 32);
    ck_assert_uint_eq(s->journal_kib, 0);
    ck_assert_ptr_null(config_find(&config, "moni"));
}
END_TEST

START_TEST(everything_given)
{
    const struct service_settings *s;

    ck_assert_int_eq(parse("# a comment\r\n"
                           "; another\n"
                           "\t[hello.1] # behind\n"
                           "kernel = /lib/hello.elf ; behind\n"
                           "memory=16\n"
                           "  domid = 5\n"
                           "flask-label = system_u:system_r:domU_t\n"
                           "cmdline = log=64 clients=8\n"
                           "cpus = 0-3,^2\n"
                           "weight = 65535\n"
                           "timeout = 3600\n"
                           "watchdog = 3600\n"
                           "recover = 0\n"
                           "crash-reports = 100\n"
                           "journal = 64\n"
                           "summary = says hello\n"
                           "[monitor]\n"
                           "watchdog = 0\n"
                           "memory = 2048"),
                     0);
    ck_assert_uint_eq(config.count, 4);
    s = config_find(&config, "hello.1");
    ck_assert_ptr_nonnull(s);
    ck_assert_str_eq(s->kernel, "/lib/hello.elf");
    ck_assert_uint_eq(s->memory_mb, 16);
    ck_assert_uint_eq(s->domid, 5);
    ck_assert_str_eq(s->flask, "system_u:system_r:domU_t");
    ck_assert_str_eq(s->cmdline, "log=64 clients=8");
    ck_assert(s->has_cpus);
    ck_assert_uint_eq(s->cpus[0], 0xb);
    ck_assert_uint_eq(s->weight, 65535);
    ck_assert_uint_eq(s->timeout_s, 3600);
    ck_assert_uint_eq(s->watchdog_s, 3600);
    ck_assert_uint_eq(s->recover, 0);
    ck_assert_uint_eq(s->crash_reports, 100);
    ck_assert_uint_eq(s->journal_kib, 64);
    ck_assert_str_eq(s->summary, "says hello");
    ck_assert(!s->store_domain);
    ck_assert_uint_eq(config_find(&config, "monitor")->memory_mb, 2048);
    ck_assert_uint_eq(config_find(&config, "monitor")->watchdog_s, 0);
}
END_TEST

START_TEST(byte_order_mark)
{
    ck_assert_int_eq(parse("\xef\xbb\xbf[monitor]\nmemory = 9\n"), 0);
    ck_assert_uint_eq(config_find(&config, "monitor")->memory_mb, 9);
}
END_TEST

START_TEST(errors_name_line_and_key)
{
    refused("[switch]\nmemroy = 8\n", "2: memroy: there is no such key; expected kernel, memory");
    refused("memory = 8\n", "1: memory: it stands before the first section");
    refused("[switch]\n\nmemory = 8M\n", "3: memory: \"8M\" will not do; expected 1 to 2048");
    refused("[switch]\nmemory = 2049\n", "2: memory:");
    refused("[switch]\nmemory = 0\n", "2: memory:");
    refused("[switch]\nmemory =\n", "2: memory:");
    refused("[switch]\njournal = 60\n", "2: journal: \"60\" will not do; expected 0 or 64");
    refused("[switch]\njournal = 66\n", "2: journal:");
    refused("[switch]\njournal = 65540\n", "2: journal:");
    refused("[switch]\ndomid = 0\n", "2: domid:");
    refused("[switch]\ndomid = 32752\n", "2: domid:");
    refused("[switch]\ncpus = 3-1\n", "2: cpus: \"3-1\" will not do; expected a list");
    refused("[switch]\ncpus = 256\n", "2: cpus:");
    refused("[switch]\nweight = 0\n", "2: weight: \"0\" will not do; expected 1 to 65535");
    refused("[switch]\nweight = 65536\n", "2: weight:");
    refused("[switch]\ntimeout = 3601\n", "2: timeout:");
    refused("[switch]\nwatchdog = 1\n", "2: watchdog: \"1\" will not do; expected 2 to 3600");
    refused("[switch]\nwatchdog = 3601\n", "2: watchdog:");
    refused("[switch]\nrecover = 1001\n", "2: recover:");
    refused("[switch]\ncrash-reports = 101\n", "2: crash-reports:");
    refused("[switch]\nkernel = relative.elf\n", "2: kernel: \"relative.elf\"");
    refused("[switch]\nflask-label = a b\n", "2: flask-label:");
    refused("[switch]\ncmdline = \xc3\xa4\n", "2: cmdline:");
    refused("[switch]\nMemory = 8\n", "2: Memory: there is no such key");
}
END_TEST

START_TEST(twice)
{
    refused("[switch]\nmemory = 8\n# x\nmemory = 8\n", "4: memory: it is in line 2 already");
    refused("[switch]\n[monitor]\n[switch]\n", "3: section: [switch] is in line 1 already");
    refused("[switch]\ndomid = 5\n[monitor]\ndomid = 5\n", "4: domid: 5 is that of [switch]");
}
END_TEST

START_TEST(an_indented_line_is_no_continuation)
{
    refused("[switch]\ncmdline = a\n  b\n", "3: this is no line of such a file");
    ck_assert_int_eq(parse("[switch]\ncmdline = a\n\tmemory = 9\n"), 0);
    ck_assert_str_eq(config_find(&config, "switch")->cmdline, "a");
}
END_TEST

START_TEST(sections)
{
    refused("[switch\n", "1: section: there is no ]");
    refused("[switch] x\n", "1: section: there is more behind the ]");
    refused("[]\n", "1: section: [] is no service's name");
    refused("[../x]\n", "1: section: [../x] is no");
    refused("[-x]\n", "1: section: [-x] is no");
    refused("[a b]\n", "1: section: [a b] is no");
    refused("[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n", "1: section: [aaa");
    ck_assert_int_eq(parse("[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\nkernel = /x\n"), 0);
}
END_TEST

START_TEST(own_service_needs_a_kernel)
{
    refused("[switch]\n[hello]\nmemory = 3\n", "2: kernel: missing; [hello]");
}
END_TEST

START_TEST(no_lines)
{
    refused("[switch]\nmemory\n", "2: this is no line of such a file; expected KEY = VALUE");
    refused("x\n[switch]\nmemory = x\n", "1: this is no line");
    refused("[switch]\nmemory = x\ny\n", "2: memory:");
    refused("[switch]\nmem\x1b[2Jory = 8\n", "2: byte 4 of the line is 0x1b; expected text");
    ck_assert_int_eq(parse_bytes("[switch]\nmemory = 8\0 9\n", 25), ATOLL_BAD_CONFIG);
    ck_assert_ptr_nonnull(strstr(said, "f:2: byte 11 of the line is 0; expected text"));
}
END_TEST

START_TEST(long_line)
{
    char text[600] = "[switch]\ncmdline = ";
    const size_t start = strlen(text);

    memset(text + start, 'x', 300);
    refused(text, "2: the line has 310 characters; expected at most 198");
    text[start + 198 - 10] = '\0';
    ck_assert_int_eq(parse(text), 0);
    ck_assert_uint_eq(strlen(config_find(&config, "switch")->cmdline), 188);
}
END_TEST

START_TEST(too_many)
{
    char text[4096] = "";
    size_t used = 0;

    for (unsigned i = 3; i < CONFIG_SERVICES_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "[s%u]\nkernel=/x\n", i);
    ck_assert_int_eq(parse(text), 0);
    ck_assert_uint_eq(config.count, CONFIG_SERVICES_MAX);
    config_free(&config);
    snprintf(text + used, sizeof(text) - used, "[more]\nkernel=/x\n");
    refused(text, "59: section: [more] is one service too many; expected at most 32");
}
END_TEST

START_TEST(files)
{
    static const char content[] = "[switch]\nmemory = 3\n";
    char path[] = "/tmp/test-config-XXXXXX", *large = calloc(1, CONFIG_FILE_MAX + 1);
    const int fd = mkstemp(path);
    FILE *out = fmemopen(said, sizeof(said), "w");

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    report_init(&report, "test", out, 0);
    ck_assert_int_eq(config_read(&report, path, &config), 0);
    ck_assert_uint_eq(config_find(&config, "switch")->memory_mb, 3);
    ck_assert_str_eq(config.path, path);
    config_free(&config);
    /* By the environment. */
    ck_assert_int_eq(setenv(CONFIG_VARIABLE, path, 1), 0);
    ck_assert_int_eq(config_read(&report, NULL, &config), 0);
    ck_assert_uint_eq(config_find(&config, "switch")->memory_mb, 3);
    config_free(&config);
    /* Too large, and not there although it was asked for. */
    memset(large, '#', CONFIG_FILE_MAX + 1);
    ck_assert_int_eq(pwrite(fd, large, CONFIG_FILE_MAX + 1, 0), CONFIG_FILE_MAX + 1);
    ck_assert_int_eq(config_read(&report, path, &config), ATOLL_BAD_CONFIG);
    config_free(&config);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(config_read(&report, NULL, &config), ATOLL_BAD_CONFIG);
    config_free(&config);
    ck_assert_int_eq(config_read(&report, "/", &config), ATOLL_BAD_CONFIG);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(said, "more than 65536 bytes"));
    ck_assert_ptr_nonnull(strstr(said, "No such file"));
    ck_assert_ptr_nonnull(strstr(said, "Is a directory"));
    close(fd);
    free(large);
}
END_TEST

START_TEST(unknown_service)
{
    const struct service_settings *s;
    FILE *out = fmemopen(said, sizeof(said), "w");

    ck_assert_int_eq(parse("[hello]\nkernel = /x\n"), 0);
    report_init(&report, "stop x", out, 0);
    ck_assert_int_eq(config_require(&report, &config, "hello", &s), 0);
    ck_assert_str_eq(s->kernel, "/x");
    ck_assert_int_eq(config_require(&report, &config, "x", &s), ATOLL_USAGE);
    fclose(out);
    ck_assert_str_eq(said, "atoll: stop x: there is no service x; there are xenstored, switch, "
                           "monitor, hello\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tc = tcase_create("config");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, defaults);
    tcase_add_test(tc, everything_given);
    tcase_add_test(tc, byte_order_mark);
    tcase_add_test(tc, errors_name_line_and_key);
    tcase_add_test(tc, twice);
    tcase_add_test(tc, an_indented_line_is_no_continuation);
    tcase_add_test(tc, sections);
    tcase_add_test(tc, own_service_needs_a_kernel);
    tcase_add_test(tc, no_lines);
    tcase_add_test(tc, long_line);
    tcase_add_test(tc, too_many);
    tcase_add_test(tc, files);
    tcase_add_test(tc, unknown_service);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
