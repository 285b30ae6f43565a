/* SPDX-License-Identifier: ISC */
/** @file `atoll top`: what it draws, what its keys do, with a monitor that is not there. */
#include "exit_codes.h"
#include "fake_service.h"
#include "flow_make.h"
#include "run_command.h"
#include "top.h"
#include "top_source.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define T0  UINT64_C(1795342272345678901)
#define SEC UINT64_C(1000000000)

static struct top_model model;

/* --- a model ------------------------------------------------------------------------------------
 */

static void add_port(const char *name, unsigned vif, uint32_t out, uint32_t in)
{
    struct top_port_row *row = top_ports_add(&model);

    snprintf(row->id.name, sizeof(row->id.name), "%s/%u", name, vif);
    row->id.vif = (uint16_t)vif;
    row->flows = out / 100;
    for (unsigned i = 0; i < TOP_HISTORY; i++) {
        row->out[i] = out / (i + 1);
        row->in[i] = i % 10 == 0 ? in : 0;
    }
    row->bytes_out = (uint64_t)out * 1000;
    row->bytes_in = (uint64_t)in * 1000;
}

/* A look at a few flows; the first has had @bytes so far. */
static void look(uint64_t time, uint64_t bytes)
{
    static const char *const names[] = {"www.example.org", "mail.example.org", NULL};
    uint8_t data[FLOW_RECORD_MAX];
    struct flow_view view;

    model.time = time;
    top_flows_begin(&model);
    for (unsigned i = 0; i < 3; i++) {
        const struct flow_made made = {
            .name = names[i],
            .address = {"10.0.0.5", i == 2 ? "10.255.255.250" : "10.0.0.1"},
            .record = {
                .protocol = i == 1 ? 17 : 6,
                .first = T0 + i,
                .side = {{.bytes = i ? 1000 : bytes, .frames = 3, .port = (uint16_t)(4000 + i)},
                         {.bytes = 500, .frames = 2, .port = i == 1 ? 53 : 443}}}};

        ck_assert_uint_gt(flow_view(data, flow_make(&made, data), &view), 0);
        top_flows_take(&model, &view);
    }
    top_flows_end(&model);
}

static void make(void)
{
    ck_assert(top_model_init(&model));
    snprintf(model.source, sizeof(model.source), "monitor");
    model.time = T0;
    add_port("web1", 0, 1200000, 64000);
    add_port("db", 0, 900, 3000000);
    add_port("a-guest-with-a-rather-long-name", 12, 0, 0);
    model.state = (struct monitor_state){
        .feeds = 2, .connected = 1, .frames = 123456, .lost = 12, .flows = 12345, .evicted = 3};
    model.frame_rate = 98765;
    look(T0, 1000);
    look(T0 + SEC, 501000);
    top_alerts_add_text(&model, T0, 5, "dhcp-server of db/0: it answers DHCP");
    top_alerts_add_text(&model, T0 + SEC, 3,
                        "port-scan of web1/0: 10.0.0.5 tried 120 ports of 10.0.0.1 in 10 s, the "
                        "last of them 8080");
}

static char *drawn(int rows, int cols, struct top_view *view)
{
    struct top_screen screen;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    ck_assert(top_screen_init(&screen, rows, cols));
    top_draw(&screen, &model, view);
    top_screen_print(&screen, out);
    top_screen_free(&screen);
    fclose(out);
    return text;
}

