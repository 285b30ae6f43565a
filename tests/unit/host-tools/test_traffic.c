/* SPDX-License-Identifier: ISC */
/** @file What a report sums, and that nothing strangers named is markup in it. */
#include "traffic.h"
#include "traffic_command.h"
#include "traffic_page.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define T0      UINT64_C(1700000000000000000)
#define SECOND  UINT64_C(1000000000)
#define HOSTILE "<script>alert(1)</script>\"'&\x1b[1m\xff\xe2\x80\xae"

static struct traffic *t;
static char *page;

static void setup(void)
{
    t = malloc(sizeof(*t));
    ck_assert(traffic_init(t));
    page = NULL;
}

static void teardown(void)
{
    traffic_free(t);
    free(t);
    free(page);
}

static void add(const char *from, const char *to, const char *name, uint64_t first, uint64_t last,
                uint64_t bytes)
{
    struct flow_view view = {
        .record = {.version = FLOW_VERSION,
                   .family = 4,
                   .protocol = 6,
                   .application = 3,
                   .first = first,
                   .last = last,
                   .guest_length = {(uint8_t)strlen(from), (uint8_t)strlen(to)},
                   .name_length = (uint8_t)strlen(name),
                   .side = {{.frames = 2, .bytes = bytes, .port = 40000},
                            {.frames = 1, .bytes = bytes / 2, .port = 80}}},
        .guest = {from, to},
        .bridge = "",
        .name = name,
        .detail = ""};

    traffic_add(t, &view);
}

static void print(const char *source)
{
    size_t length;
    FILE *out = open_memstream(&page, &length);

    traffic_page(out, t, source, T0);
    fclose(out);
}

START_TEST(sums)
{
    uint32_t numbers[4];
    uint64_t all = 0;

    add("web", "db", "example.org", T0, T0 + 119 * SECOND, 2000000);
    add("web", "mail", "example.org", T0 + 60 * SECOND, T0 + 60 * SECOND, 1000);
    ck_assert_uint_eq(t->flows, 2);
    ck_assert_uint_eq(t->bytes, 3001500);
    ck_assert_uint_eq(t->frames, 6);
    traffic_finish(t);
    ck_assert_uint_eq(traffic_greatest(&t->who, numbers, 4), 3);
    ck_assert_str_eq(t->who.entries[numbers[0]].name, "web/0");
    ck_assert_uint_eq(t->who.entries[numbers[0]].out, 2001000);
    ck_assert_uint_eq(t->who.entries[numbers[0]].in, 1000500);
    ck_assert_str_eq(t->who.entries[numbers[1]].name, "db/0");
    ck_assert_uint_eq(traffic_greatest(&t->names, numbers, 4), 1);
    ck_assert_uint_eq(t->names.entries[numbers[0]].flows, 2);
    ck_assert_uint_eq(traffic_greatest(&t->ports, numbers, 4), 1);
    ck_assert_str_eq(t->ports.entries[numbers[0]].name, "80/tcp");
    /* Spread, but for what rounding takes. */
    for (unsigned i = 0; i < TRAFFIC_BUCKETS; i++) {
        ck_assert_uint_ge(t->total[i], 24000);
        all += t->total[i];
    }
    ck_assert_uint_le(all, 3001500);
    ck_assert_uint_ge(all, 3001500 - TRAFFIC_BUCKETS);
}
END_TEST

START_TEST(times_are_kept)
{
    t->since = T0 + 10 * SECOND;
    t->until = T0 + 20 * SECOND;
    add("a", "b", "", T0, T0 + 9 * SECOND, 100);
    add("a", "b", "", T0, T0 + 15 * SECOND, 100);
    add("a", "b", "", T0 + 21 * SECOND, T0 + 22 * SECOND, 100);
    add("a", "b", "", T0 + 12 * SECOND, T0 + 11 * SECOND, 100); /* it lies */
    ck_assert_uint_eq(t->flows, 1);
    ck_assert_uint_eq(t->left_out, 3);
    traffic_finish(t);
    ck_assert_uint_eq(t->first, t->since);
}
END_TEST

/* Of a flow that began before or goes on behind, the part that is shown. */
START_TEST(parts_are_spread)
{
    uint64_t all = 0;

    t->since = T0 + 10 * SECOND;
    t->until = T0 + 20 * SECOND;
    add("a", "b", "", T0 + 5 * SECOND, T0 + 15 * SECOND, 20000);
    add("a", "b", "", T0 + 15 * SECOND, T0 + 25 * SECOND, 20000);
    add("a", "b", "", T0, T0 + 10 * SECOND, 20000);
    add("a", "b", "", T0 + 20 * SECOND, T0 + 30 * SECOND, 20000);
    add("a", "b", "", T0 + 20 * SECOND, T0 + 20 * SECOND, 10);
    traffic_finish(t);
    for (unsigned i = 0; i < TRAFFIC_BUCKETS; i++)
        all += t->total[i];
    ck_assert_uint_le(all, 30015);
    ck_assert_uint_ge(all, 30015 - TRAFFIC_BUCKETS);
    ck_assert_uint_eq(t->total[TRAFFIC_BUCKETS - 1] / 10, 26); /* 15 of them at once */
}
END_TEST

