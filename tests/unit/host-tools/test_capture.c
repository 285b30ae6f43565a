/* SPDX-License-Identifier: ISC */
/** @file `atoll capture` and atoll-extcap with a monitor that is not there. */
#include "capture.h"
#include "exit_codes.h"
#include "extcap.h"
#include "fake_capture.h"
#include "run_command.h"
#include <check.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/atoll-capture-XXXXXX", file[64];

static int ask(int (*command)(int argc, char *const argv[]), const char *line)
{
    int rc;

    fake_capture.captures = 0;
    fake_capture.program_length = 0;
    fake_begin(fake_capture_frame);
    rc = run_command(command, line);
    fake_end();
    return rc;
}

/* --- capture ------------------------------------------------------------------------------------
 */

/* What libpcap makes of what was written. */
static void check_file(unsigned frames)
{
    char error[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *data;
    struct stat status;
    pcap_t *pcap = pcap_open_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);

    ck_assert_msg(pcap != NULL, "%s", error);
    ck_assert_int_eq(pcap_datalink(pcap), DLT_EN10MB);
    for (unsigned i = 0; i < frames; i++) {
        ck_assert_int_eq(pcap_next_ex(pcap, &header, &data), 1);
        ck_assert_uint_eq((uint64_t)header->ts.tv_sec, FAKE_CAPTURE_TIME / 1000000000u + i);
        ck_assert_uint_eq((uint64_t)header->ts.tv_usec, FAKE_CAPTURE_TIME % 1000000000u);
        ck_assert_uint_eq(header->caplen, 60);
        ck_assert_uint_eq(header->len, 1514);
        ck_assert_uint_eq(data[5], i == 1 ? 2 : 1);
    }
    ck_assert_int_eq(pcap_next_ex(pcap, &header, &data), PCAP_ERROR_BREAK);
    pcap_close(pcap);
    ck_assert_int_eq(stat(file, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
}

/* The blocks of a file, as their types, and the statistics behind it. */
static const char *blocks(uint64_t received[], uint64_t lost[])
{
    static char types[64];
    static uint8_t data[8192];
    FILE *in = fopen(file, "r");
    const size_t length = fread(data, 1, sizeof(data), in);
    unsigned count = 0, statistics = 0;

    fclose(in);
    for (size_t at = 0; at < length;) {
        uint32_t type, size;

        memcpy(&type, data + at, 4);
        memcpy(&size, data + at + 4, 4);
        types[count++] = type == 0x0a0d0d0a ? 'S' : (char)('0' + type);
        if (type == 5) {
            memcpy(&received[statistics], data + at + 24, 8);
            memcpy(&lost[statistics++], data + at + 36, 8);
        }
        at += size;
    }
    types[count] = '\0';
    return types;
}

START_TEST(records_to_a_file)
{
    uint64_t received[8], lost[8];
    char line[100];

    snprintf(line, sizeof(line), "capture -w %s", file);
    ck_assert_msg(ask(capture_main, line) == 0, "%s", command_err);
    check_file(3);
    ck_assert_str_eq(blocks(received, lost), "S111666555");
    ck_assert_uint_eq(received[0], 12);
    ck_assert_uint_eq(lost[0], 12);
    ck_assert_uint_eq(received[1], 2);
    ck_assert_uint_eq(lost[1], 0);
    ck_assert_uint_eq(received[2], 1);
    ck_assert_ptr_nonnull(strstr(command_err, "12 frames were lost"));
    ck_assert_ptr_nonnull(strstr(command_err, "3 frames are in /tmp/"));
    ck_assert_uint_eq(fake_capture.domid, UINT64_MAX);
    ck_assert_uint_eq(fake_capture.program_length, 0);
}
END_TEST

/* One section; the ports of the successor are interfaces of their own. */
START_TEST(goes_on_in_the_same_file)
{
    uint64_t received[8], lost[8];
    char line[100];

    fake_capture.dies = 1;
    snprintf(line, sizeof(line), "capture -c 9 -w %s", file);
    ck_assert_msg(ask(capture_main, line) == 0, "%s", command_err);
    ck_assert_str_eq(blocks(received, lost), "S1116661166655555");
    ck_assert_uint_eq(received[3], 2);
    ck_assert_uint_eq(received[4], 1);
    ck_assert_uint_eq(fake_capture.captures, 2);
    ck_assert_uint_eq(fake_capture.limit, 6);
    ck_assert_ptr_nonnull(strstr(command_err, "monitor is gone; waiting for its successor"));
    ck_assert_ptr_nonnull(strstr(command_err, "6 frames are in /tmp/"));
}
END_TEST

START_TEST(asks_for_what_is_wanted)
{
    ck_assert_int_eq(ask(capture_main, "capture -s 96 -c 7 -w /dev/null arp"), 0);
    ck_assert_uint_eq(fake_capture.snap, 96);
    ck_assert_uint_eq(fake_capture.limit, 7);
    ck_assert_uint_eq(fake_capture.domid, UINT64_MAX);
    /* ldh [12]; jeq #0x806, 0, 1; ret #65535; ret #0 */
    ck_assert_uint_eq(fake_capture.program_length, 32);
    ck_assert_mem_eq(fake_capture.program, "\x28\0\0\0\x0c\0\0\0\x15\0\0\1\6\x08\0\0\6\0\0\0", 20);
    ck_assert_int_eq(ask(capture_main, "capture --sent --port web1/1 -w /dev/null"), 0);
    ck_assert_uint_eq(fake_capture.domid, 5);
    ck_assert_uint_eq(fake_capture.vif, 1);
    ck_assert_uint_eq(fake_capture.program_length, 0);
    ck_assert_int_eq(ask(capture_main, "capture --sent --port 6/0 -w /dev/null"), 0);
    ck_assert_uint_eq(fake_capture.domid, 6);
    ck_assert_int_eq(ask(capture_main, "capture --sent --port uplink -w /dev/null tcp port 80"), 0);
    ck_assert_uint_eq(fake_capture.domid, 0);
    ck_assert_uint_gt(fake_capture.program_length, 32);
}
END_TEST

/* Does the program that was asked for take such a frame? */
static bool passes(const char *destination, const char *source, unsigned type)
{
    struct bpf_program program = {.bf_len = (u_int)(fake_capture.program_length / 8),
                                  .bf_insns = (struct bpf_insn *)(void *)fake_capture.program};
    struct pcap_pkthdr header = {.caplen = 60, .len = 60};
    uint8_t frame[60] = {0};

    memcpy(frame, destination, 6);
    memcpy(frame + 6, source, 6);
    frame[12] = (uint8_t)(type >> 8);
    frame[13] = (uint8_t)type;
    return pcap_offline_filter(&program, &header, frame) != 0;
}

#define WEB0   "\0\x16\x3e\0\5\0"
#define WEB1   "\0\x16\x3e\0\5\1"
#define OTHER  "\0\x16\x3e\0\7\0"
#define OTHER2 "\0\x16\x3e\0\6\0"

START_TEST(asks_for_both_directions)
{
    ck_assert_int_eq(ask(capture_main, "capture --guest web1 -w /dev/null arp or ip"), 0);
    ck_assert_uint_eq(fake_capture.domid, UINT64_MAX);
    ck_assert(passes(WEB0, OTHER, 0x806));
    ck_assert(passes(OTHER, WEB0, 0x806));
    ck_assert(passes(OTHER, WEB1, 0x800));
    ck_assert(!passes(OTHER, OTHER2, 0x806));
    ck_assert(!passes(OTHER, WEB1, 0x86dd));
    ck_assert_int_eq(ask(capture_main, "capture --port web1/1 -w /dev/null"), 0);
    ck_assert(passes(OTHER, WEB1, 0x88cc));
    ck_assert(!passes(OTHER, WEB0, 0x88cc));
    ck_assert_int_eq(
        ask(capture_main, "capture --guest 4C7F0600-0000-0000-0000-000000000000 -w /dev/null"), 0);
    ck_assert(passes(OTHER2, WEB1, 0x806));
    ck_assert(!passes(OTHER, WEB1, 0x806));
    ck_assert_int_eq(
        ask(capture_main, "capture --guest 4c7f0800-0000-0000-0000-000000000000 -w /dev/null"),
        ATOLL_USAGE);
}
END_TEST

static const struct {
    const char *line, *text;
} wrong[] = {
    {"capture -w /dev/null tcp port", "atoll: capture: the filter is none: "},
    {"capture -w /dev/null tcp port 80 and and", "at \"and and\" (character 13)"},
    {"capture -w /dev/null tcp port 80 or nonsense", "unknown port 'nonsense'"},
    {"capture -s 13 -w /dev/null", "--snap takes"},
    {"capture -c 0 -w /dev/null", "--count takes"},
    {"capture --guest a --port b/0 -w /dev/null", "one of both"},
    {"capture --guest a --sent -w /dev/null", "--sent goes with --port"},
    {"capture --guest nobody -w /dev/null", "the monitor sees no guest nobody"},
    {"capture --port web1/2 -w /dev/null", "the monitor sees no port web1/2"},
    {"capture --nonsense", "no option --nonsense"},
    {"capture -w", "a value is missing after -w"},
};

START_TEST(refuses_what_is_wrong)
{
    ck_assert_int_eq(ask(capture_main, wrong[_i].line), ATOLL_USAGE);
    ck_assert_str_eq(command_out, "");
    ck_assert_msg(strstr(command_err, wrong[_i].text) != NULL, "%s", command_err);
    ck_assert_uint_eq(fake_capture.captures, 0);
}
END_TEST

START_TEST(says_what_failed)
{
    fake_capture.refuses = true;
    ck_assert_int_eq(ask(capture_main, "capture -w /dev/null arp"), ATOLL_REFUSED);
    ck_assert_ptr_nonnull(strstr(command_err, "instruction 3: unknown"));
    fake_capture.refuses = false;
    ck_assert_int_eq(ask(capture_main, "capture -w /nonexistent/file arp"), ATOLL_FAILURE);
    ck_assert_uint_eq(fake_capture.captures, 0);
    ck_assert_int_eq(ask(capture_main, "capture -w /dev/full"), ATOLL_FAILURE);
    ck_assert_ptr_nonnull(strstr(command_err, "No space left"));
    fake_capture.broken = "\x07\0\0\0\2\0\1\0";
    ck_assert_int_eq(ask(capture_main, "capture -w /dev/null"), ATOLL_FAILURE);
    ck_assert_ptr_nonnull(strstr(command_err, "what came are no frames"));
    fake_capture.broken = NULL;
}
END_TEST

/* --- extcap -------------------------------------------------------------------------------------
 */

static const struct {
    const char *line, *text;
} answers[] = {
    {"extcap --extcap-interfaces --extcap-version=4.0",
     "extcap {version=1.2.3}{display=Atoll}{help=man:atoll-extcap(1)}\n"
     "interface {value=atoll-all}{display=Atoll: all ports}\n"
     "interface {value=atoll-uplink.0.0}{display=Atoll: uplink}\n"
     "interface {value=atoll-web1.0}{display=Atoll: web1/0}\n"
     "interface {value=atoll-web1.1}{display=Atoll: web1/1}\n"
     "interface {value=atoll-6.0}{display=Atoll: d\\x1b_b_/0}\n"
     "interface {value=atoll-7.0}{display=Atoll: domain7/0}\n"},
    {"extcap --extcap-interface atoll-all --extcap-dlts",
     "dlt {number=1}{name=EN10MB}{display=Ethernet}\n"},
    {"extcap --extcap-interface atoll-all --extcap-capture-filter arp", ""},
    {"extcap --extcap-interface atoll-all --extcap-capture-filter", NULL},
};

START_TEST(answers_wireshark)
{
    const int rc = ask(extcap_main, answers[_i].line);
    char *version;

    if (!answers[_i].text) {
        ck_assert_int_eq(rc, ATOLL_USAGE);
        return;
    }
    ck_assert_int_eq(rc, 0);
    version = strstr(command_out, "{version=" ATOLL_VERSION "}");
    if (version) {
        memmove(version + 14, version + 9 + strlen(ATOLL_VERSION),
                strlen(version + 9 + strlen(ATOLL_VERSION)) + 1);
        memcpy(version + 9, "1.2.3", 5);
    }
    ck_assert_str_eq(command_out, answers[_i].text);
    ck_assert_str_eq(command_err, "");
}
END_TEST

/* What is said on standard output is what Wireshark shows as wrong. */
START_TEST(judges_filters)
{
    ck_assert_int_eq(
        ask(extcap_main, "extcap --extcap-interface atoll-all --extcap-capture-filter tcp.port"),
        0);
    ck_assert_str_ne(command_out, "");
}
END_TEST

START_TEST(captures_for_wireshark)
{
    char line[200];

    snprintf(line, sizeof(line),
             "extcap --extcap-interface atoll-web1.1 --capture --fifo %s --snap 200 "
             "--extcap-capture-filter arp",
             file);
    unlink(file);
    ck_assert_msg(ask(extcap_main, line) == 0, "%s", command_err);
    ck_assert_uint_eq(fake_capture.domid, UINT64_MAX);
    ck_assert_uint_eq(fake_capture.snap, 200);
    ck_assert(passes(OTHER, WEB1, 0x806));
    ck_assert(!passes(OTHER, WEB1, 0x800));
    ck_assert(!passes(OTHER, WEB0, 0x806));
    chmod(file, 0600);
    check_file(3);
    snprintf(line, sizeof(line),
             "extcap --extcap-interface atoll-web1.1 --capture --fifo %s --direction sent", file);
    ck_assert_int_eq(ask(extcap_main, line), 0);
    ck_assert_uint_eq(fake_capture.domid, 5);
    ck_assert_uint_eq(fake_capture.vif, 1);
    ck_assert_uint_eq(fake_capture.program_length, 0);
    snprintf(line, sizeof(line), "extcap --extcap-interface atoll-all --capture --fifo %s", file);
    ck_assert_int_eq(ask(extcap_main, line), 0);
    ck_assert_uint_eq(fake_capture.domid, UINT64_MAX);
    snprintf(line, sizeof(line), "extcap --extcap-interface atoll-web9.0 --capture --fifo %s",
             file);
    ck_assert_int_eq(ask(extcap_main, line), ATOLL_USAGE);
    ck_assert_int_eq(ask(extcap_main, "extcap --extcap-interface atoll-all --capture"),
                     ATOLL_USAGE);
}
END_TEST

/* Wireshark starts on machines without a monitor as well. */
START_TEST(is_quiet_without_a_monitor)
{
    fake_begin(fake_capture_frame);
    fake.end = "it was stopped";
    ck_assert_int_eq(run_command(extcap_main, "extcap --extcap-interfaces --service nonsense"), 0);
    ck_assert_ptr_null(strstr(command_out, "interface"));
    ck_assert_str_eq(command_err, "");
    fake_end();
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("capture");
    Suite *suite = suite_create("capture");
    SRunner *runner;
    int failed;

    if (!mkdtemp(folder))
        return EXIT_FAILURE;
    snprintf(file, sizeof(file), "%s/frames", folder);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, records_to_a_file);
    tcase_add_test(tcase, goes_on_in_the_same_file);
    tcase_add_test(tcase, asks_for_what_is_wanted);
    tcase_add_test(tcase, asks_for_both_directions);
    tcase_add_loop_test(tcase, refuses_what_is_wrong, 0, sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_test(tcase, says_what_failed);
    tcase_add_loop_test(tcase, answers_wireshark, 0, sizeof(answers) / sizeof(answers[0]));
    tcase_add_test(tcase, judges_filters);
    tcase_add_test(tcase, captures_for_wireshark);
    tcase_add_test(tcase, is_quiet_without_a_monitor);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    unlink(file);
    rmdir(folder);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
