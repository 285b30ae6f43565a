/* SPDX-License-Identifier: ISC */
/**
 * @file log.h
 * Lines for the operator: on the console of the service's domain, and kept for `atoll logs`.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <hv/hv.h>

/** The longest line, without what the console adds; the rest of a longer one is cut off. */
#define LOG_LINE_MAX 256U

/** How much it matters; the numbers are syslog's. */
enum log_level {
    LOG_ERROR = 3,
    LOG_WARNING = 4,
    LOG_NOTICE = 5,
    LOG_INFO = 6,
    LOG_DEBUG = 7,
};

/** One line that is kept. */
struct log_entry {
    uint64_t sequence; /**< from 1, without gaps */
    uint64_t time;     /**< hv_wallclock() */
    enum log_level level;
    size_t length;
    char text[LOG_LINE_MAX]; /**< printable ASCII, no NUL */
};

struct log;

/** Told of each new line, so that streams go on; not of those that it writes itself. */
typedef void log_listener_fn(void *context);

/**
 * A log that keeps the newest lines in the @size bytes at @memory (at least 4096, page aligned),
 * which it lives in itself and which stay the caller's. Older lines give way.
 */
struct log *log_create(struct hv *hv, void *memory, size_t size);

/** Whom to tell of new lines; NULL: nobody. */
void log_set_listener(struct log *log, log_listener_fn *listener, void *context);

/** Write one line; bytes of it that are not printable ASCII are shown as '?'. */
void log_write(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The sequence number of the newest line; 0: there is none. */
uint64_t log_newest(const struct log *log);

/**
 * The first line kept whose sequence number is at least @from, into @entry; a higher number than
 * asked for says how many gave way. False: there is none yet.
 */
bool log_read(const struct log *log, uint64_t from, struct log_entry *entry);

/** One line on the console alone: for start-up, before there is a log. */
void log_line(struct hv *hv, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