/* --- drawing ------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    int rows, cols;
    struct top_view view;
} screens[] = {
    {"ports 80x24", 24, 80, {.kind = TOP_VIEW_PORTS}},
    {"ports 120x12", 12, 120, {.kind = TOP_VIEW_PORTS}},
    {"ports 80x10 ascii", 10, 80, {.kind = TOP_VIEW_PORTS, .ascii = true}},
    {"ports 40x10", 10, 40, {.kind = TOP_VIEW_PORTS}},
    {"ports 20x6", 6, 20, {.kind = TOP_VIEW_PORTS}},
    {"ports 80x10 by rate in", 10, 80, {.kind = TOP_VIEW_PORTS, .sort = {2}}},
    {"ports 80x10 by name", 10, 80, {.kind = TOP_VIEW_PORTS, .sort = {5}, .paused = true}},
    {"ports 80x10 filter", 10, 80, {.kind = TOP_VIEW_PORTS, .filter = "WEB", .editing = true}},
    {"ports 80x10 nothing", 10, 80, {.kind = TOP_VIEW_PORTS, .filter = "nonsense"}},
    {"ports 80x6 scrolled", 6, 80, {.kind = TOP_VIEW_PORTS, .scroll = 1}},
    {"talkers 80x10", 10, 80, {.kind = TOP_VIEW_TALKERS}},
    {"talkers 60x10", 10, 60, {.kind = TOP_VIEW_TALKERS}},
    {"protocols 80x10", 10, 80, {.kind = TOP_VIEW_SERVICES}},
    {"names 80x10", 10, 80, {.kind = TOP_VIEW_NAMES}},
    {"names 80x10 by name", 10, 80, {.kind = TOP_VIEW_NAMES, .sort = {[TOP_VIEW_NAMES] = 3}}},
    {"alerts 80x10", 10, 80, {.kind = TOP_VIEW_ALERTS}},
    {"help 80x24", 24, 80, {.help = true}},
};

START_TEST(draws)
{
    struct top_view view = screens[_i].view;
    char *text;

    make();
    text = drawn(screens[_i].rows, screens[_i].cols, &view);
    golden_check(GOLDEN, screens[_i].name, text);
    free(text);
    top_model_free(&model);
}
END_TEST

/* Whatever the terminal's size. */
START_TEST(draws_in_any_size)
{
    make();
    for (int rows = 1; rows < 30; rows++) {
        for (int cols = 1; cols < 140; cols += 3) {
            for (unsigned kind = 0; kind < TOP_VIEWS; kind++) {
                struct top_view view = {.kind = (enum top_view_kind)kind, .scroll = 99};

                free(drawn(rows, cols, &view));
            }
        }
    }
    top_model_free(&model);
}
END_TEST

START_TEST(draws_what_is_empty)
{
    struct top_view view = {0};
    char *text;

    ck_assert(top_model_init(&model));
    text = drawn(24, 80, &view);
    ck_assert_ptr_nonnull(strstr(text, "Waiting for the monitor..."));
    free(text);
    snprintf(model.trouble, sizeof(model.trouble), "it has ended");
    view.kind = TOP_VIEW_ALERTS;
    text = drawn(24, 80, &view);
    ck_assert_ptr_nonnull(strstr(text, "No alerts."));
    ck_assert_ptr_nonnull(strstr(text, "it has ended"));
    free(text);
    top_model_free(&model);
}
END_TEST

/* --- flows to rates -----------------------------------------------------------------------------
 */

static const struct top_key_row *row_of(enum top_list_kind kind, const char *key)
{
    const struct top_key_list *list = &model.lists[kind];

    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->rows[i].key, key) == 0)
            return &list->rows[i];
    }
    return NULL;
}

START_TEST(makes_rates_of_looks)
{
    make();
    ck_assert_uint_eq(row_of(TOP_NAMES, "www.example.org")->rate, 500000);
    ck_assert_uint_eq(row_of(TOP_NAMES, "mail.example.org")->rate, 0);
    ck_assert_uint_eq(row_of(TOP_TALKERS, "10.0.0.5")->rate, 500000);
    ck_assert_uint_eq(row_of(TOP_TALKERS, "10.0.0.5")->flows, 3);
    ck_assert_uint_eq(row_of(TOP_SERVICES, "tcp/443")->bytes, 501500 + 1500);
    look(T0 + 3 * SEC, 601000);
    ck_assert_uint_eq(row_of(TOP_NAMES, "www.example.org")->rate, 50000);
    ck_assert_uint_eq(row_of(TOP_NAMES, "www.example.org")->history[1], 500000);
    /* Counters that go back are those of another flow. */
    look(T0 + 4 * SEC, 10);
    ck_assert_uint_eq(row_of(TOP_NAMES, "www.example.org")->rate, 0);
    top_model_free(&model);
}
END_TEST

START_TEST(forgets_what_is_gone)
{
    make();
    for (unsigned i = 0; i <= TOP_HISTORY + 1; i++) {
        ck_assert_ptr_nonnull(row_of(TOP_NAMES, "www.example.org"));
        model.time += SEC;
        top_flows_begin(&model);
        top_flows_end(&model);
        if (!row_of(TOP_NAMES, "www.example.org")) {
            ck_assert_uint_eq(i, TOP_HISTORY - 1);
            break;
        }
    }
    ck_assert_uint_eq(model.lists[TOP_NAMES].count, 0);
    look(model.time + SEC, 5000);
    ck_assert_ptr_nonnull(row_of(TOP_NAMES, "www.example.org"));
    top_model_free(&model);
}
END_TEST

