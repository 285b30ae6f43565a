/* SPDX-License-Identifier: ISC */
#include "common/log.h"

#include <hv/console.h>
#include <hv/time.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOG_SIZE_MIN 4096U

/** Of its memory, what one line is expected to take: lines are short, on average. */
#define LOG_LINE_SHARE 96U

/** What is known of a line beside its text. */
struct line {
    uint64_t time;
    uint64_t start; /**< of its text, counted over all text that was ever written */
    uint16_t length;
    uint8_t level;
};

/**
 * Two rings: of lines, found by sequence number modulo @ref line_room, and of their texts, found by
 * @ref line.start modulo @ref text_room. A line is kept as long as it is in both.
 */
struct log {
    struct hv *hv;
    log_listener_fn *listener;
    void *context;
    bool telling;     /**< the listener is being told */
    uint64_t oldest;  /**< sequence numbers */
    uint64_t newest;  /**< oldest - 1 where there is no line */
    uint64_t written; /**< bytes of text so far */
    size_t line_room, text_room;
    char *text;
    struct line lines[];
};

/** Format a line of printable ASCII without an end; its length, or -1. */
__attribute__((format(printf, 2, 0))) static int format_line(char line[LOG_LINE_MAX + 1],
                                                             const char *format, va_list arguments)
{
    int length = vsnprintf(line, LOG_LINE_MAX + 1, format, arguments);

    if (length > (int)LOG_LINE_MAX)
        length = LOG_LINE_MAX;
    for (int i = 0; i < length; i++)
        if (line[i] < ' ' || line[i] > '~')
            line[i] = '?';
    return length;
}

struct log *log_create(struct hv *hv, void *memory, size_t size)
{
    struct log *log = memory;
    size_t room = size - sizeof(*log);

    HV_ASSERT(size >= LOG_SIZE_MIN && (uintptr_t)memory % _Alignof(struct log) == 0);
    *log = (struct log){.hv = hv, .oldest = 1, .line_room = room / LOG_LINE_SHARE};
    log->text = (char *)&log->lines[log->line_room];
    log->text_room = room - log->line_room * sizeof(log->lines[0]);
    return log;
}

void log_set_listener(struct log *log, log_listener_fn *listener, void *context)
{
    log->listener = listener;
    log->context = context;
}

static struct line *line_of(struct log *log, uint64_t sequence)
{
    return &log->lines[sequence % log->line_room];
}

/** Copy into the ring of texts, around its end. */
static void text_put(struct log *log, uint64_t start, const char *text, size_t length)
{
    size_t at = start % log->text_room, first = log->text_room - at;

    if (first > length)
        first = length;
    memcpy(log->text + at, text, first);
    memcpy(log->text, text + first, length - first);
}

static void text_get(const struct log *log, uint64_t start, char *text, size_t length)
{
    size_t at = start % log->text_room, first = log->text_room - at;

    if (first > length)
        first = length;
    memcpy(text, log->text + at, first);
    memcpy(text + first, log->text, length - first);
}

static void keep(struct log *log, enum log_level level, const char *text, size_t length)
{
    while (log->oldest <= log->newest &&
           (log->newest - log->oldest + 1 == log->line_room ||
            log->written + length - line_of(log, log->oldest)->start > log->text_room))
        log->oldest++;
    log->newest++;
    *line_of(log, log->newest) = (struct line){
        .time = hv_wallclock(log->hv),
        .start = log->written,
        .length = (uint16_t)length,
        .level = (uint8_t)level,
    };
    text_put(log, log->written, text, length);
    log->written += length;
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX + 1];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = format_line(line, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;

    keep(log, level, line, (size_t)length);
    line[length] = '\n';
    hv_console_write(log->hv, line, (size_t)length + 1);
    if (log->listener && !log->telling) {
        log->telling = true;
        log->listener(log->context);
        log->telling = false;
    }
}

uint64_t log_newest(const struct log *log)
{
    return log->newest;
}

bool log_read(const struct log *log, uint64_t from, struct log_entry *entry)
{
    const struct line *line;

    if (from < log->oldest)
        from = log->oldest;
    if (from > log->newest)
        return false;
    line = &log->lines[from % log->line_room];
    entry->sequence = from;
    entry->time = line->time;
    entry->level = line->level;
    entry->length = line->length;
    text_get(log, line->start, entry->text, line->length);
    return true;
}

void log_line(struct hv *hv, const char *format, ...)
{
    char line[LOG_LINE_MAX + 1];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = format_line(line, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    line[length] = '\n';
    hv_console_write(hv, line, (size_t)length + 1);
}
