/* SPDX-License-Identifier: ISC */
#include "output.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TABLE_COLUMNS_MAX 24u
#define TABLE_GAP         2u /* blanks between columns */

struct cell {
    char *text; /* escaped: what is printed */
    enum tint tint;
};

/* The cells of all rows, one row after the other. */
struct table {
    const char *const *columns;
    size_t column_count, width[TABLE_COLUMNS_MAX];
    struct cell *cells;
    size_t count, room;
    bool failed; /* no memory: nothing is printed rather than half of it */
};

bool output_colour(FILE *out)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    if (no_color && *no_color)
        return false;
    return term && *term && strcmp(term, "dumb") != 0 && isatty(fileno(out));
}

static const char *tint_begin(enum tint tint)
{
    static const char *const sequences[] = {
        [TINT_NONE] = "",        [TINT_GOOD] = "\033[32m", [TINT_WARN] = "\033[33m",
        [TINT_BAD] = "\033[31m", [TINT_DIM] = "\033[2m",
    };

    return sequences[tint];
}

void output_tint(FILE *out, bool colour, enum tint tint)
{
    if (colour)
        fputs(tint == TINT_NONE ? "\033[0m" : tint_begin(tint), out);
}

void output_escape(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const unsigned char ch = (unsigned char)text[i];

        if (ch == '\\')
            fputs("\\\\", out);
        else if (ch >= ' ' && ch <= '~')
            fputc(ch, out);
        else
            fprintf(out, "\\x%02x", ch);
    }
}

char *output_escaped(const char *text, size_t length)
{
    char *escaped = NULL;
    size_t size;
    FILE *memory = open_memstream(&escaped, &size);

    if (!memory)
        return NULL;
    output_escape(memory, text, length);
    if (fclose(memory)) {
        free(escaped);
        return NULL;
    }
    return escaped;
}

struct table *table_create(const char *const columns[])
{
    struct table *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->columns = columns;
    while (t->column_count < TABLE_COLUMNS_MAX && columns[t->column_count]) {
        const char *title = columns[t->column_count];

        t->width[t->column_count++] = strlen(title) - (*title == '>');
    }
    return t;
}

static char *format_escaped(const char *format, va_list ap) __attribute__((format(printf, 1, 0)));

static char *format_escaped(const char *format, va_list ap)
{
    char *plain, *escaped;
    int length = vasprintf(&plain, format, ap);

    if (length < 0)
        return NULL;
    escaped = output_escaped(plain, (size_t)length);
    free(plain);
    return escaped;
}

void table_cell(struct table *t, enum tint tint, const char *format, ...)
{
    struct cell cell = {.tint = tint};
    size_t column, width;
    va_list ap;

    if (!t)
        return;
    if (t->count == t->room) {
        const size_t room = t->room ? 2 * t->room : 64;
        struct cell *grown = reallocarray(t->cells, room, sizeof(*grown));

        if (!grown) {
            t->failed = true;
            return;
        }
        t->cells = grown;
        t->room = room;
    }
    va_start(ap, format);
    cell.text = format_escaped(format, ap);
    va_end(ap);
    if (!cell.text) {
        t->failed = true;
        return;
    }
    column = t->count % t->column_count;
    width = strlen(cell.text);
    if (width > t->width[column])
        t->width[column] = width;
    t->cells[t->count++] = cell;
}

/* One cell or title, padded but for what would be blanks at the line's end. */
static void print_cell(const struct table *t, FILE *out, size_t column, const char *text,
                       const char *begin)
{
    const bool right = t->columns[column][0] == '>';
    const bool last = column + 1 == t->column_count;
    const int pad = (int)(t->width[column] - strlen(text));

    if (right)
        fprintf(out, "%*s", pad, "");
    fprintf(out, "%s%s%s", begin, text, *begin ? "\033[0m" : "");
    if (!right && !last)
        fprintf(out, "%*s", pad, "");
    if (last)
        fputc('\n', out);
    else
        fprintf(out, "%*s", (int)TABLE_GAP, "");
}

static void print_rows(const struct table *t, FILE *out)
{
    const bool colour = output_colour(out);

    for (size_t i = 0; i < t->column_count; i++)
        print_cell(t, out, i, t->columns[i] + (t->columns[i][0] == '>'), colour ? "\033[1m" : "");
    /* Cells of a row that nobody completed are left out. */
    for (size_t i = 0; i < t->count - t->count % t->column_count; i++)
        print_cell(t, out, i % t->column_count, t->cells[i].text,
                   colour ? tint_begin(t->cells[i].tint) : "");
}

void table_free(struct table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i].text);
    free(t->cells);
    free(t);
}

void table_print(struct table *t, FILE *out, const char *empty)
{
    if (!t || t->failed)
        fputs("atoll: no memory for the table\n", stderr);
    else if (t->count >= t->column_count)
        print_rows(t, out);
    else
        fprintf(out, "%s\n", empty);
    table_free(t);
}

/* @value / @unit with one digit behind the point, cut, not rounded: 59.99 s is not yet 60.0 s. */
static const char *with_tenths(uint64_t value, uint64_t unit, const char *name, char *text,
                               size_t size)
{
    snprintf(text, size, "%llu.%llu %s", (unsigned long long)(value / unit),
             (unsigned long long)(value % unit * 10 / unit), name);
    return text;
}

const char *output_duration(uint64_t ns, char *text, size_t size)
{
    const uint64_t s = ns / 1000000000u, days = s / 86400;
    const unsigned hours = (unsigned)(s / 3600 % 24), minutes = (unsigned)(s / 60 % 60);

    if (days)
        snprintf(text, size, "%llu day%s %02u:%02u", (unsigned long long)days, days == 1 ? "" : "s",
                 hours, minutes);
    else if (s >= 60)
        snprintf(text, size, "%02u:%02u:%02u", hours, minutes, (unsigned)(s % 60));
    else if (s)
        return with_tenths(ns, 1000000000u, "s", text, size);
    else if (ns >= 1000000u)
        return with_tenths(ns, 1000000u, "ms", text, size);
    else if (ns >= 1000u)
        return with_tenths(ns, 1000u, "us", text, size);
    else
        snprintf(text, size, "%u ns", (unsigned)ns);
    return text;
}

const char *output_bytes(uint64_t bytes, char *text, size_t size)
{
    static const char *const names[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned step = 0;

    if (bytes < 1024) {
        snprintf(text, size, "%u B", (unsigned)bytes);
        return text;
    }
    while (step + 2 < 7 && bytes >> (10 * (step + 2)))
        step++;
    return with_tenths(bytes, UINT64_C(1) << (10 * (step + 1)), names[step], text, size);
}

const char *output_time(uint64_t ns, char *text, size_t size)
{
    const time_t s = (time_t)(ns / 1000000000u);
    char date[32];
    struct tm tm;

    gmtime_r(&s, &tm);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, size, "%s.%03uZ", date, (unsigned)(ns / 1000000u % 1000));
    return text;
}
