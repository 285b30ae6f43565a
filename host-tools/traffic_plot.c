/* SPDX-License-Identifier: ISC */
/* Curves over time, as SVG. */
#include "traffic_page.h"
#include <string.h>
#include <time.h>

#define WIDTH  960
#define HEIGHT 300
#define LEFT   76
#define RIGHT  12
#define TOP    14
#define BOTTOM 34

#define NS_PER_S UINT64_C(1000000000)

static double x_of(double bucket)
{
    return LEFT + bucket * (WIDTH - LEFT - RIGHT) / (TRAFFIC_BUCKETS - 1);
}

static double y_of(double value, double top)
{
    return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
}

/* Bits a second. */
static double rate(const struct traffic *t, uint64_t bytes)
{
    return (double)bytes * 8e9 / (double)t->bucket;
}

/* 1, 2 or 5 times a power of ten, so that five lines or less are enough. */
static double step_for(double highest)
{
    double power = 1;

    while (power * 50 < highest)
        power *= 10;
    return power * 5 >= highest    ? power
           : power * 10 >= highest ? power * 2
           : power * 25 >= highest ? power * 5
                                   : power * 10;
}

static const char *rate_text(double bits, char *text, size_t size)
{
    static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
    unsigned unit = 0;

    while (bits >= 1000 && unit < 4) {
        bits /= 1000;
        unit++;
    }
    snprintf(text, size, "%.4g %s", bits, units[unit]);
    return text;
}

static void rate_axis(FILE *out, double top, double step)
{
    char text[32];

    for (double at = 0; at <= top * 1.0001; at += step) {
        const double y = y_of(at, top);

        fprintf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT,
                WIDTH - RIGHT, y, y);
        fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT - 8, y + 4,
                rate_text(at, text, sizeof(text)));
    }
}

static void time_axis(FILE *out, const struct traffic *t)
{
    const uint64_t span = t->bucket * TRAFFIC_BUCKETS;

    for (unsigned i = 0; i <= 6; i++) {
        const double bucket = (double)i * (TRAFFIC_BUCKETS - 1) / 6;
        const time_t seconds = (time_t)((t->first + span / 6 * i) / NS_PER_S);
        char text[40];
        struct tm tm;

        gmtime_r(&seconds, &tm);
        /* Milliseconds where seconds do not tell the ends apart. */
        if (span < 10 * NS_PER_S)
            snprintf(text, sizeof(text), "+%.3g s", (double)(span / 6 * i) / 1e9);
        else if (span >= 172800 * NS_PER_S)
            strftime(text, sizeof(text), "%d %b %H:%M", &tm);
        else if (span >= 600 * NS_PER_S)
            strftime(text, sizeof(text), "%H:%M", &tm);
        else
            strftime(text, sizeof(text), "%H:%M:%S", &tm);
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", x_of(bucket),
                HEIGHT - 12,
                i == 0   ? "start"
                : i == 6 ? "end"
                         : "middle",
                text);
    }
}

static void put_area(FILE *out, const struct traffic *t, double top)
{
    fprintf(out, "<path class=\"all\" d=\"M%.1f %.1f", x_of(0), y_of(0, top));
    for (unsigned i = 0; i < TRAFFIC_BUCKETS; i++)
        fprintf(out, "L%.1f %.1f", x_of(i), y_of(rate(t, t->total[i]), top));
    fprintf(out, "L%.1f %.1fZ\"/>\n", x_of(TRAFFIC_BUCKETS - 1), y_of(0, top));
}

static void put_curve(FILE *out, const struct traffic *t, const struct traffic_entry *entry,
                      unsigned number, double top)
{
    fprintf(out, "<path class=\"curve " TRAFFIC_COLOUR_CLASS "%u\" d=\"M", number);
    for (unsigned i = 0; i < TRAFFIC_BUCKETS; i++)
        fprintf(out, "%s%.1f %.1f", i ? "L" : "", x_of(i), y_of(rate(t, entry->series[i]), top));
    fputs("\"><title>", out);
    traffic_text(out, entry->name);
    fputs("</title></path>\n", out);
}

static double highest_of(const struct traffic *t, const uint32_t *numbers, uint32_t count)
{
    const struct traffic_table *table = traffic_curves(t);
    double highest = 1;

    for (unsigned i = 0; i < TRAFFIC_BUCKETS; i++) {
        if (rate(t, t->total[i]) > highest)
            highest = rate(t, t->total[i]);
        for (uint32_t n = 0; n < count; n++) {
            const uint64_t *series = table->entries[numbers[n]].series;

            if (series && rate(t, series[i]) > highest)
                highest = rate(t, series[i]);
        }
    }
    return highest;
}

static void legend(FILE *out, const struct traffic_table *table, const uint32_t *numbers,
                   uint32_t count)
{
    fputs("<ul class=\"legend\"><li><i class=\"all\"></i>all traffic</li>\n", out);
    for (uint32_t i = 0; i < count; i++) {
        if (!table->entries[numbers[i]].series)
            continue;
        fprintf(out, "<li><i class=\"" TRAFFIC_COLOUR_CLASS "%u\"></i>", i);
        traffic_text(out, table->entries[numbers[i]].name);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
}

void traffic_plot(FILE *out, const struct traffic *t)
{
    const struct traffic_table *table = traffic_curves(t);
    uint32_t numbers[TRAFFIC_CURVES];
    const uint32_t count = traffic_greatest(table, numbers, TRAFFIC_CURVES);
    const double highest = highest_of(t, numbers, count), step = step_for(highest);
    double top = step;

    while (top < highest)
        top += step;
    legend(out, table, numbers, count);
    fprintf(out,
            "<div class=\"wide\"><svg viewBox=\"0 0 %d %d\" role=\"img\" "
            "aria-label=\"Traffic over time\">\n",
            WIDTH, HEIGHT);
    rate_axis(out, top, step);
    time_axis(out, t);
    put_area(out, t, top);
    for (uint32_t i = count; i-- > 0;) {
        if (table->entries[numbers[i]].series)
            put_curve(out, t, &table->entries[numbers[i]], i, top);
    }
    fputs("</svg></div>\n", out);
}
