/* SPDX-License-Identifier: ISC */
/** @file Statistics as Prometheus reads them: names, units, escaping, and what strangers wrote. */
#include "metrics_http.h"
#include "metrics_text.h"
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct metrics_text *text;
static struct statistic list[64], *pointers[64];
static struct statistics all = {.list = pointers};
static char *out;
static size_t length;

static void setup(void)
{
    text = metrics_text_create();
    memset(list, 0, sizeof(list));
    all.count = 0;
    out = NULL;
}

static void teardown(void)
{
    metrics_text_free(text);
    free(out);
}

static struct statistic *add(const char *name, const char *unit, bool counter, uint64_t value)
{
    struct statistic *s = pointers[all.count] = &list[all.count];

    all.count++;
    snprintf(s->name, sizeof(s->name), "%s", name);
    snprintf(s->unit, sizeof(s->unit), "%s", unit);
    s->counter = counter;
    s->value = value;
    return s;
}

static void label(struct statistic *s, const char *name, const char *value)
{
    snprintf(s->labels[s->label_count].name, sizeof(s->labels[0].name), "%s", name);
    snprintf(s->labels[s->label_count].value, sizeof(s->labels[0].value), "%s", value);
    s->label_count++;
}

static void print(void)
{
    FILE *file = open_memstream(&out, &length);

    ck_assert(metrics_text_add(text, "switch", &all));
    metrics_text_print(text, file);
    fclose(file);
}

#define LEFT_OUT(n)                                                                                \
    "# HELP atoll_samples_left_out samples whose name and labels were there already\n"             \
    "# TYPE atoll_samples_left_out gauge\natoll_samples_left_out " n "\n"

START_TEST(names_and_units)
{
    static const struct {
        const char *name, *unit;
        bool counter;
        const char *line;
    } cases[] = {
        {"frames", "", true, "atoll_frames_total{service=\"switch\"} 1500000000\n"},
        {"frames_total", "", true, "atoll_frames_total{service=\"switch\"} 1500000000\n"},
        {"ports", "", false, "atoll_ports{service=\"switch\"} 1500000000\n"},
        {"memory_total", "bytes", false, "atoll_memory_bytes{service=\"switch\"} 1500000000\n"},
        {"copy_bytes", "bytes", true, "atoll_copy_bytes_total{service=\"switch\"} 1500000000\n"},
        {"port_bytes_in", "bytes", true,
         "atoll_port_in_bytes_total{service=\"switch\"} 1500000000\n"},
        {"uptime", "nanoseconds", false, "atoll_uptime_seconds{service=\"switch\"} 1.500000000\n"},
        {"age", "seconds", false, "atoll_age_seconds{service=\"switch\"} 1500000000\n"},
        {"a-b.c:d\xc3\xa4", "", false, "atoll_a_b_c_d__{service=\"switch\"} 1500000000\n"},
        {"", "", false, "atoll_{service=\"switch\"} 1500000000\n"},
    };

    add(cases[_i].name, cases[_i].unit, cases[_i].counter, 1500000000);
    print();
    ck_assert_msg(strstr(out, cases[_i].line) != NULL, "%s", out);
    ck_assert_ptr_nonnull(strstr(out, cases[_i].counter ? " counter\n" : " gauge\n"));
}
END_TEST

/* Samples of a name stand together, whoever has them, under one head. */
START_TEST(families)
{
    struct statistics other = {.list = pointers, .count = 1};

    strcpy(add("b", "", true, 1)->text, "what\nit \\ \"is\"");
    add("a", "", false, 2);
    ck_assert(metrics_text_add(text, "monitor", &other));
    print();
    ck_assert_str_eq(out, "# TYPE atoll_a gauge\n"
                          "atoll_a{service=\"switch\"} 2\n"
                          "# HELP atoll_b_total what\\nit \\\\ \"is\"\n"
                          "# TYPE atoll_b_total counter\n"
                          "atoll_b_total{service=\"monitor\"} 1\n"
                          "atoll_b_total{service=\"switch\"} 1\n" LEFT_OUT("0"));
}
END_TEST

