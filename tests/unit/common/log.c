/* SPDX-License-Identifier: ISC */
/* What the operator sees: on the console of a simulated domain, and of what is kept. */
#include "common/log.h"
#include "common.h"

#include <string.h>

#include "hv/sim/sim.h"

struct console {
    char text[2048];
    size_t length;
};

static void collect(void *context, struct hv *hv, const char *text, size_t length)
{
    struct console *console = context;

    ck_assert_uint_lt(console->length + length, sizeof(console->text));
    memcpy(console->text + console->length, text, length);
    console->length += length;
    console->text[console->length] = '\0';
}

static struct sim *sim;
static struct hv *hv;
static struct console console;

static void setup(void)
{
    const struct sim_domain_config config = {.domid = 1};

    console = (struct console){0};
    sim = sim_create(1);
    sim_set_console(sim, collect, &console);
    hv = sim_domain_create(sim, &config);
}

static void teardown(void)
{
    sim_destroy(sim);
}

/* What was said since the last time ends in @want. */
static void expect(const char *want)
{
    size_t length = strlen(want);

    ck_assert_uint_ge(console.length, length);
    ck_assert_str_eq(console.text + console.length - length, want);
    console.length = 0;
}

START_TEST(test_formats)
{
    log_line(hv, "domain %u: %s", 7U, "gone");
    expect("domain 7: gone\n");
    log_line(hv, "%s", "");
    expect("\n");
}
END_TEST

/* A guest's bytes end no line and move no cursor. */
START_TEST(test_hides_control_characters)
{
    log_line(hv, "a%sz", "\n\r\t\x1b[2J\x7f\x80\xff~ ");
    expect("a????[2J???~ z\n");
}
END_TEST

START_TEST(test_cuts_long_lines)
{
    char text[LOG_LINE_MAX + 50];

    for (size_t length = LOG_LINE_MAX - 3; length < sizeof(text); length++) {
        size_t shown = length < LOG_LINE_MAX ? length : LOG_LINE_MAX;
        char want[LOG_LINE_MAX + 2];

        memset(text, 'x', length);
        text[length] = '\0';
        log_line(hv, "%s", text);
        memset(want, 'x', shown);
        memcpy(want + shown, "\n", 2);
        ck_assert_uint_le(console.length, LOG_LINE_MAX + 32);
        ck_assert_uint_eq(strspn(strchr(console.text, 'x'), "x"), shown);
        expect(want);
    }
}
END_TEST

#define LOG_SIZE 4096U

static _Alignas(8) unsigned char memory[LOG_SIZE + 64];
static struct log *kept;

/* A log in @size bytes, with a mark behind them. */
static void make_log(size_t size)
{
    memset(memory, 0xa5, sizeof(memory));
    kept = log_create(hv, memory, size);
    ck_assert_ptr_eq(kept, memory);
}

static void check_mark(size_t size)
{
    for (size_t i = size; i < sizeof(memory); i++)
        ck_assert_uint_eq(memory[i], 0xa5);
}

static void expect_entry(uint64_t from, uint64_t sequence, enum log_level level, const char *text)
{
    struct log_entry entry;

    ck_assert(log_read(kept, from, &entry));
    ck_assert_uint_eq(entry.sequence, sequence);
    ck_assert_int_eq(entry.level, level);
    ck_assert_uint_eq(entry.length, strlen(text));
    ck_assert_mem_eq(entry.text, text, entry.length);
}

START_TEST(test_keeps_lines)
{
    struct log_entry entry;

    make_log(LOG_SIZE);
    ck_assert_uint_eq(log_newest(kept), 0);
    ck_assert(!log_read(kept, 0, &entry));
    ck_assert(!log_read(kept, 1, &entry));
    log_write(kept, LOG_INFO, "domain %u: %s", 7U, "here");
    expect("domain 7: here\n");
    log_write(kept, LOG_ERROR,
              "a\nb\x1b"
              "c\xff");
    expect("a?b?c?\n");
    log_write(kept, LOG_DEBUG, "%s", "");
    expect("\n");
    ck_assert_uint_eq(log_newest(kept), 3);
    expect_entry(0, 1, LOG_INFO, "domain 7: here");
    expect_entry(1, 1, LOG_INFO, "domain 7: here");
    expect_entry(2, 2, LOG_ERROR, "a?b?c?");
    expect_entry(3, 3, LOG_DEBUG, "");
    ck_assert(!log_read(kept, 4, &entry));
    ck_assert(!log_read(kept, UINT64_MAX, &entry));

    ck_assert(log_read(kept, 3, &entry));
    ck_assert_uint_eq(entry.time, hv_wallclock(hv));
    sim_run(sim, sim_now(sim) + 12345, 1);
    log_write(kept, LOG_INFO, "later");
    ck_assert(log_read(kept, 3, &entry));
    ck_assert_uint_eq(entry.time, hv_wallclock(hv) - 12345);
}
END_TEST

