/* SPDX-License-Identifier: ISC */
/* `atoll alerts limits` and `atoll alerts set`: what counts as worth attention. */
#include "alerts.h"
#include "command_line.h"
#include "monitor_call.h"
#include "output.h"
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

struct limits {
    bool json, help;
    unsigned verbose;
    const char *service;
    struct table *table;
    json_t *array;
};

static const char limits_help[] =
    "Usage: atoll alerts limits [OPTION...]\n"
    "Show the thresholds of alerts, and other limits of the packet monitor.\n\n"
    "Options:\n"
    "  -s, --service NAME   of another monitor than " MONITOR_SERVICE "\n"
    "  -j, --json           for scripts\n"
    "  -v, --verbose        Xen's libraries speak, too\n"
    "  -h, --help           show this\n"
    "\nMore: atoll-alerts(1).\n";

static const char set_help[] =
    "Usage: atoll alerts set NAME VALUE [OPTION...]\n"
    "Set a limit of `atoll alerts limits`, from now on and until the monitor ends; 0 turns a kind\n"
    "of alerts off.\n\n"
    "Options:\n"
    "  -s, --service NAME   of another monitor than " MONITOR_SERVICE "\n"
    "  -v, --verbose        Xen's libraries speak, too\n"
    "  -h, --help           show this\n"
    "\nMore: atoll-alerts(1).\n";

static int parse(const char *name, const char *letters, int argc, char *const argv[],
                 struct limits *limits)
{
    static const struct option all[] = {
        {"service", required_argument, NULL, 's'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    int ch;

    memset(limits, 0, sizeof(*limits));
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, letters, all, NULL)) != -1) {
        /* The one that only one of the two takes. */
        if (ch == '?' || ch == ':' || !strchr(letters, ch)) {
            optopt = ch == 'j' ? 'j' : optopt;
            return command_bad_option(name, ch == ':' ? ':' : '?', argv, stderr);
        }
        if (ch == 's')
            limits->service = optarg;
        limits->json |= ch == 'j';
        limits->verbose += ch == 'v';
        limits->help |= ch == 'h';
    }
    return 0;
}

static int row(void *context, const struct control_reader *fields)
{
    static const uint16_t tags[] = {CONTROL_F_NAME, CONTROL_F_VALUE, CONTROL_F_UNIT,
                                    CONTROL_F_TEXT};
    struct limits *limits = context;
    struct control_reader quota;
    struct control_field field;

    if (!control_find(fields, CONTROL_F_QUOTA, &field))
        return 0;
    control_read_group(&quota, &field);
    if (limits->json) {
        json_array_append_new(limits->array, output_fields(&quota));
        return 0;
    }
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (!control_find(&quota, tags[i], &field))
            table_cell(limits->table, TINT_NONE, "-");
        else if (field.kind == CONTROL_NUMBER)
            table_cell(limits->table, TINT_NONE, "%llu", (unsigned long long)field.number);
        else
            table_cell(limits->table, TINT_NONE, "%.*s", (int)field.length,
                       (const char *)field.value);
    }
    return 0;
}

int alerts_limits_main(int argc, char *const argv[])
{
    static const char *const columns[] = {"Limit", ">Value", "Unit", "Meaning", NULL};
    struct monitor_call call;
    struct limits limits;
    int rc = parse("alerts limits", ":s:vhj", argc, argv, &limits);

    if (rc)
        return rc;
    if (limits.help) {
        fputs(limits_help, stdout);
        return ATOLL_OK;
    }
    if (optind < argc)
        return command_usage_error("alerts limits", stderr, "there is no argument", argv[optind]);
    rc = monitor_open(&call, "alerts limits", limits.service, limits.verbose);
    if (!rc) {
        limits.table = limits.json ? NULL : table_create(columns);
        limits.array = limits.json ? json_array() : NULL;
        control_client_begin(call.client, CONTROL_T_MONITOR_LIMITS);
        rc = monitor_stream(&call, false, row, &limits);
        if (rc) {
            table_free(limits.table);
            json_decref(limits.array);
        } else if (limits.json) {
            output_json(stdout, limits.array, true);
        } else {
            table_print(limits.table, stdout, "The monitor has no limits.");
        }
    }
    if (!rc)
        rc = monitor_check_output(&call.session.report, rc);
    monitor_close(&call);
    return rc;
}

static bool number(const char *text, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno;
}

int alerts_set_main(int argc, char *const argv[])
{
    struct control_answer answer;
    struct control_writer *w;
    struct monitor_call call;
    struct limits limits;
    uint64_t value;
    int rc = parse("alerts set", ":s:vh", argc, argv, &limits);

    if (rc)
        return rc;
    if (limits.help) {
        fputs(set_help, stdout);
        return ATOLL_OK;
    }
    if (argc - optind < 2)
        return command_usage_error("alerts set", stderr, "an argument is missing", NULL);
    if (argc - optind > 2)
        return command_usage_error("alerts set", stderr, "there is no argument", argv[optind + 2]);
    if (!number(argv[optind + 1], &value))
        return command_usage_error("alerts set", stderr, "a value is a number, not",
                                   argv[optind + 1]);
    rc = monitor_open(&call, "alerts set", limits.service, limits.verbose);
    if (!rc) {
        w = control_client_begin(call.client, CONTROL_T_MONITOR_SET);
        control_put_string(w, CONTROL_F_NAME, argv[optind]);
        control_put_number(w, CONTROL_F_VALUE, value);
        rc = control_client_call(call.client, CONTROL_T_MONITOR_SET, &answer);
    }
    monitor_close(&call);
    return rc;
}
