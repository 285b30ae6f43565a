/* SPDX-License-Identifier: ISC */
#include "stats.h"
#include "command_line.h"
#include "control_client.h"
#include "control_service.h"
#include "interrupt.h"
#include "output.h"
#include "session.h"
#include "stats_table.h"
#include "values.h"
#include <getopt.h>
#include <poll.h>
#include <string.h>
#include <time.h>

struct stats {
    bool json, help;
    uint32_t watch_s; /* 0: once */
    unsigned verbose;
    int count; /* of @ref services; 0: all that run */
    char *const *services;
    struct session session;
    json_t *array; /* with --json: the services so far */
    bool several;  /* others were shown before */
};

static const char help[] =
    "Usage: atoll stats [SERVICE...] [OPTION...]\n"
    "Show what services count: those that are named, or all that run.\n\n"
    "Options:\n"
    "  -w, --watch SEC  again every SEC seconds, until interrupted (Ctrl-C)\n"
    "  -j, --json       for scripts; with --watch one line each time\n"
    "  -v, --verbose    Xen's libraries speak, too\n"
    "  -h, --help       show this\n"
    "\nMore: atoll-stats(1).\n";

static int take_option(struct stats *stats, int ch, const char *arg)
{
    switch (ch) {
    case 'w':
        if (!value_number(arg, 1, 86400, &stats->watch_s))
            return command_usage_error("stats", stderr, "--watch takes 1 to 86400 (seconds), not",
                                       arg);
        return 0;
    case 'j':
        stats->json = true;
        return 0;
    case 'v':
        stats->verbose++;
        return 0;
    default:
        stats->help = true;
        return 0;
    }
}

static int parse(int argc, char *const argv[], struct stats *stats)
{
    static const struct option options[] = {
        {"watch", required_argument, NULL, 'w'},
        {"json", no_argument, NULL, 'j'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int ch, rc;

    memset(stats, 0, sizeof(*stats));
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":w:jvh", options, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option("stats", ch, argv, stderr);
        rc = take_option(stats, ch, optarg);
        if (rc)
            return rc;
    }
    stats->count = argc - optind;
    stats->services = argv + optind;
    return 0;
}

static void show(struct stats *stats, const char *name, const struct control_peer *peer,
                 const struct statistics *all)
{
    json_t *object;

    if (!stats->json) {
        printf("%s%s (domain %u), version %s\n\n", stats->several ? "\n" : "", name, peer->domid,
               peer->version);
        statistics_print(all, stdout);
        return;
    }
    object = json_object();
    json_object_set_new(object, "service", json_string(name));
    json_object_set_new(object, "domid", json_integer(peer->domid));
    json_object_set_new(object, "version", json_string(peer->version));
    json_object_set_new(object, "statistics", statistics_json(all));
    json_array_append_new(stats->array, object);
}

static int one(struct stats *stats, const struct service_settings *settings)
{
    struct statistics *all = statistics_create();
    struct control_client *client = NULL;
    int rc;

    if (!all)
        return report_fail(&stats->session.report, ATOLL_FAILURE, "out of memory");
    rc = control_client_open(&stats->session.report, settings, CONTROL_TIMEOUT_MS, &client);
    if (!rc)
        rc = statistics_collect(&stats->session.report, client, CONTROL_TIMEOUT_MS, all);
    if (!rc) {
        show(stats, settings->name, control_client_peer(client), all);
        stats->several = true;
    }
    control_client_close(client);
    statistics_free(all);
    return rc;
}

static int all_named(struct stats *stats)
{
    const struct service_settings *settings;
    int worst = 0;

    for (int i = 0; i < stats->count && worst != ATOLL_INTERRUPTED; i++) {
        int rc = session_find(&stats->session, stats->services[i], &settings);

        if (!rc)
            rc = one(stats, settings);
        worst = rc && worst != ATOLL_USAGE ? rc : worst;
    }
    return worst;
}

static int all_running(struct stats *stats)
{
    const struct config *config = &stats->session.config;
    bool runs, any = false;
    int worst = 0;

    session_add_records(&stats->session);
    for (unsigned i = 0; i < config->count && worst != ATOLL_INTERRUPTED; i++) {
        int rc = control_service_runs(&stats->session.report, &config->services[i], &runs);

        if (rc)
            return rc;
        any |= runs;
        if (runs)
            rc = one(stats, &config->services[i]);
        worst = rc ? rc : worst;
    }
    if (!any)
        return report_fail(&stats->session.report, ATOLL_NOT_RUNNING,
                           "no service is running; start one with `atoll start SERVICE`");
    return worst;
}

static int show_all(struct stats *stats)
{
    int rc;

    stats->array = stats->json ? json_array() : NULL;
    stats->several = false;
    rc = stats->count ? all_named(stats) : all_running(stats);
    if (stats->array)
        output_json(stdout, stats->array, !stats->watch_s);
    if ((fflush(stdout) || ferror(stdout)) && !rc)
        rc = report_fail(&stats->session.report, ATOLL_FAILURE,
                         "cannot write all of it to standard output; is the disk full?");
    return rc;
}

/* Until interrupted, which is its proper end; a service that is away is waited for. */
static int watch(struct stats *stats)
{
    int rc = show_all(stats);

    interrupt_install();
    while (rc != ATOLL_INTERRUPTED && rc != ATOLL_USAGE && !interrupt_pending()) {
        struct pollfd p = {.fd = interrupt_fd(), .events = POLLIN};
        char time[40];
        struct timespec now;

        if (poll(&p, 1, (int)stats->watch_s * 1000) != 0)
            break;
        clock_gettime(CLOCK_REALTIME, &now);
        if (!stats->json)
            printf("\n--- %s\n\n",
                   output_time((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, time,
                               sizeof(time)));
        rc = show_all(stats);
    }
    return interrupt_pending() ? ATOLL_OK : rc;
}

int stats_main(int argc, char *const argv[])
{
    struct stats stats;
    int rc = parse(argc, argv, &stats);

    if (rc)
        return rc;
    if (stats.help) {
        fputs(help, stdout);
        return ATOLL_OK;
    }
    rc = session_begin(&stats.session, "stats", stats.count == 1 ? stats.services[0] : NULL,
                       stats.verbose);
    if (!rc)
        rc = stats.watch_s ? watch(&stats) : show_all(&stats);
    session_end(&stats.session);
    return rc;
}