/* More flows and names than are kept apart. */
START_TEST(has_bounds)
{
    uint8_t data[FLOW_RECORD_MAX];
    struct flow_view view;
    char name[16];

    ck_assert(top_model_init(&model));
    model.time = T0;
    top_flows_begin(&model);
    for (unsigned i = 0; i < TOP_FLOWS_MAX + 10; i++) {
        const struct flow_made made = {.name = name,
                                       .address = {"10.0.0.1", "10.0.0.2"},
                                       .record = {.protocol = 6, .first = T0 + i}};

        snprintf(name, sizeof(name), "%u", i);
        ck_assert_uint_gt(flow_view(data, flow_make(&made, data), &view), 0);
        top_flows_take(&model, &view);
    }
    top_flows_end(&model);
    ck_assert(model.flows_cut);
    ck_assert_uint_eq(model.lists[TOP_NAMES].count, TOP_KEYS_MAX);
    ck_assert_uint_eq(row_of(TOP_SERVICES, "tcp/0")->flows, TOP_FLOWS_MAX);
    for (unsigned i = 0; i < TOP_PORTS_MAX; i++)
        ck_assert_ptr_nonnull(top_ports_add(&model));
    ck_assert_ptr_null(top_ports_add(&model));
    for (unsigned i = 0; i < TOP_ALERTS_MAX + 5; i++)
        top_alerts_add_text(&model, i, 4, "x");
    ck_assert_uint_eq(model.alert_count, TOP_ALERTS_MAX);
    ck_assert_uint_eq(model.alerts[0].time, TOP_ALERTS_MAX + 4);
    top_model_free(&model);
}
END_TEST

/* Each order by what it is named after. */
START_TEST(orders)
{
    struct top_view view = {.kind = TOP_VIEW_PORTS};
    uint32_t order[TOP_PORTS_MAX];
    struct top_port_row *row;

    ck_assert(top_model_init(&model));
    /* Of each order, in turn, the row that leads. */
    for (unsigned i = 0; i < 6; i++) {
        row = top_ports_add(&model);
        snprintf(row->id.name, sizeof(row->id.name), "%c", 'f' - (char)i);
        row->out[0] = i == 1 ? 60 : i == 0 ? 50 : 0;
        row->in[0] = i == 2 ? 80 : i == 0 ? 50 : 0;
        row->bytes_out = i == 4 ? 100 : i == 3 ? 90 : 0;
        row->bytes_in = i == 3 ? 90 : 0;
        row->flows = i == 4;
    }
    for (unsigned sort = 0; sort < 6; sort++) {
        view.sort[TOP_VIEW_PORTS] = sort;
        ck_assert_uint_eq(top_order(&model, &view, order), 6);
        ck_assert_msg(order[0] == sort, "%s: %u", top_sort_name(view.kind, sort), order[0]);
    }
    top_model_free(&model);
}
END_TEST

/* --- keys ---------------------------------------------------------------------------------------
 */

static void type(struct top_view *view, const char *keys)
{
    for (; *keys; keys++)
        ck_assert(top_key(view, &model, *keys, 10));
}

