/* SPDX-License-Identifier: ISC */
#include "traffic_page.h"
#include "output.h"
#include "traffic_style.h"
#include "utf8.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS   12U
#define MATRIX 10U

void traffic_text(FILE *out, const char *text)
{
    const char *const end = text + strlen(text);

    while (text < end) {
        bool show;
        const size_t length = utf8_next(text, (size_t)(end - text), &show);

        if (!show)
            fputs("\xef\xbf\xbd", out); /* the sign for what cannot be shown */
        else if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '"')
            fputs("&quot;", out);
        else if (*text == '\'')
            fputs("&#39;", out);
        else
            fwrite(text, 1, length, out);
        text += length ? length : 1;
    }
}

const char *traffic_bytes(double bytes, char *text, size_t size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    unsigned unit = 0;

    while (bytes >= 999.5 && unit < 5) {
        bytes /= 1000;
        unit++;
    }
    snprintf(text, size, bytes < 9.95 && unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

/* "1,234,567" */
static const char *grouped(uint64_t number, char *text, size_t size)
{
    char digits[24];
    size_t used = 0;

    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    for (size_t i = 0, left = strlen(digits); digits[i] && used + 2 < size; i++, left--) {
        if (i && left % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = 0;
    return text;
}

static const char *time_text(uint64_t ns, char *text, size_t size)
{
    output_time(ns, text, size);
    /* "2026-11-22T10:11:12.345Z" is for machines. */
    if (strlen(text) > 19) {
        text[10] = ' ';
        text[19] = 0;
    }
    return text;
}

static void cell_bytes(FILE *out, uint64_t bytes)
{
    char text[32];

    fprintf(out, "<td class=\"n\">%s</td>", traffic_bytes((double)bytes, text, sizeof(text)));
}

static void cell_number(FILE *out, uint64_t number)
{
    char text[32];

    fprintf(out, "<td class=\"n\">%s</td>", grouped(number, text, sizeof(text)));
}

static void cell_text(FILE *out, const char *class, const char *text)
{
    fprintf(out, "<td class=\"%s\">", class);
    traffic_text(out, text);
    fputs("</td>", out);
}

static void section(FILE *out, const char *title, const char *note)
{
    fprintf(out, "<section><h2>%s</h2>\n", title);
    if (note)
        fprintf(out, "<p class=\"note\">%s</p>\n", note);
}

/* --- the head --------------------------------------------------------------------------------- */

static void tile(FILE *out, const char *value, const char *what, bool bad)
{
    fprintf(out, "<div%s><b>%s</b><span>%s</span></div>\n", bad ? " class=\"bad\"" : "", value,
            what);
}

static uint64_t lost(const struct traffic *t)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < t->loss_count; i++)
        sum += t->losses[i].count;
    return sum;
}

static void head(FILE *out, const struct traffic *t, const char *source)
{
    char a[40], b[40], text[40];

    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'\">\n<title>Traffic of ",
          out);
    traffic_text(out, source);
    fputs("</title>\n<style>\n" TRAFFIC_STYLE "</style></head>\n<body>\n<header><h1>Traffic of ",
          out);
    traffic_text(out, source);
    fprintf(out, "</h1>\n<p>%s to %s UTC</p></header>\n", time_text(t->first, a, sizeof(a)),
            time_text(t->last, b, sizeof(b)));
    fputs("<div class=\"tiles\">\n", out);
    tile(out, traffic_bytes((double)t->bytes, text, sizeof(text)),
         t->live ? "in conversations that go on" : "in all", false);
    tile(out, grouped(t->frames, text, sizeof(text)), "frames", false);
    tile(out, grouped(t->flows, text, sizeof(text)), "conversations", false);
    tile(out, grouped(t->live ? t->guests.count - 1 : t->who.count - 1, text, sizeof(text)),
         t->live ? "ports" : "endpoints", false);
    tile(out, grouped(t->alert_count + t->alerts_more, text, sizeof(text)), "alerts",
         t->alert_count != 0);
    tile(out, grouped(lost(t), text, sizeof(text)), "lost or not understood", lost(t) != 0);
    fputs("</div>\n", out);
}

/* --- tables ----------------------------------------------------------------------------------- */

static void bar(FILE *out, uint64_t bytes, uint64_t highest)
{
    fprintf(out, "<td class=\"bar\"><i style=\"width:%.1f%%\"></i></td>",
            highest ? 100.0 * (double)bytes / (double)highest : 0);
}

static void ranking(FILE *out, const char *title, const char *column, const char *note,
                    const struct traffic_table *table)
{
    uint32_t numbers[ROWS];
    const uint32_t count = traffic_greatest(table, numbers, ROWS);

    section(out, title, note);
    if (!count) {
        fputs("<p>None was seen.</p></section>\n", out);
        return;
    }
    fprintf(out,
            "<div class=\"wide\"><table><thead><tr><th>%s</th><th></th><th class=\"n\">Bytes</th>"
            "<th class=\"n\">Conversations</th></tr></thead>\n<tbody>\n",
            column);
    for (uint32_t i = 0; i < count; i++) {
        const struct traffic_entry *entry = &table->entries[numbers[i]];

        fputs("<tr>", out);
        cell_text(out, "s", entry->name);
        bar(out, entry->bytes, table->entries[numbers[0]].bytes);
        cell_bytes(out, entry->bytes);
        cell_number(out, entry->flows);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>", out);
    if (table->count - 1 > count)
        fprintf(out, "<p class=\"note\">%u more are not shown.</p>", table->count - 1 - count);
    fputs("</section>\n", out);
}

static void talkers(FILE *out, const struct traffic *t)
{
    const struct traffic_table *table = traffic_curves(t);
    uint32_t numbers[ROWS];
    const uint32_t count = traffic_greatest(table, numbers, ROWS);

    section(out, t->live ? "Ports" : "Who had most traffic",
            t->live ? "Totals since the monitor knows the port." : NULL);
    fputs("<div class=\"wide\"><table><thead><tr><th>Who</th><th></th><th class=\"n\">Sent</th>"
          "<th class=\"n\">Received</th><th class=\"n\">Frames</th><th "
          "class=\"n\">Conversations</th></tr></thead>\n<tbody>\n",
          out);
    for (uint32_t i = 0; i < count; i++) {
        const struct traffic_entry *entry = &table->entries[numbers[i]];

        fputs("<tr>", out);
        cell_text(out, "s", entry->name);
        bar(out, entry->bytes, table->entries[numbers[0]].bytes);
        cell_bytes(out, entry->out);
        cell_bytes(out, entry->in);
        cell_number(out, entry->frames);
        cell_number(out, entry->flows);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>", out);
    if (table->count - 1 > count)
        fprintf(out, "<p class=\"note\">%u more are not shown.</p>", table->count - 1 - count);
    fputs("</section>\n", out);
}

/* --- who with whom ---------------------------------------------------------------------------- */

static void add_pairs(const struct traffic *t, const uint32_t *place, uint64_t *cells,
                      uint32_t size)
{
    for (uint32_t i = 0; i < t->span_count; i++) {
        const uint32_t a = place[t->spans[i].side[0]], b = place[t->spans[i].side[1]];

        cells[a * size + b] += t->spans[i].bytes;
        if (a != b)
            cells[b * size + a] += t->spans[i].bytes;
    }
}

static void matrix_cells(FILE *out, const uint64_t *row, uint32_t size, uint64_t highest)
{
    char text[32];

    for (uint32_t i = 0; i < size; i++) {
        if (!row[i]) {
            fputs("<td></td>", out);
            continue;
        }
        fprintf(out, "<td style=\"background:rgba(var(--bar),%.2f)\">%s</td>",
                0.06 + 0.44 * (double)row[i] / (double)highest,
                traffic_bytes((double)row[i], text, sizeof(text)));
    }
}

static void matrix(FILE *out, const struct traffic *t)
{
    uint32_t numbers[MATRIX], *place = calloc(t->who.count, sizeof(*place));
    const uint32_t count = traffic_greatest(&t->who, numbers, MATRIX), size = count + 1;
    uint64_t cells[(MATRIX + 1) * (MATRIX + 1)] = {0}, highest = 1;

    if (!place || !count) {
        free(place);
        return;
    }
    /* All others are the last. */
    for (uint32_t i = 0; i < t->who.count; i++)
        place[i] = count;
    for (uint32_t i = 0; i < count; i++)
        place[numbers[i]] = i;
    add_pairs(t, place, cells, size);
    free(place);
    for (uint32_t i = 0; i < size * size; i++)
        highest = cells[i] > highest ? cells[i] : highest;
    section(out, "Who with whom",
            "Bytes of both directions between rows and columns, which have the rows' "
            "numbers; the stronger the colour, the more.");
    fputs("<div class=\"wide\"><table class=\"matrix\"><thead><tr><th></th>", out);
    /* Columns by the numbers of their rows: names are long. */
    for (uint32_t i = 0; i < count; i++) {
        fputs("<th title=\"", out);
        traffic_text(out, t->who.entries[numbers[i]].name);
        fprintf(out, "\">%u</th>", i + 1);
    }
    fputs("<th>others</th></tr></thead>\n<tbody>\n", out);
    for (uint32_t i = 0; i < size; i++) {
        fputs("<tr><th>", out);
        if (i < count)
            fprintf(out, "%u. ", i + 1);
        traffic_text(out, i < count ? t->who.entries[numbers[i]].name : "others");
        fputs("</th>", out);
        matrix_cells(out, cells + i * size, size, highest);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div></section>\n", out);
}

/* --- alerts, flows, losses -------------------------------------------------------------------- */

static void alerts(FILE *out, const struct traffic *t)
{
    char text[40];

    section(out, "Alerts", NULL);
    if (!t->alert_count) {
        fputs("<p>There was none.</p></section>\n", out);
        return;
    }
    fputs("<div class=\"wide\"><table><thead><tr><th>When (UTC)</th><th>What</th><th>Who</th>"
          "<th>Evidence</th><th class=\"n\">Again</th></tr></thead>\n<tbody>\n",
          out);
    for (uint32_t i = t->alert_count; i-- > 0;) {
        const struct traffic_alert *alert = &t->alerts[i];

        fputs("<tr>", out);
        cell_text(out, "w", time_text(alert->time, text, sizeof(text)));
        cell_text(out, alert->severity <= 4 ? "w bad" : "w", alert->kind);
        cell_text(out, "s", alert->who);
        cell_text(out, "s", alert->evidence);
        cell_number(out, alert->suppressed);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>", out);
    if (t->alerts_more)
        fprintf(out, "<p class=\"note\">%" PRIu64 " older ones are not shown.</p>", t->alerts_more);
    fputs("</section>\n", out);
}

static void put_kind(FILE *out, const struct traffic_flow *f)
{
    static const char *const applications[] = {"", "DNS ", "TLS ", "HTTP "};
    char text[TRAFFIC_NAME];

    fputs("<td class=\"s\">", out);
    fputs(traffic_protocol(f->family, f->protocol, f->ethertype, text, sizeof(text)), out);
    if ((f->family == 4 || f->family == 6) && (f->protocol == 6 || f->protocol == 17))
        fprintf(out, " %u", f->port);
    if (f->name[0]) {
        fprintf(out, "<br>%s", f->application < 4 ? applications[f->application] : "");
        traffic_text(out, f->name);
    }
    fputs("</td>", out);
}

static void largest(FILE *out, const struct traffic *t)
{
    char text[40], length[40];

    section(out, "Largest conversations",
            "Who began it comes first. A conversation that went on for long is told of in parts.");
    fputs("<div class=\"wide\"><table><thead><tr><th>Began (UTC)</th><th class=\"n\">Took</th>"
          "<th>From</th><th>To</th><th>What</th><th class=\"n\">Sent</th><th class=\"n\">Received"
          "</th><th class=\"n\">Frames</th></tr></thead>\n<tbody>\n",
          out);
    for (uint32_t i = 0; i < t->largest_count; i++) {
        const struct traffic_flow *f = &t->largest[i];

        fputs("<tr>", out);
        cell_text(out, "w", time_text(f->first, text, sizeof(text)));
        cell_text(out, "n", output_duration(f->last - f->first, length, sizeof(length)));
        cell_text(out, "s", f->side[0]);
        cell_text(out, "s", f->side[1]);
        put_kind(out, f);
        cell_bytes(out, f->bytes[0]);
        cell_bytes(out, f->bytes[1]);
        cell_number(out, f->frames);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div></section>\n", out);
}

static void losses(FILE *out, const struct traffic *t)
{
    section(out, "What is missing", NULL);
    if (!t->loss_count)
        fputs("<p>Nothing was lost.</p>\n", out);
    else
        fputs("<table><tbody>\n", out);
    for (uint32_t i = 0; i < t->loss_count; i++) {
        fputs("<tr>", out);
        cell_text(out, "s", t->losses[i].what);
        cell_number(out, t->losses[i].count);
        fputs("</tr>\n", out);
    }
    fputs(t->loss_count ? "</tbody></table></section>\n" : "</section>\n", out);
}

void traffic_page(FILE *out, const struct traffic *t, const char *source, uint64_t now)
{
    char text[40];

    head(out, t, source);
    section(out, "Over time",
            t->live ? "Bits a second of frames from and to each port, in each minute of the last "
                      "two hours; grey: all that ports have sent."
                    : "Bits a second of the greatest endpoints, both directions; grey: all. A "
                      "conversation's bytes are spread evenly over its time.");
    traffic_plot(out, t);
    fputs("</section>\n", out);
    talkers(out, t);
    matrix(out, t);
    fputs("<div class=\"columns\">\n", out);
    ranking(out, "Protocols", "Protocol", NULL, &t->protocols);
    ranking(out, "Services", "Port", "By the port of who was asked.", &t->ports);
    fputs("</div>\n", out);
    ranking(out, "Names", "Name",
            "As DNS queries, TLS and HTTP showed them in clear; of their conversations.",
            &t->names);
    alerts(out, t);
    largest(out, t);
    losses(out, t);
    fprintf(out, "<footer>Made at %s UTC by Atoll, version " ATOLL_VERSION ".</footer>\n",
            time_text(now, text, sizeof(text)));
    fputs("</body></html>\n", out);
}