START_TEST(test_keeps_long_lines_cut)
{
    char text[LOG_LINE_MAX + 50];

    make_log(LOG_SIZE);
    for (size_t length = LOG_LINE_MAX - 2; length < sizeof(text); length++) {
        struct log_entry entry;

        memset(text, 'y', length);
        text[length] = '\0';
        log_write(kept, LOG_NOTICE, "%s", text);
        ck_assert(log_read(kept, log_newest(kept), &entry));
        ck_assert_uint_eq(entry.length, length < LOG_LINE_MAX ? length : LOG_LINE_MAX);
        ck_assert_uint_eq(console.length, entry.length + 1);
        ck_assert_mem_eq(console.text, text, entry.length);
        ck_assert_mem_eq(entry.text, text, entry.length);
        console.length = 0;
    }
}
END_TEST

/* The @sequence-th line of a log of lines of all lengths up to @longest. */
static void make_line(char *text, uint64_t sequence, unsigned longest)
{
    unsigned length = (unsigned)(sequence * 7919 % (longest + 1));

    for (unsigned i = 0; i < length; i++)
        text[i] = (char)('!' + (sequence + i) % 90);
    text[length] = '\0';
}

/* The oldest lines give way, as few as can be, and the others are whole. */
START_TEST(test_old_lines_give_way)
{
    static const unsigned longest[] = {0, 1, 20, 80, LOG_LINE_MAX};

    for (size_t size = LOG_SIZE; size < LOG_SIZE + 12; size += 5) {
        uint64_t oldest = 1;

        make_log(size);
        for (uint64_t sequence = 1; sequence < 400; sequence++) {
            char text[LOG_LINE_MAX + 1];
            struct log_entry entry;
            size_t bytes = 0;

            make_line(text, sequence, longest[_i]);
            log_write(kept, (enum log_level)(3 + sequence % 5), "%s", text);
            console.length = 0;
            ck_assert(log_read(kept, 0, &entry));
            ck_assert_uint_ge(entry.sequence, oldest);
            oldest = entry.sequence;
            for (uint64_t i = oldest; i <= sequence; i++) {
                make_line(text, i, longest[_i]);
                ck_assert(log_read(kept, i, &entry));
                if (entry.sequence != i || entry.length != strlen(text) ||
                    memcmp(entry.text, text, entry.length) != 0 || entry.level != 3 + i % 5)
                    ck_abort_msg("line %u of %u", (unsigned)i, (unsigned)sequence);
                bytes += entry.length;
            }
            /* Lines are few only where they are long. */
            if (oldest > 1)
                ck_assert(sequence - oldest + 1 >= (LOG_SIZE - 300) / 96 ||
                          bytes + LOG_LINE_MAX >= (LOG_SIZE - 300) * 3 / 4);
        }
        ck_assert_uint_gt(oldest, 300);
        check_mark(size);
    }
}
END_TEST

static unsigned told;

static void tell(void *context)
{
    ck_assert_ptr_eq(context, &told);
    told++;
    /* It may write itself, and is not told of that. */
    log_write(kept, LOG_DEBUG, "told %u", told);
}

START_TEST(test_tells_of_lines)
{
    told = 0;
    make_log(LOG_SIZE);
    log_set_listener(kept, tell, &told);
    log_write(kept, LOG_INFO, "one");
    ck_assert_uint_eq(told, 1);
    expect_entry(1, 1, LOG_INFO, "one");
    expect_entry(2, 2, LOG_DEBUG, "told 1");
    log_write(kept, LOG_INFO, "two");
    ck_assert_uint_eq(told, 2);
    log_set_listener(kept, NULL, NULL);
    log_write(kept, LOG_INFO, "three");
    ck_assert_uint_eq(told, 2);
    ck_assert_uint_eq(log_newest(kept), 5);
}
END_TEST

TCase *log_cases(void)
{
    TCase *cases = tcase_create("log");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_formats);
    tcase_add_test(cases, test_hides_control_characters);
    tcase_add_test(cases, test_cuts_long_lines);
    tcase_add_test(cases, test_keeps_lines);
    tcase_add_test(cases, test_keeps_long_lines_cut);
    tcase_add_loop_test(cases, test_old_lines_give_way, 0, 5);
    tcase_add_test(cases, test_tells_of_lines);
    return cases;
}
