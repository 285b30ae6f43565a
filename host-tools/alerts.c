/* SPDX-License-Identifier: ISC */
#include "alerts.h"
#include "command_line.h"
#include "flow_text.h"
#include "monitor_ports.h"
#include "output.h"
#include "values.h"
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <syslog.h>

struct alerts {
    bool follow, json, syslog, help, colour;
    bool limited;   /* --lines was given */
    uint32_t limit; /* the last so many; may be 0 */
    unsigned verbose;
    const char *service;
};

static const char help[] =
    "Usage: atoll alerts [OPTION...]\n"
    "       atoll alerts limits [OPTION...]\n"
    "       atoll alerts set NAME VALUE [OPTION...]\n"
    "Show what the packet monitor has found worth attention: scans, floods, spoofed addresses,\n"
    "DHCP servers and rates where they do not belong; or see and set what counts as that.\n\n"
    "Options:\n"
    "  -f, --follow         go on with new ones as they come, until interrupted (Ctrl-C)\n"
    "  -n, --lines N        the last N only; 0: with --follow, only new ones\n"
    "      --syslog         into the system's log (and the journal) instead of here\n"
    "  -s, --service NAME   of another monitor than " MONITOR_SERVICE "\n"
    "  -j, --json           one object a line\n"
    "  -v, --verbose        Xen's libraries speak, too\n"
    "  -h, --help           show this\n"
    "\nMore: atoll-alerts(1).\n";

enum { SYSLOG = 256 };

static int take(struct alerts *alerts, int ch, const char *arg)
{
    switch (ch) {
    case 'f':
        alerts->follow = true;
        return 0;
    case 'j':
        alerts->json = true;
        return 0;
    case 'n':
        alerts->limited = true;
        return value_number(arg, 0, 1000000, &alerts->limit)
                   ? 0
                   : command_usage_error("alerts", stderr, "--lines takes 0 to 1000000, not", arg);
    case 's':
        alerts->service = arg;
        return 0;
    case 'v':
        alerts->verbose++;
        return 0;
    case SYSLOG:
        alerts->syslog = true;
        return 0;
    default:
        alerts->help = true;
        return 0;
    }
}

static int parse(int argc, char *const argv[], struct alerts *alerts)
{
    static const struct option all[] = {
        {"follow", no_argument, NULL, 'f'},        {"lines", required_argument, NULL, 'n'},
        {"syslog", no_argument, NULL, SYSLOG},     {"json", no_argument, NULL, 'j'},
        {"service", required_argument, NULL, 's'}, {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    int ch, rc;

    memset(alerts, 0, sizeof(*alerts));
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":fn:js:vh", all, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option("alerts", ch, argv, stderr);
        rc = take(alerts, ch, optarg);
        if (rc)
            return rc;
    }
    if (alerts->help)
        return 0;
    if (optind < argc)
        return command_usage_error("alerts", stderr, "there is no subcommand", argv[optind]);
    if (alerts->syslog && alerts->json)
        return command_usage_error("alerts", stderr, "--syslog and --json: one of both", NULL);
    return 0;
}

static enum tint level_tint(uint64_t level)
{
    return level <= LOG_ERR ? TINT_BAD : level == LOG_WARNING ? TINT_WARN : TINT_NONE;
}

static void add(char *text, size_t size, const char *before, const char *bytes, size_t length)
{
    const size_t used = strlen(text) + strlen(before);

    if (used + 8 >= size)
        return;
    strcat(text, before);
    flow_escape(bytes, length, text + used, size - used);
}

void alert_text(const struct control_reader *alert, char *text, size_t size)
{
    const uint64_t suppressed = control_number(alert, CONTROL_F_SUPPRESSED, 0);
    struct control_field field;
    struct monitor_port port;
    size_t used;

    text[0] = '\0';
    if (control_find(alert, CONTROL_F_KIND, &field))
        add(text, size, "", (const char *)field.value, field.length);
    monitor_port_read(alert, &port);
    used = strlen(text);
    if (control_find(alert, CONTROL_F_DOMID, &field))
        snprintf(text + used, size - used, " of %s", port.name);
    if (control_find(alert, CONTROL_F_TEXT, &field))
        add(text, size, ": ", (const char *)field.value, field.length);
    used = strlen(text);
    if (suppressed)
        snprintf(text + used, size - used, " (and %llu like it since the last one that was told)",
                 (unsigned long long)suppressed);
}

static void print_alert(const struct alerts *alerts, const struct control_reader *alert)
{
    static const char *const levels[] = {"emergency", "alert",  "critical", "error",
                                         "warning",   "notice", "info",     "debug"};
    const uint64_t level = control_number(alert, CONTROL_F_LEVEL, LOG_WARNING);
    char time[40], text[1024];

    alert_text(alert, text, sizeof(text));
    printf("%s ", output_time(control_number(alert, CONTROL_F_TIME, 0), time, sizeof(time)));
    output_tint(stdout, alerts->colour, level_tint(level));
    printf("%-8s %s", level < 8 ? levels[level] : "?", text);
    output_tint(stdout, alerts->colour, TINT_NONE);
    putchar('\n');
}

/* The line for people, and behind it what programs look for. */
static void log_alert(const struct control_reader *alert)
{
    static const struct {
        uint16_t tag;
        const char *before;
    } shown[] = {
        {CONTROL_F_UUID, " uuid="},
        {CONTROL_F_SOURCE_ADDRESS, " source="},
        {CONTROL_F_DESTINATION_ADDRESS, " destination="},
        {CONTROL_F_L4_PORT, " port="},
        {CONTROL_F_MAC, " mac="},
        {CONTROL_F_MAC_BEFORE, " mac-before="},
        {CONTROL_F_VID, " vlan="},
        {CONTROL_F_VALUE, " value="},
        {CONTROL_F_THRESHOLD, " threshold="},
    };
    const uint64_t level = control_number(alert, CONTROL_F_LEVEL, LOG_WARNING);
    struct control_field field;
    char text[1400], value[64];

    alert_text(alert, text, 1024);
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (!control_find(alert, shown[i].tag, &field))
            continue;
        if (field.kind == CONTROL_NUMBER && field.number)
            snprintf(value, sizeof(value), "%llu", (unsigned long long)field.number);
        else if (field.kind != CONTROL_BYTES || !output_field_text(&field, value, sizeof(value)))
            continue;
        add(text, sizeof(text), shown[i].before, value, strlen(value));
    }
    syslog(level <= LOG_DEBUG ? (int)level : LOG_WARNING, "%s", text);
}