START_TEST(labels)
{
    struct statistic *s = add("x", "", false, 1);

    label(s, "guest", "a\"b\\c\nd\x1b[1m");
    label(s, "service", "mine");
    label(s, "9-", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xb3");
    label(s, "__name__", "\xff\xc0\x80\xed\xa0\x80\xe2\x82\x41\xe2\x80\xae\xc2\x9b");
    print();
    ck_assert_msg(strstr(out, "atoll_x{service=\"switch\",guest=\"a\\\"b\\\\c\\nd?[1m\","
                              "exported_service=\"mine\",_x=\"\xc3\xa4 \xe2\x82\xac "
                              "\xf0\x9f\x90\xb3\",_xname__=\"????"
                              "????A??\"} 1\n") != NULL,
                  "%s", out);
}
END_TEST

/* What Prometheus would refuse a whole page for. */
START_TEST(doubles)
{
    label(add("x", "", false, 1), "a", "1");
    label(add("x", "", false, 2), "a", "2");
    label(add("x", "", false, 3), "a", "1");
    add("y_total", "", true, 4);
    add("y", "", true, 5);
    /* a gauge of a counter's name */
    strcpy(add("z_total", "bytes", true, 6)->name, "z");
    add("z_bytes_total", "", false, 7);
    print();
    ck_assert_ptr_nonnull(strstr(out, "a=\"1\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(out, "a=\"2\"} 2\n"));
    ck_assert_ptr_null(strstr(out, "} 3\n"));
    ck_assert_ptr_null(strstr(out, "} 5\n"));
    ck_assert_ptr_nonnull(strstr(out, LEFT_OUT("2")));
}
END_TEST

START_TEST(same_labels)
{
    struct statistic *s = add("x", "", false, 1);

    label(s, "a.b", "1");
    label(s, "a-b", "2");
    label(s, "a_b", "3");
    print();
    ck_assert_msg(strstr(out, "a_b=\"1\",a_b_1=\"2\",a_b_2=\"3\"}") != NULL, "%s", out);
}
END_TEST

START_TEST(labels_that_take_the_way_out)
{
    struct statistic *s = add("x", "", false, 1);

    label(s, "a_2", "1");
    label(s, "a", "2");
    label(s, "a", "3");
    print();
    ck_assert_msg(strstr(out, "a_2=\"1\",a=\"2\",a_2_2=\"3\"}") != NULL, "%s", out);
}
END_TEST

START_TEST(the_tools_own_name)
{
    add(_i ? "samples_left_out_total" : "samples_left_out", "", false, 7);
    print();
    ck_assert_ptr_nonnull(strstr(out, "atoll_samples_left_out_of_service{service=\"switch\"} 7\n"));
    ck_assert_ptr_null(strstr(out, "atoll_samples_left_out{"));
    ck_assert_ptr_nonnull(strstr(out, LEFT_OUT("0")));
}
END_TEST

/* A service that is asked first cannot make another one's counter a gauge, which would be dropped.
 */
START_TEST(counters_keep_their_names)
{
    struct statistics other = {.list = pointers, .count = 1};

    add("x_total_total", "", false, 1);
    ck_assert(metrics_text_add(text, "monitor", &other));
    all.count = 0;
    add("x", "", true, 2);
    print();
    ck_assert_ptr_nonnull(strstr(out, "atoll_x{service=\"monitor\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(out, "atoll_x_total{service=\"switch\"} 2\n"));
    ck_assert_ptr_nonnull(strstr(out, LEFT_OUT("0")));
}
END_TEST

START_TEST(services)
{
    ck_assert(metrics_text_service(text, "monitor", false, 0, NULL, 1000));
    ck_assert(metrics_text_service(text, "switch", true, 7, "1.0", 2000000));
    print();
    ck_assert_ptr_nonnull(strstr(out, "atoll_up{service=\"monitor\"} 0\n"
                                      "atoll_up{service=\"switch\"} 1\n"));
    ck_assert_ptr_nonnull(
        strstr(out, "atoll_service_info{service=\"switch\",domid=\"7\",version=\"1.0\"} 1\n"));
    ck_assert_ptr_nonnull(
        strstr(out, "atoll_scrape_duration_seconds{service=\"switch\"} 0.002000000\n"));
}
END_TEST

START_TEST(addresses)
{
    static const char *const good[] = {"1",      "65535",     ":9798", "127.0.0.1:9798",
                                       "[::]:1", "0.0.0.0:80"};
    static const char *const bad[] = {
        "",        ":",        "0",       "65536", "::1:80", "[127.0.0.1]:80",
        "host:80", "1.2.3:80", "[::1]80", "[::1]", "[]:80",  "1.2.3.4:"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(metrics_http_address(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!metrics_http_address(bad[i]), "%s", bad[i]);
}
END_TEST

static char *small_page(void *context, size_t *size)
{
    *size = 10;
    return strdup("atoll_x 1\n");
}

/* What a server says to @request; the first and the last line. */
static void ask(uint16_t port, const char *request, char *answer, size_t size)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    size_t have = 0;
    ssize_t got;
    int fd = -1;

    for (unsigned i = 0; i < 100 && fd < 0; i++) {
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
            break;
        close(fd);
        fd = -1;
        usleep(10000);
    }
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    while ((got = read(fd, answer + have, size - 1 - have)) > 0)
        have += (size_t)got;
    answer[have] = 0;
    close(fd);
}

START_TEST(served)
{
    static const struct {
        const char *request, *status, *end;
    } cases[] = {
        {"GET /metrics HTTP/1.0\r\n\r\n", " 200 ", "\r\n\r\natoll_x 1\n"},
        {"HEAD /metrics HTTP/1.0\r\n\r\n", " 200 ", "\r\n\r\n"},
        {"GET / HTTP/1.0\r\n\r\n", " 200 ", "</html>\n"},
        {"GET /../etc/passwd HTTP/1.0\r\n\r\n", " 404 ", "There is only /metrics.\n"},
        {"POST /metrics HTTP/1.0\r\nContent-Length: 2\r\n\r\nab", " 405 ", "there is.\n"},
        {"rubbish\r\n\r\n", " 400 ", ""},
    };
    const uint16_t port = (uint16_t)(20000 + getpid() % 20000);
    char where[24], answer[4096];
    struct report report;
    const pid_t child = fork();
    int status;

    snprintf(where, sizeof(where), "%u", port);
    if (child == 0) {
        report_init(&report, "metrics", stderr, 0);
        _exit(metrics_http_serve(&report, where, small_page, NULL, METRICS_HTTP_LIMIT_MS));
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const size_t end = strlen(cases[i].end);

        ask(port, cases[i].request, answer, sizeof(answer));
        ck_assert_msg(strstr(answer, cases[i].status) != NULL || i == 5, "%s: %s", cases[i].request,
                      answer);
        ck_assert_msg(strlen(answer) >= end &&
                          strcmp(answer + strlen(answer) - end, cases[i].end) == 0,
                      "%s: %s", cases[i].request, answer);
        if (i == 0)
            ck_assert_ptr_nonnull(strstr(answer, "Content-Type: " METRICS_CONTENT_TYPE "\r\n"));
    }
    kill(child, SIGTERM);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* A byte now and then is no life: the slot is for somebody else. */
START_TEST(slow_clients_end)
{
    const uint16_t port = (uint16_t)(40000 + getpid() % 20000);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    char where[24], answer[4096];
    struct report report;
    const pid_t child = fork();
    int status, fd;
    unsigned turns;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    snprintf(where, sizeof(where), "%u", port);
    if (child == 0) {
        report_init(&report, "metrics", stderr, 0);
        _exit(metrics_http_serve(&report, where, small_page, NULL, 300));
    }
    ask(port, "GET / HTTP/1.0\r\n\r\n", answer, sizeof(answer));
    fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    for (turns = 0; turns < 60; turns++) {
        if (send(fd, "G", 1, MSG_NOSIGNAL) != 1 || recv(fd, answer, 1, MSG_DONTWAIT) == 0)
            break;
        usleep(30000);
    }
    close(fd);
    ck_assert_uint_ge(turns, 5);
    ck_assert_uint_lt(turns, 60);
    ask(port, "GET /metrics HTTP/1.0\r\n\r\n", answer, sizeof(answer));
    ck_assert_ptr_nonnull(strstr(answer, "atoll_x 1"));
    kill(child, SIGTERM);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tc = tcase_create("metrics");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, names_and_units, 0, 10);
    tcase_add_test(tc, families);
    tcase_add_test(tc, labels);
    tcase_add_test(tc, doubles);
    tcase_add_test(tc, same_labels);
    tcase_add_test(tc, labels_that_take_the_way_out);
    tcase_add_loop_test(tc, the_tools_own_name, 0, 2);
    tcase_add_test(tc, counters_keep_their_names);
    tcase_add_test(tc, services);
    tcase_add_test(tc, addresses);
    tcase_add_test(tc, served);
    tcase_add_test(tc, slow_clients_end);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
