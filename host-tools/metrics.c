/* SPDX-License-Identifier: ISC */
#include "metrics.h"
#include "command_line.h"
#include "control_client.h"
#include "control_service.h"
#include "interrupt.h"
#include "metrics_http.h"
#include "metrics_text.h"
#include "session.h"
#include "values.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A service that is hung shall not take all of Prometheus' patience, 10 s by default. */
#define PATIENCE_MS 2500

/* Services are not asked more often, whoever asks for the page. */
#define FRESH_NS UINT64_C(1000000000)

#define TEXTFILE "atoll.prom"

struct metrics {
    bool once, help;
    const char *textfile, *listen;
    uint32_t interval_s; /* 0: once */
    unsigned verbose;
    int count; /* of @ref services; 0: all */
    char *const *services;
    struct session session;
    uint64_t made; /* when the page was made; 0: never */
    char *page;
    size_t length;
};

static const char help[] =
    "Usage: atoll metrics --once | --textfile DIR | --listen [ADDRESS:]PORT [SERVICE...]\n"
    "What services count, as text for Prometheus: those that are named, or all.\n\n"
    "Options:\n"
    "  -1, --once              to standard output\n"
    "  -t, --textfile DIR      to " TEXTFILE " in DIR, for node_exporter\n"
    "  -i, --interval SEC      with --textfile: again every SEC seconds, until interrupted\n"
    "  -l, --listen [ADDR:]PORT  serve http://ADDR:PORT/metrics; ADDR by default 127.0.0.1\n"
    "  -v, --verbose           Xen's libraries speak, too\n"
    "  -h, --help              show this\n"
    "\nMore: atoll-metrics(1).\n";

static int usage_error(const char *what, const char *value)
{
    return command_usage_error("metrics", stderr, what, value);
}

static int take_option(struct metrics *m, int ch, const char *arg)
{
    switch (ch) {
    case '1':
        m->once = true;
        return 0;
    case 't':
        m->textfile = arg;
        return 0;
    case 'i':
        return value_number(arg, 1, 86400, &m->interval_s)
                   ? 0
                   : usage_error("--interval takes 1 to 86400 (seconds), not", arg);
    case 'l':
        m->listen = arg;
        return metrics_http_address(arg)
                   ? 0
                   : usage_error("--listen takes PORT or ADDRESS:PORT, an IPv6 address in "
                                 "brackets, not",
                                 arg);
    case 'v':
        m->verbose++;
        return 0;
    default:
        m->help = true;
        return 0;
    }
}

