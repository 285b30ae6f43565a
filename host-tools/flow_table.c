/* SPDX-License-Identifier: ISC */
#include "flow_print.h"
#include "flow_text.h"
#include "output.h"
#include "values.h"
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define GAP 2u

typedef void cell_fn(const struct flow_view *flow, size_t width, char *text, size_t size);

/* A column. The first that are there always; the others in the order of their rank, as long as the
 * line has room for all that are there at their least width. */
struct column {
    const char *title;
    cell_fn *cell;
    bool right;
    size_t least; /* characters that will do; 0: it is never cut */
    unsigned rank;
};

static void from_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    flow_endpoint(flow, 0, width, text, size);
}

static void to_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    flow_endpoint(flow, 1, width, text, size);
}

static void protocol_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    flow_protocol(&flow->record, text, size);
}

static void number_cell(uint64_t number, char *text, size_t size)
{
    snprintf(text, size, "%llu", (unsigned long long)number);
}

static void frames_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    number_cell(flow_frames(&flow->record), text, size);
}

static void bytes_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    output_bytes(flow_bytes(&flow->record), text, size);
}

static void sent_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    output_bytes(flow->record.side[0].bytes, text, size);
}

static void received_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    output_bytes(flow->record.side[1].bytes, text, size);
}

static void start_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    output_time(flow->record.first, text, size);
}

static void duration_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    output_duration(flow_duration(&flow->record), text, size);
}

static void rtt_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    if (flow->record.rtt)
        output_duration((uint64_t)flow->record.rtt * 1000, text, size);
    else
        snprintf(text, size, "-");
}

static void vlan_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    if (flow->record.vid[0] && flow->record.vid[1])
        snprintf(text, size, "%u.%u", flow->record.vid[0], flow->record.vid[1]);
    else if (flow->record.vid[0])
        number_cell(flow->record.vid[0], text, size);
    else
        snprintf(text, size, "-");
}

static void end_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    snprintf(text, size, "%s", flow_end_name(flow->record.end));
}

static void name_cell(const struct flow_view *flow, size_t width, char *text, size_t size)
{
    flow_name(flow, width, text, size);
}

static const struct column columns[] = {
    {"From", from_cell, false, 21, 0},     {"To", to_cell, false, 21, 0},
    {"Proto", protocol_cell, false, 0, 0}, {"VLAN", vlan_cell, true, 0, 6},
    {"Frames", frames_cell, true, 0, 2},   {"Bytes", bytes_cell, true, 0, 0},
    {"Sent", sent_cell, true, 0, 7},       {"Received", received_cell, true, 0, 7},
    {"Started", start_cell, false, 0, 5},  {"Lasted", duration_cell, true, 0, 3},
    {"RTT", rtt_cell, true, 0, 8},         {"End", end_cell, false, 0, 4},
    {"Name", name_cell, false, 14, 1},
};

enum { FROM = 0, TO = 1, NAME = 12, COLUMNS = 13 };
_Static_assert(sizeof(columns) / sizeof(columns[0]) == COLUMNS, "columns");

#define RANKS 9u
#define TINY  8u /* characters of an end, in a terminal that is too narrow */

struct layout {
    size_t natural[COLUMNS]; /* as wide as its widest cell */
    bool used[COLUMNS];      /* some flow has something to say there */
    size_t width[COLUMNS];   /* 0: left out */
};

size_t flow_print_width(FILE *out)
{
    const char *forced = getenv("COLUMNS");
    struct winsize size;
    uint32_t width;

    if (forced && value_number(forced, 20, 10000, &width))
        return width;
    return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 0;
}

static void measure(struct layout *layout, const struct flow_view *flow)
{
    char text[2 * FLOW_TEXT];

    for (size_t i = 0; i < COLUMNS; i++) {
        size_t length;

        columns[i].cell(flow, 0, text, sizeof(text));
        length = strlen(text);
        if (length > layout->natural[i])
            layout->natural[i] = length;
        layout->used[i] |= length && strcmp(text, "-") != 0;
    }
}

static size_t least(const struct layout *layout, size_t i)
{
    const size_t title = strlen(columns[i].title);
    size_t width = layout->natural[i] > title ? layout->natural[i] : title;

    if (columns[i].least && columns[i].least < width)
        width = columns[i].least;
    return width;
}

static size_t total(const struct layout *layout)
{
    size_t sum = 0;

    for (size_t i = 0; i < COLUMNS; i++)
        sum += layout->width[i] ? layout->width[i] + GAP : 0;
    return sum ? sum - GAP : 0;
}

static bool grow_by_one(struct layout *layout, size_t i, size_t line)
{
    if (!layout->width[i] || layout->width[i] >= layout->natural[i] ||
        (line && total(layout) >= line))
        return false;
    layout->width[i]++;
    return true;
}

