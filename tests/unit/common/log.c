/* SPDX-License-Identifier: ISC */
/* log_line() as the operator sees it: on the console of a simulated domain. */
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

TCase *log_cases(void)
{
    TCase *cases = tcase_create("log");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_formats);
    tcase_add_test(cases, test_hides_control_characters);
    tcase_add_test(cases, test_cuts_long_lines);
    return cases;
}