static void print_lost(const struct alerts *alerts, uint64_t lost)
{
    if (alerts->syslog)
        syslog(LOG_WARNING, "%llu alerts are missing here", (unsigned long long)lost);
    else
        printf("... %llu are missing here: they came faster than they were read\n",
               (unsigned long long)lost);
}

static int item(void *context, const struct control_reader *fields)
{
    const struct alerts *alerts = context;
    const uint64_t lost = control_number(fields, CONTROL_F_LOST, 0);
    struct control_field group;
    struct control_reader alert;
    json_t *json;

    if (lost && !alerts->json)
        print_lost(alerts, lost);
    if (!control_find(fields, CONTROL_F_ALERT, &group))
        return 0;
    control_read_group(&alert, &group);
    if (alerts->json) {
        json = output_fields(&alert);
        if (lost)
            json_object_set_new(json, "lost", output_json_number(lost));
        output_json(stdout, json, false);
    } else if (alerts->syslog) {
        log_alert(&alert);
    } else {
        print_alert(alerts, &alert);
    }
    if (alerts->follow && fflush(stdout))
        return ATOLL_INTERRUPTED; /* nobody reads any more, or the disk is full: told at the end */
    return 0;
}

static int show(const struct alerts *alerts)
{
    struct monitor_call call;
    int rc = monitor_open(&call, "alerts", alerts->service, alerts->verbose);

    if (!rc) {
        struct control_writer *w = control_client_begin(call.client, CONTROL_T_MONITOR_ALERTS);

        if (alerts->limited)
            control_put_number(w, CONTROL_F_LIMIT, alerts->limit);
        if (alerts->follow)
            control_put_number(w, CONTROL_F_FOLLOW, 1);
        if (alerts->syslog)
            openlog("atoll-alerts", 0, LOG_DAEMON);
        rc = monitor_stream(&call, alerts->follow, item, (void *)(uintptr_t)alerts);
    }
    if (!rc)
        rc = monitor_check_output(&call.session.report, rc);
    monitor_close(&call);
    return rc;
}

int alerts_main(int argc, char *const argv[])
{
    struct alerts alerts;
    int rc;

    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "limits") == 0)
        return alerts_limits_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "set") == 0)
        return alerts_set_main(argc - 1, argv + 1);
    rc = parse(argc, argv, &alerts);
    if (rc)
        return rc;
    if (alerts.help) {
        fputs(help, stdout);
        return ATOLL_OK;
    }
    alerts.colour = output_colour(stdout);
    return show(&alerts);
}