START_TEST(obeys_keys)
{
    struct top_view view = {0};

    make();
    type(&view, "3");
    ck_assert_int_eq(view.kind, TOP_VIEW_SERVICES);
    type(&view, "s");
    ck_assert_uint_eq(view.sort[TOP_VIEW_SERVICES], 1);
    type(&view, "SS");
    ck_assert_uint_eq(view.sort[TOP_VIEW_SERVICES], 3);
    type(&view, "5\t1");
    ck_assert_int_eq(view.kind, TOP_VIEW_PORTS);
    type(&view, "/q1");
    ck_assert_str_eq(view.filter, "q1");
    ck_assert(top_key(&view, &model, TOP_BACKSPACE, 10));
    ck_assert(top_key(&view, &model, TOP_ENTER, 10));
    ck_assert_str_eq(view.filter, "q");
    ck_assert(!view.editing);
    ck_assert(top_key(&view, &model, TOP_ESCAPE, 10));
    ck_assert_str_eq(view.filter, "");
    type(&view, "p");
    ck_assert(view.paused);
    type(&view, " ?");
    ck_assert(!view.paused && view.help);
    type(&view, "x");
    ck_assert(!view.help);
    ck_assert(top_key(&view, &model, TOP_END, 2));
    ck_assert_uint_eq(view.scroll, 3);
    ck_assert(top_key(&view, &model, TOP_PAGE_UP, 2));
    ck_assert(top_key(&view, &model, TOP_UP, 2));
    ck_assert(top_key(&view, &model, TOP_UP, 2));
    ck_assert_uint_eq(view.scroll, 0);
    ck_assert(top_key(&view, &model, TOP_DOWN, 2));
    ck_assert(top_key(&view, &model, TOP_PAGE_DOWN, 2));
    ck_assert_uint_eq(view.scroll, 3);
    ck_assert(top_key(&view, &model, TOP_HOME, 2));
    ck_assert_uint_eq(view.scroll, 0);
    for (unsigned i = 0; i < 200; i++)
        type(&view, i ? "y" : "/");
    ck_assert_uint_eq(strlen(view.filter), sizeof(view.filter) - 1);
    ck_assert(top_key(&view, &model, TOP_ENTER, 10));
    ck_assert(!top_key(&view, &model, 'q', 10));
    top_model_free(&model);
}
END_TEST

/* --- the command --------------------------------------------------------------------------------
 */

static void put_port(const struct control_header *header)
{
    struct control_writer *w = fake_answer(header, CONTROL_ITEM);
    uint32_t series[119] = {7000, 6000, 1};

    control_open_group(w, CONTROL_F_PORT);
    control_put_number(w, CONTROL_F_DOMID, 5);
    control_put_number(w, CONTROL_F_VIF, 1);
    control_put_string(w, CONTROL_F_GUEST, "w\033eb");
    control_put_string(w, CONTROL_F_BRIDGE_NAME, "xenbr0");
    control_put_number(w, CONTROL_F_BYTES_OUT, 13000);
    control_put_number(w, CONTROL_F_FLOWS, 4);
    control_put_bytes(w, CONTROL_F_SECONDS_OUT, series, sizeof(series));
    control_put_bytes(w, CONTROL_F_SECONDS_IN, series, 7); /* cut within a number */
    control_close_group(w);
    fake_send();
}

static void put_rest(const struct control_header *header)
{
    const struct flow_made made = {.name = "www.example.org",
                                   .address = {"10.0.0.1", "10.0.0.2"},
                                   .record = {.protocol = 6, .side = {{.bytes = 77}}}};
    struct control_writer *w = fake_answer(header, CONTROL_ITEM);
    uint8_t data[FLOW_RECORD_MAX + 8];
    size_t length;

    if (header->type == CONTROL_T_MONITOR_FLOWS) {
        length = flow_make(&made, data);
        memset(data + length, 1, 8); /* and what is no record */
        control_put_bytes(w, CONTROL_F_FLOW, data, length + 8);
    } else {
        control_open_group(w, CONTROL_F_ALERT);
        control_put_number(w, CONTROL_F_TIME, T0);
        control_put_string(w, CONTROL_F_KIND, "host-scan");
        control_put_string(w, CONTROL_F_TEXT, "many \033[2J hosts");
        control_close_group(w);
    }
    fake_send();
}

static void a_monitor(struct fake *f, const struct control_header *header,
                      const struct control_reader *fields)
{
    if (header->type == CONTROL_T_MONITOR_SHOW) {
        struct control_writer *w = fake_answer(header, CONTROL_REPLY);

        control_put_number(w, CONTROL_F_FRAMES, 99);
        control_put_number(w, CONTROL_F_FLOWS, 1);
        fake_send();
        return;
    }
    if (header->type == CONTROL_T_MONITOR_PORTS)
        put_port(header);
    else
        put_rest(header);
    fake_answer(header, CONTROL_END);
    fake_send();
}

/* The time of day is another each time. */
static char *timeless(char *text)
{
    char *colon = strchr(text, ':');

    if (strncmp(text, "atoll top", 9) == 0)
        memcpy(colon - 2, "10:11:12", 8);
    for (char *at = strstr(text, "\"time\":"); at; at = strstr(at + 1, "\"time\":"))
        memset(at + 7, '1', strspn(at + 7, "0123456789"));
    return text;
}

