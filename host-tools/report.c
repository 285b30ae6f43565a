/* SPDX-License-Identifier: ISC */
#include "report.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t report_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Keep a line; the oldest lines go when there is no room. */
static void log_append(struct report *r, const char *line, size_t len)
{
    if (len > sizeof(r->log))
        len = sizeof(r->log);
    if (r->log_len + len > sizeof(r->log)) {
        size_t drop = r->log_len + len - sizeof(r->log);
        const char *nl = memchr(r->log + drop, '\n', r->log_len - drop);

        drop = nl ? (size_t)(nl - r->log) + 1 : r->log_len;
        memmove(r->log, r->log + drop, r->log_len - drop);
        r->log_len -= drop;
    }
    memcpy(r->log + r->log_len, line, len);
    r->log_len += len;
}

__attribute__((format(printf, 5, 0))) static void vmessage(xentoollog_logger *logger,
                                                           xentoollog_level level, int errnoval,
                                                           const char *context, const char *format,
                                                           va_list al)
{
    struct report *r = (struct report *)logger;
    char text[512], line[640];
    int n;

    if (r->verbose < 2 && level < XTL_WARN)
        return;
    vsnprintf(text, sizeof(text), format, al);
    text[strcspn(text, "\n")] = '\0';
    n = snprintf(line, sizeof(line), "    %s: %s: %s%s%s\n", context ? context : "xen",
                 xtl_level_to_string(level), text, errnoval >= 0 ? ": " : "",
                 errnoval >= 0 ? strerror(errnoval) : "");
    if (n <= 0)
        return;
    if ((size_t)n >= sizeof(line)) {
        n = sizeof(line) - 1;
        line[n - 1] = '\n';
    }
    if (r->verbose >= 2)
        fwrite(line, 1, (size_t)n, r->out);
    else
        log_append(r, line, (size_t)n);
}

static void destroy(xentoollog_logger *logger)
{
    (void)logger; /* the report belongs to the command, not to the library */
}

void report_init(struct report *r, const char *asked, FILE *out, unsigned verbose)
{
    memset(r, 0, sizeof(*r));
    r->logger.vmessage = vmessage;
    r->logger.destroy = destroy;
    r->asked = asked;
    r->out = out;
    r->verbose = verbose;
    r->start_ns = r->last_ns = report_now_ns();
}

void report_step(struct report *r, const char *fmt, ...)
{
    uint64_t now;
    va_list ap;

    if (!r->verbose)
        return;
    now = report_now_ns();
    fprintf(r->out, "%9.3f ms %+9.3f  ", (double)(now - r->start_ns) / 1e6,
            (double)(now - r->last_ns) / 1e6);
    va_start(ap, fmt);
    vfprintf(r->out, fmt, ap);
    va_end(ap);
    fputc('\n', r->out);
    r->last_ns = report_now_ns(); /* printing is no step's time */
}

static void say(struct report *r, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void say(struct report *r, const char *fmt, va_list ap)
{
    fprintf(r->out, "atoll: %s: ", r->asked);
    vfprintf(r->out, fmt, ap);
    fputc('\n', r->out);
    fflush(r->out);
}

void report_note(struct report *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(r, fmt, ap);
    va_end(ap);
}

int report_fail(struct report *r, enum atoll_exit code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(r, fmt, ap);
    va_end(ap);
    if (r->log_len) {
        fwrite(r->log, 1, r->log_len, r->out);
        r->log_len = 0;
    }
    return (int)code;
}

bool report_keep(struct report_kept *kept, const struct report *r)
{
    FILE *out;

    memset(kept, 0, sizeof(*kept));
    out = open_memstream(&kept->text, &kept->length);
    if (!out)
        return false;
    report_init(&kept->report, r->asked, out, 0);
    return true;
}

void report_kept_end(struct report_kept *kept, char *line, size_t size)
{
    const size_t prefix = strlen("atoll: ") + strlen(kept->report.asked) + strlen(": ");
    const char *first = "";

    fclose(kept->report.out);
    if (kept->text && kept->length > prefix)
        first = kept->text + prefix;
    snprintf(line, size, "%.*s", (int)strcspn(first, "\n"), first);
    free(kept->text);
    kept->text = NULL;
}