/* As a monitor that lies has it: all of 64 bits. */
START_TEST(longest)
{
    uint64_t all = 0;

    add("a", "b", "", 1, UINT64_MAX, UINT64_C(1) << 63);
    traffic_finish(t);
    for (unsigned i = 0; i < TRAFFIC_BUCKETS; i++) {
        ck_assert_uint_ge(t->total[i], (UINT64_C(3) << 62) / TRAFFIC_BUCKETS - 1000);
        all += t->total[i];
    }
    ck_assert_uint_ge(all, (UINT64_C(3) << 62) - TRAFFIC_BUCKETS);
    print("all times");
}
END_TEST

/* More names than there is room for are summed under others. */
START_TEST(bounded)
{
    char name[32];

    for (unsigned i = 0; i < TRAFFIC_KEYS + 10; i++) {
        snprintf(name, sizeof(name), "name-%u", i);
        traffic_entry(&t->names, name, strlen(name))->bytes++;
    }
    ck_assert_uint_eq(t->names.count, TRAFFIC_KEYS);
    ck_assert_uint_eq(t->names.entries[0].bytes, 11);
    for (unsigned i = 0; i < TRAFFIC_ALERTS + 5; i++)
        traffic_alert(t)->time = i;
    ck_assert_uint_eq(t->alert_count, TRAFFIC_ALERTS);
    ck_assert_uint_eq(t->alerts_more, 5);
    ck_assert_uint_eq(t->alerts[0].time, 5);
}
END_TEST

START_TEST(hostile)
{
    struct traffic_alert *alert = traffic_alert(t);

    strcpy(alert->kind, "<b>kind");
    strcpy(alert->who, HOSTILE);
    strcpy(alert->evidence, HOSTILE);
    for (unsigned i = 0; i < 3; i++)
        add(HOSTILE, "b", HOSTILE, T0, T0 + i * SECOND, 1000);
    traffic_lost(t, "frames", 7);
    traffic_finish(t);
    print(HOSTILE);
    ck_assert_ptr_null(strstr(page, "<script"));
    ck_assert_ptr_null(strstr(page, "<b>kind"));
    ck_assert_ptr_null(strchr(page, '\x1b'));
    ck_assert_ptr_null(strchr(page, '\xff'));
    ck_assert_ptr_null(strstr(page, "\xe2\x80\xae"));
    ck_assert_ptr_nonnull(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
    if (getenv("TRAFFIC_PAGE")) {
        FILE *file = fopen(getenv("TRAFFIC_PAGE"), "w");

        fputs(page, file);
        fclose(file);
    }
}
END_TEST

START_TEST(nothing)
{
    t->live = _i == 1;
    t->bucket = SECOND;
    traffic_finish(t);
    print("empty");
    ck_assert_ptr_nonnull(strstr(page, "Nothing was lost."));
    ck_assert_ptr_null(strstr(page, "nan"));
    ck_assert_ptr_null(strstr(page, "inf"));
}
END_TEST

START_TEST(typed_times)
{
    static const struct {
        const char *text;
        uint64_t time;
    } good[] = {{"90s", T0 - 90 * SECOND},
                {"15m", T0 - 900 * SECOND},
                {"2h", T0 - 7200 * SECOND},
                {"7d", T0 - 604800 * SECOND},
                {"999999d", 0},
                {"2023-11-14", UINT64_C(1699920000000000000)},
                {"2023-11-14T22:13", UINT64_C(1699999980000000000)},
                {"2023-11-14T22:13:20Z", T0}};
    static const char *const bad[] = {"",
                                      "x",
                                      "5",
                                      "5w",
                                      "5mm",
                                      "-5m",
                                      "2023-13-01",
                                      "1960-01-01",
                                      "2023-11-14T22:13x",
                                      "99999999999999999999s"};
    uint64_t time;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(traffic_time(good[i].text, T0, &time), "%s", good[i].text);
        ck_assert_uint_eq(time, good[i].time);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!traffic_time(bad[i], T0, &time), "%s", bad[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("traffic");
    TCase *tc = tcase_create("traffic");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, sums);
    tcase_add_test(tc, times_are_kept);
    tcase_add_test(tc, parts_are_spread);
    tcase_add_test(tc, longest);
    tcase_add_test(tc, bounded);
    tcase_add_test(tc, hostile);
    tcase_add_loop_test(tc, nothing, 0, 2);
    tcase_add_test(tc, typed_times);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
