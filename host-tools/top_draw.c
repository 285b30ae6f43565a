/* SPDX-License-Identifier: ISC */
#include "top_draw.h"
#include "output.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_ROW 4 /* of the list: header, state, tabs and titles are above it */

/* --- numbers ------------------------------------------------------------------------------------
 */

/* "9.8 MiB/s", and nothing for nothing. */
static const char *rate_text(uint64_t bytes, char *text, size_t size)
{
    char number[32];

    if (bytes)
        snprintf(text, size, "%s/s", output_bytes(bytes, number, sizeof(number)));
    else
        snprintf(text, size, "-");
    return text;
}

/* Bits would do as well, but all else here counts bytes. 1234567 is "1.2M". */
static const char *count_text(uint64_t count, char *text, size_t size)
{
    static const char units[] = "kMGTPE";
    unsigned unit = 0;

    if (count < 10000) {
        snprintf(text, size, "%u", (unsigned)count);
        return text;
    }
    while (count >= 1000000 && unit < 5) {
        count /= 1000;
        unit++;
    }
    if (count >= 100000)
        snprintf(text, size, "%u%c", (unsigned)(count / 1000), units[unit]);
    else
        snprintf(text, size, "%u.%u%c", (unsigned)(count / 1000), (unsigned)(count % 1000 / 100),
                 units[unit]);
    return text;
}

/* --- the frame around the list ------------------------------------------------------------------
 */

static uint64_t bytes_now(const struct top_model *model)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < model->port_count; i++)
        sum += model->ports[i].out[0];
    return sum;
}

static void draw_header(struct top_screen *s, const struct top_model *model,
                        const struct top_view *view)
{
    const char *state = view->paused ? "PAUSED" : model->ended ? "ENDED" : "";
    char time[40], flows[16], frames[16], rate[40];
    int col;

    top_fill(s, 0, TOP_REVERSE);
    output_time(model->time, time, sizeof(time));
    time[19] = '\0';
    col = top_format(s, 0, 0, TOP_REVERSE, "atoll top  %s  %s  %zu port%s  %s flows  %s frames/s",
                     model->source, model->time ? time + 11 : "--:--:--", model->port_count,
                     model->port_count == 1 ? "" : "s",
                     count_text(model->state.flows, flows, sizeof(flows)),
                     count_text(model->frame_rate, frames, sizeof(frames)));
    if (bytes_now(model) && col + 14 < s->cols - (int)strlen(state))
        top_format(s, 0, col, TOP_REVERSE, "  %s", rate_text(bytes_now(model), rate, sizeof(rate)));
    top_right(s, 0, s->cols - (int)strlen(state) - 1, (int)strlen(state), TOP_REVERSE, state);
}

static void draw_state(struct top_screen *s, const struct top_model *model)
{
    const struct monitor_state *state = &model->state;
    char text[16];
    int col = 0;

    if (model->trouble[0]) {
        top_text(s, 1, 0, s->cols, TOP_RED, model->trouble);
        return;
    }
    if (state->feeds)
        col = top_format(s, 1, 0, state->connected < state->feeds ? TOP_RED : TOP_PLAIN,
                         "fed by %u of %u  ", state->connected, state->feeds);
    col = top_format(s, 1, col, state->lost ? TOP_RED : TOP_GREEN, "lost %s  ",
                     count_text(state->lost, text, sizeof(text)));
    col = top_format(s, 1, col, state->evicted ? TOP_YELLOW : TOP_PLAIN, "evicted %s  ",
                     count_text(state->evicted, text, sizeof(text)));
    col = top_format(s, 1, col, state->refused ? TOP_YELLOW : TOP_PLAIN, "no place %s  ",
                     count_text(state->refused, text, sizeof(text)));
    if (model->flows_cut)
        top_text(s, 1, col, s->cols - col, TOP_YELLOW, "more flows than are added up here");
}

static void draw_tabs(struct top_screen *s, const struct top_model *model,
                      const struct top_view *view)
{
    static const char *const tabs[TOP_VIEWS] = {"1 Ports", "2 Talkers", "3 Protocols", "4 Names",
                                                "5 Alerts"};
    int col = 0;

    for (int i = 0; i < TOP_VIEWS; i++) {
        const uint8_t attribute = (int)view->kind == i                         ? TOP_REVERSE
                                  : i == TOP_VIEW_ALERTS && model->alert_count ? TOP_YELLOW
                                                                               : TOP_PLAIN;

        col = top_format(s, 2, col, attribute, " %s ", tabs[i]);
    }
    if (view->filter[0] || view->editing)
        top_format(s, 2, col + 1, TOP_BOLD, "/%s%s", view->filter, view->editing ? "_" : "");
    else if (view->kind != TOP_VIEW_ALERTS)
        top_format(s, 2, col + 1, TOP_DIM, "by %s",
                   top_sort_name(view->kind, view->sort[view->kind]));
}

