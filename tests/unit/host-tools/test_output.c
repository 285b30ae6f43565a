/* SPDX-License-Identifier: ISC */
/** @file What commands print: tables, units, and other people's text made harmless. */
#include "output.h"
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *said;
static size_t said_len;
static FILE *out;

static void begin(void)
{
    out = open_memstream(&said, &said_len);
}

static const char *end(void)
{
    fclose(out);
    return said;
}

/* Nothing but printable ASCII and line ends: what a terminal prints and never obeys. */
static void assert_harmless(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ck_assert_msg(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'),
                      "byte 0x%02x at %zu of: %s", (unsigned char)text[i], i, text);
}

START_TEST(table_aligns)
{
    static const char *const columns[] = {"Name", ">Nodes", "State", NULL};
    struct table *t = table_create(columns);

    table_cell(t, TINT_NONE, "%s", "a");
    table_cell(t, TINT_GOOD, "%d", 12345678);
    table_cell(t, TINT_NONE, "runs");
    table_cell(t, TINT_NONE, "a-long-name");
    table_cell(t, TINT_NONE, "%d", 1);
    table_cell(t, TINT_BAD, "crashed");
    begin();
    table_print(t, out, "nothing");
    ck_assert_str_eq(end(), "Name            Nodes  State\n"
                            "a            12345678  runs\n"
                            "a-long-name         1  crashed\n");
    free(said);
}
END_TEST

/* A cell far wider than any terminal widens its column and nothing else. */
START_TEST(table_wide)
{
    static const char *const columns[] = {"A", "B", NULL};
    struct table *t = table_create(columns);
    char wide[3001];

    memset(wide, 'w', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    table_cell(t, TINT_NONE, "%s", wide);
    table_cell(t, TINT_NONE, "x");
    for (int i = 0; i < 500; i++) {
        table_cell(t, TINT_NONE, "y");
        table_cell(t, TINT_NONE, "z");
    }
    begin();
    table_print(t, out, "nothing");
    end();
    ck_assert_uint_eq(said_len, 502 * 3004);
    ck_assert_ptr_eq(strstr(said, "w  x\n"), said + 3004 + 2999);
    free(said);
}
END_TEST

START_TEST(table_empty)
{
    static const char *const columns[] = {"A", "B", NULL};
    struct table *t = table_create(columns);

    begin();
    table_print(t, out, "no domains");
    ck_assert_str_eq(end(), "no domains\n");
    free(said);
    /* A row that was begun and not completed is no row. */
    t = table_create(columns);
    table_cell(t, TINT_NONE, "half");
    begin();
    table_print(t, out, "no domains");
    ck_assert_str_eq(end(), "no domains\n");
    free(said);
    t = table_create(columns);
    table_cell(t, TINT_NONE, "a");
    table_cell(t, TINT_NONE, "b");
    table_cell(t, TINT_NONE, "c");
    begin();
    table_print(t, out, "no domains");
    ck_assert_str_eq(end(), "A  B\na  b\n");
    free(said);
}
END_TEST

START_TEST(table_hostile)
{
    static const char *const columns[] = {"A", NULL};
    struct table *t = table_create(columns);

    table_cell(t, TINT_NONE, "%s",
               "\033]0;title\007\033[2J\r\n\xc2\x9b"
               "31m");
    begin();
    table_print(t, out, "nothing");
    end();
    assert_harmless(said, said_len);
    ck_assert_str_eq(said, "A\n\\x1b]0;title\\x07\\x1b[2J\\x0d\\x0a\\xc2\\x9b31m\n");
    free(said);
}
END_TEST

START_TEST(escapes_every_byte)
{
    char all[256];

    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    begin();
    output_escape(out, all, sizeof(all));
    end();
    assert_harmless(said, said_len);
    ck_assert_uint_eq(said_len, 94 + 2 + (256 - 95) * 4);
    ck_assert_ptr_nonnull(strstr(said, "[\\\\]"));
    ck_assert_ptr_eq(strstr(said, "\\x00\\x01"), said);
    free(said);
}
END_TEST

START_TEST(durations)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {0, "0 ns"},
        {999, "999 ns"},
        {12345, "12.3 us"},
        {999999999, "999.9 ms"},
        {UINT64_C(12345678901), "12.3 s"},
        {UINT64_C(59999999999), "59.9 s"},
        {UINT64_C(60000000000), "00:01:00"},
        {UINT64_C(14706000000000), "04:05:06"},
        {UINT64_C(86400000000000), "1 day 00:00"},
        {UINT64_C(273900000000000), "3 days 04:05"},
        {UINT64_MAX, "213503 days 23:34"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];

        ck_assert_str_eq(output_duration(cases[i].ns, text, sizeof(text)), cases[i].text);
    }
}
END_TEST

