/* SPDX-License-Identifier: ISC */
/** @file `atoll alerts` with a monitor that is not there. */
#include "alerts.h"
#include "control_client.h"
#include "exit_codes.h"
#include "fake_service.h"
#include "run_command.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define T0 UINT64_C(1795342272345678901)

static uint64_t limit;
static bool followed;
static char set_name[64], logged[4096];
static uint64_t set_value;

/* In the place of the C library's. */
void openlog(const char *ident, int option, int facility)
{
    ck_assert_str_eq(ident, "atoll-alerts");
    ck_assert_int_eq(facility, LOG_DAEMON);
}

static void keep(int priority, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void keep(int priority, const char *format, va_list ap)
{
    size_t used = strlen(logged);

    used += (size_t)snprintf(logged + used, sizeof(logged) - used, "<%d>", priority);
    used += (size_t)vsnprintf(logged + used, sizeof(logged) - used, format, ap);
    snprintf(logged + used, sizeof(logged) - used, "\n");
}

void syslog(int priority, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    keep(priority, format, ap);
    va_end(ap);
}

/* With optimisation the C library's header turns syslog() into this one. */
void __syslog_chk(int priority, int flag, const char *format, ...);
void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    keep(priority, format, ap);
    va_end(ap);
}

static void put_alerts(const struct control_header *header)
{
    const uint8_t uuid[16] = {0x4c, 0x7f}, source[4] = {10, 0, 0, 5},
                  destination[16] = {0x20, 1, 0xd, 0xb8}, mac[6] = {0, 0x16, 0x3e, 1, 2, 3};
    struct control_writer *w = fake_answer(header, CONTROL_ITEM);

    control_open_group(w, CONTROL_F_ALERT);
    control_put_number(w, CONTROL_F_TIME, T0);
    control_put_string(w, CONTROL_F_KIND, "port-scan");
    control_put_number(w, CONTROL_F_LEVEL, 4);
    control_put_number(w, CONTROL_F_DOMID, 5);
    control_put_number(w, CONTROL_F_VIF, 0);
    control_put_string(w, CONTROL_F_GUEST, "web1");
    control_put_bytes(w, CONTROL_F_UUID, uuid, 16);
    control_put_bytes(w, CONTROL_F_SOURCE_ADDRESS, source, 4);
    control_put_bytes(w, CONTROL_F_DESTINATION_ADDRESS, destination, 16);
    control_put_number(w, CONTROL_F_VALUE, 120);
    control_put_number(w, CONTROL_F_THRESHOLD, 100);
    control_put_number(w, CONTROL_F_SUPPRESSED, 3);
    control_put_string(w, CONTROL_F_TEXT, "10.0.0.5 tried 120 ports of 2001:db8:: in 10 s");
    control_close_group(w);
    fake_send();
    w = fake_answer(header, CONTROL_ITEM);
    control_put_number(w, CONTROL_F_LOST, 2);
    control_open_group(w, CONTROL_F_ALERT);
    control_put_number(w, CONTROL_F_TIME, T0);
    control_put_string(w, CONTROL_F_KIND, "mac-moved");
    control_put_number(w, CONTROL_F_LEVEL, 2);
    control_put_number(w, CONTROL_F_DOMID, 7);
    control_put_number(w, CONTROL_F_VIF, 1);
    control_put_bytes(w, CONTROL_F_MAC, mac, 6);
    control_put_string(w, CONTROL_F_TEXT, "a\033[2Jb");
    control_close_group(w);
    fake_send();
}

static void put_limit(const struct control_header *header, const char *name, unsigned value,
                      const char *unit)
{
    struct control_writer *w = fake_answer(header, CONTROL_ITEM);

    control_open_group(w, CONTROL_F_QUOTA);
    control_put_string(w, CONTROL_F_NAME, name);
    control_put_number(w, CONTROL_F_VALUE, value);
    if (unit)
        control_put_string(w, CONTROL_F_UNIT, unit);
    control_put_string(w, CONTROL_F_TEXT, "ports that are tried");
    control_close_group(w);
    fake_send();
}

