/* SPDX-License-Identifier: ISC */
#include "logs.h"
#include "command_line.h"
#include "common/log.h"
#include "control_client.h"
#include "output.h"
#include "session.h"
#include "values.h"
#include <getopt.h>
#include <string.h>

struct logs {
    bool follow, json, help, colour;
    uint32_t limit; /* 0: all that are kept */
    unsigned verbose;
    const char *service;
};

static const char help[] =
    "Usage: atoll logs SERVICE [OPTION...]\n"
    "Show the lines that a service has logged and still keeps, oldest first.\n\n"
    "Options:\n"
    "  -f, --follow    go on with new lines as they come, until interrupted (Ctrl-C)\n"
    "  -n, --lines N   the last N lines only\n"
    "  -j, --json      one object a line\n"
    "  -v, --verbose   Xen's libraries speak, too\n"
    "  -h, --help      show this\n"
    "\nMore: atoll-logs(1).\n";

static int take_option(struct logs *logs, int ch, const char *arg)
{
    switch (ch) {
    case 'f':
        logs->follow = true;
        return 0;
    case 'j':
        logs->json = true;
        return 0;
    case 'n':
        if (!value_number(arg, 1, 1000000, &logs->limit))
            return command_usage_error("logs", stderr, "--lines takes 1 to 1000000, not", arg);
        return 0;
    case 'v':
        logs->verbose++;
        return 0;
    default:
        logs->help = true;
        return 0;
    }
}

static int parse(int argc, char *const argv[], struct logs *logs)
{
    static const struct option options[] = {
        {"follow", no_argument, NULL, 'f'}, {"lines", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},   {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},   {NULL, 0, NULL, 0},
    };
    int ch, rc;

    memset(logs, 0, sizeof(*logs));
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":fn:jvh", options, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option("logs", ch, argv, stderr);
        rc = take_option(logs, ch, optarg);
        if (rc)
            return rc;
    }
    if (logs->help)
        return 0;
    if (optind == argc)
        return command_usage_error("logs", stderr, "which service?", NULL);
    if (optind + 1 < argc)
        return command_usage_error("logs", stderr, "one service at a time, not also",
                                   argv[optind + 1]);
    logs->service = argv[optind];
    return 0;
}

static enum tint level_tint(uint64_t level)
{
    if (level <= LOG_ERROR)
        return TINT_BAD;
    if (level <= LOG_WARNING)
        return TINT_WARN;
    return level >= LOG_DEBUG ? TINT_DIM : TINT_NONE;
}

/* Syslog's levels; what a service means by another is its own business. */
static const char *level_name(uint64_t level)
{
    static const char *const names[] = {"emergency", "alert",  "critical", "error",
                                        "warning",   "notice", "info",     "debug"};

    return level < sizeof(names) / sizeof(names[0]) ? names[level] : "?";
}

static void print_line(const struct logs *logs, const struct control_reader *fields)
{
    const uint64_t lost = control_number(fields, CONTROL_F_LOST, 0);
    const uint64_t level = control_number(fields, CONTROL_F_LEVEL, LOG_INFO);
    struct control_field text;
    char time[40];

    if (lost)
        printf("... %llu lines are not kept any more\n", (unsigned long long)lost);
    if (!control_find(fields, CONTROL_F_TEXT, &text))
        return;
    printf("%s ", output_time(control_number(fields, CONTROL_F_TIME, 0), time, sizeof(time)));
    output_tint(stdout, logs->colour, level_tint(level));
    printf("%-7s ", level_name(level));
    output_escape(stdout, (const char *)text.value, text.length);
    output_tint(stdout, logs->colour, TINT_NONE);
    putchar('\n');
}

static int show(struct session *session, const struct logs *logs, struct control_client *client)
{
    struct control_writer *request = control_client_begin(client, CONTROL_T_LOGS);
    struct control_answer answer;
    int rc;

    if (logs->limit)
        control_put_number(request, CONTROL_F_LIMIT, logs->limit);
    if (logs->follow)
        control_put_number(request, CONTROL_F_FOLLOW, 1);
    rc = control_client_send(client);
    while (!rc) {
        rc = control_client_next(client, logs->follow ? -1 : CONTROL_TIMEOUT_MS, &answer);
        if (rc || answer.kind != CONTROL_ITEM)
            break;
        if (logs->json)
            output_json(stdout, output_fields(&answer.fields), false);
        else
            print_line(logs, &answer.fields);
        if (logs->follow)
            fflush(stdout);
    }
    if (rc == ATOLL_INTERRUPTED) {
        control_client_cancel(client);
        return logs->follow ? ATOLL_OK : rc; /* nothing else ends it */
    }
    if (!rc && (fflush(stdout) || ferror(stdout)))
        rc = report_fail(&session->report, ATOLL_FAILURE,
                         "cannot write all of it to standard output; is the disk full?");
    return rc;
}

int logs_main(int argc, char *const argv[])
{
    const struct service_settings *settings;
    struct control_client *client = NULL;
    struct session session;
    struct logs logs;
    int rc = parse(argc, argv, &logs);

    if (rc)
        return rc;
    if (logs.help) {
        fputs(help, stdout);
        return ATOLL_OK;
    }
    logs.colour = output_colour(stdout);
    rc = session_begin(&session, "logs", logs.service, logs.verbose);
    if (!rc)
        rc = session_find(&session, logs.service, &settings);
    if (!rc)
        rc = control_client_open(&session.report, settings, CONTROL_TIMEOUT_MS, &client);
    if (!rc)
        rc = show(&session, &logs, client);
    control_client_close(client);
    session_end(&session);
    return rc;
}