START_TEST(sizes)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {1536 * 1024, "1.5 MiB"},
        {1024 * 1024 - 1, "1023.9 KiB"},
        {UINT64_C(8) << 30, "8.0 GiB"},
        {UINT64_MAX, "15.9 EiB"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];

        ck_assert_str_eq(output_bytes(cases[i].bytes, text, sizeof(text)), cases[i].text);
    }
}
END_TEST

START_TEST(times)
{
    char text[64];

    setenv("TZ", "NZST-12", 1);
    ck_assert_str_eq(output_time(UINT64_C(1795342272345678901), text, sizeof(text)),
                     "2026-11-22T10:11:12.345Z");
    ck_assert_str_eq(output_time(0, text, sizeof(text)), "1970-01-01T00:00:00.000Z");
    ck_assert_str_eq(output_time(UINT64_MAX, text, sizeof(text)), "2554-07-21T23:34:33.709Z");
}
END_TEST

/* Colour is for terminals that have it, and for people who want it. */
START_TEST(colour)
{
    FILE *terminal, *file = tmpfile();
    int fd = posix_openpt(O_RDWR | O_NOCTTY);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(unlockpt(fd), 0);
    terminal = fopen(ptsname(fd), "w");
    ck_assert_ptr_nonnull(terminal);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    ck_assert(output_colour(terminal));
    ck_assert(!output_colour(file));
    setenv("NO_COLOR", "1", 1);
    ck_assert(!output_colour(terminal));
    setenv("NO_COLOR", "", 1);
    ck_assert(output_colour(terminal));
    setenv("TERM", "dumb", 1);
    ck_assert(!output_colour(terminal));
    unsetenv("TERM");
    ck_assert(!output_colour(terminal));
    fclose(terminal);
    fclose(file);
    close(fd);
}
END_TEST

START_TEST(json_is_ascii)
{
    begin();
    output_json(out, json_string("\x01\x7f\xc2\x9b\xe2\x80\xae"), false);
    end();
    assert_harmless(said, said_len);
    ck_assert_str_eq(said, "\"\\u0001\\u007F\\u009B\\u202E\"\n");
    free(said);
    begin();
    output_json(out, output_json_bytes("\xff\\a", 3), false);
    ck_assert_str_eq(end(), "\"\\\\xff\\\\\\\\a\"\n");
    free(said);
    begin();
    output_json(out, output_json_number(UINT64_MAX), false);
    ck_assert_str_eq(end(), "1.8446744073709552e19\n");
    free(said);
}
END_TEST

/* A message with each kind of value: what scripts see of it. */
START_TEST(fields_as_json)
{
    struct control_writer writer;
    struct control_reader reader;
    uint8_t frame[512];
    size_t length;

    control_begin(&writer, frame, sizeof(frame), CONTROL_T_STATS, CONTROL_ITEM, 1);
    control_put_number(&writer, CONTROL_F_DOMID, 7);
    control_put_string(&writer, CONTROL_F_TEXT, "gr\xc3\xbc\xc3\x9f\033[2J");
    control_put_string(&writer, CONTROL_F_NAME, "\xff\xfe");
    control_put_bytes(&writer, CONTROL_F_DATA, "a\0\\", 3);
    control_put_number(&writer, CONTROL_F_TYPE, 1);
    control_put_number(&writer, CONTROL_F_TYPE, 2);
    control_put_number(&writer, CONTROL_F_TYPE, 3);
    control_put_number(&writer, 0x1fff, 9); /* of a newer version */
    control_open_group(&writer, CONTROL_F_STATISTIC);
    control_put_string(&writer, CONTROL_F_NAME, "frames");
    control_put_number(&writer, CONTROL_F_VALUE, UINT64_MAX);
    control_close_group(&writer);
    length = control_end(&writer);
    ck_assert(!writer.full && control_check(frame, length));
    control_read(&reader, frame, length);
    begin();
    output_json(out, output_fields(&reader), false);
    end();
    assert_harmless(said, said_len);
    ck_assert_str_eq(said,
                     "{\"domid\":7,\"text\":\"gr\\u00FC\\u00DF\\u001B[2J\","
                     "\"name\":\"\\\\xff\\\\xfe\",\"data\":\"a\\\\x00\\\\\\\\\","
                     "\"type\":[1,2,3],"
                     "\"statistic\":{\"name\":\"frames\",\"value\":1.8446744073709552e19}}\n");
    free(said);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("output");
    TCase *tc = tcase_create("output");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, table_aligns);
    tcase_add_test(tc, table_wide);
    tcase_add_test(tc, table_empty);
    tcase_add_test(tc, table_hostile);
    tcase_add_test(tc, escapes_every_byte);
    tcase_add_test(tc, durations);
    tcase_add_test(tc, sizes);
    tcase_add_test(tc, times);
    tcase_add_test(tc, colour);
    tcase_add_test(tc, json_is_ascii);
    tcase_add_test(tc, fields_as_json);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
