/* SPDX-License-Identifier: ISC */
#include "store_call.h"
#include "command_line.h"
#include "values.h"
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* Arguments of `atoll store`: none takes more. */
#define ARGUMENTS_MAX 64

int store_usage(const struct store_call *call, const char *what, const char *value)
{
    return command_usage_error(call->command->name, stderr, what, value);
}

static int add_domid(struct store_call *call, const char *arg)
{
    uint32_t domid;

    if (!value_number(arg, 0, VALUE_DOMID_LIMIT - 1, &domid))
        return store_usage(call, "--domid takes 0 to 32751, not", arg);
    if (call->domid_count == (strcmp(call->command->name, "store trace") ? 1 : STORE_DOMIDS_MAX))
        return store_usage(call, "no more domains at a time, not also", arg);
    call->domids[call->domid_count++] = domid;
    return 0;
}

static int take_option(struct store_call *call, int ch, const char *arg)
{
    switch (ch) {
    case 'd':
        return add_domid(call, arg);
    case 'j':
        call->json = true;
        return 0;
    case 'n':
        if (!value_number(arg, 1, 1000000, &call->limit))
            return store_usage(call, "--lines takes 1 to 1000000, not", arg);
        return 0;
    case 'v':
        call->verbose++;
        return 0;
    default:
        call->help = true;
        return 0;
    }
}

/* "-3" is a version, which getopt would take for an option: only "--" stops it from that. */
static bool is_version(const char *arg)
{
    return arg[0] == '-' && arg[1] != '\0' && strspn(arg + 1, "0123456789") == strlen(arg + 1);
}

/* Write each "-3" as "now-3". */
static int spell_versions(struct store_call *call, int argc, char *argv[], char **spelled)
{
    unsigned used = 0;

    if (argc > ARGUMENTS_MAX)
        return store_usage(call, "too many arguments", NULL);
    for (int i = 0; i < argc; i++) {
        spelled[i] = argv[i];
        if (i == 0 || !call->command->versions || !is_version(argv[i]))
            continue;
        if (used == VERSIONS_MAX || strlen(argv[i]) > sizeof(call->versions[0]) - 4)
            return store_usage(call, "a version is a number, now, or -N, not", argv[i]);
        spelled[i] = call->versions[used++];
        snprintf(spelled[i], sizeof(call->versions[0]), "now%s", argv[i]);
    }
    spelled[argc] = NULL;
    return 0;
}

static int parse_options(struct store_call *call, int argc, char *argv[])
{
    static const struct option all[] = {
        {"domid", required_argument, NULL, 'd'}, {"json", no_argument, NULL, 'j'},
        {"lines", required_argument, NULL, 'n'}, {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
    };
    struct option known[sizeof(all) / sizeof(all[0]) + 1] = {{0}};
    char letters[2 * sizeof(all) / sizeof(all[0]) + 2] = ":";
    size_t count = 0, used = 1;
    int ch, rc;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (!strchr("vh", all[i].val) && !strchr(call->command->options, all[i].val))
            continue;
        known[count++] = all[i];
        letters[used++] = (char)all[i].val;
        if (all[i].has_arg)
            letters[used++] = ':';
    }
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, letters, known, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option(call->command->name, ch, argv, stderr);
        rc = take_option(call, ch, optarg);
        if (rc)
            return rc;
    }
    return 0;
}

int store_parse(const struct store_command *command, int argc, char *argv[],
                struct store_call *call)
{
    static char *spelled[ARGUMENTS_MAX + 1];
    int rc;

    memset(call, 0, sizeof(*call));
    call->command = command;
    rc = spell_versions(call, argc, argv, spelled);
    if (!rc)
        rc = parse_options(call, argc, spelled);
    if (rc)
        return rc;
    call->argc = argc - optind;
    call->argv = spelled + optind;
    if (call->help) {
        fputs(command->help, stdout);
        return 0;
    }
    if (call->argc < command->args_min)
        return store_usage(call, "an argument is missing", NULL);
    if (call->argc > command->args_max)
        return store_usage(call, "there is no argument", call->argv[command->args_max]);
    return command->check ? command->check(call) : 0;
}