static void choose(struct layout *layout, size_t line)
{
    for (unsigned rank = 0; rank < RANKS; rank++) {
        size_t need = total(layout) + (rank ? GAP : 0);
        bool any = false;

        for (size_t i = 0; i < COLUMNS; i++) {
            if (columns[i].rank == rank && (rank == 0 || layout->used[i])) {
                need += least(layout, i) + (any ? GAP : 0);
                any = true;
            }
        }
        if (!any || (rank && line && need > line))
            continue;
        for (size_t i = 0; i < COLUMNS; i++) {
            if (columns[i].rank == rank && (rank == 0 || layout->used[i]))
                layout->width[i] = least(layout, i);
        }
    }
    /* What is left goes to the name, then to the others that are cut, one character each in turn;
     * what is missing is taken from the two ends. */
    while (grow_by_one(layout, NAME, line)) {
    }
    for (bool more = true; more;)
        more = grow_by_one(layout, FROM, line) | grow_by_one(layout, TO, line);
    while (line && total(layout) > line && layout->width[FROM] > TINY) {
        layout->width[FROM]--;
        layout->width[TO] =
            layout->width[FROM] < layout->width[TO] ? layout->width[FROM] : layout->width[TO];
    }
}

static void print_row(const struct layout *layout, const char *const texts[], FILE *out)
{
    size_t blanks = 0;
    bool first = true;

    for (size_t i = 0; i < COLUMNS; i++) {
        const size_t length = strlen(texts[i]);
        size_t pad;

        if (!layout->width[i])
            continue;
        pad = layout->width[i] > length ? layout->width[i] - length : 0;
        blanks += first ? 0 : GAP;
        first = false;
        if (columns[i].right)
            blanks += pad;
        if (length) { /* no blanks at the end of a line */
            fprintf(out, "%*s%s", (int)blanks, "", texts[i]);
            blanks = 0;
        }
        if (!columns[i].right)
            blanks += pad;
    }
    fputc('\n', out);
}

static void print_titles(const struct layout *layout, FILE *out)
{
    const bool colour = output_colour(out);
    const char *texts[COLUMNS];

    for (size_t i = 0; i < COLUMNS; i++)
        texts[i] = columns[i].title;
    fputs(colour ? "\033[1m" : "", out);
    print_row(layout, texts, out);
    output_tint(out, colour, TINT_NONE);
}

static void print_flow(const struct layout *layout, const struct flow_view *flow, FILE *out)
{
    static char cells[COLUMNS][2 * FLOW_TEXT];
    const char *texts[COLUMNS];

    for (size_t i = 0; i < COLUMNS; i++) {
        cells[i][0] = '\0';
        if (layout->width[i])
            columns[i].cell(flow, layout->width[i], cells[i], sizeof(cells[i]));
        texts[i] = cells[i];
    }
    print_row(layout, texts, out);
}

int flow_print_table(struct flow_store *store, size_t limit, size_t width, const char *empty,
                     FILE *out)
{
    const size_t count = limit && limit < flow_store_count(store) ? limit : flow_store_count(store);
    struct layout layout = {.natural = {0}};
    struct flow_view flow;
    int rc;

    if (!count) {
        fprintf(out, "%s\n", empty);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        rc = flow_store_get(store, i, &flow);
        if (rc)
            return rc;
        measure(&layout, &flow);
    }
    choose(&layout, width);
    print_titles(&layout, out);
    for (size_t i = 0; i < count; i++) {
        rc = flow_store_get(store, i, &flow);
        if (rc)
            return rc;
        print_flow(&layout, &flow, out);
    }
    return 0;
}

void flow_print_line(const struct flow_view *flow, size_t width, FILE *out)
{
    char from[FLOW_TEXT], to[FLOW_TEXT], protocol[16], bytes[32], time[40], name[2 * FLOW_TEXT];
    const size_t fixed = 24 + 2 + 4 + 6 + 1 + 9 + 1; /* time, gaps, arrow, protocol, bytes */
    const size_t room = width > fixed + 40 ? (width - fixed) / 2 : width ? 20 : 0;
    size_t used;

    output_time(flow->record.last, time, sizeof(time));
    flow_endpoint(flow, 0, room, from, sizeof(from));
    flow_endpoint(flow, 1, room, to, sizeof(to));
    flow_protocol(&flow->record, protocol, sizeof(protocol));
    output_bytes(flow_bytes(&flow->record), bytes, sizeof(bytes));
    /* In the narrowest terminal the time of day will do. */
    used = (size_t)fprintf(out, "%s %s > %s %s %s", width && width < 100 ? time + 11 : time, from,
                           to, protocol, bytes);
    if (!width || used + 12 < width)
        used += (size_t)fprintf(out, " %s", flow_end_name(flow->record.end));
    if (flow->record.name_length + flow->record.detail_length && (!width || used + 8 < width))
        fprintf(out, " %s", flow_name(flow, width ? width - used - 1 : 0, name, sizeof(name)));
    fputc('\n', out);
}