static void draw_bottom(struct top_screen *s, const struct top_view *view)
{
    top_fill(s, s->rows - 1, TOP_REVERSE);
    top_text(s, s->rows - 1, 0, s->cols, TOP_REVERSE,
             view->editing ? " Enter: keep this filter   Esc: none"
                           : " q quit  1-5 view  arrows scroll  s sort  / filter  p pause  ? help");
}

static void draw_help(struct top_screen *s)
{
    static const char *const lines[] = {
        "1 to 5, Tab     the view: ports, talkers, protocols, names, alerts",
        "arrows, PgUp    scroll; Home and End",
        "s, S            the next order of rows, the one before",
        "/               show only rows with this text; Esc takes it away",
        "p, blank        pause, and go on",
        "q               quit",
        "",
        "Out is what a port sends, in is what it gets; rates are of the last whole",
        "second, the lines of the last 60, the newest at the right. In a line the",
        "highest second fills a character.",
        "Lost: frames that came faster than they were looked at; what is shown is",
        "that much too low. Evicted: flows that gave way to others.",
        "",
        "Any key: back.",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]) && (int)i + FIRST_ROW < s->rows; i++)
        top_text(s, (int)i + FIRST_ROW, 2, s->cols - 2, TOP_PLAIN, lines[i]);
}

/* --- the lists ----------------------------------------------------------------------------------
 */

static uint32_t highest_of(const uint32_t history[TOP_HISTORY], uint32_t highest)
{
    for (unsigned i = 0; i < TOP_HISTORY; i++)
        highest = history[i] > highest ? history[i] : highest;
    return highest;
}

/* Columns, from the line's width: a name, numbers of a fixed width, and what is left for lines. */
struct layout {
    int name, number, spark; /* widths */
    int sparks;              /* how many lines */
};

/* @names: characters of the longest name. */
static struct layout layout_of(const struct top_screen *s, int numbers, int sparks, int names)
{
    struct layout l = {.name = 20, .number = 12, .sparks = sparks};
    int left = s->cols - numbers * l.number - 8, most;

    if (left < 20) { /* tiny: the name and as many numbers as there is room for */
        l.name = s->cols < 34 ? s->cols / 2 : 20;
        l.sparks = 0;
        return l;
    }
    most = left - sparks * 13;
    l.name = names < 12 ? 12 : names > most ? most : names;
    l.spark = sparks ? (left - l.name) / sparks - 2 : 0;
    l.spark = l.spark > (int)TOP_HISTORY ? (int)TOP_HISTORY : l.spark;
    if (l.spark < 6) {
        l.name = names > left ? left : names;
        l.spark = l.sparks = 0;
    }
    return l;
}

static int longest_name(const struct top_model *model, const struct top_view *view)
{
    size_t longest = 0;

    if (view->kind == TOP_VIEW_ALERTS)
        return 0;
    for (size_t i = 0; view->kind == TOP_VIEW_PORTS && i < model->port_count; i++)
        longest =
            strlen(model->ports[i].id.name) > longest ? strlen(model->ports[i].id.name) : longest;
    if (view->kind != TOP_VIEW_PORTS) {
        const struct top_key_list *list = &model->lists[view->kind - TOP_VIEW_TALKERS];

        for (size_t i = 0; i < list->count; i++)
            longest = strlen(list->rows[i].key) > longest ? strlen(list->rows[i].key) : longest;
    }
    return (int)longest;
}

static void draw_port(struct top_screen *s, int row, const struct layout *l,
                      const struct top_port_row *port, bool ascii)
{
    const uint32_t highest = highest_of(port->in, highest_of(port->out, 1));
    int col = l->name + 1;
    char text[40];

    top_text(s, row, 0, l->name, port->id.uplink ? TOP_BOLD : TOP_PLAIN, port->id.name);
    top_right(s, row, col, l->number - 1, TOP_PLAIN, rate_text(port->out[0], text, sizeof(text)));
    col += l->number;
    if (l->sparks) {
        top_spark(s, row, col, l->spark, ascii, port->out, highest);
        col += l->spark + 2;
    }
    top_right(s, row, col, l->number - 1, TOP_PLAIN, rate_text(port->in[0], text, sizeof(text)));
    col += l->number;
    if (l->sparks) {
        top_spark(s, row, col, l->spark, ascii, port->in, highest);
        col += l->spark + 1;
    }
    top_right(s, row, col, 6, TOP_DIM, count_text(port->flows, text, sizeof(text)));
}

static void port_titles(struct top_screen *s, const struct layout *l)
{
    int col = l->name + 1;

    top_text(s, 3, 0, l->name, TOP_BOLD, "Port");
    top_right(s, 3, col, l->number - 1, TOP_BOLD, "Out");
    col += l->number + (l->sparks ? l->spark + 2 : 0);
    top_right(s, 3, col, l->number - 1, TOP_BOLD, "In");
    col += l->number + (l->sparks ? l->spark + 1 : 0);
    top_right(s, 3, col, 6, TOP_BOLD, "Flows");
}