static int parse(int argc, char *const argv[], struct metrics *m)
{
    static const struct option options[] = {
        {"once", no_argument, NULL, '1'},
        {"textfile", required_argument, NULL, 't'},
        {"interval", required_argument, NULL, 'i'},
        {"listen", required_argument, NULL, 'l'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int ch, rc;

    memset(m, 0, sizeof(*m));
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":1t:i:l:vh", options, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option("metrics", ch, argv, stderr);
        rc = take_option(m, ch, optarg);
        if (rc)
            return rc;
    }
    m->count = argc - optind;
    m->services = argv + optind;
    if (!m->help && m->once + !!m->textfile + !!m->listen != 1)
        return usage_error("one of --once, --textfile and --listen is to be given", NULL);
    return m->interval_s && !m->textfile ? usage_error("--interval goes with --textfile", NULL) : 0;
}

/* --- the services ----------------------------------------------------------------------------- */

/* Whether it answers, in *@runs, and what it counts. What is wrong is said in @r, which the client
 * goes on to use until it is closed. */
static void collect(struct report *r, const struct service_settings *settings, bool *runs,
                    struct control_client **client, struct statistics *all)
{
    int rc = control_client_open(r, settings, PATIENCE_MS, client);

    if (!rc)
        rc = statistics_collect(r, *client, PATIENCE_MS, all);
    *runs = !rc;
}

/* Ask one whether it runs, and then what it counts. That it is down, or does not answer, is in the
 * text, and told by -v. 0, or an exit code reported: nothing can be asked here at all. */
static int ask(struct metrics *m, struct metrics_text *text,
               const struct service_settings *settings)
{
    const uint64_t start = report_now_ns();
    struct report *r = &m->session.report;
    struct statistics *all = statistics_create();
    struct control_client *client = NULL;
    const struct control_peer *peer;
    struct report_kept kept;
    bool there = false, runs = false, good;
    char line[160];
    int rc;

    if (!all || !report_keep(&kept, r)) {
        statistics_free(all);
        return report_fail(r, ATOLL_FAILURE, "out of memory");
    }
    rc = control_service_runs(r, settings, &there);
    if (!rc && there)
        collect(&kept.report, settings, &runs, &client, all);
    if (!rc) {
        peer = client ? control_client_peer(client) : NULL;
        good = metrics_text_service(text, settings->name, runs, peer ? peer->domid : 0,
                                    peer ? peer->version : NULL, report_now_ns() - start) &&
               (!runs || metrics_text_add(text, settings->name, all));
        if (!good)
            rc = report_fail(r, ATOLL_FAILURE, "out of memory");
    }
    control_client_close(client);
    report_kept_end(&kept, line, sizeof(line));
    if (there && !runs)
        report_step(r, "%s: %s", settings->name, line);
    statistics_free(all);
    return rc;
}

static int ask_all(struct metrics *m, struct metrics_text *text)
{
    const struct config *config = &m->session.config;
    int rc = 0;

    for (int i = 0; i < m->count && !rc; i++)
        rc = ask(m, text, config_find(config, m->services[i]));
    if (m->count)
        return rc;
    session_add_records(&m->session);
    for (unsigned i = 0; i < config->count && !rc; i++)
        rc = ask(m, text, &config->services[i]);
    return rc;
}

/* Make the page. 0, or an exit code reported. */
static int make(struct metrics *m)
{
    struct metrics_text *text = metrics_text_create();
    int rc = text ? ask_all(m, text) : 0;
    FILE *out;

    free(m->page);
    m->page = NULL;
    out = text && !rc ? open_memstream(&m->page, &m->length) : NULL;
    if (out) {
        metrics_text_print(text, out);
        if (ferror(out) | fclose(out)) {
            free(m->page);
            m->page = NULL;
        }
    }
    metrics_text_free(text);
    m->made = report_now_ns();
    if (!rc && !m->page)
        rc = report_fail(&m->session.report, ATOLL_FAILURE, "out of memory");
    return rc;
}

/* --- where it goes ---------------------------------------------------------------------------- */

static int print_once(struct metrics *m)
{
    int rc = make(m);

    if (!rc && (fwrite(m->page, 1, m->length, stdout) != m->length || fflush(stdout)))
        rc = report_fail(&m->session.report, ATOLL_FAILURE,
                         "cannot write all of it to standard output; is the disk full?");
    return rc;
}

/* The whole file or the one before: node_exporter reads at any time. */
static int write_textfile(struct metrics *m)
{
    char name[4096], temporary[4112];
    int rc = make(m), fd;
    FILE *out;

    if (rc)
        return rc;
    if (snprintf(name, sizeof(name), "%s/" TEXTFILE, m->textfile) >= (int)sizeof(name))
        return report_fail(&m->session.report, ATOLL_USAGE, "the name of the folder is too long");
    snprintf(temporary, sizeof(temporary), "%s.XXXXXX", name);
    fd = mkostemp(temporary, O_CLOEXEC);
    out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out)
        return report_fail(&m->session.report, errno == EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                           "cannot write in %s (%s)", m->textfile, strerror(errno));
    fwrite(m->page, 1, m->length, out);
    /* For node_exporter, who is somebody else. */
    rc = fchmod(fd, 0644) || ferror(out);
    rc = fclose(out) || rc || rename(temporary, name);
    if (!rc)
        return 0;
    rc = errno;
    unlink(temporary);
    return report_fail(&m->session.report, ATOLL_FAILURE, "cannot write %s (%s)", name,
                       strerror(rc));
}

static int textfile(struct metrics *m)
{
    int rc = write_textfile(m);

    if (!m->interval_s)
        return rc;
    interrupt_install();
    while (!interrupt_pending()) {
        struct pollfd p = {.fd = interrupt_fd(), .events = POLLIN};

        if (poll(&p, 1, (int)m->interval_s * 1000) == 0)
            rc = write_textfile(m);
    }
    return rc;
}

static char *page(void *context, size_t *length)
{
    struct metrics *m = context;
    char *copy;

    if ((!m->made || report_now_ns() - m->made >= FRESH_NS) && make(m))
        return NULL;
    copy = m->page ? malloc(m->length + 1) : NULL;
    if (copy)
        memcpy(copy, m->page, m->length + 1);
    *length = m->length;
    return copy;
}

/* All names are to be known before anything is served. */
static int check_names(struct metrics *m)
{
    const struct service_settings *settings;
    int rc = 0;

    for (int i = 0; i < m->count && !rc; i++)
        rc = session_find(&m->session, m->services[i], &settings);
    return rc;
}

int metrics_main(int argc, char *const argv[])
{
    struct metrics m;
    int rc = parse(argc, argv, &m);

    if (rc)
        return rc;
    if (m.help) {
        fputs(help, stdout);
        return ATOLL_OK;
    }
    rc = session_begin(&m.session, "metrics", NULL, m.verbose);
    if (!rc)
        rc = check_names(&m);
    /* What cannot be asked at all will not be served, either. */
    if (!rc && m.listen)
        rc = make(&m);
    if (!rc)
        rc = m.listen
                 ? metrics_http_serve(&m.session.report, m.listen, page, &m, METRICS_HTTP_LIMIT_MS)
             : m.textfile ? textfile(&m)
                          : print_once(&m);
    free(m.page);
    session_end(&m.session);
    return rc;
}
