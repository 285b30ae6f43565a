/* SPDX-License-Identifier: ISC */
#include "top_screen.h"
#include "output.h"
#include "top_draw.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool top_screen_init(struct top_screen *screen, int rows, int cols)
{
    screen->rows = rows < 1 ? 1 : rows > TOP_ROWS_MAX ? TOP_ROWS_MAX : rows;
    screen->cols = cols < 1 ? 1 : cols > TOP_COLS_MAX ? TOP_COLS_MAX : cols;
    screen->cells = calloc((size_t)screen->rows * (size_t)screen->cols, sizeof(*screen->cells));
    return screen->cells != NULL;
}

void top_screen_free(struct top_screen *screen)
{
    free(screen->cells);
    screen->cells = NULL;
}

void top_char(struct top_screen *s, int row, int col, uint8_t attribute, uint32_t ch)
{
    if (row >= 0 && row < s->rows && col >= 0 && col < s->cols)
        s->cells[row * s->cols + col] = (struct top_cell){ch, attribute};
}

int top_text(struct top_screen *s, int row, int col, int width, uint8_t attribute, const char *text)
{
    int used = 0;

    for (; text[used] && used < width; used++)
        top_char(s, row, col + used, attribute, (unsigned char)text[used]);
    if (text[used] && width > 0)
        top_char(s, row, col + width - 1, attribute, '~');
    return col + used;
}

int top_format(struct top_screen *s, int row, int col, uint8_t attribute, const char *format, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    return top_text(s, row, col, s->cols - col, attribute, text);
}

void top_right(struct top_screen *s, int row, int col, int width, uint8_t attribute,
               const char *text)
{
    const int length = (int)strlen(text);

    /* Half a number is another number. */
    if (col + width > s->cols)
        return;
    top_text(s, row, col + (length < width ? width - length : 0), width, attribute, text);
}

void top_fill(struct top_screen *s, int row, uint8_t attribute)
{
    for (int col = 0; col < s->cols; col++)
        top_char(s, row, col, attribute, ' ');
}

/* Each character stands for some seconds of the history; it shows their highest. */
void top_spark(struct top_screen *s, int row, int col, int width, bool ascii,
               const uint32_t history[TOP_HISTORY], uint32_t highest)
{
    static const char plain[] = " .:-=+*#@";
    const unsigned each =
        width >= (int)TOP_HISTORY ? 1 : (TOP_HISTORY + (unsigned)width - 1) / (unsigned)width;
    const int shown = (int)((TOP_HISTORY + each - 1) / each);

    for (int i = 0; i < shown && i < width; i++) {
        uint32_t peak = 0;
        unsigned level;

        for (unsigned j = 0; j < each && (unsigned)i * each + j < TOP_HISTORY; j++) {
            const uint32_t value = history[(unsigned)i * each + j];

            peak = value > peak ? value : peak;
        }
        /* Whatever there was shows, be it ever so little. */
        level = highest ? (unsigned)((uint64_t)peak * 8 / highest) : 0;
        level = peak && !level ? 1 : level;
        if (level)
            top_char(s, row, col + width - 1 - i, TOP_CYAN,
                     ascii ? (uint32_t)plain[level] : 0x2580 + level);
    }
}

static void put_utf8(FILE *out, uint32_t ch)
{
    if (ch < 0x80) {
        fputc((int)ch, out);
        return;
    }
    fputc((int)(0xe0 | ch >> 12), out);
    fputc((int)(0x80 | (ch >> 6 & 0x3f)), out);
    fputc((int)(0x80 | (ch & 0x3f)), out);
}

void top_screen_print(const struct top_screen *s, FILE *out)
{
    for (int row = 0; row < s->rows; row++) {
        const struct top_cell *cells = s->cells + row * s->cols;
        int end = s->cols;

        while (end && (!cells[end - 1].ch || cells[end - 1].ch == ' '))
            end--;
        for (int col = 0; col < end; col++)
            put_utf8(out, cells[col].ch ? cells[col].ch : ' ');
        fputc('\n', out);
    }
}