static void a_monitor(struct fake *f, const struct control_header *header,
                      const struct control_reader *fields)
{
    struct control_writer *w;

    switch (header->type) {
    case CONTROL_T_MONITOR_ALERTS:
        limit = control_number(fields, CONTROL_F_LIMIT, 99);
        followed = control_number(fields, CONTROL_F_FOLLOW, 0) != 0;
        put_alerts(header);
        break;
    case CONTROL_T_MONITOR_LIMITS:
        put_limit(header, "scan-ports", 100, NULL);
        put_limit(header, "window", 10, "seconds");
        break;
    case CONTROL_T_MONITOR_SET:
        ck_assert(control_string(fields, CONTROL_F_NAME, set_name, sizeof(set_name)));
        set_value = control_number(fields, CONTROL_F_VALUE, 0);
        if (strcmp(set_name, "window") != 0) {
            fake_answer(header, CONTROL_REPLY);
            fake_send();
            return;
        }
        w = fake_answer(header, CONTROL_ERROR);
        control_put_number(w, CONTROL_F_ERRNO, EINVAL);
        control_put_string(w, CONTROL_F_TEXT, "window takes 1 to 60");
        fake_send();
        return;
    default:
        break;
    }
    fake_answer(header, CONTROL_END);
    fake_send();
}

static int ask(const char *line)
{
    int rc;

    logged[0] = '\0';
    fake_begin(a_monitor);
    rc = run_command(alerts_main, line);
    fake_end();
    return rc;
}

static const char *const shown[] = {"alerts", "alerts --json", "alerts limits",
                                    "alerts limits --json", "alerts set scan-ports 50"};

START_TEST(shows)
{
    ck_assert_msg(ask(shown[_i]) == 0, "%s", command_err);
    ck_assert_str_eq(command_err, "");
    golden_check(GOLDEN, shown[_i], command_out);
}
END_TEST

START_TEST(asks)
{
    ck_assert_int_eq(ask("alerts"), 0);
    ck_assert_uint_eq(limit, 99);
    ck_assert(!followed);
    ck_assert_int_eq(ask("alerts -f -n 0"), 0);
    ck_assert_uint_eq(limit, 0);
    ck_assert(followed);
    ck_assert_int_eq(ask("alerts set rate-floor 10000000000"), 0);
    ck_assert_str_eq(set_name, "rate-floor");
    ck_assert_uint_eq(set_value, UINT64_C(10000000000));
    ck_assert_int_eq(ask("alerts set window 0"), ATOLL_REFUSED);
    ck_assert_ptr_nonnull(strstr(command_err, "window takes 1 to 60"));
}
END_TEST

START_TEST(logs)
{
    ck_assert_int_eq(ask("alerts --syslog"), 0);
    ck_assert_str_eq(command_out, "");
    golden_check(GOLDEN, "alerts --syslog", logged);
}
END_TEST

static const char *const wrong[] = {
    "alerts --lines x",
    "alerts --json --syslog",
    "alerts nonsense",
    "alerts --nonsense",
    "alerts set a",
    "alerts set a b",
    "alerts set a -1",
    "alerts set a 1 2",
    "alerts set a 1 --json",
    "alerts limits a",
    "alerts limits --nope",
    "alerts limits -s",
    "alerts set a 99999999999999999999",
};

START_TEST(refuses)
{
    ck_assert_int_eq(run_command(alerts_main, wrong[_i]), ATOLL_USAGE);
    ck_assert_str_eq(command_out, "");
    ck_assert_msg(strstr(command_err, "; see `atoll alerts") != NULL, "%s", command_err);
    ck_assert_ptr_eq(strchr(command_err, '\n'), command_err + strlen(command_err) - 1);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("alerts");
    Suite *suite = suite_create("alerts");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, shows, 0, sizeof(shown) / sizeof(shown[0]));
    tcase_add_test(tcase, asks);
    tcase_add_test(tcase, logs);
    tcase_add_loop_test(tcase, refuses, 0, sizeof(wrong) / sizeof(wrong[0]));
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
