/* SPDX-License-Identifier: ISC */
#include "switch_call.h"
#include "command_line.h"
#include "values.h"
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

int switch_usage(const struct switch_call *call, const char *what, const char *value)
{
    return command_usage_error(call->command->name, stderr, what, value);
}

static int take_number(struct switch_call *call, const char *arg, uint32_t min, uint32_t max,
                       uint32_t *value, const char *what)
{
    return value_number(arg, min, max, value) ? 0 : switch_usage(call, what, arg);
}

static int take_option(struct switch_call *call, int ch, const char *arg)
{
    switch (ch) {
    case 'b':
        call->bridge = arg;
        return 0;
    case 'c':
        call->check = true;
        return 0;
    case 'd':
        return take_number(call, arg, 0, VALUE_DOMID_LIMIT - 1, &call->domid,
                           "--domid takes 0 to 32751, not");
    case 'f':
        call->follow = true;
        return 0;
    case 'i':
        return take_number(call, arg, 1, 3600, &call->watch_s,
                           "--interval takes 1 to 3600 (seconds), not");
    case 'j':
        call->json = true;
        return 0;
    case 'D':
        call->diff = true;
        return 0;
    case 'n':
        return take_number(call, arg, 1, 1000000, &call->limit, "--lines takes 1 to 1000000, not");
    case 's':
        call->service = arg;
        return 0;
    case 'v':
        call->verbose++;
        return 0;
    case 'V':
        return take_number(call, arg, 0, 4094, &call->vlan, "--vlan takes 0 to 4094, not");
    case 'w':
        call->write = arg;
        return 0;
    case 'W':
        call->watch = true;
        return 0;
    default:
        call->help = true;
        return 0;
    }
}

static int parse_options(struct switch_call *call, int argc, char *argv[])
{
    /* The letter that is typed is the last; 'D', 'V', 'W' have none, or share one. */
    static const struct option all[] = {
        {"bridge", required_argument, NULL, 'b'},   {"check", no_argument, NULL, 'c'},
        {"domid", required_argument, NULL, 'd'},    {"follow", no_argument, NULL, 'f'},
        {"interval", required_argument, NULL, 'i'}, {"json", no_argument, NULL, 'j'},
        {"diff", no_argument, NULL, 'D'},           {"dry-run", no_argument, NULL, 'D'},
        {"lines", required_argument, NULL, 'n'},    {"service", required_argument, NULL, 's'},
        {"vlan", required_argument, NULL, 'V'},     {"write", required_argument, NULL, 'w'},
        {"watch", no_argument, NULL, 'W'},          {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
    };
    struct option known[sizeof(all) / sizeof(all[0]) + 1] = {{0}};
    char letters[2 * sizeof(all) / sizeof(all[0]) + 2] = ":";
    size_t count = 0, used = 1;
    int ch, rc;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (!strchr("vhs", all[i].val) && !strchr(call->command->options, all[i].val))
            continue;
        known[count++] = all[i];
        if (strchr("DVW", all[i].val))
            continue;
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

int switch_parse(const struct switch_command *command, int argc, char *argv[],
                 struct switch_call *call)
{
    int rc;

    memset(call, 0, sizeof(*call));
    call->command = command;
    call->domid = call->vlan = UINT32_MAX;
    rc = parse_options(call, argc, argv);
    if (rc)
        return rc;
    call->argc = argc - optind;
    call->argv = argv + optind;
    if (call->help) {
        fputs(command->help, stdout);
        return 0;
    }
    if (call->argc < command->args_min)
        return switch_usage(call, "an argument is missing", NULL);
    if (call->argc > command->args_max)
        return switch_usage(call, "there is no argument", call->argv[command->args_max]);
    return command->check ? command->check(call) : 0;
}

int switch_check_output(struct switch_call *call, int rc)
{
    if ((fflush(stdout) || ferror(stdout)) && !rc)
        return report_fail(&call->session.report, ATOLL_FAILURE,
                           "cannot write all of it to standard output; is the disk full?");
    return rc;
}

int switch_connect(struct switch_call *call)
{
    return control_client_open(&call->session.report, call->settings, CONTROL_TIMEOUT_MS,
                               &call->client);
}

int switch_run(struct switch_call *call)
{
    int rc = session_begin(&call->session, call->command->name, call->service, call->verbose);

    if (!rc)
        rc = session_find(&call->session, call->service ? call->service : SWITCH_SERVICE,
                          &call->settings);
    if (!rc && !call->command->alone)
        rc = switch_connect(call);
    if (!rc) {
        call->colour = output_colour(stdout);
        rc = switch_check_output(call, call->command->run(call));
    }
    control_client_close(call->client);
    session_end(&call->session);
    return rc;
}

static int take_item(struct switch_call *call, const struct control_reader *fields,
                     switch_item_fn *item)
{
    if (item)
        return item(call, fields);
    if (call->array)
        json_array_append_new(call->array, output_fields(fields));
    return 0;
}

int switch_stream(struct switch_call *call, bool endless, switch_item_fn *item)
{
    struct control_answer answer;
    int rc = control_client_send(call->client);

    call->items = 0;
    while (!rc) {
        rc = control_client_next(call->client, endless ? -1 : CONTROL_TIMEOUT_MS, &answer);
        if (rc)
            break;
        if (answer.kind == CONTROL_ITEM && !endless && ++call->items > SWITCH_ITEMS_MAX) {
            rc = report_fail(&call->session.report, ATOLL_FAILURE,
                             "the service breaks the control protocol; does its version fit this "
                             "tool's?");
            break;
        }
        /* The end of a stream may carry what is said of all of it. */
        if (answer.fields.length)
            rc = take_item(call, &answer.fields, item);
        if (answer.kind != CONTROL_ITEM)
            break;
    }
    if (rc == ATOLL_INTERRUPTED)
        control_client_cancel(call->client);
    return rc;
}

void switch_table_begin(struct switch_call *call, const char *const columns[])
{
    if (call->json)
        call->array = json_array();
    else
        call->table = table_create(columns);
}

int switch_table_end(struct switch_call *call, int rc, const char *empty)
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

struct control_reader switch_entry(const struct control_reader *fields, uint16_t tag)
{
    struct control_reader entry = {.data = fields->data, .length = fields->length};
    struct control_field group;

    if (control_find(fields, tag, &group))
        control_read_group(&entry, &group);
    return entry;
}

void switch_cell(struct switch_call *call, enum tint tint, const struct control_reader *fields,
                 uint16_t tag)
{
    struct control_field field;
    char text[64];

    if (!control_find(fields, tag, &field))
        table_cell(call->table, tint, "-");
    else if (output_field_text(&field, text, sizeof(text)))
        table_cell(call->table, tint, "%s", text);
    else if (field.kind == CONTROL_NUMBER)
        table_cell(call->table, tint, "%llu", (unsigned long long)field.number);
    else
        table_cell(call->table, tint, "%.*s", (int)field.length, (const char *)field.value);
}

void switch_port_name(const struct control_reader *fields, char *text, size_t size)
{
    const unsigned long long vif = control_number(fields, CONTROL_F_VIF, 0),
                             domid = control_number(fields, CONTROL_F_DOMID, 0);
    char guest[80];

    if (control_string(fields, CONTROL_F_GUEST, guest, sizeof(guest)) && guest[0])
        snprintf(text, size, "%.63s/%llu", guest, vif);
    else if (domid == 0)
        snprintf(text, size, "dom0/%llu", vif);
    else
        snprintf(text, size, "%llu.%llu", domid, vif);
}