static const char *const once[] = {"top --once", "top --once --view talkers",
                                   "top --once --view alerts", "top --json"};

START_TEST(prints_once)
{
    setenv("COLUMNS", "80", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    fake_begin(a_monitor);
    ck_assert_msg(run_command(top_main, once[_i]) == 0, "%s", command_err);
    fake_end();
    ck_assert_str_eq(command_err, "");
    golden_check(GOLDEN, once[_i], timeless(command_out));
}
END_TEST

/* --- a monitor that dies while it is looked at
 * ---------------------------------------------------
 */

/* At the second look; the successor hangs up once, too. */
static void a_monitor_that_dies(struct fake *f, const struct control_header *header,
                                const struct control_reader *fields)
{
    static unsigned looks;

    looks += header->type == CONTROL_T_MONITOR_SHOW;
    if (f->connections <= 2 && looks >= 2) {
        fake_hang_up();
        return;
    }
    a_monitor(f, header, fields);
}

START_TEST(outlives_the_monitor)
{
    const bool follow = _i;
    struct top_source *source = NULL;
    struct monitor_call call;
    char *said = NULL;
    size_t length;
    FILE *out = open_memstream(&said, &length);
    bool missed = false;
    int rc;

    ck_assert(top_model_init(&model));
    fake_begin(a_monitor_that_dies);
    ck_assert_int_eq(monitor_open(&call, "top", NULL, 0), 0);
    call.session.report.out = out;
    ck_assert_int_eq(top_live_open(&call, follow, &source), 0);
    ck_assert_int_eq(source->poll(source, &model, true), 0);
    ck_assert_str_eq(model.trouble, "");
    ck_assert_uint_eq(model.state.frames, 99);
    rc = source->poll(source, &model, true);
    for (int i = 0; follow && !rc && i < 100 && (!missed || model.trouble[0]); i++) {
        if (model.trouble[0]) {
            missed = true;
            ck_assert_str_eq(model.trouble, "monitor is gone for 0 s; waiting for its successor");
            ck_assert_uint_eq(model.port_count, 1); /* what was seen last stays */
        }
        rc = source->poll(source, &model, true);
    }
    fclose(out);
    if (follow) {
        ck_assert_int_eq(rc, 0);
        ck_assert(missed);
        ck_assert_str_eq(model.trouble, "");
        ck_assert_uint_eq(model.state.frames, 99);
        ck_assert_str_eq(said, "");
    } else {
        ck_assert_int_ne(rc, 0);
        ck_assert_str_ne(said, "");
    }
    free(said);
    source->close(source);
    monitor_close(&call);
    fake_end();
    top_model_free(&model);
}
END_TEST

static const char *const wrong[] = {"top",
                                    "top --view nonsense",
                                    "top --once argument",
                                    "top --once --speed 2",
                                    "top --once -r x --speed -1",
                                    "top --once -r x --speed fast",
                                    "top --once -r x --speed nan",
                                    "top --once -r x -s monitor",
                                    "top --nonsense"};

START_TEST(refuses)
{
    ck_assert_int_eq(run_command(top_main, wrong[_i]), ATOLL_USAGE);
    ck_assert_str_eq(command_out, "");
    ck_assert_msg(strstr(command_err, "; see `atoll top --help`\n") != NULL, "%s", command_err);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("top");
    Suite *suite = suite_create("top");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, draws, 0, sizeof(screens) / sizeof(screens[0]));
    tcase_add_test(tcase, draws_in_any_size);
    tcase_add_test(tcase, draws_what_is_empty);
    tcase_add_test(tcase, makes_rates_of_looks);
    tcase_add_test(tcase, forgets_what_is_gone);
    tcase_add_test(tcase, has_bounds);
    tcase_add_test(tcase, orders);
    tcase_add_test(tcase, obeys_keys);
    tcase_add_loop_test(tcase, prints_once, 0, sizeof(once) / sizeof(once[0]));
    tcase_add_loop_test(tcase, outlives_the_monitor, 0, 2);
    tcase_add_loop_test(tcase, refuses, 0, sizeof(wrong) / sizeof(wrong[0]));
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