/* The service that is the host's XenStore. */
static const struct service_settings *store_settings(const struct config *config)
{
    for (unsigned i = 0; i < config->count; i++) {
        if (config->services[i].store_domain)
            return &config->services[i];
    }
    return NULL;
}

/* What was printed must have arrived: a full disk is a failure. */
static int check_output(struct store_call *call, int rc)
{
    if ((fflush(stdout) || ferror(stdout)) && !rc)
        return report_fail(&call->session.report, ATOLL_FAILURE,
                           "cannot write all of it to standard output; is the disk full?");
    return rc;
}

int store_run(struct store_call *call)
{
    const struct service_settings *settings;
    int rc = session_begin(&call->session, call->command->name, NULL, call->verbose);

    if (!rc) {
        settings = store_settings(&call->session.config);
        rc = settings ? control_client_open(&call->session.report, settings, CONTROL_TIMEOUT_MS,
                                            &call->client)
                      : report_fail(&call->session.report, ATOLL_BAD_CONFIG,
                                    "no service of the configuration is the host's XenStore");
    }
    if (!rc) {
        call->colour = output_colour(stdout);
        rc = check_output(call, call->command->run(call));
    }
    control_client_close(call->client);
    session_end(&call->session);
    return rc;
}

static int take_item(struct store_call *call, const struct control_reader *fields,
                     store_item_fn *item)
{
    if (call->json && !item) {
        json_array_append_new(call->array, output_fields(fields));
        return 0;
    }
    return item(call, fields);
}

int store_stream(struct store_call *call, bool endless, store_item_fn *item)
{
    struct control_answer answer;
    int rc = control_client_send(call->client);

    while (!rc) {
        rc = control_client_next(call->client, endless ? -1 : CONTROL_TIMEOUT_MS, &answer);
        if (rc || answer.kind == CONTROL_END)
            break;
        if (answer.kind != CONTROL_ITEM || (!endless && ++call->items > STORE_ITEMS_MAX))
            rc = report_fail(&call->session.report, ATOLL_FAILURE,
                             "the service breaks the control protocol; does its version fit this "
                             "tool's?");
        else
            rc = take_item(call, &answer.fields, item);
    }
    if (rc == ATOLL_INTERRUPTED)
        control_client_cancel(call->client);
    return rc;
}

void store_table_begin(struct store_call *call, const char *const columns[])
{
    if (call->json)
        call->array = json_array();
    else
        call->table = table_create(columns);
}

int store_table_end(struct store_call *call, int rc, const char *empty)
{
    if (call->array && rc)
        json_decref(call->array);
    else if (call->array)
        output_json(stdout, call->array, true);
    else if (rc)
        table_free(call->table);
    else
        table_print(call->table, stdout, empty);
    call->array = NULL;
    call->table = NULL;
    return rc;
}

void store_print_field(const struct control_reader *fields, uint16_t tag)
{
    struct control_field field;

    if (!control_find(fields, tag, &field))
        return;
    if (field.kind == CONTROL_NUMBER)
        printf("%llu", (unsigned long long)field.number);
    else if (field.kind != CONTROL_GROUP)
        output_escape(stdout, (const char *)field.value, field.length);
}

void store_cell(struct table *t, enum tint tint, const struct control_reader *fields, uint16_t tag)
{
    struct control_field field;

    if (!control_find(fields, tag, &field))
        table_cell(t, tint, "-");
    else if (field.kind == CONTROL_NUMBER)
        table_cell(t, tint, "%llu", (unsigned long long)field.number);
    else
        table_cell(t, tint, "%.*s", (int)field.length, (const char *)field.value);
}