static void draw_key(struct top_screen *s, int row, const struct layout *l,
                     const struct top_key_row *key, bool ascii)
{
    int col = l->name + 1;
    char text[40];

    top_text(s, row, 0, l->name, TOP_PLAIN, key->key);
    top_right(s, row, col, l->number - 1, TOP_PLAIN, rate_text(key->rate, text, sizeof(text)));
    col += l->number;
    if (l->sparks) {
        top_spark(s, row, col, l->spark, ascii, key->history, highest_of(key->history, 1));
        col += l->spark + 1;
    }
    top_right(s, row, col, l->number - 2, TOP_PLAIN, output_bytes(key->bytes, text, sizeof(text)));
    col += l->number - 2;
    top_right(s, row, col, 8, TOP_DIM, count_text(key->flows, text, sizeof(text)));
}

static void key_titles(struct top_screen *s, const struct layout *l, enum top_view_kind kind)
{
    static const char *const titles[] = {[TOP_VIEW_TALKERS] = "Address",
                                         [TOP_VIEW_SERVICES] = "Protocol",
                                         [TOP_VIEW_NAMES] = "Name"};
    int col = l->name + 1;

    top_text(s, 3, 0, l->name, TOP_BOLD, titles[kind]);
    top_right(s, 3, col, l->number - 1, TOP_BOLD, "Rate");
    col += l->number + (l->sparks ? l->spark + 1 : 0);
    top_right(s, 3, col, l->number - 2, TOP_BOLD, "Live");
    top_right(s, 3, col + l->number - 2, 8, TOP_BOLD, "Flows");
}

static void draw_alert(struct top_screen *s, int row, const struct top_alert *alert)
{
    char time[40];

    output_time(alert->time, time, sizeof(time));
    time[19] = '\0';
    top_text(s, row, 0, 8, TOP_DIM, time + 11);
    top_text(s, row, 9, s->cols - 9,
             alert->level <= 3   ? TOP_RED
             : alert->level == 4 ? TOP_YELLOW
                                 : TOP_PLAIN,
             alert->text);
}

static const char *empty_text(const struct top_model *model, const struct top_view *view)
{
    if (view->filter[0])
        return "Nothing has this in its name.";
    if (view->kind == TOP_VIEW_ALERTS)
        return "No alerts.";
    return model->time ? "Nothing yet." : "Waiting for the monitor...";
}

static void draw_list(struct top_screen *s, const struct top_model *model, struct top_view *view)
{
    static const int numbers[TOP_VIEWS] = {2, 2, 2, 2, 0}, sparks[TOP_VIEWS] = {2, 1, 1, 1, 0};
    const struct layout l =
        layout_of(s, numbers[view->kind], sparks[view->kind], longest_name(model, view));
    const int room = s->rows - FIRST_ROW - 1;
    uint32_t *order = calloc(TOP_KEYS_MAX, sizeof(*order));
    size_t count;

    if (!order)
        return;
    count = top_order(model, view, order);
    if (view->scroll >= count)
        view->scroll = count ? count - 1 : 0;
    if (room > 0 && count > (size_t)room && view->scroll > count - (size_t)room)
        view->scroll = count - (size_t)room;
    if (room > 0 && count <= (size_t)room)
        view->scroll = 0;
    if (view->kind == TOP_VIEW_PORTS)
        port_titles(s, &l);
    else if (view->kind == TOP_VIEW_ALERTS)
        top_text(s, 3, 0, s->cols, TOP_BOLD, "Time     Alert");
    else
        key_titles(s, &l, view->kind);
    if (!count)
        top_text(s, FIRST_ROW, 0, s->cols, TOP_DIM, empty_text(model, view));
    for (int i = 0; i < room && view->scroll + (size_t)i < count; i++) {
        const uint32_t at = order[view->scroll + (size_t)i];

        if (view->kind == TOP_VIEW_PORTS)
            draw_port(s, FIRST_ROW + i, &l, &model->ports[at], view->ascii);
        else if (view->kind == TOP_VIEW_ALERTS)
            draw_alert(s, FIRST_ROW + i, &model->alerts[at]);
        else
            draw_key(s, FIRST_ROW + i, &l, &model->lists[view->kind - TOP_VIEW_TALKERS].rows[at],
                     view->ascii);
    }
    free(order);
}

void top_draw(struct top_screen *s, const struct top_model *model, struct top_view *view)
{
    memset(s->cells, 0, (size_t)s->rows * (size_t)s->cols * sizeof(*s->cells));
    draw_header(s, model, view);
    draw_state(s, model);
    if (!view->plain)
        draw_tabs(s, model, view);
    if (view->help)
        draw_help(s);
    else
        draw_list(s, model, view);
    draw_bottom(s, view);
}
